// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { BPS } from "contracts/libraries/FixedPoint.sol";
import { IScans, ScanWords } from "interfaces/IScans.sol";

/// @notice Parameters and grid of a scan, and the words that hold them.
library ScanFields {
    uint256 internal constant MAX_SPOTS = 16;
    uint256 internal constant MAX_VOLS = 4;
    uint256 internal constant MAX_TAILS = 4;

    uint256 private constant SPOTS_BIT = 144;
    uint256 private constant VOLS_BIT = 152;
    uint256 private constant TAILS_BIT = 160;
    uint256 private constant VOL_BIT = 168;

    /// @dev A grid that the words hold: spots ascend, the present one among them; no fall takes all; weights up to one.
    /// Or `BadGrid` with the place of the first number that isn't so.
    function pack(IScans.ScanParams memory p, IScans.Grid memory grid) internal pure returns (ScanWords memory w) {
        (uint256 spotCount, uint256 volCount, uint256 tailCount) =
            (grid.spotsBps.length, grid.volsBps.length, grid.tails.length);
        if (spotCount > MAX_SPOTS || volCount == 0 || volCount > MAX_VOLS || tailCount > MAX_TAILS) {
            revert IScans.BadGrid(spotCount + volCount + tailCount);
        }
        bool present;
        for (uint256 i; i < spotCount; ++i) {
            int256 spot = grid.spotsBps[i];
            if (spot <= -int256(BPS) || (i != 0 && spot <= grid.spotsBps[i - 1])) revert IScans.BadGrid(i);
            if (spot == 0) present = true;
            w.spotWord |= uint256(uint16(int16(spot))) << (16 * i);
        }
        if (!present) revert IScans.BadGrid(spotCount);
        w.word = _packed(p) | spotCount << SPOTS_BIT | volCount << VOLS_BIT | tailCount << TAILS_BIT;
        for (uint256 i; i < volCount; ++i) {
            w.word |= uint256(uint16(grid.volsBps[i])) << (VOL_BIT + 16 * i);
        }
        for (uint256 i; i < tailCount; ++i) {
            IScans.Scenario memory s = grid.tails[i];
            if (s.spotBps <= -int256(BPS) || s.weightBps > BPS) revert IScans.BadGrid(spotCount + volCount + i);
            w.tailWord |= (uint256(uint16(s.volBps))
                    | (uint256(s.weightBps) << 16)
                    | (uint256(uint24(s.spotBps)) << 32)) << (64 * i);
        }
    }

    function paramsOf(ScanWords memory w) internal pure returns (IScans.ScanParams memory) {
        return IScans.ScanParams({
            maintenanceBps: uint16(maintenanceBps(w)),
            worst: uint16(worst(w)),
            netDeltaBps: uint16(netDeltaBps(w)),
            grossDeltaBps: uint16(grossDeltaBps(w)),
            pinBps: uint16(pinBps(w)),
            shortOptionBps: uint16(shortOptionBps(w)),
            tailBps: uint16(tailBps(w)),
            nearPowerBps: uint16(nearPowerBps(w)),
            farPowerBps: uint16(farPowerBps(w))
        });
    }

    function gridOf(ScanWords memory w) internal pure returns (IScans.Grid memory g) {
        g.spotsBps = new int16[](spots(w));
        for (uint256 i; i < g.spotsBps.length; ++i) {
            g.spotsBps[i] = int16(spotBps(w, i));
        }
        g.volsBps = new int16[](vols(w));
        for (uint256 i; i < g.volsBps.length; ++i) {
            g.volsBps[i] = int16(volBps(w, i));
        }
        g.tails = new IScans.Scenario[](tails(w));
        for (uint256 i; i < g.tails.length; ++i) {
            (int256 spot, int256 vol, uint256 weight) = tail(w, i);
            g.tails[i] = IScans.Scenario(int24(spot), int16(vol), uint16(weight));
        }
    }

    // --- Parameters ---

    function maintenanceBps(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word);
    }

    function worst(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word >> 16);
    }

    function netDeltaBps(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word >> 32);
    }

    function grossDeltaBps(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word >> 48);
    }

    function pinBps(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word >> 64);
    }

    function shortOptionBps(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word >> 80);
    }

    function tailBps(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word >> 96);
    }

    function nearPowerBps(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word >> 112);
    }

    function farPowerBps(ScanWords memory w) internal pure returns (uint256) {
        return uint16(w.word >> 128);
    }

    // --- Grid ---

    function spots(ScanWords memory w) internal pure returns (uint256) {
        return uint8(w.word >> SPOTS_BIT);
    }

    function vols(ScanWords memory w) internal pure returns (uint256) {
        return uint8(w.word >> VOLS_BIT);
    }

    function tails(ScanWords memory w) internal pure returns (uint256) {
        return uint8(w.word >> TAILS_BIT);
    }

    function spotBps(ScanWords memory w, uint256 i) internal pure returns (int256) {
        return int16(uint16(w.spotWord >> (16 * i)));
    }

    function volBps(ScanWords memory w, uint256 i) internal pure returns (int256) {
        return int16(uint16(w.word >> (VOL_BIT + 16 * i)));
    }

    function tail(ScanWords memory w, uint256 i) internal pure returns (int256, int256, uint256) {
        uint256 bits = w.tailWord >> (64 * i);
        return (int24(uint24(bits >> 32)), int16(uint16(bits)), uint16(bits >> 16));
    }

    /// @dev Whether two grids have as many spots, volatilities and tails.
    function sameShape(ScanWords memory w, ScanWords memory other) internal pure returns (bool) {
        return uint24((w.word ^ other.word) >> SPOTS_BIT) == 0;
    }

    function _packed(IScans.ScanParams memory p) private pure returns (uint256) {
        return p.maintenanceBps | uint256(p.worst) << 16 | uint256(p.netDeltaBps) << 32 | uint256(p.grossDeltaBps) << 48
            | uint256(p.pinBps) << 64 | uint256(p.shortOptionBps) << 80 | uint256(p.tailBps) << 96
            | uint256(p.nearPowerBps) << 112 | uint256(p.farPowerBps) << 128;
    }
}
