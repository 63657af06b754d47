"""Crime: how many values of CommonRoad-CriMe are found again, for two scenarios of CommonRoad.

How this works. `crime_values.csv` holds what commonroad-crime 0.4.5 (commonroad-io 2024.3, Python
3.11) says of all pairs and steps of two scenarios: TTC, THW and TET, where they are finite, and
where the program ended with an error. Both scenarios were turned about (0, 0) so that their roads
run east, and without the accelerations that one tells, which the program would replace: only so is
what it computes near to what it defines (measure/crime.py says why). The scenarios themselves are
not shipped with placewatch.
"""

import csv
import math
from collections import defaultdict
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from placewatch.measure.commonroad import Scenario, read_commonroad
from placewatch.measure.crime import Crime, Criticality, User
from placewatch.measure.lanelet import LaneMap
from placewatch.measure.recorded import paths_among

ALIKE_S = 0.1
VALUES = "crime_values.csv"

Key = tuple[str, int, int, int]  # measure, ego, other, step (-1: of all)


def crime_share(data: Path) -> tuple[float, str]:
    """The share of the program's values that are found within `ALIKE_S`, and how that was found; a
    value that the program does not have counts against it. Raises OSError, PlacewatchError."""
    same, listed, more, worst = 0, 0, 0, 0.0
    known = _values()
    for (name, turn_rad), theirs in known.items():
        path = data / f"trajectories/vehicles-commonroad/{name}.xml"
        mine = _measured(_turned(read_commonroad(path), turn_rad))
        for key, value in theirs.items():
            if math.isnan(value):
                mine.pop(key, None)  # the program has no answer
                continue
            off = abs(mine.pop(key, math.inf) - value)
            listed += 1
            if off <= ALIKE_S + 1e-9:
                same, worst = same + 1, max(worst, off)
        more += sum(key[0] != "TET" for key in mine)
    return same / (listed + more), (
        f"{listed} finite values of commonroad-crime 0.4.5 (TTC, THW and TET of all pairs and "
        f"steps of {len(known)} scenarios), of which {same} are found within {ALIKE_S:g} s, at "
        f"the worst of them {worst:.3f} s; {more} more are found that it does not have"
    )


def crime_of(scenario: Scenario, *, as_released: bool = False) -> Crime:
    """CriMe's measures of all road users of a scenario, in the order of its file."""
    users = []
    for path in paths_among(scenario.tracks):
        x_m, y_m, heading, speed, acceleration = path.rows()[:, 1:6].T
        users.append(
            User(
                round(float(path.t_s[0]) / scenario.step_s),
                x_m,
                y_m,
                heading,
                speed,
                acceleration,
                path.length_m,
                path.width_m,
            )
        )
    return Crime(users, scenario.lanes, scenario.step_s, as_released=as_released)


def _values() -> dict[tuple[str, float], dict[Key, float]]:
    told: dict[tuple[str, float], dict[Key, float]] = defaultdict(dict)
    text = files("placewatch.bench").joinpath(VALUES).read_text("utf-8")
    for row in csv.DictReader(text.splitlines()):
        key = row["measure"], int(row["ego"]), int(row["other"]), int(row["step"] or -1)
        told[row["scenario"], float(row["turn_rad"])][key] = float(row["value"])
    return told


def _measured(scenario: Scenario) -> dict[Key, float]:
    """All finite values, as the program would name them."""
    crime, told = crime_of(scenario, as_released=True), {}
    for one, ego in enumerate(scenario.names):
        for two, other in enumerate(scenario.names):
            pair = None if one == two else crime.pair(one, two)
            if pair is None:
                continue
            told["TET", ego, other, -1] = pair.tet_s
            for measure, values in _by_step(pair).items():
                for row in np.flatnonzero(np.isfinite(values)).tolist():
                    told[measure, ego, other, pair.first + row] = float(values[row])
    return told


def _by_step(pair: Criticality) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    return {"TTC": pair.ttc_s, "THW": pair.thw_s}


def _turned(scenario: Scenario, turn_rad: float) -> Scenario:
    """About (0, 0), from east to north."""
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    turn = np.array([[cos, sin], [-sin, cos]])
    tracks, lanes = scenario.tracks, scenario.lanes
    x_m, y_m = (np.column_stack([tracks.x_m, tracks.y_m]) @ turn).T
    return replace(
        scenario,
        tracks=replace(tracks, x_m=x_m, y_m=y_m, heading_rad=tracks.heading_rad + turn_rad),
        lanes=LaneMap(
            [
                replace(one, left_m=one.left_m @ turn, right_m=one.right_m @ turn)
                for one in lanes.lanelets.values()
            ],
            lanes.arms,
            lanes.turns,
        ),
    )
