"""Marks: outlines of areas, approaches and carriageways over a street, and pixels at its edges."""

from collections.abc import Sequence
from html import escape

from placewatch.publish.road import Shape

TICKS_APART = 60  # of the 760 across which a picture is shown: nearer, their numbers would touch
TICK_STEPS_PX = (10, 20, 50, 100, 200, 500, 1000, 2000)


def shapes(drawn: Sequence[Shape], unit: float) -> str:
    """Outlines with their names, as SVG; `unit` is one CSS pixel of the picture as it is shown."""
    parts = []
    for one in drawn:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in one.outline_px)
        parts.append(
            f'<polygon class="shape edge" stroke-width="{4 * unit:.1f}" points="{points}"/>'
            f'<polygon class="shape {one.sort}" stroke-width="{2 * unit:.1f}" points="{points}">'
            f"<title>{one.sort}: {escape(one.name)}</title></polygon>"
        )
        x = sum(at for at, _ in one.outline_px) / len(one.outline_px)
        y = sum(at for _, at in one.outline_px) / len(one.outline_px)
        for size, style in ((12 * unit, "far"), (21 * unit, "near")):
            parts.append(
                f'<text class="shape {style}" x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" '
                f'stroke-width="{size / 4:.1f}">{escape(one.name)}</text>'
            )
    return "".join(parts)


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
