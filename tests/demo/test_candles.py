"""candles
├── load_candles         ISO or epoch times, any order of columns, gzip
│   └── a bad file       -> ConfigError: the file, the line, the fact
├── candle_path          touches open, high, low, close in the order of the candle's direction
├── worst_fall, _window  the deepest fall in bounded time, with what is before and after
├── rule_gwei            by the rule, bounded
└── from_candles         chosen times, a gas file, too few candles
"""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.demo.candles import (
    BASE_GWEI,
    MAX_GWEI,
    Candle,
    candle_path,
    from_candles,
    load_candles,
    rule_gwei,
    worst_fall,
    worst_window,
)
from holdfast.errors import ConfigError

HEADER = "timestamp,open,high,low,close,volume\n"
ROWS = "2020-03-12T00:00:00Z,195,196,190,191,10\n2020-03-12T01:00:00Z,191,192,180,185,20\n"


def write(tmp_path: Path, text: str, name: str = "candles.csv") -> Path:
    file = tmp_path / name
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


@pytest.mark.parametrize(
    "text",
    [
        HEADER + ROWS,
        "﻿" + HEADER + ROWS.replace("\n", "\r\n"),
        HEADER + ROWS + "\n",
        HEADER
        + ROWS.replace("2020-03-12T00:00:00Z", "1583971200").replace("2020-03-12T01:00:00Z", "1583974800"),
        HEADER
        + ROWS.replace("2020-03-12T00:00:00Z", "1583971200000").replace(
            "2020-03-12T01:00:00Z", "1583974800000"
        ),
        HEADER + ROWS.replace("Z,", ",").replace("T", " "),
        HEADER + ROWS.replace("00:00:00Z", "02:00:00+02:00").replace("01:00:00Z", "03:00:00+02:00"),
        "Volume,Close,Low,High,Open,Timestamp,note\n"
        "10,191,190,196,195,1583971200,x\n20,185,180,192,191,1583974800,y\n",
    ],
)
def test_load__any_dialect__gives_the_same(tmp_path: Path, text: str) -> None:
    assert load_candles(write(tmp_path, text)) == [
        Candle(1583971200, 195, 196, 190, 191),
        Candle(1583974800, 191, 192, 180, 185),
    ]


def test_load__compressed(tmp_path: Path) -> None:
    assert len(load_candles(write(tmp_path, HEADER + ROWS, "candles.csv.gz"))) == 2


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "the file is empty"),
        (HEADER, "no rows after the first line"),
        ("timestamp,open,high,low,volume\n", "column 'close' is missing"),
        (ROWS, "column 'timestamp' is missing"),
        (HEADER + ROWS + "2020-03-12T01:00:00Z,1,1,1,1,1\n", "line 4: timestamps must rise"),
        (HEADER + "".join(reversed(ROWS.splitlines(True))), "line 3: timestamps must rise"),
        (HEADER + ROWS.replace("191,10", "nan,10"), "line 2: close nan is not a finite number"),
        (HEADER + ROWS.replace("191,10", "inf,10"), "line 2: close inf is not a finite number"),
        (HEADER + ROWS.replace("191,10", ",10"), "line 2: close '' is not a number"),
        (HEADER + ROWS.replace("190,191", "-190,191"), "line 2: low -190 is not positive"),
        (HEADER + ROWS.replace("190,191", "0,191"), "line 2: low 0 is not positive"),
        (HEADER + ROWS.replace("196", "194"), "line 2: open and close must lie between low and high"),
        (HEADER + ROWS.replace(",20\n", ",-20\n"), "line 3: volume -20 is negative"),
        (HEADER + ROWS.replace(",20\n", "\n"), "line 3: 5 values for 6 columns"),
        (HEADER + ROWS.replace("2020-03-12T00:00:00Z", "Thursday"), "line 2: timestamp 'Thursday'"),
        (HEADER + ROWS.splitlines()[0], "two candles or more"),
        ("\x00\xff", "first line must name"),
    ],
)
def test_load__bad_file__one_clear_line(tmp_path: Path, text: str, fact: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_candles(file)
    assert str(caught.value).startswith(str(file)) and fact in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nowhere.csv", ".", "broken.csv.gz", "latin.csv"])
def test_load__unreadable__one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.csv.gz").write_bytes(b"no gzip")
    (tmp_path / "latin.csv").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ConfigError):
        load_candles(tmp_path / name)


candles = st.lists(
    st.tuples(st.floats(10, 1_000), st.floats(1, 2), st.floats(1, 2), st.floats(0, 1)),
    min_size=1,
    max_size=30,
).map(
    lambda shapes: [
        Candle(
            3_600 * n,
            opened,
            opened * up,
            opened / down,
            opened / down + share * (opened * up - opened / down),
        )
        for n, (opened, up, down, share) in enumerate(shapes)
    ]
)


@given(candles)
def test_path__touches_all_four_prices_in_order(found: list[Candle]) -> None:
    times, prices = candle_path(found, 3_600)

    assert all(before < after for before, after in itertools.pairwise(times))
    for place, candle in enumerate(found):
        four = prices[4 * place : 4 * place + 4]
        inner = [candle.low, candle.high] if candle.close >= candle.open else [candle.high, candle.low]
        assert four == [candle.open, *inner, candle.close]
        assert all(candle.time <= time < candle.time + 3_600 for time in times[4 * place : 4 * place + 4])


@given(candles, st.integers(1, 40))
def test_worst_fall__is_the_deepest_of_all_pairs(found: list[Candle], hours: int) -> None:
    high, low = worst_fall(found, hours * 3_600)
    pairs = [
        1 - found[later].low / found[earlier].high
        for earlier, later in itertools.combinations(range(len(found)), 2)
        if found[later].time - found[earlier].time <= hours * 3_600
    ]
    if pairs:
        assert 1 - found[low].low / found[high].high == pytest.approx(max(pairs))


@given(candles, st.integers(2, 40))
def test_worst_window__holds_the_fall_and_is_no_longer(found: list[Candle], hours: int) -> None:
    first, last = worst_window(found, hours * 3_600)
    part = found[first:last]
    assert part[-1].time - part[0].time <= hours * 3_600
    if found[-1].time - found[0].time > hours * 3_600:
        high, low = worst_fall(found, int(hours * 3_600 * 0.75))
        assert first <= high and low < last
    else:
        assert (first, last) == (0, len(found))


@pytest.mark.parametrize(
    ("interval", "low", "expected"),
    [(3_600, 100, BASE_GWEI), (3_600, 90, BASE_GWEI * 5), (900, 95, BASE_GWEI * 5), (3_600, 1, MAX_GWEI)],
)
def test_rule__by_the_hourly_range(interval: int, low: float, expected: float) -> None:
    assert rule_gwei(Candle(0, 100, 100, low, 100), interval) == pytest.approx(expected)


def test_from_candles__short_file__all_of_it(tmp_path: Path) -> None:
    scenario = from_candles(write(tmp_path, HEADER + ROWS))
    assert (scenario.start, scenario.end) == (1583971200, 1583971200 + 7_199)
    assert scenario.path.prices["ETH"] == (195, 196, 190, 191, 191, 192, 180, 185)


def test_from_candles__chosen_times(tmp_path: Path) -> None:
    rows = "".join(f"{3600 * n},100,101,99,100,1\n" for n in range(1, 100))
    scenario = from_candles(write(tmp_path, HEADER + rows), start=36_000, end=72_000, symbol="BTC")
    assert (scenario.start, scenario.end // 3600, set(scenario.path.prices)) == (36_000, 20, {"BTC"})


def test_from_candles__nothing_chosen__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fewer than two candles"):
        from_candles(write(tmp_path, HEADER + ROWS), start=1583971201)
    with pytest.raises(ConfigError, match="fewer than two candles"):
        from_candles(write(tmp_path, HEADER + ROWS), end=1583971200)


def test_from_candles__gas_file__is_followed(tmp_path: Path) -> None:
    gas = write(tmp_path, "timestamp,gwei\n1583971200,10\n1583974800,40\n", "gas.csv")
    scenario = from_candles(write(tmp_path, HEADER + ROWS), gas_file=gas)
    assert scenario.gas_gwei[0] == 10 and scenario.gas_gwei[4] == 40
    assert scenario.base_fee_at(1583971200 + 1_800) == pytest.approx(20e9, rel=0.01)


@pytest.mark.parametrize("text", ["", "timestamp,price\n1,2\n", "timestamp,gwei\n1,-2\n", "timestamp,gwei\n"])
def test_from_candles__bad_gas_file__is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        from_candles(write(tmp_path, HEADER + ROWS), gas_file=write(tmp_path, text, "gas.csv"))
