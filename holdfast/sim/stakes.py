"""What is known of those who stake in the insurance fund, and of its parameters: from events alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal

from holdfast.model.insurance import Params
from holdfast.sim.ghost import FOLLOWERS, Ghost
from holdfast.sim.steps import Transition


@dataclass(frozen=True)
class Stake:
    shares: int = 0
    leaving: int = 0
    ready_at: int = 0  # [seconds]


@dataclass
class Stakes:
    params: Params
    held: dict[int, Stake] = field(default_factory=dict)  # by account

    def of(self, account: int) -> Stake:
        return self.held.get(account, Stake())


def read_fund_params(found: Iterable[int]) -> Params:
    """`IInsurance.Params` as the model knows them."""
    return Params(**dict(zip((one.name for one in fields(Params)), found, strict=True)))


def stakes_of(g: Ghost) -> Stakes:
    found = g.memory.get("stakes")
    if found is None:
        config = g.world.protocol.record.config["insurance"]
        known = {one.name: config[one.name] for one in fields(Params) if one.name != "least_target_wad"}
        least = int(Decimal(str(config["least_target"])).scaleb(18))
        found = g.memory["stakes"] = Stakes(Params(**known, least_target_wad=least))
    return found


def _follow(g: Ghost, t: Transition) -> None:
    known = stakes_of(g)
    insurance = g.world.protocol.insurance.address
    for event in t.events:
        if event.address != g.world.protocol.insurance.address:
            continue  # tranches have stakes, too
        args = event.args
        if event.address != insurance:
            continue  # tranches have stakes of their own
        if event.name == "Staked":
            was = known.of(args["account"])
            known.held[args["account"]] = replace(was, shares=was.shares + args["shares"])
        elif event.name == "UnstakeRequested":
            was = known.of(args["account"])
            known.held[args["account"]] = replace(was, leaving=args["shares"], ready_at=args["readyAt"])
        elif event.name == "Unstaked":
            was = known.of(args["account"])
            known.held[args["account"]] = replace(was, shares=was.shares - args["shares"], leaving=0)
        elif event.name == "FundParamsSet":
            known.params = read_fund_params(args["params"])


FOLLOWERS.append(_follow)
