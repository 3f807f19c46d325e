"""Somebody sees a write-off coming and leaves before it.

What is prevented
├── leaving once somebody has said so      withdrawals wait from the first report until the debt is gone
├── leaving while prices are contested     anyone may say so then, though nobody may be seized yet
├── a loss that grows while all wait       the last step needs nobody's leave: anyone writes off in the same block
├── taking more than is there              the vault pays what it has; nobody is paid with a claim
├── gaining from it                        cash brought in before, or taken out and brought back, gains nothing
└── a loss shifted to those who left       or to collateral and positions: cash bears it, and cash alone

What is not
├── leaving before the first report        in the transactions between the price and the report, which anyone may send
└── leaving after the gate's span          if nobody writes off in all that time: who stays bears his part then.
                                           Bounded: by how much of the cash is lent, since lent cash can't leave.
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, Stage, wads


@pytest.fixture
def lenders(stage: Stage) -> tuple[Party, Party]:
    return stage.party(10_000), stage.party(10_000)


@pytest.fixture
def debtor(stage: Stage, lenders: tuple[Party, Party]) -> Party:
    """Owes about 104 dollars and has nothing left; the fund is empty."""
    debtor = stage.party(WETH=1)
    stage.withdraw(debtor, "USDC", 1_650)
    stage.drift("ETH", 1_780)
    stage.price("ETH", 1_560)
    bidder = stage.party(3_000)
    stage.start(debtor)
    stage.take(debtor, bidder)
    assert stage.health(debtor).holdings == 0 and stage.cash(debtor) < -wads(90)
    return debtor


@pytest.fixture
def span(stage: Stage) -> int:
    """[seconds] How long the gate is shut at most."""
    return int(stage.breaker.call("GATE_SECONDS"))


def written_off(stage: Stage, debtor: Party) -> int:
    loss: int = stage.write_off(debtor).event("DebtWrittenOff").args["lossWad"]
    return loss


def test_write_off_exit__both_stay__bear_it_alike(
    stage: Stage, debtor: Party, lenders: tuple[Party, Party]
) -> None:
    before = [stage.cash(lender) for lender in lenders]
    loss = written_off(stage, debtor)
    lost = [cash - stage.cash(lender) for cash, lender in zip(before, lenders, strict=True)]
    assert abs(lost[0] - lost[1]) <= 2
    assert 0 < lost[0] < loss // 2  # the bidder's cash bears a part too


def test_write_off_exit__one_wants_to_leave__waits_until_it_is_written_off(
    stage: Stage, debtor: Party, lenders: tuple[Party, Party], refused: Refused
) -> None:
    quick, _ = lenders
    until = stage.breaker.call("gatedUntil")
    assert stage.time < until
    with refused("Gated", until=until):
        stage.withdraw(quick, "USDC", 10_000)
    stage.deposit(quick, "USDC", 1)  # the way in stays open
    before = [stage.cash(lender) for lender in lenders]

    receipt = stage.write_off(debtor)

    lost = [cash - stage.cash(lender) for cash, lender in zip(before, lenders, strict=True)]
    assert 0 < lost[1] <= lost[0] <= lost[1] * 10_002 // 10_000  # alike, for each dollar
    assert [event.name for event in receipt.events].count("GateOpened") == 1
    stage.withdraw(quick, "USDC", 9_000)


def test_write_off_exit__price_contested__anyone_says_so_and_they_wait(
    stage: Stage, refused: Refused
) -> None:
    """A crash in one print: nobody may be seized yet, and who watches would be gone before."""
    lender, debtor = stage.party(10_000), stage.party(WETH=1)
    stage.withdraw(debtor, "USDC", 1_650)
    stage.price("ETH", 1_500)
    with refused("Blocked", action=3, underlying=1, level=1, grade=2, grace=False):
        stage.start(debtor)

    stage.send(stage.liquidation, "reportDeficit", debtor.account, by="stranger")

    with refused("Gated", until=stage.breaker.call("gatedUntil")):
        stage.withdraw(lender, "USDC", 10_000)


def test_write_off_exit__a_stream_of_bankrupt_accounts__holds_nobody_for_ever(
    stage: Stage, debtor: Party, lenders: tuple[Party, Party], span: int, refused: Refused
) -> None:
    """Somebody makes himself bankrupt again and again, and nobody ever writes off."""
    gap = stage.breaker.call("GATE_GAP_SECONDS")
    until = stage.breaker.call("gatedUntil")
    for later in (until - 2, until - 1):
        stage.until(later)
        stage.send(stage.liquidation, "reportDeficit", debtor.account, by="stranger")
        assert stage.breaker.call("gatedUntil") == until
    stage.until(until + 10)
    assert stage.send(stage.liquidation, "reportDeficit", debtor.account, by="stranger").events == []
    stage.withdraw(lenders[0], "USDC", 1)

    stage.until(until + gap)
    stage.send(stage.liquidation, "reportDeficit", debtor.account, by="stranger")

    assert stage.breaker.call("gatedUntil") == until + gap + span


def test_write_off_exit__one_leaves_after_the_span__the_other_bears_his_part(
    stage: Stage, debtor: Party, lenders: tuple[Party, Party], span: int
) -> None:
    """Not prevented, so it is shown: 10,000 leave whole, the other loses nearly twice as much."""
    quick, slow = lenders
    stage.wait(span)
    everything = stage.cash(quick) // 10**12
    stage.send(stage.ledger, "withdraw", quick.account, 0, everything, quick.address, by=quick.address)
    assert stage.protocol.tokens[0].call("balanceOf", quick.address) >= 10_000 * 10**6
    before = stage.cash(slow)

    loss = written_off(stage, debtor)

    lost = before - stage.cash(slow)
    shares = stage.cash(slow) + sum(
        max(0, account.cash_wad) for account in stage.protocol.accounts() if account.id != slow.account
    )
    assert abs(lost - loss * before // (shares + loss)) < wads(0.01)
    assert lost > loss * 7 // 10


def test_write_off_exit__lent_cash__cannot_leave(
    stage: Stage, debtor: Party, lenders: tuple[Party, Party], span: int, refused: Refused
) -> None:
    stage.say("BTC", 60_000)
    stage.poke()
    borrower = stage.party(WBTC=1)
    stage.wait(span)
    stage.say("ETH", 1_560)
    stage.say("BTC", 60_000)
    stage.poke()
    held = stage.protocol.vaults[0].call("held")
    stage.send(
        stage.ledger,
        "withdraw",
        borrower.account,
        0,
        held - 4_000 * 10**6,
        borrower.address,
        by=borrower.address,
    )
    first, second = lenders
    with refused("Underfunded", available=4_000 * 10**6, needed=10_000 * 10**6):
        stage.withdraw(first, "USDC", 10_000)

    stage.withdraw(first, "USDC", 4_000)
    with refused("Underfunded", available=0, needed=1):
        stage.send(stage.ledger, "withdraw", second.account, 0, 1, second.address, by=second.address)


def test_write_off_exit__brought_in_before__gains_nothing(stage: Stage, debtor: Party) -> None:
    """The other way round: who sandwiches the write-off with a deposit bears it too."""
    attacker = stage.party()
    stage.deposit(attacker, "USDC", 100_000)
    written_off(stage, debtor)
    assert stage.cash(attacker) < wads(100_000)


def test_write_off_exit__out_and_in_again__gains_nothing_but_the_loss_avoided(
    stage: Stage, debtor: Party, lenders: tuple[Party, Party], span: int
) -> None:
    quick, _ = lenders
    stage.wait(span)
    stage.withdraw(quick, "USDC", 10_000)
    left = stage.cash(quick)
    written_off(stage, debtor)
    kept = stage.cash(quick)
    assert kept <= left

    stage.deposit(quick, "USDC", 10_000)

    assert wads(10_000) + kept - 3 <= stage.cash(quick) <= wads(10_000) + kept  # new shares at the new index


def test_write_off_exit__collateral_and_positions__bear_nothing(stage: Stage, debtor: Party) -> None:
    stage.say("BTC", 60_000)
    stage.poke()
    holder = stage.party(WBTC=0.1)
    before = stage.equity(holder)
    written_off(stage, debtor)
    assert stage.equity(holder) == before


def test_write_off_exit__same_block__anyone_writes_off(stage: Stage, debtor: Party) -> None:
    """No role, no delay: the moment an account is debt alone, its loss can be booked by a stranger."""
    pool = stage.protocol.system().pool
    receipt = stage.send(stage.liquidation, "writeOff", debtor.account, by="stranger")
    assert receipt.event("WrittenOff").args["creditIndexWad"] < pool.credit_index_wad
    assert stage.cash(debtor) == 0
    assert pool.credit_index_wad >= WAD
