"""Facts: measurements of a place. They are all that may leave a node."""

from dataclasses import dataclass
from typing import NamedTuple

from placewatch.core.ids import CameraId
from placewatch.core.kinds import ConflictType, Direction, Kind
from placewatch.core.time import UtcMicros


@dataclass(frozen=True, slots=True)
class Crossing:
    """Somebody crossed a line: one tick of a counter. `media_s` and `frame` are of the source."""

    at: UtcMicros
    media_s: float
    frame: int
    camera: CameraId
    line: str
    kind: Kind
    direction: Direction
    speed_m_s: float | None  # None where the ground is not calibrated
    movement: "Movement | None" = None  # that this crossing ends, where it leaves a junction


class Movement(NamedTuple):
    """By which arm somebody came into a junction, None where that was not seen, and left it."""

    from_arm: str | None
    to_arm: str


@dataclass(frozen=True, slots=True)
class LineCount:
    """How many of a kind crossed a line one way in a window, and how much of it was seen.

    Every kind and direction has a row, also when its `count` is 0. `count` is None, unknown,
    when nothing of the window was seen (`coverage_s` 0) and nobody who stood on the line before is
    counted in it. Rows of the same window, line, kind and
    direction add up: they cover disjoint parts of it (a node that restarted within the minute).
    """

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float  # 0..window_s, the seconds of it that were watched
    camera: CameraId
    line: str
    kind: Kind
    direction: Direction
    count: int | None
    speed_count: int  # crossings with a known speed
    speed_m_s_mean: float | None  # time mean of spot speeds at the line
    speed_m_s_p85: float | None  # 85th percentile; None below 5 speeds


@dataclass(frozen=True, slots=True)
class MovementCount:
    """How many of a kind came in by one arm and left by another in a window; counted when they
    left. `from_arm` is None for those who were not seen to come in. `count` and the sum of rows
    are as in LineCount; there is a row for each pair of arms and kind.
    """

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float
    camera: CameraId
    from_arm: str | None
    to_arm: str
    kind: Kind
    count: int | None


@dataclass(frozen=True, slots=True)
class SpeedCount:
    """How many of a kind crossed a line one way in a window at a speed from `speed_m_s_from` up to
    and without `speed_m_s_to`.

    Only bands in which somebody was have a row; LineCount says what was watched, and `speed_count`
    there how many speeds are known. `free`: nobody was less than 5 s ahead at the line, so the
    speed was the driver's own choice. Counts of any windows add up, and 85th percentiles and shares
    over a limit come from their sums.
    """

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float
    camera: CameraId
    line: str
    kind: Kind
    direction: Direction
    free: bool
    speed_m_s_from: float
    speed_m_s_to: float
    count: int


@dataclass(frozen=True, slots=True)
class LineFlow:
    """How the vehicles that crossed a line one way in a window followed each other.

    A headway is from front to front, a gap from rear to front, of vehicles of any kind in the same
    direction, also in lanes beside each other; people on foot are not among them. Those across a
    break in watching are unknown and in no mean. `occupied_s` sums how long each vehicle covered
    the line, by the usual length of its kind. What takes a speed is None where the ground is not
    calibrated, or no vehicle came.
    """

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float
    camera: CameraId
    line: str
    direction: Direction
    vehicles: int | None  # None: nothing was watched
    headway_count: int
    headway_s_mean: float | None
    gap_count: int
    gap_s_mean: float | None
    speed_count: int
    speed_m_s_time_mean: float | None
    speed_m_s_space_mean: float | None  # harmonic: as if seen along the road (Wardrop 1952)
    occupied_s: float | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two road users who nearly met. Nothing says who they were: the place is rounded to half a
    metre, the time to its quarter of an hour, and what was measured to tenths.

    The second is who got to a spot after the first. Definitions: docs/design/measure.md,
    Encounters. None stands for what did not occur.
    """

    at: UtcMicros  # start of its quarter of an hour
    window_s: float
    camera: CameraId
    x_m: float  # on the ground of the camera
    y_m: float
    first: Kind
    second: Kind
    type: ConflictType
    ttc_s: float | None
    pet_s: float | None
    drac_m_s2: float | None
    delta_s_m_s: float
    max_s_m_s: float
    max_d_m_s2: float | None
    max_delta_v_m_s: float
    severity: int  # 0 none, 1 potential, 2 slight, 3 serious


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """One kind in one area in a window. Every kind has a row, also when nobody was there.

    None is unknown: nothing was seen (`coverage_s` 0). Rows of the same window, area and kind add
    up, all but `occupancy` and the speed, which are means over `coverage_s` and `speed_s`.
    """

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float  # 0..window_s, the seconds of it that were watched
    camera: CameraId
    zone: str
    kind: Kind
    entries: int | None  # came in, or appeared inside; not who was there when watching began
    presence_s: float | None  # summed over road users; by coverage_s: how many were in on average
    occupancy: float | None  # 0..1, of the time that was watched, with one of them in at least
    speed_s: float  # of presence_s, that with a known speed
    speed_m_s_mean: float | None  # space mean: Edie's, over speed_s


@dataclass(frozen=True, slots=True)
class ZoneUse:
    """One area in a window, all kinds together."""

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float
    camera: CameraId
    zone: str
    occupancy: float | None  # 0..1, of the time that was watched, with anybody in
    count_mean: float | None  # how many were in, on average
    count_max: int | None  # and at most in any frame


@dataclass(frozen=True, slots=True)
class LaneQueue:
    """One lane before a stop line from one cycle's last departure to the next one's: how many
    waited, how far back, and how long it took them.

    Nothing says when anybody passed: the begin is rounded down to its minute and the length to
    seconds, places are rounded to half a metre and means to tenths. Cycles without a standstill end
    after five minutes. Definitions: docs/design/measure.md, Queues and delay.
    """

    at: UtcMicros  # the minute in which the cycle began
    window_s: float  # how long it lasted
    coverage_s: float  # seconds of it that were watched
    camera: CameraId
    approach: str
    lane: int  # 0 is the one farthest right for who drives in it
    whole: bool  # its begin and its end were seen; else maxima are at least what stands here
    stood_s: float | None  # until the first who waited departed; None: nobody waited
    vehicles_max: int
    vehicles_mean: float  # over time
    length_m_max: float  # from the front of the first to the rear of the last
    length_m_mean: float
    back_m_max: float  # from the stop line to the rear of the last
    at_least: bool  # the queue reached the upstream end of the approach
    departures: int
    stops: int
    travel_s_mean: float | None  # from the upstream end to the stop line, of delay_count vehicles
    free_s: float | None  # that of who is undisturbed; None while too few were
    delay_s_mean: float | None  # control delay; None where either of these is unknown
    delay_count: int  # departures that were seen to come in


@dataclass(frozen=True, slots=True)
class FootCrossings:
    """How people on foot crossed a carriageway in a quarter of an hour, on one marked crossing or
    off all of them.

    `count` is None where nothing was watched. Whatever else is told of walkers is told of five or
    more together, and None where they were fewer: `wait_count` below five is None, and so is what
    belongs to it. Histograms have a bin up to each of their edges and one beyond
    (docs/spec/facts.md). Rows of the same window and place add up.
    """

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float  # 0..window_s, the seconds of it that were watched
    camera: CameraId
    carriageway: str
    length_m: float  # of the carriageway, along the road
    crossing: str | None  # None: mid-block, off all marked crossings
    count: int | None  # passages
    to_left: int | None  # of these, to the left of the carriageway's middle line
    away_m_bins: tuple[int, ...] | None  # from the nearest marked crossing, along the road
    wait_count: int | None  # whose wait is known
    wait_s_sum: float | None
    wait_s_bins: tuple[int, ...] | None
    speed_count: int | None  # who walked on without a stop
    speed_m_s_sum: float | None
    speed_m_s_bins: tuple[int, ...] | None
    rejected_count: int | None  # gaps
    rejected_s_sum: float | None
    rejected_s_bins: tuple[int, ...] | None
    accepted_count: int | None
    accepted_s_sum: float | None
    accepted_s_bins: tuple[int, ...] | None
    open_count: int | None  # accepted gaps whose end was not waited for
    given_count: int | None  # who crossed because a vehicle yielded: no gap was needed
    due_count: int | None  # vehicles that had to yield, by walker
    yielded_count: int | None  # of these
    excused_count: int | None  # vehicles that could not have stopped in comfort
    unhindered_count: int | None  # that would have come later anyway


@dataclass(frozen=True, slots=True)
class JourneyTime:
    """How long vehicles took over a link in a window of an hour, or why that is not known.

    It is of all of them and of nobody. Windows overlap: one ends every quarter of an hour.
    Intervals hold the true value 95 times of 100. Where there is no answer, `why` names the reason
    and `sentence` says it for people; all times are None then. Where there is one, both are None.
    """

    at: UtcMicros  # start of the window
    window_s: float
    coverage_s: float  # 0..window_s, in which all lines of the link were watched
    link: str
    how: str  # "counts" of two views, "view": seen inside one, "parts": a route of both
    from_camera: CameraId
    from_line: str
    from_direction: Direction
    to_camera: CameraId
    to_line: str
    to_direction: Direction
    length_m: float
    median_s: float | None  # only where it is known by counts
    median_s_low: float | None
    median_s_high: float | None
    mean_s: float | None
    mean_s_low: float | None
    mean_s_high: float | None
    through_share: float | None  # by counts: how many arrived of those that left
    arrived: int | None  # by how many it is known; None of a route
    why: str | None
    sentence: str | None
    through_share_low: float | None = None  # the interval of `through_share`
    through_share_high: float | None = None


Fact = (
    LineCount
    | MovementCount
    | SpeedCount
    | LineFlow
    | Conflict
    | ZoneCount
    | ZoneUse
    | LaneQueue
    | FootCrossings
    | JourneyTime
)
"""What is stored."""


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """How well a camera delivered in a window. Counts are of that window alone."""

    at: UtcMicros
    window_s: float
    coverage_s: float
    camera: CameraId
    frames: int  # decoded, and not too late to be watched
    frames_dropped: int  # beside them, because the node was late: decoded too late, or not at all
    packets_corrupt: int
    timestamps_repaired: int  # jumped, repeated, went back or were absent
    gaps: int  # breaks in the stream across which nothing is measured
    losses: int  # sessions that ended without being asked to
    lateness_s_max: float


@dataclass(frozen=True, slots=True)
class Decoding:
    """How much of a camera's stream is decoded, and what that may miss, since watching began.

    A camera that `sleeps` decodes only key frames while nobody is there. Some groups of pictures
    are then drawn by dice and analysed in full: `audits`. A passage is one into which somebody
    came: of `passages_checked` in audits and in the proof before, sleep would have missed
    `passages_missed`.
    """

    mode: str
    sleeps: bool = False  # it may; while somebody is there it does not
    why: str = ""  # it does not sleep, as a sentence
    gops: int = 0  # groups of pictures that came in
    gops_slept: int = 0  # of which only the key frame was decoded
    audits: int = 0
    auc: float | None = None  # of its packet sizes as a sign of road users, when last measured
    passages_checked: int = 0
    passages_missed: int = 0
    missed_share_max: float | None = None  # upper 95 % bound; None where it has never slept
