"""Surface
├── constructor, a rule beyond its bound   -> BadRules, with both
├── who isn't a feeder sets a smile        -> AccessManagedUnauthorized
├── who isn't the guardian drops one       -> AccessManagedUnauthorized
├── a smile is set                         -> SmileSet; it reads back, with its time
├── a ninth expiry                         -> TooManyExpiries, until one is past
├── nothing was ever set                   -> realised variance and its surcharge, Stale; Invalid where there is none
├── realised variance is below the floor   -> the floor stands in, and a first smile is held against it
├── the smile grows old                    -> Fresh, Slow, and then realised variance, Stale
└── a smile is dropped                     -> its neighbour stands in
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from holdfast.chain.contract import Contract
from holdfast.errors import Refused, Reverted
from holdfast.model.surface import Rules, check_rules
from holdfast.model.svi import PPB, YEAR_SECONDS, Smile
from holdfast.types import Grade
from holdfast.units import BPS, WAD
from tests.conftest import START, Clock, Roles

DAY = 86_400
UNDERLYING = 3
RULES = Rules(
    interval_seconds=300, slow_seconds=3_600, stale_seconds=DAY, move_bps=2_000, surcharge_bps=2_500
)
SMILE = Smile(
    a_ppb=400_000_000, b_ppb=300_000_000, rho_ppb=-200_000_000, m_ppb=10_000_000, sigma_ppb=250_000_000
)
FLAT = Smile(a_ppb=PPB, b_ppb=0, rho_ppb=0, m_ppb=0, sigma_ppb=PPB)
EXPIRY = START + 30 * DAY


def fields(rules: Rules) -> tuple[int, ...]:
    return (
        rules.interval_seconds,
        rules.slow_seconds,
        rules.stale_seconds,
        rules.move_bps,
        rules.surcharge_bps,
        rules.volatility_floor_bps,
    )


@pytest.fixture
def authority(deploy: Callable[..., Contract], roles: Roles) -> Contract:
    return deploy("Authority", roles.deployer)


@pytest.fixture
def oracle(deploy: Callable[..., Contract], roles: Roles) -> Contract:
    oracle = deploy("MockVariance")
    oracle.send("set", UNDERLYING, WAD // 2, sender=roles.stranger)
    return oracle


@pytest.fixture
def surface(
    deploy: Callable[..., Contract], authority: Contract, oracle: Contract, roles: Roles, clock: Clock
) -> Contract:
    surface = deploy("Surface", authority.address, oracle.address, fields(RULES))
    for role, function, who in ((1, "setSmile", roles.keeper), (2, "dropSmile", roles.guardian)):
        selector = surface.artifact.find(function).selector
        authority.send("setTargetFunctionRole", surface.address, [selector], role, sender=roles.deployer)
        authority.send("grantRole", role, who, 0, sender=roles.deployer)
    return surface


@pytest.mark.parametrize(
    ("change", "value", "bound"),
    [
        ({"interval_seconds": 0}, 0, 1),
        ({"interval_seconds": 3_601}, 3_601, 3_600),
        ({"slow_seconds": DAY + 1}, DAY + 1, DAY),
        ({"stale_seconds": 7 * DAY + 1}, 7 * DAY + 1, 7 * DAY),
        ({"move_bps": 0}, 0, 1),
        ({"move_bps": BPS // 2 + 1}, BPS // 2 + 1, BPS // 2),
        ({"surcharge_bps": 3 * BPS + 1}, 3 * BPS + 1, 3 * BPS),
        ({"volatility_floor_bps": 10 * BPS + 1}, 10 * BPS + 1, 10 * BPS),
    ],
)
def test_constructor__a_rule_beyond_its_bound__BadRules(
    deploy: Callable[..., Contract],
    authority: Contract,
    oracle: Contract,
    change: dict[str, int],
    value: int,
    bound: int,
) -> None:
    rules = replace(RULES, **change)
    with pytest.raises(Reverted) as reverted:
        deploy("Surface", authority.address, oracle.address, fields(rules))
    assert (reverted.value.name, reverted.value.values) == ("BadRules", (value, bound))
    with pytest.raises(Refused) as refused:
        check_rules(rules)
    assert (refused.value.name, refused.value.values) == ("BadRules", (value, bound))


@pytest.mark.parametrize("function", ["setSmile", "dropSmile"])
def test_restricted__a_stranger__is_refused(surface: Contract, roles: Roles, function: str) -> None:
    args: tuple[Any, ...] = (UNDERLYING, EXPIRY, SMILE.fields)
    for who in (roles.stranger, roles.guardian if function == "setSmile" else roles.keeper):
        with pytest.raises(Reverted) as reverted:
            surface.send(function, *args[: 3 if function == "setSmile" else 2], sender=who)
        assert reverted.value.name == "AccessManagedUnauthorized"


def test_set_smile__a_good_one__reads_back(surface: Contract, roles: Roles, clock: Clock) -> None:
    clock.next(START + 10)
    receipt = surface.send("setSmile", UNDERLYING, EXPIRY, SMILE.fields, sender=roles.keeper)

    event = receipt.event("SmileSet").args
    assert (event["underlying"], event["expiry"], tuple(event["smile"])) == (UNDERLYING, EXPIRY, SMILE.fields)
    smile, updated_at = surface.call("smileOf", UNDERLYING, EXPIRY)
    assert (tuple(smile), updated_at) == (SMILE.fields, START + 10)
    assert tuple(surface.call("rules")) == fields(RULES)


def test_set_smile__a_ninth_expiry__waits_until_one_is_past(
    surface: Contract, roles: Roles, clock: Clock
) -> None:
    expiries = [START + days * DAY for days in (9, 1, 3, 2, 5, 4, 7, 6)]
    for expiry in expiries:
        surface.send("setSmile", UNDERLYING, expiry, FLAT.fields, sender=roles.keeper)
    assert list(surface.call("expiriesOf", UNDERLYING)) == sorted(expiries)
    with pytest.raises(Reverted) as reverted:
        surface.send("setSmile", UNDERLYING, START + 8 * DAY, FLAT.fields, sender=roles.keeper)
    assert (reverted.value.name, reverted.value.values) == ("TooManyExpiries", (8,))

    clock.next(START + DAY)
    surface.send("setSmile", UNDERLYING, START + 8 * DAY, FLAT.fields, sender=roles.keeper)
    assert list(surface.call("expiriesOf", UNDERLYING)) == sorted([*expiries, START + 8 * DAY])[1:]
    assert surface.call("smileOf", UNDERLYING, START + DAY)[1] == 0


def test_total_variance__nothing_was_set__realised_variance_stands_in(
    surface: Contract, oracle: Contract, roles: Roles, clock: Clock
) -> None:
    left = EXPIRY - clock.now
    wanted = WAD * 5 // 8 * left // YEAR_SECONDS  # ½ and a quarter of it
    for k in (-WAD, 0, WAD):
        assert surface.call("totalVarianceOf", UNDERLYING, EXPIRY, k) == (wanted, Grade.STALE)
    oracle.send("set", UNDERLYING, 0, sender=roles.stranger)
    assert surface.call("totalVarianceOf", UNDERLYING, EXPIRY, 0)[1] == Grade.INVALID


def test_total_variance__a_quiet_past__the_floor_stands_in(
    deploy: Callable[..., Contract], authority: Contract, oracle: Contract, roles: Roles, clock: Clock
) -> None:
    rules = replace(RULES, volatility_floor_bps=9_000)
    surface = deploy("Surface", authority.address, oracle.address, fields(rules))
    left = EXPIRY - clock.now
    floor = WAD * 81 // 100

    assert surface.call("totalVarianceOf", UNDERLYING, EXPIRY, 0) == (
        floor * left // YEAR_SECONDS,
        Grade.STALE,
    )
    oracle.send("set", UNDERLYING, 0, sender=roles.stranger)
    left = EXPIRY - clock.now
    assert surface.call("totalVarianceOf", UNDERLYING, EXPIRY, WAD) == (
        floor * left // YEAR_SECONDS,
        Grade.INVALID,
    )
    low = replace(FLAT, a_ppb=PPB * 81 // 900 - 1)
    with pytest.raises(Reverted) as reverted:
        surface.send("setSmile", UNDERLYING, EXPIRY, low.fields, sender=roles.deployer)
    assert (reverted.value.name, reverted.value.values) == (
        "FarFromRealised",
        (WAD * 81 // 900 - WAD // PPB, floor),
    )
    surface.send(
        "setSmile", UNDERLYING, EXPIRY, replace(low, a_ppb=PPB * 81 // 900).fields, sender=roles.deployer
    )


def test_total_variance__the_smile_grows_old__the_grade_falls(
    surface: Contract, roles: Roles, clock: Clock
) -> None:
    clock.next(START + 10)
    surface.send("setSmile", UNDERLYING, EXPIRY, FLAT.fields, sender=roles.keeper)
    for age, grade, variance in (
        (3_600, Grade.FRESH, WAD),
        (3_601, Grade.SLOW, WAD),
        (DAY, Grade.SLOW, WAD),
        (DAY + 1, Grade.STALE, WAD * 5 // 8),
    ):
        clock.set(START + 10 + age)
        left = EXPIRY - START - 10 - age
        assert surface.call("totalVarianceOf", UNDERLYING, EXPIRY, 0) == (
            variance * left // YEAR_SECONDS,
            grade,
        )


def test_drop_smile__its_neighbour__stands_in(surface: Contract, roles: Roles, clock: Clock) -> None:
    wide = replace(FLAT, a_ppb=2 * PPB)
    surface.send("setSmile", UNDERLYING, EXPIRY, FLAT.fields, sender=roles.keeper)
    surface.send("setSmile", UNDERLYING, EXPIRY + DAY, wide.fields, sender=roles.keeper)
    left = EXPIRY - clock.now
    assert surface.call("totalVarianceOf", UNDERLYING, EXPIRY, 0)[0] == WAD * left // YEAR_SECONDS

    receipt = surface.send("dropSmile", UNDERLYING, EXPIRY, sender=roles.guardian)
    assert receipt.event("SmileDropped").args == {"underlying": UNDERLYING, "expiry": EXPIRY}
    left = EXPIRY - clock.now
    assert surface.call("totalVarianceOf", UNDERLYING, EXPIRY, 0)[0] == 2 * WAD * left // YEAR_SECONDS
    with pytest.raises(Reverted) as reverted:
        surface.send("dropSmile", UNDERLYING, EXPIRY, sender=roles.guardian)
    assert (reverted.value.name, reverted.value.values) == ("NoSmile", (UNDERLYING, EXPIRY))
