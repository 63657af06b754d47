"""Drawing: streets, profiles and histograms as SVG, from numbers and an empty street alone."""

import base64
import io
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image

from placewatch.core.facts import Crossing
from placewatch.core.kinds import Direction
from placewatch.publish import labels, marks
from placewatch.publish.road import Shape
from placewatch.publish.watch import WatchedLine
from placewatch.publish.words import GROUP_WORDS, GROUPS, duration, way, whole

BIN_SIZES_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
BINS_MIN, BINS_MAX = 12, 96  # 96 quarters of an hour are a day
SPEED_STEP_KM_H = 5
"""Width of the histogram's bins; that of the customary spot-speed tables."""

_WIDTH, _NARROW_WIDTH, _HEIGHT = 760, 400, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 10, 24  # margins of a chart: room for its axes' numbers

# A hue that says "more" by growing darker, and is no state's colour: (share, (r, g, b, opacity)).
_HEAT = (
    (0.00, (255, 214, 102, 0)),
    (0.08, (255, 205, 92, 90)),
    (0.35, (245, 146, 62, 165)),
    (0.70, (190, 70, 125, 205)),
    (1.00, (84, 36, 132, 230)),
)
_HEAT_CELL_PX = 10


def street(
    width_px: int,
    height_px: int,
    backdrop_jpeg: bytes | None,
    lines: Sequence[WatchedLine],
    *,
    seen: bool,
    words: Mapping[str, str] | None = None,
    shapes: Sequence[Shape] = (),
    ticks: bool = False,
) -> str:
    """The street without anybody, with its counting lines and what was counted at each.

    `seen` is false where nothing was: then there are no counts, not even zeros. `words` stand at
    the lines, by their names, in the place of counts of their crossings. `shapes` lie below the
    lines; with `ticks` the edges tell pixels.
    """
    unit = max(width_px, 1) / 760  # one CSS pixel, at the width it is usually shown
    parts = [_svg(width_px, height_px, "The street without anybody, and its counting lines")]
    parts.append(_empty_street(width_px, height_px, backdrop_jpeg))
    parts.append(marks.shapes(shapes, unit))
    if ticks:
        parts.append(marks.ticks(width_px, height_px, unit))
    texts = []
    for line in lines:
        told = words.get(line.name, line.name) if words is not None else _counted(line)
        texts.append((line, told if seen else f"{line.name}: not seen"))
        parts.append(_counting_line(line, unit))
    # Twice: a phone shows the same picture at half the width, and the words as large.
    for style, size in (("far", unit), ("near", 1.9 * unit)):
        told = _words_on(texts, shapes, width_px, height_px, size)
        parts.append(f'<g class="{style}">{told}</g>')
    parts.append("</svg>")
    return "".join(parts)


def movement(
    width_px: int,
    height_px: int,
    backdrop_jpeg: bytes | None,
    density: Sequence[Sequence[float]],
    *,
    again: bool,
) -> str:
    """Where road users were, as colour over the street. `again`: `street` has drawn it before."""
    heat = base64.b64encode(heat_png(density)).decode()
    ground = _empty_street(width_px, height_px, backdrop_jpeg, again=again)
    return (
        _svg(width_px, height_px, "Where road users moved: darker is more")
        + f'<g class="pale">{ground}</g>'
        f'<image width="{width_px}" height="{height_px}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{heat}"/></svg>'
    )


def turning(lines: Sequence[WatchedLine], moved: Mapping[tuple[str | None, str], int]) -> str:
    """Who went from which arm of a junction to which, as a diagram: a band for each pair, as wide
    as they were many, in the colour of its origin. The arms lie around as on the picture."""
    angles = _around(lines)
    names = list(angles)
    ways = {way: count for way, count in moved.items() if way[0] is not None}
    came = {name: sum(c for (a, _), c in ways.items() if a == name) for name in names}
    left = {name: sum(c for (_, b), c in ways.items() if b == name) for name in names}
    unit = _ARM_WIDE / max(1, *came.values(), *left.values())
    parts = [_svg(_TURNING, _TURNING_HIGH, "Who went from which arm to which", "chart turning")]
    bands = []
    for number, origin in enumerate(names):
        in_order = sorted(names, key=lambda name: _turn(angles[origin], angles[name]))
        beside = _AXIS_GAP
        for end in in_order:
            count = ways.get((origin, end), 0)
            if count:
                wide = count * unit
                start = beside + wide / 2
                beside += wide
                sharper = [
                    name
                    for name in names
                    if _turn(angles[name], angles[end]) < _turn(angles[origin], angles[end])
                ]
                before = sum(ways.get((name, end), 0) for name in sharper) * unit
                path = _band(angles[origin], start, angles[end], _AXIS_GAP + before + wide / 2)
                bands.append((wide, number, path, f"{origin} to {end}: {whole(count)}"))
    for wide, number, path, told in sorted(bands, reverse=True):  # narrow ones lie on wide ones
        parts.append(
            f'<path class="band from-{number % 6}" stroke-width="{max(1.0, wide):.1f}" d="{path}">'
            f"<title>{escape(told)}</title></path>"
        )
    for number, name in enumerate(names):
        parts.append(_arm_mark(number, name, angles[name], came[name], left[name]))
    parts.append("</svg>")
    return "".join(parts)


_TURNING, _TURNING_HIGH = 440, 360
_ARM_FAR, _ARM_WIDE, _AXIS_GAP = 118.0, 46.0, 3.0
_APART_MIN = math.radians(55)  # arms that lie closer are spread evenly


def _around(lines: Sequence[WatchedLine]) -> dict[str, float]:
    """At which angle each arm lies around the middle, 0 to the right, growing clockwise."""
    ends: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        if line.arm is not None:
            ends.setdefault(line.arm, []).extend((line.from_px, line.to_px))
    spots = {
        name: (sum(x for x, _ in px) / len(px), sum(y for _, y in px) / len(px))
        for name, px in ends.items()
    }
    mid_x = sum(x for x, _ in spots.values()) / len(spots)
    mid_y = sum(y for _, y in spots.values()) / len(spots)
    # A camera that looks along the ground squeezes what lies before and behind.
    across = math.sqrt(sum((x - mid_x) ** 2 for x, _ in spots.values())) or 1.0
    down = math.sqrt(sum((y - mid_y) ** 2 for _, y in spots.values())) or 1.0
    angles = {
        name: math.atan2((y - mid_y) / down, (x - mid_x) / across) for name, (x, y) in spots.items()
    }
    order = sorted(angles, key=lambda name: angles[name])
    steps = [
        (angles[after] - angles[before]) % (2 * math.pi)
        for before, after in zip(order, [*order[1:], order[0]], strict=True)
    ]
    if min(steps) < _APART_MIN:
        step = 2 * math.pi / len(order)
        turned = [angles[name] - number * step for number, name in enumerate(order)]
        first = math.atan2(sum(map(math.sin, turned)), sum(map(math.cos, turned)))
        angles = {name: first + number * step for number, name in enumerate(order)}
    return {name: angles[name] for name in ends}


def _turn(origin: float, end: float) -> float:
    """How far who comes in at one angle turns to leave at another: left is negative, back least."""
    turn = (end - origin - math.pi) % (2 * math.pi)
    turn = turn - 2 * math.pi if turn > math.pi else turn
    return -math.pi if math.isclose(abs(turn), math.pi) else turn


def _band(origin: float, start: float, end: float, stop: float) -> str:
    """From an arm's right half inwards to another's right half outwards."""
    x0, y0 = _spot(origin, _ARM_FAR, -start)
    x3, y3 = _spot(end, _ARM_FAR, stop)
    reach = 0.25 if abs(_turn(origin, end)) < math.pi else 0.1
    x1, y1 = _spot(origin, _ARM_FAR * reach, -start)
    x2, y2 = _spot(end, _ARM_FAR * reach, stop)
    return f"M{x0:.1f} {y0:.1f}C{x1:.1f} {y1:.1f} {x2:.1f} {y2:.1f} {x3:.1f} {y3:.1f}"


def _spot(angle: float, out: float, right: float) -> tuple[float, float]:
    """`out` from the middle at an angle, and so far to the right of who drives out there."""
    return (
        _TURNING / 2 + out * math.cos(angle) - right * math.sin(angle),
        _TURNING_HIGH / 2 + out * math.sin(angle) + right * math.cos(angle),
    )


def _arm_mark(number: int, name: str, angle: float, came: int, left: int) -> str:
    """The arm's name and what came in and went out there, beyond its end."""
    x, y = _spot(angle, _ARM_FAR + 12, 0.0)
    beside = math.cos(angle)
    anchor = "start" if beside > 0.4 else "end" if beside < -0.4 else "middle"
    down = math.sin(angle)
    drop = 10.0 * down if down > 0.0 else 20.0 * down  # two lines of words stand there
    a0, a1 = _spot(angle, _ARM_FAR, -_ARM_WIDE - 6), _spot(angle, _ARM_FAR, _ARM_WIDE + 6)
    return (
        f'<path class="mouth from-{number % 6}" d="M{a0[0]:.1f} {a0[1]:.1f}L{a1[0]:.1f} '
        f'{a1[1]:.1f}"/>'
        f'<text class="arm" text-anchor="{anchor}" x="{x:.1f}" y="{y + drop:.1f}">'
        f"{escape(name)}</text>"
        f'<text class="axis" text-anchor="{anchor}" x="{x:.1f}" y="{y + drop + 15:.1f}">'
        f"{whole(came)} in, {whole(left)} out</text>"
    )


def heat_png(density: Sequence[Sequence[float]]) -> bytes:
    """`density` as a see-through PNG, smooth between its cells.

    Colour grows with the root of the density, so that a quiet pavement beside a road still shows.
    """
    columns, rows = len(density[0]), len(density)
    most = max(max(row) for row in density) or 1.0
    grey = Image.new("L", (columns, rows))
    grey.putdata([round(255 * math.sqrt(max(0.0, cell) / most)) for row in density for cell in row])
    size = (columns * _HEAT_CELL_PX, rows * _HEAT_CELL_PX)
    smooth = grey.resize(size, Image.Resampling.BICUBIC)
    ramp = [_heat(level / 255) for level in range(256)]
    bands = [smooth.point([colour[band] for colour in ramp]) for band in range(4)]
    stream = io.BytesIO()
    Image.merge("RGBA", bands).save(stream, "PNG", optimize=True)
    return stream.getvalue()


@dataclass(frozen=True, slots=True)
class Bin:
    """A piece of the profile. `seen_s` are its seen stretches; empty where nothing is known."""

    start_s: float
    end_s: float
    seen_s: tuple[tuple[float, float], ...]
    counts: dict[str, int]  # by group of kinds

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def bins(
    crossings: Sequence[Crossing],
    duration_s: float,
    unseen_s: Sequence[tuple[float, float]],
) -> list[Bin]:
    """`crossings` in bins of a round size, the last maybe shorter.

    As fine as it goes with a crossing a bin on average, but never below 12 bins for that.
    """
    if duration_s <= 0:
        return []
    bins_max = min(BINS_MAX, max(BINS_MIN * 2, len(crossings)))
    size_s: float = next((s for s in BIN_SIZES_S if duration_s <= s * bins_max), 0)
    if not size_s:
        size_s = 86400.0 * math.ceil(duration_s / 86400 / BINS_MAX)
    number = math.ceil(duration_s / size_s)
    counts = [dict.fromkeys(GROUPS, 0) for _ in range(number)]
    for crossing in crossings:
        place = min(number - 1, max(0, int(crossing.media_s // size_s)))
        counts[place][_group(crossing)] += 1
    edges = [min(step * size_s, duration_s) for step in range(number + 1)]
    return [
        Bin(start_s, end_s, _without(start_s, end_s, unseen_s), count)
        for start_s, end_s, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]


def profile(
    steps: Sequence[Bin],
    unseen_s: Sequence[tuple[float, float]],
    label: Callable[[float], str],
    phase_s: float = 0.0,
) -> str:
    """Crossings over time, stacked by kind. What was not seen is grey and has no base line.

    `label` writes a moment of the source; `phase_s` is what it would call second 0, in seconds,
    so that the axis has its numbers at round ones.
    """
    duration_s = steps[-1].end_s
    top = _ceiling(max(step.total for step in steps))
    inner, base = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _BOTTOM

    def x(seconds: float) -> float:
        return _LEFT + inner * seconds / duration_s

    def y(count: float) -> float:
        return base - (base - _TOP) * count / top

    parts = [_svg(_WIDTH, _HEIGHT, "Crossings over time", "chart wide"), _count_axis(top, y)]
    for since_s, until_s in unseen_s:
        left, right = x(max(0.0, since_s)), x(min(duration_s, until_s))
        if right > left:
            parts.append(
                f'<rect class="unseen" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" '
                f'height="{base - _TOP}"><title>not seen for {duration(until_s - since_s)}</title>'
                "</rect>"
            )
            if right - left > 52:
                parts.append(
                    f'<text class="axis middle" x="{(left + right) / 2:.1f}" y="{_TOP + 16}">'
                    "not seen</text>"
                )
    for step in steps:
        parts.append(_bar(step, x, y, label))
    step_s = _tick_s(duration_s)
    first_s = -phase_s % step_s
    for number in range(int((duration_s - first_s) / step_s + 1e-9) + 1):
        place = first_s + number * step_s
        anchor = "middle" if 0 < place < duration_s * 0.97 else ("" if place <= 0 else "end")
        parts.append(
            f'<text class="axis {anchor}" x="{x(place):.1f}" y="{_HEIGHT - 7}">'
            f"{label(place)}</text>"
        )
    parts.append("</svg>")
    return "".join(parts)


def spots(
    width_px: int,
    height_px: int,
    backdrop_jpeg: bytes | None,
    found: Sequence[tuple[float, float, float]],
) -> str:
    """Spots over the street: (x, y, share of the greatest, 0..1). `street` has drawn it before."""
    ground = _empty_street(width_px, height_px, backdrop_jpeg, again=True)
    parts = [_svg(width_px, height_px, "Where conflicts were: darker is more")]
    parts.append(f'<g class="pale">{ground}</g>')
    for x_px, y_px, share in sorted(found, key=lambda one: one[2]):
        red, green, blue, opacity = _heat(max(0.1, share))
        parts.append(
            f'<circle cx="{x_px:.0f}" cy="{y_px:.0f}" r="{width_px / 76 * (0.6 + share):.1f}" '
            f'fill="rgb({red},{green},{blue})" fill-opacity="{opacity / 255:.2f}"/>'
        )
    parts.append("</svg>")
    return "".join(parts)


def speed_histogram(speeds_km_h: Sequence[float], mean_km_h: float, p85_km_h: float | None) -> str:
    """How many passed at which speed, with the mean and the speed that 85 % stay below."""
    return speed_bands([(speed, speed, 1) for speed in speeds_km_h], mean_km_h, p85_km_h)


def speed_bands(
    bands_km_h: Sequence[tuple[float, float, int]], mean_km_h: float, p85_km_h: float | None
) -> str:
    """`speed_histogram` of counts in bands (from, to, how many), which may be narrower than those
    that are drawn: each is drawn where its middle lies."""
    size = SPEED_STEP_KM_H
    middles = [((low + high) / 2, count) for low, high, count in bands_km_h if count]
    first = int(min(middle for middle, _ in middles) // size)
    last = max(int(max(middle for middle, _ in middles) // size), first + 5)
    counts = [0] * (last - first + 1)
    for middle, count in middles:
        counts[int(middle // size) - first] += count
    top = _ceiling(max(counts))
    inner, base = _NARROW_WIDTH - _LEFT - _RIGHT, _HEIGHT - _BOTTOM

    def x(km_h: float) -> float:
        return _LEFT + inner * (km_h / size - first) / len(counts)

    def y(count: float) -> float:
        return base - (base - _TOP - 16) * count / top

    parts = [_svg(_NARROW_WIDTH, _HEIGHT, "How many at which speed", "chart")]
    parts.append(_count_axis(top, y, _NARROW_WIDTH))
    parts.append(f'<path class="base" d="M{_LEFT} {base}H{_NARROW_WIDTH - _RIGHT}"/>')
    for number, count in enumerate(counts):
        low = (first + number) * size
        if count:
            parts.append(
                f'<rect class="car" x="{x(low) + 1:.1f}" y="{y(count):.1f}" '
                f'width="{x(low + size) - x(low) - 2:.1f}" height="{base - y(count):.1f}">'
                f"<title>{low} to {low + size} km/h: {count}</title></rect>"
            )
    every = math.ceil(len(counts) / 9)
    for number in range(0, len(counts) + 1, every):
        edge = (first + number) * size
        parts.append(f'<text class="axis middle" x="{x(edge):.1f}" y="{_HEIGHT - 7}">{edge}</text>')
    marks = [("mean", mean_km_h)] + ([("V85", p85_km_h)] if p85_km_h is not None else [])
    for number, (name, km_h) in enumerate(marks):
        # The mean's words stand left of its mark and V85's right, so that they never meet.
        side, shift = ("end", -5.0) if number == 0 else ("start", 5.0)
        parts.append(
            f'<path class="mark" d="M{x(km_h):.1f} {_TOP}V{base}"/>'
            f'<text class="{side}" x="{x(km_h) + shift:.1f}" y="{_TOP + 10}">'
            f"{name} {km_h:.0f}</text>"
        )
    parts.append("</svg>")
    return "".join(parts)


def columns(
    values: Sequence[float | None],
    labels: Sequence[str],
    told: Sequence[str],
    title: str,
    style: str,
    *,
    unseen: bool = False,
) -> str:
    """A column for each value, with its `told` for who points at it. `labels` stand below the left
    edges of columns. With `unseen` None is grey."""
    top = _ceiling(math.ceil(max((value or 0.0 for value in values), default=0.0)))
    inner, base = _NARROW_WIDTH - _LEFT - _RIGHT, _HEIGHT - _BOTTOM
    wide = inner / max(1, len(values))

    def y(value: float) -> float:
        return base - (base - _TOP) * value / top

    parts = [_svg(_NARROW_WIDTH, _HEIGHT, title, "chart"), _count_axis(top, y, _NARROW_WIDTH)]
    for number, (value, words) in enumerate(zip(values, told, strict=True)):
        left = _LEFT + number * wide
        if value is None:
            if unseen:
                parts.append(
                    f'<rect class="unseen" x="{left:.1f}" y="{_TOP}" width="{wide + 0.3:.2f}" '
                    f'height="{base - _TOP}"><title>{escape(words)}</title></rect>'
                )
        elif value:
            gap = min(1.0, wide / 6)
            parts.append(
                f'<rect class="{style}" x="{left + gap:.1f}" y="{y(value):.1f}" '
                f'width="{wide - 2 * gap:.2f}" height="{base - y(value):.1f}">'
                f"<title>{escape(words)}</title></rect>"
            )
    parts.append(f'<path class="base" d="M{_LEFT} {base}H{_NARROW_WIDTH - _RIGHT}"/>')
    for number, label in enumerate(labels):
        if label:
            parts.append(
                f'<text class="axis middle" x="{_LEFT + number * wide:.1f}" y="{_HEIGHT - 7}">'
                f"{escape(label)}</text>"
            )
    parts.append("</svg>")
    return "".join(parts)


def _svg(width: float, height: float, title: str, style: str = "scene") -> str:
    return (
        f'<svg class="{style}" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">'
    )


def _empty_street(width_px: int, height_px: int, jpeg: bytes | None, *, again: bool = False) -> str:
    if again and jpeg is not None:
        return '<use href="#street"/>'
    size = f'width="{width_px}" height="{height_px}"'
    if jpeg is None:
        return f'<rect class="blank" {size}/>'
    data = base64.b64encode(jpeg).decode()
    return (
        f'<image id="street" {size} preserveAspectRatio="none" '
        f'href="data:image/jpeg;base64,{data}"/>'
    )


def _counted(line: WatchedLine) -> str:
    told = [line.name]
    for direction in Direction:
        number = sum(crossing.direction is direction for crossing in line.crossings)
        told.append(f"{way(line.from_px, line.to_px, direction)[0]} {whole(number)}")
    return "   ".join(told)


def _counting_line(line: WatchedLine, unit: float) -> str:
    (x1, y1), (x2, y2) = line.from_px, line.to_px
    return (
        f'<path class="line edge" stroke-width="{6 * unit:.1f}" d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'
        f'<path class="line" stroke-width="{3 * unit:.1f}" d="M{x1:g} {y1:g}L{x2:g} {y2:g}"/>'
        f'<circle class="line dot" cx="{x1:g}" cy="{y1:g}" r="{4.5 * unit:.1f}" '
        f'stroke-width="{1.5 * unit:.1f}"/>'
    )


_CROWDED = 0.2  # share of a picture that plates with counts may cover


def _chip(line: WatchedLine, text: str, unit: float) -> labels.Label:
    size = 13 * unit
    return labels.Label(line.to_px, (len(text) * 0.55 + 1.4) * size, 1.75 * size, 6 * unit)


def _words_on(
    texts: Sequence[tuple[WatchedLine, str]],
    shapes: Sequence[Shape],
    width_px: int,
    height_px: int,
    unit: float,
) -> str:
    """What stands at lines, on plates, and the names of shapes: none covers another."""
    size = 13 * unit
    chips = [_chip(line, text, unit) for line, text in texts]
    if sum(one.wide * one.high for one in chips) > _CROWDED * width_px * height_px:
        texts = [(line, line.name) for line, _ in texts]  # counts stand in the table
        chips = [_chip(line, text, unit) for line, text in texts]
    names = [marks.name_label(one, unit) for one in shapes]
    lines = [(line.from_px, line.to_px) for line, _ in texts]
    placed = labels.place([*chips, *names], width_px, height_px, lines)
    parts = [
        marks.leader(label, one, unit) for label, one in zip([*chips, *names], placed, strict=True)
    ]
    parts += map(marks.name, shapes, placed[len(chips) :])
    parts += [
        f'<rect class="chip" x="{one.left:.1f}" y="{one.top:.1f}" width="{one.wide:.1f}" '
        f'height="{one.high:.1f}" rx="{4 * unit:.1f}"/>'
        f'<text class="chip" xml:space="preserve" x="{one.left + one.wide / 2:.1f}" '
        f'y="{one.top + one.high * 0.68:.1f}" font-size="{size:.1f}">{escape(text)}</text>'
        for (_, text), one in zip(texts, placed[: len(chips)], strict=True)
    ]
    return "".join(parts)


def _bar(
    step: Bin, x: Callable[[float], float], y: Callable[[float], float], label: Callable[..., str]
) -> str:
    """The bin's counts over its longest seen stretch, and a base line wherever it was seen."""
    if not step.seen_s:
        return ""
    parts = []
    for since_s, until_s in step.seen_s:
        parts.append(f'<path class="base" d="M{x(since_s):.1f} {y(0):g}H{x(until_s):.1f}"/>')
    since_s, until_s = max(step.seen_s, key=lambda piece: piece[1] - piece[0])
    left, right = x(since_s), x(until_s)
    gap = min(1.0, (right - left) / 6)
    told = [f"{count} {GROUP_WORDS[name]}" for name, count in step.counts.items() if count]
    parts.append(
        f"<g><title>{label(step.start_s)} to {label(step.end_s)}: "
        f"{', '.join(told) or 'nobody'}</title>"
    )
    below = 0
    for name, count in reversed(step.counts.items()):
        if count:
            parts.append(
                f'<rect class="{name.replace(" ", "-")}" x="{left + gap:.1f}" '
                f'y="{y(below + count):.1f}" width="{right - left - 2 * gap:.1f}" '
                f'height="{y(below) - y(below + count):.1f}"/>'
            )
            below += count
    parts.append("</g>")
    return "".join(parts)


def _count_axis(top: int, y: Callable[[float], float], width: int = _WIDTH) -> str:
    steps = (0, top) if top % 2 else (0, top // 2, top)
    return "".join(
        f'<path class="grid-line" d="M{_LEFT} {y(count):.1f}H{width - _RIGHT}"/>'
        f'<text class="axis end" x="{_LEFT - 6}" y="{y(count) + 4:.1f}">{whole(count)}</text>'
        for count in steps
    )


def _ceiling(most: int) -> int:
    """A round number that is not below `most`."""
    if most <= 4:
        return 4
    size = 10 ** math.floor(math.log10(most))
    return int(
        next(step * size for step in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if step * size >= most)
    )


def _tick_s(duration_s: float) -> float:
    """A round distance between the numbers of a time axis, about eight of them."""
    sizes = sorted((*BIN_SIZES_S, 10800, 43200, 2 * 86400, 7 * 86400, 28 * 86400))
    return next((float(size) for size in sizes if duration_s / size <= 9), 28.0 * 86400)


def _group(crossing: Crossing) -> str:
    return next(name for name, kinds in GROUPS.items() if crossing.kind in kinds)


def _without(
    start_s: float, end_s: float, unseen_s: Sequence[tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """What is left of a stretch when the unseen ones are cut out."""
    pieces = [(start_s, end_s)]
    for since_s, until_s in unseen_s:
        pieces = [
            piece
            for left_s, right_s in pieces
            for piece in ((left_s, min(right_s, since_s)), (max(left_s, until_s), right_s))
            if piece[1] > piece[0]
        ]
    return tuple(sorted(set(pieces)))


def _heat(share: float) -> tuple[int, int, int, int]:
    """The colour of `share`, between the two of _HEAT that it lies between."""
    for (low, before), (high, after) in itertools.pairwise(_HEAT):
        if share <= high:
            part = (share - low) / (high - low)
            r, g, b, a = (
                round(one + part * (other - one)) for one, other in zip(before, after, strict=True)
            )
            return r, g, b, a
    return _HEAT[-1][1]
