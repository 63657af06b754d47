"""What stands on the vehicle: the line's name from the operator's timetable."""

import zipfile
from pathlib import Path

import pytest

from placewatch.core.errors import Misconfigured
from placewatch.transit.lines import Lines, label, read_lines

ROUTES = (
    "\ufeffroute_id,agency_id,route_short_name,route_long_name\n"
    '9011001,1,4,"Gullmarsplan, Radiohuset"\n9011002,1,,Airport Express\n9011003,1,,\n'
)
TRIPS = "route_id,service_id,trip_id\n9011001,w,trip-1\n9011002,w,trip-2\n"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "gtfs.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("routes.txt", ROUTES)
        archive.writestr("trips.txt", TRIPS)
    return path


def test_a_line_has_the_name_that_people_call_it(packed: Path) -> None:
    lines = read_lines(packed)
    assert lines.label("9011001", None) == "4"
    assert lines.label("9011002", None) == "Airport Express"
    assert lines.label("9011003", None) == "9011003", "without a name, its own"
    assert lines.label(None, "trip-1") == "4"
    assert lines.label(None, "unknown") is None
    assert lines.label(None, None) is None


def test_a_folder_will_do_and_trips_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "routes.txt").write_text(ROUTES, encoding="utf-8")
    lines = read_lines(tmp_path)
    assert lines.label("9011001", "trip-1") == "4"
    assert lines.label(None, "trip-1") is None


def test_a_name_is_one_short_line() -> None:
    assert label("  4\n\x00 north  ") == "4 north"
    assert len(label("x" * 200)) == 24
    assert Lines().label("\x1b[31m", None) == "[31m"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("routes.txt", b"id,name\n1,2\n", "no column route_id"),
        ("routes.txt", b"route_id\n\xff\xfe\xfa\n", "no GTFS"),
        ("stops.txt", b"stop_id\n", "has no routes.txt"),
    ],
)
def test_a_timetable_that_is_none_is_told(
    tmp_path: Path, name: str, content: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Misconfigured, match=told):
        read_lines(tmp_path)


def test_a_timetable_that_is_not_there_or_no_zip_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_lines(tmp_path / "gtfs.zip")
    (tmp_path / "gtfs.zip").write_text("<html>")
    with pytest.raises(Misconfigured, match="no GTFS"):
        read_lines(tmp_path / "gtfs.zip")
