// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SideIndex } from "contracts/libraries/SideIndex.sol";
import { IPositions } from "interfaces/IPositions.sol";

/// @notice Sizes and the bases of a side. The range of a lemma is the type of its arguments.
contract SideIndexLemmas {
    function check_toSize__long_and_short_never_above_zero(int112 base, uint64 scale) external pure {
        assert(SideIndex.toSize(base, scale) + SideIndex.toSize(-int256(base), scale) <= 0);
    }

    function check_addBase__counts_every_base(int112 base, uint112 longBase, uint112 shortBase, bool long)
        external
        pure
    {
        IPositions.Interest memory i = IPositions.Interest(longBase, shortBase, 0, false);
        SideIndex.addBase(i, base, long);
        int256 change = int256(uint256(i.longBaseWad)) - int256(uint256(longBase))
            - (int256(uint256(i.shortBaseWad)) - int256(uint256(shortBase)));
        assert(change == base && (long ? i.shortBaseWad == shortBase : i.longBaseWad == longBase));
    }
}
