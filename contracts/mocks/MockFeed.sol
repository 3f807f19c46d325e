// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { pushedWad } from "contracts/oracle/PushAnswer.sol";
import { ISettableFeed } from "interfaces/ISettableFeed.sol";

/// @notice A feed whose owner says the price, and that fails in whichever way he says.
contract MockFeed is ISettableFeed {
    enum Fault {
        None,
        Revert, // with a reason
        Short, // a word less than promised
        Empty, // nothing at all
        BurnGas, // all the gas it gets
        Flood, // far more words than promised, all zero
        Future, // as of a time that hasn't come
        Wide // every bit set
    }

    event FaultSet(Fault fault);

    uint8 public immutable decimals;
    address public immutable owner;

    Fault public fault;
    int256 private _answer;
    uint256 private _updatedAt;
    uint80 private _roundId;

    constructor(address owner_, uint8 decimals_) {
        (owner, decimals) = (owner_, decimals_);
    }

    function set(int256 answer) external {
        _set(answer, block.timestamp);
    }

    function setAt(int256 answer, uint256 updatedAt) external {
        _set(answer, updatedAt);
    }

    /// @notice Fail like this from now on.
    function setFault(Fault fault_) external {
        fault = fault_;
        emit FaultSet(fault_);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (_roundId, _answer, _updatedAt, _updatedAt, _roundId);
    }

    function price() external view returns (uint256, uint256, uint256) {
        if (fault == Fault.Revert) revert("out of service");
        if (fault == Fault.Short) _return(64);
        if (fault == Fault.Empty) _return(0);
        if (fault == Fault.BurnGas) while (true) { }
        if (fault == Fault.Flood) _return(1 << 16);
        if (fault == Fault.Future) return (pushedWad(_answer, decimals), 0, block.timestamp + 1);
        if (fault == Fault.Wide) _wide();
        return (pushedWad(_answer, decimals), 0, _updatedAt);
    }

    function _return(uint256 length) private pure {
        assembly {
            return(0, length)
        }
    }

    function _wide() private pure {
        assembly {
            for { let at := 0 } lt(at, 96) { at := add(at, 32) } { mstore(at, not(0)) }
            return(0, 96)
        }
    }

    function _set(int256 answer, uint256 updatedAt) private {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        (_answer, _updatedAt) = (answer, updatedAt);
        ++_roundId;
        emit AnswerSet(answer, updatedAt, _roundId);
    }
}
