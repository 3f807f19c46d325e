"""Money in and out, and who may speak for whom."""

from __future__ import annotations

from holdfast.sim.actions.scene import Scene, action
from holdfast.sim.steps import Step, act
from holdfast.types import SETTLEMENT, Account, Asset, Mode
from holdfast.units import WAD


@action(weight=4)
def deposit(s: Scene) -> Step | None:
    account = s.pick(s.users, s.state.accounts)
    if account is None:
        return None
    taken = account.mode is not Mode.ISOLATED or s.chance(0.1)  # an isolated account holds cash alone
    asset = s.rng.choice(s.assets if taken else s.assets[:1])
    unit = 10 ** s.world.protocol.decimals[asset.asset]
    worth = 1 if asset.price is None else max(1, asset.price.spot_wad // WAD)
    edges = [-account.cash_wad // asset.unit_wad] if asset.asset == SETTLEMENT else []
    amount = s.amount(1, 20_000 * unit // worth, [*edges, asset.cap - asset.held])
    if amount * worth > 100_000_000 * unit:
        amount = s.log(1, 1_000 * unit)  # nobody has that much
    sender = s.speaker(account)
    return act(
        s.world, "deposit", s.world.protocol.ledger, "deposit", account.id, asset.asset, amount,
        sender=sender, accounts=frozenset({account.id}),
        facts={"account": account.id, "asset": asset.asset, "amount": amount},
    )  # fmt: skip


@action(weight=1)
def rescue(s: Scene) -> Step | None:
    """Bring an account in trouble back to maintenance or initial margin, to the wei or a unit beside it."""
    weak = [a for a in s.users if a.health is not None and (a.healthy is False or a.auction is not None)]
    account = s.pick(weak, [a for a in s.users if a.health is not None], stray=0.02)
    if account is None or account.health is None:
        return None
    margin, unit = account.health.margin, s.assets[SETTLEMENT].unit_wad
    wanted = s.rng.choice((margin.maintenance_wad, margin.maintenance_wad, margin.initial_wad))
    missing = -(-(wanted - margin.equity_wad) // unit) + s.rng.choice((-1, 0, 0, 1))
    if missing <= 0:
        return None
    return act(
        s.world, "deposit", s.world.protocol.ledger, "deposit", account.id, SETTLEMENT, missing,
        sender=s.world.people.keeper, accounts=frozenset({account.id}),
        facts={"account": account.id, "asset": SETTLEMENT, "amount": missing},
    )  # fmt: skip


@action(weight=5)
def withdraw(s: Scene) -> Step | None:
    rich = [a for a in s.users if a.cash_wad > 0 or a.holdings]
    account = s.pick(s.still(rich), s.state.accounts)
    if account is None or account.health is None:
        return None
    held = [SETTLEMENT] * 2 + [holding.asset for holding in account.holdings]
    asset = s.assets[
        s.rng.choice(held) if s.chance(0.95) else s.rng.randrange(len(s.assets) + 1) % len(s.assets)
    ]
    margin = account.health.margin
    if asset.asset == SETTLEMENT:
        free = max(0, margin.equity_wad - margin.initial_wad)
        most = min(free, max(0, account.cash_wad + margin.borrow_limit_wad)) // asset.unit_wad
        edges = [most, max(0, account.cash_wad) // asset.unit_wad, asset.held, _room(asset)]
    else:
        most = next((h.amount for h in account.holdings if h.asset == asset.asset), 0)
        edges = [most, most, _room(asset)]
    amount = s.amount(most // 1_000, most, edges)
    return _withdraw(s, account, asset, amount, s.speaker(account))


@action(weight=3)
def borrow(s: Scene) -> Step | None:
    """Withdraw cash against collateral, near the limit."""
    found = [
        a for a in s.users if a.holdings and a.health is not None and a.health.margin.borrow_limit_wad > 0
    ]
    account = s.pick(s.still(found))
    if account is None or account.health is None:
        return None
    margin, unit = account.health.margin, s.assets[SETTLEMENT].unit_wad
    free = max(0, margin.equity_wad - margin.initial_wad)
    most = min(free, max(0, account.cash_wad + margin.borrow_limit_wad), s.assets[0].held * unit) // unit
    amount = s.amount(most // 2, most, [most])
    return _withdraw(s, account, s.assets[SETTLEMENT], amount, account.owner)


@action(weight=2)
def leave(s: Scene) -> Step | None:
    """Take everything of one asset out of an account without positions and debt."""
    free = [a for a in s.users if not a.positions and a.cash_wad >= 0 and (a.cash_wad > 0 or a.holdings)]
    account = s.pick(free)
    if account is None:
        return None
    amounts = {holding.asset: holding.amount for holding in account.holdings}
    if account.cash_wad >= s.assets[SETTLEMENT].unit_wad:
        amounts[SETTLEMENT] = min(
            account.cash_wad // s.assets[SETTLEMENT].unit_wad, s.assets[SETTLEMENT].held
        )
    if not amounts:
        return None
    asset = s.rng.choice(sorted(amounts))
    return _withdraw(s, account, s.assets[asset], amounts[asset], account.owner)


def _room(asset: Asset) -> int:
    """What fits the bucket of outflows."""
    return max(0, asset.outflow_capacity - asset.outflow)


def _withdraw(s: Scene, account: Account, asset: Asset, amount: int, sender: str) -> Step:
    to = sender if s.chance(0.9) else s.world.people.stranger
    return act(
        s.world, "withdraw", s.world.protocol.ledger, "withdraw", account.id, asset.asset, amount, to,
        sender=sender, accounts=frozenset({account.id}),
        facts={"account": account.id, "asset": asset.asset, "amount": amount},
    )  # fmt: skip


@action(weight=1)
def donate(s: Scene) -> Step:
    asset = s.rng.choice(s.assets)
    amount = s.amount(1, 10 ** (s.world.protocol.decimals[asset.asset] + 3))
    token = s.world.protocol.tokens[asset.asset]
    return act(
        s.world, "donate", token, "transfer", asset.vault, amount,
        sender=s.world.people.stranger,
        facts={"asset": asset.asset, "amount": amount, "absurd": asset.asset in s.world.hostile},
    )  # fmt: skip


@action(weight=2)
def dust(s: Scene) -> Step | None:
    """The smallest amounts there are, and all but the smallest."""
    few = s.rng.randint(1, 3)
    account, asset = s.rng.choice(s.users), s.rng.choice(s.assets)
    kind = s.rng.choice(("in", "out", "out", "rest", "gift"))
    if kind == "gift":
        token = s.world.protocol.tokens[asset.asset]
        facts = {"asset": asset.asset, "amount": few, "absurd": asset.asset in s.world.hostile}
        return act(
            s.world,
            "donate",
            token,
            "transfer",
            asset.vault,
            few,
            sender=s.world.people.stranger,
            facts=facts,
        )
    if kind == "in":
        asset = asset if account.mode is not Mode.ISOLATED else s.assets[SETTLEMENT]
        return act(
            s.world, "deposit", s.world.protocol.ledger, "deposit", account.id, asset.asset, few,
            sender=account.owner, accounts=frozenset({account.id}),
            facts={"account": account.id, "asset": asset.asset, "amount": few},
        )  # fmt: skip
    held = {holding.asset: holding.amount for holding in account.holdings}
    held[SETTLEMENT] = max(0, account.cash_wad // s.assets[SETTLEMENT].unit_wad)
    chosen = s.rng.choice(sorted(held))
    amount = few if kind == "out" else held[chosen] - few
    return _withdraw(s, account, s.assets[chosen], amount, account.owner) if amount > 0 else None


@action(weight=1)
def open(s: Scene) -> Step | None:
    if len(s.users) >= 16:
        return None
    mode = s.rng.choice((Mode.CROSS, Mode.ISOLATED, Mode.PORTFOLIO)) if s.chance(0.9) else Mode.NONE
    owner = s.rng.choice(s.world.people.owners)
    return act(s.world, "open", s.world.protocol.ledger, "open", mode, sender=owner, opens=1)


@action(weight=1)
def set_operator(s: Scene) -> Step:
    people = s.world.people
    operator = s.rng.choice((people.keeper, people.stranger, s.world.flash.address))
    return act(
        s.world, "set_operator", s.world.protocol.ledger, "setOperator", operator, s.chance(0.5),
        sender=s.rng.choice(people.owners),
    )  # fmt: skip
