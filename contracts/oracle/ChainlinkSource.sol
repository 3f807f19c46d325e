// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { pushedWad } from "contracts/oracle/PushAnswer.sol";
import { IAggregatorV3 } from "interfaces/IAggregatorV3.sol";
import { IPriceSource } from "interfaces/IPriceSource.sol";

/// @notice A Chainlink-compatible push feed. Its decimals are asked with every answer: a feed behind a proxy may change them.
contract ChainlinkSource is IPriceSource {
    IAggregatorV3 public immutable feed;

    constructor(IAggregatorV3 feed_) {
        feed = feed_;
        feed_.decimals(); // reverts where there is no feed
    }

    /// @inheritdoc IPriceSource
    function price() external view returns (uint256 priceWad, uint256 confidenceWad, uint256 updatedAt) {
        int256 answer;
        (, answer,, updatedAt,) = feed.latestRoundData();
        return (pushedWad(answer, feed.decimals()), 0, updatedAt);
    }
}
