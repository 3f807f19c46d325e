"""setOperator
├── approve
│   ├── emits OperatorSet; the operator acts for all accounts of the caller, later ones too
│   ├── for nobody else's accounts
│   └── and can appoint no others
├── dismiss       he may act no more
└── the owner     is authorised whatever he sets
"""

from __future__ import annotations

from tests.conftest import Refused
from tests.stage import Party
from tests.unit.ledger.world import STRANGER, Bench


def appoint(bench: Bench, owner: Party, approved: bool = True) -> None:
    receipt = bench.send(bench.ledger, "setOperator", STRANGER, approved, by=owner.address)
    assert receipt.event("OperatorSet").args == {
        "owner": owner.address,
        "operator": STRANGER,
        "approved": approved,
    }


def may(bench: Bench, party: Party, who: str = STRANGER) -> bool:
    return bool(bench.ledger.call("isAuthorised", party.account, who))


def test_set_operator__approved__acts_for_all_accounts_of_the_owner(bench: Bench) -> None:
    owner = bench.party(10)
    second = bench.party(owner=owner.key)
    appoint(bench, owner)
    third = bench.party(owner=owner.key)

    assert all(may(bench, party) for party in (owner, second, third))
    bench.send(bench.ledger, "withdraw", owner.account, 0, 10**6, STRANGER, by="stranger")


def test_set_operator__approved__is_nobody_elsewhere(bench: Bench) -> None:
    owner, other = bench.party(), bench.party()
    appoint(bench, owner)
    assert not may(bench, other)


def test_set_operator__operator__appoints_no_others(bench: Bench) -> None:
    owner, accomplice = bench.party(), bench.party()
    appoint(bench, owner)
    bench.send(bench.ledger, "setOperator", accomplice.address, True, by="stranger")
    assert not may(bench, owner, accomplice.address)


def test_set_operator__dismissed__acts_no_more(bench: Bench, refused: Refused) -> None:
    owner = bench.party(10)
    appoint(bench, owner)
    appoint(bench, owner, False)
    assert not may(bench, owner)
    with refused("NotAuthorised", account=owner.account, caller=STRANGER):
        bench.send(bench.ledger, "withdraw", owner.account, 0, 1, STRANGER, by="stranger")


def test_set_operator__owner_himself__stays_authorised(bench: Bench) -> None:
    owner = bench.party()
    bench.send(bench.ledger, "setOperator", owner.address, False, by=owner.address)
    assert may(bench, owner, owner.address)
