"""Road: what is told of queues before stop lines and of people across the road.

It is made of sums alone: of cycles, and of quarters of an hour in which five or more walked.
"""

from dataclasses import dataclass
from typing import Literal

from placewatch.publish.words import whole


@dataclass(frozen=True, slots=True)
class Shape:
    """What is drawn of the street, on the picture: its name, its sort and its outline."""

    name: str
    sort: Literal["area", "approach", "carriageway", "crossing"]
    outline_px: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class LaneTold:
    """A lane of an approach over a time, or all its lanes together (`lane` is None).

    Every lane has cycles of its own, at the same signal: of all lanes only vehicles are added up,
    and never cycles. Means are then those of one lane.
    """

    lane: int | None  # 0 is the one farthest right for who drives in it
    watched_s: float
    cycles: int  # with somebody who waited; of all lanes: of the lane that had most of them
    cycles_min: int  # of the lane that had fewest; `cycles` where it is one lane
    reached_share: float | None  # of every lane's cycles: the queue reached the upstream end, 0..1
    vehicles_max: int
    back_m_max: float  # from the stop line to the rear of its last
    at_least: bool  # the longest queue reached the upstream end
    vehicles_max_mean: float | None  # of the cycles' longest queues; None where nobody waited
    vehicles_mean: float  # over time, of one lane
    length_m_mean: float
    departures: int
    stops: int
    delay_s: float | None  # control delay; None where it is unknown
    delay_count: int  # vehicles whose delay it is
    level: str | None  # of service; None where the delay is unknown, or nothing says by which table
    delay_why: str | None = None  # why the delay is unknown, as a sentence

    @property
    def cycles_words(self) -> str:
        """How many cycles it had: "12"; of several lanes "12 a lane" or "9 to 12 a lane"."""
        if self.lane is not None:
            return whole(self.cycles)
        fewest = "" if self.cycles_min == self.cycles else f"{whole(self.cycles_min)} to "
        return f"{fewest}{whole(self.cycles)} a lane"


@dataclass(frozen=True, slots=True)
class ApproachTold:
    """Queues of an approach: its lanes from the right, then all together where there are several.

    `steps` are means of the cycles' longest queues, in steps of `step_s` from the beginning of the
    time (of the day, where `of_day`); None where no cycle began.
    """

    name: str
    lanes: tuple[LaneTold, ...]
    table: str  # where the bounds of the levels stand, as words; "" where nothing says by which
    steps: tuple[float | None, ...]
    step_s: float
    labels: tuple[str, ...]  # below each step; "" for none
    of_day: bool


@dataclass(frozen=True, slots=True)
class CrossedTold:
    """How people crossed a carriageway on one marked crossing or off them. `told` of them walked in
    quarters of an hour with five or more, and all below `count` is of those alone."""

    crossing: str | None
    watched_s: float
    count: int
    an_hour: float | None  # of the watched time
    told: int
    wait_count: int
    wait_s: float | None
    waits: tuple[int, ...]  # below each of the edges, and more
    speed_count: int
    speed_m_s: float | None
    speed_m_s_p15: float | None  # 15 % are slower
    speeds: tuple[int, ...]
    rejected_count: int
    rejected_s: float | None
    accepted_count: int
    accepted_s: float | None
    due_count: int
    yielded_count: int


@dataclass(frozen=True, slots=True)
class CarriagewayTold:
    """How people crossed a carriageway: each marked crossing, then all that is off them."""

    name: str
    length_m: float
    places: tuple[CrossedTold, ...]
    wait_edges_s: tuple[float, ...]
    speed_edges_m_s: tuple[float, ...]
