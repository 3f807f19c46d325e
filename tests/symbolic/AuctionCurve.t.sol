// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { AuctionCurve } from "contracts/liquidation/AuctionCurve.sol";

/// @notice The clock, the discount, f*, rewards and shares. The range of a lemma is the type of its arguments.
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

    function check_discountWad__between_start_and_end(uint64 progress, uint16 startBps, uint16 endBps) external pure {
        if (progress > WAD || startBps > endBps) return;
        uint256 d = AuctionCurve.discountWad(progress, startBps, endBps);
        assert(d >= uint256(startBps) * 1e14 && d <= uint256(endBps) * 1e14);
    }

    function check_discountWad__never_falls(uint64 progress, uint64 more, uint16 startBps, uint16 endBps)
        external
        pure
    {
        if (progress > more || more > WAD || startBps > endBps) return;
        assert(AuctionCurve.discountWad(progress, startBps, endBps) <= AuctionCurve.discountWad(more, startBps, endBps));
    }

    function check_largestWad__never_overflows(int128 equity, uint128 maintenance, uint64 d, uint64 target)
        external
        view
    {
        if (d >= target || !_below(equity, maintenance, target)) return;
        try this.largestWad(equity, maintenance, d, target) { }
        catch {
            assert(false);
        }
    }

    function check_largestWad__never_more_than_all(int128 equity, uint128 maintenance, uint64 d, uint64 target)
        external
        pure
    {
        if (d >= target || !_below(equity, maintenance, target)) return;
        assert(AuctionCurve.largestWad(equity, maintenance, d, target) <= WAD);
    }

    /// @dev A slice below all leaves E' = E − f·d·MM ≥ T·(1 − f)·MM: what was left out is the target, exactly.
    function check_largestWad__reaches_the_target(int128 equity, uint128 maintenance, uint64 d, uint64 target)
        external
        pure
    {
        if (d >= target || !_below(equity, maintenance, target)) return;
        uint256 f = AuctionCurve.largestWad(equity, maintenance, d, target);
        if (f == WAD) return;
        unchecked {
            uint256 missing = uint256(target) * maintenance - WAD * uint256(int256(equity));
            uint256 perFraction = uint256(target - d) * maintenance;
            assert(f * perFraction >= missing * WAD && f * perFraction - missing * WAD < perFraction);
        }
    }

    function check_largestWad__all_when_equity_is_gone(int128 equity, uint128 maintenance, uint64 d, uint64 target)
        external
        pure
    {
        if (equity > 0 || d >= target) return;
        assert(AuctionCurve.largestWad(equity, maintenance, d, target) == WAD);
    }

    /// @dev The lower the equity, the more is for sale.
    function check_largestWad__never_rises_with_equity(
        int128 equity,
        int128 more,
        uint128 maintenance,
        uint64 d,
        uint64 target
    ) external pure {
        if (equity > more || d >= target || !_below(more, maintenance, target)) return;
        assert(
            AuctionCurve.largestWad(equity, maintenance, d, target)
                >= AuctionCurve.largestWad(more, maintenance, d, target)
        );
    }

    function check_reward__within_its_bounds(uint112 gasCost, uint16 marginBps, uint112 share, int128 equity)
        external
        pure
    {
        (uint256 own, uint256 fund) = AuctionCurve.reward(gasCost, marginBps, share, equity);
        assert(own == 0 || (equity > 0 && own <= uint128(equity)));
        assert(fund <= gasCost);
        assert(own + fund <= share);
        assert(fund == 0 || own + fund <= gasCost);
    }

    function check_reward__follows_the_gas(uint112 gasCost, uint16 marginBps, uint112 share, int128 equity)
        external
        pure
    {
        (uint256 own,) = AuctionCurve.reward(gasCost, marginBps, share, equity);
        unchecked {
            assert(own * 10_000 <= uint256(gasCost) * (10_000 + uint256(marginBps)));
        }
    }

    function check_penaltyShareWad__part_of_the_full_penalty(uint112 maintenance, uint16 endBps, uint16 shareBps)
        external
        pure
    {
        if (shareBps > 10_000) return;
        unchecked {
            uint256 share = AuctionCurve.penaltyShareWad(maintenance, endBps, shareBps);
            assert(share * 10_000 <= uint256(maintenance) * endBps);
        }
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

    function largestWad(int256 equity, uint256 maintenance, uint256 d, uint256 target) external pure returns (uint256) {
        return AuctionCurve.largestWad(equity, maintenance, d, target);
    }

    /// @dev Whether E < T·MM, which is when an auction sells at all.
    function _below(int256 equity, uint256 maintenance, uint256 target) private pure returns (bool) {
        unchecked {
            return equity * int256(WAD) < int256(target * maintenance);
        }
    }
}
