"""take
├── caller has no right SEIZE            -> NotEngine
├── from is to                           -> SameAccount
├── either account doesn't exist         -> NoSuchAccount
├── the receiving account is full        -> TooManyHoldings (of positions: test_series.py)
└── otherwise emits SliceTaken, returns what `to` paid, and hands over the fraction of
    ├── positions                        at the mark: what is realised goes to the one who gives
    ├── collateral                       at its price, to the account, or out to a receiver
    ├── the discount                     in cash, in favour of `to`
    ├── all of it                        nothing but cash or debt is left
    ├── against the taker's own          opposite positions shrink each other
    ├── next to nothing                  moves nothing, but the discount
    ├── more than may leave in a window  out to a receiver all the same: it is sold, and fills no bucket
    └── a position that deleveraging closed  is paid out, only with the whole
"""

from __future__ import annotations

import pytest

from holdfast.units import WAD
from tests.conftest import Refused
from tests.stage import Party, named, wads
from tests.unit.ledger.world import FILLER, MOVER, SEIZE, STRANGER, WBTC, WETH, Bench, open_position


@pytest.fixture
def victim(bench: Bench) -> Party:
    """Long 10 ETH at 2,000 and short 0.1 BTC at 60,000, with 5,000 dollars, 2 WETH and 0.03 WBTC."""
    victim, maker = bench.party(5_000, WETH=2, WBTC=0.03), bench.party(100_000)
    bench.fill(victim, maker, 10, 2_000)
    bench.fill(maker, victim, 0.1, 60_000, instrument=bench.btc)
    bench.reprice("ETH", 1_900)
    return victim


@pytest.fixture
def taker(bench: Bench) -> Party:
    return bench.party(50_000)


@pytest.mark.parametrize("who", [FILLER, MOVER, STRANGER], ids=["filler", "mover", "stranger"])
def test_take__no_right__reverts(
    bench: Bench, victim: Party, taker: Party, refused: Refused, who: str
) -> None:
    with refused("NotEngine", caller=who, right=SEIZE):
        bench.seize(victim, taker, by=who)


def test_take__from_itself__reverts(bench: Bench, victim: Party, refused: Refused) -> None:
    with refused("SameAccount", account=victim.account):
        bench.seize(victim, victim)


def test_take__no_such_account__reverts(bench: Bench, taker: Party, refused: Refused) -> None:
    nobody = Party(99, taker.key)
    with refused("NoSuchAccount", account=99):
        bench.seize(nobody, taker)
    with refused("NoSuchAccount", account=99):
        bench.seize(taker, nobody)


def test_take__a_fraction__of_everything(bench: Bench, victim: Party, taker: Party) -> None:
    """A quarter: 2.5 ETH at 1,900, 0.025 BTC short at 60,000, 0.5 WETH, 0.0075 WBTC; 40 dollars off."""
    equity = bench.equity(victim)
    assert equity == wads(5_000 - 1_000 + 3_800 + 1_800)

    receipt = bench.seize(victim, taker, WAD // 4, wads(40))

    assert named(receipt, "SliceTaken") == [
        {
            "from": victim.account,
            "to": taker.account,
            "fractionWad": WAD // 4,
            "cashWad": wads(950 + 450 - 40),  # the collateral's worth, less the discount
        }
    ]
    assert bench.size(taker) == wads(2.5) and bench.size(victim) == wads(7.5)
    assert bench.size(taker, bench.btc) == -wads(0.025)
    assert bench.size(victim, bench.btc) == -wads(0.075)
    for asset, gave, kept in ((WETH, 5 * 10**17, 15 * 10**17), (WBTC, 750_000, 2_250_000)):
        assert bench.ledger.call("balanceOf", taker.account, asset) == gave
        assert bench.ledger.call("balanceOf", victim.account, asset) == kept
    # A quarter of the loss of 1,000 is realised; the price of the collateral comes in.
    assert bench.cash(victim) == wads(5_000 - 250 + 1_360)
    assert bench.cash(taker) == wads(50_000 - 1_360)
    assert bench.equity(victim) == equity - wads(40)
    assert bench.equity(taker) == wads(50_040)


def test_take__to_a_receiver__collateral_leaves_the_vault(bench: Bench, victim: Party, taker: Party) -> None:
    held = [vault.call("held") for vault in bench.protocol.vaults]

    bench.seize(victim, taker, WAD // 2, 0, receiver=STRANGER)

    tokens = bench.protocol.tokens
    assert tokens[WETH].call("balanceOf", STRANGER) == 10**18
    assert tokens[WBTC].call("balanceOf", STRANGER) == 1_500_000
    assert held[WETH] - bench.protocol.vaults[WETH].call("held") == 10**18
    assert bench.ledger.call("assetsOf", taker.account) == []
    assert bench.cash(taker) == wads(50_000 - 1_900 - 900)
    assert bench.size(taker) == wads(5)


def test_take__everything__leaves_only_cash(bench: Bench, victim: Party, taker: Party) -> None:
    bench.seize(victim, taker, WAD, wads(100))
    health = bench.health(victim)
    assert (health.legs, health.holdings) == (0, 0)
    assert bench.cash(victim) == wads(5_000 - 1_000 + 3_800 + 1_800 - 100)
    assert bench.size(taker) == wads(10)


def test_take__discount_beyond_equity__leaves_a_debt(bench: Bench, victim: Party, taker: Party) -> None:
    bench.seize(victim, taker, WAD, wads(10_000))
    assert bench.cash(victim) == -wads(400)
    assert bench.equity(taker) == wads(60_000)


def test_take__debt__stays_with_the_one_who_owes(bench: Bench, taker: Party) -> None:
    """Cash isn't handed over; the price of the collateral pays the debt back."""
    borrower = bench.party(WETH=10)
    bench.withdraw(borrower, "USDC", 15_000)
    owed = bench.ahead(borrower).cash_wad
    bench.seize(borrower, taker, WAD // 2)
    assert 0 <= owed + wads(10_000) - bench.cash(borrower) <= 2
    assert bench.cash(taker) <= wads(40_000) + 10**14  # and some interest


def test_take__opposite_position__shrinks_the_takers(bench: Bench, victim: Party) -> None:
    short = bench.party(50_000)
    bench.fill(bench.party(50_000), short, 4, 1_900)
    bench.reprice("ETH", 1_850)

    bench.seize(victim, short, WAD // 4)  # 2.5 of its 4 are closed at 1,850

    assert bench.size(short) == -wads(1.5)
    cost_of_collateral = wads(2 * 1_850 + 0.03 * 60_000) // 4
    assert bench.cash(short) == wads(50_000 + 2.5 * 50) - cost_of_collateral


@pytest.mark.parametrize("fraction", [1, 7])
def test_take__next_to_nothing__moves_next_to_nothing(
    bench: Bench, victim: Party, taker: Party, fraction: int
) -> None:
    before = bench.equity(victim)
    bench.seize(victim, taker, fraction, 5)
    assert bench.size(taker) == 10 * fraction
    assert 0 <= before - bench.equity(victim) - 5 <= 4
    assert bench.equity(taker) <= wads(50_000) + 5 + 4


def test_take__receiving_account_is_full__reverts(bench: Bench, victim: Party, refused: Refused) -> None:
    full = bench.party(10**5, W4=1, W5=1, W6=1, W7=1, WETH=1)
    with refused("TooManyHoldings", account=full.account, cap=5):
        bench.seize(victim, full)
    bench.seize(victim, full, receiver=STRANGER)  # out to a receiver it takes no lane


def test_take__closed_by_deleveraging__is_paid_out_with_the_whole(bench: Bench, taker: Party) -> None:
    long, short = open_position(bench)
    bench.reprice("ETH", 1_900)
    bench.close_out(long)
    assert bench.positions.call("countOf", short.account) == 1

    bench.seize(short, taker, WAD // 2)
    assert bench.positions.call("countOf", short.account) == 1 and bench.cash(short) == wads(10_000)
    bench.seize(short, taker, WAD)

    assert bench.positions.call("countOf", short.account) == 0
    assert bench.cash(short) == wads(11_000) and bench.cash(taker) == wads(50_000)


def test_take__more_than_may_leave_in_a_window__leaves_all_the_same(
    bench: Bench, taker: Party, refused: Refused
) -> None:
    """Whoever could fill the bucket on purpose would be safe from takers who sell before they pay."""
    whole = 100_000 * WAD
    whale, vault = bench.party(WETH=100_000), bench.protocol.vaults[WETH]
    held, (level, capacity) = vault.call("held"), vault.call("outflow")
    assert level == 0 and capacity < whole
    with refused("OutflowExceeded", available=capacity, amount=whole):
        bench.withdraw(whale, "WETH", 100_000)

    bench.seize(whale, taker, receiver=STRANGER)

    assert bench.protocol.tokens[WETH].call("balanceOf", STRANGER) == whole
    assert vault.call("held") == held - whole
    assert vault.call("outflow")[0] == 0
