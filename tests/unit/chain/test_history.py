"""simulate
├── blocks of calls     -> a result each; state carries over; nothing persists
├── time, number, fees  -> as given, seen by the code
├── reverts             -> named, and the rest goes on
├── gas and events      -> those of really sent transactions
└── no history          -> ChainError
"""

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.contract import Contract
from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError, Reverted
from holdfast.sim.history import Block, Call, call, flat, simulate

STRANGER = "0x" + "77" * 20
GWEI = 10**9


@pytest.fixture
def now(rpc: Rpc) -> int:
    return int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


def test_simulate__blocks__carry_state_and_persist_nothing(rpc: Rpc, counter: Contract, alice: str) -> None:
    add = call(counter, "count", 5, sender=alice)

    results = simulate(
        rpc, [Block([add, add]), Block([]), Block([add, call(counter, "total", sender=STRANGER)])]
    )

    assert [len(block) for block in results] == [2, 0, 2]
    assert results[2][1].returned(counter, "total") == 15
    assert counter.call("total") == 0


def test_simulate__time_number_and_fees__are_seen(rpc: Rpc, counter: Contract, now: int) -> None:
    fees = call(counter, "fees", sender=STRANGER, priority_fee=5)

    results = flat(
        simulate(rpc, [Block([fees], time=now + 100, base_fee=777 * GWEI, number=10**6), Block([fees])])
    )

    first, second = (result.returned(counter, "fees") for result in results)
    assert first == (777 * GWEI, 777 * GWEI + 5, now + 100)
    assert second[:2] == first[:2]  # a base fee holds until another is given
    assert second.time > first.time


def test_simulate__no_base_fee__is_the_chains(rpc: Rpc, counter: Contract) -> None:
    head = int(rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)

    result = simulate(rpc, [Block([call(counter, "fees", sender=STRANGER)])])[0][0]

    assert result.returned(counter, "fees")[:2] == (head, head)


def test_simulate__revert__named_and_the_rest_goes_on(rpc: Rpc, counter: Contract, alice: str) -> None:
    amounts = (5, 500, 6)

    results = simulate(rpc, [Block([call(counter, "count", amount, sender=alice) for amount in amounts])])[0]

    assert [result.ok for result in results] == [True, False, True]
    assert results[1].error is not None
    assert (results[1].error.name, results[1].error.values) == ("TooLarge", (500, 100))
    assert results[2].events[0].args["total"] == 11
    assert results[0].error is None
    with pytest.raises(Reverted):
        results[1].returned(counter, "count")


def test_simulate__out_of_gas__says_so(rpc: Rpc, counter: Contract, alice: str) -> None:
    result = simulate(rpc, [Block([call(counter, "count", 5, sender=alice, gas=25_000)])])[0][0]

    assert not result.ok
    assert result.gas_used == 25_000


def test_simulate__gas__equals_sent_transactions(
    rpc: Rpc, chain: Anvil, counter: Contract, alice: str
) -> None:
    calls = [call(counter, "count", amount, sender=alice) for amount in (5, 7, 500)]

    predicted = simulate(rpc, [Block([one]) for one in calls])

    gas = [counter.send("count", amount, sender=alice).gas_used for amount in (5, 7)]
    assert [result.gas_used for result in flat(predicted)][:2] == gas


def test_simulate__value__arrives(rpc: Rpc, counter: Contract, bob: str) -> None:
    pay = call(counter, "count", 1, sender=STRANGER, value=3)

    result = simulate(rpc, [Block([pay, Call(to=bob, data=b"", sender=STRANGER, value=10**20)])])[0]

    assert [one.ok for one in result] == [True, True]


def test_simulate__overrides__apply(rpc: Rpc, counter: Contract, alice: str) -> None:
    slot = {counter.address: {"stateDiff": {"0x" + "00" * 32: "0x" + "00" * 31 + "2a"}}}

    result = simulate(rpc, [Block([call(counter, "total", sender=alice)], overrides=slot)])[0][0]

    assert result.returned(counter, "total") == 42


def test_simulate__no_validation__sees_no_base_fee(rpc: Rpc, counter: Contract, alice: str) -> None:
    result = simulate(rpc, [Block([call(counter, "fees", sender=alice)], base_fee=7)], validation=False)[0][0]

    assert result.returned(counter, "fees")[:2] == (0, 0)


def test_simulate__not_a_history__refused(rpc: Rpc, counter: Contract, alice: str, now: int) -> None:
    fees = call(counter, "fees", sender=alice)
    poor = call(counter, "count", 1, sender=alice, value=10**31)

    for blocks in (
        [Block([fees], time=now + 2), Block([fees], time=now + 2)],
        [Block([fees], number=10**6), Block([]), Block([fees], number=10**6)],
        [Block([call(counter, "fees", sender=alice, max_fee=6)], base_fee=7)],
        [Block([poor])],
    ):
        with pytest.raises(ChainError):
            simulate(rpc, blocks)
    assert simulate(rpc, []) == []
