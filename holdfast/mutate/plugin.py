"""pytest's side of a run on a mutant: which tests, in which order, and which one failed first.

Loaded by `-p holdfast.mutate.plugin`. What to do stands in the file that HOLDFAST_MUTATE names:

    order    names of tests, to be run in this order and none beside them; null: all, as collected
    record   true: note what each test costs, and which contracts are deployed for it
    out      the file for the answer
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from holdfast.chain.artifacts import Artifact
from holdfast.mutate import files
from holdfast.mutate.suite import TASK_VARIABLE


class Watch:
    def __init__(self, task: dict[str, Any]) -> None:
        self.order: list[str] | None = task["order"]
        self.recording: bool = task["record"]
        self.out = Path(task["out"])
        self.failed: dict[str, Any] | None = None
        self.tests: dict[str, dict[str, Any]] = {}
        self.began = time.monotonic()
        self._deployed: dict[Any, set[str]] = {}  # by fixture definition
        self._open: list[set[str]] = []  # what is being set up or called now

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        if self.order is None:
            return
        by_name = {item.nodeid: item for item in items}
        chosen = [by_name[name] for name in self.order if name in by_name]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = self.tests.setdefault(report.nodeid, {"seconds": 0.0, "passed": True, "deployed": []})
        test["seconds"] = round(test["seconds"] + report.duration, 4)
        if report.failed:
            test["passed"] = False
            if self.failed is None:
                self.failed = {"test": report.nodeid, "phase": report.when, "reason": _reason(report)}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self.failed is None:
            self.failed = {"test": report.nodeid, "phase": "collect", "reason": _reason(report)}

    def pytest_sessionfinish(self) -> None:
        answer = {
            "failed": self.failed,
            "seconds": round(time.monotonic() - self.began, 2),
            "tests": self.tests if self.recording else {},
        }
        files.write_json(self.out, answer)

    # Which contracts a test sees: those deployed by itself, and by the fixtures it uses

    def deployed(self, name: str) -> None:
        for names in self._open:
            names.add(name)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        names: set[str] = set()
        self._open.append(names)
        try:
            return (yield)
        finally:
            self._open.pop()
            self._deployed[fixturedef] = names

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        names: set[str] = set()
        self._open.append(names)
        try:
            return (yield)
        finally:
            self._open.pop()
            known: dict[str, Any] = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009
            for definitions in known.values():
                for definition in definitions:
                    names |= self._deployed.get(definition, set())
            if item.nodeid in self.tests:
                self.tests[item.nodeid]["deployed"] = sorted(names)


def _reason(report: Any) -> str:
    """The line that says what was wrong."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message) if crash is not None else str(report.longrepr)
    return " ".join(text.split())[:300]


def pytest_configure(config: pytest.Config) -> None:
    task = json.loads(Path(os.environ[TASK_VARIABLE]).read_text())
    watch = Watch(task)
    config.pluginmanager.register(watch, "holdfast-mutate")
    # The first failing example decides; making it small would only take time.
    settings.register_profile("mutate", phases=(Phase.explicit, Phase.generate), database=None, deadline=None)
    settings.load_profile("mutate")
    if watch.recording:
        plain = Artifact.creation

        @functools.wraps(plain)
        def creation(self: Artifact, *args: Any) -> bytes:
            watch.deployed(self.name)
            return plain(self, *args)

        Artifact.creation = creation  # type: ignore[method-assign]
