"""Make: films of hand-counted clips, altered or coded anew, each with its truth beside it.

    python -m tools.variants.make --data DIR --out DIR

DIR/truth holds a JSON file for each clip of DIR/video: its `video.file`, and `lines` with `id`,
`p1`, `p2` and `counts` by group and way on the picture. A change of the picture changes lines and
ways with it. Nothing here is random that the seed does not say.
"""

import argparse
import copy
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

Picture = npt.NDArray[np.uint8]  # (H, W, 3)
Truth = dict[str, Any]
SEED = 7
GOP_S = 2.0  # between key frames of what is coded anew, as most cameras are set

MIRRORED = {"left": "right", "right": "left", "up_right": "left_up", "left_up": "up_right"}


@dataclass(frozen=True)
class Variant:
    """One way in which a clip is altered. `point` moves a point of a line, given the clip's width;
    `every`: one picture in so many is kept; `options` are those of x264."""

    name: str
    change: Callable[[Picture], Picture] = lambda picture: picture
    point: Callable[[float, float, int], tuple[float, float]] = lambda x, y, width: (x, y)
    mirrors: bool = False
    every: int = 1
    options: Callable[[float, int], dict[str, str]] = lambda fps, pixels: {
        "crf": "20",
        "preset": "veryfast",
    }


def _mirror(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[:, ::-1])


def _dark() -> Callable[[Picture], Picture]:
    dice = np.random.default_rng(SEED)

    def change(picture: Picture) -> Picture:
        noise = 2.0 * dice.standard_normal(picture.shape[:2])
        return np.clip(0.35 * picture + noise[..., None], 0, 255).astype(np.uint8)

    return change


def _scaled(by: float) -> Callable[[Picture], Picture]:
    how = cv2.INTER_AREA if by < 1 else cv2.INTER_LINEAR

    def change(picture: Picture) -> Picture:
        # Up to even sides: so no end of a line comes to lie outside.
        height, width = (2 * math.ceil(side * by / 2) for side in picture.shape[:2])
        return np.asarray(cv2.resize(picture, (width, height), interpolation=how), np.uint8)

    return change


def _anew(**options: str) -> Callable[[float, int], dict[str, str]]:
    """Without B frames and with a key frame every `GOP_S`."""
    return lambda fps, pixels: {
        "g": str(max(2, round(GOP_S * fps))),
        "bf": "0",
        "preset": "veryfast",
        **options,
    }


def _constant_rate(fps: float, pixels: int) -> dict[str, str]:
    bits = str(int(0.06 * pixels * fps))
    return _anew(b=bits, maxrate=bits, bufsize=bits)(fps, pixels)


def variants() -> list[Variant]:
    """All of them; those from `crf23` on are coded anew."""

    def mirrored(x: float, y: float, width: int) -> tuple[float, float]:
        return width - 1 - x, y

    def by(factor: float) -> Callable[[float, float, int], tuple[float, float]]:
        return lambda x, y, width: (x * factor, y * factor)

    return [
        Variant("mirror", _mirror, mirrored, mirrors=True),
        Variant("dark", _dark()),
        Variant("small", _scaled(0.6), by(0.6)),
        Variant("large", _scaled(1.5), by(1.5)),
        Variant("pale", lambda picture: (0.5 * picture + 70).astype(np.uint8)),
        Variant("half", every=2),
        Variant("coarse", options=lambda fps, pixels: {"crf": "33", "preset": "veryfast"}),
        Variant("crf23", options=_anew(crf="23")),
        Variant("crf28", options=_anew(crf="28")),
        Variant("crf32", options=_anew(crf="32")),
        Variant("plain", options=_anew(crf="27", preset="ultrafast")),
        Variant("constant", options=_constant_rate),
        Variant("mirror25", _mirror, mirrored, mirrors=True, options=_anew(crf="25")),
    ]


def altered_truth(truth: Truth, variant: Variant, width_px: int) -> Truth:
    """What is true of the altered clip."""
    told = copy.deepcopy(truth)
    if "frame_range" in told:
        told["frame_range"] = [number // variant.every for number in told["frame_range"]]
    for line in told.get("lines", []):
        for end in ("p1", "p2"):
            if line.get(end):
                x, y = line[end]
                line[end] = variant.point(x, y, width_px)
        if variant.mirrors and "counts" in line:
            line["counts"] = {
                group: {MIRRORED.get(way, way): number for way, number in ways.items()}
                for group, ways in line["counts"].items()
            }
    return told


def encode(path: Path, pictures: Iterable[Picture], fps: Fraction, options: dict[str, str]) -> None:
    with av.open(str(path), "w") as out:
        stream: VideoStream | None = None
        for number, picture in enumerate(pictures):
            if stream is None:
                made = out.add_stream("libx264", rate=fps, options=options)
                assert isinstance(made, VideoStream)
                stream = made
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1  # the same bytes each time
            frame = VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, 1 / fps
            out.mux(stream.encode(frame))
        if stream is not None:
            out.mux(stream.encode())


def make(data: Path, out: Path) -> None:
    """All variants of all clips of `data`, as `out`/CLIP.VARIANT.mp4 and .json."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted((data / "truth").glob("*.json")):
        truth = json.loads(path.read_text("utf-8"))
        with av.open(str(data / truth["video"]["file"])) as container:
            fps = Fraction(container.streams.video[0].average_rate or 25)
            pictures = [
                frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
                for frame in container.decode(video=0)
            ]
        height, width = pictures[0].shape[:2]
        for variant in variants():
            encode(
                out / f"{path.stem}.{variant.name}.mp4",
                (variant.change(picture) for picture in pictures[:: variant.every]),
                fps / variant.every,
                variant.options(float(fps) / variant.every, width * height),
            )
            told = altered_truth(truth, variant, width)
            (out / f"{path.stem}.{variant.name}.json").write_text(json.dumps(told), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    make(asked.data, asked.out)


if __name__ == "__main__":
    main()
