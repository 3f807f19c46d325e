// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IPyth } from "@pythnetwork/pyth-sdk-solidity/IPyth.sol";
import { PythStructs } from "@pythnetwork/pyth-sdk-solidity/PythStructs.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

import { IPriceSource } from "interfaces/IPriceSource.sol";
import { IPythSource } from "interfaces/IPythSource.sol";

/// @notice A pull feed: somebody brings what Pyth's publishers signed.
contract PythSource is IPythSource {
    int256 private constant WAD_DECIMALS = 18;
    int256 private constant MAX_SHIFT = 36; // 64 bits times or through ten to it fit 256

    IPyth public immutable pyth;
    bytes32 public immutable id;

    constructor(IPyth pyth_, bytes32 id_) {
        if (address(pyth_).code.length == 0) revert NoPyth(address(pyth_));

        (pyth, id) = (pyth_, id_);
    }

    /// @inheritdoc IPythSource
    function update(bytes[] calldata updates) external payable {
        uint256 fee = pyth.getUpdateFee(updates);
        if (msg.value < fee) revert FeeTooLow(msg.value, fee);

        pyth.updatePriceFeeds{ value: fee }(updates);

        if (msg.value > fee) SafeTransferLib.safeTransferETH(msg.sender, msg.value - fee);
    }

    /// @inheritdoc IPriceSource
    function price() external view returns (uint256 priceWad, uint256 confidenceWad, uint256 updatedAt) {
        PythStructs.Price memory found = pyth.getPriceUnsafe(id);
        int256 shift = WAD_DECIMALS + found.expo;
        if (found.price <= 0 || shift > MAX_SHIFT || shift < -MAX_SHIFT) return (0, 0, found.publishTime);

        (priceWad, confidenceWad) = (uint64(found.price), found.conf);
        if (shift >= 0) {
            uint256 factor = 10 ** uint256(shift);
            return (priceWad * factor, confidenceWad * factor, found.publishTime);
        }
        uint256 divisor = 10 ** uint256(-shift);
        return (priceWad / divisor, FixedPointMathLib.divUp(confidenceWad, divisor), found.publishTime);
    }
}
