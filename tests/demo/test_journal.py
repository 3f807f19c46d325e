"""journal
├── what was tried and not sent   -> no line
├── sent and mined                -> what, why, whether it succeeded, and its gas
├── sent, and never seen again    -> no verdict
└── a node that was lost          -> no line
"""

from __future__ import annotations

from typing import Any

from holdfast.demo.journal import Line, journal


def attempt(kind: str, tx: str | None, **about: int) -> dict[str, Any]:
    return {"kind": kind, "why": f"because of {kind}", "tx": tx, "refused": "" if tx else "Healthy", **about}


def mined(tx: str, status: int, cost_wad: int) -> dict[str, Any]:
    return {"kind": "Hold", "tx": tx, "status": status, "cost_wad": cost_wad}


ENTRIES: list[dict[str, Any]] = [
    {
        "time": 100,
        "attempts": [attempt("Hold", "0xa", account=7), attempt("Distribute", None)],
        "mined": [],
    },
    {"lost": "no answer", "attempt": 1},
    {
        "time": 112,
        "attempts": [attempt("Mark", "0xb", underlying=2), attempt("Mark", "0xc", underlying=0)],
        "mined": [mined("0xa", 1, 30)],
    },
    {"time": 124, "attempts": [attempt("SettleSeries", "0xe", instrument=77)], "mined": []},
    {"time": 124, "attempts": [attempt("RefreshTarget", "0xd")], "mined": [mined("0xb", 0, 40)]},
]


def test_journal__of_a_record__a_line_for_each_transaction() -> None:
    assert journal(ENTRIES, ["ETH", "BTC"], lambda instrument: f"series {instrument}") == [
        Line(time=100, what="Hold of account 7", why="because of Hold", done=True, cost_wad=30),
        Line(time=112, what="Mark of BTC", why="because of Mark", done=False, cost_wad=40),
        Line(time=112, what="Mark of what is written off", why="because of Mark", done=None, cost_wad=0),
        Line(
            time=124, what="SettleSeries of series 77", why="because of SettleSeries", done=None, cost_wad=0
        ),
        Line(time=124, what="RefreshTarget", why="because of RefreshTarget", done=None, cost_wad=0),
    ]
