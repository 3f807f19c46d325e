"""model.backstop
├── hand-worked examples of docs/backstop.md   -> exactly these numbers
├── fraction       -> within leverage with the slice added, and no more than a digit short of it
├── prices         -> a sale never below its least, a purchase never above its most
├── shares
│   ├── back and forth, any order              -> nobody gains, the others lose nothing
│   ├── a gift before the first deposit        -> the giver loses more than anybody else
│   ├── profit                                 -> nobody who enters at once gets any of it
│   └── loss                                   -> at most the cap, ever
└── standing bids  -> as eth_account encodes them; what a fill uses never exceeds the bid
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model.backstop import (
    BID_MEMBERS,
    DOMAIN_NAME,
    VIRTUAL_SHARES,
    Params,
    StandingBid,
    Tranche,
    bid_digest,
    buy_price_wad,
    concession_wad,
    fraction_wad,
    least_gain_wad,
    notional_wad,
    reward_wad,
    sell_price_wad,
    share_wad,
    signature_of,
    vesting,
)
from holdfast.model.venue import Order
from holdfast.units import BPS, WAD

repeatable = settings(deadline=None, derandomize=True, max_examples=200)
wad = st.one_of(st.integers(0, 100), st.integers(0, 10**30))
money = st.integers(1, 10**15)  # of a token with six decimals

PARAMS = Params(
    loss_cap_wad=1_000 * WAD,
    leverage_bps=30_000,
    min_discount_bps=2_000,
    wait_seconds=15,
    concession_bps=100,
    unwind_seconds=1_800,
    vest_seconds=86_400,
    reward_cap_bps=500,
    reward_gas=800_000,
)
EMPTY = Tranche(params=PARAMS, unit_wad=10**12)
USDC = 10**6


def test_formulas__of_the_docs__as_worked_by_hand() -> None:
    # 3 · 10,000 = 30,000, less 6,000 of its own: 24,000 of an account of 40,000
    assert fraction_wad(10_000 * WAD, 6_000 * WAD, 40_000 * WAD, 30_000) == 6 * WAD // 10
    # 20 % of the MM of 6/10 of it
    assert least_gain_wad(2_000 * WAD, 6 * WAD // 10, 2_000) == 240 * WAD
    # A quarter of the time: 25 of 100 basis points
    assert concession_wad(450, 100, 1_800) == 25 * WAD // BPS
    assert sell_price_wad(2_000 * WAD, 25 * WAD // BPS) == 1_995 * WAD
    assert buy_price_wad(2_000 * WAD, 25 * WAD // BPS) == 2_005 * WAD
    # Six hours of a day
    assert vesting(600 * USDC, 21_600, 86_400) == 450 * USDC
    # 800,000 gas at 10 gwei and 2,000 come to 16; the cap of 5 % of 240 is 12
    assert reward_wad(16 * WAD, 240 * WAD, 500) == 12 * WAD


def test_shares__of_the_docs__as_worked_by_hand() -> None:
    t, first = EMPTY.deposit(6_000 * USDC, 0)
    t, second = t.deposit(4_000 * USDC, 0)
    assert (first, second) == (6_000 * USDC * 10**6, 4_000 * USDC * 10**6)

    t = t.begin(0)
    assert (t.staked, t.reserve_wad) == (1_000 * USDC, 9_000 * WAD)
    t = replace(t, at_risk=True, risk_wad=1_240 * WAD)
    assert t.total_assets(0) == 10_000 * USDC  # the gain is nobody's yet
    t = t.request(second)
    with pytest.raises(Refused, match="CarriesRisk"):
        t.settle(0)

    t = replace(t, at_risk=False, risk_wad=1_200 * WAD).settle(100)
    assert t.epochs[0].assets == 4_000 * USDC
    assert (t.vesting(100), t.total_assets(100)) == (200 * USDC, 6_000 * USDC)
    assert t.preview_redeem(first, 100) == 6_000 * USDC
    assert t.preview_redeem(first, 100 + 86_400) == 6_200 * USDC - 1  # the virtual shares' part
    # Whoever comes meanwhile pays for the profit: 6,200 for 6,000 shares
    assert t.preview_deposit(6_200 * USDC, 100) == pytest.approx(first, rel=1e-9)
    # …and so does whoever comes while others wait to leave: what they leave of it is for those who stay
    queue = t.request(first // 2)
    assert queue.preview_deposit(3_200 * USDC, 100) == pytest.approx(first // 2, rel=1e-9)
    assert queue.deposit(3_200 * USDC, 100)[0].total_assets(100) == pytest.approx(6_200 * USDC, rel=1e-9)
    # Owed is set aside: the next epoch can't stake it
    assert t.claim(0, second)[1] == 4_000 * USDC
    again = t.begin(100)
    assert again.staked == 1_000 * USDC and again.amount_of(again.reserve_wad) >= again.owed


def test_loss__of_the_docs__never_beyond_the_cap() -> None:
    t, _ = EMPTY.deposit(10_000 * USDC, 0)
    t = replace(t.begin(0), at_risk=True, risk_wad=-500 * WAD)
    assert t.total_assets(0) == 9_000 * USDC

    t = replace(t, at_risk=False).settle(1)
    assert (t.lost, t.total_assets(1)) == (1_000 * USDC, 9_000 * USDC)
    with pytest.raises(Refused, match="RiskInDebt"):
        t.level(1, 1)
    with pytest.raises(Refused) as caught:
        t.begin(1)
    assert (caught.value.name, caught.value.values) == ("LossCapReached", (1_000 * USDC, 1_000 * USDC))


@repeatable
@given(st.integers(-(10**30), 10**30), wad, wad, st.integers(1, 10 * BPS))
def test_fraction__any__within_leverage_and_no_less(equity: int, own: int, exposure: int, bps: int) -> None:
    f = fraction_wad(equity, own, exposure, bps)

    assert 0 <= f <= WAD
    room = Fraction(max(0, equity) * bps, BPS) - own
    assert f == 0 or Fraction(f * exposure, WAD) <= room
    if 0 < f < WAD:
        assert Fraction((f + 1) * exposure, WAD) + 1 > room - 1


@repeatable
@given(st.integers(0, 10**36), st.integers(0, 10_000), st.integers(0, 1_000), st.integers(1, 10_000))
def test_prices__any__the_worse_for_the_buyer(mark: int, elapsed: int, bps: int, unwind: int) -> None:
    c = concession_wad(elapsed, bps, unwind)

    assert 0 <= c <= bps * WAD // BPS
    exact = Fraction(bps * min(elapsed, unwind), BPS * unwind)
    assert sell_price_wad(mark, c) >= mark * (1 - exact)
    assert buy_price_wad(mark, c) <= mark * (1 + exact)


@repeatable
@given(st.lists(st.tuples(st.booleans(), money), max_size=12), money)
def test_shares__back_and_forth__nobody_gains(moves: list[tuple[bool, int]], stays: int) -> None:
    t, kept = EMPTY.deposit(stays, 0)
    put_in = shares = 0
    for comes, amount in moves:
        worth = t.preview_redeem(kept, 0)
        if comes:
            t, got = t.deposit(amount, 0)
            put_in, shares = put_in + amount, shares + got
        else:
            leaving = min(shares, amount * 10**6)
            t, got = t.redeem(leaving, 0)
            put_in, shares = put_in - got, shares - leaving
        assert t.preview_redeem(kept, 0) >= worth
    assert t.redeem(shares, 0)[1] <= max(0, put_in)


@repeatable
@given(money, money)
def test_shares__a_gift_first__costs_the_giver_more_than_the_next(gift: int, deposit: int) -> None:
    """An attacker has one unit in and gives `gift`; then somebody deposits, and the attacker leaves."""
    t, his = EMPTY.deposit(1, 0)
    t = replace(t, reserve_wad=t.reserve_wad + gift * t.unit_wad)
    t, got = t.deposit(deposit, 0)

    lost = deposit - t.preview_redeem(got, 0)
    gained = t.preview_redeem(his, 0) - 1 - gift
    assert gained <= 0
    assert lost <= 2 + (gift + deposit + 2) // VIRTUAL_SHARES
    assert lost <= 2 or -gained > 1_000 * lost or deposit <= gift // VIRTUAL_SHARES


@repeatable
@given(money, money, money, st.integers(0, 86_400))
def test_shares__profit__none_of_it_to_who_enters_after(
    stays: int, profit: int, comes: int, late: int
) -> None:
    t, kept = EMPTY.deposit(stays, 0)
    t = t.begin(0)
    t = replace(t, risk_wad=t.risk_wad + profit * t.unit_wad)
    t = t.settle(0) if late % 2 else t  # or the one who comes does it
    t, got = t.deposit(comes, late)

    assert t.redeem(got, 2 * 86_400)[1] <= comes
    assert t.preview_redeem(kept, 2 * 86_400) >= stays - 1


@repeatable
@given(money, st.lists(st.integers(-(10**22), 10**22), max_size=20))
def test_loss__any_epochs__at_most_the_cap_below_the_highest_point(stays: int, results: list[int]) -> None:
    t, _ = EMPTY.deposit(stays, 0)
    value = highest = stays
    for place, result in enumerate(results):
        t = replace(t, risk_wad=max(0, t.risk_wad))  # what it owes, others paid
        try:
            t = t.begin(place)
        except Refused:
            break
        assert t.staked <= t.cap_left
        t = replace(t, risk_wad=t.risk_wad + result).settle(place)
        value = t.gross
        highest = max(highest, value)
        assert highest - value <= t.lost + len(results)
        assert t.lost <= 1_000 * USDC


def test_level__what_is_owed__is_never_staked() -> None:
    t, shares = EMPTY.deposit(1_500 * USDC, 0)
    t = t.request(shares * 2 // 3).settle(0)
    assert t.owed == 1_000 * USDC
    t = t.begin(0)
    assert t.staked == 500 * USDC and t.reserve_wad == 1_000 * WAD
    paid = replace(t, at_risk=True).claim(0, shares * 2 // 3)[0]
    assert (paid.owed, paid.reserve_wad) == (0, 0)


def test_vesting__runs_out__and_never_below_zero() -> None:
    assert [vesting(10, elapsed, 3) for elapsed in range(5)] == [10, 7, 4, 0, 0]


# Standing bids

BID = StandingBid(
    taker=7, signer="0x" + "aa" * 20, market=1, max_notional_wad=5 * WAD, min_discount_bps=900, nonce=3
)


def test_bid_digest__any__as_eth_account_encodes_it() -> None:
    names = [name for name, _ in BID_MEMBERS]
    contract = "0x" + "cc" * 20
    message = encode_typed_data(
        {"name": DOMAIN_NAME, "version": "1", "chainId": 31_337, "verifyingContract": contract},
        {"StandingBid": [{"name": name, "type": kind} for name, kind in BID_MEMBERS]},
        dict(zip(names, BID.members(), strict=True)),
    )
    expected = keccak(b"\x19" + message.version + message.header + message.body)
    assert bid_digest(BID, 31_337, contract) == expected
    assert bid_digest(replace(BID, nonce=4), 31_337, contract) != expected


@repeatable
@given(wad, wad, st.integers(0, WAD))
def test_notional__any_fill__never_beyond_the_bid(left: int, exposure: int, part: int) -> None:
    slice_wad = share_wad(left, exposure) * part // WAD
    assert notional_wad(exposure, slice_wad) <= left


def test_signature__of_an_order__is_the_order() -> None:
    order = Order(account=5, signer="0x" + "bb" * 20, instrument=9, size_wad=-3, limit_price_wad=4)
    found = signature_of(order)
    assert len(found) == 9 * 32
    assert int.from_bytes(found[96:128], "big", signed=True) == -3
