"""Interchange: a simulated street, counted and stored, comes back out of other people's tools."""

import collections
import csv
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Kind
from placewatch.core.time import UtcMicros, from_rfc3339
from placewatch.measure.flow import FlowMeter
from placewatch.measure.line import CountingLine
from placewatch.measure.replay import GroundTracks, Replay, on_plan
from placewatch.node.export import export_facts
from placewatch.node.interchange import Wanted, export_form, export_recorded
from placewatch.simulate.folder import movements, settings
from placewatch.simulate.poses import camera_at
from placewatch.simulate.street import Street
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import SumoRun, build_network
from placewatch.store.store import Store

sumo = pytest.importorskip("sumo", reason="SUMO is not installed: placewatch[simulate]")

START = from_rfc3339("2026-11-23T07:00:00Z")
MINUTES = 6
ORIGIN = "[origin]\nlatitude_deg = 59.4\nlongitude_deg = 17.9\n"


@dataclass(frozen=True)
class Counted:
    """A node's folder with six minutes of a street, and the truth of the first five."""

    folder: Path
    street: Street
    true: collections.Counter[tuple[str | None, str, Kind]]

    def export(self, form: str, out: str | Path, **more: object) -> int:
        since, until = "2026-11-23T07:00Z", "2026-11-23T07:05Z"
        wanted = Wanted(form, since, until, str(out), every_min=5, **more)  # type: ignore[arg-type]
        return export_form(self.folder / "placewatch.toml", wanted)


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    folder = tmp_path_factory.mktemp("node")
    street = street_named("junction")
    text = settings(street, camera_at(street, "roof"))
    head, _, cameras = text.partition("[[camera]]")
    (folder / "placewatch.toml").write_text(f'{head}data = "data"\n{ORIGIN}[[camera]]{cameras}')
    camera = camera_id(street.name)
    lines = [
        CountingLine(arm.name, on_plan(arm.start), on_plan(arm.end), arm.name)
        for arm in street.arms
    ]
    meter, replay = FlowMeter(camera, lines, START), Replay(camera, START)
    with SumoRun(street, 60.0 * MINUTES, 5, warm_s=90.0) as run:
        for piece in run:
            tracks = GroundTracks(
                piece.moments_s, piece.at_s, piece.who, piece.x_m, piece.y_m, piece.heading_rad,
                piece.speed_m_s, run.everybody.kinds, run.everybody.sizes_m(),
            )  # fmt: skip
            for scene in replay.scenes(tracks):
                meter.measure(scene)
        true = collections.Counter(
            (came_by, left_by, kind)
            for at_s, came_by, left_by, kind in movements(run.passages(), run.everybody)
            if at_s < 300.0
        )
    meter.leave()
    store = Store(folder / "data")
    store.append(meter.close(UtcMicros(START + (60 * MINUTES - 1) * 1_000_000)))
    store.append(meter.take_movements())
    store.close()
    return Counted(folder, street, true)


def calls(street: Street) -> tuple[str, ...]:
    return tuple(f"{arm.name}={arm.into},{arm.out_of}" for arm in street.arms)


def test_sumos_route_sampler_reproduces_the_counts_within_a_hundredth(
    counted: Counted, tmp_path: Path
) -> None:
    arms = {arm.name: arm for arm in counted.street.arms}
    counted.export("sumo", tmp_path / "counts.xml", calls=calls(counted.street))
    build_network(counted.street, tmp_path)
    routes = "".join(
        f'<route id="{a.name}{b.name}" edges="{a.into} {b.out_of}"/>'
        for a in arms.values()
        for b in arms.values()
        if a is not b
    )
    (tmp_path / "routes.xml").write_text(f"<routes>{routes}</routes>")
    tool = Path(sumo.__file__).parent / "tools/routeSampler.py"
    subprocess.run(
        [sys.executable, str(tool), "-r", "routes.xml", "-t", "counts.xml", "-d", "counts.xml",
         "-o", "sampled.xml"],
        cwd=tmp_path, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    sampled = collections.Counter(
        tuple(route.attrib["edges"].split())
        for route in ET.parse(tmp_path / "sampled.xml").iter("route")
    )
    true: collections.Counter[tuple[str, ...]] = collections.Counter()
    for (came_by, left_by, _), count in counted.true.items():
        if came_by is not None:
            true[arms[came_by].into, arms[left_by].out_of] += count
    assert sum(true.values()) > 100
    assert set(sampled) == set(true)
    for way, count in true.items():
        assert abs(sampled[way] - count) <= 0.01 * count, way


def test_sumo_has_edges_relations_and_kinds_and_no_interval_that_was_not_watched(
    counted: Counted, tmp_path: Path
) -> None:
    out = tmp_path / "counts.xml"
    counted.export("sumo", out, calls=calls(counted.street))
    (interval,) = ET.parse(out).iter("interval")
    assert (interval.attrib["begin"], interval.attrib["end"]) == ("0.00", "300.00")
    edges = {edge.attrib["id"]: edge.attrib for edge in interval.iter("edge")}
    assert set(edges) == {f"{arm}_{way}" for arm in "NESW" for way in ("in", "out")}
    for left_by in "NESW":
        left = sum(
            count for (_, arm, kind), count in counted.true.items()
            if arm == left_by and kind is not Kind.PEDESTRIAN
        )  # fmt: skip
        assert int(edges[f"{left_by}_out"]["entered"]) == left
    for relation in interval.iter("edgeRelation"):
        kinds = sum(int(relation.attrib[kind]) for kind in Kind if kind in relation.attrib)
        assert kinds == int(relation.attrib["count"])
        assert "coverage" not in relation.attrib


def test_the_long_table_has_every_movement_with_its_turn(counted: Counted, tmp_path: Path) -> None:
    counted.export("long", tmp_path / "long.csv", what="movements", zone="Europe/Stockholm")
    with (tmp_path / "long.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    told = collections.Counter(
        {
            (row["from_arm"] or None, row["to_arm"], Kind(row["class"])): int(row["count"])
            for row in rows
        }
    )
    assert +told == counted.true
    turns = {(row["from_arm"], row["to_arm"]): row["movement"] for row in rows}
    assert turns["N", "S"] == "T"
    assert (turns["N", "W"], turns["N", "E"], turns["N", "N"]) == ("R", "L", "U")
    assert {row["start"] for row in rows} == {"2026-11-23T08:00:00+01:00"}


@pytest.fixture(scope="module")
def recorded(counted: Counted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same facts as files, as `--out` of watch and replay writes them."""
    folder = tmp_path_factory.mktemp("report")
    for what in ("facts", "movements"):
        config, out = counted.folder / "placewatch.toml", str(folder / f"{what}.parquet")
        export_facts(config, "2026-11-23T07:00Z", "2026-11-23T07:05Z", "parquet", out, what)
    return folder


@pytest.mark.parametrize("form", ["long", "sumo", "pems", "geojson"])
def test_what_a_report_recorded_comes_out_as_what_a_node_stored(
    counted: Counted, recorded: Path, tmp_path: Path, form: str
) -> None:
    more = {"calls": calls(counted.street)} if form == "sumo" else {}
    stored = counted.export(form, tmp_path / "stored", **more)
    wanted = Wanted(form, "", "", str(tmp_path / "recorded"), every_min=5, **more)  # type: ignore[arg-type]
    assert export_recorded(recorded, counted.folder / "placewatch.toml", wanted) == stored > 0
    assert (tmp_path / "recorded").read_bytes() == (tmp_path / "stored").read_bytes()


def test_without_settings_a_report_tells_what_it_knows_and_says_what_it_does_not(
    counted: Counted, recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "long.csv"
    wanted = Wanted("long", "", "", str(out), every_min=5, what="movements")
    assert export_recorded(recorded, None, wanted) > 0
    with out.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    told = collections.Counter(
        {(row["from_arm"] or None, row["to_arm"], Kind(row["class"])): int(row["count"])
         for row in rows}
    )  # fmt: skip
    assert +told == counted.true
    stations = Wanted("pems", "", "", str(tmp_path / "pems.csv"))
    assert export_recorded(recorded, None, stations) > 0
    with pytest.raises(Misconfigured, match="takes more of the lines than facts know"):
        export_recorded(recorded, None, Wanted("sumo", "", "", str(out)))
    config = counted.folder / "placewatch.toml"
    some = Wanted("sumo", "", "", str(out), every_min=5, calls=("N=a,b", "E=c,d", "S=e,f"))
    assert export_recorded(recorded, config, some) > 0
    assert "no --call names their edges: W" in capsys.readouterr().err
    with pytest.raises(Misconfigured, match="which way the arm"):
        export_recorded(recorded, None, Wanted("utdf", "", "", str(out)))
    with pytest.raises(Misconfigured, match="holds no facts"):
        export_recorded(tmp_path, None, wanted)
    (tmp_path / "one").mkdir()
    shutil.copy(recorded / "facts.parquet", tmp_path / "one")
    with pytest.raises(Misconfigured, match="holds no movements"):
        export_recorded(tmp_path / "one", None, wanted)
