"""What the Lens returns, as the dataclasses of `holdfast.types`."""

from __future__ import annotations

from typing import Any

from holdfast.types import (
    SETTLEMENT,
    Account,
    Asset,
    AssetParams,
    Auction,
    FundState,
    Grade,
    Health,
    Holding,
    InstrumentId,
    InstrumentParams,
    Item,
    Level,
    Margin,
    Market,
    Mode,
    Pool,
    Position,
    Price,
    Restriction,
    Series,
    Side,
    System,
    underlying_of,
)


def read_account(view: Any) -> Account:
    auction = view.auction
    return Account(
        id=view.account,
        owner=view.owner,
        mode=Mode(view.mode),
        cash_wad=view.cashWad,
        positions=tuple(_position(position) for position in view.positions),
        holdings=tuple(Holding(asset=holding.asset, amount=holding.amount) for holding in view.holdings),
        health=read_health(view.health) if view.assessed else None,
        auction=Auction(
            started_at=auction.startedAt,
            restarted_at=auction.restartedAt,
            market=auction.market,
            insured=auction.insured,
            ran_out=auction.ranOut,
            uncovered=auction.uncovered,
            discount_wad=view.discountWad,
        )
        if auction.startedAt
        else None,
    )


def read_health(health: Any) -> Health:
    margin = health.margin
    return Health(
        margin=Margin(
            equity_wad=margin.equityWad,
            initial_wad=margin.initialWad,
            maintenance_wad=margin.maintenanceWad,
            borrow_limit_wad=margin.borrowLimitWad,
        ),
        cash_wad=health.cashWad,
        gross_wad=health.grossWad,
        legs=health.legs,
        holdings=health.holdings,
        grade=Grade(health.grade),
        dominant=health.dominant,
        items=tuple(Item.of_word(word) for word in health.items),
    )


def read_market(view: Any) -> Market:
    return Market(
        **_sides(view),
        underlying=underlying_of(view.instrument),
        price=_price(view.price),
        price_updated_at=view.priceUpdatedAt,
        restriction=_restriction(view.restriction),
        params=_instrument_params(view.params),
        insurance_capacity_wad=view.insuranceCapacityWad,
        insurance_drawn_wad=view.insuranceDrawnWad,
        insurance_cap_wad=view.insuranceCapWad,
        depth_wad=view.depthWad,
        depth_free_wad=view.depthFreeWad,
        depth_seconds=view.depthSeconds,
        option_params=_instrument_params(view.optionParams),
        tally_wad=view.tally.openInterestWad,
        tally_series=view.tally.series,
    )


def read_series(view: Any) -> Series:
    return Series(
        **_sides(view),
        mark_wad=view.markWad,
        settled=view.interest.settled,
        covered_at=view.coveredAt,
    )


def read_system(view: Any) -> System:
    pool, fund = view.pool, view.fund
    return System(
        chain_id=view.chainId,
        block=view.blockNumber,
        time=view.time,
        base_fee=view.baseFee,
        accounts=view.accounts,
        pool=Pool(
            credit_shares=pool.creditShares,
            debt_shares=pool.debtShares,
            credit_index_wad=pool.creditIndexWad,
            debt_index_wad=pool.debtIndexWad,
            accrued_at=pool.accruedAt,
        ),
        assets=tuple(_asset(asset) for asset in view.assets),
        restriction=_restriction(view.restriction),
        gated_until=view.gatedUntil,
        gate_ready_at=view.gateReadyAt,
        fund_account=view.fundAccount,
        fees_account=view.feesAccount,
        treasury_account=view.treasuryAccount,
        fund_wad=view.fundWad,
        fees_wad=view.feesWad,
        treasury_wad=view.treasuryWad,
        fund_share_wad=view.fundShareWad,
        fund=FundState(
            target_wad=fund.targetWad,
            refreshed_at=fund.refreshedAt,
            held_until=fund.heldUntil,
            raw_wad=fund.rawWad,
            own_shares=fund.ownShares,
            staked_shares=fund.stakedShares,
        ),
        staked_wad=view.stakedWad,
    )


def _sides(view: Any) -> dict[str, Any]:
    """What a perpetual and a series have alike."""
    return {
        "instrument": InstrumentId(view.instrument),
        "long": _side(view.long),
        "short": _side(view.short),
        "long_base_wad": view.interest.longBaseWad,
        "short_base_wad": view.interest.shortBaseWad,
        "long_open_wad": view.longOpenWad,
        "short_open_wad": view.shortOpenWad,
    }


def _instrument_params(params: Any) -> InstrumentParams:
    return InstrumentParams(
        initial_bps=params.initialBps,
        maintenance_bps=params.maintenanceBps,
        initial_max_bps=params.initialMaxBps,
        knee_bps=params.kneeBps,
        open_interest_cap_wad=params.openInterestCapWad,
    )


def _position(view: Any) -> Position:
    stored = view.stored
    return Position(
        instrument=InstrumentId(view.instrument),
        size_wad=view.sizeWad,
        quote_wad=view.quoteWad,
        mark_wad=view.markWad,
        base_wad=stored.baseWad,
        cost_wad=stored.costWad,
        epoch=stored.epoch,
    )


def _asset(view: Any) -> Asset:
    return Asset(
        asset=view.asset,
        token=view.token,
        vault=view.vault,
        underlying=view.underlying,
        unit_wad=view.unitWad,
        held=view.held,
        balance=view.balance,
        cap=view.cap,
        outflow=view.outflow,
        outflow_capacity=view.outflowCapacity,
        params=AssetParams(
            initial_haircut_bps=view.params.initialHaircutBps,
            maintenance_haircut_bps=view.params.maintenanceHaircutBps,
        ),
        price=None if view.asset == SETTLEMENT else _price(view.price),
    )


def _side(side: Any) -> Side:
    return Side(
        flow_wad=side.flowWad,
        scale_wad=side.scaleWad,
        epoch=side.epoch,
        accrued_at=side.accruedAt,
        premium_ppb=side.premiumPpb,
    )


def _price(price: Any) -> Price:
    return Price(spot_wad=price.spotWad, ema_wad=price.emaWad, grade=Grade(price.grade))


def _restriction(view: Any) -> Restriction:
    return Restriction(level=Level(view.level), until=view.until, grace_until=view.graceUntil)
