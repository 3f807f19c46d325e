// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Action, Grade, Level } from "interfaces/Types.sol";

/// @notice What is allowed when: (grade × market level × global level × grace) → action.
/// @dev Underlying 0 is "everything". A restriction ends by itself; Halted is followed by a grace period in which
/// accounts can be topped up but not seized. Deposits never ask the breaker, reductions are always allowed.
/// Cautious and Halted run side by side, each with its own end: the higher one in force counts.
/// Beside them stands the gate: while somebody owes more than the insurance fund can pay, withdrawals wait, so that nobody
/// leaves the loss to those who stay. It is shut for at most GATE_SECONDS from the first report, and then open for at least
/// GATE_GAP_SECONDS, whatever is reported.
interface IBreaker {
    event Tripped(uint16 indexed underlying, Level level, uint256 until, address indexed by);
    event GraceOpened(uint16 indexed underlying, uint256 until);
    event Relaxed(uint16 indexed underlying);
    event GateShut(uint256 until);
    event GateOpened();

    error Blocked(Action action, uint16 underlying, Level level, Grade grade, bool grace);
    error Gated(uint256 until);
    error PauseTooLong(uint256 pauseSeconds, uint256 maxSeconds);
    error NotTighter(uint16 underlying, Level current, Level proposed, uint256 until);
    error CoolingDown(uint16 underlying, uint256 readyAt);
    error BadPeriod(uint256 value, uint256 bound);

    /// @notice Tighten for `pauseSeconds` at most MAX_PAUSE_SECONDS; guardian, no delay. Never loosens.
    /// @dev A level can be tripped again only COOLDOWN_SECONDS after it expired, there and in underlying 0, so pauses can't
    /// be extended or chained: by hand a market is halted for at most 2·MAX_PAUSE (once itself, once with everything)
    /// before it is free to seize for COOLDOWN − GRACE > 0 in one piece.
    /// Reports of the oracle neither wait for this cooldown nor start it.
    function trip(uint16 underlying, Level level, uint32 pauseSeconds) external;

    /// @notice The oracle saw a price move beyond its bound: Cautious for TRIGGER_SECONDS from now.
    function reportMove(uint16 underlying) external;

    /// @notice The oracle saw the first price after Stale: grace from now, unless Halted is in force (its own will follow).
    function reportResume(uint16 underlying) external;

    /// @notice Somebody owes more than the insurance fund can pay (`uncovered`), or nobody does any more; Liquidation only.
    /// @dev The first report opens a span of GATE_SECONDS in which the gate is shut as long as a deficit stands; reports never
    /// prolong it. Between the end of a span and the start of the next lie at least GATE_GAP_SECONDS.
    function reportDeficit(bool uncovered) external;

    /// @notice End a restriction early; governor, delayed. Ending Halted opens its grace period; without one, nothing happens.
    function relax(uint16 underlying) external;

    /// @notice Revert with `Gated` or `Blocked` unless `action` is allowed: by the gate, by the global lane and by every one
    /// of `items`.
    /// @param items as in `Health.items`: what an account holds, with its weight, grade and underlying
    /// @param toleranceWad [wad] what stands in the way is passed over while it weighs less than this together: an auction
    /// goes on if the account would be unhealthy whatever the prices are that can't be trusted, so that nobody shields
    /// himself with a little of a halted market or a dead feed. Zero: nothing is passed over
    function check(Action action, uint256[] calldata items, uint256 toleranceWad) external view;

    /// @notice The table: is `action` allowed at this grade, level and grace, with the gate shut or open?
    function allowed(Action action, Grade grade, Level level, bool grace, bool gated) external pure returns (bool);

    /// @notice When seizing was allowed again after the last halt that is over, its grace included, of any of `items` or of
    /// everything [seconds]; zero if there was none. Auctions count their time from it.
    function reopenedAt(uint256[] calldata items) external view returns (uint256);

    /// @notice Level in force, when it ends and until when grace lasts (zero if none), of one underlying alone.
    function stateOf(uint16 underlying) external view returns (Level level, uint256 until, uint256 graceUntil);

    /// @notice Until when withdrawals wait at most [seconds]; zero if the gate is open.
    function gatedUntil() external view returns (uint256);

    /// @notice From when on a report can shut the gate anew [seconds].
    function gateReadyAt() external view returns (uint256);

    /// @notice When the cooldown of `level` of one underlying alone ends; zero if never tripped.
    function readyAtOf(uint16 underlying, Level level) external view returns (uint256);

    function MAX_PAUSE_SECONDS() external view returns (uint256);

    function COOLDOWN_SECONDS() external view returns (uint256);

    function GRACE_SECONDS() external view returns (uint256);

    function TRIGGER_SECONDS() external view returns (uint256);

    function GATE_SECONDS() external view returns (uint256);

    function GATE_GAP_SECONDS() external view returns (uint256);
}
