"""Who is at risk, asked of the Lens alone
├── a market after a fall
│   ├── who is below the threshold      by id, with health rounded down; at it, nobody
│   ├── who is in auction               though healthy again
│   ├── who owes and holds nothing      the least health there is
│   └── the same as a look at everybody at any threshold
├── pages                               meet, wherever they are cut; beyond the last there is none
├── an account that can't be assessed   is named as such, and hides nobody
├── gas                                 too little for all: it stops and says where; for one: ChainError
│   └── the fullest account             needs no more than is spared for it
├── the node finds a chunk too much     halved
└── the liquidator                      decides as if it had seen everybody
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.contract import Contract
from holdfast.chain.protocol import Protocol
from holdfast.errors import ChainError, RpcError
from holdfast.keepers import liquidator
from holdfast.keepers.roles import read_params, with_clocks
from holdfast.model.lens import LEAST, at_risk
from holdfast.sim.history import Block, simulate
from holdfast.types import AtRisk, Mode
from holdfast.units import BPS, WAD
from tests.attack.company import deployed_with, to_be, undone, wide
from tests.attack.test_self_liquidation_reward import full_accounts
from tests.conftest import GENESIS
from tests.flow.test_protocol import REFUSES
from tests.stage import PEOPLE, Party, Stage, wads

EVERYBODY = 2**32
ORIGINAL = Contract.call
THRESHOLDS = (0, 1, 5_000, 9_999, 10_000, 10_001, 12_000, 40_000, 10**6, 2**32 - 1)


@pytest.fixture
def maker(stage: Stage) -> Party:
    return stage.party(1_000_000)


@pytest.fixture
def weak(stage: Stage, maker: Party) -> Party:
    """Long of 10 ETH: equity 790 and MM 930 at 1,860."""
    weak = stage.party(2_200)
    stage.trade(weak, maker, 10, 2_000)
    return weak


@pytest.fixture
def fallen(stage: Stage, maker: Party, weak: Party) -> dict[str, Party]:
    """ETH has fallen to 1,860: one is below MM, one just above, one was saved, one borrows, some are idle."""
    stage.insure(100)
    close = stage.party(2_500)
    stage.trade(close, maker, 10, 2_000)
    saved = stage.party(2_200)
    stage.trade(saved, maker, 10, 2_000)
    debtor = stage.party(WETH=1)
    stage.withdraw(debtor, "USDC", 1_600)
    idle = stage.party()
    rich = stage.party(1_000, mode=Mode.ISOLATED)
    stage.drift("ETH", 1_860)
    stage.start(saved)
    stage.deposit(saved, "USDC", 1_000)
    return {
        "weak": weak,
        "close": close,
        "saved": saved,
        "debtor": debtor,
        "idle": idle,
        "rich": rich,
        "maker": maker,
    }


def full_scan(stage: Stage, threshold_bps: int) -> tuple[AtRisk, ...]:
    found = (at_risk(account, threshold_bps) for account in stage.protocol.accounts())
    return tuple(one for one in found if one is not None)


def test_at_risk__below_the_threshold__is_listed_with_its_health(
    stage: Stage, fallen: dict[str, Party]
) -> None:
    margin = stage.health(fallen["weak"]).margin
    weak, saved = stage.protocol.at_risk()

    assert weak == AtRisk(
        account=fallen["weak"].account,
        health_bps=margin.equity_wad * BPS // margin.maintenance_wad,
        in_auction=False,
    )
    assert weak.health_bps == 8_494  # (2,200 − 10 − 1,400) / 930, rounded down
    assert (saved.account, saved.in_auction) == (fallen["saved"].account, True)
    assert saved.health_bps is not None and saved.health_bps > BPS


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_at_risk__any_threshold__as_a_look_at_everybody(
    stage: Stage, fallen: dict[str, Party], threshold: int
) -> None:
    assert stage.protocol.at_risk(threshold) == full_scan(stage, threshold)


def test_at_risk__at_the_threshold__is_not_listed(stage: Stage, fallen: dict[str, Party]) -> None:
    (weak,) = (one for one in stage.protocol.at_risk() if one.account == fallen["weak"].account)
    assert weak.health_bps is not None
    below = {one.account for one in stage.protocol.at_risk(weak.health_bps)}
    above = {one.account for one in stage.protocol.at_risk(weak.health_bps + 1)}
    assert weak.account not in below and weak.account in above


def test_at_risk__debt_alone__is_the_least_there_is(stage: Stage, maker: Party) -> None:
    debtor, bidder = stage.party(WETH=1), stage.party(3_000)
    stage.withdraw(debtor, "USDC", 1_650)
    stage.drift("ETH", 1_780)
    stage.price("ETH", 1_560)
    stage.start(debtor)
    stage.take(debtor, bidder)

    assert stage.protocol.at_risk(0) == (AtRisk(account=debtor.account, health_bps=LEAST, in_auction=True),)
    stage.write_off(debtor)
    assert stage.protocol.at_risk() == ()


def test_at_risk__pages__meet_wherever_they_are_cut(stage: Stage, fallen: dict[str, Party]) -> None:
    last = stage.ledger.call("accounts")
    whole, rest = stage.protocol.lens.call("atRisk", 0, EVERYBODY, 15_000)
    assert rest == 0 and len(whole) == 4
    for page in range(1, last + 2):
        words, place = [], 1
        while place:
            found, after = stage.protocol.lens.call("atRisk", place, page, 15_000)
            assert after in (0, place + page)
            words, place = words + list(found), after
        assert words == whole
    assert stage.protocol.lens.call("atRisk", last + 1, 5, 12_000) == ([], 0)
    assert stage.protocol.lens.call("atRisk", 2**64 - 1, 2**64 - 1, 12_000) == ([], 0)
    assert stage.protocol.lens.call("atRisk", 3, 0, 12_000) == ([], 3)


def test_at_risk__earlier_block__is_of_that_block(stage: Stage, fallen: dict[str, Party]) -> None:
    before, block = stage.protocol.at_risk(), int(stage.rpc.call("eth_blockNumber"), 16)
    stage.deposit(fallen["weak"], "USDC", 5_000)
    assert stage.protocol.at_risk(block=block) == before
    assert fallen["weak"].account not in {one.account for one in stage.protocol.at_risk()}


def test_at_risk__not_assessable__is_named_and_hides_nobody(stage: Stage, fallen: dict[str, Party]) -> None:
    """When Risk refuses every book with a position in it, or a collateral, those who hold one can't be assessed."""
    stage.rpc.call("anvil_setCode", stage.protocol.risk.address, REFUSES)
    blind = {fallen[name].account for name in ("weak", "close", "saved", "debtor", "maker")}

    found = {one.account: one for one in stage.protocol.at_risk()}

    assert {account for account, one in found.items() if one.health_bps is None} == blind
    assert found[fallen["saved"].account].in_auction
    assert tuple(found.values()) == full_scan(stage, BPS)


def test_at_risk__little_gas__stops_and_says_where(stage: Stage, fallen: dict[str, Party]) -> None:
    spare = stage.protocol.lens.call("SPARE_GAS")
    whole = stage.protocol.lens.call("atRisk", 0, EVERYBODY, 15_000)[0]
    words, place, calls = [], 1, 0
    while place:
        found, after = stage.protocol.lens.call("atRisk", place, EVERYBODY, 15_000, gas=spare + 100_000)
        assert after == 0 or after > place
        words, place, calls = words + list(found), after, calls + 1
    assert words == whole and calls > 1
    assert stage.protocol.lens.call("atRisk", 1, EVERYBODY, 15_000, gas=spare) == ([], 1)


def test_at_risk__node_gives_little__goes_on(
    stage: Stage, fallen: dict[str, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    meant, asked = stage.protocol.at_risk(), []
    through(stage, monkeypatch, asked, lambda count, gas: min(gas, 1_600_000))
    assert stage.protocol.at_risk() == meant and len(asked) > 1

    through(stage, monkeypatch, asked, lambda count, gas: 1_000_000)
    with pytest.raises(ChainError, match="too little gas to look at account 1"):
        stage.protocol.at_risk()


def test_at_risk__node_finds_a_chunk_too_much__halves_it(
    stage: Stage, fallen: dict[str, Party], monkeypatch: pytest.MonkeyPatch
) -> None:
    meant, asked = stage.protocol.at_risk(), []
    monkeypatch.setattr("holdfast.chain.protocol.RISK_CHUNK", 16)

    def narrow(count: int, gas: int) -> int:
        if count > 4:
            raise RpcError(-32003, "gas limit too high")
        return gas

    through(stage, monkeypatch, asked, narrow)
    assert stage.protocol.at_risk() == meant
    assert asked[:3] == [16, 8, 4] and set(asked[2:]) == {4}

    def never(count: int, gas: int) -> int:
        raise RpcError(-32003, "no")

    asked.clear()
    through(stage, monkeypatch, asked, never)
    with pytest.raises(RpcError):
        stage.protocol.at_risk()
    assert asked == [16, 8, 4, 2, 1]


def through(stage: Stage, monkeypatch: pytest.MonkeyPatch, asked: list[int], node: Any) -> None:
    """Calls of `atRisk` as another node would answer them."""
    lens, original = stage.protocol.lens, ORIGINAL

    def call(self: Any, function: str, *args: Any, gas: int | None = None, **options: Any) -> Any:
        if function == "atRisk":
            asked.append(args[1])
            assert gas is not None
            gas = node(args[1], gas)
        return original(self, function, *args, gas=gas, **options)

    monkeypatch.setattr(type(lens), "call", call)


def test_liquidator__sees_those_at_risk_alone__decides_the_same(
    stage: Stage, fallen: dict[str, Party]
) -> None:
    policy = liquidator.Policy(reward_account=fallen["rich"].account, ether_underlying=1)
    params, protocol = read_params(stage.protocol), stage.protocol
    few = protocol.snapshot([one.account for one in protocol.at_risk()])
    assert len(few.accounts) == 2

    decided = [
        liquidator.decide(with_clocks(protocol, found), params, policy)
        for found in (few, protocol.snapshot())
    ]

    assert decided[0] == decided[1] and [type(one).__name__ for one in decided[0]] == ["Start", "End"]


@pytest.fixture(scope="module")
def built() -> Iterator[Protocol]:
    with Anvil(timestamp=GENESIS, accounts=PEOPLE) as chain:
        yield deployed_with(chain.rpc, wide)


def test_at_risk__fullest_account__needs_no_more_than_is_spared(built: Protocol) -> None:
    """Sixteen positions and five collaterals, all cold, on sides that were deleveraged: even half of it would do."""
    with undone(built) as stage:
        (full,) = full_accounts(stage, 1, cash=70_000, size=20)
        look = to_be(stage, stage.protocol.lens, "atRisk", full.account, 1, 2**32 - 1, by="stranger")
        ((seen,),) = simulate(stage.rpc, [Block([look], time=stage.time + 3_600)])

        words, _ = seen.returned(stage.protocol.lens, "atRisk")
        assert [AtRisk.of_word(word).account for word in words] == [full.account]
        assert seen.gas_used < stage.protocol.lens.call("SPARE_GAS") * 63 // 64 // 2
        assert stage.equity(full) > wads(1) and stage.look(full).positions[0].size_wad == 20 * WAD
