"""Screenlines in a report: of what is known in part no rate is told."""

from placewatch.core.bins import QUARTER_US, Bin
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros, from_rfc3339
from placewatch.publish.screenlines import Screenline, ScreenlinePart, screenlines_part

SINCE = from_rfc3339("2026-11-23")
ONE_WAY, OTHER_WAY = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT


def screenline(*seen: tuple[int, float]) -> Screenline:
    """Quarters one after another: how many passed one way, and the seconds that all parts saw."""
    parts = tuple(
        ScreenlinePart(CameraId(name), name, name, False, (0.0, 9.0), (0.0, 0.0)) for name in "ab"
    )
    quarters = tuple(
        Bin(
            "Kista", CameraId(""), "River", way.value, None, None, Kind.CAR,
            UtcMicros(SINCE + number * QUARTER_US), UtcMicros(SINCE + (number + 1) * QUARTER_US),
            count if way is ONE_WAY else 0, seen_s,
        )
        for number, (count, seen_s) in enumerate(seen)
        for way in Direction
    )  # fmt: skip
    return Screenline("River", parts, quarters)


def test_a_quarter_that_one_part_saw_for_seconds_is_in_the_sum_and_in_no_rate() -> None:
    # In the second quarter one part counted 90 in all of it, the other nobody in a minute.
    told = screenline((100, 900.0), (90, 60.0))
    assert told.count(ONE_WAY, Kind.CAR) == 190
    assert told.an_hour(ONE_WAY) == 400.0
    assert told.an_hour(OTHER_WAY) == 0.0


def test_where_no_quarter_is_whole_there_is_no_rate() -> None:
    told = screenline((90, 60.0))
    assert told.an_hour(ONE_WAY) is None
    page = screenlines_part([told], "a", SINCE, UtcMicros(SINCE + 4 * QUARTER_US))
    assert '<td class="n all">90</td><td class="n">–</td>' in page


def test_the_mean_day_is_of_whole_quarters_too() -> None:
    days = 5 * 96 * QUARTER_US
    whole = screenline((100, 900.0))
    part = screenline((100, 900.0), (90, 60.0))
    drawn = [
        text[text.index("<svg") : text.index("</svg>")]
        for text in (
            screenlines_part([one], "a", SINCE, UtcMicros(SINCE + days)) for one in (whole, part)
        )
    ]
    assert drawn[0] == drawn[1]
    assert screenlines_part([screenline((90, 60.0))], "a", SINCE, UtcMicros(SINCE + days))
