"""Defects: nobody is made up and nobody is lost, whatever weather, light and camera do."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from tests.perceive.defects import DEFECTS, HEIGHT, LINE_X, WIDTH, Clip, true_crossings

from placewatch.core.ids import camera_id
from placewatch.core.sightings import Box, Track
from placewatch.core.time import UtcMicros
from placewatch.perceive.detectors import open_detector
from placewatch.perceive.motion import BackgroundModel
from placewatch.perceive.tracker import Tracker
from placewatch.pixels.frame import Frame

DETECTORS = ("street", "motion")

FOUND_MIN = 0.8  # of the pictures that show somebody wholly, from a second after the first
OVERLAP_MIN = 0.3
GHOST_S = 3.0

BEYOND: dict[tuple[str, str], str] = {
    (
        "street",
        "headlights_sweep_a_wet_road_at_night",
    ): "a beam on the road is taken for a second car",
    ("motion", "headlights_sweep_a_wet_road_at_night"): "a beam moves just as its car does",
    ("motion", "lights_switched_on"): "a car hardly lighter than the road falls into two",
    ("motion", "compression_low_bitrate"): "one piece that becomes sharp piece by piece travels",
}
"""What a detector cannot do, with the reason: (detector, defect)."""

CASES = [
    pytest.param(
        defect,
        name,
        id=f"{defect.__name__}-{name}",
        marks=[pytest.mark.xfail(reason=reason, strict=True)]
        if (reason := BEYOND.get((name, defect.__name__)))
        else [],
    )
    for name in DETECTORS
    for defect in DEFECTS
]


@pytest.mark.parametrize(("defect", "detector"), CASES)
def test_every_road_user_is_one_track_and_nobody_else_is_any(
    defect: Callable[[], Clip], detector: str
) -> None:
    clip = defect()
    told = watch(clip, detector)
    certain = [[track for track in tracks if track.certain] for tracks in told]
    ids: dict[str, set[str]] = {}
    due: dict[str, list[bool]] = {}
    for user, boxes in clip.users.items():
        for number, box in boxes.items():
            near = {t.id for t in certain[number] if overlap(t.box, box) >= OVERLAP_MIN}
            ids.setdefault(user, set()).update(near)
            if number >= min(boxes) + clip.fps:
                due.setdefault(user, []).append(bool(near))
    others = {t.id for tracks in certain for t in tracks if t.seen} - set().union(*ids.values())
    assert not others, f"{len(others)} that nobody is"
    for user in clip.users:
        assert len(ids[user]) == 1, f"{user} is {len(ids[user])} tracks"
        share = sum(due[user]) / len(due[user])
        assert share >= FOUND_MIN, f"{user} is found in {share:.0%} of its pictures"
    assert crossings(told) == true_crossings(clip)
    gone = max(max(boxes) for boxes in clip.users.values()) + GHOST_S * clip.fps
    for tracks in told[round(gone) :]:
        assert not any(track.seen for track in tracks), "a ghost stays"


def watch(clip: Clip, detector_name: str) -> list[Sequence[Track]]:
    """The tracks at each picture of the clip."""
    background, detector, tracker = BackgroundModel(), open_detector(detector_name), Tracker()
    tracks: Sequence[Track] = []
    told: list[Sequence[Track]] = []
    for number, picture in enumerate(clip.pictures):
        at_s = number / clip.fps
        frame = Frame(
            camera_id("t"), UtcMicros(round(at_s * 1e6)), at_s, number, picture, colourless
        )
        found = detector.detect(frame, background.learn(frame), tracks)
        tracks = tracker.update(found, at_s, width_px=WIDTH, height_px=HEIGHT)
        told.append(tracks)
    return told


def colourless(width_px: int) -> npt.NDArray[np.uint8]:
    raise AssertionError("nothing here needs colour")


def crossings(told: list[Sequence[Track]]) -> int:
    """Certain tracks whose foot passes the line, each once a side."""
    sides: dict[str, bool] = {}
    count = 0
    for tracks in told:
        for track in tracks:
            if track.certain:
                right = track.box.bottom_centre.x_px > LINE_X
                count += sides.setdefault(track.id, right) != right
                sides[track.id] = right
    return count


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    across = min(a.right_px, b.right_px) - max(a.left_px, b.left_px)
    down = min(a.bottom_px, b.bottom_px) - max(a.top_px, b.top_px)
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (a.width_px * a.height_px + b.width_px * b.height_px - both)
