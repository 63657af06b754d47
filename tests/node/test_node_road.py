"""A node whose camera has an approach and a carriageway: from scenes to the store, the page and
the console, also when its ground is set up anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.measure.test_roadway import BOTH, street

from placewatch.core.acts import SHELL
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId
from placewatch.core.space import Point
from placewatch.core.time import MINUTE_US, SimulatedClock, UtcMicros, minute_of
from placewatch.measure.replay import Replay, on_plan
from placewatch.node import config, views
from placewatch.node.export import export_facts
from placewatch.node.node import Node
from placewatch.store.rows import FOOT_CROSSINGS, LANE_QUEUES, Shape

CAMERA = CameraId("kista-03")
QUARTER_US = 15 * MINUTE_US
# From straight above, so that everything may lie anywhere; and as from a roof, with a horizon.
PLAN = ((0.0, -40.0), (80.0, -40.0), (80.0, 40.0), (0.0, 40.0))
ROOF = ((200, 300, -20, 40), (1080, 300, 20, 40), (1280, 700, 12, 8), (0, 700, -12, 8))


def pixels(*points: Point) -> str:
    return str([[at.x_px, at.y_px] for at in map(on_plan, points)])


TOML = f"""
site = "Kista"
data = "data"
[[camera]]
id = "kista-03"
url = "street:main"
  [[camera.approach]]
  name = "East"
  corners_px = {pixels(Point(60, 2), Point(60, -2), Point(0, -2), Point(0, 2))}
  free_m_s = 10.0
  [[camera.carriageway]]
  name = "Mill Road"
  corners_px = {pixels(*BOTH.carriageways[0].corners)}
    [[camera.carriageway.crossing]]
    name = "Zebra"
    corners_px = {pixels(*BOTH.carriageways[0].crossings[0].corners)}
""" + "".join(
    f"[[camera.ground]]\nx_px = {on_plan(Point(x, y)).x_px}\ny_px = {on_plan(Point(x, y)).y_px}\n"
    f"x_m = {x}\ny_m = {y}\n"
    for x, y in PLAN
)


@pytest.fixture
def clock() -> SimulatedClock:
    clock = SimulatedClock()
    clock.sleep((QUARTER_US - clock.utc() % QUARTER_US) / 1e6)
    return clock


@pytest.fixture
def node(tmp_path: Path, clock: SimulatedClock) -> Iterator[Node]:
    """A node on whose camera two minutes of a street have passed, and then half an hour."""
    path = tmp_path / "placewatch.toml"
    path.write_text(TOML)
    made = Node(path, config.load(path), clock, demo=False)
    camera = made.cameras[CAMERA]
    camera._size_px = (1280, 720)
    camera.set_up(made.settings.camera[0], made.settings)
    start = clock.utc()
    for scene in Replay(CAMERA, start).scenes(street()):
        camera._meters.measure(scene)
    camera._meters.leave()
    minute = minute_of(start)
    for passed_s in (120.0, 60.0 * 28, 60.0):
        clock.sleep(passed_s)
        minute = made._tick(minute)
    yield made
    made.stop()


def test_a_queue_and_people_of_a_camera_are_stored_exported_and_told(
    node: Node, clock: SimulatedClock, tmp_path: Path
) -> None:
    since, until = UtcMicros(clock.utc() - 31 * MINUTE_US), clock.utc()

    def rows(shape: Shape) -> list[dict[str, object]]:
        table = node.store.table(shape)
        assert table is not None
        found: list[dict[str, object]] = table.between(since, until).to_pylist()
        return found

    (queue,) = rows(LANE_QUEUES)
    assert (queue["approach"], queue["vehicles_max"], queue["departures"]) == ("East", 3, 3)
    counts = [(row["crossing"], row["count"]) for row in rows(FOOT_CROSSINGS)]
    assert counts == [("Zebra", 5), (None, 1), ("Zebra", None), (None, None)], "then unknown"
    text = node.site_report(CAMERA, since, until)
    assert text is not None
    assert "<h2>Queues</h2>" in text
    assert "People crossing: Mill Road" in text
    place = node.place(CAMERA, since, until)
    assert place is not None
    assert [(one.approach, one.vehicles_max) for one in place.queues] == [("East", 3)]
    assert [one.count for one in place.crossings_on_foot] == [5, 1]
    out = tmp_path / "queues.csv"
    asked = "2000-01-01", "2100-01-01", "csv", str(out), "queues"
    assert export_facts(tmp_path / "placewatch.toml", *asked) == 1
    assert ",East,0," in out.read_text()


def test_a_ground_on_which_the_road_would_be_sky_is_refused_and_nothing_changes(
    node: Node, tmp_path: Path
) -> None:
    path = tmp_path / "placewatch.toml"
    before, meters = path.read_text(), node.cameras[CAMERA]._meters
    points = tuple(views.MetrePoint(*map(float, point)) for point in ROOF)
    setup = views.Setup((), (), views.GroundView(points))
    with pytest.raises(Misconfigured, match="which is no ground but sky"):
        node.save_setup(CAMERA, setup, SHELL)
    with pytest.raises(Misconfigured, match="no ground points"):
        node.save_setup(CAMERA, views.Setup((), (), None), SHELL)
    assert path.read_text() == before
    assert node.cameras[CAMERA]._meters is meters


def test_a_set_up_from_the_console_keeps_the_road(node: Node) -> None:
    camera = node.cameras[CAMERA]
    points = tuple(
        views.MetrePoint(on_plan(Point(x, y)).x_px, on_plan(Point(x, y)).y_px, x, y)
        for x, y in PLAN
    )
    line = views.LineView("A", (0.0, 0.0), (9.0, 9.0), None)
    node.save_setup(CAMERA, views.Setup((line,), (), views.GroundView(points)), SHELL)
    assert [one.name for one in camera.settings.approach] == ["East"]
    assert [one.name for one in camera._meters._road.road.carriageways] == ["Mill Road"]
