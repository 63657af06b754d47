"""Film: a drawn street as a camera would send it, its truth beside it, kept for the next time.

How this works. A street is drawn at 1080p25 with traffic, sensor noise and light that drifts, and
encoded as IP cameras do: H.264 without B frames, a key frame every 50, at 4 Mbit/s, and the same
pictures once more as the camera's sub-stream of 640x360 at 512 kbit/s.

A quiet street is drawn at dusk, when its light is low and the sensor noisy, and encoded at constant
quality with a cap, as a camera set to capped VBR. Between two passages nothing happens for minutes:
of that one is drawn, and its groups of pictures are there again and again.

Drawing takes longer than watching, so films are kept in the user's cache under a name that holds
every parameter and the source of what draws: a change of either makes a new film and drops the old
one.
"""

import contextlib
import dataclasses
import hashlib
import inspect
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from placewatch import capture
from placewatch.capture.source import SourceSpec
from placewatch.capture.synthetic import SyntheticSource
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import SystemClock
from placewatch.node import config as settings
from placewatch.node.equip import scaled
from placewatch.pixels.frame import Frame
from placewatch.simulate.drawn import (
    DRAWN_HEIGHT_PX,
    DRAWN_WIDTH_PX,
    STREETS,
    Street,
)
from placewatch.simulate.traffic import Gate, Route, Signal, TrueCrossing

GOP = 50
"""Frames from key frame to key frame: two seconds, as most cameras are set."""

CAMERA = camera_id("bench")

_QUALITY = 26  # x264's CRF of a capped-VBR stream: most of the noise is too faint for it
_LULL_S = 70.0  # of the empty street are drawn, as long as its light takes to be the same again
_STOP_M = 33.0  # from where they come in: behind the camera, and behind the far houses
_OUT_OF_SIGHT_S = 16.0  # after the last of a platoon was let go
_PER_MIN = 30.0  # vehicles each way that would like to come: some always wait at the light


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is drawn and how it is encoded.

    In a quiet street nobody is on foot, and a light upstream lets vehicles go for `platoon_s`, so
    many `passages` in all, one every `cycle_s`, a multiple of 70. Then `duration_s` says nothing.
    `bit_rate` is the constant rate, or the cap of a quiet one.
    """

    street: str = "main"
    seed: int = 2
    duration_s: float = 60.0
    passages: int = 0  # 0: traffic as by day
    platoon_s: float = 0.0
    cycle_s: float = 0.0
    width_px: int = 1920
    height_px: int = 1080
    fps: int = 25
    bit_rate: int = 4_000_000
    sub_width_px: int = 640
    sub_height_px: int = 360
    sub_bit_rate: int = 512_000

    @property
    def quiet(self) -> bool:
        return self.passages > 0

    @property
    def seconds(self) -> float:
        """How long the film is."""
        return self.passages * self.cycle_s if self.quiet else self.duration_s


@dataclass(frozen=True, slots=True)
class Film:
    """A film that is there: the main stream, the sub-stream, and who crossed which line when.

    Of a quiet street there is no sub-stream.
    """

    recipe: Recipe
    main: Path
    sub: Path
    truth: tuple[TrueCrossing, ...]

    @property
    def frames(self) -> int:
        return round(self.recipe.seconds * self.recipe.fps)

    def camera(self, *, sub: bool = False, detector: str | None = None) -> settings.CameraSettings:
        """The settings of a camera that shows it, with the street's lines and surveyed ground."""
        recipe, street = self.recipe, STREETS[self.recipe.street]
        drawn = settings.CameraSettings(
            id=CAMERA,
            url=str(self.sub if sub else self.main),
            line=tuple(settings.LineSettings(name, a, b) for name, a, b in street.lines_px()),
            ground=tuple(
                settings.GroundPointSettings(picture.x_px, picture.y_px, ground.x_m, ground.y_m)
                for picture, ground in street.control_px()
            ),
        )
        if detector is not None:
            drawn = dataclasses.replace(drawn, detector=detector)
        return scaled(
            drawn,
            (recipe.sub_width_px if sub else recipe.width_px) / DRAWN_WIDTH_PX,
            (recipe.sub_height_px if sub else recipe.height_px) / DRAWN_HEIGHT_PX,
        )


def film(recipe: Recipe, told: Callable[[str], None] = lambda text: None) -> Film:
    """The film of `recipe`, from the cache or made now, which takes a minute or more.

    `told` is told how far the drawing is. Raises FFmpegError where there is no H.264 encoder, and
    OSError where the cache cannot be written.
    """
    folder = cache_folder() / f"{_title(recipe)}-{_key(recipe)}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".film-", dir=folder.parent))
        try:
            _make(recipe, draft, told)
            for older in folder.parent.glob(f"{_title(recipe)}-*"):
                shutil.rmtree(older)
            draft.replace(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return Film(recipe, folder / "main.mp4", folder / "sub.mp4", tuple(map(_crossing, truth)))


def cache_folder() -> Path:
    """Where films are kept: `~/.cache/placewatch/bench`. It may be deleted at any time."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "placewatch" / "bench"


def in_platoons(street: Street, platoon_s: float) -> Street:
    """The same street in quiet hours: motor vehicles in platoons, nobody else, no other light."""
    signal = Signal(_LULL_S, {"wheels": (0.0, platoon_s)}, amber_s=0.5)
    streams = tuple(
        dataclasses.replace(
            stream,
            per_min=_PER_MIN,
            routes=tuple(
                Route(
                    route.path,
                    route.share,
                    (Gate("upstream", _STOP_M, _STOP_M + 1.0),),
                    route.slow,
                )
                for route in stream.routes
            ),
        )
        for stream in street.streams
        if Kind.CAR in stream.kinds
    )
    free = {
        zone: Signal(1.0, dict.fromkeys(one.green_s, (0.0, 1.0)), 0.0)
        for zone, one in street.signals.items()
    }
    return dataclasses.replace(street, streams=streams, signals={**free, "upstream": signal})


def _title(recipe: Recipe) -> str:
    return f"quiet-{recipe.street}-{recipe.seed}" if recipe.quiet else recipe.street


def _key(recipe: Recipe) -> str:
    """A short hash of the parameters, of what draws and of what encodes."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(recipe), sort_keys=True).encode())
    digest.update(json.dumps(av.library_versions, sort_keys=True).encode())
    hours = (_QUALITY, _LULL_S, _STOP_M, _OUT_OF_SIGHT_S, _PER_MIN)
    digest.update(repr((GOP, *hours)).encode())
    package = Path(capture.__file__).parent.parent
    for name in _DRAW:
        digest.update((package / f"{name}.py").read_bytes())
    for part in (in_platoons, _make, _drawn, _platoons, _lengthen, _stream):
        digest.update(inspect.getsource(part).encode())
    return digest.hexdigest()[:16]


_DRAW = (
    "capture/synthetic",
    "simulate/drawing",
    "simulate/drawn",
    "simulate/materials",
    "simulate/pinhole",
    "simulate/scenery",
    "simulate/sensor",
    "simulate/traffic",
    "simulate/vehicles",
)


def _make(recipe: Recipe, folder: Path, told: Callable[[str], None]) -> None:
    sizes = {"main": (recipe.width_px, recipe.height_px, recipe.bit_rate)}
    if not recipe.quiet:
        sizes["sub"] = (recipe.sub_width_px, recipe.sub_height_px, recipe.sub_bit_rate)
    shown = 0
    with contextlib.ExitStack() as files:
        outputs: list[tuple[OutputContainer, VideoStream]] = []
        for name, size in sizes.items():
            file = files.enter_context(av.open(str(folder / f"{name}.mp4"), "w"))
            outputs.append((file, _stream(file, recipe, *size)))
        for frame in _drawn(recipe):
            if shown % recipe.fps == 0:
                told(f"drawing {_title(recipe)}: {shown // recipe.fps} s")
            drawn = av.VideoFrame.from_ndarray(frame.to_rgb(recipe.width_px), format="rgb24")
            picture = drawn.reformat(format="yuv420p")
            for file, stream in outputs:
                if picture.width != stream.width:
                    picture = picture.reformat(
                        width=stream.width, height=stream.height, interpolation="AREA"
                    )
                picture.pts = shown
                picture.time_base = Fraction(1, recipe.fps)
                file.mux(stream.encode(picture))
            shown += 1
        for file, stream in outputs:
            file.mux(stream.encode(None))
    if recipe.quiet:
        _lengthen(folder / "main.mp4", recipe)
    told_truth = [dataclasses.asdict(crossing) for crossing in _truth(recipe)]
    (folder / "truth.json").write_text(json.dumps(told_truth), "utf-8")


def _source(recipe: Recipe, duration_s: float, street: Street) -> SyntheticSource:
    address = (
        f"street:{recipe.street}?seed={recipe.seed}&fps={recipe.fps}"
        f"&light={'dusk' if recipe.quiet else 'day'}"
        f"&width={recipe.width_px}&height={recipe.height_px}&duration_s={duration_s}"
    )
    return SyntheticSource(SourceSpec(CAMERA, address), SystemClock(), street=street)


def _drawn(recipe: Recipe) -> Iterator[Frame]:
    """What is drawn: all of the film; of a quiet street first the lull and then each passage."""
    street = STREETS[recipe.street]
    if not recipe.quiet:
        yield from _source(recipe, recipe.duration_s, street).frames()
        return
    yield from _source(recipe, _LULL_S, dataclasses.replace(street, streams=())).frames()
    for frame in _platoons(recipe).frames():
        if frame.media_s >= _LULL_S and frame.media_s % _LULL_S < _passage_s(recipe):
            yield frame


def _platoons(recipe: Recipe) -> SyntheticSource:
    """A passage in the beginning of each `_LULL_S`; the first is not in the film."""
    street = in_platoons(STREETS[recipe.street], recipe.platoon_s)
    return _source(recipe, _LULL_S * recipe.passages + _passage_s(recipe), street)


def _passage_s(recipe: Recipe) -> float:
    """Whole groups of pictures in which a platoon comes, passes and is out of sight."""
    gop_s = GOP / recipe.fps
    return gop_s * math.ceil((recipe.platoon_s + _OUT_OF_SIGHT_S) / gop_s)


def _truth(recipe: Recipe) -> list[TrueCrossing]:
    if not recipe.quiet:
        source = _source(recipe, recipe.duration_s, STREETS[recipe.street])
        return source.truth(recipe.duration_s)
    truth = []
    for one in _platoons(recipe).truth(_LULL_S * recipe.passages + _passage_s(recipe)):
        passage, since_s = divmod(one.media_s, _LULL_S)
        if passage >= 1 and since_s < _passage_s(recipe):
            begun_s = passage * recipe.cycle_s - _passage_s(recipe)
            truth.append(dataclasses.replace(one, media_s=begun_s + since_s))
    return truth


def _lengthen(path: Path, recipe: Recipe) -> None:
    """Makes the film in `path`, a lull and then all passages, as long as its recipe says.

    Each group begins with a key frame that nothing refers past, so that those of the lull can be
    there again and again. They are taken so that the street's light goes on as it was.
    """
    gop_s = GOP / recipe.fps
    lull, passage = round(_LULL_S / gop_s), round(_passage_s(recipe) / gop_s)
    cycle = round(recipe.cycle_s / gop_s)
    assert cycle % lull == 0
    draft = path.with_suffix(".longer.mp4")
    with av.open(str(path)) as drawn, av.open(str(draft), "w") as longer:
        groups: list[list[bytes]] = []
        for packet in drawn.demux(drawn.streams.video[0]):
            if packet.size and packet.is_keyframe:
                groups.append([])
            if packet.size:
                groups[-1].append(bytes(packet))
        order: list[int] = []
        for number in range(recipe.passages):
            order += [(place + passage) % lull for place in range(cycle - passage)]
            first = lull + number * passage
            order += range(first, first + passage)
        stream = longer.add_stream_from_template(drawn.streams.video[0])
        for number, data in enumerate(data for group in order for data in groups[group]):
            again = av.Packet(data)
            again.stream, again.time_base = stream, Fraction(1, recipe.fps)
            again.pts = again.dts = number
            again.duration = 1
            again.is_keyframe = number % GOP == 0
            longer.mux(again)
    draft.replace(path)


def _stream(
    file: OutputContainer, recipe: Recipe, width_px: int, height_px: int, bit_rate: int
) -> VideoStream:
    stream = file.add_stream("libx264", rate=recipe.fps)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
    stream.codec_context.gop_size = GOP
    stream.codec_context.time_base = Fraction(1, recipe.fps)
    stream.options = {
        "preset": "veryfast",
        "profile": "high",
        "bf": "0",
        "sc_threshold": "0",
        "threads": "1",
        "maxrate": str(bit_rate),
        "bufsize": str(bit_rate),
    }
    if recipe.quiet:
        stream.options = {**stream.options, "crf": str(_QUALITY)}
    else:
        stream.bit_rate = bit_rate
    return stream


def _crossing(told: Mapping[str, str | float]) -> TrueCrossing:
    return TrueCrossing(
        float(told["media_s"]),
        str(told["line"]),
        Kind(str(told["kind"])),
        Direction(str(told["direction"])),
        float(told["speed_m_s"]),
    )
