"""A crash to bad debt, through every step of the waterfall.

A long of 10 ETH at 2,000 with 600 dollars and 0.05 BTC behind it; ETH falls to 1,750, and then to 1,600.

1. own equity      the account pays the starter, then the discount of the slices
2. auction         a bidder takes a tenth at 52.5 % of MM
3. insurance       equity is gone: the fund pays a second slice, until it is empty
4. deleveraging    the rest of the position is closed against the shorts, at the bankruptcy price: exactly the deficit
5. auction         the collateral that is left is sold; nobody stands behind the discount any more
6. credit index    what nobody could pay is taken from all cash, in proportion
"""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.model.insurance import DUST_WAD
from holdfast.units import WAD
from tests.stage import GWEI, Party, Stage, discount_at, named, up, wads

ETH_ID = 1


@dataclass(frozen=True)
class Cast:
    long: Party  # will break
    short: Party  # wins, and will be deleveraged
    bidder: Party
    lender: Party  # has cash here and nothing else


def test_waterfall__crash_to_bad_debt__each_step_pays_in_its_turn(stage: Stage) -> None:
    cast = before_the_crash(stage)

    stage.drift("ETH", 1_750)
    started = own_equity_pays_the_starter(stage, cast)
    stage.until(started + 60)
    a_bidder_takes_a_tenth(stage, cast)

    stage.price("ETH", 1_600)
    stage.until(started + 120)
    the_fund_pays_until_it_is_empty(stage, cast)
    the_shorts_give_back_exactly_the_deficit(stage, cast)
    the_collateral_is_sold(stage, cast)
    the_lenders_bear_the_rest(stage, cast)

    the_winner_closes_and_leaves(stage, cast)


def before_the_crash(stage: Stage) -> Cast:
    stage.insure(150)
    cast = Cast(
        long=stage.party(600, WBTC=0.05),  # 600 + 3,000
        short=stage.party(20_000),
        bidder=stage.party(50_000),
        lender=stage.party(100_000),
    )
    stage.trade(cast.long, cast.short, 10, 2_000)  # fees: 5 bp of 20,000 = 10 and 2 bp = 4

    margin = stage.health(cast.long).margin
    assert margin.equity_wad == wads(3_590)
    assert margin.initial_wad == wads(2_000 + 450)  # 10 % of the position, 15 % of the bitcoin
    assert margin.maintenance_wad == wads(1_000 + 300)
    return cast


def own_equity_pays_the_starter(stage: Stage, cast: Cast) -> int:
    receipt = stage.start(cast.long)

    # 70,000 gas (60,000 and 5,000 for each of two items) at 1 gwei, twice, in ETH at 1,750
    reward = 70_000 * GWEI * 2 * 1_750
    assert reward == wads(0.245)
    assert named(receipt, "AuctionStarted") == [
        {
            "account": cast.long.account,
            "by": receipt.event("AuctionStarted").args["by"],
            "equityWad": wads(3_590 - 10 * 250),  # 1,090
            "maintenanceWad": wads(875 + 300),  # 1,175
            "rewardWad": reward,
        }
    ]
    assert stage.cash(stage.treasury) == reward
    return stage.time


def a_bidder_takes_a_tenth(stage: Stage, cast: Cast) -> None:
    receipt = stage.take(cast.long, cast.bidder, most=WAD // 10)

    discount = wads(61.6875)  # a tenth of 52.5 % of 1,175
    assert named(receipt, "Taken") == [
        {
            "account": cast.long.account,
            "taker": cast.bidder.account,
            "fractionWad": WAD // 10,
            "paymentWad": wads(108.9755) - discount,  # a tenth of 1,089.755, less the discount: 47.288
            "discountWad": discount,
            "fundShareWad": wads(6.16875),  # a tenth of the discount
            "insuranceWad": 0,
        }
    ]
    after = stage.look(cast.long)
    assert after.health is not None and after.auction is not None
    assert not after.healthy and not after.auction.insured
    assert after.health.margin.equity_wad == wads(1_089.755 - 61.6875)
    assert stage.size(cast.bidder) == wads(1)
    assert stage.look(cast.bidder).holdings[0].amount == 500_000  # 0.005 of 0.05 BTC


def the_fund_pays_until_it_is_empty(stage: Stage, cast: Cast) -> None:
    margin = stage.ahead(cast.long).margin
    assert margin.equity_wad == wads(1_028.0675 - 9 * 150)  # −321.9325
    assert margin.maintenance_wad == wads(720 + 270)  # 990
    # The gift, the share of the first slice, half of the trading fees; less the dust that the fund keeps for rounding.
    capacity = wads(150 + 6.16875 + 7) - DUST_WAD
    assert stage.insurance.call("capacity", ETH_ID) == capacity

    receipt = stage.take(cast.long, cast.bidder)

    # d = 100 %: the slice that the fund can pay is capacity / (990 + 321.9325) = 12.4 %
    fraction = capacity * WAD // (wads(990) + wads(321.9325))
    discount = wads(990) * fraction // WAD
    insurance = discount - wads(-321.9325) * fraction // WAD
    assert capacity - 1_500 < insurance <= capacity  # the fund may keep a wei for each thousand dollars
    assert named(receipt, "AuctionInsured", "Paid", "Taken") == [
        {"account": cast.long.account, "equityWad": wads(-321.9325)},
        {"underlying": ETH_ID, "account": cast.long.account, "wantedWad": insurance, "paidWad": insurance},
        {
            "account": cast.long.account,
            "taker": cast.bidder.account,
            "fractionWad": fraction,
            "paymentWad": -insurance,
            "discountWad": discount,
            "fundShareWad": 0,
            "insuranceWad": insurance,
        },
    ]
    assert named(receipt, "FeesDistributed") == [{"fundWad": wads(7), "treasuryWad": wads(7)}]
    assert stage.cash(stage.fund) == capacity + DUST_WAD - insurance


def the_shorts_give_back_exactly_the_deficit(stage: Stage, cast: Cast) -> None:
    left = stage.cash(stage.fund) - DUST_WAD  # a few wei
    deficit = -stage.ahead(cast.long).margin.equity_wad
    size = stage.size(cast.long)
    owed = stage.equity(cast.short)

    receipt = stage.deleverage(cast.long)

    paid = deficit - left
    price = (size * 1_600 + paid) * WAD // size  # 1,600 and 35.77 on top
    # Rounded down: the shorts may keep a wei of size.
    scale = WAD - size * WAD // wads(10)
    assert named(receipt, "Deleveraged", "Paid", "DeficitDeleveraged") == [
        {
            "instrument": stage.eth,
            "account": cast.long.account,
            "sizeWad": size,
            "priceWad": price,
            "markWad": wads(1_600),
            "baseWad": wads(10),
            "scaleBeforeWad": WAD,
            "scaleAfterWad": scale,
        },
        {"underlying": ETH_ID, "account": cast.long.account, "wantedWad": left, "paidWad": left},
        {
            "account": cast.long.account,
            "instrument": stage.eth,
            "sizeWad": size,
            "priceWad": price,
            "deficitWad": paid,
        },
    ]
    after = stage.health(cast.long).margin
    assert receipt.event("AuctionRestarted").args == {"account": cast.long.account}
    assert -10 <= after.equity_wad <= 10  # nothing left, nothing owed that the collateral doesn't cover
    assert owed - stage.equity(cast.short) in range(paid, paid + 20_000)  # they alone; ten wei of ETH
    assert stage.size(cast.short) == -up(wads(10), scale, WAD)


def the_collateral_is_sold(stage: Stage, cast: Cast) -> None:
    health = stage.ahead(cast.long)
    equity, maintenance = health.margin.equity_wad, health.margin.maintenance_wad
    worth = 3_940_323 * 60_000 * 10**10  # 0.03940323 BTC
    assert maintenance == worth // 10 and -wads(0.000_01) < equity <= 0

    receipt = stage.take(cast.long, cast.bidder)

    # What is left is another lot, so its discount begins anew: a second ago. The fund is empty, so the account pays
    # with a debt; the taker's share in it feeds the fund again.
    discount = maintenance * discount_at(1) // WAD
    assert wads(13) < discount < wads(14)
    assert named(receipt, "Taken") == [
        {
            "account": cast.long.account,
            "taker": cast.bidder.account,
            "fractionWad": WAD,
            "paymentWad": equity - discount,
            "discountWad": discount,
            "fundShareWad": up(discount, 1, 10),
            "insuranceWad": 0,
        }
    ]
    after = stage.health(cast.long)
    assert (after.legs, after.holdings, after.cash_wad) == (0, 0, after.margin.equity_wad)
    assert after.cash_wad <= -discount


def the_lenders_bear_the_rest(stage: Stage, cast: Cast) -> None:
    debt = -stage.ahead(cast.long).cash_wad
    fund = stage.ahead(stage.fund).cash_wad
    before = {who: stage.ahead(who).cash_wad for who in (cast.lender, cast.short, cast.bidder)}
    pool = stage.protocol.system().pool

    receipt = stage.write_off(cast.long)

    written, done, ended = named(receipt, "WrittenOff", "DebtWrittenOff", "AuctionEnded")
    loss = done["lossWad"]
    assert loss - (debt - fund) in (0, 1)  # shares of a debt round up
    assert done == {"account": cast.long.account, "insuranceWad": fund, "lossWad": loss}
    assert ended == {"account": cast.long.account, "equityWad": 0, "maintenanceWad": 0}
    assert (written["account"], written["lossWad"]) == (cast.long.account, loss)
    fall = pool.credit_index_wad - written["creditIndexWad"]
    shares = stage.protocol.system().pool.credit_shares
    assert abs(fall - up(loss, WAD, shares)) <= 10**6  # a second of interest lies in between
    for who, cash in before.items():
        lost = cash - stage.cash(who)
        assert abs(lost - cash * fall // pool.credit_index_wad) <= wads(0.000_001), "all lose alike"
    assert stage.cash(cast.long) == 0
    assert not stage.look(cast.long).auction


def the_winner_closes_and_leaves(stage: Stage, cast: Cast) -> None:
    size = -stage.size(cast.short)
    held = stage.size(cast.bidder)
    assert 0 <= size - held <= 10  # what rounding left: more short than long, never the other way round

    buy = stage.order(cast.short, 0, 1_600, size_wad=held)
    sell = stage.order(cast.bidder, 0, 1_600, size_wad=-held)
    stage.match((cast.bidder, sell), (cast.short, buy), held)
    assert stage.market().long_base_wad == 0

    for who in (cast.short, cast.lender):
        everything = stage.cash(who) // 10**12 - 1
        stage.send(stage.ledger, "withdraw", who.account, 0, everything, who.address, by=who.address)
        assert stage.protocol.tokens[0].call("balanceOf", who.address) == everything
