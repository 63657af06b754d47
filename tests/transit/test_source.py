"""Fetching a feed from a real server: only what is new, and one sentence for what goes wrong."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.transit.feeds import Server, served, two_buses

from placewatch.core.errors import Misconfigured, PlacewatchError, Rejected, Unavailable
from placewatch.core.time import SystemClock
from placewatch.transit import source as module
from placewatch.transit.source import HttpSource, Login, login_of, open_source

FEED = two_buses()
CLOCK = SystemClock()


@pytest.fixture
def server() -> Iterator[Server]:
    with served(FEED) as told:
        yield told


def http(server: Server, login: Login | None = None, *, wait_s: float = 5.0) -> HttpSource:
    return HttpSource(server.url, CLOCK, login, wait_s=wait_s)


def test_what_did_not_change_is_not_sent_again(server: Server) -> None:
    server.etag = '"one"'
    source = http(server)
    assert source.fetch() == FEED
    assert source.fetch() is None
    assert server.asked[1]["if-none-match"] == '"one"'
    server.etag, server.content = '"two"', FEED[:-1]
    assert source.fetch() == FEED[:-1]


def test_a_feed_that_comes_packed_is_unpacked(server: Server) -> None:
    server.packs = True
    assert http(server).fetch() == FEED


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "wants a login"),
        (403, "refuses the login"),
        (404, "no feed at this address"),
        (429, "less often"),
        (500, "answered 500"),
        (503, "answered 503"),
    ],
)
def test_a_refusal_is_told_in_a_sentence_and_may_end(
    server: Server, status: int, told: str
) -> None:
    source = http(server)
    server.status = status
    with pytest.raises(Unavailable, match=told) as error:
        source.fetch()
    assert str(status) in error.value.message
    server.status = 200
    assert source.fetch() == FEED


def test_a_server_that_says_when_to_come_back_is_heard(server: Server) -> None:
    source = http(server)
    server.status, server.headers = 429, {"Retry-After": "90"}
    with pytest.raises(Unavailable):
        source.fetch()
    assert source.retry_after_s == 90
    server.headers = {"Retry-After": "99999999"}
    with pytest.raises(Unavailable):
        source.fetch()
    assert source.retry_after_s == module.RETRY_AFTER_S_MAX


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_the_login_goes_nowhere_else(server: Server, status: int) -> None:
    with served(FEED) as other:
        server.status = status
        server.headers = {"Location": f"{other.url}?key=secret"}
        login = Login(header=("X-Api-Key", "secret"))
        with pytest.raises(Misconfigured, match="elsewhere") as error:
            http(server, login).fetch()
        assert other.asked == []
        assert other.url in error.value.message
        assert "secret" not in str(error.value)


def test_who_is_slow_to_begin_or_to_end_is_given_up(server: Server) -> None:
    waiting = threading.Event()

    def hang() -> None:
        waiting.wait(3)

    server.before = hang
    with pytest.raises(Unavailable, match="within"):
        http(server, wait_s=0.2).fetch()
    waiting.set()
    server.drips_s = 0.05
    with pytest.raises(Unavailable, match="within"):
        http(server, wait_s=0.3).fetch()


@pytest.mark.parametrize("packs", [False, True])
def test_what_is_too_large_is_not_taken(
    server: Server, monkeypatch: pytest.MonkeyPatch, packs: bool
) -> None:
    monkeypatch.setattr(module, "BYTES_MAX", 100_000)
    server.content, server.packs = bytes(5_000_000), packs
    with pytest.raises(Rejected, match="more than"):
        http(server).fetch()
    server.content = bytes(100_000)
    assert http(server).fetch() == bytes(100_000)


def test_an_answer_that_breaks_off_is_none(server: Server) -> None:
    server.headers = {"Content-Length": str(len(FEED) + 9), "Connection": "close"}
    with pytest.raises(Unavailable, match=r"broke off|cannot be reached"):
        http(server).fetch()


def test_who_is_not_there_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        HttpSource(f"http://127.0.0.1:{port}/", CLOCK).fetch()
    with pytest.raises(Unavailable, match="cannot be reached"):
        HttpSource("http://nowhere.invalid/feed", CLOCK).fetch()


def test_a_server_that_speaks_something_else_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Unavailable, match="cannot be reached"):
            HttpSource(f"http://127.0.0.1:{listening.getsockname()[1]}/", CLOCK).fetch()
        thread.join(5)


# Logins


def test_a_login_goes_along_in_each_of_three_ways_and_is_never_shown(server: Server) -> None:
    for line, name, value in (
        ("bus:pass:word\n", "authorization", "Basic YnVzOnBhc3M6d29yZA=="),
        ("X-Api-Key: 0123secret\n", "x-api-key", "0123secret"),
        ("Authorization: Bearer ab.cd", "authorization", "Bearer ab.cd"),
    ):
        login = login_of(line)
        assert "secret" not in repr(login)
        http(server, login).fetch()
        assert server.asked[-1][name] == value
    http(server, login_of("?key=0123secret&v=2")).fetch()
    assert server.paths[-1] == "/feed.pb?key=0123secret&v=2"
    server.status = 403
    with pytest.raises(PlacewatchError) as error:
        http(server, login_of("?key=0123secret")).fetch()
    assert "0123secret" not in str(error.value)


@pytest.mark.parametrize("line", ["", "word", "a\nb:c", "X Y: z", ":", "?", "a: \x07"])
def test_a_login_that_is_none_is_told_without_being_shown(line: str) -> None:
    with pytest.raises(Misconfigured) as error:
        login_of(line)
    assert len(line) < 3 or line not in str(error.value)


# Files


def test_a_file_is_read_again_when_it_was_written_again(tmp_path: Path) -> None:
    source = open_source("feed.pb", tmp_path, CLOCK)
    with pytest.raises(Unavailable, match=r"feed\.pb cannot be read"):
        source.fetch()
    (tmp_path / "feed.pb").write_bytes(FEED)
    assert source.fetch() == FEED
    assert source.fetch() is None
    (tmp_path / "feed.new").write_bytes(FEED[:-1])
    (tmp_path / "feed.new").rename(tmp_path / "feed.pb")
    assert source.fetch() == FEED[:-1]


def test_a_file_that_is_too_large_or_a_folder_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BYTES_MAX", 10)
    (tmp_path / "feed.pb").write_bytes(FEED)
    with pytest.raises(Rejected, match="more than"):
        open_source("feed.pb", tmp_path, CLOCK).fetch()
    with pytest.raises(Unavailable, match="cannot be read"):
        open_source(".", tmp_path, CLOCK).fetch()
