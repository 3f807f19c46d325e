"""Vault: contract = model
├── any history with a plain, fee-taking or rebasing token -> the same books, or the same refusal with its numbers
└── these histories                                        -> meet every refusal
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import astuple, dataclass
from typing import Any

import pytest
from hypothesis import given, settings

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.errors import Refused
from holdfast.model import vault as model
from holdfast.sim.history import Block, Call, call, simulate
from holdfast.units import BPS, WAD
from tests.conftest import START, Roles
from tests.parity.draw import repeatable, seeds

STEPS = 40
CAP, FLOOR = 10_000, 1_000
RULES = model.Rules(outflow_share_bps=2_000, window_seconds=60, ramp_seconds=10, epoch_seconds=300)
FUNDS = 2**160
VIEWS = ("held", "cap", "outflowFloor", "outflow", "limits")
ACTS = (
    ("setCap", model.set_cap),
    ("tightenCap", model.tighten_cap),
    ("setOutflowFloor", model.set_outflow_floor),
    ("tightenOutflowFloor", model.tighten_outflow_floor),
)


@dataclass
class Token:
    """What MockFeeToken and MockRebasingToken do to the vault's balance."""

    fee_bps: int = 0
    factor_wad: int = WAD
    shares: int = 0  # of the vault

    @property
    def balance(self) -> int:
        return self.shares * self.factor_wad // WAD

    def arrive(self, amount: int, fee_bps: int = 0) -> int:
        """The shares that `amount` brings."""
        return (amount - amount * fee_bps // BPS) * WAD // self.factor_wad

    def leave(self, amount: int) -> int:
        return amount * WAD // self.factor_wad


@dataclass(frozen=True)
class World:
    vaults: dict[str, Contract]
    tokens: dict[str, Contract]
    roles: Roles
    since: dict[str, int]  # [seconds] when they were deployed


@pytest.fixture(scope="module")
def world(anvil: Anvil, roles: Roles) -> World:
    def put(name: str, *args: Any) -> Contract:
        return deploy(anvil.rpc, artifact(name), *args, sender=roles.deployer)

    authority = put("Authority", roles.deployer)
    tokens = {"fee": put("MockFeeToken", 0), "rebasing": put("MockRebasingToken")}
    vaults = {
        kind: put("Vault", authority.address, roles.ledger, token.address, (CAP, FLOOR, *astuple(RULES)))
        for kind, token in tokens.items()
    }
    for kind, token in tokens.items():
        token.send("mint", roles.trader, FUNDS, sender=roles.deployer)
        token.send("approve", vaults[kind].address, 2**256 - 1, sender=roles.trader)
    since = {kind: vault.call("limits")[0].steppedAt for kind, vault in vaults.items()}
    return World(vaults, tokens, roles, since)


@settings(repeatable, max_examples=60)
@given(seed=seeds)
def test_vault__any_history__as_the_model(world: World, seed: int) -> None:
    seen, wanted = play(world, seed)

    assert seen == wanted


def test_vault__histories__meet_every_refusal(world: World) -> None:
    met: Counter[Any] = Counter()
    for seed in range(80):
        met.update(outcome[0] if outcome else "done" for outcome, *_ in play(world, seed)[0])

    names = {
        "done",
        "Underfunded",
        "TransferFailed",
        "NothingReceived",
        "CapExceeded",
        "NotTighter",
        "OutflowExceeded",
        "StepTooLarge",
        "EpochNotOver",
    }
    assert {name: met[name] for name in names if met[name] < 3} == {}


def play(world: World, seed: int) -> tuple[list[Any], list[Any]]:
    """A history on the chain and in the model: each step's outcome, what is held and the cap."""
    rng = random.Random(seed)
    kind = rng.choice(("fee", "rebasing"))
    token, twin = Token(), model.fresh(RULES, CAP, FLOOR, world.since[kind])
    vault, stranger = world.vaults[kind], world.roles.stranger
    blocks, wanted, time = [], [], START
    for _ in range(STEPS):
        time += rng.choice((1, 1, 1, 5, 30))
        request, change = draw(world, kind, token, twin, rng, time)
        outcome = None
        try:
            twin = change()
        except Refused as refusal:
            outcome = (refusal.name, refusal.values)
        looks = [call(vault, name, sender=stranger) for name in VIEWS]
        looks.append(call(world.tokens[kind], "balanceOf", vault.address, sender=stranger))
        blocks.append(Block([request, *looks], time=time))
        numbers = model.cap_of(twin, time), model.floor_of(twin, time), model.outflow_of(twin, time)
        wanted.append((outcome, twin.held, *numbers, (astuple(twin.cap), astuple(twin.floor)), token.balance))

    seen = []
    for first, *views, balance in simulate(vault.rpc, blocks):
        error = first.error
        seen.append(
            (
                (error.name, error.values) if error else None,
                *(plain(seen.returned(vault, name)) for seen, name in zip(views, VIEWS, strict=True)),
                balance.returned(world.tokens[kind], "balanceOf"),
            )
        )
    return seen, wanted


def plain(value: Any) -> Any:
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def draw(
    world: World, kind: str, token: Token, twin: model.Vault, rng: random.Random, time: int
) -> tuple[Call, Any]:
    """A call of the contracts, and what it does to the model."""
    roles, vault, contract = world.roles, world.vaults[kind], world.tokens[kind]
    what = rng.random()
    if what < 0.3:
        amount = any_amount(rng, max(0, model.cap_of(twin, time) - twin.held))
        request = call(vault, "pull", roles.trader, amount, sender=roles.ledger)
        return request, lambda: pulled(token, twin, amount, time)
    if what < 0.55:
        level, capacity = model.outflow_of(twin, time)
        amount = any_amount(
            rng, rng.choice((twin.held, token.balance + 1, token.balance + 1, capacity - level, capacity))
        )
        exempt = rng.choice((0, 0, amount, any_amount(rng, amount)))
        request = call(vault, "push", roles.stranger, amount, exempt, sender=roles.ledger)
        return request, lambda: pushed(token, twin, amount, exempt, time)
    if what < 0.85:
        first = rng.random() < 0.5
        limit = twin.cap if first else twin.floor
        now = model.cap_of(twin, time) if first else model.floor_of(twin, time)
        edges = now, limit.target, limit.standing, 2 * limit.standing, twin.held
        value = any_amount(rng, rng.choice(edges))
        acts = ACTS[:2] if first else ACTS[2:]
        function, act = rng.choice(acts)
        return call(vault, function, value, sender=roles.deployer), lambda: act(twin, value, time)
    if what < 0.9:
        amount = any_amount(rng, 100)
        token.shares += token.arrive(amount)
        return call(contract, "mint", vault.address, amount, sender=roles.stranger), lambda: twin
    if kind == "fee":
        token.fee_bps = rng.choice((0, 1, 30, BPS))
        return call(contract, "setFee", token.fee_bps, sender=roles.stranger), lambda: twin
    token.factor_wad = rng.choice((WAD // 2, WAD * 99 // 100, WAD, WAD, WAD * 3 // 2))
    return call(contract, "rebase", token.factor_wad, sender=roles.stranger), lambda: twin


def pulled(token: Token, twin: model.Vault, amount: int, time: int) -> model.Vault:
    before, shares = token.balance, token.shares
    token.shares += token.arrive(amount, token.fee_bps)
    try:
        return model.pull(twin, amount, time, before=before, after=token.balance)[0]
    except Refused:
        token.shares = shares
        raise


def pushed(token: Token, twin: model.Vault, amount: int, exempt: int, time: int) -> model.Vault:
    twin = model.push(twin, amount, exempt, time)
    shares = token.leave(amount)
    if shares > token.shares:
        raise Refused("TransferFailed")
    token.shares -= shares
    return twin


def any_amount(rng: random.Random, edge: int) -> int:
    """An edge and a wei beside it, something tiny, or anything."""
    kind = rng.random()
    if kind < 0.4:
        return max(0, edge + rng.randint(-1, 1))
    if kind < 0.6:
        return rng.randint(0, 3)
    return int(10 ** (5 * rng.random()))
