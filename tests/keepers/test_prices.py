"""prices
├── to_wad           decimals to eight places; refuses what is no positive number
├── PricePath        geometric between, constant outside, survives a file
│   └── a bad file   -> ConfigError naming file and line
├── FilePrices       read anew each time; a bad file -> SourceError
└── open_source      tells the three forms apart; anything else -> ConfigError
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import ConfigError
from holdfast.keepers.prices import (
    FilePrices,
    FixedPrices,
    PricePath,
    SourceError,
    open_source,
    to_wad,
)
from holdfast.units import WAD


@pytest.mark.parametrize(
    ("text", "wad"),
    [
        ("2000", 2_000 * WAD),
        (195.5, 1955 * 10**17),
        ("0.00000001", 10**10),
        ("1.123456789", 1_123_456_780_000_000_000),
    ],
)
def test_to_wad__a_price__is_exact_to_eight_places(text: object, wad: int) -> None:
    assert to_wad(text) == wad


@pytest.mark.parametrize("text", ["", "ether", "nan", "inf", "-1", "0", "0.000000001", None])
def test_to_wad__no_positive_number__is_refused(text: object) -> None:
    with pytest.raises(ValueError):
        to_wad(text)


def path(*prices: float) -> PricePath:
    return PricePath(times=tuple(range(0, 100 * len(prices), 100)), prices={"ETH": prices})


def test_path__between_two_times__is_geometric() -> None:
    assert path(100, 400).at("ETH", 50) == pytest.approx(200)


def test_path__outside__stays() -> None:
    assert (path(100, 400).at("ETH", -5), path(100, 400).at("ETH", 999)) == (100, 400)


@given(st.lists(st.floats(1, 1e6), min_size=2, max_size=8), st.integers(-50, 900))
def test_path__anywhere__stays_within_its_neighbours(prices: list[float], time: int) -> None:
    found = path(*prices).at("ETH", time)
    assert min(prices) * (1 - 1e-12) <= found <= max(prices) * (1 + 1e-12)


def test_path__quotes__are_wads_by_symbol() -> None:
    assert path(100, 400).quotes(0) == {"ETH": 100 * WAD}


def test_path__written_and_read__is_the_same(tmp_path: Path) -> None:
    written = PricePath(times=(1, 5, 9), prices={"ETH": (1 / 3, math.pi, 7.0), "BTC": (1.0, 2.0, 3.0)})
    assert PricePath.read(written.write(tmp_path / "prices.csv")) == written


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "the first line must be at,<symbol>,…"),
        ("time,ETH\n1,2\n", "the first line must be at,<symbol>,…"),
        ("at,ETH\n", "no prices"),
        ("at,ETH\n1,2\n1,3\n", "times must rise"),
        ("at,ETH\n1,2\n2\n", "line 3: 1 values for 2 columns"),
        ("at,ETH\n1,abc\n", "line 2: could not convert"),
        ("at,ETH\n1,nan\n", "ETH: prices must be positive numbers"),
        ("at,ETH\n1,-4\n", "ETH: prices must be positive numbers"),
    ],
)
def test_path__bad_file__says_what_is_wrong(tmp_path: Path, text: str, fact: str) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        PricePath.read(file)
    assert str(caught.value).startswith(f"{file}: {fact}")


def test_file__changed__is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    file.write_text(json.dumps({"ETH": 100}))
    source = FilePrices(file)
    assert source.quotes(0) == {"ETH": 100 * WAD}

    file.write_text(json.dumps({"ETH": "101.5"}))
    assert source.quotes(0) == {"ETH": 1015 * 10**17}


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"ETH": "high"}', '{"ETH": 0}'])
def test_file__no_prices_in_it__is_no_answer(tmp_path: Path, text: str) -> None:
    file = tmp_path / "latest.json"
    file.write_text(text)
    with pytest.raises(SourceError):
        FilePrices(file).quotes(0)


def test_file__gone__is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        FilePrices(tmp_path / "latest.json").quotes(0)


def test_open_source__pairs__are_fixed() -> None:
    assert open_source("ETH=200, BTC=8000.5") == FixedPrices({"ETH": 200 * WAD, "BTC": 80005 * 10**17})


def test_open_source__files__by_their_suffix(tmp_path: Path) -> None:
    table, latest = tmp_path / "a.csv", tmp_path / "a.json"
    table.write_text("at,ETH\n1,100\n")
    latest.write_text("{}")
    assert isinstance(open_source(str(table)), PricePath)
    assert isinstance(open_source(str(latest)), FilePrices)


@pytest.mark.parametrize("text", ["ETH=", "ETH=1=2", "ETH=-4", "nowhere.csv"])
def test_open_source__none_of_these__is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        open_source(text)
