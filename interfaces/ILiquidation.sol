// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IThrottle } from "interfaces/IThrottle.sol";
import { InstrumentId } from "interfaces/Types.sol";

/// @notice One continuous auction of a whole account, in units of maintenance margin.
/// @dev Stages of an auction:
///   1. none     → solvent   `start` or `startBy`: equity < MM
///   2. solvent  → insured   equity ≤ 0 (any call notices it), or `insure` once solventSeconds passed
///   3. any      → ran out   runSeconds passed since the (re)start: takes wait for `restart`, which begins the curve anew
///   4. insured  → closing   the fund can't pay, or it ran out: `deleverage` position by position, beside the takes
///   5. any      → none      `end`, or any step that leaves equity ≥ MM; `writeOff` where only debt is left
/// Price of a slice f of everything:  payment = f·(equity − d·MM),  d rises linearly from d₀ to d₁ in rampSeconds.
/// Largest slice:  f* = (T·MM − equity) / ((T − d)·MM), at most 1, and 1 where the remainder would be dust.
/// Solvent: payment ≥ 0. Insured: a negative payment comes from the insurance fund in the same call. What the fund
/// can't pay lowers the discount while equity is positive, and the slice where it isn't.
/// Depth: within solventSeconds of the start a slice of a solvent account is no larger than what the depth of its markets has
/// left (`IThrottle`); after that, and in the insured phase, nothing is throttled.
/// Nobody can hold an auction up: anyone may take each step, without the account's owner; positions need no taker
/// in the end, only collateral does.
interface ILiquidation {
    struct Auction {
        uint40 startedAt; // [seconds] zero if none
        uint40 restartedAt; // [seconds]
        uint16 market; // underlying with the largest exposure at the start: whose cap the insurance fund draws on
        bool insured;
        bool ranOut; // once ran out insured: from then on positions may be deleveraged
        bool uncovered; // was seen to owe more than the fund can pay; may stand without an auction
    }

    /// @notice Coupled parameters of the auction; they change as one.
    struct Params {
        uint16 startBps; // d₀, share of MM
        uint16 endBps; // d₁
        uint16 targetBps; // T, equity / MM after the largest slice; above d₁ and above 1
        uint16 fundShareBps; // share of the discount that goes to the insurance fund
        uint16 rewardShareBps; // start reward at most this share of the full penalty d₁·MM
        uint16 rewardMarginBps; // start reward above the gas it costs
        uint32 rewardGas; // gas of a start that the reward follows: base…
        uint32 rewardItemGas; // …and for each position and collateral of the account
        uint32 rampSeconds;
        uint32 solventSeconds;
        uint32 runSeconds;
        uint80 dustWad; // [wad] a remainder with less MM than this is taken whole
        uint80 rewardFundWad; // [wad] the fund's part of a start reward is at most this
        uint80 gateDeficitWad; // [wad] a deficit gates withdrawals if the fund is short by more than this
        uint16 taxBps; // of the priority fee that a taker pays, by the gas of the start reward: back to account and fund
    }

    /// @notice A taker's order, with its own bounds.
    struct Bid {
        uint64 account; // in auction
        uint64 taker; // account that receives
        uint256 maxFractionWad; // [wad] take at most this share
        uint256 minFractionWad; // [wad] …or nothing below this one
        int256 maxPaymentWad; // [wad] pay at most this for the slice as a whole
        uint256 minDiscountWad; // [wad] gain at least this against the mark, fund share and tax deducted
        address receiver; // if not zero, collateral leaves to this address (flash take)
        bytes data; // if not empty, `onTake` is called on the caller before the margin of `taker` is checked
    }

    event AuctionStarted(
        uint64 indexed account, address indexed by, int256 equityWad, uint256 maintenanceWad, uint256 rewardWad
    );
    event AuctionInsured(uint64 indexed account, int256 equityWad);
    event AuctionRestarted(uint64 indexed account);
    event AuctionEnded(uint64 indexed account, int256 equityWad, uint256 maintenanceWad);
    event Taken(
        uint64 indexed account,
        uint64 indexed taker,
        uint256 fractionWad,
        int256 paymentWad,
        uint256 discountWad,
        uint256 fundShareWad,
        uint256 insuranceWad
    );
    event PriorityTaxed(uint64 indexed account, uint64 indexed taker, uint256 taxWad);
    event DeficitDeleveraged(
        uint64 indexed account, InstrumentId indexed instrument, int256 sizeWad, uint256 priceWad, uint256 deficitWad
    );
    event DeficitReported(uint64 indexed account, bool uncovered);
    event DebtWrittenOff(uint64 indexed account, uint256 insuranceWad, uint256 lossWad);
    event ParamsSet(Params params);

    error Healthy(uint64 account, int256 equityWad, uint256 maintenanceWad);
    error Unhealthy(uint64 account, int256 equityWad, uint256 maintenanceWad);
    error AlreadyInAuction(uint64 account);
    error NotInAuction(uint64 account);
    error StillSolvent(uint64 account, int256 equityWad, uint256 insurableAt);
    error AlreadyInsured(uint64 account);
    error RanOut(uint64 account, uint256 ranOutAt);
    error StillRunning(uint64 account, uint256 ranOutAt);
    error SelfTake(uint64 account);
    error BadFraction(uint256 fractionWad);
    error Throttled(uint64 account, uint256 freeAt);
    error FractionTooSmall(uint256 fractionWad, uint256 minFractionWad);
    error DustRemainder(uint256 remainderWad, uint256 dustWad);
    error PaymentTooHigh(int256 paymentWad, int256 maxPaymentWad);
    error DiscountTooSmall(uint256 discountWad, uint256 minDiscountWad);
    error TakerBelowInitialMargin(uint64 taker, int256 equityWad, uint256 initialWad);
    error InsuranceFirst(uint64 account, uint256 capacityWad);
    error NothingToDeleverage(uint64 account);
    error NotAuthorised(uint64 account, address caller);
    error BadParams(uint256 value, uint256 bound);

    /// @notice Start the auction of an account below maintenance margin.
    /// @param rewardAccount account that gets the start reward: basefee · gas · (1 + margin) in the settlement token, at
    /// most rewardShareBps of the full penalty d₁·MM; paid by the account out of its equity. Where that isn't enough the
    /// insurance fund adds what it can, up to basefee · gas without the margin, at most rewardFundWad.
    /// @return rewardWad what `rewardAccount` really got
    function start(uint64 account, uint64 rewardAccount) external returns (uint256 rewardWad);

    /// @notice The same, the breach proved by the scenarios alone whose bits `witness` has: cheaper for an account in Portfolio.
    /// @dev They prove an MM that is never above the whole one (`ILedger.healthBy`), which the event and the most that the reward
    /// may be go by. Everything after it goes by the whole one. Where they prove no breach: `Healthy`, with what they prove.
    function startBy(uint64 account, uint64 rewardAccount, uint256 witness) external returns (uint256 rewardWad);

    /// @notice Enter the insured phase.
    function insure(uint64 account) external;

    /// @notice Begin the curve anew after the auction ran out. Pays nothing.
    function restart(uint64 account) external;

    /// @notice End the auction of an account that is healthy again, or holds and owes nothing.
    function end(uint64 account) external;

    /// @notice Take a slice. The caller must be authorised for `bid.taker`, which ends at equity ≥ IM.
    /// @dev Of the priority fee, (gas price − base fee) · gas of the start reward · price of gas, taxBps are taken back from the
    /// taker's gain, at most all of it, so that being first is worth no more than a price. The event has what is left.
    /// @return fractionWad slice taken
    /// @return paymentWad what the slice as a whole cost, f·equity − discount (negative: the fund paid); of the discount
    /// the taker then gives fundShareBps to the fund; the account's part of the tax lowers the discount
    function take(Bid calldata bid) external returns (uint256 fractionWad, int256 paymentWad);

    /// @notice Deleverage one position of an account in the insured phase, once the insurance fund can't pay the deficit
    /// or the auction ran out: the fund pays what it can, the opposite side this position's share of the rest, by its
    /// price: the mark of every position moves by the same relative amount, at most by the whole mark. Where equity is
    /// positive the price is the mark.
    function deleverage(uint64 account, InstrumentId instrument) external returns (int256 sizeWad, uint256 priceWad);

    /// @notice Last step: an account with debt and nothing else. Insurance fund first, then the credit index.
    /// @dev Needs no auction; without one, the fund draws on the cap of underlying 0.
    function writeOff(uint64 account) external returns (uint256 insuranceWad, uint256 lossWad);

    /// @notice Bring up to date what the breaker knows of an account's deficit: while it is more than the insurance fund can
    /// pay for the market, by more than gateDeficitWad, withdrawals wait (`IBreaker.reportDeficit`).
    /// @dev Needs no auction and asks no breaker: in a crash prices are contested before anybody may be seized, and that is
    /// when others would leave. Moves nothing.
    /// @return uncovered is it more than the fund can pay?
    function reportDeficit(uint64 account) external returns (bool uncovered);

    /// @notice Change the parameters; governor, delayed.
    function setParams(Params calldata params) external;

    function auctionOf(uint64 account) external view returns (Auction memory);

    /// @notice d now [wad].
    function discountOf(uint64 account) external view returns (uint256);

    /// @notice What a bid would get now, were it made: slice, payment, and gain against the mark after the fund's
    /// share, and after the tax on the gas price of the call: none, where it has none.
    function quote(uint64 account, uint256 maxFractionWad)
        external
        view
        returns (uint256 fractionWad, int256 paymentWad, uint256 discountWad);

    function params() external view returns (Params memory);

    /// @notice What knows the depth of the markets that auctions sell into.
    function THROTTLE() external view returns (IThrottle);

    /// @notice Accounts whose reported deficit stands.
    function uncoveredAccounts() external view returns (uint256);
}

/// @notice A taker that wants to act between receiving the slice and the check of its margin.
interface ITaker {
    function onTake(uint64 account, uint64 taker, uint256 fractionWad, int256 paymentWad, bytes calldata data) external;
}
