"""Failures that outlive a campaign: concrete steps in a Hypothesis example database, played first by the next one.

A directory by default; a Redis beside it makes several machines work on one campaign. What is kept is what a failure
needs to run again (`Failure.plain`), not what was drawn: it means the same after an action or a weight has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from hypothesis.database import (
    DirectoryBasedExampleDatabase,
    ExampleDatabase,
    InMemoryExampleDatabase,
    MultiplexedDatabase,
)

from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError
from holdfast.sim.failure import Failure

FOLDER: Final = PROJECT / ".hypothesis" / "holdfast"

NONE: Final = "none"
"""Instead of a database: forget everything."""

KEY: Final = b"holdfast: failing histories"

KEPT: Final = timedelta(days=365)
"""How long Redis keeps what nobody adds to."""

REDIS: Final = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, slots=True)
class Saved:
    """A failure as it was saved."""

    machine: str
    invariant: str
    plain: Mapping[str, Any]
    value: bytes

    def __str__(self) -> str:
        return f"{self.invariant} of machine {self.machine}, {len(self.plain['steps'])} steps"


class Failures:
    """What is saved."""

    def __init__(self, database: ExampleDatabase, shared: bool = False) -> None:
        self._database = database
        self.shared = shared  # others may add to it meanwhile

    def saved(self) -> list[Saved]:
        """All of them, in an order that doesn't depend on the database; what can't be read is left where it is."""
        found = []
        for value in sorted(self._database.fetch(KEY)):
            try:
                plain = json.loads(value)
                found.append(Saved(plain["machine"], plain["invariant"], plain, value))
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def save(self, machine: str, failure: Failure) -> None:
        plain = {**failure.plain(), "machine": machine}
        self._database.save(KEY, json.dumps(plain, sort_keys=True).encode())

    def drop(self, saved: Saved) -> None:
        self._database.delete(KEY, saved.value)


def open_database(where: str | None) -> Failures:
    """`where`: a folder, a Redis by its URL (then the usual folder, too), "none", or None for the usual folder.

    ConfigError where Redis doesn't answer.
    """
    if where == NONE:
        return Failures(InMemoryExampleDatabase())
    if where is not None and where.startswith(REDIS):
        return Failures(
            MultiplexedDatabase(DirectoryBasedExampleDatabase(FOLDER), _redis(where)), shared=True
        )
    if where is not None and "://" in where:
        raise ConfigError(f"--database {where}: not a folder, and not {' or '.join(REDIS)}…")
    return Failures(DirectoryBasedExampleDatabase(Path(where) if where else FOLDER))


def _redis(url: str) -> ExampleDatabase:
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis
        from redis.exceptions import RedisError
    except ImportError:
        raise ConfigError(
            "a Redis database needs the package redis: pip install 'holdfast[cluster]'"
        ) from None
    try:
        client = Redis.from_url(url)
        client.ping()
    except (RedisError, ValueError, OSError) as error:
        raise ConfigError(f"no Redis answers at {url}: {error}") from None
    return RedisExampleDatabase(client, expire_after=KEPT, key_prefix=b"holdfast:")
