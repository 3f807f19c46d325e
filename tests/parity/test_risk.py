"""Risk.assess, and the rate inside it: contract = model, bit for bit
├── any book, both modes, any parameters within bounds  -> the same margin, or the same refusal with its numbers
├── any book with options, at any time and smiles         -> the same; and the mark of each
├── a lone rate, a number on its way, an envelope       -> the same
├── any history of governance, and looks between        -> the same state, what is effective and refusals
└── parameters out of bounds                            -> refused alike, in the same order of checks
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import asdict, astuple
from typing import Any

import pytest
from hypothesis import given

from holdfast.chain.contract import Contract
from holdfast.errors import Refused, Reverted
from holdfast.model import envelope, options, parameters, ramp, risk
from holdfast.model.risk import Book, Collateral, Leg, assess, initial_rate_wad
from holdfast.model.surface import pair_variance_wad_down
from holdfast.sim.history import Block, call, simulate
from holdfast.types import AssetParams, InstrumentId, InstrumentParams, Kind, Mode, instrument_id, perpetual
from holdfast.units import BPS
from tests.conftest import START
from tests.parity.draw import amount, draw_pair, repeatable, seeds, signed, words_of

BOOKS = 40
"""Books in one request."""


def _instrument_params(rng: random.Random) -> InstrumentParams:
    maintenance = rng.randint(risk.MIN_MAINTENANCE_BPS, BPS - 1)
    initial = rng.randint(maintenance + 1, BPS)
    return InstrumentParams(
        initial_bps=initial,
        maintenance_bps=maintenance,
        initial_max_bps=rng.randint(initial, BPS),
        knee_bps=rng.choice((0, BPS, rng.randint(0, BPS))),
        open_interest_cap_wad=min(amount(rng, 28), risk.MAX_OPEN_INTEREST_WAD),
    )


def _asset_params(rng: random.Random) -> AssetParams:
    maintenance = rng.randint(risk.MIN_HAIRCUT_BPS, BPS)
    return AssetParams(initial_haircut_bps=rng.randint(maintenance, BPS), maintenance_haircut_bps=maintenance)


def _open_interest(rng: random.Random, params: InstrumentParams | None) -> int:
    """Mostly about the knee and the cap, where the rate bends."""
    if params is None or rng.random() < 0.3:
        return amount(rng, 36)
    cap = params.open_interest_cap_wad
    return max(
        0, rng.choice((cap, cap * params.knee_bps // BPS, rng.randint(0, cap + 1))) + rng.randint(-1, 1)
    )


def _book(
    rng: random.Random, instruments: dict[Any, InstrumentParams], assets: dict[int, AssetParams]
) -> Book:
    def leg() -> Leg:
        # Now and then one that is not listed, or of another underlying.
        instrument = perpetual(rng.choice((1, 1, 1, 2, 3)) if rng.random() < 0.5 else 1)
        return Leg(
            instrument=instrument,
            size_wad=signed(rng, 36),
            quote_wad=signed(rng, 38),
            mark_wad=amount(rng, 26),
            ema_wad=amount(rng, 26),
            open_interest_wad=_open_interest(rng, instruments.get(instrument)),
        )

    def holding() -> Collateral:
        return Collateral(
            asset=rng.choice((1, 2, 3)),
            amount_wad=amount(rng, 38),
            price_wad=amount(rng, 26),
            ema_wad=amount(rng, 26),
        )

    return Book(
        cash_wad=signed(rng, 38),
        legs=tuple(leg() for _ in range(rng.choice((0, 1, 1, 2, 5)))),
        holdings=tuple(holding() for _ in range(rng.choice((0, 0, 1, 5)))),
    )


RULES = parameters.Rules(ramp_seconds=3_600, collateral_ramp_seconds=7_000, epoch_seconds=10_000)


@pytest.fixture
def contract(deploy: Callable[..., Contract], authority: Contract, roles: Any) -> Contract:
    """Of underlyings that move no margin has to fear."""
    oracle = deploy("MockSurroundings")
    for underlying in (1, 2):
        oracle.send("setHeartbeat", underlying, 10, sender=roles.deployer)
    return deploy("Risk", authority.address, *[oracle.address] * 4, (*astuple(RULES), 0, 0, 0, 0))


@pytest.fixture
def curve(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockCurve")


@repeatable
@given(seed=seeds)
def test_assess__any_book__as_the_model(contract: Contract, roles: Any, seed: int) -> None:
    rng = random.Random(seed)
    instruments = {perpetual(1): _instrument_params(rng), perpetual(2): _instrument_params(rng)}
    assets = {1: _asset_params(rng), 2: _asset_params(rng)}
    books = [_book(rng, instruments, assets) for _ in range(BOOKS)]
    modes = [rng.choice((Mode.CROSS, Mode.CROSS, Mode.ISOLATED, Mode.NONE)) for _ in books]

    # The deployer is the authority's admin, and its word is law until functions get roles of their own.
    setting = [
        call(contract, "setInstrument", one, astuple(params), sender=roles.deployer)
        for one, params in instruments.items()
    ] + [
        call(contract, "setAsset", one, astuple(params), sender=roles.deployer)
        for one, params in assets.items()
    ]
    asking = [
        call(contract, "assess", mode, astuple(book), sender=roles.stranger)
        for mode, book in zip(modes, books, strict=True)
    ]
    # Haircuts have arrived.
    results = simulate(contract.rpc, [Block(setting, time=START), Block(asking, time=START + 7_000)])

    assert all(result.ok for result in results[0])
    for mode, book, result in zip(modes, books, results[1], strict=True):
        try:
            expected = assess(mode, book, instruments, assets)
        except Refused as refusal:
            assert result.error is not None
            assert (result.error.name, result.error.values) == (refusal.name, refusal.values)
            continue
        assert result.returned(contract, "assess") == astuple(expected), (mode, book)


@repeatable
@given(seed=seeds)
def test_assess__any_options__as_the_model(
    deploy: Callable[..., Contract], authority: Contract, roles: Any, seed: int
) -> None:
    rng = random.Random(seed)
    oracle = deploy("MockSurroundings")
    oracle.send("setHeartbeat", 1, 10, sender=roles.deployer)
    surface, around = deploy("MockSmiles"), oracle.address
    contract = deploy(
        "Risk", authority.address, around, around, surface.address, around, (*astuple(RULES), 0, 0, 0, 0)
    )
    group, params = instrument_id(Kind.CALL, 1), _instrument_params(rng)
    instruments = {perpetual(1): _instrument_params(rng)} | ({group: params} if rng.random() < 0.95 else {})
    spot, now = amount(rng, 26), START + 100
    lives = (-100, 0, 1, 1_800, *(rng.randint(1, 10 ** rng.randint(3, 8)) for _ in range(3)))
    pairs = {now + life: draw_pair(rng, life) for life in lives}
    pricing = options.Pricing(
        time=now, variance_of=lambda _, expiry_at, k_wad: pair_variance_wad_down(pairs[expiry_at], k_wad)
    )
    books = []
    for _ in range(BOOKS):
        legs = [_option_leg(rng, pairs, spot, params) for _ in range(rng.choice((1, 1, 2, 6)))]
        books.append(Book(cash_wad=signed(rng, 38), legs=tuple(legs)))

    setting = [
        call(contract, "setInstrument", one, astuple(p), sender=roles.deployer)
        for one, p in instruments.items()
    ]
    setting += [
        call(surface, "set", 1, at, words_of(pair), sender=roles.deployer) for at, pair in pairs.items()
    ]
    setting.append(call(oracle, "setSpot", 1, spot, sender=roles.deployer))
    asking = [call(contract, "assess", Mode.CROSS, astuple(book), sender=roles.stranger) for book in books]
    asking += [
        call(contract, "markOf", leg.instrument, sender=roles.stranger) for book in books for leg in book.legs
    ]
    first, answers = simulate(contract.rpc, [Block(setting, time=START), Block(asking, time=pricing.time)])

    assert all(result.ok for result in first), [result.error for result in first if not result.ok]
    for book, result in zip(books, answers, strict=False):
        try:
            expected = assess(Mode.CROSS, book, instruments, {}, pricing)
        except Refused as refusal:
            assert result.error is not None
            assert (result.error.name, result.error.values) == (refusal.name, refusal.values)
            continue
        assert result.returned(contract, "assess") == astuple(expected), book
    held = [leg.instrument for book in books for leg in book.legs]
    for instrument, result in zip(held, answers[len(books) :], strict=True):
        wanted = options.unit_wad(instrument, spot, pricing) if options.is_option(instrument) else spot
        assert result.returned(contract, "markOf") == wanted


def _option_leg(rng: random.Random, expiries: Collection[int], spot: int, params: InstrumentParams) -> Leg:
    """Strikes mostly about the mark, some expiries in the past; now and then a perpetual."""
    mark = rng.choice((spot, amount(rng, 26)))
    strike = rng.choice((amount(rng, 26), mark, int(mark * rng.uniform(0.5, 2)), mark + rng.randint(-1, 1)))
    kind, expiry = rng.choice((Kind.CALL, Kind.PUT)), rng.choice(list(expiries))
    option: InstrumentId = instrument_id(kind, 1, expiry, max(0, strike))
    return Leg(
        instrument=perpetual(1) if rng.random() < 0.1 else option,
        size_wad=rng.choice((0, signed(rng, 36), signed(rng, 36), signed(rng, 36))),
        quote_wad=signed(rng, 38),
        mark_wad=mark,
        ema_wad=rng.choice((mark, amount(rng, 26))),
        open_interest_wad=_open_interest(rng, params),
    )


@repeatable
@given(seed=seeds)
def test_initial_rate__any_market__as_the_model(curve: Contract, roles: Any, seed: int) -> None:
    rng = random.Random(seed)
    cases = []
    for _ in range(BOOKS):
        params = _instrument_params(rng)
        cases.append((_open_interest(rng, params), params))
    asking = [call(curve, "initialRate", oi, astuple(params), sender=roles.stranger) for oi, params in cases]
    results = simulate(curve.rpc, [Block(asking)])[0]

    for (open_interest, params), result in zip(cases, results, strict=True):
        assert result.returned(curve, "initialRate") == initial_rate_wad(open_interest, params)


@repeatable
@given(seed=seeds)
def test_bounds__any_numbers__refused_alike(contract: Contract, roles: Any, seed: int) -> None:
    rng = random.Random(seed)

    def near(*bounds: int) -> int:
        return max(0, rng.choice((*bounds, rng.randrange(BPS))) + rng.randint(-1, 1))

    for _ in range(4):
        instrument = InstrumentParams(
            initial_bps=near(501, BPS),
            maintenance_bps=near(risk.MIN_MAINTENANCE_BPS, 500, BPS),
            initial_max_bps=near(501, BPS),
            knee_bps=near(0, BPS),
            open_interest_cap_wad=near(amount(rng, 36), risk.MAX_OPEN_INTEREST_WAD),
        )
        asset = AssetParams(
            initial_haircut_bps=near(1, 1_000, BPS),
            maintenance_haircut_bps=near(risk.MIN_HAIRCUT_BPS, 1_000, BPS),
        )
        for function, key, params, check in (
            ("setInstrument", perpetual(1), instrument, risk.check_instrument),
            ("setAsset", 1, asset, risk.check_asset),
        ):
            expected: tuple[str, tuple[Any, ...]] | None = None
            try:
                check(params)  # type: ignore[operator]
            except Refused as refusal:
                expected = (refusal.name, refusal.values)
            try:
                contract.call(function, key, astuple(params), sender=roles.deployer)
                found = None
            except Reverted as reverted:
                found = (reverted.name, reverted.values)
            assert found == expected, params


@repeatable
@given(seed=seeds)
def test_ramp__any_way__as_the_model(curve: Contract, roles: Any, seed: int) -> None:
    rng = random.Random(seed)
    cases = []
    for _ in range(BOOKS):
        length = rng.choice((1, 3_600, 2**32 - 1, rng.randint(1, 10**6)))
        left = rng.choice((0, 1, length - 1, length, length + 1, rng.randint(0, length)))
        cases.append((amount(rng, 33), amount(rng, 33), left, length))
    results = simulate(
        curve.rpc, [Block([call(curve, "rampValue", *case, sender=roles.stranger) for case in cases])]
    )[0]

    for case, result in zip(cases, results, strict=True):
        assert result.returned(curve, "rampValue") == ramp.value_at(*case), case


@repeatable
@given(seed=seeds)
def test_envelope__any_market__as_the_model(curve: Contract, roles: Any, seed: int) -> None:
    rng = random.Random(seed)
    cases = []
    for _ in range(BOOKS):
        costs = envelope.Costs(
            funding_cap_bps=rng.randint(0, BPS),
            max_fee_bps=rng.randint(0, BPS),
            reward_cap_bps=rng.randint(0, BPS),
        )
        cases.append((amount(rng, 20), rng.randint(0, 655_350), rng.randint(0, BPS), costs))
    asking = [call(curve, "envelope", *case, astuple(costs), sender=roles.stranger) for *case, costs in cases]

    for (*case, costs), result in zip(cases, simulate(curve.rpc, [Block(asking)])[0], strict=True):
        assert result.returned(curve, "envelope") == astuple(envelope.terms(*case, costs)), case


STEPS = 40


@repeatable
@given(seed=seeds)
def test_governance__any_history__as_the_model(contract: Contract, roles: Any, seed: int) -> None:
    met = Counter(refusal for refusal in _govern(contract, roles, seed))

    assert met  # judged inside


def test_governance__histories__meet_every_refusal(contract: Contract, roles: Any) -> None:
    met: Counter[str] = Counter()
    for seed in range(30):
        met.update(_govern(contract, roles, seed))

    names = ("done", "BadParams", "NotTighter", "StepTooLarge", "EpochNotOver", "NotListed")
    assert {name: met[name] for name in names if met[name] < 3} == {}


def _govern(contract: Contract, roles: Any, seed: int) -> list[str]:
    """Plays a history on both, compares them after each call, and tells how each ended."""
    rng, time = random.Random(seed), START
    perp, asset = perpetual(1), 1
    instrument: parameters.InstrumentState | None = None
    haircuts: parameters.AssetState | None = None
    blocks, wanted = [], []
    for _ in range(STEPS):
        time += rng.choice((1, 1, 60, 1_800, 3_600, 10_000, 10_001))
        outcome = None
        function = rng.choice(
            ("setInstrument", "setInstrument", "tightenInstrument", "setAsset", "tightenAsset")
        )
        key = asset if "Asset" in function else perp
        asked: Any
        try:
            if "Asset" in function:
                asked = _near_haircuts(rng, haircuts)
                act = parameters.set_asset if function == "setAsset" else parameters.tighten_asset
                haircuts = act(haircuts, asked, time, RULES)
            else:
                asked = _near_margins(rng, instrument)
                if function == "setInstrument":
                    instrument = parameters.set_instrument(instrument, asked, time, RULES)
                else:
                    instrument = parameters.tighten_instrument(perp, instrument, asked, time, RULES)
        except Refused as refusal:
            outcome = (refusal.name, refusal.values)
        looks = [
            ("instrumentParams", perp),
            ("instrumentState", perp),
            ("assetParams", asset),
            ("assetState", asset),
        ]
        blocks.append(
            Block(
                [
                    call(contract, function, key, astuple(asked), sender=roles.deployer),
                    *(call(contract, *look, sender=roles.stranger) for look in looks),
                ],
                time=time,
            )
        )
        wanted.append((outcome, *_told(instrument, haircuts, time)))

    for expected, (done, params, state, cuts, asset_state) in zip(
        wanted, simulate(contract.rpc, blocks), strict=True
    ):
        error = done.error
        assert ((error.name, error.values) if error else None) == expected[0]
        assert params.returned(contract, "instrumentParams") == expected[1]
        assert _plain(state.returned(contract, "instrumentState")) == expected[2]
        assert cuts.returned(contract, "assetParams") == expected[3]
        assert _plain(asset_state.returned(contract, "assetState")) == expected[4]
    return [outcome[0] if outcome else "done" for outcome, *_ in wanted]


def _told(
    instrument: parameters.InstrumentState | None, haircuts: parameters.AssetState | None, time: int
) -> tuple[Any, ...]:
    """What the contract's views say of the twin's state."""
    nothing = (0, 0, 0, 0, 0)
    params, state = nothing, (nothing, nothing, 0, 0, 0)
    if instrument is not None:
        params = astuple(parameters.instrument_at(instrument, time, RULES))
        state = astuple(instrument)
    asset_state: Any = ((BPS, BPS), (0, 0), (0, 0), 0, 0, 0)
    if haircuts is not None:
        first, second = haircuts.initial, haircuts.maintenance
        asset_state = (
            astuple(haircuts.asked),
            (first.from_bps, second.from_bps),
            astuple(haircuts.standing) if haircuts.standing else (0, 0),
            first.arrives_at,
            second.arrives_at,
            haircuts.stepped_at,
        )
    return params, state, astuple(parameters.asset_at(haircuts, time, RULES)), asset_state


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value


def _near_margins(rng: random.Random, state: parameters.InstrumentState | None) -> InstrumentParams:
    """Anything, or what stands with a few numbers moved, mostly by about a step."""
    if state is None or rng.random() < 0.05:
        return _instrument_params(rng)
    base = rng.choice((state.standing, state.asked))
    moved = {
        name: _moved(rng, value) if rng.random() < 0.35 else value for name, value in asdict(base).items()
    }
    return InstrumentParams(**{**moved, "open_interest_cap_wad": min(moved["open_interest_cap_wad"], 2**100)})


def _near_haircuts(rng: random.Random, state: parameters.AssetState | None) -> AssetParams:
    if state is None or rng.random() < 0.05:
        return rng.choice((_asset_params(rng), risk.NEVER_SET))
    base = rng.choice((state.standing or state.asked, state.asked))
    return AssetParams(
        **{name: _moved(rng, value) if rng.random() < 0.5 else value for name, value in asdict(base).items()}
    )


def _moved(rng: random.Random, value: int) -> int:
    factor = rng.choice((0, 7_500, 9_000, 10_000, 11_000, 20_000))
    return (
        max(0, value * factor // BPS + rng.randint(-1, 1)) % 2**16 if value < 2**16 else value * factor // BPS
    )
