"""A violated invariant with the concrete steps that lead to it: readable, and written so that it can be read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from holdfast.model.backstop import StandingBid
from holdfast.model.venue import Order
from holdfast.sim.history import Call
from holdfast.sim.steps import Step

if TYPE_CHECKING:
    from holdfast.sim.director import Profile


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A violated invariant and a history that leads to it."""

    invariant: str
    name: str
    wrong: str
    world: str
    profile: Profile | None
    steps: tuple[Step, ...]
    outcomes: tuple[str, ...] = ()
    calls_before: int = 0  # of the campaign, until it was found

    def __str__(self) -> str:
        lines = [
            f"{self.invariant} {self.name}: {self.wrong}",
            f"world {self.world!r}, seed {self.profile.seed if self.profile else '-'}, {len(self.steps)} steps:",
        ]
        clock = 0
        outcomes = self.outcomes or ("",) * len(self.steps)
        for step, outcome in zip(self.steps, outcomes, strict=True):
            clock += step.wait
            fee = f", base fee {step.base_fee / 10**9:g} gwei" if step.base_fee else ""
            for place, line in enumerate(step.text):
                head = f"  +{clock:>7} s{fee}  {step.action:<14}" if place == 0 else " " * (27 + len(fee))
                lines.append(f"{head} {line}")
            if outcome:
                lines[-1] += f" -> {outcome}"
        return "\n".join(lines)

    def plain(self) -> dict[str, Any]:
        """All that is needed to run it again without this program, in JSON's types. `failure_of` reads it back."""
        return {
            "invariant": self.invariant,
            "name": self.name,
            "wrong": self.wrong,
            "world": self.world,
            "seed": self.profile.seed if self.profile else None,
            "outcomes": list(self.outcomes),
            "steps": [_plain_step(step) for step in self.steps],
        }


def failure_of(plain: Mapping[str, Any]) -> Failure:
    """What `Failure.plain` wrote; its profile is not kept."""
    return Failure(
        invariant=plain["invariant"],
        name=plain["name"],
        wrong=plain["wrong"],
        world=plain["world"],
        profile=None,
        steps=tuple(_step_of(one) for one in plain["steps"]),
        outcomes=tuple(plain["outcomes"]),
    )


def _plain_step(step: Step) -> dict[str, Any]:
    return {
        "action": step.action,
        "text": list(step.text),
        "wait": step.wait,
        "baseFee": step.base_fee,
        "blocks": step.blocks,
        "calls": [
            {
                "from": one.sender,
                "to": one.to,
                "input": "0x" + one.data.hex(),
                "value": one.value,
                "gas": one.gas,
                "tip": one.priority_fee,
            }
            for one in step.calls
        ],
        "facts": frozen(dict(step.facts)),
        "accounts": sorted(step.accounts),
        "speakers": sorted(step.speakers),
        "wide": step.wide,
        "opens": step.opens,
    }


def _step_of(plain: Mapping[str, Any]) -> Step:
    return Step(
        action=plain["action"],
        calls=tuple(
            Call(
                to=one["to"],
                data=bytes.fromhex(one["input"][2:]),
                sender=one["from"],
                value=one["value"],
                gas=one["gas"],
                priority_fee=one["tip"],
            )
            for one in plain["calls"]
        ),
        text=tuple(plain["text"]),
        wait=plain["wait"],
        base_fee=plain["baseFee"],
        blocks=plain["blocks"],
        facts=thawed(plain["facts"]),
        accounts=frozenset(plain["accounts"]),
        speakers=frozenset(plain["speakers"]),
        wide=plain["wide"],
        opens=plain["opens"],
    )


# Facts hold bytes, tuples, orders and bids, which JSON doesn't know: each becomes an object with one key, its kind.

SIGNED: Final = {"order": Order, "bid": StandingBid}
"""What people sign, by kind."""


def frozen(value: Any) -> Any:
    """In JSON's types."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    for kind, made in SIGNED.items():
        if isinstance(value, made):
            return {kind: [frozen(getattr(value, one.name)) for one in fields(made)]}
    if isinstance(value, (tuple, list)):
        return [frozen(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return {"set": sorted(frozen(one) for one in value)}
    if isinstance(value, Mapping):
        return {"map": [[frozen(key), frozen(one)] for key, one in value.items()]}
    return value


def thawed(value: Any) -> Any:
    """What `frozen` was given; sequences come back as tuples."""
    if isinstance(value, list):
        return tuple(thawed(one) for one in value)
    if not isinstance(value, dict):
        return value
    [(kind, inner)] = value.items()
    if kind == "bytes":
        return bytes.fromhex(inner)
    if kind in SIGNED:
        made = SIGNED[kind]
        return made(**{one.name: thawed(part) for one, part in zip(fields(made), inner, strict=True)})
    if kind == "set":
        return frozenset(thawed(one) for one in inner)
    return {thawed(key): thawed(one) for key, one in inner}
