"""Page: the figures of a run as docs/benchmarks.md or docs/accuracy.md."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_ROWS: tuple[tuple[str, str, str], ...] = (
    ("core.main", "1080p25 main stream, every frame decoded, no loop filter", "core.stack.peer"),
    ("core.exact", "the same with bit-exact decode, the default", "core.stack.peer"),
    ("core.main.every", "no loop filter, every frame analysed, too", "core.stack.peer"),
    ("core.exact.every", "bit-exact, every frame analysed, too", "core.stack.peer"),
    ("core.sub", "sub-stream analysed, main stream carried", ""),
    ("core.quiet", "quiet hours, capped VBR", ""),
    ("core.tracker", "tracker alone, against the fastest peer", ""),
    ("core.stack", "streams a core, against the usual stack", ""),
    ("core.stack.lean", "the same, ours without the loop filter", ""),
    ("core.stack.sub", "the same by sub-stream", ""),
    ("core.memory", "memory for one more camera", "core.stack.peer.memory"),
    ("core.start", "CPU to the first watched frame", "core.stack.peer.start"),
)
"""Figure, what it is, and the peer's figure beside it."""

_INTRO = """# Benchmarks

Written by `placewatch bench core --report docs/benchmarks.md`; [how to repeat and read
it](guide/benchmarks.md). Costs are CPU seconds. A *bare decode* is a full decode of the same
frames by PyAV on one thread, run just before each pass; a ratio is the median of the pairs, its
range in brackets. By default every frame is decoded and as many are analysed as the street's road
users need, at least 6 a second. What stands under *counted* was counted in the very passes that
were timed, road user by road user, against the truth of the drawn street.
"""

_LIMITS = """## What is not comparable

- The streets are drawn. A frame of one decodes as dearly as one of a real street enlarged to
  the same size, rate and noise (within 5 %), but rain, glare, foliage in wind and dirt are not
  in it, and its road users are easier to tell from the street than real ones. Counts here say
  that speed was not bought with blindness; they do not say how well real streets are counted.
- Peers run with the settings they come with, as somebody would who follows their documentation.
  Set up for one street by hand each would count better.
- The usual stack and YOLOX-nano count with supervision's line at the bottom centre of a box. A
  crossing counts as found within 1.5 s of the true one, whoever told it.
- The usual stack looks at every frame, as tutorials do, where ours passes most over; what it
  costs and counts when it looks at as few stands among the peers.
- The usual stack does less: no backdrop, no speeds, no kinds, no health.
- Norfair has no counting line; ours is a change of sides, once a track.
- Frigate, OTVision, OpenDataCam, Viseron and trafficintelligence are not run here. Most of them
  are not on a package registry, or need Docker or a net of their own.
- `core.quiet`: between the passages a few seconds of the empty street are there again and again;
  a real night has wind and insects. The camera got to know itself on another film of the street.
- Ratios carry over from machine to machine; milliseconds and streams a core do not.
"""


def page(document: Mapping[str, Any]) -> str:
    """The whole page for a run in the form `placewatch.bench/1`."""
    figures = {figure["name"]: figure for figure in document["figures"]}
    machine = document["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    parts = [
        _INTRO,
        f"Measured {document['at']} with placewatch {document['placewatch']} on {machine['cpu']}, "
        f"{machine['cores']} cores, {machine['memory_bytes'] / 1e9:.0f} GB, {machine['system']}, "
        f"Python {machine['python']}; {versions}.\n",
        "## Cost\n",
        _table(
            ("what", "must", "aim", "measured", "counted in the same passes", "peer", ""),
            [_row(figures, *row) for row in _ROWS if row[0] in figures],
        ),
        "## Peers on the same film\n",
        _table(("peer", "cost", "counted", "with"), _peers(figures)),
        *_looks(figures),
        _LIMITS,
        "## How each was measured\n",
        *[
            f"- `{name}`: {figure['how']}.\n"
            for name, figure in figures.items()
            if not _BATCH.fullmatch(name)
        ],
    ]
    return "\n".join(parts)


_ACCURACY = """# Accuracy

Written by `placewatch bench accuracy --report docs/accuracy.md`, which needs
`placewatch[simulate]`. Streets are filled by SUMO ([what they are](guide/simulate.md)), whose own
loops in the lanes are the truth. *Perfect tracks* show whether measuring itself errs; *by camera*
is the same traffic as boxes of a detector with stated faults, through the tracker and the counting
lines of one camera. Every run is counted, none is left out. What is demanded and not reached stands
here as well.
"""

_ACCURACY_ROWS = {
    "accuracy.counts.perfect": "counts and movements, perfect tracks: cells that are wrong",
    "accuracy.counts.total": "vehicles in all, by camera: the worst run, off by",
    "accuracy.counts.geh": "hourly movements, by camera: the worst GEH",
    "accuracy.counts.bins": "quarters of an hour of a movement with 20 or more, by camera: off by "
    "more than 5 %",
    "accuracy.counts.kinds": "kinds of vehicles, by camera: right",
    "accuracy.intervals": "intervals of 95 %, by camera, a tenth not watched: share that holds "
    "the truth, off by",
    **{
        f"accuracy.speed.{name}.{row}": f"speed at a line, {what}: {told}"
        for name, what in (("mark", "a mark on the road"), ("car", "the box of a car"))
        for row, told in (
            ("mae", "off by, on average"),
            ("bias", "too high or too low, on average"),
            ("p99", "99 of 100 are off by less than"),
            ("foretold", "error foretold and made: ratio, or its inverse"),
        )
    },
    "accuracy.ttc.perfect": "time to collision of who follows, perfect tracks: off by",
    "accuracy.pet.perfect": "post-encroachment time of who crosses, perfect tracks: off by",
    "accuracy.ttc.camera": "time to collision of who follows, by camera: off by",
    "accuracy.pet.camera": "post-encroachment time of who crosses, by camera: off by",
    **{
        f"accuracy.walkers.{name}.{way}": f"{what}, {told}"
        for way, told in (("perfect", "perfect tracks"), ("camera", "by camera"))
        for name, what in (
            ("counts", "people across a road: the worst run, off by"),
            ("place", "where they crossed: 19 of 20 nearer than"),
            ("speed", "their mean walking speed in a quarter of an hour: off by, on average"),
            ("speed.each", "the walking speed of each: off by, on average"),
            ("midblock", "crossed off a zebra: the smaller of precision and recall"),
        )
    },
    "accuracy.journeys.link": "travel times by counts alone, drawn: medians of links within 2 % or "
    "1 s",
    "accuracy.journeys.answered": "links that are answered",
    "accuracy.journeys.interval": "95 % intervals of travel times: coverage off by",
    "accuracy.journeys.refused": "ambiguous links that are refused: the least of their kinds",
    "accuracy.journeys.street": "travel times on SUMO's arterial: medians of links within 2 % or "
    "1 s",
    "accuracy.journeys.street.refused": "the way over a signal, as if it were a link: refused",
    "accuracy.journeys.street.route": "means of a route over a signal, link and view: the worst",
    "accuracy.conflicts.ssam": "conflicts of recorded tracks in the mode `ssam`, beside SSAM's "
    "list: F1",
    "accuracy.conflicts.crime": "measures of recorded tracks in the mode `crime`, beside "
    "CommonRoad-CriMe's values: the share within 0.1 s",
    "accuracy.flow.people": "people over a line in the Jülich experiments, beside JPSreport: off "
    "by",
    "accuracy.density.voronoi": "Voronoi density in the Jülich experiments, beside JPSreport: off "
    "by, on average",
    "accuracy.cost.measures": "all measures of 100 road users at 25 frames a second: share of a "
    "core",
    "accuracy.cost.replay": "an hour of a busy junction's tracks, counted again",
    "accuracy.cost.replay.all": "the same with conflicts",
    "accuracy.queues.perfect": "longest queue of a lane in a signal's cycle, perfect tracks: "
    "within a vehicle",
    "accuracy.queues.camera": "longest queue of a lane in a signal's cycle, by camera: within a "
    "vehicle",
    "accuracy.queues.recognised": "cycles with a queue, perfect tracks: recognised as one",
    "accuracy.queues.recognised.camera": "cycles with a queue, by camera: recognised as one",
    "accuracy.delays.perfect": "mean control delay of an approach, perfect tracks: off by",
    "accuracy.delays.camera": "mean control delay of an approach, by camera: off by",
    "accuracy.film.total": "vehicles over lines in drawn films, watched as by default: off by in "
    "all",
    "accuracy.film.lines": "the same, each line and way by itself: off by",
    "accuracy.film.kinds": "kinds of the vehicles found in them: right",
    "accuracy.film.movements": "movements through a junction in them, each by itself: off by",
    **{
        f"accuracy.film.{name}.{row}": f"drawn films {what}: {told}"
        for name, what in (("night", "at night"), ("rain", "in rain"))
        for row, told in (
            ("total", "vehicles over lines, off by in all"),
            ("lines", "the same, each line and way by itself: off by"),
            ("kinds", "kinds of the vehicles found in them: right"),
        )
    },
}
"""Figure, and what it is."""


def accuracy_page(document: Mapping[str, Any]) -> str:
    """The whole page for a run of `accuracy` in the form `placewatch.bench/1`."""
    figures = {figure["name"]: figure for figure in document["figures"]}
    machine = document["machine"]
    rows = [
        (
            f"{_ACCURACY_ROWS.get(name, name)} (`{name}`)",
            one["must"],
            _value(one) + ("" if one["value"] is None else f" {one['unit']}".rstrip()),
            ("passed" if one["passed"] else "**not passed**") if one["must"] else "",
        )
        for name, one in figures.items()
    ]
    parts = [
        _ACCURACY,
        f"Measured {document['at']} with placewatch {document['placewatch']}, "
        f"Python {machine['python']}, SUMO {machine['versions'].get('eclipse-sumo', 'unknown')}.\n",
        _table(("what", "must", "measured", ""), rows),
        "## How each was measured\n",
        *[f"- `{name}`: {one['how']}.\n" for name, one in figures.items()],
    ]
    return "\n".join(parts)


_LOOKS = """## Looks in batches on a graphics processor

Whole runs on the clock of the wall, copies to the graphics processor and back included, beside the
same windows on one thread of the processor.
"""

_BATCH = re.compile(r"gpu\.(\d+x\d+)\.(cuda|processor)\.(\d+)")


def looks_table(figures: Mapping[str, Any]) -> str:
    """The bench `gpu` as a table: a row for each size of window and number of them in a run."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for name, figure in figures.items():
        if match := _BATCH.fullmatch(name):
            found.setdefault((match[1], int(match[3])), {})[match[2]] = figure["value"]
    rows = []
    for (size, batch), took_ms in found.items():
        row = [size, str(batch)]
        for where in ("cuda", "processor"):
            ms = took_ms.get(where)
            row += ["", ""] if ms is None else [f"{ms:.3g}", f"{1000 * batch / ms:.0f}"]
        rows.append(row)
    heads = ("CUDA, ms a run", "windows a second", "processor, ms a run", "windows a second")
    return _table(("window", "a run", *heads), rows)


def _looks(figures: Mapping[str, Any]) -> Sequence[str]:
    told = {name: one for name, one in figures.items() if name.partition(".")[0] == "gpu"}
    if not told:
        return ()
    rows = [
        (
            f"`{name}`",
            one["must"],
            one["aim"],
            _value(one) + ("" if one["value"] is None else f" {one['unit']}"),
            "passed" if one["passed"] else "**not passed**",
        )
        for name, one in told.items()
        if not _BATCH.fullmatch(name)
    ]
    return (_LOOKS, _table(("figure", "must", "aim", "measured", ""), rows), looks_table(told))


def _row(figures: Mapping[str, Any], name: str, what: str, peer: str) -> Sequence[str]:
    figure = figures[name]
    beside = [
        one
        for key, one in figures.items()
        if key.startswith(f"{name}.")
        and key.rpartition(".")[0] == name
        and key.rpartition(".")[2] in ("wrong", "missed", "active")
    ]
    others = figures.get(peer)
    return (
        f"{what} (`{name}`)",
        figure["must"],
        figure["aim"],
        _value(figure),
        "; ".join(
            f"{_value(one)} {one['unit']} {one['name'].rpartition('.')[2]}"
            + (f" ({one['must']})" if one["must"] else "")
            + ("" if one["passed"] else " **not passed**")
            for one in beside
        ),
        f"{others['value']:.3g} {others['unit']}" if others and others["value"] is not None else "",
        "passed" if figure["passed"] else "**not passed**",
    )


def _peers(figures: Mapping[str, Any]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for name, what in (
        ("core.stack.peer", "the usual stack"),
        ("core.stack.peer.third", "the usual stack on one frame in three"),
        ("core.peer.yolox", "YOLOX-nano on every frame, ByteTrack, LineZone"),
        ("core.peer.norfair", "YOLOX-nano on every frame, Norfair"),
    ):
        figure, wrong = figures.get(name), figures.get(f"{name}.wrong")
        if figure is None:
            continue
        counted = "" if wrong is None else str(wrong["how"])
        rows.append((what, _value(figure) + f" {figure['unit']}", counted, figure["how"]))
    return rows


def _value(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "not measured"
    text = f"{figure['value']:.3g}"
    if figure["low"] is not None and figure["high"] is not None:
        text += f" ({figure['low']:.3g}–{figure['high']:.3g})"
    return text


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
