// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { LinearMargin } from "contracts/risk/LinearMargin.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Book, Margin } from "interfaces/Types.sol";

/// @notice Any collateral, any underlying, no netting; linear.
library CrossMargin {
    function margin(
        Book calldata book,
        IRisk.InstrumentParams[] memory instruments,
        IRisk.AssetParams[] memory assets
    ) internal pure returns (Margin memory) {
        // Nothing to refuse: every book is admitted.
        return LinearMargin.margin(book, instruments, assets);
    }
}
