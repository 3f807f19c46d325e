// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, WAD } from "contracts/libraries/FixedPoint.sol";

/// @notice What an account may lose between two prices, as shares of its notional: a maintenance margin below it can't
/// survive one heartbeat, and the market isn't listed.
/// @dev With h the heartbeat, and everything after the move measured on the notional that the move has left:
///
///     move    = ⌈k·σ·√(h/year)⌉              where: σ = volatility a year, k = SIGMAS
///     funding = ⌈cap·h/hour·(1 + move)⌉      where: cap = funding cap an hour
///     fees    = ⌈max fee·(1 + move)⌉         to close what was opened
///     reward  = ⌈reward cap·MM·(1 + move)⌉   to who starts the auction
///
/// Everything rounds up.
library Envelope {
    uint256 internal constant SIGMAS = 3;
    uint256 private constant YEAR = 365 days;

    /// @notice What stays the same for every market.
    struct Costs {
        uint256 fundingCapBps; // an hour
        uint256 maxFeeBps;
        uint256 rewardCapBps; // of MM
    }

    struct Terms {
        uint256 moveBps;
        uint256 fundingBps;
        uint256 feesBps;
        uint256 rewardBps;
    }

    function terms(uint256 volatilityWad, uint256 heartbeatSeconds, uint256 maintenanceBps, Costs memory c)
        internal
        pure
        returns (Terms memory t)
    {
        uint256 rootWad = FixedPointMathLib.sqrt(heartbeatSeconds * WAD * WAD / YEAR) + 1; // above the exact one
        t.moveBps = _ceilDiv(SIGMAS * volatilityWad * rootWad * BPS, WAD * WAD);

        uint256 grown = BPS + t.moveBps;
        t.fundingBps = _ceilDiv(c.fundingCapBps * heartbeatSeconds * grown, 1 hours * BPS);
        t.feesBps = _ceilDiv(c.maxFeeBps * grown, BPS);
        t.rewardBps = _ceilDiv(c.rewardCapBps * maintenanceBps * grown, BPS * BPS);
    }

    function sum(Terms memory t) internal pure returns (uint256) {
        return t.moveBps + t.fundingBps + t.feesBps + t.rewardBps;
    }

    function _ceilDiv(uint256 x, uint256 d) private pure returns (uint256) {
        return (x + d - 1) / d;
    }
}
