// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { AuctionCurve } from "contracts/liquidation/AuctionCurve.sol";

/// @notice The clock, and the shares of a deficit. The range of a lemma is the type of its arguments.
contract AuctionCurveLemmas {
    uint256 private constant WAD = 1e18;

    function check_progressWad__within_one(uint40 elapsed, uint32 ramp) external pure {
        uint256 progress = AuctionCurve.progressWad(elapsed, ramp);
        assert(progress <= WAD && (elapsed < ramp || progress == WAD));
    }

    function check_progressWad__never_falls(uint40 elapsed, uint40 more, uint32 ramp) external pure {
        if (elapsed > more) return;
        assert(AuctionCurve.progressWad(elapsed, ramp) <= AuctionCurve.progressWad(more, ramp));
    }

    function check_deficitShareWad__never_above_the_notional(uint112 deficit, uint112 notional, uint112 gross)
        external
        pure
    {
        assert(AuctionCurve.deficitShareWad(deficit, notional, gross) <= notional);
    }

    function check_deficitShareWad__covers_the_share(uint112 deficit, uint112 notional, uint112 gross) external pure {
        if (deficit >= gross) return;
        unchecked {
            assert(AuctionCurve.deficitShareWad(deficit, notional, gross) * gross >= uint256(deficit) * notional);
        }
    }
}
