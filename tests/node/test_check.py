"""What `placewatch check` finds, and what it leaves alone."""

import json
import socket
from pathlib import Path

import numpy as np
from tests.perceive.nets import crowd, net, yolox

from placewatch.core.space import PicturePoint
from placewatch.measure.ground import Ground
from placewatch.node.check import Finding, findings
from placewatch.perceive.detectors import DEFAULT
from placewatch.simulate.pinhole import Pinhole
from placewatch.store.store import Store

SITE = 'site = "x"\ndata = "data"\n'
CAMERA = '[[camera]]\nid = "a"\nurl = "street:main?duration_s=1&width=320&height=180"\n'
NOTICE = """
[camera.notice]
place = "Market"
purpose = "Count"
legal_basis = "Council decision 1"
owner = "City"
contact = "city@example.org"
until = 2999-01-01
"""


def found(folder: Path, text: str) -> list[Finding]:
    (folder / "placewatch.toml").write_text(text)
    return list(findings(folder / "placewatch.toml"))


def wrong(folder: Path, text: str) -> list[str]:
    return [one.text for one in found(folder, text) if one.wrong]


def ground(*points: tuple[float, float, float, float]) -> str:
    return "".join(
        f"[[camera.ground]]\nx_px = {x}\ny_px = {y}\nx_m = {east}\ny_m = {north}\n"
        for x, y, east, north in points
    )


def test_the_port_of_the_node_that_runs_is_not_wrong(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        console = f"[console]\nport = {taken.getsockname()[1]}\n"
        text = SITE + console + CAMERA + NOTICE
        assert "in use" in wrong(tmp_path, text)[0]
        node = Store(tmp_path / "data")
        assert wrong(tmp_path, text) == []
        node.close()
        assert "in use" in wrong(tmp_path, text)[0]


def test_a_login_that_others_can_read_is_told(tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("user:password")
    text = SITE + "[console]\nport = 0\n" + CAMERA + 'login_file = "login"\n' + NOTICE
    login.chmod(0o644)
    assert any("chmod 600" in one.text for one in found(tmp_path, text))
    login.chmod(0o600)
    assert not any("chmod" in one.text for one in found(tmp_path, text))


def test_a_mirrored_ground_is_found(tmp_path: Path) -> None:
    text = SITE + "[console]\nport = 0\n" + CAMERA + NOTICE
    seen = [(10, 50, -5, 20), (300, 50, 5, 20), (10, 170, -5, 0), (300, 170, 5, 0)]
    assert wrong(tmp_path, text + ground(*seen)) == []
    turned = [(x, y, -east, -north) for x, y, east, north in seen]
    assert wrong(tmp_path, text + ground(*turned)) == [], "turned round is not mirrored"
    mirrored = [(x, y, east, -north) for x, y, east, north in seen]
    assert "mirror" in wrong(tmp_path, text + ground(*mirrored))[0]


def test_who_checks_is_told_how_high_the_camera_hangs_and_centimetres_are_found(
    tmp_path: Path,
) -> None:
    text = SITE + "[console]\nport = 0\n" + CAMERA + NOTICE
    hangs = Pinhole(0.0, -12.0, 7.0, 90.0, 25.0, 0.9, 320, 180)

    def placed(unit: float) -> str:
        pixels = [(x, y) for x in (20.0, 160.0, 300.0) for y in (70.0, 115.0, 170.0)]
        places = [hangs.to_ground(PicturePoint(*pixel)) for pixel in pixels]
        return ground(
            *((*a, unit * b.x_m, unit * b.y_m) for a, b in zip(pixels, places, strict=True))
        )

    told = [one.text for one in found(tmp_path, text + placed(1.0))]
    assert any("7.0 m above the street, with a view 58° wide" in one for one in told), told
    assert not wrong(tmp_path, text + placed(1.0))
    feet = [one.text for one in found(tmp_path, text + placed(1 / 0.3048))]
    assert any("23 m above the street" in one for one in feet), feet
    assert "700 m above the street: are they in metres?" in wrong(tmp_path, text + placed(100.0))[0]


def test_a_map_that_no_browser_can_draw_is_found(tmp_path: Path) -> None:
    text = 'map = "town.geojson"\n' + SITE + "[console]\nport = 0\n" + CAMERA + NOTICE
    point = {"type": "Point", "coordinates": [18.0, 59.0]}
    feature = {"type": "Feature", "properties": {}, "geometry": point}
    for good in ([], [feature], [feature | {"geometry": None}]):
        (tmp_path / "town.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "features": good})
        )
        assert wrong(tmp_path, text) == []
    nowhere = feature | {"geometry": point | {"coordinates": [float("nan"), 59.0]}}
    for bad in ([1], [None], [nowhere], [feature | {"geometry": 3}]):
        (tmp_path / "town.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "features": bad})
        )
        assert "GeoJSON" in wrong(tmp_path, text)[0]
    (tmp_path / "town.geojson").write_text("[" * 100_000)
    assert "no JSON" in wrong(tmp_path, text)[0]
    (tmp_path / "town.geojson").unlink()
    assert "cannot be read" in wrong(tmp_path, text)[0]


def test_a_net_that_is_refused_is_told_with_what_takes_its_place(tmp_path: Path) -> None:
    text = SITE + "[console]\nport = 0\n" + CAMERA + f'detector = "{tmp_path}/net.onnx"\n' + NOTICE
    net(tmp_path / "net.onnx", (64, 64), yolox())
    assert wrong(tmp_path, text) == []
    assert any("runs on ONNX Runtime" in one.text for one in found(tmp_path, text))
    net(tmp_path / "net.onnx", (64, 64), crowd())
    [told] = wrong(tmp_path, text)
    assert "net.onnx sees 84 road users" in told
    assert f'"{DEFAULT}" would take its place' in told


APPROACH = """
[[camera.approach]]
name = "North"
corners_px = [[40, 160], [280, 160], [240, 70], [80, 70]]
lanes = {lanes}
"""


def test_lanes_that_no_road_has_are_found(tmp_path: Path) -> None:
    text = SITE + "[console]\nport = 0\n" + CAMERA + NOTICE
    seen = ground((10, 50, -15, 60), (300, 50, 15, 60), (10, 170, -5, 0), (300, 170, 5, 0))
    [told] = wrong(tmp_path, text + APPROACH.format(lanes=1) + seen)
    assert "approach North" in told
    assert "wider than lanes are" in told
    assert wrong(tmp_path, text + APPROACH.format(lanes=3) + seen) == []
    told, *_ = wrong(tmp_path, text + APPROACH.format(lanes=8) + seen.replace("5\n", "0.5\n"))
    assert "narrower" in told


def test_a_corner_outside_the_picture_is_found(tmp_path: Path) -> None:
    text = SITE + "[console]\nport = 0\n" + CAMERA + NOTICE
    seen = ground((10, 50, -15, 60), (300, 50, 15, 60), (10, 170, -5, 0), (300, 170, 5, 0))
    away = APPROACH.format(lanes=3).replace("[280, 160]", "[280, 1600]")
    assert any("the approach North" in told for told in wrong(tmp_path, text + away + seen))


LINES = """
[[camera.line]]
name = "Near"
from_px = [40, 160]
to_px = [280, 160]
[[camera.line]]
name = "Far"
from_px = [80, 70]
to_px = [240, 70]
"""


def test_a_line_that_no_ground_reaches_is_found(tmp_path: Path) -> None:
    text = SITE + "[console]\nport = 0\n" + CAMERA + NOTICE
    seen = ground((10, 100, -15, 60), (300, 100, 15, 60), (10, 170, -5, 0), (300, 170, 5, 0))
    assert wrong(tmp_path, text + LINES + seen) == []
    sky = LINES.replace("[80, 70]", "[80, 20]").replace("[240, 70]", "[240, 20]")
    [told] = wrong(tmp_path, text + sky + seen)
    assert "the line Far lies above the horizon" in told


LINK = """
[[link]]
name = "Mill Road"
from_line = "a/Near"
from_direction = "{way}"
to_line = "a/Far"
to_direction = "{way}"
length_m = {length_m}
"""


def linked(length_m: float, way: str = "right_to_left") -> str:
    return LINK.format(length_m=length_m, way=way)


def test_links_are_told_and_one_that_is_shorter_than_the_straight_line_is_wrong(
    tmp_path: Path,
) -> None:
    text = SITE + "[console]\nport = 0\n" + CAMERA + NOTICE + LINES
    seen = ground((10, 50, -15, 60), (300, 50, 15, 60), (10, 170, -5, 0), (300, 170, 5, 0))
    every = [one.text for one in found(tmp_path, text + seen + linked(45))]
    [link] = [one for one in every if one.startswith("link Mill Road: 45 m from a/Near to a/Far")]
    assert "in a straight line" in link
    straight_m = int(link.split(", ")[1].split(" m")[0])
    assert 10 < straight_m < 45
    [told] = wrong(tmp_path, text + seen + linked(2 * straight_m + 10))
    assert f"inside one view, and these lie {straight_m} m apart" in told, "no street winds so"
    [told] = wrong(tmp_path, text + seen + linked(straight_m * 0.8))
    assert f"lie {straight_m} m apart" in told
    [told] = wrong(tmp_path, text + seen + linked(straight_m + 2, "left_to_right"))
    assert "who crosses a/Near left_to_right drives away from a/Far" in told
    without = [one.text for one in found(tmp_path, text + linked(9))]
    assert "link Mill Road: 9 m from a/Near to a/Far; timed inside one view" in without


def test_the_point_that_disagrees_most_is_named_with_how_far_it_is_off(tmp_path: Path) -> None:
    text = SITE + "[console]\nport = 0\n" + CAMERA + NOTICE
    four = [(10, 50, -15, 60), (300, 50, 15, 60), (10, 170, -5, 0), (300, 170, 5, 0)]
    plane = Ground.fit([(x, y) for x, y, _, _ in four], [(e, n) for _, _, e, n in four])
    spots = [(60.0, 120.0), (250.0, 130.0), (160.0, 90.0)]
    more = [(x, y, *plane.metres_of(np.array([(x, y)]))[0]) for x, y in spots]
    assert wrong(tmp_path, text + ground(*four, *more)) == []
    x, y, east, north = more[1]
    [told] = wrong(tmp_path, text + ground(*four, more[0], (x, y, east + 9.0, north), more[2]))
    assert "point 6, at (250, 130) px, lies 9.0 m from where the others say it is" in told


def test_who_waits_is_told_which_camera_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "placewatch.toml").write_text(SITE + "[console]\nport = 0\n" + CAMERA + NOTICE)
    told: list[str] = []
    list(findings(tmp_path / "placewatch.toml", doing=told.append))
    assert told == ["looking at camera 1 of 1, a"]
