// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { InstrumentId, Kind } from "interfaces/Types.sol";

/// @notice What an option pays per unit at a price of its underlying.
library Payoff {
    /// @dev Call max(0, P − K), put max(0, K − P) [wad]; exact.
    function payoffWad(InstrumentId option, uint256 priceWad) internal pure returns (uint256) {
        (uint256 high, uint256 low) = _inOrder(option, priceWad);
        unchecked {
            return high > low ? high - low : 0;
        }
    }

    /// @dev How far the price is from where the option begins to pay [wad]; zero where it pays.
    function outOfTheMoneyWad(InstrumentId option, uint256 priceWad) internal pure returns (uint256) {
        (uint256 high, uint256 low) = _inOrder(option, priceWad);
        unchecked {
            return low > high ? low - high : 0;
        }
    }

    /// @dev (P, K) of a call, (K, P) of a put: it pays what the first is above the second.
    function _inOrder(InstrumentId option, uint256 priceWad) private pure returns (uint256, uint256) {
        uint256 strikeWad = option.strikeOf();
        return option.kindOf() == Kind.Call ? (priceWad, strikeWad) : (strikeWad, priceWad);
    }
}
