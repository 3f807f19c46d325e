// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { CashPool } from "contracts/libraries/CashPool.sol";
import { ILedger } from "interfaces/ILedger.sol";

/// @notice Shares, interest and write-offs. The range of a lemma is the type of its arguments.
contract CashPoolLemmas {
    uint256 private constant WAD = 1e18;

    function check_utilisation__within_one(uint112 credit, uint112 debt, uint104 creditIndex, uint104 debtIndex)
        external
        pure
    {
        assert(CashPool.utilisation(ILedger.Pool(credit, debt, creditIndex, debtIndex, 0)) <= WAD);
    }

    function check_writeDown__takes_all_of_the_loss(uint96 credit, uint104 creditIndex, uint96 loss) external pure {
        ILedger.Pool memory p = ILedger.Pool(credit, 0, creditIndex, uint104(WAD), 0);
        CashPool.writeDown(p, loss);
        unchecked {
            uint256 taken = uint256(creditIndex - p.creditIndexWad) * credit;
            assert(p.creditIndexWad <= creditIndex && taken >= loss * WAD && taken - loss * WAD < credit);
        }
    }

    function check_writeDown__keeps_the_floor(uint96 credit, uint104 creditIndex, uint96 loss) external pure {
        ILedger.Pool memory p = ILedger.Pool(credit, 0, creditIndex, uint104(WAD), 0);
        CashPool.writeDown(p, loss);
        assert(p.creditIndexWad >= CashPool.INDEX_FLOOR);
    }

    function check_rateOf__between_base_and_maximum(uint64 u) external pure {
        if (u > WAD) return;
        uint256 rate = CashPool.rateOf(CashPool.Curve(200, 8_000, 1_000, 10_000), u);
        assert(rate >= 200 * 1e14 && rate <= WAD);
    }

    function check_rateOf__never_falls(uint64 u, uint64 more) external pure {
        if (u > more || more > WAD) return;
        CashPool.Curve memory c = CashPool.Curve(200, 8_000, 1_000, 10_000);
        assert(CashPool.rateOf(c, u) <= CashPool.rateOf(c, more));
    }
}
