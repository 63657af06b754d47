"""Offline: one source, analysed until it ends, with a table and a report of what was seen."""

import contextlib
import dataclasses
import errno
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from placewatch.capture import open_source
from placewatch.capture.preview import preview
from placewatch.capture.source import Source, SourceHealth, SourceSpec, StreamInfo, Takes, every
from placewatch.core.errors import Misconfigured, Unavailable
from placewatch.core.facts import (
    CameraHealth,
    Conflict,
    Crossing,
    Fact,
    FootCrossings,
    LaneQueue,
    LineCount,
    LineFlow,
    MovementCount,
    SpeedCount,
    ZoneCount,
    ZoneUse,
)
from placewatch.core.ids import CameraId, camera_id
from placewatch.core.time import SystemClock, UtcMicros, from_rfc3339, minute_of
from placewatch.measure.scene import Movers, Scene, X, Y
from placewatch.node import config as settings
from placewatch.node.drawn_road import check_standpoint
from placewatch.node.equip import (
    check_picture,
    lines_in_the_sky,
    meters_of,
    policy_of,
    stage_of,
    steady,
    tempo_of,
    tracker_of,
)
from placewatch.node.outlines import shapes_of
from placewatch.node.pipeline import Post, watch
from placewatch.node.road import approaches_told, carriageways_told
from placewatch.perceive.backdrop import BackdropPainter
from placewatch.perceive.detectors import open_detector
from placewatch.perceive.motion import BackgroundModel
from placewatch.pixels.frame import Frame
from placewatch.publish import watch as published
from placewatch.publish.watch import WatchedLine, WatchSummary

DENSITY_COLUMNS = 64
"""Cells across the picture in which the report counts where road users were."""


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What was asked on the command line, unchecked."""

    source: str
    lines: tuple[str, ...] = ()
    config: Path | None = None
    camera: str | None = None
    out: Path | None = None
    json: str | None = None
    arms: bool = False
    detector: str | None = None
    decode: str | None = None
    analysed_fps: float | None = None
    pace: str = "full"
    transport: str = "tcp"
    login_file: Path | None = None
    start: str | None = None


def watch_source(request: WatchRequest) -> None:
    """Does what `request` asks and prints the outcome. Raises Misconfigured, Unavailable."""
    camera = _settings_of(request)
    spec, started = _spec_of(request, camera), instant_of(request.start)
    progress = _bar if sys.stderr.isatty() else None
    deliver(
        lambda: analyse(spec, camera, started=started, progress=progress), request.out, request.json
    )


def deliver(find: Callable[[], WatchSummary], out: Path | None, told: str | None) -> None:
    """Prints what `find` finds, and writes it: the report into the folder `out`, JSON to `told` (-:
    standard output, in place of the table). Says before it begins that nothing can be written."""
    json = Path(told) if told not in (None, "-") else None
    with _made(out), _made(json.parent if json is not None else None):
        if json is not None:
            _check_file(json)
        summary = find()
        if told == "-":
            # JSON is UTF-8, whatever the terminal speaks.
            sys.stdout.buffer.write(published.to_json(summary).encode() + b"\n")
        else:
            from placewatch.publish import table  # what shows things is loaded when there are some

            table.show(summary)
        if json is not None:
            published.write_json(summary, json)
        if out is not None:
            _write_report(summary, out)


def analyse(
    spec: SourceSpec,
    camera: settings.CameraSettings,
    *,
    started: UtcMicros | None = None,
    progress: Callable[[StreamInfo], contextlib.AbstractContextManager[Callable[[int], None]]]
    | None = None,
) -> WatchSummary:
    """Watches `spec` to its end and tells all that was seen. Ctrl-C ends it early.

    A source that is lost after its first frame ends there too, and the loss is counted; one that
    never delivers a frame raises Unavailable. Raises Misconfigured.
    """
    detector = open_detector(camera.detector, backend=camera.detector_backend)
    clock = SystemClock()
    started = minute_of(clock.utc()) if started is None else started
    meter = _Meter()
    begun_s = clock.monotonic_s()
    policy = policy_of(camera) if camera.decode == "keyframes" else steady(camera.decode)
    source = _Metered(open_source(spec, _Recording(started), policy=policy))
    try:
        check_picture(camera, source.info.width_px, source.info.height_px)
        stage = stage_of(camera, None, (source.info.width_px, source.info.height_px))
        check_standpoint(stage.ground, (source.info.width_px, source.info.height_px))
        for text in lines_in_the_sky(camera, stage.ground):
            raise Misconfigured(text, hint="draw it on the road, or correct the ground points")
        meters = meters_of(camera, started, stage.ground)
        background = BackgroundModel()
        background.prime(preview(spec))
        post = Post(
            background=background,
            detector=detector,
            tracker=tracker_of(camera),
            painter=BackdropPainter(quarantine_s=_quarantine_s(spec, camera, source.info)),
            stage=stage,
            meters=meters,
            policy=policy,
            tempo=tempo_of(camera),
        )
        seen = Seen(source.info)
        losses = 0
        with _until_ctrl_c(source), (progress or _silent)(source.info) as advance:

            def tell(scene: Scene, crossings: list[Crossing]) -> None:
                if not seen.scenes:
                    meter.begin(source.decode_cpu_s)
                seen.add(scene, crossings)
                advance(scene.frame + 1)

            try:
                watch(source, post, tell)
            except Unavailable:
                if not source.health.frames:
                    raise
                losses = 1
        if not source.health.frames and not source.closed:
            raise Misconfigured(
                f"{published.source_name(spec.url)} holds no picture",
                hint="is the file whole? ffprobe or a player shows what is in it",
            )
    finally:
        source.close()
    ended = UtcMicros(started + round(seen.last_s * 1e6))
    seen.crossings += meters.leave()
    facts = meters.close(ended)
    backdrop = post.painter.backdrop(ended)
    cpu_s, decode_cpu_s = meter.read(source.decode_cpu_s)
    queues, walks = _of(LaneQueue, facts), _of(FootCrossings, facts)
    return WatchSummary(
        source=_readable(spec.url),
        width_px=source.info.width_px,
        height_px=source.info.height_px,
        fps=seen.fps,
        detector=detector.name,
        lines=tuple(
            WatchedLine(
                line.name,
                line.from_px,
                line.to_px,
                tuple(crossing for crossing in seen.crossings if crossing.line == line.name),
                line.arm,
            )
            for line in camera.line
        ),
        health=_health(spec.camera, started, seen, source.health, losses),
        cpu_s=cpu_s,
        decode_cpu_s=decode_cpu_s,
        wall_s=clock.monotonic_s() - begun_s,
        facts=_of(LineCount, facts),
        movements=_of(MovementCount, facts),
        speeds=_of(SpeedCount, facts),
        flows=_of(LineFlow, facts),
        conflicts=_of(Conflict, facts),
        zones=_of(ZoneCount, facts),
        zone_uses=_of(ZoneUse, facts),
        queues=queues,
        crossings_on_foot=walks,
        approaches=approaches_told(queues, camera, started, ended),
        carriageways=carriageways_told(walks, camera),
        shapes=shapes_of(camera, stage.ground),
        measured_in_px=True,
        unseen_s=tuple(seen.unseen_s),
        calibrated=bool(camera.ground),
        backdrop_jpeg=backdrop.jpeg() if backdrop is not None else None,
        density=seen.density.tolist(),
        decode=policy.report(),
        frames_analysed=seen.scenes,
    )


F = TypeVar("F", bound=Fact)


def _of(sort: type[F], facts: Sequence[Fact]) -> tuple[F, ...]:
    return tuple(fact for fact in facts if isinstance(fact, sort))


class _Recording(SystemClock):
    """The machine's clock, but for UTC, which is that of the recording."""

    def __init__(self, started: UtcMicros) -> None:
        super().__init__()
        self._started = started

    def utc(self) -> UtcMicros:
        return self._started


class _Metered:
    """A source that tells what its decoding cost."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.info: StreamInfo = source.info
        self.health: SourceHealth = source.health
        self.decode_cpu_s = 0.0
        self.closed = False

    def frames(self, takes: Takes = every) -> Iterator[Frame]:
        frames = self._source.frames(takes)
        while True:
            begun_s = time.thread_time()
            frame = next(frames, None)
            self.decode_cpu_s += time.thread_time() - begun_s
            if frame is None:
                return
            yield frame
            del frame  # see pipeline.watch

    def close(self) -> None:
        self.closed = True
        self._source.close()


class _Meter:
    """The processor time of the watching alone: without what the first frame has to load."""

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, decode_s: float) -> None:
        self._cpu_s, self._own_s, self._decode_s = time.process_time(), time.thread_time(), decode_s

    def read(self, decode_s: float) -> tuple[float, float]:
        """(all, decoding) in CPU seconds since `begin`."""
        cpu_s = time.process_time() - self._cpu_s
        # Cameras are decoded by a thread of their own, and nothing else here has one.
        others_s = max(0.0, cpu_s - (time.thread_time() - self._own_s))
        return cpu_s, decode_s - self._decode_s + others_s


@dataclass
class Seen:
    """What adds up while a source is watched. `dense`: where road users are is added up, too."""

    info: StreamInfo
    dense: bool = True
    crossings: list[Crossing] = field(default_factory=list)
    unseen_s: list[tuple[float, float]] = field(default_factory=list)
    scenes: int = 0
    frames: int = 0  # from analysed frame to analysed frame, in the stretches that were seen
    last_frame: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    density: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        rows = max(1, round(DENSITY_COLUMNS * self.info.height_px / self.info.width_px))
        self.density = np.zeros((rows, DENSITY_COLUMNS))

    @property
    def fps(self) -> float | None:
        """Frames a second of the source, of the stretches that were seen."""
        span_s = self.last_s - self.first_s - sum(until - since for since, until in self.unseen_s)
        return self.frames / span_s if self.frames > 0 and span_s > 0 else None

    @property
    def duration_s(self) -> float:
        """From the start of the first frame to the end of the last."""
        return self.last_s - self.first_s + (1 / self.fps if self.fps else 0.0)

    @property
    def coverage_s(self) -> float:
        return self.duration_s - sum(until - since for since, until in self.unseen_s)

    def add(self, scene: Scene, crossings: list[Crossing]) -> None:
        self.crossings += crossings
        if not self.scenes:
            self.first_s = self.last_s = scene.media_s
        elif scene.after_gap or scene.starved:
            since_s = self.last_s
            if self.unseen_s and self.unseen_s[-1][1] == since_s:
                since_s = self.unseen_s.pop()[0]
            self.unseen_s.append((since_s, scene.media_s))
        else:
            self.frames += scene.frame - self.last_frame
            if self.dense:
                movers = Movers.of(scene.movers).rows
                self.add_places(movers[:, X], movers[:, Y], scene.media_s - self.last_s)
        self.scenes += 1
        self.last_s, self.last_frame = scene.media_s, scene.frame

    def add_places(
        self, x_px: npt.NDArray[np.float64], y_px: npt.NDArray[np.float64], duration_s: float
    ) -> None:
        """Road users stood at these points of the picture for so long."""
        rows, columns = self.density.shape
        column = (x_px * (columns / self.info.width_px)).astype(int)
        row = (y_px * (rows / self.info.height_px)).astype(int)
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        np.add.at(self.density, (row[inside], column[inside]), duration_s)


def _health(
    camera: CameraId, started: UtcMicros, seen: Seen, health: SourceHealth, losses: int
) -> CameraHealth:
    return CameraHealth(
        at=started,
        window_s=seen.duration_s,
        coverage_s=seen.coverage_s,
        camera=camera,
        frames=health.frames,
        frames_dropped=health.frames_dropped,
        packets_corrupt=health.packets_corrupt,
        timestamps_repaired=health.timestamps_repaired,
        gaps=health.gaps,
        losses=losses,
        lateness_s_max=health.lateness_s,
    )


def _settings_of(request: WatchRequest) -> settings.CameraSettings:
    """The camera of the TOML, if one was named, with the command line's lines and detector."""
    camera = settings.CameraSettings(id="clip", url=request.source)
    if request.config is not None:
        loaded = settings.load(request.config)
        wanted = request.camera
        found = [
            one
            for one in loaded.camera
            if (one.id == wanted if wanted else one.url == request.source)
        ]
        if not found and wanted is None and len(loaded.camera) == 1:
            found = list(loaded.camera)
        if not found:
            known = ", ".join(one.id for one in loaded.camera) or "none"
            raise Misconfigured(
                f"{request.config} has no camera {wanted}"
                if wanted
                else f"{request.config} does not say which camera {request.source} is",
                hint=f"add --camera ID; it has {known}",
            )
        camera = found[0]
        ground = tuple(
            settings.GroundPointSettings(picture.x_px, picture.y_px, ground.x_m, ground.y_m)
            for picture, ground in settings.ground_pairs(camera, loaded.origin)
        )
        camera = settings.with_values(camera, ground=ground)
    elif request.camera is not None:
        raise Misconfigured("--camera names a camera of a TOML", hint="add --config FILE")
    if request.lines:
        camera = settings.with_values(camera, line=lines_of(request.lines, request.arms))
    if request.detector is not None:
        camera = settings.with_values(camera, detector=request.detector)
    if request.decode is not None:
        modes = get_args(settings.Decode)
        if request.decode not in modes:
            raise Misconfigured(
                f'--decode "{request.decode}" is unknown', hint=f"it can be {', '.join(modes)}"
            )
        camera = settings.with_values(camera, decode=request.decode)
    if request.analysed_fps is not None:
        if not settings.ANALYSED_FPS[0] <= request.analysed_fps <= settings.ANALYSED_FPS[1]:
            raise Misconfigured(
                f"--analysed-fps {request.analysed_fps:g} is out of range",
                hint="it can be {:g} to {:g}; with {:g} every frame is analysed".format(
                    *settings.ANALYSED_FPS, settings.ANALYSED_FPS[1]
                ),
            )
        camera = settings.with_values(camera, analysed_fps=request.analysed_fps)
    return camera


def _spec_of(request: WatchRequest, camera: settings.CameraSettings) -> SourceSpec:
    if request.pace not in ("full", "real"):
        raise Misconfigured(
            f'--pace "{request.pace}" is neither full nor real', hint="leave it out for full"
        )
    if request.transport not in ("tcp", "udp"):
        raise Misconfigured(
            f'--transport "{request.transport}" is neither tcp nor udp', hint="leave it out for tcp"
        )
    if request.login_file is not None:
        camera = settings.with_values(camera, login_file=str(request.login_file.absolute()))
    folder = request.config.parent if request.config is not None else Path()
    return SourceSpec(
        camera=camera_id(camera.id),
        url=request.source,
        pace="real" if request.pace == "real" else "full",
        transport="udp" if request.transport == "udp" else "tcp",
        login=settings.login_of(camera, folder),
    )


def lines_of(texts: Sequence[str], arms: bool) -> tuple[settings.LineSettings, ...]:
    """The lines of --line; with `arms` each lies across the arm it names. Raises Misconfigured."""
    lines = tuple(_line(_readable(text)) for text in texts)
    if arms:
        lines = tuple(dataclasses.replace(line, arm=line.name) for line in lines)
    names = [line.name for line in lines]
    for number, name in enumerate(names):
        if names.index(name) != number:
            raise Misconfigured(f'two lines are called "{name}"', hint="give each its own")
    return lines


def instant_of(start: str | None) -> UtcMicros | None:
    """When --start says that the recording began. Raises Misconfigured."""
    if start is None:
        return None
    try:
        return from_rfc3339(start)
    except ValueError as error:
        raise Misconfigured(
            f'--start "{start}" is no instant', hint="write it as 2026-11-23T08:00:00Z"
        ) from error


def _readable(word: str) -> str:
    """A word of the command line as UTF-8; what is none of it as �. Under an old locale, or in a
    file's name, bytes come through that no file or page could be written with."""
    return os.fsencode(word).decode("utf-8", "replace")


def _line(text: str) -> settings.LineSettings:
    name, _, numbers = text.rpartition("=")
    try:
        x1, y1, x2, y2 = (float(number) for number in numbers.split(","))
    except ValueError as error:
        raise Misconfigured(
            f'--line "{text}" is no line',
            hint="write it as NAME=x1,y1,x2,y2, in pixels (of tracks on the ground in metres)",
        ) from error
    if not name.strip():
        raise Misconfigured(f'--line "{text}" has no name', hint="write it as NAME=x1,y1,x2,y2")
    if not all(map(np.isfinite, (x1, y1, x2, y2))):
        raise Misconfigured(
            f'--line "{text}" is no line',
            hint="write its ends in pixels (of tracks on the ground in metres)",
        )
    if (x1, y1) == (x2, y2):
        raise Misconfigured(f'--line "{text}" has no length', hint="move one of its ends")
    return settings.LineSettings(name, (x1, y1), (x2, y2))


@contextlib.contextmanager
def _made(folder: Path | None) -> Iterator[None]:
    """`folder`, with those above it, for what is written at the end. Says at once, not after an
    hour of watching, that nothing can be written; leaves no new folder behind a failure."""
    if folder is None:
        yield
        return
    new: list[Path] = []
    try:
        try:
            for one in [folder, *folder.parents][::-1]:
                if not one.exists():
                    one.mkdir()
                    new.append(one)
            probe = folder / f".placewatch-{secrets.token_hex(4)}.part"
            try:
                probe.write_bytes(b"placewatch")
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            raise Misconfigured(
                f"{folder} cannot be written: {error.strerror}",
                hint="name a folder that can be, on a disk with space",
            ) from error
        yield
    except BaseException:
        for one in reversed(new):
            with contextlib.suppress(OSError):  # somebody else put something there
                one.rmdir()
        raise


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise Misconfigured(f"{path} is a folder", hint="name a file, or - for standard output")


def _write_report(summary: WatchSummary, folder: Path) -> None:
    """The report and the facts: all files, in place of older ones, or none of them."""
    from placewatch.publish import report
    from placewatch.store.export import write_facts  # Arrow is loaded where it is needed
    from placewatch.store.rows import (
        CONFLICTS,
        FOOT_CROSSINGS,
        LANE_QUEUES,
        LINE_COUNTS,
        LINE_FLOWS,
        MOVEMENT_COUNTS,
        SPEED_COUNTS,
        ZONE_COUNTS,
        ZONE_USES,
    )

    draft = folder / f".placewatch-{secrets.token_hex(4)}.part"
    try:
        draft.mkdir()
        page = report.write_report(summary, draft)
        for shape, facts in (
            (LINE_COUNTS, summary.facts),
            (MOVEMENT_COUNTS, summary.movements),
            (SPEED_COUNTS, summary.speeds),
            (LINE_FLOWS, summary.flows),
            (CONFLICTS, summary.conflicts),
            (ZONE_COUNTS, summary.zones),
            (ZONE_USES, summary.zone_uses),
            (LANE_QUEUES, summary.queues),
            (FOOT_CROSSINGS, summary.crossings_on_foot),
        ):
            if facts or shape is LINE_COUNTS:
                write_facts(facts, draft / f"{shape.name}.parquet", shape)
                write_facts(facts, draft / f"{shape.name}.csv", shape)
        files = sorted(draft.iterdir())
        for file in files:
            if (folder / file.name).is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        for file in files:
            file.replace(folder / file.name)
    except OSError as error:
        raise Misconfigured(
            f"the report cannot be written to {folder}: {error.strerror}",
            hint="is the disk full, or is a folder called like one of its files?",
        ) from error
    finally:
        if draft.exists():
            for file in draft.iterdir():
                file.unlink(missing_ok=True)
            draft.rmdir()
    sys.stderr.write(f"report: {folder / page.name}\n")


def _quarantine_s(spec: SourceSpec, camera: settings.CameraSettings, info: StreamInfo) -> float:
    """How long a spot must be empty: for a short clip a third of it, since there is no more."""
    if info.duration_s is None:
        return camera.backdrop_quarantine_s
    return min(camera.backdrop_quarantine_s, info.duration_s / 3)


@contextlib.contextmanager
def _until_ctrl_c(source: _Metered) -> Iterator[None]:
    """Ctrl-C, or what `timeout` sends, ends the watching; a second one ends the process."""
    before: dict[signal.Signals, Any] = {}

    def give_back() -> None:
        for one, handler in before.items():
            signal.signal(one, handler)

    def end(number: int, frame: FrameType | None) -> None:
        give_back()
        source.close()

    try:
        for one in (signal.SIGINT, signal.SIGTERM):
            before[one] = signal.signal(one, end)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        give_back()


@contextlib.contextmanager
def _silent(info: StreamInfo) -> Iterator[Callable[[int], None]]:
    yield lambda frames: None


@contextlib.contextmanager
def _bar(info: StreamInfo) -> Iterator[Callable[[int], None]]:
    """A progress bar with the rest of the time and frames/s, on the terminal's error side."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    total = info.frames
    if total is None and info.duration_s is not None and info.fps:
        total = round(info.duration_s * info.fps)
    columns: list[Any] = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
    if total:
        columns += [TextColumn("{task.percentage:3.0f} %"), TimeRemainingColumn()]
    columns += [TextColumn("frame {task.completed:.0f}"), TextColumn("{task.fields[rate]}")]
    clock = SystemClock()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("watching", total=total, rate="")
        begun_s, shown_s = clock.monotonic_s(), 0.0

        def advance(frames: int) -> None:
            nonlocal shown_s
            now_s = clock.monotonic_s()
            if now_s - shown_s > 0.1:
                shown_s = now_s
                rate = f"{frames / max(now_s - begun_s, 1e-6):.0f} frames/s"
                progress.update(task, completed=frames, rate=rate)

        yield advance
