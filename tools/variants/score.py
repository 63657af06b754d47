"""Score: how many counts of `placewatch watch` are wrong over films made by `make`.

    python -m tools.variants.score DIR [--command placewatch] [--parallel 2] [-v]

A count is of one line, one group of kinds and one way; wrong is by how many it is off, so that
errors never cancel. Prints a row for each variant, and with -v each count that is off.
"""

import argparse
import json
import shlex
import subprocess
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GROUPS = {
    "vehicle": {"car", "van", "bus", "truck", "motorcycle"},
    "truck": {"truck"},
    "person": {"pedestrian"},
    "bicycle": {"bicycle"},
    "bicycle_with_rider": {"bicycle"},
}
WAYS = {
    "up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0),
    "up_right": (1, -1), "right_down": (1, 1), "left_up": (-1, -1),
}  # fmt: skip


@dataclass
class Score:
    films: int = 0
    counts: int = 0
    wrong: int = 0  # by how many counts are off, in all
    unknown: int = 0  # crossings of no known kind


def direction(line: dict[str, Any], way: str) -> str:
    """The published direction of who crosses `line` on its `way` across the picture."""
    (x1, y1), (x2, y2) = line["p1"], line["p2"]
    along = WAYS[way][0] * -(y2 - y1) + WAYS[way][1] * (x2 - x1)
    return "left_to_right" if along > 0 else "right_to_left"


def off(
    truth: dict[str, Any], told: dict[str, Any]
) -> tuple[list[tuple[str, str, str, int, int]], int]:
    """Each count as (line, group, way, true, counted), and how many crossings are of no known
    kind."""
    first, last = truth.get("frame_range", (0, 10**9))
    rows, unknown = [], 0
    crossings = {line["name"]: line["crossings"] for line in told["lines"]}
    for line in truth["lines"]:
        if not line.get("p1"):
            continue
        seen = [one for one in crossings[line["id"]] if first <= one["frame"] <= last]
        unknown += sum(one["kind"] == "unknown" for one in seen)
        for group, ways in line["counts"].items():
            for way, number in ways.items():
                if way not in WAYS or not isinstance(number, int):
                    continue
                counted = sum(
                    one["kind"] in GROUPS[group] and one["direction"] == direction(line, way)
                    for one in seen
                )
                rows.append((line["id"], group, way, number, counted))
    return rows, unknown


def watch(command: str, film: Path, truth: dict[str, Any]) -> dict[str, Any]:
    """What the command says of the film. Raises CalledProcessError."""
    words = [*shlex.split(command), "watch", str(film), "--json", "-"]
    for line in truth["lines"]:
        if line.get("p1"):
            ends = [*line["p1"], *line["p2"]]
            words += ["--line", f"{line['id']}=" + ",".join(f"{number:g}" for number in ends)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=1800)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("films", type=Path)
    parser.add_argument("--command", default="placewatch")
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("-v", "--verbose", action="store_true")
    asked = parser.parse_args()
    scores: dict[str, Score] = defaultdict(Score)

    def one(path: Path) -> tuple[str, list[tuple[str, str, str, int, int]], int]:
        truth = json.loads(path.read_text("utf-8"))
        return path.stem, *off(truth, watch(asked.command, path.with_suffix(".mp4"), truth))

    with ThreadPoolExecutor(asked.parallel) as pool:
        for name, rows, unknown in pool.map(one, sorted(asked.films.glob("*.json"))):
            for key in (name.rpartition(".")[2], "all"):
                score = scores[key]
                score.films += 1
                score.counts += len(rows)
                score.wrong += sum(abs(true - counted) for *_, true, counted in rows)
                score.unknown += unknown
            for line, group, way, true, counted in rows:
                if asked.verbose and true != counted:
                    print(f"{name}: {line} {group} {way}: true {true}, counted {counted}")
    for key, score in sorted(scores.items(), key=lambda item: (item[0] == "all", item[0])):
        print(
            f"{key:10} {score.films:3} films, {score.counts:4} counts: "
            f"{score.wrong} wrong, {score.unknown} unknown"
        )


if __name__ == "__main__":
    main()
