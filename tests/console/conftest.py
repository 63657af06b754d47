"""Conftest: a console in memory, and a browser that asks it without a network."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that tests import the fakes beside them

from tests.console.browser import Browser
from tests.console.fake_node import FakeNode, users

from placewatch.core.acts import Role


@pytest.fixture
def node(tmp_path: Path) -> Iterator[FakeNode]:
    """A node on loopback, where nobody has to sign in."""
    node = FakeNode(tmp_path)
    yield node
    node.journal.close()


@pytest.fixture
def browser(node: FakeNode) -> Browser:
    """A browser at that machine."""
    return Browser(node)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[FakeNode]:
    """A node with a viewer, a technician and an operator, who sign in by their role."""
    node = FakeNode(tmp_path, users())
    yield node
    node.journal.close()


@pytest.fixture
def sign_in(guarded: FakeNode) -> Callable[[Role], Browser]:
    """A browser in which somebody of that role has signed in."""
    console = Browser(guarded)

    def signed_in(role: Role) -> Browser:
        browser = Browser(guarded, app=console.app)
        browser.sign_in(role)
        return browser

    return signed_in
