"""Sources
├── ChainlinkSource
│   ├── any decimals up to 18, asked anew  -> wad
│   ├── not positive, too wide, too many   -> zero
│   └── no feed there                      -> no deployment
├── PythSource (Pyth's own contract but for the signatures)
│   ├── price, confidence, exponent, time  -> wad, as the model
│   ├── update                             -> brings it, takes the fee, gives back what is over
│   ├── too little is paid                 -> FeeTooLow
│   ├── no update ever                     -> no answer
│   └── no Pyth there                      -> NoPyth
├── UniswapV3Source (a real pool)
│   ├── either order of the tokens         -> the price, scaled by their decimals
│   ├── a dump within the block            -> weighs nothing
│   ├── a dump that stands                 -> moves the mean as long as it stands, and the confidence tells
│   ├── any ticks                          -> as the model
│   ├── beyond what the pool remembers     -> no answer
│   └── a token that isn't in it, a window below a minute -> NotInPool, BadWindow
└── three of different kinds               -> one price
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.chain.anvil import Anvil
from holdfast.chain.contract import Contract
from holdfast.errors import Reverted
from holdfast.model.oracle import pool_answer, pushed_wad, pyth_answer
from holdfast.units import WAD
from tests.conftest import Clock, Refused, Roles
from tests.unit.oracle.pool import Pool
from tests.unit.oracle.world import BTC, World, feed_of

ID = "0x" + "e1" * 32
WINDOW = 600


# Chainlink


@pytest.mark.parametrize("decimals", [0, 6, 8, 18, 19])
@pytest.mark.parametrize("answer", [101, 0, -1, 2**88 - 1, 2**88, 2**255 - 1, -(2**255)])
def test_chainlink__any_answer__in_wad(
    deploy: Callable[..., Contract], roles: Roles, decimals: int, answer: int
) -> None:
    feed = deploy("SettableFeed", roles.deployer, decimals)
    source = deploy("ChainlinkSource", feed.address)
    feed.send("setAt", answer, 77, sender=roles.deployer)

    assert tuple(source.call("price")) == (pushed_wad(answer, decimals), 0, 77)
    assert tuple(feed.call("price")) == tuple(source.call("price"))
    assert source.call("feed") == feed.address


def test_chainlink__no_feed_there__reverts(deploy: Callable[..., Contract], roles: Roles) -> None:
    with pytest.raises(Reverted):
        deploy("ChainlinkSource", roles.stranger)


# Pyth


@pytest.fixture
def pyth(deploy: Callable[..., Contract]) -> Contract:
    return deploy("MockPyth", 60, 5)


@pytest.fixture
def pyth_source(deploy: Callable[..., Contract], pyth: Contract) -> Contract:
    return deploy("PythSource", pyth.address, ID)


def signed(pyth: Contract, price: int, confidence: int, exponent: int, time: int) -> bytes:
    return bytes(pyth.call("createPriceFeedUpdateData", ID, price, confidence, exponent, 1, 1, time, time))


@pytest.mark.parametrize(
    ("price", "confidence", "exponent"),
    [
        (200_000_000_000, 50_000_000, -8),
        (7, 0, 0),
        (123_456_789, 1_001, -20),
        (2**63 - 1, 2**64 - 1, 18),
        (2**63 - 1, 2**64 - 1, -54),
        (5, 5, 19),
        (5, 5, -55),
        (0, 5, -8),
        (-1, 5, -8),
    ],
)
def test_pyth__any_numbers__as_the_model(
    pyth: Contract, pyth_source: Contract, roles: Roles, price: int, confidence: int, exponent: int
) -> None:
    pyth_source.send("update", [signed(pyth, price, confidence, exponent, 77)], sender=roles.keeper, value=5)

    expected = pyth_answer(price, confidence, exponent, 77)
    assert tuple(pyth_source.call("price")) == (expected.price_wad, expected.confidence_wad, 77)


def test_pyth_update__too_much_is_paid__comes_back(
    anvil: Anvil, pyth: Contract, pyth_source: Contract, roles: Roles
) -> None:
    def balance(of: str) -> int:
        return int(anvil.rpc.call("eth_getBalance", of, "latest"), 16)

    updates, before = [signed(pyth, 100, 1, 0, time) for time in (70, 77)], balance(roles.keeper)

    receipt = pyth_source.send("update", updates, sender=roles.keeper, value=1_000)

    assert (balance(pyth.address), balance(pyth_source.address)) == (10, 0)
    assert before - balance(roles.keeper) == 10 + receipt.gas_used * receipt.gas_price
    assert pyth_source.call("price")[2] == 77


def test_pyth_update__too_little_is_paid__reverts(
    pyth: Contract, pyth_source: Contract, roles: Roles, refused: Refused
) -> None:
    updates = [signed(pyth, 100, 1, 0, 70)] * 2
    with refused("FeeTooLow", paid=9, fee=10):
        pyth_source.send("update", updates, sender=roles.keeper, value=9)


def test_pyth__never_updated__has_no_answer(pyth_source: Contract) -> None:
    with pytest.raises(Reverted):
        pyth_source.call("price")


def test_pyth__no_pyth_there__reverts(
    deploy: Callable[..., Contract], roles: Roles, refused: Refused
) -> None:
    with refused("NoPyth", pyth=roles.stranger):
        deploy("PythSource", roles.stranger, ID)


# Uniswap


@pytest.fixture(params=[True, False], ids=["base first", "quote first"])
def pool(anvil: Anvil, roles: Roles, clock: Clock, request: pytest.FixtureRequest) -> Pool:
    return Pool.create(anvil.rpc, roles.deployer, 2_000, base_first=request.param)


@pytest.fixture
def twap(pool: Pool, deploy: Callable[..., Contract]) -> Contract:
    return deploy("UniswapV3Source", pool.contract.address, pool.base.address, WINDOW)


def answer(twap: Contract, anvil: Anvil) -> tuple[int, int, int]:
    found = twap.call("price")
    return found[0], found[1], found[2]


def near(found_wad: int, price: float, share: float = 1e-4) -> bool:
    return bool(abs(found_wad / WAD - price) <= price * share)


def test_uniswap__either_order__the_price(pool: Pool, twap: Contract, clock: Clock, anvil: Anvil) -> None:
    now = clock.now + 10_000
    clock.set(now)

    price_wad, confidence_wad, updated_at = answer(twap, anvil)

    assert near(price_wad, 2_000)
    assert (confidence_wad, updated_at) == (0, now - WINDOW // 2)
    assert twap.call("isBaseFirst") == pool.base_first


def test_uniswap__dump_within_the_block__weighs_nothing(
    pool: Pool, twap: Contract, clock: Clock, anvil: Anvil
) -> None:
    clock.next(clock.now + 10_000)

    pool.sell(10**24)  # several times what is there

    clock.set(clock.now)
    assert abs(abs(pool.tick()) - 200_311) > 10_000
    assert near(answer(twap, anvil)[0], 2_000)
    assert answer(twap, anvil)[1] == 0


def test_uniswap__dump_that_stands__moves_the_mean_as_long_as_it_stands(
    pool: Pool, twap: Contract, clock: Clock, anvil: Anvil
) -> None:
    begin = clock.now + 10_000
    before = pool.tick()
    clock.next(begin)
    pool.sell(2 * 10**22)
    after = pool.tick()

    clock.set(begin + 150)  # a quarter of the window
    price_wad, confidence_wad, _ = answer(twap, anvil)

    sign = 1 if pool.base_first else -1
    scale = 10**12  # of 18 decimals against 6
    quarter = 1.0001 ** (sign * (before * 0.75 + after * 0.25)) * scale
    half = 1.0001 ** (sign * (before * 0.5 + after * 0.5)) * scale
    assert half < quarter < 1_950
    assert near(price_wad, quarter) and near(confidence_wad, quarter - half, 0.01)
    clock.set(begin + WINDOW)
    assert near(answer(twap, anvil)[0], 1.0001 ** (sign * after) * scale)


def test_uniswap__any_ticks__as_the_model(pool: Pool, twap: Contract, clock: Clock, anvil: Anvil) -> None:
    time = clock.now + 10_000
    for amount in (10**22, -(10**22), 2 * 10**22, 10**20, -(10**18)):
        time += 137
        clock.next(time)
        pool.sell(amount)
    for later in (0, 1, 99, 300, 601):
        clock.set(time + later)
        sums = pool.contract.call("observe", [WINDOW, WINDOW // 2, 0])[0]

        expected = pool_answer(
            sums, WINDOW, time + later, base_first=pool.base_first, base_decimals=18, quote_decimals=6
        )

        found = (expected.price_wad, expected.confidence_wad, expected.updated_at)
        assert answer(twap, anvil) == found


def test_uniswap__younger_than_the_window__has_no_answer(pool: Pool, twap: Contract, clock: Clock) -> None:
    clock.set(clock.now + 100)
    with pytest.raises(Reverted):
        twap.call("price")


def test_uniswap__not_in_the_pool_or_too_short__reverts(
    pool: Pool, deploy: Callable[..., Contract], roles: Roles, refused: Refused
) -> None:
    with refused("NotInPool", token=roles.stranger):
        deploy("UniswapV3Source", pool.contract.address, roles.stranger, WINDOW)
    with refused("BadWindow", windowSeconds=59, minSeconds=60):
        deploy("UniswapV3Source", pool.contract.address, pool.base.address, 59)


# Together


def test_sources__of_three_kinds__one_price(
    world: World,
    pool: Pool,
    twap: Contract,
    pyth: Contract,
    pyth_source: Contract,
    deploy: Callable[..., Contract],
    roles: Roles,
    clock: Clock,
) -> None:
    feed = deploy("SettableFeed", roles.deployer, 8)
    pushed = deploy("ChainlinkSource", feed.address)
    now = clock.now + 10_000
    feed.send("setAt", 2_001 * 10**8, now - 40, sender=roles.deployer)
    update: list[Any] = [signed(pyth, 2_002 * 10**8, 10**8, -8, now - 1)]
    pyth_source.send("update", update, sender=roles.keeper, value=5)
    clock.next(now)
    limits = {"heartbeat": 3_600, "max": 10**6 * WAD}
    world.oracle.send("setFeed", BTC, feed_of(pushed, pyth_source, twap, **limits), sender=roles.governor)

    # the pool says 2,000, as of five minutes ago; of the three times the second newest counts
    assert world.oracle.call("spotOf", BTC) == 2_001 * WAD
    assert world.oracle.call("updatedAtOf", BTC) == now - 40
