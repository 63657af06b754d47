"""Street: the net that comes with the package, and the detector that asks it."""

import math
from collections.abc import Sequence
from importlib import resources

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from placewatch.capture import open_source
from placewatch.capture.source import SourceSpec
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Track
from placewatch.core.time import SimulatedClock
from placewatch.perceive import street_net
from placewatch.perceive.motion import BackgroundModel
from placewatch.perceive.street_detector import StreetDetector
from placewatch.perceive.tracker import Tracker
from placewatch.pixels.frame import Frame

Plane = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return onnx.load_from_string(
        resources.files("placewatch.perceive").joinpath("street.onnx").read_bytes()
    )


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Twelve seconds of the drawn main street."""
    spec = SourceSpec(camera_id("t"), "street:main?seed=2&duration_s=12&width=640&height=360")
    return list(open_source(spec, SimulatedClock()).frames())


def watched(frames: list[Frame]) -> tuple[StreetDetector, list[Sequence[Track]]]:
    background, detector, tracker = BackgroundModel(), StreetDetector(), Tracker()
    tracks: Sequence[Track] = []
    told: list[Sequence[Track]] = []
    for frame in frames:
        motion = background.learn(frame)
        tracks = tracker.update(
            detector.detect(frame, motion, tracks),
            frame.media_s,
            width_px=frame.width_px,
            height_px=frame.height_px,
        )
        told.append(tracks)
    return detector, told


def street() -> Plane:
    dice = np.random.default_rng(5)
    down, across = np.mgrid[0:160, 0:256]
    plane = 110 + 10 * np.sin(across / 13) + 8 * np.sin(down / 9) + dice.normal(0, 2, (160, 256))
    return np.asarray(plane, np.float32)


def with_car(plane: Plane, left: int, top: int) -> Plane:
    """A light car from the side, 60 x 24 px: body, cabin with dark windows, wheels."""
    plane = plane.copy()
    plane[top + 9 : top + 21, left : left + 60] = 215
    plane[top : top + 10, left + 12 : left + 46] = 205
    plane[top + 2 : top + 9, left + 15 : left + 28] = 45
    plane[top + 2 : top + 9, left + 31 : left + 43] = 45
    for wheel in (left + 8, left + 43):
        plane[top + 16 : top + 24, wheel : wheel + 9] = 25
    return plane


def test_the_shipped_net_is_small_and_says_which_kinds_it_knows(model: onnx.ModelProto) -> None:
    assert model.ByteSize() <= 3_000_000
    numbers = sum(int(np.prod(one.dims)) for one in model.graph.initializer)
    assert numbers <= 1_000_000
    told = {entry.key: entry.value for entry in model.metadata_props}
    for kind in street_net.KINDS:
        assert f'"{kind.value}"' in told["kinds"]


def test_an_empty_street_holds_nobody() -> None:
    assert len(street_net.look(street(), street(), 0.3)) == 0


def test_a_car_that_is_not_in_the_street_is_seen_where_it_is() -> None:
    seen = street_net.look(with_car(street(), 90, 60), street(), 0.4)
    assert len(seen) == 1
    assert np.abs(seen[0, 1:5] - (90, 60, 150, 84)).max() <= 8
    motors = (Kind.CAR, Kind.VAN, Kind.BUS, Kind.TRUCK)  # it is drawn too plainly to say more
    assert street_net.KINDS[int(seen[0, 5:].argmax())] in motors


def test_a_car_that_was_there_when_the_street_was_learnt_is_nobody() -> None:
    parked = with_car(street(), 90, 60)
    assert len(street_net.look(parked, parked, 0.3)) == 0


def test_a_picture_of_any_size_can_be_looked_at() -> None:
    plane = with_car(street(), 90, 60)
    for high, wide in ((160, 256), (117, 203), (90, 161)):
        seen = street_net.look(plane[:high, :wide], street()[:high, :wide], 0.4)
        assert (seen[:, 3] <= wide).all()
        assert (seen[:, 4] <= high).all()


def test_of_the_nets_numbers_the_surest_cells_are_boxes() -> None:
    raw = np.full((12, 8, 8), -6.0, np.float32)
    raw[1:5] = 0.0  # 8 px to each side
    raw[0, 2, 3], raw[0, 2, 4], raw[8, 2, 3] = 2.0, 1.0, 1.5  # beside a surer one: the same car
    raw[0, 6, 6], raw[5, 6, 6] = 0.0, 3.0  # cut off by the picture's edge
    seen = street_net.read(raw, 0.3, 30, 30)
    assert seen[:, 0] == pytest.approx((1 / (1 + math.exp(-2)), 0.5))
    assert seen[:, 1:5].tolist() == [[6, 2, 22, 18], [18, 18, 30, 30]]
    assert seen[:, 5:].argmax(1).tolist() == [3, 0]
    assert seen[:, 5:].sum(1) == pytest.approx((1, 1), abs=1e-6)


def test_what_the_net_sees_are_both_pictures_and_their_difference() -> None:
    now, empty = np.zeros((2, 33, 40), np.float32)
    now[32, 39] = 255
    seen = street_net.compared(now, empty)
    assert seen.shape == (1, 3, 64, 64)
    assert seen[0, :, 0, 0].tolist() == [-1, -1, 0]
    assert seen[0, :, 63, 63].tolist() == [1, -1, 2]  # repeated to the right and below, and capped


def arrays(value: object) -> list[npt.NDArray[np.generic]]:
    """All arrays that can be reached from `value`."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        return [array for one in value.values() for array in arrays(one)]
    if isinstance(value, (list, tuple)):
        return [array for one in value for array in arrays(one)]
    return [array for one in getattr(value, "__dict__", {}).values() for array in arrays(one)]


def test_what_is_seen_is_not_kept(frames: list[Frame]) -> None:
    """Nothing that could be a picture stays behind a look: only numbers about tracks that live."""
    detector, told = watched(frames)
    own = {name: value for name, value in vars(detector).items() if name != "_witness"}
    kept = arrays(own)  # the witness has a tracker's rows, which are boxes
    assert kept
    living = {track.id for tracks in told[-2:] for track in tracks}
    assert sum(array.size for array in kept) <= 32 * max(1, len(living))
    assert set(vars(detector)["_ids"]) <= living


def test_a_drawn_street_is_seen_with_few_looks(frames: list[Frame]) -> None:
    detector, told = watched(frames)
    known = {track.id: track for tracks in told for track in tracks if track.certain}
    assert {track.kind for track in known.values()} & {Kind.CAR, Kind.VAN, Kind.TRUCK, Kind.BUS}
    whole = frames[0].width_px * frames[0].height_px / 4  # the averaged picture is half as wide
    assert 0 < detector.looked_px <= 0.25 * whole * len(frames)


def test_after_a_gap_nobody_is_remembered(frames: list[Frame]) -> None:
    detector, _ = watched(frames)
    assert vars(detector)["_ids"]
    later = Frame(
        frames[-1].camera, frames[-1].at, frames[-1].media_s + 60, 999, frames[-1].luma,
        frames[-1].to_rgb, after_gap=True,
    )  # fmt: skip
    detector.detect(later, BackgroundModel().learn(later), [])
    assert not vars(detector)["_ids"]
    assert not len(vars(detector)["_table"])


def test_the_same_street_gives_the_same_tracks(frames: list[Frame]) -> None:
    one, other = watched(frames)[1], watched(frames)[1]
    for first, second in zip(one, other, strict=True):
        assert [track.box for track in first] == [track.box for track in second]
