"""a Dask cluster
├── two workers                 -> the same counts as on this machine alone; an auditor's file travels with the work
├── afterwards                  -> the workers stay, the Anvils that they started for it don't
└── no workers                  -> ConfigError
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("distributed", reason="the extra `cluster` isn't installed")

from distributed import LocalCluster

from holdfast.errors import ConfigError
from holdfast.fuzz.outcome import Plan
from holdfast.fuzz.runner import Campaign

from .test_runner import counts


@pytest.fixture
def cluster() -> Iterator[Any]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as running:
        running.wait_for_workers(2)
        yield running


def _anvils() -> int:
    """How many Anvils there are under this process."""
    found, waiting = 0, [os.getpid()]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            children = [int(pid) for pid in task.read_text().split()]
            waiting += children
            found += sum("anvil" in Path(f"/proc/{pid}/comm").read_text() for pid in children)
    return found


@pytest.mark.usefixtures("registry")
def test_dask__two_workers__same_counts(cluster: Any, plan: Callable[..., Plan], never: Path) -> None:
    before = _anvils()
    changes = {"examples": 2, "workers": None, "extras": (never,)}
    outcome = Campaign(plan(**changes, dask=cluster.scheduler_address)).run()

    assert outcome.workers == 2
    assert [found.failure.invariant for found in outcome.found] == ["INV-90"]
    assert _anvils() == before
    assert len(cluster.scheduler_info["workers"]) == 2
    assert counts(outcome) == counts(Campaign(plan(**changes | {"workers": 1, "database": "none"})).run())


def test_dask__no_workers__refused(plan: Callable[..., Plan]) -> None:
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=None, silence_logs=50) as empty,
        pytest.raises(ConfigError, match="has no workers"),
    ):
        Campaign(plan(dask=empty.scheduler_address)).run()
