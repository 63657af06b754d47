"""Journeys: each quarter of an hour the journey time of every link, by counts of the last hour.

How this works. Cameras tell of their linked lines how many crossed in each second, and of nobody
(measure/linked.py); here, between the views, nothing else is known. Some seconds after a quarter of
an hour is over, one thread of its own takes copies of that, measures one link after the other, and
hands the node one fact for each: a time with its interval, or why there is none. So a link is never
silent while the node runs. What the thread takes it gives back: it holds no camera's lock while it
measures, and rests between two links.
"""

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING

from placewatch.core.facts import JourneyTime
from placewatch.core.ids import CameraId
from placewatch.core.time import MINUTE_US, Clock, UtcMicros
from placewatch.measure.linked import LinkedLines
from placewatch.node import config as settings
from placewatch.node import log
from placewatch.node.equip import ends_of

if TYPE_CHECKING:
    from placewatch.measure.journey import LinkTime, Refusal, ViewTime

    Part = LinkTime | ViewTime | Refusal

WINDOW_S = 3600  # what is looked at: as long as in the bench
QUARTER_US = 15 * MINUTE_US
SETTLED_US = 15_000_000  # after the window's end: by then its last crossings were told
QUARTERS_MAX = 96  # that are told in arrears, of a machine that was asleep: a day
TICK_S = 1.0
REST_S = 0.5  # between two links, so that whoever watches has the machine to itself


class Journeys:
    """The times of `links` between the views of cameras, whose linked lines `linked` tells.

    `start` a thread for it, or `tell` it by hand; `take` what is there to be stored.
    """

    def __init__(
        self,
        links: Sequence[settings.LinkSettings],
        linked: Mapping[CameraId, Callable[[], LinkedLines]],
        clock: Clock,
    ) -> None:
        self.links = tuple(links)
        self._linked = linked
        self._clock = clock
        self._log = log.get()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journeys", daemon=True)
        self._lock = threading.Lock()  # guards what was found and not taken
        self._found: list[JourneyTime] = []
        now = clock.utc()
        self._told_until = UtcMicros(now - now % QUARTER_US)  # windows to here were before us

    def start(self) -> None:
        """Begins, where there is a link."""
        if self.links:
            self._thread.start()

    def follow(self, links: Sequence[settings.LinkSettings]) -> None:
        """From now on these are measured, once what is being measured is done."""
        self.links = tuple(links)
        if self.links and self._thread.ident is None and not self._stopping.is_set():
            self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end; what it is measuring is not waited for."""
        self._stopping.set()

    def take(self) -> list[JourneyTime]:
        """What was found since the last call."""
        with self._lock:
            found, self._found = self._found, []
            return found

    def tell(self, now: UtcMicros) -> None:
        """Measures all windows that were over well before `now`, and not told yet."""
        due = UtcMicros((now - SETTLED_US) // QUARTER_US * QUARTER_US)
        first = max(self._told_until + QUARTER_US, due - (QUARTERS_MAX - 1) * QUARTER_US)
        for end in range(first, due + 1, QUARTER_US):
            self._told_until = UtcMicros(end)
            self._measure(UtcMicros(end - WINDOW_S * 1_000_000))

    def _run(self) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                self.tell(self._clock.utc())
            except Exception as error:  # this quarter is lost, and the log says so
                self._tell_bug("journeys.bug", error)

    def _tell_bug(self, event: str, error: Exception, **named: str) -> str:
        """Says in the log what a mistake in placewatch was; returns it."""
        what = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_tb(error.__traceback__)[-4:])
        self._log.error(event, why=what, trace=trace, hint="please report it", **named)
        return what

    def _measure(self, since: UtcMicros) -> None:
        links = self.links  # a technician may set others meanwhile
        lines = {camera: ask() for camera, ask in self._linked.items()}
        measured = _Window(links, lines, since)
        found: list[JourneyTime] = []
        for link in links:
            if self._stopping.is_set():
                return
            try:
                fact = measured.fact(link)
            except Exception as error:  # one link's bug must not silence all others
                what = self._tell_bug("journey.bug", error, link=link.name)
                fact = measured.failed(link, what)
            if fact.why is not None:
                self._log.info("journey.refused", link=link.name, why=fact.why)
            found.append(fact)
            if self._thread.ident is not None:
                self._stopping.wait(REST_S)
        with self._lock:
            self._found += found


class _Window:
    """One window of all links, each measured when it is first asked for."""

    def __init__(
        self,
        links: Sequence[settings.LinkSettings],
        lines: Mapping[CameraId, LinkedLines],
        since: UtcMicros,
    ) -> None:
        self._links = tuple(links)
        self._lines = lines
        self._since = since
        self._known: dict[str, Part] = {}

    def fact(self, link: settings.LinkSettings) -> JourneyTime:
        """What is stored of `link`."""
        from placewatch.measure import journey  # SciPy loads when there is a link

        found = [self._part(one) for one in settings.parts_of(link, self._links)]
        told = journey.compose(found) if link.through else found[0]
        blank = self._blank(link)
        if isinstance(told, journey.Refusal):
            return replace(blank, why=str(told.why), sentence=told.sentence)
        if isinstance(told, journey.LinkTime):
            return replace(
                blank,
                median_s=told.median_s,
                median_s_low=told.median_low_s,
                median_s_high=told.median_high_s,
                mean_s=told.mean_s,
                mean_s_low=told.mean_low_s,
                mean_s_high=told.mean_high_s,
                through_share=told.through_share,
                through_share_low=told.through_low,
                through_share_high=told.through_high,
                arrived=told.arrived,
            )
        arrived = told.vehicles if isinstance(told, journey.ViewTime) else None
        return replace(
            blank, mean_s=told.mean_s, mean_s_low=told.low_s, mean_s_high=told.high_s,
            arrived=arrived,
        )  # fmt: skip

    def failed(self, link: settings.LinkSettings, what: str) -> JourneyTime:
        """What is stored where placewatch itself was wrong."""
        sentence = f"A mistake in placewatch ended it: {what} (see the log)."
        return replace(self._blank(link), why="bug", sentence=sentence)

    def _part(self, link: settings.LinkSettings) -> "Part":
        if link.name not in self._known:
            self._known[link.name] = self._measured(link)
        return self._known[link.name]

    def _measured(self, link: settings.LinkSettings) -> "Part":
        from placewatch.measure import journey

        (from_camera, begin), (to_camera, end) = ends_of(link)
        assert link.length_m is not None
        if from_camera == to_camera:
            spans = self._lines[from_camera].spans
            windows = spans.windows((begin, end), self._since, WINDOW_S)
            return journey.view_time(f"{from_camera}", windows)
        return journey.link_time(
            self._lines[from_camera].series(from_camera, begin, self._since, WINDOW_S),
            self._lines[to_camera].series(to_camera, end, self._since, WINDOW_S),
            journey.plausible_s(link.length_m, link.speed_m_s_max, link.speed_m_s_min),
        )

    def _blank(self, link: settings.LinkSettings) -> JourneyTime:
        """The fact of `link` without what was found."""
        parts = settings.parts_of(link, self._links)
        ends = [ends_of(part) for part in parts]
        (from_camera, begin), (to_camera, end) = ends[0][0], ends[-1][1]
        within = not link.through and from_camera == to_camera
        return JourneyTime(
            at=self._since,
            window_s=float(WINDOW_S),
            coverage_s=self._coverage_s({camera for pair in ends for camera, _ in pair}),
            link=link.name,
            how="parts" if link.through else "view" if within else "counts",
            from_camera=from_camera,
            from_line=begin[0],
            from_direction=begin[1],
            to_camera=to_camera,
            to_line=end[0],
            to_direction=end[1],
            length_m=sum(part.length_m or 0.0 for part in parts),
            median_s=None,
            median_s_low=None,
            median_s_high=None,
            mean_s=None,
            mean_s_low=None,
            mean_s_high=None,
            through_share=None,
            arrived=None,
            why=None,
            sentence=None,
        )

    def _coverage_s(self, cameras: Set[CameraId]) -> float:
        """Seconds of the window in which all of `cameras` watched."""
        watched = [self._lines[one].watched_s(self._since, WINDOW_S) for one in sorted(cameras)]
        least_s: list[float] = [min(second) for second in zip(*watched, strict=True)]
        return round(sum(least_s), 3)
