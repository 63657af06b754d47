"""Rows: facts as columns, the one shape for table, file and query (docs/spec/facts.md)."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from placewatch.core.facts import (
    Conflict,
    Fact,
    FootCrossings,
    JourneyTime,
    LaneQueue,
    LineCount,
    LineFlow,
    MovementCount,
    SpeedCount,
    ZoneCount,
    ZoneUse,
)
from placewatch.core.time import UtcMicros

_WINDOW: "list[pa.Field[Any]]" = [
    pa.field("at", pa.timestamp("us"), nullable=False),  # UTC, start of the window
    pa.field("window_s", pa.float64(), nullable=False),
    pa.field("coverage_s", pa.float64(), nullable=False),  # seconds of it that were watched
    pa.field("camera", pa.string(), nullable=False),
]


@dataclass(frozen=True, slots=True)
class Shape:
    """What one sort of facts looks like in a table: its columns, and by which its rows are ordered.

    `name` is that of the table and its files, `format` that of its published form.
    """

    name: str
    format: str
    says: str
    schema: pa.Schema
    keys: tuple[str, ...]

    @property
    def order(self) -> list[tuple[str, Literal["ascending", "descending"]]]:
        return [(key, "ascending") for key in self.keys]


LINE_COUNTS = Shape(
    "facts",
    "placewatch.facts/1",
    "what crossed which line, minute by minute",
    pa.schema(
        [
            *_WINDOW,
            pa.field("line", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("direction", pa.string(), nullable=False),
            pa.field("count", pa.int64()),  # null: unknown, because nothing was watched
            pa.field("speed_count", pa.int64(), nullable=False),  # crossings with a known speed
            pa.field("speed_m_s_mean", pa.float64()),  # null: no speed known
            pa.field("speed_m_s_p85", pa.float64()),  # null: fewer than 5 speeds known
        ]
    ),
    ("at", "camera", "line", "kind", "direction"),
)

MOVEMENT_COUNTS = Shape(
    "movements",
    "placewatch.movements/1",
    "who went from which arm of a junction to which, minute by minute",
    pa.schema(
        [
            *_WINDOW,
            pa.field("from_arm", pa.string()),  # null: it was not seen to come in
            pa.field("to_arm", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("count", pa.int64()),  # null: unknown, because nothing was watched
        ]
    ),
    ("at", "camera", "from_arm", "to_arm", "kind"),
)

SPEED_COUNTS = Shape(
    "speeds",
    "placewatch.speeds/1",
    "how fast each kind crossed which line, minute by minute, in bands of speed",
    pa.schema(
        [
            *_WINDOW,
            pa.field("line", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("direction", pa.string(), nullable=False),
            pa.field("free", pa.bool_(), nullable=False),  # nobody was less than 5 s ahead
            pa.field("speed_m_s_from", pa.float64(), nullable=False),
            pa.field("speed_m_s_to", pa.float64(), nullable=False),  # without it
            pa.field("count", pa.int64(), nullable=False),
        ]
    ),
    ("at", "camera", "line", "kind", "direction", "free", "speed_m_s_from"),
)

LINE_FLOWS = Shape(
    "flows",
    "placewatch.flows/1",
    "how vehicles followed each other over which line, minute by minute",
    pa.schema(
        [
            *_WINDOW,
            pa.field("line", pa.string(), nullable=False),
            pa.field("direction", pa.string(), nullable=False),
            pa.field("vehicles", pa.int64()),  # null: unknown, because nothing was watched
            pa.field("headway_count", pa.int64(), nullable=False),
            pa.field("headway_s_mean", pa.float64()),
            pa.field("gap_count", pa.int64(), nullable=False),
            pa.field("gap_s_mean", pa.float64()),
            pa.field("speed_count", pa.int64(), nullable=False),
            pa.field("speed_m_s_time_mean", pa.float64()),
            pa.field("speed_m_s_space_mean", pa.float64()),
            pa.field("occupied_s", pa.float64()),
        ]
    ),
    ("at", "camera", "line", "direction"),
)

CONFLICTS = Shape(
    "conflicts",
    "placewatch.conflicts/1",
    "who nearly met, by quarters of an hour and to half a metre",
    pa.schema(
        [
            _WINDOW[0],
            _WINDOW[1],
            _WINDOW[3],
            pa.field("x_m", pa.float64(), nullable=False),
            pa.field("y_m", pa.float64(), nullable=False),
            pa.field("first", pa.string(), nullable=False),
            pa.field("second", pa.string(), nullable=False),
            pa.field("type", pa.string(), nullable=False),
            pa.field("ttc_s", pa.float64()),  # null: never on a collision course within 5 s
            pa.field("pet_s", pa.float64()),  # null: no spot shared within 5 s
            pa.field("drac_m_s2", pa.float64()),
            pa.field("delta_s_m_s", pa.float64(), nullable=False),
            pa.field("max_s_m_s", pa.float64(), nullable=False),
            pa.field("max_d_m_s2", pa.float64()),
            pa.field("max_delta_v_m_s", pa.float64(), nullable=False),
            pa.field("severity", pa.int64(), nullable=False),
        ]
    ),
    ("at", "camera", "x_m", "y_m", "first", "second", "ttc_s", "pet_s"),
)

ZONE_COUNTS = Shape(
    "zones",
    "placewatch.zones/1",
    "who was in which area and for how long, minute by minute",
    pa.schema(
        [
            *_WINDOW,
            pa.field("zone", pa.string(), nullable=False),
            pa.field("kind", pa.string(), nullable=False),
            pa.field("entries", pa.int64()),  # null, here and below: nothing was watched
            pa.field("presence_s", pa.float64()),
            pa.field("occupancy", pa.float64()),
            pa.field("speed_s", pa.float64(), nullable=False),  # of the presence, with a speed
            pa.field("speed_m_s_mean", pa.float64()),
        ]
    ),
    ("at", "camera", "zone", "kind"),
)

ZONE_USES = Shape(
    "zone_uses",
    "placewatch.zone_uses/1",
    "how full each area was, minute by minute",
    pa.schema(
        [
            *_WINDOW,
            pa.field("zone", pa.string(), nullable=False),
            pa.field("occupancy", pa.float64()),
            pa.field("count_mean", pa.float64()),
            pa.field("count_max", pa.int64()),
        ]
    ),
    ("at", "camera", "zone"),
)

_BINS = pa.list_(pa.int64())

LANE_QUEUES = Shape(
    "queues",
    "placewatch.queues/1",
    "how many waited before which stop line, cycle by cycle and lane by lane",
    pa.schema(
        [
            *_WINDOW,
            pa.field("approach", pa.string(), nullable=False),
            pa.field("lane", pa.int64(), nullable=False),
            pa.field("whole", pa.bool_(), nullable=False),
            pa.field("stood_s", pa.float64()),  # null: nobody waited
            pa.field("vehicles_max", pa.int64(), nullable=False),
            pa.field("vehicles_mean", pa.float64(), nullable=False),
            pa.field("length_m_max", pa.float64(), nullable=False),
            pa.field("length_m_mean", pa.float64(), nullable=False),
            pa.field("back_m_max", pa.float64(), nullable=False),
            pa.field("at_least", pa.bool_(), nullable=False),
            pa.field("departures", pa.int64(), nullable=False),
            pa.field("stops", pa.int64(), nullable=False),
            pa.field("travel_s_mean", pa.float64()),
            pa.field("free_s", pa.float64()),  # null, here and below: too few were seen so far
            pa.field("delay_s_mean", pa.float64()),
            pa.field("delay_count", pa.int64(), nullable=False),
        ]
    ),
    ("at", "camera", "approach", "lane"),
)

FOOT_CROSSINGS = Shape(
    "crossings_on_foot",
    "placewatch.crossings_on_foot/1",
    "how people crossed which carriageway, by quarters of an hour",
    pa.schema(
        [
            *_WINDOW,
            pa.field("carriageway", pa.string(), nullable=False),
            pa.field("length_m", pa.float64(), nullable=False),
            pa.field("crossing", pa.string()),  # null: off all marked crossings
            pa.field("count", pa.int64()),  # null: nothing was watched
            pa.field("to_left", pa.int64()),  # null, here and below: fewer than five, too
            pa.field("away_m_bins", _BINS),
            pa.field("wait_count", pa.int64()),
            pa.field("wait_s_sum", pa.float64()),
            pa.field("wait_s_bins", _BINS),
            pa.field("speed_count", pa.int64()),
            pa.field("speed_m_s_sum", pa.float64()),
            pa.field("speed_m_s_bins", _BINS),
            pa.field("rejected_count", pa.int64()),
            pa.field("rejected_s_sum", pa.float64()),
            pa.field("rejected_s_bins", _BINS),
            pa.field("accepted_count", pa.int64()),
            pa.field("accepted_s_sum", pa.float64()),
            pa.field("accepted_s_bins", _BINS),
            pa.field("open_count", pa.int64()),
            pa.field("given_count", pa.int64()),
            pa.field("due_count", pa.int64()),
            pa.field("yielded_count", pa.int64()),
            pa.field("excused_count", pa.int64()),
            pa.field("unhindered_count", pa.int64()),
        ]
    ),
    ("at", "camera", "carriageway", "crossing"),
)

JOURNEYS = Shape(
    "journeys",
    "placewatch.journeys/1",
    "how long vehicles took over each link, an hour's window every quarter of an hour",
    pa.schema(
        [
            *_WINDOW[:3],
            pa.field("link", pa.string(), nullable=False),
            pa.field("how", pa.string(), nullable=False),
            pa.field("from_camera", pa.string(), nullable=False),
            pa.field("from_line", pa.string(), nullable=False),
            pa.field("from_direction", pa.string(), nullable=False),
            pa.field("to_camera", pa.string(), nullable=False),
            pa.field("to_line", pa.string(), nullable=False),
            pa.field("to_direction", pa.string(), nullable=False),
            pa.field("length_m", pa.float64(), nullable=False),
            pa.field("median_s", pa.float64()),  # null, here and below: not known
            pa.field("median_s_low", pa.float64()),
            pa.field("median_s_high", pa.float64()),
            pa.field("mean_s", pa.float64()),
            pa.field("mean_s_low", pa.float64()),
            pa.field("mean_s_high", pa.float64()),
            pa.field("through_share", pa.float64()),
            pa.field("arrived", pa.int64()),
            pa.field("why", pa.string()),  # null: it is known
            pa.field("sentence", pa.string()),
            pa.field("through_share_low", pa.float64()),
            pa.field("through_share_high", pa.float64()),
        ]
    ),
    ("at", "link"),
)

SHAPES: dict[type[Fact], Shape] = {
    LineCount: LINE_COUNTS,
    MovementCount: MOVEMENT_COUNTS,
    SpeedCount: SPEED_COUNTS,
    LineFlow: LINE_FLOWS,
    Conflict: CONFLICTS,
    ZoneCount: ZONE_COUNTS,
    ZoneUse: ZONE_USES,
    LaneQueue: LANE_QUEUES,
    FootCrossings: FOOT_CROSSINGS,
    JourneyTime: JOURNEYS,
}
"""The shape of each sort of facts."""


def rows_of(facts: Iterable[Fact], shape: Shape = LINE_COUNTS) -> pa.Table:
    """`facts`, all of the sort that has that shape, as a table of its schema, in their order."""
    facts = list(facts)
    columns = {
        name: [getattr(fact, name) for fact in facts] for name in shape.schema.names if name != "at"
    }
    at = pa.array([fact.at for fact in facts], pa.int64()).cast(pa.timestamp("us"))
    return pa.table({"at": at, **columns}, schema=shape.schema)


def naive(at: UtcMicros) -> datetime.datetime:
    """`at` as the table keeps time: UTC without saying so, which every engine reads alike."""
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=at)
