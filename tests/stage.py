"""The stage on which stories and attacks are played: a whole deployment, people, a clock, and the books.

Every transaction is mined one second after the one before, at one base fee, so a story has the same numbers each time.
After every one of them INV-01 must hold, and the dust may not have shrunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_account import Account as Keys
from eth_account.signers.local import LocalAccount

from holdfast.chain.abi import as_address
from holdfast.chain.anvil import MNEMONIC
from holdfast.chain.artifacts import artifact
from holdfast.chain.contract import Contract, deploy
from holdfast.chain.protocol import Protocol, books_of
from holdfast.chain.transactions import Receipt
from holdfast.chain.views import read_health
from holdfast.model.venue import Order
from holdfast.types import Account, Health, Market, Mode
from holdfast.units import BPS, WAD

NOBODY = "0x" + "00" * 20
ALL = WAD  # the whole of an account
ANY = 2**255 - 1  # a bidder that pays any price
GWEI = 10**9
UNLIMITED = 2**256 - 1
GAS = 15_000_000  # [gas] of a transaction: never the reason why one fails

PLACES = {"deployer": 0, "governor": 1, "guardian": 2, "keeper": 5, "stranger": 6, "feeder": 8}
"""Of the node's accounts; traders get those that are left."""

PEOPLE = 20  # accounts of the node
TRADERS = (3, 4, 7, *range(9, PEOPLE))


@lru_cache
def key_of(place: int) -> LocalAccount:
    Keys.enable_unaudited_hdwallet_features()
    return Keys.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{place}")


def address_of(who: Any) -> str:
    """Of one of PLACES by name, or of anything with an address."""
    return as_address(key_of(PLACES[who]).address if isinstance(who, str) and who in PLACES else who)


@dataclass(frozen=True)
class Party:
    """Somebody with one account."""

    account: int
    key: LocalAccount

    @property
    def address(self) -> str:
        return str(self.key.address)


class Stage:
    """`send` everything through here. Amounts of a story are in whole dollars and whole units."""

    def __init__(self, protocol: Protocol, time: int) -> None:
        self.protocol = protocol
        self.rpc = protocol.rpc
        self.ledger = protocol.ledger
        self.positions = protocol.positions
        self.liquidation = protocol.liquidation
        self.oracle = protocol.oracle
        self.breaker = protocol.breaker
        self.insurance = protocol.insurance
        self.venue = protocol.venue
        self.eth = protocol.instruments["ETH-PERP"]
        self.btc = protocol.instruments["BTC-PERP"]
        self.fund, self.fees, self.treasury = (
            int(protocol.insurance.call(name)) for name in ("FUND", "FEES", "TREASURY")
        )
        self.time = time  # [seconds] of the newest block
        self.base_fee = GWEI  # [wei a gas]
        self.dust_wad: int | None = None  # the most that was seen
        self._slack = 0  # [wei] of the last look
        self.prices = {  # [wad] as last said by the feeds
            symbol: wads(float(entry["price"]))
            for symbol, entry in protocol.record.config["underlyings"].items()
        }
        self._free = list(TRADERS)
        self._nonce = 0

    # Time

    def wait(self, seconds: int) -> None:
        """An empty block, that many seconds later; views see it."""
        self.time += seconds
        self.rpc.call("anvil_setNextBlockTimestamp", self.time)
        self.rpc.call("evm_mine")
        self.check()

    def until(self, time: int) -> None:
        """The next transaction is mined at `time`."""
        assert time > self.time, "that is past"
        self.time = time - 1

    def until_started(self, party: Party, seconds: int) -> None:
        """The next transaction is mined that many seconds after the start of the party's auction."""
        auction = self.look(party).auction
        assert auction is not None
        self.until(auction.started_at + seconds)

    # Transactions

    def send(self, contract: Contract, function: str, *args: Any, by: Any, check: bool = True) -> Receipt:
        self._next_block()
        receipt = contract.send(
            function, *args, sender=address_of(by), gas=GAS, max_fee=self.base_fee, priority_fee=0
        )
        if check:
            self.check()
        return receipt

    def deploy(self, name: str, *args: Any, by: Any = "stranger") -> Contract:
        """One more contract. Contracts among the arguments stand for their addresses."""
        self._next_block()
        plain = [arg.address if isinstance(arg, Contract) else arg for arg in args]
        return deploy(self.rpc, artifact(name), *plain, sender=address_of(by), gas=GAS)

    def _next_block(self) -> None:
        self.time += 1
        self.rpc.call("anvil_setNextBlockTimestamp", self.time)
        self.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(self.base_fee))

    def check(self) -> None:
        """INV-01: every claim has its token, whatever happened; and what rounding left behind stays there.

        Views project interest and funding from the last stored point to now. What such a projection rounds away isn't
        stored, so a second later it may be less: by a wei for each whole unit that an index applies to, no more.
        """
        snapshot = self.protocol.snapshot()
        books, pool = books_of(snapshot), snapshot.system.pool
        before, slack = self._slack, 0
        if pool.debt_shares:
            slack += len(snapshot.accounts) + (pool.credit_shares + pool.debt_shares) // WAD + 2
        for market in snapshot.markets:
            if market.long.premium_ppb:
                slack += len(snapshot.accounts) + (market.long_base_wad + market.short_base_wad) // WAD + 2
        assert books.balanced, f"INV-01: {books}"
        assert all(net <= 0 for net in books.net_size_wad.values()), f"INV-01: more long than short: {books}"
        assert self.dust_wad is None or books.dust_wad >= self.dust_wad - max(slack, before), (
            f"INV-01: dust fell from {self.dust_wad} to {books.dust_wad} wei"
        )
        self._slack = slack
        self.dust_wad = max(self.dust_wad or 0, books.dust_wad)

    # People and money

    def party(
        self, cash: float = 0, mode: Mode = Mode.CROSS, owner: LocalAccount | None = None, **tokens: float
    ) -> Party:
        """Somebody new with an account, `cash` dollars and collateral in it."""
        key = owner or key_of(self._free.pop(0) if self._free else TRADERS[-1])
        receipt = self.send(self.ledger, "open", mode, by=key.address)
        party = Party(receipt.event("AccountOpened").args["account"], key)
        if cash:
            self.deposit(party, "USDC", cash)
        for symbol, amount in tokens.items():
            self.deposit(party, symbol, amount)
        return party

    def units(self, symbol: str, amount: float) -> int:
        """Whole tokens in the token's own decimals."""
        return round(amount * 10 ** self.protocol.decimals[self.protocol.assets[symbol]])

    def deposit(self, to: Party | int, symbol: str, amount: float, by: Any = None) -> Receipt:
        """Fresh tokens, from the party itself or `by` another."""
        asset = self.protocol.assets[symbol]
        account, payer = (to.account, by or to.address) if isinstance(to, Party) else (to, by)
        raw = self.units(symbol, amount)
        self.endow(payer, symbol, raw)
        return self.send(self.ledger, "deposit", account, asset, raw, by=payer)

    def endow(self, who: Any, symbol: str, raw: int) -> None:
        """Tokens out of nothing, and the vault's leave to take them."""
        asset = self.protocol.assets[symbol]
        sender = address_of(who)
        token, vault = self.protocol.tokens[asset], self.protocol.vaults[asset]
        self.send(token, "mint", sender, raw, by=sender, check=False)
        if token.call("allowance", sender, vault.address) < raw:
            self.send(token, "approve", vault.address, UNLIMITED, by=sender, check=False)

    def withdraw(self, party: Party, symbol: str, amount: float) -> Receipt:
        asset = self.protocol.assets[symbol]
        raw = self.units(symbol, amount)
        return self.send(self.ledger, "withdraw", party.account, asset, raw, party.address, by=party.address)

    def insure(self, dollars: float) -> None:
        """Somebody gives money to the insurance fund."""
        self.deposit(self.fund, "USDC", dollars, by="stranger")

    # Trades

    @property
    def nonce(self) -> int:
        """A new one each time."""
        self._nonce += 1
        return self._nonce

    def order(
        self, party: Party, size: float, price: float, instrument: int | None = None, **changes: Any
    ) -> Order:
        fields: dict[str, Any] = {
            "account": party.account,
            "signer": party.address,
            "instrument": self.eth if instrument is None else instrument,
            "size_wad": wads(size),
            "limit_price_wad": wads(price),
            "nonce": self.nonce,
        }
        return Order(**{**fields, **changes})

    def match(
        self, maker: tuple[Party, Order], taker: tuple[Party, Order], size_wad: int, by: Any = "keeper"
    ) -> Receipt:
        (one, first), (two, second) = maker, taker
        return self.send(
            self.venue,
            "matchOrders",
            first.members(),
            self.protocol.sign(first, one.key).signature,
            second.members(),
            self.protocol.sign(second, two.key).signature,
            size_wad,
            by=by,
        )

    def trade(
        self, buyer: Party, seller: Party, size: float, price: float, instrument: int | None = None
    ) -> Receipt:
        """The seller makes the price, the buyer takes it."""
        return self.match(
            (seller, self.order(seller, -size, price, instrument)),
            (buyer, self.order(buyer, size, price, instrument)),
            wads(size),
        )

    # Prices

    def say(self, symbol: str, price: float, time: int | None = None) -> None:
        """The feeds say so, as of their block or of `time`; nobody has looked yet."""
        self.prices[symbol] = wads(price)
        for feed in self.protocol.feeds[self.protocol.underlyings[symbol]]:
            answer = round(price * 10 ** feed.call("decimals"))
            if time is None:
                self.send(feed, "set", answer, by="deployer", check=False)
            else:
                self.send(feed, "setAt", answer, time, by="deployer", check=False)

    def poke(self, *symbols: str) -> Receipt:
        ids = [self.protocol.underlyings[symbol] for symbol in symbols or self.protocol.underlyings]
        return self.send(self.oracle, "poke", ids, by="keeper")

    def price(self, symbol: str, price: float) -> Receipt:
        """The feed says so and the oracle looks; what follows (Contested, Cautious) is the story's."""
        self.say(symbol, price)
        return self.poke(symbol)

    def drift(self, symbol: str, price: float) -> None:
        """A new price that everybody had an hour to get used to: the slow price is there, and nothing is restricted."""
        for _ in range(2):
            for name, wad in {**self.prices, symbol: wads(price)}.items():
                self.say(name, wad / WAD)
            self.poke()
            self.wait(1_800)

    # Looking

    def look(self, party: Party | int) -> Account:
        return self.protocol.accounts([party if isinstance(party, int) else party.account])[0]

    def health(self, party: Party | int) -> Health:
        found = self.look(party).health
        assert found is not None, "the account can't be assessed"
        return found

    def ahead(self, party: Party | int) -> Health:
        """Its health as the next transaction will find it, a second from now."""
        account = party if isinstance(party, int) else party.account
        request = {"to": self.ledger.address, "data": "0x" + self.ledger.encode("healthOf", account).hex()}
        answer = self.rpc.call("eth_call", request, "latest", {}, {"time": hex(self.time + 1)})
        return read_health(self.ledger.decode("healthOf", bytes.fromhex(answer[2:])))

    def equity(self, party: Party | int) -> int:
        return self.health(party).margin.equity_wad

    def cash(self, party: Party | int) -> int:
        return int(self.ledger.call("cashOf", party if isinstance(party, int) else party.account))

    def size(self, party: Party, instrument: int | None = None) -> int:
        found = self.look(party).position(self.eth if instrument is None else instrument)
        return found.size_wad if found else 0

    def market(self, instrument: int | None = None) -> Market:
        wanted = self.eth if instrument is None else instrument
        return next(market for market in self.protocol.markets() if market.instrument == wanted)

    # Liquidation

    def start(self, party: Party, reward: Party | None = None) -> Receipt:
        to = reward.account if reward else self.treasury
        return self.send(self.liquidation, "start", party.account, to, by="keeper")

    def bid(
        self,
        party: Party | int,
        taker: Party | int,
        *,
        most: int = ALL,
        least: int = 0,
        pay: int = ANY,
        gain: int = 0,
        receiver: str = NOBODY,
        data: bytes = b"",
    ) -> tuple[Any, ...]:
        """A Bid as `take` takes it."""
        sold, account = (who if isinstance(who, int) else who.account for who in (party, taker))
        return (sold, account, most, least, pay, gain, receiver, data)

    def take(self, party: Party, taker: Party, **bounds: Any) -> Receipt:
        return self.send(self.liquidation, "take", self.bid(party, taker, **bounds), by=taker.address)

    def deleverage(self, party: Party, instrument: int | None = None) -> Receipt:
        wanted = self.eth if instrument is None else instrument
        return self.send(self.liquidation, "deleverage", party.account, wanted, by="keeper")

    def write_off(self, party: Party) -> Receipt:
        return self.send(self.liquidation, "writeOff", party.account, by="keeper")


def discount_at(seconds: int) -> int:
    """d [wad] so long after the start: 5 % of MM at once, all of it after two minutes."""
    return (500 * WAD + 9_500 * (min(seconds, 120) * WAD // 120)) // BPS


def up(x: int, y: int, denominator: int) -> int:
    """⌈x·y/denominator⌉"""
    return -(-x * y // denominator)


def wads(amount: float) -> int:
    """A decimal number in wad, exact to a billionth."""
    return round(amount * 10**9) * 10**9


def fee(notional: float, bps: int) -> int:
    """[wad] of a trade of that many dollars."""
    return wads(notional) * bps // BPS


def named(receipt: Receipt, *names: str) -> list[dict[str, Any]]:
    """The arguments of exactly these events, in this order; the receipt may hold others in between."""
    found = [event for event in receipt.events if event.name in names]
    assert [event.name for event in found] == list(names), [event.name for event in receipt.events]
    return [dict(event.args) for event in found]


def total(stage: Stage, parties: Sequence[Party]) -> int:
    """[wad] What these people have together in the ledger, at the marks."""
    return sum(stage.equity(party) for party in parties)
