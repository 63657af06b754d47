"""Camera: one camera of a node: its thread, its state, and what is known of it just now."""

import dataclasses
import datetime
import random
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from placewatch.capture import open_source
from placewatch.capture.source import Source, SourceHealth, SourceSpec, Takes, every
from placewatch.core.errors import Misconfigured, PlacewatchError, Unavailable
from placewatch.core.facts import CameraHealth, Crossing, Fact
from placewatch.core.ids import CameraId, camera_id
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import Clock, UtcMicros, minute_of
from placewatch.measure.flow import UNSEEN_AFTER_S
from placewatch.measure.linked import LinkedLines
from placewatch.measure.meters import Meters
from placewatch.measure.scene import Scene
from placewatch.node import config as settings
from placewatch.node import log, views
from placewatch.node.decoded import decoded
from placewatch.node.drawn_road import approach_views, carriageway_views
from placewatch.node.equip import (
    address_of,
    check_picture,
    counting_lines,
    linked_lines,
    meters_of,
    notice_of,
    policy_of,
    road_of,
    scaled,
    stage_of,
    tempo_of,
    tracker_of,
    zones_of,
)
from placewatch.node.live import Live
from placewatch.node.main_stream import MainStream
from placewatch.node.pipeline import Post, watch
from placewatch.node.strain import Strain, strain_sentence
from placewatch.node.supervise import Turn, keep_going
from placewatch.node.understudy import Understudied
from placewatch.perceive.backdrop import BackdropPainter
from placewatch.perceive.detector import Detector
from placewatch.perceive.detectors import DEFAULT
from placewatch.perceive.motion import BackgroundModel
from placewatch.pixels.frame import Frame
from placewatch.register.notices import refusal

BACKDROP_EVERY_S = 60.0
BACKDROP_FIRST_EVERY_S = 4.0  # while much of the street is still being learnt
FPS_OVER_S = 5.0
KNOWN_SHARE_ENOUGH = 0.97
KNOWN_SHARE_MIN = 0.5  # a street of which less is known is still being learnt


class WatchedCamera:
    """One camera. Its thread turns frames into facts; everybody else asks here what is known.

    `_lock` guards the state, the counters and the flow meter; it is never held while a frame is
    looked at.
    """

    def __init__(
        self,
        camera: settings.CameraSettings,
        site: settings.Settings,
        folder: Path,
        clock: Clock,
        live: Live,
        size_px: tuple[int, int] | None,
        remember_size: Callable[[CameraId, int, int], None],
    ) -> None:
        self.id = camera_id(camera.id)
        self.settings = camera
        self._site = site
        self._folder = folder
        self._clock = clock
        self._live = live
        self._remember_size = remember_size
        self._log = log.get(camera=camera.id)
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._source: Source | None = None
        self._size_px = size_px  # of the picture on which people draw
        self._analysed_px: tuple[int, int] | None = None
        self._scale = (1.0, 1.0)  # from the one to the other
        self._fitted_px: tuple[int, int] | None = None  # the picture whose lens is measured by
        self._main: MainStream | None = None
        if camera.sub_url is not None:
            main = partial(self._spec, camera.url)
            self._main = MainStream(self.id, clock, main, self._remember)
        self._state: views.State = "starting"
        self._why: str | None = "it is being opened"
        self._since = clock.utc()
        self._retry_at_s: float | None = None
        self._last_loss: tuple[UtcMicros, str] | None = None
        self._losses = 0
        self._past = SourceHealth()  # of sessions that ended
        self._minute_began: tuple[UtcMicros, SourceHealth, int] = (clock.utc(), SourceHealth(), 0)
        self._seen_s = 0.0
        self._late_s_max = 0.0
        self._began_s = clock.monotonic_s()
        self._session_began_s = 0.0
        self._session_began_at = clock.utc()
        self._scene_times: deque[tuple[float, int]] = deque(maxlen=512)  # s, frames until then
        self._strain = Strain()
        self._late_s = 0.0
        self._last_scene: Scene | None = None
        self._painted_s = -BACKDROP_EVERY_S
        self._backdrop: tuple[bytes, views.BackdropView] | None = None
        self._waiting: list[Fact] = []  # rows of meters that were replaced
        self._meters = meters_of(self.settings, clock.utc(), None, site.link)
        self._post: Post | None = None
        self._detector: Understudied | None = None
        self._net_refused = False

    # What its thread does.

    def start(self) -> None:
        """Begins to watch, if the notice allows it."""
        if self._refused() or self._thread is not None or self._stop.is_set():
            return
        self._become("starting", "it is being opened")
        self._thread = threading.Thread(target=self._run, name=f"camera {self.id}", daemon=True)
        self._thread.start()
        if self._main is not None:
            self._main.start()

    def heed_notice(self) -> None:
        """Looks at the date: a notice that begins today starts the camera, one that is over
        ends it, and no session begins after that."""
        if self._refused():
            if self._thread is not None:
                self.stop()
        else:
            self.start()

    def _refused(self) -> bool:
        """Whether the notice forbids to watch today; then the state says why."""
        today = datetime.datetime.fromtimestamp(self._clock.utc() / 1e6, datetime.UTC).date()
        why = refusal(notice_of(self.settings), today)
        if why is None:
            return False
        if self._state != "refused":
            self._log.warning("camera.refused", why=why)
        self._become("refused", f"It does not watch: {why}.")
        return True

    def stop(self) -> None:
        """Asks its thread to end; `join` waits for it."""
        self._stop.set()
        if self._main is not None:
            self._main.stop()
        source = self._source
        if source is not None:
            source.close()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            detector = Understudied(self.settings, self._refuse_net)
            self._log.info("detector.opened", detector=detector.name, runs_on=detector.runs_on)
            with self._lock:  # or a set-up that comes now would be half in force
                self._detector = detector
                self._post = self._equip(detector)
            # Chance decides only when to try again; it need not be secret.
            dice = random.Random(self.id)
            keep_going(self._session, self._clock, self._stop, dice, self._turned)
        except PlacewatchError as error:
            self._log.error("camera.failed", why=error.message, hint=error.hint)
            self._become("failed", _sentence(str(error)))
        except BaseException as error:  # a library's panic is no Exception
            # A bug. What the camera's stages remember may be wrong by now, so that it is not
            # tried again: an unknown count is better than a false one. Others go on.
            what = f"{type(error).__name__}: {error}"
            self._log.error(
                "camera.bug",
                why=what,
                trace="".join(traceback.format_tb(error.__traceback__)[-4:]),
                hint="start the node again, and please report it",
            )
            self._become("failed", f"A mistake in placewatch ended it: {what} (see the log).")

    def _session(self) -> None:
        """One session, from opening to its end. Raises Unavailable when the camera is lost."""
        assert self._post is not None
        spec = self._spec(self.settings.sub_url or self.settings.url)
        policy = self._post.policy
        source = open_source(spec, self._clock, stopping=self._stop.is_set, policy=policy)
        self._source = source
        try:
            if self._stop.is_set():
                return
            self._opened(source)
            # A session's time begins at 0, the street's goes on: what is known of it is older.
            self._session_began_s = self._clock.monotonic_s() - self._began_s
            self._session_began_at = self._clock.utc()
            watch(_Shifted(source, self._session_began_s), self._post, self._tell)
        finally:
            source.close()
            with self._lock:
                self._past = _sum(self._past, source.health)
                self._source = None
                crossings = self._meters.leave()
            self._tell_crossings(crossings)

    def _spec(self, url: str) -> SourceSpec:
        return SourceSpec(
            camera=self.id,
            url=address_of(url, self._folder),
            pace="real",
            transport=self.settings.transport,
            login=settings.login_of(self.settings, self._folder),
        )

    def _opened(self, source: Source) -> None:
        width_px, height_px = source.info.width_px, source.info.height_px
        if self._main is None:
            self._remember(width_px, height_px)
        elif self._size_px is None:
            raise Unavailable(
                "the size of the main stream is not known yet, and lines are drawn on its picture",
                hint="is the main stream there? `placewatch check` tells",
            )
        assert self._size_px is not None
        check_picture(self.settings, *self._size_px)
        # What is drawn is in pixels of the picture on which people draw.
        bare = settings.with_values(self.settings, line=(), approach=(), carriageway=())
        check_picture(bare, width_px, height_px)
        with self._lock:
            self._analysed_px = (width_px, height_px)
            self._fit()
        self._count_truth()
        self._log.info("camera.opened", width_px=width_px, height_px=height_px)
        self._retry_at_s = None
        if self._backdrop is None:
            self._become("learning", "It learns the empty street.")
        else:
            self._become("watching", None)

    def _remember(self, width_px: int, height_px: int) -> None:
        """Takes note of the size of the picture on which people draw."""
        with self._lock:
            if self._size_px == (width_px, height_px):
                return
            self._size_px = (width_px, height_px)
            self._fit()
        try:
            self._remember_size(self.id, width_px, height_px)
        except PlacewatchError as error:  # a full disk is no reason to stop watching
            self._log.warning("camera.size-not-kept", why=error.message, hint=error.hint)

    def _fit(self) -> None:
        """Measures in the pixels that are analysed, which may be fewer than people drew on."""
        if self._size_px is None or self._analysed_px is None:
            return
        scale = (
            self._analysed_px[0] / self._size_px[0],
            self._analysed_px[1] / self._size_px[1],
        )
        if (scale, self._analysed_px) != (self._scale, self._fitted_px):
            self._scale, self._fitted_px = scale, self._analysed_px
            self._measure_anew(self.settings, self._site)

    def _measure_anew(
        self, camera: settings.CameraSettings, site: settings.Settings
    ) -> list[Crossing]:
        """New meters and stage; what was counted so far is reported."""
        changed = scaled(self._at_work(camera), *self._scale)
        stage = stage_of(changed, site.origin, self._fitted_px)
        now = self._clock.utc()
        # What cannot be measured is refused here.
        meters = meters_of(changed, now, stage.ground, site.link)
        crossings = self._meters.leave()
        if self._last_scene is not None:
            self._waiting += self._meters.close(now)
        self._meters = meters
        if self._post is not None:
            self._post.stage = stage  # anew: paths on the old ground would give false speeds
        return crossings

    def _turned(self, turn: Turn) -> None:
        """Takes over what supervision says of the camera."""
        why = f"{turn.reason} ({turn.hint})" if turn.hint else turn.reason
        if turn.state == "lost":
            with self._lock:
                self._losses += self._state in ("learning", "watching")
                self._last_loss = (self._clock.utc(), turn.reason)
                self._retry_at_s = self._clock.monotonic_s() + turn.retry_in_s
            self._log.warning("camera.lost", why=turn.reason, retry_in_s=round(turn.retry_in_s, 1))
            self._become("lost", _sentence(turn.reason))
        elif turn.state == "failed":
            self._log.error("camera.failed", why=turn.reason, hint=turn.hint)
            self._become("failed", _sentence(why))
        elif turn.state == "ended":
            self._log.info("camera.ended")
            self._become("ended", "The recording came to its end.")

    def _tell(self, scene: Scene, crossings: list[Crossing]) -> None:
        now_s = self._clock.monotonic_s()
        with self._lock:
            late_s = max(0.0, (self._clock.utc() - scene.at) / 1e6)
            self._late_s = late_s
            self._late_s_max = max(self._late_s_max, late_s)
            last = self._last_scene
            if last is not None and not scene.after_gap and not scene.starved:
                passed_s = (scene.at - last.at) / 1e6
                self._seen_s += passed_s if 0 < passed_s <= UNSEEN_AFTER_S else 0.0
            self._last_scene = scene
            total = self._total()
            self._scene_times.append((now_s, total.frames))
            self._strain.note(now_s, total.frames, total.frames_dropped)
        self._paint(scene.at, now_s)
        self._tell_crossings(crossings)
        if self._live.wants_scene(self.id, scene.at):
            self._live.scene(self.id, self._scene_view(scene, late_s))

    def _tell_crossings(self, crossings: list[Crossing]) -> None:
        for one in crossings:
            self._live.crossing(
                views.CrossingView(
                    one.camera, one.line, one.kind, one.direction, one.at, one.speed_m_s
                )
            )

    def _paint(self, at: UtcMicros, now_s: float) -> None:
        """Renews the backdrop each minute; while there is none, more often."""
        assert self._post is not None
        share = self._backdrop[1].known_share if self._backdrop is not None else 0.0
        if now_s - self._painted_s < (
            BACKDROP_EVERY_S if share >= KNOWN_SHARE_ENOUGH else BACKDROP_FIRST_EVERY_S
        ):
            return
        self._painted_s = now_s
        backdrop = self._post.painter.backdrop(at)
        if backdrop is None:
            return
        jpeg, view = backdrop.jpeg(), views.BackdropView(at, round(backdrop.known_share, 3))
        with self._lock:
            self._backdrop = jpeg, view
        if self._state == "learning" and backdrop.known_share >= KNOWN_SHARE_MIN:
            self._become("watching", None)

    def _equip(self, detector: Detector) -> Post:
        with self._lock:
            changed = scaled(self._at_work(self.settings), *self._scale)
            stage = stage_of(changed, self._site.origin, self._fitted_px)
            zones = zones_of(changed, stage.ground)
            road = road_of(changed, stage.ground)
            self._meters.stand_on(stage.ground, zones, self._clock.utc(), road)
        return Post(
            background=BackgroundModel(),
            detector=detector,
            tracker=tracker_of(self.settings),
            painter=BackdropPainter(quarantine_s=self.settings.backdrop_quarantine_s),
            stage=stage,
            meters=_SharedMeters(self),
            policy=policy_of(self.settings),
            tempo=tempo_of(self.settings),
        )

    def _refuse_net(self, why: Misconfigured) -> None:
        """Says that the built-in detector works in place of the camera's net, from now on."""
        self._log.warning(
            "detector.refused",
            detector=self.settings.detector,
            why=why.message,
            hint=why.hint,
            instead=DEFAULT,
        )
        with self._lock:
            self._net_refused = True
            if self._post is not None:
                self._post.stage = stage_of(
                    scaled(self._at_work(self.settings), *self._scale),
                    self._site.origin,
                    self._fitted_px,
                )

    def _at_work(self, camera: settings.CameraSettings) -> settings.CameraSettings:
        """`camera` with the detector that is at work, which decides how kinds are told."""
        return settings.with_values(camera, detector=DEFAULT) if self._net_refused else camera

    # What others ask of it.

    def close_minutes(self, before: UtcMicros) -> list[Fact]:
        """The facts of all minutes that ended well before `before`, once."""
        with self._lock:
            rows = [*self._waiting, *self._meters.close_minutes(before)]
            self._waiting = []
            return rows

    def close(self, at: UtcMicros) -> list[Fact]:
        """The last facts, when the node ends."""
        with self._lock:
            self._meters.leave()  # its thread did, unless it is stuck
            rows = [*self._waiting, *self._meters.close(at)]
            self._waiting = []
            return rows

    def health_since(self, now: UtcMicros) -> CameraHealth:
        """What it met since this was last asked."""
        with self._lock:
            began, before, losses_before = self._minute_began
            total = self._total()
            self._minute_began = now, total, self._losses
            seen_s, self._seen_s = self._seen_s, 0.0
            late_s, self._late_s_max = self._late_s_max, 0.0
            return CameraHealth(
                at=minute_of(began),
                window_s=60.0,
                coverage_s=min(seen_s, 60.0),
                camera=self.id,
                frames=total.frames - before.frames,
                frames_dropped=total.frames_dropped - before.frames_dropped,
                packets_corrupt=total.packets_corrupt - before.packets_corrupt,
                timestamps_repaired=total.timestamps_repaired - before.timestamps_repaired,
                gaps=total.gaps - before.gaps,
                losses=self._losses - losses_before,
                lateness_s_max=late_s,
            )

    def linked(self) -> LinkedLines:
        """What links to other places are measured by, as it is now."""
        with self._lock:
            return self._meters.linked.copy()

    def view(self) -> views.CameraView:
        """All that the console shows of it."""
        one = self.settings
        with self._lock:
            size_px = self._size_px or (None, None)
            return views.CameraView(
                id=self.id,
                place=one.notice.place if one.notice is not None else one.id,
                state=self._state,
                why=self._why,
                since=self._since,
                retry_in_s=self._retry_in_s(),
                position=views.PositionView(**dataclasses.asdict(one.position))
                if one.position is not None
                else None,
                width_px=size_px[0],
                height_px=size_px[1],
                notice=views.NoticeView(
                    one.notice.purpose,
                    one.notice.legal_basis,
                    one.notice.owner,
                    one.notice.contact,
                    one.notice.until,
                )
                if one.notice is not None
                else None,
                detector=self._at_work(one).detector,
                lines=tuple(views.LineView(x.name, x.from_px, x.to_px, x.arm) for x in one.line),
                areas=tuple(views.AreaView(x.name, x.corners_px) for x in one.area),
                ground=views.GroundView(tuple(_ground_view(x) for x in one.ground))
                if one.ground
                else None,
                backdrop=self._backdrop[1] if self._backdrop is not None else None,
                health=self._health_view(),
                totals=self._totals(),
                approaches=approach_views(one),
                carriageways=carriageway_views(one),
            )

    def pulse(self) -> views.CameraPulse:
        """What changes of it from second to second."""
        with self._lock:
            return views.CameraPulse(
                id=self.id,
                state=self._state,
                why=self._why,
                since=self._since,
                retry_in_s=self._retry_in_s(),
                backdrop_at=self._backdrop[1].at if self._backdrop is not None else None,
                health=self._health_view(),
                totals=self._totals(),
            )

    def backdrop(self) -> tuple[bytes, UtcMicros] | None:
        """The street without anybody as a JPEG, and of when it is."""
        with self._lock:
            return None if self._backdrop is None else (self._backdrop[0], self._backdrop[1].at)

    def set_up(self, camera: settings.CameraSettings, site: settings.Settings) -> None:
        """Takes over new lines, areas, ground and road; what was counted so far is reported.

        Whatever else was changed in the TOML meanwhile holds from the next start.
        """
        with self._lock:
            changed = dataclasses.replace(
                self.settings,
                line=camera.line,
                area=camera.area,
                ground=camera.ground,
                approach=camera.approach,
                carriageway=camera.carriageway,
            )
            crossings = self._measure_anew(changed, site)
            self.settings, self._site = changed, site
        self._count_truth()
        self._tell_crossings(crossings)

    def relink(self, site: settings.Settings) -> None:
        """Takes over the links of `site`. What is known of lines at which links still begin or end
        stays; where other ways inside this view are timed, all that was counted is reported."""
        with self._lock:
            after = linked_lines(self.id, site.link)
            before = self._meters.linked
            crossings: list[Crossing] = []
            if after.spans.ways != before.spans.ways:
                crossings = self._measure_anew(self.settings, site)
            elif after.ways != before.ways:
                self._meters.linked = before.rewired(after.ways)
            self._site = site
        self._tell_crossings(crossings)

    def _become(self, state: views.State, why: str | None) -> None:
        with self._lock:
            if self._state == "refused" and state != "refused" and self._thread is not None:
                return  # its notice ended; what its thread still says comes too late
            if (state, why) != (self._state, self._why):
                self._state, self._why, self._since = state, why, self._clock.utc()

    def _retry_in_s(self) -> float | None:
        if self._state != "lost" or self._retry_at_s is None:
            return None
        return round(max(0.0, self._retry_at_s - self._clock.monotonic_s()), 1)

    def _total(self) -> SourceHealth:
        source = self._source
        return self._past if source is None else _sum(self._past, source.health)

    def _health_view(self) -> views.HealthView:
        total = self._total()
        now_s = self._clock.monotonic_s()
        recent = [one for one in self._scene_times if now_s - one[0] <= FPS_OVER_S]
        alive = self._state in ("learning", "watching") and len(recent) > 1
        span_s = max(now_s - recent[0][0], 1e-3) if alive else 1.0
        decode = self._post.policy.report() if self._post is not None else None
        main_stream = self._main.view() if self._main is not None else None
        skipped = None
        if alive:
            skipped = self._strain.skipped_share(now_s, total.frames, total.frames_dropped)
        strained = strain_sentence(skipped)
        notes = self._detector.notes if self._detector is not None else ()
        return views.HealthView(
            fps=round((recent[-1][1] - recent[0][1]) / span_s, 1) if alive else 0.0,
            analysed_fps=round((len(recent) - 1) / span_s, 1) if alive else 0.0,
            lateness_s=round(self._late_s, 3) if alive else 0.0,
            frames=total.frames,
            frames_dropped=total.frames_dropped,
            packets_corrupt=total.packets_corrupt,
            timestamps_repaired=total.timestamps_repaired,
            gaps=total.gaps,
            losses=self._losses,
            last_loss=self._last_loss[0] if self._last_loss else None,
            last_loss_why=self._last_loss[1] if self._last_loss else None,
            decode=decode,
            main_stream=main_stream,
            decoded=decoded(decode, main_stream) if self._source is not None else "",
            notes=notes if strained is None else (strained, *notes),
            skipped_share=None if skipped is None else round(skipped, 3),
        )

    def _totals(self) -> views.Totals:
        totals = self._meters.totals()
        truth = self._truth(totals.since)
        return views.Totals(
            totals.since,
            tuple(
                views.LineTotals(
                    line.name,
                    line.left_to_right,
                    line.right_to_left,
                    line.speed_m_s_p85,
                    truth.get(line.name),
                )
                for line in totals.lines
            ),
        )

    def _truth(self, since: UtcMicros) -> dict[str, views.Truth]:
        """What was drawn to cross each line since then: only a drawn street tells."""
        source, scene = self._source, self._last_scene
        told, street = getattr(source, "truth", None), getattr(source, "street", None)
        if told is None or street is None or scene is None:
            return {}
        own = {name for name, _, _ in street.lines_px()}
        counts: dict[str, dict[Direction, dict[Kind, int]]] = {}
        since_s = max(0.0, (since - self._session_began_at) / 1e6)
        for crossing in told(scene.media_s - self._session_began_s, since_s):
            ways = counts.setdefault(crossing.line, {way: {} for way in Direction})
            way = ways[crossing.direction]
            way[crossing.kind] = way.get(crossing.kind, 0) + 1
        return {
            line.name: views.Truth(
                counts.get(line.name, {}).get(Direction.LEFT_TO_RIGHT, {}),
                counts.get(line.name, {}).get(Direction.RIGHT_TO_LEFT, {}),
            )
            for line in self.settings.line
            if line.name in own  # what people drew themselves a drawn street does not know
        }

    def _count_truth(self) -> None:
        """Has a simulated street count its truth at this camera's lines; others cannot."""
        count = getattr(self._source, "count", None)
        if count is not None:
            lines = counting_lines(scaled(self.settings, *self._scale))
            count([(line.name, line.a, line.b) for line in lines])

    def _scene_view(self, scene: Scene, late_s: float) -> views.SceneView:
        width_px, height_px = self._analysed_px or (1, 1)
        return views.SceneView(
            scene.at,
            round(scene.media_s, 3),
            round(late_s, 3),
            tuple(
                views.ShapeView(
                    id=mover.track,
                    kind=mover.kind,
                    box=(
                        round(mover.box.left_px / width_px, 4),
                        round(mover.box.top_px / height_px, 4),
                        round(mover.box.right_px / width_px, 4),
                        round(mover.box.bottom_px / height_px, 4),
                    ),
                    heading_deg=None if mover.heading_deg is None else round(mover.heading_deg),
                    speed_m_s=None if mover.speed_m_s is None else round(mover.speed_m_s, 2),
                    seen=mover.seen,
                )
                for mover in scene.movers
            ),
        )


class _Shifted:
    """A session's source, its media time counted from when the camera was first watched, and
    nothing known of what was before its first frame."""

    def __init__(self, source: Source, by_s: float) -> None:
        self.info = source.info
        self.health = source.health
        self._source = source
        self._by_s = by_s

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        first = True

        def wanted(media_s: float, after_gap: bool) -> bool:
            return takes(media_s + self._by_s, after_gap or first)

        for frame in self._source.frames(wanted):
            after_gap, first = frame.after_gap or first, False
            frame = dataclasses.replace(
                frame, media_s=frame.media_s + self._by_s, after_gap=after_gap
            )
            yield frame
            del frame  # see pipeline.watch

    def close(self) -> None:
        self._source.close()


class _SharedMeters(Meters):
    """The camera's meters of the moment, asked under the camera's lock."""

    def __init__(self, camera: WatchedCamera) -> None:
        self._camera = camera

    def measure(self, scene: Scene) -> list[Crossing]:
        with self._camera._lock:
            return self._camera._meters.measure(scene)


def _sum(a: SourceHealth, b: SourceHealth) -> SourceHealth:
    return SourceHealth(
        frames=a.frames + b.frames,
        frames_dropped=a.frames_dropped + b.frames_dropped,
        packets_corrupt=a.packets_corrupt + b.packets_corrupt,
        timestamps_repaired=a.timestamps_repaired + b.timestamps_repaired,
        gaps=a.gaps + b.gaps,
        lateness_s=b.lateness_s,
    )


def _ground_view(point: settings.GroundPointSettings) -> views.GroundPoint:
    if point.x_m is not None and point.y_m is not None:
        return views.MetrePoint(point.x_px, point.y_px, point.x_m, point.y_m)
    assert point.latitude_deg is not None
    assert point.longitude_deg is not None
    return views.EarthPoint(point.x_px, point.y_px, point.latitude_deg, point.longitude_deg)


def _sentence(text: str) -> str:
    """`text` as a sentence, with a capital and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", ")")) else ".")
