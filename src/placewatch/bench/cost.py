"""Cost: what the analysis of a 1080p stream costs, in bare decodes of the same frames.

How this works. A drawn street with traffic, noise and a little tremor of light is encoded as an IP
camera would (1080p, H.264 without B frames, a key frame every 50, 4 Mbit/s). Pairs of runs over the
same file follow each other: a bare decode on one thread, then decode and the whole default analysis
on the same one thread. Each pair gives a ratio of CPU seconds; their median counts, so that a
machine that is busy with something else disturbs a pair and not the figure. The counts of the very
runs stand beside it: speed that sees nothing is not speed.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError

from placewatch.bench import Figure
from placewatch.core.errors import PlacewatchError
from placewatch.core.ids import camera_id
from placewatch.core.sightings import Track
from placewatch.core.time import UtcMicros
from placewatch.perceive.motion import BackgroundModel
from placewatch.perceive.motion_detector import MotionDetector
from placewatch.perceive.tracker import Tracker
from placewatch.pixels.frame import Frame

WIDTH, HEIGHT, FPS, FRAMES = 1920, 1080, 25, 150
BIT_RATE = 4_000_000
PAIRS = 9
MUST, AIM = 1.5, 1.1

_CAMERA = camera_id("bench")
_LANES = ((380, 9.0), (560, 12.0), (740, -11.0), (920, -8.0))  # top in px, px per frame
_GAP_PX = 900  # between two cars of a lane
_CAR = (210, 96)  # px
_LINE_X = 960


def measure() -> list[Figure]:
    """The ratio of the whole default analysis to a bare decode, and the counts beside it."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "street.mp4"
            _write(path)
            _analyse(path)  # compiles, or loads what was compiled
            ratios, bare_ms = [], []
            counted: list[int] = []
            for _ in range(PAIRS):
                bare_s = _bare(path)
                whole_s, crossings = _analyse(path)
                ratios.append(whole_s / bare_s)
                bare_ms.append(1000 * bare_s / FRAMES)
                counted.append(crossings)
    except (FFmpegError, OSError, PlacewatchError) as error:
        return [_ratio(None, [], f"could not run: {error}"), _counts(None, [], "could not run")]
    how = (
        f"{PAIRS} pairs of bare decode and decode + motion + tracker, one thread, "
        f"{WIDTH}x{HEIGHT}, {FRAMES} frames of H.264 at {BIT_RATE / 1e6:g} Mbit/s, CPU seconds; "
        f"bare {statistics.median(bare_ms):.2f} ms a frame"
    )
    truth = _true_crossings()
    return [
        _ratio(statistics.median(ratios), ratios, how),
        _counts(
            truth, counted, f"road users that crossed the middle, of {truth}, in the same runs"
        ),
    ]


def _ratio(value: float | None, all_: list[float], how: str) -> Figure:
    return Figure(
        name="cost.ratio",
        value=None if value is None else round(value, 3),
        low=round(min(all_), 3) if all_ else None,
        high=round(max(all_), 3) if all_ else None,
        unit="bare decodes",
        must=f"<= {MUST:g}",
        aim=f"<= {AIM:g}",
        passed=value is not None and value <= MUST,
        how=how,
    )


def _counts(truth: int | None, counted: list[int], how: str) -> Figure:
    value = statistics.median(counted) if counted else None
    return Figure(
        name="cost.counted",
        value=value,
        low=min(counted) if counted else None,
        high=max(counted) if counted else None,
        unit="crossings",
        must=f"= {truth}" if truth is not None else "",
        aim="",
        passed=truth is not None and value == truth,
        how=how,
    )


def _write(path: Path) -> None:
    """Draws the street and encodes it. Raises FFmpegError where there is no H.264 encoder."""
    dice = np.random.default_rng(1)
    street = _street(dice)
    noise = dice.normal(0.0, 3.0, (4, HEIGHT + 64, WIDTH + 64)).astype(np.int16)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = BIT_RATE
        stream.codec_context.gop_size = 50
        stream.codec_context.time_base = Fraction(1, FPS)
        stream.options = {
            "preset": "veryfast",
            "bf": "0",
            "sc_threshold": "0",
            "threads": "1",
            "maxrate": str(BIT_RATE),
            "bufsize": str(BIT_RATE),
        }
        for number in range(FRAMES):
            luma = _draw(street, noise, dice, number)
            planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
            planes[:HEIGHT] = luma
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _street(dice: np.random.Generator) -> npt.NDArray[np.int16]:
    """Asphalt, grass and houses: smooth in places, full of detail in others."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    street = 100 + 8 * np.sin(across / 37.0) + 6 * np.sin(down / 23.0)
    coarse = dice.normal(0.0, 25.0, (HEIGHT // 8, WIDTH // 8))
    street[:320] += np.kron(coarse, np.ones((8, 8)))[:320]
    for top, _ in _LANES:
        street[top - 20 : top - 14, (across[0] // 60) % 2 == 0] = 200
    return np.asarray(np.clip(street, 16, 235), np.int16)


def _draw(
    street: npt.NDArray[np.int16],
    noise: npt.NDArray[np.int16],
    dice: np.random.Generator,
    number: int,
) -> npt.NDArray[np.uint8]:
    picture = street.copy()
    width, height = _CAR
    for lane, (top, _) in enumerate(_LANES):
        for k, left in enumerate(_cars(lane, number)):
            paint = (30, 215, 25, 180)[(lane + k) % 4]
            x0, x1 = max(0, left), min(WIDTH, left + width)
            if x0 >= x1:
                continue
            picture[top : top + height, x0:x1] = paint
            roof0, roof1 = max(0, left + 45), min(WIDTH, left + width - 45)
            if roof0 < roof1:
                picture[top + 8 : top + 40, roof0:roof1] = 255 - paint
    x, y = dice.integers(0, 64, 2)
    picture += noise[number % 4, y : y + HEIGHT, x : x + WIDTH]
    picture += round(2 * math.sin(number / 20))
    return np.clip(picture, 0, 255).astype(np.uint8)


def _cars(lane: int, number: int) -> list[int]:
    """Where each car of a lane begins; every car of every frame keeps its place in the list."""
    speed = _LANES[lane][1]
    start = 150 * lane - 400 if speed > 0 else WIDTH + 190 - 130 * lane
    away = -_GAP_PX if speed > 0 else _GAP_PX
    return [round(start + k * away + speed * number) for k in range(4)]


def _true_crossings() -> int:
    """Cars whose middle is on one side of the line at first and on the other at last."""
    half = _CAR[0] / 2
    return sum(
        (first + half < _LINE_X) != (last + half < _LINE_X)
        for lane in range(len(_LANES))
        for first, last in zip(_cars(lane, 0), _cars(lane, FRAMES - 1), strict=True)
    )


def _decoded(path: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        yield from container.decode(stream)


def _bare(path: Path) -> float:
    """CPU seconds of a bare decode of all frames on this thread."""
    begun = time.thread_time()
    for _ in _decoded(path):
        pass
    return time.thread_time() - begun


def _analyse(path: Path) -> tuple[float, int]:
    """CPU seconds of decode and analysis, and how many road users crossed the middle."""
    background, detector, tracker = BackgroundModel(), MotionDetector(), Tracker()
    sides: dict[str, bool] = {}
    crossed: set[str] = set()
    tracks: list[Track] = []
    begun = time.thread_time()
    for number, picture in enumerate(_decoded(path)):
        frame = _frame(picture, number)
        motion = background.learn(frame)
        detections = detector.detect(frame, motion, tracks)
        tracks = tracker.update(
            detections, frame.media_s, width_px=frame.width_px, height_px=frame.height_px
        )
        for track in tracks:
            if track.seen:
                right = track.box.bottom_centre.x_px > _LINE_X
                if sides.setdefault(track.id, right) != right and track.certain:
                    crossed.add(track.id)
    return time.thread_time() - begun, len(crossed)


def _frame(picture: av.VideoFrame, number: int) -> Frame:
    plane = picture.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    luma = rows[: picture.height, : picture.width]
    luma.flags.writeable = False
    at_s = number / FPS

    def to_rgb(width_px: int) -> npt.NDArray[np.uint8]:
        height = round(picture.height * width_px / picture.width)
        small = picture.reformat(width=width_px, height=height, format="rgb24")
        return np.asarray(small.to_ndarray(), np.uint8)

    return Frame(_CAMERA, UtcMicros(round(at_s * 1e6)), at_s, number, luma, to_rgb)
