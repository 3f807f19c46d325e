// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { Lanes } from "contracts/libraries/Lanes.sol";
import { SideIndex } from "contracts/libraries/SideIndex.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { InstrumentId, Kind, Leg, Price, instrumentId } from "interfaces/Types.sol";

/// @title Positions
/// @dev Every change has one shape: market into memory → funding up to now → positions → market back.
/// Two words a position, three an instrument. No token and no cash is held here.
contract Positions is IPositions, AccessManaged {
    using FixedPoint for uint256;
    using FixedPoint for int256;
    using Lanes for uint256;
    using SafeCastLib for uint256;
    using SideIndex for SideIndex.Market;
    using SideIndex for Position;

    uint256 public constant MAX_POSITIONS = 16;

    address public immutable LEDGER;
    IOracle public immutable ORACLE;
    IRisk public immutable RISK;

    uint256 public immutable BAND_BPS;
    uint256 public immutable FUNDING_CAP_BPS;
    uint256 public immutable FUNDING_PERIOD_SECONDS;

    mapping(uint64 account => uint256) private _lanes; // indices of the instruments held
    mapping(uint256 accountAndIndex => Position) private _positions;

    InstrumentId[] private _instruments; // index 0 unused
    mapping(InstrumentId => uint16) private _indexOf;
    mapping(uint16 index => SideIndex.Market) private _markets;
    mapping(uint256 indexSideEpoch => EpochEnd) private _epochEnds;

    modifier onlyLedger() {
        if (msg.sender != LEDGER) revert NotLedger(msg.sender);
        _;
    }

    constructor(
        address authority,
        IOracle oracle,
        IRisk risk,
        uint256 bandBps,
        uint256 fundingCapBps,
        uint256 fundingPeriodSeconds
    ) AccessManaged(authority) {
        (LEDGER, ORACLE, RISK) = (msg.sender, oracle, risk);
        (BAND_BPS, FUNDING_CAP_BPS, FUNDING_PERIOD_SECONDS) = (bandBps, fundingCapBps, fundingPeriodSeconds);
        _instruments.push();
    }

    // --- Ledger only ---

    /// @inheritdoc IPositions
    function trade(InstrumentId instrument, uint64 buyer, uint64 seller, uint256 sizeWad, uint256 priceWad)
        external
        onlyLedger
        returns (Trade memory t)
    {
        (uint16 index, SideIndex.Market memory m) = _market(instrument);
        uint256 mark = _accrue(m, index);
        uint256 off = priceWad > mark ? priceWad - mark : mark - priceWad;
        if (off * BPS > mark * BAND_BPS) revert PriceOutsideBand(priceWad, mark, BAND_BPS);

        t.quoteWad = sizeWad.mulWadUp(priceWad); // one number for both: nothing is lost between them
        uint256 interest = m.openInterest(true);
        m.long.premiumPpb = SideIndex.premiumAfter(m.long.premiumPpb, priceWad, mark, sizeWad, interest);
        m.short.premiumPpb = m.long.premiumPpb;

        (t.buyerCashWad, t.buyerShrinks) = _trade(m, index, buyer, sizeWad.toInt256(), t.quoteWad.toInt256());
        (t.sellerCashWad, t.sellerShrinks) = _trade(m, index, seller, -sizeWad.toInt256(), -t.quoteWad.toInt256());
        _markets[index] = m;

        uint256 next = m.openInterest(true);
        uint256 cap = next > interest ? RISK.instrumentParams(instrument).openInterestCapWad : next;
        if (next > cap) revert OpenInterestCapExceeded(instrument, next, cap);
    }

    /// @inheritdoc IPositions
    function take(uint64 from, uint64 to, uint256 fractionWad)
        external
        onlyLedger
        returns (int256 givenWad, int256 gotWad)
    {
        for (uint256 lanes = _lanes[from]; lanes != 0; lanes >>= Lanes.BITS) {
            (int256 given, int256 got) = _take(uint16(lanes), from, to, fractionWad);
            (givenWad, gotWad) = (givenWad + given, gotWad + got);
        }
    }

    /// @dev One position traded at the mark; the whole fraction leaves nothing of it, even if it has no size left.
    function _take(uint16 index, uint64 from, uint64 to, uint256 fractionWad)
        private
        returns (int256 given, int256 got)
    {
        SideIndex.Market memory m = _markets[index];
        uint256 mark = _accrue(m, index);
        Position memory p = _settled(from, index, m);
        int256 size = m.sizeOf(p);

        if (fractionWad == WAD) {
            given = m.close(p, -size.mulDivCeil(mark, WAD));
            _store(from, index, p);
        } else {
            // Toward zero: the slice may be a wei smaller than asked for.
            uint256 part = size.abs().mulWadDown(fractionWad);
            size = size < 0 ? -part.toInt256() : part.toInt256();
            if (size == 0) return (0, 0);
            (given,) = _trade(m, index, from, -size, -size.mulDivCeil(mark, WAD));
        }
        if (size != 0) (got,) = _trade(m, index, to, size, size.mulDivCeil(mark, WAD));
        _markets[index] = m;
    }

    /// @inheritdoc IPositions
    function deleverage(uint64 account, InstrumentId instrument, uint256 deficitWad)
        external
        onlyLedger
        returns (int256 sizeWad, uint256 priceWad, int256 cashWad)
    {
        (uint16 index, SideIndex.Market memory m) = _market(instrument);
        uint256 mark = _accrue(m, index);
        Position memory p = _settled(account, index, m);
        if (p.baseWad == 0) revert NoPosition(account, instrument);

        sizeWad = m.sizeOf(p);
        uint256 quote = _bankruptcyQuote(sizeWad, mark, deficitWad);
        if (sizeWad != 0) priceWad = quote.mulDivDown(WAD, sizeWad.abs());
        cashWad = sizeWad > 0 ? quote.toInt256() : -quote.toInt256();

        (uint256 scaleBefore, uint256 scaleAfter) = _deleverageSide(m, index, sizeWad < 0, sizeWad.abs(), quote);
        cashWad = m.close(p, -cashWad);
        _store(account, index, p);
        _markets[index] = m;

        emit Deleveraged(instrument, account, sizeWad, priceWad, scaleBefore, scaleAfter);
    }

    /// @dev Cash at which the position closes: the mark moved by exactly the deficit in its favour, never below zero.
    function _bankruptcyQuote(int256 size, uint256 mark, uint256 deficit) private pure returns (uint256) {
        if (size == 0) return 0;
        if (size > 0) return uint256(size).mulWadDown(mark) + deficit;
        uint256 value = uint256(-size).mulWadUp(mark);
        return value > deficit ? value - deficit : 0;
    }

    function _deleverageSide(SideIndex.Market memory m, uint16 index, bool long, uint256 size, uint256 quote)
        private
        returns (uint256 scaleBefore, uint256 scaleAfter)
    {
        Side memory s = m.sideOf(long);
        uint16 epoch = s.epoch;
        scaleBefore = s.scaleWad;

        (bool ended, EpochEnd memory end) = m.deleverage(long, size, quote);
        if (!ended) return (scaleBefore, s.scaleWad);

        _epochEnds[_epochKey(index, long, epoch)] = end;
        emit EpochEnded(_instruments[index], long, epoch, end.scaleWad, end.flowWad);
        return (scaleBefore, end.scaleWad);
    }

    /// @inheritdoc IPositions
    function settle(uint64 account, InstrumentId instrument) external onlyLedger returns (int256 cashWad) {
        (uint16 index, SideIndex.Market memory m) = _market(instrument);
        if (!_lanes[account].holds(index)) revert NoPosition(account, instrument);
        _accrue(m, index);

        Position memory p = _settled(account, index, m);
        if (m.sizeOf(p) == 0) cashWad = m.close(p, 0);
        _store(account, index, p);
        _markets[index] = m;
    }

    // --- Anybody ---

    /// @inheritdoc IPositions
    function accrue(InstrumentId instrument) external {
        (uint16 index, SideIndex.Market memory m) = _market(instrument);

        _accrue(m, index);

        _markets[index] = m;
    }

    // --- Governance ---

    /// @inheritdoc IPositions
    function listInstrument(InstrumentId instrument) external restricted {
        if (_indexOf[instrument] != 0) revert AlreadyListed(instrument);
        bool plain = instrument.same(instrumentId(Kind.Perpetual, instrument.underlyingOf(), 0, 0));
        if (!plain) revert UnsupportedKind(instrument);
        RISK.instrumentParams(instrument); // reverts unless its parameters are set

        uint16 index = _instruments.length.toUint16();
        _instruments.push(instrument);
        _indexOf[instrument] = index;
        Side memory fresh = Side(0, uint64(WAD), 0, uint32(block.timestamp), 0);
        _markets[index] = SideIndex.Market(fresh, fresh, Interest(0, 0, instrument.underlyingOf(), false));

        emit InstrumentListed(instrument, index);
    }

    // --- Views ---

    /// @inheritdoc IPositions
    function legsOf(uint64 account) external view returns (Leg[] memory) {
        return _legs(account, _lanes[account], 0, 0);
    }

    /// @inheritdoc IPositions
    function legsWith(uint64 account, InstrumentId instrument, int256 extraWad)
        external
        view
        returns (Leg[] memory)
    {
        uint16 index = _index(instrument);
        uint256 lanes = _lanes[account];
        return _legs(account, lanes.holds(index) ? lanes : lanes.add(index), index, extraWad);
    }

    function _legs(uint64 account, uint256 lanes, uint16 extraIndex, int256 extra)
        private
        view
        returns (Leg[] memory legs)
    {
        legs = new Leg[](lanes.length());
        uint16[] memory underlyings = new uint16[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            underlyings[i] = _markets[lanes.lane(i)].interest.underlying;
        }
        if (legs.length == 0) return legs;

        Price[] memory prices = ORACLE.read(underlyings);
        for (uint256 i; i < legs.length; ++i) {
            uint16 index = lanes.lane(i);
            _fillLeg(legs[i], account, index, prices[i]);
            if (index == extraIndex) legs[i].sizeWad += extra;
        }
    }

    function _fillLeg(Leg memory leg, uint64 account, uint16 index, Price memory price) private view {
        Position memory p = _positions[_key(account, index)];
        SideIndex.Market memory m = _marketFor(index, p.baseWad >= 0);
        _project(m, price.spotWad);
        _settle(p, index, m);

        leg.instrument = instrumentId(Kind.Perpetual, m.interest.underlying, 0, 0);
        leg.sizeWad = m.sizeOf(p);
        leg.quoteWad = -int256(p.costWad);
        leg.markWad = price.spotWad;
        leg.emaWad = price.emaWad;
        leg.grade = price.grade;
        leg.openInterestWad = m.openInterest(p.baseWad >= 0);
    }

    /// @dev Until a side was deleveraged both scales are one and both bases the same: the other side need not be read.
    function _marketFor(uint16 index, bool long) private view returns (SideIndex.Market memory m) {
        SideIndex.Market storage stored = _markets[index];
        m.interest = stored.interest;
        if (m.interest.scaled) return stored;
        if (long) m.long = stored.long;
        else m.short = stored.short;
        (Side memory own, Side memory other) = long ? (m.long, m.short) : (m.short, m.long);
        (other.scaleWad, other.accruedAt, other.premiumPpb) = (own.scaleWad, own.accruedAt, own.premiumPpb);
    }

    /// @inheritdoc IPositions
    function positionOf(uint64 account, InstrumentId instrument)
        external
        view
        returns (int256 sizeWad, int256 quoteWad)
    {
        uint16 index = _index(instrument);
        Position memory p = _positions[_key(account, index)];
        SideIndex.Market memory m = _marketFor(index, p.baseWad >= 0);
        _project(m, ORACLE.priceOf(m.interest.underlying).spotWad);
        _settle(p, index, m);
        return (m.sizeOf(p), -int256(p.costWad));
    }

    /// @inheritdoc IPositions
    function rawPositionOf(uint64 account, InstrumentId instrument) external view returns (Position memory) {
        return _positions[_key(account, _index(instrument))];
    }

    /// @inheritdoc IPositions
    function countOf(uint64 account) external view returns (uint256) {
        return _lanes[account].length();
    }

    /// @inheritdoc IPositions
    function instrumentsOf(uint64 account) external view returns (InstrumentId[] memory held) {
        uint256 lanes = _lanes[account];
        held = new InstrumentId[](lanes.length());
        for (uint256 i; i < held.length; ++i) {
            held[i] = _instruments[lanes.lane(i)];
        }
    }

    /// @inheritdoc IPositions
    function marketOf(InstrumentId instrument) external view returns (Side memory, Side memory, Interest memory) {
        (, SideIndex.Market memory m) = _market(instrument);
        return (m.long, m.short, m.interest);
    }

    /// @inheritdoc IPositions
    function epochEndOf(InstrumentId instrument, bool long, uint16 epoch) external view returns (EpochEnd memory) {
        return _epochEnds[_epochKey(_index(instrument), long, epoch)];
    }

    /// @inheritdoc IPositions
    function instruments() external view returns (InstrumentId[] memory) {
        return _instruments;
    }

    // --- Positions ---

    /// @dev Trade `size` (signed) for `paid` (signed). Shrinking realises into cash; the rest opens.
    /// @return cash realised
    /// @return shrinks true if the position only became smaller
    function _trade(SideIndex.Market memory m, uint16 index, uint64 account, int256 size, int256 paid)
        private
        returns (int256 cash, bool shrinks)
    {
        Position memory p = _settled(account, index, m);
        int256 held = m.sizeOf(p);
        if (held == 0) cash = m.close(p, 0); // what deleveraging left of it

        if (held == 0 || (held > 0) == (size > 0)) {
            m.increase(p, size, paid);
        } else if (size.abs() < held.abs()) {
            shrinks = true;
            cash += m.reduce(p, held, size, paid);
        } else {
            shrinks = size == -held;
            int256 closing = shrinks ? paid : paid.mulDivCeil(held.abs(), size.abs());
            cash += m.close(p, closing);
            if (!shrinks) m.increase(p, size + held, paid - closing);
        }
        _store(account, index, p);
    }

    /// @dev The position of an account with all that happened to its side; base 0 if it was closed.
    function _settled(uint64 account, uint16 index, SideIndex.Market memory m)
        private
        view
        returns (Position memory p)
    {
        p = _positions[_key(account, index)];
        _settle(p, index, m);
    }

    function _settle(Position memory p, uint16 index, SideIndex.Market memory m) private view {
        bool long = p.baseWad > 0;
        Side memory s = m.sideOf(long);
        while (p.baseWad != 0 && p.epoch != s.epoch) {
            p.cross(_epochEnds[_epochKey(index, long, p.epoch)]);
        }
        if (p.baseWad != 0) p.settle(s);
    }

    function _store(uint64 account, uint16 index, Position memory p) private {
        uint256 lanes = _lanes[account];
        bool held = lanes.holds(index);
        if (p.baseWad != 0) {
            if (!held && lanes.length() == MAX_POSITIONS) revert TooManyPositions(account, MAX_POSITIONS);
            if (!held) _lanes[account] = lanes.add(index);
            _positions[_key(account, index)] = p;
        } else if (held) {
            _lanes[account] = lanes.remove(index);
            delete _positions[_key(account, index)];
        }
    }

    // --- Funding ---

    /// @dev Funding of both sides up to now, in memory.
    function _project(SideIndex.Market memory m, uint256 mark) private view returns (int256 f) {
        uint256 elapsed = block.timestamp - m.long.accruedAt;
        if (elapsed == 0) return 0;

        m.long.accruedAt = uint32(block.timestamp);
        m.short.accruedAt = uint32(block.timestamp);
        f = SideIndex.funding(m.long.premiumPpb, mark, elapsed, FUNDING_PERIOD_SECONDS, FUNDING_CAP_BPS);
        if (f != 0) m.applyFunding(f);
    }

    /// @dev The same, with its event. Returns the mark it used.
    function _accrue(SideIndex.Market memory m, uint16 index) private returns (uint256 mark) {
        mark = ORACLE.priceOf(m.interest.underlying).spotWad;
        int256 f = _project(m, mark);
        if (f != 0) emit Accrued(_instruments[index], f, m.long.flowWad, m.short.flowWad);
    }

    // --- Lookups ---

    function _index(InstrumentId instrument) private view returns (uint16 index) {
        index = _indexOf[instrument];
        if (index == 0) revert NoSuchInstrument(instrument);
    }

    function _market(InstrumentId instrument) private view returns (uint16 index, SideIndex.Market memory m) {
        index = _index(instrument);
        m = _markets[index];
    }

    function _key(uint64 account, uint16 index) private pure returns (uint256) {
        return (uint256(account) << 16) | index;
    }

    function _epochKey(uint16 index, bool long, uint16 epoch) private pure returns (uint256) {
        return (uint256(index) << 17) | (uint256(long ? 1 : 0) << 16) | epoch;
    }
}
