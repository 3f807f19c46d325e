// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { BackstopCurve } from "contracts/backstop/BackstopCurve.sol";

/// @notice The pure library, callable from tests.
contract MockBackstopCurve {
    function fraction(int256 equityWad, uint256 takerExposureWad, uint256 exposureWad, uint256 leverageBps)
        external
        pure
        returns (uint256)
    {
        return BackstopCurve.fractionWad(equityWad, takerExposureWad, exposureWad, leverageBps);
    }

    function share(uint256 budgetWad, uint256 exposureWad) external pure returns (uint256) {
        return BackstopCurve.shareWad(budgetWad, exposureWad);
    }

    function leastGain(uint256 maintenanceWad, uint256 sliceWad, uint256 minDiscountBps)
        external
        pure
        returns (uint256)
    {
        return BackstopCurve.leastGainWad(maintenanceWad, sliceWad, minDiscountBps);
    }

    function concession(uint256 elapsedSeconds, uint256 concessionBps, uint256 unwindSeconds)
        external
        pure
        returns (uint256)
    {
        return BackstopCurve.concessionWad(elapsedSeconds, concessionBps, unwindSeconds);
    }

    function sellPrice(uint256 markWad, uint256 concessionWad) external pure returns (uint256) {
        return BackstopCurve.sellPriceWad(markWad, concessionWad);
    }

    function buyPrice(uint256 markWad, uint256 concessionWad) external pure returns (uint256) {
        return BackstopCurve.buyPriceWad(markWad, concessionWad);
    }

    function vesting(uint256 profit, uint256 elapsedSeconds, uint256 vestSeconds) external pure returns (uint256) {
        return BackstopCurve.vesting(profit, elapsedSeconds, vestSeconds);
    }

    function reward(uint256 gasCostWad, uint256 gainWad, uint256 capBps) external pure returns (uint256) {
        return BackstopCurve.rewardWad(gasCostWad, gainWad, capBps);
    }
}
