// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { ILedger } from "interfaces/ILedger.sol";

/// @notice Signed cash in two scaled pools: positive balances are credit shares, negative ones debt shares.
/// @dev   cash = ⌊shares·creditIndex⌋ or −⌈shares·debtIndex⌉; the holder may lose the wei in both directions.
/// Debt pays a kinked rate of utilisation u = debt/credit; credit gets what debt pays, no more.
library CashPool {
    using FixedPoint for uint256;
    using FixedPoint for int256;
    using SafeCastLib for uint256;
    using SafeCastLib for int256;

    /// @dev The credit index never falls below this [wad]: beyond it shares would overflow.
    uint256 internal constant INDEX_FLOOR = 1e9;

    /// @notice The interest rate curve, per year.
    struct Curve {
        uint256 baseBps;
        uint256 kinkBps; // utilisation at the kink
        uint256 kinkRateBps;
        uint256 maxRateBps; // at utilisation 1
    }

    function creditOf(ILedger.Pool memory p) internal pure returns (uint256) {
        return uint256(p.creditShares).mulWadDown(p.creditIndexWad);
    }

    function debtOf(ILedger.Pool memory p) internal pure returns (uint256) {
        return uint256(p.debtShares).mulWadUp(p.debtIndexWad);
    }

    /// @notice Cash [wad] of signed shares.
    function cashOf(ILedger.Pool memory p, int256 shares) internal pure returns (int256) {
        return shares < 0 ? shares.mulDivFloor(p.debtIndexWad, WAD) : shares.mulDivFloor(p.creditIndexWad, WAD);
    }

    /// @notice Shares after cash changed by `delta`; the totals of the pool follow.
    function change(ILedger.Pool memory p, int256 shares, int256 delta) internal pure returns (int128 next) {
        int256 cash = cashOf(p, shares) + delta;
        next = cash.mulDivFloor(WAD, cash < 0 ? p.debtIndexWad : p.creditIndexWad).toInt128();

        if (shares < 0) p.debtShares -= uint256(-shares).toUint128();
        else p.creditShares -= uint256(shares).toUint128();
        if (next < 0) p.debtShares += uint256(-int256(next)).toUint128();
        else p.creditShares += uint256(int256(next)).toUint128();
    }

    /// @notice Debt over credit [wad], at most one.
    function utilisation(ILedger.Pool memory p) internal pure returns (uint256) {
        uint256 credit = creditOf(p);
        uint256 debt = debtOf(p);
        return debt >= credit ? WAD : debt.mulDivDown(WAD, credit);
    }

    /// @notice Yearly rate [wad] at utilisation `u`: linear to the kink, then linear to the maximum.
    function rateOf(Curve memory c, uint256 u) internal pure returns (uint256) {
        uint256 kink = c.kinkBps * WAD / BPS;
        uint256 bps = u <= kink
            ? c.baseBps * WAD + (c.kinkRateBps - c.baseBps) * WAD * u / kink
            : c.kinkRateBps * WAD + (c.maxRateBps - c.kinkRateBps) * WAD * (u - kink) / (WAD - kink);
        return bps / BPS;
    }

    /// @notice Bring both indices to `time`. Debt grows by the rate, rounded up; credit shares out what debt pays, rounded
    /// down, and never grows faster than debt: what a few last shares can't take stays with the protocol.
    function accrue(ILedger.Pool memory p, Curve memory c, uint256 time) internal pure {
        uint256 elapsed = time - p.accruedAt;
        if (elapsed == 0) return;
        p.accruedAt = uint40(time);
        if (p.debtShares == 0 || p.creditShares == 0) return;

        uint256 growth = rateOf(c, utilisation(p)) * elapsed / 365 days;
        uint256 rise = uint256(p.debtIndexWad).mulWadUp(growth);
        uint256 given = uint256(p.debtShares).mulDivDown(rise, p.creditShares);
        uint256 most = uint256(p.creditIndexWad).mulWadDown(growth);
        p.debtIndexWad = (p.debtIndexWad + rise).toUint104();
        p.creditIndexWad = (p.creditIndexWad + (given < most ? given : most)).toUint104();
    }

    /// @notice Take `loss` from all credit, in one write to its index, rounded up: creditors may lose the wei.
    function writeDown(ILedger.Pool memory p, uint256 loss) internal pure {
        if (p.creditShares == 0) revert ILedger.DebtExceedsCredit(loss, 0);
        uint256 fall = loss.mulDivUp(WAD, p.creditShares);
        if (fall + INDEX_FLOOR > p.creditIndexWad) revert ILedger.DebtExceedsCredit(loss, creditOf(p));
        p.creditIndexWad -= uint104(fall);
    }
}
