"""assess in portfolio mode
├── any book                               -> what the model says, by the haircuts that are effective
├── a witness                              -> what its cells prove; equity and borrow limit are the whole ones
├── levels of two underlyings are Normal   -> they offset each other
│   ├── everything's or one of theirs isn't -> they add up, of collateral that is netted too
│   ├── another's isn't                    -> nothing changes
│   └── whatever is restricted             -> what `diversifies` says is what is done
├── one underlying                         -> asks no breaker
├── an underlying without a grid           -> NotScanned
├── more legs than the cap                 -> TooManyLegs
├── no price                               -> NoPrice, of a leg and of what is netted
├── haircuts for another number of assets  -> WrongHaircuts
├── own strike, loss there above the cap   -> charged in full
└── markOf an option                       -> Black-76 at its smile; past its expiry what it would pay
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from itertools import product

import pytest

from holdfast.chain.contract import Contract
from holdfast.errors import Reverted
from holdfast.model import black76, svi
from holdfast.model.grids import LARGE, LARGE_PARAMS
from holdfast.model.portfolio import ALL, Grid
from holdfast.types import Kind, Level, Mode, instrument_id
from holdfast.units import WAD
from tests.conftest import START, Clock, Refused, Roles
from tests.unit.risk.numbers import BTC, EPOCH, ETH, RULES

DAY = 86_400
EXPIRY = START + 30 * DAY
WETH, WBTC, NOT_NETTED = 1, 2, 3
HAIRCUTS = (1_500, 1_000)
LEG_CAP = 3
SPOT = 2_000 * WAD
CALL = instrument_id(Kind.CALL, 1, EXPIRY, 2_100 * WAD)
PUT = instrument_id(Kind.PUT, 1, EXPIRY, 2_100 * WAD)
FLAT = svi.Smile(a_ppb=360_000_000, b_ppb=0, rho_ppb=0, m_ppb=0, sigma_ppb=svi.PPB)  # 60 %


@dataclass(frozen=True)
class Office:
    risk: Contract
    portfolio: Contract
    around: Contract  # oracle and breaker
    surface: Contract
    scans: Contract
    actor: str

    def restrict(self, underlying: int, level: Level) -> None:
        self.around.send("setLevel", underlying, level, sender=self.actor)

    def margin(
        self, *legs: tuple[int, ...], held: tuple[tuple[int, ...], ...] = (), witness: int = ALL
    ) -> tuple[int, ...]:
        book = (0, legs, held)
        return tuple(self.risk.call("assessBy", Mode.PORTFOLIO, book, witness))

    def modelled(
        self,
        *legs: tuple[int, ...],
        held: tuple[tuple[int, ...], ...] = (),
        offsets: bool = True,
        witness: int = ALL,
    ) -> tuple[int, ...]:
        haircuts = [HAIRCUTS] * len(held)
        return tuple(self.portfolio.call("assessBy", (0, legs, held), haircuts, offsets, witness))


@pytest.fixture
def office(clock: Clock, deploy: Callable[..., Contract], authority: Contract, roles: Roles) -> Office:
    around = deploy("MockSurroundings")
    surface = deploy("MockSmiles")
    scans = deploy("Scans", authority.address, EPOCH, 5_000)
    portfolio = deploy("Portfolio", scans.address, surface.address, LEG_CAP)
    places = (around.address, around.address, surface.address, portfolio.address)
    risk = deploy("Risk", authority.address, *places, (*RULES, 0, 0, 0, 0))
    for underlying, asset in ((1, WETH), (2, WBTC)):
        scans.send("setScan", underlying, astuple(LARGE_PARAMS), astuple(LARGE), sender=roles.deployer)
        scans.send("net", asset, underlying, sender=roles.deployer)
        risk.send("setAsset", asset, HAIRCUTS, sender=roles.deployer)
    risk.send("setAsset", NOT_NETTED, HAIRCUTS, sender=roles.deployer)
    surface.send("set", 1, EXPIRY, (FLAT.word, FLAT.word, 30 * DAY, 30 * DAY), sender=roles.deployer)
    clock.set(START + 2 * DAY)
    return Office(risk, portfolio, around, surface, scans, roles.deployer)


def leg(instrument: int, size: int, quote: int = 0) -> tuple[int, ...]:
    return (instrument, size * WAD, quote, SPOT, SPOT, 0, 0)


def held(asset: int, amount: int) -> tuple[int, ...]:
    return (asset, amount * WAD, SPOT, SPOT, 0)


def test_assess__any_book__as_the_model_by_effective_haircuts(office: Office) -> None:
    legs = (leg(ETH, 3, -WAD), leg(CALL, -4), leg(PUT, 2))
    for holdings in ((), (held(WETH, 1),), (held(WBTC, 2), held(WETH, 1))):
        assert office.margin(*legs, held=holdings) == office.modelled(*legs, held=holdings)
    book = (0, legs, (held(WETH, 1),))
    assert tuple(office.risk.call("assess", Mode.PORTFOLIO, book)) == office.margin(*legs, held=book[2])
    never_set = (9, WAD, SPOT, SPOT, 0)
    assert office.margin(held=(never_set,)) == (2_000 * WAD, 2_000 * WAD, 2_000 * WAD, 0)


def test_assess__hedged__needs_less_than_its_parts(office: Office) -> None:
    naked, ether = office.margin(leg(CALL, -1)), office.margin(held=(held(WETH, 1),))
    covered = office.margin(leg(CALL, -1), held=(held(WETH, 1),))
    assert 0 < covered[2] < (naked[2] + ether[2]) * 2 // 3


def test_assess_by__a_witness__as_the_model(office: Office) -> None:
    legs = (leg(ETH, -1), leg(CALL, -4), leg(PUT, 2))
    whole = office.margin(*legs)
    for witness in (0, 1 << 8, 1 << 20, 0b111 << 15):
        proved = office.margin(*legs, witness=witness)
        assert proved == office.modelled(*legs, witness=witness)
        assert (proved[0], proved[3]) == (whole[0], whole[3])
        assert proved[1] <= whole[1] and proved[2] <= whole[2]
    assert office.margin(*legs, witness=1 << 8)[2] > office.margin(*legs, witness=0)[2]


@pytest.mark.parametrize("restricted", [0, 1, 2])
@pytest.mark.parametrize("level", [Level.CAUTIOUS, Level.HALTED])
def test_assess__a_level_is_not_normal__underlyings_add_up(
    office: Office, restricted: int, level: Level
) -> None:
    books = (((leg(ETH, 1), leg(BTC, -1)), ()), ((leg(BTC, -1),), (held(WETH, 1),)))
    before = [office.margin(*legs, held=holdings) for legs, holdings in books]
    office.restrict(restricted, level)

    for (legs, holdings), offset in zip(books, before, strict=True):
        assert offset == office.modelled(*legs, held=holdings)
        summed = office.margin(*legs, held=holdings)
        assert summed == office.modelled(*legs, held=holdings, offsets=False)
        assert summed[1] > offset[1]
        assert summed[2] == offset[2]  # a level moves at once, MM never


def test_assess__another_level_is_not_normal__nothing_changes(office: Office) -> None:
    legs = (leg(ETH, 1), leg(BTC, -1))
    office.restrict(3, Level.HALTED)

    assert office.margin(*legs, held=(held(WETH, 1),)) == office.modelled(*legs, held=(held(WETH, 1),))


@pytest.mark.parametrize("levels", product((Level.NORMAL, Level.CAUTIOUS), repeat=4))
def test_diversifies__any_levels__says_what_is_done(office: Office, levels: tuple[Level, ...]) -> None:
    books = (
        ((leg(ETH, 1), leg(BTC, -1)), ()),
        ((leg(BTC, -1),), (held(WETH, 1),)),
        ((leg(BTC, -1),), (held(NOT_NETTED, 1), held(WETH, 1))),
        ((leg(BTC, -1),), (held(NOT_NETTED, 1),)),
        ((leg(ETH, 1), leg(CALL, -1)), (held(WETH, 1),)),
        ((), (held(WETH, 1), held(WBTC, 1))),
        ((), ()),
    )
    for underlying, level in enumerate(levels):
        office.restrict(underlying, level)

    said = []
    for legs, holdings in books:
        said.append(office.risk.call("diversifies", (0, legs, holdings)))
        assert office.margin(*legs, held=holdings) == office.modelled(*legs, held=holdings, offsets=said[-1])
    normal = set(levels[:3]) == {Level.NORMAL}
    assert said == [normal, normal, normal, True, True, normal, True]


def test_assess__one_underlying__asks_no_breaker(
    office: Office, deploy: Callable[..., Contract], authority: Contract
) -> None:
    places = [one.address for one in (office.around, office.surface, office.surface, office.portfolio)]
    risk = deploy("Risk", authority.address, *places, (*RULES, 0, 0, 0, 0))  # a surface is no breaker
    legs = (leg(ETH, 1), leg(CALL, -1))

    assert tuple(risk.call("assess", Mode.PORTFOLIO, (0, legs, ()))) == office.modelled(*legs)
    with pytest.raises(Reverted) as caught:
        risk.call("assess", Mode.PORTFOLIO, (0, (*legs, leg(BTC, 1)), ()))
    assert caught.value.name == "Empty"


def test_assess__no_grid__reverts(office: Office, refused: Refused) -> None:
    with refused("NotScanned", underlying=3):
        office.margin(leg(instrument_id(Kind.PERPETUAL, 3), 1))


def test_assess__a_leg_too_many__reverts(office: Office, refused: Refused) -> None:
    with refused("TooManyLegs", legs=LEG_CAP + 1, cap=LEG_CAP):
        office.margin(*[leg(CALL, 1)] * (LEG_CAP + 1))


def test_assess__no_price__reverts(office: Office, refused: Refused) -> None:
    with refused("NoPrice", underlying=1):
        office.margin((ETH, WAD, 0, 0, 0, 0, 0))
    with refused("NoPrice", underlying=1):
        office.margin(held=((WETH, WAD, 0, 0, 0),))


@pytest.mark.parametrize("count", [0, 2])
def test_assess__haircuts_of_another_number__reverts(office: Office, refused: Refused, count: int) -> None:
    with refused("WrongHaircuts", haircuts=count, holdings=1):
        office.portfolio.call("assess", (0, (), (held(WETH, 1),)), [HAIRCUTS] * count, True)


def test_assess__more_than_the_cap_is_lost_at_an_own_strike__charged_in_full(office: Office) -> None:
    """Short of one, long of two expired calls at 2.4 times the spot: 2,800 are lost at the strike, 2,600 where the spot
    is 2.5 times what it was; the cap is one spot."""
    grid = Grid(spots_bps=(0, 15_000), vols_bps=(0,), tails=())
    office.scans.send("setScan", 3, astuple(LARGE_PARAMS), astuple(grid), sender=office.actor)
    call = instrument_id(Kind.CALL, 3, START + DAY, 4_800 * WAD)
    legs = (leg(instrument_id(Kind.PERPETUAL, 3), -1), leg(call, 2))
    assert office.margin(*legs)[1] == 2_800 * WAD


def test_mark_of__an_option__by_its_smile(office: Office, clock: Clock) -> None:
    office.around.send("setSpot", 1, SPOT, sender=office.actor)
    left = EXPIRY - clock.now
    variance = WAD * 36 // 100 * left // black76.YEAR_SECONDS

    assert office.risk.call("markOf", ETH) == SPOT
    assert office.risk.call("markOf", CALL) == black76.price_wad(SPOT, 2_100 * WAD, variance, True)
    assert office.risk.call("markOf", PUT) == office.risk.call("markOf", CALL) + 100 * WAD
    clock.set(EXPIRY)
    assert (office.risk.call("markOf", CALL), office.risk.call("markOf", PUT)) == (0, 100 * WAD)
