"""One world of each kind for all tests here: histories persist nothing, so it can be shared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from holdfast.sim.world import World

Opened = Callable[[str], World]


@pytest.fixture(scope="session")
def opened() -> Iterator[Opened]:
    """A world by its name, opened when it is first asked for."""
    worlds: dict[str, World] = {}
    with ExitStack() as stack:

        def world(name: str) -> World:
            if name not in worlds:
                worlds[name] = stack.enter_context(World.open(name))
            return worlds[name]

        yield world
