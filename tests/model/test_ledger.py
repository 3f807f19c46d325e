"""model.ledger
├── the market of docs/ledger.md, through the front door  -> exactly these numbers
├── withdrawal rule: profit on paper, borrowing, IM       -> by hand, to the wei
├── trade rule: IM for more risk, health for less         -> by hand; one number for both sides
├── take
│   ├── a part, the whole, with collateral                -> by hand
│   └── any account                                       -> it loses the discount, and a wei an item at most
├── write-off                                             -> by hand; StillHolds, NotInDebt
├── against loops over accounts in exact fractions
│   └── trades, funding, deleveraging, slices             -> all within the stated error, together never above
├── random histories
│   ├── refused                                           -> nothing changed
│   ├── every claim has its token (INV-01)                -> at any time, at any marks, also over ends of epochs
│   ├── exact dust                                        -> never falls between ends of epochs
│   ├── Σ size                                            -> ≤ 0 until an epoch ends, then at most a wei a folded short
│   └── a side's total base                               -> never less than the sum of what is on it
├── a trade in parts, deposit and withdrawal              -> never a profit
└── caps: positions, collateral                           -> TooManyPositions, TooManyHoldings
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model import positions, side_index, vault
from holdfast.model.books import books, exact_dust
from holdfast.model.cash_pool import Curve
from holdfast.model.ledger import MAX_HOLDINGS, Fill, Ledger, Moment, Params, Rules
from holdfast.model.positions import MAX_POSITIONS
from holdfast.model.side_index import EPOCH_DUST
from holdfast.types import AssetParams, Grade, InstrumentId, InstrumentParams, Mode, Price, perpetual
from holdfast.units import BPS, WAD
from tests.histories import PERPS, Step, World, history

ETH, WETH = perpetual(1), 1
USDC = 0
A, B, C, D = 1, 2, 3, 4

FREE = Curve(base_bps=0, kink_bps=8_000, kink_rate_bps=0, max_rate_bps=0)
RULES = Rules(
    positions=positions.Rules(band_bps=2_000, funding_cap_bps=50, funding_period_seconds=28_800),
    curve=FREE,
    max_fee_bps=100,
)
MARGINS = InstrumentParams(
    initial_bps=1_000,
    maintenance_bps=500,
    initial_max_bps=1_000,
    knee_bps=5_000,
    open_interest_cap_wad=10**9 * WAD,
)
HAIRCUTS = AssetParams(initial_haircut_bps=1_500, maintenance_haircut_bps=1_000)
VAULT_RULES = vault.Rules(outflow_share_bps=1_000, window_seconds=86_400, ramp_seconds=1, epoch_seconds=1)

repeatable = settings(deadline=None, derandomize=True, max_examples=60, phases=[Phase.generate])
seeds = st.integers(0, 2**32)


def at(time: int, price: int, ema: int | None = None) -> Moment:
    """ETH at a price [USDC]; other underlyings too."""
    found = Price(spot_wad=price * WAD, ema_wad=(price if ema is None else ema) * WAD, grade=Grade.FRESH)
    return Moment(time=time, prices=dict.fromkeys(range(1, MAX_POSITIONS + 2), found))


def fresh(*cash: int, decimals: int = 6, rules: Rules = RULES, markets: int = 1) -> Ledger:
    """Cross accounts 1, 2, … with cash in whole USDC."""
    perps = [perpetual(underlying) for underlying in range(1, markets + 1)]
    params = Params(
        instruments=dict.fromkeys(perps, MARGINS), assets=dict.fromkeys(range(1, MAX_HOLDINGS + 2), HAIRCUTS)
    )
    ledger = Ledger(rules, params, time=0)
    wide = vault.fresh(VAULT_RULES, 2**111, 2**111, 0)
    ledger.list_asset(0, decimals, wide)
    for _ in range(MAX_HOLDINGS + 1):
        ledger.list_asset(1, 18, wide)
    for perp in perps:
        ledger.positions.list_instrument(Moment(time=0), perp)
    for account, amount in enumerate(cash, start=1):
        ledger.open(Mode.CROSS)
        if amount:
            ledger.deposit(at(0, 2_000), account, USDC, amount * 10**decimals)
    return ledger


def trade(ledger: Ledger, now: Moment, buyer: int, seller: int, size: int, price: int, **fees: int) -> None:
    """In whole units."""
    ledger.fill(
        now,
        Fill(
            instrument=ETH,
            buyer=buyer,
            seller=seller,
            fee_account=buyer,
            size_wad=size * WAD,
            price_wad=price * WAD,
            **fees,
        ),
    )


def refuses(name: str, *values: Any) -> Any:
    """Exactly this error with exactly these numbers."""
    return pytest.raises(Refused, match=f"^{name}\\({', '.join(map(str, values))}\\)$")


def equity(ledger: Ledger, now: Moment, account: int) -> int:
    return ledger.health_of(now, account).margin.equity_wad


# The example of docs/ledger.md


def test_example__trade_funding_deleveraging__as_worked_by_hand() -> None:
    ledger = fresh(1_000, 1_000, 5_000)
    now = at(0, 2_000)
    trade(ledger, now, A, C, 3, 2_000)
    trade(ledger, now, B, C, 1, 2_000)
    assert [equity(ledger, now, account) // WAD for account in (A, B, C)] == [1_000, 1_000, 5_000]

    # A premium of 4 % over 8 hours is 0.5 % an hour, the cap: 10 a unit in the first hour.
    m = ledger.positions.markets[ETH]
    premium = {"premium_ppb": 40_000_000}
    ledger.positions.markets[ETH] = replace(
        m, long=replace(m.long, **premium), short=replace(m.short, **premium)
    )
    hour = at(3_600, 2_000)
    assert [equity(ledger, hour, account) // WAD for account in (A, B, C)] == [970, 990, 5_040]
    ledger.accrue(hour, ETH)

    # Mark 1,500: A has 970 − 3·500 = −530. Say the fund pays 230 of that; the opposite side has to give 300.
    low = at(3_600, 1_500)
    assert equity(ledger, low, A) == -530 * WAD
    assert ledger.deleverage(low, A, ETH, 300 * WAD) == (3 * WAD, 1_600 * WAD)
    assert ledger.cash_of(low, A) == (1_000 - 1_230) * WAD
    assert ledger.positions.position_of(low, C, ETH) == (-WAD, 3_240 * WAD)
    assert equity(ledger, low, C) == (5_000 + 1_740) * WAD
    assert equity(ledger, low, B) == (1_000 - 510) * WAD

    # B leaves as well: nothing is left of C's short but its cash.
    assert ledger.deleverage(low, B, ETH, 0) == (WAD, 1_500 * WAD)
    assert ledger.positions.position_of(low, C, ETH) == (0, 1_740 * WAD)
    assert ledger.settle(low, C, ETH) == 1_740 * WAD
    assert ledger.positions.lanes[C] == ()
    found = books(ledger, low)
    assert (found.cash_wad, found.quote_wad, found.dust_wad) == (7_000 * WAD, 0, 0)

    # A's debt of 230, if nobody pays it: taken from all credit.
    assert ledger.write_off(low, A) == 230 * WAD
    assert ledger.cash_of(low, A) == 0
    assert ledger.cash_of(low, B) + ledger.cash_of(low, C) <= 7_000 * WAD
    assert 0 <= books(ledger, low).dust_wad < 10_000


# Withdrawals


def test_withdraw__profit_on_paper__stays() -> None:
    ledger = fresh(1_000, 10_000)
    trade(ledger, at(0, 2_000), A, B, 4, 2_000)
    high = at(0, 3_000)  # A is 4,000 ahead, with IM of 1,200

    with refuses("UnrealisedProfit", A, -1_000_000_000_000, 0):
        ledger.withdraw(high, A, USDC, 1_000 * 10**6 + 1)
    ledger.withdraw(high, A, USDC, 1_000 * 10**6)

    assert ledger.cash_of(high, A) == 0
    assert equity(ledger, high, A) == 4_000 * WAD


def test_withdraw__below_initial_margin__refused() -> None:
    ledger = fresh(1_000, 10_000)
    now = at(0, 2_000)
    trade(ledger, now, A, B, 4, 2_000)  # IM 800

    with refuses("BelowInitialMargin", A, 800 * WAD - 10**12, 800 * WAD):
        ledger.withdraw(now, A, USDC, 200 * 10**6 + 1)
    ledger.withdraw(now, A, USDC, 200 * 10**6)


def test_withdraw__against_collateral__to_the_borrow_limit() -> None:
    ledger = fresh(10_000, 0)
    now = at(0, 2_000)
    ledger.deposit(now, B, WETH, WAD)  # worth 2,000, backs 1,700

    with refuses("BelowInitialMargin", B, 300 * WAD - 10**12, 300 * WAD):
        ledger.withdraw(now, B, USDC, 1_700 * 10**6 + 1)
    ledger.withdraw(now, B, USDC, 1_700 * 10**6)

    assert ledger.cash_of(now, B) == -1_700 * WAD
    assert ledger.pool.debt_shares == 1_700 * WAD


def test_withdraw__more_than_others_left__refused() -> None:
    ledger = fresh(1_000, 0)
    now = at(0, 2_000)
    ledger.deposit(now, B, WETH, WAD)
    ledger.withdraw(now, B, USDC, 600 * 10**6)

    with refuses("Underfunded", 400 * 10**6, 1_000 * 10**6):
        ledger.withdraw(now, A, USDC, 1_000 * 10**6)
    assert ledger.cash_of(now, A) == 1_000 * WAD


# Trades


def test_fill__more_risk__needs_initial_margin() -> None:
    ledger = fresh(1_000, 10_000)
    now = at(0, 2_000)

    with refuses("BelowInitialMargin", A, 1_000 * WAD, 1_200 * WAD):
        trade(ledger, now, A, B, 6, 2_000)
    trade(ledger, now, A, B, 5, 2_000)
    with refuses("BelowInitialMargin", A, 1_000 * WAD, 1_400 * WAD):
        trade(ledger, now, A, B, 2, 2_000)


def test_fill__less_risk__needs_no_worse_health() -> None:
    ledger = fresh(1_000, 10_000)
    trade(ledger, at(0, 2_000), A, B, 5, 2_000)
    low = at(0, 1_900)  # A: E 500, IM 950, MM 475

    # 1 of 5 sold at 1,800: E 400 = 500·4/5 and MM 380 = 475·4/5, the same health. At 1,799 it would be worse.
    trade(ledger, low, B, A, 1, 1_800)
    assert ledger.health_of(low, A).margin.equity_wad == 400 * WAD
    with refuses("BelowInitialMargin", A, 299 * WAD, 570 * WAD):
        trade(ledger, low, B, A, 1, 1_799)
    # Turning into a short is more risk, however small.
    with refuses("BelowInitialMargin", A, -100 * WAD, 190 * WAD):
        trade(ledger, low, B, A, 5, 1_800)


def test_fill__odd_size__both_sides_settle_by_one_number_rounded_up() -> None:
    ledger = fresh(1_000, 1_000)
    now = at(0, 2_000)

    odd = Fill(
        instrument=ETH, buyer=A, seller=B, fee_account=A, size_wad=1, price_wad=2_000 * WAD + 1
    )  # fmt: skip
    ledger.fill(now, odd)

    assert ledger.positions.position_of(now, A, ETH) == (1, -2_001)
    assert ledger.positions.position_of(now, B, ETH) == (-1, 2_001)


def test_fill__fees__from_both_to_the_fee_account() -> None:
    ledger = fresh(1_000, 1_000, 0)
    now = at(0, 2_000)
    fill = Fill(
        instrument=ETH, buyer=A, seller=B, fee_account=C, size_wad=WAD, price_wad=2_000 * WAD,
        buyer_fee_wad=20 * WAD, seller_fee_wad=20 * WAD,
    )  # fmt: skip

    with refuses("FeeTooHigh", 20 * WAD + 1, 20 * WAD):
        ledger.fill(now, replace(fill, seller_fee_wad=20 * WAD + 1))
    ledger.fill(now, fill)

    assert [ledger.cash_of(now, account) // WAD for account in (A, B, C)] == [980, 980, 40]


# Slices


def test_take__half_of_everything__at_mark_less_discount() -> None:
    ledger = fresh(1_000, 50_000, 10_000)
    now = at(0, 2_000)
    ledger.deposit(now, A, WETH, 2 * WAD)
    trade(ledger, now, A, B, 4, 2_000)
    low = at(0, 1_500)  # A: 1,000 + 3,000 − 2,000 = 2,000

    assert ledger.take(low, A, C, WAD // 2, 100 * WAD) == 1_400 * WAD  # 1 WETH at 1,500, less 100

    assert equity(ledger, low, A) == 1_900 * WAD
    assert equity(ledger, low, C) == 10_100 * WAD
    assert ledger.positions.position_of(low, C, ETH) == (2 * WAD, -3_000 * WAD)
    assert ledger.positions.position_of(low, A, ETH) == (2 * WAD, -4_000 * WAD)
    assert (ledger.balance_of(A, WETH), ledger.balance_of(C, WETH)) == (WAD, WAD)
    assert ledger.cash_of(low, A) == (1_000 - 1_000 + 1_400) * WAD  # half of the loss is realised


def test_take__whole__leaves_cash_alone() -> None:
    ledger = fresh(1_000, 50_000, 10_000)
    now = at(0, 2_000)
    ledger.deposit(now, A, WETH, 3)
    trade(ledger, now, A, B, 4, 2_000)

    ledger.take(now, A, C, WAD, 0, receiver=True)

    assert (ledger.positions.lanes[A], ledger.accounts[A].assets) == ((), ())
    assert (ledger.vaults[WETH].held, ledger.balance_of(C, WETH)) == (0, 0)
    assert equity(ledger, now, A) == 1_000 * WAD + 6_000


@repeatable
@given(seeds, st.integers(20, 50), st.integers(1, WAD), st.integers(0, 10**24))
def test_take__any_account__loses_the_discount(seed: int, length: int, fraction: int, discount: int) -> None:
    world = World(0, 18)
    for _ in history(seed, world, length):
        pass
    ledger, now = world.ledger, world.now
    rng = Random(seed)
    held = [*ledger.positions.positions, *ledger.balances]
    if not held:
        return
    source = rng.choice(held)[0]
    to = ledger.open(Mode.CROSS)
    index = max(ledger.pool.credit_index_wad, ledger.pool.debt_index_wad)
    items = len(ledger.positions.lanes.get(source, ())) + len(ledger.accounts[source].assets)
    worth = sum(
        2 * now.mark(ledger.positions.markets[perp]) // WAD + 2
        for perp in ledger.positions.lanes.get(source, ())
    )
    try:
        before = equity(ledger, now, source)
        ledger.take(now, source, to, fraction, discount)
        after = equity(ledger, now, source)
    except Refused as refusal:
        assert refusal.name in ("Overflow", "NotIsolated", "CollateralInIsolated")
        return

    # Cash is rounded to a share, sizes to two wei, each item to a few.
    slack = index // WAD + 4 * items + worth + 4
    assert -slack <= after - (before - discount) <= items
    assert equity(ledger, now, to) <= discount + items


# Write-offs


def test_write_off__not_yet__refused() -> None:
    ledger = fresh(1_000, 1_000)
    now = at(0, 2_000)
    with refuses("NotInDebt", A, 1_000 * WAD):
        ledger.write_off(now, A)
    ledger.deposit(now, A, WETH, 1)
    with refuses("StillHolds", A, 0, 1):
        ledger.write_off(now, A)
    trade(ledger, now, A, B, 1, 2_000)
    with refuses("StillHolds", A, 1, 1):
        ledger.write_off(now, A)


# Loops over accounts, in exact fractions


@dataclass
class Loops:
    """One market without a side index: what happens to a side is done account by account, nothing is rounded."""

    cash: dict[int, Fraction] = field(default_factory=dict)
    size: dict[int, Fraction] = field(default_factory=dict)

    def trade(self, buyer: int, seller: int, size: Fraction, quote: Fraction) -> None:
        self.size[buyer] += size
        self.size[seller] -= size
        self.cash[buyer] -= quote
        self.cash[seller] += quote

    def fund(self, per_unit: int) -> None:
        sides = (sum(max(s, 0) for s in self.size.values()), sum(max(-s, 0) for s in self.size.values()))
        if 0 not in sides:
            for account, size in self.size.items():
                self.cash[account] -= size * per_unit / WAD

    def close_against_side(self, account: int, quote: Fraction) -> None:
        """For `quote`, which a long gets and a short pays; the opposite side bears it by size."""
        size = self.size[account]
        against = {other: s for other, s in self.size.items() if s * size < 0}
        total = sum(against.values())
        signed = quote if size > 0 else -quote
        self.cash[account] += signed
        self.size[account] = Fraction(0)
        for other, s in against.items():
            self.cash[other] -= signed * s / total
            self.size[other] += size * s / total

    def equity(self, account: int, mark: int) -> Fraction:
        return self.cash[account] + self.size[account] * mark / WAD


class Both:
    """The twin and the loops, side by side, and how far rounding may have parted them."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.time, self.mark = 0, 2_000 * WAD
        self.ledger = fresh(*[10**12] * 5)
        self.accounts = range(1, 6)
        deposits = {account: Fraction(10**12 * WAD) for account in self.accounts}
        self.loops = Loops(deposits, dict.fromkeys(self.accounts, Fraction(0)))
        self.error = Fraction(0)
        self.highest = self.mark  # of marks, funding included
        self.steps = 0
        self.ended = 0

    @property
    def now(self) -> Moment:
        price = Price(spot_wad=self.mark, ema_wad=self.mark, grade=Grade.FRESH)
        return Moment(time=self.time, prices={1: price})

    def step(self) -> None:
        before = len(self.ledger.positions.epoch_ends)
        self._pass_time(self.rng.choice((0, 1, 60, 3_600, 86_400)))
        kind = self.rng.choice(("trade", "trade", "trade", "price", "deleverage", "take", "settle"))
        getattr(self, f"_{kind}")()
        self.steps += 1

        # A holder's size is off by two wei and a digit of A of its base, its cash by two wei and a digit of K; sizes
        # count at the highest price there was.
        m = self.ledger.positions.markets[ETH]
        base = max(m.interest.long_base_wad, m.interest.short_base_wad)
        self.error += 2 * (Fraction(base, WAD) + 2) * (Fraction(self.highest, WAD) + 1)
        new = len(self.ledger.positions.epoch_ends) - before
        self.ended += new
        self.error += new * EPOCH_DUST

    def _pass_time(self, seconds: int) -> None:
        m = self.ledger.positions.markets[ETH]
        self.time += seconds
        rules = RULES.positions
        elapsed = self.time - m.long.accrued_at
        f = side_index.funding(
            m.long.premium_ppb, self.mark, elapsed, rules.funding_period_seconds, rules.funding_cap_bps
        )
        self.ledger.accrue(self.now, ETH)
        self.loops.fund(f)
        self.highest += abs(f)

    def _size(self) -> int:
        return int(10 ** self.rng.uniform(0, 24))

    def _trade(self) -> None:
        buyer, seller = self.rng.sample(self.accounts, 2)
        sizes = [
            abs(self.ledger.positions.position_of(self.now, account, ETH)[0]) for account in (buyer, seller)
        ]
        size = self.rng.choice((self._size(), self._size(), *sizes)) or 1
        price = self.mark * self.rng.randint(9_000, 11_000) // BPS
        self.ledger.fill(
            self.now,
            Fill(
                instrument=ETH, buyer=buyer, seller=seller, fee_account=buyer, size_wad=size, price_wad=price
            ),
        )
        self.loops.trade(buyer, seller, Fraction(size), Fraction(-(-size * price // WAD)))

    def _price(self) -> None:
        self.mark = int(self.mark * self.rng.uniform(0.7, 1.4))
        self.highest = max(self.highest, self.mark)

    def _deleverage(self) -> None:
        account = self.rng.choice(self.accounts)
        size, _ = self.ledger.positions.position_of(self.now, account, ETH)
        if size == 0 or self.loops.size[account] * size <= 0:
            return
        notional = abs(size) * self.mark // WAD
        deficit = self.rng.choice((0, self.rng.randint(0, notional)))
        against = [s for s in self.loops.size.values() if s * size < 0]
        if not against or abs(sum(against)) < 10**6 or abs(size) < 10**6:
            return  # rounding would be most of it
        self.ledger.deleverage(self.now, account, ETH, deficit)
        quote = positions.bankruptcy_quote(size, self.mark, deficit)
        self.loops.close_against_side(account, Fraction(quote))

    def _take(self) -> None:
        source, to = self.rng.sample(self.accounts, 2)
        fraction = self.rng.choice((WAD, self.rng.randint(1, WAD)))
        size = self.loops.size[source] * fraction / WAD
        try:
            self.ledger.take(self.now, source, to, fraction, 0)
        except Refused as refusal:
            raise AssertionError(refusal) from refusal
        self.loops.trade(to, source, size, size * self.mark / WAD)

    def _settle(self) -> None:
        held = list(self.ledger.positions.positions)
        if held:
            self.ledger.settle(self.now, *self.rng.choice(held))

    def check(self) -> None:
        now = self.now
        found = {account: equity(self.ledger, now, account) for account in self.accounts}
        for account in self.accounts:
            exact = self.loops.equity(account, self.mark)
            assert abs(found[account] - exact) <= self.error, (
                account,
                float(found[account] - exact),
                float(self.error),
            )
        total = sum(self.loops.equity(account, self.mark) for account in self.accounts)
        assert total == 5 * 10**12 * WAD  # the loops conserve to the last digit
        assert sum(found.values()) <= total + self.ended * len(self.accounts) * EPOCH_DUST


@repeatable
@given(seeds)
def test_ledger__against_loops_in_fractions__within_the_error(seed: int) -> None:
    both = Both(Random(seed))
    for _ in range(40):
        both.step()
        both.check()


def test_ledger__against_loops__reaches_scaled_sides_and_epochs() -> None:
    ended = scaled = 0
    for seed in range(30):
        both = Both(Random(seed))
        for _ in range(40):
            both.step()
        ended += both.ended > 0
        m = both.ledger.positions.markets[ETH]
        scaled += WAD not in (m.long.scale_wad, m.short.scale_wad)
    assert ended >= 5 and scaled >= 3, (ended, scaled)


# Random histories


class Brought(World):
    """Interest and funding are written up to now before each step, so that what a step does to the books is its own."""

    def __init__(self, time: int, decimals: int) -> None:
        super().__init__(time, decimals)
        self.stood = self.before = self.after = Fraction(0)

    def play(self, step: Step) -> Refused | None:
        self.stood = self.after
        self.time += step.wait
        self.ledger.accrue_interest(self.now)
        for perp in PERPS:
            self.ledger.accrue(self.now, perp)
        self.before = exact_dust(self.ledger, self.now)
        refusal = super().play(Step(step.name, step.args))
        self.after = exact_dust(self.ledger, self.now)
        return refusal


@repeatable
@given(seeds, st.integers(20, 60), st.sampled_from([6, 18]))
def test_histories__any__inv_01_every_claim_has_its_token(seed: int, length: int, decimals: int) -> None:
    world = World(0, decimals)
    for step, _ in history(seed, world, length):
        ledger, now = world.ledger, world.now
        found = books(ledger, now)
        assert exact_dust(ledger, now) >= 0, f"INV-01: {step}"
        assert found.balanced and found.dust_wad >= 0, f"INV-01: {found} {step}"
        assert set(found.collateral_dust.values()) == {0}, f"INV-01: {found} {step}"
        ended = [key for key in ledger.positions.epoch_ends if not key[1]]
        for perp, net in found.net_size_wad.items():
            folds = sum(key[0] == perp for key in ended)
            assert net <= folds * len(ledger.accounts), f"INV-01: more long than short after {step}"
        _check_bases(ledger, now)


def _check_bases(ledger: Ledger, now: Moment) -> None:
    for perp in PERPS:
        m = ledger.positions.market_at(now, perp)
        for long in (True, False):
            total = sum(
                abs(p.base_wad)
                for account, held in ledger.positions.positions
                if held == perp
                for p in [ledger.positions.current(now, account, perp)[1]]
                if (p.base_wad > 0) == long
            )
            assert total <= side_index.base_of(m, long)
            if not any(key[:2] == (perp, long) for key in ledger.positions.epoch_ends):
                assert total == side_index.base_of(m, long)


@repeatable
@given(seeds, st.integers(20, 60), st.sampled_from([6, 18]))
def test_histories__any__exact_dust_never_falls(seed: int, length: int, decimals: int) -> None:
    world = Brought(0, decimals)
    for step, refusal in history(seed, world, length):
        if refusal is not None:
            assert world.after == world.before
        ended = bool(world.ledger.positions.epoch_ends)
        assert ended or world.before >= world.stood, f"INV-01: time took {world.stood - world.before}"
        assert ended or world.after >= world.before, f"INV-01: {step} took {world.before - world.after}"


@repeatable
@given(seeds, st.integers(20, 40))
def test_histories__refused__nothing_changed(seed: int, length: int) -> None:
    world = World(0, 6)
    before = _state(world)
    for _, refusal in history(seed, world, length):
        after = _state(world)
        if refusal is not None:
            assert after == before
        before = after


def _state(world: World) -> Any:
    ledger = world.ledger
    kept = ledger.positions
    return deepcopy(
        (
            *(ledger.pool, ledger.accounts, ledger.balances, ledger.vaults),
            *(kept.markets, kept.lanes, kept.positions, kept.epoch_ends),
        )
    )


# Never a profit


@repeatable
@given(seeds, st.integers(2, 10**24), st.data())
def test_fill__in_parts__nobody_gains_but_from_the_other(seed: int, size: int, data: st.DataObject) -> None:
    world = World(0, 18)
    for _ in history(seed, world, 30):
        pass
    first = data.draw(st.integers(1, size - 1))
    price = world.now.price(1).spot_wad
    whole, parts = deepcopy(world.ledger), deepcopy(world.ledger)
    for ledger, sizes in ((whole, [size]), (parts, [first, size - first])):
        try:
            for part in sizes:
                t = ledger.positions.trade(world.now, ETH, A, B, part, price)
                pool = ledger._add_cash(ledger.pool_at(world.now), A, t.buyer_cash)
                ledger.pool = ledger._add_cash(pool, B, t.seller_cash)
        except Refused as refusal:
            assert refusal.name in ("Overflow", "OpenInterestCapExceeded")
            return

    # A wei of cash a fill is passed between the two; together they never have more.
    # Without open size: what they hold of it differs by a wei of base.
    for account in (A, B):
        assert _worth(parts, world.now, account) - _worth(whole, world.now, account) <= 2 * (
            WAD + price + whole.pool.credit_index_wad + whole.pool.debt_index_wad
        )
    assert exact_dust(parts, world.now) >= 0 and exact_dust(whole, world.now) >= 0
    assert sum(_worth(parts, world.now, account) for account in (A, B)) <= (
        sum(_worth(whole, world.now, account) for account in (A, B)) + 2 * WAD
    )


def _worth(ledger: Ledger, now: Moment, account: int) -> Fraction:
    """Equity [wad] of an account in its first market and cash, in 1e-18 wei, nothing rounded."""
    m, p = ledger.positions.current(now, account, ETH)
    side = side_index.side_of(m, p.base_wad > 0)
    shares, pool = ledger.accounts[account].shares, ledger.pool_at(now)
    cash = shares * (pool.credit_index_wad if shares > 0 else pool.debt_index_wad)
    flow = abs(p.base_wad) * side.flow_wad - p.cost_wad * WAD
    return cash + flow + Fraction(p.base_wad * side.scale_wad * now.mark(m), WAD)


@repeatable
@given(seeds, st.integers(1, 10**15))
def test_deposit__and_back__never_a_profit(seed: int, amount: int) -> None:
    world = World(0, 18, floors=(10**9,) * 3)  # nothing is held back
    for _ in history(seed, world, 40):
        pass
    ledger, now = world.ledger, world.now
    stranger = ledger.open(Mode.CROSS)
    before = exact_dust(ledger, now)

    ledger.deposit(now, stranger, USDC, amount)
    cash = ledger.cash_of(now, stranger)

    assert cash <= amount
    with pytest.raises(Refused):
        ledger.withdraw(now, stranger, USDC, cash + 1)
    if cash:
        ledger.withdraw(now, stranger, USDC, cash)
    assert ledger.cash_of(now, stranger) == 0
    assert exact_dust(ledger, now) >= before


# Caps


def test_fill__one_market_too_many__refused() -> None:
    ledger = fresh(10**9, 10**9, 10**9, markets=MAX_POSITIONS + 1)
    now = at(0, 2_000)
    for underlying in range(1, MAX_POSITIONS + 1):
        ledger.fill(now, _of(perpetual(underlying), A, B))

    last = perpetual(MAX_POSITIONS + 1)
    with refuses("TooManyPositions", A, MAX_POSITIONS):
        ledger.fill(now, _of(last, A, B))
    ledger.fill(now, _of(perpetual(1), B, A))  # leaves the first lane to the last market
    assert ledger.positions.lanes[A][0] == perpetual(MAX_POSITIONS)
    ledger.fill(now, _of(last, A, B))
    assert ledger.positions.lanes[A][-1] == last


def _of(perp: InstrumentId, buyer: int, seller: int) -> Fill:
    return Fill(
        instrument=perp, buyer=buyer, seller=seller, fee_account=buyer, size_wad=WAD, price_wad=2_000 * WAD
    )


def test_deposit__one_collateral_too_many__refused() -> None:
    ledger = fresh(0)
    now = at(0, 2_000)
    for asset in range(1, MAX_HOLDINGS + 1):
        ledger.deposit(now, A, asset, 1)

    with refuses("TooManyHoldings", A, MAX_HOLDINGS):
        ledger.deposit(now, A, MAX_HOLDINGS + 1, 1)
    ledger.deposit(now, A, MAX_HOLDINGS, 1)
