// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A feed that can misbehave in every way we could think of. It starts out good.
contract MockBrokenFeed {
    enum Fault {
        None,
        Revert, // with a reason
        Short, // fewer words than promised
        Empty, // nothing at all
        BurnGas, // all the gas it gets
        Flood, // far more words than promised
        RevertLong // with as many words as promised
    }

    Fault public answerFault;
    Fault public decimalsFault;
    uint256 private _decimals = 8;
    uint256 private _roundId = 1; // wider than the interface's, to return dirty words
    int256 private _answer;
    uint256 private _updatedAt;

    function setFaults(Fault answerFault_, Fault decimalsFault_) external {
        (answerFault, decimalsFault) = (answerFault_, decimalsFault_);
    }

    function setAnswer(int256 answer, uint256 updatedAt) external {
        (_answer, _updatedAt) = (answer, updatedAt);
    }

    function setDecimals(uint256 decimals_) external {
        _decimals = decimals_;
    }

    function setRound(uint256 roundId) external {
        _roundId = roundId;
    }

    function decimals() external view returns (uint256) {
        _misbehave(decimalsFault, 31);
        return _decimals;
    }

    function latestRoundData() external view returns (uint256, int256, uint256, uint256, uint256) {
        _misbehave(answerFault, 159);
        return (_roundId, _answer, _updatedAt, _updatedAt, _roundId);
    }

    function _misbehave(Fault fault, uint256 shortLength) private view {
        if (fault == Fault.Revert) revert("broken");
        if (fault == Fault.Short) _return(shortLength);
        if (fault == Fault.Empty) _return(0);
        if (fault == Fault.BurnGas) while (true) { }
        if (fault == Fault.Flood) _return(1 << 17);
        if (fault == Fault.RevertLong) _revert(_answer, _updatedAt);
    }

    /// @dev What it would have answered, as the reason.
    function _revert(int256 answer, uint256 updatedAt) private pure {
        bytes memory words = abi.encode(8, answer, updatedAt, updatedAt, 8);
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
