"""What is compiled before the first road user passes."""

from placewatch.core.facts import (
    Conflict,
    FootCrossings,
    LaneQueue,
    LineCount,
    LineFlow,
    MovementCount,
    SpeedCount,
    ZoneUse,
)
from placewatch.node.warm import warm


def test_every_sort_of_facts_is_measured_once_so_that_all_of_it_is_compiled() -> None:
    told = warm()
    sorts = {type(fact) for fact in told}
    assert sorts >= {Conflict, LineCount, LineFlow, MovementCount, SpeedCount, ZoneUse}
    assert sum(fact.departures for fact in told if isinstance(fact, LaneQueue)) > 0
    assert sum(fact.count or 0 for fact in told if isinstance(fact, FootCrossings)) > 0
