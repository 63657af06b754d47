"""Watch: all that was found in one source, and its published form `placewatch.watch/1`."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placewatch import __version__
from placewatch.core.facts import (
    CameraHealth,
    Conflict,
    Crossing,
    Decoding,
    FootCrossings,
    LaneQueue,
    LineCount,
    LineFlow,
    MovementCount,
    SpeedCount,
    ZoneCount,
    ZoneUse,
)
from placewatch.core.time import rfc3339
from placewatch.publish.road import ApproachTold, CarriagewayTold, Shape
from placewatch.publish.whole import write_whole

FORMAT = "placewatch.watch/1"
"""Described in docs/spec/watch.md; a change that breaks a reader gets another number."""


@dataclass(frozen=True, slots=True)
class WatchedLine:
    """A counting line on the picture, and who crossed it, in order of time."""

    name: str
    from_px: tuple[float, float]
    to_px: tuple[float, float]
    crossings: tuple[Crossing, ...] = ()
    arm: str | None = None


@dataclass(frozen=True, slots=True)
class WatchSummary:
    """Everything that `placewatch watch` found. Numbers, and a street without anybody.

    `health` is of the whole source: its `at` is when the watching began (or the recording, where
    that is known), its `window_s` the duration, its `coverage_s` the seconds that were seen.
    `unseen_s` are the stretches, in seconds of the source, of which nothing is known.
    `density` says where road users were: road-user-seconds per cell of a coarse grid over the
    picture, rows from top to bottom; empty where it was not gathered.
    `fps` are the source's frames a second, None below two; `frames_analysed` of them were analysed,
    as many as the street's road users needed.
    """

    source: str  # as people name it; a path or an address without its login
    width_px: int
    height_px: int
    fps: float | None
    detector: str
    lines: tuple[WatchedLine, ...]
    health: CameraHealth
    cpu_s: float
    decode_cpu_s: float  # the part of `cpu_s` that decoding took
    wall_s: float
    facts: tuple[LineCount, ...] = ()
    movements: tuple[MovementCount, ...] = ()  # minute by minute, where lines lie across arms
    speeds: tuple[SpeedCount, ...] = ()
    flows: tuple[LineFlow, ...] = ()
    conflicts: tuple[Conflict, ...] = ()  # where the ground is known
    conflicts_by: str | None = None  # whose definitions, where they were asked for
    zones: tuple[ZoneCount, ...] = ()  # where there are areas
    zone_uses: tuple[ZoneUse, ...] = ()
    queues: tuple[LaneQueue, ...] = ()  # where there are approaches
    crossings_on_foot: tuple[FootCrossings, ...] = ()  # where there are carriageways
    approaches: tuple[ApproachTold, ...] = ()  # what these two tell
    carriageways: tuple[CarriagewayTold, ...] = ()
    shapes: tuple[Shape, ...] = ()  # that are drawn besides lines
    measured_in_px: bool = False  # the picture is that whose pixels settings are given in
    plan_px_per_m: float | None = None  # it is no picture but the ground from above, so large
    unseen_s: tuple[tuple[float, float], ...] = ()
    calibrated: bool = False
    backdrop_jpeg: bytes | None = None
    density: Sequence[Sequence[float]] = ()
    decode: Decoding | None = None
    frames_analysed: int | None = None

    @property
    def size_words(self) -> str:
        """How large the picture is, as people say it: a plan in metres."""
        if self.plan_px_per_m is None:
            return f"{self.width_px} × {self.height_px} px"
        wide_m, high_m = self.width_px / self.plan_px_per_m, self.height_px / self.plan_px_per_m
        return f"{wide_m:.0f} × {high_m:.0f} m from above"

    @property
    def frames(self) -> int:
        return self.health.frames

    @property
    def duration_s(self) -> float:
        return self.health.window_s

    @property
    def coverage_s(self) -> float:
        return self.health.coverage_s

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms of the junction, in the order of their lines; none where there is none."""
        named = dict.fromkeys(line.arm for line in self.lines if line.arm is not None)
        return tuple(named) if len(named) > 1 else ()

    def moved(self) -> dict[tuple[str | None, str], int]:
        """How many came in by an arm, None where that was not seen, and left by another."""
        counts: dict[tuple[str | None, str], int] = {}
        for crossing in self.crossings:
            if crossing.movement is not None:
                counts[crossing.movement] = counts.get(crossing.movement, 0) + 1
        return counts

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """Those of all lines, in order of time."""
        everything = (crossing for line in self.lines for crossing in line.crossings)
        return tuple(sorted(everything, key=lambda crossing: (crossing.media_s, crossing.line)))


def to_json(summary: WatchSummary) -> str:
    """`summary` in the published format, indented, in UTF-8 without an end of line."""
    return json.dumps(to_document(summary), indent=1, ensure_ascii=False, allow_nan=False)


def write_json(summary: WatchSummary, path: Path) -> None:
    """Puts `to_json` at `path`, whole or not at all. Raises Misconfigured."""
    write_whole(path, (to_json(summary) + "\n").encode())


def to_document(summary: WatchSummary) -> dict[str, Any]:
    """`summary` as the object that docs/spec/watch.schema.json describes."""
    health = summary.health
    return {
        "format": FORMAT,
        "placewatch": __version__,
        "source": {
            "name": source_name(summary.source),
            "started": rfc3339(health.at),
            "frames": summary.frames,
            **(
                {"frames_analysed": summary.frames_analysed}
                if summary.frames_analysed is not None
                else {}
            ),
            "duration_s": round(summary.duration_s, 6),
            "coverage_s": round(summary.coverage_s, 6),
            "width_px": summary.width_px,
            "height_px": summary.height_px,
            "fps": None if summary.fps is None else round(summary.fps, 6),
        },
        "detector": summary.detector,
        "calibrated": summary.calibrated,
        "lines": [_line(line) for line in summary.lines],
        "health": {
            "frames_dropped": health.frames_dropped,
            "packets_corrupt": health.packets_corrupt,
            "timestamps_repaired": health.timestamps_repaired,
            "gaps": health.gaps,
            "losses": health.losses,
            "lateness_s_max": round(health.lateness_s_max, 3),
            "unseen_s": [[round(since, 3), round(until, 3)] for since, until in summary.unseen_s],
            **({"decode": _decode(summary.decode)} if summary.decode is not None else {}),
        },
        "cost": {
            "cpu_s": round(summary.cpu_s, 3),
            "decode_cpu_s": round(summary.decode_cpu_s, 3),
            "wall_s": round(summary.wall_s, 3),
        },
    }


def source_name(source: str) -> str:
    """What may be printed of `source`: the file's own name, or an address without its secrets.

    A folder's name says who worked where. An address may carry a login in front, in its query,
    or, with cheap cameras, in its path.
    """
    scheme, colon, rest = source.partition("://")
    if scheme == "sim":  # a simulated street, which has no secrets
        return source
    if colon and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        # Up to the last @, wherever it stands: people do write a / or a ? into a password.
        place = re.split("[?#]", rest.rpartition("@")[2])[0]
        return f"{scheme}://" + "/".join("…" if "=" in part else part for part in place.split("/"))
    if source.startswith("/dev/"):
        return source
    return Path(source).name or source


def _line(line: WatchedLine) -> dict[str, Any]:
    in_order = sorted(line.crossings, key=lambda crossing: (crossing.media_s, crossing.frame))
    return {
        "name": line.name,
        **({"arm": line.arm} if line.arm is not None else {}),
        "from_px": [_plain(value) for value in line.from_px],
        "to_px": [_plain(value) for value in line.to_px],
        "crossings": [_crossing(crossing) for crossing in in_order],
    }


def _crossing(crossing: Crossing) -> dict[str, Any]:
    told: dict[str, Any] = {
        "media_s": round(crossing.media_s, 6),
        "frame": crossing.frame,
        "kind": crossing.kind.value,
        "direction": crossing.direction.value,
    }
    if crossing.movement is not None:
        told["from_arm"] = crossing.movement.from_arm
    if crossing.speed_m_s is not None:
        told["speed_m_s"] = round(crossing.speed_m_s, 3)
    return told


def _decode(decode: Decoding) -> dict[str, Any]:
    told: dict[str, Any] = {"mode": decode.mode}
    if decode.gops:  # else it is no mode that passes over groups of pictures
        told |= {
            "sleeps": decode.sleeps,
            "why": decode.why,
            "gops": decode.gops,
            "gops_slept": decode.gops_slept,
            "audits": decode.audits,
            "auc": None if decode.auc is None else round(decode.auc, 4),
            "passages_checked": decode.passages_checked,
            "passages_missed": decode.passages_missed,
            "missed_share_max": None
            if decode.missed_share_max is None
            else round(decode.missed_share_max, 6),
        }
    return told


def _plain(value: float) -> float | int:
    """Whole pixels as whole numbers, as people wrote them."""
    return int(value) if float(value).is_integer() else value
