"""Screenlines: the part of a place's report about lines of several places that are added up.

Nobody gets past them: along a river, a railway. What one part did not watch is unknown of all, and
not what the others counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from placewatch.core.bins import WATCHED_SHARE_MIN, Bin, peak_hour, volumes
from placewatch.core.ids import CameraId
from placewatch.core.kinds import MOTOR_VEHICLES, Direction, Kind
from placewatch.core.time import UtcMicros, rfc3339
from placewatch.publish.steps import DAY_S, FEW_DAYS, over_time
from placewatch.publish.words import KIND_WORDS, percent, plural, seen, seen_share, way, whole

VEHICLES = MOTOR_VEHICLES | {Kind.BICYCLE}
_BACK = {
    Direction.LEFT_TO_RIGHT: Direction.RIGHT_TO_LEFT,
    Direction.RIGHT_TO_LEFT: Direction.LEFT_TO_RIGHT,
}


@dataclass(frozen=True, slots=True)
class ScreenlinePart:
    """One of its lines, as it lies on the picture of its camera; `reversed` where it was drawn the
    other way round."""

    camera: CameraId
    place: str
    line: str
    reversed: bool
    from_px: tuple[float, float]
    to_px: tuple[float, float]

    def way(self, direction: Direction) -> tuple[str, str]:
        """The screenline's `direction` on this picture: an arrow, and words."""
        return way(self.from_px, self.to_px, _BACK[direction] if self.reversed else direction)


@dataclass(frozen=True, slots=True)
class Screenline:
    """Its parts, and their sums in windows of a quarter of an hour; see `core.bins.screenline`."""

    name: str
    parts: tuple[ScreenlinePart, ...]
    quarters: tuple[Bin, ...]

    @property
    def coverage_s(self) -> float:
        """For how long all parts were watched: by windows, that of the part watched least."""
        return sum({one.start: one.coverage_s for one in self.quarters}.values())

    @property
    def whole(self) -> tuple[Bin, ...]:
        """Those of its windows that all parts watched from end to end, or nearly so. Of them alone
        rates are told: else one part's whole quarter would stand over another's few seconds."""
        return tuple(
            one for one in self.quarters if one.coverage_s >= WATCHED_SHARE_MIN * one.window_s
        )

    def an_hour(self, direction: Direction) -> float | None:
        """How many passed in an hour; None where no window is whole."""
        watched_s = sum({one.start: one.coverage_s for one in self.whole}.values())
        passed = sum(one.count or 0 for one in self.whole if one.movement == direction.value)
        return passed * 3600.0 / watched_s if watched_s else None

    def count(self, direction: Direction, kind: Kind) -> int | None:
        """Of the windows that are known; None where none is."""
        known = [
            one.count
            for one in self.quarters
            if one.movement == direction.value and one.kind is kind and one.count is not None
        ]
        return sum(known) if known else None


def screenlines_part(
    screenlines: Sequence[Screenline], camera: str, since: UtcMicros, until: UtcMicros
) -> str:
    """The part of the page, as HTML; empty where no line of `camera` belongs to one."""
    return "".join(_one(one, camera, since, until) for one in screenlines)


def _one(one: Screenline, camera: str, since: UtcMicros, until: UtcMicros) -> str:
    window_s = (until - since) / 1e6
    here = next((part for part in one.parts if part.camera == camera), one.parts[0])
    told = (
        f'<section class="sheet"><h2>Screenline {escape(one.name)}</h2>'
        f'<p class="small soft">{plural(len(one.parts), "line")}, added up because nobody gets '
        f"past them. {escape(seen(one.coverage_s, window_s).capitalize())} by all of them at once. "
        "A time that one of them did not watch is unknown and in no sum; of one that it watched in "
        "part the sum is of what was seen.</p>"
    )
    if not one.coverage_s > 0.0:
        return (
            f'<div class="grid">{told}{_parts(one)}'
            '<p class="soft">Nothing of it is known of this time.</p></section></div>'
        )
    charts = ""
    for direction in Direction:
        # Of a long time the mean day is told, which is a rate.
        told_of = one.whole if window_s > FEW_DAYS * DAY_S else one.quarters
        quarters = [bin_ for bin_ in told_of if bin_.movement == direction.value]
        heading, chart, key = over_time(quarters, since, until)
        arrow, words = here.way(direction)
        charts += (
            f'<h3 class="small">{arrow}&nbsp;{words} at {escape(here.line)}: '
            f"{heading[0].lower()}{heading[1:]}</h3>"
            f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(one.name)} over '
            f'time, {words} at {escape(here.line)}">{chart}</div><div class="key">{key}</div>'
        )
    told += f"{_table(one, here, window_s)}{charts}{_parts(one)}"
    return f'<div class="grid">{told}</section></div>'


def _table(one: Screenline, here: ScreenlinePart, window_s: float) -> str:
    kinds = [kind for kind in Kind if any(one.count(direction, kind) for direction in Direction)]
    heads = "".join(f'<th class="n">{KIND_WORDS[kind]}</th>' for kind in kinds)
    rows = []
    for direction in Direction:
        arrow, words = here.way(direction)
        counts = [one.count(direction, kind) for kind in kinds]
        cells = "".join(
            f'<td class="n{"" if count else " none"}">{"–" if count is None else whole(count)}</td>'
            for count in counts
        )
        total = sum(count or 0 for count in counts)
        an_hour = one.an_hour(direction)
        rows.append(
            f'<tr><th scope="row" title="{direction.value} in files">{arrow}&nbsp;{words} at '
            f'{escape(here.line)}</th>{cells}<td class="n all">{whole(total)}</td>'
            f'<td class="n">{"–" if an_hour is None else whole(an_hour)}</td></tr>'
        )
    hour = peak_hour(volumes(one.quarters, frozenset(VEHICLES)))
    peak = ""
    if hour is not None:
        factor = "" if hour.factor is None else f", PHF {hour.factor:.2f}"
        peak = (
            f" Peak hour, vehicles both ways: <b>{whole(hour.volume)}</b>, from "
            f"{rfc3339(hour.start)[5:16].replace('T', ' ')}{factor}."
        )
    share = seen_share(one.coverage_s, window_s)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="Counts of {escape(one.name)}">'
        f'<table><thead><tr><th>Way</th>{heads}<th class="n">all</th><th class="n">an hour</th>'
        f'</tr></thead><tbody>{"".join(rows)}</tbody></table></div><p class="small soft" '
        f'style="margin-top: 8px">Of the {"" if share is None else percent(share)} of the time '
        f"that all parts saw; an hour: of quarters that all saw from end to end.{peak}</p>"
    )


def _parts(one: Screenline) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(part.line)}<span class="soft small under">'
        f"{escape(part.place)}</span></th>"
        + "".join(f"<td>{arrow}&nbsp;{words}</td>" for arrow, words in map(part.way, Direction))
        + "</tr>"
        for part in one.parts
    )
    return (
        '<h3 class="small">Its lines, and what each way is on their pictures</h3>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="Lines of {escape(one.name)}">'
        "<table><thead><tr><th>Line</th><th>one way</th><th>the other</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
