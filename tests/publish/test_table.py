"""Table: what somebody reads on a terminal when the watching has ended."""

import io
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from rich.console import Console

from placewatch.core.facts import CameraHealth, Crossing
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.publish.table import show
from placewatch.publish.watch import WatchedLine, WatchSummary

CAMERA = CameraId("street")


def street(
    *crossings: tuple[float, Kind, Direction, float | None],
    duration_s: float = 30.0,
    coverage_s: float | None = None,
    gaps: int = 0,
    **changes: Any,
) -> WatchSummary:
    """A street with one line drawn towards the right, crossed as given."""
    seen_s = duration_s if coverage_s is None else coverage_s
    told = tuple(
        Crossing(UtcMicros(0), at_s, round(at_s * 25), CAMERA, "Gate", kind, way, speed)
        for at_s, kind, way, speed in crossings
    )
    known: dict[str, Any] = {
        "source": "street.mp4",
        "width_px": 640,
        "height_px": 360,
        "fps": 25.0,
        "detector": "motion",
        "lines": (WatchedLine("Gate", (0, 100), (640, 100), told),),
        "health": CameraHealth(
            UtcMicros(0), duration_s, seen_s, CAMERA, round(25 * seen_s), 0, 0, 0, gaps, 0, 0.0
        ),
        "cpu_s": 1.2,
        "decode_cpu_s": 1.0,
        "wall_s": 2.0,
    }
    return WatchSummary(**{**known, **changes})


def printed(summary: WatchSummary, width: int = 120) -> str:
    stream = io.StringIO()
    show(summary, Console(file=stream, width=width))
    return stream.getvalue()


DOWN, UP = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT


def test_each_way_over_a_line_has_its_counts_by_kind() -> None:
    text = printed(
        street(
            (1, Kind.CAR, DOWN, None),
            (2, Kind.CAR, DOWN, None),
            (3, Kind.TRUCK, UP, None),
            (4, Kind.PEDESTRIAN, UP, None),
        )
    )
    head, down, up = (
        line.split() for line in text.splitlines() if "way" in line or "↓" in line or "↑" in line
    )
    assert head == ["line", "way", "foot", "car", "truck", "all"]
    assert down == ["Gate", "↓", "down", "0", "2", "0", "2"]
    assert up == ["↑", "up", "1", "0", "1", "2"]


def test_a_street_where_nobody_crossed_shows_zeros() -> None:
    text = printed(street())
    assert "↓ down" in text
    assert text.count(" 0") >= 2


def test_without_a_line_it_says_how_to_draw_one() -> None:
    text = printed(street(lines=()))
    assert "No line was drawn" in text
    assert "--line NAME=x1,y1,x2,y2" in text


def test_what_was_not_seen_is_said_and_is_no_zero() -> None:
    text = printed(street(coverage_s=0.0, gaps=1))
    assert "not seen" in text
    assert "unknown, not zero" in text
    assert " 0 " not in text.split("way")[1].split("gap")[0]


def test_gaps_are_counted_and_timed() -> None:
    assert "3 gaps, 12 s not seen" in printed(street(duration_s=60, coverage_s=48, gaps=3))


def test_a_healthy_source_is_not_talked_about() -> None:
    text = printed(street())
    for word in ("gap", "lost", "skipped", "damaged", "repaired"):
        assert word not in text


def test_speeds_stand_only_where_the_ground_is_known() -> None:
    car = (1.0, Kind.CAR, DOWN, 10.0)
    assert "36" in printed(street(car, calibrated=True))
    assert "not calibrated" in printed(street((1.0, Kind.CAR, DOWN, None)))


def test_a_minute_is_told_as_an_hourly_rate_with_its_interval() -> None:
    text = printed(street(*[(i, Kind.CAR, DOWN, None) for i in range(10)], duration_s=3600))
    assert "4.8 to 18" in text


def test_names_are_printed_as_they_are_and_not_as_markup() -> None:
    line = WatchedLine("[red]x[/red]", (0, 1), (2, 3))
    assert "[red]x[/red]" in printed(street(lines=(line,), source="[b]a[/b].mp4"))


@pytest.mark.parametrize("width", [60, 80, 109, 110, 200])
@given(
    kinds=st.lists(st.tuples(st.sampled_from(Kind), st.sampled_from(Direction)), max_size=30),
    calibrated=st.booleans(),
)
def test_no_width_hides_the_total(
    width: int, kinds: list[tuple[Kind, Direction]], calibrated: bool
) -> None:
    crossings = [(float(i), kind, way, None) for i, (kind, way) in enumerate(kinds)]
    text = printed(street(*crossings, duration_s=100, calibrated=calibrated), width)
    rows = [line.split() for line in text.splitlines() if "↓" in line or "↑" in line]
    for row, way in zip(rows, (DOWN, UP), strict=True):
        assert str(sum(one is way for _, one in kinds)) in row
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
