"""Puts a keeper together from what an operator chose, and runs it until it is stopped."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from eth_account.signers.local import LocalAccount

from holdfast.chain.environment import PROJECT
from holdfast.chain.protocol import Protocol
from holdfast.chain.rpc import Rpc
from holdfast.errors import ConfigError
from holdfast.keepers import backstop, bidder, liquidator, price_pusher, watchdog
from holdfast.keepers.loop import Loop, Role, until_stopped
from holdfast.keepers.prices import open_source
from holdfast.keepers.record import Recorder
from holdfast.keepers.roles import Backstop, Bidder, Liquidator, PricePusher, Watchdog, margin_account
from holdfast.keepers.sender import Sender
from holdfast.units import WAD

GWEI: Final = 10**9
CALL_SECONDS: Final = 20.0
"""How long a keeper waits for one answer of its node before it counts as lost."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything an operator may choose. Amounts in whole units of the settlement token."""

    role: str
    interval_seconds: float = 1.0
    stepped: bool = False  # by lines on standard input instead
    once: bool = False
    dry_run: bool = False
    tip_gwei: float = 1.0
    record: Path | None = None  # None: out/keeper/<role>.jsonl

    prices: str | None = None
    deviation_bps: int = 25

    subsidy: Decimal = Decimal(25)
    margin_account: int | None = None  # None: the key's first cross account, opened where there is none
    deposit: Decimal = Decimal(0)  # into an account that had to be opened

    orders: Path | None = None
    bids: Path | None = None
    minimum_profit: Decimal = Decimal(5)
    utilisation_bps: int = 8_000
    latency_seconds: int = 36
    risk_multiple: float = 1.5

    refresh_share_bps: int = 3_333
    minimum_fees: Decimal = Decimal(1_000)

    @property
    def tip(self) -> int:
        return int(self.tip_gwei * GWEI)


def run(rpc: Rpc, deployment: Path | None, key: LocalAccount, settings: Settings) -> None:
    """Returns when it was stopped, when no more steps come, or after one block with `once`. ConfigError where it can't
    begin."""
    patient = Rpc(rpc.url, timeout=CALL_SECONDS)
    protocol = Protocol.load(patient, deployment)
    balance = int(patient.call("eth_getBalance", key.address, "latest"), 16)
    if balance == 0 and not settings.dry_run:
        raise ConfigError(f"{key.address} has no ether on chain {protocol.chain_id}: a keeper pays for gas")
    path = settings.record or PROJECT / "out" / "keeper" / f"{settings.role}.jsonl"
    with Recorder(path, settings.role) as recorder, until_stopped():
        role = build(protocol, key, settings)
        sender = Sender(protocol, key, tip=settings.tip, dry_run=settings.dry_run)
        loop = Loop(
            patient,
            lambda block: protocol.snapshot(role.accounts(block), block=block),
            role,
            sender,
            recorder,
            interval_seconds=settings.interval_seconds,
            steps=sys.stdin if settings.stepped else None,
        )
        recorder.say(f"{key.address} on chain {protocol.chain_id} at {patient.url}, record {path}")
        try:
            loop.run(once=settings.once)
        finally:
            recorder.say(f"ended after {loop.cycles} cycles, profit {loop.profit_wad / WAD:+,.2f}")


def build(protocol: Protocol, key: LocalAccount, settings: Settings) -> Role:
    """The role with its policy. Opens a ledger account where it needs one."""
    ether = protocol.underlyings[protocol.record.config["auction"]["gas_underlying"]]
    if settings.role == PricePusher.name:
        source = open_source(settings.prices) if settings.prices else None
        policy = price_pusher.Policy(deviation_bps=settings.deviation_bps, settable=source is not None)
        return PricePusher(protocol, key, source, policy, ether)
    if settings.role == Backstop.name:
        service = backstop.Policy(
            ether_underlying=ether, tip=settings.tip, subsidy_wad=_wad(settings.subsidy)
        )
        return Backstop(protocol, service, settings.bids)
    if settings.role == Watchdog.name:
        return Watchdog(
            protocol,
            watchdog.Policy(
                ether_underlying=ether,
                tip=settings.tip,
                refresh_share_bps=settings.refresh_share_bps,
                minimum_fees_wad=_wad(settings.minimum_fees),
                subsidy_wad=_wad(settings.subsidy),
            ),
        )
    account = settings.margin_account
    if account is None:
        account = margin_account(
            protocol, key, deposit=_amount(protocol, settings.deposit), dry_run=settings.dry_run
        )
    elif not protocol.ledger.call("isAuthorised", account, key.address):
        raise ConfigError(f"{key.address} is neither owner nor operator of account {account}")
    if settings.role == Liquidator.name:
        return Liquidator(
            protocol,
            liquidator.Policy(
                reward_account=account,
                ether_underlying=ether,
                tip=settings.tip,
                subsidy_wad=_wad(settings.subsidy),
            ),
        )
    if protocol.ledger.call("cashOf", account) <= 0 and not protocol.accounts([account])[0].holdings:
        raise ConfigError(f"account {account} has nothing to bid with: deposit first, or give --deposit")
    return Bidder(
        protocol,
        bidder.Policy(
            taker=account,
            signer=key.address,
            ether_underlying=ether,
            tip=settings.tip,
            utilisation_bps=settings.utilisation_bps,
            minimum_profit_wad=_wad(settings.minimum_profit),
        ),
        settings.orders,
        latency_seconds=settings.latency_seconds,
        multiple=settings.risk_multiple,
    )


def _wad(amount: Decimal) -> int:
    return int(amount * WAD)


def _amount(protocol: Protocol, amount: Decimal) -> int:
    return int(amount * 10 ** protocol.decimals[0])
