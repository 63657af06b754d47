"""Serve: the console on a port, in a thread of its own, until it is stopped."""

import errno
import ipaddress
import socket
import threading

import uvicorn
from fastapi import FastAPI

from placewatch.console.app import STREAMS_MAX, ConsoleNode, create_app
from placewatch.core.errors import Misconfigured, Unavailable

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

START_S = 10.0
STOP_S = 2.0


class Server:
    """The console of `node` at `host` and `port`; port 0 takes a free one.

    `start` binds, and returns when the console answers; `address` is then the real one.
    `stop` ends all connections within a second, live streams too.
    """

    def __init__(self, node: ConsoleNode, host: str, port: int) -> None:
        self._node, self._host, self._port = node, host, port
        self._server: _Uvicorn | None = None
        self._thread: threading.Thread | None = None
        self._app: FastAPI | None = None
        self.address = ""

    def start(self) -> str:
        """Serves, and returns the address. Raises Misconfigured."""
        far = not is_loopback(self._host)
        if far and not self._node.users.all():
            raise Misconfigured(
                f"the console would listen on {self._host}, where others can reach it, "
                "and nobody could sign in",
                hint="placewatch user add NAME --role technician",
            )
        listener = _listen(self._host, self._port)
        self._app = create_app(
            self._node,
            require_sign_in=far,
            allowed_hosts=None if far else LOOPBACK_HOSTS,
        )
        config = uvicorn.Config(
            self._app,
            log_config=None,  # the node has its own log, and an access log holds addresses
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            forwarded_allow_ips=["127.0.0.1", "::1"],  # whatever the environment says
            limit_concurrency=4 * STREAMS_MAX,
            timeout_graceful_shutdown=1,
        )
        self._server = _Uvicorn(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="console", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(START_S):
            self.stop()
            raise Unavailable("the console did not start", hint="is this machine overloaded?")
        host, port = listener.getsockname()[:2]
        if ipaddress.ip_address(host).is_unspecified:  # no browser can go to "everywhere"
            host = socket.gethostname()
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        return self.address

    def stop(self) -> None:
        """Ends the console; twice is once."""
        if self._server is None or self._thread is None or self._app is None:
            return
        self._app.state.streams.close()
        self._server.should_exit = True
        self._thread.join(STOP_S)
        self._server = self._thread = self._app = None


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def is_loopback(host: str) -> bool:
    """Whether only this machine itself can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises Misconfigured, with what to try."""
    if not 0 <= port <= 65_535:
        raise Misconfigured(f"there is no port {port}", hint="take one from 1024 to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=128)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise Misconfigured(
                f"port {port} on {host} is in use",
                hint=f"is a node running already? See who holds it: ss -ltnp 'sport = :{port}'; "
                "or take another port, 0 for a free one",
            ) from error
        if number == errno.EACCES:
            raise Misconfigured(
                f"port {port} on {host} may not be used", hint="take one from 1024 up"
            ) from error
        raise Misconfigured(
            f"the console cannot listen on {host}",
            hint="take 127.0.0.1, or an address of this machine",
        ) from error
    return listener
