"""Rules over Ape and Anvil: the way many protocol teams fuzz, with the shared actions and invariants.

    python -m benchmarks.fuzz.ape_machine --seconds 30 [--world local]

Ape sends and reads, with its own test accounts. Everything is read through the Lens.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Final

from benchmarks.fuzz.measured import Count
from benchmarks.fuzz.shared import broken, cases
from holdfast.chain.artifacts import artifact
from holdfast.chain.views import read_account, read_market, read_system
from holdfast.model.venue import Order
from holdfast.sim.world import CONSENT, World
from holdfast.types import Account, Snapshot
from holdfast.units import BPS, WAD

DEPTH: Final = 50
"""Steps of an example: Hypothesis' default."""

MOVE_BPS: Final = 1_400
BAND_BPS: Final = 200
WAIT: Final = 1_200
ANY: Final = 2**64 - 1


class TimeUp(KeyboardInterrupt):
    """Hypothesis lets it through at once."""


class Found(Exception):
    """An invariant failed."""


class Subject:
    """The world through Ape, and what was counted. One for all examples."""

    def __init__(self, world: World, seconds: float) -> None:
        from ape import Contract, accounts, chain

        def at(name: str, address: str) -> Any:
            return Contract(address, abi=artifact(name).abi)

        protocol = world.protocol
        self.world, self.chain, self.accounts = world, chain, accounts
        self.ledger, self.venue = at("Ledger", protocol.ledger.address), at("Venue", protocol.venue.address)
        self.oracle, self.lens = at("Oracle", protocol.oracle.address), at("Lens", protocol.lens.address)
        self.positions = at("Positions", protocol.positions.address)
        self.liquidation = at("Liquidation", protocol.liquidation.address)
        self.feeds = {u: at("MockFeed", feeds[0].address) for u, feeds in protocol.feeds.items()}
        system = world.start.system
        own = {system.fund_account, system.fees_account, system.treasury_account}
        self.users = [account.id for account in world.start.accounts if account.id not in own]
        self.owner = {account.id: account.owner for account in world.start.accounts}
        for owner in self.owner.values():  # some are contracts
            protocol.rpc.call("anvil_setBalance", owner, hex(10**30))
        self.instruments = [market.instrument for market in world.start.markets]
        self.cases = cases(world.start)
        self.actions = self.succeeded = self.judgements = 0
        self.found = ""
        self.nonce = 0
        self._people: dict[str, Any] = {}
        self.started = time.monotonic()
        self.ends = self.started + seconds

    def try_(self, action: Callable[[], Any]) -> None:
        """One action; a refusal is no failure."""
        from ape.exceptions import ContractLogicError

        self.actions += 1
        try:
            action()
        except ContractLogicError:
            return
        self.succeeded += 1

    def person(self, address: str) -> Any:
        """Looked up once: Ape derives all its test keys each time."""
        if address not in self._people:
            self._people[address] = self.accounts[address]
        return self._people[address]

    def sender(self, account: int) -> Any:
        return self.person(self.owner[account])

    def stranger(self) -> Any:
        return self.person(self.world.people.stranger)

    def account(self, account: int) -> Account:
        return read_account(self.look("accountsOf", [account])[0])

    def look(self, function: str, *args: Any) -> Any:
        """What Ape makes of the answer, with the names that it leaves out of structs in structs."""
        handler = getattr(self.lens, function)
        return named(handler.abis[0].outputs[0], handler(*args))

    def judge(self) -> None:
        system = read_system(self.look("system"))
        markets = tuple(read_market(view) for view in self.look("markets"))
        accounts = tuple(
            read_account(v) for v in self.look("accountsOf", list(range(1, system.accounts + 1)))
        )
        self.judgements += self.cases
        self.found = broken(Snapshot(system=system, markets=markets, accounts=accounts))
        if self.found:
            raise Found(self.found)


def named(kind: Any, value: Any) -> Any:
    """A value of this ABI type, its structs by the names of their members."""
    if kind.type.endswith("[]") and kind.components:
        return [_named(kind.components, one) for one in value]
    return _named(kind.components, value) if kind.components else value


def _named(parts: Any, value: Any) -> SimpleNamespace:
    return SimpleNamespace(**{part.name: named(part, one) for part, one in zip(parts, value, strict=True)})


def machine(subject: Subject) -> type:
    """The state machine over this subject."""
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

    users, seeds = st.sampled_from(subject.users), st.integers(0, ANY)
    instruments, assets = st.sampled_from(subject.instruments), st.integers(0, 2)

    class Campaign(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.snapshot = subject.chain.snapshot()

        def teardown(self) -> None:
            subject.chain.restore(self.snapshot)

        @rule(who=users, asset=assets, amount=st.integers(1, 10**24))
        def deposit(self, who: int, asset: int, amount: int) -> None:
            subject.try_(lambda: subject.ledger.deposit(who, asset, amount, sender=subject.sender(who)))

        @rule(who=users, asset=assets, amount=seeds)
        def withdraw(self, who: int, asset: int, amount: int) -> None:
            account = subject.account(who)
            most = next((h.amount for h in account.holdings if h.asset == asset), 0)
            if asset == 0 and account.health:
                free = account.cash_wad + account.health.margin.borrow_limit_wad
                most = max(0, free) // subject.world.start.system.assets[0].unit_wad
            sender = subject.sender(who)
            subject.try_(
                lambda: subject.ledger.withdraw(who, asset, 1 + amount % (most + 1), sender, sender=sender)
            )

        @rule(maker=users, taker=users, instrument=instruments, size=seeds, price=seeds, buys=st.booleans())
        def trade(self, maker: int, taker: int, instrument: int, size: int, price: int, buys: bool) -> None:
            mark = subject.oracle.spotOf(instrument >> 168)
            size = 1 + size % (
                min(_most(subject.account(side), instrument, mark) for side in (maker, taker)) + 1
            )
            low, high = mark * (BPS - BAND_BPS) // BPS, mark * (BPS + BAND_BPS) // BPS
            price = low + price % (high - low + 1)
            signed = size if buys else -size
            first = _order(subject, maker, instrument, signed, price)
            second = _order(subject, taker, instrument, -signed, price)
            subject.try_(
                lambda: subject.venue.matchOrders(
                    first.members(), b"", second.members(), b"", size, sender=subject.stranger()
                )
            )

        @rule(chosen=instruments, bps=st.integers(BPS - MOVE_BPS, BPS + MOVE_BPS))
        def move(self, chosen: int, bps: int) -> None:
            def say() -> None:
                feeder = subject.person(subject.world.people.feeder)
                for instrument in subject.instruments:
                    answer = subject.oracle.spotOf(instrument >> 168) // 10**10
                    answer = max(1, answer * bps // BPS if instrument == chosen else answer)
                    subject.feeds[instrument >> 168].set(answer, sender=feeder)
                subject.oracle.poke([one >> 168 for one in subject.instruments], sender=subject.stranger())

            subject.try_(say)

        @rule(who=users, reward=users)
        def start(self, who: int, reward: int) -> None:
            subject.try_(lambda: subject.liquidation.start(who, reward, sender=subject.stranger()))

        @rule(who=users, by=users, fraction=st.integers(1, WAD))
        def take(self, who: int, by: int, fraction: int) -> None:
            bid = (who, by, fraction, 0, 2**255 - 1, 0, "0x" + "00" * 20, b"")
            subject.try_(lambda: subject.liquidation.take(bid, sender=subject.sender(by)))

        @rule(instrument=instruments)
        def accrue(self, instrument: int) -> None:
            subject.try_(lambda: subject.positions.accrue(instrument, sender=subject.stranger()))

        @rule(seconds=st.integers(1, WAIT))
        def wait(self, seconds: int) -> None:
            subject.try_(lambda: subject.chain.mine(deltatime=seconds))

        @invariant()
        def shared(self) -> None:
            if time.monotonic() > subject.ends:
                raise TimeUp
            subject.judge()

    return Campaign


def _most(account: Account, instrument: int, mark: int) -> int:
    """Size that free equity can bear at ten times leverage, or that is held already."""
    if account.health is None:
        return 0
    free = account.health.margin.equity_wad - account.health.margin.initial_wad
    held = [abs(leg.size_wad) for leg in account.positions if leg.instrument == instrument]
    return max(0, free * 10 * WAD // mark, *held)


def _order(subject: Subject, account: int, instrument: int, size: int, price: int) -> Order:
    subject.nonce += 1
    return Order(
        account=account, signer=CONSENT, instrument=instrument, size_wad=size, limit_price_wad=price,
        nonce=subject.nonce,
    )  # fmt: skip


def fuzz(world: World, seconds: float) -> Count:
    from ape import networks
    from hypothesis import HealthCheck, Phase, settings
    from hypothesis.stateful import run_state_machine_as_test

    logging.getLogger("ape").setLevel(logging.CRITICAL)
    told = {"host": world.protocol.rpc.url, "auto_mine": True}
    with networks.parse_network_choice("ethereum:local:foundry", provider_settings=told):
        subject = Subject(world, seconds)
        with suppress(TimeUp, Found):
            run_state_machine_as_test(
                machine(subject),
                settings=settings(
                    max_examples=10**6,
                    stateful_step_count=DEPTH,
                    deadline=None,
                    database=None,
                    derandomize=True,
                    phases=(Phase.generate,),
                    suppress_health_check=list(HealthCheck),
                ),
            )
        took = time.monotonic() - subject.started
    return Count(
        actions=subject.actions,
        succeeded=subject.succeeded,
        judgements=subject.judgements,
        broken=subject.found,
        seconds=took,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--world", default="local")
    told = parser.parse_args()
    with World.open(told.world) as world:
        fuzz(world, told.seconds).print()


if __name__ == "__main__":
    main()
