"""The demo, end to end, in small: a fall of a fifth in minutes, a few traders, real keepers
├── the books balance, somebody was liquidated, nobody was left below maintenance
├── it says who paid what was lacking, to the wei; what doesn't fit is told, and fails the run
├── table, report.html, report.json and PNGs say so
├── a keeper's outage is lived through
├── the watchdog's journal is in the report
├── options: series settle, who hedges in portfolio mode survives what the same book in cross mode doesn't
│   └── collateral that covers calls survives what the same calls without it don't
├── the same seed gives the same chain, whatever else the machine does
└── bad input gives one clear line and exit code 1
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from holdfast.chain.artifacts import Event
from holdfast.cli.demo import cli
from holdfast.demo import director
from holdfast.demo.collect import Happened

# Ape's own dependencies warn as they are loaded.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SCENARIO = """
name = "A bad quarter of an hour"
about = "a fall of a fifth & back, for <tests>"
columns = ["at", "ETH", "BTC", "gas_gwei"]
points = [
    [2024-01-01T00:00:00Z, 2000, 40000, 20],
    [2024-01-01T00:05:00Z, 1950, 39500, 50],
    [2024-01-01T00:12:00Z, 1600, 33000, 150],
    [2024-01-01T00:17:00Z, 1700, 34000, 60],
]
[[outages]]
role = "liquidator"
from = 2024-01-01T00:08:00Z
until = 2024-01-01T00:10:00Z
"""
SQUEEZE = """
name = "A small squeeze"
about = "calls, their writers, and a rally"
columns = ["at", "ETH", "BTC", "gas_gwei"]
points = [
    [2024-01-01T00:00:00Z, 2000, 40000, 10],
    [2024-01-01T00:20:00Z, 2010, 40100, 10],
    [2024-01-01T00:32:00Z, 2150, 41000, 20],
    [2024-01-01T00:44:00Z, 2310, 42000, 30],
    [2024-01-01T01:30:00Z, 2290, 42000, 10],
    [2024-01-01T01:45:00Z, 2280, 42000, 10],
]
[options]
underlying = "ETH"
volatility = [[2024-01-01T00:00:00Z, 0.7], [2024-01-01T00:44:00Z, 1.2]]
buys = [
    [2024-01-01T00:02:00Z, 2024-01-01T01:30:00Z, 2050, 100],
    [2024-01-01T00:10:00Z, 2024-01-01T01:30:00Z, 2400, 50],
]
buyers = 2
buyer_cash = 20_000
impact_bps = 100
half_life_seconds = 900
[[options.writers]]
name = "netted"
mode = "portfolio"
cash = 42_000
size = 1
hedges = true
[[options.writers]]
name = "added up"
mode = "cross"
cash = 42_000
size = 1
hedges = true
[[options.writers]]
name = "naked"
mode = "cross"
cash = 18_000
size = 0.5
hedges = false
[[options.writers]]
name = "covered"
mode = "portfolio"
cash = 1_000
collateral = { WETH = 75 }
size = 0.5
hedges = false
"""
REQUIRED = {
    "balanced": bool,
    "bad_debt": float,
    "accounts": int,
    "liquidated": int,
    "slices": int,
    "keeper_profit": float,
    "insurance_in": float,
    "insurance_out": float,
    "seconds": float,
}


def run(folder: Path, *options: object) -> Any:
    return CliRunner().invoke(cli, ["--out", str(folder), *(str(option) for option in options)])


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("scenario") / "bad-quarter.toml"
    file.write_text(SCENARIO)
    return file


@pytest.fixture(scope="module")
def result(scenario: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    folder = tmp_path_factory.mktemp("demo")
    yield run(folder, "--scenario", scenario, "--traders", 14, "--seed", 3), folder


def test_demo__last_line_and_exit_code__say_that_the_books_balance(result: tuple[Any, Path]) -> None:
    done, _ = result
    assert done.exit_code == 0, done.output
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("INV-01 holds: the books balance to the wei. Claims ")
    claims, dust, held = re.findall(r"[\d,]+\.(\d{18})", last)
    assert (int(claims) + int(dust)) % 10**18 == int(held) == 0


def test_demo__last_line_but_one__says_who_paid(result: tuple[Any, Path]) -> None:
    done, folder = result
    line = done.stdout.strip().splitlines()[-2]
    told = re.fullmatch(r"Deficits ([\d,.]+) = paid by others ([\d,.]+), to the wei", line)
    assert told and told[1] == told[2]
    report = json.loads((folder / "report.json").read_text())
    assert report["reconciled"] is True and report["waterfall"]["discrepancies"] == []
    sums = [
        sum(int(amount["wad"]) for amount in report["waterfall"][side].values()) for side in ("paid", "got")
    ]
    assert sums[0] == sums[1] > 0


def test_demo__what_isnt_accounted_for__fails(
    scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event too many, of nine wei that the fund paid for nothing: the run says so and exits with 1."""
    read = director.read_events
    wild = Event("Paid", {"underlying": 1, "account": 7, "wantedWad": 9, "paidWad": 9}, "0x")
    stray = Happened(time=0, block=10**6, tx=0, event=wild)
    monkeypatch.setattr(director, "read_events", lambda *args: [*read(*args), stray])
    done = run(tmp_path, "--scenario", scenario, "--traders", 14, "--seed", 3)
    assert done.exit_code == 1
    assert "WHO PAID IS UNCLEAR: block 1000000, transaction 0: the fund paid 9 wei" in done.stdout
    assert json.loads((tmp_path / "report.json").read_text())["reconciled"] is False


def test_demo__table__has_its_rows(result: tuple[Any, Path]) -> None:
    done, _ = result
    for row in (
        "Accounts liquidated",
        "Slices sold",
        "Penalty paid",
        "Profit of the price pusher",
        "Profit of the liquidator",
        "Profit of the bidder",
        "Profit of the watchdog",
        "Insurance fund in",
        "Insurance fund out",
        "Bad debt",
        "Worst time unhealthy",
    ):
        assert row in done.stdout


def test_demo__json__has_what_machines_need(result: tuple[Any, Path]) -> None:
    report = json.loads((result[1] / "report.json").read_text())
    for name, kind in REQUIRED.items():
        assert isinstance(report[name], kind), name
    assert report["balanced"] is True
    assert report["accounts"] == 14
    assert 0 < report["liquidated"] <= 14 and report["slices"] >= report["liquidated"]
    assert report["keepers"]["bidder"]["profit"] > 0
    assert report["worst_seconds_below_maintenance"] >= 60  # the outage


def test_demo__watchdog__tells_what_it_did(result: tuple[Any, Path]) -> None:
    done = json.loads((result[1] / "report.json").read_text())["watchdog"]
    assert {"Mark of ETH", "Mark of BTC"} <= {line["did"] for line in done if line["done"]}
    assert all(line["why"] and line["at"].endswith(" UTC") for line in done)
    page = (result[1] / "report.html").read_text()
    assert "What the watchdog did" in page and "<td>Mark of ETH</td>" in page


def test_demo__page__opens_offline(result: tuple[Any, Path]) -> None:
    page = (result[1] / "report.html").read_text()
    assert page.count("<svg") == 6 and page.count("<figure") == 6
    assert "a fall of a fifth &amp; back, for &lt;tests&gt;" in page
    links = re.findall(r"""(?:src|href)=["']([^"'#][^"']*)""", page)
    assert links == []
    assert "INV-01 holds" in page


def test_demo__pngs__lie_beside_it(result: tuple[Any, Path]) -> None:
    for name in ("price", "health", "auctions", "waterfall", "insurance", "keepers"):
        assert (result[1] / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_demo__records__agree_with_the_chain(result: tuple[Any, Path]) -> None:
    """What keepers wrote down themselves is what the receipts say; the liquidator was restarted in between."""
    report = json.loads((result[1] / "report.json").read_text())
    for role in ("price_pusher", "bidder"):
        entries = [json.loads(line) for line in (result[1] / f"{role}.jsonl").read_text().splitlines()]
        gas = sum(done["gas_used"] for entry in entries for done in entry.get("mined", ()))
        assert 0 < gas <= report["keepers"][role]["gas_used"]
        assert gas >= 0.95 * report["keepers"][role]["gas_used"]  # the last block's may not have been seen
    log = (result[1] / "liquidator.log").read_text()
    assert log.count("ended after") == 2


@contextmanager
def busy() -> Iterator[None]:
    """Somebody else wants the processors, too: in bursts, so that now this and now that comes late."""
    script = (
        "import time\nwhile True:\n end = time.time() + .07\n while time.time() < end: pass\n time.sleep(.03)"
    )
    others = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(2)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_demo__same_seed__same_chain(scenario: Path, result: tuple[Any, Path], tmp_path: Path) -> None:
    """Its last block has the same hash: every transaction, its gas and its moment are in it."""
    with busy():
        run(tmp_path, "--scenario", scenario, "--traders", 14, "--seed", 3)
    first, second = (json.loads((folder / "report.json").read_text()) for folder in (result[1], tmp_path))
    assert len(first["last_block"]) == 66
    assert first | {"seconds": 0} == second | {"seconds": 0}


@pytest.fixture(scope="module")
def squeeze(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    folder = tmp_path_factory.mktemp("squeeze")
    file = folder / "squeeze.toml"
    file.write_text(SQUEEZE)
    return run(folder / "out", "--scenario", file, "--traders", 6, "--seed", 3), folder / "out"


def test_squeeze__balances(squeeze: tuple[Any, Path]) -> None:
    done, folder = squeeze
    assert done.exit_code == 0, done.output
    report = json.loads((folder / "report.json").read_text())
    assert report["balanced"] and report["reconciled"]
    assert report["options"]["smiles"]["sent"] == report["options"]["smiles"]["set"] > 1


def test_squeeze__series__settle_at_the_average(squeeze: tuple[Any, Path]) -> None:
    """The average of the last half hour; what one writer sold each of them sold, as long as he could."""
    series = json.loads((squeeze[1] / "report.json").read_text())["options"]["series"]
    won, lost = (series[f"ETH-20240101T0130-{strike}-C"] for strike in (2050, 2400))
    assert 2_280 < won["settled_at"] == lost["settled_at"] < 2_330
    assert won["payoff"] == pytest.approx(won["settled_at"] - 2_050) and lost["payoff"] == lost["paid"] == 0
    assert won["most_open"] == 300 and won["paid"] == pytest.approx(300 * won["payoff"], rel=1e-6)


def test_squeeze__same_book__margin_decides(squeeze: tuple[Any, Path]) -> None:
    writers = json.loads((squeeze[1] / "report.json").read_text())["options"]["writers"]
    netted, added, naked = (writers[name] for name in ("netted", "added up", "naked"))
    assert netted["auction_at"] is None and netted["refused"] == {} and netted["lowest_health"] > 1.2
    assert added["auction_at"] is not None and sum(added["refused"].values()) > 0
    assert naked["auction_at"] is not None and naked["most_hedge"] == 0
    assert netted["equity"] > added["equity"] and netted["most_hedge"] > added["most_hedge"] > 0
    assert netted["lowest_gamma"] < 0


def test_squeeze__same_calls__collateral_covers_them(squeeze: tuple[Any, Path]) -> None:
    """As many calls as he has ether: they cost him a part of what it gained, and he never gets into auction."""
    writers = json.loads((squeeze[1] / "report.json").read_text())["options"]["writers"]
    naked, covered = writers["naked"], writers["covered"]
    assert covered["trades"] == naked["trades"] == 2 and covered["refused"] == {}
    assert (
        covered["most_hedge"]
        == naked["most_hedge"]
        == 0
        > max(covered["lowest_gamma"], naked["lowest_gamma"])
    )
    assert naked["auction_at"] is not None and naked["lowest_health"] < 1
    assert covered["auction_at"] is None and covered["lowest_health"] > 1.2
    assert covered["collateral"] == {"WETH": 75} and naked["collateral"] == {}
    assert 1_000 + 75 * 2_000 < covered["equity"] < 1_000 + 75 * 2_280


def test_squeeze__page__tells_of_options(squeeze: tuple[Any, Path]) -> None:
    done, folder = squeeze
    page = (folder / "report.html").read_text()
    assert page.count("<svg") == 8 and "Options, by series" in page and "ETH-20240101T0130-2050-C" in page
    for name in ("options", "writers"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert page.count("<td>1,000 and 75 WETH</td>") == 2  # among the writers, and among the traders
    for row in (
        "Paid to holders of calls",
        "Left to the netted",
        "Left to the added up",
        "Left to the covered",
    ):
        assert row in done.stdout


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (["--prices", "nowhere.csv"], "nowhere.csv: No such file"),
        (["--scenario", "nowhere.toml"], "nowhere.toml: No such file"),
        (
            ["--scenario", "nowhere"],
            "no scenario 'nowhere': there are black-thursday, cascade, gamma-squeeze, or give a .toml file",
        ),
        (["--from", "2020-01-01"], "--from needs --prices"),
        (["--gas-csv", "x.csv"], "--gas-csv needs --prices"),
        (["--prices", "a.csv", "--scenario", "b.toml"], "exclude each other"),
        (["--prices", "a.csv", "--from", "noon"], "'noon' is not a time"),
        (["--config", "nowhere"], "nowhere"),
    ],
)
def test_demo__bad_input__one_clear_line(tmp_path: Path, options: list[str], fact: str) -> None:
    done = run(tmp_path / "out", *options)
    assert done.exit_code == 1
    (line,) = [line for line in done.output.splitlines() if line.startswith("Error: ")]
    assert fact in line
    assert not (tmp_path / "out").exists()


def test_demo__unknown_market__one_clear_line(tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text("timestamp,open,high,low,close,volume\n0,1,1,1,1,1\n60,1,1,1,1,1\n")
    done = run(tmp_path / "out", "--prices", prices, "--symbol", "DOGE")
    assert done.exit_code == 1 and "the configuration has no underlying DOGE" in done.output


def test_demo__unknown_collateral__one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "squeeze.toml"
    file.write_text(SQUEEZE.replace("WETH = 75", "GOLD = 75"))
    done = run(tmp_path / "out", "--scenario", file)
    assert done.exit_code == 1 and "the configuration has no collateral GOLD" in done.output


def test_demo__help__says_what_it_does() -> None:
    done = CliRunner().invoke(cli, ["--help"])
    for text in ("--prices", "--scenario", "--seed", "INV-01", "Examples", "exit code"):
        assert text in done.output


def test_books_that_dont_balance__are_told_apart(result: tuple[Any, Path]) -> None:
    from holdfast.demo.collect import Sums
    from holdfast.demo.report import balanced, verdict
    from holdfast.types import Books

    books = Books(
        block=1,
        cash_wad=5,
        quote_wad=0,
        held_wad=5,
        balance_wad=5,
        net_size_wad={},
        collateral_dust={},
        surplus={},
    )
    sums = Sums(
        traders=1,
        accounts=1,
        liquidated=0,
        auctions=0,
        slices=0,
        penalty_wad=0,
        rewards_wad=0,
        keepers=(),
        insurance_seed_wad=0,
        insurance_penalty_wad=0,
        insurance_fees_wad=0,
        insurance_interest_wad=0,
        insurance_out_wad=0,
        written_off_wad=0,
        deleveraged_wad=0,
        left_wad=0,
        worst_seconds_below=0,
        worst_account=None,
        books=books,
    )
    assert balanced(sums) and "balance to the wei" in verdict(sums)
    for broken in (
        replace(books, cash_wad=6),
        replace(books, held_wad=10**13),
        replace(books, surplus={0: -1}),
    ):
        assert not balanced(replace(sums, books=broken))
        assert "BROKEN" in verdict(replace(sums, books=broken))
