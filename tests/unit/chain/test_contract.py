"""a contract
├── call     -> one value, named values, structs, arrays; overloads by count or signature
├── send     -> receipt with events; from an unlocked address, or signed here
├── reverts  -> Reverted with the error's name and fields: custom, text, panic, none
└── deploy   -> a Contract; errors of constructors and artifacts
"""

from pathlib import Path
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import Artifact, artifact, artifacts
from holdfast.chain.contract import Contract, call_many, deploy
from holdfast.chain.rpc import Rpc
from holdfast.chain.transactions import wait
from holdfast.errors import ChainError, ConfigError, DeploymentError, EncodingError, Reverted

NOTE = b"n" * 32


def test_call__named_values__come_back_named(counter: Contract) -> None:
    fees = counter.call("fees")

    assert fees.time > 0
    assert fees.baseFee == fees[0]


def test_call__overloaded__told_apart(counter: Contract) -> None:
    assert counter.call("twice", 4) == 8
    assert counter.call("twice", 4, 1) == 10
    assert counter.call("twice(uint256)", 4) == 8
    with pytest.raises(EncodingError, match="twice"):
        counter.call("twice", 1, 2, 3)


def test_call__structs__given_and_returned(counter: Contract, alice: str, bob: str) -> None:
    steps = [
        (1, alice, NOTE),
        {"amount": 2, "by": bob, "note": NOTE},
        {"amount": 3, "by": counter, "note": NOTE},
    ]

    counter.send("recordMany", steps, sender=alice)

    assert [step.amount for step in counter.call("allSteps")] == [1, 2, 3]
    assert counter.call("stepAt", 2) == (3, counter.address, NOTE)


def test_call__no_contract_there__says_so(rpc: Rpc, counter: Contract) -> None:
    with pytest.raises(EncodingError, match="is there a contract"):
        Contract(rpc, counter.artifact, "0x" + "12" * 20).call("total")


def test_call__older_block__sees_older_state(counter: Contract, alice: str) -> None:
    receipt = counter.send("count", 5, sender=alice)

    assert counter.call("total", block=receipt.block_number - 1) == 0


def test_call_many__answers_in_order(rpc: Rpc, counter: Contract) -> None:
    assert call_many(rpc, [(counter, "limit"), (counter, "twice", 3), (counter, "total")]) == [100, 6, 0]
    assert call_many(rpc, []) == []


@pytest.mark.parametrize("own_key", [False, True], ids=["unlocked", "signed"])
def test_send__succeeds__returns_receipt_with_events(chain: Anvil, counter: Contract, own_key: bool) -> None:
    sender = chain.signer(2) if own_key else chain.accounts[2]

    receipt = counter.send("count", 5, sender=sender, value=1)

    event = receipt.event("Counted")
    assert event.args == {"by": chain.signer(2).address, "amount": 5, "total": 5}
    assert event.address == counter.address
    assert receipt.status == 1
    assert 21_000 < receipt.gas_used < 60_000
    with pytest.raises(ChainError, match="0 events Noted"):
        receipt.event("Noted")


def test_send__event_with_struct_and_indexed_text__decoded(counter: Contract, alice: str) -> None:
    event = counter.send("record", (1, alice, NOTE), sender=alice).event("Noted")

    assert len(event.args["topic"]) == 32  # the hash of an indexed text
    assert event.args["step"] == (1, counter.call("stepAt", 0).by, NOTE)


def test_send__fees_given__paid(counter: Contract, chain: Anvil) -> None:
    for sender in (chain.accounts[2], chain.signer(2)):
        receipt = counter.send("count", 1, sender=sender, max_fee=10**11, priority_fee=3 * 10**9)
        base_fee = int(
            chain.rpc.call("eth_getBlockByNumber", hex(receipt.block_number), False)["baseFeePerGas"], 16
        )
        assert receipt.gas_price == base_fee + 3 * 10**9


REVERTS: list[tuple[str, tuple[Any, ...], str, dict[str, Any]]] = [
    ("count", (500,), "TooLarge", {"amount": 500, "limit": 100}),
    ("failWithText", (), "Error", {"message": "a fact"}),
    ("divide", (1, 0), "Panic", {"code": 0x12}),
]


@pytest.mark.parametrize(("function", "args", "name", "fields"), REVERTS, ids=[case[2] for case in REVERTS])
@pytest.mark.parametrize("way", ["call", "send", "signed"])
def test_revert__any_way__named(
    chain: Anvil,
    counter: Contract,
    way: str,
    function: str,
    args: tuple[Any, ...],
    name: str,
    fields: dict[str, Any],
) -> None:
    with pytest.raises(Reverted) as caught:
        if way == "call":
            counter.call(function, *args)
        else:
            counter.send(function, *args, sender=chain.signer(2) if way == "signed" else chain.accounts[2])

    assert caught.value.name == name
    assert caught.value.fields == fields


def test_revert__struct_in_error__decoded(counter: Contract, alice: str) -> None:
    with pytest.raises(Reverted, match="Refused") as caught:
        counter.send("record", (101, alice, NOTE), sender=alice)

    assert caught.value.values[0].amount == 101


def test_revert__out_of_gas__has_no_data(counter: Contract, alice: str) -> None:
    with pytest.raises(Reverted) as caught:
        counter.send("count", 5, sender=alice, gas=25_000)

    assert caught.value.name == "Empty"
    assert "gas" in str(caught.value).lower()


def test_wait__unchecked__returns_the_failure(counter: Contract, alice: str) -> None:
    sent = counter.submit("count", 500, sender=alice)

    assert wait(counter.rpc, sent, check=False).status == 0


def test_deploy__value_and_arguments__arrive(rpc: Rpc, alice: str) -> None:
    made = deploy(rpc, artifact("MockCounter"), 7, sender=alice, value=5)

    assert made.call("limit") == 7
    assert int(rpc.call("eth_getBalance", made.address, "latest"), 16) == 5
    assert len(rpc.call("eth_getCode", made.address, "latest")) // 2 - 1 == made.artifact.deployed_size


def test_deploy__what_can_not_be__refused(rpc: Rpc, alice: str) -> None:
    with pytest.raises(DeploymentError):
        deploy(rpc, Artifact("Abstract", []), sender=alice)
    with pytest.raises(DeploymentError, match="library"):
        deploy(rpc, Artifact("Linked", [], "60__$1234$__"), sender=alice)
    with pytest.raises(EncodingError, match="MockCounter"):
        deploy(rpc, artifact("MockCounter"), sender=alice)


def test_artifacts__missing__say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make build"):
        artifacts(tmp_path / "none.json")
    with pytest.raises(ConfigError, match="Nothing"):
        artifact("Nothing")
