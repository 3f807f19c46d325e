// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IPriceSource } from "interfaces/IPriceSource.sol";

/// @notice One price of a Pyth contract, by its id: a pull feed, as of the newest update that anybody brought.
interface IPythSource is IPriceSource {
    error FeeTooLow(uint256 paid, uint256 fee);
    error NoPyth(address pyth);

    /// @notice Bring signed updates to Pyth: the caller pays Pyth's fee and gets back what is over. `poke` the oracle afterwards.
    /// @dev Pyth keeps the newest of each id. This contract never keeps ether.
    function update(bytes[] calldata updates) external payable;
}
