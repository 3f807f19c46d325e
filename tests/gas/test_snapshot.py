"""Gas of record: each operation in a transaction of its own, cold, 21,000 included, compared with snapshot.json.

    make gas        measures anew and writes the file

`n` is the number of positions held by each side; for what happens to a whole side (funding, deleverage), the number of
accounts on it. `deleverage` is the ledger's own call, `deleverage_account` all that anyone pays to have it done, and
`deleverage_last` the ledger's call that closes a whole side and records the end of its epoch. `trade_option` is a trade
by holders of n series, `settle_series` has n shorts. For the rows `…_portfolio` both sides are in portfolio mode and
hold a perpetual and n − 1 options of one expiry: `margin_portfolio` is a view, without what a transaction takes,
`start_portfolio` names one scenario as its witness. Prices moved a minute before, but for `start`, where the slow
price had caught up: `start_moving` has it on its way. `take_over` and `fill_bid` buy all of an account with n
positions, the first for a tranche at rest, whose epoch begins with it; `settle_tranche` ends that epoch, and its queue
leaves. `refresh_target` is over n markets, `poke` asks n sources of one underlying.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.gas.world import SIZES, measure

SNAPSHOT = Path(__file__).with_name("snapshot.json")

BOUNDS = {
    "deposit": {"8": 90_000},
    "withdraw": {"8": 222_000},
    "trade": {"8": 412_000},
    "start": {"8": 224_000},
    "take_all": {"8": 900_000},
    "funding": dict.fromkeys(SIZES, 80000),
    "deleverage": dict.fromkeys(SIZES, 82_000),
    "settle_series": dict.fromkeys(SIZES, 100_000),
    "margin_portfolio": {"8": 350_000, "16": 620_000, "32": 1_155_000},
    "trade_portfolio": {"16": 1_310_000},
    "start_portfolio": {"16": 342_000},
    "take_over": {"1": 430_000, "8": 980_000},
    "fill_bid": {"1": 360_000, "8": 900_000},
    "settle_tranche": {"1": 205_000},
    "stake": {"1": 190_000},
    "unstake": {"1": 115_000},
    "refresh_target": {"16": 530_000},
    "poke": {"1": 65_000, "3": 90_000},
}
"""[gas] What an operation may cost at most, whatever was recorded."""

CODE_LIMIT = 24_576 - 1_024
"""[bytes] Deployed code: EIP-170 less a kilobyte."""


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, int]]:
    figures = measure()
    if os.environ.get("HOLDFAST_GAS") == "write":
        SNAPSHOT.write_text(json.dumps(figures, indent=1) + "\n")
    return figures


def test_gas__measured_again__is_the_snapshot(measured: dict[str, dict[str, int]]) -> None:
    assert measured == json.loads(SNAPSHOT.read_text()), "explain the change in the commit, then `make gas`"


@pytest.mark.parametrize("operation", BOUNDS)
def test_gas__operation__within_its_bound(measured: dict[str, dict[str, int]], operation: str) -> None:
    over = {
        n: (measured[operation][n], most)
        for n, most in BOUNDS[operation].items()
        if measured[operation][n] > most
    }
    assert not over, f"{operation}: (gas, bound) by n"


@pytest.mark.parametrize("operation", ["withdraw", "trade", "start", "take_all", "take_over", "fill_bid"])
def test_gas__more_positions__grows_linearly(measured: dict[str, dict[str, int]], operation: str) -> None:
    """The marginal position costs the same at 16 as at 4, within an eighth."""
    row = measured[operation]
    early = (row["8"] - row["4"]) / 4
    late = (row["16"] - row["8"]) / 8
    assert late <= early * 1.125


@pytest.mark.parametrize("operation", ["funding", "deleverage", "deleverage_account", "settle_series"])
def test_gas__more_accounts_on_the_side__costs_the_same(
    measured: dict[str, dict[str, int]], operation: str
) -> None:
    figures = measured[operation].values()
    assert max(figures) - min(figures) <= 1_000  # a zero byte of calldata, a bit more of a square


def test_code__every_contract__fits_with_room(measured: dict[str, dict[str, int]]) -> None:
    over = {name: size for name, size in measured["code_bytes"].items() if size > CODE_LIMIT}
    assert not over
