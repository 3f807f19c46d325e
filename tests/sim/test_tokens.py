"""hostile tokens
├── a good one                 -> serves the ledger as any token does
├── each way to turn           -> followed from its events, undone by turning back
├── misbehaves                 -> never where tokens are good; not for one that merely answers nothing
├── deposit, withdrawal
│   ├── no answer              -> goes through
│   ├── false, wide, revert    -> refused
│   ├── lie                    -> nothing received
│   ├── fee                    -> what arrived is credited
│   └── shrunk                 -> nobody pays into the hole
├── blocked receiver           -> his door alone is shut; a take inside goes on
└── callback                   -> refused by the lock of the ledger, and the transfer goes on
"""

from __future__ import annotations

import pytest

from holdfast.sim.ghost import Ghost
from holdfast.sim.steps import Step, Transition, act, join, run
from holdfast.sim.tokens import FALSE, LIE, NOTHING, REVERT, WIDE, misbehaves, turned
from holdfast.sim.world import World
from holdfast.types import SETTLEMENT
from holdfast.units import WAD

from .conftest import Opened

WETH = 1


@pytest.fixture
def world(opened: Opened) -> World:
    return opened("hostile")


def turn(world: World, asset: int, function: str, *args: object) -> Step:
    return act(world, "turn_token", world.hostile[asset], function, *args, sender=world.people.stranger)


def deposit(world: World, asset: int, amount: int) -> Step:
    account = first(world)
    return act(
        world, "deposit", world.protocol.ledger, "deposit", account, asset, amount,
        sender=world.people.owners[0], accounts=frozenset({account}),
        facts={"account": account, "asset": asset, "amount": amount},
    )  # fmt: skip


def withdraw(world: World, asset: int, amount: int, to: str) -> Step:
    account = first(world)
    return act(
        world, "withdraw", world.protocol.ledger, "withdraw", account, asset, amount, to,
        sender=world.people.owners[0], accounts=frozenset({account}),
        facts={"account": account, "asset": asset, "amount": amount},
    )  # fmt: skip


def first(world: World) -> int:
    """The rich account of the first owner."""
    return next(a.id for a in world.start.accounts if a.owner == world.people.owners[0] and a.holdings)


def played(world: World, *steps: Step) -> tuple[Ghost, list[Transition]]:
    ghost, found = Ghost(world), []
    for t in run(world, [], steps, world.start):
        ghost.meet(t)
        ghost.follow(t)
        if t.step is not None:
            found.append(t)
    return ghost, found


def held(t: Transition, asset: int) -> int:
    """By how much the vault's debt to the ledger grew."""
    return t.after.system.assets[asset].held - t.before.system.assets[asset].held


def test_token__good__deposits_and_withdraws(world: World) -> None:
    to = world.people.owners[0]
    _, (came, went) = played(world, deposit(world, WETH, 500), withdraw(world, WETH, 300, to))

    assert (came.ok, held(came, WETH), went.ok, held(went, WETH)) == (True, 500, True, -300)


@pytest.mark.parametrize(
    "function, args",
    [
        ("setAnswer", (FALSE,)),
        ("setAnswer", (LIE,)),
        ("setFee", (30,)),
        ("setBlocked", ("0x" + "11" * 20, True)),
        ("rebase", (WAD // 2,)),
    ],
)
def test_turned__each_way__followed(world: World, function: str, args: tuple[object, ...]) -> None:
    ghost, _ = played(world, turn(world, WETH, function, *args))

    assert misbehaves(ghost, WETH)
    assert not misbehaves(ghost, SETTLEMENT)


def test_turned__back__good_again(world: World) -> None:
    who = "0x" + "11" * 20
    steps = [turn(world, WETH, "setBlocked", who, True), turn(world, WETH, "setBlocked", who, False)]
    steps += [turn(world, WETH, "setFee", 30), turn(world, WETH, "setFee", 0)]
    ghost, _ = played(world, *steps)

    assert turned(ghost, WETH).good


def test_misbehaves__no_answer__no(world: World) -> None:
    ghost, (_, came) = played(world, turn(world, WETH, "setAnswer", NOTHING), deposit(world, WETH, 5))

    assert not misbehaves(ghost, WETH)
    assert came.ok


def test_misbehaves__world_of_good_tokens__no(opened: Opened) -> None:
    ghost = Ghost(opened("local"))
    turned(ghost, WETH).fee_bps = 30

    assert not misbehaves(ghost, WETH)


@pytest.mark.parametrize(
    "answer, error",
    [
        (FALSE, "TransferFromFailed"),
        (WIDE, "TransferFromFailed"),
        (REVERT, "TransferFromFailed"),
        (LIE, "NothingReceived"),
    ],
)
def test_deposit__bad_answer__refused(world: World, answer: int, error: str) -> None:
    _, (_, came) = played(world, turn(world, WETH, "setAnswer", answer), deposit(world, WETH, 5))

    assert (came.error, held(came, WETH)) == (error, 0)


def test_deposit__fee__credits_what_arrived(world: World) -> None:
    _, (_, came) = played(world, turn(world, WETH, "setFee", 1_000), deposit(world, WETH, 1_000))

    assert (came.ok, held(came, WETH)) == (True, 900)


def test_deposit__shrunk__nobody_pays_into_the_hole(world: World) -> None:
    steps = (
        turn(world, WETH, "rebase", WAD // 2),
        deposit(world, WETH, 10),
        withdraw(world, WETH, 10, "0x" + "22" * 20),
    )
    _, (_, came, went) = played(world, *steps)

    assert (came.error, went.ok) == ("Underfunded", True)


def test_withdraw__blocked_receiver__his_door_alone(world: World) -> None:
    blocked, free = world.people.owners[1], world.people.owners[2]
    steps = (
        turn(world, WETH, "setBlocked", blocked, True),
        withdraw(world, WETH, 10, blocked),
        withdraw(world, WETH, 10, free),
        withdraw(world, SETTLEMENT, 10, blocked),
    )
    _, (_, *results) = played(world, *steps)

    assert [t.error for t in results] == ["TransferFailed", "", ""]


@pytest.mark.parametrize("early", (False, True))
def test_callback__into_the_ledger__locked_out(world: World, early: bool) -> None:
    attacker, account, stranger = world.props.attacker, first(world), world.people.stranger
    ledger = world.protocol.ledger
    inner = ledger.address, ledger.encode("withdraw", account, WETH, 1, stranger)
    wake = attacker.encode("onTake", 0, 0, 0, 0, b"")
    plan = act(world, "plan", attacker, "plan", [inner], sender=stranger)
    arm = turn(world, WETH, "setCall", attacker.address, wake, early)
    _, (_, came) = played(world, join("arm", [plan, arm]), deposit(world, WETH, 77))

    tried = [event.args["done"] for event in came.named("Tried")]
    assert (came.ok, held(came, WETH), tried) == (True, 77, [False])
