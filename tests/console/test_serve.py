"""The console on a real port, with real streams."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.console.fake_node import AT, PASSWORD, STREET, FakeNode, users

from placewatch.console import events
from placewatch.console.serve import Server
from placewatch.core.acts import Role
from placewatch.core.errors import Misconfigured
from placewatch.core.ids import CameraId
from placewatch.core.kinds import Direction, Kind
from placewatch.core.time import UtcMicros
from placewatch.node.live import CROSSINGS_MAX, SCENES_MAX, Live, Subscription
from placewatch.node.views import CrossingView, SceneView, ShapeView


@pytest.fixture
def server(node: FakeNode) -> Iterator[Server]:
    server = Server(node, "127.0.0.1", 0)
    server.start()
    yield server
    server.stop()


class Stream:
    """A browser's live stream: `next` waits for the next event of a name."""

    def __init__(self, address: str, query: str = "", cookie: str = "") -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
        self._connection.request("GET", f"/api/events{query}", headers={"Cookie": cookie})
        self.answer = self._connection.getresponse()

    def next(self, event: str) -> dict[str, object]:
        while True:
            line = self.answer.readline()
            assert line, "the stream ended"
            if line == f"event: {event}\n".encode():
                data = self.answer.readline()
                assert data.startswith(b"data: ")
                found: dict[str, object] = json.loads(data[6:])
                return found

    def rest(self) -> bytes:
        """All until the stream ends."""
        return self.answer.read()

    def close(self) -> None:
        self.answer.close()
        self._connection.close()


def crossing(camera: str = STREET) -> CrossingView:
    return CrossingView(CameraId(camera), "A", Kind.CAR, Direction.LEFT_TO_RIGHT, AT, None)


def scene(at: UtcMicros) -> SceneView:
    shape = ShapeView("0af3", Kind.BUS, (0.1, 0.2, 0.3, 0.4), 90.0, None, True)
    return SceneView(at, 1.5, 0.2, (shape,))


def later(at: UtcMicros, milliseconds: int) -> UtcMicros:
    return UtcMicros(at + milliseconds * 1000)


def test_a_watcher_sees_the_street_move(server: Server, node: FakeNode) -> None:
    stream = Stream(server.address, "?camera=street")
    assert stream.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.next("cameras")["cameras"]
    node.live.scene(STREET, scene(AT))
    shown = stream.next("scene")
    assert shown["at"] == "2026-11-23T10:00:00Z"
    assert shown["shapes"] == [
        {
            "id": "0af3",
            "kind": "bus",
            "box": [0.1, 0.2, 0.3, 0.4],
            "heading_deg": 90.0,
            "speed_m_s": None,
            "seen": True,
        }
    ]
    node.live.crossing(crossing("elsewhere"))
    assert stream.next("crossing")["camera"] == "elsewhere"
    node.live.setup(STREET)
    assert stream.next("setup") == {"camera": "street"}
    assert stream.next("cameras")["cameras"]
    stream.close()


def test_the_wall_of_all_cameras_gets_ticks_but_no_scenes(server: Server, node: FakeNode) -> None:
    stream = Stream(server.address)
    stream.next("cameras")
    assert not node.live.wants_scene(STREET, AT)
    node.live.scene(STREET, scene(AT))
    node.live.crossing(crossing())
    stream.next("crossing")
    server.stop()
    assert b"event: scene" not in stream.rest()
    stream.close()


def test_a_node_that_stops_ends_its_streams_and_lets_go_of_its_port(node: FakeNode) -> None:
    server = Server(node, "127.0.0.1", 0)
    address = server.start()
    streams = [Stream(address, "?camera=street") for _ in range(5)]
    for stream in streams:
        stream.next("cameras")
    thread = server._thread
    assert thread is not None
    server.stop()
    assert not thread.is_alive()  # within the 2 s that stop waits at most
    for stream in streams:
        stream.rest()  # ends; it would time out otherwise
        stream.close()
    server.stop()
    again = Server(node, "127.0.0.1", urlsplit(address).port or 0)
    again.start()
    again.stop()
    assert not node.live.wants_scene(STREET, AT)


def test_a_browser_that_leaves_is_forgotten(
    server: Server, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream(server.address, "?camera=street")
    stream.next("cameras")
    assert node.live.wants_scene(STREET, AT)
    left = threading.Event()
    leave = node.live.leave

    def leave_and_tell(who: Subscription) -> None:
        leave(who)
        left.set()

    monkeypatch.setattr(node.live, "leave", leave_and_tell)
    stream.close()
    assert left.wait(10)
    assert not node.live.wants_scene(STREET, AT)


def test_one_page_too_many_is_told_to_wait(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server._app is not None
    monkeypatch.setattr(server._app.state.streams, "_limit", 1)
    stream = Stream(server.address)
    stream.next("cameras")
    answer = httpx.get(f"{server.address}/api/events")
    assert answer.status_code == 503
    assert "watch already" in answer.json()["error"]["message"]
    stream.close()


def test_all_pages_together_ask_the_node_once_a_second(server: Server, node: FakeNode) -> None:
    streams = [Stream(server.address) for _ in range(8)]
    for stream in streams:
        stream.next("cameras")
        stream.next("cameras")
    assert node.pulses <= 8
    for stream in streams:
        stream.close()


def test_a_stream_of_an_unknown_camera_is_none(server: Server) -> None:
    assert httpx.get(f"{server.address}/api/events?camera=nowhere").status_code == 404


def test_whoever_is_signed_out_sees_no_more(guarded: FakeNode) -> None:
    server = Server(guarded, "127.0.0.1", 0)
    address = server.start()
    page = {"X-Placewatch": "console"}
    with httpx.Client(base_url=address, headers=page) as client:
        body = {"user": Role.VIEWER, "password": PASSWORD}
        assert client.post("/api/session", json=body).status_code == 200
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        stream = Stream(address, cookie=cookie)
        stream.next("cameras")
        client.delete("/api/session")
    stream.rest()  # ends; it would time out otherwise
    stream.close()
    server.stop()


def test_a_quiet_stream_is_kept_open_by_a_comment(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.0)
    stream = Stream(server.address)
    stream.next("cameras")
    stream.next("cameras")
    server.stop()
    assert stream.answer.status == 200
    stream.close()


def test_a_slow_browser_loses_the_oldest_and_never_a_change() -> None:
    live, woken = Live(), []
    slow = live.subscribe(STREET, lambda: woken.append(1))
    at = AT
    for _ in range(50):
        at = later(at, 100)
        live.scene(STREET, scene(at))
    for _ in range(CROSSINGS_MAX + 10):
        live.crossing(crossing())
    live.setup(STREET)
    live.setup(STREET)
    names = [message.event for message in slow.take()]
    assert names == ["setup"] + ["crossing"] * CROSSINGS_MAX + ["scene"] * SCENES_MAX
    assert slow.crossings_lost == 10
    assert not slow.take()
    live.leave(slow)
    live.leave(slow)
    live.crossing(crossing())
    assert not slow.take()
    assert woken


def test_a_browser_gets_twelve_scenes_a_second_of_a_camera_with_more() -> None:
    live = Live()
    watcher = live.subscribe(STREET, lambda: None)
    shown = 0
    for frame in range(250):
        live.scene(STREET, scene(later(AT, frame * 40)))
        shown += len(watcher.take())
    assert 80 <= shown <= 120  # of 10 s; the 25 frames/s allow every third
    live.scene(STREET, scene(later(AT, -60_000)))  # a recording that begins anew
    assert watcher.take()


def test_a_port_in_use_is_said_with_what_to_try(node: FakeNode, server: Server) -> None:
    port = urlsplit(server.address).port or 0
    with pytest.raises(Misconfigured, match=f"port {port} on 127.0.0.1 is in use") as refused:
        Server(node, "127.0.0.1", port).start()
    assert "ss -ltnp" in refused.value.hint


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1", "a" * 300, "\ud800"])
def test_an_address_that_is_not_ours_is_said_with_what_to_try(guarded: FakeNode, host: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Server(guarded, host, 0).start()
    assert refused.value.hint


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_is_none_is_said_with_what_to_try(node: FakeNode, port: int) -> None:
    with pytest.raises(Misconfigured) as refused:
        Server(node, "127.0.0.1", port).start()
    assert refused.value.hint


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_a_console_that_others_can_reach_needs_a_user_first(node: FakeNode, host: str) -> None:
    with pytest.raises(Misconfigured, match="nobody could sign in") as refused:
        Server(node, host, 0).start()
    assert refused.value.hint == "placewatch user add NAME --role technician"


def test_a_console_that_others_can_reach_asks_for_a_sign_in(tmp_path: Path) -> None:
    node = FakeNode(tmp_path, users())
    server = Server(node, "0.0.0.0", 0)
    port = urlsplit(server.start()).port
    answer = httpx.get(f"http://127.0.0.1:{port}/api/site", headers={"Host": "city.example"})
    assert answer.status_code == 401
    node.users.users.clear()  # the last user is disabled: it does not open up
    assert httpx.get(f"http://127.0.0.1:{port}/api/site").status_code == 401
    server.stop()


def test_bytes_that_are_no_request_are_refused(server: Server) -> None:
    port = urlsplit(server.address).port or 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"\x16\x03\x01 hello over TLS\r\n\r\n")
        assert b"400" in raw.recv(1000)
