"""The auction: exact twin of `contracts/liquidation/AuctionCurve.sol`, and the bounds of its parameters.

Stages and formulas stand at the head of `Liquidation.sol` and in `docs/liquidation.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from holdfast.errors import Refused
from holdfast.units import (
    BPS,
    WAD,
    bps_down,
    bps_up,
    mul_div_down,
    mul_div_up,
    mul_wad_down,
    mul_wad_up,
)

MAX_TARGET_BPS: Final = 30_000
MAX_FUND_SHARE_BPS: Final = 5_000
MAX_REWARD_SHARE_BPS: Final = 5_000
MAX_REWARD_MARGIN_BPS: Final = 30_000
MAX_REWARD_GAS: Final = 60_000
MAX_REWARD_ITEM_GAS: Final = 5_000
MAX_TAX_BPS: Final = 50_000
MAX_RUN_SECONDS: Final = 86_400
MAX_DUST_WAD: Final = 10_000 * WAD
MAX_REWARD_FUND_WAD: Final = 10_000 * WAD
MAX_GATE_DEFICIT_WAD: Final = 1_000_000 * WAD


@dataclass(frozen=True, kw_only=True, slots=True)
class Params:
    """Coupled parameters of the auction, in the order of `ILiquidation.Params`."""

    start_bps: int  # d₀, share of MM
    end_bps: int  # d₁
    target_bps: int  # T
    fund_share_bps: int
    reward_share_bps: int  # of d₁·MM
    reward_margin_bps: int
    reward_gas: int
    reward_item_gas: int
    ramp_seconds: int
    solvent_seconds: int
    run_seconds: int
    dust_wad: int
    reward_fund_wad: int
    gate_deficit_wad: int
    tax_bps: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Everything that the size and price of a slice depend on."""

    equity_wad: int
    maintenance_wad: int
    discount_wad: int  # d
    target_wad: int  # T > d
    dust_wad: int
    max_fraction_wad: int = WAD  # what the taker wants at most
    depth_wad: int = WAD  # fraction that the depth of its markets lets through
    capacity_wad: int = 0  # what the insurance fund can pay; read in the insured phase only
    insured: bool = False
    has_legs: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    fraction_wad: int
    payment_wad: int  # ⌊f·E⌋ − discount
    discount_wad: int  # amount, in favour of the taker
    insurance_wad: int  # from the fund to the account


@dataclass(frozen=True, kw_only=True, slots=True)
class Reward:
    own_wad: int  # out of the account's positive equity
    fund_wad: int  # what the fund is asked to add


def check_params(params: Params) -> None:
    """The bounds of `Liquidation.setParams`, in its order."""
    for value, bound in (
        (params.target_bps, MAX_TARGET_BPS),
        (params.start_bps, params.end_bps),
        (params.end_bps + 1, params.target_bps),
        (BPS + 1, params.target_bps),
        (params.fund_share_bps, MAX_FUND_SHARE_BPS),
        (params.reward_share_bps, MAX_REWARD_SHARE_BPS),
        (params.reward_margin_bps, MAX_REWARD_MARGIN_BPS),
        (params.reward_gas, MAX_REWARD_GAS),
        (params.reward_item_gas, MAX_REWARD_ITEM_GAS),
        (1, params.ramp_seconds),
        (params.ramp_seconds, params.run_seconds),
        (params.solvent_seconds, params.run_seconds),
        (params.run_seconds, MAX_RUN_SECONDS),
        (params.tax_bps, MAX_TAX_BPS),
        (params.dust_wad, MAX_DUST_WAD),
        (params.reward_fund_wad, MAX_REWARD_FUND_WAD),
        (params.gate_deficit_wad, MAX_GATE_DEFICIT_WAD),
    ):
        if value > bound:
            raise Refused("BadParams", value, bound)


def progress_wad(elapsed_seconds: int, ramp_seconds: int) -> int:
    """Share of the ramp that has passed; the taker may lose the wei."""
    return WAD if elapsed_seconds >= ramp_seconds else mul_div_down(elapsed_seconds, WAD, ramp_seconds)


def discount_wad(progress: int, start_bps: int, end_bps: int) -> int:
    """d; the taker may lose the wei."""
    return (start_bps * WAD + (end_bps - start_bps) * progress) // BPS


def discount_at_wad(elapsed_seconds: int, params: Params) -> int:
    """d so long after the start or restart."""
    return discount_wad(progress_wad(elapsed_seconds, params.ramp_seconds), params.start_bps, params.end_bps)


def largest_wad(equity_wad: int, maintenance_wad: int, d: int, target_wad: int) -> int:
    """f*: after it equity = T·MM, whoever loses the wei."""
    if equity_wad <= mul_wad_down(maintenance_wad, d):
        return WAD
    missing = target_wad * maintenance_wad - WAD * equity_wad
    return min(WAD, mul_div_up(missing, WAD, (target_wad - d) * maintenance_wad))


def slice_of(terms: Terms) -> Slice:
    """Size and price of a slice. Refused where a take would be.

    Solvent phase: the discount stays within f·E, so payment ≥ 0. Insured phase: the fund adds what is missing; what it
    can't pay lowers the discount while equity is positive, else the slice; collateral alone is sold anyway.
    """
    full_wad = mul_wad_down(terms.maintenance_wad, terms.discount_wad)
    fraction_wad = _fraction_wad(terms)

    value_wad = mul_div_down(terms.equity_wad, fraction_wad, WAD)
    ideal_wad = mul_wad_down(full_wad, fraction_wad)
    shortfall_wad = max(0, ideal_wad - value_wad)

    insurance_wad = 0
    if shortfall_wad:
        short = shortfall_wad > terms.capacity_wad
        if terms.insured and terms.equity_wad <= 0 and terms.has_legs and short:
            fraction_wad = mul_div_down(terms.capacity_wad, WAD, full_wad - terms.equity_wad)
            value_wad = mul_div_down(terms.equity_wad, fraction_wad, WAD)
            ideal_wad = mul_wad_down(full_wad, fraction_wad)
            shortfall_wad = ideal_wad - value_wad
        if terms.insured:
            insurance_wad = min(shortfall_wad, terms.capacity_wad)
        if terms.equity_wad > 0:
            ideal_wad = value_wad + insurance_wad
    if fraction_wad == 0:
        raise Refused("BadFraction", 0)

    return Slice(
        fraction_wad=fraction_wad,
        payment_wad=value_wad - ideal_wad,
        discount_wad=ideal_wad,
        insurance_wad=insurance_wad,
    )


def fund_share_wad(part: Slice, share_bps: int) -> int:
    """What the taker gives to the fund of the discount that the account paid; the taker may lose the wei."""
    return bps_up(max(0, part.discount_wad - part.insurance_wad), share_bps)


def tax(part: Slice, share_wad: int, wanted_wad: int, fund_share_bps: int) -> tuple[Slice, int, int]:
    """The slice, the fund's share and the tax, after so much (at most all) was taken back from the taker's gain.

    The fund gets its share, the account the rest by a smaller discount, and what it gets the fund needn't insure.
    """
    taken_wad = min(wanted_wad, part.discount_wad - share_wad)
    fund_wad = bps_up(taken_wad, fund_share_bps)
    account_wad = taken_wad - fund_wad
    payment_wad = part.payment_wad + account_wad
    left = replace(
        part,
        payment_wad=payment_wad,
        discount_wad=part.discount_wad - account_wad,
        insurance_wad=min(part.insurance_wad, max(0, -payment_wad)),
    )
    return left, share_wad + fund_wad, taken_wad


def wanted_tax_wad(tip: int, params: Params, items: int, gas_price_wad: int) -> int:
    """What is taken back of a priority fee of `tip` wei a gas; the account may lose the wei."""
    return bps_down(gas_cost_wad(tip, reward_gas(params, items), gas_price_wad), params.tax_bps)


def taxed(part: Slice, tip: int, params: Params, items: int, gas_price_wad: int) -> tuple[Slice, int, int]:
    """What `take` makes of a slice: after the fund's share and the tax on a priority fee of `tip` wei a gas."""
    share_wad = fund_share_wad(part, params.fund_share_bps)
    wanted_wad = wanted_tax_wad(tip, params, items, gas_price_wad)
    return tax(part, share_wad, wanted_wad, params.fund_share_bps)


def reward_gas(params: Params, items: int) -> int:
    """Gas that the start reward follows, for so many positions and collaterals."""
    return params.reward_gas + params.reward_item_gas * items


def gas_cost_wad(base_fee: int, gas: int, gas_price_wad: int) -> int:
    """Gas in the settlement token: wei are wads of the gas token."""
    return mul_wad_down(base_fee * gas, gas_price_wad)


def penalty_share_wad(maintenance_wad: int, end_bps: int, share_bps: int) -> int:
    """Part of the full penalty d₁·MM; the starter may lose the wei."""
    return mul_div_down(maintenance_wad, end_bps * share_bps, BPS * BPS)


def reward(gas_cost_wad: int, margin_bps: int, share_wad: int, equity_wad: int) -> Reward:
    """Start reward: the account pays out of positive equity, the fund adds up to the bare gas, within the share."""
    own_wad = min(bps_down(gas_cost_wad, BPS + margin_bps), share_wad, max(0, equity_wad))
    return Reward(own_wad=own_wad, fund_wad=max(0, min(gas_cost_wad, share_wad) - own_wad))


def start_reward(gas_cost_wad: int, params: Params, equity_wad: int, maintenance_wad: int) -> Reward:
    """What `start` takes from the account, and asks the fund for."""
    share_wad = penalty_share_wad(maintenance_wad, params.end_bps, params.reward_share_bps)
    found = reward(gas_cost_wad, params.reward_margin_bps, share_wad, equity_wad)
    return Reward(own_wad=found.own_wad, fund_wad=min(found.fund_wad, params.reward_fund_wad))


def uncovered(equity_wad: int, capacity_wad: int, params: Params) -> bool:
    """Does the account owe more than the fund can pay, by more than is passed over?"""
    return -equity_wad > capacity_wad + params.gate_deficit_wad if equity_wad < 0 else False


def deficit_share_wad(deficit_wad: int, notional_wad: int, gross_wad: int) -> int:
    """What one position must gain against the mark; at most its notional. The opposite side may lose the wei."""
    if deficit_wad >= gross_wad:
        return notional_wad
    return mul_div_up(deficit_wad, notional_wad, gross_wad)


def _fraction_wad(terms: Terms) -> int:
    """The smaller of f* and what the taker wants; whole where the remainder would be dust."""
    if not 0 < terms.max_fraction_wad <= WAD:
        raise Refused("BadFraction", terms.max_fraction_wad)
    largest = largest_wad(terms.equity_wad, terms.maintenance_wad, terms.discount_wad, terms.target_wad)
    fraction_wad = min(terms.max_fraction_wad, terms.depth_wad, largest)
    if fraction_wad == WAD:
        return fraction_wad
    remainder_wad = mul_wad_up(terms.maintenance_wad, WAD - fraction_wad)
    if remainder_wad >= terms.dust_wad:
        return fraction_wad
    if terms.max_fraction_wad < WAD:
        raise Refused("DustRemainder", remainder_wad, terms.dust_wad)
    return WAD
