"""Parameters on their way
├── maintenance margin
│   ├── raised or lowered          -> in a straight line over RAMP_SECONDS, rounded toward where it comes from
│   ├── everything else            -> at once
│   ├── asked for again            -> goes on
│   ├── turned round in the middle -> from where it is
│   ├── tightened in the middle    -> goes on
│   └── initial margin below it    -> BadParams, also where it only comes from
├── haircuts
│   ├── falls                      -> over COLLATERAL_RAMP_SECONDS, both
│   ├── maintenance rises          -> over RAMP_SECONDS
│   ├── initial rises              -> at once
│   └── tightened on its way down  -> goes on from where it is, to where it was told
├── assess                         -> takes them as they are now
└── constructor                    -> a way longer than an epoch is refused
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from holdfast.chain.contract import Contract
from holdfast.types import Mode
from holdfast.units import WAD
from tests.conftest import START, Clock, Refused, Roles
from tests.unit.risk.numbers import BTC, COLLATERAL_RAMP, EPOCH, ETH, PARAMS, RAMP, WETH, changed

SINCE = START + 3 * EPOCH


def maintenance(risk: Contract) -> int:
    return int(risk.call("instrumentParams", ETH).maintenanceBps)


@pytest.mark.parametrize(
    ("target", "looks"),
    [
        (600, {0: 500, 35: 500, 36: 501, 1_800: 550, 3_599: 599, 3_600: 600, 3_601: 600}),
        (400, {0: 500, 35: 500, 36: 499, 1_800: 450, 3_599: 401, 3_600: 400, 10**6: 400}),
    ],
)
def test_maintenance__moved__in_a_straight_line(
    risk: Contract, roles: Roles, clock: Clock, target: int, looks: dict[int, int]
) -> None:
    clock.next(SINCE)
    params = changed(PARAMS, maintenance=target, initial=2_000, cap=7)
    event = risk.send("setInstrument", ETH, params, sender=roles.governor).event("InstrumentParamsSet")

    assert event.args == {"instrument": ETH, "params": params, "fromBps": 500, "arrivesAt": SINCE + RAMP}
    assert risk.call("instrumentParams", ETH) == changed(params, maintenance=500)  # the rest at once
    for elapsed, bps in looks.items():
        if elapsed:
            clock.set(SINCE + elapsed)
        assert maintenance(risk) == bps, elapsed


def test_maintenance__asked_for_again__goes_on(risk: Contract, roles: Roles, clock: Clock) -> None:
    clock.next(SINCE)
    risk.send("setInstrument", ETH, changed(PARAMS, maintenance=600), sender=roles.governor)
    clock.next(SINCE + 1_800)
    risk.send("setInstrument", ETH, changed(PARAMS, maintenance=600), sender=roles.governor)

    clock.set(SINCE + RAMP)
    assert maintenance(risk) == 600


def test_maintenance__tightened_beside_it__goes_on(risk: Contract, roles: Roles, clock: Clock) -> None:
    clock.next(SINCE)
    risk.send("setInstrument", ETH, changed(PARAMS, maintenance=600), sender=roles.governor)
    clock.next(SINCE + 1_800)
    risk.send(
        "tightenInstrument", ETH, changed(PARAMS, maintenance=600, initial=1_100), sender=roles.guardian
    )

    assert maintenance(risk) == 550
    clock.set(SINCE + RAMP)
    assert risk.call("instrumentParams", ETH) == changed(PARAMS, maintenance=600, initial=1_100)


def test_maintenance__turned_round__from_where_it_is(
    make_risk: Callable[..., Contract], roles: Roles, clock: Clock
) -> None:
    risk = make_risk()
    risk.send("setInstrument", ETH, changed(PARAMS, maintenance=800), sender=roles.governor)
    clock.next(SINCE)
    risk.send("setInstrument", ETH, changed(PARAMS, maintenance=600), sender=roles.governor)  # a step
    clock.next(SINCE + RAMP // 2)
    risk.send("tightenInstrument", ETH, changed(PARAMS, maintenance=600), sender=roles.guardian)

    assert maintenance(risk) == 700
    state = risk.call("instrumentState", ETH)
    assert (state.fromBps, state.arrivesAt, state.steppedAt) == (800, SINCE + RAMP, SINCE)
    assert (state.asked.maintenanceBps, state.standing.maintenanceBps) == (600, 600)


@pytest.mark.parametrize(
    ("target", "initial", "bound"),
    [(400, 750, 501), (900, 950, 901)],
    ids=["where it comes from is lower", "where it goes is lower"],
)
def test_maintenance__initial_above_it_all_the_way__is_allowed(
    risk: Contract, roles: Roles, target: int, initial: int, bound: int
) -> None:
    risk.send(
        "setInstrument", ETH, changed(PARAMS, maintenance=target, initial=initial), sender=roles.governor
    )

    assert risk.call("instrumentParams", ETH).initialBps == initial >= bound


def test_maintenance__initial_below_where_it_comes_from__reverts(
    make_risk: Callable[..., Contract], roles: Roles, clock: Clock, refused: Refused
) -> None:
    risk = make_risk()
    risk.send("setInstrument", ETH, changed(PARAMS, maintenance=900), sender=roles.governor)
    clock.next(SINCE)

    with refused("BadParams", value=900, bound=901):
        risk.send("setInstrument", ETH, changed(PARAMS, maintenance=800, initial=900), sender=roles.governor)


def test_haircuts__fall_and_rise__each_in_its_time(risk: Contract, roles: Roles, clock: Clock) -> None:
    clock.next(SINCE)
    risk.send("setAsset", WETH, (1_200, 800), sender=roles.governor)
    assert risk.call("assetParams", WETH) == (1_500, 1_000)
    clock.set(SINCE + COLLATERAL_RAMP // 2)
    assert risk.call("assetParams", WETH) == (1_350, 900)
    clock.set(SINCE + COLLATERAL_RAMP)
    assert risk.call("assetParams", WETH) == (1_200, 800)

    clock.next(SINCE + EPOCH)
    risk.send("setAsset", WETH, (2_000, 1_600), sender=roles.governor)
    assert risk.call("assetParams", WETH) == (2_000, 800)  # the initial one at once
    clock.set(SINCE + EPOCH + RAMP // 2)
    assert risk.call("assetParams", WETH) == (2_000, 1_200)
    clock.set(SINCE + EPOCH + RAMP)
    assert risk.call("assetParams", WETH) == (2_000, 1_600)


def test_haircuts__tightened_on_the_way_down__go_on_from_where_they_are(
    risk: Contract, roles: Roles, clock: Clock
) -> None:
    clock.next(SINCE)
    risk.send("setAsset", 2, (2_000, 1_000), sender=roles.governor)
    clock.next(SINCE + COLLATERAL_RAMP // 2)
    risk.send("tightenAsset", 2, (3_000, 1_000), sender=roles.guardian)

    assert risk.call("assetParams", 2) == (6_000, 5_500)
    clock.set(SINCE + COLLATERAL_RAMP)
    assert risk.call("assetParams", 2) == (4_500, 1_000)
    clock.set(SINCE + 3 * COLLATERAL_RAMP // 2)
    assert risk.call("assetParams", 2) == (3_000, 1_000)
    state = risk.call("assetState", 2)
    assert (tuple(state.asked), tuple(state.standing)) == ((3_000, 1_000), (2_000, 1_000))
    assert (tuple(state.start), state.steppedAt) == ((6_000, 10_000), SINCE)
    assert state.initialArrivesAt == SINCE + 3 * COLLATERAL_RAMP // 2
    assert state.maintenanceArrivesAt == SINCE + COLLATERAL_RAMP


def test_assess__on_the_way__as_they_are_now(risk: Contract, roles: Roles, clock: Clock) -> None:
    book = (0, ((ETH, WAD, 0, 1_000 * WAD, 1_000 * WAD, 0, 0),), ((WETH, WAD, 1_000 * WAD, 1_000 * WAD, 0),))
    clock.next(SINCE)
    risk.send("setInstrument", ETH, changed(PARAMS, maintenance=600), sender=roles.governor)
    clock.next(SINCE + 1)
    risk.send("setAsset", WETH, (3_000, 2_000), sender=roles.governor)

    clock.set(SINCE + 1 + RAMP // 2)
    margin = risk.call("assess", Mode.CROSS, book)

    assert margin.maintenanceWad == 55 * WAD + 150 * WAD
    assert (margin.initialWad, margin.borrowLimitWad) == ((100 + 300) * WAD, 700 * WAD)


@pytest.mark.parametrize(
    ("rules", "value", "bound"),
    [((0, 1, 9), 0, 1), ((10, 1, 9), 10, 9), ((1, 0, 9), 0, 1), ((1, 10, 9), 10, 9)],
)
def test_constructor__way_longer_than_an_epoch__reverts(
    deploy: Callable[..., Contract],
    authority: Contract,
    refused: Refused,
    rules: tuple[int, ...],
    value: int,
    bound: int,
) -> None:
    with refused("BadParams", value=value, bound=bound):
        deploy("Risk", authority.address, *[authority.address] * 4, (*rules, 0, 0, 0, 0))


def test_constructor__arguments__are_kept(deploy: Callable[..., Contract], authority: Contract) -> None:
    around = [deploy("MockSurroundings").address for _ in range(4)]
    risk = deploy("Risk", authority.address, *around, (1, 2, 3, 4, 5, 6, 7))

    names = ("RAMP_SECONDS", "COLLATERAL_RAMP_SECONDS", "EPOCH_SECONDS", "VOLATILITY_FLOOR_BPS")
    names += ("FUNDING_CAP_BPS", "MAX_FEE_BPS", "REWARD_CAP_BPS")
    assert [risk.call(name) for name in names] == [1, 2, 3, 4, 5, 6, 7]
    assert [risk.call(name) for name in ("ORACLE", "BREAKER", "SURFACE", "PORTFOLIO")] == around
    assert (risk.call("SCANS"), risk.call("authority")) == (around[3], authority.address)
    assert risk.call("instrumentState", BTC).arrivesAt == 0
