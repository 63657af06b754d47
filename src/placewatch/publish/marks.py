"""Marks: outlines of areas, approaches and carriageways over a street, and pixels at its edges."""

from collections.abc import Sequence
from html import escape

from placewatch.publish.labels import Label, Placed
from placewatch.publish.road import Shape

NAME_SIZE = 12  # of a name, in units of the picture

TICKS_APART = 60  # of the 760 across which a picture is shown: nearer, their numbers would touch
TICK_STEPS_PX = (10, 20, 50, 100, 200, 500, 1000, 2000)


def shapes(drawn: Sequence[Shape], unit: float) -> str:
    """Outlines, as SVG; `unit` is one CSS pixel of the picture as it is shown."""
    parts = []
    for one in drawn:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in one.outline_px)
        parts.append(
            f'<polygon class="shape edge" stroke-width="{4 * unit:.1f}" points="{points}"/>'
            f'<polygon class="shape {one.sort}" stroke-width="{2 * unit:.1f}" points="{points}">'
            f"<title>{one.sort}: {escape(one.name)}</title></polygon>"
        )
    return "".join(parts)


def name_label(one: Shape, unit: float) -> Label:
    """The name of a shape, which likes to stand in its middle."""
    x = sum(at for at, _ in one.outline_px) / len(one.outline_px)
    y = sum(at for _, at in one.outline_px) / len(one.outline_px)
    size = NAME_SIZE * unit
    return Label((x, y), (len(one.name) * 0.55 + 0.4) * size, 1.3 * size, over=True)


def name(one: Shape, at: Placed) -> str:
    """The name of a shape where it was placed."""
    size = at.high / 1.3
    return (
        f'<text class="shape" x="{at.left + at.wide / 2:.1f}" y="{at.top + 0.95 * size:.1f}" '
        f'font-size="{size:.1f}" stroke-width="{size / 4:.1f}">{escape(one.name)}</text>'
    )


def leader(label: Label, at: Placed, unit: float) -> str:
    """A thin line from words that had to move to what they name; "" where they did not."""
    if at.leader is None:
        return ""
    (x1, y1), (x2, y2) = label.at, at.leader
    path = f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"
    return (
        f'<path class="leader edge" stroke-width="{3 * unit:.1f}" d="{path}"/>'
        f'<path class="leader" stroke-width="{1.2 * unit:.1f}" d="{path}"/>'
    )


def ticks(width_px: int, height_px: int, unit: float) -> str:
    """Pixels along the upper and the left edge, from which the numbers of settings are read."""
    apart = TICKS_APART * unit
    step = next((size for size in TICK_STEPS_PX if size >= apart), TICK_STEPS_PX[-1])
    long, size = 6 * unit, 10 * unit
    across, down = range(step, width_px, step), range(step, height_px, step)
    path = "".join(f"M{x} 0V{long:.1f}" for x in across) + "".join(
        f"M0 {y}H{long:.1f}" for y in down
    )
    words = [
        f'<text class="tick middle" x="{x}" y="{long + size:.1f}" font-size="{size:.1f}" '
        f'stroke-width="{size / 4:.1f}">{x}</text>'
        for x in across
        if x + 2 * size < width_px
    ]
    words += [
        f'<text class="tick" x="{long + 2 * unit:.1f}" y="{y + size / 3:.1f}" '
        f'font-size="{size:.1f}" stroke-width="{size / 4:.1f}">{y}</text>'
        for y in down
        if y + size < height_px
    ]
    return (
        f'<g aria-hidden="true"><path class="tick edge" stroke-width="{3 * unit:.1f}" d="{path}"/>'
        f'<path class="tick" stroke-width="{1.2 * unit:.1f}" d="{path}"/>{"".join(words)}</g>'
    )
