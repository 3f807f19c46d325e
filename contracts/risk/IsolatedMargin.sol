// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { LinearMargin } from "contracts/risk/LinearMargin.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Book, Margin } from "interfaces/Types.sol";

/// @notice Cash and instruments of one underlying; linear.
library IsolatedMargin {
    function margin(
        Book calldata book,
        IRisk.InstrumentParams[] memory instruments,
        IRisk.AssetParams[] memory assets
    ) internal pure returns (Margin memory) {
        if (book.holdings.length != 0) revert IRisk.CollateralInIsolated(book.holdings[0].asset);
        for (uint256 i = 1; i < book.legs.length; ++i) {
            uint16 first = book.legs[0].instrument.underlyingOf();
            uint16 other = book.legs[i].instrument.underlyingOf();
            if (first != other) revert IRisk.NotIsolated(first, other);
        }

        return LinearMargin.margin(book, instruments, assets);
    }
}
