"""Report: one self-contained page that says what was seen at a place, and how surely."""

from collections.abc import Callable, Sequence
from html import escape
from importlib import resources
from pathlib import Path

from placewatch import __version__
from placewatch.core.facts import Crossing
from placewatch.core.kinds import MOTOR_VEHICLES, Direction, Kind
from placewatch.core.time import UtcMicros, rfc3339
from placewatch.publish import drawing, road_parts
from placewatch.publish.conflicts import DEFINITIONS, IMPLAUSIBLE, LISTED_MOST, implausible
from placewatch.publish.table import cost_sentence, health_sentences
from placewatch.publish.watch import WatchedLine, WatchSummary, source_name
from placewatch.publish.whole import write_whole
from placewatch.publish.words import (
    FILE_WAYS,
    GROUP_WORDS,
    GROUPS,
    KIND_WORDS,
    KM_H,
    all_seen,
    duration,
    hourly,
    mean,
    mean_error,
    media_time,
    p85,
    percent,
    plural,
    seen_share,
    speeds_told,
    way,
    whole,
)

CROSSINGS_SHOWN = 2000
"""Rows of the table of crossings; a day of a main road would make the page slow to open."""

FILE_NAME = "report.html"


def write_report(summary: WatchSummary, folder: Path) -> Path:
    """Puts `report.html` into `folder`, whole or not at all. Raises Misconfigured."""
    path = folder / FILE_NAME
    write_whole(path, page(summary).encode())
    return path


def page(summary: WatchSummary) -> str:
    """The report as HTML. It loads nothing, runs nothing and remembers nothing."""
    style = resources.files("placewatch.publish").joinpath("report.css").read_text("utf-8")
    name = escape(source_name(summary.source))
    body = [_hero(summary)]
    if summary.coverage_s > 0:
        if summary.lines:
            body += [_profile(summary), _counts(summary)]
            if summary.arms:
                body.append(_turning(summary))
        body.append(_movement_and_speeds(summary))
    body.append(road_parts.queues(summary.approaches, summary.duration_s))
    body.append(road_parts.people(summary.carriageways, summary.duration_s))
    if summary.conflicts_by is not None:
        body.append(_conflicts(summary, summary.conflicts_by))
    body.append(_how(summary))
    if summary.crossings:
        body.append(_crossings(summary))
    body.append(_never())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Nothing can be loaded or run, also not by mistake.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{name} – placewatch</title><style>{style}</style></head>\n<body>"
        + _heading(summary)
        + "\n<main>"
        + "\n".join(body)
        + f"</main>\n<footer>placewatch {__version__}. It watches places, never people.</footer>"
        "</body></html>\n"
    )


def _heading(summary: WatchSummary) -> str:
    return (
        '<header><p class="brand"><b>placewatch</b> · what was seen at a place</p>'
        f"<h1>{escape(source_name(summary.source))}</h1>"
        f'<p class="lead">{escape(_watched(summary))} {escape(_found(summary))} '
        "No frame was kept.</p></header>"
    )


def _watched(summary: WatchSummary) -> str:
    told = f"{duration(summary.duration_s)} of a street were watched"
    share = seen_share(summary.coverage_s, summary.duration_s)
    if not share:
        return f"{told}, and nothing of it could be seen."
    if all_seen(summary.coverage_s, summary.duration_s):
        return f"{told}, all of it seen."
    return f"{told}; {duration(summary.coverage_s)} of it ({percent(share)}) could be seen."


def _found(summary: WatchSummary) -> str:
    crossed = len(summary.crossings)
    if summary.coverage_s <= 0:
        return "So nothing is known."
    if not summary.lines:
        return "No line was drawn, so nothing was counted."
    which = summary.lines[0].name if len(summary.lines) == 1 else f"{len(summary.lines)} lines"
    if not crossed:
        return f"Nobody crossed {which}."
    verb = "was" if len(summary.lines) == 1 else "were"
    return f"{which} {verb} crossed {plural(crossed, 'time')}."


def _hero(summary: WatchSummary) -> str:
    """The street with its lines; with no line to show, where road users moved."""
    if summary.lines or summary.shapes or not _most_s(summary):
        picture = drawing.street(
            summary.width_px,
            summary.height_px,
            summary.backdrop_jpeg,
            summary.lines,
            seen=summary.coverage_s > 0,
            shapes=summary.shapes,
            ticks=summary.measured_in_px,
        )
        caption = (
            "The street as it is without anybody; grey where it was never seen empty."
            if summary.backdrop_jpeg
            else "The ground from above, north up. Of the street itself tracks tell nothing."
            if summary.plan_px_per_m is not None
            else "No spot was empty for long enough to be shown."
        )
        if summary.lines:
            caption += " A dot marks each line's first point."
        if summary.measured_in_px:
            caption += " The numbers at the edges are pixels, as settings and --line ask for them."
    else:
        picture, caption = _movement(summary, again=False)
    tiles = "".join(_tiles(summary))
    return (
        f'<div class="grid hero"><figure class="sheet">{picture}<figcaption>{caption}</figcaption>'
        '</figure><div class="stack"><section class="sheet tiles" aria-label="In numbers">'
        f"{tiles}</section>{_health(summary)}</div></div>"
    )


def _tiles(summary: WatchSummary) -> list[str]:
    """The numbers a reader looks for first, each with how sure it is."""
    tiles = []
    if summary.lines:
        sorts = (
            ("Motor vehicles", "car", MOTOR_VEHICLES),
            ("On foot", "on-foot", GROUPS["on foot"]),
            ("Bicycles", "bicycle", GROUPS["bicycle"]),
            ("Kind not known", "not-known", GROUPS["not known"]),
        )
        for name, style, kinds in sorts:
            count = sum(crossing.kind in kinds for crossing in summary.crossings)
            if count or style != "not-known":
                tiles.append(_count_tile(summary, name, style, count))
    speeds_m_s = _vehicle_speeds(summary)
    v85 = p85(speeds_m_s)
    if v85 is not None:
        tiles.append(
            _tile("V85, motor vehicles", f"{v85 * KM_H:.0f}", "km/h", "85 % are slower than this")
        )
    share = seen_share(summary.coverage_s, summary.duration_s)
    missing = summary.duration_s - summary.coverage_s
    tiles.append(
        _tile(
            "Seen",
            "–" if share is None else percent(share).removesuffix(" %"),
            "" if share is None else "%",
            f"all of {duration(summary.duration_s)}"
            if all_seen(summary.coverage_s, summary.duration_s)
            else f"{duration(max(0.0, missing))} of {duration(summary.duration_s)} unknown",
        )
    )
    if not summary.lines:
        tiles.append(_tile("Frames", whole(summary.frames), "", _fps(summary)))
        tiles.append(
            '<p class="note">To count, draw a line: add <code>--line NAME=x1,y1,x2,y2</code>, in '
            + (
                "metres east and north, as the tracks are.</p>"
                if summary.plan_px_per_m is not None
                else "pixels right of and below the picture's top left corner.</p>"
            )
        )
    elif note := _note(summary):
        tiles.append(f'<p class="note">{note}</p>')
    return tiles


def _note(summary: WatchSummary) -> str:
    """What must be known to read the numbers."""
    told = []
    if len(summary.lines) > 1:
        told.append(f"At all {len(summary.lines)} lines; who crosses two counts at each.")
    elif hourly(0, summary.coverage_s):
        told.append("In brackets: where the street's own rate lies, 95 times of 100.")
    return " ".join(told)


def _count_tile(summary: WatchSummary, name: str, style: str, count: int) -> str:
    if summary.coverage_s <= 0:
        return _tile(name, "–", "", "not seen", style)
    rate = hourly(count, summary.coverage_s)
    sure = f"in {duration(summary.coverage_s)}"
    if rate:
        # Who crosses two lines is twice in their sum: by chance that varies more than Poisson's.
        between = f" ({rate[1]})" if len(summary.lines) == 1 else ""
        sure = f"{rate[0]} an hour{between}"
    return _tile(name, whole(count), "", sure, style)


def _tile(name: str, value: str, unit: str, sure: str, style: str = "") -> str:
    dot = f'<i class="{style}"></i>' if style else ""
    return (
        f'<div class="tile"><div class="name">{dot}{name}</div><div class="big">{value} '
        f'<span class="unit">{unit}</span></div><div class="sure">{sure}</div></div>'
    )


def _profile(summary: WatchSummary) -> str:
    steps = drawing.bins(summary.crossings, summary.duration_s, summary.unseen_s)
    label = _clock(summary)
    size = duration(steps[0].end_s - steps[0].start_s)
    keys = [
        f'<span><i class="{name.replace(" ", "-")}"></i>{GROUP_WORDS[name]}</span>'
        for name in GROUPS
        if any(step.counts[name] for step in steps)
    ]
    if summary.unseen_s:
        keys.append('<span><i class="unseen"></i>not seen: unknown, not zero</span>')
    by_day = _by_time_of_day(summary)
    phase_s = summary.health.at / 1e6 if by_day else 0.0
    chart = drawing.profile(steps, summary.unseen_s, label, phase_s)
    heading = f"Crossings every {size}" + (", UTC" if by_day else "")
    return (
        f'<div class="grid"><section class="sheet"><h2>{heading}</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Crossings over time">'
        f'{chart}</div><div class="key">{"".join(keys)}</div></section></div>'
    )


def _counts(summary: WatchSummary) -> str:
    occurred = {crossing.kind for crossing in summary.crossings}
    kinds = [kind for kind in Kind if kind in occurred]
    heads = ['<th>Line</th><th class="pin">Way</th>']
    heads += [f'<th class="n">{KIND_WORDS[kind]}</th>' for kind in kinds]
    heads.append('<th class="n">all</th>')
    if hourly(0, summary.coverage_s):
        heads.append('<th class="n">an hour (95 %)</th>')
    if summary.calibrated:
        heads.append('<th class="n">mean km/h</th><th class="n">V85</th>')
    rows = [
        _count_row(summary, line, direction, kinds)
        for line in summary.lines
        for direction in Direction
    ]
    note = (
        "Way is the direction on the picture. Whoever crosses two lines counts at each."
        if len(summary.lines) > 1
        else "Way is the direction on the picture."
    )
    note += f" {FILE_WAYS}"
    return (
        '<div class="grid"><section class="sheet"><h2>Who crossed, where and which way</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Counts by line and way">'
        f"<table><thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f'</div><p class="small soft" style="margin-top: 8px">{note}</p></section></div>'
    )


def _count_row(
    summary: WatchSummary,
    line: WatchedLine,
    direction: Direction,
    kinds: list[Kind],
) -> str:
    crossings = [crossing for crossing in line.crossings if crossing.direction is direction]
    arrow, words = way(line.from_px, line.to_px, direction)
    cells = []
    if direction is Direction.LEFT_TO_RIGHT:
        cells.append(f'<th scope="row" rowspan="2">{escape(line.name)}</th>')
    cells.append(
        f'<td class="pin" title="{direction.value} in files">{arrow}'
        f'<span class="far">&nbsp;{words}</span></td>'
    )
    for kind in kinds:
        count = sum(crossing.kind is kind for crossing in crossings)
        cells.append(f'<td class="n{"" if count else " none"}">{whole(count)}</td>')
    cells.append(f'<td class="n all">{whole(len(crossings))}</td>')
    rate = hourly(len(crossings), summary.coverage_s)
    if rate:
        cells.append(f'<td class="n">{rate[0]} <span class="soft small">({rate[1]})</span></td>')
    if summary.calibrated:
        speeds_m_s = speeds_told(crossings)
        cells.append(f'<td class="n">{_mean_km_h(speeds_m_s)}</td>')
        v85 = p85(speeds_m_s)
        cells.append(f'<td class="n">{"–" if v85 is None else f"{v85 * KM_H:.0f}"}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _turning(summary: WatchSummary) -> str:
    """Who went from which arm of the junction to which: as bands, and as a table."""
    moved = summary.moved()
    froms: list[str | None] = list(summary.arms)
    if any(came_by is None for came_by, _ in moved):
        froms.append(None)
    heads = "".join(f'<th class="n">to&nbsp;{escape(arm)}</th>' for arm in summary.arms)
    rows = []
    for number, came_by in enumerate(froms):
        counts = [moved.get((came_by, arm), 0) for arm in summary.arms]
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
    picture = drawing.turning(summary.lines, moved)
    return (
        f'<div class="grid two"><figure class="sheet">{picture}<figcaption>A band is as wide as '
        "they were many; its colour says where they came from. The arms lie around as on the "
        "picture, not to scale.</figcaption></figure>"
        '<section class="sheet"><h2>From which arm to which</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Movements between arms">'
        f'<table><thead><tr><th>from</th>{heads}<th class="n">all</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        '<p class="small soft" style="margin-top: 8px">One road user in this view, counted when it '
        "left. Who was lost inside and not found again is in no row.</p></section></div>"
    )


def _movement_and_speeds(summary: WatchSummary) -> str:
    if not summary.lines:
        return ""
    sheets = [_speeds(summary)]
    if _most_s(summary):
        picture, caption = _movement(summary, again=True)
        sheets.insert(
            0, f'<figure class="sheet">{picture}<figcaption>{caption}</figcaption></figure>'
        )
    return f'<div class="grid {"two" if len(sheets) == 2 else ""}">{"".join(sheets)}</div>'


def _movement(summary: WatchSummary, *, again: bool) -> tuple[str, str]:
    """The picture of where road users were, and its caption."""
    picture = drawing.movement(
        summary.width_px,
        summary.height_px,
        summary.backdrop_jpeg,
        summary.density,
        again=again,
    )
    cell_px = summary.width_px / len(summary.density[0])
    cell = f"{cell_px:.0f} px"
    if summary.plan_px_per_m is not None:
        cell = f"{cell_px / summary.plan_px_per_m:.1f} m"
    return picture, (
        'Where road users were: less <span class="ramp"></span> more. The darkest spot, '
        f"{cell} wide, held somebody for {duration(_most_s(summary))} in all."
    )


def _most_s(summary: WatchSummary) -> float:
    return max((max(row, default=0.0) for row in summary.density), default=0.0)


def _speeds(summary: WatchSummary) -> str:
    speeds_m_s = _vehicle_speeds(summary)
    middle_m_s = mean(speeds_m_s)
    if not summary.calibrated:
        told = (
            "<p>Speeds are not known: the camera's ground is not calibrated.</p>"
            '<p class="soft">Name at least four points of the road, better six to ten, by their '
            "pixels and by their metres or map coordinates, as <code>[[camera.ground]]</code> in a "
            "settings file, and give it with <code>--config</code>.</p>"
        )
    elif middle_m_s is None:
        told = '<p class="soft">No motor vehicle crossed a line at a speed that could be told.</p>'
    else:
        v85 = p85(speeds_m_s)
        chart = drawing.speed_histogram(
            [speed * KM_H for speed in speeds_m_s],
            middle_m_s * KM_H,
            None if v85 is None else v85 * KM_H,
        )
        told = (
            f'{chart}<p class="small soft" style="margin-top: 6px">Motor vehicles by speed, km/h, '
            f"at the lines: mean {_mean_km_h(speeds_m_s)} km/h of {whole(len(speeds_m_s))}. "
            "The interval is 95 % of the mean; an error of the calibration comes on top.</p>"
        )
    walkers_m_s = [
        crossing.speed_m_s
        for crossing in summary.crossings
        if crossing.kind is Kind.PEDESTRIAN and crossing.speed_m_s is not None
    ]
    if len(walkers_m_s) >= 5:
        told += (
            f'<p class="small soft">On foot: mean {sum(walkers_m_s) / len(walkers_m_s):.1f} m/s '
            f"of {whole(len(walkers_m_s))}.</p>"
        )
    return f'<section class="sheet"><h2>Speeds</h2>{told}</section>'


def _health(summary: WatchSummary) -> str:
    told = [_sentence(sentence) for sentence in health_sentences(summary)]
    if summary.unseen_s:
        label = _clock(summary, fraction=True)
        shown = [f"{label(since)} to {label(until)}" for since, until in summary.unseen_s[:6]]
        more = len(summary.unseen_s) - len(shown)
        told.append(f"Not seen: {'; '.join(shown)}{f'; and {more} more' if more else ''}.")
    items = "".join(f"<li>{sentence}</li>" for sentence in told or ["Nothing was lost or skipped."])
    return f'<section class="sheet small"><h2>How well it was seen</h2><ul>{items}</ul></section>'


def _how(summary: WatchSummary) -> str:
    facts = [
        ("Source", escape(source_name(summary.source))),
        ("Second 0", f"{rfc3339(summary.health.at)}: as given, or the minute watching began"),
        (
            "Picture" if summary.plan_px_per_m is None else "Plan",
            f"{summary.size_words}, {_fps(summary)}",
        ),
        ("Frames", _frames(summary)),
        ("Detector", escape(summary.detector)),
        ("Software", f"placewatch {__version__}"),
        ("Cost", cost_sentence(summary)),
    ]
    if summary.facts:
        facts.append(("Minute by minute", "facts.csv and facts.parquet, beside this page"))
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return (
        '<div class="grid two"><section class="sheet small"><h2>How it was measured</h2>'
        f'<dl>{rows}</dl></section><section class="sheet small"><h2>What the words mean</h2><ul>'
        "<li><b>Crossing</b>: the spot where a road user touches the ground passes from one side "
        "of a line to the other. Who stands on the line, or creeps, counts once.</li>"
        "<li><b>An hour</b>: the count by the seen time. In brackets the range in which the "
        "street's rate lies 95 times of 100, if road users come by chance (Poisson). It knows "
        "nothing of what the detector misses or counts twice: to learn that here, count ten "
        "minutes by hand and compare.</li>"
        "<li><b>Speed</b>: at the line, on the ground plane. <b>Mean</b>: over vehicles (time "
        "mean). <b>V85</b>: 85 % are slower; told from five speeds on.</li>"
        "<li><b>Not seen</b>: stretches in which frames were missing. Nothing is counted or "
        "guessed across them, and rates leave them out.</li>"
        f"{road_parts.words(summary.approaches, summary.carriageways)}</ul></section></div>"
    )


def _conflicts(summary: WatchSummary, mode: str) -> str:
    """Who nearly met, the gravest first, and by whose definitions; no more than each fact says."""
    order = sorted(summary.conflicts, key=lambda one: (-one.severity, one.at))
    heads = ("from", "type", "between", "TTC, s", "PET, s", "DeltaS, m/s", "x, m", "y, m")
    rows = [
        f'<tr><th scope="row">{rfc3339(one.at)[11:16]}</th><td>{one.type.value}'
        f"{'&nbsp;†' if implausible(one) else ''}</td>"
        f"<td>{KIND_WORDS[one.first]}, {KIND_WORDS[one.second]}</td>"
        + "".join(
            f'<td class="n">{"–" if value is None else f"{value:.1f}"}</td>'
            for value in (one.ttc_s, one.pet_s, one.delta_s_m_s, one.x_m, one.y_m)
        )
        + "</tr>"
        for one in order[:LISTED_MOST]
    ]
    number = sum(map(implausible, order))
    odd = f" {IMPLAUSIBLE} ({number} of {len(order)})." if number else ""
    listed = f" The {LISTED_MOST} gravest are listed." if len(order) > LISTED_MOST else ""
    table = (
        '<div class="scroll" role="region" tabindex="0" aria-label="Conflicts"><table><thead><tr>'
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        if rows
        else ""
    )
    return (
        f'<div class="grid"><section class="sheet"><h2>Who nearly met</h2>{table}'
        f'<p class="small soft" style="margin-top: 8px">{plural(len(order), "conflict")}. '
        f"Definitions: {DEFINITIONS[mode]}.{listed}{odd} "
        "Nothing says who it was.</p></section></div>"
    )


def _crossings(summary: WatchSummary) -> str:
    crossings = summary.crossings
    ways = {line.name: line for line in summary.lines}
    rows = []
    for crossing in crossings[:CROSSINGS_SHOWN]:
        line = ways[crossing.line]
        arrow, words = way(line.from_px, line.to_px, crossing.direction)
        rows.append(
            f'<tr><td class="n">{media_time(crossing.media_s, fraction=True)}</td>'
            f'<td class="n">{crossing.frame}</td><td>{escape(crossing.line)}</td>'
            f"<td>{arrow}&nbsp;{words}</td><td>{KIND_WORDS[crossing.kind]}</td>"
            f'<td class="n">{_one_speed(crossing)}</td></tr>'
        )
    all_of = (
        ""
        if len(crossings) <= CROSSINGS_SHOWN
        else f'<p class="small soft">The first {whole(CROSSINGS_SHOWN)} of '
        f"{whole(len(crossings))}; <code>--json FILE</code> writes all.</p>"
    )
    return (
        f'<div class="grid screen"><section class="sheet"><details><summary>'
        f"{plural(len(crossings), 'crossing')}, one by one</summary>{all_of}"
        '<div class="scroll" role="region" tabindex="0" aria-label="Crossings">'
        '<table class="small"><thead><tr><th class="n">Time</th><th class="n">Frame</th>'
        '<th>Line</th><th>Way</th><th>Kind</th><th class="n">Speed</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></details></section></div>"
    )


def _never() -> str:
    return (
        '<div class="grid"><section class="sheet"><h2>What this report can never contain</h2>'
        "<p>A frame of the camera; a face, a number plate or clothes; the path of one road user; "
        "sound; anything by which somebody could be known again. placewatch has no part that could "
        "make them, and the part that writes this page cannot reach the camera's frames. The "
        "street above is put together from spots that nothing covered and that looked the same "
        "for a while: parked cars belong to it, passers-by do not. What was never seen so is "
        "grey.</p></section></div>"
    )


def _vehicle_speeds(summary: WatchSummary) -> list[float]:
    return [
        crossing.speed_m_s
        for crossing in summary.crossings
        if crossing.kind in MOTOR_VEHICLES and crossing.speed_m_s is not None
    ]


def _mean_km_h(speeds_m_s: Sequence[float]) -> str:
    middle, error = mean(speeds_m_s), mean_error(speeds_m_s)
    if middle is None:
        return "–"
    return f"{middle * KM_H:.0f}" + ("" if error is None else f" ± {max(error * KM_H, 1):.0f}")


def _one_speed(crossing: Crossing) -> str:
    if crossing.speed_m_s is None:
        return "–"
    if crossing.kind is Kind.PEDESTRIAN:
        return f"{crossing.speed_m_s:.1f} m/s"
    return f"{crossing.speed_m_s * KM_H:.0f} km/h"


def _frames(summary: WatchSummary) -> str:
    analysed = summary.frames_analysed
    if analysed is None or analysed >= summary.frames:
        return whole(summary.frames)
    return f"{whole(summary.frames)}, {whole(analysed)} of them analysed"


def _fps(summary: WatchSummary) -> str:
    return f"{summary.fps:.4g} frames/s" if summary.fps else "frame rate unknown"


def _clock(summary: WatchSummary, *, fraction: bool = False) -> Callable[[float], str]:
    """How moments are written: as time of day where a camera was watched for hours, else as the
    time since the start of the recording."""
    if not _by_time_of_day(summary):
        return lambda seconds: media_time(seconds, fraction=fraction)

    def utc(seconds: float) -> str:
        return rfc3339(UtcMicros(summary.health.at + round(seconds) * 1_000_000))[11:16]

    return utc


def _by_time_of_day(summary: WatchSummary) -> bool:
    live = "://" in summary.source or summary.source.startswith("/dev/")
    return live and summary.duration_s >= 3600


def _sentence(text: str) -> str:
    return escape(text if text.endswith(".") else text + ".")
