"""Simulated: a street that SUMO fills, drawn live as a source of frames, with its truth."""

import bisect
import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from placewatch.capture.address import SIMULATED
from placewatch.capture.query import number_in, parameters
from placewatch.capture.source import SourceHealth, SourceSpec, StreamInfo, Takes, every
from placewatch.capture.synthetic import later_rgb
from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.space import PicturePoint
from placewatch.core.time import Clock, UtcMicros
from placewatch.pixels.frame import Frame
from placewatch.simulate.asked import film_of
from placewatch.simulate.film import Cast, carriages_m, moments
from placewatch.simulate.folder import Film, lines_px
from placewatch.simulate.outdoors import Outdoors
from placewatch.simulate.pinhole import Pinhole
from placewatch.simulate.poses import camera_at
from placewatch.simulate.roads import view_of
from placewatch.simulate.sensor import sensor_of
from placewatch.simulate.street import Street
from placewatch.simulate.streets import street_named
from placewatch.simulate.sumo import Piece, SumoRun
from placewatch.simulate.traffic import GroundLine, RoadUser, TrueCrossing, crossed

Line = tuple[str, PicturePoint, PicturePoint]

_LATE_S = 0.25  # later than this, a live picture is skipped
_WAIT_S = 0.5  # a live source looks up this often, so that `close` ends it
_HOURS_MAX = 24.0 * 31
_DAY_S = 86_400.0  # SUMO plans people for all its time at once: what never ends is day after day
_KNOWN_S = 2 * 86_400.0  # truth is known for so long
_EXAMPLE = "sim://junction?camera=roof&seed=1"


@dataclass(frozen=True, slots=True)
class _Wish:
    """What an address asks for."""

    street: Street
    camera: Pinhole
    film: Film
    seed: int
    hours: float | None


class SimulatedSource:
    """Draws `sim://STREET?camera=roof&seed=1&size=1280x720&fps=12.5&light=day&weather=clear&hours=1`.

    Without `hours` it never ends and keeps real pace, whatever `spec.pace` says. The same address
    draws the same pictures again. SUMO fills the street in a process of its own, which ends when
    the source is closed, and when the process that opened it is no more. Raises Misconfigured where
    the address asks for what there is not, or where SUMO is not installed.
    """

    def __init__(
        self, spec: SourceSpec, clock: Clock, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        wish = _wish(spec.url)
        self._camera_id, self._clock, self._wish = spec.camera, clock, wish
        self._live = spec.pace == "real" or wish.hours is None
        self._closed = threading.Event()
        self._truth = _Truth(lines_px(wish.street, wish.camera), wish.camera)
        film, hours = wish.film, wish.hours
        duration_s = None if hours is None else hours * 3600.0
        self._run = self._day(0)
        try:
            if stopping():
                raise Unavailable("it was closed while it was opened")
            view = view_of(wish.street, self._run.network)
            self._artist = Outdoors(view, wish.camera, film.conditions, film.fps, wish.seed)
            self._sensor = sensor_of(wish.camera, film.conditions, film.fps, wish.seed)
            pieces = iter(self._run)
            first = next(pieces, None)  # SUMO says now what it does not like
        except BaseException:
            self._run.stop()
            raise
        self._first = moments(itertools.chain([] if first is None else [first], pieces))
        frames = None if duration_s is None else math.ceil(duration_s * film.fps - 1e-6)
        self.info = StreamInfo(
            film.width_px, film.height_px, "simulated", film.fps, duration_s, frames
        )
        self.health = SourceHealth()

    @property
    def street(self) -> "SimulatedSource":
        """Itself: who asks for the truth asks the street for its lines."""
        return self

    def lines_px(self) -> list[Line]:
        """(name, from, to) of the lines whose truth is known: those of the street's arms, or those
        that were asked for last."""
        return self._truth.lines

    def count(self, lines: Sequence[Line]) -> None:
        """Counts at these lines of the picture from now on, in place of those before."""
        self._truth.count(lines)

    def truth(self, until_media_s: float, since_media_s: float = 0.0) -> list[TrueCrossing]:
        """Whose middle crossed the lines after `since_media_s` and up to then, in order of time, as
        far as it was simulated by now. Any thread may ask."""
        return self._truth.noticed(until_media_s, since_media_s)

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        """The pictures in order, until the hours are over or somebody closes the source. Raises
        Unavailable where SUMO is ended by somebody else."""
        frames, fps = self.info.frames, self._wish.film.fps
        started_at, started_s = self._clock.utc(), self._clock.monotonic_s()
        unknown = False  # of what was between this frame and the last one
        try:
            for index, (cast, carriages, new) in enumerate(self._moments()):
                media_s = index / fps
                unknown |= new
                if self._closed.is_set() or index == frames:
                    return
                if self._live and not self._in_time(started_s + media_s):
                    continue
                self.health.frames += 1
                if not takes(media_s, unknown) and index + 1 != frames:
                    continue
                canvas = self._artist.draw(cast, media_s, carriages)
                if self._closed.is_set():
                    return
                yield Frame(
                    self._camera_id,
                    UtcMicros(started_at + round(media_s * 1e6)),
                    media_s,
                    index,
                    self._sensor.luma(canvas, index),
                    later_rgb(self._sensor, canvas, index),
                    unknown,
                )
                unknown = False
        finally:
            self.close()

    def _moments(self) -> Iterator[tuple[Cast, list[tuple[float, float]], bool]]:
        """Everybody at each moment, a train's carriages, and whether a new day begins with it."""
        fps, day = self._wish.film.fps, 0
        today, index = self._first, 0
        while True:
            cast, new = Cast(self._run.everybody), day > 0
            self._truth.forget_who_was_where()
            for today_s, piece, rows in today:
                media_s = index / fps
                cast.move(media_s, piece, rows)
                self._truth.move(media_s, piece, rows, cast.at(media_s))
                yield cast, carriages_m(self._wish.street, today_s), new
                index, new = index + 1, False
            if self._wish.hours is not None or self._closed.is_set():
                return
            day += 1
            self._run.stop()
            self._run = self._day(day)
            today = moments(iter(self._run))

    def _day(self, number: int) -> SumoRun:
        hours = self._wish.hours
        duration_s = _DAY_S if hours is None else hours * 3600.0
        step_s = 1.0 / self._wish.film.fps
        return SumoRun(
            self._wish.street, duration_s, self._wish.seed + number, step_s=step_s, live=True
        )

    def close(self) -> None:
        self._closed.set()
        self._run.stop()

    def _in_time(self, due_s: float) -> bool:
        """Waits for a live picture's time; says whether it is not long past."""
        ahead_s = due_s - self._clock.monotonic_s()
        while ahead_s > 0 and not self._closed.is_set():
            self._clock.sleep(min(ahead_s, _WAIT_S))
            ahead_s = due_s - self._clock.monotonic_s()
        self.health.lateness_s = max(0.0, -ahead_s)
        if self._closed.is_set():
            return False
        if -ahead_s > _LATE_S:
            self.health.frames_dropped += 1
            return False
        return True


class _Truth:
    """Who crossed which line. `move` is called by one thread; the others may be by any."""

    def __init__(self, lines: Sequence[Line], camera: Pinhole) -> None:
        self._camera = camera
        self._crossings: list[TrueCrossing] = []
        self._before: dict[int, RoadUser] = {}
        self._last_s = 0.0
        self.count(lines)

    def count(self, lines: Sequence[Line]) -> None:
        known = [
            (line, GroundLine(name, self._camera.to_ground(a), self._camera.to_ground(b)))
            for line in lines
            for name, a, b in [line]
            if self._camera.sees_ground(a) and self._camera.sees_ground(b)
        ]
        self.lines = [line for line, _ in known]
        self._ground = [ground for _, ground in known]

    def move(self, media_s: float, piece: Piece, rows: slice, users: Sequence[RoadUser]) -> None:
        now = dict(zip(piece.who[rows].tolist(), users, strict=True))
        found = []
        for who, user in now.items():
            before = self._before.get(who)
            if before is None or user.speed_m_s == before.speed_m_s == 0.0:
                continue
            for line in self._ground:
                hit = crossed(line, before.x_m, before.y_m, user.x_m, user.y_m)
                if hit is not None:
                    share, way = hit
                    at_s = self._last_s + share * (media_s - self._last_s)
                    found.append(TrueCrossing(at_s, line.name, user.kind, way, user.speed_m_s))
        found.sort(key=_media_s)
        self._crossings.extend(found)  # is only added to, or replaced as a whole
        self._before, self._last_s = now, media_s
        if self._crossings and self._crossings[0].media_s < media_s - 2 * _KNOWN_S:
            self._crossings = self.noticed(media_s, media_s - _KNOWN_S)

    def forget_who_was_where(self) -> None:
        self._before = {}

    def noticed(self, until_s: float, since_s: float) -> list[TrueCrossing]:
        crossings = self._crossings
        first = bisect.bisect_left(crossings, since_s, key=_media_s)
        last = bisect.bisect_right(crossings, until_s, key=_media_s)
        return crossings[first:last]


def _media_s(crossing: TrueCrossing) -> float:
    return crossing.media_s


def _wish(url: str) -> _Wish:
    """Reads an address. Raises Misconfigured."""
    name, _, query = url[len(SIMULATED) :].partition("?")
    if not name.strip("/"):
        raise Misconfigured(f"{url} names no street", hint=f"as in {_EXAMPLE}")
    street = street_named(name.strip("/"))
    asked = parameters(query, _PARAMETERS, "a simulated street", "camera=roof&seed=1")
    fps = number_in(asked, "fps", 12.5, 1, 60)
    film = film_of(
        asked.get("size", "1280x720"),
        fps,
        asked.get("light", "day"),
        asked.get("weather", "clear"),
    )
    hours = asked.get("hours")
    return _Wish(
        street,
        camera_at(street, asked.get("camera", "roof"), film.width_px, film.height_px),
        film,
        seed=round(number_in(asked, "seed", 1, 0, 2**31 - 1, whole=True)),
        hours=None if hours is None else number_in(asked, "hours", 0, 0.0001, _HOURS_MAX),
    )


_PARAMETERS = ("camera", "seed", "size", "fps", "light", "weather", "hours")
