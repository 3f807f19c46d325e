// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { CashPool } from "contracts/libraries/CashPool.sol";
import { ILedger } from "interfaces/ILedger.sol";

/// @notice Shares, interest and write-offs. The range of a lemma is the type of its arguments.
contract CashPoolLemmas {
    uint256 private constant WAD = 1e18;

    /// @dev Cash of the shares after a change is never more than before plus the change.
    function check_change__never_profits(int104 shares, int104 delta, uint104 creditIndex, uint104 debtIndex)
        external
        pure
    {
        if (creditIndex < CashPool.INDEX_FLOOR || debtIndex < WAD) return;
        ILedger.Pool memory p = ILedger.Pool(type(uint128).max / 2, type(uint128).max / 2, creditIndex, debtIndex, 0);
        int256 cash = CashPool.cashOf(p, shares) + delta;
        int256 next = CashPool.change(p, shares, delta);
        assert(CashPool.cashOf(p, next) <= cash);
    }

    function check_change__totals_follow(int104 shares, int104 delta, uint104 creditIndex, uint104 debtIndex)
        external
        pure
    {
        if (creditIndex < CashPool.INDEX_FLOOR || debtIndex < WAD) return;
        uint128 half = type(uint128).max / 2;
        ILedger.Pool memory p = ILedger.Pool(half, half, creditIndex, debtIndex, 0);
        int256 next = CashPool.change(p, shares, delta);
        int256 credit = int256(uint256(p.creditShares)) - int256(uint256(half));
        int256 debt = int256(uint256(p.debtShares)) - int256(uint256(half));
        assert(credit == (next > 0 ? next : int256(0)) - (shares > 0 ? int256(shares) : int256(0)));
        assert(debt == (next < 0 ? -next : int256(0)) - (shares < 0 ? -int256(shares) : int256(0)));
    }

    function check_utilisation__within_one(uint112 credit, uint112 debt, uint104 creditIndex, uint104 debtIndex)
        external
        pure
    {
        assert(CashPool.utilisation(ILedger.Pool(credit, debt, creditIndex, debtIndex, 0)) <= WAD);
    }

    /// @dev Debt pays at least what credit gets, and credit never grows faster than debt.
    function check_accrue__paid_covers_received(
        uint96 credit,
        uint96 debt,
        uint88 creditIndex,
        uint88 debtIndex,
        uint32 elapsed
    ) external pure {
        ILedger.Pool memory p = ILedger.Pool(credit, debt, creditIndex, debtIndex, 0);
        CashPool.accrue(p, CashPool.Curve(200, 8_000, 1_000, 10_000), elapsed);
        unchecked {
            uint256 paid = uint256(p.debtIndexWad - debtIndex) * debt;
            uint256 received = uint256(p.creditIndexWad - creditIndex) * credit;
            assert(p.debtIndexWad >= debtIndex && p.creditIndexWad >= creditIndex && received <= paid);
        }
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
