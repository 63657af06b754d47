"""GPU: looks of the street net in batches by CUDA, beside the same looks on the processor.

How this works. Cameras look at windows: parts of a picture around what moved. Windows of one size,
also of many cameras, can go through the net in one run. Here drawn windows go through it by
`perceive.runtime`, as a camera's do, in batches of 1 to 256: on one thread of the processor, then
by CUDA, size by size. The whole call is timed on the clock of the wall, with all copies to the
graphics processor and back. The first run of a batch prepares for its size, and is told apart.
What both answer to the same windows is compared cell by cell.

    python -m placewatch.bench.gpu --json FILE

does the same where little more is installed than numpy, numba and ONNX Runtime.
"""

import argparse
import contextlib
import dataclasses
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from placewatch.bench import Extent, Figure, Looks
from placewatch.bench.page import looks_table
from placewatch.bench.record import record
from placewatch.core.errors import Misconfigured
from placewatch.core.time import SystemClock
from placewatch.perceive.runtime import Net, open_net
from placewatch.perceive.street_net import SIDE_PX, compared
from placewatch.publish.whole import write_whole

SEED = 1
SCORE_MIN = 0.3  # what scores less is nobody
SCORE_MUST, SCORE_AIM = 0.02, 0.005  # CUDA may round factors to 10 bits of fraction (TF32)
BOX_MUST_PX, BOX_AIM_PX = 1.0, 0.1
_WARM_S = 0.05  # a graphics processor that rested is slow at first
_PROCESSOR_S = 0.25  # for one batch: a long one takes seconds a run, and strays little
_RUNS_MIN = 3
_BATCH_UNIT = "ms a run"
_DISTINCT = 64  # windows that are drawn; larger batches hold them again

Floats = npt.NDArray[np.float32]


def measure(extent: Extent) -> list[Figure]:
    """What `measure_looks` finds, to the extent that is asked for."""
    return measure_looks(extent.looks, extent.told)


def measure_looks(looks: Looks, told: Callable[[str], None]) -> list[Figure]:
    """How many times as many windows CUDA does as the processor one by one, what the first run of
    a batch takes, whether both answer the same, and every batch of each size.

    Where no CUDA is usable the processor is measured alone, and the rest says why it was not.
    """
    assert looks.batches[0] == 1, "one by one is what the others are compared with"
    content = resources.files("placewatch.perceive").joinpath("street.onnx").read_bytes()
    processor = open_net(content, backend="onnxruntime", name="the street net")
    try:
        cuda = open_net(content, backend="cuda", name="the street net")
        cuda.run(np.zeros((1, 3, 32, 32), np.float32))  # a library may be missed only now
    except Misconfigured as error:
        why = f"there is no usable CUDA here: {error.message}"
        told(why)
        missing = Figure("gpu", None, None, None, "times", "", "", False, why)
        return [missing, *_alone(processor, looks, told)]
    where = f"{cuda.runs_on} on {_card()}, beside {processor.runs_on}, one thread"
    told(where)
    gains, batches, pairs = [], [], []
    for wide, high in looks.windows_px:
        size = f"{wide}x{high}"
        planes = draw(max(looks.batches), wide, high)
        told(f"windows of {size} on the processor")
        slow = [_time(processor, planes[:n], looks.runs, _PROCESSOR_S) for n in looks.batches]
        told(f"windows of {size} by CUDA")
        fast = [_time(cuda, planes[:n], looks.runs) for n in looks.batches]
        few = planes[:_DISTINCT]
        pairs.append((processor.run(few)[0], cuda.run(few)[0]))
        gains += [_gain(size, slow, fast, where), _first(size, fast)]
        batches += [one.figure(f"gpu.{size}.processor.{one.batch}") for one in slow]
        batches += [one.figure(f"gpu.{size}.cuda.{one.batch}") for one in fast]
    return [*gains, *compare(pairs), *batches]


@dataclass(frozen=True, slots=True)
class Timing:
    """What the runs of one batch took on the clock of the wall; `first_ms` with preparations."""

    batch: int
    first_ms: float
    all_ms: list[float]

    @property
    def windows_s(self) -> float:
        return 1000 * self.batch / statistics.median(self.all_ms)

    def figure(self, name: str) -> Figure:
        return Figure(
            name=name,
            value=round(statistics.median(self.all_ms), 4),
            low=round(min(self.all_ms), 4),
            high=round(max(self.all_ms), 4),
            unit=_BATCH_UNIT,
            must="",
            aim="",
            passed=True,
            how=f"median, least and most of {len(self.all_ms)} runs, {self.batch} windows each, "
            f"{self.windows_s:.0f} windows a second; the first, besides, {self.first_ms:.3g} ms",
        )


def _time(net: Net, planes: Floats, runs: int, limit_s: float | None = None) -> Timing:
    """So many runs with `planes` after a warm-up; fewer where they last longer than `limit_s`."""
    clock = SystemClock()

    def run_s() -> float:
        began_s = clock.monotonic_s()
        net.run(planes)
        return clock.monotonic_s() - began_s

    first_s, warm_s = run_s(), 0.0
    while warm_s < _WARM_S:
        warm_s += run_s()
    all_s: list[float] = []
    while len(all_s) < runs and not (
        limit_s is not None and len(all_s) >= _RUNS_MIN and sum(all_s) > limit_s
    ):
        all_s.append(run_s())
    return Timing(len(planes), 1000 * first_s, [1000 * one_s for one_s in all_s])


def _alone(processor: Net, looks: Looks, told: Callable[[str], None]) -> Iterator[Figure]:
    for wide, high in looks.windows_px:
        planes = draw(max(looks.batches), wide, high)
        told(f"windows of {wide}x{high} on the processor")
        for batch in looks.batches:
            timing = _time(processor, planes[:batch], looks.runs, _PROCESSOR_S)
            yield timing.figure(f"gpu.{wide}x{high}.processor.{batch}")


def _gain(size: str, slow: Sequence[Timing], fast: Sequence[Timing], where: str) -> Figure:
    """The most windows a second by CUDA over those of the processor one by one."""
    best = max(fast, key=lambda one: one.windows_s)
    single = slow[0]
    ahead = [one.batch for one in fast if one.windows_s > max(them.windows_s for them in slow)]
    return Figure(
        name=f"gpu.{size}",
        value=round(best.windows_s / single.windows_s, 2),
        low=round(best.batch * min(single.all_ms) / max(best.all_ms), 2),
        high=round(best.batch * max(single.all_ms) / min(best.all_ms), 2),
        unit="times",
        must="",
        aim="",
        passed=True,
        how=f"windows a second by CUDA in its best batch, of {best.batch}, over the processor's "
        f"one by one, {best.windows_s:.0f} over {single.windows_s:.0f}, and the same of the "
        "extremes; more than any batch on the processor "
        + (f"from {min(ahead)} windows a run" if ahead else "in no batch")
        + f"; {where}",
    )


def _first(size: str, fast: Sequence[Timing]) -> Figure:
    all_ms = [one.first_ms for one in fast]
    return Figure(
        name=f"gpu.{size}.first",
        value=round(statistics.median(all_ms), 3),
        low=round(min(all_ms), 3),
        high=round(max(all_ms), 3),
        unit="ms",
        must="",
        aim="",
        passed=True,
        how="the first run by CUDA of each batch, which chooses algorithms for its size",
    )


def compare(pairs: Sequence[tuple[Floats, Floats]]) -> list[Figure]:
    """How far what CUDA found (the second of each pair) is from what the processor found: the
    largest differences of scores and of sides of boxes."""
    cells = 0
    score = box_px = 0.0
    for pair in pairs:
        ours, theirs = (_scores(raw) for raw in pair)
        seen = np.maximum(ours, theirs) > SCORE_MIN
        cells += int(seen.sum())
        score = max(score, float(np.abs(ours - theirs)[seen].max(initial=0.0)))
        ours, theirs = (_sides_px(raw)[seen] for raw in pair)
        box_px = max(box_px, float(np.abs(ours - theirs).max(initial=0.0)))
    how = f"in {cells} cells that score more than {SCORE_MIN:g} by either"
    return [
        Figure(
            name=f"gpu.same.{name}",
            value=round(value, 6),
            low=None,
            high=None,
            unit=unit,
            must=f"<= {must:g}",
            aim=f"<= {aim:g}",
            passed=cells > 0 and value <= must,
            how=told,
        )
        for name, value, unit, must, aim, told in (
            ("score", score, "of 1", SCORE_MUST, SCORE_AIM, f"largest difference of scores {how}"),
            ("box", box_px, "px", BOX_MUST_PX, BOX_AIM_PX, f"largest difference of sides {how}"),
        )
    ]


def _scores(raw: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-raw[:, 0])), np.float32)


def _sides_px(raw: Floats) -> Floats:
    """How far from each cell's middle the sides are, (N, h, w, 4)."""
    reach_px = SIDE_PX * np.exp(np.clip(raw[:, 1:5], -4, 5))
    return np.asarray(reach_px.transpose(0, 2, 3, 1), np.float32)


def draw(count: int, wide: int, high: int) -> Floats:
    """Windows (count, 3, high, wide) as the net takes them: road users, and the street without
    them. Width and height are multiples of 32."""
    chance = np.random.default_rng(SEED)
    down = np.linspace(0, 30, high)[:, None]
    planes = np.empty((min(count, _DISTINCT), 3, high, wide), np.float32)
    now, street = np.empty((2, high, wide), np.float32)
    for seen in planes:
        street[:] = chance.uniform(90, 140) + down + chance.normal(0, 3, (high, wide))
        now[:] = street + chance.normal(0, 2, (high, wide))
        for _ in range(max(1, wide * high // 8000)):
            long = int(chance.uniform(24, 56))
            tall = int(long * chance.uniform(0.4, 0.6))
            left, top = int(chance.uniform(0, wide - long)), int(chance.uniform(0, high - tall))
            light = chance.uniform(20, 230)
            now[top : top + tall, left : left + long] = light
            now[top : top + tall // 2, left + long // 5 : left + long - long // 5] = light / 2 + 20
            now[top + tall - 3 : top + tall + 1, left : left + long] = 35  # shadow
        seen[:] = compared(now.clip(0, 255), street.clip(0, 255))[0]
    return np.resize(planes, (count, *planes.shape[1:]))


def _card() -> str:
    """The graphics processor by its maker's name; the first where there are several."""
    with contextlib.suppress(OSError, subprocess.SubprocessError, IndexError):
        done = subprocess.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return done.stdout.splitlines()[0].strip()
    return "a graphics processor that does not tell its name"


def main(arguments: Sequence[str]) -> None:
    """Measures, prints the batches as a table and what else was found in a line each."""
    parser = argparse.ArgumentParser(prog="python -m placewatch.bench.gpu")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write placewatch.bench/1 there")
    path = parser.parse_args(arguments).json

    def told(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    figures = measure_looks(Looks(), told)
    document = record(figures)
    if path is not None:
        write_whole(path, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
    rows = {figure.name: dataclasses.asdict(figure) for figure in figures}
    sys.stdout.write(looks_table(rows))
    for figure in figures:
        if figure.unit != _BATCH_UNIT:
            value = "not measured" if figure.value is None else f"{figure.value:g} {figure.unit}"
            passed = "" if figure.passed else " (not passed)"
            sys.stdout.write(f"{figure.name}: {value}{passed}: {figure.how}\n")
    sys.stdout.write(f"{document['machine']['cpu']}, {document['machine']['versions']}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
