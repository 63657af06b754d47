"""A node with feeds: what it shows, what it says when they fail, and that nothing else suffers."""

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.transit.feeds import (
    NOW,
    NOW_S,
    Server,
    add_trip,
    add_vehicle,
    feed,
    served,
    two_buses,
    unix_s,
)

from placewatch.core.errors import Misconfigured
from placewatch.core.time import SimulatedClock, SystemClock
from placewatch.node import config
from placewatch.node.check import findings
from placewatch.node.node import Node
from placewatch.node.transit import RETRY_S_MAX, Transit, WatchedFeed, middle_of
from placewatch.node.vehicles import FeedView
from placewatch.node.views import to_json

ORIGIN = "[origin]\nlatitude_deg = 59.4035\nlongitude_deg = 17.9442\n"


def toml(url: str, more: str = "") -> str:
    return f"""
site = "Kista"
data = "data"
{ORIGIN}
[console]
port = 0
[[transit]]
name = "Buses"
url = "{url}"
operator = "Kista Transit"
attribution = "Kista Transit, CC0 1.0"
{more}
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with served(two_buses()) as told:
        yield told


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOW)


class Desk:
    """One feed whose turns the test makes."""

    def __init__(self, folder: Path, url: str, clock: SimulatedClock, more: str = "") -> None:
        self.clock = clock
        site = config.parse(toml(url, more))
        self.feed = WatchedFeed(site.transit[0], site, folder, clock)

    def turn(self) -> FeedView:
        """Reads the feed, and what is shown of it then."""
        self.wait_s = self.feed.turn()
        return self.feed.view(self.clock.utc())

    def view(self) -> FeedView:
        return self.feed.view(self.clock.utc())


def lines(view: FeedView) -> list[tuple[str | None, float | None]]:
    return [(one.line, one.delay_s) for one in view.vehicles]


def test_vehicles_are_shown_with_their_line_and_delay(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    desk = Desk(tmp_path, server.url, clock)
    assert desk.view().state == "starting"
    view = desk.turn()
    assert (view.state, view.why, view.notes, view.since) == ("fresh", None, (), NOW)
    assert lines(view) == [("4", 300.0), ("178", 0.0)]
    assert view.attribution == "Kista Transit, CC0 1.0"
    assert desk.wait_s == 15


def test_delays_may_be_a_feed_of_their_own_and_that_may_fail_alone(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    positions = feed()
    add_vehicle(positions, trip="a")
    server.content = positions.SerializeToString()
    delays = feed()
    add_trip(delays, "a", 240, route="4")
    with served(delays.SerializeToString()) as other:
        desk = Desk(tmp_path, server.url, clock, f'delays_url = "{other.url}"')
        assert lines(desk.turn()) == [("4", 240.0)]
        other.status = 500
        clock.sleep(15)
        view = desk.turn()
        assert (view.state, lines(view)) == ("fresh", [("4", 240.0)])
        assert desk.wait_s == 15, "who waits for delays does not wait for positions"
        asked = len(other.asked)
        clock.sleep(15)
        assert desk.turn().why == view.why
        assert len(other.asked) == asked, "it is asked less often, too"
        assert view.why is not None
        assert view.why.startswith("Delays: The server 127.0.0.1 answered 500")
        clock.sleep(700)
        server.content = two_buses(NOW_S + 700)
        assert lines(desk.turn()) == [("4", None), ("178", None)], "a delay of long ago is unknown"


def test_a_line_is_called_as_in_the_timetable(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    (tmp_path / "gtfs").mkdir()
    routes = tmp_path / "gtfs/routes.txt"
    desk = Desk(tmp_path, server.url, clock, 'timetable = "gtfs"')
    view = desk.turn()
    assert lines(view) == [("4", 300.0), ("178", 0.0)]
    assert view.why is not None
    assert "has no routes.txt" in view.why
    routes.write_text("route_id,route_short_name\n4,Blue\n")
    view = desk.turn()
    assert ([line for line, _ in lines(view)], view.why) == (["178", "Blue"], None)


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"<html>Sorry</html>", 200, "It is a web page, not a feed (take"),
        (b"", 403, "The server 127.0.0.1 refuses the login (403) (is the key"),
        (b"", 200, "It is empty"),
        (two_buses()[:-4], 200, "It cannot be decoded"),
        (two_buses(NOW_S + 600), 200, "Its time is 10 min ahead of the node's"),
    ],
)
def test_a_bad_feed_is_one_sentence_and_comes_back_when_it_is_good(
    server: Server,
    tmp_path: Path,
    clock: SimulatedClock,
    content: bytes,
    status: int,
    told: str,
) -> None:
    desk = Desk(tmp_path, server.url, clock)
    good, server.content, server.status = server.content, content, status
    server.etag = '"bad"'
    for _ in range(2):
        view = desk.turn()
        assert (view.state, view.vehicles) == ("silent", ())
        assert view.why is not None
        assert view.why.startswith(told)
        assert view.why.endswith(").")
    server.content, server.status, server.etag = good, 200, '"good"'
    view = desk.turn()
    assert (view.state, view.why, len(view.vehicles)) == ("fresh", None, 2)


def test_who_was_bad_before_and_says_the_same_is_still_bad(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    """An answer 304 means the bytes that were refused."""
    server.content, server.etag = b"<html>", '"x"'
    desk = Desk(tmp_path, server.url, clock)
    for _ in range(3):
        assert desk.turn().why is not None


def test_a_feed_that_stops_is_shown_as_old_then_silent_then_gone(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    desk = Desk(tmp_path, server.url, clock)
    desk.turn()
    server.status = 503
    clock.sleep(60)
    view = desk.turn()
    assert (view.state, len(view.vehicles)) == ("fresh", 2)
    assert view.why is not None
    clock.sleep(100)
    view = desk.view()
    assert (view.state, view.since, len(view.vehicles)) == ("silent", NOW, 2)
    clock.sleep(500)
    assert desk.view().vehicles == ()


def test_a_feed_that_answers_the_same_for_long_is_silent(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    server.etag = '"one"'
    desk = Desk(tmp_path, server.url, clock)
    desk.turn()
    clock.sleep(125)
    view = desk.turn()
    assert (view.state, view.why) == ("silent", "It answers, but brings nothing new.")
    server.etag, server.content = '"two"', feed(at_s=NOW_S + 120).SerializeToString()
    view = desk.turn()
    assert (view.state, view.vehicles) == ("fresh", ()), "nobody drives at night"


def test_a_server_that_fails_is_asked_less_and_less_often(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    desk = Desk(tmp_path, server.url, clock)
    server.status = 500
    waits = []
    for _ in range(7):
        desk.turn()
        waits.append(desk.wait_s)
    assert waits == [30, 60, 120, 240, RETRY_S_MAX, RETRY_S_MAX, RETRY_S_MAX]
    server.headers = {"Retry-After": "900"}
    desk.turn()
    assert desk.wait_s == 900
    server.status = 200
    desk.turn()
    assert desk.wait_s == 15


def test_what_is_left_out_is_counted_in_words(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    message = feed()
    add_vehicle(message, "a", latitude_deg=0, longitude_deg=0)
    add_vehicle(message, "b", at_s=NOW_S + 900)
    add_vehicle(message, "c")
    add_vehicle(message, "c")
    server.content = message.SerializeToString()
    desk = Desk(tmp_path, server.url, clock)
    [note] = desk.turn().notes
    assert "1 without a usable position" in note
    assert "1 with a time to come" in note
    assert "1 there twice" in note


def test_a_feed_of_delays_in_the_place_of_positions_is_told(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    message = feed()
    add_trip(message, "a", 60)
    server.content = message.SerializeToString()
    [note] = Desk(tmp_path, server.url, clock).turn().notes
    assert "may be the address of the delays" in note
    message = feed()
    add_vehicle(message, north_m=80_000)
    server.content = message.SerializeToString()
    [note] = Desk(tmp_path, server.url, clock).turn().notes
    assert note == "None of its 1 vehicles is within 10 km."


def test_a_login_file_opens_the_feed_and_is_never_told(
    server: Server, tmp_path: Path, clock: SimulatedClock
) -> None:
    desk = Desk(tmp_path, server.url, clock, 'login_file = "key"')
    assert "cannot be read" in (desk.turn().why or "")
    (tmp_path / "key").write_text("0123secret")
    why = desk.turn().why or ""
    assert "is not understood" in why
    assert "0123secret" not in why
    (tmp_path / "key").write_text("X-Api-Key: 0123secret\n")
    assert desk.turn().why is None
    assert server.asked[-1]["x-api-key"] == "0123secret"
    server.status = 403
    assert "refuses the login" in (desk.turn().why or "")
    (tmp_path / "key").write_text("X-Api-Key: another\n")
    server.status = 200
    assert desk.turn().why is None
    assert server.asked[-1]["x-api-key"] == "another", "a new key needs no restart"


# The whole node


def test_a_node_shows_vehicles_and_stores_nothing_of_them(server: Server, tmp_path: Path) -> None:
    told = threading.Event()
    message = feed(at_s=unix_s())
    vehicle = add_vehicle(message, "OPERATOR-ID-1001", trip="TRIP-a", route="4", at_s=unix_s())
    vehicle.vehicle.license_plate = "ABC 123"
    vehicle.vehicle.label = "FLEET-77"
    server.content = message.SerializeToString()
    server.before = told.set
    path = tmp_path / "placewatch.toml"
    path.write_text(toml(server.url))
    node = Node(path, config.load(path), SystemClock(), demo=False)
    node.start()
    try:
        assert told.wait(10)
        for _ in range(500):
            [shown] = node.transit().feeds
            if shown.vehicles:
                break
            threading.Event().wait(0.02)
        assert [one.line for one in shown.vehicles] == ["4"]
        body = to_json(node.transit())
    finally:
        node.stop()
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    for secret in ("OPERATOR-ID-1001", "TRIP-a", "ABC 123", "FLEET-77"):
        assert secret not in body
        assert not [one for one in kept if secret.encode() in one]
    assert not [one for one in kept if shown.vehicles[0].id.encode() in one]


def test_a_node_whose_feed_hangs_starts_and_stops_all_the_same(
    server: Server, tmp_path: Path
) -> None:
    asked, leaving = threading.Event(), threading.Event()

    def hang() -> None:
        asked.set()
        leaving.wait(20)

    server.before = hang
    path = tmp_path / "placewatch.toml"
    path.write_text(toml(server.url))
    node = Node(path, config.load(path), SystemClock(), demo=False)
    node.start()
    assert asked.wait(10)
    assert node.transit().feeds[0].state == "starting"
    node.stop()
    [reading] = [one for one in threading.enumerate() if one.name == "feed Buses"]
    assert reading.is_alive(), "nobody waited for its answer"
    leaving.set()
    reading.join(10)


def test_a_mistake_in_the_reading_ends_that_feed_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: object
) -> None:
    site = config.parse(toml(server.url))
    transit = Transit(site, tmp_path, SystemClock())
    [watched] = transit._feeds

    def broken() -> float:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(watched, "turn", broken)
    transit.start()
    watched._thread.join(5)
    [view] = transit.view().feeds
    assert (view.state, view.why) == (
        "silent",
        "A mistake in placewatch ended it; the node's log has more.",
    )


# Settings and their check


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("every_s = 1", "every_s"),
        ("old_after_s = 700", "less than old_after_s"),
        ('delays_url = "ftp://a/b"', "no address of a feed"),
        ('delays_url = "https://user:secret@a/b"', "holds a login"),
        ('licence = "CC0"', "there is no such setting"),
        ("within_m = 1e9", "within_m"),
    ],
)
def test_settings_that_are_wrong_name_their_key(more: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told) as error:
        config.parse(toml("feed.pb", more))
    assert "transit" in error.value.message
    assert "secret" not in str(error.value)


def test_a_feed_needs_a_site_a_name_of_its_own_and_somebody_to_thank() -> None:
    with pytest.raises(Misconfigured, match="where the site is"):
        config.parse(toml("a.pb").replace(ORIGIN, ""))
    two = (
        toml("a.pb")
        + toml("b.pb").partition("[[transit]]")[1]
        + toml("b.pb").partition("[[transit]]")[2]
    )
    with pytest.raises(Misconfigured, match="the name of two feeds"):
        config.parse(two)
    with pytest.raises(Misconfigured, match="attribution: is empty"):
        config.parse(toml("a.pb").replace("Kista Transit, CC0 1.0", " "))


def test_without_an_origin_the_cameras_say_where_the_site_is() -> None:
    camera = '[[camera]]\nid = "{}"\nurl = "street:main"\n[camera.position]\n'
    camera += "latitude_deg = {}\nlongitude_deg = 18\n"
    site = config.parse(
        toml("a.pb").replace(ORIGIN, "") + camera.format("a", 59) + camera.format("b", 60)
    )
    middle = middle_of(site)
    assert (middle.latitude_deg, middle.longitude_deg) == (59.5, 18)
    with pytest.raises(Misconfigured):
        middle_of(dataclasses.replace(site, camera=()))


def told_by_check(folder: Path, text: str) -> list[tuple[str, bool]]:
    (folder / "placewatch.toml").write_text(text)
    return [
        (one.text, one.wrong)
        for one in findings(folder / "placewatch.toml", SimulatedClock(NOW))
        if one.text.startswith("Buses")
    ]


def test_check_reads_the_feed_once_and_says_what_it_found(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told_by_check(tmp_path, toml(server.url))
    assert found == [("Buses: 2 vehicles near the site, 2 with a delay", False)]
    (tmp_path / "key").write_text("X-Api-Key: a")
    (tmp_path / "key").chmod(0o644)
    found = told_by_check(tmp_path, toml(server.url, 'login_file = "key"'))
    assert [wrong for _, wrong in found] == [False, False, False]
    assert "chmod 600" in found[0][0]
    assert "for all to read" in found[1][0]
    server.status = 403
    [(text, wrong)] = told_by_check(tmp_path, toml(server.url))
    assert wrong
    assert "refuses the login (403)" in text
    assert capsys.readouterr() == ("", ""), "a check says what it finds to who asked, and no more"
