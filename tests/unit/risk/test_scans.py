"""setScan, tightenScan, net, setCorrelation
├── caller has no role                        -> AccessManagedUnauthorized
├── setScan
│   ├── a rate out of bounds                  -> BadScan with it and the bound
│   ├── a grid that isn't one                 -> BadGrid with the place
│   ├── the first                             -> stored, ScanSet
│   ├── another shape                         -> BadGrid
│   ├── a shock that turns, or moves too far  -> StepTooLarge
│   ├── a step within an epoch                -> EpochNotOver
│   ├── a step an epoch later                 -> stored
│   └── the same, or a larger contingency     -> at once
├── tightenScan
│   ├── never set                             -> NotScanned
│   ├── a smaller contingency                 -> NotTighter
│   └── a larger one                          -> stored alone; the governor may go back at once
├── scanOf, never set                         -> nothing
├── wordsOf, never set                        -> NotScanned
├── net
│   ├── an underlying never set               -> NotScanned
│   └── twice                                 -> AlreadyNetted
└── setCorrelation                            -> within bounds, by a step, once an epoch
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
from typing import Any

import pytest

from holdfast.chain.contract import Contract
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.model.portfolio import Grid, Scenario
from tests.conftest import START, Clock, Refused, Roles

EPOCH = 86_400
SINCE = START + 10 * EPOCH
ETH, WETH = 1, 1
CORRELATION = 7_000

Set = Callable[..., Any]


@pytest.fixture
def scans(
    deploy: Callable[..., Contract],
    authority: Contract,
    permit: Callable[..., None],
    roles: Roles,
    clock: Clock,
) -> Contract:
    contract = deploy("Scans", authority.address, EPOCH, CORRELATION)
    permit(roles.governor, contract, "setScan", "net", "setCorrelation")
    permit(roles.guardian, contract, "tightenScan")
    clock.next(SINCE)
    contract.send("setScan", ETH, astuple(LARGE_PARAMS), astuple(LARGE), sender=roles.governor)
    return contract


@pytest.fixture
def put(scans: Contract, roles: Roles) -> Set:
    """Set the scan of ETH, with changes to its parameters or to its grid."""

    def put(*, grid: Grid = LARGE, underlying: int = ETH, **changes: int) -> Any:
        params = replace(LARGE_PARAMS, **changes)
        return scans.send("setScan", underlying, astuple(params), astuple(grid), sender=roles.governor)

    return put


def test_governance__stranger__reverts(scans: Contract, roles: Roles, refused: Refused) -> None:
    calls = {
        "setScan": (ETH, astuple(LARGE_PARAMS), astuple(LARGE)),
        "tightenScan": (ETH, 100),
        "net": (WETH, ETH),
        "setCorrelation": (8_000,),
    }
    for name, args in calls.items():
        with refused("AccessManagedUnauthorized", caller=roles.stranger):
            scans.send(name, *args, sender=roles.stranger)


@pytest.mark.parametrize(
    ("changes", "value", "bound"),
    [
        ({"maintenance_bps": 0}, 0, 1),
        ({"maintenance_bps": 10_001}, 10_001, 10_000),
        ({"worst": 0}, 0, 1),
        ({"worst": 9}, 9, 8),
        ({"net_delta_bps": 0}, 0, 1),
        ({"gross_delta_bps": 0}, 0, 1),
        ({"gross_delta_bps": 201}, 201, 200),
        ({"pin_bps": 10_001}, 10_001, 10_000),
        ({"short_option_bps": 10_001}, 10_001, 10_000),
        ({"tail_bps": 10_001}, 10_001, 10_000),
        ({"near_power_bps": 10_001}, 10_001, 10_000),
        ({"far_power_bps": 10_001}, 10_001, 10_000),
    ],
)
def test_set_scan__out_of_bounds__reverts(
    put: Set, refused: Refused, changes: dict[str, int], value: int, bound: int
) -> None:
    with refused("BadScan", value=value, bound=bound):
        put(underlying=2, **changes)


@pytest.mark.parametrize(
    ("grid", "place"),
    [
        (replace(LARGE, spots_bps=(-10_000, 0)), 0),
        (replace(LARGE, spots_bps=(-400, 0, 0)), 2),
        (replace(LARGE, spots_bps=(-400, 400)), 2),
        (replace(LARGE, spots_bps=tuple(range(17))), 22),
        (replace(LARGE, vols_bps=()), 12),
        (replace(LARGE, tails=(Scenario(spot_bps=-10_000, vol_bps=0, weight_bps=1),)), 11),
        (replace(LARGE, tails=(*LARGE.tails, Scenario(spot_bps=1, vol_bps=0, weight_bps=10_001))), 14),
    ],
)
def test_set_scan__no_grid__reverts(put: Set, refused: Refused, grid: Grid, place: int) -> None:
    with refused("BadGrid", place=place):
        put(underlying=2, grid=grid)


def test_set_scan__first__stored_with_its_event(put: Set) -> None:
    event = put(underlying=2).event("ScanSet")
    assert (event.args["underlying"], tuple(event.args["params"])) == (2, astuple(LARGE_PARAMS))


def test_set_scan__another_shape__reverts(put: Set, refused: Refused, clock: Clock) -> None:
    clock.next(SINCE + EPOCH)
    with refused("BadGrid", place=9 + 2 + 2):
        put(grid=replace(LARGE, tails=LARGE.tails[1:]))


@pytest.mark.parametrize(
    ("changes", "value", "bound"),
    [
        ({"maintenance_bps": 3_749}, 3_749, 3_750),
        ({"maintenance_bps": 10_000, "tail_bps": 2_401}, 2_401, 2_400),
        ({"grid": replace(LARGE, vols_bps=(4_000, 2_200))}, 2_200, 0),
        ({"grid": replace(LARGE, vols_bps=(4_000, -1_649))}, 1_649, 1_650),
        ({"grid": replace(LARGE, spots_bps=(-3_201, *LARGE.spots_bps[1:]))}, 3_201, 3_200),
        (
            {"grid": replace(LARGE, tails=(replace(LARGE.tails[0], weight_bps=1_349), *LARGE.tails[1:]))},
            1_349,
            1_350,
        ),
        ({"short_option_bps": 37}, 37, 38),
    ],
)
def test_set_scan__beyond_a_step__reverts(
    put: Set, refused: Refused, clock: Clock, changes: dict[str, Any], value: int, bound: int
) -> None:
    clock.next(SINCE + EPOCH)
    with refused("StepTooLarge", value=value, bound=bound):
        put(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"maintenance_bps": 5_001},
        {"worst": 4},
        {"net_delta_bps": 201},
        {"gross_delta_bps": 99},
        {"pin_bps": 201},
        {"tail_bps": 1_199},
        {"near_power_bps": 3_001},
        {"far_power_bps": 1_301},
        {"grid": replace(LARGE, spots_bps=(*LARGE.spots_bps[:-1], 1_601))},
        {"grid": replace(LARGE, vols_bps=(3_999, -2_200))},
        {"grid": replace(LARGE, tails=(*LARGE.tails[:-1], replace(LARGE.tails[-1], spot_bps=50_001)))},
        {"grid": replace(LARGE, tails=(*LARGE.tails[:-1], replace(LARGE.tails[-1], vol_bps=4_001)))},
    ],
)
def test_set_scan__a_step__once_an_epoch(
    put: Set, refused: Refused, clock: Clock, changes: dict[str, Any]
) -> None:
    clock.next(SINCE + EPOCH - 1)
    with refused("EpochNotOver", until=SINCE + EPOCH):
        put(**changes)
    clock.next(SINCE + EPOCH)
    put(**changes)
    with refused("EpochNotOver", until=SINCE + 2 * EPOCH):
        put()


def test_set_scan__the_same_or_a_larger_contingency__at_once(put: Set, scans: Contract) -> None:
    put()
    put(short_option_bps=90)
    assert scans.call("scanOf", ETH)[0][5] == 90


def test_set_scan__a_smaller_contingency__once_an_epoch(put: Set, refused: Refused, clock: Clock) -> None:
    with refused("EpochNotOver", until=SINCE + EPOCH):
        put(short_option_bps=49)
    clock.next(SINCE + EPOCH)
    put(short_option_bps=49)
    with refused("EpochNotOver", until=SINCE + 2 * EPOCH):
        put(short_option_bps=48)


def test_tighten_scan__never_set__reverts(scans: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NotScanned", underlying=2):
        scans.send("tightenScan", 2, 100, sender=roles.guardian)


def test_tighten_scan__smaller__reverts(scans: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NotTighter"):
        scans.send("tightenScan", ETH, 49, sender=roles.guardian)
    with refused("BadScan", value=10_001, bound=10_000):
        scans.send("tightenScan", ETH, 10_001, sender=roles.guardian)


def test_tighten_scan__larger__stored_alone_and_undone_at_once(
    put: Set, scans: Contract, roles: Roles
) -> None:
    event = scans.send("tightenScan", ETH, 5_000, sender=roles.guardian).event("ScanSet")
    assert tuple(event.args["params"]) == astuple(replace(LARGE_PARAMS, short_option_bps=5_000))
    assert tuple(scans.call("scanOf", ETH)[0]) == astuple(replace(LARGE_PARAMS, short_option_bps=5_000))
    put()
    assert tuple(scans.call("scanOf", ETH)[0]) == astuple(LARGE_PARAMS)


def test_scan_of__never_set__is_nothing(scans: Contract) -> None:
    params, grid = scans.call("scanOf", 2)
    assert not any(params) and not any(grid)


def test_words_of__never_set__reverts(scans: Contract, refused: Refused) -> None:
    with refused("NotScanned", underlying=2):
        scans.call("wordsOf", 2)


def test_net__once(scans: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NotScanned", underlying=2):
        scans.send("net", WETH, 2, sender=roles.governor)
    event = scans.send("net", WETH, ETH, sender=roles.governor).event("Netted")
    assert (event.args["asset"], event.args["underlying"]) == (WETH, ETH)
    assert scans.call("underlyingOf", WETH) == ETH
    with refused("AlreadyNetted", asset=WETH, underlying=ETH):
        scans.send("net", WETH, ETH, sender=roles.governor)


def test_set_correlation__by_a_step__once_an_epoch(
    scans: Contract, roles: Roles, refused: Refused, clock: Clock
) -> None:
    with refused("BadScan", value=10_001, bound=10_000):
        scans.send("setCorrelation", 10_001, sender=roles.governor)
    with refused("StepTooLarge", value=5_249, bound=5_250):
        scans.send("setCorrelation", 5_249, sender=roles.governor)
    clock.next(SINCE + EPOCH)
    event = scans.send("setCorrelation", 8_000, sender=roles.governor).event("CorrelationSet")
    assert event.args["correlationBps"] == 8_000
    with refused("EpochNotOver", until=SINCE + 2 * EPOCH):
        scans.send("setCorrelation", 8_001, sender=roles.governor)
    scans.send("setCorrelation", 8_000, sender=roles.governor)
    assert scans.call("correlationBps") == 8_000
