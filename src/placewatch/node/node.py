"""Node: all cameras of one installation, what they store, and what the console asks of them."""

import contextlib
import dataclasses
import threading
import traceback
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from placewatch import __version__
from placewatch.core.acts import Actor
from placewatch.core.errors import Misconfigured, PlacewatchError, Refused
from placewatch.core.facts import CameraHealth, Fact
from placewatch.core.ids import CameraId, camera_id
from placewatch.core.space import Origin, PicturePoint, Point
from placewatch.core.time import Clock, SystemClock, UtcMicros, minute_of
from placewatch.measure.ground import check_ground
from placewatch.node import config as settings
from placewatch.node import log, views
from placewatch.node.camera import WatchedCamera
from placewatch.node.drawn_road import (
    WrongSetting,
    approach_views,
    carriageway_views,
    check_road,
    refuse_wrong,
    road_tables,
    standpoint_words,
    with_road,
)
from placewatch.node.journeys import Journeys
from placewatch.node.links import (
    LinksView,
    check_links,
    line_in_use,
    link_tables,
    links_view,
    missing_times,
)
from placewatch.node.live import Live
from placewatch.node.map import read_map
from placewatch.node.transit import Transit
from placewatch.node.users import LedgerUsers
from placewatch.node.vehicles import TransitView
from placewatch.register.journal import Journal
from placewatch.store.rows import SHAPES
from placewatch.store.store import Store

TICK_S = 0.5
JOIN_S = 1.2
RETRY_S = 20.0  # a disk that refused is asked again this often, and the log says so each time
UNSTORED_MAX = 2_000_000
"""Rows kept in memory while the disk refuses them: some days of a node with ten cameras."""
HEALTH_UNSTORED_MAX = 100_000
APPEND_ROWS_MAX = 50_000  # what has waited is stored in parts, so that none takes long
DAY_US = 86_400_000_000
HEALTH_KEPT_DAYS = 92
"""How long the minutes of health are kept. Facts stay for ever, and say themselves how much of
their minute was seen; the console shows a month."""
CLOCK_OFF_S_MAX = 2.0


class Node:
    """One installation. `start` it once, then `stop` it; any thread may ask in between.

    A fact is reported as stored only after the store has it. While the store refuses (a full
    disk), facts wait in memory, the log says so at each try, and nothing is dropped silently.

    A bug in one camera's thread ends that camera, in plain sight: its state is `failed` and its
    coverage 0, while every other place goes on being counted. A bug in the thread that stores
    ends the node (`ending`, `bug`): a node that counts and stores nothing must not look well.

    Its clock is set once, at the start. Minutes that were reported cannot be told anew, so that
    a clock that was wrong then is not corrected while the node runs: the log says `clock.off`
    each hour until a person starts it again.

    Locks are taken in this order: `_setup_lock`, `_storing`, a camera's, the store's.
    """

    def __init__(self, config: Path, site: settings.Settings, clock: Clock, *, demo: bool) -> None:
        self.clock = clock
        self.live = Live()
        self.settings = site
        self.started = clock.utc()
        self._config = config
        self._demo = demo
        self._log = log.get()
        self._map = read_map(config.parent / site.map) if site.map is not None else None
        self._transit = Transit(site, config.parent, clock)
        folder = config.parent / site.data
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            self.store = Store(folder)
            opened.callback(self.store.close)
            self.journal = Journal(folder / "journal", clock)
            opened.callback(self.journal.close)
            self._stack = opened.pop_all()
        self.users = LedgerUsers(self.store.ledger)
        self.ending = threading.Event()  # whoever started the node should stop it now
        self.bug: BaseException | None = None  # of the thread that stores
        self.unstored = 0  # rows of facts that were lost when it stopped
        self._stopping = threading.Event()
        self._ticker = threading.Thread(target=self._run_ticker, name="minutes", daemon=True)
        self._storing = threading.Lock()  # guards the five below, and that one thread stores
        # By sort, since each has a table of its own.
        self._unstored: dict[type[Fact], list[Fact]] = {sort: [] for sort in SHAPES}
        self._health_unstored: deque[CameraHealth] = deque(maxlen=HEALTH_UNSTORED_MAX)
        self._retry_at_s = 0.0
        self._health_forgotten_at = UtcMicros(0)
        self._clock_told_at = UtcMicros(0)
        self._setup_lock = threading.Lock()
        self.cameras = {
            camera_id(one.id): WatchedCamera(
                one,
                site,
                config.parent,
                clock,
                self.live,
                self._size_remembered(camera_id(one.id)),
                self.store.ledger.remember_picture,
            )
            for one in site.camera
        }
        linked = {name: camera.linked for name, camera in self.cameras.items()}
        self._journeys = Journeys(site.link, linked, clock)

    def start(self) -> None:
        """Starts every camera that has a valid notice."""
        self._log.info("node.started", site=self.settings.site, cameras=len(self.cameras))
        for camera in self.cameras.values():
            camera.start()
        self._transit.start()
        self._journeys.start()
        self._ticker.start()

    def stop(self) -> None:
        """Ends all cameras and stores what was seen of the last minute. Within 2 s.

        `unstored` tells how many rows were lost, because the store refused them to the end.
        """
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._transit.stop()
        self._journeys.stop()
        for camera in self.cameras.values():
            camera.stop()
        until_s = self.clock.monotonic_s() + JOIN_S
        for camera in self.cameras.values():
            camera.join(max(0.0, until_s - self.clock.monotonic_s()))
        if self._ticker.ident is not None:
            self._ticker.join(JOIN_S)
        try:
            with self._storing:  # the ticker may be in the middle of storing on a slow disk
                now = self.clock.utc()
                for camera in self.cameras.values():
                    self._take(camera.close(now))
                    self._health_unstored.append(camera.health_since(now))
                self._take(self._journeys.take())
                self._keep()
        finally:
            self.unstored = self._rows_unstored()
            if self.unstored:
                self._log.error("facts.lost", rows=self.unstored)
            self._log.info("node.stopped", unstored_facts=self.unstored)
            self._stack.close()

    def _run_ticker(self) -> None:
        """Ticks until the node stops. A bug here would end the storing: it ends the node."""
        try:
            minute = minute_of(self.clock.utc())
            while not self._stopping.wait(TICK_S):
                minute = self._tick(minute)
        except BaseException as error:  # a library's panic is no Exception
            self.bug = error
            self._log.error(
                "node.bug",
                why=f"{type(error).__name__}: {error}",
                trace="".join(traceback.format_tb(error.__traceback__)[-4:]),
                hint="nothing would be stored any more, so the node ends; please report it",
            )
            self.ending.set()

    def _tick(self, minute: UtcMicros) -> UtcMicros:
        """Facts of minutes that are over go to the store. In a new minute health, too, and the
        notices are looked at again. Returns the minute that runs."""
        now = self.clock.utc()
        begins = minute_of(now) != minute
        with self._storing:
            for camera in self.cameras.values():
                self._take(camera.close_minutes(now))
                if begins:
                    self._health_unstored.append(camera.health_since(now))
            self._take(self._journeys.take())
            waiting = bool(self._rows_unstored() or self._health_unstored)
            if waiting and self.clock.monotonic_s() >= self._retry_at_s:
                self._keep()
            if begins:
                self._forget_health(now)
                self._check_clock(now)
        if begins:
            for camera in self.cameras.values():
                camera.heed_notice()
        return minute_of(now)

    def _keep(self) -> None:
        """Stores what waits, oldest first. Called with `_storing` held."""
        try:
            for rows in self._unstored.values():
                while rows:
                    part = rows[:APPEND_ROWS_MAX]
                    self.store.append(part)
                    del rows[: len(part)]
                    self._log.info("facts.stored", rows=len(part), what=SHAPES[type(part[0])].name)
            if self._health_unstored:
                self.store.ledger.add_health(self._health_unstored)
                self._health_unstored.clear()
        except PlacewatchError as error:
            self._retry_at_s = self.clock.monotonic_s() + RETRY_S
            self._log.error(
                "facts.not-stored",
                rows=self._rows_unstored(),
                minutes_of_health=len(self._health_unstored),
                why=error.message,
                hint=error.hint,
            )
            # The newest go: a part that the store may half have is tried again as it was.
            for rows in self._unstored.values():
                if len(rows) > UNSTORED_MAX:
                    self._log.error("facts.lost", rows=len(rows) - UNSTORED_MAX)
                    del rows[UNSTORED_MAX:]

    def _take(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self._unstored[type(fact)].append(fact)

    def _rows_unstored(self) -> int:
        return sum(map(len, self._unstored.values()))

    def _forget_health(self, now: UtcMicros) -> None:
        if now - self._health_forgotten_at < DAY_US:
            return
        self._health_forgotten_at = now
        try:
            self.store.ledger.forget_health(UtcMicros(now - HEALTH_KEPT_DAYS * DAY_US))
        except PlacewatchError as error:
            self._log.warning("health.not-forgotten", why=error.message)

    def _check_clock(self, now: UtcMicros) -> None:
        """Says each hour that the machine's clock was set while the node ran."""
        if not isinstance(self.clock, SystemClock) or now - self._clock_told_at < DAY_US // 24:
            return
        off_s = (SystemClock().utc() - self.clock.utc()) / 1e6
        if abs(off_s) > CLOCK_OFF_S_MAX:
            self._clock_told_at = now
            self._log.error(
                "clock.off",
                off_s=round(off_s, 1),
                hint="the machine's clock was set after the start; start the node again, "
                "and let it start only when the time is known",
            )

    # What the console asks.

    def site(self) -> views.SiteView:
        """The node and all its cameras."""
        return views.SiteView(
            site=self.settings.site,
            version=__version__,
            demo=self._demo,
            at=self.clock.utc(),
            map=self._map,
            cameras=tuple(camera.view() for camera in self.cameras.values()),
        )

    def pulse(self) -> views.Pulse:
        """What changes of all cameras from second to second."""
        return views.Pulse(
            self.clock.utc(), tuple(camera.pulse() for camera in self.cameras.values())
        )

    def transit(self) -> TransitView:
        """Vehicles of public transport that tell their own position."""
        return self._transit.view()

    def camera(self, camera: CameraId) -> views.CameraView | None:
        """All that is shown of a camera; None for an unknown one."""
        found = self.cameras.get(camera)
        return None if found is None else found.view()

    def backdrop_jpeg(self, camera: CameraId) -> tuple[bytes, UtcMicros] | None:
        """The street without anybody, and of when it is."""
        found = self.cameras.get(camera)
        return None if found is None else found.backdrop()

    def profile(
        self, camera: CameraId, since: UtcMicros, until: UtcMicros, step_s: int
    ) -> views.Profile:
        """Counts over time, from the store; the minute that is running is not in it yet."""
        found = self.store.facts.profile(camera, since, until, step_s)
        return views.Profile(
            step_s=step_s,
            at=tuple(found.at),
            coverage_s=tuple(found.coverage_s),
            series=tuple(
                views.ProfileSeries(
                    one.line,
                    one.kind,
                    one.direction,
                    tuple(one.count),
                    tuple(one.speed_m_s_p85),
                )
                for one in found.series
            ),
        )

    def health(
        self, camera: CameraId, since: UtcMicros, until: UtcMicros, step_s: int
    ) -> views.HealthHistory:
        """How well a camera delivered over time; a step without any minute is unknown."""
        step_us = step_s * 1_000_000
        steps: list[list[CameraHealth]] = [[] for _ in range(since, until, step_us)]
        for minute in self.store.ledger.health(camera, since, until):
            steps[(minute.at - since) // step_us].append(minute)

        def column(name: str) -> tuple[int | None, ...]:
            return tuple(
                sum(getattr(minute, name) for minute in step) if step else None for step in steps
            )

        return views.HealthHistory(
            step_s=step_s,
            at=tuple(UtcMicros(at) for at in range(since, until, step_us)),
            coverage_s=tuple(sum(minute.coverage_s for minute in step) for step in steps),
            frames=column("frames"),
            frames_dropped=column("frames_dropped"),
            packets_corrupt=column("packets_corrupt"),
            timestamps_repaired=column("timestamps_repaired"),
            gaps=column("gaps"),
            losses=column("losses"),
            lateness_s_max=tuple(
                max((minute.lateness_s_max for minute in step), default=None) for step in steps
            ),
        )

    def site_report(self, camera: CameraId, since: UtcMicros, until: UtcMicros) -> str | None:
        """The report of a place over the time that is stored, as a page of HTML."""
        from placewatch.node.site import site_report  # Arrow's arithmetic loads when it is asked
        from placewatch.publish.site import page

        found = self.cameras.get(camera)
        if found is None:
            return None
        backdrop = found.backdrop()
        jpeg = None if backdrop is None else backdrop[0]
        settled = self.settings, found.settings
        return page(site_report(self.store, *settled, since, until, backdrop_jpeg=jpeg))

    def place(self, camera: CameraId, since: UtcMicros, until: UtcMicros) -> views.PlaceView | None:
        """Movements, speeds and conflicts over the time that is stored, added up."""
        from placewatch.node.site import place_view

        found = self.cameras.get(camera)
        if found is None:
            return None
        return place_view(self.store, self.settings, found.settings, since, until)

    def check_ground(
        self, camera: CameraId, points: Sequence[views.GroundPoint]
    ) -> views.GroundCheck:
        """How good `points` would be; changes nothing."""
        size_px = self._size_of(camera)
        pairs = []
        for number, point in enumerate(points):
            picture = PicturePoint(point.x_px, point.y_px)
            if isinstance(point, views.MetrePoint):
                pairs.append((picture, Point(point.x_m, point.y_m)))
            else:
                origin = self.settings.origin
                if origin is None:
                    raise Misconfigured(
                        f"ground.points.{number}: degrees need the site's origin",
                        hint="add [origin] to the TOML, or give metres",
                    )
                earth = Origin(origin.latitude_deg, origin.longitude_deg)
                pairs.append((picture, earth.to_point(point.latitude_deg, point.longitude_deg)))
        found = check_ground(pairs, *size_px)
        told = None if found.ground is None else standpoint_words(found.ground, size_px)
        return views.GroundCheck(
            usable=found.usable,
            why=found.why,
            error_m_rms=found.error_m_rms,
            points=tuple(
                views.GroundPointCheck(None, None)
                if one is None
                else views.GroundPointCheck(one.error_px, one.error_m)
                for one in found.points
            ),
            grid_px=tuple(found.grid_px),
            suspect=found.suspect,
            camera=None if told is None else told[0],
        )

    def check_road(self, camera: CameraId, setup: views.Setup) -> views.RoadCheck:
        """What the approaches and carriageways of `setup` would be on its ground; changes
        nothing."""
        points = setup.ground.points if setup.ground is not None else ()
        ground = [settings.GroundPointSettings(**dataclasses.asdict(one)) for one in points]
        drawn = with_road(self.cameras[camera].settings, setup, ground)
        return check_road(drawn, self.settings.origin, self._size_remembered(camera))

    def links(self) -> LinksView:
        """The links whose journey time is told, and what was told last; where that cannot be read,
        a sentence in its place."""
        if not self.settings.link:
            return links_view(self.settings)
        from placewatch.node.site import last_journeys

        try:
            times = last_journeys(self.store, self.clock.utc())
        except PlacewatchError as error:  # links can be seen and set all the same
            self._log.warning("links.times_missing", why=error.message, hint=error.hint)
            return links_view(self.settings, missing=missing_times(error))
        return links_view(self.settings, times)

    def save_links(self, links: Sequence[settings.LinkSettings], actor: Actor) -> None:
        """Puts `links` into the TOML and in force. Raises Misconfigured."""
        with self._setup_lock:
            check_links(self.settings, links)
            settings.save_links(self._config, link_tables(links))
            self.settings = settings.load(self._config)
            for camera in self.cameras.values():
                camera.relink(self.settings)
            self._journeys.follow(self.settings.link)
        self._log.info("links.set", links=len(links), by=actor.role.value)

    def save_setup(self, camera: CameraId, setup: views.Setup, actor: Actor) -> None:
        """Puts `setup` into the TOML and in force. Raises Misconfigured."""
        tables: dict[str, list[dict[str, Any]]] = {
            "line": [
                {"name": line.name, "from_px": list(line.from_px), "to_px": list(line.to_px)}
                | ({"arm": line.arm} if line.arm is not None else {})
                for line in setup.lines
            ],
            "area": [
                {"name": area.name, "corners_px": [list(corner) for corner in area.corners_px]}
                for area in setup.areas
            ],
            "ground": [dataclasses.asdict(point) for point in setup.ground.points]
            if setup.ground is not None
            else [],
        }
        with self._setup_lock:
            line, why = line_in_use(self.settings, camera, [one.name for one in setup.lines])
            if line:
                raise WrongSetting(
                    "lines",
                    f'the line "{line}" has to stay as it is called: {why}',
                    hint="change that first",
                )
            if setup.ground is not None and setup.ground.points:
                check = self.check_ground(camera, setup.ground.points)
                if not check.usable:
                    raise Misconfigured(f"ground.points: {check.why}")
            refuse_wrong(self.check_road(camera, setup))
            before = self.cameras[camera].settings
            # What is as it was is not written anew, with its comments.
            kept = views.Setup((), (), None, approach_views(before), carriageway_views(before))
            written = road_tables(kept)
            tables |= {key: new for key, new in road_tables(setup).items() if new != written[key]}
            settings.save_setup(self._config, camera, tables)
            self.settings = settings.load(self._config)
            changed = next(one for one in self.settings.camera if one.id == camera)
            self.cameras[camera].set_up(changed, self.settings)
        self._log.info("camera.set-up", camera=camera, by=actor.role.value)
        self.live.setup(camera)

    def _size_remembered(self, camera: CameraId) -> tuple[int, int] | None:
        memory = self.store.ledger.camera(camera)
        if memory.width_px is None or memory.height_px is None:
            return None
        return memory.width_px, memory.height_px

    def _size_of(self, camera: CameraId) -> tuple[int, int]:
        view = self.cameras[camera].view()
        if view.width_px is None or view.height_px is None:
            raise Refused("no picture was seen yet", hint="wait until the camera delivers")
        return view.width_px, view.height_px
