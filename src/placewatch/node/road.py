"""Road: queues and crossings on foot of one camera become what its reports say of them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from placewatch.core.facts import FootCrossings, LaneQueue
from placewatch.core.time import UtcMicros, rfc3339
from placewatch.measure.carriageway import SPEED_M_S_EDGES, WAIT_S_EDGES
from placewatch.measure.queue import HCM_SIGNAL, HCM_STOP, Delay, DelayTable, delay_of
from placewatch.node import config as settings
from placewatch.node import views
from placewatch.publish.road import ApproachTold, CarriagewayTold, CrossedTold, LaneTold

FIVE_MIN_S, QUARTER_S, HOUR_S, DAY_S = 300.0, 900.0, 3600.0, 86_400.0
FEW_DAYS = 4  # as in the report: of longer times the hours of the day are told
LABELS_MOST = 8


def approaches_told(
    facts: Iterable[LaneQueue],
    camera: settings.CameraSettings,
    since: UtcMicros,
    until: UtcMicros,
) -> tuple[ApproachTold, ...]:
    """What `facts` tell of each approach; those of the settings first."""
    found: dict[str, list[LaneQueue]] = {}
    for cycle in facts:
        found.setdefault(cycle.approach, []).append(cycle)
    tables = {way.name: HCM_SIGNAL if way.signal else HCM_STOP for way in camera.approach}
    told = []
    for name in _in_order(found, [way.name for way in camera.approach]):
        cycles, table = found[name], tables.get(name)
        by_lane: dict[int | None, list[LaneQueue]] = {}
        for cycle in cycles:
            by_lane.setdefault(cycle.lane, []).append(cycle)
        lanes = [
            _lane(lane, by_lane[lane], table) for lane in sorted(by_lane, key=lambda n: n or 0)
        ]
        if len(lanes) > 1:
            lanes.append(_lane(None, cycles, table))
        steps, step_s, labels, of_day = _steps(cycles, since, until)
        where = "" if table is None else f"{table.name} ({table.source})"
        told.append(ApproachTold(name, tuple(lanes), where, steps, step_s, labels, of_day))
    return tuple(told)


def carriageways_told(
    facts: Iterable[FootCrossings], camera: settings.CameraSettings
) -> tuple[CarriagewayTold, ...]:
    """What `facts` tell of each carriageway; those of the settings first."""
    found: dict[str, dict[str | None, list[FootCrossings]]] = {}
    for fact in facts:
        places = found.setdefault(fact.carriageway, {})
        places.setdefault(fact.crossing, []).append(fact)
    drawn = {one.name: [mark.name for mark in one.crossing] for one in camera.carriageway}
    told = []
    for name in _in_order(found, list(drawn)):
        places = found[name]
        marked = {place: windows for place, windows in places.items() if place is not None}
        order: list[str | None] = [*_in_order(marked, drawn.get(name, []))]
        order += [None] if None in places else []
        windows = [window for place in places.values() for window in place]
        length_m = max(windows, key=lambda window: window.at).length_m
        crossed = tuple(_crossed(place, places[place]) for place in order)
        if any(place.watched_s > 0.0 for place in crossed):
            told.append(CarriagewayTold(name, length_m, crossed, WAIT_S_EDGES, SPEED_M_S_EDGES))
    return tuple(told)


def queue_sums(approaches: Iterable[ApproachTold]) -> tuple[views.QueueSum, ...]:
    """What the console shows of queues."""
    return tuple(
        views.QueueSum(
            approach=way.name,
            lane=one.lane,
            watched_s=one.watched_s,
            cycles=one.cycles,
            cycles_min=one.cycles_min,
            vehicles_max=one.vehicles_max,
            vehicles_max_mean=one.vehicles_max_mean,
            back_m_max=one.back_m_max,
            at_least=one.at_least,
            reached_share=one.reached_share,
            departures=one.departures,
            delay_s=one.delay_s,
            level=one.level,
            delay_why=one.delay_why,
        )
        for way in approaches
        for one in way.lanes
    )


def foot_sums(carriageways: Iterable[CarriagewayTold]) -> tuple[views.FootSum, ...]:
    """What the console shows of people who crossed."""
    return tuple(
        views.FootSum(
            carriageway=piece.name,
            crossing=one.crossing,
            watched_s=one.watched_s,
            count=one.count,
            wait_s=one.wait_s,
            speed_m_s=one.speed_m_s,
            yielding_rate=one.yielded_count / one.due_count if one.due_count else None,
        )
        for piece in carriageways
        for one in piece.places
    )


def _in_order(found: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    return [*(name for name in known if name in found), *sorted(set(found) - set(known))]


def _lane(lane: int | None, cycles: Sequence[LaneQueue], table: DelayTable | None) -> LaneTold:
    """`lane` None: `cycles` are of several lanes, whose times are the same times."""
    watched: dict[int, float] = {}
    waited: dict[int, int] = {}
    for cycle in cycles:
        watched[cycle.lane] = watched.get(cycle.lane, 0.0) + cycle.coverage_s
        waited[cycle.lane] = waited.get(cycle.lane, 0) + (cycle.vehicles_max > 0)
    watched_s = max(watched.values())
    queued = [cycle for cycle in cycles if cycle.vehicles_max > 0]
    vehicle_s = sum(cycle.vehicles_mean * cycle.coverage_s for cycle in cycles)
    metre_s = sum(cycle.length_m_mean * cycle.coverage_s for cycle in cycles)
    all_s = sum(watched.values())
    longest = max(cycle.vehicles_max for cycle in cycles)
    reached = [cycle for cycle in queued if cycle.at_least]
    delay: Delay = delay_of(cycles, table or HCM_SIGNAL)
    return LaneTold(
        lane=lane,
        watched_s=watched_s,
        cycles=max(waited.values()),
        cycles_min=min(waited.values()),
        reached_share=len(reached) / len(queued) if queued else None,
        vehicles_max=longest,
        back_m_max=max(cycle.back_m_max for cycle in cycles),
        at_least=any(cycle.vehicles_max == longest for cycle in reached),
        vehicles_max_mean=sum(cycle.vehicles_max for cycle in queued) / len(queued)
        if queued
        else None,
        vehicles_mean=vehicle_s / all_s if all_s else 0.0,
        length_m_mean=metre_s / all_s if all_s else 0.0,
        departures=sum(cycle.departures for cycle in cycles),
        stops=sum(cycle.stops for cycle in cycles),
        delay_s=delay.delay_s,
        delay_count=delay.count,
        level=None if table is None else delay.level,
        delay_why=delay.why,
    )


def _steps(
    cycles: Iterable[LaneQueue], since: UtcMicros, until: UtcMicros
) -> tuple[tuple[float | None, ...], float, tuple[str, ...], bool]:
    """Means of the cycles' longest queues over time: values, their length, labels, and whether
    they are of a mean day."""
    window_s = (until - since) / 1e6
    of_day = window_s > FEW_DAYS * DAY_S
    step_s = FIVE_MIN_S if window_s <= HOUR_S else QUARTER_S
    if window_s > 1.01 * DAY_S:
        step_s = HOUR_S
    number = 24 if of_day else max(1, -(-round(window_s) // round(step_s)))
    sums, counts = [0] * number, [0] * number
    for cycle in cycles:
        at_s = (cycle.at / 1e6) % DAY_S if of_day else (cycle.at - since) / 1e6
        place = min(number - 1, max(0, int(at_s // step_s)))
        sums[place] += cycle.vehicles_max
        counts[place] += 1
    values = tuple(total / n if n else None for total, n in zip(sums, counts, strict=True))
    every = -(-number // LABELS_MOST)
    labels = []
    for place in range(number):
        at = UtcMicros(round(place * step_s * 1e6) + (0 if of_day else since))
        labels.append(rfc3339(at)[11:16] if place % every == 0 else "")
    return values, step_s, tuple(labels), of_day


def _crossed(place: str | None, windows: Sequence[FootCrossings]) -> CrossedTold:
    watched_s = sum(window.coverage_s for window in windows)
    count = sum(window.count or 0 for window in windows)

    def total(name: str) -> float:
        return sum(getattr(window, name) or 0 for window in windows)

    def mean(name: str, number: float) -> float | None:
        return total(f"{name}_sum") / number if number else None

    def bins(name: str) -> tuple[int, ...]:
        known = [bins for window in windows if (bins := getattr(window, name)) is not None]
        return tuple(sum(column) for column in zip(*known, strict=True))

    waits, speeds = int(total("wait_count")), int(total("speed_count"))
    # Sums of waits are of windows that tell how many they are of; so with the others.
    rejected, accepted = int(total("rejected_count")), int(total("accepted_count"))
    walks = bins("speed_m_s_bins")
    return CrossedTold(
        crossing=place,
        watched_s=watched_s,
        count=count,
        an_hour=count * HOUR_S / watched_s if watched_s > 0.0 else None,
        told=sum(w.count or 0 for w in windows if w.to_left is not None),
        wait_count=waits,
        wait_s=mean("wait_s", waits),
        waits=bins("wait_s_bins"),
        speed_count=speeds,
        speed_m_s=mean("speed_m_s", speeds),
        speed_m_s_p15=_below(walks, SPEED_M_S_EDGES, 0.15),
        speeds=walks,
        rejected_count=rejected,
        rejected_s=mean("rejected_s", rejected),
        accepted_count=accepted,
        accepted_s=mean("accepted_s", accepted),
        due_count=int(total("due_count")),
        yielded_count=int(total("yielded_count")),
    )


def _below(bins: Sequence[int], edges: Sequence[float], share: float) -> float | None:
    """The value that `share` of a histogram stays below, evenly within a bin; None where it is
    empty, or lies in the open bin."""
    total = sum(bins)
    if not total:
        return None
    for number, upto in enumerate(accumulate(bins)):
        if upto >= share * total:
            if number == len(edges):
                return None
            low = edges[number - 1] if number else 0.0
            left = share * total - (upto - bins[number])
            return low + (edges[number] - low) * left / bins[number]
    return None
