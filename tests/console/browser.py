"""Browser: asks a console in memory as its own page would."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI
from tests.console.fake_node import PASSWORD, FakeNode

from placewatch.console.app import create_app
from placewatch.console.serve import LOOPBACK_HOSTS

OUR_PAGE = {"X-Placewatch": "console"}
SETUP = "/api/cameras/street/setup"


class Browser:
    """Keeps cookies from request to request. `near` is whether it runs on the node's machine."""

    def __init__(
        self,
        node: FakeNode,
        *,
        app: FastAPI | None = None,
        demanded: bool = False,
        base: str = "http://127.0.0.1:8420",
        address: str = "127.0.0.1",
        **options: Any,
    ) -> None:
        self.app = app or create_app(
            node, require_sign_in=demanded, allowed_hosts=LOOPBACK_HOSTS, **options
        )
        self.cookies = httpx.Cookies()
        self.raises = True  # a bug of the console ends the test that meets it
        self._base, self._address = base, address

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request. Whatever changes something carries the page's headers, unless given."""
        if method not in ("GET", "HEAD"):
            options.setdefault("headers", {**OUR_PAGE, "Origin": self._base})

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(
                self.app, raise_app_exceptions=self.raises, client=(self._address, 50_000)
            )
            async with httpx.AsyncClient(
                transport=transport, base_url=self._base, cookies=self.cookies
            ) as client:
                response = await client.request(method, path, **options)
                self.cookies = client.cookies
                return response

        return asyncio.run(asked())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def put(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return self.ask("PUT", path, json=json, **options)

    def post(self, path: str, json: Any, **options: Any) -> httpx.Response:
        return self.ask("POST", path, json=json, **options)

    def sign_in(self, name: str, password: str = PASSWORD) -> httpx.Response:
        return self.post("/api/session", {"user": name, "password": password})


def drawing(*names: str, **more: Any) -> dict[str, Any]:
    """A setup with lines of these names across the street."""
    lines = [{"name": name, "from_px": [100, 100], "to_px": [100, 400]} for name in names]
    return {"lines": lines, "areas": [], "ground": None, **more}
