"""From tracks to a scene: places, speeds and headings, of those who certainly are road users."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from placewatch.core.ids import CameraId, TrackId
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Box, Track
from placewatch.core.time import UtcMicros
from placewatch.measure.ground import Ground
from placewatch.measure.scene import Scene
from placewatch.measure.stage import Stage

REFERENCE = Path(__file__).parents[2] / "../shared/data/trajectories/interaction"

FAR = np.array([[-6.0, 14.0], [6.0, 15.0], [7.0, 70.0], [-7.0, 65.0], [0.5, 27.0]])


def look(metres: np.ndarray) -> np.ndarray:
    """What a camera 8 m up, tilted 18° down, sees of the ground (1280 x 720, f = 900 px)."""
    tilt = math.radians(18.0)
    east, north = metres.T
    ahead = north * math.cos(tilt) + 8.0 * math.sin(tilt)
    down = 8.0 * math.cos(tilt) - north * math.sin(tilt)
    return np.column_stack([640 + 900 * east / ahead, 360 + 900 * down / ahead])


GROUND = Ground.fit(look(FAR), FAR)


def track(
    name: str,
    x_px: float,
    y_px: float,
    velocity_px_s: tuple[float, float] = (0.0, 0.0),
    seen: bool = True,
    certain: bool = True,
) -> Track:
    box = Box(x_px - 20, y_px - 30, x_px + 20, y_px)
    return Track(TrackId(name), Kind.CAR, box, velocity_px_s, 1.0, seen, certain)


def place(
    stage: Stage, tracks: list[Track], number: int, fps: float = 25.0, gap: bool = False
) -> Scene:
    media_s = number / fps
    return stage.place(tracks, UtcMicros(round(media_s * 1e6)), media_s, number, gap)


def drive(
    stage: Stage, north_m: list[float], fps: float, dice: np.random.Generator | None = None
) -> list[float | None]:
    """The speeds of a car that is at these distances, frame by frame."""
    speeds = []
    for number, distance_m in enumerate(north_m):
        x_px, y_px = look(np.array([[1.0, distance_m]]))[0]
        if dice is not None:
            x_px, y_px = np.array([x_px, y_px]) + dice.normal(0, 0.7, 2)
        speeds.append(place(stage, [track("a", x_px, y_px)], number, fps).movers[0].speed_m_s)
    return speeds


@pytest.mark.parametrize("fps", [2, 5, 10, 25, 60])
def test_a_steady_car_has_its_speed_at_any_frame_rate(fps: int) -> None:
    speeds = drive(Stage(GROUND, CameraId("t")), [15 + 10 * n / fps for n in range(3 * fps)], fps)
    assert speeds[0] is None
    assert speeds[-1] == pytest.approx(10.0, abs=1e-6)
    known = [speed for speed in speeds if speed is not None]
    assert known == pytest.approx([10.0] * len(known), abs=1e-6)
    assert speeds.index(known[0]) <= max(3, 0.32 * fps)


@pytest.mark.parametrize("seed", range(5))
def test_a_trembling_box_hardly_changes_the_speed(seed: int) -> None:
    dice = np.random.default_rng(seed)
    speeds = drive(Stage(GROUND, CameraId("t")), [18 + 0.4 * n for n in range(40)], 25, dice)
    errors = [speed - 10.0 for speed in speeds[20:] if speed is not None]
    assert len(errors) == 20
    assert np.abs(errors).max() < 1.0
    assert abs(np.mean(errors)) < 0.3


def test_a_box_that_jumps_for_a_frame_does_not_change_the_speed() -> None:
    north_m = [18 + 0.4 * n for n in range(30)]
    north_m[15] += 6.0
    speeds = drive(Stage(GROUND, CameraId("t")), north_m, 25)
    assert speeds[16:] == pytest.approx([10.0] * 14, abs=1e-6)


def test_who_stands_has_speed_zero_not_unknown() -> None:
    dice = np.random.default_rng(3)
    speeds = drive(Stage(GROUND, CameraId("t")), [30.0] * 60, 25, dice)
    late = speeds[30:]
    assert None not in late
    assert sum(speed == 0.0 for speed in late) >= 15
    assert max(speed for speed in late if speed is not None) < 1.0


def test_without_a_calibrated_ground_place_and_speed_are_unknown() -> None:
    stage = Stage(None, CameraId("t"))
    for number in range(30):
        (mover,) = place(stage, [track("a", 600.0, 300.0 + number, (0, 25.0))], number).movers
    assert mover.point is None
    assert mover.speed_m_s is None
    assert mover.heading_deg == pytest.approx(90.0)
    assert (mover.anchor.x_px, mover.anchor.y_px) == (600.0, 329.0)


def test_who_stands_has_no_heading_and_who_drives_has_one() -> None:
    stage = Stage(None, CameraId("t"))
    tracks = [track("a", 100, 100), track("b", 300, 100, (-50, 0)), track("c", 500, 100, (9, -9))]
    headings = [mover.heading_deg for mover in place(stage, tracks, 0).movers]
    assert headings == [None, pytest.approx(180.0), pytest.approx(315.0)]


def test_above_the_horizon_nothing_stands_on_the_ground() -> None:
    stage = Stage(GROUND, CameraId("t"))
    for number in range(20):
        (mover,) = place(stage, [track("a", 640, 20 + number / 10)], number).movers
    assert mover.point is None
    assert mover.speed_m_s is None


def test_only_certain_road_users_are_in_the_scene_and_bring_their_first_steps() -> None:
    stage = Stage(GROUND, CameraId("t"))
    for number in range(10):
        sure = number >= 6
        tracks = [track("a", 600, 300 + number, seen=number != 3, certain=sure)]
        scene = place(stage, tracks, number)
        if not sure:
            assert not scene.movers
        elif number == 6:
            before = scene.movers[0].before
            assert [step.frame for step in before] == [0, 1, 2, 4, 5]
            assert [step.y_px for step in before] == [300, 301, 302, 304, 305]
        else:
            assert scene.movers[0].before == ()


def test_a_predicted_place_does_not_make_a_speed() -> None:
    stage = Stage(GROUND, CameraId("t"))
    speeds = []
    for number in range(60):
        seen = number < 20
        x_px, y_px = look(np.array([[1.0, 15 + 0.4 * number]]))[0]
        (mover,) = place(stage, [track("a", x_px, y_px, seen=seen)], number).movers
        assert mover.seen is seen
        speeds.append(mover.speed_m_s)
    assert speeds[19] == pytest.approx(10.0, abs=1e-6)
    assert speeds[45:] == [None] * 15


def test_after_a_gap_speeds_begin_anew() -> None:
    stage = Stage(GROUND, CameraId("t"))
    for number in range(30):
        gap = number == 20
        x_px, y_px = look(np.array([[1.0, 15 + 0.4 * number + 9 * (number >= 20)]]))[0]
        (mover,) = place(stage, [track("a", x_px, y_px)], number, gap=gap).movers
        if gap:
            assert mover.speed_m_s is None
    assert mover.speed_m_s == pytest.approx(10.0, abs=1e-6)


def test_a_track_that_ended_is_forgotten() -> None:
    stage = Stage(GROUND, CameraId("t"))
    place(stage, [track("a", 600, 300), track("b", 300, 300)], 0)
    place(stage, [track("b", 300, 300)], 1)
    assert stage._ids == ["b"]
    assert sum(path.any() for path in stage._paths) == 1


def test_the_cars_of_the_interaction_recording_drive_10_m_s() -> None:
    """Reference data: 170 rows at exactly 10 m/s. It is in metres; a camera looks at it here."""
    if not REFERENCE.exists():
        pytest.skip(f"no reference data in {REFERENCE}")
    with (REFERENCE / "vehicle_tracks_000.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    places = np.array([[float(row["x"]), float(row["y"])] for row in rows])
    corners = np.array(
        [
            places.min(axis=0) - 8,
            places.max(axis=0) + 8,
            [places[:, 0].min() - 8, 40.0],
            [120, -9.0],
        ]
    )
    shift = np.array([-places[:, 0].mean(), 20.0 - places[:, 1].min()])
    ground = Ground.fit(look(corners + shift), corners)
    stage = Stage(ground, CameraId("t"))
    by_frame: dict[int, list[tuple[str, np.ndarray]]] = {}
    for row, pixel in zip(rows, look(places + shift), strict=True):
        by_frame.setdefault(int(row["frame_id"]), []).append((row["track_id"], pixel))
    speeds = []
    for number in sorted(by_frame):
        tracks = [track(name, *pixel) for name, pixel in by_frame[number]]
        for mover in place(stage, tracks, number, fps=10).movers:
            speeds.append(mover.speed_m_s)
    known = [speed for speed in speeds if speed is not None]
    assert len(known) > 100
    assert known == pytest.approx([10.0] * len(known), abs=1e-3)
