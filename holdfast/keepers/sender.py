"""Actions as transactions: tried first, signed here, followed until they are mined.

Nothing is sent that would revert on the newest block, so a lost race costs nothing. While a transaction about a subject
is waiting, no other one about it is sent; one that waits too long is sent again with a higher fee. After a restart the
chain tells which transactions still wait: their places in the queue are freed by paying more for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from holdfast.chain.artifacts import Event
from holdfast.chain.contract import Contract, reverted
from holdfast.chain.protocol import Protocol
from holdfast.chain.transactions import Receipt, wait
from holdfast.errors import HoldfastError, RpcError
from holdfast.keepers.actions import (
    Action,
    Deleverage,
    Distribute,
    End,
    FillBids,
    Hold,
    Insure,
    Mark,
    Poke,
    RefreshTarget,
    ReportDeficit,
    ReportDrawdown,
    ReportSilence,
    Restart,
    SetPrice,
    Settle,
    SettleSeries,
    SettleTranche,
    Start,
    Take,
    TakeOver,
    Trade,
    WriteOff,
)
from holdfast.keepers.view import GasPrice

GAS_MARGIN: Final = (
    13,
    10,
)  # limit over the estimate: an auction's state moves on until the transaction is mined
GAS_ROOM: Final = 100_000  # …and what accrues in between costs gas, too
FEE_ROOM: Final = 2  # the base fee may double before a transaction has to wait
PATIENCE_BLOCKS: Final = 5
BUMP: Final = (5, 4)
ZERO_ADDRESS: Final = "0x" + "00" * 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A transaction on its way."""

    action: Action | None  # None: it only frees a place in the queue
    nonce: int
    request: Mapping[str, Any]
    hashes: tuple[str, ...]  # of it and of what it replaced
    since_block: int
    max_fee: int
    tip: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """What became of an action."""

    action: Action
    tx: str | None = None  # hash, if it was sent
    refused: str | None = None  # the contract's or the node's reason, if it wasn't


@dataclass(frozen=True, kw_only=True, slots=True)
class Mined:
    action: Action | None
    receipt: Receipt
    cost_wad: int  # gas in the settlement token, at the price when it was seen
    events: list[Event] = field(default_factory=list)


class Sender:
    """Sends for one key. Holds what waits; `follow` must be called once a block."""

    def __init__(
        self,
        protocol: Protocol,
        key: LocalAccount,
        *,
        tip: int,
        patience_blocks: int = PATIENCE_BLOCKS,
        dry_run: bool = False,
    ) -> None:
        self.protocol, self.key, self.tip = protocol, key, tip
        self._patience = patience_blocks
        self._dry_run = dry_run
        self._chain_id = int(protocol.rpc.call("eth_chainId"), 16)
        self._waiting: list[Waiting] = []
        self._passed = 0  # how many of ours were mined when we looked last
        self._unknown_since: int | None = (
            None  # block in which transactions were found that we don't remember
        )
        self._feed_decimals: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def follow(self, block: int, base_fee: int, ether_wad: int) -> list[Mined]:
        """What was mined since the last call. Pushes along what has waited too long."""
        # What the count had passed a look ago and has no receipt, something else has replaced: a node may count a
        # transaction a moment before it has its receipt.
        queued, passed = self._queue()
        mined, still = [], []
        for entry in self._waiting:
            receipt = self._receipt(entry)
            if receipt is None:
                still += [entry] if entry.nonce >= self._passed else []
                continue
            gas = GasPrice(wei=receipt.gas_price, ether_wad=ether_wad)
            cost = gas.cost_wad(receipt.gas_used)
            events = receipt.events if receipt.status else []
            mined.append(Mined(action=entry.action, receipt=receipt, cost_wad=cost, events=events))
        self._waiting = [
            self._push(entry, block, base_fee) if block - entry.since_block >= self._patience else entry
            for entry in still
        ]
        self._passed = passed
        self._free_queue(range(passed, queued), block, base_fee)
        return mined

    def send(self, actions: Iterable[Action], block: int, base_fee: int) -> list[Attempt]:
        """Each action on its own: one that is refused doesn't stop the next."""
        busy = {entry.action.subject for entry in self._waiting if entry.action is not None}
        attempts = []
        for action in actions:
            if action.subject in busy and not isinstance(action, Deleverage):
                continue
            attempts.append(self._attempt(action, block, base_fee))
        return attempts

    def _attempt(self, action: Action, block: int, base_fee: int) -> Attempt:
        contract, data = self._calldata(action)
        request: dict[str, Any] = {
            "from": self.key.address,
            "to": contract.address,
            "data": "0x" + data.hex(),
        }
        try:
            gas = self._gas(action, request)
            if self._dry_run:
                return Attempt(action=action)
            nonce = int(self.protocol.rpc.call("eth_getTransactionCount", self.key.address, "pending"), 16)
            request["gas"] = hex(gas)
            entry = self._send(action, nonce, request, block, FEE_ROOM * base_fee + self.tip, self.tip)
        except RpcError as error:
            return Attempt(action=action, refused=str(reverted(error)))
        self._waiting.append(entry)
        return Attempt(action=action, tx=entry.hashes[-1])

    def _gas(self, action: Action, request: Mapping[str, Any]) -> int:
        """The limit. Raises RpcError where the call would revert now; a poke that waits for its answers can't."""
        estimate = int(self.protocol.rpc.call("eth_estimateGas", request), 16)
        limit = estimate * GAS_MARGIN[0] // GAS_MARGIN[1] + GAS_ROOM
        if isinstance(action, Poke):  # it will write prices that the estimate didn't see yet
            return limit + 100_000 * len(action.underlyings)
        return limit

    def _send(
        self,
        action: Action | None,
        nonce: int,
        request: Mapping[str, Any],
        block: int,
        max_fee: int,
        tip: int,
        before: tuple[str, ...] = (),
    ) -> Waiting:
        transaction = {
            **{name: value for name, value in request.items() if name != "from"},
            "value": 0,
            "chainId": self._chain_id,
            "nonce": nonce,
            "maxFeePerGas": max_fee,
            "maxPriorityFeePerGas": tip,
            "type": 2,
        }
        raw = bytes(self.key.sign_transaction(transaction).raw_transaction)
        sent: str = self.protocol.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())
        return Waiting(
            action=action,
            nonce=nonce,
            request=request,
            hashes=(*before, sent),
            since_block=block,
            max_fee=max_fee,
            tip=tip,
        )

    def _push(self, entry: Waiting, block: int, base_fee: int) -> Waiting:
        """The same transaction with a higher fee."""
        tip = max(entry.tip * BUMP[0] // BUMP[1], self.tip)
        max_fee = max(entry.max_fee * BUMP[0] // BUMP[1], FEE_ROOM * base_fee + tip)
        try:
            return self._send(entry.action, entry.nonce, entry.request, block, max_fee, tip, entry.hashes)
        except RpcError:  # mined a moment ago, or the node wants still more: look again after another wait
            return Waiting(
                action=entry.action,
                nonce=entry.nonce,
                request=entry.request,
                hashes=entry.hashes,
                since_block=block,
                max_fee=max_fee,
                tip=tip,
            )

    def _queue(self) -> tuple[int, int]:
        """How many transactions of ours the node knows, and how many of them are mined."""
        questions = [("eth_getTransactionCount", (self.key.address, when)) for when in ("pending", "latest")]
        known, passed = (int(count, 16) for count in self.protocol.rpc.batch(questions))
        return known, passed

    def _free_queue(self, queue: range, block: int, base_fee: int) -> None:
        """Replaces what waits from an earlier life of this keeper, if nobody mines it."""
        known = {entry.nonce for entry in self._waiting}
        unknown = [nonce for nonce in queue if nonce not in known]
        if not unknown:
            self._unknown_since = None
        elif self._unknown_since is None:
            self._unknown_since = block
        elif block - self._unknown_since >= self._patience:
            self._unknown_since = None
            for nonce in unknown:
                self._waiting.append(self._push(self._nothing(nonce, block, base_fee), block, base_fee))

    def _nothing(self, nonce: int, block: int, base_fee: int) -> Waiting:
        address = self.key.address
        return Waiting(
            action=None,
            nonce=nonce,
            request={"from": address, "to": address, "data": "0x", "gas": hex(21_000)},
            hashes=(),
            since_block=block,
            max_fee=2 * FEE_ROOM * base_fee,
            tip=2 * self.tip,
        )

    def _receipt(self, entry: Waiting) -> Receipt | None:
        for tx in reversed(entry.hashes):
            if self.protocol.rpc.call("eth_getTransactionReceipt", tx) is not None:
                return wait(self.protocol.rpc, tx, check=False)
        return None

    def _decimals(self, feed: Contract) -> int:
        if feed.address not in self._feed_decimals:
            self._feed_decimals[feed.address] = int(feed.call("decimals"))
        return self._feed_decimals[feed.address]

    def _calldata(self, action: Action) -> tuple[Contract, bytes]:
        protocol = self.protocol
        liquidation = protocol.liquidation
        match action:
            case SetPrice():
                feed = protocol.feeds[action.underlying][action.venue]
                return feed, feed.encode("set", action.price_wad // 10 ** (18 - self._decimals(feed)))
            case Poke():
                return protocol.oracle, protocol.oracle.encode("poke", list(action.underlyings))
            case Start(witness=None):
                return liquidation, liquidation.encode("start", action.account, action.reward_account)
            case Start():
                return liquidation, liquidation.encode(
                    "startBy", action.account, action.reward_account, action.witness
                )
            case Insure():
                return liquidation, liquidation.encode("insure", action.account)
            case Restart():
                return liquidation, liquidation.encode("restart", action.account)
            case End():
                return liquidation, liquidation.encode("end", action.account)
            case Deleverage():
                return liquidation, liquidation.encode("deleverage", action.account, action.instrument)
            case WriteOff():
                return liquidation, liquidation.encode("writeOff", action.account)
            case ReportDeficit():
                return liquidation, liquidation.encode("reportDeficit", action.account)
            case Take():
                bid = (
                    action.account,
                    action.taker,
                    action.max_fraction_wad,
                    action.min_fraction_wad,
                    action.max_payment_wad,
                    action.min_discount_wad,
                    ZERO_ADDRESS,
                    b"",
                )
                return liquidation, liquidation.encode("take", bid)
            case Trade():
                taker = protocol.sign(action.taker, self.key)
                return protocol.venue, protocol.venue.encode(
                    "matchOrders",
                    action.maker.order.members(),
                    action.maker.signature,
                    taker.order.members(),
                    taker.signature,
                    action.size_wad,
                )
            case TakeOver():
                desk = protocol.desks[action.market]
                return desk, desk.encode("takeOver", action.account)
            case FillBids():
                return protocol.standing_bids, protocol.standing_bids.encode(
                    "fill",
                    action.account,
                    [signed.bid.members() for signed in action.bids],
                    [signed.signature for signed in action.bids],
                )
            case SettleTranche():
                tranche = protocol.tranches[action.market]
                return tranche, tranche.encode("settle")
            case SettleSeries():
                return protocol.positions, protocol.positions.encode(
                    "settleSeries", action.instrument, action.covered_at
                )
            case Settle():
                return protocol.ledger, protocol.ledger.encode(
                    "settleMany", list(action.accounts), action.instrument
                )
            case Mark():
                return protocol.sentinel, protocol.sentinel.encode("mark", action.underlying)
            case ReportDrawdown():
                return protocol.sentinel, protocol.sentinel.encode("reportDrawdown", action.underlying)
            case ReportSilence():
                return protocol.sentinel, protocol.sentinel.encode("reportSilence", action.account)
            case Hold():
                return protocol.insurance, protocol.insurance.encode("hold", action.account)
            case RefreshTarget():
                return protocol.insurance, protocol.insurance.encode("refreshTarget")
            case Distribute():
                return protocol.insurance, protocol.insurance.encode("distribute")
        raise HoldfastError(f"no transaction for {action!r}")
