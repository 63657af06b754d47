"""Contact sheets of training data, to be looked at before a net is trained on it.

    python -m tools.train.look --out DIR [--held] [--only WORD] [--count 12]

writes look/frames-*.png (now, background, difference; labels bright, ignored regions dark),
look/sprites-*.png (on grey) and look/streets.png.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tools.train.formats import KINDS, Frames, Picture, Sprites, Streets

COLOURS = (
    (0, 0, 255),  # pedestrian: red
    (255, 128, 0),  # bicycle: blue
    (255, 0, 255),  # motorcycle: magenta
    (0, 255, 255),  # car: yellow
    (0, 200, 0),  # van: green
    (0, 128, 255),  # bus: orange
    (255, 255, 0),  # truck: cyan
    (255, 255, 255),
    (160, 160, 160),
)


def framed(frames: Frames, index: int) -> Picture:
    """Now, background and difference of one frame side by side, with what is told about it."""
    now, ground = frames.now[index], frames.background[min(index, len(frames.background) - 1)]
    step = cv2.absdiff(now, ground)
    row = [
        cv2.cvtColor(p, cv2.COLOR_GRAY2BGR)
        for p in (now, ground, cv2.convertScaleAbs(step, alpha=3))
    ]
    row = [cv2.resize(p, None, fx=1.6, fy=1.6) for p in row]
    for picture in row:
        for box in frames.ignore[frames.ignore[:, 0] == index]:
            _draw(picture, box[1:] * 1.6, (120, 60, 0))
        mine = frames.boxes[:, 0] == index
        for box, kind in zip(frames.boxes[mine], frames.kinds[mine], strict=True):
            _draw(picture, box[1:] * 1.6, COLOURS[kind])
    return np.hstack(row)


def _draw(picture: Picture, box: npt.NDArray[np.float32], colour: tuple[int, int, int]) -> None:
    left, top, right, bottom = (round(float(v)) for v in box)
    cv2.rectangle(picture, (left, top), (right, bottom), colour, 1)


def tiled(pictures: list[Picture], columns: int) -> Picture:
    """Pictures of any size in rows, each padded to the largest."""
    tall = max(p.shape[0] for p in pictures)
    wide = max(p.shape[1] for p in pictures)
    padded = [
        np.pad(p, ((0, tall - p.shape[0]), (0, wide - p.shape[1])) + ((0, 0),) * (p.ndim - 2))
        for p in pictures
    ]
    while len(padded) % columns:
        padded.append(np.zeros_like(padded[0]))
    rows = [np.hstack(padded[i : i + columns]) for i in range(0, len(padded), columns)]
    return np.vstack(rows)


def main() -> None:
    """Draws the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    root = arguments.out / "held" if arguments.held else arguments.out
    look = arguments.out / "look"
    look.mkdir(exist_ok=True)
    rng = np.random.default_rng(arguments.seed)
    mark = ("held-" if arguments.held else "") + (arguments.only or "all")

    paths = [p for p in sorted((root / "frames").glob("*.npz")) if arguments.only in p.name]
    rows = []
    for path in rng.choice(
        np.array(paths, object), arguments.count, replace=len(paths) < arguments.count
    ):
        frames = Frames.load(path)
        rows.append(framed(frames, int(rng.integers(len(frames.now)))))
    if rows:
        cv2.imwrite(str(look / f"frames-{mark}.png"), tiled(rows, 2 if len(rows) > 6 else 1))

    by_kind: dict[int, list[Picture]] = {kind: [] for kind in range(len(KINDS))}
    for path in sorted((root / "sprites").glob("*.npz")):
        if arguments.only in path.name:
            sprites = Sprites.load(path)
            for index in range(len(sprites)):
                luma, alpha, kind = sprites[index]
                share = alpha.astype(np.float32) / 255
                by_kind[kind].append((luma * share + 128 * (1 - share)).astype(np.uint8))
    for kind, cuts in by_kind.items():
        if cuts:
            some = rng.permutation(len(cuts))[:160]
            cv2.imwrite(
                str(look / f"sprites-{mark}-{KINDS[kind]}.png"),
                tiled([cuts[i] for i in some], 16),
            )

    streets = []
    for path in sorted((root / "streets").glob("*.npz")):
        if arguments.only in path.name:
            file = Streets.load(path)
            streets.append(file.street[int(rng.integers(len(file.street)))])
    if streets:
        some = rng.permutation(len(streets))[:30]
        cv2.imwrite(str(look / f"streets-{mark}.png"), tiled([streets[i] for i in some], 5))


if __name__ == "__main__":
    main()
