"""coverage
├── probes: a contract with every kind of decision
│   ├── its answers                     -> as without probes
│   ├── what runs                       -> its lines, no others
│   ├── one side of a decision          -> that side; both after both
│   ├── a refusal                       -> the line that refuses, though everything is undone
│   ├── a modifier that refuses         -> the modifier, not the function
│   ├── assembly                        -> line by line, both sides of its decisions
│   └── a constructor, dead code        -> don't count
├── measure
│   ├── a deposit                       -> Ledger.deposit, not Liquidation.take; libraries from inside contracts
│   ├── a guard                         -> half before its refusal, whole after it
│   ├── a campaign's histories          -> as without probes, call by call; a sample tells nearly all
│   │   ├── an error                    -> seen exactly where a line that raises it was reached
│   │   └── an event                    -> seen only where a line that emits it was reached
│   ├── a history that brings nothing   -> passed over
│   ├── no time                         -> one history; no history: nothing
│   └── progress                        -> told
└── Coverage
    ├── merge                           -> what either reached; other contracts: ConfigError
    ├── pickle                          -> the same
    ├── report, lcov, page              -> the same numbers
    └── ranges of missed lines          -> not parted by empty ones
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from holdfast.chain.anvil import Anvil
from holdfast.chain.environment import PROJECT
from holdfast.errors import ConfigError
from holdfast.fuzz.coverage import Coverage, measure
from holdfast.fuzz.coverage.build import Build, compiled, coverage_build
from holdfast.fuzz.coverage.counted import Reached, _ranges
from holdfast.fuzz.coverage.instrument import FIRST
from holdfast.fuzz.coverage.trace import TRACER, Chain, plan
from holdfast.sim.campaign import play
from holdfast.sim.director import Profile
from holdfast.sim.steps import Step, act, run
from holdfast.sim.tally import Tally
from holdfast.sim.world import World

TOY: Final = """pragma solidity ^0.8.30;

function half(uint256 x) pure returns (uint256) {
    return x / 2;
}

library Twice {
    function twice(uint256 x) internal pure returns (uint256) {
        return 2 * x;
    }

    function thrice(uint256 x) internal pure returns (uint256) {
        return 3 * x; // dead: nobody calls it
    }
}

contract Toy {
    using Twice for uint256;

    error TooLarge(uint256 value);
    error NotAllowed();

    uint256 public immutable most;
    uint256 private _stored;

    modifier only(bool allowed) {
        if (!allowed) revert NotAllowed();
        _;
    }

    constructor(uint256 most_) {
        if (most_ == 0) revert TooLarge(0);
        most = most_;
    }

    function chain(uint256 x) external pure returns (uint256 y) {
        if (x == 0) y = 10;
        else if (x == 1) y = 11;
        else for (uint256 i; i < x; ++i) if (i == 2) continue; else y += i;
        // a comment; with a semicolon
        return y;
    }

    function logic(bool a, bool b, bool c) external pure returns (uint256) {
        bool z = a && b || c;
        bool plain;
        plain = true; // leaves no trace of its own in the code
        return z ? a ? 1 : 2 : plain ? 3 : 4;
    }

    function guarded(uint256 x) external view returns (uint256) {
        if (x > most) revert TooLarge(x);
        unchecked {
            x = half(x).twice();
        }
        return x;
    }

    function allowedOnly(bool allowed) external only(allowed) returns (uint256) {
        _stored = 7;
        return _stored;
    }

    function raw(uint256 x) external pure returns (uint256 y) {
        assembly ("memory-safe") {
            y := 1
            if gt(x, 2) {
                y := 2
                if eq(x, 4) { y := 4 }
            }
            switch x
            case 7 { y := 7 }
            default { y := add(y, 100) }
            for { let i := 0 } lt(i, x) { i := add(i, 1) } {
                if eq(i, 5) { break }
                y := add(y, 1000)
            }
        }
    }

    function tries(uint256 x) external view returns (uint256) {
        try this.guarded(x) returns (uint256 y) {
            return y;
        } catch {
            return 1;
        }
    }

    function loops(uint256 x) external pure returns (uint256 n) {
        while (x > 1 && x != 13) {
            x = x % 2 == 0 ? x / 2 : 3 * x + 1;
            ++n;
        }
        do ++n; while (n < 3);
    }
}
"""

PATH: Final = "contracts/Toy.sol"


class Toy:
    """The toy on a chain; `call` returns what it answers (None: reverted) and collects what was reached."""

    def __init__(self, chain: Anvil) -> None:
        build = compiled({PATH: TOY})
        self._rpc, self._sender = chain.rpc, chain.accounts[0]
        self.coverage = Coverage(digest="toy", sources=tuple(build.sources), probes=frozenset(build.probes))
        code = "0x" + build.bytecode["Toy"] + encode(["uint256"], [100]).hex()
        sent = self._rpc.call("eth_sendTransaction", {"from": self._sender, "data": code, "gas": hex(2**24)})
        self._rpc.call("evm_mine")
        self.address = self._rpc.call("eth_getTransactionReceipt", sent)["contractAddress"]

    def call(self, signature: str, *args: Any) -> int | None:
        types = signature[signature.index("(") + 1 : -1].split(",")
        data = "0x" + (keccak(signature.encode())[:4] + encode(types, args)).hex()
        request = {"from": self._sender, "to": self.address, "data": data, "gas": hex(2**24)}
        read = self._rpc.call("debug_traceCall", request, "latest", TRACER)
        slots = [int(slot, 16) for account in read.values() for slot in account.get("storage", ())]
        self.coverage.hits.update(slot for slot in slots if slot >= FIRST)
        (answer,) = self._rpc.batch_raw([("eth_call", (request, "latest"))])
        return int(answer["result"], 16) if "result" in answer else None

    @property
    def file(self) -> Reached:
        (found,) = self.coverage.files
        return found

    def hit(self, text: str) -> bool:
        """Was the line with this text reached?"""
        (line,) = [number for number, one in enumerate(TOY.splitlines(), 1) if text in one]
        return self.file.lines[line] > 0

    def sides(self, text: str, kind: str = "") -> list[bool]:
        """Which ways the decision on `text` went."""
        found = [side for side in self.file.sides if side.branch.text == text]
        return [side.hits > 0 for side in found if kind in ("", side.branch.kind)]


@pytest.fixture(scope="module")
def toy_build() -> Iterator[Toy]:
    with Anvil(accounts=1, unlimited_code=True) as chain:
        yield Toy(chain)


@pytest.fixture
def toy(toy_build: Toy) -> Toy:
    toy_build.coverage.hits.clear()
    return toy_build


@pytest.mark.parametrize(
    ("signature", "args", "expected"),
    [
        ("chain(uint256)", (0,), 10),
        ("chain(uint256)", (1,), 11),
        ("chain(uint256)", (5,), 0 + 1 + 3 + 4),
        ("logic(bool,bool,bool)", (True, True, False), 1),
        ("logic(bool,bool,bool)", (False, True, True), 2),
        ("logic(bool,bool,bool)", (False, False, False), 3),
        ("guarded(uint256)", (9,), 8),
        ("guarded(uint256)", (101,), None),
        ("allowedOnly(bool)", (True,), 7),
        ("allowedOnly(bool)", (False,), None),
        ("raw(uint256)", (0,), 101),
        ("raw(uint256)", (3,), 3102),
        ("raw(uint256)", (4,), 4104),
        ("raw(uint256)", (7,), 5007),
        ("tries(uint256)", (9,), 8),
        ("tries(uint256)", (101,), 1),
        ("loops(uint256)", (6,), 8 + 1),
        ("loops(uint256)", (1,), 3),
    ],
)
def test_probes__answers__as_without(
    toy: Toy, signature: str, args: tuple[Any, ...], expected: int | None
) -> None:
    assert toy.call(signature, *args) == expected


def test_probes__what_runs__its_lines_and_no_others(toy: Toy) -> None:
    toy.call("chain(uint256)", 0)

    reached = [number for number, hits in toy.file.lines.items() if hits]
    texts = [TOY.splitlines()[number - 1].strip() for number in reached]
    assert texts == ["if (x == 0) y = 10;", "return y;"]
    assert [one.name for one, hits in toy.file.functions if hits] == ["Toy.chain"]


def test_probes__plain_assignment__has_a_line(toy: Toy) -> None:
    assert not toy.hit("plain = true;")
    toy.call("logic(bool,bool,bool)", True, True, True)
    assert toy.hit("plain = true;")


def test_probes__if__each_side_by_itself(toy: Toy) -> None:
    toy.call("chain(uint256)", 0)
    assert toy.sides("x == 0") == [True, False]
    assert toy.sides("x == 1") == [False, False]

    toy.call("chain(uint256)", 3)
    assert toy.sides("x == 0") == [True, True]
    assert toy.sides("x == 1") == [False, True]
    assert toy.sides("i < x") == [True, True]
    assert toy.sides("i == 2") == [True, True]


def test_probes__loop_never_entered__half(toy: Toy) -> None:
    toy.call("loops(uint256)", 1)

    assert toy.sides("x > 1 && x != 13") == [False, True]
    assert toy.sides("x > 1") == [False, True]
    assert toy.sides("x % 2 == 0") == [False, False]
    assert toy.sides("n < 3") == [True, True]


def test_probes__logic__tells_who_decided(toy: Toy) -> None:
    toy.call("logic(bool,bool,bool)", False, True, True)

    assert toy.sides("a", "and") == [False, True]  # decided alone
    assert toy.sides("a && b", "or") == [False, True]  # goes on to c
    assert toy.sides("z", "ternary") == [True, False]
    assert toy.sides("a", "ternary") == [False, True]
    assert toy.sides("plain", "ternary") == [False, False]

    toy.call("logic(bool,bool,bool)", True, True, False)
    assert toy.sides("a && b", "or") == [True, True]


def test_probes__refusal__reached_though_undone(toy: Toy) -> None:
    toy.call("guarded(uint256)", 100)
    assert toy.sides("x > most") == [False, True]

    assert toy.call("guarded(uint256)", 101) is None
    assert toy.sides("x > most") == [True, True]


def test_probes__modifier_refuses__function_not_entered(toy: Toy) -> None:
    toy.call("allowedOnly(bool)", False)

    assert toy.hit("if (!allowed)")
    assert not toy.hit("_stored = 7")
    assert {one.name: hits > 0 for one, hits in toy.file.functions}["Toy.allowedOnly"] is False


def test_probes__library_and_free_function__reached_from_the_contract(toy: Toy) -> None:
    toy.call("guarded(uint256)", 8)

    assert toy.hit("return x / 2;")
    assert toy.hit("return 2 * x;")


def test_probes__assembly__line_by_line(toy: Toy) -> None:
    toy.call("raw(uint256)", 3)
    assert toy.hit("y := 1")
    assert toy.sides("gt(x, 2)") == [True, False]
    assert toy.sides("eq(x, 4)") == [False, True]
    assert toy.sides("eq(i, 5)") == [False, True]

    toy.call("raw(uint256)", 7)
    assert toy.sides("eq(i, 5)") == [True, True]


def test_probes__try__both_clauses(toy: Toy) -> None:
    toy.call("tries(uint256)", 1)
    assert toy.sides("this.guarded(x)") == [True, False]
    assert not toy.hit("return 1;")

    toy.call("tries(uint256)", 101)
    assert toy.sides("this.guarded(x)") == [True, True]


def test_probes__constructor_and_dead_code__do_not_count(toy: Toy) -> None:
    lines = TOY.splitlines()
    counted = [lines[number - 1] for number in toy.file.lines]
    assert not any("most_" in line or "3 * x; //" in line for line in counted)
    assert "Twice.thrice" not in [one.name for one, _ in toy.file.functions]


# The protocol


@pytest.fixture(scope="module")
def build() -> Build:
    return coverage_build()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.open("thin") as found:
        yield found


Deposit = Callable[[int], Step]


@pytest.fixture(scope="module")
def deposit(world: World) -> Deposit:
    """A deposit of so many wei of the settlement token."""

    def make(amount: int) -> Step:
        owner = world.people.owners[0]
        account = next(one for one in world.start.accounts if one.owner == owner)
        return act(world, "deposit", world.protocol.ledger, "deposit", account.id, 0, amount, sender=owner)

    return make


@pytest.fixture(scope="module")
def deposited(world: World, deposit: Deposit) -> Coverage:
    return measure(world, [[deposit(10**18)]])


def of(coverage: Coverage, path: str) -> Reached:
    return next(one for one in coverage.files if one.source.path == path)


def entered(coverage: Coverage, path: str) -> dict[str, bool]:
    return {one.name: hits > 0 for one, hits in of(coverage, path).functions}


def line_of(path: str, text: str) -> int:
    (found,) = [
        number for number, one in enumerate((PROJECT / path).read_text().splitlines(), 1) if text in one
    ]
    return found


def test_measure__a_deposit__reaches_deposit_and_not_take(deposited: Coverage) -> None:
    assert entered(deposited, "contracts/ledger/Ledger.sol")["Ledger.deposit"]
    assert not entered(deposited, "contracts/ledger/Ledger.sol")["Ledger.withdraw"]
    assert not entered(deposited, "contracts/liquidation/Liquidation.sol")["Liquidation.take"]
    path = "contracts/ledger/Ledger.sol"
    lines = of(deposited, path).lines
    assert lines[line_of(path, "emit Deposited(")] > 0
    assert lines[line_of(path, "emit Withdrawn(")] == 0


def test_measure__libraries__reached_from_inside_contracts(deposited: Coverage) -> None:
    assert entered(deposited, "contracts/libraries/CashPool.sol")["CashPool.change"]
    assert entered(deposited, "contracts/libraries/FixedPoint.sol")["FixedPoint.mulDivFloor"]
    assert not entered(deposited, "contracts/libraries/SideIndex.sol")["SideIndex.deleverage"]
    assert not any(entered(deposited, "contracts/liquidation/AuctionCurve.sol").values())


def test_measure__guard__half_before_its_refusal_and_whole_after(
    world: World, deposit: Deposit, deposited: Coverage
) -> None:
    def guard(coverage: Coverage) -> list[bool]:
        path = "contracts/ledger/Ledger.sol"
        lines = (PROJECT / path).read_text().splitlines()
        first = next(number for number, line in enumerate(lines, 1) if "function deposit(" in line)
        sides = [side for side in of(coverage, path).sides if side.branch.line > first]
        return [side.hits > 0 for side in sides if side.branch.text == "amount == 0"][:2]

    assert guard(deposited) == [False, True]
    assert guard(measure(world, [[deposit(0)]])) == [True, False]

    both = measure(world, [[deposit(10**18), deposit(0)]])
    assert guard(both) == [True, True]


def test_measure__history_that_brings_nothing__passed_over(world: World, deposit: Deposit) -> None:
    histories = [[deposit(10**18)]] * 9
    coverage = measure(world, histories)
    assert coverage.sample.offered == 9
    assert coverage.sample.histories < 9


def test_measure__no_time__one_history(world: World, deposit: Deposit) -> None:
    coverage = measure(world, [[deposit(1)], [deposit(0)]], seconds=0.0)

    assert (coverage.sample.offered, coverage.sample.histories) == (2, 1)
    assert measure(world, []).report()["total"]["lines"]["covered"] == 0


def test_measure__progress__told(world: World, deposit: Deposit) -> None:
    told: list[tuple[int, int, float]] = []
    measure(world, [[deposit(1)], [deposit(0)]], progress=lambda *one: told.append(one))

    assert [one[:2] for one in told] == [(1, 2), (2, 2)]
    assert 0 < told[0][2] <= told[1][2] < 1


# Against what the histories themselves say


@pytest.fixture(scope="module")
def histories(world: World) -> list[tuple[Step, ...]]:
    found = []
    for seed, crash in ((1, -0.5), (2, -0.3), (3, 0.8), (4, 0.0)):
        tally = Tally()
        profile = replace(
            Profile.drawn(seed), crash=crash, crash_all=True, keeping=0.85, length=64, off=frozenset()
        )
        assert play(world, profile, tally) is None
        found.append(tally.last)
    return found


@pytest.fixture(scope="module")
def campaign(world: World, histories: list[tuple[Step, ...]]) -> Coverage:
    return measure(world, histories)


@pytest.fixture(scope="module")
def seen(world: World, histories: list[tuple[Step, ...]]) -> tuple[set[str], set[str]]:
    """Names of the errors and of the events that came out of the histories."""
    errors, events = set(), set()
    for steps in histories:
        for transition in run(world, [], list(steps), world.start):
            events |= {event.name for event in transition.events}
            errors |= {result.error.name for result in transition.results if result.error}
    return errors, events


def raised(coverage: Coverage, word: str) -> dict[str, bool]:
    """Name of each error (`revert`) or event (`emit`) → was a statement reached that raises it?"""
    found: dict[str, bool] = {}
    for one in coverage.files:
        if one.source.path == "contracts/oracle/SettableFeed.sol":
            continue  # the worlds have mocks in its place, which say the same
        text = (PROJECT / one.source.path).read_text().splitlines()
        for statement in one.source.statements:
            if statement.probe not in coverage.probes:
                continue
            said = " ".join(text[statement.line - 1 : statement.last_line])
            for name in re.findall(rf"\b{word} (?:\w+\.)?(\w+)\(", said)[:1]:
                guard = "if (" in said  # its own probe is the next statement's
                if not guard:
                    found[name] = found.get(name, False) or coverage.hits[statement.probe] > 0
        for side in one.sides:
            said = text[side.branch.line - 1]
            if side.branch.kind == "if" and side.name == "true":
                for name in re.findall(rf"\) {word} (?:\w+\.)?(\w+)\(", said):
                    found[name] = found.get(name, False) or side.hits > 0
    return found


def test_measure__campaign__goes_as_without_probes(campaign: Coverage) -> None:
    assert campaign.sample.calls > 300
    assert campaign.sample.diverged == 0


def test_measure__errors__seen_exactly_where_reached(
    campaign: Coverage, seen: tuple[set[str], set[str]]
) -> None:
    errors = raised(campaign, "revert")
    errors.pop("GasTooLow")  # how far a call gets on little gas, probes change
    ours = {name for name in seen[0] if name in errors}

    assert len(ours) > 15
    assert {name for name, hit in errors.items() if hit} == ours


def test_measure__events__seen_only_where_reached(
    campaign: Coverage, seen: tuple[set[str], set[str]]
) -> None:
    events = raised(campaign, "emit")
    ours = {name for name in seen[1] if name in events}

    assert len(ours) > 15
    assert ours <= {name for name, hit in events.items() if hit}
    never = {"FeedSet", "AssetListed", "InstrumentListed", "FeesSet"}
    assert not any(events[name] for name in never - seen[1])


def test_measure__sample__reaches_what_tracing_everything_does(
    world: World, histories: list[tuple[Step, ...]], build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled = measure(world, histories[:1])
    with Chain.open(world, build) as chain:
        monkeypatch.setattr("holdfast.fuzz.coverage.trace.EACH", 10**9)
        chain.play(plan(world, histories[0]))

    assert sampled.sample.traced < sampled.sample.calls == chain.found.traced
    everything = chain.found.hits.keys() & build.probes
    assert set(sampled.hits) <= everything
    assert len(sampled.hits) > 0.98 * len(everything)


# Numbers


def test_merge__two_samples__what_either_reached(world: World, deposit: Deposit, deposited: Coverage) -> None:
    refused = measure(world, [[deposit(0)]])
    both = pickle.loads(pickle.dumps(deposited))
    both.merge(refused)

    assert set(both.hits) == set(deposited.hits) | set(refused.hits)
    assert set(both.hits) > set(deposited.hits)
    assert both.sample.worlds["thin"] == 2
    for kind in ("lines", "branches", "functions"):
        shares = [one.report()["total"][kind] for one in (deposited, refused, both)]
        assert shares[0]["total"] == shares[1]["total"] == shares[2]["total"]
        assert max(shares[0]["covered"], shares[1]["covered"]) <= shares[2]["covered"]


def test_merge__other_contracts__refused(deposited: Coverage) -> None:
    with pytest.raises(ConfigError, match="coverage of other contracts"):
        deposited.merge(replace(deposited, digest="other"))


def test_pickle__coverage__same(deposited: Coverage) -> None:
    assert pickle.loads(pickle.dumps(deposited)).report() == deposited.report()


def test_report__shape__json_and_sums(campaign: Coverage) -> None:
    report = json.loads(json.dumps(campaign.report()))

    assert set(report) == {"files", "total", "sample", "seconds"}
    for kind in ("lines", "branches", "functions"):
        for key in ("covered", "total"):
            assert report["total"][kind][key] == sum(file[kind][key] for file in report["files"].values())
        assert 0 < report["total"][kind]["covered"] < report["total"][kind]["total"]
    for file in report["files"].values():
        assert len(file["branches"]["missed"]) == file["branches"]["total"] - file["branches"]["covered"]
        assert len(file["functions"]["missed"]) == file["functions"]["total"] - file["functions"]["covered"]
    assert not any("mocks" in path or "interfaces" in path for path in report["files"])
    assert re.fullmatch(r"coverage: lines \d+ %, branches \d+ %, functions \d+ % .*", campaign.summary())


def test_lcov__numbers__as_in_the_report(campaign: Coverage) -> None:
    records = campaign.lcov().split("end_of_record\n")[:-1]
    report = campaign.report()["files"]

    assert len(records) == len(report)
    for record in records:
        path = re.search(r"^SF:(.+)$", record, re.M)
        assert path
        sums = {
            name: int(value) for name, value in re.findall(r"^(LF|LH|BRF|BRH|FNF|FNH):(\d+)$", record, re.M)
        }
        file = report[path[1]]
        assert (sums["LH"], sums["LF"]) == (file["lines"]["covered"], file["lines"]["total"])
        assert (sums["BRH"], sums["BRF"]) == (file["branches"]["covered"], file["branches"]["total"])
        assert (sums["FNH"], sums["FNF"]) == (file["functions"]["covered"], file["functions"]["total"])
        assert len(re.findall(r"^DA:\d+,\d+$", record, re.M)) == sums["LF"]
        assert len(re.findall(r"^BRDA:\d+,\d+,\d+,(?:\d+|-)$", record, re.M)) == sums["BRF"]


def test_write__files__page_shows_every_source(campaign: Coverage, tmp_path: Path) -> None:
    assert [path.name for path in campaign.write(tmp_path)] == ["lcov.info", "coverage.html"]

    page = (tmp_path / "coverage.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    for path in campaign.report()["files"]:
        assert page.count(path) >= 2
    assert 'class="missed"' in page
    assert 'class="hit"' in page


def test_ranges__missed_lines__not_parted_by_empty_ones() -> None:
    assert _ranges([3, 5, 9], [1, 3, 5, 7, 9]) == [[3, 5], [9, 9]]
    assert _ranges([], [1, 2]) == []
