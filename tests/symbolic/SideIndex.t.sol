// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SideIndex } from "contracts/libraries/SideIndex.sol";
import { IPositions } from "interfaces/IPositions.sol";

/// @notice Sizes, funding, positions and deleveraging. The range of a lemma is the type of its arguments.
contract SideIndexLemmas {
    uint256 private constant WAD = 1e18;

    function check_toSize__is_the_floor(uint112 base, uint64 scale) external pure {
        uint256 long = uint256(SideIndex.toSize(int256(uint256(base)), scale));
        unchecked {
            uint256 short = uint256(-SideIndex.toSize(-int256(uint256(base)), scale));
            uint256 product = uint256(base) * scale;
            assert(product - long * WAD < WAD && short * WAD - product < WAD);
        }
    }

    function check_toSize__long_and_short_never_above_zero(int112 base, uint64 scale) external pure {
        assert(SideIndex.toSize(base, scale) + SideIndex.toSize(-int256(base), scale) <= 0);
    }

    function check_toBase__round_trip_never_profits(uint112 size, uint64 scale, bool long) external pure {
        if (scale == 0) return;
        int256 signed = long ? int256(uint256(size)) : -int256(uint256(size));
        assert(SideIndex.toSize(SideIndex.toBase(signed, scale), scale) <= signed);
    }

    function check_toSize__round_trip_never_profits(uint112 base, uint64 scale, bool long) external pure {
        if (scale == 0) return;
        int256 signed = long ? int256(uint256(base)) : -int256(uint256(base));
        assert(SideIndex.toBase(SideIndex.toSize(signed, scale), scale) <= signed);
    }

    /// @dev No `unchecked` product overflows: the same formula in checked arithmetic gives the same.
    function check_funding__never_overflows(
        int32 premium,
        uint88 mark,
        uint32 elapsed,
        uint32 period,
        uint16 capBpsPerHour
    ) external pure {
        if (period == 0) return;
        uint256 rate = premium < 0 ? uint256(-int256(premium)) * 1 hours : uint256(int256(premium)) * 1 hours;
        uint256 cap = uint256(capBpsPerHour) * 1e5 * period;
        if (rate > cap) rate = cap;
        uint256 f = mark * (rate * elapsed) / (1e9 * 1 hours * uint256(period));
        assert(
            SideIndex.funding(premium, mark, elapsed, period, capBpsPerHour) == (premium < 0 ? -int256(f) : int256(f))
        );
    }

    function check_applyFunding__paid_covers_received(
        int88 f,
        uint112 longBase,
        uint112 shortBase,
        uint64 longScale,
        uint64 shortScale
    ) external pure {
        SideIndex.Market memory m = _market(longBase, shortBase, longScale, shortScale, 0);
        SideIndex.applyFunding(m, f);
        unchecked {
            int256 long = int256(m.long.flowWad) * int256(uint256(longBase));
            int256 short = int256(m.short.flowWad) * int256(uint256(shortBase));
            assert(long + short <= 0);
        }
    }

    function check_applyFunding__goes_from_payer_to_receiver(
        int88 f,
        uint112 longBase,
        uint112 shortBase,
        uint64 longScale,
        uint64 shortScale
    ) external pure {
        SideIndex.Market memory m = _market(longBase, shortBase, longScale, shortScale, 0);
        SideIndex.applyFunding(m, f);
        assert(f > 0 ? m.long.flowWad <= 0 && m.short.flowWad >= 0 : m.long.flowWad >= 0 && m.short.flowWad <= 0);
    }

    /// @dev No `unchecked` product overflows, and what is given is the floor.
    function check_quoteOf__is_the_floor(uint112 base, uint112 flow) external pure {
        uint256 product = uint256(base) * flow;
        unchecked {
            uint256 given = uint256(SideIndex.quoteOf(int256(uint256(base)), 0, int256(uint256(flow))));
            uint256 taken = uint256(-SideIndex.quoteOf(int256(uint256(base)), 0, -int256(uint256(flow))));
            assert(product - given * WAD < WAD && taken * WAD - product < WAD);
        }
    }

    function check_set__quote_never_rises(int112 base, int112 quote, int112 flow) external pure {
        IPositions.Position memory p;
        SideIndex.set(p, base, quote, flow);
        int256 read = SideIndex.quoteOf(p, flow);
        assert(read == quote || read + 1 == quote);
    }

    /// @dev Opened and closed at the same price with K unmoved: nothing is gained.
    function check_close__what_was_opened_gains_nothing(int112 size, int112 paid, int112 flow, uint64 scale)
        external
        pure
    {
        if (size == 0 || scale == 0 || scale > WAD) return;
        SideIndex.Market memory m = _market(0, 0, scale, scale, flow);
        IPositions.Position memory p;
        SideIndex.increase(m, p, size, paid);
        assert(SideIndex.close(m, p, -int256(paid)) <= 0);
    }

    /// @dev The end of an epoch: the base goes toward zero by less than one, and never the cash side up.
    function check_cross__never_profits(int112 base, int120 cost, int112 flow, uint64 scale) external pure {
        IPositions.Position memory p = IPositions.Position(base, cost, 0);
        int256 before = SideIndex.quoteOf(p, flow);
        SideIndex.cross(p, IPositions.EpochEnd(flow, scale));
        uint256 held = base < 0 ? uint256(-int256(base)) : uint256(int256(base));
        uint256 kept = p.baseWad < 0 ? uint256(-int256(p.baseWad)) : uint256(int256(p.baseWad));
        unchecked {
            uint256 lost = held * scale - kept * WAD;
            assert(lost < WAD);
            assert(SideIndex.quoteOf(p, 0) == (lost == 0 ? before : before - 1e9));
        }
    }

    function check_addBase__counts_every_base(int112 base, uint112 longBase, uint112 shortBase, bool long)
        external
        pure
    {
        IPositions.Interest memory i = IPositions.Interest(longBase, shortBase, 0, false, false);
        SideIndex.addBase(i, base, long);
        int256 change = int256(uint256(i.longBaseWad)) - int256(uint256(longBase))
            - (int256(uint256(i.shortBaseWad)) - int256(uint256(shortBase)));
        assert(change == base && (long ? i.shortBaseWad == shortBase : i.longBaseWad == longBase));
    }

    /// @dev A falls by at least its share for longs, by at most its share for shorts; cash goes toward −∞.
    function check_deleverage__long_side_never_keeps_more(uint112 base, uint64 scale, uint112 size, uint128 quote)
        external
        pure
    {
        if (base == 0 || scale > WAD) return;
        SideIndex.Market memory m = _market(base, base, scale, scale, 0);
        (bool ended,) = SideIndex.deleverage(m, true, size, quote);
        if (ended) return;
        unchecked {
            assert(uint256(scale - m.long.scaleWad) * base >= size * WAD);
            assert(m.long.flowWad >= 0 && uint256(int256(m.long.flowWad)) * base <= quote * WAD);
        }
    }

    function check_deleverage__short_side_never_keeps_less(uint112 base, uint64 scale, uint112 size, uint128 quote)
        external
        pure
    {
        if (base == 0 || scale > WAD) return;
        SideIndex.Market memory m = _market(base, base, scale, scale, 0);
        (bool ended,) = SideIndex.deleverage(m, false, size, quote);
        if (ended) return;
        unchecked {
            assert(uint256(scale - m.short.scaleWad) * base <= size * WAD);
            assert(m.short.flowWad <= 0 && uint256(-int256(m.short.flowWad)) * base >= quote * WAD);
        }
    }

    function _market(uint112 longBase, uint112 shortBase, uint64 longScale, uint64 shortScale, int112 flow)
        private
        pure
        returns (SideIndex.Market memory)
    {
        return SideIndex.Market(
            IPositions.Side(flow, longScale, 0, 0, 0),
            IPositions.Side(flow, shortScale, 0, 0, 0),
            IPositions.Interest(longBase, shortBase, 0, true, false)
        );
    }
}
