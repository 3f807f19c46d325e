// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IAggregatorV3 } from "interfaces/IAggregatorV3.sol";
import { IPriceSource } from "interfaces/IPriceSource.sol";

/// @notice A push feed whose owner says the price, and a source for the oracle: for local chains and test networks.
interface ISettableFeed is IAggregatorV3, IPriceSource {
    event AnswerSet(int256 answer, uint256 updatedAt, uint256 roundId);

    error NotOwner(address caller);

    /// @notice Answer `answer` as of now. Owner only.
    function set(int256 answer) external;

    /// @notice Answer `answer` as of `updatedAt`, any time. Owner only.
    function setAt(int256 answer, uint256 updatedAt) external;

    function owner() external view returns (address);
}
