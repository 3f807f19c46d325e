"""Surface: contract = model
└── any history of smiles set and dropped -> the same pairs, variances and grades at every expiry, the same refusals
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.errors import Refused
from holdfast.model import surface as model
from holdfast.model.surface import Rules, Surface
from holdfast.model.svi import PPB, Smile
from holdfast.sim.history import Block, call, simulate
from holdfast.units import WAD
from tests.conftest import START, Roles

DAY = 86_400
UNDERLYING = 3
RULES = Rules(
    interval_seconds=300,
    slow_seconds=3_600,
    stale_seconds=DAY,
    move_bps=2_000,
    surcharge_bps=2_500,
    volatility_floor_bps=6_000,
)
EXPIRIES = [START + days * DAY for days in (1, 2, 3, 7, 14, 30, 60, 90, 180, 270)]
GAS = 20_000_000


@pytest.fixture(scope="module")
def oracle(anvil: Anvil, roles: Roles) -> Contract:
    return deploy(anvil.rpc, artifact("MockVariance"), sender=roles.deployer)


@pytest.fixture(scope="module")
def surface(anvil: Anvil, roles: Roles, oracle: Contract) -> Contract:
    rpc, admin = anvil.rpc, roles.deployer
    authority = deploy(rpc, artifact("Authority"), admin, sender=admin)
    rules = (
        RULES.interval_seconds,
        RULES.slow_seconds,
        RULES.stale_seconds,
        RULES.move_bps,
        RULES.surcharge_bps,
        RULES.volatility_floor_bps,
    )
    surface = deploy(rpc, artifact("Surface"), authority.address, oracle.address, rules, sender=admin)
    for role, function, who in ((1, "setSmile", roles.keeper), (2, "dropSmile", roles.guardian)):
        selector = surface.artifact.find(function).selector
        authority.send("setTargetFunctionRole", surface.address, [selector], role, sender=admin)
        authority.send("grantRole", role, who, 0, sender=admin)
    return surface


def _smile(rng: random.Random, last: Smile | None) -> Smile:
    if last is not None and rng.random() < 0.7:  # nearly the last one: most of them pass
        return Smile(
            a_ppb=last.a_ppb + rng.randint(-PPB // 40, PPB // 30),
            b_ppb=last.b_ppb,
            rho_ppb=last.rho_ppb,
            m_ppb=last.m_ppb + rng.randint(-PPB // 1_000, PPB // 1_000),
            sigma_ppb=last.sigma_ppb,
        )
    return Smile(
        a_ppb=rng.choice((PPB // 8, PPB, rng.randint(PPB // 10, PPB), rng.randint(0, 30 * PPB))),
        b_ppb=rng.choice((0, 0, PPB // 5, rng.randint(0, 3 * PPB))),
        rho_ppb=rng.choice((0, -PPB // 4, rng.randint(1 - PPB, PPB - 1))),
        m_ppb=rng.randint(-PPB // 20, PPB // 20),
        sigma_ppb=rng.choice((PPB // 5, rng.randint(PPB // 100, PPB))),
    )


def _outcome(twin: Any, *args: Any) -> Any:
    try:
        return twin(*args)
    except Refused as refusal:
        return (refusal.name, refusal.values)


seen: dict[str, int] = {}


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**64 - 1))
def test_surface__any_history__as_the_model(
    surface: Contract, oracle: Contract, roles: Roles, seed: int
) -> None:
    rng = random.Random(seed)
    state, now, last = Surface(rules=RULES), START, None
    blocks, wanted = [], []
    for _ in range(30):
        now += rng.choice((1, 300, 301, 3_600, 3_601, DAY, DAY + 1, rng.randrange(1, 3 * DAY)))
        realised = rng.choice((0, WAD // 4, WAD // 2, WAD, 3 * WAD))
        expiry = rng.choice(EXPIRIES)
        calls = [call(oracle, "set", UNDERLYING, realised, sender=roles.stranger)]
        if rng.random() < 0.85:
            smile = _smile(rng, last)
            calls.append(
                call(surface, "setSmile", UNDERLYING, expiry, smile.fields, sender=roles.keeper, gas=GAS)
            )
            after = _outcome(model.set_smile, state, expiry, smile, realised, now)
            last = smile if isinstance(after, Surface) else last
        else:
            calls.append(call(surface, "dropSmile", UNDERLYING, expiry, sender=roles.guardian))
            after = _outcome(model.drop_smile, state, UNDERLYING, expiry, now)
        name = "passes" if isinstance(after, Surface) else after[0]
        seen[name] = seen.get(name, 0) + 1
        state = after if isinstance(after, Surface) else state

        asked = [*rng.sample(EXPIRIES, 3), now, now + rng.randrange(1, 300 * DAY)]
        k = rng.randint(-3 * WAD, 3 * WAD)
        looks = []
        for one in asked:
            calls.append(call(surface, "pairOf", UNDERLYING, one, sender=roles.stranger))
            calls.append(call(surface, "totalVarianceOf", UNDERLYING, one, k, sender=roles.stranger))
            pair = _outcome(model.pair_of, state, one, realised, now)
            if isinstance(pair[0], model.SmilePair):
                seen[pair[1].name] = seen.get(pair[1].name, 0) + 1
            looks.append((pair, _outcome(model.total_variance_of, state, one, k, realised, now)))
        calls.append(call(surface, "expiriesOf", UNDERLYING, sender=roles.stranger))
        blocks.append(Block(calls, time=now))
        wanted.append((after, looks, sorted(state.smiles)))

    for results, (after, looks, expiries) in zip(simulate(surface.rpc, blocks), wanted, strict=True):
        error = results[1].error
        assert (error and (error.name, error.values)) == (None if isinstance(after, Surface) else after)
        for place, (pair, variance) in enumerate(looks):
            one, other = results[2 + 2 * place], results[3 + 2 * place]
            if not isinstance(pair[0], model.SmilePair):
                assert one.error is not None and (one.error.name, one.error.values) == pair == variance
                continue
            found, grade = one.returned(surface, "pairOf")
            twin, twin_grade = pair
            assert tuple(found) == (
                twin.near.word,
                twin.far.word,
                twin.near_seconds,
                twin.far_seconds,
                twin.seconds_to_expiry,
            )
            assert grade == twin_grade
            assert other.returned(surface, "totalVarianceOf") == variance
        assert list(results[-1].returned(surface, "expiriesOf")) == expiries


def test_surface__those_histories__met_every_outcome() -> None:
    """What the test before it never met, it hasn't compared."""
    common = {"passes", "Expired", "UpdateTooSoon", "FarFromRealised", "NoSmile", "SmileMoveTooLarge"}
    common |= {"CalendarArbitrage", "ButterflyArbitrage", "FRESH", "SLOW", "STALE", "INVALID"}
    assert common <= set(seen), seen


def test_bounds__model__has_the_same(surface: Contract) -> None:
    names = ("MAX_EXPIRIES", "MAX_STALE_SECONDS", "MAX_MOVE_BPS", "MAX_SURCHARGE_BPS", "MAX_FLOOR_BPS")
    for name in (*names, "REALISED_RANGE"):
        assert surface.call(name) == getattr(model, name)
