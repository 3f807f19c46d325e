"""The governor's key is stolen, and nobody looks: the thief lists a token of his own, sets its price, raises what it
lends and what may leave, and withdraws what others deposited.

Naive rule: the delay is all there is. Once it is over the token lends in full, limits are whatever he says, and the
vault is empty in one transaction.

├── within the delay              nothing of it takes effect, and nothing can be taken
├── after it
│   ├── limits                    by a step, over a ramp: what he asked for is refused
│   ├── at once                   his token lends nothing
│   ├── day after day             what leaves is within the bucket: docs/roles.md, "What a stolen key can take"
│   └── small depositors          take out their principal, whatever he has left in the bucket
├── the guardian wakes up         his token lends nothing any more, at once
├── the guardian's key, too       limits go down, but the share of what is held still leaves
└── an engine of his own          moves others' cash to himself, and still gets out no more than the bucket lets
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.contract import Contract
from holdfast.chain.plan import MOVE
from holdfast.chain.protocol import Protocol
from holdfast.errors import Reverted
from holdfast.model.bounded import RISE_BPS
from holdfast.units import BPS, WAD
from tests.attack.company import deployed_with, undone
from tests.conftest import GENESIS, Refused
from tests.stage import PEOPLE, UNLIMITED, Party, Stage, address_of, wads

DELAY = 172_800  # [seconds] the governor's; collateral's ramp is as long
FLOOR = 10_000  # [dollars]
SHARE_BPS, WINDOW = 1_000, 86_400
HELD = 1_000_000  # [dollars] what others deposited
SMALL = 500  # [dollars] what one of them did
HOUR = 3_600
UNIT = 10**6  # of a dollar, in the token's decimals

MINE, ASSET = 3, 3
"""The thief's underlying, and the asset that his token becomes."""


def parameters(data: dict[str, Any]) -> None:
    data["settlement"]["outflow_floor"] = FLOOR
    data["risk"] |= {"collateral_ramp_seconds": DELAY, "epoch_seconds": DELAY}


@pytest.fixture(scope="module")
def built() -> Iterator[Protocol]:
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        yield deployed_with(chain.rpc, parameters)


class Heist:
    """What the thief has, and what he has scheduled."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.small = stage.party(SMALL)
        self.victims = [stage.party(HELD - SMALL)]
        self.thief = stage.party()
        self.vault = stage.protocol.vaults[0]
        self.token = stage.deploy("MockToken", "Worthless", "NIL", 18)
        self.feed = stage.deploy("SettableFeed", address_of("stranger"), 8)
        self.purse = stage.deploy(
            "Vault",
            stage.protocol.authority,
            stage.ledger,
            self.token,
            (2**111, 2**111, BPS, 1, 1, 1),
        )
        self.say()
        self.plots: list[tuple[str, bytes]] = []
        self.since = 0  # [seconds] when the first of them takes effect
        self.taken = 0  # [USDC]

    def say(self) -> None:
        self.stage.send(self.feed, "set", 10**6 * 10**8, by="stranger", check=False)

    def plot(self, target: Contract, function: str, *args: Any) -> tuple[str, bytes]:
        data = target.encode(function, *args)
        self.stage.send(self.stage.protocol.authority, "schedule", target.address, data, 0, by="governor")
        self.plots.append((target.address, data))
        return self.plots[-1]

    def execute(self, plot: tuple[str, bytes]) -> None:
        self.stage.send(self.stage.protocol.authority, "execute", *plot, by="governor", check=False)

    def scheme(self) -> None:
        """All that he needs, in the order in which he needs it."""
        protocol = self.stage.protocol
        self.plot(
            protocol.oracle, "setFeed", MINE, ([self.feed.address], 1, 10_000, 655_350, 100, 1, 2**88 - 1)
        )
        self.plot(protocol.ledger, "listAsset", self.purse.address, MINE)
        self.plot(protocol.risk, "setAsset", ASSET, (1, 1))
        self.plot(self.vault, "setOutflowFloor", FLOOR * UNIT * RISE_BPS // BPS)

    def strike(self) -> None:
        """The delay is over; all of it is executed, and his account is full of his token."""
        self.stage.wait(DELAY)
        for plot in self.plots:
            self.execute(plot)
        self.since = self.stage.time
        person = self.thief.address
        self.stage.send(self.token, "mint", person, 10**9 * WAD, by=person, check=False)
        self.stage.send(self.token, "approve", self.purse.address, UNLIMITED, by=person, check=False)
        self.say()
        self.stage.send(self.stage.oracle, "poke", [MINE], by=person)
        self.stage.send(self.stage.ledger, "deposit", self.thief.account, ASSET, 10**9 * WAD, by=person)

    def grab(self) -> None:
        """All that leaves just now."""
        self.stage.wait(1)
        level, capacity = self.vault.call("outflow")
        amount = min(capacity - level, self.vault.call("held"))
        if amount <= 0:
            return
        self.stage.send(
            self.stage.ledger, "withdraw", self.thief.account, 0, amount, self.thief.address,
            by=self.thief.address,
        )  # fmt: skip
        self.taken += amount

    @property
    def bound(self) -> int:
        """[USDC] docs/roles.md: a full bucket at once, and one more in each window; of the largest size there is."""
        raised = FLOOR * UNIT * RISE_BPS // BPS
        most = max(raised, HELD * UNIT * SHARE_BPS // BPS)
        return most + most * (self.stage.time - self.since) // WINDOW


@pytest.fixture
def heist(built: Protocol) -> Iterator[Heist]:
    with undone(built) as stage:
        yield Heist(stage)


def withdraw(stage: Stage, party: Party, amount: int) -> None:
    stage.send(stage.ledger, "withdraw", party.account, 0, amount, party.address, by=party.address)


def test_stolen_governor__within_the_delay__takes_nothing(heist: Heist) -> None:
    stage = heist.stage
    heist.scheme()
    stage.wait(DELAY - 10 * len(heist.plots))

    for plot in heist.plots:
        with pytest.raises(Reverted, match="AccessManagerNotReady"):
            heist.execute(plot)
    with pytest.raises(Reverted, match="NoSuchAsset"):
        stage.send(stage.ledger, "deposit", heist.thief.account, ASSET, WAD, by=heist.thief.address)
    with pytest.raises(Reverted, match="UnrealisedProfit|BelowInitialMargin"):  # noqa: RUF043
        withdraw(stage, heist.thief, 1)
    assert heist.vault.call("held") == HELD * UNIT


def test_stolen_governor__limits__move_by_a_step_over_a_ramp(heist: Heist, refused: Refused) -> None:
    wild = heist.plot(heist.vault, "setOutflowFloor", 2**111)
    wide = heist.plot(heist.vault, "setCap", 2**111)
    step = heist.plot(heist.vault, "setOutflowFloor", 2 * FLOOR * UNIT)
    heist.stage.wait(DELAY)

    with refused("StepTooLarge", value=2**111, bound=2 * FLOOR * UNIT):
        heist.execute(wild)
    with refused("StepTooLarge", value=2**111, bound=2 * 10**9 * UNIT):
        heist.execute(wide)
    heist.execute(step)
    assert heist.vault.call("outflowFloor") == FLOOR * UNIT
    heist.stage.wait(WINDOW // 2)
    assert heist.vault.call("outflowFloor") == FLOOR * UNIT * 3 // 2


def test_stolen_governor__after_the_delay__within_the_bucket(heist: Heist) -> None:
    stage = heist.stage
    heist.scheme()
    heist.strike()

    # At once his token lends nothing that anybody would notice: a digit of the ramp a while later.
    assert tuple(stage.protocol.risk.call("assetParams", ASSET)) == (BPS, BPS)
    with pytest.raises(Reverted, match="UnrealisedProfit|BelowInitialMargin"):  # noqa: RUF043
        withdraw(stage, heist.thief, 1)

    stage.wait(HOUR)
    for _ in range(36):
        heist.grab()
        assert heist.taken <= heist.bound
        stage.wait(HOUR)
    assert heist.taken > HELD * UNIT * SHARE_BPS // BPS  # it is a bound that he comes near to
    assert heist.vault.call("held") == HELD * UNIT - heist.taken > HELD * UNIT // 2

    # The bucket is as full as he could make it; who put in little has it back all the same.
    heist.grab()
    withdraw(stage, heist.small, SMALL * UNIT)
    with pytest.raises(Reverted, match="OutflowExceeded"):
        withdraw(stage, heist.victims[0], HELD * UNIT // 2)
    withdraw(stage, heist.victims[0], 10_000 * UNIT)


def test_guardian_awake__ends_it_at_once(heist: Heist) -> None:
    stage = heist.stage
    heist.scheme()
    heist.strike()
    stage.wait(HOUR)
    heist.grab()

    stage.send(stage.protocol.risk, "tightenAsset", ASSET, (BPS, 1), by="guardian")

    stage.wait(WINDOW)
    with pytest.raises(Reverted, match="UnrealisedProfit|BelowInitialMargin"):  # noqa: RUF043
        withdraw(stage, heist.thief, 1)
    assert heist.taken <= HELD * UNIT * SHARE_BPS // BPS


def test_stolen_guardian__limits_at_nothing__a_share_still_leaves(heist: Heist) -> None:
    stage, victim = heist.stage, heist.victims[0]
    stage.send(heist.vault, "tightenOutflowFloor", 0, by="guardian")

    left = HELD * UNIT
    for _ in range(3):
        share = left * SHARE_BPS // BPS
        own = 10_000 * UNIT if left == HELD * UNIT else 0  # principal that no limit holds
        withdraw(stage, victim, share + own)
        left -= share + own
        stage.wait(2 * WINDOW)  # a bucket that shrinks leaks a little longer
    withdraw(stage, heist.small, SMALL * UNIT)


def test_stolen_governor__an_engine_of_his_own__within_the_bucket(heist: Heist) -> None:
    stage = heist.stage
    heist.plot(stage.ledger, "setEngine", heist.thief.address, MOVE)
    stage.wait(DELAY)
    heist.execute(heist.plots[0])
    heist.since = stage.time
    loot = HELD // 2
    stage.send(
        stage.ledger,
        "move",
        heist.victims[0].account,
        heist.thief.account,
        wads(loot),
        by=heist.thief.address,
    )

    with pytest.raises(Reverted, match="OutflowExceeded"):
        withdraw(stage, heist.thief, loot * UNIT)
    for _ in range(12):
        heist.grab()
        assert heist.taken <= heist.bound
        stage.wait(HOUR)
    assert heist.vault.call("held") > HELD * UNIT * 8 // 10
