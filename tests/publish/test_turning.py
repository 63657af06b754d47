"""Turning movements in the report, the table and the JSON: what went from which arm to which."""

import io
import re
import xml.etree.ElementTree as ET
from typing import Any

from rich.console import Console

from placewatch.core.facts import CameraHealth, Crossing, Movement
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.publish import drawing, report, table
from placewatch.publish.watch import WatchedLine, WatchSummary, to_document

CAMERA = CameraId("t")
ARMS = {
    "North": ((800.0, 200.0), (1000.0, 200.0)),
    "East": ((1500.0, 400.0), (1550.0, 600.0)),
    "South & <more>": ((600.0, 900.0), (1100.0, 900.0)),
    "West": ((200.0, 400.0), (180.0, 650.0)),
}


def crossed(number: int, came_by: str | None, left_by: str) -> Crossing:
    return Crossing(
        UtcMicros(number), float(number), number, CAMERA, left_by, Kind.CAR,
        Direction.LEFT_TO_RIGHT, None, Movement(came_by, left_by),
    )  # fmt: skip


def summary(*ways: tuple[str | None, str], arms: dict[str, Any] = ARMS) -> WatchSummary:
    crossings = [crossed(number, *way) for number, way in enumerate(ways)]
    lines = tuple(
        WatchedLine(
            name, ends[0], ends[1], tuple(one for one in crossings if one.line == name), name
        )
        for name, ends in arms.items()
    )
    health = CameraHealth(UtcMicros(0), 600.0, 600.0, CAMERA, 15_000, 0, 0, 0, 0, 0, 0.0)
    return WatchSummary("film.mp4", 1920, 1080, 25.0, "street", lines, health, 1.0, 1.0, 1.0)


def bands(svg: str) -> dict[str, tuple[float, str]]:
    """Of each band's title its width and its path."""
    root = ET.fromstring(svg)
    return {
        str(band[0].text): (float(band.attrib["stroke-width"]), band.attrib["d"])
        for band in root.iter()
        if band.get("class", "").startswith("band")
    }


def test_a_band_is_as_wide_as_they_were_many() -> None:
    told = summary(*[("North", "West")] * 30, *[("North", "East")] * 10, ("West", "East"))
    drawn = bands(drawing.turning(told.lines, told.moved()))
    assert set(drawn) == {"North to West: 30", "North to East: 10", "West to East: 1"}
    wide = drawn["North to West: 30"][0]
    assert drawn["North to East: 10"][0] * 3 == wide


def test_who_turns_right_keeps_right_of_who_turns_left() -> None:
    told = summary(*[("North", "West")] * 5, *[("North", "East")] * 5)
    drawn = bands(drawing.turning(told.lines, told.moved()))
    begins = {
        name: float(re.match(r"M([\d.]+)", path)[1])  # type: ignore[index]
        for name, (_, path) in drawn.items()
    }
    # Who comes from the top drives down: the right hand is on the left of the picture.
    assert begins["North to West: 5"] < begins["North to East: 5"] < 220.0


def test_arms_that_the_camera_sees_close_together_are_spread() -> None:
    near = {"A": ((500.0, 300.0), (520.0, 300.0)), "B": ((530.0, 302.0), (550.0, 302.0)),
            "C": ((900.0, 500.0), (950.0, 500.0))}  # fmt: skip
    told = summary(("A", "B"), ("B", "C"), ("C", "A"), arms=near)
    ends = [
        path.split()[-2:] for _, path in bands(drawing.turning(told.lines, told.moved())).values()
    ]
    assert len({tuple(end) for end in ends}) == 3
    spots = [(float(x.lstrip("C")), float(y)) for x, y in ends]
    for number, (x, y) in enumerate(spots):
        for other_x, other_y in spots[:number]:
            assert abs(x - other_x) + abs(y - other_y) > 60


def test_the_report_shows_bands_and_a_table_whose_rows_add_up() -> None:
    told = summary(("North", "West"), ("North", "West"), ("East", "West"), (None, "West"))
    page = report.page(told)
    assert "From which arm to which" in page
    assert "not seen to come in" in page
    assert "South &amp; &lt;more&gt;" in page
    assert "<more>" not in page
    row = re.search(r"</i>North</th>(.*?)</tr>", page)
    assert row is not None
    assert re.findall(r">(\d+)</td>", row[1]) == ["0", "0", "0", "2", "2"]


def test_without_a_junction_nothing_is_said_of_movements() -> None:
    lonely = summary(("North", "North"), arms={"North": ARMS["North"]})
    assert not lonely.arms
    assert "From which arm" not in report.page(lonely)


def test_the_terminal_shows_from_which_arm_to_which() -> None:
    stream = io.StringIO()
    told = summary(("North", "West"), ("North", "West"), (None, "East"))
    Console(file=stream, width=120).print(table.render(told, 120))
    text = stream.getvalue()
    assert re.search(r"from +to North +to East +to South & <more> +to West +all", text)
    assert re.search(r"North +0 +0 +0 +2 +2", text)
    assert re.search(r"not seen to come in +0 +1 +0 +0 +1", text)


def test_the_json_has_the_arm_and_where_somebody_came_from() -> None:
    document = to_document(summary(("North", "West"), (None, "West")))
    (line,) = [line for line in document["lines"] if line["name"] == "West"]
    assert line["arm"] == "West"
    assert [one["from_arm"] for one in line["crossings"]] == ["North", None]
