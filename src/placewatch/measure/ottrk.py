"""Ottrk: OTVision's track files, in and out, and the sections of its counting, in.

An `.ottrk` is a JSON document, packed by bzip2: what is known of the video, and a list of boxes,
each with its class, score, place on the picture (left, top, width, height in pixels), frame (from
1), instant, and the number of its track (OpenTrafficCam, https://opentrafficcam.org; otdet 1.2 and
ottrk 1.0, whose instants are seconds, and before, whose are text). An `.otflow` lists sections:
lines of two points or more.

Whoever writes an `.ottrk` says where every single road user was. placewatch writes one only of
tracks that were simulated or given in a file, never of what a camera sees. The path of the file
that OTVision read, which may hold a person's name, is not passed on.
"""

import bz2
import collections
import datetime
import itertools
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from placewatch.core.errors import Rejected
from placewatch.core.kinds import Kind
from placewatch.core.space import PicturePoint
from placewatch.core.time import UtcMicros
from placewatch.measure.picture_tracks import PictureTracks

KIND_OF_CLASS = {
    "pedestrian": Kind.PEDESTRIAN,
    "person": Kind.PEDESTRIAN,
    "bicyclist": Kind.BICYCLE,
    "bicycle": Kind.BICYCLE,
    "cargo_bike_driver": Kind.BICYCLE,
    "bicyclist_with_trailer": Kind.BICYCLE,
    "motorcyclist": Kind.MOTORCYCLE,
    "motorcycle": Kind.MOTORCYCLE,
    "car": Kind.CAR,
    "car_with_trailer": Kind.CAR,
    "private_van": Kind.VAN,
    "private_van_with_trailer": Kind.VAN,
    "delivery_van": Kind.VAN,
    "delivery_van_with_trailer": Kind.VAN,
    "bus": Kind.BUS,
    "truck": Kind.TRUCK,
    "truck_with_trailer": Kind.TRUCK,
    "truck_with_semitrailer": Kind.TRUCK,
}
"""OTVision's classes, and COCO's; all others (train, scooter_driver, other) are unknown."""

CLASS_OF_KIND = {
    Kind.PEDESTRIAN: "pedestrian",
    Kind.BICYCLE: "bicyclist",
    Kind.MOTORCYCLE: "motorcyclist",
    Kind.CAR: "car",
    Kind.VAN: "delivery_van",
    Kind.BUS: "bus",
    Kind.TRUCK: "truck",
    Kind.UNKNOWN: "other",
}

_VERSIONS = {"otdet_version": "1.2", "ottrk_version": "1.0"}
_TEXT = "%Y-%m-%d %H:%M:%S.%f"


def read_ottrk(path: Path) -> PictureTracks:
    """The tracks in the file `path`. Raises Rejected where it is none, OSError where it cannot be
    read. A road user is what its boxes were seen as, each weighed by its score."""
    document = _document(path)
    try:
        video = document["metadata"]["video"]
        width_px, height_px = int(video["width"]), int(video["height"])
        fps = float(video.get("actual_fps") or video["recorded_fps"])
        start = _instant(video["recorded_start_date"])
        boxes: list[dict[str, Any]] = document["data"]["detections"]
        frames = [int(box["frame"]) - 1 for box in boxes]
        who = [int(box["track-id"]) for box in boxes]
        scores = [float(box["confidence"]) for box in boxes]
        words = [str(box["class"]) for box in boxes]
        places = np.array(
            [[float(box[side]) for side in ("x", "y", "w", "h")] for box in boxes], np.float64
        ).reshape(-1, 4)
        last = int(video.get("number_of_frames") or 0)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Rejected(f"{path.name} is no .ottrk: {error!r}", _WHICH) from error
    if (
        not (math.isfinite(fps) and 0.0 < fps <= 1000.0)
        or min(width_px, height_px) < 1
        or not np.isfinite(places).all()
        or not np.isfinite(scores).all()
        or min(frames, default=0) < 0
        or max([last, *frames], default=0) > _FRAMES_MAX
    ):
        raise Rejected(f"{path.name} is no .ottrk: its numbers cannot be", _WHICH)
    places[:, 2:] += places[:, :2]
    labels = tuple(dict.fromkeys(words))
    order = np.lexsort((who, frames)) if frames else np.zeros(0, np.int64)
    number = {word: at for at, word in enumerate(labels)}
    return PictureTracks(
        width_px,
        height_px,
        fps,
        max([last, *(frame + 1 for frame in frames)]),
        np.array(frames, np.int64)[order],
        np.array(who, np.int64)[order],
        places[order],
        np.array(scores, np.float64)[order],
        np.array([number[word] for word in words], np.int64)[order],
        labels,
        _elected(who, words, scores),
        start,
    )


def pack_ottrk(tracks: PictureTracks, name: str) -> bytes:
    """`tracks` as an `.ottrk`; `name` is what the video is called."""
    start_s = 0.0 if tracks.start is None else tracks.start / 1e6
    length_s = tracks.frames / tracks.fps
    seen: set[int] = set()
    last = {who: row for row, who in enumerate(tracks.who.tolist())}
    boxes = []
    columns = (tracks.frame, tracks.who, tracks.boxes_px, tracks.scores, tracks.label)
    for row, (frame, who, (left, top, right, bottom), score, label) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        boxes.append(
            {
                "class": tracks.labels[label],
                "confidence": score,
                "x": left,
                "y": top,
                "w": right - left,
                "h": bottom - top,
                "frame": frame + 1,
                "occurrence": start_s + frame / tracks.fps,
                "input_file_path": f"{name}.otdet",
                "interpolated-detection": False,
                "first": who not in seen,
                "finished": last[who] == row,
                "track-id": who,
            }
        )
        seen.add(who)
    document = {
        "metadata": {
            **_VERSIONS,
            "video": {
                "filename": name,
                "filetype": ".mp4",
                "width": tracks.width_px,
                "height": tracks.height_px,
                "recorded_fps": tracks.fps,
                "number_of_frames": tracks.frames,
                "recorded_start_date": start_s,
                "length": str(datetime.timedelta(seconds=round(length_s))),
            },
            "detection": {
                "otvision_version": "none: written by placewatch",
                "model": {"classes": {str(at): word for at, word in enumerate(tracks.labels)}},
                "chunksize": 1,
                "normalized_bbox": False,
            },
            "tracking": {
                "otvision_version": "none: written by placewatch",
                "first_tracked_video_start": start_s,
                "last_tracked_video_end": start_s + max(0, tracks.frames - 1) / tracks.fps,
                "tracker": {"name": "given"},
            },
        },
        "data": {"detections": boxes},
    }
    return bz2.compress(json.dumps(document, allow_nan=False).encode())


def read_sections(path: Path) -> list[tuple[str, PicturePoint, PicturePoint]]:
    """The lines of an `.otflow` by name. One of more than two points becomes a line for each of its
    straight parts, `NAME 1`, `NAME 2`, … Raises Rejected, OSError."""
    try:
        sections = json.loads(path.read_bytes())["sections"]
        found = []
        for section in sections:
            if section.get("type", "line") != "line":
                continue
            points = [
                PicturePoint(float(point["x"]), float(point["y"]))
                for point in section["coordinates"]
            ]
            name = str(section.get("name") or section["id"])
            parts = [(a, b) for a, b in itertools.pairwise(points) if a != b]
            for number, (a, b) in enumerate(parts, 1):
                found.append((name if len(parts) == 1 else f"{name} {number}", a, b))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Rejected(
            f"{path.name} is no .otflow: {error!r}", "is it a file of OTAnalytics?"
        ) from error
    return found


_WHICH = "is it a file of OTVision's track, whole?"
_FRAMES_MAX = 50_000_000


def _document(path: Path) -> Any:
    packed = path.read_bytes()
    try:
        text = bz2.decompress(packed) if packed.startswith(b"BZh") else packed
        return json.loads(text)
    except (OSError, ValueError, EOFError, RecursionError) as error:
        if path.suffix.lower() != ".ottrk":
            raise Rejected(f"{path.name} is no .ottrk, nor other tracks", _WHICH) from error
        raise Rejected(f"{path.name} is no .ottrk: {error}", _WHICH) from error


def _instant(told: Any) -> UtcMicros | None:
    """The instant that a file tells, in seconds or as text (UTC, as OTVision keeps it)."""
    if told in (None, ""):
        return None
    if isinstance(told, str):
        moment = datetime.datetime.strptime(told, _TEXT).replace(tzinfo=datetime.UTC)
        return UtcMicros(round(moment.timestamp() * 1e6))
    return UtcMicros(round(float(told) * 1e6))


def _elected(who: Iterable[int], words: Iterable[str], scores: Iterable[float]) -> dict[int, Kind]:
    votes: dict[int, collections.Counter[Kind]] = {}
    for one, word, score in zip(who, words, scores, strict=True):
        kind = KIND_OF_CLASS.get(word, Kind.UNKNOWN)
        ballot = votes.setdefault(one, collections.Counter())
        ballot[kind] += score  # type: ignore[assignment]
    return {one: ballot.most_common(1)[0][0] for one, ballot in votes.items()}
