"""Film: real streets are counted as without the weather, light and shaking laid over them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.perceive import film

from placewatch.node.offline import WatchRequest, watch_source

DATA = Path(__file__).parents[3] / "shared" / "data"
CLIPS = ("carpark", "topdown-road")
PEOPLE = {"pedestrian"}
RIDERS = {"bicycle"}
VEHICLES = {"car", "van", "bus", "truck", "motorcycle"}
GROUPS = {"person": PEOPLE, "bicycle_with_rider": RIDERS, "vehicle": VEHICLES}

DEFECTS: dict[str, tuple[Callable[[], film.Change], dict[str, int]]] = {
    "camera_shakes": (film.shaken, {}),
    "night": (film.darkened, {}),
    "rain": (film.rained_on, {}),
    "snow": (film.snowed_on, {}),
    "cloud_shadow": (film.clouded_over, {}),
    "light_switched_on": (film.lit_by_a_lamp, {}),
    "auto_exposure_hunts": (film.exposed_by_a_hunting_camera, {}),
    "compression_low_bitrate": (film.unchanged, {"bit_rate": 90_000}),
    "compression_pumps": (film.unchanged, {"bit_rate": 200_000, "gop": 12}),
}

BEYOND: dict[tuple[str, str], str] = {}
"""What is not counted as without the defect, with the reason: (clip, defect)."""

CASES = [
    pytest.param(
        clip,
        defect,
        id=f"{clip}-{defect}",
        marks=[pytest.mark.xfail(reason=reason, strict=True)]
        if (reason := BEYOND.get((clip, defect)))
        else [],
    )
    for clip in CLIPS
    for defect in DEFECTS
]


@pytest.mark.skipif(not (DATA / "truth").is_dir(), reason="the hand-counted clips are not here")
@pytest.mark.parametrize(("clip", "defect"), CASES)
def test_a_defect_changes_no_count(clip: str, defect: str, tmp_path: Path) -> None:
    truth = json.loads((DATA / "truth" / f"{clip}.json").read_text())
    change, coding = DEFECTS[defect]
    film.write(DATA / truth["video"]["file"], tmp_path / "film.mp4", change(), **coding)
    wide, high = truth["video"]["width"], truth["video"]["height"]
    cut_px = film.margin_px(wide) if defect == "camera_shakes" else 0
    last_px = (wide - 2 * cut_px - 1, high - 2 * cut_px - 1)
    lines = []
    for line in truth["lines"]:
        if line.get("p1"):
            ends = [
                str(min(last, max(0, value - cut_px)))
                for end in (line["p1"], line["p2"])
                for value, last in zip(end, last_px, strict=True)
            ]
            lines.append(f"{line['id']}={','.join(ends)}")
    told = tmp_path / "told.json"
    watch_source(WatchRequest(str(tmp_path / "film.mp4"), lines=tuple(lines), json=str(told)))
    counted = {line["name"]: line["crossings"] for line in json.loads(told.read_text())["lines"]}
    for line in truth["lines"]:
        if line.get("p1"):
            assert tallied(counted[line["id"]]) == expected(line)


def expected(line: dict[str, Any]) -> dict[str, int]:
    """How many of each group cross the line, both ways; of all others none."""
    counts = dict.fromkeys((*GROUPS, "other"), 0)
    for group, ways in line["counts"].items():
        if group in counts:
            counts[group] += sum(count for way, count in ways.items() if way != "any")
    return counts


def tallied(crossings: list[dict[str, Any]]) -> dict[str, int]:
    """How many of each group were counted."""
    counts = dict.fromkeys((*GROUPS, "other"), 0)
    for crossing in crossings:
        kind = crossing["kind"]
        counts[next((group for group, kinds in GROUPS.items() if kind in kinds), "other")] += 1
    return counts
