"""setAsset, tightenAsset
├── caller has no role                         -> AccessManagedUnauthorized
├── a number is out of bounds                  -> BadParams with it and the bound
├── never set                                  -> assetParams says everything is cut
├── setAsset
│   ├── the first                              -> begins at everything cut, AssetParamsSet
│   ├── beyond a step                          -> StepTooLarge
│   ├── a step within an epoch                 -> EpochNotOver
│   └── tightened by the guardian              -> goes back by the ramp
└── tightenAsset
    ├── looser, or MM moved either way         -> NotTighter
    ├── never set                              -> NotTighter, or nothing changes
    └── tighter, or the same                   -> stores, emits AssetParamsSet
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from tests.conftest import START, Clock, Refused, Roles
from tests.unit.risk.numbers import COLLATERAL_RAMP, EPOCH, HAIRCUTS, WETH

OTHER = 7


def test_set_asset__stranger__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    for caller in (roles.stranger, roles.guardian):
        with refused("AccessManagedUnauthorized", caller=caller):
            risk.send("setAsset", WETH, HAIRCUTS, sender=caller)


def test_tighten_asset__stranger__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    for caller in (roles.stranger, roles.governor):
        with refused("AccessManagedUnauthorized", caller=caller):
            risk.send("tightenAsset", WETH, HAIRCUTS, sender=caller)


@pytest.mark.parametrize(
    ("haircuts", "value", "bound"),
    [
        ((1_500, 0), 0, 1),
        ((10_001, 10_001), 10_001, 10_000),
        ((999, 1_000), 999, 1_000),
        ((10_001, 1_000), 10_001, 10_000),
    ],
)
def test_set_asset__out_of_bounds__reverts(
    risk: Contract, roles: Roles, refused: Refused, haircuts: tuple[int, int], value: int, bound: int
) -> None:
    with refused("BadParams", value=value, bound=bound):
        risk.send("setAsset", WETH, haircuts, sender=roles.governor)


def test_asset_params__never_set__everything_is_cut(risk: Contract) -> None:
    assert risk.call("assetParams", OTHER) == (10_000, 10_000)


@pytest.mark.parametrize("haircuts", [(1, 1), (10_000, 10_000), (1_400, 900)])
def test_set_asset__first__begins_at_everything_cut(
    risk: Contract, roles: Roles, clock: Clock, haircuts: tuple[int, int]
) -> None:
    since = START + 3 * EPOCH
    clock.next(since)
    event = risk.send("setAsset", OTHER, haircuts, sender=roles.governor).event("AssetParamsSet")

    assert event.args == {"asset": OTHER, "params": haircuts}
    assert risk.call("assetParams", OTHER) == (10_000, 10_000)
    assert risk.call("assetParams", 8) == (10_000, 10_000)
    clock.set(since + COLLATERAL_RAMP)
    assert risk.call("assetParams", OTHER) == haircuts


@pytest.mark.parametrize(
    ("haircuts", "value", "bound"),
    [((1_124, 1_000), 1_124, 1_125), ((1_500, 749), 749, 750), ((3_000, 2_001), 2_001, 2_000)],
)
def test_set_asset__more_than_a_step__reverts(
    risk: Contract, roles: Roles, refused: Refused, haircuts: tuple[int, int], value: int, bound: int
) -> None:
    with refused("StepTooLarge", value=value, bound=bound):
        risk.send("setAsset", WETH, haircuts, sender=roles.governor)


@pytest.mark.parametrize("haircuts", [(1_125, 1_000), (1_500, 750), (3_000, 2_000)])
def test_set_asset__a_second_step_in_an_epoch__reverts(
    risk: Contract, roles: Roles, clock: Clock, refused: Refused, haircuts: tuple[int, int]
) -> None:
    first = START + 3 * EPOCH
    clock.next(first)
    risk.send("setAsset", WETH, haircuts, sender=roles.governor)

    clock.next(first + EPOCH - 1)
    with refused("EpochNotOver", until=first + EPOCH):
        risk.send("setAsset", WETH, (haircuts[0], haircuts[1] - 1), sender=roles.governor)
    risk.send("setAsset", WETH, (9_000, haircuts[1]), sender=roles.governor)  # no step
    clock.next(first + EPOCH)
    risk.send("setAsset", WETH, (9_000, haircuts[1] - 1), sender=roles.governor)
    assert risk.call("assetState", WETH).steppedAt == first + EPOCH


def test_set_asset__what_the_guardian_tightened__goes_back_by_the_ramp(
    risk: Contract, roles: Roles, clock: Clock
) -> None:
    risk.send("tightenAsset", WETH, (10_000, 1_000), sender=roles.guardian)
    since = START + 3 * EPOCH
    clock.next(since)
    risk.send("setAsset", WETH, HAIRCUTS, sender=roles.governor)

    clock.set(since + COLLATERAL_RAMP // 2)
    assert risk.call("assetParams", WETH) == (5_750, 1_000)


@pytest.mark.parametrize("haircuts", [(1_499, 1_000), (1_500, 999), (1_500, 1_001)])
def test_tighten_asset__looser__reverts(
    risk: Contract, roles: Roles, refused: Refused, haircuts: tuple[int, int]
) -> None:
    with refused("NotTighter"):
        risk.send("tightenAsset", WETH, haircuts, sender=roles.guardian)


def test_tighten_asset__never_set__cannot_be_opened(risk: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NotTighter"):
        risk.send("tightenAsset", OTHER, HAIRCUTS, sender=roles.guardian)

    risk.send("tightenAsset", OTHER, (10_000, 10_000), sender=roles.guardian)
    assert risk.call("assetParams", OTHER) == (10_000, 10_000)


def test_tighten_asset__out_of_bounds__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    with refused("BadParams", value=10_001, bound=10_000):
        risk.send("tightenAsset", WETH, (10_001, 1_000), sender=roles.guardian)


@pytest.mark.parametrize("haircuts", [HAIRCUTS, (1_501, 1_000), (10_000, 1_000)])
def test_tighten_asset__tighter__stores_and_emits(
    risk: Contract, roles: Roles, haircuts: tuple[int, int]
) -> None:
    event = risk.send("tightenAsset", WETH, haircuts, sender=roles.guardian).event("AssetParamsSet")

    assert event.args == {"asset": WETH, "params": haircuts}
    assert risk.call("assetParams", WETH) == haircuts
