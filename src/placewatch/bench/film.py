"""Film: a drawn street as a camera would send it, its truth beside it, kept for the next time.

How this works. A street is drawn at 1080p25 with traffic, sensor noise and light that drifts, and
encoded as IP cameras do: H.264 without B frames, a key frame every 50, at 4 Mbit/s, and the same
pictures once more as the camera's sub-stream of 640x360 at 512 kbit/s. A quiet street is encoded at
constant quality with a cap, as a camera set to capped VBR. Drawing takes longer than watching, so
films are kept in the user's cache under a name that holds every parameter and the source of what
draws: a change of either makes a new film and drops the old one.
"""

import dataclasses
import hashlib
import inspect
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from placewatch import capture
from placewatch.capture.source import SourceSpec
from placewatch.capture.streets import (
    DRAWN_HEIGHT_PX,
    DRAWN_WIDTH_PX,
    STREETS,
    Street,
)
from placewatch.capture.synthetic import SyntheticSource
from placewatch.capture.traffic import Gate, Route, Signal, TrueCrossing
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import SystemClock
from placewatch.node import config as settings
from placewatch.node.equip import scaled

GOP = 50
"""Frames from key frame to key frame: two seconds, as most cameras are set."""

CAMERA = camera_id("bench")

_QUALITY = 27  # x264's CRF of a capped-VBR stream
_NIGHT_CYCLE_S = 150.0  # an upstream light lets a platoon go this often …
_NIGHT_GREEN_S = 6.0  # … for so long
_NIGHT_STOP_M = 33.0  # from where they come in: behind the camera, and behind the far houses
_NIGHT_PER_MIN = 12.0  # vehicles each way that would like to come


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is drawn and how it is encoded.

    A `quiet` street is one at night hours: no one on foot, and a few vehicles that come together,
    as a light upstream let them go. `bit_rate` is the constant rate, or the cap of a quiet one.
    """

    street: str = "main"
    seed: int = 2
    duration_s: float = 60.0
    quiet: bool = False
    width_px: int = 1920
    height_px: int = 1080
    fps: int = 25
    bit_rate: int = 4_000_000
    sub_width_px: int = 640
    sub_height_px: int = 360
    sub_bit_rate: int = 512_000


@dataclass(frozen=True, slots=True)
class Film:
    """A film that is there: the main stream, the sub-stream, and who crossed which line when."""

    recipe: Recipe
    main: Path
    sub: Path
    truth: tuple[TrueCrossing, ...]

    @property
    def frames(self) -> int:
        return round(self.recipe.duration_s * self.recipe.fps)

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


def night(street: Street) -> Street:
    """The same street in quiet hours: a few motor vehicles in platoons, nobody else, no light."""
    signal = Signal(_NIGHT_CYCLE_S, {"wheels": (20.0, 20.0 + _NIGHT_GREEN_S)}, amber_s=0.5)
    streams = tuple(
        dataclasses.replace(
            stream,
            per_min=_NIGHT_PER_MIN,
            routes=tuple(
                Route(
                    route.path,
                    route.share,
                    (Gate("upstream", _NIGHT_STOP_M, _NIGHT_STOP_M + 1.0),),
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
    return f"quiet-{recipe.street}" if recipe.quiet else recipe.street


def _key(recipe: Recipe) -> str:
    """A short hash of the parameters, of what draws and of what encodes."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(recipe), sort_keys=True).encode())
    digest.update(json.dumps(av.library_versions, sort_keys=True).encode())
    drawn_by = Path(capture.__file__).parent
    for name in _DRAW:
        digest.update((drawn_by / f"{name}.py").read_bytes())
    for part in (night, _make, _stream):
        digest.update(inspect.getsource(part).encode())
    return digest.hexdigest()[:16]


_DRAW = (
    "drawing",
    "materials",
    "pinhole",
    "scenery",
    "streets",
    "synthetic",
    "traffic",
    "vehicles",
)


def _make(recipe: Recipe, folder: Path, told: Callable[[str], None]) -> None:
    street = STREETS[recipe.street]
    source = SyntheticSource(
        SourceSpec(
            CAMERA,
            f"street:{recipe.street}?seed={recipe.seed}&fps={recipe.fps}"
            f"&width={recipe.width_px}&height={recipe.height_px}&duration_s={recipe.duration_s}",
        ),
        SystemClock(),
        street=night(street) if recipe.quiet else None,
    )
    total = source.info.frames or 1
    with (
        av.open(str(folder / "main.mp4"), "w") as main_file,
        av.open(str(folder / "sub.mp4"), "w") as sub_file,
    ):
        main = _stream(main_file, recipe, recipe.width_px, recipe.height_px, recipe.bit_rate)
        sub = _stream(
            sub_file, recipe, recipe.sub_width_px, recipe.sub_height_px, recipe.sub_bit_rate
        )
        for frame in source.frames():
            if frame.number % recipe.fps == 0:
                told(f"drawing {_title(recipe)}: {100 * frame.number // total} %")
            drawn = av.VideoFrame.from_ndarray(frame.to_rgb(recipe.width_px), format="rgb24")
            large = drawn.reformat(format="yuv420p")
            small = large.reformat(
                width=recipe.sub_width_px, height=recipe.sub_height_px, interpolation="AREA"
            )
            for file, stream, picture in ((main_file, main, large), (sub_file, sub, small)):
                picture.pts = frame.number
                picture.time_base = Fraction(1, recipe.fps)
                file.mux(stream.encode(picture))
        for file, stream in ((main_file, main), (sub_file, sub)):
            file.mux(stream.encode(None))
    truth = [dataclasses.asdict(crossing) for crossing in source.truth(recipe.duration_s)]
    (folder / "truth.json").write_text(json.dumps(truth), "utf-8")


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
