"""model.portfolio
├── examples worked by hand of docs/portfolio.md   -> exactly these numbers
├── figures of another engine                      -> what its books gain per scenario, within 1e-8
├── value and delta                                -> to the wei those of black76, within its error
├── any book
│   ├── INV-90                                     -> IM ≥ every weighted loss at a place, MM ≥ m·shortfall; at the
│   │                                                 volatilities of the core also between places
│   ├── INV-92: long options alone                 -> never more than they are worth
│   ├── INV-93: a share of everything              -> the share of the margin, but for rounding
│   ├── the largest slice of it                    -> leaves the target of equity to MM
│   └── INV-94: fewer scenarios                    -> never more; all of them: the same
├── INV-91: a hedge beside what it hedges          -> never more than without it
├── collateral: netted, and not                    -> covers a call; else its haircut is added
├── uncovered calls far above every node           -> charged for the slope at infinity
├── several underlyings                            -> between the root of squares and the sum; the sum without offsets
├── the slow price on the bad side                 -> IM grows by delta·gap
├── after expiry                                   -> what the option pays
├── a spot of a few wei, where places fall together -> assessed all the same
└── too many legs, not scanned, no price           -> TooManyLegs, NotScanned, NoPrice
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import Refused
from holdfast.model import black76, portfolio
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.model.liquidation import largest_wad
from holdfast.model.portfolio import (
    ALL,
    DAY,
    Exposure,
    Rules,
    ScanParams,
    Scenario,
    assess,
    place_at,
    shocked_spot,
)
from holdfast.model.risk import Book, Collateral, Leg
from holdfast.types import AssetParams, Kind, Margin, instrument_id, kind_of, perpetual
from holdfast.units import BPS, WAD, bps_up, mul_div_up, mul_wad_down

NOW = 1_900_000_000
ETH, BTC, WETH, OTHER = 1, 2, 1, 2
SPOT = 2_000 * WAD
YEAR = 365 * DAY
SLICE_DUST = 100_000
"""[wei] That a share of everything may need more than its share: a few for each rounding of a position."""
HAIRCUT = AssetParams(initial_haircut_bps=1_500, maintenance_haircut_bps=1_000)

RULES = Rules(
    scans={ETH: LARGE_PARAMS, BTC: LARGE_PARAMS},
    grids={ETH: LARGE, BTC: LARGE},
    correlation_bps=8_000,
    leg_cap=32,
    netted={WETH: ETH},
)

repeatable = settings(deadline=None, derandomize=True, max_examples=40)


def flat(vol_bps: int = 6_000) -> portfolio.TotalVariance:
    """The same volatility at every strike."""
    return lambda underlying, expiry_at, k: (vol_bps * WAD // BPS) ** 2 // WAD * (expiry_at - NOW) // YEAR


def perp(size: Fraction | int, underlying: int = ETH, ema_wad: int = SPOT) -> Leg:
    return _leg(perpetual(underlying), size, ema_wad)


def option(kind: Kind, strike: int, size: Fraction | int, days: float = 30, underlying: int = ETH) -> Leg:
    return _leg(instrument_id(kind, underlying, NOW + round(days * DAY), strike * WAD), size, SPOT)


def _leg(instrument: int, size: Fraction | int, ema_wad: int) -> Leg:
    return Leg(
        instrument=instrument,
        size_wad=int(size * WAD),
        quote_wad=0,
        mark_wad=SPOT,
        ema_wad=ema_wad,
        open_interest_wad=0,
    )


def margin(
    legs: Sequence[Leg], *, held: int = 0, offsets: bool = True, witness: int = ALL, **changes: int
) -> Margin:
    """Of legs, and of so many WETH."""
    rules = replace(RULES, scans=dict.fromkeys((ETH, BTC), replace(LARGE_PARAMS, **changes)))
    holdings = (Collateral(asset=WETH, amount_wad=held * WAD, price_wad=SPOT, ema_wad=SPOT),) if held else ()
    book = Book(cash_wad=0, legs=tuple(legs), holdings=holdings)
    return assess(book, [HAIRCUT] * len(holdings), rules, flat(), NOW, offsets=offsets, witness=witness)


def exposure(legs: Sequence[Leg]) -> Exposure:
    return portfolio.exposure_of(ETH, legs, (), LARGE_PARAMS, flat(), NOW)


sizes = st.integers(-50, 50).filter(bool).map(lambda tenths: Fraction(tenths, 10))
options = st.builds(
    option,
    st.sampled_from((Kind.CALL, Kind.PUT)),
    st.integers(1_000, 4_000),
    sizes,
    st.sampled_from((0.1, 1, 2, 7, 30, 90)),
)
books = st.lists(st.one_of(options, options, st.builds(perp, sizes)), min_size=1, max_size=6)


# --- Examples ---


def test_one_perpetual__worked_by_hand() -> None:
    # −16 % under both volatilities, then −12 %: 320, 320, 240. The tail of −66 % counts with 18 %: 237.6.
    assert margin([perp(1)]) == Margin(
        equity_wad=SPOT,
        initial_wad=320 * WAD,
        maintenance_wad=bps_up(mul_div_up(880, WAD, 3), 5_000),
        borrow_limit_wad=0,
    )


def test_perpetual_against_itself_in_collateral__the_floor_alone() -> None:
    # Net nothing, gross 4,000: 1 % of half of it.
    found = margin([perp(-1)], held=1)
    assert (found.initial_wad, found.maintenance_wad) == (20 * WAD, 10 * WAD)
    assert found.borrow_limit_wad == 1_700 * WAD


def test_losses_per_scenario__as_another_engine_has_them() -> None:
    """derivexyz/v2-core, PMRM_2 portfolio_cases, `test_19_structures_ITM_call_spread`: value and profits of the book.

    There a book worth less than nothing isn't discounted in a scenario, so it is worth what ours is.
    """
    forward, mark = 2682.9997436016715, -193.11975228138357
    theirs = {
        (1_800, 5_000): -5.204154281045305,
        (1_350, -2_750): -6.877324086773655,
        (450, 0): -3.9903785476845712,
        (0, 5_000): 8.175988481389936,
        (-900, -2_750): 1.806240198528144,
        (-1_800, 5_000): 52.05242108022847,
    }
    seconds, params = 794_852, LARGE_PARAMS
    legs = []
    for strike, size, vol in ((2_000, -1, 1.05566815917837), (2_200, 1, 0.8887739594928362)):
        root_wad = black76.root_wad_down(int(vol * WAD) ** 2 // WAD * seconds // YEAR)
        legs.append(
            portfolio.Option(
                size_wad=size * WAD,
                strike_wad=strike * WAD,
                log_wad=black76.ln_moneyness_wad(int(forward * WAD), strike * WAD),
                root_wad=root_wad,
                power_wad=portfolio.power_wad(seconds, params),
                call_wad=0,
                value_wad=0,
                delta_wad=0,
            )
        )
    spot_wad = int(forward * WAD)
    book = Exposure(
        underlying=ETH,
        spot_wad=spot_wad,
        ema_wad=spot_wad,
        linear_wad=0,
        gross_linear_wad=0,
        straight_wad=0,
        value_wad=0,
        options=tuple(legs),
    )
    for (spot_bps, vol_bps), profit in theirs.items():
        place = place_at(book, *shocked_spot(spot_wad, spot_bps), vol_bps)
        assert place.profit_wad / WAD == pytest.approx(mark + profit, rel=1e-8), (spot_bps, vol_bps)


@repeatable
@given(strike=st.integers(1, 10**6), root_wad=st.one_of(st.just(1), st.integers(1, 5 * WAD)))
def test_quote__any_call__value_of_black76_and_its_delta(strike: int, root_wad: int) -> None:
    strike_wad = strike * WAD // 10
    ln = black76.ln_moneyness_wad(SPOT, strike_wad)
    value_wad, delta_wad = portfolio.quote(SPOT, strike_wad, ln, root_wad)
    assert value_wad == black76.prices_wad(SPOT, strike_wad, black76.time_value_wad(ln, root_wad))[0]
    assert (
        abs(delta_wad - black76.call_delta_wad(ln, root_wad)) <= 20_000
    )  # [wad] rounding of d₁ where √w is tiny


@repeatable
@given(legs=books, spot_bps=st.integers(-9_000, 50_000), vol_bps=st.integers(-9_000, 9_000))
def test_place__any_book__as_its_options_are_worth_there(
    legs: list[Leg], spot_bps: int, vol_bps: int
) -> None:
    """Leg by leg with `black76`, puts as puts."""
    book = exposure(legs)
    shocked_wad, move_wad = shocked_spot(SPOT, spot_bps)
    kept = iter(book.options)
    profit = 0
    for leg in legs:
        kind = kind_of(leg.instrument)
        if kind is Kind.PERPETUAL:
            profit += leg.size_wad * (shocked_wad - SPOT)
            continue
        one, side = next(kept), 0 if kind is Kind.CALL else 1
        now = black76.prices_wad(SPOT, one.strike_wad, black76.time_value_wad(one.log_wad, one.root_wad))[
            side
        ]
        share = black76.time_value_wad(one.log_wad + move_wad, portfolio.shocked_root(one, vol_bps))
        assert one.value_wad == now
        profit += leg.size_wad * (black76.prices_wad(shocked_wad, one.strike_wad, share)[side] - now)
    assert place_at(book, shocked_wad, move_wad, vol_bps).profit_wad == profit // WAD


# --- Any book ---


@repeatable
@given(legs=books)
def test_inv_90_margin_covers_every_scenario(legs: list[Leg]) -> None:
    found, book = margin(legs), exposure(legs)
    cap_wad = portfolio.add_ons(book, LARGE_PARAMS)[2]
    charged = []
    for vol_bps in LARGE.vols_bps:
        for spot_bps in LARGE.spots_bps:
            charged.append(-place_at(book, *shocked_spot(SPOT, spot_bps), vol_bps).profit_wad)
    for tail in LARGE.tails:
        place = place_at(book, *shocked_spot(SPOT, tail.spot_bps), tail.vol_bps)
        charged.append(-place.profit_wad * tail.weight_bps // BPS)
    assert found.initial_wad >= max(charged), "INV-90"
    worst = sorted((max(0, one) for one in charged), reverse=True)[: LARGE_PARAMS.worst]
    assert found.maintenance_wad >= sum(worst) * LARGE_PARAMS.maintenance_bps // (BPS * len(worst)), "INV-90"
    assert found.initial_wad >= found.maintenance_wad >= 0

    # Between two places of one volatility nothing lies below; but for a wei, and the error of prices.
    for low_bps, high_bps in pairwise(LARGE.spots_bps):
        for vol_bps in LARGE.vols_bps:
            low, high = (place_at(book, *shocked_spot(SPOT, one), vol_bps) for one in (low_bps, high_bps))
            least_wad = portfolio.between(low, high)
            for spot_bps in range(low_bps, high_bps, 50):
                profit_wad = place_at(book, *shocked_spot(SPOT, spot_bps), vol_bps).profit_wad
                assert profit_wad >= least_wad - 10**9, ("INV-90", spot_bps, vol_bps)
                assert found.initial_wad >= min(-profit_wad, cap_wad) - 10**9, ("INV-90", spot_bps, vol_bps)


@repeatable
@given(legs=st.lists(options.filter(lambda leg: leg.size_wad > 0), min_size=1, max_size=6))
def test_inv_92_long_options_never_need_more_than_they_are_worth(legs: list[Leg]) -> None:
    found = margin(legs)
    assert found.maintenance_wad <= found.initial_wad <= found.equity_wad + len(legs), "INV-92"


@repeatable
@given(legs=books, share=st.integers(1, 999))
def test_inv_93_a_slice_needs_its_share(legs: list[Leg], share: int) -> None:
    whole = margin(legs)
    part = margin([replace(leg, size_wad=leg.size_wad * share // 1_000) for leg in legs])
    # A wei of size is a wei of price: sizes round by less than one each.
    slack = 2 * len(legs) * 6 * SPOT // WAD + 100
    for now, then in ((part.initial_wad, whole.initial_wad), (part.maintenance_wad, whole.maintenance_wad)):
        assert abs(now - then * share // 1_000) <= slack, "INV-93"


@repeatable
@given(legs=books, witness=st.integers(0, (1 << 21) - 1))
def test_inv_94_a_witness_proves_no_more_than_there_is(legs: list[Leg], witness: int) -> None:
    whole, part = margin(legs), margin(legs, witness=witness)
    assert part.maintenance_wad <= whole.maintenance_wad, "INV-94"
    assert part.initial_wad <= whole.initial_wad, "INV-94"
    assert part.equity_wad == whole.equity_wad
    assert margin(legs, witness=(1 << 21) - 1) == whole, "INV-94"


@settings(deadline=None, derandomize=True, max_examples=60)
@given(legs=books, health_bps=st.integers(1_100, 9_999))
def test_slice__the_largest__reaches_the_target(legs: list[Leg], health_bps: int) -> None:
    """f* takes MM to shrink as what is left does: then equity is T times it, as in the linear models."""
    maintenance_wad, d, target = margin(legs).maintenance_wad, WAD // 10, 14 * WAD // 10
    equity_wad = maintenance_wad * health_bps // BPS

    fraction_wad = largest_wad(equity_wad, maintenance_wad, d, target)

    kept = [replace(leg, size_wad=leg.size_wad - _part(leg.size_wad, fraction_wad)) for leg in legs]
    left_wad = equity_wad - mul_wad_down(mul_wad_down(maintenance_wad, d), fraction_wad)
    assert fraction_wad < WAD
    assert left_wad * WAD >= target * (margin(kept).maintenance_wad - SLICE_DUST)


def _part(size_wad: int, fraction_wad: int) -> int:
    part = abs(size_wad) * fraction_wad // WAD
    return part if size_wad > 0 else -part


def test_witness__one_scenario_that_hurts__proves_a_third_of_the_shortfall() -> None:
    legs = [perp(1)]
    found = margin(legs, witness=1)  # the lowest spot
    assert found.maintenance_wad == bps_up(mul_div_up(320, WAD, 3), 5_000)


@pytest.mark.parametrize(
    "leg, hedge",
    [
        (option(Kind.CALL, 2_100, -1), option(Kind.CALL, 2_300, 1)),
        (option(Kind.CALL, 2_100, -1), option(Kind.CALL, 2_100, 1)),
        (option(Kind.CALL, 2_100, -1, 0.1), option(Kind.CALL, 2_105, 1, 0.1)),
        (option(Kind.PUT, 1_900, -1), option(Kind.PUT, 1_700, 1)),
        (option(Kind.PUT, 1_900, -1, 1), option(Kind.PUT, 1_890, 1, 1)),
        (option(Kind.CALL, 2_100, -1), perp(Fraction(1, 2))),
        (perp(1), option(Kind.PUT, 1_900, 1)),
        (perp(1), option(Kind.PUT, 1_900, 1, 1)),
        (perp(-1), option(Kind.CALL, 2_100, 1)),
        (perp(1), option(Kind.CALL, 2_600, -1)),
        (option(Kind.CALL, 2_000, -1), option(Kind.CALL, 2_000, 1, 60)),
    ],
)
def test_inv_91_a_hedge_never_raises_margin(leg: Leg, hedge: Leg) -> None:
    alone, hedged = margin([leg]), margin([leg, hedge])
    short_wad = portfolio.add_ons(exposure([hedge]), LARGE_PARAMS)[
        1
    ]  # a short hedge brings its own contingency
    assert hedged.initial_wad <= alone.initial_wad + short_wad, "INV-91"
    assert hedged.maintenance_wad <= alone.maintenance_wad, "INV-91"


# --- Rules one by one ---


def test_collateral__of_the_same_underlying__covers_a_call() -> None:
    naked, covered = margin([option(Kind.CALL, 2_400, -1)]), margin([option(Kind.CALL, 2_400, -1)], held=1)
    alone = margin([], held=1)
    assert covered.maintenance_wad < naked.maintenance_wad + alone.maintenance_wad
    assert covered.maintenance_wad <= alone.maintenance_wad


def test_collateral__of_nothing_scanned__adds_its_haircut() -> None:
    holding = Collateral(asset=OTHER, amount_wad=WAD, price_wad=100 * WAD, ema_wad=90 * WAD)
    book = Book(cash_wad=-7, holdings=(holding,))
    assert assess(book, [HAIRCUT], RULES, flat(), NOW) == Margin(
        equity_wad=100 * WAD - 7,
        initial_wad=100 * WAD - 765 * WAD // 10,
        maintenance_wad=10 * WAD,
        borrow_limit_wad=765 * WAD // 10,
    )


def test_uncovered_call__above_every_node__charged_for_the_slope() -> None:
    # 12 % of 2,000, and the contingency of IM: 0.5 %.
    found = margin([option(Kind.CALL, 50_000, -1, 1)])
    assert found.initial_wad == 250 * WAD
    assert margin([option(Kind.CALL, 50_000, -1, 1)], tail_bps=0).initial_wad < 11 * WAD


def test_several_underlyings__between_the_root_of_squares_and_the_sum() -> None:
    legs = [perp(1), perp(1, BTC)]
    sum_wad, found = 640 * WAD, margin(legs).initial_wad
    assert margin(legs, offsets=False).maintenance_wad == margin(legs).maintenance_wad
    # ρ = 80 %: 320·√(0.8·4 + 0.2·2)
    assert found / WAD == pytest.approx(320 * sqrt(3.6), rel=1e-15)
    assert margin(legs, offsets=False).initial_wad == sum_wad
    assert 320 * sqrt(2) < found / WAD < 640


def test_slow_price__on_the_bad_side__raises_initial_margin_alone() -> None:
    low = [perp(1, ema_wad=1_950 * WAD)]
    assert margin(low).initial_wad == 370 * WAD
    assert margin(low).maintenance_wad == margin([perp(1)]).maintenance_wad
    assert margin([perp(-1, ema_wad=1_950 * WAD)]).initial_wad == margin([perp(-1)]).initial_wad


def test_after_expiry__worth_what_it_pays() -> None:
    assert margin([option(Kind.PUT, 2_300, 2, -1)]).equity_wad == 600 * WAD
    assert margin([option(Kind.CALL, 2_300, 2, -1)]).equity_wad == 0


def test_own_strike__of_a_long_option_about_to_expire__is_a_place() -> None:
    # Worth 30 at the present spot, nothing at its strike; both neighbours of the strike are far above.
    legs = [option(Kind.CALL, 2_030, Fraction(1), 0.01), option(Kind.PUT, 2_030, Fraction(1), 0.01)]
    book = exposure(legs)
    places = [-place_at(book, *shocked_spot(SPOT, one), -2_200).profit_wad for one in LARGE.spots_bps]
    assert max(places) < 5 * WAD
    assert margin(legs).initial_wad > 28 * WAD
    assert portfolio.own_strikes(book, -2_200, LARGE_PARAMS) == [(2_030 * WAD, book.options[0].log_wad)]


@pytest.mark.parametrize("spot", range(1, 31))
def test_spot_of_a_few_wei__places_fall_together__assessed_all_the_same(spot: int) -> None:
    legs = [
        replace(leg, mark_wad=spot, ema_wad=spot)
        for leg in (
            perp(-1),
            Leg(
                instrument=instrument_id(Kind.CALL, ETH, NOW + DAY, spot),
                size_wad=2 * WAD,
                quote_wad=0,
                mark_wad=spot,
                ema_wad=spot,
                open_interest_wad=0,
            ),
        )
    ]
    found = margin(legs)
    assert 0 <= found.maintenance_wad <= found.initial_wad <= 4 * spot


def test_refusals() -> None:
    def refusal(**changes: object) -> tuple[object, ...]:
        with pytest.raises(Refused) as caught:
            book = Book(cash_wad=0, legs=(perp(1), perp(2)))
            assess(book, (), replace(RULES, **changes), flat(), NOW)
        return (caught.value.name, *caught.value.values)

    assert refusal(leg_cap=1) == ("TooManyLegs", 2, 1)
    assert refusal(scans={}) == ("NotScanned", ETH)
    with pytest.raises(Refused) as caught:
        assess(Book(cash_wad=0, legs=(replace(perp(1), mark_wad=0),)), (), RULES, flat(), NOW)
    assert (caught.value.name, *caught.value.values) == ("NoPrice", ETH)


def test_grid__is_as_its_page_says() -> None:
    assert isinstance(LARGE_PARAMS, ScanParams)
    assert 0 in LARGE.spots_bps
    # Every tail and the slope weigh the same move of notional.
    assert all(
        abs(one.spot_bps) * one.weight_bps == pytest.approx(LARGE_PARAMS.tail_bps * BPS, rel=0.01)
        for one in LARGE.tails
        if isinstance(one, Scenario)
    )
