// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { IPositions } from "interfaces/IPositions.sol";

/// @notice Both sides of an instrument and the positions on them.
/// @dev   size  = ⌊base·A⌋                      toward −∞: less long, more short, so Σ size ≤ 0 at any mark
///        flow  = ⌊|base|·(K − K₀)⌋             toward −∞: the holder may lose the wei
///        value = size·mark + flow − cost
/// What happens to a whole side is one write to (A, K):
///        funding       K −= ⌈A·F⌉ for the side that pays; the other side shares out what was paid, rounded down
///        deleveraging  A' = A − q/base,  K += ±Q/base  for a quantity q closed for Q in cash
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
        uint256 rate = premiumPpb.abs() * 1 hours;
        uint256 cap = capBpsPerHour * (PPB / BPS) * periodSeconds;
        if (rate > cap) rate = cap;

        uint256 f = markWad.mulDivDown(rate * elapsed, PPB * 1 hours * periodSeconds);
        return premiumPpb < 0 ? -int256(f) : int256(f);
    }

    /// @notice Change of K of the paying side (taken) and of the other one (given) for funding `f` per unit of size.
    /// @dev taken = ⌈A·f⌉ per unit of paying base; given = ⌊taken·payingBase/receivingBase⌋: conserves by construction.
    function fundingFlows(uint256 f, uint256 payingScale, uint256 payingBase, uint256 receivingBase)
        internal
        pure
        returns (uint256 taken, uint256 given)
    {
        if (payingBase == 0 || receivingBase == 0) return (0, 0);
        taken = payingScale.mulWadUp(f);
        given = payingBase == receivingBase ? taken : payingBase.mulDivDown(taken, receivingBase);
    }

    /// @dev Both K brought by funding `f` (signed, per unit of size).
    function applyFunding(Market memory m, int256 f) internal pure {
        (IPositions.Side memory paying, IPositions.Side memory receiving) = f > 0 ? (m.long, m.short) : (m.short, m.long);
        (uint256 payingBase, uint256 receivingBase) = f > 0
            ? (m.interest.longBaseWad, m.interest.shortBaseWad)
            : (m.interest.shortBaseWad, m.interest.longBaseWad);

        (uint256 taken, uint256 given) = fundingFlows(f.abs(), paying.scaleWad, payingBase, receivingBase);
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

    /// @notice Bring a position to the K of its side; what is pending goes into its cost.
    function settle(IPositions.Position memory p, IPositions.Side memory s) internal pure {
        p.costWad = (int256(p.costWad) - pendingFlow(p, s.flowWad)).toInt128();
        p.flowWad = s.flowWad;
    }

    /// @notice Bring a position over the end of its epoch.
    function cross(IPositions.Position memory p, IPositions.EpochEnd memory end) internal pure {
        int256 cost = int256(p.costWad) - pendingFlow(p, end.flowWad);
        uint256 base = int256(p.baseWad).abs().mulWadDown(end.scaleWad); // toward zero; EPOCH_DUST pays for it
        p.costWad = (base == 0 ? cost : cost + EPOCH_DUST).toInt128();
        p.baseWad = p.baseWad < 0 ? -base.toInt128() : base.toInt128();
        p.flowWad = 0;
        ++p.epoch;
    }

    /// @dev ⌊|base|·(K − K₀)⌋
    function pendingFlow(IPositions.Position memory p, int256 flow) internal pure returns (int256) {
        int256 delta = flow - p.flowWad;
        return delta == 0 ? int256(0) : delta.mulDivFloor(int256(p.baseWad).abs(), WAD);
    }

    /// @notice Add `size` (signed, same direction as the position or opening it) for `paid` (signed).
    function increase(Market memory m, IPositions.Position memory p, int256 size, int256 paid) internal pure {
        IPositions.Side memory s = sideOf(m, size > 0);
        int256 base = toBase(size, s.scaleWad);
        if (p.baseWad == 0) (p.flowWad, p.epoch) = (s.flowWad, s.epoch);

        p.baseWad = (p.baseWad + base).toInt128();
        p.costWad = (p.costWad + paid).toInt128();
        addBase(m.interest, base, size > 0);
    }

    /// @notice Take `size` (signed, against the position, smaller than it) out for `paid` (signed).
    /// @return cash realised: what was received less the share of the cost, rounded down
    function reduce(Market memory m, IPositions.Position memory p, int256 held, int256 size, int256 paid)
        internal
        pure
        returns (int256 cash)
    {
        bool long = p.baseWad > 0;
        int256 base = toBase(size, sideOf(m, long).scaleWad);
        int256 cost = int256(p.costWad).mulDivCeil(size.abs(), held.abs()); // up: the holder may lose the wei
        cash = -paid - cost;

        p.baseWad = (p.baseWad + base).toInt128();
        p.costWad = (p.costWad - cost).toInt128();
        addBase(m.interest, base, long);
    }

    /// @notice Close a position as a whole for `paid` (signed).
    function close(Market memory m, IPositions.Position memory p, int256 paid) internal pure returns (int256 cash) {
        cash = -paid - p.costWad;
        if (p.baseWad != 0) addBase(m.interest, -int256(p.baseWad), p.baseWad > 0);
        (p.baseWad, p.costWad) = (0, 0);
    }

    /// @dev ⌊size/A⌋ toward −∞, so that less long and more short than asked remains
    function toBase(int256 size, uint256 scale) internal pure returns (int256) {
        return scale == WAD ? size : size.mulDivFloor(WAD, scale);
    }

    /// @dev `base` signed as the position; a short's base counts up when it grows more negative. Crossing epochs rounds
    /// bases down one by one, so the last to leave may find a wei less than it brings back.
    function addBase(IPositions.Interest memory i, int256 base, bool long) internal pure {
        uint256 total = long ? i.longBaseWad : i.shortBaseWad;
        int256 next = int256(total) + (long ? base : -base);
        uint112 bounded = uint256(next < 0 ? int256(0) : next).toUint112();
        if (long) i.longBaseWad = bounded;
        else i.shortBaseWad = bounded;
    }

    // Deleveraging

    /// @notice Close `size` of the whole side `long` for `quote` in cash: a long side gets it, a short side pays it.
    /// @return ended true if the epoch ended, with `end` to be stored for the epoch before
    function deleverage(Market memory m, bool long, uint256 size, uint256 quote)
        internal
        pure
        returns (bool ended, IPositions.EpochEnd memory end)
    {
        uint256 base = long ? m.interest.longBaseWad : m.interest.shortBaseWad;
        if (base == 0) return (false, end); // a wei of rounding without a counterparty: it stays with the protocol

        IPositions.Side memory s = sideOf(m, long);
        // Long: A down, short: A up, so Σ size ≤ 0 still. Cash toward −∞: the side may lose the wei.
        uint256 fall = long ? size.mulDivUp(WAD, base) : size.mulDivDown(WAD, base);
        s.scaleWad = fall < s.scaleWad ? uint64(s.scaleWad - fall) : 0;
        s.flowWad = (s.flowWad + (long ? int256(quote) : -int256(quote)).mulDivFloor(WAD, base)).toInt112();
        m.interest.scaled = true;
        if (s.scaleWad >= SCALE_FLOOR) return (false, end);

        end = IPositions.EpochEnd({ flowWad: s.flowWad, scaleWad: s.scaleWad });
        uint112 folded = base.mulWadDown(s.scaleWad).toUint112();
        if (long) m.interest.longBaseWad = folded;
        else m.interest.shortBaseWad = folded;
        (s.flowWad, s.scaleWad, s.epoch) = (0, uint64(WAD), s.epoch + 1);
        return (true, end);
    }
}
