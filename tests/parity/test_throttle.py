"""Throttle: contract = model
└── any history of depths set and slices drawn -> the same free depth, the same fractions, the same refusals
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.errors import Refused
from holdfast.model import throttle as model
from holdfast.sim.history import Block, call, simulate
from holdfast.types import Grade, Item
from holdfast.units import WAD
from tests.conftest import START, Roles

UNDERLYINGS = (1, 2)


@pytest.fixture(scope="module")
def throttle(anvil: Anvil, roles: Roles) -> Contract:
    rpc, admin = anvil.rpc, roles.deployer
    authority = deploy(rpc, artifact("Authority"), admin, sender=admin)
    throttle = deploy(rpc, artifact("Throttle"), authority.address, sender=admin)
    selectors = [throttle.artifact.find(name).selector for name in ("setDepth", "tightenDepth", "draw")]
    authority.send("setTargetFunctionRole", throttle.address, selectors, 1, sender=admin)
    authority.send("grantRole", 1, roles.guardian, 0, sender=admin)
    return throttle


amounts = st.sampled_from([0, 1, 2, WAD, 1_000 * WAD, 2**96 - 1, 2**96]) | st.integers(0, 2**80)
items = st.lists(
    st.builds(
        Item, weight_wad=amounts, grade=st.sampled_from(Grade), underlying=st.sampled_from((*UNDERLYINGS, 3))
    ),
    max_size=4,
)
fractions = st.sampled_from([1, WAD // 3, WAD]) | st.integers(1, WAD)
tightened = amounts | st.sampled_from([WAD // 4, 250 * WAD - 1, 250 * WAD, 999 * WAD, 2**94])
seconds = st.sampled_from([1, 30, 59, 60, 61, 86_400])
steps = st.tuples(
    seconds,
    st.tuples(st.just("setDepth"), st.sampled_from(UNDERLYINGS), amounts, st.sampled_from([0, 1, 60, 86_400, 86_401]))
    | st.tuples(st.just("tightenDepth"), st.sampled_from((*UNDERLYINGS, 3)), tightened)
    | st.tuples(st.just("draw"), items, fractions)
    | st.tuples(st.just("draw"), items, fractions),
    items,
)  # fmt: skip


@settings(max_examples=100, deadline=None, derandomize=True)
@given(history=st.lists(steps, min_size=1, max_size=20))
def test_throttle__any_history__as_the_model(throttle: Contract, roles: Roles, history: list[Any]) -> None:
    twins = {"setDepth": model.set_depth, "tightenDepth": model.tighten_depth, "draw": model.draw}
    buckets: model.Buckets = {}
    blocks, expected, now = [], [], START
    for later, (function, *args), asked in history:
        now += later
        words = [[one.word for one in arg] if isinstance(arg, list) else arg for arg in args]
        looks = [call(throttle, "fractionOf", [one.word for one in asked], sender=roles.stranger)]
        looks += [call(throttle, "freeOf", underlying, sender=roles.stranger) for underlying in UNDERLYINGS]
        act = call(throttle, function, *words, sender=roles.guardian)
        blocks.append(Block([act, *looks], time=now))
        outcome: Any = None
        try:
            buckets = twins[function](buckets, *args, now)  # type: ignore[operator]
        except Refused as refusal:
            outcome = (refusal.name, refusal.values)
        found = [model.free_wad(buckets.get(underlying, model.Bucket()), now) for underlying in UNDERLYINGS]
        free = [2**256 - 1 if one is None else one for one in found]
        expected.append((outcome, model.fraction_of(buckets, asked, now), free))

    for results, wanted in zip(simulate(throttle.rpc, blocks), expected, strict=True):
        error = results[0].error
        free = [result.returned(throttle, "freeOf") for result in results[2:]]
        seen = (error and (error.name, error.values), results[1].returned(throttle, "fractionOf"), free)
        assert seen == wanted


def test_bounds__model__has_the_same(throttle: Contract) -> None:
    assert throttle.call("MAX_WINDOW_SECONDS") == model.MAX_WINDOW_SECONDS
    assert throttle.call("TIGHTEN_BPS") == model.TIGHTEN_BPS
