"""JSON-RPC and the local chain
├── call, batch       -> results in order; RpcError with code and data
├── stale connection  -> opened anew, once
├── no node           -> ConnectionLost
└── Anvil             -> starts with its options, and is gone afterwards
"""

import os
import subprocess
import sys
import time

import pytest

from holdfast.chain import binaries
from holdfast.chain.anvil import Anvil
from holdfast.chain.rpc import Rpc
from holdfast.errors import ChainError, ConfigError, ConnectionLost, RpcError


def test_call__unknown_method__raises_code(rpc: Rpc) -> None:
    with pytest.raises(RpcError) as caught:
        rpc.call("eth_nothing")

    assert caught.value.code == -32601


def test_batch__many__in_order(rpc: Rpc, alice: str) -> None:
    results = rpc.batch([("eth_chainId", []), ("eth_getBalance", [alice, "0x0"]), ("eth_chainId", [])])

    assert results[0] == results[2] == hex(31337)
    assert int(results[1], 16) == 10**24
    assert rpc.batch([]) == []


def test_batch__one_fails__raises_it(rpc: Rpc) -> None:
    requests = [("eth_chainId", []), ("eth_nothing", [])]

    with pytest.raises(RpcError):
        rpc.batch(requests)
    assert "result" in rpc.batch_raw(requests)[0]


def test_call__connection_went_stale__opens_another(chain: Anvil) -> None:
    rpc = Rpc(chain.url)
    rpc.call("eth_chainId")
    rpc._connection.sock.shutdown(2)  # what an idle node's close looks like from here

    assert rpc.call("eth_chainId") == hex(31337)
    rpc.close()


def test_call__no_node__connection_lost() -> None:
    with Anvil() as ended:
        url = ended.url

    with pytest.raises(ConnectionLost):
        Rpc(url).call("eth_chainId")
    with pytest.raises(ConfigError):
        Rpc("file:///tmp")


def test_anvil__options__hold() -> None:
    with Anvil(accounts=2, timestamp=2_000_000_000, base_fee=7, chain_id=5, balance=3) as chain:
        block = chain.rpc.call("eth_getBlockByNumber", "latest", False)

        assert len(chain.accounts) == 2
        assert chain.accounts[1] == chain.signer(1).address
        assert int(block["timestamp"], 16) == 2_000_000_000
        assert int(block["baseFeePerGas"], 16) == 7
        assert chain.rpc.call("eth_chainId") == "0x5"


def test_anvil__bad_option__says_why() -> None:
    with pytest.raises(ConfigError, match="hardfork"):
        Anvil(hardfork="nonsense").start()


def test_anvil__left__is_gone() -> None:
    with Anvil() as chain:
        pid = chain.pid

    assert not _alive(pid)
    with pytest.raises(ChainError):
        _ = chain.rpc
    chain.stop()  # harmless


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere only an orderly exit ends it")
def test_anvil__python_is_killed__ends_too() -> None:
    program = "from holdfast.chain.anvil import Anvil; import os; print(Anvil().start().pid, flush=True); os.abort()"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    pid = int(child.stdout)
    deadline = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_native__missing__says_what_to_do() -> None:
    assert binaries.native("anvil").is_file()
    with pytest.raises(ConfigError, match="make setup"):
        binaries.native("chisel")
