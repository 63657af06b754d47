"""ONNX: layouts are recognised, numbers become road users, and what is no net is told so."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto
from tests.perceive.nets import crowd, net, yolox

from placewatch.capture import open_source
from placewatch.capture.source import SourceSpec
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId, camera_id
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Detection, Track
from placewatch.core.space import PicturePoint
from placewatch.core.time import SystemClock, UtcMicros
from placewatch.measure.flow import FlowMeter
from placewatch.measure.line import CountingLine
from placewatch.measure.stage import Stage
from placewatch.perceive.motion import BackgroundModel
from placewatch.perceive.onnx import OnnxDetector, _absurdity, road_users
from placewatch.perceive.runtime import open_net
from placewatch.perceive.tracker import Tracker
from placewatch.pixels.frame import Frame

SHARED = Path(__file__).parents[3] / "shared" / "data"
Floats = npt.NDArray[np.float32]


def look(path: Path, width: int = 128, height: int = 128) -> list[Detection]:
    """What the net sees in a grey picture of that size."""

    def to_rgb(width_px: int) -> npt.NDArray[np.uint8]:
        return np.full((round(height * width_px / width), width_px, 3), 90, np.uint8)

    luma = np.full((height, width), 90, np.uint8)
    frame = Frame(camera_id("t"), UtcMicros(0), 0.0, 0, luma, to_rgb)
    return OnnxDetector(path).detect(frame, BackgroundModel().learn(frame), [])


def test_yolox_is_decoded_with_strides_and_letterbox(tmp_path: Path) -> None:
    answer = yolox()
    # Column 3, row 2 of stride 8: middle (28, 20), 16 x 8 px.
    answer[0, 2 * 8 + 3, :5] = [0.5, 0.5, np.log(2), np.log(1), 0.9]
    answer[0, 2 * 8 + 3, 5 + 2] = 1.0
    (one,) = look(net(tmp_path / "n.onnx", (64, 64), answer), width=128, height=64)
    assert one.kind is Kind.CAR
    assert one.score == pytest.approx(0.9)
    # 128 px are shown on 64: twice as large. The picture lies at the top left.
    assert one.box.left_px == pytest.approx(40, abs=0.1)
    assert one.box.top_px == pytest.approx(32, abs=0.1)
    assert one.box.right_px == pytest.approx(72, abs=0.1)
    assert one.box.bottom_px == pytest.approx(48, abs=0.1)


@pytest.mark.parametrize(("levels", "half"), [((8, 16, 32), 0.5), ((8, 16, 32, 64), 0.0)])
def test_nanodet_is_decoded_from_its_distributions(
    tmp_path: Path, levels: tuple[int, ...], half: float
) -> None:
    cells = sum((64 // stride) ** 2 for stride in levels)
    answer = np.zeros((1, cells, 112), np.float32)
    cell = 4 * 8 + 4
    answer[0, cell, 0] = 0.8
    for side, step in enumerate((1, 2, 1, 3)):
        answer[0, cell, 80 + 8 * side + step] = 40.0  # the distribution is at this step
    (one,) = look(net(tmp_path / "n.onnx", (64, 64), answer), 64, 64)
    middle = (4 + half) * 8
    assert one.kind is Kind.PEDESTRIAN
    assert one.box.left_px == pytest.approx(middle - 8, abs=0.1)
    assert one.box.top_px == pytest.approx(middle - 16, abs=0.1)
    assert one.box.right_px == pytest.approx(middle + 8, abs=0.1)
    assert one.box.bottom_px == pytest.approx(min(64, middle + 24), abs=0.1)


def test_fastestdet_is_decoded_from_its_grid(tmp_path: Path) -> None:
    answer = np.full((1, 85, 4, 4), -9.0, np.float32)
    answer[0, 0] = answer[0, 5:] = 0.0
    answer[0, 0, 1, 2], answer[0, 5 + 5, 1, 2] = 0.9, 0.9
    answer[0, 1:3, 1, 2] = 0.0
    answer[0, 3:5, 1, 2] = 0.0  # half the picture
    (one,) = look(net(tmp_path / "n.onnx", (64, 64), answer), 64, 64)
    assert one.kind is Kind.BUS
    assert one.box.width_px == pytest.approx(32, abs=0.1)
    assert one.box.left_px == pytest.approx(16, abs=0.1)


def test_other_layouts_are_told_by_name_and_shape(tmp_path: Path) -> None:
    path = net(tmp_path / "segment.onnx", (64, 64), np.zeros((1, 21, 64, 64), np.float32))
    with pytest.raises(Misconfigured, match=r"segment\.onnx.*1x21x64x64"):
        OnnxDetector(path)


def test_two_inputs_are_no_layout(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="layout"):
        OnnxDetector(net(tmp_path / "two.onnx", (64, 64), yolox(), inputs=2))


def test_a_net_that_answers_nan_is_told_at_once(tmp_path: Path) -> None:
    answer = yolox()
    answer[0, 0, 0] = np.nan
    with pytest.raises(Misconfigured, match=r"nan\.onnx.*NaN"):
        OnnxDetector(net(tmp_path / "nan.onnx", (64, 64), answer))


def test_a_net_of_half_numbers_is_told_what_is_wanted(tmp_path: Path) -> None:
    path = net(tmp_path / "half.onnx", (64, 64), yolox(), dtype=TensorProto.FLOAT16)
    with pytest.raises(Misconfigured, match=r"half\.onnx wants float16 where .* want float32"):
        OnnxDetector(path)


def test_a_net_that_sees_a_crowd_where_nobody_is_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"full\.onnx sees 84 road users in a picture without"):
        OnnxDetector(net(tmp_path / "full.onnx", (64, 64), crowd()))
    assert look(net(tmp_path / "doubt.onnx", (64, 64), crowd(score=0.3))), "who doubts may be sound"


@pytest.mark.parametrize("offset", [(200.0, 0.0), (0.0, -60.0), (0.0, 1e30)])
def test_boxes_outside_the_picture_are_refused(tmp_path: Path, offset: tuple[float, float]) -> None:
    answer = yolox()
    answer[0, 3, :6] = [*offset, 1.0, 1.0, 0.9, 0.9]
    with pytest.raises(Misconfigured, match=r"far\.onnx returns boxes outside the picture"):
        OnnxDetector(net(tmp_path / "far.onnx", (64, 64), answer))


def test_boxes_larger_than_any_picture_are_refused(tmp_path: Path) -> None:
    answer = yolox()
    answer[0, 3, :6] = [0.0, 0.0, 9.0, 9.0, 0.9, 0.9]
    with pytest.raises(Misconfigured, match="outside the picture"):
        OnnxDetector(net(tmp_path / "far.onnx", (64, 64), answer))


def test_boxes_inside_out_and_by_the_thousand_are_absurd(tmp_path: Path) -> None:
    layout = OnnxDetector(net(tmp_path / "n.onnx", (64, 64), yolox()))._layout
    boxes = np.tile(np.array([[10, 10, 20, 20]], np.float32), (1500, 1))
    scores = np.zeros((1500, 80), np.float32)
    scores[:700, 2] = 0.9
    assert _absurdity(boxes, scores, layout) is None
    scores[:, 2] = 0.9
    assert "1500 boxes" in str(_absurdity(boxes, scores, layout))
    boxes[5] = [20, 10, 10, 20]
    assert "negative size" in str(_absurdity(boxes[:9], scores[:9], layout))


def test_a_net_without_its_last_layer_is_refused(tmp_path: Path) -> None:
    answer = yolox()
    answer[0, :, 4:] = -7.0  # numbers before the sigmoid that makes shares of them
    with pytest.raises(Misconfigured, match="no shares of 1"):
        OnnxDetector(net(tmp_path / "raw.onnx", (64, 64), answer))
    cells = np.full((1, 85, 4, 4), -7.0, np.float32)
    with pytest.raises(Misconfigured, match="numbers that mean no boxes"):
        OnnxDetector(net(tmp_path / "raw.onnx", (64, 64), cells))


def test_boxes_by_the_thousand_are_joined_in_time() -> None:
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 4000, (20_000, 2))
    boxes = np.concatenate([corners, corners + 20], axis=1).astype(np.float32)
    scores = np.zeros((20_000, 80), np.float32)
    scores[:, 0] = rng.uniform(0.1, 1.0, 20_000)
    found = road_users(boxes, scores)
    assert 0 < len(found) <= 1000
    assert min(one.score for one in found) > 0.9, "the strongest are kept"


def test_a_net_that_is_slow_is_refused_with_what_a_look_takes(tmp_path: Path) -> None:
    path = net(tmp_path / "slow.onnx", (64, 64), yolox())
    with pytest.raises(Misconfigured, match=r"slow\.onnx takes 2\.5 s of processor time"):
        OnnxDetector(path, cpu_s=Cost(2.5))


class Cost:
    """A clock by which whatever is timed takes `each_s`."""

    def __init__(self, each_s: float) -> None:
        self.each_s = each_s
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += self.each_s
        return self.now_s


def street(
    duration_s: float, car_from_s: float = 0.0, brightness: int = 90, fps: int = 25
) -> Iterator[Frame]:
    """A grey street; from `car_from_s` on a bright box drives through it, again and again."""
    for number in range(round(duration_s * fps)):
        luma = np.full((180, 320), brightness, np.uint8)
        if number / fps >= car_from_s:
            left = int((number / fps - car_from_s) * 100) % 400
            luma[80:110, left : left + 60] = 230

        def to_rgb(width_px: int, luma: npt.NDArray[np.uint8] = luma) -> npt.NDArray[np.uint8]:
            rows = np.arange(round(180 * width_px / 320)) * 180 // round(180 * width_px / 320)
            columns = np.arange(width_px) * 320 // width_px
            return np.repeat(luma[rows][:, columns, None], 3, axis=2)

        yield Frame(camera_id("t"), UtcMicros(number * 40_000), number / fps, number, luma, to_rgb)


def looks(detector: OnnxDetector, frames: Iterator[Frame]) -> list[float]:
    """When the net was asked."""
    background, tracker, asked = BackgroundModel(), Tracker(), []
    tracks: Sequence[Track] = []
    for frame in frames:
        before = detector._looks
        found = detector.detect(frame, background.learn(frame), tracks)
        tracks = tracker.update(
            found, frame.media_s, width_px=frame.width_px, height_px=frame.height_px
        )
        if detector._looks > before:
            asked.append(frame.media_s)
    return asked


def test_a_net_is_asked_once_a_second_where_nothing_moves(tmp_path: Path) -> None:
    detector = OnnxDetector(net(tmp_path / "n.onnx", (64, 64), yolox()))
    asked = looks(detector, street(6.0, car_from_s=4.0))
    still = [at for at in asked if at < 4.0]
    assert still == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=0.05)
    assert len([at for at in asked if 4.4 <= at < 5.4]) == 25, "and at every frame of what moves"


def test_a_net_keeps_to_its_share_of_the_processor(tmp_path: Path) -> None:
    path = net(tmp_path / "n.onnx", (64, 64), yolox())
    detector = OnnxDetector(path, cpu_share_max=0.2, cpu_s=Cost(0.05))
    asked = looks(detector, street(4.0))
    moving = [at for at in asked if at >= 0.5]
    gaps_s = np.diff(moving)
    assert gaps_s.min() >= 0.25 - 1e-6, "a look of 0.05 s is a fifth of 0.25 s"
    assert np.median(gaps_s) < 0.33


def test_who_travels_unseen_by_the_net_is_left_to_motion(tmp_path: Path) -> None:
    """As from straight above: the net sees nobody. Then it is asked rarely, and motion speaks."""
    detector = OnnxDetector(net(tmp_path / "n.onnx", (64, 64), yolox()))
    asked = looks(detector, street(30.0))
    assert detector.note is not None
    assert "does not know this view" in detector.note
    early = [at for at in asked if at < 8.0]
    late = [at for at in asked if at >= 22.0]
    assert len(late) <= 9 < len(early)


def test_one_strange_picture_is_no_reason_but_ten_in_a_row_are(tmp_path: Path) -> None:
    detector = OnnxDetector(net(tmp_path / "n.onnx", (64, 64), yolox()))
    outside = yolox()
    outside[0, 3, :6] = [200.0, 0.0, 1.0, 1.0, 0.9, 0.9]
    detector._net = open_net(net(tmp_path / "later.onnx", (64, 64), outside))
    with pytest.raises(Misconfigured, match="outside the picture"):
        looks(detector, street(4.0))
    assert detector._looks == 9


def test_a_net_that_goes_bad_while_it_runs_is_told(tmp_path: Path) -> None:
    detector = OnnxDetector(net(tmp_path / "n.onnx", (64, 64), yolox(), sound=(100.0, 140.0)))
    looks(detector, street(1.0, brightness=120))
    with pytest.raises(Misconfigured, match=r"n\.onnx answers with numbers that are none"):
        looks(detector, street(1.0, brightness=240))


def test_the_view_from_above_is_left_to_motion_with_a_real_net() -> None:
    clip, path = SHARED / "video/topdown-road.mp4", SHARED / "models/yolox_nano_bigisland.onnx"
    if not (clip.exists() and path.exists()):
        pytest.skip(f"{clip} is not here")
    detector, background = OnnxDetector(path), BackgroundModel()
    tracker, camera = Tracker(), CameraId("t")
    line = CountingLine("middle", PicturePoint(0.0, 216.0), PicturePoint(767.0, 216.0))
    stage, flow = Stage(None, camera), FlowMeter(camera, [line], UtcMicros(0))
    crossings = []
    source = open_source(SourceSpec(camera, str(clip), pace="full"), SystemClock())
    tracks: Sequence[Track] = []
    for frame in source.frames():
        found = detector.detect(frame, background.learn(frame), tracks)
        tracks = tracker.update(
            found, frame.media_s, width_px=frame.width_px, height_px=frame.height_px
        )
        scene = stage.place(tracks, frame.at, frame.media_s, frame.number, after_gap=False)
        crossings += flow.measure(scene)
    crossings += flow.leave()
    source.close()
    assert detector.note is not None
    ways = sorted(crossing.direction.value for crossing in crossings)
    assert ways == ["left_to_right"] * 2 + ["right_to_left"] * 2
    assert detector._looks < 300, "of 377 frames"


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 4096])
def test_a_file_that_is_no_model_is_told_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.onnx"
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"no\.onnx"):
        OnnxDetector(path)


def test_a_missing_file_and_a_folder_are_told_so(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.onnx", tmp_path):
        with pytest.raises(Misconfigured, match="no detector file"):
            OnnxDetector(path)


def seen(*found: tuple[int, float, tuple[float, float, float, float]]) -> list[Detection]:
    """Road users out of (COCO class, score, box)."""
    scores = np.zeros((len(found), 80), np.float32)
    for row, (coco, score, _) in enumerate(found):
        scores[row, coco] = score
    return road_users(np.array([box for _, _, box in found], np.float32), scores)


def test_a_vehicle_that_is_both_car_and_truck_is_one() -> None:
    (one,) = seen((2, 0.7, (0, 0, 100, 60)), (7, 0.6, (2, 1, 103, 62)))
    assert one.kind is Kind.CAR


def test_a_person_on_a_bicycle_is_one_rider() -> None:
    (one,) = seen((0, 0.8, (20, 0, 50, 80)), (1, 0.6, (10, 50, 70, 110)))
    assert one.kind is Kind.BICYCLE
    assert (one.box.top_px, one.box.bottom_px) == (0, 110)


def test_a_person_beside_a_bicycle_is_two() -> None:
    assert len(seen((0, 0.8, (120, 0, 150, 110)), (1, 0.6, (10, 50, 70, 110)))) == 2


def test_dogs_and_chairs_are_nobody() -> None:
    assert not seen((16, 0.9, (0, 0, 40, 40)), (56, 0.9, (50, 0, 90, 40)))


@pytest.mark.parametrize("name", ["yolox_nano_bigisland.onnx", "FastestDet.onnx"])
def test_real_nets_run(name: str) -> None:
    path = SHARED / "models" / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    assert isinstance(look(path, 320, 240), list)


def test_a_face_detector_is_no_layout_of_ours() -> None:
    path = SHARED / "models" / "yunet_n_640_640.onnx"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    with pytest.raises(Misconfigured, match="layout"):
        OnnxDetector(path)
