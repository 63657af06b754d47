"""Formats: what the rarer streets look like in the files of other tools."""

import csv
import io
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from placewatch import cli
from placewatch.core.bins import QUARTER_US, Bin, PeakHour
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Kind
from placewatch.core.time import UtcMicros
from placewatch.publish.formats.long import interval, write_csv
from placewatch.publish.formats.sumo import Edges, write_sumo
from placewatch.publish.formats.utdf import Junction, write_utdf

NOON = UtcMicros(1_767_268_800_000_000)
CAMERA = CameraId("t")


def moved(came_by: str | None, left_by: str, turn: str, count: int | None, quarter: int = 0) -> Bin:
    start = UtcMicros(NOON + quarter * QUARTER_US)
    return Bin(
        "Kista", CAMERA, f"{came_by or '?'}>{left_by}", turn, came_by, left_by, Kind.CAR, start,
        UtcMicros(start + QUARTER_US), count, 900.0,
    )  # fmt: skip


def lanes(junction: Junction) -> dict[str, dict[str, str]]:
    out = io.BytesIO()
    write_utdf([junction], out)
    rows = list(csv.reader(io.StringIO(out.getvalue().decode())))
    begin = rows.index(["[Lanes]"]) + 2
    found = {}
    for row in rows[begin + 1 :]:
        if not row:
            break
        found[row[0]] = dict(zip(rows[begin], row, strict=True))
    return found


def test_who_turns_back_has_a_column_where_anybody_did() -> None:
    peak = PeakHour(NOON, (3, 0, 0, 0))
    turned = [moved("N", "N", "U", 2), moved("N", "S", "T", 1), moved("S", "S", "U", 0)]
    told = lanes(Junction(7, "Kista", peak, turned, {"N": "SB", "S": "NB"}))
    assert told["Volume"]["INTID"] == "7"
    assert told["Volume"]["SBU"] == "2"
    assert "NBU" not in told["Volume"]


def test_five_arms_have_columns_between_the_main_ones() -> None:
    peak = PeakHour(NOON, (4, 0, 0, 0))
    told = lanes(Junction(1, "Star", peak, [moved("a", "b", "L", 4)], {"a": "NE", "b": "NB"}))
    assert told["Volume"]["NEL"] == "4"
    assert told["Volume"]["NBL"] == ""  # nobody counted it: not 0
    assert "NWL" not in told["Volume"]


def test_two_left_turns_of_an_approach_add_up_and_other_hours_stay_out() -> None:
    peak = PeakHour(NOON, (9, 0, 0, 0))
    counts = [moved("a", "b", "L", 4), moved("a", "c", "L", 5), moved("a", "b", "L", 70, quarter=4)]
    told = lanes(Junction(1, "", peak, counts, {"a": "NB", "b": "EB", "c": "SB"}))
    assert (told["Volume"]["NBL"], told["PHF"]["NBL"]) == ("9", "0.25")


def test_a_count_whose_facts_say_an_interval_keeps_it() -> None:
    one = moved("N", "S", "T", 10)
    assert interval(one) == (4.8, 18.39)  # Garwood (1936)
    own = Bin(**{name: getattr(one, name) for name in one.__slots__} | {"lo": 8.0, "hi": 12.5})
    assert interval(own) == (8.0, 12.5)
    assert interval(moved("N", "S", "T", None)) == (None, None)


def test_names_with_commas_and_quotes_survive() -> None:
    out = io.BytesIO()
    assert write_csv([moved('N, "old"', "S&E", "", 1)], out) == 1
    (row,) = csv.DictReader(io.StringIO(out.getvalue().decode()))
    assert (row["from_arm"], row["to_arm"], row["movement"]) == ('N, "old"', "S&E", "")
    edges = {(CAMERA, 'N, "old"'): Edges('a"1', "b"), (CAMERA, "S&E"): Edges("c", "d<e")}
    out = io.BytesIO()
    write_sumo([moved('N, "old"', "S&E", "", 1)], edges, NOON, out)
    (relation,) = ET.fromstring(out.getvalue()).iter("edgeRelation")
    assert (relation.attrib["from"], relation.attrib["to"]) == ('a"1', "d<e")


def test_nobody_seen_to_come_in_is_on_no_edge_of_sumo() -> None:
    out = io.BytesIO()
    edges = {(CAMERA, "S"): Edges("in", "out")}
    assert write_sumo([moved(None, "S", "", 3), moved("S", "X", "", 2)], edges, NOON, out) == 0
    assert not list(ET.fromstring(out.getvalue()))


@pytest.mark.parametrize("option", ["--every=15", "--zone=UTC", "--camera=a", "--call=a=b"])
def test_what_only_forms_know_goes_with_a_form(tmp_path: Path, option: str) -> None:
    done = CliRunner().invoke(cli.app, ["export", "--from=2026-01-01", "--to=2026-01-02", option])
    assert isinstance(done.exception, Misconfigured)
    assert "goes with --as" in str(done.exception)
