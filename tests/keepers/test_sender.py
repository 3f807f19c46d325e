"""Sender
├── would revert now             -> refused with the contract's reason, nothing sent
├── dry run                      -> tried, nothing sent
├── sent                         -> followed until mined, with gas in dollars and its events
│   ├── wanted again meanwhile   -> not sent twice
│   ├── waits too long           -> sent again for more, once mined it is one transaction
│   ├── its receipt is late      -> told when it is there
│   └── its place is taken       -> forgotten
├── waiting from an earlier life -> left alone for a while, then its place is freed
└── every action                 -> reaches the contract that it is for
"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.errors import ConnectionLost
from holdfast.keepers.actions import (
    Deleverage,
    End,
    Insure,
    Poke,
    Restart,
    SetPrice,
    Start,
    Take,
    Trade,
    WriteOff,
)
from holdfast.keepers.sender import Sender
from holdfast.model.venue import Order
from holdfast.types import Mode
from holdfast.units import WAD
from tests.keepers.scene import BIDDER, GWEI, LIQUIDATOR, LONG, PUSHER, SHORT, Scene

ETHER = 1_800 * WAD


def sender(scene: Scene, number: int = LIQUIDATOR, **options: Any) -> Sender:
    return Sender(scene.protocol, scene.key(number), tip=GWEI, **{"patience_blocks": 2, **options})


def start(scene: Scene) -> Start:
    return Start(account=scene.long, reward_account=scene.short)


def test_send__would_revert__is_refused_and_costs_nothing(scene: Scene) -> None:
    (attempt,) = sender(scene).send([start(scene)], scene.mine(), 10 * GWEI)

    assert attempt.tx is None
    assert attempt.refused is not None and attempt.refused.startswith(f"Healthy(account={scene.long},")
    assert scene.nonce(LIQUIDATOR) == scene.nonce(LIQUIDATOR, "latest") == 0


def test_send__dry_run__sends_nothing(scene: Scene) -> None:
    scene.fall(1_840)
    (attempt,) = sender(scene, dry_run=True).send([start(scene)], scene.mine(), 10 * GWEI)

    assert (attempt.tx, attempt.refused) == (None, None)
    assert scene.nonce(LIQUIDATOR) == 0


def test_send__one_refused__the_next_goes_on(scene: Scene) -> None:
    scene.fall(1_840)
    attempts = sender(scene).send(
        [Start(account=scene.short, reward_account=scene.short), start(scene)], scene.mine(), 10 * GWEI
    )
    assert [attempt.tx is not None for attempt in attempts] == [False, True]


def test_follow__mined__costs_gas_in_dollars_and_has_its_events(scene: Scene) -> None:
    scene.fall(1_840)
    sending = sender(scene)
    sending.send([start(scene)], scene.mine(), 10 * GWEI)
    assert sending.follow(scene.mine(gwei=20), 20 * GWEI, ETHER)[0].receipt.status == 1
    assert sending.waiting == 0
    assert scene.look(scene.long).auction is not None


def test_follow__cost__is_gas_times_price(scene: Scene) -> None:
    scene.fall(1_840)
    sending = sender(scene)
    sending.send([start(scene)], scene.mine(), 10 * GWEI)
    (mined,) = sending.follow(scene.mine(gwei=15), 15 * GWEI, ETHER)

    assert mined.receipt.gas_price == 16 * GWEI
    assert mined.cost_wad == mined.receipt.gas_used * 16 * GWEI * 1_800
    assert [event.name for event in mined.events if event.name.startswith("Auction")] == ["AuctionStarted"]


def test_send__wanted_again_while_it_waits__is_not_sent_twice(scene: Scene) -> None:
    scene.fall(1_840)
    sending, block = sender(scene), scene.mine()
    sending.send([start(scene)], block, 10 * GWEI)

    assert sending.send([start(scene)], block, 10 * GWEI) == []
    assert (sending.waiting, scene.nonce(LIQUIDATOR)) == (1, 1)


def test_follow__gas_rose_beyond_its_fee__is_sent_again_for_more(scene: Scene) -> None:
    scene.fall(1_840)
    sending = sender(scene)
    (first,) = sending.send([start(scene)], scene.mine(), 10 * GWEI)

    for _ in range(2):  # 21 gwei are all it may pay
        assert sending.follow(scene.mine(gwei=100), 100 * GWEI, ETHER) == []
    (mined,) = sending.follow(scene.mine(gwei=100), 100 * GWEI, ETHER)

    assert mined.receipt.status == 1 and mined.receipt.hash != first.tx
    assert (sending.waiting, scene.nonce(LIQUIDATOR, "latest")) == (0, 1)


def test_follow__something_else_took_its_place__is_forgotten(scene: Scene) -> None:
    scene.fall(1_840)
    sending = sender(scene)
    sending.send([start(scene)], scene.mine(), 10 * GWEI)
    rival = {
        "to": scene.address(LIQUIDATOR),
        "value": 0,
        "chainId": 31337,
        "nonce": 0,
        "gas": 21_000,
        "maxFeePerGas": 100 * GWEI,
        "maxPriorityFeePerGas": 50 * GWEI,
        "type": 2,
    }
    raw = bytes(scene.key(LIQUIDATOR).sign_transaction(rival).raw_transaction)
    scene.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())

    assert sending.follow(scene.mine(), 10 * GWEI, ETHER) == []
    assert sending.waiting == 1  # its receipt might only be late
    assert sending.follow(scene.mine(), 10 * GWEI, ETHER) == []
    assert sending.waiting == 0


def test_follow__counted_before_its_receipt_is_there__is_told_a_look_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.fall(1_840)
    sending = sender(scene)
    (attempt,) = sending.send([start(scene)], scene.mine(), 10 * GWEI)
    block = scene.mine()
    with monkeypatch.context() as late:
        late.setattr(Sender, "_receipt", lambda *_: None)
        assert sending.follow(block, 10 * GWEI, ETHER) == []

    (mined,) = sending.follow(scene.mine(), 10 * GWEI, ETHER)
    assert mined.receipt.hash == attempt.tx


def test_follow__waiting_from_an_earlier_life__is_freed_after_a_while(scene: Scene) -> None:
    scene.fall(1_840)
    sender(scene).send([start(scene)], scene.mine(), 10 * GWEI)
    reborn = sender(scene)  # remembers nothing

    waits = []
    for _ in range(4):
        reborn.follow(scene.mine(gwei=100), 100 * GWEI, ETHER)
        waits.append(scene.nonce(LIQUIDATOR) - scene.nonce(LIQUIDATOR, "latest"))

    assert waits[-1] == 0  # its place was bought free, and the queue moves again
    (attempt,) = reborn.send([start(scene)], scene.mine(gwei=100), 100 * GWEI)
    assert attempt.tx is not None


def test_follow__waiting_from_an_earlier_life_and_mined__needs_nothing(scene: Scene) -> None:
    scene.fall(1_840)
    sender(scene).send([start(scene)], scene.mine(), 10 * GWEI)
    reborn = sender(scene)

    assert reborn.follow(scene.mine(), 10 * GWEI, ETHER) == []
    assert scene.look(scene.long).auction is not None
    assert scene.nonce(LIQUIDATOR, "latest") == 1


def test_send__node_is_gone__is_raised(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    sending = sender(scene)

    def lost(*_: Any) -> None:
        raise ConnectionLost("gone")

    monkeypatch.setattr(type(scene.rpc), "call", lost)
    with pytest.raises(ConnectionLost):
        sending.send([start(scene)], 1, 10 * GWEI)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Insure, "NotInAuction"),
        (Restart, "NotInAuction"),
        (End, "NotInAuction"),
        (Deleverage, "NotInAuction"),
        (WriteOff, "StillHolds"),
        (Take, "NotAuthorised"),
    ],
)
def test_send__every_step_of_an_auction__reaches_its_function(scene: Scene, kind: type, error: str) -> None:
    more: dict[type, dict[str, int]] = {
        Deleverage: {"instrument": scene.eth},
        Take: {
            "taker": scene.short,
            "max_fraction_wad": WAD,
            "min_fraction_wad": 0,
            "max_payment_wad": 0,
            "min_discount_wad": 0,
        },
    }
    action = kind(account=scene.long, **more.get(kind, {}))
    (attempt,) = sender(scene).send([action], scene.mine(), 10 * GWEI)
    assert attempt.refused is not None and attempt.refused.startswith(error + "(")


def test_send__price_and_poke__are_mined_in_order(scene: Scene) -> None:
    sending = sender(scene, PUSHER)
    actions = [SetPrice(underlying=1, price_wad=1_950 * WAD), Poke(underlyings=(1,))]
    sending.send(actions, scene.mine(), 10 * GWEI)

    assert [done.receipt.status for done in sending.follow(scene.mine(), 10 * GWEI, ETHER)] == [1, 1]
    assert scene.protocol.oracle.call("priceOf", 1).spotWad == 1_950 * WAD


def test_send__trade__signs_our_side(scene: Scene) -> None:
    own = scene.at_once(lambda: scene.protocol.open_account(scene.address(BIDDER), Mode.CROSS))
    scene.at_once(lambda: scene.protocol.fund(scene.address(BIDDER), own, 0, 100_000 * 10**6))
    maker = scene.protocol.sign(order(scene, SHORT, scene.short, 1), scene.key(SHORT))
    trade = Trade(maker=maker, taker=order(scene, BIDDER, own, -1), size_wad=WAD)
    sending = sender(scene, BIDDER)
    sending.send([trade], scene.mine(), 10 * GWEI)

    (mined,) = sending.follow(scene.mine(), 10 * GWEI, ETHER)
    assert mined.receipt.status == 1
    position = scene.look(own).position(scene.eth)
    assert position is not None and position.size_wad == -WAD


def order(scene: Scene, number: int, account: int, size: int) -> Order:
    return Order(
        account=account,
        signer=scene.address(number),
        instrument=scene.eth,
        size_wad=size * WAD,
        limit_price_wad=2_000 * WAD,
    )


def test_scene__the_long__is_healthy_until_it_falls(scene: Scene) -> None:
    assert scene.look(scene.long).healthy and scene.address(LONG) == scene.look(scene.long).owner
    scene.fall(1_840)
    assert scene.look(scene.long).healthy is False
