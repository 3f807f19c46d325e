// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { FundCurve } from "contracts/insurance/FundCurve.sol";
import { Ramp } from "contracts/libraries/Ramp.sol";
import { AuctionCurve } from "contracts/liquidation/AuctionCurve.sol";
import { Envelope } from "contracts/risk/Envelope.sol";
import { wordOf } from "contracts/risk/InstrumentWord.sol";
import { LinearMargin } from "contracts/risk/LinearMargin.sol";
import { IRisk } from "interfaces/IRisk.sol";

/// @notice The pure libraries, callable from tests.
contract MockCurve {
    function progress(uint256 elapsedSeconds, uint256 rampSeconds) external pure returns (uint256) {
        return AuctionCurve.progressWad(elapsedSeconds, rampSeconds);
    }

    function discount(uint256 progressWad, uint256 startBps, uint256 endBps) external pure returns (uint256) {
        return AuctionCurve.discountWad(progressWad, startBps, endBps);
    }

    function largest(int256 equityWad, uint256 maintenanceWad, uint256 d, uint256 targetWad)
        external
        pure
        returns (uint256)
    {
        return AuctionCurve.largestWad(equityWad, maintenanceWad, d, targetWad);
    }

    function slice(AuctionCurve.Terms calldata terms) external pure returns (AuctionCurve.Slice memory) {
        return AuctionCurve.slice(terms);
    }

    function penaltyShare(uint256 maintenanceWad, uint256 endBps, uint256 shareBps) external pure returns (uint256) {
        return AuctionCurve.penaltyShareWad(maintenanceWad, endBps, shareBps);
    }

    function reward(uint256 gasCostWad, uint256 marginBps, uint256 shareWad, int256 equityWad)
        external
        pure
        returns (uint256 ownWad, uint256 fundWad)
    {
        return AuctionCurve.reward(gasCostWad, marginBps, shareWad, equityWad);
    }

    function tax(AuctionCurve.Slice memory s, uint256 fundShareWad, uint256 wantedWad, uint256 fundShareBps)
        external
        pure
        returns (AuctionCurve.Slice memory left, uint256 fundWad, uint256 taxWad)
    {
        (taxWad, fundWad) = AuctionCurve.tax(s, fundShareWad, wantedWad, fundShareBps);
        left = s;
    }

    function deficitShare(uint256 deficitWad, uint256 notionalWad, uint256 grossWad) external pure returns (uint256) {
        return AuctionCurve.deficitShareWad(deficitWad, notionalWad, grossWad);
    }

    function initialRate(uint256 openInterestWad, IRisk.InstrumentParams calldata params)
        external
        pure
        returns (uint256)
    {
        return LinearMargin.initialRateWad(openInterestWad, wordOf(params));
    }

    function envelope(
        uint256 volatilityWad,
        uint256 heartbeatSeconds,
        uint256 maintenanceBps,
        Envelope.Costs calldata costs
    ) external pure returns (Envelope.Terms memory) {
        return Envelope.terms(volatilityWad, heartbeatSeconds, maintenanceBps, costs);
    }

    function rampValue(uint256 from, uint256 to, uint256 leftSeconds, uint256 lengthSeconds)
        external
        pure
        returns (uint256)
    {
        return Ramp.valueAt(from, to, leftSeconds, lengthSeconds);
    }

    function fundShare(uint256 fundWad, uint256 targetWad, uint256 minBps, uint256 maxBps)
        external
        pure
        returns (uint256)
    {
        return FundCurve.shareWad(fundWad, targetWad, minBps, maxBps);
    }

    function shortfall(uint256 volatilityWad, uint256 tailBps, uint256 horizonSeconds) external pure returns (uint256) {
        return FundCurve.shortfallWad(volatilityWad, tailBps, horizonSeconds);
    }

    function stepped(uint256 targetWad, uint256 beforeWad, uint256 rawWad, uint256 moveBps, uint256 elapsed)
        external
        pure
        returns (uint256)
    {
        return FundCurve.steppedWad(targetWad, beforeWad, rawWad, moveBps, elapsed);
    }

    function worth(uint256 shares, uint256 fundWad, uint256 supply) external pure returns (uint256) {
        return FundCurve.worthWad(shares, fundWad, supply);
    }

    function sharesFor(uint256 amountWad, uint256 fundWad, uint256 supply) external pure returns (uint256) {
        return FundCurve.sharesFor(amountWad, fundWad, supply);
    }

    function surplus(uint256 fundWad, uint256 ownShares, uint256 stakedShares, uint256 targetWad, uint256 slackBps)
        external
        pure
        returns (uint256)
    {
        return FundCurve.surplusWad(fundWad, ownShares, stakedShares, targetWad, slackBps);
    }
}
