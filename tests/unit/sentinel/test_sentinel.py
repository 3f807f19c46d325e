"""constructor
├── no window, no share, a share above all     -> BadWatch
└── otherwise                                  -> keeps its arguments
mark
├── within the window of the last              -> StillMarked with its end
└── otherwise                                  -> stored, Marked
reportDrawdown
├── never marked, or the window is over        -> NotMarked
├── less than the share was drawn              -> NoDrawdown with what is needed
├── the share was drawn                        -> Cautious for TRIGGER, DrawdownReported, a new window
├── the same again                             -> NoDrawdown
└── nothing to draw on                         -> a wei must have been drawn
reportSilence
├── not in auction                             -> NotInAuction
├── healthy                                    -> Healthy
├── run and silence not over                   -> NotSilent with the time
├── nobody may take                            -> Blocked
├── over                                       -> Cautious for TRIGGER, SilenceReported
├── the same run again                         -> AlreadyReported
└── after a restart, and its run               -> once more
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from holdfast.chain.contract import Contract
from holdfast.types import Level
from holdfast.units import WAD
from tests.conftest import Refused, Roles
from tests.stage import Party, Stage, named, wads

ETH = 1
WINDOW, SHARE, SILENCE = 3_600, 2_000, 300


@pytest.fixture
def sentinel(stage: Stage) -> Iterator[Contract]:
    found = stage.protocol.sentinel
    assert found.call("WINDOW_SECONDS") == WINDOW
    assert found.call("DRAWDOWN_BPS") == SHARE
    assert found.call("SILENCE_SECONDS") == SILENCE
    return found


@pytest.mark.parametrize(
    ("numbers", "value", "bound"),
    [((0, 1, 1), 1, 0), ((1, 0, 1), 1, 0), ((1, 10_001, 1), 10_001, 10_000)],
)
def test_constructor__out_of_bounds__reverts(
    deploy: Callable[..., Contract],
    roles: Roles,
    refused: Refused,
    numbers: tuple[int, ...],
    value: int,
    bound: int,
) -> None:
    with refused("BadWatch", value=value, bound=bound):
        deploy("Sentinel", *[roles.ledger] * 4, *numbers)


# Drawdown


def mark(stage: Stage, sentinel: Contract) -> None:
    stage.send(sentinel, "mark", ETH, by="stranger")


def draw(stage: Stage, dollars: int) -> None:
    """The fund pays for a deficit of the market."""
    liquidation = stage.liquidation.address
    stage.rpc.call("anvil_impersonateAccount", liquidation)
    stage.rpc.call("anvil_setBalance", liquidation, hex(10**20))
    stage.send(stage.insurance, "pay", ETH, stage.treasury, dollars * WAD, by=liquidation)
    stage.rpc.call("anvil_stopImpersonatingAccount", liquidation)


def test_mark__once_a_window(stage: Stage, sentinel: Contract, refused: Refused) -> None:
    stage.insure(1_000)
    mark(stage, sentinel)
    at = stage.time
    found = sentinel.call("markOf", ETH)
    assert tuple(found) == (0, wads(1_000) - 10, at)

    stage.until(at + WINDOW)
    with refused("StillMarked", underlying=ETH, until=at + WINDOW):
        mark(stage, sentinel)
    mark(stage, sentinel)
    assert sentinel.call("markOf", ETH).markedAt == at + WINDOW + 1


def test_report_drawdown__never_marked__reverts(stage: Stage, sentinel: Contract, refused: Refused) -> None:
    with refused("NotMarked", underlying=ETH, markedAt=0):
        stage.send(sentinel, "reportDrawdown", ETH, by="stranger")


def test_report_drawdown__window_over__reverts(stage: Stage, sentinel: Contract, refused: Refused) -> None:
    stage.insure(1_000)
    mark(stage, sentinel)
    at = stage.time
    draw(stage, 500)
    stage.until(at + WINDOW + 1)

    with refused("NotMarked", underlying=ETH, markedAt=at):
        stage.send(sentinel, "reportDrawdown", ETH, by="stranger")


def test_report_drawdown__too_little__reverts(stage: Stage, sentinel: Contract, refused: Refused) -> None:
    stage.insure(1_000)
    mark(stage, sentinel)
    draw(stage, 199)

    with refused("NoDrawdown", underlying=ETH, drawnWad=199 * WAD, neededWad=200 * WAD - 2):
        stage.send(sentinel, "reportDrawdown", ETH, by="stranger")


def test_report_drawdown__a_fifth__no_new_risk_for_a_while(
    stage: Stage, sentinel: Contract, refused: Refused
) -> None:
    stage.insure(1_000)
    mark(stage, sentinel)
    draw(stage, 200)

    receipt = stage.send(sentinel, "reportDrawdown", ETH, by="stranger")

    (tripped,) = named(receipt, "Tripped")
    length = stage.breaker.call("TRIGGER_SECONDS")
    assert tripped == {
        "underlying": ETH,
        "level": Level.CAUTIOUS,
        "until": stage.time + length,
        "by": sentinel.address,
    }
    (report,) = named(receipt, "DrawdownReported")
    assert report["drawnWad"] == 200 * WAD and report["capacityWad"] == wads(1_000) - 10
    assert sentinel.call("markOf", ETH).drawnWad == 200 * WAD
    with refused("NoDrawdown", underlying=ETH, drawnWad=0, neededWad=160 * WAD - 2):
        stage.send(sentinel, "reportDrawdown", ETH, by="stranger")
    stage.wait(length)
    assert stage.breaker.call("stateOf", ETH).level == Level.NORMAL


def test_report_drawdown__empty_fund__nothing_to_report(
    stage: Stage, sentinel: Contract, refused: Refused
) -> None:
    mark(stage, sentinel)

    with refused("NoDrawdown", underlying=ETH, drawnWad=0, neededWad=1):
        stage.send(sentinel, "reportDrawdown", ETH, by="stranger")


# Silence


@pytest.fixture
def sold(stage: Stage) -> Party:
    """Long 10 ETH, below MM, in auction."""
    other, long = stage.party(100_000), stage.party(2_200)
    stage.trade(long, other, 10, 2_000)
    stage.drift("ETH", 1_870)
    stage.start(long)
    return long


def report(stage: Stage, sentinel: Contract, party: Party) -> dict[str, int]:
    receipt = stage.send(sentinel, "reportSilence", party.account, by="stranger")
    (tripped,) = named(receipt, "Tripped")
    assert (tripped["underlying"], tripped["level"], tripped["by"]) == (ETH, Level.CAUTIOUS, sentinel.address)
    (found,) = named(receipt, "SilenceReported")
    return found


def test_report_silence__not_in_auction__reverts(stage: Stage, sentinel: Contract, refused: Refused) -> None:
    party = stage.party(1)
    with refused("NotInAuction", account=party.account):
        stage.send(sentinel, "reportSilence", party.account, by="stranger")


def test_report_silence__healthy__reverts(
    stage: Stage, sentinel: Contract, sold: Party, refused: Refused
) -> None:
    stage.deposit(sold, "USDC", 1_000)
    margin = stage.ahead(sold).margin
    with refused(
        "Healthy",
        account=sold.account,
        equityWad=margin.equity_wad,
        maintenanceWad=margin.maintenance_wad,
    ):
        stage.send(sentinel, "reportSilence", sold.account, by="stranger")


def test_report_silence__nobody_came__once_for_each_run(
    stage: Stage, sentinel: Contract, sold: Party, refused: Refused
) -> None:
    since = stage.look(sold).auction.restarted_at  # type: ignore[union-attr]
    over = since + 900 + SILENCE
    stage.until(over)
    with refused("NotSilent", account=sold.account, silentFrom=over):
        stage.send(sentinel, "reportSilence", sold.account, by="stranger")

    found = report(stage, sentinel, sold)

    assert (found["account"], found["silentSince"]) == (sold.account, since)
    assert sentinel.call("reportedOf", sold.account) == since
    with refused("AlreadyReported", account=sold.account, silentSince=since):
        stage.send(sentinel, "reportSilence", sold.account, by="stranger")

    stage.say("ETH", 1_870)
    stage.say("BTC", 60_000)
    stage.poke()
    stage.send(stage.liquidation, "restart", sold.account, by="keeper")
    restarted = stage.time
    stage.until(restarted + 900 + SILENCE + 1)
    assert report(stage, sentinel, sold)["silentSince"] == restarted


def test_report_silence__nobody_may_take__reverts(
    stage: Stage, sentinel: Contract, sold: Party, refused: Refused
) -> None:
    stage.wait(1_300)
    stage.send(stage.breaker, "trip", ETH, Level.HALTED, 100, by="guardian")
    with refused("Blocked", action=4, underlying=ETH, level=Level.HALTED, grade=0, grace=False):
        stage.send(sentinel, "reportSilence", sold.account, by="stranger")
