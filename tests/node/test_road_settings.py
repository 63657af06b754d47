"""Approaches and carriageways in a camera's settings: in metres, or refused in a sentence."""

import dataclasses
from pathlib import Path

import pytest

from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId
from placewatch.core.space import PicturePoint, Point
from placewatch.measure.ground import Ground
from placewatch.measure.roadway import Road
from placewatch.node import check, config
from placewatch.node.equip import check_picture, ground_of, road_of, scaled

# A camera that looks north: its horizon lies 60 px below the upper edge of the picture.
GROUND = "".join(
    f"[[camera.ground]]\nx_px = {x_px}\ny_px = {y_px}\nx_m = {x_m}\ny_m = {y_m}\n"
    for x_px, y_px, x_m, y_m in (
        (200, 300, -20, 40),
        (1080, 300, 20, 40),
        (1280, 700, 12, 8),
        (0, 700, -12, 8),
    )
)
TOML = """
site = "Kista"
[[camera]]
id = "kista-03"
url = "street:main"
"""


def camera(text: str) -> config.CameraSettings:
    return config.parse(TOML + text + GROUND).camera[0]


def ground(one: config.CameraSettings) -> Ground:
    found = ground_of(one, None)
    assert found is not None
    return found


def pixels(*metres: tuple[float, float]) -> str:
    """These places of the ground, as they stand in the TOML."""
    base = ground(camera(""))
    points = [base.to_picture(Point(x, y)) for x, y in metres]
    return str([[point.x_px, point.y_px] for point in points if point is not None])


def approach(lanes: int = 2) -> str:
    corners = pixels((-3.2, 12), (3.2, 12), (3.2, 42), (-3.2, 42))
    return f"[[camera.approach]]\nname = 'North'\ncorners_px = {corners}\nlanes = {lanes}\n"


def carriageway() -> str:
    mark = pixels((-2, 14), (2, 14), (2, 21), (-2, 21))
    return (
        "[[camera.carriageway]]\nname = 'Mill Road'\n"
        f"corners_px = {pixels((-12, 14), (12, 14), (12, 21), (-12, 21))}\n"
        f"[[camera.carriageway.crossing]]\nname = 'Zebra'\ncorners_px = {mark}\n"
    )


def test_what_is_drawn_on_the_picture_lies_on_the_ground() -> None:
    one = camera(approach() + carriageway())
    road = road_of(one, ground(one))
    (north,) = road.approaches
    assert north.length_m == pytest.approx(30.0, abs=1e-6)
    assert north.width_m == pytest.approx(6.4, abs=1e-6)
    assert north.middle[0].y_m == pytest.approx(12.0), "it begins at the stop line"
    (mill,) = road.carriageways
    assert (mill.width_m, mill.length_m) == pytest.approx((7.0, 24.0))
    assert [mark.name for mark in mill.crossings] == ["Zebra"]


def test_a_bent_approach_has_its_middle_and_its_width() -> None:
    middle = pixels((0, 12), (0, 30), (10, 40))
    one = camera(
        f"[[camera.approach]]\nname = 'Bend'\nmiddle_px = {middle}\nwidth_m = 3.5\nfree_m_s = 9\n"
    )
    (bend,) = road_of(one, ground(one)).approaches
    assert (bend.length_m, bend.width_m) == pytest.approx((18.0 + 200**0.5, 3.5))
    assert bend.free_m_s == 9.0


def test_while_the_ground_is_unknown_there_is_no_road_and_no_complaint() -> None:
    assert road_of(camera(approach()), None) == Road()


def test_a_small_stream_shows_the_same_road() -> None:
    one = camera(approach() + carriageway())
    road = road_of(scaled(one, 0.5, 0.5), ground(scaled(one, 0.5, 0.5)))
    assert road.approaches[0].length_m == pytest.approx(30.0, abs=1e-4)
    assert road.carriageways[0].width_m == pytest.approx(7.0, abs=1e-4)
    assert len(road.carriageways[0].crossings) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[[camera.approach]]\nname = 'North'\n"
            "corners_px = [[600, 500], [700, 500], [660, 10], [640, 10]]\n",
            r"approach North has a point at \(660, 10\), which is no ground but sky",
        ),
        (
            "[[camera.carriageway]]\nname = 'Mill Road'\n"
            "corners_px = [[600, 500], [700, 500], [660, 10], [640, 10]]\n",
            "carriageway Mill Road has a point",
        ),
        (
            "[[camera.carriageway]]\nname = 'Mill Road'\n"
            "corners_px = [[300, 400], [900, 600], [900, 400], [300, 600]]\n",
            "not a simple polygon",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence(text: str, said: str) -> None:
    one = camera(text)
    with pytest.raises(Misconfigured, match=said) as raised:
        road_of(one, ground(one))
    assert raised.value.hint


@pytest.mark.parametrize("what", ["approach", "carriageway"])
def test_a_corner_outside_the_picture_is_refused(what: str) -> None:
    one = camera(approach() if what == "approach" else carriageway())
    check_picture(one, 1280, 720)
    with pytest.raises(Misconfigured, match=f"{what} .* outside the picture"):
        check_picture(one, 640, 360)


def test_an_approach_towards_the_horizon_is_refused() -> None:
    one = camera(approach())
    base = ground(one)
    above = next(y for y in range(400, 0, -1) if base.to_ground(PicturePoint(640, y)) is None)
    far = ((660.0, above + 1.0), (620.0, above + 1.0))
    way = dataclasses.replace(one.approach[0], corners_px=(*one.approach[0].corners_px[:2], *far))
    with pytest.raises(Misconfigured, match="close to the horizon"):
        road_of(dataclasses.replace(one, approach=(way,)), base)


def test_check_says_how_long_and_wide_they_came_out(tmp_path: Path) -> None:
    path = tmp_path / "placewatch.toml"
    path.write_text(TOML + approach() + carriageway() + GROUND)
    told = {finding.text: finding.wrong for finding in check.findings(path)}
    assert told["kista-03: approach North: 30 m long, 2 lanes of 3.2 m"] is False
    assert told["kista-03: carriageway Mill Road: 7.0 m from kerb to kerb, 24 m of road"] is False
    path.write_text(
        TOML + "[[camera.carriageway]]\nname = 'Sky'\ncorners_px = [[1, 1], [9, 1], [9, 700]]\n"
        + GROUND
    )  # fmt: skip
    assert any("sky" in finding.text and finding.wrong for finding in check.findings(path))


def test_a_setup_from_the_console_keeps_them_and_cannot_take_their_ground(tmp_path: Path) -> None:
    path = tmp_path / "placewatch.toml"
    path.write_text(TOML + approach() + carriageway() + GROUND)
    before = config.load(path).camera[0]
    points = [
        {"x_px": one.x_px, "y_px": one.y_px, "x_m": one.x_m, "y_m": one.y_m}
        for one in before.ground
    ]
    setup = {"line": [], "area": [], "ground": points}
    config.save_setup(path, CameraId("kista-03"), setup)
    assert config.load(path).camera[0] == before
    with pytest.raises(Misconfigured, match="no ground points"):
        config.save_setup(path, CameraId("kista-03"), {**setup, "ground": []})
    assert config.load(path).camera[0] == before
