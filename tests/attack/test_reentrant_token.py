"""A listed collateral calls back in the middle of its own transfers. It is an operator of the attacker's account.

Naive rule: tokens are moved before the books are closed, or without a lock; one deposit counts twice, one balance
leaves twice, a slice is taken while another is being paid.

├── in deposit     the inner deposit, withdrawal or trade is refused; what arrived is credited once
├── in withdraw    so is a second withdrawal; one balance leaves once
└── in take        the token goes to the bidder in the middle of the take
    ├── every door of ledger, venue, fund and auctions that moves money or positions is locked
    └── what stays open, prices and funding, changes nothing of the slice that is being taken
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil, revert
from holdfast.chain.artifacts import artifact, vocabulary
from holdfast.chain.contract import Contract, deploy
from holdfast.chain.protocol import Protocol
from holdfast.chain.transactions import Receipt
from holdfast.units import WAD
from tests.attack.company import deployed_with, undone
from tests.conftest import GENESIS
from tests.stage import PEOPLE, Party, Stage

REE = 10  # [whole tokens] priced as ETH
LOCKED = "ReentrancyGuardReentrantCall"


@pytest.fixture(scope="module")
def built() -> Iterator[Protocol]:
    """The protocol with that token listed, worth as much as ETH."""
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        token = deploy(chain.rpc, artifact("MockReentrantToken"), 18, sender=chain.accounts[0])

        def list_it(data: dict[str, Any]) -> None:
            data["collateral"] = {
                "REE": data["collateral"]["WETH"] | {"address": token.address},
                **data["collateral"],
            }

        yield deployed_with(chain.rpc, list_it)


@pytest.fixture
def house(built: Protocol) -> Iterator[Stage]:
    with undone(built) as stage:
        yield stage


@pytest.fixture
def token(built: Protocol) -> Contract:
    return Contract(built.rpc, artifact("MockReentrantToken"), built.tokens[built.assets["REE"]].address)


@pytest.fixture
def attacker(house: Stage, token: Contract) -> Party:
    house.party(100_000)  # somebody's cash, worth stealing
    attacker = house.party(1_000, REE=REE)
    house.send(house.ledger, "setOperator", token.address, True, by=attacker.address)
    return attacker


def arm(house: Stage, token: Contract, target: Contract, function: str, *args: Any) -> None:
    house.send(token, "arm", target.address, target.encode(function, *args), by="stranger", check=False)


def inner(house: Stage, token: Contract) -> str:
    """What came of the call from inside: the error's name, or "done"."""
    assert token.call("calls") >= 1, "the token was never moved"
    if token.call("lastSuccess"):
        return "done"
    return vocabulary().revert(token.call("lastResult")).name


def test_reentrant_token__deposit_within_deposit__counts_once(
    house: Stage, token: Contract, attacker: Party
) -> None:
    asset = house.protocol.assets["REE"]
    house.endow(attacker.address, "REE", 2 * WAD)
    house.send(token, "approve", house.protocol.vaults[asset].address, 2**200, by=attacker.address)
    arm(house, token, house.ledger, "deposit", attacker.account, asset, WAD)

    house.send(house.ledger, "deposit", attacker.account, asset, WAD, by=attacker.address)

    assert inner(house, token) == LOCKED
    assert house.ledger.call("balanceOf", attacker.account, asset) == (REE + 1) * WAD


@pytest.mark.parametrize("asset", ["USDC", "REE"])
def test_reentrant_token__withdraw_within_deposit__is_refused(
    house: Stage, token: Contract, attacker: Party, asset: str
) -> None:
    cash = house.cash(attacker)
    arm(
        house,
        token,
        house.ledger,
        "withdraw",
        attacker.account,
        house.protocol.assets[asset],
        house.units(asset, 1),
        attacker.address,
    )

    house.deposit(attacker, "REE", 1)

    assert inner(house, token) == LOCKED
    assert house.cash(attacker) == cash


def test_reentrant_token__withdraw_within_withdraw__leaves_once(
    house: Stage, token: Contract, attacker: Party
) -> None:
    asset = house.protocol.assets["REE"]
    args = (attacker.account, asset, REE * WAD, attacker.address)
    arm(house, token, house.ledger, "withdraw", *args)

    house.send(house.ledger, "withdraw", *args, by=attacker.address)

    assert inner(house, token) == LOCKED
    assert token.call("balanceOf", attacker.address) == REE * WAD
    assert house.ledger.call("balanceOf", attacker.account, asset) == 0


# In take

Inner = Callable[[Stage, Party, Party], tuple[Contract, str, tuple[Any, ...]]]

LOCKED_DOORS: dict[str, Inner] = {
    "take": lambda h, v, b: (h.liquidation, "take", (h.bid(v, b),)),
    "start": lambda h, v, b: (h.liquidation, "start", (v.account, b.account)),
    "end": lambda h, v, b: (h.liquidation, "end", (v.account,)),
    "insure": lambda h, v, b: (h.liquidation, "insure", (v.account,)),
    "restart": lambda h, v, b: (h.liquidation, "restart", (v.account,)),
    "deleverage": lambda h, v, b: (h.liquidation, "deleverage", (v.account, h.eth)),
    "writeOff": lambda h, v, b: (h.liquidation, "writeOff", (v.account,)),
    "deposit": lambda h, v, b: (h.ledger, "deposit", (v.account, 0, 1)),
    "withdraw of the victim": lambda h, v, b: (h.ledger, "withdraw", (v.account, 0, 10**6, v.address)),
    "withdraw of the rest": lambda h, v, b: (
        h.ledger,
        "withdraw",
        (v.account, h.protocol.assets["REE"], WAD, v.address),
    ),
    "accrueInterest": lambda h, v, b: (h.ledger, "accrueInterest", ()),
    "settle": lambda h, v, b: (h.ledger, "settle", (v.account, h.eth)),
    "distribute": lambda h, v, b: (h.insurance, "distribute", ()),
}

OPEN_DOORS: dict[str, Inner] = {
    "poke": lambda h, v, b: (h.oracle, "poke", ([1, 2],)),
    "accrue": lambda h, v, b: (h.positions, "accrue", (h.eth,)),
    "setOperator": lambda h, v, b: (h.ledger, "setOperator", (b.address, True)),
}


@pytest.fixture
def victim(house: Stage, attacker: Party) -> Party:
    """Long of 40 ETH against 10 REE (20,000 dollars), below MM at 1,700, in auction."""
    maker = house.party(200_000)
    house.deposit(maker, "USDC", 1)
    house.trade(attacker, maker, 40, 2_000)
    house.drift("ETH", 1_800)
    house.drift("ETH", 1_660)
    house.start(attacker)
    house.until_started(attacker, 60)
    return attacker


def take(house: Stage, victim: Party, bidder: Party) -> Receipt:
    return house.take(victim, bidder, receiver=bidder.address, most=WAD // 4)


@pytest.mark.parametrize("door", LOCKED_DOORS)
def test_reentrant_token__locked_door_within_take__is_refused(
    house: Stage, token: Contract, victim: Party, door: str
) -> None:
    bidder = house.party(100_000)
    house.send(house.ledger, "setOperator", token.address, True, by=bidder.address)
    if door == "distribute":
        assert house.cash(house.fees) > 0
    contract, function, args = LOCKED_DOORS[door](house, victim, bidder)
    arm(house, token, contract, function, *args)

    take(house, victim, bidder)

    assert inner(house, token) == LOCKED


@pytest.mark.parametrize("door", OPEN_DOORS)
def test_reentrant_token__open_door_within_take__changes_nothing_of_the_slice(
    house: Stage, token: Contract, victim: Party, door: str
) -> None:
    bidder = house.party(100_000)
    house.until_started(victim, 90)
    snapshot, time, dust = house.rpc.call("evm_snapshot"), house.time, house.dust_wad
    plain = take(house, victim, bidder)
    expected = (
        plain.event("Taken").args,
        plain.event("SliceTaken").args,
        house.equity(victim),
        house.equity(bidder),
    )
    revert(house.rpc, snapshot)
    house.time, house.dust_wad = time - 1, dust  # arming takes a second
    contract, function, args = OPEN_DOORS[door](house, victim, bidder)
    arm(house, token, contract, function, *args)

    receipt = take(house, victim, bidder)

    assert inner(house, token) == "done"
    found = (
        receipt.event("Taken").args,
        receipt.event("SliceTaken").args,
        house.equity(victim),
        house.equity(bidder),
    )
    assert found == expected


def test_reentrant_token__price_poked_within_take__slice_has_one_price(
    house: Stage, token: Contract, victim: Party
) -> None:
    """The feed has news that nobody poked yet. The token pokes it between two collaterals of one slice."""
    bidder = house.party(100_000)
    house.deposit(victim, "WETH", 0.1)
    house.say("ETH", 1_600)
    house.until_started(victim, 90)
    snapshot, time, dust = house.rpc.call("evm_snapshot"), house.time, house.dust_wad
    expected = take(house, victim, bidder).event("SliceTaken").args
    revert(house.rpc, snapshot)
    house.time, house.dust_wad = time - 1, dust
    arm(house, token, house.oracle, "poke", [1])

    found = take(house, victim, bidder).event("SliceTaken").args

    assert inner(house, token) == "done"
    assert found == expected, "the second collateral was sold at another price than the first"
