"""Ledger and Positions = twin, on whole random histories
├── each step: both succeed, or both refuse with the same error and the same numbers
├── edges that chance hardly meets: health, open interest, a write-off to the wei; ends of sides
├── at the end: pool, accounts (cash, shares, collateral), positions, markets, epoch ends, vaults, every health
└── no vacuity: every operation succeeded, every way out of a position and every kind of refusal occurred

One history is one `eth_simulateV1` request: it runs on the deployed contracts and leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from typing import Any

import pytest
from eth_hash.auto import keccak
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from holdfast.chain.abi import as_address
from holdfast.chain.anvil import Anvil
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.chain.rpc import Rpc
from holdfast.errors import Refused, Reverted
from holdfast.model.ledger import Fill
from holdfast.model.positions import Query, Tally
from holdfast.model.side_index import EpochEnd
from holdfast.model.vault import outflow_of
from holdfast.sim.history import Block, Call, Result, call, simulate
from holdfast.types import Health, Mode
from holdfast.units import WAD
from tests.histories import (
    BREAKER_RULES,
    CAPS,
    COLLATERAL,
    ETH,
    FEED,
    FEED_DECIMALS,
    FIRST_PRICES,
    FLOORS,
    ORACLE_RULES,
    PERPS,
    RULES,
    SCANS,
    SURFACE_RULES,
    UNDERLYINGS,
    VAULT_CAP,
    VAULT_RULES,
    Step,
    World,
    history,
    params,
)

GENESIS = 1_900_000_000
START = GENESIS + 1_000_000
"""[seconds] When histories begin."""

ELSEWHERE = as_address("0x" + "be" * 20)
NOBODY = as_address("0x" + "00" * 20)
RIGHTS = 7  # fill, move, seize
PLENTY = 2**200
WITNESS = 0b1000101  # two places of the core and the tail
GAS = 20_000_000

ORACLE_ROLE = 1

LIBRARY_ERRORS = {
    keccak(f"{name}()".encode())[:4]: name for name in ("Overflow", "MulDivFailed", "MulWadFailed")
}
"""Raised in assembly, so no ABI declares them."""

ACCOUNTS_SLOT = 4
"""Of the Ledger's mapping of accounts; an account's first word begins with its shares, which no function tells."""

READER = "0x60003554600052602060 00f3".replace(" ", "")
"""Code that returns the storage word it is asked for: return(sload(calldataload(0)))."""

OPERATIONS = {
    "open",
    "deposit",
    "withdraw",
    "fill",
    "move",
    "take",
    "deleverage",
    "settle",
    "accrue",
    "accrue_interest",
    "write_off",
    "price",
}
EVENTS = {
    "long opened",
    "short opened",
    "increased",
    "reduced",
    "closed",
    "flipped",
    "part taken",
    "whole taken",
    "collateral taken in",
    "collateral taken out",
    "epoch ended",
    "position crossed an epoch",
    "empty position settled",
    "tiny scale",
    "debt",
    "funding",
    "written down",
    "bankrupt",
}
REFUSALS = {
    "OutflowExceeded",
    "BelowInitialMargin",
    "Blocked",
    "CollateralInIsolated",
    "FeeTooHigh",
    "InsufficientBalance",
    "NoPosition",
    "NoSuchAccount",
    "NoSuchAsset",
    "NoSuchInstrument",
    "NotInDebt",
    "NotIsolated",
    "NotScanned",
    "OpenInterestCapExceeded",
    "PriceOutsideBand",
    "SameAccount",
    "StillHolds",
    "Underfunded",
    "UnknownMode",
    "UnrealisedProfit",
    "ZeroAmount",
}


@dataclass(frozen=True)
class Site:
    """The contracts, deployed by hand; one address is every account's owner, every engine and every feed's owner."""

    rpc: Rpc
    actor: str
    ledger: Contract
    positions: Contract
    oracle: Contract
    vaults: tuple[Contract, ...]
    feeds: dict[int, Contract]

    def call(self, contract: Contract, function: str, *args: Any) -> Call:
        return call(contract, function, *args, sender=self.actor, gas=GAS)


def build(rpc: Rpc, actor: str, decimals: int) -> Site:
    def put(name: str, *args: Any) -> Contract:
        return deploy(rpc, artifact(name), *args, sender=actor)

    def send(contract: Contract, function: str, *args: Any) -> None:
        contract.send(function, *args, sender=actor, gas=GAS)

    authority = put("Authority", actor)
    breaker = put("Breaker", authority.address, *astuple(BREAKER_RULES))
    oracle = put("Oracle", authority.address, breaker.address, *astuple(ORACLE_RULES))
    reports = [breaker.artifact.find(name).selector for name in ("reportMove", "reportResume")]
    send(authority, "setTargetFunctionRole", breaker.address, reports, ORACLE_ROLE)
    send(authority, "grantRole", ORACLE_ROLE, oracle.address, 0)
    feeds = {}
    for underlying, places in FEED_DECIMALS.items():
        feeds[underlying] = put("SettableFeed", actor, places)
        send(feeds[underlying], "set", FIRST_PRICES[underlying] // 10 ** (18 - places))
        send(oracle, "setFeed", underlying, ([feeds[underlying].address], *astuple(FEED)))

    rules = (
        3_600,
        1,
        86_400,
        0,
        0,
        0,
        0,
    )  # collateral lends at once: the twin knows no ramps
    surface = put("Surface", authority.address, oracle.address, astuple(SURFACE_RULES))
    scans = put("Scans", authority.address, 86_400, SCANS.correlation_bps)
    portfolio = put("Portfolio", scans.address, surface.address, SCANS.leg_cap)
    for underlying, scan in SCANS.scans.items():
        send(scans, "setScan", underlying, astuple(scan), astuple(SCANS.grids[underlying]))
    for asset, underlying in SCANS.netted.items():
        send(scans, "net", asset, underlying)
    around = (oracle.address, breaker.address, surface.address, portfolio.address)
    risk = put("Risk", authority.address, *around, rules)
    numbers = (
        RULES.positions.band_bps,
        RULES.max_fee_bps,
        RULES.positions.funding_cap_bps,
        RULES.positions.funding_period_seconds,
        *astuple(RULES.curve),
    )
    ledger = put("Ledger", authority.address, oracle.address, risk.address, breaker.address, numbers)
    positions = Contract(rpc, artifact("Positions"), ledger.call("POSITIONS"))
    stored = params()
    for perp, margins in stored.instruments.items():
        send(risk, "setInstrument", perp, astuple(margins))
        if perp in PERPS:
            send(positions, "listInstrument", perp)
    for asset, haircuts in stored.assets.items():
        send(risk, "setAsset", asset, astuple(haircuts))

    vaults = []
    for underlying, places in ((0, decimals), *COLLATERAL.items()):
        token = put("MockToken", "Token", "T", places)
        numbers = VAULT_CAP, FLOORS[len(vaults)] * 10**places, *astuple(VAULT_RULES)
        vaults.append(put("Vault", authority.address, ledger.address, token.address, numbers))
        send(token, "mint", actor, PLENTY)
        send(token, "approve", vaults[-1].address, PLENTY)
        send(ledger, "listAsset", vaults[-1].address, underlying)
    send(ledger, "setEngine", actor, RIGHTS)
    return Site(rpc, actor, ledger, positions, oracle, tuple(vaults), feeds)


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[int, Site]]:
    """By the settlement token's decimals: with 18 even cash is as small as a wei."""
    with Anvil(timestamp=GENESIS) as chain:
        yield {decimals: build(chain.rpc, chain.accounts[0], decimals) for decimals in (6, 18)}


# Steps as calls


def calls_of(site: Site, step: Step) -> list[Call]:
    if step.name == "price":
        underlying, price_wad = step.args
        answer = price_wad // 10 ** (18 - FEED_DECIMALS[underlying])
        return [
            site.call(site.feeds[underlying], "set", answer),
            site.call(site.oracle, "poke", [underlying]),
        ]
    return [site.call(*_CALLS[step.name](site, *step.args))]


_CALLS: dict[str, Callable[..., tuple[Any, ...]]] = {
    "open": lambda site, mode: (site.ledger, "open", mode),
    "deposit": lambda site, *args: (site.ledger, "deposit", *args),
    "withdraw": lambda site, *args: (site.ledger, "withdraw", *args, ELSEWHERE),
    "fill": lambda site, fill: (site.ledger, "fill", astuple(fill)),
    "move": lambda site, *args: (site.ledger, "move", *args),
    "take": lambda site, source, to, fraction, discount, out: (
        site.ledger, "take", source, to, fraction, discount, ELSEWHERE if out else NOBODY,
    ),
    "deleverage": lambda site, *args: (site.ledger, "deleverage", *args),
    "settle": lambda site, *args: (site.ledger, "settle", *args),
    "settle_series": lambda site, *args: (site.positions, "settleSeries", *args),
    "list": lambda site, instrument: (site.positions, "listInstrument", instrument),
    "accrue": lambda site, instrument: (site.positions, "accrue", instrument),
    "accrue_interest": lambda site: (site.ledger, "accrueInterest"),
    "write_off": lambda site, account: (site.ledger, "writeOff", account),
}  # fmt: skip


def beginning(site: Site) -> list[Call]:
    """Feeds, funding and interest as fresh as the twin's."""
    first = [Step("price", (underlying, price)) for underlying, price in FIRST_PRICES.items()]
    return [
        *(one for step in first for one in calls_of(site, step)),
        *(site.call(site.positions, "accrue", perp) for perp in PERPS),
        site.call(site.ledger, "accrueInterest"),
    ]


def blocks_of(site: Site, steps: list[Step]) -> list[Block]:
    """A block for each moment."""
    moments: list[tuple[int, list[Call]]] = [(START, beginning(site))]
    for step in steps:
        if step.wait:
            moments.append((moments[-1][0] + step.wait, []))
        moments[-1][1].extend(calls_of(site, step))
    return [Block(calls, time=time) for time, calls in moments]


# What both say at the end


Question = tuple[str, Call, Callable[[Any], Any], Callable[[], Any]]
"""What is asked, the call, how its answer is read, and the twin's answer."""


def questions(site: Site, world: World) -> Iterator[Question]:
    ledger, now, places = world.ledger, world.now, site.positions

    def ask(
        name: str, contract: Contract, function: str, *args: Any,
        twin: Callable[[], Any], read: Callable[[Any], Any] = lambda value: value,
    ) -> Question:  # fmt: skip
        return name, site.call(contract, function, *args), read, twin

    yield ask("pool", site.ledger, "pool", read=tuple, twin=lambda: astuple(ledger.pool_at(now)))
    for asset, vault in enumerate(site.vaults):
        yield ask(f"held {asset}", vault, "held", twin=lambda asset=asset: ledger.vaults[asset].held)
        yield ask(
            f"outflow {asset}", vault, "outflow",
            read=tuple, twin=lambda asset=asset: outflow_of(ledger.vaults[asset], now.time),
        )  # fmt: skip
    yield ask("series", places, "series", read=tuple, twin=lambda: tuple(ledger.positions.series))
    for underlying in UNDERLYINGS:
        yield ask(
            f"tally {underlying}", places, "tallyOf", underlying, read=tuple,
            twin=lambda one=underlying: astuple(ledger.positions.tallies.get(one, Tally())),
        )  # fmt: skip
    for perp in ledger.positions.markets:
        yield ask(
            f"market {perp >> 168}", places, "marketOf", perp,
            read=lambda value: tuple(map(tuple, value)), twin=lambda perp=perp: _market(world, perp),
        )  # fmt: skip
        for long in (True, False):
            for epoch in range(4):
                key = perp, long, epoch
                yield ask(
                    f"end of epoch {key}", places, "epochEndOf", *key,
                    read=tuple, twin=lambda key=key: astuple(
                        ledger.positions.epoch_ends.get(key, EpochEnd(flow_wad=0, scale_wad=0))
                    ),
                )  # fmt: skip
    for account in ledger.accounts:
        yield from _of_account(site, world, account, ask)


def _of_account(site: Site, world: World, account: int, ask: Callable[..., Question]) -> Iterator[Question]:
    ledger, now, places = world.ledger, world.now, site.positions
    yield ask(f"cash {account}", site.ledger, "cashOf", account, twin=lambda: ledger.cash_of(now, account))
    yield ask(
        f"principal {account}", site.ledger, "freePrincipalOf", account,
        twin=lambda: ledger.free_principal_of(account),
    )  # fmt: skip
    yield ask(
        f"health {account}", site.ledger, "healthOf", account,
        read=_health, twin=lambda: _twin_health(ledger.health_of(now, account)),
    )  # fmt: skip
    yield ask(
        f"health {account} by a few scenarios", site.ledger, "healthBy", account, WITNESS,
        read=_health, twin=lambda: _twin_health(ledger.health_by(now, account, WITNESS)),
    )  # fmt: skip
    yield ask(
        f"assets {account}", site.ledger, "assetsOf", account,
        read=tuple, twin=lambda: ledger.accounts[account].assets,
    )  # fmt: skip
    yield ask(
        f"instruments {account}", places, "instrumentsOf", account,
        read=tuple, twin=lambda: ledger.positions.lanes.get(account, ()),
    )  # fmt: skip
    for asset in range(1, len(site.vaults)):
        yield ask(
            f"balance {account} {asset}", site.ledger, "balanceOf", account, asset,
            twin=lambda asset=asset: ledger.balance_of(account, asset),
        )  # fmt: skip
    extra = (-1) ** account * account * WAD // 7
    for perp in ledger.positions.markets:
        yield ask(
            f"raw position {account} {perp >> 168}", places, "rawPositionOf", account, perp,
            read=tuple, twin=lambda perp=perp: astuple(ledger.positions.raw_position_of(account, perp)),
        )  # fmt: skip
        yield ask(
            f"position {account} {perp >> 168}", places, "positionOf", account, perp,
            read=tuple, twin=lambda perp=perp: ledger.positions.position_of(now, account, perp),
        )  # fmt: skip
        query = replace(ledger.query_of(now, account), instrument=perp, extra_wad=extra)
        yield ask(
            f"health {account} with more of {perp >> 168}", places, "healthOf", _query(query),
            read=_health, twin=lambda query=query: _twin_health(ledger.positions.health_of(now, query)),
        )  # fmt: skip


def _query(q: Query) -> tuple[Any, ...]:
    """As `IPositions.Query` has it."""
    holdings = [astuple(holding) for holding in q.holdings]
    return q.account, q.mode, q.instrument, q.extra_wad, q.witness, q.cash_wad, holdings, q.underlyings


def _market(world: World, perp: int) -> tuple[tuple[Any, ...], ...]:
    m = world.ledger.positions.markets[perp]
    i = m.interest
    interest = (i.long_base_wad, i.short_base_wad, i.underlying, i.scaled, i.settled)
    return astuple(m.long), astuple(m.short), interest


def _health(h: Any) -> tuple[Any, ...]:
    return (
        tuple(h.margin), h.cashWad, h.grossWad, h.legs, h.holdings, h.grade, h.dominant, tuple(h.items)
    )  # fmt: skip


def _twin_health(h: Health) -> tuple[Any, ...]:
    return (
        astuple(h.margin), h.cash_wad, h.gross_wad, h.legs, h.holdings, h.grade, h.dominant,
        tuple(item.word for item in h.items),
    )  # fmt: skip


def shares_block(site: Site, world: World) -> Block:
    """The Ledger's code replaced by one that tells its storage."""
    calls = []
    for account in world.ledger.accounts:
        slot = int.from_bytes(keccak(account.to_bytes(32, "big") + ACCOUNTS_SLOT.to_bytes(32, "big")))
        calls.append(Call(to=site.ledger.address, data=slot.to_bytes(32, "big"), sender=site.actor))
    return Block(calls, time=world.time + 1, overrides={site.ledger.address: {"code": READER}})


# The comparison


def outcome(result: Result) -> tuple[Any, ...] | None:
    """None when done, else the error's name and numbers."""
    return None if result.error is None else named(result.error)


def named(error: Reverted) -> tuple[Any, ...]:
    if error.name == "Unknown":
        return (LIBRARY_ERRORS.get(error.data[:4], "Unknown " + error.data.hex()),)
    return (error.name, *error.values)


def refusal(found: Refused | None) -> tuple[Any, ...] | None:
    return None if found is None else (found.name, *found.values)


def twin_answer(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Refused as found:
        return refusal(found)


Played = Iterable[tuple[Step, Refused | None]]
"""Steps with what became of them in the twin."""


def compare(site: Site, world: World, history: Played, name: str, tally: Counter[str]) -> None:
    steps, expected = [], []
    watch = Watch(world, tally)
    for step, found in history:
        steps.append(step)
        expected.append(refusal(found))
        watch.see(step, found)
    world.time += 60

    asked = list(questions(site, world))
    blocks = [
        *blocks_of(site, steps),
        Block([one for _, one, _, _ in asked], time=world.time),
        shares_block(site, world),
    ]
    *played, answers, words = simulate(site.rpc, blocks)

    begun = len(beginning(site))
    results = [result for block in played for result in block]
    assert all(result.ok for result in results[:begun])
    results = results[begun:]
    for place, (step, wanted) in enumerate(zip(steps, expected, strict=True)):
        mine, results = results[: len(calls_of(site, step))], results[len(calls_of(site, step)) :]
        got = next((outcome(result) for result in mine if not result.ok), None)
        assert got == wanted, f"step {place} of {name}: {step}: contract {got}, twin {wanted}"
    for (topic, request, read, ask), result in zip(asked, answers, strict=True):
        contract = site.ledger if request.to == site.ledger.address else site.positions
        got = outcome(result) or read(_decoded(site, contract, request, result))
        assert got == twin_answer(ask), f"{topic} after {name}"
    shares = [int.from_bytes(result.data[16:], signed=True) for result in words]
    assert shares == [a.shares for a in world.ledger.accounts.values()], f"shares after {name}"


def _decoded(site: Site, contract: Contract, request: Call, result: Result) -> Any:
    if request.to in {vault.address for vault in site.vaults}:
        contract = site.vaults[0]
    overloads = (one for found in contract.artifact.functions.values() for one in found)
    return next(one for one in overloads if one.selector == request.data[:4]).decode(result.data)


class Watch:
    """Counts what happened in a history, so that none of it can be missing unnoticed."""

    def __init__(self, world: World, tally: Counter[str]) -> None:
        self.world = world
        self.tally = tally
        self.sizes: dict[tuple[int, int], int] = {}
        self.balances: dict[tuple[int, int], int] = {}

    def see(self, step: Step, found: Refused | None) -> None:
        ledger = self.world.ledger
        if found is not None:
            self.tally[f"refused {found.name}"] += 1
            return
        self.tally[step.name] += 1
        before, self.sizes = self.sizes, self._sizes()
        balances, self.balances = self.balances, dict(ledger.balances)
        if step.name == "fill":
            for account in (step.args[0].buyer, step.args[0].seller):
                key = account, step.args[0].instrument
                self.tally[_kind(before.get(key, 0), self.sizes.get(key, 0))] += 1
        if step.name == "take":
            source, _, fraction, _, out = step.args
            if any(account == source and size for (account, _), size in before.items()):
                self.tally["whole taken" if fraction == WAD else "part taken"] += 1
            if any(key[0] == source and self.balances[key] < balance for key, balance in balances.items()):
                self.tally["collateral taken out" if out else "collateral taken in"] += 1
        if step.name == "settle" and step.args not in ledger.positions.positions:
            self.tally["empty position settled"] += 1
        if step.name == "write_off":
            self.tally["written down"] += ledger.pool.credit_index_wad < WAD
        self.tally["epoch ended"] += bool(ledger.positions.epoch_ends)
        self.tally["debt"] += ledger.pool.debt_index_wad > WAD and ledger.pool.debt_shares > 0
        for m in ledger.positions.markets.values():
            self.tally["funding"] += m.long.flow_wad != 0
            self.tally["tiny scale"] += min(m.long.scale_wad, m.short.scale_wad) < WAD // 1_000
        for (account, perp), p in ledger.positions.positions.items():
            self.tally["position crossed an epoch"] += p.epoch > 0
            stored = before.get((account, perp), 0)
            self.tally["bankrupt"] += stored != 0 and ledger.accounts[account].shares < 0

    def _sizes(self) -> dict[tuple[int, int], int]:
        positions = self.world.ledger.positions
        return {key: positions.position_of(self.world.now, *key)[0] for key in positions.positions}


def _kind(before: int, after: int) -> str:
    if before == 0:
        return "long opened" if after > 0 else "short opened"
    if after == 0:
        return "closed"
    if (before > 0) != (after > 0):
        return "flipped"
    return "increased" if abs(after) > abs(before) else "reduced"


def test_ledger__random_histories__contract_equals_twin(sites: dict[int, Site]) -> None:
    tally: Counter[str] = Counter()

    @settings(
        max_examples=200,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32), st.integers(30, 60), st.sampled_from([6, 18]))
    def check(seed: int, length: int, decimals: int) -> None:
        world = World(START, decimals)
        compare(sites[decimals], world, history(seed, world, length), f"seed {seed}", tally)
        tally["histories"] += 1

    check()

    refused = {name.removeprefix("refused ") for name in tally if name.startswith("refused ")}
    missing = (OPERATIONS | EVENTS) - {name for name, count in tally.items() if count} | (REFUSALS - refused)
    assert not missing, f"never happened: {sorted(missing)} in {dict(tally)}"
    assert tally["histories"] >= 100


# Edges that chance hardly ever meets


def _fill(buyer: int, seller: int, size: int, price: int, fee: int = 0) -> Step:
    return Step("fill", (Fill(
        instrument=PERPS[0], buyer=buyer, seller=seller, fee_account=buyer, size_wad=size, price_wad=price,
        seller_fee_wad=fee,
    ),))  # fmt: skip


def _opened(*cash: int) -> list[Step]:
    """Cross accounts 1, 2, … with cash in the token's decimals."""
    steps = [Step("open", (Mode.CROSS,)) for _ in cash]
    return steps + [Step("deposit", (account, 0, amount)) for account, amount in enumerate(cash, 1) if amount]


USDC, AT = 10**6, 2_000 * WAD

EDGES: dict[str, tuple[int, list[Step], list[str | None]]] = {
    # A: E = MM = 475. A sale that leaves health exactly as it was, and one that costs a wei more.
    "health, to the wei": (
        6,
        [
            *_opened(1_000 * USDC, 100_000 * USDC),
            _fill(1, 2, 5 * WAD, AT),
            Step("price", (ETH, 1_900 * WAD), 1),
            Step("move", (1, 2, 25 * WAD)),
            _fill(2, 1, WAD, 1_805 * WAD, fee=1),
            _fill(2, 1, WAD, 1_805 * WAD),
        ],
        ["BelowInitialMargin", None],
    ),
    "open interest, to the wei": (
        6,
        [
            *_opened(10**9 * USDC, 10**9 * USDC),
            _fill(1, 2, CAPS[ETH] + 1, AT),
            _fill(1, 2, CAPS[ETH], AT),
            _fill(1, 2, 1, AT),
            _fill(2, 1, 1, AT),
        ],
        ["OpenInterestCapExceeded", None, "OpenInterestCapExceeded", None],
    ),
    # 10 of money, and a debt of 10¹⁰ of it: what is left must still be told by the index.
    "write-off, to the wei": (
        18,
        [
            *_opened(10 * WAD - 1, 0),
            Step("move", (2, 1, 10**10 * WAD - 10 * WAD + 1)),
            Step("write_off", (2,)),
            Step("deposit", (1, 0, 1)),
            Step("write_off", (2,)),
            Step("deposit", (1, 0, 1)),
            Step("write_off", (2,)),
        ],
        ["DebtExceedsCredit", None, "DebtExceedsCredit", None, None],
    ),
    # Shorts of a million wei vanish at the end of their epoch; the wei that is long of nobody is closed without one.
    "end of an epoch": (
        18,
        [
            *_opened(WAD, WAD, WAD, WAD, WAD),
            _fill(1, 3, 10**6 - 1, AT),
            _fill(1, 4, 10**6, AT),
            _fill(2, 3, 1, AT),
            Step("deleverage", (1, PERPS[0], 0)),
            Step("settle", (3, PERPS[0])),
            Step("settle", (4, PERPS[0])),
            _fill(5, 2, 1, AT),
            Step("price", (ETH, 3_000 * WAD), 1),
            Step("deleverage", (5, PERPS[0], 10**6)),
        ],
        [None, None, None, None, None, None],
    ),
    # Rounding of the long side leaves a short of two wei without anybody opposite: whoever asks, it closes at the mark.
    "short of nobody": (
        18,
        [
            *_opened(10**5 * WAD, 10**5 * WAD, WAD),
            _fill(1, 2, 3 * WAD - 1, AT),
            _fill(1, 3, 1, AT),
            Step("deleverage", (3, PERPS[0], 0)),
            _fill(2, 1, 3 * WAD - 3, AT),
            Step("deleverage", (2, PERPS[0], 10**6)),
        ],
        [None, None, None],
    ),
}
"""Decimals of cash, steps, and how the last of them end."""


@pytest.mark.parametrize("edge", EDGES)
def test_ledger__edges__contract_equals_twin(sites: dict[int, Site], edge: str) -> None:
    decimals, steps, ends = EDGES[edge]
    world = World(START, decimals)
    played = [(step, world.play(step)) for step in steps]

    compare(sites[decimals], world, played, edge, Counter())
    found = [refusal and refusal.name for _, refusal in played]
    assert found == [None] * (len(found) - len(ends)) + ends
