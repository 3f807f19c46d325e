"""setInstrument
├── caller has no role                -> AccessManagedUnauthorized
├── a number is out of bounds         -> BadParams with it and the bound
├── the first, or a lower MM
│   ├── no feed                       -> NoFeed
│   └── MM below a heartbeat's losses -> EnvelopeExceeded with its terms
├── the first                         -> is there at once, InstrumentParamsSet
└── another
    ├── beyond a step                 -> StepTooLarge
    ├── a step within an epoch        -> EpochNotOver
    ├── a step after it, or none      -> is there at once, but for MM (test_ramps.py)
    ├── tightened by the guardian     -> can be undone in one step
    └── a cap of zero                 -> positions can only shrink; the cap that stands stays
"""

from __future__ import annotations

import pytest

from holdfast.chain.contract import Contract
from holdfast.model import bounded, envelope
from holdfast.model import risk as model
from holdfast.types import perpetual
from tests.conftest import START, Clock, Refused, Roles
from tests.unit.risk.conftest import MakeRisk
from tests.unit.risk.numbers import BTC, CAP, EPOCH, ETH, PARAMS, changed


def test_set_instrument__stranger__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    for caller in (roles.stranger, roles.guardian):
        with refused("AccessManagedUnauthorized", caller=caller):
            risk.send("setInstrument", ETH, PARAMS, sender=caller)


@pytest.mark.parametrize(
    ("change", "value", "bound"),
    [
        ({"maintenance": 24}, 24, 25),
        ({"maintenance": 10_001}, 10_001, 10_000),
        ({"initial": 500}, 500, 501),
        ({"initial": 10_001}, 10_001, 10_000),
        ({"initial_max": 999}, 999, 1_000),
        ({"initial_max": 10_001}, 10_001, 10_000),
        ({"knee": 10_001}, 10_001, 10_000),
        ({"cap": 2 * 10**27 + 1}, 2 * 10**27 + 1, 2 * 10**27),
    ],
)
def test_set_instrument__out_of_bounds__reverts(
    risk: Contract, roles: Roles, refused: Refused, change: dict[str, int], value: int, bound: int
) -> None:
    with refused("BadParams", value=value, bound=bound):
        risk.send("setInstrument", BTC, changed(PARAMS, **change), sender=roles.governor)


@pytest.mark.parametrize(
    "params", [(26, 25, 26, 0, 0), (10_000, 9_999, 10_000, 10_000, 2 * 10**27)], ids=["lowest", "highest"]
)
def test_set_instrument__first__is_there_at_once(
    risk: Contract, roles: Roles, params: tuple[int, ...]
) -> None:
    event = risk.send("setInstrument", BTC, params, sender=roles.governor).event("InstrumentParamsSet")

    assert event.args == {"instrument": BTC, "params": params, "fromBps": 0, "arrivesAt": 0}
    assert risk.call("instrumentParams", BTC) == params
    assert risk.call("instrumentParams", perpetual(9)) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("change", "value", "bound"),
    [
        ({"initial": 749}, 749, 750),
        ({"maintenance": 374}, 374, 375),
        ({"maintenance": 1_001, "initial": 1_500}, 1_001, 1_000),
        ({"initial_max": 3_749}, 3_749, 3_750),
        ({"knee": 7_001}, 2_999, 3_000),  # what lies beyond it
        ({"cap": 2 * CAP + 1}, 2 * CAP + 1, 2 * CAP),
    ],
)
def test_set_instrument__more_than_a_step__reverts(
    risk: Contract, roles: Roles, refused: Refused, change: dict[str, int], value: int, bound: int
) -> None:
    with refused("StepTooLarge", value=value, bound=bound):
        risk.send("setInstrument", ETH, changed(PARAMS, **change), sender=roles.governor)


@pytest.mark.parametrize(
    "change",
    [
        {"initial": 750},
        {"maintenance": 375},
        {"maintenance": 1_000, "initial": 1_001},
        {"initial_max": 3_750},
        {"knee": 7_000},
        {"cap": 2 * CAP},
    ],
)
def test_set_instrument__a_second_step_in_an_epoch__reverts(
    risk: Contract, roles: Roles, clock: Clock, refused: Refused, change: dict[str, int]
) -> None:
    first = START + 3 * EPOCH
    clock.next(first)
    following = changed(PARAMS, **change)
    risk.send("setInstrument", ETH, following, sender=roles.governor)

    clock.next(first + EPOCH - 1)
    with refused("EpochNotOver", until=first + EPOCH):
        risk.send("setInstrument", ETH, changed(following, knee=following[3] + 1), sender=roles.governor)


def test_set_instrument__tighter__needs_no_epoch(risk: Contract, roles: Roles, clock: Clock) -> None:
    risk.send("setInstrument", ETH, changed(PARAMS, cap=2 * CAP), sender=roles.governor)
    params = changed(PARAMS, initial=9_000, initial_max=9_500, knee=0, cap=1)

    risk.send("setInstrument", ETH, params, sender=roles.governor)

    assert risk.call("instrumentParams", ETH) == params


def test_set_instrument__after_an_epoch__another_step(risk: Contract, roles: Roles, clock: Clock) -> None:
    first = START + 3 * EPOCH
    clock.next(first)
    risk.send("setInstrument", ETH, changed(PARAMS, cap=2 * CAP), sender=roles.governor)

    clock.next(first + EPOCH)
    risk.send("setInstrument", ETH, changed(PARAMS, cap=4 * CAP), sender=roles.governor)

    assert risk.call("instrumentState", ETH).steppedAt == first + EPOCH


def test_set_instrument__what_the_guardian_tightened__is_undone_at_once(risk: Contract, roles: Roles) -> None:
    risk.send("tightenInstrument", ETH, (9_000, 500, 9_000, 0, 0), sender=roles.guardian)

    risk.send("setInstrument", ETH, PARAMS, sender=roles.governor)

    assert risk.call("instrumentParams", ETH) == PARAMS


def test_set_instrument__a_cap_of_zero__leaves_the_cap_that_stands(
    risk: Contract, roles: Roles, refused: Refused
) -> None:
    risk.send("setInstrument", ETH, changed(PARAMS, cap=0), sender=roles.governor)

    assert risk.call("instrumentParams", ETH) == changed(PARAMS, cap=0)
    with refused("StepTooLarge", value=2 * CAP + 1, bound=2 * CAP):
        risk.send("setInstrument", ETH, changed(PARAMS, cap=2 * CAP + 1), sender=roles.governor)
    risk.send("setInstrument", ETH, changed(PARAMS, cap=2 * CAP), sender=roles.governor)


def test_set_instrument__without_a_feed__reverts(risk: Contract, roles: Roles, refused: Refused) -> None:
    with refused("NoFeed", underlying=9):
        risk.send("setInstrument", perpetual(9), PARAMS, sender=roles.governor)


# Volatility 70 %, funding 0.5 % an hour, fees 1 %, rewards 20 % of MM; worked by hand in docs/risk.md.
COSTS = (7_000, 50, 100, 2_000)
LEAST = 475


def test_set_instrument__outside_the_envelope__reverts(
    make_risk: MakeRisk, roles: Roles, refused: Refused
) -> None:
    risk = make_risk(*COSTS)

    with refused(
        "EnvelopeExceeded", moveBps=225, fundingBps=52, feesBps=103, rewardBps=97, maintenanceBps=LEAST - 1
    ):
        risk.send("setInstrument", ETH, changed(PARAMS, maintenance=LEAST - 1), sender=roles.governor)


def test_set_instrument__lowered_out_of_the_envelope__reverts(
    make_risk: MakeRisk, roles: Roles, clock: Clock, refused: Refused
) -> None:
    risk = make_risk(*COSTS)
    risk.send("setInstrument", ETH, PARAMS, sender=roles.governor)
    clock.set(START + 2 * EPOCH)

    with refused(
        "EnvelopeExceeded", moveBps=225, fundingBps=52, feesBps=103, rewardBps=97, maintenanceBps=LEAST - 1
    ):
        risk.send("setInstrument", ETH, changed(PARAMS, maintenance=LEAST - 1), sender=roles.governor)
    risk.send("setInstrument", ETH, changed(PARAMS, maintenance=480), sender=roles.governor)


def test_constants__model__has_the_same(risk: Contract) -> None:
    for name in ("MIN_MAINTENANCE_BPS", "MAX_INITIAL_BPS", "MIN_HAIRCUT_BPS", "MAX_OPEN_INTEREST_WAD"):
        assert risk.call(name) == getattr(model, name)
    assert risk.call("FALL_BPS") == bounded.FALL_BPS
    assert risk.call("RISE_BPS") == bounded.RISE_BPS
    assert risk.call("SIGMAS") == envelope.SIGMAS
