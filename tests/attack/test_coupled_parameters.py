"""Two numbers that belong together, and only one of them moves.

Incident: CAPO, the guard of Aave on the price of a staked token, 10 March 2026. The guard allowed an exchange rate of
a snapshot, grown by so much since the snapshot's time. An update of the rate was limited to three percent in three
days, the time that came with it was not: the old rate with the new time capped the price some three percent too low,
and 34 healthy accounts lost nearly eleven thousand tokens to liquidators.
Peer's rule: two values, two checks; each is plausible, the pair is not.
Ours: what belongs together is one word, written at once or not at all: a price with the time of its answer and the
slow price, the margins of a market, the parameters of the auction. There is no function that sets a part of one.

├── a refused answer       leaves price, time and slow price as they were; an accepted one moves all of them
├── refused parameters     leave all as they were; accepted ones are all there
└── no setter of a part    of any coupled struct
"""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.errors import Reverted
from tests.stage import Stage, wads

DAY = 86_400


def guarded_rate(true: float, snapshot: float, snapshot_at: int, now: int, yearly: float) -> float:
    """Their price: the true rate, at most the snapshot's, grown since then."""
    return min(true, snapshot * (1 + yearly * (now - snapshot_at) / (365 * DAY)))


def limited_update(snapshot: float, snapshot_at: int, true: float, now: int) -> tuple[float, int]:
    """Their update: three percent in three days for the rate, nothing for its time."""
    most = snapshot * (1 + 0.03 * min(1.0, (now - snapshot_at) / (3 * DAY)))
    return min(true, most), now


def coupled_update(snapshot: float, snapshot_at: int, true: float, now: int) -> tuple[float, int]:
    """The same as one value: the rate that doesn't fit is refused, and its time with it."""
    rate, _ = limited_update(snapshot, snapshot_at, true, now)
    return (true, now) if rate == true else (snapshot, snapshot_at)


def test_coupled__their_guard__liquidates_who_is_healthy() -> None:
    true, snapshot, taken_at, now = 1.2285, 1.1572, 0, 300 * DAY
    rate, at = limited_update(snapshot, taken_at, true, now)
    theirs = guarded_rate(true, rate, at, now, yearly=0.10)
    ours = guarded_rate(true, *coupled_update(snapshot, taken_at, true, now), now, yearly=0.10)

    assert theirs < 0.975 * true  # some three percent too low
    assert ours == true
    threshold, borrowed = 0.95, 0.93 * true
    assert theirs * threshold < borrowed <= ours * threshold  # liquidated by the one, healthy by the other


@pytest.mark.parametrize("answer", [5, 2_000_000])  # outside of what the feed is believed
def test_coupled__refused_answer__moves_neither_price_nor_time(stage: Stage, answer: float) -> None:
    def word() -> tuple[int, ...]:
        market = stage.market()
        return market.price.spot_wad, market.price_updated_at

    before = word()
    stage.wait(60)
    stage.say("ETH", answer)
    receipt = stage.poke("ETH")
    assert receipt.event("PriceRefused") and word() == before

    stage.price("ETH", 2_010)
    spot, updated_at = word()
    assert spot == wads(2_010) and updated_at > before[1]


def test_coupled__parameters__change_all_or_none(stage: Stage) -> None:
    risk = stage.protocol.risk
    before = tuple(risk.call("instrumentParams", stage.eth))
    tighter, looser_by_one = list(before), list(before)
    tighter[0] = before[0] + 500  # more initial margin
    looser_by_one[0], looser_by_one[-1] = before[0] + 500, before[-1] + 1  # tighter in one, looser in another

    with pytest.raises(Reverted, match="NotTighter"):
        stage.send(risk, "tightenInstrument", stage.eth, tuple(looser_by_one), by="guardian")
    assert tuple(risk.call("instrumentParams", stage.eth)) == before

    stage.send(risk, "tightenInstrument", stage.eth, tuple(tighter), by="guardian")
    assert tuple(risk.call("instrumentParams", stage.eth)) == tuple(tighter)


COUPLED = {
    "Oracle": ("setFeed",),
    "Risk": ("setInstrument", "tightenInstrument", "setAsset", "tightenAsset"),
    "Liquidation": ("setParams",),
}


@pytest.mark.parametrize("name", COUPLED)
def test_coupled__setters__take_whole_structs(stage: Stage, name: str) -> None:
    abi: list[dict[str, Any]] = stage.protocol.contract(name).artifact.abi
    setters = [
        entry
        for entry in abi
        if entry.get("type") == "function" and entry["name"].startswith(("set", "tighten"))
    ]
    of_structs = {entry["name"] for entry in setters if entry["inputs"][-1]["type"] == "tuple"}
    assert set(COUPLED[name]) <= of_structs
    fields = {part["name"] for entry in setters if entry["name"] in of_structs for part in struct(entry)}
    for entry in setters:
        if entry["name"] not in of_structs:
            assert fields.isdisjoint(part["name"] for part in entry["inputs"]), entry["name"]


def struct(entry: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = entry["inputs"][-1]["components"]
    return found
