"""Site: what was measured at a place over days, as one page that prints well.

It is made of stored facts alone: sums of minutes. No crossing, no path and no frame is in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from pathlib import Path

from placewatch import __version__
from placewatch.core.bins import Bin, peak_hour, volumes
from placewatch.core.kinds import MOTOR_VEHICLES, ConflictType, Direction, Kind
from placewatch.core.time import UtcMicros, rfc3339
from placewatch.publish import drawing, road_parts
from placewatch.publish.journeys import Journey, journey_words, journeys_part
from placewatch.publish.road import ApproachTold, CarriagewayTold, Shape
from placewatch.publish.screenlines import Screenline, screenlines_part
from placewatch.publish.steps import over_time
from placewatch.publish.watch import WatchedLine
from placewatch.publish.whole import write_whole
from placewatch.publish.words import (
    FILE_WAYS,
    GROUPS,
    KIND_WORDS,
    KM_H,
    duration,
    percent,
    plural,
    seen,
    seen_share,
    way,
    whole,
)

SPOTS_MIN = 5  # conflicts that a spot on the picture stands for, at least
SPEEDS_MIN = 5  # that a percentile is told from
HOUR_S = 3600.0

VEHICLES = MOTOR_VEHICLES | {Kind.BICYCLE}

Way = tuple[str, Direction]


@dataclass(frozen=True, slots=True)
class Range:
    """A count, and between which numbers the truth lies in 95 of 100 such counts."""

    count: int | None  # None: nothing was watched
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Bands:
    """Counts in bands of speed: (from, to, m/s, how many), in order; `free` of those with nobody
    less than 5 s ahead."""

    all: tuple[tuple[float, float, int], ...] = ()
    free: tuple[tuple[float, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Following:
    """How vehicles followed each other over a line, one way, over the whole time."""

    headway_s: float | None
    gap_s: float | None
    space_mean_m_s: float | None
    occupancy: float | None  # share of the seen time that a vehicle covered the line, 0..1


@dataclass(frozen=True, slots=True)
class Spot:
    """Where conflicts were, on the picture: `share` of the densest spot, 0..1."""

    x_px: float
    y_px: float
    share: float


@dataclass(frozen=True, slots=True)
class SiteReport:
    """All that stands on the page. Bins of `quarters` and `movements` are of a quarter of an hour;
    `totals` are by line, way and kind. `spots` stand for `SPOTS_MIN` conflicts each, or more."""

    site: str
    place: str
    camera: str
    since: UtcMicros
    until: UtcMicros
    coverage_s: float
    width_px: int
    height_px: int
    lines: tuple[WatchedLine, ...]
    quarters: tuple[Bin, ...]
    movements: tuple[Bin, ...]
    totals: Mapping[tuple[str, Direction, Kind], Range]
    speeds: Mapping[Way, Bands]
    following: Mapping[Way, Following]
    conflicts: Mapping[tuple[ConflictType, int], int]  # by severity, 1 to 3
    spots: tuple[Spot, ...] = ()
    approaches: tuple[ApproachTold, ...] = ()
    carriageways: tuple[CarriagewayTold, ...] = ()
    shapes: tuple[Shape, ...] = ()  # that are drawn besides lines
    calibrated: bool = False
    expected_error_m: float | None = None  # of a place on the ground, where it is looked at most
    backdrop_jpeg: bytes | None = None
    detector: str = ""
    checked: str = ""  # how the errors of the count are known, in words
    limit_m_s: float | None = None
    notice: tuple[tuple[str, str], ...] = field(default=())
    journeys: tuple[Journey, ...] = ()  # over links that begin or end here
    screenlines: tuple[Screenline, ...] = ()  # that a line of this camera is a part of

    @property
    def window_s(self) -> float:
        return (self.until - self.since) / 1e6


def write_site_report(report: SiteReport, path: Path) -> None:
    """Puts the page at `path`, whole or not at all. Raises Misconfigured."""
    write_whole(path, page(report).encode())


def page(report: SiteReport) -> str:
    """The report as HTML. It loads nothing, runs nothing and remembers nothing."""
    style = resources.files("placewatch.publish").joinpath("report.css").read_text("utf-8")
    body = [_hero(report)]
    if report.coverage_s > 0.0 and (report.lines or report.quarters):
        body += [_profile(report), _counts(report)]
        if report.movements:
            body.append(_turning(report))
        body += [_speeds(report), _conflicts(report)]
    body.append(screenlines_part(report.screenlines, report.camera, report.since, report.until))
    body.append(road_parts.queues(report.approaches, report.window_s))
    body.append(road_parts.people(report.carriageways, report.window_s))
    body.append(journeys_part(report.journeys, report.since, report.until))
    body.append(_how(report))
    title = f"{report.place}, {_span(report)}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)} – placewatch</title><style>{style}</style></head>\n<body>"
        '<header><p class="brand"><b>placewatch</b> · site report</p>'
        f"<h1>{escape(report.place)}</h1>"
        f'<p class="lead">{escape(_span(report))} UTC. '
        f"{escape(seen(report.coverage_s, report.window_s).capitalize())}. "
        "What was not seen is in no count.</p></header>\n<main>"
        + "\n".join(part for part in body if part)
        + f"</main>\n<footer>{escape(report.site)} · camera {escape(report.camera)} · placewatch "
        f"{__version__}. It watches places, never people.</footer></body></html>\n"
    )


def percentile(bands: Sequence[tuple[float, float, int]], share: float) -> float | None:
    """The speed that `share` of the counted stay below, evenly within a band; None below five."""
    total = sum(count for _, _, count in bands)
    if total < SPEEDS_MIN:
        return None
    left = share * total
    for low, high, count in bands:
        if count and left <= count:
            return low + (high - low) * left / count
        left -= count
    return bands[-1][1]


def share_over(bands: Sequence[tuple[float, float, int]], limit: float) -> float | None:
    """The share of the counted that is faster than `limit`, evenly within its band."""
    total = sum(count for _, _, count in bands)
    if not total:
        return None
    over = sum(
        count * min(1.0, max(0.0, (high - limit) / (high - low))) for low, high, count in bands
    )
    return over / total


def _span(report: SiteReport) -> str:
    since, until = (rfc3339(at)[:16].replace("T", " ") for at in (report.since, report.until))
    return f"{since} to {until}"


def _hero(report: SiteReport) -> str:
    words = {line.name: _line_words(report, line) for line in report.lines}
    picture = drawing.street(
        report.width_px,
        report.height_px,
        report.backdrop_jpeg,
        report.lines,
        seen=report.coverage_s > 0.0,
        words=words,
        shapes=report.shapes,
    )
    caption = (
        "The street as it is without anybody; grey where it was never seen empty."
        if report.backdrop_jpeg
        else "The lines as they were drawn; the street itself is not stored."
    )
    return (
        f'<div class="grid hero"><figure class="sheet">{picture}<figcaption>{caption} A dot marks '
        'each line\'s first point.</figcaption></figure><div class="stack">'
        '<section class="sheet tiles" aria-label="In numbers">'
        f"{''.join(_tiles(report))}</section></div></div>"
    )


def _line_words(report: SiteReport, line: WatchedLine) -> str:
    told = [line.name]
    for direction in Direction:
        counts = [report.totals.get((line.name, direction, kind), Range(None)) for kind in Kind]
        known = [one.count for one in counts if one.count is not None]
        arrow = way(line.from_px, line.to_px, direction)[0]
        told.append(f"{arrow} {whole(sum(known)) if known else '–'}")
    return "   ".join(told)


def _tiles(report: SiteReport) -> list[str]:
    tiles = []
    for name, style, kinds in (
        ("Motor vehicles", "car", MOTOR_VEHICLES),
        ("On foot", "on-foot", GROUPS["on foot"]),
        ("Bicycles", "bicycle", GROUPS["bicycle"]),
    ):
        counts = [
            one.count
            for (_, _, kind), one in report.totals.items()
            if kind in kinds and one.count is not None
        ]
        if not counts:
            continue
        an_hour = sum(counts) * HOUR_S / report.coverage_s if report.coverage_s > 0 else None
        sure = "" if an_hour is None else f"{whole(an_hour)} an hour of the seen time"
        tiles.append(_tile(name, whole(sum(counts)), "", sure, style))
    hour = peak_hour(volumes(report.quarters, frozenset(VEHICLES)))
    if hour is not None:
        factor = "" if hour.factor is None else f"PHF {hour.factor:.2f}, "
        tiles.append(
            _tile(
                "Peak hour, vehicles",
                whole(hour.volume),
                "",
                f"{factor}from {rfc3339(hour.start)[5:16].replace('T', ' ')}",
            )
        )
    v85 = percentile(_vehicle_bands(report).all, 0.85)
    if v85 is not None:
        tiles.append(_tile("V85", f"{v85 * KM_H:.0f}", "km/h", "85 % are slower than this"))
    share = seen_share(report.coverage_s, report.window_s)
    tiles.append(
        _tile(
            "Seen",
            "–" if share is None else percent(share).removesuffix(" %"),
            "" if share is None else "%",
            f"of {duration(report.window_s)}",
        )
    )
    if len(report.lines) > 1:
        tiles.append(
            f'<p class="note">At all {len(report.lines)} lines; who crosses two counts at each.</p>'
        )
    return tiles


def _tile(name: str, value: str, unit: str, sure: str, style: str = "") -> str:
    dot = f'<i class="{style}"></i>' if style else ""
    return (
        f'<div class="tile"><div class="name">{dot}{name}</div><div class="big">{value} '
        f'<span class="unit">{unit}</span></div><div class="sure">{sure}</div></div>'
    )


def _profile(report: SiteReport) -> str:
    heading, chart, key = over_time(report.quarters, report.since, report.until)
    return (
        f'<div class="grid"><section class="sheet"><h2>{heading}</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Crossings over time">'
        f'{chart}</div><div class="key">{key}</div></section></div>'
    )


def _counts(report: SiteReport) -> str:
    kinds = [
        kind
        for kind in Kind
        if any(one.count for (_, _, of), one in report.totals.items() if of is kind)
    ]
    heads = ['<th>Line</th><th class="pin">Way</th>']
    heads += [f'<th class="n">{KIND_WORDS[kind]}</th>' for kind in kinds]
    heads.append('<th class="n">all</th><th class="n">an hour</th>')
    rows = []
    for line in report.lines:
        for direction in Direction:
            rows.append(_count_row(report, line, direction, kinds))
    return (
        '<div class="grid"><section class="sheet"><h2>Who crossed, where and which way</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Counts by line and way">'
        f"<table><thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        '</div><p class="small soft" style="margin-top: 8px">Counted while it was seen. In '
        "brackets, where half of the time was seen at least: between which numbers the truth of "
        "the whole time lies, 95 times of 100, with what was not seen and what the camera errs. "
        f"{escape(report.checked)} {FILE_WAYS}</p>"
        "</section></div>"
    )


def _count_row(
    report: SiteReport, line: WatchedLine, direction: Direction, kinds: Sequence[Kind]
) -> str:
    arrow, words = way(line.from_px, line.to_px, direction)
    cells = []
    if direction is Direction.LEFT_TO_RIGHT:
        cells.append(f'<th scope="row" rowspan="2">{escape(line.name)}</th>')
    cells.append(
        f'<td class="pin" title="{direction.value} in files">{arrow}'
        f'<span class="far">&nbsp;{words}</span></td>'
    )
    known = [
        one.count
        for (name, direction_, _), one in report.totals.items()
        if (name, direction_) == (line.name, direction) and one.count is not None
    ]
    total = sum(known)
    for kind in kinds:
        one = report.totals.get((line.name, direction, kind), Range(None))
        cells.append(f'<td class="n{"" if one.count else " none"}">{_ranged(one)}</td>')
    an_hour = total * HOUR_S / report.coverage_s
    cells.append(f'<td class="n all">{whole(total) if known else "–"}</td>')
    cells.append(f'<td class="n">{whole(an_hour) if known else "–"}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _ranged(one: Range) -> str:
    if one.count is None:
        return "–"
    if one.low is None or one.high is None or one.low == one.high == one.count:
        return whole(one.count)
    between = f"{whole(one.low)} to {whole(one.high)}"
    return f'{whole(one.count)}<span class="soft small under">({between})</span>'


def _turning(report: SiteReport) -> str:
    moved: dict[tuple[str | None, str], int] = {}
    for one in report.movements:
        if one.to_arm is not None:
            key = one.from_arm, one.to_arm
            moved[key] = moved.get(key, 0) + (one.count or 0)
    arms = list(dict.fromkeys(line.arm for line in report.lines if line.arm is not None))
    if len(arms) < 2:
        return ""
    froms: list[str | None] = [*arms, *([None] if any(a is None for a, _ in moved) else [])]
    rows = []
    for number, came_by in enumerate(froms):
        counts = [moved.get((came_by, arm), 0) for arm in arms]
        name = (
            '<span class="soft">not seen to come in</span>'
            if came_by is None
            else f'<i class="from-{number % 6}"></i>{escape(came_by)}'
        )
        cells = "".join(
            f'<td class="n{"" if count else " none"}">{whole(count)}</td>' for count in counts
        )
        rows.append(
            f'<tr><th scope="row">{name}</th>{cells}'
            f'<td class="n all">{whole(sum(counts))}</td></tr>'
        )
    heads = "".join(f'<th class="n">to&nbsp;{escape(arm)}</th>' for arm in arms)
    return (
        f'<div class="grid two"><figure class="sheet">{drawing.turning(report.lines, moved)}'
        "<figcaption>A band is as wide as they were many; its colour says where they came from. "
        "The arms lie around as on the picture, not to scale.</figcaption></figure>"
        '<section class="sheet"><h2>From which arm to which</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Movements between arms">'
        f'<table><thead><tr><th>from</th>{heads}<th class="n">all</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="small soft" style="margin-top: 8px">Road users of all kinds in this one view, '
        "counted when they left.</p></section></div>"
    )


def _vehicle_bands(report: SiteReport) -> Bands:
    """Those of all lines and ways together."""
    told: list[tuple[tuple[float, float, int], ...]] = []
    for of in ("all", "free"):
        sums: dict[tuple[float, float], int] = {}
        for bands in report.speeds.values():
            for low, high, count in getattr(bands, of):
                sums[low, high] = sums.get((low, high), 0) + count
        told.append(tuple((low, high, count) for (low, high), count in sorted(sums.items())))
    return Bands(*told)


def _speeds(report: SiteReport) -> str:
    bands = _vehicle_bands(report)
    total = sum(count for _, _, count in bands.all)
    if not report.calibrated:
        told = "<p>Speeds are not known: the camera's ground is not calibrated.</p>"
    elif not total:
        told = '<p class="soft">No motor vehicle crossed a line at a speed that could be told.</p>'
    else:
        mean_m_s = sum((low + high) / 2 * count for low, high, count in bands.all) / total
        v85 = percentile(bands.all, 0.85)
        told = drawing.speed_bands(
            [(low * KM_H, high * KM_H, count) for low, high, count in bands.all],
            mean_m_s * KM_H,
            None if v85 is None else v85 * KM_H,
        )
        told += (
            f'<p class="small soft" style="margin-top: 6px">Motor vehicles by speed, km/h, at '
            f"the lines: {whole(total)}.{_free_words(bands)}{_limit_words(report, bands)}</p>"
        )
    rows = [
        _follow_row(report, line, direction) for line in report.lines for direction in Direction
    ]
    return (
        f'<div class="grid speeds"><section class="sheet"><h2>Speeds</h2>{told}</section>'
        '<section class="sheet"><h2>How vehicles follow each other</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Headways by line and way">'
        '<table><thead><tr><th>Line</th><th class="pin">Way</th><th class="n">V85 free</th>'
        '<th class="n">space mean</th><th class="n">headway&nbsp;s</th>'
        '<th class="n">gap&nbsp;s</th><th class="n">occupied</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="small soft" style="margin-top: 8px">Headway: front to front; gap: rear to '
        "front; of all lanes of a way together. Space mean: harmonic, as if seen along the road. "
        "Speeds in km/h.</p></section></div>"
    )


def _free_words(bands: Bands) -> str:
    v85 = percentile(bands.free, 0.85)
    if v85 is None:
        return ""
    number = sum(count for _, _, count in bands.free)
    return (
        f" Of the {whole(number)} with nobody less than 5 s ahead, 85 % stay below "
        f"{v85 * KM_H:.0f}."
    )


def _limit_words(report: SiteReport, bands: Bands) -> str:
    if report.limit_m_s is None:
        return ""
    share = share_over(bands.all, report.limit_m_s)
    return "" if share is None else f" {percent(share)} are over {report.limit_m_s * KM_H:.0f}."


def _follow_row(report: SiteReport, line: WatchedLine, direction: Direction) -> str:
    arrow, words = way(line.from_px, line.to_px, direction)
    one = report.following.get((line.name, direction), Following(None, None, None, None))
    v85 = percentile(report.speeds.get((line.name, direction), Bands()).free, 0.85)
    first = (
        f'<th scope="row" rowspan="2">{escape(line.name)}</th>'
        if direction is Direction.LEFT_TO_RIGHT
        else ""
    )
    occupied = "–" if one.occupancy is None else f"{100 * one.occupancy:.1f} %"
    return (
        f'<tr>{first}<td class="pin">{arrow}<span class="far">&nbsp;{words}</span></td>'
        f'<td class="n">{_km_h(v85)}</td><td class="n">{_km_h(one.space_mean_m_s)}</td>'
        f'<td class="n">{_tenths(one.headway_s)}</td><td class="n">{_tenths(one.gap_s)}</td>'
        f'<td class="n">{occupied}</td></tr>'
    )


def _km_h(speed_m_s: float | None) -> str:
    return "–" if speed_m_s is None else f"{speed_m_s * KM_H:.0f}"


def _tenths(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f}"


_SEVERITY = {1: "potential", 2: "slight", 3: "serious"}
_TYPE_WORDS = {
    ConflictType.REAR_END: "from behind",
    ConflictType.LANE_CHANGE: "side by side",
    ConflictType.CROSSING: "crossing",
}


def _conflicts(report: SiteReport) -> str:
    if not report.calibrated:
        return ""
    rows = []
    for type_ in ConflictType:
        counts = [report.conflicts.get((type_, severity), 0) for severity in _SEVERITY]
        cells = "".join(
            f'<td class="n{"" if count else " none"}">{whole(count)}</td>' for count in counts
        )
        rows.append(
            f'<tr><th scope="row">{_TYPE_WORDS[type_]}</th>{cells}'
            f'<td class="n all">{whole(sum(counts))}</td></tr>'
        )
    heads = "".join(f'<th class="n">{word}</th>' for word in _SEVERITY.values())
    total = sum(report.conflicts.values())
    picture = drawing.spots(
        report.width_px,
        report.height_px,
        report.backdrop_jpeg,
        [(one.x_px, one.y_px, one.share) for one in report.spots],
    )
    caption = (
        'Where they were: fewer <span class="ramp"></span> more. A spot stands for at least '
        f"{SPOTS_MIN}; where fewer were, nothing is shown."
        if report.spots
        else f"No spot had {SPOTS_MIN} conflicts, and fewer are not shown."
    )
    return (
        f'<div class="grid two"><figure class="sheet">{picture}<figcaption>{caption}</figcaption>'
        '</figure><section class="sheet"><h2>Conflicts</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Conflicts by type">'
        f'<table><thead><tr><th>type</th>{heads}<th class="n">all</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        f'<p class="small soft" style="margin-top: 8px">{plural(total, "conflict")}: two road '
        "users on a collision course with at most 1.5 s left (TTC; of those who cross, if their "
        "ways then met within 5 s, or one braked hard), or one at most 2 s behind the other at the "
        "same spot where they cross (PET); faster than "
        "2 m/s against each other. Serious: below 1 s; slight: up to 1.5 s; potential: up to 2 s. "
        "By usual sizes of each kind. A conflict is no crash, and their number by a camera is "
        "less sure than counts are.</p></section></div>"
    )


def _how(report: SiteReport) -> str:
    facts = [
        *((name, escape(words)) for name, words in report.notice),
        ("Camera", escape(report.camera)),
        ("Picture", f"{report.width_px} × {report.height_px} px"),
        ("Detector", escape(report.detector)),
        ("Ground", _ground_words(report)),
        ("Software", f"placewatch {__version__}"),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return (
        '<div class="grid two"><section class="sheet small"><h2>How it was measured</h2>'
        f'<dl>{rows}</dl></section><section class="sheet small"><h2>What the words mean</h2><ul>'
        "<li><b>Crossing</b>: the spot where a road user touches the ground passes from one side "
        "of a line to the other.</li>"
        "<li><b>Seen</b>: the time in which frames came and were analysed. A quarter of an hour "
        "that was not seen is unknown, not zero.</li>"
        "<li><b>PHF</b>: the peak hour by four times its busiest quarter (HCM).</li>"
        "<li><b>V85</b>: 85 % are slower, from bands of 0.5 m/s. <b>Free</b>: nobody was less "
        "than 5 s ahead.</li>"
        "<li><b>Occupied</b>: share of the seen time that a vehicle covered the line, by the "
        "usual length of its kind.</li>"
        f"{road_parts.words(report.approaches, report.carriageways)}"
        f"{journey_words() if report.journeys else ''}</ul></section></div>"
    )


def _ground_words(report: SiteReport) -> str:
    if not report.calibrated:
        return "not calibrated: no speeds, no conflicts"
    if report.expected_error_m is None:
        return "calibrated"
    return f"calibrated; a place is known to about {report.expected_error_m:.1f} m"
