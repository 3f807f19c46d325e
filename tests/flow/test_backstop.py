"""A crash that bidders leave half unsold: standing bid, tranche, unwinding, and everybody is paid.

A long of 10 ETH at 2,000 with 2,500 dollars; ETH falls to 1,800. Equity 490, MM 900.

1. auction        nobody bids
2. standing bid   half of it at 52.5 % of MM, as signed the day before
3. tranche        the rest, once the ramp and the wait are over
4. unwinding      the short closes with it, at a concession that has grown
5. the queue      who asked to leave meanwhile is paid when the risk is gone; who stayed, when the profit has vested
"""

from __future__ import annotations

import pytest

from holdfast.errors import Reverted
from holdfast.model import backstop
from holdfast.units import WAD
from tests.backstop import USDC, Pool, a_crash, fill, permit_bids, standing
from tests.stage import Stage, named, up, wads


def test_backstop__unsold_crash__taken_over_unwound_and_paid(stage: Stage) -> None:
    pool = Pool(stage)
    patient, hasty = stage.party(), stage.party()
    pool.deposit(patient.address, 60_000)
    pool.deposit(hasty.address, 40_000)
    professional = stage.party(50_000)
    permit_bids(stage, professional)
    bid = standing(stage, professional, notional=9_000, least_bps=4_000)

    long, short = a_crash(stage)
    stage.until_started(long, 60)
    filled = fill(stage, long, (professional, bid)).event("BidFilled").args
    # d = 52.5 % of 900; half of it, and a tenth of that to the fund
    assert filled["fractionWad"] == WAD // 2
    assert filled["notionalWad"] == wads(9_000)
    assert filled["gainWad"] == wads(212.625)
    assert stage.size(professional) == wads(5)

    # Equity 490 − 236.25 − its reward, half of it moved on: all that is left is the discount
    stage.until_started(long, 134)
    with pytest.raises(Reverted, match="TooEarly"):
        pool.take_over(long)
    stage.until_started(long, 135)
    equity = stage.ahead(long).margin.equity_wad
    receipt = pool.take_over(long)
    taken = receipt.event("TakenOver").args
    assert taken["fractionWad"] == WAD
    assert taken["gainWad"] == equity - up(equity, 1, 10)
    # 800,000 gas at 1 gwei, with ETH at 1,800: 1.44 dollars
    assert taken["rewardAmount"] == pytest.approx(1.44 * USDC, abs=1)
    assert receipt.event("Staked").args == {"amount": 100_000 * USDC}
    assert pool.size() == wads(5)
    assert named(receipt, "AuctionEnded")[0]["account"] == long.account

    # At risk nobody enters or leaves; the price of a share doesn't show the gain
    assert pool.total == 100_000 * USDC
    assert pool.contract.call("maxRedeem", patient.address) == 0
    assert pool.contract.call("maxDeposit", patient.address) == 0
    with pytest.raises(Reverted, match="ERC4626ExceededMaxRedeem"):
        pool.send("redeem", 1, patient.address, patient.address, by=patient.address)
    with pytest.raises(Reverted, match="CarriesRisk"):
        pool.send("settle")
    pool.request(hasty.address, pool.shares(hasty.address))

    # After half of the time half of the hundred basis points: 1,791
    stage.until(pool.took_at + 900)
    pool.trade(short, -wads(5), wads(1_791))
    assert pool.size() == 0 and pool.look().positions == ()

    before = pool.twin()
    settled = pool.send("settle").event("EpochSettled").args
    after = before.settle(stage.time)
    assert settled == {
        "epoch": 0,
        "returnedAmount": before.risk_wad // 10**12,
        "shares": 40_000 * USDC * 10**6,
        "assets": after.epochs[0].assets,
    }
    profit = settled["returnedAmount"] - 100_000 * USDC
    assert profit > 0 and pool.state.vestingAmount == profit
    assert settled["assets"] == 40_000 * USDC  # the profit isn't anybody's yet
    pool.claim(hasty.address, 0)
    assert pool.tokens(hasty.address) == 40_000 * USDC
    assert pool.state.owedAmount == 0

    stage.wait(86_400)
    out = pool.contract.call("maxWithdraw", patient.address)
    assert out == pytest.approx(60_000 * USDC + profit, abs=2)
    pool.send("redeem", pool.shares(patient.address), patient.address, patient.address, by=patient.address)
    assert pool.tokens(patient.address) == out
    assert pool.supply == 0
    assert pool.total <= 1


def test_backstop__collateral_inherited__sold_and_settled(stage: Stage) -> None:
    pool = Pool(stage)
    pool.deposit("stranger", 50_000)
    long, short = stage.party(600, WBTC=0.05), stage.party(20_000)
    stage.trade(long, short, 10, 2_000)
    stage.drift("ETH", 1_750)
    stage.start(long)
    stage.until_started(long, 140)
    pool.take_over(long)
    assert pool.look().holdings[0].amount == 5_000_000

    concession = backstop.concession_wad(450, 100, 1_800)
    price = backstop.sell_price_wad(wads(60_000), concession)
    paid = up(5_000_000 * 10**10 * price, 1, 10**30)
    pool.approve("keeper", 4_000 * USDC)
    stage.until(pool.took_at + 450)
    buyer = stage.protocol.tokens[2].call("balanceOf", short.address)
    receipt = stage.send(pool.desk, "sellCollateral", 2, 5_000_000, 4_000 * USDC, short.address, by="keeper")
    assert receipt.event("CollateralSold").args["paidAmount"] == paid
    assert stage.protocol.tokens[2].call("balanceOf", short.address) == buyer + 5_000_000

    pool.trade(short, -wads(10), wads(1_746))
    pool.send("settle")
    assert pool.state.stakedAmount == 0
