"""Lens = twin: who is at risk, and how much, of any equity and requirement
├── health rounds down, within an int64; without a requirement a debt is the least, all else the most
└── listed below the threshold alone
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.chain.protocol import Protocol
from holdfast.model.lens import health_bps
from holdfast.types import AtRisk
from holdfast.units import BPS, WAD

FIRST = 1

equities = st.one_of(
    st.integers(-(2**200), 2**200),
    st.integers(-(10**9), 10**9).map(lambda dollars: dollars * WAD),
    st.sampled_from([0, 1, -1, -(2**200), 2**200]),
)
requirements = st.one_of(st.integers(0, 2**160), st.integers(0, 10**9).map(lambda d: d * WAD), st.just(0))
thresholds = st.one_of(st.integers(0, 2**32 - 1), st.integers(9_000, 11_000))


def answers(equity_wad: int, maintenance_wad: int) -> str:
    """Code of a ledger that has one account, and says this of it: to every question the words 1, E, IM, MM."""
    words = (1, equity_wad % 2**256, 0, maintenance_wad)
    push = "".join(f"7f{word:064x}60{32 * place:02x}52" for place, word in enumerate(words))
    return f"0x{push}60806000f3"


def listed(protocol: Protocol, equity_wad: int, maintenance_wad: int, threshold_bps: int) -> list[AtRisk]:
    data = "0x" + protocol.lens.encode("atRisk", FIRST, 1, threshold_bps).hex()
    override = {protocol.ledger.address: {"code": answers(equity_wad, maintenance_wad)}}
    request = {"to": protocol.lens.address, "data": data}
    answer = protocol.rpc.call("eth_call", request, "latest", override)
    words, after = protocol.lens.decode("atRisk", bytes.fromhex(answer[2:]))
    assert after == 0
    return [AtRisk.of_word(word) for word in words]


@given(equity=equities, maintenance=requirements, threshold=thresholds)
@settings(deadline=None)
def test_at_risk__is_what_the_twin_says(
    theatre: Protocol, equity: int, maintenance: int, threshold: int
) -> None:
    health = health_bps(equity, maintenance)
    meant = [AtRisk(account=FIRST, health_bps=health, in_auction=False)] if health < threshold else []

    assert listed(theatre, equity, maintenance, threshold) == meant


@given(maintenance=st.integers(1, 2**100), threshold=st.integers(1, 2**20))
@settings(deadline=None)
def test_at_risk__to_the_wei(theatre: Protocol, maintenance: int, threshold: int) -> None:
    """The least equity at which the account isn't listed any more, and a wei less."""
    least = -(-maintenance * threshold // BPS)

    assert listed(theatre, least, maintenance, threshold) == []
    assert [one.account for one in listed(theatre, least - 1, maintenance, threshold)] == [FIRST]
