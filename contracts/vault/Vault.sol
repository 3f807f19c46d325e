// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

import { BPS } from "contracts/libraries/FixedPoint.sol";
import { Limits } from "contracts/libraries/Limits.sol";
import { Limit } from "interfaces/IBounded.sol";
import { IVault } from "interfaces/IVault.sol";

/// @notice Constants and first limits of a vault.
struct VaultConfig {
    uint256 cap; // [token] most that is taken in
    uint256 outflowFloor; // [token] what may leave in a window, however little is held
    uint16 outflowShareBps; // share of what is held that may leave in a window
    uint32 windowSeconds;
    uint32 rampSeconds; // in which a limit rises
    uint32 epochSeconds; // between two steps of a limit
}

/// @notice Holds one token and moves it for the ledger alone.
/// @dev No lock of its own: only the ledger calls, under the ledger's lock.
contract Vault is IVault, AccessManaged {
    using Limits for Limit;
    using SafeTransferLib for address;

    /// @inheritdoc IVault
    address public immutable token;
    /// @inheritdoc IVault
    address public immutable ledger;

    uint256 public immutable OUTFLOW_SHARE_BPS;
    uint256 public immutable WINDOW_SECONDS;
    uint256 public immutable RAMP_SECONDS;
    uint256 public immutable EPOCH_SECONDS;

    uint112 private _held; // [token]
    uint112 private _outflow; // [token] how full the bucket was,
    uint32 private _outflowAt; // …when something last left that counts

    Limit private _cap; // [token]
    Limit private _floor; // [token]

    modifier onlyLedger() {
        if (msg.sender != ledger) revert NotLedger(msg.sender);
        _;
    }

    constructor(address authority, address ledger_, address token_, VaultConfig memory c) AccessManaged(authority) {
        if (c.outflowShareBps == 0 || c.outflowShareBps > BPS) revert BadConfig(c.outflowShareBps, BPS);
        if (c.windowSeconds == 0) revert BadConfig(c.windowSeconds, 1);
        if (c.rampSeconds == 0 || c.rampSeconds > c.epochSeconds) revert BadConfig(c.rampSeconds, c.epochSeconds);

        (ledger, token) = (ledger_, token_);
        OUTFLOW_SHARE_BPS = c.outflowShareBps;
        WINDOW_SECONDS = c.windowSeconds;
        (RAMP_SECONDS, EPOCH_SECONDS) = (c.rampSeconds, c.epochSeconds);
        _cap.open(c.cap);
        _floor.open(c.outflowFloor);

        emit CapSet(c.cap, 0);
        emit OutflowFloorSet(c.outflowFloor, 0);
    }

    /* LEDGER */

    /// @inheritdoc IVault
    function pull(address from, uint256 amount) external onlyLedger returns (uint256 received) {
        uint256 held_ = _held;
        uint256 before = token.balanceOf(address(this));
        if (before < held_) revert Underfunded(before, held_);

        token.safeTransferFrom(from, address(this), amount);

        // What arrived beside it is a donation; a balance that shrank meanwhile is nothing received.
        uint256 gained = FixedPointMathLib.zeroFloorSub(token.balanceOf(address(this)), before);
        received = FixedPointMathLib.min(gained, amount);
        if (received == 0) revert NothingReceived();
        uint256 cap_ = cap();
        if (held_ + received > cap_) revert CapExceeded(held_ + received, cap_);

        _held = uint112(held_ + received);

        emit Pulled(from, amount, received);
    }

    /// @inheritdoc IVault
    function push(address to, uint256 amount, uint256 exempt) external onlyLedger {
        uint256 held_ = _held;
        if (amount > held_) revert Underfunded(held_, amount);
        // No check on `to`: the ledger's caller may send anywhere, and the token rejects what it can't.

        if (amount > exempt) _count(amount - exempt);
        _held = uint112(held_ - amount);

        emit Pushed(to, amount, exempt);

        token.safeTransfer(to, amount);
    }

    /// @dev Into the bucket. It is as full as what it leaked meanwhile, at the rate of its size now, has left.
    function _count(uint256 amount) private {
        (uint256 level, uint256 capacity) = outflow();
        uint256 available = FixedPointMathLib.zeroFloorSub(capacity, level);
        if (amount > available) revert OutflowExceeded(available, amount);

        (_outflow, _outflowAt) = (uint112(level + amount), uint32(block.timestamp));
    }

    /* GOVERNANCE */

    /// @inheritdoc IVault
    function setCap(uint256 cap_) external restricted {
        emit CapSet(cap_, _cap.set(cap_, RAMP_SECONDS, EPOCH_SECONDS));
    }

    /// @inheritdoc IVault
    function tightenCap(uint256 cap_) external restricted {
        if (cap_ >= cap()) revert NotTighter(cap(), cap_);
        _cap.tighten(cap_);

        emit CapSet(cap_, 0);
    }

    /// @inheritdoc IVault
    function setOutflowFloor(uint256 floor) external restricted {
        emit OutflowFloorSet(floor, _floor.set(floor, RAMP_SECONDS, EPOCH_SECONDS));
    }

    /// @inheritdoc IVault
    function tightenOutflowFloor(uint256 floor) external restricted {
        if (floor >= outflowFloor()) revert NotTighter(outflowFloor(), floor);
        _floor.tighten(floor);

        emit OutflowFloorSet(floor, 0);
    }

    /* VIEWS */

    /// @inheritdoc IVault
    function held() external view returns (uint256) {
        return _held;
    }

    /// @inheritdoc IVault
    function cap() public view returns (uint256) {
        return _cap.currentOf(RAMP_SECONDS);
    }

    /// @inheritdoc IVault
    function outflowFloor() public view returns (uint256) {
        return _floor.currentOf(RAMP_SECONDS);
    }

    /// @inheritdoc IVault
    function outflow() public view returns (uint256 level, uint256 capacity) {
        capacity = FixedPointMathLib.max(outflowFloor(), _held * OUTFLOW_SHARE_BPS / BPS);
        uint256 leaked = capacity * (block.timestamp - _outflowAt) / WINDOW_SECONDS;
        level = FixedPointMathLib.zeroFloorSub(_outflow, leaked);
    }

    /// @inheritdoc IVault
    function limits() external view returns (Limit memory cap_, Limit memory floor) {
        return (_cap, _floor);
    }
}
