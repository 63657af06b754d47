"""ONNX: layouts are recognised, numbers become road users, and what is no net is told so."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import camera_id
from placewatch.core.kinds import Kind
from placewatch.core.sightings import Detection
from placewatch.core.time import UtcMicros
from placewatch.perceive.motion import BackgroundModel
from placewatch.perceive.onnx import OnnxDetector, road_users
from placewatch.pixels.frame import Frame

SHARED = Path(__file__).parents[3] / "shared" / "data"
Floats = npt.NDArray[np.float32]


def net(path: Path, size: tuple[int, int], answer: Floats, inputs: int = 1) -> Path:
    """A net that gives `answer` whatever it sees."""
    height, width = size
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nought"]),
        helper.make_node("Add", ["answer", "nought"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [
            helper.make_tensor_value_info(
                "images" if k == 0 else f"more{k}", TensorProto.FLOAT, [1, 3, height, width]
            )
            for k in range(inputs)
        ],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, list(answer.shape))],
        [
            numpy_helper.from_array(answer, "answer"),
            numpy_helper.from_array(np.array(0, np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def look(path: Path, width: int = 128, height: int = 128) -> list[Detection]:
    """What the net sees in a grey picture of that size."""

    def to_rgb(width_px: int) -> npt.NDArray[np.uint8]:
        return np.full((round(height * width_px / width), width_px, 3), 90, np.uint8)

    luma = np.full((height, width), 90, np.uint8)
    frame = Frame(camera_id("t"), UtcMicros(0), 0.0, 0, luma, to_rgb)
    return OnnxDetector(path).detect(frame, BackgroundModel().learn(frame))


def yolox(size: int = 64) -> Floats:
    return np.zeros((1, sum((size // s) ** 2 for s in (8, 16, 32)), 85), np.float32)


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
    with pytest.raises(Misconfigured, match="NaN"):
        OnnxDetector(net(tmp_path / "nan.onnx", (64, 64), answer))


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
