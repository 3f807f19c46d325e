// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPoint } from "contracts/libraries/FixedPoint.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { Health } from "interfaces/Types.sol";

/// @notice What an account holds, positions and collateral, at the mark.
library Exposure {
    using FixedPoint for uint256;

    /// @dev [wad] Up: less fits a limit. At most five collaterals.
    function ofAccount(ILedger ledger, IOracle oracle, uint64 account, Health memory h)
        internal
        view
        returns (uint256 sumWad)
    {
        sumWad = h.grossWad;
        if (h.holdings == 0) return sumWad;

        uint16[] memory held = ledger.assetsOf(account);
        for (uint256 i; i < held.length; ++i) {
            ILedger.Asset memory listed = ledger.assetOf(held[i]);
            uint256 amountWad = ledger.balanceOf(account, held[i]) * listed.unit;
            sumWad += amountWad.mulWadUp(oracle.spotOf(listed.underlying));
        }
    }
}
