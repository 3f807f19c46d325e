"""Backstop: contract = model, bit for bit
├── every formula of BackstopCurve  -> the same
├── digests of standing bids        -> the same
└── shares of a tranche at rest     -> the same numbers, after any deposits, exits and requests
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from holdfast.chain.contract import Contract
from holdfast.chain.protocol import Protocol
from holdfast.model import backstop
from holdfast.sim.history import Block, call, simulate
from holdfast.units import BPS, WAD
from tests.parity.draw import amount, repeatable, seeds, signed
from tests.stage import UNLIMITED

CALLS = 40

Case = Callable[[random.Random], tuple[int, ...]]

CASES: dict[str, tuple[Callable[..., int], Case]] = {
    "fraction": (
        backstop.fraction_wad,
        lambda r: (signed(r, 36), amount(r, 36), amount(r, 36), r.randint(1, 10 * BPS)),
    ),
    "share": (backstop.share_wad, lambda r: (amount(r, 36), amount(r, 36))),
    "leastGain": (
        backstop.least_gain_wad,
        lambda r: (amount(r, 36), r.choice((0, 1, WAD, r.randint(0, WAD))), r.randint(0, BPS)),
    ),
    "concession": (
        backstop.concession_wad,
        lambda r: (amount(r, 10), r.randint(0, 1_000), r.randint(1, 604_800)),
    ),
    "sellPrice": (backstop.sell_price_wad, lambda r: (amount(r, 26), r.randint(0, WAD // 10))),
    "buyPrice": (backstop.buy_price_wad, lambda r: (amount(r, 26), r.randint(0, WAD // 10))),
    "vesting": (backstop.vesting, lambda r: (amount(r, 30), amount(r, 8), r.randint(1, 2_592_000))),
    "reward": (backstop.reward_wad, lambda r: (amount(r, 30), amount(r, 36), r.randint(0, 2_000))),
}


@pytest.fixture
def curve(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockBackstopCurve")


@pytest.mark.parametrize("function", CASES)
@repeatable
@given(seed=seeds)
def test_curve__any_numbers__as_the_model(curve: Contract, roles: Any, function: str, seed: int) -> None:
    rng = random.Random(seed)
    twin, draw = CASES[function]
    cases = [draw(rng) for _ in range(CALLS)]
    calls = [call(curve, function, *case, sender=roles.stranger) for case in cases]

    for case, result in zip(cases, simulate(curve.rpc, [Block(calls)])[0], strict=True):
        assert result.returned(curve, function) == twin(*case), case


def test_digest__any_bid__as_the_model(protocol: Protocol) -> None:
    rng = random.Random(712)
    for _ in range(40):
        bid = backstop.StandingBid(
            taker=rng.getrandbits(64),
            signer="0x" + rng.randbytes(20).hex(),
            market=rng.getrandbits(16),
            max_notional_wad=rng.getrandbits(256),
            min_discount_bps=rng.getrandbits(16),
            deadline=rng.getrandbits(40),
            nonce=rng.getrandbits(256),
        )
        found = protocol.standing_bids.call("hashOf", bid.members())
        assert found == backstop.bid_digest(bid, protocol.chain_id, protocol.standing_bids.address)


@repeatable
@given(seed=seeds)
def test_shares__any_history_at_rest__as_the_model(protocol: Protocol, seed: int) -> None:
    rng = random.Random(seed)
    who = protocol.rpc.call("eth_accounts")[7]
    tranche, token = protocol.tranches[1], protocol.tokens[0]
    p = backstop.Params(
        **dict(zip(backstop.Params.__dataclass_fields__, tranche.call("params"), strict=True))
    )
    twin = backstop.Tranche(params=p, unit_wad=10**12)
    calls = [
        call(token, "mint", who, 10**30, sender=who),
        call(token, "approve", tranche.address, UNLIMITED, sender=who),
    ]
    expected: list[tuple[str, Any]] = []
    shares, requested, claimable = 0, 0, []
    reads = ("totalAssets", "totalSupply")
    for _ in range(30):
        kind = rng.choice(("deposit", "deposit", "gift", "redeem", "request", "settle", "claim"))
        if kind == "deposit":
            assets = 1 + amount(rng, 14) % 10**13
            twin, got = twin.deposit(assets, 0)
            calls.append(call(tranche, "deposit", assets, who, sender=who))
            expected.append(("deposit", got))
            shares += got
        elif kind == "gift":
            assets = 1 + amount(rng, 12) % 10**12
            calls += [
                call(token, "approve", protocol.vaults[0].address, UNLIMITED, sender=who),
                call(protocol.ledger, "deposit", tranche.call("RESERVE"), 0, assets, sender=who),
            ]
            expected += [("", None), ("", None)]
            twin = replace(twin, reserve_wad=twin.reserve_wad + assets * 10**12)
            continue
        elif kind == "redeem" and shares:
            leaving = rng.randint(1, shares)
            if twin.preview_redeem(leaving, 0) == 0:
                continue
            twin, got = twin.redeem(leaving, 0)
            calls.append(call(tranche, "redeem", leaving, who, who, sender=who))
            expected.append(("redeem", got))
            shares -= leaving
        elif kind == "request" and shares:
            leaving = rng.randint(1, shares)
            twin = twin.request(leaving)
            calls.append(call(tranche, "requestRedeem", leaving, who, who, sender=who))
            expected.append(("requestRedeem", twin.epoch))
            shares, requested = shares - leaving, requested + leaving
        elif kind == "settle":
            twin = twin.settle(0)
            calls.append(call(tranche, "settle", sender=who))
            expected.append(("", None))
        elif kind == "claim" and claimable:
            epoch, part = claimable.pop()
            twin, got = twin.claim(epoch, part)
            calls.append(call(tranche, "claim", epoch, who, who, sender=who))
            expected.append(("claim", got))
        else:
            continue
        if requested and twin.queued == 0:  # whatever came in between has settled it
            claimable.append((twin.epoch - 1, requested))
            requested = 0
        calls += [call(tranche, name, sender=who) for name in reads]
        expected += list(zip(reads, (twin.total_assets(0), twin.supply), strict=True))

    results = simulate(protocol.rpc, [Block(calls)])[0][2:]
    for (name, meant), result in zip(expected, results, strict=True):
        assert result.ok, result.error
        if name:
            assert result.returned(tranche, name) == meant, name
