"""actions
├── every function of every deployed contract that changes state -> called by some action
│   └── exceptions                -> exist, and say why
├── every action
│   ├── at the start of a world   -> a step or None, never an error
│   ├── weight 0                  -> named by some profile
│   └── overreach, nowhere        -> never succeed
├── dust                          -> amounts of a few units, or all but a few
├── poke                          -> now and then short of gas
├── nowhere                       -> refused by name
└── amounts                       -> tiny, at the edges of the state, or log-uniform
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import pytest

from holdfast.chain.contract import Contract
from holdfast.sim.actions import ACTIONS, WEIGHTS, Scene
from holdfast.sim.campaign import play
from holdfast.sim.director import Profile
from holdfast.sim.ghost import Ghost
from holdfast.sim.profiles import ADMIN, HOSTILE, OPTIONS, VENUES
from holdfast.sim.steps import Step, run
from holdfast.sim.tally import Tally
from holdfast.sim.world import WORLDS, World

from .conftest import Opened

NOT_CALLED = {
    ("Tranche", "approve"): "the share token's own",
    ("Tranche", "transfer"): "the share token's own",
    ("Tranche", "transferFrom"): "the share token's own",
    ("Authority", "consumeScheduledOp"): "a managed contract calls it back, to let a scheduled call through",
    ("WhatIf", "ask"): "a question from outside; nothing of it stays",
    ("WhatIf", "marginOf"): "a question from outside; nothing of it stays",
    ("ShiftedSurface", "shift"): "the what-ifs' own",
    ("MockToken", "approve"): "the token's own; everybody has approved every vault from the start",
    ("MockToken", "mint"): "of tokens for tests",
    ("MockToken", "transferFrom"): "the token's own; the vaults call it",
}
"""What no action calls, and why."""

TRIES = 60


def scene(world: World, seed: int) -> Scene:
    return Scene(world, Ghost(world), world.start, Random(seed))


def planned(world: World, name: str, tries: int = TRIES) -> Iterator[Step]:
    for seed in range(tries):
        if (step := ACTIONS[name](scene(world, seed))) is not None:
            yield step


def test_actions__every_function__called(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    called: set[tuple[str, str]] = set()
    encode = Contract.encode

    def noted(self: Contract, function: str, *args: object) -> bytes:
        called.add((self.artifact.name, function))
        return encode(self, function, *args)

    monkeypatch.setattr(Contract, "encode", noted)
    played = ("thin", ADMIN, 5), ("thin", crisis, 5), ("local", crisis, 11), ("options", OPTIONS, 5)
    for world, profile, histories in played:
        for seed in range(histories):
            assert play(opened(world), profile(seed), Tally()) is None
    for world in ("thin", "options"):
        for name in ACTIONS:
            list(planned(opened(world), name, 1_200 if name == "overreach" else TRIES))

    protocol = opened("options").protocol
    offered = {
        (contract.artifact.name, entry["name"])
        for contract in map(protocol.contract, protocol.record.contracts)
        for entry in contract.artifact.abi
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    assert offered - called - set(NOT_CALLED) == set()
    assert set(NOT_CALLED) <= offered, "an exception without a function"


def crisis(seed: int) -> Profile:
    return Profile(seed=seed, length=64, keeping=0.85, crash=-0.4, crash_all=True)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ACTIONS)
def test_action__start_of_a_world__step_or_none(opened: Opened, world: str, name: str) -> None:
    for step in planned(opened(world), name, 25):
        assert step.calls and len(step.text) == len(step.calls)
        assert step.speakers


def test_action__weight_0__in_a_profile() -> None:
    special = {name for name, weight in WEIGHTS.items() if weight == 0}

    profiles = HOSTILE(0), ADMIN(0), VENUES(0), OPTIONS(0)
    assert special <= {name for profile in profiles for name in profile.weights}
    assert all(any(profile.weights[name] for profile in profiles) for name in special)


@pytest.mark.parametrize("name", ("overreach", "nowhere"))
@pytest.mark.parametrize("world", ("thin", "hostile"))
def test_action__not_its_right__refused_by_name(opened: Opened, world: str, name: str) -> None:
    steps = list(planned(opened(world), name, 200))
    outcomes = run(opened(world), [], steps, opened(world).start)

    refused = Counter(t.error for t in outcomes if t.step is not None)
    assert all(not t.ok for t in outcomes if t.step is not None), refused
    assert not {"", "Empty", "Panic", "Unknown"} & set(refused)


def test_dust__amounts__few_units(opened: Opened) -> None:
    amounts = [step.facts["amount"] for step in planned(opened("thin"), "dust", 200)]

    assert sum(amount <= 3 for amount in amounts) > len(amounts) // 2
    assert any(amount > 10**9 for amount in amounts)  # all but a few


def test_poke__gas__sometimes_too_little(opened: Opened) -> None:
    gas = [step.calls[-1].gas for step in planned(opened("thin"), "poke", 200)]

    assert 0 < sum(one < 400_001 for one in gas) < len(gas) // 3


def test_amount__draws__tiny_edges_and_the_rest(opened: Opened) -> None:
    s = scene(opened("thin"), 7)
    edge = 5 * 10**20

    drawn = [s.amount(10**6, 10**24, [edge]) for _ in range(2_000)]

    assert 0.15 < sum(amount < 1_000 for amount in drawn) / 2_000 < 0.25
    assert 0.1 < sum(abs(amount - edge) <= 1 for amount in drawn) / 2_000 < 0.2
    assert {edge - 1, edge, edge + 1} <= set(drawn)
