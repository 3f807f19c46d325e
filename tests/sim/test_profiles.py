"""profiles
├── HOSTILE in its world  -> tokens turn, an attacker calls back, no invariant fails
├── ADMIN in a good one   -> plots are made and struck, halts are tried, no invariant fails
├── VENUES where there are several -> one source prints nonsense, no invariant fails
├── OPTIONS where there are some -> traded, hedged, in the window, expired, settled, listed anew; no invariant fails
├── a change that ends it -> nothing is judged after it
├── an action of one's own, declared later -> has its weight in both
└── the same seed         -> the same profile
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.sim.actions import ACTIONS, WEIGHTS
from holdfast.sim.campaign import play
from holdfast.sim.profiles import ADMIN, EXPIRING, HOSTILE, OPTIONS, STOLEN, VENUES
from holdfast.sim.tally import Tally

from .conftest import Opened


def test_hostile__histories__nothing_breaks(opened: Opened) -> None:
    tally = Tally()
    for seed in range(12):
        failure = play(opened("hostile"), HOSTILE(seed), tally)
        assert failure is None, failure

    assert tally.actions["turn_token"].succeeded and tally.actions["reenter"].succeeded
    assert tally.events["CalledBack"] and tally.events["Tried"]
    assert all(tally.invariants[name].checked for name in ("INV-40", "INV-41", "INV-42"))


def test_admin__histories__nothing_breaks(opened: Opened) -> None:
    tally = Tally()
    for seed in range(10):
        failure = play(opened("thin"), ADMIN(seed), tally)
        assert failure is None, failure

    assert tally.actions["plot"].succeeded and tally.actions["strike"].succeeded
    assert tally.actions["guard_halts"].succeeded
    assert all(tally.invariants[f"INV-{number}"].checked for number in (44, 45, 46, 48, 49))


def test_venues__histories__nothing_breaks(opened: Opened) -> None:
    tally = Tally()
    for seed in range(6):
        failure = play(opened("venues"), VENUES(seed), tally)
        assert failure is None, failure

    assert tally.actions["print_venue"].succeeded and tally.events["SourceRefused"]
    assert all(tally.invariants[f"INV-{number}"].checked for number in (60, 61, 62, 63, 64))


def test_options__histories__nothing_breaks(opened: Opened) -> None:
    tally = Tally()
    for seed in range(12):
        failure = play(opened("options"), OPTIONS(seed), tally)
        assert failure is None, failure

    often = EXPIRING.keys() - {"unwind"}  # takeovers are rare
    done = {name: tally.actions[name].succeeded for name in often}
    assert all(done.values()), done
    refused = (
        tally.actions["match"].reverted + tally.actions["lever"].reverted + tally.actions["hedge"].reverted
    )
    assert refused["TradingClosed"]
    assert tally.actions["settle_series"].reverted["NotCovered"]
    assert all(tally.events[f"{name} of options"] for name in ("Filled", "Settled", "Deleveraged"))
    assert all(tally.invariants[f"INV-{number}"].checked for number in (86, 87, 95, 96, 97, 98, 99))


def test_admin__engine_given_away__history_ends(opened: Opened) -> None:
    only = {"plot": 1.0, "strike": 3.0}
    ends = 0
    for seed in range(8):
        tally = Tally()
        profile = replace(
            ADMIN(seed),
            weights=only,
            off=frozenset(),
            opening=1,
            length=30,
            phases=(),
            crash=0,
            keeping=0,
            pushing=0,
        )
        assert play(opened("thin"), profile, tally) is None
        ending = [place for place, step in enumerate(tally.last) if step.facts.get("ends")]
        ends += bool(ending) and len(tally.last) < profile.length
    assert ends > 0


def test_profiles__own_action__has_its_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIONS, "own", ACTIONS["deposit"])
    monkeypatch.setitem(WEIGHTS, "own", 7)

    assert HOSTILE(0).weights["own"] == ADMIN(0).weights["own"] == 7


@pytest.mark.parametrize("maker", (HOSTILE, ADMIN))
def test_profiles__same_seed__same(maker: object) -> None:
    assert callable(maker)
    assert maker(4) == maker(4) != maker(5)


def test_stolen__weights__are_actions() -> None:
    assert set(STOLEN) <= set(ACTIONS)
