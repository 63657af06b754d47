"""Road parts: queues and people across the road, as parts of a page that prints well."""

from collections.abc import Sequence
from html import escape

from placewatch.publish import drawing
from placewatch.publish.road import ApproachTold, CarriagewayTold, CrossedTold, LaneTold
from placewatch.publish.words import duration, percent, plural, whole

MID_BLOCK = "off the marked crossings"
STEPS_MIN = 3  # fewer columns show no course of anything


def queues(approaches: Sequence[ApproachTold], window_s: float) -> str:
    """The part about queues; "" where there are none."""
    if not approaches:
        return ""
    rows = "".join(
        _lane_row(approach, number)
        for approach in approaches
        for number in range(len(approach.lanes))
    )
    charts = "".join(_queue_chart(approach) for approach in approaches)
    tables = sorted({approach.table for approach in approaches if approach.table})
    letters = (
        f" Level of service by the delay: {escape('; '.join(tables))}; volume by capacity, which "
        "makes an F too, is not looked at."
        if tables
        else ""
    )
    return (
        '<div class="grid"><section class="sheet"><h2>Queues</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Queues by approach and lane">'
        '<table><thead><tr><th>Approach</th><th class="pin">Lane</th><th class="n">watched</th>'
        '<th class="n">cycles</th><th class="n">longest</th><th class="n">back&nbsp;m</th>'
        '<th class="n">mean longest</th><th class="n">mean</th><th class="n">mean&nbsp;m</th>'
        '<th class="n">to the end</th><th class="n">departed</th><th class="n">delay&nbsp;s</th>'
        f'<th class="n">level</th></tr></thead><tbody>{rows}</tbody></table></div>'
        '<p class="small soft" style="margin-top: 8px">Queues in vehicles. Cycles: with a queue; '
        "longest: of all of them; back: from the stop line to the rear of its last vehicle, in "
        "metres. Mean longest: of the cycles; mean: over the time watched. To the end: share of "
        "cycles "
        "whose queue reached the upstream end of what is watched, and may have been longer. "
        f"{_all_lanes(approaches)}{escape(_watched(approaches, window_s))}{letters}</p>"
        f"{_no_delay(approaches)}"
        "</section></div>" + (f'<div class="grid two">{charts}</div>' if charts else "")
    )


def people(carriageways: Sequence[CarriagewayTold], window_s: float) -> str:
    """The part about people who crossed; "" where there is none."""
    return "".join(_carriageway(one, window_s) for one in carriageways)


def words(approaches: Sequence[ApproachTold], carriageways: Sequence[CarriagewayTold]) -> str:
    """What the words of these parts mean, as items of a list; "" where none are needed."""
    told = ""
    if approaches:
        told += (
            "<li><b>Queue</b>: vehicles of a lane that stand (slower than 5 km/h for a second) "
            "behind each other with gaps of at most 10 m; the longest of the lane. <b>Cycle</b>: "
            "from the last departure of one standstill to the last of the next.</li>"
            "<li><b>Control delay</b>: time from the upstream end of the approach to the stop "
            "line, less that of who is undisturbed (HCM 2000, chapter 16). Who was not seen to "
            "come in is not in it, nor delay upstream of what is watched.</li>"
        )
    if carriageways:
        told += (
            "<li><b>Passage across</b>: somebody on foot went from one kerb to the other. "
            "<b>On a marked crossing</b>: half of the steps within 1 m of it. <b>Wait</b>: stood "
            "within 2 m before the kerb. <b>Walking speed</b>: of who did not stop.</li>"
            "<li><b>Gap</b>: until the next vehicle arrived, on any lane; rejected while somebody "
            "stood at the kerb, accepted from stepping out. <b>Had to yield</b>: would have "
            "arrived within 5 s and could have stopped by 3 m/s² after 1 s; counted by walker. "
            "Whether a signal gave way is not known here.</li>"
            "<li><b>Five or more</b>: of quarters of an hour in which fewer crossed at a place "
            "nothing is stored but how many.</li>"
        )
    return told


def _all_lanes(approaches: Sequence[ApproachTold]) -> str:
    """How the row of all lanes is to be read; "" where there is none."""
    if not any(one.lane is None for approach in approaches for one in approach.lanes):
        return ""
    return (
        "All lanes: each has cycles of its own at the same signal, so it is told how many one lane "
        "had; queues are those of one lane, too, the longest of any and means of all; departures "
        "are added up. "
    )


def _no_delay(approaches: Sequence[ApproachTold]) -> str:
    """Why delays are not known, a sentence for all lanes that it is true of."""
    lacking: dict[str, list[str]] = {}
    for approach in approaches:
        for one in approach.lanes:
            if one.delay_s is None and one.delay_why and one.lane is not None:
                several = sum(other.lane is not None for other in approach.lanes) > 1
                lane = f", lane {one.lane + 1}" if several else ""
                lacking.setdefault(one.delay_why, []).append(f"{approach.name}{lane}")
    return "".join(
        f'<p class="small soft" style="margin-top: 8px">No delay of {escape("; ".join(names))}: '
        f"{escape(why[:1].lower() + why[1:])}</p>"
        for why, names in lacking.items()
    )


def _lane_row(approach: ApproachTold, number: int) -> str:
    one = approach.lanes[number]
    first = (
        f'<th scope="row" rowspan="{len(approach.lanes)}">{escape(approach.name)}</th>'
        if number == 0
        else ""
    )
    back = f"{'≥&nbsp;' if one.at_least else ''}{one.back_m_max:.0f}"
    cells = (
        duration(one.watched_s),
        one.cycles_words.replace(" ", "&nbsp;"),
        f"{'≥&nbsp;' if one.at_least else ''}{one.vehicles_max}",
        back if one.vehicles_max else "–",
        "–" if one.vehicles_max_mean is None else f"{one.vehicles_max_mean:.1f}",
        f"{one.vehicles_mean:.1f}",
        f"{one.length_m_mean:.0f}",
        "–" if one.reached_share is None else percent(one.reached_share),
        whole(one.departures),
        _mean(one.delay_s, one.delay_count, 0),
    )
    return (
        f'<tr>{first}<td class="pin">{_lane_words(one, approach)}</td>'
        + "".join(f'<td class="n">{cell}</td>' for cell in cells)
        + f'<td class="n all">{one.level or "–"}</td></tr>'
    )


def _lane_words(one: LaneTold, approach: ApproachTold) -> str:
    if one.lane is None:
        return "all lanes"
    lanes = sum(other.lane is not None for other in approach.lanes)
    if one.lane == 0 and lanes > 1:
        return "1, right"
    return str(one.lane + 1)


def _queue_chart(approach: ApproachTold) -> str:
    if len(approach.steps) < STEPS_MIN or not any(step is not None for step in approach.steps):
        return ""
    name = escape(approach.name)
    over = "by the hour of the day" if approach.of_day else f"every {duration(approach.step_s)}"
    chart = drawing.columns(
        approach.steps,
        approach.labels,
        [
            f"{label}: {'no cycle' if step is None else f'{step:.1f} vehicles'}"
            for step, label in zip(approach.steps, _full(approach), strict=True)
        ],
        f"Queues at {approach.name}",
        "car",
        unseen=True,
    )
    return (
        f'<figure class="sheet chart-of"><h2>Queue: {name}</h2>{chart}<figcaption>The longest '
        f"queue of a lane's cycle, in vehicles, on average {over}, UTC. Grey: no cycle was seen."
        "</figcaption></figure>"
    )


def _full(approach: ApproachTold) -> list[str]:
    """A label for each step: the last one before it that there is, where it has none."""
    told, last = [], ""
    for label in approach.labels:
        last = label or last
        told.append(last)
    return told


def _watched(approaches: Sequence[ApproachTold], window_s: float) -> str:
    most = max(one.watched_s for approach in approaches for one in approach.lanes)
    return (
        f"Cycles that began in these {duration(window_s)} were watched for {duration(most)}; "
        "what was not watched is in no number."
    )


def _carriageway(one: CarriagewayTold, window_s: float) -> str:
    count = sum(place.count for place in one.places)
    beside = sum(place.count for place in one.places if place.crossing is None)
    marked = any(place.crossing is not None for place in one.places)
    told = sum(place.told for place in one.places)
    watched_s = max((place.watched_s for place in one.places), default=0.0)
    share = (
        f" {percent(beside / count)} of them off the marked crossings." if marked and count else ""
    )
    rows = "".join(_place_row(place, marked=marked) for place in one.places)
    charts = _histogram(
        [place.waits for place in one.places],
        one.wait_edges_s,
        "How long they waited at the kerb, s",
        "s",
    ) + _histogram(
        [place.speeds for place in one.places],
        one.speed_edges_m_s,
        "How fast they walked across, m/s",
        "m/s",
    )
    return (
        f'<div class="grid"><section class="sheet"><h2>People crossing: {escape(one.name)}</h2>'
        f'<p style="margin-bottom: 8px">{plural(count, "passage")} from kerb to kerb on '
        f"{one.length_m:.0f} m of road.{share}</p>"
        '<div class="scroll" role="region" tabindex="0" '
        f'aria-label="People crossing {escape(one.name)}">'
        '<table><thead><tr><th>where</th><th class="n">watched</th><th class="n">passages</th>'
        '<th class="n">an hour</th><th class="n">wait&nbsp;s</th>'
        '<th class="n">walk&nbsp;m/s</th><th class="n">15&nbsp;% below</th>'
        '<th class="n">gaps rejected</th><th class="n">accepted</th>'
        '<th class="n">had to yield</th><th class="n">yielded</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        '<p class="small soft" style="margin-top: 8px">Waits, speeds, gaps and yielding are of the '
        f"{whole(told)} who crossed in a quarter of an hour in which five or more did at the same "
        "place; of fewer nothing is stored but their number. Below each mean: of how many. "
        f"Watched for {duration(watched_s)} of {duration(window_s)}.</p></section></div>"
        + (f'<div class="grid two">{charts}</div>' if charts else "")
    )


def _place_row(one: CrossedTold, *, marked: bool) -> str:
    name = one.crossing or (MID_BLOCK if marked else "anywhere")
    cells = (
        duration(one.watched_s),
        whole(one.count),
        "–" if one.an_hour is None else whole(one.an_hour),
        _mean(one.wait_s, one.wait_count, 1),
        _mean(one.speed_m_s, one.speed_count, 2),
        "–" if one.speed_m_s_p15 is None else f"{one.speed_m_s_p15:.2f}",
        _mean(one.rejected_s, one.rejected_count, 1, " s"),
        _mean(one.accepted_s, one.accepted_count, 1, " s"),
        whole(one.due_count) if one.told else "–",
        percent(one.yielded_count / one.due_count) if one.due_count else "–",
    )
    return (
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f'<td class="n">{cell}</td>' for cell in cells)
        + "</tr>"
    )


def _mean(value: float | None, count: int, digits: int, unit: str = "") -> str:
    if value is None:
        return "–"
    return f'{value:.{digits}f}{unit}<span class="soft small under">of&nbsp;{whole(count)}</span>'


def _histogram(
    counts: Sequence[tuple[int, ...]], edges: tuple[float, ...], title: str, unit: str
) -> str:
    sums = [sum(bins) for bins in zip(*(one for one in counts if one), strict=True)]
    if not sum(sums):
        return ""
    lows = ["0", *(f"{edge:g}" for edge in edges)]
    highs = [*(f" to {edge:g}" for edge in edges), " and more"]
    told = [
        f"{low}{high} {unit}: {count}" for low, high, count in zip(lows, highs, sums, strict=True)
    ]
    chart = drawing.columns(sums, lows, told, title, "on-foot")
    return (
        f'<figure class="sheet chart-of"><h2>{title}</h2>{chart}'
        f"<figcaption>{whole(sum(sums))} passages; a column is from its number up to the next."
        "</figcaption></figure>"
    )
