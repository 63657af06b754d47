"""Views: what a node shows of itself; each is one object of docs/spec/console-api.md."""

import datetime
import functools
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from placewatch.core.facts import Decoding
from placewatch.core.ids import CameraId
from placewatch.core.kinds import ConflictType, Direction, Kind
from placewatch.core.time import UtcMicros, rfc3339
from placewatch.publish.journeys import Journey

State = Literal["starting", "learning", "watching", "lost", "ended", "refused", "failed"]
"""What a camera does. Every state but `watching` comes with a sentence why."""

Pixel = tuple[float, float]
"""(x, y) on the camera's own picture: pixels from its left and top edge."""


@dataclass(frozen=True, slots=True)
class PositionView:
    """Where a camera hangs and looks, as far as it was told."""

    latitude_deg: float
    longitude_deg: float
    bearing_deg: float | None
    angle_deg: float | None
    range_m: float | None


@dataclass(frozen=True, slots=True)
class NoticeView:
    """The camera's notice, but for its place, which stands in the camera."""

    purpose: str
    legal_basis: str
    owner: str
    contact: str
    until: datetime.date


@dataclass(frozen=True, slots=True)
class LineView:
    """A counting line; `arm` of a junction, where it lies across one."""

    name: str
    from_px: Pixel
    to_px: Pixel
    arm: str | None = None


@dataclass(frozen=True, slots=True)
class AreaView:
    """An area, by three corners or more."""

    name: str
    corners_px: tuple[Pixel, ...]


@dataclass(frozen=True, slots=True)
class MetrePoint:
    """A point on the picture and on the ground, in metres east and north of the origin."""

    x_px: float
    y_px: float
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class EarthPoint:
    """A point on the picture and on the ground, in degrees of WGS 84."""

    x_px: float
    y_px: float
    latitude_deg: float
    longitude_deg: float


GroundPoint = MetrePoint | EarthPoint


@dataclass(frozen=True, slots=True)
class GroundView:
    """The points by which a camera knows the ground."""

    points: tuple[GroundPoint, ...]


@dataclass(frozen=True, slots=True)
class ApproachView:
    """A way up to a stop line, by its corners or by its middle; see the settings."""

    name: str
    corners_px: tuple[Pixel, ...]
    middle_px: tuple[Pixel, ...]
    width_m: float | None
    lanes: int
    signal: bool
    free_m_s: float | None


@dataclass(frozen=True, slots=True)
class CarriagewayView:
    """A piece of road between two kerbs, with the crossings that are painted on it. `middle_px` is
    empty where it is the middle of its long side."""

    name: str
    corners_px: tuple[Pixel, ...]
    middle_px: tuple[Pixel, ...]
    crossings: tuple[AreaView, ...]


@dataclass(frozen=True, slots=True)
class ShapeCheck:
    """What an approach or a carriageway is on the ground, as words; or `why` it is none, with what
    to try. `note` says what is odd about it. `outline_px` is an approach's outline, and the middle
    of a carriageway."""

    why: str | None
    hint: str | None
    told: str | None
    note: str | None
    outline_px: tuple[Pixel, ...]
    width_m: float | None


@dataclass(frozen=True, slots=True)
class RoadCheck:
    """What is drawn of a road, each as it is alone."""

    approaches: tuple[ShapeCheck, ...]
    carriageways: tuple[ShapeCheck, ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a technician draws for a camera. `ground` is None where there are no points; of the road
    what is None stays as it is."""

    lines: tuple[LineView, ...]
    areas: tuple[AreaView, ...]
    ground: GroundView | None
    approaches: tuple[ApproachView, ...] | None = None
    carriageways: tuple[CarriagewayView, ...] | None = None


@dataclass(frozen=True, slots=True)
class BackdropView:
    """Of when the backdrop is, and how much of the street it knows, 0..1."""

    at: UtcMicros
    known_share: float


@dataclass(frozen=True, slots=True)
class MainStreamView:
    """A camera's large stream while its small one is analysed: carried undecoded, or why not."""

    carried: bool
    why: str | None
    packets: int
    losses: int


@dataclass(frozen=True, slots=True)
class HealthView:
    """How well a camera delivers: `fps` and `lateness_s` now, the rest since the node started.

    `fps` are the frames that were decoded, `analysed_fps` those of them that were analysed.
    `main_stream` is None where there is only one stream.
    `decoded` says in one line how much of it is decoded just now, and what that may miss.
    `skipped_share` of the frames of the last half minute were skipped because the machine was late,
    0..1; None while that is not known.
    """

    fps: float
    analysed_fps: float
    lateness_s: float
    frames: int
    frames_dropped: int
    packets_corrupt: int
    timestamps_repaired: int
    gaps: int
    losses: int
    last_loss: UtcMicros | None
    last_loss_why: str | None
    decode: Decoding | None = None
    main_stream: MainStreamView | None = None
    decoded: str = ""
    notes: tuple[str, ...] = ()  # what people should know who rely on it, a sentence each
    skipped_share: float | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """What was drawn to cross a line: only a drawn street knows it."""

    left_to_right: Mapping[Kind, int]
    right_to_left: Mapping[Kind, int]


@dataclass(frozen=True, slots=True)
class LineTotals:
    """How many crossed a line since `Totals.since`, by kind and direction."""

    name: str
    left_to_right: Mapping[Kind, int]
    right_to_left: Mapping[Kind, int]
    speed_m_s_p85: float | None
    truth: Truth | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts since 00:00 UTC today or the node's start, whichever is later."""

    since: UtcMicros
    lines: tuple[LineTotals, ...]


@dataclass(frozen=True, slots=True)
class CameraView:
    """All that the console shows of a camera but its live scene."""

    id: CameraId
    place: str
    state: State
    why: str | None
    since: UtcMicros  # of the state
    retry_in_s: float | None
    position: PositionView | None
    width_px: int | None  # None until the first frame of all time
    height_px: int | None
    notice: NoticeView | None
    detector: str
    lines: tuple[LineView, ...]
    areas: tuple[AreaView, ...]
    ground: GroundView | None
    backdrop: BackdropView | None
    health: HealthView
    totals: Totals
    approaches: tuple[ApproachView, ...] = ()
    carriageways: tuple[CarriagewayView, ...] = ()

    def setup(self) -> Setup:
        """What can be set up of it."""
        return Setup(self.lines, self.areas, self.ground, self.approaches, self.carriageways)


@dataclass(frozen=True, slots=True)
class SiteView:
    """The node and all its cameras. `map` is the operator's GeoJSON as it is."""

    site: str
    version: str
    demo: bool
    at: UtcMicros
    map: Mapping[str, Any] | None
    cameras: tuple[CameraView, ...]


@dataclass(frozen=True, slots=True)
class ProfileSeries:
    """One line, kind and direction over time; `count` is None where nothing was watched."""

    line: str
    kind: Kind
    direction: Direction
    count: tuple[int | None, ...]
    speed_m_s_p85: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """Counts over time; every column is as long as `at`, which holds the start of each step."""

    step_s: int
    at: tuple[UtcMicros, ...]
    coverage_s: tuple[float, ...]
    series: tuple[ProfileSeries, ...]


@dataclass(frozen=True, slots=True)
class MovementSum:
    """How many went from one arm to another; `from_arm` is None where that was not seen."""

    from_arm: str | None
    to_arm: str
    count: int


@dataclass(frozen=True, slots=True)
class SpeedBand:
    """How many motor vehicles crossed a line one way at a speed from `speed_m_s_from` up to
    `speed_m_s_to`; `free` of them with nobody less than 5 s ahead."""

    line: str
    direction: Direction
    speed_m_s_from: float
    speed_m_s_to: float
    count: int
    free: int


@dataclass(frozen=True, slots=True)
class ConflictSum:
    """How many conflicts of a type were how severe: 1 potential, 2 slight, 3 serious."""

    type: ConflictType
    severity: int
    count: int


@dataclass(frozen=True, slots=True)
class ConflictSpot:
    """Where at least five conflicts lie, on the picture; `share` of the densest spot, 0..1."""

    x_px: float
    y_px: float
    share: float


@dataclass(frozen=True, slots=True)
class QueueSum:
    """Queues of a lane of an approach, or of all its lanes (`lane` None): the longest and the mean
    in vehicles, the share of cycles whose queue reached the upstream end, and control delay with
    its level of service. Every lane has cycles of its own; of all lanes they are not added up, but
    `cycles` are those of the lane that had most, `cycles_min` of the one that had fewest."""

    approach: str
    lane: int | None  # 0 is the one farthest right for who drives there
    watched_s: float
    cycles: int  # with somebody who waited
    cycles_min: int  # as `cycles` where it is one lane
    vehicles_max: int
    vehicles_max_mean: float | None
    back_m_max: float
    at_least: bool  # the longest reached the upstream end of what is watched
    reached_share: float | None
    departures: int
    delay_s: float | None
    level: str | None
    delay_why: str | None = None  # why the delay is not known


@dataclass(frozen=True, slots=True)
class FootSum:
    """People who crossed a carriageway on a marked crossing, or off them (`crossing` None). Means
    are of quarters of an hour in which five or more did."""

    carriageway: str
    crossing: str | None
    watched_s: float
    count: int
    wait_s: float | None
    speed_m_s: float | None
    yielding_rate: float | None


@dataclass(frozen=True, slots=True)
class ScreenlinePart:
    """One line of a screenline; `reversed` where it was drawn the other way round."""

    camera: CameraId
    place: str
    line: str
    reversed: bool


@dataclass(frozen=True, slots=True)
class ScreenlineView:
    """Lines of several cameras, added up by the hour; a sum is None, unknown, where one of its
    `parts` was not watched. `coverage_s` is that of the part that was watched least."""

    name: str
    parts: tuple[ScreenlinePart, ...]
    profile: Profile


@dataclass(frozen=True, slots=True)
class PlaceView:
    """What a place tells over a time: sums, and nothing of single road users."""

    since: UtcMicros
    until: UtcMicros
    coverage_s: float
    movements: tuple[MovementSum, ...]
    speeds: tuple[SpeedBand, ...]
    conflicts: tuple[ConflictSum, ...]
    spots: tuple[ConflictSpot, ...]
    queues: tuple[QueueSum, ...] = ()
    crossings_on_foot: tuple[FootSum, ...] = ()
    journeys: tuple[Journey, ...] = ()  # of links that begin or end here
    screenlines: tuple[ScreenlineView, ...] = ()  # that a line of this camera is a part of


@dataclass(frozen=True, slots=True)
class HealthHistory:
    """Health over time; every column is as long as `at`; None where nothing is known."""

    step_s: int
    at: tuple[UtcMicros, ...]
    coverage_s: tuple[float, ...]
    frames: tuple[int | None, ...]
    frames_dropped: tuple[int | None, ...]
    packets_corrupt: tuple[int | None, ...]
    timestamps_repaired: tuple[int | None, ...]
    gaps: tuple[int | None, ...]
    losses: tuple[int | None, ...]
    lateness_s_max: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class GroundPointCheck:
    """What the other points say of one (leave-one-out); None below 5 points."""

    error_px: float | None
    error_m: float | None


@dataclass(frozen=True, slots=True)
class GroundCheck:
    """How good a set of ground points is. `grid_px` are the lines of a 5 m grid, to draw. `suspect`
    is the point that alone is wrong, where there is one: the others are then compared without it.
    `camera` says where they put the camera, where that is known: who hung it can tell whether so.
    """

    usable: bool
    why: str | None
    error_m_rms: float | None
    points: tuple[GroundPointCheck, ...]
    grid_px: tuple[tuple[Pixel, ...], ...]
    suspect: int | None = None
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class CameraPulse:
    """What changes of a camera from second to second."""

    id: CameraId
    state: State
    why: str | None
    since: UtcMicros
    retry_in_s: float | None
    backdrop_at: UtcMicros | None
    health: HealthView
    totals: Totals


@dataclass(frozen=True, slots=True)
class Pulse:
    """All cameras at one moment: the event `cameras`."""

    at: UtcMicros
    cameras: tuple[CameraPulse, ...]


@dataclass(frozen=True, slots=True)
class ShapeView:
    """One road user as numbers. `box` is (left, top, right, bottom) in shares of the picture."""

    id: str  # dies with the track
    kind: Kind
    box: tuple[float, float, float, float]
    heading_deg: float | None
    speed_m_s: float | None
    seen: bool


@dataclass(frozen=True, slots=True)
class SceneView:
    """Who is where now: the event `scene`. `late_s` is how long ago that was."""

    at: UtcMicros
    media_s: float
    late_s: float
    shapes: tuple[ShapeView, ...]


@dataclass(frozen=True, slots=True)
class CrossingView:
    """A tick of a counter: the event `crossing`."""

    camera: CameraId
    line: str
    kind: Kind
    direction: Direction
    at: UtcMicros
    speed_m_s: float | None


@dataclass(frozen=True, slots=True)
class SetupView:
    """A camera was set up anew: the event `setup`."""

    camera: CameraId


def to_json(view: Any) -> str:
    """`view` as JSON: instants as RFC 3339, days as ISO 8601, a number that is none as null."""
    return json.dumps(plain(view), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """`value` in dicts, lists, strings and numbers, as JSON knows them."""
    if is_dataclass(value) and not isinstance(value, type):
        result = {}
        for name, is_time in _shape_of(type(value)):
            item = getattr(value, name)
            result[name] = _times(item) if is_time else plain(item)
        return result
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such number, and null is how the interface says unknown
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):  # not bytes, which could hold a picture
        return [plain(item) for item in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError(f"a view holds a {type(value).__name__}")


def _times(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, int):
        return rfc3339(UtcMicros(value))
    return [_times(item) for item in value]


@functools.cache
def _shape_of(view: type) -> tuple[tuple[str, bool], ...]:
    """Each field of `view`, and whether it holds instants: at run time they are mere integers."""
    hints = typing.get_type_hints(view)
    return tuple((item.name, _holds_times(hints[item.name])) for item in fields(view))


def _holds_times(hint: Any) -> bool:
    return hint is UtcMicros or any(_holds_times(part) for part in typing.get_args(hint))
