"""Which mutants are tried: drawn with a seed, spread over nouns, files and operators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from random import Random
from typing import Final, TypeVar

from holdfast.mutate.mutants import Mutant

NOUNS: Final[Mapping[str, tuple[str, ...]]] = {
    "ledger": (
        "contracts/ledger/Ledger.sol",
        "contracts/ledger/Positions.sol",
        "contracts/libraries/BookCall.sol",
        "contracts/libraries/CashPool.sol",
        "contracts/libraries/FixedPoint.sol",
        "contracts/libraries/Lanes.sol",
        "contracts/libraries/SideIndex.sol",
    ),
    "liquidation": ("contracts/liquidation/Liquidation.sol", "contracts/liquidation/AuctionCurve.sol"),
    "risk": (
        "contracts/risk/Risk.sol",
        "contracts/risk/LinearMargin.sol",
        "contracts/risk/IsolatedMargin.sol",
        "contracts/risk/InstrumentWord.sol",
    ),
    "options": (
        "contracts/options/Surface.sol",
        "contracts/risk/OptionMargin.sol",
        "contracts/risk/Portfolio.sol",
        "contracts/risk/PortfolioMargin.sol",
        "contracts/risk/Scan.sol",
        "contracts/risk/ScanFields.sol",
        "contracts/risk/Scans.sol",
        "contracts/libraries/Black76.sol",
        "contracts/libraries/Payoff.sol",
        "contracts/libraries/Svi.sol",
    ),
    "insurance": ("contracts/insurance/Insurance.sol",),
    "backstop": (
        "contracts/backstop/Tranche.sol",
        "contracts/backstop/Desk.sol",
        "contracts/backstop/BackstopCurve.sol",
        "contracts/backstop/StandingBids.sol",
        "contracts/backstop/Exposure.sol",
        "contracts/backstop/Arrivals.sol",
    ),
    "oracle": ("contracts/oracle/Oracle.sol", "contracts/oracle/PriceWord.sol"),
    "vault": ("contracts/vault/Vault.sol",),
    "breaker": ("contracts/breaker/Breaker.sol",),
    "venue": ("contracts/venue/Venue.sol",),
}
"""What may be mutated, with the tests of which noun."""

FOCUS: Final = ("ledger", "liquidation", "risk", "insurance")

WEIGHTS: Final = {"ledger": 4, "liquidation": 3, "risk": 2, "insurance": 2}
"""How often a noun's turn comes; once for those that aren't named."""

T = TypeVar("T")


def noun_of(file: str) -> str:
    return next((noun for noun, files in NOUNS.items() if file in files), "")


def drawn(mutants: Iterable[Mutant], seed: int) -> list[Mutant]:
    """All of them in the order in which they are tried: nouns in turn, in each its operators in turn, in each its files
    in turn, and there by lot."""
    by_noun: dict[str, dict[str, dict[str, list[Mutant]]]] = {}
    for one in mutants:
        operators = by_noun.setdefault(noun_of(one.file), {})
        operators.setdefault(one.operator, {}).setdefault(one.file, []).append(one)
    lines = {}
    for noun, operators in sorted(by_noun.items()):
        rng = Random(f"{seed} {noun}")
        queues = []
        for _, files in sorted(operators.items()):
            shuffled = [rng.sample(found, len(found)) for _, found in sorted(files.items())]
            rng.shuffle(shuffled)
            queues.append(_in_turn(shuffled))
        rng.shuffle(queues)
        lines[noun] = _in_turn(queues)
    return list(_weighed(lines))


def _in_turn(queues: Sequence[Sequence[T]]) -> list[T]:
    missing = object()
    turns = chain.from_iterable(zip_longest(*queues, fillvalue=missing))
    return [one for one in turns if one is not missing]  # type: ignore[misc]


def _weighed(lines: Mapping[str, list[Mutant]]) -> Iterator[Mutant]:
    rest = {noun: iter(line) for noun, line in lines.items()}
    while rest:
        for noun in list(rest):
            for _ in range(WEIGHTS.get(noun, 1)):
                one = next(rest[noun], None) if noun in rest else None
                if one is None:
                    rest.pop(noun, None)
                else:
                    yield one
