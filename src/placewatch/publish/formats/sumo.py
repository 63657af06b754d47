"""Sumo: counts on the edges of a SUMO network, for routeSampler, jtcrouter and calibrators.

`<edge entered=…>` is what passed a line on its way in or out; `<edgeRelation count=…>` who came in
by one edge and left by another (https://sumo.dlr.de/docs/Tools/Turns.html). Both stand in one file.
Every kind has an attribute of its own, too, so that a tool may be told to read only some of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO
from xml.sax.saxutils import quoteattr

from placewatch.core.bins import Bin
from placewatch.core.ids import CameraId
from placewatch.core.kinds import KINDS, Kind
from placewatch.core.time import UtcMicros, rfc3339

DRIVES = frozenset(Kind) - {Kind.PEDESTRIAN}
"""What is counted on an edge: all but people on foot."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of an arm: on which one comes in, and on which one leaves; either may be empty."""

    into: str
    out_of: str


def write_sumo(
    bins: Iterable[Bin],
    edges: Mapping[tuple[CameraId, str], Edges],
    since: UtcMicros,
    stream: IO[bytes],
) -> int:
    """Writes `bins`, of lines that lie across arms and of movements between them, to `stream`; how
    many counts that were. `edges` are those of each view's arms. Seconds are counted from `since`.

    What was not watched is absent, not 0; what was watched in part carries its `coverage`.
    """
    intervals: dict[tuple[UtcMicros, UtcMicros], dict[str, _Count]] = {}
    for one in bins:
        place = _place(one, edges)
        if place is not None and one.kind in DRIVES and one.count is not None:
            counts = intervals.setdefault((one.start, one.end), {})
            counts.setdefault(place, _Count({}, 0.0)).add(one)
    rows = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<!-- Counts by placewatch; second 0 is {rfc3339(since)}. -->",
        "<data>",
    ]
    written = 0
    for (start, end), counts in sorted(intervals.items()):
        begin_s, end_s = (start - since) / 1e6, (end - since) / 1e6
        rows.append(f'    <interval id="placewatch" begin="{begin_s:.2f}" end="{end_s:.2f}">')
        # Edges before relations, each in the order of its name.
        for place, count in sorted(counts.items()):
            rows.append(f"        <{place} {count.attributes(end_s - begin_s)}/>")
            written += 1
        rows.append("    </interval>")
    rows.append("</data>")
    stream.write(("\n".join(rows) + "\n").encode())
    return written


@dataclass
class _Count:
    kinds: dict[Kind, int]
    coverage_s: float

    def add(self, one: Bin) -> None:
        self.kinds[one.kind] = self.kinds.get(one.kind, 0) + (one.count or 0)
        self.coverage_s = max(self.coverage_s, one.coverage_s)

    def attributes(self, window_s: float) -> str:
        total = sum(self.kinds.values())
        told = [f'entered="{total}" count="{total}"']
        told += [f'{kind}="{self.kinds[kind]}"' for kind in KINDS if kind in self.kinds]
        if self.coverage_s < window_s - 0.5:
            told.append(f'coverage="{self.coverage_s / window_s:.3f}"')
        return " ".join(told)


def _place(one: Bin, edges: Mapping[tuple[CameraId, str], Edges]) -> str | None:
    """The beginning of the element that a bin belongs to; None where SUMO has no place for it."""
    came = None if one.from_arm is None else edges.get((one.view, one.from_arm))
    left = None if one.to_arm is None else edges.get((one.view, one.to_arm))
    if one.from_arm is not None and one.to_arm is not None:
        if came is None or left is None or not came.into or not left.out_of:
            return None
        return f"edgeRelation from={quoteattr(came.into)} to={quoteattr(left.out_of)}"
    if one.from_arm is None and one.element.startswith("?>"):
        return None  # a movement whose origin was not seen; its line has counted it
    edge = came.into if came is not None else left.out_of if left is not None else ""
    return f"edge id={quoteattr(edge)}" if edge else None
