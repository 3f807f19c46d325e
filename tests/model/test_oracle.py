"""The oracle's twin against numbers worked by hand, and against mpmath
├── kept_wad           -> decay^t, never above it, and within t units in the last place
├── ema_after          -> between the two prices, nearer with time, in one step or in many
├── price              -> the worst grade that holds, at the second
├── variance_after     -> an exponential average of squared returns, whatever the intervals
├── poke               -> what enters, what is refused, what the breaker hears
└── contested_seconds  -> the exact bound: ln(…)/ln(decay), whoever acts or doesn't
"""

from __future__ import annotations

import random
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.model.fixed_point import ln_wad
from holdfast.model.oracle import (
    MAX_EMA_DECAY_WAD,
    YEAR_SECONDS,
    Answer,
    Feed,
    Rules,
    Stored,
    contested_seconds,
    ema_after,
    kept_wad,
    longest_contested_seconds,
    poke,
    price,
    stored_variance_wad,
    variance_after,
    volatility_wad,
)
from holdfast.types import Grade
from holdfast.units import WAD

DECAY = 99 * WAD // 100
VARIANCE_DECAY = 999 * WAD // 1_000
RULES = Rules(ema_decay_wad=DECAY, variance_decay_wad=VARIANCE_DECAY, slow_seconds=60)
FEED = Feed(heartbeat_seconds=100, deviation_percent=10, min_wad=10 * WAD, max_wad=1_000 * WAD)
AT = 1_000_000
CALM = Stored(spot_wad=100 * WAD, ema_wad=100 * WAD, updated_at=AT)

repeatable = settings(deadline=None, derandomize=True, max_examples=200)
prices = st.integers(1, 2**88 - 1) | st.floats(0, 26.4).map(lambda power: int(10**power))
times = st.integers(1, 100) | st.floats(0, 9).map(lambda power: int(10**power))
decays = st.integers(0, MAX_EMA_DECAY_WAD) | st.sampled_from([0, DECAY, MAX_EMA_DECAY_WAD])


@pytest.mark.parametrize(
    ("elapsed", "kept"),
    [
        (0, WAD),
        (1, 990_000_000_000_000_000),
        (2, 980_100_000_000_000_000),
        (3, 970_299_000_000_000_000),
        (10, 904_382_075_008_804_490),  # 0.99^10 = 0.90438207500880449001
    ],
)
def test_kept_wad__by_hand(elapsed: int, kept: int) -> None:
    assert kept_wad(DECAY, elapsed) == kept


@repeatable
@given(decay=decays, elapsed=times)
def test_kept_wad__any__just_below_the_power(decay: int, elapsed: int) -> None:
    with mpmath.workdps(80):
        exact = mpmath.mpf(decay) / WAD
        exact = exact**elapsed * WAD
        assert -1e-40 <= exact - kept_wad(decay, elapsed) <= min(elapsed, 20_000)


@pytest.mark.parametrize(
    ("spot", "ema", "elapsed", "expected"),
    [
        (105, 100, 2, 100_099_500_000_000_000_000),  # 105 − 5·0.9801
        (95, 100, 3, 99_851_495_000_000_000_000),  # 95 + 5·0.970299
        (100, 100, 7, 100 * WAD),
        (105, 100, 0, 100 * WAD),
    ],
)
def test_ema_after__by_hand(spot: int, ema: int, elapsed: int, expected: int) -> None:
    assert ema_after(spot * WAD, ema * WAD, elapsed, DECAY) == expected


@repeatable
@given(spot=prices, ema=prices, decay=decays, first=times, more=times)
def test_ema_after__any__comes_nearer_and_never_passes(
    spot: int, ema: int, decay: int, first: int, more: int
) -> None:
    low, high = sorted((spot, ema))

    once = ema_after(spot, ema, first, decay)
    later = ema_after(spot, ema, first + more, decay)

    assert low <= once <= high
    assert abs(spot - later) <= abs(spot - once) <= abs(spot - ema)
    assert once != ema or spot == ema  # even a wei of difference shrinks


@repeatable
@given(spot=prices, ema=prices, decay=decays, steps=st.lists(times, min_size=1, max_size=20))
def test_ema_after__in_many_steps__as_in_one(spot: int, ema: int, decay: int, steps: list[int]) -> None:
    """Poking the same price often neither speeds the slow price up nor holds it back."""
    stepwise = ema
    for step in steps:
        stepwise = ema_after(spot, stepwise, step, decay)

    at_once = ema_after(spot, ema, sum(steps), decay)

    # each step may lose a wei, and a few units in the last place of what is kept
    slack = 2 * len(steps) + abs(spot - ema) * 20_000 * (len(steps) + 1) // WAD
    assert abs(stepwise - at_once) <= slack


def test_variance_after__by_hand() -> None:
    """100 → 110 in 10 s, then back in 100 s, at 0.999 a second.

    kept 0.999¹⁰ = 0.990045 and 0.999¹⁰⁰ = 0.904792; (ln 1.1)² = 0.00908403 each time; a year has 31,536,000 s.
    0.000908403 · 0.009955 · 31,536,000 = 285.19; · 0.904792 + 0.0000908403 · 0.095208 · 31,536,000 = 258.04 + 272.75.
    """
    up = variance_after(0, 100 * WAD, 110 * WAD, 10, VARIANCE_DECAY)
    back = variance_after(up, 110 * WAD, 100 * WAD, 100, VARIANCE_DECAY)

    assert up / WAD == pytest.approx(285.19, rel=1e-4)
    assert back / WAD == pytest.approx(258.04 + 272.75, rel=1e-4)


def test_variance_after__irregular_path__as_with_floats() -> None:
    """A path of two years' volatilities with gaps from a second to a day, against the same average in NumPy."""
    rng = np.random.default_rng(7)
    gaps = np.maximum(1, rng.exponential(600, 2_000).astype(int))
    gaps[::97] = 86_400
    yearly = np.where(np.arange(2_000) < 1_000, 0.5, 1.5)
    returns = rng.normal(0, yearly * np.sqrt(gaps / YEAR_SECONDS))
    prices = [2_000 * WAD, *(int(price * 10**8) * 10**10 for price in 2_000 * np.exp(np.cumsum(returns)))]
    decay = WAD - 8_022_504_000_000  # halves in a day

    found, floats = 0, 0.0
    for old, new, gap in zip(prices, prices[1:], gaps.tolist(), strict=False):
        found = variance_after(found, old, new, gap, decay)
        kept = np.exp(gap * np.log1p(-8.022504e-6))
        floats = floats * kept + np.log(new / old) ** 2 * YEAR_SECONDS / gap * (1 - kept)
        assert found / WAD == pytest.approx(floats, rel=1e-9)
    assert 1 < volatility_wad(replace(CALM, variance_wad=found)) / WAD < 2  # 150 %


@repeatable
@given(old=prices, new=prices, elapsed=times, variance=st.integers(0, 10**29), decay=st.integers(0, WAD - 1))
def test_variance_after__any__just_above_exact(
    old: int, new: int, elapsed: int, variance: int, decay: int
) -> None:
    """Never below but for the last places of the logarithms and of what is kept; and it fits its 128 bits."""
    found = variance_after(variance, old, new, elapsed, decay)

    with mpmath.workdps(90):
        kept = mpmath.mpf(kept_wad(decay, elapsed)) / WAD
        sample = mpmath.log(mpmath.mpf(new) / old) ** 2 * YEAR_SECONDS / elapsed * WAD
        exact = variance * kept + sample * (1 - kept)
        slack = sample * mpmath.mpf("1e-14") + 4 * mpmath.sqrt(sample * YEAR_SECONDS / elapsed) / 10**9 + 100
        assert exact - slack <= found <= exact + slack
    assert found < 2**128


@repeatable
@given(variance=st.integers(0, 2**128 - 1) | st.integers(0, 128).map(lambda bits: 2**bits - 1))
def test_stored_variance__any__is_rounded_up_in_the_sixteenth_bit(variance: int) -> None:
    kept = stored_variance_wad(variance)

    assert variance <= kept <= variance + variance // 2**15
    assert stored_variance_wad(kept) == kept


@repeatable
@given(x=st.integers(1, 2**255 - 1) | st.integers(1, 10**20))
def test_ln_wad__any__as_mpmath(x: int) -> None:
    with mpmath.workdps(90):
        assert abs(ln_wad(x) - mpmath.log(mpmath.mpf(x) / WAD) * WAD) < 2


@pytest.mark.parametrize(
    ("age", "grade"),
    [(0, Grade.FRESH), (100, Grade.FRESH), (101, Grade.SLOW), (160, Grade.SLOW), (161, Grade.STALE)],
)
def test_price__calm__by_age(age: int, grade: Grade) -> None:
    assert price(RULES, FEED, CALM, AT + age).grade == grade


@pytest.mark.parametrize(
    ("spot", "age", "grade"),
    [
        (110, 0, Grade.FRESH),  # just at the deviation
        (120, 60, Grade.CONTESTED),  # 0.99^60 = 0.547 > 6/11
        (120, 61, Grade.FRESH),  # 0.99^61 = 0.542
        (90, 0, Grade.FRESH),
        (80, 80, Grade.CONTESTED),  # 20·k > 0.1·(80 + 20·k), so k > 4/9: 0.99^80 = 0.4475
        (80, 81, Grade.FRESH),  # 0.99^81 = 0.4430
        (1_000, 120, Grade.CONTESTED),  # Slow as well
        (1_000, 161, Grade.STALE),  # Contested as well
    ],
)
def test_price__after_a_jump(spot: int, age: int, grade: Grade) -> None:
    stored = replace(CALM, spot_wad=spot * WAD)

    assert price(RULES, FEED, stored, AT + age).grade == grade


def test_price__never_accepted__is_invalid() -> None:
    found = price(RULES, FEED, Stored(), AT)

    assert (found.spot_wad, found.ema_wad, found.grade) == (0, 0, Grade.INVALID)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(answer=0, updated_at=AT + 5),
        Answer(answer=10 * 10**8 - 1, updated_at=AT + 5),
        Answer(answer=1_000 * 10**8 + 1, updated_at=AT + 5),
        Answer(answer=100 * 10**8, updated_at=AT + 11),
        Answer(answer=100 * 10**8, updated_at=AT + 5, decimals=19),
    ],
    ids=str,
)
def test_poke__bad__refused(answer: Answer) -> None:
    done = poke(RULES, FEED, CALM, answer, AT + 10)

    assert done.stored == CALM
    assert not done.accepted
    assert done.refused == (answer.answer, answer.updated_at)


def test_poke__good__enters() -> None:
    stored = replace(CALM, spot_wad=105 * WAD)

    done = poke(RULES, FEED, stored, Answer(answer=120 * 10**8, updated_at=AT + 2), AT + 9)

    assert done.stored == Stored(
        spot_wad=120 * WAD,
        ema_wad=100_099_500_000_000_000_000,
        updated_at=AT + 2,
        variance_wad=variance_after(0, 105 * WAD, 120 * WAD, 2, VARIANCE_DECAY),
        accepted_at=AT + 9,
    )
    assert (done.accepted, done.refused, done.moved, done.resumed) == (True, None, True, False)


def test_poke__in_the_same_block__waits() -> None:
    first = poke(RULES, FEED, CALM, Answer(answer=105 * 10**8, updated_at=AT + 2), AT + 9)
    newer = Answer(answer=95 * 10**8, updated_at=AT + 3)

    assert poke(RULES, FEED, first.stored, newer, AT + 9).stored == first.stored
    assert poke(RULES, FEED, first.stored, newer, AT + 10).accepted


def test_poke__no_newer_or_silent__changes_nothing() -> None:
    old = poke(RULES, FEED, CALM, Answer(answer=-1, updated_at=AT), AT + 9)
    silent = poke(RULES, FEED, CALM, None, AT + 9)

    assert (old.stored, old.accepted, old.refused) == (CALM, False, None)
    assert (silent.stored, silent.accepted, silent.refused) == (CALM, False, (0, 0))


@pytest.mark.parametrize(("late", "resumed"), [(160, False), (161, True)])
def test_poke__after_stale__resumes(late: int, resumed: bool) -> None:
    done = poke(RULES, FEED, CALM, Answer(answer=100 * 10**8, updated_at=AT + late), AT + late)

    assert done.resumed == resumed


@pytest.mark.parametrize(
    ("percent", "spot", "ema", "seconds"),
    [
        (10, 110, 100, 0),
        (10, 120, 100, 61),  # ln(6/11)/ln(0.99) = 60.3
        (10, 80, 100, 81),  # ln(4/9)/ln(0.99) = 80.7
        (50, 1_000, 1, 110),  # ln(500/1498.5)/ln(0.99) = 109.2
    ],
)
def test_contested_seconds__by_hand(percent: int, spot: int, ema: int, seconds: int) -> None:
    assert contested_seconds(DECAY, percent, spot * WAD, ema * WAD) == seconds


@repeatable
@given(
    decay=st.integers(WAD // 2, MAX_EMA_DECAY_WAD),
    percent=st.integers(1, 99),
    spot=st.integers(WAD, 2**88 - 1),
    ema=st.integers(WAD, 2**88 - 1),
)
def test_contested_seconds__any__is_the_logarithm(decay: int, percent: int, spot: int, ema: int) -> None:
    """up: k ≤ d·spot/((1 + d)·(spot − ema)); down: k ≤ d·spot/((1 − d)·(ema − spot)); t = ⌈ln k / ln decay⌉."""
    found = contested_seconds(decay, percent, spot, ema)

    with mpmath.workdps(60):
        share = mpmath.mpf(percent) / 100
        if abs(spot - ema) <= share * ema:
            assert found == 0
            return
        reach = (1 + share) if spot > ema else (1 - share)
        kept = share * spot / (reach * abs(spot - ema))
        exact = mpmath.log(kept) / mpmath.log(mpmath.mpf(decay) / WAD)
        assert exact - 0.01 <= found <= exact + 1.01  # the roundings of what is kept


@repeatable
@given(seed=st.integers(0, 2**64 - 1))
def test_contested__price_stays__ends_within_the_bound(seed: int) -> None:
    """Whatever was before: once the price stays, poked or not, Contested is over after the bound."""
    rng = random.Random(seed)
    feed = replace(FEED, heartbeat_seconds=655_350, deviation_percent=rng.randint(1, 100))
    rules = replace(RULES, ema_decay_wad=rng.randint(WAD // 2, MAX_EMA_DECAY_WAD))
    bound = longest_contested_seconds(rules.ema_decay_wad, feed)
    stored, now = Stored(), AT
    for _ in range(rng.randint(1, 8)):  # a wild past
        now += rng.randint(1, 1_000)
        answer = Answer(answer=rng.randint(10 * 10**8, 1_000 * 10**8), updated_at=now)
        stored = poke(rules, feed, stored, answer, now).stored

    still, quiet = stored, now
    while quiet < now + bound:  # the same price again and again, at any pace
        quiet = min(now + bound, quiet + rng.randint(1, max(1, bound // 5)))
        again = Answer(answer=stored.spot_wad // 10**10, updated_at=quiet)
        still = poke(rules, feed, still, again, quiet).stored

    assert price(rules, feed, stored, now + bound).grade == Grade.FRESH
    assert price(rules, feed, still, now + bound + 1).grade == Grade.FRESH  # a second for its roundings


def test_longest_contested__widest_feed_and_slowest_decay__is_finite() -> None:
    """The worst that governance can set; with bounds a hundredfold apart it is less than a day."""
    feed = replace(FEED, deviation_percent=1, min_wad=1, max_wad=2**88 - 1)

    assert longest_contested_seconds(MAX_EMA_DECAY_WAD, feed) < 5 * 86_400
    assert longest_contested_seconds(MAX_EMA_DECAY_WAD, FEED) < 86_400
