// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IRisk } from "interfaces/IRisk.sol";
import { Book } from "interfaces/Types.sol";

/// @notice What an isolated account may hold: cash and instruments of one underlying. Its margin is linear.
library IsolatedMargin {
    function requireAdmitted(Book calldata book) internal pure {
        if (book.holdings.length != 0) revert IRisk.CollateralInIsolated(book.holdings[0].asset);
        for (uint256 i = 1; i < book.legs.length; ++i) {
            uint16 first = book.legs[0].instrument.underlyingOf();
            uint16 other = book.legs[i].instrument.underlyingOf();
            if (first != other) revert IRisk.NotIsolated(first, other);
        }
    }
}
