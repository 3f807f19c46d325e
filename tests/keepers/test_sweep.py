"""Does a start pay for itself? At any base fee, for accounts of any size, with the parameters of config/local.toml.

    make gas        measures anew and writes the table of docs/keepers.md, too

An account long ETH has fallen to nine tenths of its MM. Somebody starts its auction at that base fee and a tip of
a tenth of it: what he gains is the reward less all the gas of the transaction.

├── large enough  -> a start pays
├── too small     -> it doesn't, whatever the rest of the parameters: and it is sold all the same, by whoever takes it
├── the bound     -> gas burned over the share of the penalty that pays for it: linear in the base fee, no cap on top
└── the document  -> shows these figures
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.config import load_config
from holdfast.chain.deploy import deploy
from holdfast.chain.environment import PROJECT
from holdfast.chain.protocol import Protocol
from holdfast.sim.history import Block, call, simulate
from holdfast.units import BPS, WAD
from tests.attack.company import undone
from tests.conftest import GENESIS
from tests.stage import GWEI, PEOPLE, Party, Stage, address_of

BASE_FEES = (1, 5, 20, 100, 500, 1_000, 5_000)  # [gwei]
SIZES = (1, 10, 100, 1_000, 3_000, 10_000, 100_000)  # [dollars of MM]
TIP_SHARE = 10  # of the base fee: one part in so many
PAGE = PROJECT / "docs" / "keepers.md"
BEGIN, END = "<!-- sweep -->\n", "<!-- /sweep -->"


@dataclass(frozen=True)
class Row:
    """Of one base fee."""

    base_fee: int  # [gwei]
    bound: int  # [dollars of MM] from which a start pays
    gains: tuple[float, ...]  # [dollars] by size


@pytest.fixture(scope="module")
def built() -> Iterator[Protocol]:
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        yield Protocol(chain.rpc, deploy(chain.rpc, load_config("local")))


@pytest.fixture(scope="module")
def fallen(built: Protocol) -> Iterator[tuple[Stage, dict[int, Party]]]:
    """An account of each size, below its MM; the fund is rich."""
    with undone(built) as stage:
        stage.insure(100_000)
        other = stage.party(30_000_000)
        longs = {}
        for size in SIZES:
            eth = size / 100  # MM is 5 % of 2,000 a piece
            longs[size] = stage.party(size * 2.1, owner=other.key)
            stage.trade(longs[size], other, eth, 2_000)
        stage.drift("ETH", 1_876)
        yield stage, longs


@pytest.fixture(scope="module")
def rows(fallen: tuple[Stage, dict[int, Party]]) -> list[Row]:
    stage, longs = fallen
    price, params = stage.prices["ETH"], stage.liquidation.call("params")
    found = []
    for base_fee in BASE_FEES:
        gains, used = [], 0
        for long in longs.values():
            start = call(
                stage.liquidation, "start", long.account, stage.treasury, sender=address_of("keeper"),
                priority_fee=base_fee * GWEI // TIP_SHARE,
            )  # fmt: skip
            block = Block([start], time=stage.time + 1, base_fee=base_fee * GWEI)
            result = simulate(stage.rpc, [block])[0][0]
            assert result.ok, result.error
            reward = next(one for one in result.events if one.name == "AuctionStarted").args["rewardWad"]
            used = max(used, result.gas_used)
            burned = result.gas_used * _each(base_fee) * price // WAD
            gains.append((reward - burned) / WAD)
        burned = used * _each(base_fee) * price // WAD
        bound = -(-burned * BPS**2 // (params.endBps * params.rewardShareBps) // WAD)
        found.append(Row(base_fee, bound, tuple(gains)))
    return found


def _each(base_fee: int) -> int:
    """[wei a gas] What a starter pays at that base fee [gwei]."""
    return base_fee * GWEI + base_fee * GWEI // TIP_SHARE


def test_sweep__large_enough__pays_at_any_base_fee(rows: list[Row]) -> None:
    for row in rows:
        for size, gain in zip(SIZES, row.gains, strict=True):
            pays = size * 0.98 >= row.bound  # MM fell with the price
            assert gain > 0 or not pays, (
                f"MM {size} at {row.base_fee} gwei: {gain:.2f}, though above {row.bound}"
            )
    assert rows[-1].gains[-1] > 0, "no base fee starves the starter of a large account"


def test_sweep__bound__follows_the_base_fee(rows: list[Row]) -> None:
    """No cap on top: a hundred times the base fee, a hundred times the size."""
    for row in rows[2:]:
        assert row.bound * 20 == pytest.approx(rows[2].bound * row.base_fee, rel=0.02)


def test_sweep__too_small__is_sold_all_the_same(
    fallen: tuple[Stage, dict[int, Party]], rows: list[Row]
) -> None:
    """Start, run out, restart, and a take at the end of the ramp: nobody needs the reward for any of it."""
    stage, longs = fallen
    smallest, bidder = longs[SIZES[0]], stage.party(10_000)
    assert rows[-1].gains[0] < 0
    run, ramp = (stage.liquidation.call("params")[place] for place in (10, 8))
    keeper = address_of("keeper")
    took = simulate(
        stage.rpc,
        [
            Block([call(stage.liquidation, "start", smallest.account, stage.treasury, sender=keeper)],
                  time=stage.time + 1, base_fee=5_000 * GWEI),
            Block([call(stage.liquidation, "restart", smallest.account, sender=keeper)],
                  time=stage.time + 2 + run),
            Block([call(stage.liquidation, "take", stage.bid(smallest, bidder), sender=bidder.address)],
                  time=stage.time + 2 + run + ramp, base_fee=GWEI),
        ],
    )  # fmt: skip
    for (result,) in took:
        assert result.ok, result.error
    assert "AuctionEnded" in [event.name for event in took[-1][0].events]


def test_sweep__document__shows_these_figures(rows: list[Row]) -> None:
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    shown, tail = rest.split(END)
    if os.environ.get("HOLDFAST_GAS") == "write":
        PAGE.write_text(head + BEGIN + table(rows) + END + tail)
        return
    assert shown == table(rows), "explain the change in the commit, then `make gas`"


def table(rows: list[Row]) -> str:
    lines = [
        "| base fee | pays from MM | " + " | ".join(f"{size:,}" for size in SIZES) + " |",
        "|--:" * (2 + len(SIZES)) + "|",
    ]
    for row in rows:
        gains = " | ".join(f"{gain:+,.2f}" if gain > 0 else f"*{gain:+,.2f}*" for gain in row.gains)
        lines.append(f"| {row.base_fee:,} gwei | {row.bound:,} | {gains} |")
    return "\n".join(lines) + "\n"
