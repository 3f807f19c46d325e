// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { IPositions } from "interfaces/IPositions.sol";

/// @notice Both sides of an instrument and the positions on them.
/// @dev   size  = ⌊base·A⌋                      toward −∞: less long, more short, so Σ size ≤ 0 at any mark
///        quote = ⌊|base|·K⌋ − cost             toward −∞: the holder may lose the wei
///        value = size·mark + quote
/// The K that a position came in at needs no room of its own: |base|·K₀ is part of its cost.
/// What happens to a whole side is one write to (A, K):
///        funding       K −= ⌈A·F⌉ for the side that pays; the other side shares out what was paid, rounded down
///        deleveraging  A' = A − q/base,  K += ±Q/base  for a quantity q closed for Q in cash
///        expiry        A' = 0,           K += ±A·P     at a payoff of P
/// When A falls below SCALE_FLOOR the epoch ends: A is folded into the bases, position by position when next touched.
library SideIndex {
    using FixedPoint for uint256;
    using FixedPoint for int256;
    using SafeCastLib for uint256;
    using SafeCastLib for int256;

    /// @dev Below this A [wad] the epoch ends; keeps sizes exact to a millionth of a millionth.
    uint256 internal constant SCALE_FLOOR = 1e12;

    /// @dev [wad] What a position pays when it crosses an epoch. Its base is rounded toward zero, which could favour a
    /// short by one wei of base; at the highest price an oracle slot can hold that is worth less than this.
    int256 internal constant EPOCH_DUST = 1e9;

    uint256 private constant PPB = 1e9;

    /// @notice Both sides of one instrument, as worked on in memory.
    struct Market {
        IPositions.Side long;
        IPositions.Side short;
        IPositions.Interest interest;
    }

    /// @dev ⌊base·A⌋ toward −∞
    function toSize(int256 base, uint256 scale) internal pure returns (int256) {
        return scale == WAD ? base : base.mulDivFloor(scale, WAD);
    }

    function sideOf(Market memory m, bool long) internal pure returns (IPositions.Side memory) {
        return long ? m.long : m.short;
    }

    /// @dev Signed size [wad] of a position already brought to its side.
    function sizeOf(Market memory m, IPositions.Position memory p) internal pure returns (int256) {
        return toSize(p.baseWad, sideOf(m, p.baseWad > 0).scaleWad);
    }

    /// @dev Open interest [wad] of a side, rounded up.
    function openInterest(Market memory m, bool long) internal pure returns (uint256) {
        return long
            ? uint256(m.interest.longBaseWad).mulWadUp(m.long.scaleWad)
            : uint256(m.interest.shortBaseWad).mulWadUp(m.short.scaleWad);
    }

    // Funding

    /// @notice Funding per unit of size [wad] over `elapsed` at `markWad`; positive: longs pay.
    /// @dev mark · clamp(premium / period, ±cap per hour) · elapsed, rounded toward zero.
    function funding(int256 premiumPpb, uint256 markWad, uint256 elapsed, uint256 periodSeconds, uint256 capBpsPerHour)
        internal
        pure
        returns (int256)
    {
        // No overflow: a premium has 32 bits, a mark 88, a time 32, a cap 16.
        unchecked {
            uint256 rate = premiumPpb.abs() * 1 hours;
            uint256 cap = capBpsPerHour * (PPB / BPS) * periodSeconds;
            if (rate > cap) rate = cap;

            uint256 f = markWad * (rate * elapsed) / (PPB * 1 hours * periodSeconds);
            return premiumPpb < 0 ? -int256(f) : int256(f);
        }
    }

    /// @notice Bring both K forward by funding `f` (signed, per unit of size).
    /// @dev taken = ⌈A·f⌉ per unit of paying base; given = ⌊taken·payingBase/receivingBase⌋ per unit of receiving base:
    /// conserves by construction. Never more than ⌊A·f⌋: a side that rounding left almost empty gets no fortune.
    function applyFunding(Market memory m, int256 f) internal pure {
        bool longPays = f > 0;
        uint256 payingBase = baseOf(m, longPays);
        uint256 receivingBase = baseOf(m, !longPays);
        if (payingBase == 0 || receivingBase == 0) return;
        IPositions.Side memory paying = sideOf(m, longPays);
        IPositions.Side memory receiving = sideOf(m, !longPays);

        uint256 taken = uint256(paying.scaleWad).mulWadUp(f.abs());
        uint256 given = uint256(receiving.scaleWad).mulWadDown(f.abs());
        uint256 fair = payingBase.mulDivDown(taken, receivingBase);
        if (fair < given) given = fair;
        paying.flowWad = (int256(paying.flowWad) - int256(taken)).toInt112();
        receiving.flowWad = (int256(receiving.flowWad) + int256(given)).toInt112();
    }

    /// @notice Premium after a fill of `size` at `price`: an average weighted by turnover of the open interest.
    function premiumAfter(int256 premiumPpb, uint256 price, uint256 mark, uint256 size, uint256 interest)
        internal
        pure
        returns (int32)
    {
        int256 seen = (int256(price) - int256(mark)).mulDivFloor(PPB, mark);
        return (premiumPpb + (seen - premiumPpb).mulDivFloor(size, size + interest)).toInt32();
    }

    // Positions

    /// @notice Cash side of a position [wad]: pending flow less cost. Toward −∞: the holder may lose the wei.
    function quoteOf(IPositions.Position memory p, int256 flow) internal pure returns (int256) {
        return quoteOf(p.baseWad, p.costWad, flow);
    }

    function quoteOf(int256 base, int256 cost, int256 flow) internal pure returns (int256) {
        // No overflow: bases and flows have 112 bits, costs 128.
        unchecked {
            int256 product = int256(base.abs()) * flow;
            int256 floored = product < 0 ? -int256((uint256(-product) + WAD - 1) / WAD) : product / int256(WAD);
            return floored - cost;
        }
    }

    /// @dev Base and cash side of a position at K; the flow of the past goes into the cost, rounded up.
    function set(IPositions.Position memory p, int256 base, int256 quote, int256 flow) internal pure {
        p.baseWad = base.toInt112();
        p.costWad = (flow.mulDivCeil(base.abs(), WAD) - quote).toInt128();
    }

    /// @notice Bring a position over the end of its epoch; K begins at zero behind it.
    function cross(IPositions.Position memory p, IPositions.EpochEnd memory end) internal pure {
        int256 quote = quoteOf(p, end.flowWad);
        uint256 product = int256(p.baseWad).abs() * end.scaleWad;
        int256 base = int256(product / WAD); // toward zero; EPOCH_DUST pays for what is lost

        set(p, p.baseWad < 0 ? -base : base, product % WAD == 0 ? quote : quote - EPOCH_DUST, 0);
        ++p.epoch;
    }

    /// @notice Add `size` (signed, same direction as the position or opening it) for `paid` (signed).
    function increase(Market memory m, IPositions.Position memory p, int256 size, int256 paid) internal pure {
        IPositions.Side memory s = sideOf(m, size > 0);
        int256 base = toBase(size, s.scaleWad);

        set(p, p.baseWad + base, quoteOf(p, s.flowWad) - paid, s.flowWad);
        p.epoch = s.epoch;
        addBase(m.interest, base, size > 0);
    }

    /// @notice Take `size` (signed, against the position `held`, smaller than it) out for `paid` (signed).
    /// @return cash realised: what was received less the share of the cost, rounded down
    function reduce(Market memory m, IPositions.Position memory p, int256 held, int256 size, int256 paid)
        internal
        pure
        returns (int256 cash)
    {
        bool long = p.baseWad > 0;
        IPositions.Side memory s = sideOf(m, long);
        int256 base = toBase(size, s.scaleWad);
        int256 quote = quoteOf(p, s.flowWad);
        int256 share = quote.mulDivFloor(size.abs(), held.abs()); // down: the holder may lose the wei

        set(p, p.baseWad + base, quote - share, s.flowWad);
        addBase(m.interest, base, long);
        return share - paid;
    }

    /// @notice Close a position as a whole for `paid` (signed).
    function close(Market memory m, IPositions.Position memory p, int256 paid) internal pure returns (int256 cash) {
        bool long = p.baseWad > 0;
        cash = quoteOf(p, sideOf(m, long).flowWad) - paid;

        if (p.baseWad != 0) addBase(m.interest, -int256(p.baseWad), long);
        (p.baseWad, p.costWad) = (0, 0);
    }

    /// @dev ⌊size/A⌋ toward −∞, so that less long and more short than asked remains
    function toBase(int256 size, uint256 scale) internal pure returns (int256) {
        return scale == WAD ? size : size.mulDivFloor(WAD, scale);
    }

    /// @dev `base` signed as the position; a short's base counts up when it grows more negative. Crossing an epoch rounds
    /// each base down by itself and their total once, so the total is never less than their sum.
    function addBase(IPositions.Interest memory i, int256 base, bool long) internal pure {
        uint256 total = long ? i.longBaseWad : i.shortBaseWad;
        unchecked {
            total += uint256(long ? base : -base); // a negative sum doesn't fit 112 bits either
        }
        if (long) i.longBaseWad = total.toUint112();
        else i.shortBaseWad = total.toUint112();
    }

    /// @dev Base [wad] of a whole side.
    function baseOf(Market memory m, bool long) internal pure returns (uint256) {
        return long ? m.interest.longBaseWad : m.interest.shortBaseWad;
    }

    // Deleveraging

    /// @notice Close `size` of the whole side `long` for `quote` in cash: a long side gets it, a short side pays it.
    /// @return ended true if the epoch ended, with `end` to be stored for the epoch before
    function deleverage(Market memory m, bool long, uint256 size, uint256 quote)
        internal
        pure
        returns (bool ended, IPositions.EpochEnd memory end)
    {
        uint256 base = baseOf(m, long);
        if (base == 0) return (false, end); // a wei of rounding without a counterparty: it stays with the protocol

        // Long: A down, short: A up, so Σ size ≤ 0 still. Cash toward −∞: the side may lose the wei.
        uint256 fall = long ? size.mulDivUp(WAD, base) : size.mulDivDown(WAD, base);
        IPositions.Side memory s = sideOf(m, long);
        unchecked {
            s.scaleWad = fall < s.scaleWad ? uint64(s.scaleWad - fall) : 0;
            int256 flow = long ? int256(quote.mulDivDown(WAD, base)) : -int256(quote.mulDivUp(WAD, base));
            s.flowWad = (s.flowWad + flow).toInt112(); // a quotient of 196 bits at most: the sum doesn't overflow
        }
        m.interest.scaled = true;
        if (s.scaleWad >= SCALE_FLOOR) return (false, end);

        end = IPositions.EpochEnd({ flowWad: s.flowWad, scaleWad: s.scaleWad });
        uint112 folded = base.mulWadDown(s.scaleWad).toUint112();
        if (long) m.interest.longBaseWad = folded;
        else m.interest.shortBaseWad = folded;
        (s.flowWad, s.scaleWad, s.epoch) = (0, uint64(WAD), s.epoch + 1);
        return (true, end);
    }

    /// @notice Close both sides for `payoffWad` a unit in cash, once and for all: longs get it, shorts pay it.
    /// @dev A stays zero: no epoch ends, as nobody comes any more. Cash toward −∞: a side may lose the wei.
    function settle(Market memory m, uint256 payoffWad) internal pure {
        uint256 longWad = uint256(m.long.scaleWad).mulWadDown(payoffWad);
        uint256 shortWad = uint256(m.short.scaleWad).mulWadUp(payoffWad);
        m.long.flowWad = (int256(m.long.flowWad) + int256(longWad)).toInt112();
        m.short.flowWad = (int256(m.short.flowWad) - int256(shortWad)).toInt112();
        (m.long.scaleWad, m.short.scaleWad) = (0, 0);
        (m.interest.scaled, m.interest.settled) = (true, true);
    }
}
