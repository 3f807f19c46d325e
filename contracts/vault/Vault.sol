// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

import { IVault } from "interfaces/IVault.sol";

/// @notice Holds one token and moves it for the ledger alone.
/// @dev No lock of its own: only the ledger calls, under the ledger's lock.
contract Vault is IVault, AccessManaged {
    using SafeCast for uint256;
    using SafeTransferLib for address;

    /// @inheritdoc IVault
    address public immutable token;
    /// @inheritdoc IVault
    address public immutable ledger;

    uint128 private _held; // [token]
    uint128 private _cap; // [token]

    modifier onlyLedger() {
        if (msg.sender != ledger) revert NotLedger(msg.sender);
        _;
    }

    constructor(address authority, address ledger_, address token_, uint256 cap_) AccessManaged(authority) {
        ledger = ledger_;
        token = token_;
        _setCap(cap_);
    }

    /* LEDGER */

    /// @inheritdoc IVault
    function pull(address from, uint256 amount) external onlyLedger returns (uint256 received) {
        (uint256 held_, uint256 cap_) = (_held, _cap);
        uint256 before = token.balanceOf(address(this));
        if (before < held_) revert Underfunded(before, held_);

        token.safeTransferFrom(from, address(this), amount);

        // What arrived beside it is a donation; a balance that shrank meanwhile is nothing received.
        uint256 gained = FixedPointMathLib.zeroFloorSub(token.balanceOf(address(this)), before);
        received = FixedPointMathLib.min(gained, amount);
        if (received == 0) revert NothingReceived();
        if (held_ + received > cap_) revert CapExceeded(held_ + received, cap_);

        _held = uint128(held_ + received);

        emit Pulled(from, amount, received);
    }

    /// @inheritdoc IVault
    function push(address to, uint256 amount) external onlyLedger {
        uint256 held_ = _held;
        if (amount > held_) revert Underfunded(held_, amount);
        // No check on `to`: the ledger's caller may send anywhere, and the token rejects what it can't.

        _held = uint128(held_ - amount);

        emit Pushed(to, amount);

        token.safeTransfer(to, amount);
    }

    /* GOVERNANCE */

    /// @inheritdoc IVault
    function setCap(uint256 cap_) external restricted {
        _setCap(cap_);
    }

    /// @inheritdoc IVault
    function tightenCap(uint256 cap_) external restricted {
        if (cap_ >= _cap) revert NotTighter(_cap, cap_);
        _setCap(cap_);
    }

    /* VIEWS */

    /// @inheritdoc IVault
    function held() external view returns (uint256) {
        return _held;
    }

    /// @inheritdoc IVault
    function cap() external view returns (uint256) {
        return _cap;
    }

    function _setCap(uint256 cap_) private {
        _cap = cap_.toUint128();
        emit CapSet(cap_);
    }
}
