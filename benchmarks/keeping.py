"""How long it takes to find who is at risk among many accounts: one call of the Lens, pages, and reading everything.

    .venv/bin/python -m benchmarks.keeping --accounts 10000

Each account holds cash and a position; a tenth of them opened theirs late, and is below maintenance after a fall. The
figures of docs/decisions/0008-keeping-without-an-index.md come from here.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from holdfast.chain.anvil import Anvil
from holdfast.chain.config import CONFIG_FOLDER, parse_config
from holdfast.chain.deploy import deploy
from holdfast.chain.protocol import Protocol
from holdfast.model.lens import at_risk
from holdfast.sim.history import Block, call, simulate
from holdfast.types import SETTLEMENT, Mode
from holdfast.units import BPS, WAD

BATCH: Final = 500
GAS: Final = 1_000_000
BLOCK_GAS: Final = 30_000_000  # Anvil's own
GWEI: Final = 10**9
EVERYBODY: Final = 2**32
PLENTY: Final = 2**40  # [gas] no page is ever cut short
PRICE: Final = 2_000
NOBODY: Final = "0x000000000000000000000000000000000000BEEF"
WEAK: Final = 10  # every tenth account has a margin of a tenth, all others of half


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=10_000)
    wanted = parser.parse_args().accounts
    with Anvil() as chain:
        protocol = populated(chain, wanted)
        report(protocol)


def populated(chain: Anvil, wanted: int) -> Protocol:
    data = tomllib.loads((CONFIG_FOLDER / "local.toml").read_text(), parse_float=Decimal)
    data["instruments"]["ETH-PERP"]["open_interest_cap"] = 10_000_000
    protocol = Protocol(chain.rpc, deploy(chain.rpc, parse_config(data, "benchmark")))
    ledger, rich = protocol.ledger, chain.accounts[0]
    first = ledger.call("accounts") + 1
    maker = protocol.open_account(rich, Mode.CROSS)
    protocol.fund(rich, maker, SETTLEMENT, 10**8 * 10**6)
    protocol.tokens[0].send("mint", rich, 10**9 * 10**6, sender=rich)
    chain.rpc.call("evm_setAutomine", False)
    chain.rpc.call("evm_setBlockGasLimit", hex(BATCH * GAS))
    _send(chain, [(ledger, "open", (Mode.CROSS,))] * (wanted - 1), rich)
    ids = range(first + 1, first + wanted)
    cash = [(200 if account % WEAK == 0 else 1_000) * 10**6 + 2 * 10**6 for account in ids]
    _send(chain, [(ledger, "deposit", (a, SETTLEMENT, c)) for a, c in zip(ids, cash, strict=True)], rich)
    engine = protocol.venue.address
    chain.rpc.call("anvil_impersonateAccount", engine)
    chain.rpc.call("anvil_setBalance", engine, hex(10**24))
    fees = protocol.insurance.call("FEES")
    fills = [(protocol.instruments["ETH-PERP"], a, maker, fees, WAD, PRICE * WAD, 0, 0) for a in ids]
    _send(chain, [(ledger, "fill", (fill,)) for fill in fills], engine)
    chain.rpc.call("evm_setBlockGasLimit", hex(BLOCK_GAS))
    chain.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    chain.rpc.call("evm_setAutomine", True)
    protocol.set_price(protocol.underlyings["ETH"], PRICE * 94 // 100 * WAD)
    return protocol


def _send(chain: Anvil, calls: list[tuple[Any, str, tuple[Any, ...]]], sender: str) -> None:
    nonce = int(chain.rpc.call("eth_getTransactionCount", sender, "latest"), 16)
    for start in range(0, len(calls), BATCH):
        chain.rpc.batch(
            (
                "eth_sendTransaction",
                (
                    {
                        "from": sender,
                        "to": contract.address,
                        "data": "0x" + contract.encode(name, *args).hex(),
                        "gas": hex(GAS),
                        "gasPrice": hex(2 * GWEI),
                        "nonce": hex(nonce + place),
                    },
                ),
            )
            for place, (contract, name, args) in enumerate(calls[start : start + BATCH], start)
        )
        chain.rpc.call("evm_mine")


def report(protocol: Protocol) -> None:
    block = int(protocol.rpc.call("eth_blockNumber"), 16)
    accounts = protocol.ledger.call("accounts")
    asked = call(protocol.lens, "atRisk", 0, EVERYBODY, BPS, sender=NOBODY, gas=PLENTY)
    ((answer,),) = simulate(protocol.rpc, [Block([asked])], block, validation=False)
    print(
        f"{accounts:,} accounts; one call takes {answer.gas_used:,} gas, {answer.gas_used // accounts:,} an account"
    )

    found, seconds = _timed(lambda: protocol.lens.call("atRisk", 0, EVERYBODY, BPS, block=block, gas=PLENTY))
    words, rest = found
    print(f"one eth_call: {seconds:.2f} s, {len(words):,} found, next {rest}")
    for page in (500, 1_000, 2_000, 5_000):
        pages, seconds = _timed(lambda page=page: list(_pages(protocol, block, page)))  # type: ignore[misc]
        print(f"pages of {page:,}: {len(pages)} calls, {seconds:.2f} s")
        assert [word for words in pages for word in words] == words
    listed, seconds = _timed(lambda: protocol.at_risk(block=block))
    print(f"Protocol.at_risk: {seconds:.2f} s")
    everybody, seconds = _timed(lambda: protocol.accounts(block=block))
    print(f"Protocol.accounts, everything of everybody: {seconds:.2f} s")
    assert listed == tuple(one for account in everybody if (one := at_risk(account, BPS)) is not None)


def _pages(protocol: Protocol, block: int, page: int) -> Iterator[list[int]]:
    place = 1
    while place:
        words, place = protocol.lens.call("atRisk", place, page, BPS, block=block, gas=PLENTY)
        yield words


def _timed(read: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return read(), time.perf_counter() - began


if __name__ == "__main__":
    main()
