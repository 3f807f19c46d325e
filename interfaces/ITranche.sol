// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IERC4626 } from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @notice The backstop of one market: money of people who take over, at the auction's discount, what nobody bought.
/// @dev An ERC-4626 vault of the settlement token. Its money is cash in two ledger accounts of its own:
///   RISK     takes over, by the hand of `IDesk`; begins with at most what is left of the loss cap, and whatever the prices
///            do, the reserve doesn't follow. Below maintenance margin it is sold as any other account
///   RESERVE  never holds anything but cash: what may not be lost, and what is owed to those who have left
/// An epoch lasts from a takeover until RISK holds no position and no collateral:
///   at rest   → at risk   `IDesk.takeOver`, which stakes what RISK has
///   at risk   → at rest   once all is sold; `settle`, or whatever comes next, books the result and pays the queue
/// Shares:
///   total    = RESERVE + RISK, in an epoch at most what was staked, − owed − profit not vested yet    never below zero
///   entry    at total + profit not vested yet: nobody buys into a profit that was made before him
///   exit     at total
/// At risk nobody enters or leaves: the price of a share would hang on a mark, and marks can be pushed. Who wants to
/// leave queues shares; all that are queued in an epoch are paid alike when it ends, before the next one begins.
interface ITranche is IERC4626 {
    /// @notice Coupled parameters of a tranche; they change as one.
    struct Params {
        uint128 lossCapWad; // [wad] most that may be lost below the highest point
        uint32 leverageBps; // exposure at most this multiple of RISK's equity
        uint16 minDiscountBps; // of MM: least gain of a takeover, after all that is deducted from it
        uint32 waitSeconds; // after the ramp of the auction, until a takeover may come
        uint16 concessionBps; // of the mark: most that is given away in a sale
        uint32 unwindSeconds; // after a takeover, until the concession is at its most
        uint32 vestSeconds; // in which a profit becomes the holders'
        uint16 rewardCapBps; // reward of whoever takes over, at most this share of the gain
        uint32 rewardGas; // gas that the reward pays for
    }

    /// @notice Where a tranche stands.
    struct State {
        uint256 lostAmount; // below the highest point; profits make it good, and only then
        uint256 stakedAmount; // in RISK when this epoch began; zero at rest
        uint256 queuedShares; // waiting for the end of this epoch
        uint256 owedAmount; // to those whose epoch has ended
        uint256 vestingAmount; // profit that isn't the holders' yet, now
        uint40 stoppedUntil; // [seconds] no takeover before
        uint256 epoch; // the running one
    }

    event Staked(uint256 amount);
    event EpochSettled(uint256 indexed epoch, uint256 returnedAmount, uint256 shares, uint256 assets);
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );
    event Claimed(address indexed controller, uint256 indexed requestId, address receiver, uint256 assets);
    event Stopped(uint256 until);
    event ParamsSet(Params params);

    error TakeoversStopped(uint256 until);
    error LossCapReached(uint256 lostAmount, uint256 capAmount);
    error RiskInDebt(int256 cashWad);
    error CarriesRisk(uint256 legs, uint256 holdings);
    error NotClaimable(uint256 requestId, uint256 epoch);
    error NotController(address controller, address caller);
    error ZeroShares();
    error NotDesk(address caller);
    error ReserveShort(uint256 amount, uint256 owed);
    error CoolingDown(uint256 readyAt);
    error StopTooLong(uint256 stopSeconds, uint256 maxSeconds);
    error BadParams(uint256 value, uint256 bound);

    // Risk

    /// @notice Begin or go on: refused while takeovers are stopped; at rest it settles, levels, and stakes what RISK has.
    /// Desk only.
    function begin() external returns (Params memory);

    /// @notice At rest: bring at most `mostAmount` from one account to the other, so that RISK has what is left of the loss
    /// cap. Anyone: a takeover does it, too, but all of it, and what leaves the vault for a moment is limited there.
    function level(uint256 mostAmount) external;

    /// @notice End the epoch: book its result, and what the queue is owed. Moves nothing. Anyone.
    function settle() external;

    // Leaving while the tranche carries risk; names and meaning as in ERC-7540

    /// @notice Queue `shares` of `owner` for `controller`, to be paid when the epoch ends. Can't be taken back.
    /// @return requestId the epoch
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 requestId);

    /// @notice Fetch what a request came to. Controller alone. A withdrawal from the ledger like any other.
    function claim(uint256 requestId, address controller, address receiver) external returns (uint256 assets);

    // Governance

    /// @notice Change the parameters; governor, delayed.
    function setParams(Params calldata params) external;

    /// @notice No takeovers for so long, at most MAX_STOP_SECONDS; guardian, no delay. Can't be chained, and touches no way out.
    function stop(uint32 stopSeconds) external;

    // Views

    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);

    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256 shares);

    function params() external view returns (Params memory);

    function state() external view returns (State memory);

    function RESERVE() external view returns (uint64);

    function RISK() external view returns (uint64);

    function MAX_STOP_SECONDS() external view returns (uint256);
}
