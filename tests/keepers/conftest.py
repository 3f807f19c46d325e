"""Snapshots by hand: a market of ether and one of bitcoin, and accounts in any state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from holdfast.chain.anvil import revert
from holdfast.model.liquidation import Params
from holdfast.model.positions import NO_PARAMS
from holdfast.types import (
    Account,
    Asset,
    AssetParams,
    Auction,
    FundState,
    Grade,
    Health,
    Holding,
    InstrumentParams,
    Item,
    Kind,
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
    Snapshot,
    System,
    instrument_id,
    perpetual,
)
from holdfast.units import WAD
from tests.keepers.scene import Scene, stage

NOW = 1_000_000
GWEI = 10**9
ETH, BTC = 1, 2
OPEN = Restriction(level=Level.NORMAL, until=0, grace_until=0)


class World:
    """Builds the parts of a snapshot from whole numbers; prices are 100 for ether and 5,000 for bitcoin."""

    now = NOW
    params = Params(
        start_bps=500,
        end_bps=10_000,
        target_bps=14_000,
        fund_share_bps=1_000,
        reward_share_bps=500,
        reward_margin_bps=10_000,
        reward_gas=60_000,
        reward_item_gas=5_000,
        ramp_seconds=120,
        solvent_seconds=180,
        run_seconds=900,
        dust_wad=10 * WAD,
        reward_fund_wad=500 * WAD,
        gate_deficit_wad=20 * WAD,
        tax_bps=10_000,
    )

    def price(self, underlying: int, grade: Grade = Grade.FRESH, spot: float | None = None) -> Price:
        wad = int((spot if spot is not None else {ETH: 100, BTC: 5_000}[underlying]) * WAD)
        return Price(spot_wad=wad, ema_wad=wad, grade=grade)

    def market(
        self,
        underlying: int = ETH,
        *,
        grade: Grade = Grade.FRESH,
        restriction: Restriction = OPEN,
        capacity: float = 1_000_000,
    ) -> Market:
        side = Side(flow_wad=0, scale_wad=WAD, epoch=0, accrued_at=NOW, premium_ppb=0)
        return Market(
            instrument=perpetual(underlying),
            underlying=underlying,
            long=side,
            short=side,
            long_base_wad=0,
            short_base_wad=0,
            long_open_wad=0,
            short_open_wad=0,
            price=self.price(underlying, grade),
            price_updated_at=NOW,
            restriction=restriction,
            params=InstrumentParams(
                initial_bps=1_000,
                maintenance_bps=500,
                initial_max_bps=5_000,
                knee_bps=5_000,
                open_interest_cap_wad=10**6 * WAD,
            ),
            insurance_capacity_wad=int(capacity * WAD),
            insurance_drawn_wad=0,
            insurance_cap_wad=10**7 * WAD,
            depth_wad=0,
            depth_free_wad=0,
            depth_seconds=0,
            option_params=NO_PARAMS,
            tally_wad=0,
            tally_series=0,
        )

    def position(self, size: float, underlying: int = ETH, instrument: int | None = None) -> Position:
        known: dict[str, Any] = {
            "instrument": perpetual(underlying) if instrument is None else instrument,
            "size_wad": int(size * WAD),
            "quote_wad": 0,
            "mark_wad": self.price(underlying).spot_wad,
            "base_wad": int(size * WAD),
            "cost_wad": 0,
            "flow_wad": 0,
            "epoch": 0,
        }
        return Position(**{name: known[name] for name in Position.__dataclass_fields__})

    def series(self, strike: int = 100, *, expired: int = 0, **others: Any) -> Series:
        """A call on ether that expired so many seconds ago."""
        side = Side(flow_wad=0, scale_wad=WAD, epoch=0, accrued_at=NOW, premium_ppb=0)
        fields: dict[str, Any] = {
            "instrument": instrument_id(Kind.CALL, ETH, NOW - expired, strike * WAD),
            "long": side,
            "short": side,
            "long_base_wad": WAD,
            "short_base_wad": WAD,
            "long_open_wad": WAD,
            "short_open_wad": WAD,
            "mark_wad": 0,
            "settled": False,
            "covered_at": 0,
        }
        return Series(**{**fields, **others})

    def auction(self, age: int = 60, *, insured: bool = False, d: float = 0.5, **others: Any) -> Auction:
        fields: dict[str, Any] = {
            "started_at": NOW - age,
            "restarted_at": NOW - age,
            "market": ETH,
            "insured": insured,
            "ran_out": False,
            "uncovered": False,
            "discount_wad": int(d * WAD),
        }
        return Auction(**{**fields, **others})

    def account(
        self,
        id: int,
        *,
        equity: float = 1_000,
        maintenance: float = 500,
        cash: float = 1_000,
        positions: Sequence[Position] | None = None,
        holdings: Sequence[Holding] = (),
        auction: Auction | None = None,
        grade: Grade = Grade.FRESH,
        assessed: bool = True,
        owner: str = "0x" + "11" * 20,
    ) -> Account:
        """By default a long of a hundred ether, healthy, with IM twice the MM."""
        legs = tuple(positions if positions is not None else [self.position(100)])
        underlyings = [leg.instrument >> 168 & 0xFFFF for leg in legs] + [
            holding.asset for holding in holdings
        ]
        price = {ETH: 100, BTC: 5_000}
        values = [abs(leg.size_wad) * price[leg.instrument >> 168 & 0xFFFF] for leg in legs]
        gross = sum(values)
        values += [holding.amount * price[holding.asset] for holding in holdings]
        health = Health(
            margin=Margin(
                equity_wad=int(equity * WAD),
                initial_wad=int(2 * maintenance * WAD),
                maintenance_wad=int(maintenance * WAD),
                borrow_limit_wad=0,
            ),
            cash_wad=int(cash * WAD),
            gross_wad=gross,
            legs=len(legs),
            holdings=len(holdings),
            grade=grade,
            dominant=underlyings[0] if underlyings else 0,
            items=tuple(
                Item(weight_wad=value, grade=grade, underlying=underlying)
                for value, underlying in zip(values, underlyings, strict=True)
            ),
        )
        return Account(
            id=id,
            owner=owner,
            mode=Mode.CROSS,
            cash_wad=int(cash * WAD),
            positions=legs,
            holdings=tuple(holdings),
            health=health if assessed else None,
            auction=auction,
        )

    def snapshot(
        self,
        *accounts: Account,
        markets: Sequence[Market] | None = None,
        series: Sequence[Series] = (),
        base_fee_gwei: float = 10,
        restriction: Restriction = OPEN,
    ) -> Snapshot:
        assets = [
            Asset(
                asset=number,
                token="",
                vault="",
                underlying=number,
                unit_wad=1 if number else 10**12,
                held=0,
                balance=0,
                cap=0,
                outflow=0,
                outflow_capacity=0,
                params=AssetParams(initial_haircut_bps=1_500, maintenance_haircut_bps=1_000),
                price=self.price(number) if number else None,
            )
            for number in (0, ETH, BTC)
        ]
        system = System(
            chain_id=31337,
            block=100,
            time=NOW,
            base_fee=int(base_fee_gwei * GWEI),
            accounts=max((account.id for account in accounts), default=0),
            pool=Pool(
                credit_shares=0, debt_shares=0, credit_index_wad=WAD, debt_index_wad=WAD, accrued_at=NOW
            ),
            assets=tuple(assets),
            restriction=restriction,
            gated_until=0,
            gate_ready_at=0,
            fund_account=1,
            fees_account=2,
            treasury_account=3,
            fund_wad=0,
            fees_wad=0,
            treasury_wad=0,
            fund_share_wad=WAD // 2,
            fund=FundState(
                target_wad=0, refreshed_at=NOW, raw_wad=0, held_until=0, own_shares=0, staked_shares=0
            ),
            staked_wad=0,
        )
        found = tuple(markets) if markets is not None else (self.market(ETH), self.market(BTC))
        return Snapshot(system=system, markets=found, series=tuple(series), accounts=accounts)

    def at(self, snapshot: Snapshot, **system: Any) -> Snapshot:
        return replace(snapshot, system=replace(snapshot.system, **system))


@pytest.fixture(scope="session")
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with stage(tmp_path_factory.mktemp("deployment")) as scene:
        yield scene


@pytest.fixture
def scene(_scene: Scene) -> Iterator[Scene]:
    """The small market; what a test does to it is undone."""
    snapshot = _scene.rpc.call("evm_snapshot")
    _scene.mine()  # the node remembers the base fee of blocks that were undone
    yield _scene
    _scene.rpc.call("anvil_dropAllTransactions")
    revert(_scene.rpc, snapshot)
