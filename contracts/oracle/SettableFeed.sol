// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { SafeCast } from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import { pushedWad } from "contracts/oracle/PushAnswer.sol";
import { IAggregatorV3 } from "interfaces/IAggregatorV3.sol";
import { IPriceSource } from "interfaces/IPriceSource.sol";
import { ISettableFeed } from "interfaces/ISettableFeed.sol";

/// @notice A push feed whose owner says the price.
contract SettableFeed is ISettableFeed {
    /// @inheritdoc IAggregatorV3
    uint8 public immutable decimals;
    /// @inheritdoc ISettableFeed
    address public immutable owner;

    int256 private _answer; // [decimals]
    uint176 private _updatedAt; // [seconds]
    uint80 private _roundId;

    /// @param owner_ who may set answers; the deployer if zero
    constructor(address owner_, uint8 decimals_) {
        owner = owner_ == address(0) ? msg.sender : owner_;
        decimals = decimals_;
    }

    /// @inheritdoc ISettableFeed
    function set(int256 answer) external {
        _set(answer, block.timestamp);
    }

    /// @inheritdoc ISettableFeed
    function setAt(int256 answer, uint256 updatedAt) external {
        _set(answer, updatedAt);
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (_roundId, _answer, _updatedAt, _updatedAt, _roundId);
    }

    /// @inheritdoc IPriceSource
    function price() external view returns (uint256 priceWad, uint256 confidenceWad, uint256 updatedAt) {
        return (pushedWad(_answer, decimals), 0, _updatedAt);
    }

    function _set(int256 answer, uint256 updatedAt) private {
        if (msg.sender != owner) revert NotOwner(msg.sender);

        _answer = answer;
        _updatedAt = SafeCast.toUint176(updatedAt);
        ++_roundId;

        emit AnswerSet(answer, updatedAt, _roundId);
    }
}
