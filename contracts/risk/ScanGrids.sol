// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS } from "contracts/libraries/FixedPoint.sol";
import { IScans, ScanGrid } from "interfaces/IScans.sol";

/// @notice A grid, and the words that hold it.
library ScanGrids {
    uint256 internal constant MAX_SPOTS = 16;
    uint256 internal constant MAX_VOLS = 4;
    uint256 internal constant MAX_TAILS = 4;

    /// @dev A grid that the words hold: spots ascend, the present one among them; no fall takes all; weights up to one.
    /// Or `BadGrid` with the place of the first number that isn't so.
    function pack(IScans.Grid memory grid) internal pure returns (ScanGrid memory g) {
        (uint256 spotCount, uint256 volCount, uint256 tailCount) =
            (grid.spotsBps.length, grid.volsBps.length, grid.tails.length);
        if (spotCount > MAX_SPOTS || volCount == 0 || volCount > MAX_VOLS || tailCount > MAX_TAILS) {
            revert IScans.BadGrid(spotCount + volCount + tailCount);
        }
        bool present;
        for (uint256 i; i < spotCount; ++i) {
            int256 spotBps = grid.spotsBps[i];
            if (spotBps <= -int256(BPS) || (i != 0 && spotBps <= grid.spotsBps[i - 1])) revert IScans.BadGrid(i);
            if (spotBps == 0) present = true;
            g.spotWord |= uint256(uint16(int16(spotBps))) << (16 * i);
        }
        if (!present) revert IScans.BadGrid(spotCount);
        for (uint256 i; i < volCount; ++i) {
            g.volWord |= uint256(uint16(grid.volsBps[i])) << (16 * i);
        }
        for (uint256 i; i < tailCount; ++i) {
            IScans.Scenario memory s = grid.tails[i];
            if (s.spotBps <= -int256(BPS) || s.weightBps > BPS) revert IScans.BadGrid(spotCount + volCount + i);
            g.tailWord |= (uint256(uint16(s.volBps))
                    | (uint256(s.weightBps) << 16)
                    | (uint256(uint24(s.spotBps)) << 32)) << (64 * i);
        }
        g.volWord |= (spotCount << 64) | (volCount << 72) | (tailCount << 80);
    }

    function unpack(ScanGrid memory g) internal pure returns (IScans.Grid memory grid) {
        grid.spotsBps = new int16[](spots(g));
        for (uint256 i; i < grid.spotsBps.length; ++i) {
            grid.spotsBps[i] = int16(spotBps(g, i));
        }
        grid.volsBps = new int16[](vols(g));
        for (uint256 i; i < grid.volsBps.length; ++i) {
            grid.volsBps[i] = int16(volBps(g, i));
        }
        grid.tails = new IScans.Scenario[](tails(g));
        for (uint256 i; i < grid.tails.length; ++i) {
            (int256 spotBps, int256 volBps, uint256 weightBps) = tail(g, i);
            grid.tails[i] = IScans.Scenario(int24(spotBps), int16(volBps), uint16(weightBps));
        }
    }

    function spots(ScanGrid memory g) internal pure returns (uint256) {
        return uint8(g.volWord >> 64);
    }

    function vols(ScanGrid memory g) internal pure returns (uint256) {
        return uint8(g.volWord >> 72);
    }

    function tails(ScanGrid memory g) internal pure returns (uint256) {
        return uint8(g.volWord >> 80);
    }

    function spotBps(ScanGrid memory g, uint256 i) internal pure returns (int256) {
        return int16(uint16(g.spotWord >> (16 * i)));
    }

    function volBps(ScanGrid memory g, uint256 i) internal pure returns (int256) {
        return int16(uint16(g.volWord >> (16 * i)));
    }

    function tail(ScanGrid memory g, uint256 i) internal pure returns (int256, int256, uint256) {
        uint256 bits = g.tailWord >> (64 * i);
        return (int24(uint24(bits >> 32)), int16(uint16(bits)), uint16(bits >> 16));
    }
}
