"""Core: what watching costs in bare decodes, with what the very same passes counted.

`bare` is a full decode of the same frames by PyAV on one thread, run just before each pass; costs
are CPU seconds, and a ratio is the median of at least nine such pairs. Films are drawn (see
film.py): at this size, noise and bit rate a frame of one decodes as dearly as one of a real street.
"""

import statistics
from dataclasses import dataclass, field

from av.error import FFmpegError

from placewatch.bench import Extent, Figure
from placewatch.bench.analysis import Pass, Ratio, analyse, in_bare_decodes
from placewatch.bench.film import GOP, Film, film
from placewatch.bench.tally import Tally, missed, tally
from placewatch.capture.policy import FULL, LEAN, Policy
from placewatch.core.errors import PlacewatchError
from placewatch.node import config as settings
from placewatch.node.equip import policy_of

WRONG_SHARE_MAX = 0.05
"""Missed or extra crossings by true ones, road user by road user, in the passes that were timed."""

EVENINGS_MAX = 24
"""Passes over the evening in full, while the quiet street's camera gets to know itself."""

SPAN_S_MIN = 1.0
"""A shorter reference path is no passage."""

_FAILURES = (FFmpegError, OSError, PlacewatchError)


def measure_main(extent: Extent) -> list[Figure]:
    """Every frame of the main stream: without the loop filter, and bit-exact as by default.

    What is shipped decodes every frame and analyses as many as the street's road users need (see
    perceive/tempo.py); the rows `.every` analyse every frame.
    """
    names = tuple(_MODES)
    try:
        reel = film(extent.main, extent.told)
        camera = reel.camera(detector=extent.detector)
        default = policy_of(camera)
        assert default.loop_filter, "core.exact is of bit-exact decode"
        runs = {
            "core.main": _Run(reel, LEAN, extent),
            "core.main.every": _Run(reel, LEAN, extent, every=True),
            "core.exact": _Run(reel, default, extent),
            "core.exact.every": _Run(reel, default, extent, every=True),
        }
        analyse(camera)  # compiles, or loads what was compiled
        ratios, bare_s = in_bare_decodes(
            reel.main, {name: run.once for name, run in runs.items()}, extent.pairs
        )
    except _FAILURES as error:
        return [figure for name in names for figure in _not_run(name, *_BOUNDS[name], error)]
    figures: list[Figure] = []
    for name, run in runs.items():
        how = (
            f"{_MODES[name]}: {extent.pairs} pairs over {_said_of(reel)}, "
            f"bare {_ms(bare_s, reel)} ms a frame; decode, motion, {camera.detector} detector, "
            f"tracker, backdrop, ground and lines, on one thread; {run.analysed} of "
            f"{reel.frames} frames analysed"
        )
        figures += [_ratio(name, ratios[name], *_BOUNDS[name], how), run.wrong(name)]
    return figures


def measure_sub(extent: Extent) -> list[Figure]:
    """The sub-stream analysed while the main stream is carried, in bare decodes of the latter."""
    name = "core.sub"
    try:
        reel = film(extent.main, extent.told)
        run = _Run(reel, FULL, extent, sub=True)
        run.once()
        ratios, bare_s = in_bare_decodes(reel.main, {name: run.once}, extent.pairs)
    except _FAILURES as error:
        return _not_run(name, *_BOUNDS[name], error)
    how = (
        f"{extent.pairs} pairs; {reel.recipe.sub_width_px}x{reel.recipe.sub_height_px} at "
        f"{reel.recipe.sub_bit_rate / 1e6:g} Mbit/s decoded bit-exact and analysed, the main "
        f"stream's packets read and kept; against bare decode of {_said_of(reel)}, "
        f"{_ms(bare_s, reel)} ms a frame; {run.analysed} of {reel.frames} frames analysed"
    )
    return [_ratio(name, ratios[name], *_BOUNDS[name], how), run.wrong(name)]


def measure_quiet(extent: Extent) -> list[Figure]:
    """Quiet hours at capped VBR, by a camera that got to know itself in the evening before."""
    name = "core.quiet"
    try:
        evening, reel = film(extent.evening, extent.told), film(extent.quiet, extent.told)
        camera = reel.camera(detector=extent.detector)
        policy = policy_of(camera)
        evenings = 0
        while not policy.report().sleeps and evenings < EVENINGS_MAX:
            analyse(evening.camera(detector=extent.detector), policy=policy)
            evenings += 1
        before = policy.report()
        reference = analyse(camera)
        run = _Run(reel, policy, extent)
        ratios, bare_s = in_bare_decodes(reel.main, {name: run.once}, extent.pairs)
    except _FAILURES as error:
        return _not_run(name, *_BOUNDS[name], error)
    told = policy.report()
    paths = [path for path in reference.paths.values() if path[-1][0] - path[0][0] >= SPAN_S_MIN]
    lost = [missed(paths, one.paths.values()) / len(paths) if paths else 1.0 for one in run.passes]
    active = _active_share(reference, reel)
    how = (
        f"{extent.pairs} pairs over {_said_of(reel)} at constant quality, at dusk, bare "
        f"{_ms(bare_s, reel)} ms a frame, {100 * reference.cpu_s / bare_s:.0f} % of that when all "
        f"of it is analysed; the camera got to know itself on {evenings} passes over another film "
        f"of {evening.frames} frames; then it slept through {told.gops_slept - before.gops_slept} "
        f"of {told.gops - before.gops} GOPs and {told.audits - before.audits} were audited; of "
        f"{told.passages_checked} passages checked {told.passages_missed} would have been missed"
    )
    if not told.sleeps:
        how += f"; in the end it did not sleep: {told.why}"
    return [
        _ratio(name, ratios[name], *_BOUNDS[name], how),
        Figure(
            name=f"{name}.missed",
            value=round(statistics.median(lost), 4),
            low=round(min(lost), 4),
            high=round(max(lost), 4),
            unit="of reference tracks",
            must="<= 0.01",
            aim="<= 0",
            passed=bool(paths) and statistics.median(lost) <= 0.01,
            how=f"of {len(paths)} tracks of a second or more in a pass that decoded every frame, "
            "those not covered for half of their time in the timed passes",
        ),
        Figure(
            name=f"{name}.active",
            value=round(active, 3),
            low=None,
            high=None,
            unit="of GOPs",
            must="<= 0.1",
            aim="",
            passed=active <= 0.1,
            how=f"GOPs of {GOP} frames in which the reference pass saw a road user",
        ),
        run.wrong(name),
    ]


@dataclass
class _Run:
    """Passes over one film, and what they counted."""

    reel: Film
    policy: Policy
    extent: Extent
    sub: bool = False
    every: bool = False  # frame is analysed
    passes: list[Pass] = field(default_factory=list)

    def once(self) -> float:
        """CPU seconds of one more pass."""
        camera = self.reel.camera(sub=self.sub, detector=self.extent.detector)
        if self.every:
            camera = settings.with_values(camera, analysed_fps=settings.ANALYSED_FPS[1])
        told = analyse(
            camera,
            policy=self.policy,
            along=self.reel.main if self.sub else None,
        )
        self.passes.append(told)
        return told.cpu_s

    @property
    def analysed(self) -> int:
        """How many frames the last pass analysed."""
        return self.passes[-1].frames

    def tallies(self) -> list[Tally]:
        return [tally(self.reel.truth, one.crossings) for one in self.passes]

    def wrong(self, name: str) -> Figure:
        """The counts of these passes beside the truth."""
        tallies = self.tallies()
        shares = [one.share_wrong for one in tallies]
        value = statistics.median(shares)
        worst = max(tallies, key=lambda one: one.wrong)
        return Figure(
            name=f"{name}.wrong",
            value=round(value, 4),
            low=round(min(shares), 4),
            high=round(max(shares), 4),
            unit="of true crossings",
            must=f"<= {WRONG_SHARE_MAX:g}",
            aim="<= 0",
            passed=bool(self.reel.truth) and value <= WRONG_SHARE_MAX,
            how=f"missed or extra, road user by road user, in the timed passes; worst: {worst}",
        )


_BOUNDS: dict[str, tuple[float, float]] = {
    "core.main": (0.95, 0.85),
    "core.main.every": (0.95, 0.85),
    "core.exact": (1.10, 1.05),
    "core.exact.every": (1.10, 1.05),
    "core.sub": (0.20, 0.15),
    "core.quiet": (0.35, 0.25),
}
"""What is demanded of each ratio, and aimed at."""


_MODES = {
    "core.main": "decode = no_loop_filter, which is not the default",
    "core.main.every": "the same with analysed_fps = 240, every frame",
    "core.exact": "bit-exact decode, the default",
    "core.exact.every": "the same with analysed_fps = 240, every frame",
}


def _ratio(name: str, ratio: Ratio, must: float, aim: float, how: str) -> Figure:
    return Figure(
        name=name,
        value=round(ratio.median, 3),
        low=round(ratio.low, 3),
        high=round(ratio.high, 3),
        unit="bare decodes",
        must=f"<= {must:g}",
        aim=f"<= {aim:g}",
        passed=ratio.median <= must,
        how=how,
    )


def _not_run(name: str, must: float, aim: float, error: Exception) -> list[Figure]:
    why = f"could not run: {error}"
    return [
        Figure(name, None, None, None, "bare decodes", f"<= {must:g}", f"<= {aim:g}", False, why),
        Figure(
            f"{name}.wrong",
            None,
            None,
            None,
            "of true crossings",
            f"<= {WRONG_SHARE_MAX:g}",
            "<= 0",
            False,
            why,
        ),
    ]


def _active_share(reference: Pass, reel: Film) -> float:
    gop_s = GOP / reel.recipe.fps
    active = {int(at_s / gop_s) for path in reference.paths.values() for at_s, *_ in path}
    return len(active) / max(1, round(reel.recipe.seconds / gop_s))


def _said_of(reel: Film) -> str:
    recipe = reel.recipe
    return (
        f"{reel.frames} frames of {recipe.width_px}x{recipe.height_px} H.264 at "
        f"{8 * reel.main.stat().st_size / recipe.seconds / 1e6:.2g} Mbit/s"
    )


def _ms(bare_s: float, reel: Film) -> str:
    return f"{1000 * bare_s / reel.frames:.2f}"
