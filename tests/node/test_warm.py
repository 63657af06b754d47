"""What is compiled before the first road user passes."""

from placewatch.core.facts import Conflict, LineCount, LineFlow, MovementCount, SpeedCount, ZoneUse
from placewatch.node.warm import warm


def test_every_sort_of_facts_is_measured_once_so_that_all_of_it_is_compiled() -> None:
    sorts = {type(fact) for fact in warm()}
    assert sorts >= {Conflict, LineCount, LineFlow, MovementCount, SpeedCount, ZoneUse}
