"""scenario
├── the project's own scenarios    load, and tell what they say they do
├── find_scenario                  a name, or a file; unknown -> ConfigError lists the names
├── a bad file                     -> ConfigError with the fact
├── between points                 prices and gas are geometric
├── with_symbols                   a missing market makes the lead's relative moves
└── next_step                      the first exit of a price from its band, within the bounds
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.chain.binaries import PROJECT
from holdfast.demo.scenario import DEFAULT, Outage, Scenario, find_scenario, load_scenario, next_step
from holdfast.errors import ConfigError
from holdfast.keepers.prices import PricePath

BLACK_THURSDAY = PROJECT / "scenarios" / "black-thursday.toml"
GOOD = """
name = "Test"
about = "a fall"
columns = ["at", "ETH", "gas_gwei"]
points = [[2020-03-12T00:00:00Z, 200, 10], [2020-03-12T01:00:00Z, 100, 40]]
"""


def test_black_thursday__is_that_day() -> None:
    scenario = load_scenario(BLACK_THURSDAY)
    prices = scenario.path.prices["ETH"]
    hours = (scenario.end - scenario.start) / 3600

    assert (prices[0], min(prices), set(scenario.path.prices)) == (195, 86, {"ETH", "BTC"})
    assert 24 <= hours <= 48 and 24 <= len(prices) <= 72
    assert max(scenario.gas_gwei) == 200
    assert [outage.role for outage in scenario.outages] == ["bidder"]


def test_cascade__is_worse_than_that_day() -> None:
    """A small fund and no bidder in the fall: what the other steps are there for."""
    scenario, ordinary = find_scenario("cascade"), find_scenario(DEFAULT)
    prices = scenario.path.prices["ETH"]
    assert min(prices) < prices[0] / 2 and set(scenario.path.prices) == {"ETH", "BTC"}
    assert scenario.stage.insurance_fund < ordinary.stage.insurance_fund == 100_000
    assert scenario.stage.bidder < ordinary.stage.bidder and scenario.stage.depth < ordinary.stage.depth
    assert scenario.stage.backstop > 0 == ordinary.stage.backstop
    (outage,) = scenario.outages
    fall = [scenario.path.at("ETH", time) for time in (outage.start, outage.end)]
    assert outage.role == "bidder" and fall[1] < 0.75 * fall[0]


def test_gamma_squeeze__is_a_rally_into_calls() -> None:
    """Most of what is bought is out of the money when it is bought, and in the money when it expires."""
    scenario = find_scenario("gamma-squeeze")
    options = scenario.options
    assert options is not None and options.impact_bps > 0
    for buy in options.buys:
        assert buy.strike > scenario.path.at("ETH", buy.at)
        assert scenario.start <= buy.at < buy.expiry - 1_800 and buy.expiry % 1_800 == 0
        assert buy.expiry < scenario.end
    won = [buy for buy in options.buys if scenario.path.at("ETH", buy.expiry) > buy.strike]
    assert len(won) > len(options.buys) / 2
    one, other = (writer for writer in options.writers if writer.hedges)
    assert (one.cash, one.size) == (other.cash, other.size) and one.mode is not other.mode
    assert any(not writer.hedges for writer in options.writers)
    (outage,) = scenario.outages
    assert (
        outage.role == "bidder"
        and scenario.stage.insurance_fund < find_scenario(DEFAULT).stage.insurance_fund
    )


def test_find__name_or_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD)
    assert find_scenario(str(file)).name == "Test"
    assert find_scenario("black-thursday") == load_scenario(BLACK_THURSDAY)


def test_find__unknown__lists_the_known() -> None:
    with pytest.raises(ConfigError) as caught:
        find_scenario("doom")
    assert str(caught.value) == (
        "no scenario 'doom': there are black-thursday, cascade, gamma-squeeze, or give a .toml file"
    )


@pytest.mark.parametrize("file", sorted((PROJECT / "scenarios").glob("*.toml")), ids=lambda file: file.stem)
def test_every_scenario__loads(file: Path) -> None:
    assert load_scenario(file).end > load_scenario(file).start


def load(tmp_path: Path, text: str) -> Scenario:
    file = tmp_path / "scenario.toml"
    file.write_text(text)
    return load_scenario(file)


def test_load__good_file(tmp_path: Path) -> None:
    scenario = load(tmp_path, GOOD)
    assert scenario.end - scenario.start == 3_600
    assert scenario.path.at("ETH", scenario.start + 1_800) == pytest.approx(200 / math.sqrt(2))
    assert scenario.base_fee_at(scenario.start + 1_800) == pytest.approx(20 * 10**9)


def test_load__outage(tmp_path: Path) -> None:
    text = (
        GOOD + '\n[[outages]]\nrole = "bidder"\nfrom = 2020-03-12T00:10:00Z\nuntil = 2020-03-12T00:20:00Z\n'
    )
    scenario = load(tmp_path, text)
    start = scenario.start
    assert scenario.outages == (Outage(role="bidder", start=start + 600, end=start + 1_200),)


OUTAGE = '\n[[outages]]\nrole = "{}"\nfrom = 2020-03-12T00:10:00Z\nuntil = 2020-03-12T00:{}:00Z\n'


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "'columns' is missing"),
        ("x = ", "Invalid value"),
        (
            GOOD + "[stage]\nfund = 5\n",
            "stage has no 'fund': it knows insurance_fund, bidder, depth, backstop",
        ),
        (GOOD + "[stage]\nbackstop = -1\n", "stage: backstop must be a whole number from 0 on, not -1"),
        (GOOD + "[stage]\nbidder = 0\n", "stage: bidder must be a whole number from 1 on, not 0"),
        (GOOD + "[stage]\ndepth = 2.5\n", "stage: depth must be a whole number from 1 on, not 2.5"),
        (GOOD + "[options]\nunderlying = 'ETH'\n", "'volatility' is missing"),
        (GOOD.replace("gas_gwei", "gas"), 'columns must be ["at"'),
        (GOOD.replace("200, 10", "200"), "point 1: 2 values for 3 columns"),
        (GOOD.replace("200, 10", "-200, 10"), "ETH: prices must be positive"),
        (GOOD.replace("200, 10", "nan, 10"), "ETH: prices must be positive"),
        (GOOD.replace("200, 10", "200, 0"), "gas prices must be positive"),
        (GOOD.replace("2020-03-12T01", "2020-03-12T00"), "times must rise"),
        (GOOD.replace("2020-03-12T01:00:00Z", '"one"'), "'one' is not a time"),
        (GOOD.replace(", [2020-03-12T01:00:00Z, 100, 40]", ""), "two points or more"),
        (GOOD.replace('name = "Test"', ""), "'name' is missing"),
        (GOOD + OUTAGE.format("janitor", 20), "outage of 'janitor'"),
        (GOOD + OUTAGE.format("bidder", 10), "ends before it begins"),
    ],
)
def test_load__bad_file__says_what_is_wrong(tmp_path: Path, text: str, fact: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert fact in str(caught.value) and "\n" not in str(caught.value)


def test_load__no_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_scenario(tmp_path / "nowhere.toml")


def test_with_symbols__moves_with_the_lead(tmp_path: Path) -> None:
    scenario = load(tmp_path, GOOD).with_symbols({"ETH": 1.0, "BTC": 8_000.0})
    assert scenario.path.prices == {"ETH": (200.0, 100.0), "BTC": (8_000.0, 4_000.0)}


# Steps

paths = st.lists(st.floats(10, 1_000), min_size=2, max_size=12).map(
    lambda prices: PricePath(times=tuple(600 * n for n in range(len(prices))), prices={"ETH": tuple(prices)})
)


@given(path=paths, now=st.integers(0, 7_200), tolerance=st.floats(0.001, 0.2))
def test_next_step__no_price_leaves_its_band_before(path: PricePath, now: int, tolerance: float) -> None:
    step = next_step(path, now, tolerance=tolerance, shortest=1, longest=900)
    anchor = path.at("ETH", now)

    assert now + 1 <= step <= now + 900
    for time in range(now, step, max(1, (step - now) // 20)):
        assert abs(math.log(path.at("ETH", time) / anchor)) <= tolerance + 1e-6
    if now + 1 < step < now + 900:
        assert abs(math.log(path.at("ETH", step) / anchor)) >= tolerance - 1e-6


def test_next_step__several_markets__the_first_counts() -> None:
    path = PricePath(times=(0, 1_000), prices={"ETH": (100.0, 101.0), "BTC": (100.0, 200.0)})
    assert next_step(path, 0, tolerance=math.log(2) / 10, shortest=12, longest=900) == 100


@pytest.mark.parametrize(("shortest", "longest", "expected"), [(12, 900, 100), (200, 900, 200), (12, 50, 50)])
def test_next_step__within_its_bounds(shortest: int, longest: int, expected: int) -> None:
    path = PricePath(times=(0, 1_000), prices={"ETH": (100.0, 200.0)})
    assert next_step(path, 0, tolerance=math.log(2) / 10, shortest=shortest, longest=longest) == expected
