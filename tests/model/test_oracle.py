"""The oracle's twin against numbers worked by hand, and against mpmath
├── kept_wad           -> decay^t, never above it, and within t units in the last place
├── ema_after          -> between the two prices, nearer with time, in one step or in many
├── price              -> the worst grade that holds, at the second
├── variance_after     -> an exponential average of squared returns, whatever the intervals
├── settle             -> the weighted median; no minority moves it beyond what the others say
├── a source's answer  -> in wad: push feeds, Pyth, the mean price of a pool
├── poke               -> what enters, what is refused, what the breaker hears
├── a contest          -> of any stretch at most half, however the spot flickers; then the price is drawn
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

from holdfast.model.fixed_point import exp_wad, ln_wad
from holdfast.model.oracle import (
    MAX_EMA_DECAY_WAD,
    MAX_SOURCES,
    YEAR_SECONDS,
    Answer,
    Feed,
    Rules,
    Stored,
    contested_seconds,
    drawn_wad,
    ema_after,
    kept_wad,
    longest_contested_seconds,
    may_vote,
    poke,
    pool_answer,
    price,
    pushed_wad,
    pyth_answer,
    settle,
    stored_variance_wad,
    variance_after,
    volatility_wad,
)
from holdfast.types import Grade
from holdfast.units import WAD

DECAY = 99 * WAD // 100
VARIANCE_DECAY = 999 * WAD // 1_000
RULES = Rules(ema_decay_wad=DECAY, variance_decay_wad=VARIANCE_DECAY, slow_seconds=60, contested_seconds=200)
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
    stored = replace(CALM, spot_wad=spot * WAD, contested_at=AT)

    assert price(RULES, FEED, stored, AT + age).grade == grade


def test_price__never_accepted__is_invalid() -> None:
    found = price(RULES, FEED, Stored(), AT)

    assert (found.spot_wad, found.ema_wad, found.grade) == (0, 0, Grade.INVALID)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Answer(price_wad=0, updated_at=AT + 5),
        Answer(price_wad=10 * WAD - 1, updated_at=AT + 5),
        Answer(price_wad=1_000 * WAD + 1, updated_at=AT + 5),
        Answer(price_wad=100 * WAD, updated_at=AT + 11),
        Answer(price_wad=100 * WAD, updated_at=AT + 10 - 161),
        Answer(price_wad=100 * WAD, confidence_wad=WAD + 1, updated_at=AT + 5),
    ],
    ids=str,
)
def test_poke__bad__refused(answer: Answer | None) -> None:
    done = poke(RULES, FEED, CALM, [answer], AT + 10)

    assert done.stored == CALM
    assert not done.accepted
    assert (done.silenced, done.refused) == ((0,), (0, 1))


def test_poke__good__enters() -> None:
    stored = replace(CALM, spot_wad=105 * WAD)

    done = poke(RULES, FEED, stored, [Answer(price_wad=120 * WAD, updated_at=AT + 2)], AT + 9)

    assert done.stored == Stored(
        spot_wad=120 * WAD,
        ema_wad=100_099_500_000_000_000_000,
        updated_at=AT + 2,
        variance_wad=variance_after(0, 105 * WAD, 120 * WAD, 2, VARIANCE_DECAY),
        accepted_at=AT + 9,
        contested_at=AT + 9,
    )
    assert (done.accepted, done.refused, done.moved, done.resumed) == (True, None, True, False)


def test_poke__in_the_same_block__waits() -> None:
    first = poke(RULES, FEED, CALM, [Answer(price_wad=105 * WAD, updated_at=AT + 2)], AT + 9)
    newer = [Answer(price_wad=95 * WAD, updated_at=AT + 3)]

    assert poke(RULES, FEED, first.stored, newer, AT + 9).stored == first.stored
    assert poke(RULES, FEED, first.stored, newer, AT + 10).accepted


def test_poke__no_newer__changes_nothing() -> None:
    old = poke(RULES, FEED, CALM, [Answer(price_wad=900 * WAD, updated_at=AT)], AT + 9)

    assert (old.stored, old.accepted, old.silenced, old.refused) == (CALM, False, (), None)


@pytest.mark.parametrize(("late", "resumed"), [(160, False), (161, True)])
def test_poke__after_stale__resumes(late: int, resumed: bool) -> None:
    done = poke(RULES, FEED, CALM, [Answer(price_wad=100 * WAD, updated_at=AT + late)], AT + late)

    assert done.resumed == resumed


THREE = replace(FEED, quorum=2)


def says(price_wad: int, *, confidence: int = 0, at: int = AT + 5) -> Answer:
    return Answer(price_wad=price_wad, confidence_wad=confidence, updated_at=at)


@pytest.mark.parametrize(
    ("prices", "confidences", "median", "divergent"),
    [
        ((100, 101, 102), (0, 0, 0), 101, False),
        ((10, 100, 101), (0, 0, 0), 100, False),  # one print of a tenth changes nothing
        ((100, 101, 1_000), (0, 0, 0), 101, False),
        ((10, 100, 1_000), (0, 0, 0), 100, True),  # nobody agrees
        ((98, 100, 102), (0, 0, 0), 100, True),
        ((100, 102), (0, 0), 101, False),  # the middle of two alike
        ((100, 104), (0, 0), 102, True),
        ((100, 102), (0.5, 0), 102, True),  # the more certain of two: and a quorum doesn't agree with it
        ((100, 101, 102, 103), (0, 0, 0, 0), 101.5, False),
        ((100, 101, 102, 103), (0, 0, 1, 1), 101, False),  # 500 + 500 of 500 + 500 + 402 + 403
    ],
    ids=str,
)
def test_settle__by_hand(
    prices: tuple[int, ...], confidences: tuple[float, ...], median: float, divergent: bool
) -> None:
    votes = [says(one * WAD, confidence=int(off * WAD)) for one, off in zip(prices, confidences, strict=True)]

    settled = settle(THREE, votes)

    assert (settled.price_wad, settled.divergent) == (int(median * WAD), divergent)


@pytest.mark.parametrize(("quorum", "time"), [(1, 9), (2, 7), (3, 2)])
def test_settle__time__is_that_of_the_quorum_th_newest(quorum: int, time: int) -> None:
    votes = [says(100 * WAD, at=at) for at in (2, 9, 7)]

    assert settle(replace(THREE, quorum=quorum), votes).updated_at == time


@settings(repeatable, max_examples=500)
@given(seed=st.integers(0, 2**64 - 1))
def test_settle__any_minority__never_moves_it_beyond_the_others(seed: int) -> None:
    """Whatever prices, confidences and times a minority claims; and uncontested it is near some of the others."""
    rng = random.Random(seed)
    feed = replace(FEED, divergence_bps=rng.choice((1, 100, 10_000)))
    count = rng.randint(1, MAX_SOURCES)
    liars = rng.randint(0, (count - 1) // 2)

    def anything() -> Answer:
        price_wad = (
            rng.randint(10 * WAD, 1_000 * WAD) if rng.random() < 0.7 else rng.choice((10, 1_000)) * WAD
        )
        sure = rng.choice((0, price_wad * feed.divergence_bps // 10_000, rng.randint(0, price_wad)))
        return says(price_wad, confidence=sure)

    votes = [vote for vote in (anything() for _ in range(10 * count)) if may_vote(feed, vote, AT + 5, 60)]
    votes = votes[:count]
    liars = min(liars, (len(votes) - 1) // 2)
    honest = [vote.price_wad for vote in votes[liars:]]
    feed = replace(feed, quorum=len(votes) // 2 + 1)
    rng.shuffle(votes)

    settled = settle(feed, votes)

    assert min(honest) <= settled.price_wad <= max(honest)
    if not settled.divergent:
        near = min(abs(one - settled.price_wad) for one in honest)
        assert near * 10_000 <= feed.divergence_bps * settled.price_wad


def test_poke__one_false_of_three__changes_nothing() -> None:
    """The same to the wei as without it: two true ones that say the same."""
    true = says(105 * WAD)
    without = poke(RULES, THREE, CALM, [true, true, None], AT + 9).stored

    for false in (10 * WAD, 104 * WAD, 1_000 * WAD, 10**14, 2**256 - 1):
        assert poke(RULES, THREE, CALM, [true, says(false), true], AT + 9).stored == without


def test_poke__fewer_than_the_quorum__refused() -> None:
    done = poke(RULES, THREE, CALM, [None, says(105 * WAD), says(10**14)], AT + 9)

    assert (done.stored, done.silenced, done.refused) == (CALM, (0, 2), (1, 2))


def test_poke__divergent__is_contested_and_told() -> None:
    done = poke(RULES, THREE, CALM, [says(98 * WAD), says(100 * WAD), says(102 * WAD)], AT + 5)

    assert done.moved and done.stored.divergent and done.stored.contested_at == AT + 5
    assert price(RULES, THREE, done.stored, AT + 5).grade == Grade.CONTESTED
    calm = poke(RULES, THREE, done.stored, [says(100 * WAD, at=AT + 6)] * 2, AT + 6).stored
    assert price(RULES, THREE, calm, AT + 6).grade == Grade.FRESH


@pytest.mark.parametrize(
    ("answer", "decimals", "wad"),
    [
        (101, 0, 101 * WAD),
        (100_000_001, 6, 100_000_001 * 10**12),
        (10**19 + 1, 17, 100 * WAD + 10),
        (2**88 - 1, 18, 2**88 - 1),
        (2**88, 18, 0),
        (100, 19, 0),
        (0, 8, 0),
        (-1, 8, 0),
    ],
)
def test_pushed_wad(answer: int, decimals: int, wad: int) -> None:
    assert pushed_wad(answer, decimals) == wad


@pytest.mark.parametrize(
    ("number", "confidence", "exponent", "price_wad", "confidence_wad"),
    [
        (123_456, 789, -3, 123_456 * 10**15, 789 * 10**15),  # 123.456 ± 0.789
        (7, 1, 1, 70 * WAD, 10 * WAD),
        (123_456_789, 1_001, -20, 1_234_567, 11),  # the price down, its confidence up
        (5, 5, -54, 0, 1),
        (5, 5, -55, 0, 0),  # no price at all
        (0, 5, -8, 0, 0),
        (-1, 5, -8, 0, 0),
    ],
)
def test_pyth_answer(
    number: int, confidence: int, exponent: int, price_wad: int, confidence_wad: int
) -> None:
    assert pyth_answer(number, confidence, exponent, AT) == says(price_wad, confidence=confidence_wad, at=AT)


@repeatable
@given(
    old=st.integers(-887_272, 887_272),
    new=st.integers(-887_272, 887_272),
    first=st.booleans(),
    decimals=st.tuples(st.integers(0, 18), st.integers(0, 18)),
    window=st.integers(60, 86_400),
)
def test_pool_answer__any__as_mpmath(
    old: int, new: int, first: bool, decimals: tuple[int, int], window: int
) -> None:
    """The first half of the window at one tick, the second at another: 1.0001^mean, turned and scaled."""
    half = window // 2
    sums = (17, 17 + old * (window - half), 17 + old * (window - half) + new * half)
    base, quote = decimals
    with mpmath.workdps(60):
        mean = mpmath.mpf(sums[2] - sums[0]) / window
        exact = mpmath.mpf("1.0001") ** (mean if first else -mean) * mpmath.mpf(10) ** (base - quote) * WAD
        if exact > mpmath.mpf(10) ** 40 or (old * new > 0 and abs(old) + abs(new) > 10**6):
            return  # far beyond any price
        found = pool_answer(sums, window, AT, base_first=first, base_decimals=base, quote_decimals=quote)
        assert abs(found.price_wad - exact) <= 2 + exact * mpmath.mpf("1e-12")
    assert found.updated_at == AT - half


def test_pool_answer__by_hand() -> None:
    """Ether of 18 decimals against dollars of 6, at 2,000: 2,000·10⁶/10¹⁸ = 1.0001^−200,311.4; or turned."""
    tick = -200_311
    sums = (0, tick * 900, tick * 1_800)
    straight = pool_answer(sums, 1_800, AT, base_first=True, base_decimals=18, quote_decimals=6)
    turned = pool_answer(
        [-one for one in sums], 1_800, AT, base_first=False, base_decimals=18, quote_decimals=6
    )

    assert straight == turned
    assert 1_999.9 * WAD < straight.price_wad < 2_000.2 * WAD
    assert straight.confidence_wad == 0


@repeatable
@given(x=st.integers(-42 * WAD, 135 * WAD))
def test_exp_wad__any__as_mpmath(x: int) -> None:
    with mpmath.workdps(90):
        exact = mpmath.exp(mpmath.mpf(x) / WAD) * WAD
        assert abs(exp_wad(x) - exact) <= 1 + exact / WAD


@pytest.mark.parametrize(
    ("spot", "drawn"), [(150, 110), (110, 110), (105, 105), (95, 95), (90, 90), (50, 90)]
)
def test_drawn__by_hand(spot: int, drawn: int) -> None:
    assert drawn_wad(spot * WAD, 100 * WAD, 10) == drawn * WAD


def test_drawn__odd_bounds__are_rounded_toward_the_slow_price() -> None:
    """A tenth of 11 beside it: 9.9 and 12.1 become 10 and 12."""
    assert (drawn_wad(1, 11, 10), drawn_wad(100, 11, 10)) == (10, 12)


def test_contest__spot_jumps_on_and_on__is_drawn_after_the_bound() -> None:
    """A spot that runs away for ever: Contested for 200 seconds, then Slow at 110 % of the slow price."""
    stored, now = CALM, AT
    for second in range(1, 400):
        now = AT + second
        runs = min(1_000 * WAD, 130 * WAD * 101**second // 100**second)
        stored = poke(RULES, FEED, stored, [says(runs, at=now)], now).stored
        found = price(RULES, FEED, stored, now)
        if second < 201:
            assert (found.grade, found.spot_wad) == (Grade.CONTESTED, runs)
        elif found.spot_wad != runs:
            assert (found.grade, found.spot_wad) == (Grade.SLOW, found.ema_wad * 110 // 100)
    assert stored.contested_at == AT + 1


@settings(repeatable, max_examples=60)
@given(seed=st.integers(0, 2**64 - 1))
def test_contest__any_flicker__at_most_half_of_any_stretch(seed: int) -> None:
    """Of any 400 seconds at most 200 are Contested; after that the spot is within the deviation."""
    rng = random.Random(seed)
    rules = replace(RULES, ema_decay_wad=rng.choice((DECAY, 999 * WAD // 1_000)))
    feed, stored, now = replace(THREE, deviation_percent=rng.choice((1, 10, 50))), CALM, AT
    contested: list[int] = []
    for _ in range(120):
        now += rng.choice((1, 1, 3, 20, 100, 250))
        level = rng.choice((50, 99, 100, 101, 150, rng.uniform(10, 999)))
        answers = [says(int(level * rng.choice((1, 1, 0.9)) * WAD), at=now) for _ in range(3)]
        stored = poke(rules, feed, stored, answers, now).stored
        found = price(rules, feed, stored, now)
        if found.grade == Grade.CONTESTED:
            contested.append(now)
        if found.spot_wad != stored.spot_wad:
            assert found.grade == Grade.SLOW
            assert abs(found.spot_wad - found.ema_wad) * 100 <= feed.deviation_percent * found.ema_wad
    begin = -400
    for moment in contested:
        if moment >= begin + 200:  # another contest, or the first: the clock began at its own first price
            assert moment >= begin + 400
            begin = moment


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
    rules = replace(RULES, ema_decay_wad=rng.randint(WAD // 2, MAX_EMA_DECAY_WAD), contested_seconds=10**9)
    bound = longest_contested_seconds(rules.ema_decay_wad, feed)
    stored, now = Stored(), AT
    for _ in range(rng.randint(1, 8)):  # a wild past
        now += rng.randint(1, 1_000)
        answer = Answer(price_wad=rng.randint(10 * WAD, 1_000 * WAD), updated_at=now)
        stored = poke(rules, feed, stored, [answer], now).stored

    still, quiet = stored, now
    while quiet < now + bound:  # the same price again and again, at any pace
        quiet = min(now + bound, quiet + rng.randint(1, max(1, bound // 5)))
        again = Answer(price_wad=stored.spot_wad, updated_at=quiet)
        still = poke(rules, feed, still, [again], quiet).stored

    assert price(rules, feed, stored, now + bound).grade == Grade.FRESH
    assert price(rules, feed, still, now + bound + 1).grade == Grade.FRESH  # a second for its roundings


def test_longest_contested__widest_feed_and_slowest_decay__is_finite() -> None:
    """The worst that governance can set; with bounds a hundredfold apart it is less than a day."""
    feed = replace(FEED, deviation_percent=1, min_wad=1, max_wad=2**88 - 1)

    assert longest_contested_seconds(MAX_EMA_DECAY_WAD, feed) < 5 * 86_400
    assert longest_contested_seconds(MAX_EMA_DECAY_WAD, FEED) < 86_400
