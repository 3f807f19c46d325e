// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IPriceSource } from "interfaces/IPriceSource.sol";

/// @notice A source that says anything, and can misbehave in every way we could think of. It starts out good.
contract MockBrokenFeed is IPriceSource {
    enum Fault {
        None,
        Revert, // with a reason
        Short, // fewer words than promised
        Empty, // nothing at all
        BurnGas, // all the gas it gets
        Flood, // far more words than promised
        RevertLong // with as many words as promised
    }

    Fault public fault;
    uint256 private _priceWad;
    uint256 private _confidenceWad;
    uint256 private _updatedAt;

    function setFault(Fault fault_) external {
        fault = fault_;
    }

    function setAnswer(uint256 priceWad, uint256 confidenceWad, uint256 updatedAt) external {
        (_priceWad, _confidenceWad, _updatedAt) = (priceWad, confidenceWad, updatedAt);
    }

    function price() external view returns (uint256, uint256, uint256) {
        if (fault == Fault.Revert) revert("broken");
        if (fault == Fault.Short) _return(95);
        if (fault == Fault.Empty) _return(0);
        if (fault == Fault.BurnGas) while (true) { }
        if (fault == Fault.Flood) _return(1 << 17);
        if (fault == Fault.RevertLong) _revert(_priceWad, _confidenceWad, _updatedAt);
        return (_priceWad, _confidenceWad, _updatedAt);
    }

    /// @dev What it would have answered, as the reason.
    function _revert(uint256 priceWad, uint256 confidenceWad, uint256 updatedAt) private pure {
        bytes memory words = abi.encode(priceWad, confidenceWad, updatedAt);
        assembly {
            revert(add(words, 32), mload(words))
        }
    }

    function _return(uint256 length) private pure {
        assembly {
            return(0, length)
        }
    }
}
