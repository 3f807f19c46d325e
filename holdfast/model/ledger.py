"""The ledger: exact twin of `contracts/ledger/Ledger.sol`. Formulas and worked examples are in `docs/ledger.md`.

    ledger = Ledger(rules, params, time=0)
    ledger.fill(Moment(time=60, prices={ETH: price}), Fill(...))     # changes it, or raises Refused and changes nothing

Time and prices come in with each call. Tokens give exactly what they are asked for. Who may call what isn't modelled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Final, TypeVar, cast

from holdfast.errors import Refused
from holdfast.model import breaker, cash_pool, positions, risk, vault
from holdfast.model.cash_pool import Curve
from holdfast.model.fixed_point import checked, checked_int, mul_div_up, mul_wad_down, to_int, to_uint
from holdfast.model.positions import Moment, Params, Positions, Query
from holdfast.model.vault import Vault
from holdfast.types import SETTLEMENT, Action, Health, InstrumentId, Mode, Pool
from holdfast.units import BPS, WAD

MAX_HOLDINGS: Final = 5

PRINCIPAL_UNIT_WAD: Final = 10**12
FREE_PRINCIPAL_WAD: Final = 10_000 * WAD
"""Cash of an account that was paid in: no limit on outflows holds so much of it, counted in this unit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """Constants, fixed at deployment."""

    positions: positions.Rules
    curve: Curve
    max_fee_bps: int  # most that one side of a fill may be charged


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    mode: Mode
    assets: tuple[int, ...] = ()  # collateral held, in the order of the contract
    shares: int = 0  # cash: credit (+) or debt (−) shares
    principal: int = 0  # [PRINCIPAL_UNIT_WAD] cash paid in and not yet taken out, as far as it is free


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """A token listed as collateral; asset 0 is the settlement token."""

    underlying: int  # whose price values it
    unit_wad: int  # one smallest unit of the token


@dataclass(frozen=True, kw_only=True, slots=True)
class Fill:
    """One trade between two accounts, in the order of `ILedger.Fill`."""

    instrument: InstrumentId
    buyer: int
    seller: int
    fee_account: int
    size_wad: int
    price_wad: int
    buyer_fee_wad: int = 0
    seller_fee_wad: int = 0


Operation = TypeVar("Operation", bound=Callable[..., Any])


def _whole(operation: Operation) -> Operation:
    """Done as a whole, or not at all."""

    @wraps(operation)
    def run(self: Ledger, *args: Any, **options: Any) -> Any:
        before = self._tables()
        try:
            return operation(self, *args, **options)
        except Refused:
            self._restore(before)
            raise

    return cast(Operation, run)


class Ledger:
    def __init__(self, rules: Rules, params: Params, time: int) -> None:
        self.rules = rules
        self.params = params
        self.positions = Positions(rules.positions, params)
        self.pool = cash_pool.fresh(time)
        self.accounts: dict[int, Account] = {}
        self.balances: dict[tuple[int, int], int] = {}  # (account, asset), in the token's decimals
        self.assets: dict[int, Asset] = {}
        self.vaults: dict[int, Vault] = {}

    # Accounts

    def open(self, mode: Mode) -> int:
        if mode == Mode.NONE:
            raise Refused("UnknownMode", mode)
        account = len(self.accounts) + 1
        self.accounts[account] = Account(mode=mode)
        return account

    def list_asset(self, underlying: int, decimals: int, its_vault: Vault) -> int:
        """A token and its vault; the first is the settlement token."""
        if decimals > 18:
            raise Refused("UnsupportedDecimals", decimals)
        asset = len(self.assets)
        self.assets[asset] = Asset(underlying=underlying, unit_wad=10 ** (18 - decimals))
        self.vaults[asset] = its_vault
        return asset

    # Money

    @_whole
    def deposit(self, now: Moment, account: int, asset: int, amount: int) -> None:
        mode = self._existing(account).mode
        unit_wad = self._listed(asset).unit_wad
        if asset != SETTLEMENT and mode == Mode.ISOLATED:
            raise Refused("CollateralInIsolated", asset)
        if amount == 0:
            raise Refused("ZeroAmount")

        held = self.vaults[asset].held
        self.vaults[asset], received = vault.pull(
            self.vaults[asset], amount, now.time, before=held, after=held + amount
        )

        if asset == SETTLEMENT:
            pool = self.pool_at(now)
            self.pool = self._add_cash(pool, account, to_int(checked(received * unit_wad), 256))
            self._add_principal(account, received * unit_wad)
        else:
            self._add_holding(account, asset, received)

    @_whole
    def withdraw(self, now: Moment, account: int, asset: int, amount: int) -> None:
        self._existing(account)
        unit_wad = self._listed(asset).unit_wad
        if amount == 0:
            raise Refused("ZeroAmount")

        pool, exempt = self.pool_at(now), 0
        if asset == SETTLEMENT:
            pool = self._add_cash(pool, account, -to_int(checked(amount * unit_wad), 256))
            exempt = self._use_principal(account, amount, unit_wad)
        else:
            self._remove_holding(account, asset, amount)
        self.pool = pool

        self._require_withdrawable(now, account)

        self.vaults[asset] = vault.push(self.vaults[asset], amount, exempt, now.time)

    def _add_principal(self, account: int, paid_wad: int) -> None:
        """Rounds down: the account has a little less that is free."""
        a = self._stored(account)
        most = FREE_PRINCIPAL_WAD // PRINCIPAL_UNIT_WAD
        principal = min(most, a.principal + paid_wad // PRINCIPAL_UNIT_WAD)
        self.accounts[account] = replace(a, principal=principal)

    def _use_principal(self, account: int, amount: int, unit_wad: int) -> int:
        """How much of a withdrawal no limit on outflows holds. What is used rounds up."""
        a = self._stored(account)
        exempt = min(amount, a.principal * PRINCIPAL_UNIT_WAD // unit_wad)
        used = mul_div_up(exempt, unit_wad, PRINCIPAL_UNIT_WAD)
        self.accounts[account] = replace(a, principal=a.principal - used)
        return exempt

    def _require_withdrawable(self, now: Moment, account: int) -> None:
        """Equity ≥ IM and cash ≥ −borrow limit."""
        health = self.positions.health_of(now, self.query_of(now, account))
        self._require_allowed(now, Action.WITHDRAW, health)

        margin = health.margin
        if margin.equity_wad < margin.initial_wad:
            raise Refused("BelowInitialMargin", account, margin.equity_wad, margin.initial_wad)
        if health.cash_wad < -margin.borrow_limit_wad:
            raise Refused("UnrealisedProfit", account, health.cash_wad, margin.borrow_limit_wad)

    # Time

    @_whole
    def accrue_interest(self, now: Moment) -> None:
        self.pool = self.pool_at(now)

    @_whole
    def accrue(self, now: Moment, instrument: InstrumentId) -> None:
        self.positions.accrue(now, instrument)

    @_whole
    def settle(self, now: Moment, account: int, instrument: InstrumentId) -> int:
        """Let a position pick up what happened to its side; the cash paid out if nothing is left of it."""
        cash = self.positions.settle(now, account, instrument)
        self._receive(now, account, cash)
        return cash

    # Engines

    @_whole
    def fill(self, now: Moment, f: Fill) -> None:
        if f.buyer == f.seller:
            raise Refused("SameAccount", f.buyer)
        if f.size_wad == 0:
            raise Refused("ZeroAmount")

        t = self.positions.trade(now, f.instrument, f.buyer, f.seller, f.size_wad, f.price_wad)
        fee, most = max(f.buyer_fee_wad, f.seller_fee_wad), checked(t.quote * self.rules.max_fee_bps)
        if checked(fee * BPS) > most:
            raise Refused("FeeTooHigh", fee, most // BPS)

        pool = self.pool_at(now)
        pool = self._add_cash(pool, f.buyer, t.buyer_cash - f.buyer_fee_wad)
        pool = self._add_cash(pool, f.seller, t.seller_cash - f.seller_fee_wad)
        pool = self._add_cash(pool, f.fee_account, f.buyer_fee_wad + f.seller_fee_wad)
        self.pool = pool

        bought = t.quote + f.buyer_fee_wad
        self._require_tradable(now, f.buyer, f.instrument, f.size_wad, bought, t.buyer_shrinks)
        sold = f.seller_fee_wad - t.quote
        self._require_tradable(now, f.seller, f.instrument, -f.size_wad, sold, t.seller_shrinks)

    def _require_tradable(
        self, now: Moment, account: int, instrument: InstrumentId, size: int, paid: int, shrinks: bool
    ) -> None:
        """After a trade of `size` for `paid`: equity ≥ IM; or less risk and no worse health, compared with the account
        with the trade undone."""
        query = self.query_of(now, account)
        health = self.positions.health_of(now, query)
        if not shrinks:
            self._require_allowed(now, Action.INCREASE, health)

        after = health.margin
        if after.equity_wad >= after.initial_wad:
            return
        if not shrinks:
            raise Refused("BelowInitialMargin", account, after.equity_wad, after.initial_wad)

        undone = replace(query, instrument=instrument, extra_wad=-size, cash_wad=query.cash_wad + paid)
        before = self.positions.health_of(now, undone).margin
        worse = after.equity_wad * before.maintenance_wad < before.equity_wad * after.maintenance_wad
        if worse or after.maintenance_wad > before.maintenance_wad:
            raise Refused("BelowInitialMargin", account, after.equity_wad, after.initial_wad)

    @_whole
    def move(self, now: Moment, source: int, to: int, amount_wad: int) -> None:
        self._exchange(now, source, -to_int(amount_wad, 256), to, amount_wad)

    @_whole
    def take(
        self,
        now: Moment,
        source: int,
        to: int,
        fraction_wad: int,
        discount_wad: int,
        receiver: bool = False,  # collateral leaves its vault instead of entering `to`
    ) -> int:
        """Hand a fraction of every position and collateral over. What `to` paid (+) or got (−) in cash for it."""
        if source == to:
            raise Refused("SameAccount", source)

        given, got = self.positions.take(now, source, to, fraction_wad)
        held = self._stored(source).assets
        cash = sum(self._slice_value(now, asset, source, fraction_wad) for asset in held)
        cash = checked_int(cash - to_int(discount_wad, 256))
        self._exchange(now, source, checked_int(given + cash), to, checked_int(got - cash))
        for asset in held:
            self._take_holding(now, asset, source, to, fraction_wad, receiver)
        return cash

    def _slice_value(self, now: Moment, asset: int, source: int, fraction_wad: int) -> int:
        """Of the collateral handed over; the account may lose the wei."""
        listed = self.assets[asset]
        amount = mul_wad_down(self.balance_of(source, asset), fraction_wad)
        return to_int(
            mul_wad_down(checked(amount * listed.unit_wad), now.price(listed.underlying).spot_wad), 256
        )

    def _take_holding(
        self, now: Moment, asset: int, source: int, to: int, fraction_wad: int, receiver: bool
    ) -> None:
        amount = mul_wad_down(self.balance_of(source, asset), fraction_wad)
        if amount == 0:
            return
        self._remove_holding(source, asset, amount)
        if receiver:
            self.vaults[asset] = vault.push(self.vaults[asset], amount, amount, now.time)
        else:
            self._add_holding(to, asset, amount)

    @_whole
    def deleverage(
        self, now: Moment, account: int, instrument: InstrumentId, deficit_wad: int
    ) -> tuple[int, int]:
        """(size, price) of a position closed against the whole opposite side."""
        size, price, cash = self.positions.deleverage(now, account, instrument, deficit_wad)
        self._receive(now, account, cash)
        return size, price

    @_whole
    def write_off(self, now: Moment, account: int) -> int:
        """The negative cash of an account that holds nothing else, taken from all credit: the loss."""
        a, legs = self._existing(account), len(self.positions.lanes.get(account, ()))
        if legs or a.assets:
            raise Refused("StillHolds", account, legs, len(a.assets))
        pool = self.pool_at(now)
        cash = cash_pool.cash_of(pool, a.shares)
        if cash >= 0:
            raise Refused("NotInDebt", account, cash)

        self.pool = cash_pool.write_down(self._add_cash(pool, account, -cash), -cash)
        return -cash

    # Views; interest and funding are projected to now

    def health_of(self, now: Moment, account: int) -> Health:
        self._existing(account)
        return self.positions.health_of(now, self.query_of(now, account))

    def health_by(self, now: Moment, account: int, witness: int) -> Health:
        """IM and MM by the scenarios alone whose bits `witness` has."""
        self._existing(account)
        return self.positions.health_of(now, replace(self.query_of(now, account), witness=witness))

    def query_of(self, now: Moment, account: int) -> Query:
        """What `Positions.healthOf` is asked: what the account owns and owes besides its positions."""
        a = self._stored(account)
        holdings = []
        for asset in a.assets:
            price = now.price(self.assets[asset].underlying)
            holdings.append(
                risk.Collateral(
                    asset=asset,
                    amount_wad=checked(self.balance_of(account, asset) * self.assets[asset].unit_wad),
                    price_wad=price.spot_wad,
                    ema_wad=price.ema_wad,
                    grade=price.grade,
                )
            )
        return Query(
            account=account,
            mode=a.mode,
            cash_wad=self.cash_of(now, account),
            holdings=tuple(holdings),
            underlyings=tuple(self.assets[asset].underlying for asset in a.assets),
        )

    def legs_of(self, now: Moment, account: int) -> tuple[risk.Leg, ...]:
        return self.positions.legs_of(now, account)

    def cash_of(self, now: Moment, account: int) -> int:
        return cash_pool.cash_of(self.pool_at(now), self._stored(account).shares)

    def free_principal_of(self, account: int) -> int:
        return self._stored(account).principal * PRINCIPAL_UNIT_WAD

    def balance_of(self, account: int, asset: int) -> int:
        return self.balances.get((account, asset), 0)

    def pool_at(self, now: Moment) -> Pool:
        return cash_pool.accrue(self.pool, self.rules.curve, now.time)

    # Inside

    def _require_allowed(self, now: Moment, action: Action, health: Health) -> None:
        breaker.check(now.breaker, action, health.items, 0, now.time)

    def _add_holding(self, account: int, asset: int, amount: int) -> None:
        a = self._stored(account)
        if asset not in a.assets:
            if len(a.assets) == MAX_HOLDINGS:
                raise Refused("TooManyHoldings", account, MAX_HOLDINGS)
            self.accounts[account] = replace(a, assets=(*a.assets, asset))
        balance = self.balance_of(account, asset) + amount
        # Margin is computed on amounts of 128 bits.
        to_uint(checked(balance * self.assets[asset].unit_wad), 128)
        self.balances[account, asset] = balance

    def _remove_holding(self, account: int, asset: int, amount: int) -> None:
        a, balance = self._stored(account), self.balance_of(account, asset)
        if amount > balance:
            raise Refused("InsufficientBalance", account, asset, balance, amount)
        if amount == balance:
            self.accounts[account] = replace(a, assets=positions.without(a.assets, asset))
        self.balances[account, asset] = balance - amount

    def _add_cash(self, pool: Pool, account: int, delta: int) -> Pool:
        a = self._existing(account)
        if delta:
            pool, shares = cash_pool.change(pool, a.shares, delta)
            self.accounts[account] = replace(a, shares=shares)
        return pool

    def _receive(self, now: Moment, account: int, delta: int) -> None:
        self.pool = self._add_cash(self.pool_at(now), account, delta)

    def _exchange(self, now: Moment, source: int, source_delta: int, to: int, to_delta: int) -> None:
        pool = self._add_cash(self.pool_at(now), source, source_delta)
        self.pool = self._add_cash(pool, to, to_delta)

    def _existing(self, account: int) -> Account:
        a = self._stored(account)
        if a.mode == Mode.NONE:
            raise Refused("NoSuchAccount", account)
        return a

    def _stored(self, account: int) -> Account:
        """Empty where there is none, as storage is."""
        return self.accounts.get(account, Account(mode=Mode.NONE))

    def _listed(self, asset: int) -> Asset:
        try:
            return self.assets[asset]
        except KeyError:
            raise Refused("NoSuchAsset", asset) from None

    def _tables(self) -> tuple[Any, ...]:
        kept = self.positions
        return (
            self.pool,
            *(dict(table) for table in (self.accounts, self.balances, self.vaults)),
            *(
                dict(table)
                for table in (kept.markets, kept.lanes, kept.positions, kept.epoch_ends, kept.tallies)
            ),
        )

    def _restore(self, tables: tuple[Any, ...]) -> None:
        self.pool, self.accounts, self.balances, self.vaults, *rest = tables
        kept = self.positions
        kept.markets, kept.lanes, kept.positions, kept.epoch_ends, kept.tallies = rest
