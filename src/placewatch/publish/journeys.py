"""Journeys: the part of a place's report about links that begin or end there.

A time is of all vehicles of an hour and of nobody. Where it is not known, the reason stands there:
a gap in the drawing is never left without a word.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from placewatch.core.ids import CameraId
from placewatch.core.time import UtcMicros, rfc3339
from placewatch.publish.words import KM_H, duration, percent, plural, whole

WHY_WORDS = {
    "flow": "too few vehicles, or too little was watched",
    "through": "nothing of what left was seen to arrive",
    "range": "the best time lay at the edge of the plausible ones",
    "peaks": "two times fitted nearly alike",
    "cycle": "it may have been a signal's clock",
    "signal": "a signal or a queue seemed to lie between the lines",
    "shape": "times were not those of one stream",
    "width": "it was not known well enough",
    "part": "a part of the route was not known",
    "bug": "a mistake in placewatch",
}
HOW_WORDS = {"counts": "by counts at both lines", "view": "inside one view", "parts": "a route"}

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 150, 44, 10, 10, 24
_LABELS = 6


@dataclass(frozen=True, slots=True)
class JourneyWindow:
    """A window of an hour that ends at `end`: the time of a link with its interval, or `why` and
    `sentence` in its place. `time_s` is the median where it is known by counts, else the mean."""

    end: UtcMicros
    window_s: float
    coverage_s: float
    time_s: float | None
    time_s_low: float | None
    time_s_high: float | None
    mean_s: float | None
    why: str | None = None
    sentence: str | None = None
    through_share: float | None = None  # by counts: how many arrived of those that left
    through_share_low: float | None = None
    through_share_high: float | None = None


@dataclass(frozen=True, slots=True)
class Journey:
    """One link and its windows in order, a quarter of an hour apart."""

    link: str
    how: str  # a key of HOW_WORDS
    from_camera: CameraId
    from_place: str
    to_camera: CameraId
    to_place: str
    length_m: float
    windows: tuple[JourneyWindow, ...]

    @property
    def known(self) -> list[JourneyWindow]:
        """The windows that have a time, the shortest first."""
        found = [one for one in self.windows if one.time_s is not None]
        return sorted(found, key=lambda one: one.time_s or 0.0)


def journeys_part(journeys: Sequence[Journey], since: UtcMicros, until: UtcMicros) -> str:
    """The part of the page, as HTML; empty where no link begins or ends at the place."""
    if not journeys:
        return ""
    rows = "".join(_row(one) for one in journeys)
    charts = "".join(
        f'<h3 class="small">{escape(one.link)}</h3><div class="scroll" role="region" tabindex="0" '
        f'aria-label="Times of {escape(one.link)}">{_chart(one, since, until)}</div>'
        for one in journeys
        if one.known
    )
    key = (
        '<div class="key"><span><i class="car"></i>time, s, of the hour before, with its '
        'interval</span><span><i class="unseen"></i>not known</span></div>'
        if charts
        else ""
    )
    return (
        '<div class="grid"><section class="sheet"><h2>Journey times</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Journey times by link">'
        "<table><thead><tr><th>Link</th><th>from, to</th>"
        '<th class="n">usual</th><th class="n">shortest</th><th class="n">longest</th>'
        '<th class="n">mean speed, km/h</th><th class="n">known</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{charts}{key}{_refusals(journeys)}"
        '<p class="small soft" style="margin-top: 8px">Nobody is recognised: a time comes from how '
        "many crossed the line at each end in each second, by how bunches of vehicles come again. "
        "In brackets: where the true time lies, 95 times of 100. Usual: of the windows that are "
        "known, the one in the middle.</p></section></div>"
    )


def journey_words() -> str:
    """What the words mean, as an item of the page's list."""
    return (
        "<li><b>Journey time</b>: by counts at two lines half of the vehicles take less; inside "
        "one view and of a route it is the mean. Each is of an hour, and one ends every quarter of "
        "an hour. <b>Mean speed</b>: the link's length by the mean time.</li>"
    )


def _row(one: Journey) -> str:
    known = one.known
    usual = known[len(known) // 2] if known else None
    share = percent(len(known) / len(one.windows)) if one.windows else "–"
    speed = "–"
    if usual is not None and usual.mean_s:
        speed = f"{one.length_m / usual.mean_s * KM_H:.0f}"
    return (
        f'<tr><th scope="row">{escape(one.link)}<span class="soft small under">'
        f"{whole(one.length_m)} m, {HOW_WORDS.get(one.how, one.how)}</span></th>"
        f'<td>{escape(one.from_place)}<span class="under">→ {escape(one.to_place)}</span></td>'
        f'<td class="n">{_told(usual, bold=True)}</td>'
        f'<td class="n">{_told(known[0] if known else None, when=True)}</td>'
        f'<td class="n">{_told(known[-1] if known else None, when=True)}</td>'
        f'<td class="n">{speed}</td>'
        f'<td class="n">{share}<span class="soft small under">of {len(one.windows)} windows</span>'
        "</td></tr>"
    )


def _told(one: JourneyWindow | None, when: bool = False, bold: bool = False) -> str:
    if one is None or one.time_s is None:
        return "–"
    low_s, high_s = one.time_s_low or 0.0, one.time_s_high or 0.0
    till = f", to {_moment(one.end)}" if when else ""
    time = f"<b>{duration(one.time_s)}</b>" if bold else duration(one.time_s)
    return f'{time}<span class="soft small under">({low_s:.0f} to {high_s:.0f} s{till})</span>'


def _moment(at: UtcMicros) -> str:
    return rfc3339(at)[5:16].replace("T", " ")


def _refusals(journeys: Sequence[Journey]) -> str:
    items = []
    for one in journeys:
        refused = [window for window in one.windows if window.why is not None]
        if not one.windows:
            items.append(f"<li><b>{escape(one.link)}</b>: no hour of this time was looked at.</li>")
        if not refused:
            continue
        counts = Counter(window.why or "" for window in refused)
        reasons = ", ".join(
            f"{WHY_WORDS.get(why, why)} ({whole(count)})" for why, count in counts.most_common()
        )
        last = refused[-1]
        items.append(
            f"<li><b>{escape(one.link)}</b>: not known in "
            f"{plural(len(refused), 'window')} of {whole(len(one.windows))}: {escape(reasons)}. "
            f"The last, to {_moment(last.end)}: {escape(last.sentence or '')}</li>"
        )
    return f'<ul class="small" style="margin-top: 8px">{"".join(items)}</ul>' if items else ""


def _chart(one: Journey, since: UtcMicros, until: UtcMicros) -> str:
    """The times over the time of the report: a dot and its interval for each window."""
    wide, high = _WIDE - _LEFT - _RIGHT, _HIGH - _TOP - _BOTTOM
    top_s = max((window.time_s_high or 0.0 for window in one.known), default=0.0) or 60.0
    step_s = next(step for step in _STEPS_S if top_s / step <= 4)
    top_s = step_s * -(-top_s // step_s)

    def x(at: UtcMicros) -> float:
        return _LEFT + wide * (at - since) / (until - since)

    def y(seconds: float) -> float:
        return _TOP + high * (1.0 - seconds / top_s)

    parts = [
        f'<svg class="chart wide journeys" viewBox="0 0 {_WIDE} {_HIGH}" role="img" '
        f'aria-label="Journey times of {escape(one.link)}">'
    ]
    for number in range(round(top_s / step_s) + 1):
        value_s = number * step_s
        line = "base" if number == 0 else "grid-line"
        parts.append(
            f'<path class="{line}" d="M{_LEFT} {y(value_s):.1f}H{_WIDE - _RIGHT}"/>'
            f'<text class="axis end" x="{_LEFT - 6}" y="{y(value_s) + 4:.1f}">{value_s:g}</text>'
        )
    for window in one.windows:
        at = x(window.end)
        if window.time_s is None or window.time_s_low is None or window.time_s_high is None:
            told = f"{_moment(window.end)}: {window.sentence or ''}"
            parts.append(
                f'<rect class="unseen" x="{at - 2:.1f}" y="{_TOP + high - 6}" width="4" height="6">'
                f"<title>{escape(told)}</title></rect>"
            )
            continue
        told = (
            f"{_moment(window.end)}: {window.time_s:.1f} s "
            f"({window.time_s_low:.1f} to {window.time_s_high:.1f})"
        )
        parts.append(
            f"<g><title>{escape(told)}</title>"
            f'<path class="span" d="M{at:.1f} {y(window.time_s_low):.1f}'
            f'V{y(window.time_s_high):.1f}"/>'
            f'<circle class="car" cx="{at:.1f}" cy="{y(window.time_s):.1f}" r="2.6"/></g>'
        )
    for number in range(_LABELS + 1):
        moment = UtcMicros(since + (until - since) * number // _LABELS)
        anchor = "middle" if 0 < number < _LABELS else ("end" if number else "")
        days = (until - since) / 86_400_000_000
        label = rfc3339(moment)[11:16] if days <= 2.0 else rfc3339(moment)[5:10]
        parts.append(
            f'<text class="axis {anchor}" x="{x(moment):.1f}" y="{_HIGH - 6}">{label}</text>'
        )
    parts.append("</svg>")
    return "".join(parts)


_STEPS_S = (5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600)
