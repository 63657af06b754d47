"""Transit: keeps each public-transport feed read, whatever it does; it stops nothing else."""

import math
import stat
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from placewatch.core.errors import Misconfigured, PlacewatchError, Rejected
from placewatch.core.space import Origin
from placewatch.core.time import Clock, UtcMicros
from placewatch.node import config as settings
from placewatch.node import log
from placewatch.node.vehicles import FeedState, FeedView, TransitView, VehicleView
from placewatch.transit.fleet import Fleet, within
from placewatch.transit.lines import Lines, read_lines
from placewatch.transit.reading import AHEAD_S_MAX, LeftOut, Reading, Seen
from placewatch.transit.source import Login, Source, login_of, open_source

RETRY_S_MAX = 300.0
"""A feed that fails is asked half as often each time, down to this; nobody's server is hammered."""
SILENT_TURNS = 3  # so many times it may bring nothing new

_LEFT_OUT: dict[LeftOut, str] = {
    "nowhere": "without a usable position",
    "future": "with a time to come (is its clock right, and the node's?)",
    "twice": "there twice, of which the newer is shown",
}


class Transit:
    """All feeds of a node; each is read by a thread of its own."""

    def __init__(self, site: settings.Settings, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._feeds = [WatchedFeed(one, site, folder, clock) for one in site.transit]

    def start(self) -> None:
        """Begins to read all feeds."""
        for feed in self._feeds:
            feed.start()

    def stop(self) -> None:
        """Ends it. An answer that is still awaited is not waited for."""
        for feed in self._feeds:
            feed.stop()

    def view(self) -> TransitView:
        """All feeds as of now."""
        now = self._clock.utc()
        return TransitView(now, tuple(feed.view(now) for feed in self._feeds))


class _Address:
    """One address of a feed: what is wrong with it, and when it is to be asked again."""

    def __init__(
        self, url: str, every_s: float, opened: Callable[[str], Source], clock: Clock
    ) -> None:
        self._url, self._every_s, self._opened, self._clock = url, every_s, opened, clock
        self._source: Source | None = None
        self._retry_s = every_s
        self.wait_s = every_s  # from the last answer to the next question
        self.due_s = -math.inf  # of the clock's monotonic seconds
        self.why: str | None = None

    def ask(self) -> Reading | None:
        """What is new there; None where nothing is, or where `why` says what is wrong."""
        asked_s = 0.0
        try:
            if self._source is None:
                self._source = self._opened(self._url)
            content = self._source.fetch()
            reading = None if content is None else reading_of(content, self._clock.utc())
            self.why, self._retry_s = None, self._every_s
        except PlacewatchError as error:
            if self._source is not None:
                asked_s = self._source.retry_after_s
            # Opened anew, its login is read again, and "what you have is right" is no answer.
            self._source, reading = None, None
            self.why = _sentence(error)
            self._retry_s = max(self._every_s, min(2 * self._retry_s, RETRY_S_MAX))
        self.wait_s = max(self._retry_s, asked_s)
        self.due_s = self._clock.monotonic_s() + self.wait_s
        return reading


class WatchedFeed:
    """One feed: its thread, and what is known of its vehicles just now."""

    def __init__(
        self, one: settings.TransitSettings, site: settings.Settings, folder: Path, clock: Clock
    ) -> None:
        self._one, self._folder, self._clock = one, folder, clock
        self._middle = middle_of(site)
        self._near = within(self._middle, one.within_m)
        self._log = log.get(feed=one.name)
        self._fleet = Fleet(one.gone_after_s)  # guarded by `_lock`, as are the four below
        self._began = clock.utc()
        self._heard: UtcMicros | None = None
        self._why: str | None = None
        self._notes: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed {one.name}", daemon=True)
        # Of the thread alone:
        self._positions = _Address(one.url, one.every_s, self._open, clock)
        self._delays = (
            _Address(one.delays_url, one.every_s, self._open, clock)
            if one.delays_url is not None
            else None
        )
        self._reading: Reading | None = None  # of positions
        self._of_trips: Reading | None = None  # of the delays, where they are a feed of their own
        self._arrived = self._began  # when the last answer with positions came
        self._lines, self._lines_state = Lines(), 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def view(self, now: UtcMicros) -> FeedView:
        """What is shown of it at `now`."""
        one = self._one
        with self._lock:
            heard, why, notes = self._heard, self._why, self._notes
            vehicles = self._fleet.vehicles(now)
        since = heard if heard is not None else self._began
        patience_s = max(one.old_after_s, SILENT_TURNS * one.every_s)
        silent = now - since > patience_s * 1e6 or (heard is None and why is not None)
        state: FeedState = "silent" if silent else "starting" if heard is None else "fresh"
        if silent and why is None:
            why = "It answers, but brings nothing new." if heard else "It has not answered yet."
        return FeedView(
            name=one.name,
            operator=one.operator,
            attribution=one.attribution,
            state=state,
            since=since,
            why=why,
            notes=notes,
            every_s=one.every_s,
            old_after_s=one.old_after_s,
            gone_after_s=one.gone_after_s,
            vehicles=tuple(
                VehicleView(
                    each.id,
                    each.line,
                    each.latitude_deg,
                    each.longitude_deg,
                    each.bearing_deg,
                    each.delay_s,
                    each.at,
                )
                for each in vehicles
            ),
        )

    def turn(self) -> float:
        """Reads the feed once, and says after how many seconds it wants to be read again.

        Delays and names of lines that cannot be had do not keep the positions waiting.
        """
        problems: list[str] = []
        try:
            self._read_lines()
        except PlacewatchError as error:
            problems.append(_sentence(error))
        positions = self._positions.ask()
        if positions is not None:
            self._reading, self._arrived = positions, self._clock.utc()
        if self._positions.why is not None:
            problems.append(self._positions.why)
        delays = None
        if self._delays is not None:
            if self._clock.monotonic_s() >= self._delays.due_s:
                delays = self._delays.ask()
                self._of_trips = delays if delays is not None else self._of_trips
            if self._delays.why is not None:
                problems.append(f"Delays: {self._delays.why}")
        if positions is not None or delays is not None:
            self._take()
        with self._lock:
            self._why = " ".join(problems) or None
        return self._positions.wait_s

    def _run(self) -> None:
        try:
            wait_s = 0.0
            while not self._stopping.wait(wait_s):
                before = self._why
                wait_s = self.turn()
                self._log_change(before)
        except BaseException as error:  # a library's panic is no Exception
            self._log.error(
                "transit.bug",
                why=f"{type(error).__name__}: {error}",
                trace="".join(traceback.format_tb(error.__traceback__)[-4:]),
                hint="this feed is not read any more; please report it",
            )
            with self._lock:
                self._why = "A mistake in placewatch ended it; the node's log has more."

    def _open(self, url: str) -> Source:
        login = login_from(self._one, self._folder)
        return open_feed(url, self._folder, self._clock, login)

    def _take(self) -> None:
        """Merges the newest positions with the newest delays."""
        if self._reading is None:
            return
        now = self._clock.utc()
        seen, left_out = self._reading.vehicles(self._near, now)
        delays = self._of_trips if self._delays is not None else self._reading
        if delays is not None and self._is_recent(delays, now):
            seen = delays.with_delays(seen, now)
        at = self._reading.at if self._reading.at is not None else self._arrived
        with self._lock:
            self._fleet.take(seen, self._lines, min(at, now), self._middle)
            self._heard = UtcMicros(max(self._heard or 0, min(at, now)))
            self._notes = self._noted(left_out, seen)

    def _is_recent(self, delays: Reading, now: UtcMicros) -> bool:
        """Whether what is told of delays is not too old to be told on."""
        return delays.at is None or now - delays.at <= self._one.gone_after_s * 1e6

    def _noted(self, left_out: Counter[LeftOut], seen: Sequence[Seen]) -> tuple[str, ...]:
        assert self._reading is not None
        notes = []
        vehicles, trips = self._reading.counts()
        if not vehicles and trips:
            notes.append(
                f"It speaks of {trips} trips and tells no position of any vehicle: url may be "
                "the address of the delays."
            )
        elif vehicles and not seen and not left_out:
            notes.append(
                f"None of its {vehicles} vehicles is within {self._one.within_m / 1000:g} km."
            )
        told = [f"{left_out[why]} {words}" for why, words in _LEFT_OUT.items() if left_out[why]]
        if told:
            notes.append(f"Of its vehicles were {', '.join(told)}.")
        if self._fleet.beyond:
            notes.append(f"{self._fleet.beyond} vehicles farther away are left out.")
        return tuple(notes)

    def _read_lines(self) -> None:
        """Reads the timetable, and again after it was changed."""
        if self._one.timetable is None:
            return
        path = self._folder / self._one.timetable
        try:
            state = (path / "routes.txt" if path.is_dir() else path).stat().st_mtime_ns
        except OSError:
            state = -1  # reading it says what is wrong
        if state != self._lines_state or state == -1:
            self._lines = read_lines(path)
            self._lines_state = state

    def _log_change(self, before: str | None) -> None:
        """Tells the log when something begins to be wrong, changes, and ends."""
        if self._why is not None and self._why != before:
            self._log.warning("transit.lost", why=self._why)
        elif self._why is None and before is not None:
            self._log.info("transit.back")


def open_feed(url: str, folder: Path, clock: Clock, login: Login | None) -> Source:
    """The feed at `url`, or that of the demonstration's invented town."""
    if url.startswith("town:"):
        from placewatch.node.demo_buses import ADDRESS, InventedFeed  # only here: a few use it

        if url != ADDRESS:
            raise Misconfigured(f"there is no invented town {url}", hint=f"it is {ADDRESS}")
        return InventedFeed(clock)
    return open_source(url, folder, clock, login)


def middle_of(site: settings.Settings) -> Origin:
    """The middle of the site: its origin, or else where its cameras hang on average.

    Raises Misconfigured where nothing says where the site is.
    """
    if site.origin is not None:
        return Origin(site.origin.latitude_deg, site.origin.longitude_deg)
    hung = [camera.position for camera in site.camera if camera.position is not None]
    if not hung:
        raise Misconfigured(
            "transit: nothing says where the site is", hint="add [origin], or a camera's position"
        )
    return Origin(
        sum(one.latitude_deg for one in hung) / len(hung),
        sum(one.longitude_deg for one in hung) / len(hung),
    )


def login_from(one: settings.TransitSettings, folder: Path) -> Login | None:
    """What opens the feed, from its login file. Raises Misconfigured, showing none of it."""
    if one.login_file is None:
        return None
    path = folder / one.login_file
    try:
        return login_of(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"the login file {path} of {one.name} cannot be read",
            hint="make it a file with one line, such as X-Api-Key: …",
        ) from error
    except Misconfigured as error:
        raise Misconfigured(
            f"the login file {path} of {one.name} is not understood: {error.message}",
            hint="make it one line: user:password, Header-Name: value, or ?name=key",
        ) from error


def reading_of(content: bytes, now: UtcMicros) -> Reading:
    """`content` decoded. Raises Rejected also where its clock is far ahead of ours."""
    reading = Reading(content)
    if reading.at is not None and reading.at - now > AHEAD_S_MAX * 1e6:
        raise Rejected(
            f"its time is {(reading.at - now) / 60e6:.0f} min ahead of the node's",
            hint="is one of the two clocks wrong?",
        )
    return reading


def trial(
    one: settings.TransitSettings, site: settings.Settings, folder: Path, clock: Clock
) -> Iterator[tuple[str, bool]]:
    """Reads a feed once. A line for each thing that was found, and whether it is wrong."""
    feed = WatchedFeed(one, site, folder, clock)
    feed.turn()
    view = feed.view(clock.utc())
    if one.login_file is not None:
        file = folder / one.login_file
        if file.exists() and file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            yield f"others on this machine can read its login (chmod 600 {file})", False
        if any((url or "").startswith("http://") for url in (one.url, one.delays_url)):
            yield "its login goes over the network for all to read (is there an https://?)", False
    if view.why is not None:
        yield view.why, True
    for note in view.notes:
        yield note, False
    if view.state == "fresh":
        late = sum(each.delay_s is not None for each in view.vehicles)
        yield f"{len(view.vehicles)} vehicles near the site, {late} with a delay", False


def _sentence(error: PlacewatchError) -> str:
    """An error as a sentence of its own."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
