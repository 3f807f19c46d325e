"""What an action chooses from, how it draws amounts, and the list of all actions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Final, TypeVar

from holdfast.model.average import WINDOW_SECONDS
from holdfast.sim.ghost import Ghost
from holdfast.sim.steps import Step
from holdfast.sim.world import World
from holdfast.types import (
    Account,
    Asset,
    Grade,
    InstrumentId,
    InstrumentParams,
    Kind,
    Level,
    Market,
    Series,
    Snapshot,
    Traded,
    instrument_id,
)

T = TypeVar("T")

TINY: Final = 0.20
EDGE: Final = 0.15
"""Share of amounts that are tiny, and that are on an edge of the state or a unit beside it."""

OPTIONAL: Final = 0.7
"""Share of choices among what is traded that are options, where there are any."""

FOCUS: Final = 0.6
"""Share of choices among series that are of one that somebody holds already, or else of the first."""

FEW: Final = 3
"""How many are the first."""

HUGE: Final = 2**256 - 1
MOST_PAYMENT: Final = 2**255 - 1
NEVER: Final = 2**40 - 1
ZERO: Final = "0x" + "00" * 20


@dataclass(frozen=True)
class Scene:
    """The state that choices are made from."""

    world: World
    ghost: Ghost
    state: Snapshot
    rng: Random
    touched: set[int] = field(default_factory=set)  # accounts that something is planned for already

    @property
    def now(self) -> int:
        return self.state.system.time

    @property
    def assets(self) -> tuple[Asset, ...]:
        return self.state.system.assets

    @cached_property
    def own(self) -> set[int]:
        system = self.state.system
        return {system.fund_account, system.fees_account, system.treasury_account}

    @cached_property
    def tranches(self) -> set[int]:
        """Accounts that contracts keep for themselves."""
        return {at for one in self.world.backstops.values() for at in (one.reserve, one.risk)}

    @cached_property
    def users(self) -> list[Account]:
        kept = self.own | self.tranches
        return [account for account in self.state.accounts if account.id not in kept]

    @cached_property
    def lots(self) -> list[Account]:
        """Who may be sold: users, and what tranches have taken over."""
        risks = {one.risk for one in self.world.backstops.values()}
        return [a for a in self.state.accounts if a.id not in self.own | self.tranches or a.id in risks]

    @cached_property
    def series(self) -> list[Series]:
        """Those that aren't settled."""
        return [one for one in self.state.series if not one.settled]

    def margined(self, market: Market) -> tuple[InstrumentId, InstrumentParams]:
        """What has margin parameters of its own, and which: a perpetual, or the options of its underlying."""
        if market.option_params.maintenance_bps and self.chance(0.5):
            return instrument_id(Kind.CALL, market.underlying), market.option_params
        return market.instrument, market.params

    @cached_property
    def going_on(self) -> list[Series]:
        """Those that are traded."""
        return [one for one in self.series if one.expiry_at - WINDOW_SECONDS > self.now]

    def traded(self) -> Traded:
        """A perpetual or a series; mostly one still traded, rather one of a few, so that it has several holders."""
        if not self.series or not self.chance(OPTIONAL):
            return self.rng.choice(self.state.markets)
        if not self.chance(0.95):
            return self.rng.choice(self.series)
        few = [one for one in self.going_on if one.long_base_wad] or self.going_on[:FEW]
        chosen = few if self.chance(FOCUS) else self.going_on
        return self.rng.choice(chosen) if chosen else self.rng.choice(self.state.markets)

    def still(self, accounts: Sequence[Account]) -> list[Account]:
        """Those that nothing is planned for yet; all of them where that leaves none."""
        return [account for account in accounts if account.id not in self.touched] or list(accounts)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def pick(self, *groups: Sequence[T], stray: float = 0.15) -> T | None:
        """One of the first group; now and then one of the last, to see it refused."""
        if not groups[0] and not self.chance(stray):
            return None
        groups = tuple(group for group in groups if group)
        if not groups:
            return None
        return self.rng.choice(groups[-1] if self.chance(stray) else groups[0])

    def amount(self, low: int, high: int, edges: Iterable[int] = ()) -> int:
        """Never negative."""
        place = self.rng.random()
        edges = [edge for edge in edges if edge > 0]
        if place < TINY:
            return self.rng.choice((1, 2, 3, self.rng.randrange(1, 1_000)))
        if place < TINY + EDGE and edges:
            return max(0, self.rng.choice(edges) + self.rng.choice((-1, 0, 1)))
        return self.log(low, high)

    def log(self, low: int, high: int) -> int:
        low, high = max(1, low), max(1, high)
        if low >= high:
            return high
        drawn: int = round(math.exp(self.rng.uniform(math.log(low), math.log(high))))
        return min(high, max(low, drawn))

    def speaker(self, account: Account) -> str:
        """Who sends for an account: mostly its owner, sometimes its operator or somebody without a right."""
        people = self.world.people
        if account.id in self.own | self.tranches:
            return people.stranger
        helpers = [
            who for owner, who in self.ghost.operators if owner == account.owner and who == people.keeper
        ]
        place = self.rng.random()
        if place < 0.06:
            return self.rng.choice((people.stranger, self.rng.choice(people.owners)))
        return helpers[0] if helpers and place < 0.3 else account.owner

    def seizable(self, account: Account) -> bool:
        """Does nothing but its health stand in the way of selling it? No halt, no grace, no price beyond use."""
        if account.health is None or account.health.grade > Grade.SLOW:
            return False
        used = {item.underlying for item in account.health.items}
        of_its_own = (market.restriction for market in self.state.markets if market.underlying in used)
        lanes = self.state.system.restriction, *of_its_own
        return all(lane.level < Level.HALTED and self.now >= lane.grace_until for lane in lanes)

    def market_of(self, underlying: int) -> Market:
        return next(market for market in self.state.markets if market.underlying == underlying)


Plan = Callable[[Scene], Step | None]
P = TypeVar("P", bound=Plan)

ACTIONS: Final[dict[str, Plan]] = {}
"""By name, in the order in which they are declared."""

WEIGHTS: Final[dict[str, float]] = {}
"""How often an action is tried, when nothing calls for another."""


def action(*, weight: float = 1) -> Callable[[P], P]:
    """Registers an action under the name of its function."""

    def register(plan: P) -> P:
        ACTIONS[plan.__name__] = plan
        WEIGHTS[plan.__name__] = weight
        return plan

    return register
