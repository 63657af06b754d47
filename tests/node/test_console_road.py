"""What a technician draws of the road, and which links there are: in the TOML, and in force."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.node.test_node_road import PLAN, pixels
from tests.node.test_site_journeys import UNKNOWN

from placewatch.core.acts import SHELL
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction
from placewatch.core.space import Point
from placewatch.core.time import MINUTE_US, SimulatedClock, UtcMicros
from placewatch.measure.replay import on_plan
from placewatch.node import config, views
from placewatch.node.drawn_road import WrongSetting
from placewatch.node.node import Node
from placewatch.store.rows import JOURNEYS

A, B = CameraId("a"), CameraId("b")
GROUND = "".join(
    f"[[camera.ground]]\nx_px = {on_plan(Point(x, y)).x_px}\ny_px = {on_plan(Point(x, y)).y_px}\n"
    f"x_m = {x}\ny_m = {y}\n"
    for x, y in PLAN
)
TOML = f"""
site = "Kista"  # the town
data = "data"
[[camera]]
id = "a"
url = "street:main"
[[camera.line]]
name = "East"
from_px = {pixels(Point(50, -4))[1:-1]}
to_px = {pixels(Point(50, 4))[1:-1]}
[[camera.line]]
name = "West"
from_px = {pixels(Point(10, -4))[1:-1]}
to_px = {pixels(Point(10, 4))[1:-1]}
[[camera.approach]]
name = "North"
# measured in May
corners_px = {pixels(Point(60, 2), Point(60, -2), Point(0, -2), Point(0, 2))}
{GROUND}
[[camera]]
id = "b"
url = "street:junction"
[[camera.line]]
name = "Gate"
from_px = [10, 10]
to_px = [90, 90]
"""
LEFT, RIGHT = Direction.LEFT_TO_RIGHT, Direction.RIGHT_TO_LEFT
LINK = config.LinkSettings("Mill Road", "a/East", LEFT, "b/Gate", RIGHT, 300.0)
WITHIN = config.LinkSettings("Inside", "a/East", LEFT, "a/West", LEFT, 60.0)


def drawn(*points: tuple[float, float]) -> tuple[views.Pixel, ...]:
    return tuple((at.x_px, at.y_px) for at in (on_plan(Point(x, y)) for x, y in points))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "placewatch.toml"
    path.write_text(TOML)
    return path


@pytest.fixture
def node(path: Path) -> Iterator[Node]:
    made = Node(path, config.load(path), SimulatedClock(), demo=False)
    for camera in made.cameras.values():
        camera._size_px = camera._analysed_px = (1280, 720)
        camera.set_up(camera.settings, made.settings)
    yield made
    made.stop()


def setup_of(node: Node) -> views.Setup:
    return node.cameras[A].view().setup()


MARK = views.AreaView("Zebra", drawn((18, 3), (22, 3), (22, -3), (18, -3)))
PIECE = views.CarriagewayView("Mill", drawn((4, 3), (40, 3), (40, -3), (4, -3)), (), (MARK,))


def test_what_is_drawn_is_in_the_file_and_in_force(node: Node, path: Path) -> None:
    before = setup_of(node)
    assert before.approaches is not None
    bent = views.ApproachView("Bent", (), drawn((60, 0), (30, 1), (0, 0)), 3.5, 1, False, 13.9)
    setup = replace(before, approaches=(*before.approaches, bent), carriageways=(PIECE,))
    told = node.check_road(A, setup).approaches[1]
    assert told.told == "60 m long, 1 lane of 3.5 m"
    assert len(told.outline_px) == 6, "both edges of its middle of three points"
    node.save_setup(A, setup, SHELL)
    assert setup_of(node) == setup
    loaded = config.load(path).camera[0]
    assert [one.name for one in loaded.approach] == ["North", "Bent"]
    assert (loaded.approach[1].width_m, loaded.approach[1].signal) == (3.5, False)
    assert loaded.carriageway[0].crossing[0].name == "Zebra"
    road = node.cameras[A]._meters._road.road
    assert [one.name for one in road.approaches] == ["North", "Bent"]
    assert [one.name for one in road.carriageways[0].crossings] == ["Zebra"]
    assert "# the town" in path.read_text()


def test_what_is_as_it_was_keeps_its_comments(node: Node, path: Path) -> None:
    node.save_setup(A, replace(setup_of(node), carriageways=(PIECE,)), SHELL)
    assert "# measured in May" in path.read_text()
    assert [one.name for one in config.load(path).camera[0].carriageway] == ["Mill"]


def test_each_shape_has_its_own_sentence(node: Node) -> None:
    north, *_ = setup_of(node).approaches or ()
    one, other, far, near = north.corners_px
    twisted = replace(north, name="Twisted", corners_px=(one, other, near, far))
    wide = replace(north, name="Wide", corners_px=drawn((60, 7), (60, -7), (0, -7), (0, 7)))
    off = replace(PIECE, crossings=(replace(MARK, corners_px=drawn((50, 9), (52, 9), (52, 8))),))
    setup = replace(setup_of(node), approaches=(north, twisted, wide), carriageways=(PIECE, off))
    told = node.check_road(A, setup)
    assert told.approaches[0].told == "60 m long, 1 lane of 4.0 m"
    assert "cross each other" in (told.approaches[1].why or "")
    assert told.approaches[2].why is None
    assert "wider than lanes are" in (told.approaches[2].note or "")
    assert told.carriageways[0].told == "6.0 m from kerb to kerb, 36 m of road"
    assert len(told.carriageways[0].outline_px) == 2, "its middle, to draw"
    assert "is not on the carriageway" in (told.carriageways[1].why or "")
    with pytest.raises(WrongSetting) as refused:
        node.save_setup(A, setup, SHELL)
    assert refused.value.path == "approaches.1"


def test_without_a_ground_a_shape_says_what_it_lacks(node: Node, path: Path) -> None:
    before = path.read_text()
    with pytest.raises(WrongSetting, match="no ground points") as refused:
        node.save_setup(A, replace(setup_of(node), ground=None), SHELL)
    assert refused.value.path == "approaches.0"
    assert path.read_text() == before


def test_links_are_in_the_file_and_measured_without_a_restart(node: Node, path: Path) -> None:
    route = config.LinkSettings("Both", through=("Inside", "Onwards"))
    onwards = replace(LINK, name="Onwards", from_line="a/West")
    node.save_links((LINK, WITHIN, onwards, route), SHELL)
    assert config.load(path).link == (LINK, WITHIN, onwards, route)
    assert "speed_m_s_min" not in path.read_text(), "what is the default is not written"
    assert node.cameras[A]._meters.linked.ways == (("East", LEFT), ("West", LEFT))
    assert node.cameras[A]._meters.linked.spans.ways == ((("East", LEFT), ("West", LEFT)),)
    assert node.cameras[B]._meters.linked.ways == (("Gate", RIGHT),)
    assert node._journeys.links == (LINK, WITHIN, onwards, route)
    assert node._journeys._thread.is_alive(), "there was no link when the node started"
    shown = node.links().links
    assert [one.straight_m for one in shown] == [None, 40.0, None, None]
    node.save_links((), SHELL)
    assert "[[link]]" not in path.read_text()
    assert node.cameras[A]._meters.linked.ways == ()


@pytest.mark.parametrize(
    ("link", "place", "said"),
    [
        (replace(LINK, to_line="b/Nowhere"), "links.0.to_line", 'b has no line "Nowhere"'),
        (replace(LINK, from_line=None), "links.0.from_line", "at which it begins is missing"),
        (replace(LINK, length_m=None), "links.0.length_m", "the length is missing"),
        (replace(LINK, to_line="a/East"), "links.0.to_line", "is the line at which it begins"),
        (replace(LINK, speed_m_s_min=30.0), "links.0.speed_m_s_max", "does not go with"),
        (config.LinkSettings("R", through=("x", "y")), "links.0.through", 'no link "x"'),
    ],
)
def test_a_link_that_cannot_be_is_refused_and_nothing_changes(
    node: Node, path: Path, link: config.LinkSettings, place: str, said: str
) -> None:
    with pytest.raises(WrongSetting) as refused:
        node.save_links((link,), SHELL)
    assert refused.value.path == place
    assert said in refused.value.message
    assert path.read_text() == TOML


def test_a_link_that_is_shorter_than_the_straight_line_is_refused(node: Node, path: Path) -> None:
    short = replace(WITHIN, length_m=30.0)
    with pytest.raises(WrongSetting, match="30 m are shorter than a straight line") as refused:
        node.save_links((LINK, short), SHELL)
    assert refused.value.path == "links.1.length_m"
    assert path.read_text() == TOML


def test_a_link_that_was_too_short_already_says_so_and_keeps_nobody_from_others(
    node: Node,
) -> None:
    short = replace(WITHIN, length_m=30.0)
    node.settings = replace(node.settings, link=(short,))
    assert "40 m apart" in (node.links().links[0].note or "")
    node.save_links((short, LINK), SHELL)
    assert [one.name for one in node.links().links] == [short.name, LINK.name]


def test_a_link_that_is_far_too_long_for_its_view_says_so(node: Node) -> None:
    right = replace(WITHIN, from_direction=RIGHT, to_direction=RIGHT)
    node.save_links((replace(right, length_m=66.0),), SHELL)
    assert "inside one view: its lines lie 40 m apart" in (node.links().links[0].note or "")
    node.save_links((replace(right, length_m=60.0),), SHELL)
    assert node.links().links[0].note is None, "a turn may be that long"


def test_a_link_that_leads_the_other_way_says_so(node: Node) -> None:
    node.save_links((WITHIN,), SHELL)
    assert "drives away from a/West" in (node.links().links[0].note or "")
    node.save_links((replace(WITHIN, to_direction=RIGHT),), SHELL)
    assert node.links().links[0].note is None, "a street may turn back"


@pytest.mark.parametrize("damage", ["gone", "torn", "log"])
def test_links_are_told_though_their_times_cannot_be_read(node: Node, damage: str) -> None:
    node.save_links((LINK,), SHELL)
    since = UtcMicros((node.clock.utc() // MINUTE_US - 61) * MINUTE_US)
    node.store.append([replace(UNKNOWN, at=since, link=LINK.name, why="flow", sentence="Few.")])
    assert node.links().times[LINK.name].why == "flow"
    assert node.links().missing is None
    table = node.store.table(JOURNEYS)
    assert table is not None
    [rows] = table.folder.glob("day=*/*.parquet")
    if damage == "gone":
        rows.unlink()
    elif damage == "torn":
        rows.write_bytes(b"PAR1" + bytes(40))
    else:
        (table.folder / f"_delta_log/{2:020d}.json").write_text("{")
    told = node.links()
    assert [one.name for one in told.links] == [LINK.name]
    assert told.times == {}
    assert told.missing is not None
    assert told.missing.startswith("The links are as they are set, but the times that were")
    assert "damaged" in told.missing
    node.save_links((LINK, WITHIN), SHELL)
    assert [one.name for one in node.links().links] == [LINK.name, WITHIN.name]


def test_a_line_at_which_a_link_begins_cannot_be_renamed(node: Node, path: Path) -> None:
    node.save_links((LINK,), SHELL)
    before = path.read_text()
    east, west = setup_of(node).lines
    renamed = replace(setup_of(node), lines=(replace(east, name="Other"), west))
    with pytest.raises(WrongSetting, match='the link "Mill Road" begins or ends') as refused:
        node.save_setup(A, renamed, SHELL)
    assert refused.value.path == "lines"
    assert path.read_text() == before
