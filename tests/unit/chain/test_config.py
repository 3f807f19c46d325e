"""Configuration
├── every mistake is one line that names the file, the key and the bound
├── quantities become integers exactly, or not at all
└── a file is found by its chain
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from holdfast.chain.config import CONFIG_FOLDER, Config, find_config, load_config, parse_config, wad
from holdfast.errors import ConfigError
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.types import perpetual
from holdfast.units import WAD

PINNED = Path(__file__).parents[2] / "protocol.toml"


class Key(Enum):
    """What a mistake does to a key that isn't a value of its own; in the names of tests, so alike in every process."""

    ABSENT = "absent"


MARGINS = {
    "initial_bps": 1_000,
    "maintenance_bps": 500,
    "initial_max_bps": 5_000,
    "knee_bps": 5_000,
    "open_interest_cap": 100,
}

SCAN = {
    "maintenance_bps": 5_000,
    "worst": 3,
    "net_delta_bps": 200,
    "gross_delta_bps": 100,
    "pin_bps": 200,
    "short_option_bps": 50,
    "tail_bps": 1_200,
    "near_power_bps": 3_000,
    "far_power_bps": 1_300,
    "spots_bps": [-400, 0, 400],
    "vols_bps": [0],
    "tails": [],
}

MISTAKES = [
    ("ledger.band_bps", Key.ABSENT, "ledger.band_bps: is missing"),
    (
        "insurance.min_share_bps",
        5_001,
        "insurance: max_share_bps (5000) must be at least min_share_bps (5001)",
    ),
    (
        "insurance.cooldown_seconds",
        3_599,
        "insurance: cooldown_seconds (3599) must be at least hold_seconds (3600)",
    ),
    (
        "insurance.window_seconds",
        3_599,
        "insurance: window_seconds (3599) must be at least hold_seconds (3600)",
    ),
    (
        "insurance.window_seconds",
        5_184_001,
        "insurance.window_seconds: should be less than or equal to 5184000 (is 5184001)",
    ),
    ("insurance.least_target", 0, "insurance.least_target: should be greater than or equal to 1 (is 0)"),
    (
        "insurance.volatility_floors.SOL",
        1,
        "insurance.volatility_floors: 'SOL' is not one of the underlyings (ETH, BTC)",
    ),
    ("ledger.band", 1, "ledger.band: is not a known key (is 1)"),
    ("ledger.band_bps", "wide", "ledger.band_bps: should be a valid integer"),
    ("ledger.band_bps", 10_000, "ledger.band_bps: should be less than 10000 (is 10000)"),
    ("ledger.max_rate_bps", 999, "ledger: max_rate_bps (999) must be at least kink_rate_bps (1000)"),
    ("settlement.decimals", 19, "settlement.decimals: should be less than or equal to 18 (is 19)"),
    ("settlement.cap", 0, "settlement.cap: should be greater than 0 (is 0)"),
    (
        "collateral.WETH.underlying",
        "SOL",
        "collateral.WETH.underlying: 'SOL' is not one of the underlyings (ETH, BTC)",
    ),
    (
        "collateral.WETH.initial_haircut_bps",
        999,
        "collateral.WETH: initial_haircut_bps (999) must be at least maintenance_haircut_bps (1000)",
    ),
    (
        "underlyings.ETH.heartbeat_seconds",
        15,
        "underlyings.ETH.heartbeat_seconds: should be a multiple of 10 (is 15)",
    ),
    ("underlyings.ETH.price", 9, "underlyings.ETH: price (9) must lie in [10, 1000000]"),
    (
        "underlyings.ETH.price",
        None,
        "underlyings.ETH: a settable source without an address needs a price",
    ),
    (
        "underlyings.ETH.quorum",
        2,
        "underlyings.ETH: quorum (2) must be more than half of the 1 sources, and not more",
    ),
    ("underlyings.ETH.sources", [], "underlyings.ETH.sources: "),
    (
        "underlyings.ETH.sources",
        [{"kind": "settable"}] * 2,
        "underlyings.ETH: quorum (1) must be more than half of the 2 sources, and not more",
    ),
    ("underlyings.ETH.sources", [{"kind": "guess"}], "underlyings.ETH.sources.0: "),
    (
        "underlyings.ETH.sources",
        [{"kind": "pyth", "address": f"0x{'11' * 20}", "id": "0x12"}],
        "underlyings.ETH.sources.0.pyth.id: String should match pattern",
    ),
    (
        "underlyings.ETH.sources",
        [{"kind": "uniswap", "pool": f"0x{'11' * 20}", "base": f"0x{'22' * 20}", "window_seconds": 59}],
        "underlyings.ETH.sources.0.uniswap.window_seconds: should be greater than or equal to 60 (is 59)",
    ),
    (
        "oracle.contested_seconds",
        86_401,
        "oracle.contested_seconds: should be less than or equal to 86400 (is 86401)",
    ),
    ("underlyings.ETH.max_price", 10, "underlyings.ETH: max_price (10) must be above min_price (10)"),
    (
        "instruments.ETH-PERP.maintenance_bps",
        1_000,
        "instruments.ETH-PERP: maintenance_bps (1000) must be below initial_bps (1000)",
    ),
    ("instruments.ETH-PERP.kind", "call", "instruments.ETH-PERP.kind: should be 'perpetual' (is call)"),
    ("options.SOL", MARGINS, "options: 'SOL' is not one of the underlyings (ETH, BTC)"),
    ("options.ETH", MARGINS | {"kind": "call"}, "options.ETH.kind: is not a known key (is call)"),
    (
        "options.ETH",
        MARGINS | {"maintenance_bps": 1_000},
        "options.ETH: maintenance_bps (1000) must be below initial_bps (1000)",
    ),
    (
        "options.ETH",
        MARGINS | {"maintenance_bps": 474},
        "options.ETH.maintenance_bps (474) must survive one heartbeat: ",
    ),
    ("portfolio.scans.SOL", SCAN, "portfolio.scans: 'SOL' is not one of the underlyings (ETH, BTC)"),
    (
        "portfolio.scans.ETH.spots_bps",
        [-400, 400],
        "portfolio.scans.ETH: spots_bps ([-400, 400]) must ascend, with 0 among them",
    ),
    (
        "portfolio.scans.ETH.spots_bps",
        [0, 400, -400],
        "portfolio.scans.ETH: spots_bps ([0, 400, -400]) must ascend, with 0 among them",
    ),
    (
        "portfolio.scans.ETH.gross_delta_bps",
        201,
        "portfolio.scans.ETH: net_delta_bps (200) must be at least gross_delta_bps (201)",
    ),
    (
        "portfolio.scans.ETH.worst",
        9,
        "portfolio.scans.ETH.worst: should be less than or equal to 8 (is 9)",
    ),
    (
        "portfolio.scans.ETH",
        Key.ABSENT,
        "collateral.WETH.netted: ETH has no scenarios (portfolio.scans)",
    ),
    ("surface", Key.ABSENT, "surface: is missing"),
    ("surface.slow_seconds", 299, "surface: slow_seconds (299) must be at least interval_seconds (300)"),
    ("surface.stale_seconds", 3_599, "surface: stale_seconds (3599) must be at least slow_seconds (3600)"),
    (
        "surface.move_bps",
        5_001,
        "surface.move_bps: should be less than or equal to 5000 (is 5001)",
    ),
    ("access.feeder", 2, "access: feeder must be neither governor nor guardian, who drops what it sets"),
    ("auction.target_bps", 10_000, "auction.target_bps: should be greater than 10000 (is 10000)"),
    ("auction.end_bps", 14_000, "auction: target_bps (14000) must be above end_bps (14000)"),
    ("auction.run_seconds", 100, "auction: run_seconds (100) must be at least ramp_seconds (120)"),
    (
        "breaker.cooldown_seconds",
        22_800,
        "breaker: cooldown_seconds (22800) must be above max_pause_seconds + 2·grace_seconds (22800)",
    ),
    ("insurance.caps.SOL", 1, "insurance.caps: 'SOL' is not one of the underlyings (ETH, BTC)"),
    (
        "backstop.ETH.leverage_bps",
        100_001,
        "backstop.ETH.leverage_bps: should be less than or equal to 100000",
    ),
    ("backstop.ETH.concession_bps", 201, "backstop.ETH.concession_bps must be at most ledger.band_bps (200)"),
    (
        "backstop.ETH.wait_seconds",
        780,
        "backstop.ETH.wait_seconds: ramp and wait (900) must be below auction.run_seconds (900)",
    ),
    ("instruments.BTC-PERP", Key.ABSENT, "backstop.BTC: has no instrument"),
    ("venue.taker_fee_bps", 101, "venue.taker_fee_bps must be at most ledger.max_fee_bps (100)"),
    ("access.governor", "0x12", "access.governor: must be an address of 20 bytes (is 0x12)"),
    ("access.governor", 2, "access: governor and guardian must differ"),
    (
        "access.admin_delay_seconds",
        1,
        "access: admin_delay_seconds (1) must be at least governor_delay_seconds (172800)",
    ),
    ("chain_id", 1, "settlement.address: chain 1 needs an address; mocks are for 31337"),
    (
        "risk.epoch_seconds",
        3_599,
        "risk: epoch_seconds (3599) must be at least ramp_seconds (3600)",
    ),
    (
        "risk.collateral_ramp_seconds",
        86_401,
        "risk: epoch_seconds (86400) must be at least collateral_ramp_seconds (86401)",
    ),
    ("vault.epoch_seconds", 1, "vault: epoch_seconds (1) must be at least ramp_seconds (86400)"),
    ("vault.outflow_share_bps", 0, "vault.outflow_share_bps: "),
    ("settlement.outflow_floor", Key.ABSENT, "settlement.outflow_floor: is missing"),
    (
        "instruments.ETH-PERP.maintenance_bps",
        474,
        "instruments.ETH-PERP.maintenance_bps (474) must survive one heartbeat: "
        "move 225 + funding 52 + fees 103 + reward 97",
    ),
]


@pytest.fixture
def plain() -> dict[str, Any]:
    return load_config(PINNED).plain()


def set_key(data: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        data = data[section]
    if value is Key.ABSENT:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(("key", "value", "message"), MISTAKES, ids=lambda value: str(value)[:40])
def test_mistake__is_one_line_that_names_it(
    plain: dict[str, Any], key: str, value: Any, message: str
) -> None:
    set_key(plain, key, value)
    with pytest.raises(ConfigError) as caught:
        parse_config(plain, "config/x.toml")
    text = str(caught.value)
    assert text.startswith(f"config/x.toml: {message}"), text
    assert "\n" not in text


def test_mistakes__more_than_one__are_counted(plain: dict[str, Any]) -> None:
    set_key(plain, "ledger.band_bps", Key.ABSENT)
    set_key(plain, "ledger.kink_bps", 0)
    with pytest.raises(ConfigError, match=r"ledger\.band_bps: is missing; and 1 more$"):
        parse_config(plain, "x")


def test_plain__read_again__is_the_same(plain: dict[str, Any]) -> None:
    config = load_config(PINNED)
    assert parse_config(plain, "x") == config
    assert parse_config(plain, "x").digest == config.digest


def test_digest__values_and_order_count(plain: dict[str, Any]) -> None:
    digest = load_config(PINNED).digest
    reordered = {**plain, "underlyings": dict(reversed(plain["underlyings"].items()))}
    assert parse_config(reordered, "x").digest != digest
    set_key(plain, "venue.maker_fee_bps", 3)
    assert parse_config(plain, "x").digest != digest


def test_ids__follow_the_order_of_the_file() -> None:
    config = load_config(PINNED)
    assert [config.underlying_id(name) for name in config.underlyings] == [1, 2]
    assert config.instrument_id("BTC-PERP") == perpetual(2)
    assert next(iter(config.tokens)) == config.settlement.symbol


def test_numbers__are_exact(tmp_path: Path) -> None:
    """0.1 + 0.2 and the like: a TOML number with a point never passes through a float."""
    text = PINNED.read_text().replace("dust = 10\n", "dust = 0.100000000000000001\n")
    (tmp_path / "x.toml").write_text(text)
    assert wad(load_config(tmp_path / "x.toml").auction.dust) == WAD // 10 + 1
    assert wad(Decimal("0.000000000000000001")) == 1
    with pytest.raises(ConfigError, match="has more than 18 decimals"):
        wad(Decimal("0.0000000000000000001"))
    usdc = load_config(PINNED).settlement
    assert usdc.amount(Decimal("1.000001")) == 1_000_001
    with pytest.raises(ConfigError, match=r"USDC: 1\.0000001 has more than 6 decimals"):
        usdc.amount(Decimal("1.0000001"))


@pytest.mark.parametrize("half_life", [1, 60, 300, 6_000])
@pytest.mark.parametrize("of", ["ema", "variance"])
def test_decay__halves_in_the_half_life(half_life: int, of: str) -> None:
    config = load_config(PINNED)
    oracle = config.oracle.model_copy(update={f"{of}_half_life_seconds": half_life})
    left = Decimal(getattr(oracle, f"{of}_decay_wad")).scaleb(-18) ** half_life
    assert abs(left - Decimal("0.5")) < Decimal(half_life).scaleb(-17)
    assert left <= Decimal("0.5")  # rounded down: the slow price is never slower than it says


def test_find_config__by_chain(tmp_path: Path) -> None:
    path, config = find_config(31337)
    assert path == CONFIG_FOLDER / "local.toml" and isinstance(config, Config)
    with pytest.raises(ConfigError, match=r"with chain_id = 5: none; name one by --config"):
        find_config(5)
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text("chain_id = 5")
    with pytest.raises(ConfigError, match=r"a\.toml, b\.toml"):
        find_config(5, tmp_path)


def test_load_config__no_file_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config/mars\.toml doesn't exist"):
        load_config("mars")
    (tmp_path / "x.toml").write_text("chain_id = ")
    with pytest.raises(ConfigError, match=r"x\.toml: Invalid value"):
        load_config(tmp_path / "x.toml")
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(tmp_path)


def test_every_config__is_valid() -> None:
    for path in CONFIG_FOLDER.glob("*.toml"):
        load_config(path)


def test_local__scans__are_the_published_ones() -> None:
    """Docs and the hunt for portfolios that the grid doesn't see speak of these."""
    config = load_config("local")
    assert set(config.portfolio.scans) == set(config.underlyings)
    for scan in config.portfolio.scans.values():
        assert (scan.params, scan.grid) == (LARGE_PARAMS, LARGE)


def test_ramp__with_money__is_as_long_as_the_delay(plain: dict[str, Any]) -> None:
    """Collateral that lends at once could be listed and used in one breath."""
    address = "0x" + "11" * 20
    plain["chain_id"] = 1
    for token in (plain["settlement"], *plain["collateral"].values()):
        token["address"] = address
    for underlying in plain["underlyings"].values():
        underlying["sources"] = [{"kind": "settable", "address": address}]
    plain["access"] |= {"governor": address, "guardian": "0x" + "22" * 20, "feeder": "0x" + "33" * 20}

    with pytest.raises(ConfigError, match=r"risk.collateral_ramp_seconds \(60\) must be at least access"):
        parse_config(plain, "x")
    plain["risk"] |= {"collateral_ramp_seconds": 172_800, "epoch_seconds": 172_800}
    parse_config(plain, "x")
