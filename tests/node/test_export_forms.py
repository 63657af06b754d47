"""Forms of export: what each tool gets of a node whose counts are known, and what is refused."""

import collections
import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from placewatch import cli
from placewatch.core.bins import Bin, screenline
from placewatch.core.errors import Misconfigured
from placewatch.core.facts import LineCount, LineFlow, MovementCount
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import MINUTE_US, SystemClock, UtcMicros, from_rfc3339
from placewatch.node.interchange import Wanted, export_form
from placewatch.publish.formats import long
from placewatch.register.journal import Journal
from placewatch.simulate.folder import settings
from placewatch.simulate.poses import camera_at
from placewatch.simulate.streets import street_named
from placewatch.store.store import Store

ROOT = Path(__file__).parents[2]
SEVEN = from_rfc3339("2026-11-23T07:00:00Z")
CAMERA = CameraId("junction")
ARMS = ("N", "E", "S", "W")
FOG = range(3)  # minutes of which nothing was seen
MINUTES = 90

PER_MIN: dict[tuple[str, str, Kind], int] = {
    ("N", "S", Kind.CAR): 3,
    ("N", "S", Kind.BUS): 1,
    ("N", "S", Kind.BICYCLE): 2,
    ("N", "W", Kind.CAR): 1,
    ("E", "S", Kind.VAN): 1,
    ("W", "E", Kind.PEDESTRIAN): 5,
}


def moved(minute: int, came_by: str | None, left_by: str, kind: Kind) -> int:
    """How many in a minute; the second quarter has twice as many from the east."""
    count = PER_MIN.get((came_by or "", left_by, kind), 0)
    return 2 * count if came_by == "E" and 15 <= minute < 30 else count


def facts() -> tuple[list[LineCount], list[MovementCount]]:
    told = list(by_minute())
    return [one for lines, _ in told for one in lines], [one for _, some in told for one in some]


def by_minute() -> Iterator[tuple[list[LineCount], list[MovementCount]]]:
    for minute in range(MINUTES):
        at = UtcMicros(SEVEN + minute * MINUTE_US)
        seen_s = 0.0 if minute in FOG else 60.0
        kinds = list(Kind)
        movements = [
            MovementCount(
                at, 60.0, seen_s, CAMERA, a, b, kind, moved(minute, a, b, kind) if seen_s else None
            )
            for a in ARMS for b in ARMS for kind in kinds
        ]  # fmt: skip
        lines = []
        for arm in ARMS:
            for direction in Direction:
                # The lines of a simulated street are drawn so that left to right leads in.
                into = direction is Direction.LEFT_TO_RIGHT
                for kind in kinds:
                    count = sum(
                        one.count or 0 for one in movements
                        if one.kind is kind and (one.from_arm if into else one.to_arm) == arm
                    )  # fmt: skip
                    known = count if seen_s else None
                    speeds = count if kind is not Kind.PEDESTRIAN and known is not None else 0
                    lines.append(
                        LineCount(
                            at, 60.0, seen_s, CAMERA, arm, kind, direction, known, speeds,
                            10.0 if speeds else None, 12.0 if speeds >= 5 else None,
                        )
                    )  # fmt: skip
        yield lines, movements


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node")
    street = street_named("junction")
    head, _, cameras = settings(street, camera_at(street, "roof")).partition("[[camera]]")
    origin = "[origin]\nlatitude_deg = 59.4\nlongitude_deg = 17.9\n"
    (folder / "placewatch.toml").write_text(f'{head}data = "data"\n{origin}[[camera]]{cameras}')
    (folder / "bare.toml").write_text('site = "Bare"\ndata = "data"\n')
    ungrounded = cameras.partition("  [[camera.ground]]")[0]
    (folder / "flat.toml").write_text(f'{head}data = "data"\n[[camera]]{ungrounded}')
    store = Store(folder / "data")
    for some in facts():
        store.append(some)
    store.append(
        [
            LineFlow(
                UtcMicros(SEVEN + minute * MINUTE_US), 60.0, 60.0, CAMERA, "N",
                Direction.LEFT_TO_RIGHT, 4, 3, 9.0, 3, 8.0, 4, 10.0, 10.0, 6.0,
            )
            for minute in range(15, 30)
        ]
    )  # fmt: skip
    store.close()
    return folder


def export(node: Path, form: str, out: Path, config: str = "placewatch.toml", **more: Any) -> int:
    since, until = more.pop("since", "2026-11-23T07:00Z"), more.pop("until", "2026-11-23T08:30Z")
    return export_form(node / config, Wanted(form, since, until, str(out), **more))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_long_table_says_how_much_was_seen_and_how_sure_a_count_is(
    node: Path, tmp_path: Path
) -> None:
    assert export(node, "long", tmp_path / "long.csv") == 6 * 4 * 2 * 8
    rows = table(tmp_path / "long.csv")
    assert list(rows[0]) == long.SCHEMA.names
    told = next(
        row for row in rows
        if (row["element_id"], row["movement"], row["class"]) == ("N", "left_to_right", "car")
    )  # fmt: skip
    assert told["site"] == "Signalised four-arm junction"
    assert (told["start"], told["end"]) == (
        "2026-11-23T07:00:00+00:00",
        "2026-11-23T07:15:00+00:00",
    )
    assert (told["from_arm"], told["to_arm"]) == ("N", "")
    assert (told["count"], told["valid_seconds"]) == ("48", "720.0")
    low, high = float(told["uncertainty_lo"]), float(told["uncertainty_hi"])
    assert (low, high) == pytest.approx((35.39, 63.64), abs=0.01)  # Garwood (1936), of 48
    assert (told["mean_speed_kmh"], told["v85_kmh"], told["occupancy_pct"]) == ("36.0", "", "")


def test_a_line_is_occupied_for_a_share_of_the_time(node: Path, tmp_path: Path) -> None:
    for every_min in (5, 15):
        export(node, "long", tmp_path / "long.csv", every_min=every_min)
        told = {
            (row["start"][11:16], row["element_id"], row["movement"], row["occupancy_pct"])
            for row in table(tmp_path / "long.csv")
        }
        assert ("07:15", "N", "left_to_right", "10.0") in told
        assert {row[:3] for row in told if row[3]} == {
            (f"07:{minute}", "N", "left_to_right") for minute in range(15, 30, every_min)
        }


def test_where_somebody_counted_by_hand_the_interval_is_of_the_true_count(
    node: Path, tmp_path: Path
) -> None:
    text = (node / "placewatch.toml").read_text()
    hand = "[camera.check]\npassages = 400\nmissed = 20\nextra = 0\n"
    (node / "checked.toml").write_text(text + hand)
    export(node, "long", tmp_path / "long.csv", "checked.toml")
    told = next(
        row for row in table(tmp_path / "long.csv")
        if (row["element_id"], row["movement"], row["class"]) == ("N", "left_to_right", "car")
    )  # fmt: skip
    low, high = float(told["uncertainty_lo"]), float(told["uncertainty_hi"])
    assert 48 <= low <= 48 / 0.95 <= high <= 56, "a twentieth is missed, nobody was invented"


def test_a_minute_of_fog_has_no_count_and_no_interval(node: Path, tmp_path: Path) -> None:
    export(node, "long", tmp_path / "long.csv", every_min=1, until="2026-11-23T07:03Z")
    rows = table(tmp_path / "long.csv")
    assert len(rows) == 3 * 64
    for row in rows:
        assert (row["count"], row["uncertainty_lo"], row["valid_seconds"]) == ("", "", "0.0")


def test_a_file_that_is_named_parquet_is_one(node: Path, tmp_path: Path) -> None:
    out = tmp_path / "long.parquet"
    done = CliRunner().invoke(
        cli.app,
        [
            "export", "--from=2026-01-01", "--to=2026-01-02", "--as=long", f"--out={out}",
            f"--config={node / 'placewatch.toml'}",
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.exception
    assert out.read_bytes()[:4] == b"PAR1"


def test_the_same_as_parquet_says_its_format_and_knows_instants(node: Path, tmp_path: Path) -> None:
    export(node, "long", tmp_path / "long.csv", what="movements")
    export(
        node, "long", tmp_path / "long.parquet", what="movements", format="parquet",
        zone="Europe/Stockholm",
    )  # fmt: skip
    read = pq.read_table(tmp_path / "long.parquet")
    assert read.schema.metadata[b"format"] == b"placewatch.long/1"
    assert read.schema.field("start").type.tz == "Europe/Stockholm"
    rows = table(tmp_path / "long.csv")
    assert read["count"].to_pylist() == [int(row["count"]) for row in rows]
    assert read["movement"].to_pylist() == [row["movement"] for row in rows]
    assert str(read["start"].to_pylist()[0]) == "2026-11-23 08:00:00+01:00"


def test_times_without_an_offset_are_those_of_the_zone(node: Path, tmp_path: Path) -> None:
    times = {"since": "2026-11-23T08:00", "until": "2026-11-23T08:15"}
    assert export(node, "long", tmp_path / "a.csv", zone="Europe/Stockholm", **times) == 64
    assert table(tmp_path / "a.csv")[0]["start"] == "2026-11-23T08:00:00+01:00"


SCREENLINE = """
[[screenline]]
name = "River"
lines = ["junction/N", "junction/S"]
reversed = ["junction/S"]
"""


def test_a_screenline_adds_up_its_lines_each_its_own_way(node: Path, tmp_path: Path) -> None:
    (node / "river.toml").write_text((node / "placewatch.toml").read_text() + SCREENLINE)
    out = tmp_path / "river.csv"
    assert export(node, "long", out, "river.toml", what="screenlines") == 6 * 2 * 8
    rows = table(out)
    assert {(row["view"], row["element_id"]) for row in rows} == {("", "River")}
    told = {(row["start"][11:16], row["movement"], row["class"]): row for row in rows}
    car = told["07:00", "left_to_right", "car"]
    # In twelve minutes, four came in by the north and three left by the south.
    assert (car["count"], car["valid_seconds"], car["mean_speed_kmh"]) == ("84", "720.0", "")
    assert told["07:15", "left_to_right", "van"]["count"] == "30"
    assert told["07:15", "right_to_left", "car"]["count"] == "0"
    export(node, "long", out, "river.toml", what="screenlines", every_min=1)
    assert {(row["count"], row["valid_seconds"]) for row in table(out)[:16]} == {("", "0.0")}


def test_a_screenline_with_a_part_that_nobody_watched_is_unknown() -> None:
    def bin_of(view: str, count: int | None, seen_s: float) -> Bin:
        at = SEVEN, UtcMicros(SEVEN + MINUTE_US)
        way = Direction.LEFT_TO_RIGHT.value
        return Bin("s", CameraId(view), "x", way, None, None, Kind.CAR, *at, count, seen_s)

    parts = {(CameraId("a"), "x"): False, (CameraId("b"), "x"): False}
    for other, count, seen_s in (
        ([bin_of("b", 2, 30.0)], 6, 30.0),
        ([bin_of("b", None, 0.0)], None, 0.0),
        ([], None, 0.0),
    ):
        (told,) = screenline("River", [bin_of("a", 4, 60.0), *other], parts)
        assert (told.count, told.coverage_s) == (count, seen_s)


def sections(path: Path) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.reader(stream):
            if row and row[0].startswith("["):
                rows = found[row[0]] = []
            elif row:
                rows.append(row)
    return found


def lanes(path: Path) -> dict[str, dict[str, str]]:
    title, header, *rows = sections(path)["[Lanes]"]
    assert title == ["Lane Group Data"]
    return {row[0]: dict(zip(header, row, strict=True)) for row in rows}


def test_utdf_has_the_peak_hour_by_approach_and_turn(node: Path, tmp_path: Path) -> None:
    export(node, "utdf", tmp_path / "utdf.csv")
    told = lanes(tmp_path / "utdf.csv")
    # The first quarter was not watched whole, so the hour begins at 7:15.
    network = dict(sections(tmp_path / "utdf.csv")["[Network]"][2:])
    assert (network["ScenarioDate"], network["ScenarioTime"]) == ("11/23/2026", "07:15")
    volume = {key: value for key, value in told["Volume"].items() if value not in ("", "0")}
    assert volume == {
        "RECORDNAME": "Volume", "INTID": "1", "SBT": "240", "SBR": "60", "WBL": "75",
    }  # fmt: skip
    assert told["Volume"]["EBT"] == "0"
    assert (told["PHF"]["SBT"], told["PHF"]["WBL"], told["PHF"]["NBT"]) == ("1.00", "0.62", "")
    assert (told["HeavyVehicles"]["SBT"], told["HeavyVehicles"]["SBR"]) == ("25", "0")
    assert (told["Bicycles"]["SBR"], told["Bicycles"]["WBR"]) == ("120", "0")
    assert told["Peds"]["SBR"] == ""  # nobody saw who walks across


def test_utdf_has_the_columns_of_synchros_own_files(node: Path, tmp_path: Path) -> None:
    export(node, "utdf", tmp_path / "utdf.csv")
    header = sections(tmp_path / "utdf.csv")["[Lanes]"][1]
    expected = "RECORDNAME INTID NBL NBT NBR SBL SBT SBR EBL EBT EBR WBL WBT WBR PED HOLD"
    assert header == expected.split()
    assert {"Volume", "Peds", "Bicycles", "PHF", "HeavyVehicles"} == set(
        lanes(tmp_path / "utdf.csv")
    )


def test_utdf_is_read_back_by_utdf2gmns(node: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("utdf2gmns", reason="a third of a gigabyte: not always here")
    export(node, "utdf", tmp_path / "utdf.csv")
    read = reader.read_UTDF(str(tmp_path / "utdf.csv"))
    rows = read["Lanes"].set_index("RECORDNAME").to_dict("index")
    assert rows == {name: {key: value for key, value in row.items() if key != "RECORDNAME"}
                    for name, row in lanes(tmp_path / "utdf.csv").items()}  # fmt: skip


def test_utdf_of_a_camera_without_ground_needs_to_be_told_the_approaches(
    node: Path, tmp_path: Path
) -> None:
    with pytest.raises(Misconfigured, match='arm "E" of junction points is not known') as caught:
        export(node, "utdf", tmp_path / "utdf.csv", "flat.toml")
    assert '--call "E=SB"' in caught.value.hint
    calls = ("N=SB", "E=WB", "junction/S=NB", "W=EB")
    export(node, "utdf", tmp_path / "utdf.csv", "flat.toml", calls=calls)
    assert lanes(tmp_path / "utdf.csv")["Volume"]["WBL"] == "75"
    with pytest.raises(Misconfigured, match="E and W of junction are both EB"):
        export(node, "utdf", tmp_path / "utdf.csv", calls=("E=EB", "W=EB"))


def test_utdf_needs_an_hour_that_was_watched(node: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no hour of that time was watched"):
        export(node, "utdf", tmp_path / "utdf.csv", until="2026-11-23T08:00Z")
    with pytest.raises(Misconfigured, match="no movements are stored"):
        export(node, "utdf", tmp_path / "utdf.csv", since="2026-11-22", until="2026-11-23")
    assert not (tmp_path / "utdf.csv").exists()


def test_pems_has_a_row_for_each_station_and_five_minutes(node: Path, tmp_path: Path) -> None:
    calls = ("N=400123,400124",)
    out = tmp_path / "pems.csv"
    assert export(node, "pems", out, calls=calls, zone="America/Los_Angeles") == 18 * 8
    with out.open(newline="") as stream:
        rows = [row for row in csv.reader(stream) if row[1] == "400123"]  # southbound
    assert rows[1] == [
        "11/22/2026 23:05:00", "400123", "", "", "S", "CH", "", "10", "100", "25", "", "22.4",
        "10", "25", "", "22.4", "1",
    ]  # fmt: skip
    assert (rows[0][7:10], rows[0][-1]) == (["4", "40", "10"], "1")  # two of five minutes seen
    stations = (tmp_path / "pems.stations.txt").read_text().splitlines()
    assert stations[0].split("\t")[:4] == ["ID", "Dir", "Latitude", "Longitude"]
    told = next(line.split("\t") for line in stations if line.startswith("400123"))
    assert (float(told[2]), float(told[3])) == pytest.approx((59.4 + 30 / 111_195, 17.9), abs=5e-5)


def test_geojson_puts_the_lines_on_the_earth(node: Path, tmp_path: Path) -> None:
    out = tmp_path / "lines.geojson"
    assert export(node, "geojson", out) == 8
    document = json.loads(out.read_text())
    assert document["type"] == "FeatureCollection"
    told = {
        (one["properties"]["line"], one["properties"]["direction"]): one
        for one in document["features"]
    }
    north = told["N", "left_to_right"]
    properties = north["properties"]
    assert (properties["car"], properties["bus"], properties["count"]) == (348, 87, 609)
    assert (properties["valid_seconds"], properties["mean_speed_kmh"]) == (5220.0, 36.0)
    assert abs(properties["bearing_deg"] - 180.0) < 2.0
    assert abs(told["E", "left_to_right"]["properties"]["bearing_deg"] - 270.0) < 2.0
    for longitude, latitude in north["geometry"]["coordinates"]:
        assert latitude == pytest.approx(59.4 + 30 / 111_195, abs=2e-5)
        assert longitude == pytest.approx(17.9, abs=2e-4)
    assert export(node, "geojson", out, every_min=15) == 8 * 6


def test_sumo_says_what_was_watched_in_part_and_takes_lines_without_arms(
    node: Path, tmp_path: Path
) -> None:
    out = tmp_path / "counts.xml"
    export(node, "sumo", out, calls=("N=n_in,n_out", "S=s_in,s_out", "E=e&in,"))
    first, second, *_ = ET.parse(out).iter("interval")
    assert (first.attrib["begin"], second.attrib["end"]) == ("0.00", "1800.00")
    edges = {edge.attrib["id"]: edge.attrib for edge in first.iter("edge")}
    assert set(edges) == {"n_in", "n_out", "s_in", "s_out", "e&in"}
    assert (edges["n_in"]["entered"], edges["n_in"]["coverage"]) == ("84", "0.800")
    relations = {
        (one.attrib["from"], one.attrib["to"]): one.attrib for one in second.iter("edgeRelation")
    }
    assert relations["n_in", "s_out"]["count"] == "90"
    assert relations["n_in", "s_out"]["bicycle"] == "30"
    assert "pedestrian" not in relations["n_in", "s_out"]
    assert ("s_in", "e&in") not in relations


def test_to_standard_output_and_as_an_act(
    node: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert export(node, "long", Path("-"), every_min=60) == 128
    rows = list(csv.reader(io.StringIO(capsysbinary.readouterr().out.decode())))
    assert len(rows) == 129
    journal = Journal(node / "data/journal", SystemClock())
    entry = list(journal.entries())[-1]
    journal.close()
    assert (entry.act, entry.details["what"]) == ("facts.export", "long")


@pytest.mark.parametrize(
    ("form", "more", "told"),
    [
        ("visum", {}, 'written as "visum"'),
        ("utdf", {"every_min": 60}, "utdf has no bins of 60 minutes"),
        ("long", {"every_min": 7}, "no bins of 7 minutes"),
        ("pems", {"every_min": 1}, "pems has no bins of 1 minutes"),
        ("sumo", {"format": "parquet"}, "a format of its own"),
        ("long", {"format": "xlsx"}, 'written as "xlsx"'),
        ("sumo", {"what": "movements"}, "sumo takes what it needs"),
        ("long", {"what": "speeds"}, 'no stored "speeds"'),
        ("long", {"what": "screenlines"}, "no screenline"),
        ("long", {"zone": "Mars/Olympus"}, 'no time zone "Mars/Olympus"'),
        ("long", {"cameras": ("kista-03",)}, "there is no camera kista-03"),
        ("long", {"until": "2026-11-23"}, "nothing lies from"),
        ("long", {"since": "yesterday"}, 'is no time'),
        ("sumo", {}, "no arm or line has an edge"),
        ("sumo", {"calls": ("N",)}, 'calls nothing'),
        ("pems", {"calls": ("N=north",)}, '"north" is no number'),
        ("pems", {"calls": ("N=7,7",)}, "two stations have the same number"),
        ("geojson", {"config": "flat.toml"}, "where on the earth"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence_and_leaves_nothing(
    node: Path, tmp_path: Path, form: str, more: dict[str, Any], told: str
) -> None:
    with pytest.raises(Misconfigured, match=told) as caught:
        export(node, form, tmp_path / "out", **more)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_facts_of_a_camera_that_is_gone_are_exported_without_arms(
    node: Path, tmp_path: Path
) -> None:
    assert export(node, "long", tmp_path / "long.csv", "bare.toml", every_min=60) == 128
    assert collections.Counter(row["from_arm"] for row in table(tmp_path / "long.csv")) == {"": 128}


def test_every_column_of_the_long_table_is_explained() -> None:
    text = (ROOT / "docs/spec/long.md").read_text("utf-8")
    for name in long.SCHEMA.names:
        assert f"\n| `{name}` |" in text, name
    assert long.FORMAT in text
