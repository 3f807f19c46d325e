// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { BookCall, Prices } from "contracts/libraries/BookCall.sol";
import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { Lanes } from "contracts/libraries/Lanes.sol";
import { Payoff } from "contracts/libraries/Payoff.sol";
import { SideIndex } from "contracts/libraries/SideIndex.sol";
import { Words } from "contracts/libraries/Words.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Grade, Health, Holding, InstrumentId, Kind, KIND_BIT, instrumentId } from "interfaces/Types.sol";

/// @title Positions
/// @dev Every change has one shape: market into memory → funding up to now → positions → market back.
/// One word a position, three an instrument. No token and no cash is held here.
contract Positions is IPositions, AccessManaged {
    using FixedPoint for uint256;
    using FixedPoint for int256;
    using Lanes for uint256;
    using Payoff for InstrumentId;
    using SafeCastLib for uint256;
    using SafeCastLib for int256;
    using SideIndex for SideIndex.Market;
    using SideIndex for Position;

    uint256 public constant MAX_POSITIONS = 2 * Lanes.ROOM;
    uint256 public constant FIRST_SERIES = 1 << 15; // index of the first series; perpetuals lie below
    uint256 public constant MAX_SERIES = 256; // of an underlying, that are not settled
    uint256 public constant OPTION_TICK_BPS = 25; // of the spot: how much wider the band of an option is
    uint256 public constant MIN_LIFE_SECONDS = 2 hours;
    uint256 public constant MAX_LIFE_SECONDS = 400 days;
    uint256 public constant MAX_STRIKE_RATIO = 4;

    uint256 private constant PERPETUAL_BIT = 168; // of the underlying in an InstrumentId; the rest of it is zero
    uint256 private constant UNDERLYING_BIT = 224; // of an interest word, and of the word of a series
    uint256 private constant SCALED_BIT = 240;
    uint256 private constant SERIES_ID = (1 << 192) - 1;
    uint256 private constant COST_BIT = 112;
    uint256 private constant ACCRUED_BIT = 192;
    uint256 private constant PREMIUM_BIT = 224;

    address public immutable LEDGER;
    IOracle public immutable ORACLE;
    IRisk public immutable RISK;

    uint256 public immutable BAND_BPS;
    uint256 public immutable FUNDING_CAP_BPS;
    uint256 public immutable FUNDING_PERIOD_SECONDS;

    mapping(uint64 account => uint256) private _lanes; // indices of the instruments held
    mapping(uint64 account => uint256) private _moreLanes; // …if the first word is full
    mapping(uint256 accountAndIndex => Position) private _positions;

    InstrumentId[] private _instruments; // place 0 unused
    SideIndex.Market[65_536] private _markets; // by index; an array needs no hashing
    mapping(uint256 indexSideEpoch => EpochEnd) private _epochEnds;

    uint256[] private _series; // index − FIRST_SERIES
    mapping(InstrumentId series => uint16 index) private _indices;
    mapping(uint16 underlying => Tally) private _tallies;

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
        uint256 interest = m.openInterest(true);
        uint256 mark = _accrue(m, index);
        if (index < FIRST_SERIES) {
            _requireWithin(priceWad, mark, mark * BAND_BPS);
            m.long.premiumPpb = SideIndex.premiumAfter(m.long.premiumPpb, priceWad, mark, sizeWad, interest);
            m.short.premiumPpb = m.long.premiumPpb;
        } else {
            uint256 closedAt = instrument.expiryOf() - ORACLE.WINDOW_SECONDS();
            if (block.timestamp >= closedAt) revert TradingClosed(instrument, closedAt);
            uint256 spot = ORACLE.spotOf(m.interest.underlying);
            _requireWithin(priceWad, mark, mark * BAND_BPS + spot * OPTION_TICK_BPS);
        }

        t.quoteWad = sizeWad.mulWadUp(priceWad); // one number for both: nothing is lost between them
        (t.buyerCashWad, t.buyerShrinks) = _trade(m, index, buyer, sizeWad.toInt256(), t.quoteWad.toInt256());
        (t.sellerCashWad, t.sellerShrinks) = _trade(m, index, seller, -sizeWad.toInt256(), -t.quoteWad.toInt256());
        uint256 open = _save(m, index, interest);

        uint256 next = m.openInterest(true);
        if (next <= interest) return t;
        if (index < FIRST_SERIES) open = next;
        uint256 cap = RISK.instrumentParams(instrument).openInterestCapWad;
        if (open > cap) revert OpenInterestCapExceeded(instrument, open, cap);
    }

    /// @param room how far the price may be from the mark [wad·bps]
    function _requireWithin(uint256 priceWad, uint256 mark, uint256 room) private view {
        uint256 off = priceWad > mark ? priceWad - mark : mark - priceWad;
        if (off * BPS > room) revert PriceOutsideBand(priceWad, mark, BAND_BPS);
    }

    /// @inheritdoc IPositions
    function take(uint64 from, uint64 to, uint256 fractionWad)
        external
        onlyLedger
        returns (int256 givenWad, int256 gotWad)
    {
        (uint256 lanes, uint256 more) = _lanesOf(from);
        for (; lanes != 0; (lanes, more) = lanes.shift(more)) {
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
        uint256 interest = _tallied(m, index);
        uint256 mark = _accrue(m, index);
        Position memory p = _positionOf(from, index, m);
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
        _save(m, index, interest);
    }

    /// @inheritdoc IPositions
    function deleverage(uint64 account, InstrumentId instrument, uint256 deficitWad)
        external
        onlyLedger
        returns (int256 sizeWad, uint256 priceWad, int256 cashWad)
    {
        (uint16 index, SideIndex.Market memory m) = _market(instrument);
        uint256 interest = _tallied(m, index);
        uint256 mark = _accrue(m, index);
        Position memory p = _positionOf(account, index, m);
        if (p.baseWad == 0 || m.interest.settled) revert NoPosition(account, instrument);

        sizeWad = m.sizeOf(p);
        uint256 base = m.baseOf(p.baseWad < 0);
        if (base == 0) deficitWad = 0; // rounding left nobody opposite who could bear it
        uint256 quote = _bankruptcyQuote(sizeWad, mark, deficitWad);
        if (sizeWad != 0) priceWad = quote.mulDivDown(WAD, sizeWad.abs());
        cashWad = sizeWad > 0 ? quote.toInt256() : -quote.toInt256();

        (uint256 scaleBefore, uint256 scaleAfter) = _deleverageSide(m, index, sizeWad < 0, sizeWad.abs(), quote);
        cashWad = m.close(p, -cashWad);
        _store(account, index, p);
        _save(m, index, interest);

        emit Deleveraged(instrument, account, sizeWad, priceWad, mark, base, scaleBefore, scaleAfter);
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
        _markScaled(index);
        if (!ended) return (scaleBefore, s.scaleWad);

        _epochEnds[_epochKey(index, long, epoch)] = end;
        emit EpochEnded(_instrument(index), long, epoch, end.scaleWad, end.flowWad);
        return (scaleBefore, end.scaleWad);
    }

    /// @inheritdoc IPositions
    function settle(uint64 account, InstrumentId instrument) external onlyLedger returns (int256 cashWad) {
        (uint16 index, SideIndex.Market memory m) = _market(instrument);
        if (!_holds(account, index)) revert NoPosition(account, instrument);
        uint256 interest = _tallied(m, index);
        if (index < FIRST_SERIES) _accrue(m, index);

        Position memory p = _positionOf(account, index, m);
        if (m.sizeOf(p) == 0) cashWad = m.close(p, 0);
        _store(account, index, p);
        _save(m, index, interest);
    }

    // --- Anybody ---

    /// @inheritdoc IPositions
    function accrue(InstrumentId instrument) external {
        (uint16 index, SideIndex.Market memory m) = _market(instrument);

        _accrue(m, index);

        _markets[index] = m;
    }

    /// @inheritdoc IPositions
    function settleSeries(InstrumentId instrument, uint256 coveredAt) external {
        (uint16 index, SideIndex.Market memory m) = _market(instrument);
        if (index < FIRST_SERIES) revert UnsupportedKind(instrument);
        if (m.interest.settled) revert AlreadySettled(instrument);

        uint16 underlying = m.interest.underlying;
        uint256 price = ORACLE.settlementOf(underlying, instrument.expiryOf(), coveredAt);
        uint256 payoff = instrument.payoffWad(price);
        uint256 interest = m.openInterest(true);
        m.settle(payoff);
        _markScaled(index);
        --_tallies[underlying].series;
        _save(m, index, interest);

        emit SeriesSettled(instrument, price, payoff, interest);
    }

    // --- Governance ---

    /// @inheritdoc IPositions
    function listInstrument(InstrumentId instrument) external restricted {
        (uint16 index, uint16 underlying) = (instrument.underlyingOf(), instrument.underlyingOf());
        bool isSeries = instrument.isOption();
        if (isSeries) {
            index = _newSeries(instrument);
        } else {
            bool fits = index != 0 && index < FIRST_SERIES && instrument.same(_perpetual(index));
            if (!fits) revert UnsupportedKind(instrument);
            if (_markets[index].long.scaleWad != 0) revert AlreadyListed(instrument);
            _instruments.push(instrument);
        }
        if (RISK.instrumentParams(instrument).maintenanceBps == 0) revert IRisk.NotListed(instrument);

        Side memory fresh = Side(0, uint64(WAD), 0, uint32(block.timestamp), 0);
        _markets[index] = SideIndex.Market(fresh, fresh, Interest(0, 0, underlying, false, false));

        emit InstrumentListed(instrument, index);
    }

    /// @dev An index of its own for a series that fits the grid.
    function _newSeries(InstrumentId instrument) private returns (uint16 index) {
        uint16 underlying = instrument.underlyingOf();
        if (InstrumentId.unwrap(instrument) >> KIND_BIT > uint256(Kind.Put)) revert UnsupportedKind(instrument);
        if (_indices[instrument] != 0) revert AlreadyListed(instrument);
        if (_markets[underlying].long.scaleWad == 0) revert NoSuchInstrument(_perpetual(underlying));
        Tally storage tally = _tallies[underlying];
        if (tally.series == MAX_SERIES || _series.length == FIRST_SERIES) revert TooManySeries(underlying, MAX_SERIES);

        uint256 expiry = instrument.expiryOf();
        _requireSeries(instrument, expiry, block.timestamp + MIN_LIFE_SECONDS, block.timestamp + MAX_LIFE_SECONDS);
        if (expiry % ORACLE.WINDOW_SECONDS() != 0) revert BadSeries(instrument, expiry, ORACLE.WINDOW_SECONDS());
        uint256 spot = ORACLE.spotOf(underlying);
        uint256 strike = instrument.strikeOf();
        _requireSeries(instrument, strike, spot / MAX_STRIKE_RATIO + 1, spot * MAX_STRIKE_RATIO);
        uint256 step = _strikeStep(spot);
        if (strike % step != 0) revert BadSeries(instrument, strike, step);

        index = uint16(FIRST_SERIES + _series.length);
        _series.push(InstrumentId.unwrap(instrument) | uint256(underlying) << UNDERLYING_BIT);
        _indices[instrument] = index;
        ++tally.series;
    }

    function _requireSeries(InstrumentId instrument, uint256 value, uint256 low, uint256 high) private pure {
        if (value < low) revert BadSeries(instrument, value, low);
        if (value > high) revert BadSeries(instrument, value, high);
    }

    /// @dev A hundredth of the power of ten at or below the spot [wad], at least a wei: a hundred to a thousand steps a decade.
    function _strikeStep(uint256 spot) private pure returns (uint256 step) {
        step = 1;
        while (step * 1_000 <= spot) step *= 10;
    }

    // --- Views ---

    /// @inheritdoc IPositions
    function healthOf(Query calldata query) external view returns (Health memory h) {
        (uint256 lanes, uint256 more) = _lanesOf(query.account);
        int256 extra = query.extraWad.toInt128();
        uint16 extraIndex = extra == 0 ? 0 : _index(query.instrument);
        if (extraIndex != 0 && !lanes.holds(extraIndex) && !more.holds(extraIndex)) {
            if (lanes.isFull()) more = more.add(extraIndex);
            else lanes = lanes.add(extraIndex);
        }
        (h.legs, h.holdings, h.cashWad) = (lanes.length() + more.length(), query.holdings.length, query.cashWad);

        uint256 book = BookCall.open(query.mode, query.witness, query.cashWad, h.legs, query.holdings);
        h.items = new uint256[](h.legs + h.holdings);
        uint256 items = Words.first(h.items);
        if (h.legs != 0) h.grossWad = _putLegs(book, items, query.account, lanes, more, h.legs, extraIndex, extra);
        h.margin = BookCall.assess(book, RISK, h.legs, h.holdings);
        _weigh(h, query);
    }

    /// @dev The legs of an account in the order of its lanes, word after word, with `extra` more (or less) of one. Sizes
    /// have 128 bits and marks 88, so nothing overflows.
    function _putLegs(
        uint256 book,
        uint256 items,
        uint64 account,
        uint256 lanes,
        uint256 more,
        uint256 count,
        uint16 extraIndex,
        int256 extra
    ) private view returns (uint256 gross) {
        uint256 leg = BookCall.firstLeg(book);
        uint256 price = Prices.open(count);
        uint256 last; // underlying: neighbours that share it share its price, and their series its tally
        unchecked {
            uint256 ids = price;
            (uint256 rest, uint256 next) = (lanes, more);
            for (; rest != 0; (rest, next) = (next, 0)) {
                for (; rest != 0; rest >>= Lanes.BITS) {
                    uint256 head = _headWord(uint16(rest));
                    Words.put(leg, head); // where its instrument will be
                    leg += BookCall.LEG_BYTES;
                    uint256 underlying = uint16(head >> UNDERLYING_BIT);
                    if (underlying == last) continue;
                    Words.put(ids, underlying);
                    (ids, last) = (ids + 32, underlying);
                }
            }

            price = Prices.read(ORACLE, price, (ids - price) >> 5) - 96;
            last = 0;
            uint256 tally;
            leg -= BookCall.LEG_BYTES * count;
            for (; lanes != 0; (lanes, more) = (more, 0)) {
                for (; lanes != 0; lanes >>= Lanes.BITS) {
                    uint256 head = Words.get(leg);
                    uint256 underlying = uint16(head >> UNDERLYING_BIT);
                    if (underlying != last) (price, last, tally) = (price + 96, underlying, type(uint256).max);
                    uint256 mark = Words.get(price);
                    (int256 size, int256 quote, uint256 open) = _leg(account, uint16(lanes), head, mark);
                    if (uint16(lanes) == extraIndex) size += extra;

                    uint256 id = underlying << PERPETUAL_BIT;
                    if (lanes & FIRST_SERIES != 0) {
                        id = head & SERIES_ID;
                        if (tally == type(uint256).max) tally = _tallies[uint16(underlying)].openInterestWad;
                        open = tally;
                    }
                    BookCall.putLeg(leg, id, size, quote, price, open);
                    uint256 units = size.abs();
                    gross += (units * mark + (WAD - 1)) / WAD;
                    Words.put(items, _item(units, mark, Words.get(price + 32), Words.get(price + 64), underlying));

                    (leg, items) = (leg + BookCall.LEG_BYTES, items + 32);
                }
            }
        }
    }

    /// @dev Size, quote and open interest [wad] of a position, funding projected to now; of a series, its tally is for the caller
    /// to read.
    function _leg(uint64 account, uint16 index, uint256 head, uint256 mark)
        private
        view
        returns (int256 size, int256 quote, uint256 openInterest)
    {
        if (head >> SCALED_BIT != 0) return _scaledLeg(account, index, mark);

        // Until a side was deleveraged A is one, both bases are equal, and K moves by the funding itself: the other side
        // need not be read, and words need not become structs.
        uint256 word = _positionWord(account, index);
        size = int112(uint112(word));
        quote = -int256(int128(uint128(word >> COST_BIT)));
        if (index >= FIRST_SERIES) return (size, quote, 0); // until then K of an option is zero
        openInterest = uint112(head);
        uint256 side = _sideWord(index, size > 0);
        int256 flow = int112(uint112(side));
        int256 premium = int32(uint32(side >> PREMIUM_BIT));
        if (openInterest != 0 && premium != 0) {
            int256 f = _funding(premium, uint32(side >> ACCRUED_BIT), mark);
            flow = size > 0 ? flow - f : flow + f;
        }
        quote = SideIndex.quoteOf(size, -quote, flow);
    }

    function _scaledLeg(uint64 account, uint16 index, uint256 mark)
        private
        view
        returns (int256 size, int256 quote, uint256 openInterest)
    {
        SideIndex.Market memory m = _markets[index];
        _project(m, mark);
        Position memory p = _positionOf(account, index, m);
        bool long = p.baseWad > 0;
        return (m.sizeOf(p), p.quoteOf(m.sideOf(long).flowWad), m.openInterest(long));
    }

    /// @dev As `Health.items` has it. Sizes have 128 bits and prices 88, so nothing overflows.
    function _item(uint256 size, uint256 mark, uint256 ema, uint256 grade, uint256 underlying)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 reach = mark > ema ? 3 * mark - 2 * ema : 3 * ema - 2 * mark;
            return (size * reach + (WAD - 1)) / WAD << 24 | grade << 16 | underlying;
        }
    }

    /// @dev The items of the holdings; the worst grade and the dominant underlying of all.
    function _weigh(Health memory h, Query calldata query) private pure {
        unchecked {
            for (uint256 i; i < h.holdings; ++i) {
                Holding calldata holding = query.holdings[i];
                h.items[h.legs + i] = _item(
                    holding.amountWad, holding.priceWad, holding.emaWad, uint256(holding.grade), query.underlyings[i]
                );
            }

            uint256 item = Words.first(h.items);
            uint256 grade;
            uint256 largest;
            for (uint256 end = item + 32 * h.items.length; item < end; item += 32) {
                uint256 value = Words.get(item);
                if (value > largest) largest = value;
                if (uint8(value >> 16) > grade) grade = uint8(value >> 16);
            }
            (h.grade, h.dominant) = (Grade(grade), uint16(largest));
        }
    }

    /// @inheritdoc IPositions
    function positionOf(uint64 account, InstrumentId instrument)
        external
        view
        returns (int256 sizeWad, int256 quoteWad)
    {
        uint16 index = _index(instrument);
        uint256 mark = ORACLE.spotOf(instrument.underlyingOf());
        (sizeWad, quoteWad,) = _leg(account, index, _headWord(index), mark);
    }

    /// @inheritdoc IPositions
    function rawPositionOf(uint64 account, InstrumentId instrument) external view returns (Position memory) {
        return _positions[_key(account, _index(instrument))];
    }

    /// @inheritdoc IPositions
    function countOf(uint64 account) external view returns (uint256) {
        (uint256 lanes, uint256 more) = _lanesOf(account);
        return lanes.length() + more.length();
    }

    /// @inheritdoc IPositions
    function instrumentsOf(uint64 account) external view returns (InstrumentId[] memory held) {
        (uint256 lanes, uint256 more) = _lanesOf(account);
        held = new InstrumentId[](lanes.length() + more.length());
        for (uint256 i; lanes != 0; (lanes, more) = lanes.shift(more)) {
            held[i++] = _instrument(uint16(lanes));
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
    function tallyOf(uint16 underlying) external view returns (Tally memory) {
        return _tallies[underlying];
    }

    /// @inheritdoc IPositions
    function series() external view returns (InstrumentId[] memory listed) {
        listed = new InstrumentId[](_series.length);
        for (uint256 i; i < listed.length; ++i) {
            listed[i] = InstrumentId.wrap(_series[i] & SERIES_ID);
        }
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
        Position memory p = _positionOf(account, index, m);
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

    /// @dev The position of an account, in the epoch of its side; base 0 if deleveraging closed it.
    function _positionOf(uint64 account, uint16 index, SideIndex.Market memory m)
        private
        view
        returns (Position memory p)
    {
        p = _positions[_key(account, index)];
        _cross(p, index, m);
    }

    function _cross(Position memory p, uint16 index, SideIndex.Market memory m) private view {
        bool long = p.baseWad > 0;
        uint16 epoch = m.sideOf(long).epoch;
        while (p.baseWad != 0 && p.epoch != epoch) {
            p.cross(_epochEnds[_epochKey(index, long, p.epoch)]);
        }
    }

    function _store(uint64 account, uint16 index, Position memory p) private {
        (uint256 lanes, uint256 more) = _lanesOf(account);
        bool held = lanes.holds(index) || more.holds(index);
        if (p.baseWad != 0) {
            if (!held) _addLane(account, index, lanes, more);
            _positions[_key(account, index)] = p;
        } else if (held) {
            _removeLane(account, index, lanes, more);
            delete _positions[_key(account, index)];
        }
    }

    /// @dev Open interest [wad] of a series, which the tally of its underlying counts.
    function _tallied(SideIndex.Market memory m, uint16 index) private pure returns (uint256) {
        return index < FIRST_SERIES ? 0 : m.openInterest(true);
    }

    /// @dev The market back to storage; of a series, what its open interest is now counts in the tally of its underlying.
    /// @param before open interest that it had
    /// @return open the tally [wad]; zero for a perpetual
    function _save(SideIndex.Market memory m, uint16 index, uint256 before) private returns (uint256 open) {
        _markets[index] = m;
        if (index < FIRST_SERIES) return 0;

        Tally storage tally = _tallies[m.interest.underlying];
        open = tally.openInterestWad - before + m.openInterest(true);
        tally.openInterestWad = open.toUint128();
    }

    // --- Lanes: two words, the second in use only while the first is full ---

    function _lanesOf(uint64 account) private view returns (uint256 lanes, uint256 more) {
        lanes = _lanes[account];
        if (lanes.isFull()) more = _moreLanes[account];
    }

    function _holds(uint64 account, uint16 index) private view returns (bool) {
        (uint256 lanes, uint256 more) = _lanesOf(account);
        return lanes.holds(index) || more.holds(index);
    }

    function _addLane(uint64 account, uint16 index, uint256 lanes, uint256 more) private {
        if (more.isFull()) revert TooManyPositions(account, MAX_POSITIONS);
        if (lanes.isFull()) _moreLanes[account] = more.add(index);
        else _lanes[account] = lanes.add(index);
    }

    /// @dev The last of all moves into the place of the one that goes.
    function _removeLane(uint64 account, uint16 index, uint256 lanes, uint256 more) private {
        if (more == 0) {
            _lanes[account] = lanes.remove(index);
            return;
        }
        uint16 last = more.lane(more.length() - 1);
        _moreLanes[account] = more.remove(more.holds(index) ? index : last);
        if (lanes.holds(index)) _lanes[account] = lanes.swap(index, last);
    }

    // --- Funding ---

    /// @dev Funding per unit of size since the side was brought up to date.
    function _funding(int256 premium, uint256 accruedAt, uint256 mark) private view returns (int256) {
        uint256 elapsed = block.timestamp - accruedAt;
        return SideIndex.funding(premium, mark, elapsed, FUNDING_PERIOD_SECONDS, FUNDING_CAP_BPS);
    }

    /// @dev Funding of both sides up to now, in memory.
    function _project(SideIndex.Market memory m, uint256 mark) private view returns (int256 f) {
        f = _funding(m.long.premiumPpb, m.long.accruedAt, mark);
        m.long.accruedAt = uint32(block.timestamp);
        m.short.accruedAt = uint32(block.timestamp);
        if (f != 0) m.applyFunding(f);
    }

    /// @dev The same, with its event. Returns the mark it used. Options pay no funding; a settled series has no mark.
    function _accrue(SideIndex.Market memory m, uint16 index) private returns (uint256 mark) {
        if (index >= FIRST_SERIES) return m.interest.settled ? 0 : RISK.markOf(_instrument(index));

        mark = ORACLE.spotOf(m.interest.underlying);
        int256 f = _project(m, mark);
        if (f != 0) emit Accrued(_perpetual(m.interest.underlying), f, m.long.flowWad, m.short.flowWad);
    }

    // --- Words as they lie in storage, for the path that every margin check takes ---

    /// @dev longBase [112] | shortBase [112] | underlying [16] | scaled [8] | settled [8]
    function _interestWord(uint16 index) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(add(_markets.slot, add(mul(index, 3), 2)))
        }
    }

    /// @dev flow [112] | scale [64] | epoch [16] | accruedAt [32] | premium [32]
    function _sideWord(uint16 index, bool long) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(add(_markets.slot, add(mul(index, 3), iszero(long))))
        }
    }

    /// @dev base [112] | cost [128] | epoch [16]
    function _positionWord(uint64 account, uint16 index) private view returns (uint256 word) {
        Position storage p = _positions[_key(account, index)];
        assembly ("memory-safe") {
            word := sload(p.slot)
        }
    }

    /// @dev What a leg is read by: its market's interest, or the word of its series, whose id lies where the interest has both sides.
    function _headWord(uint16 index) private view returns (uint256 word) {
        return index < FIRST_SERIES ? _interestWord(index) : _seriesWord(index);
    }

    /// @dev id [192] | free [32] | underlying [16], another time | scaled [1]
    function _seriesWord(uint16 index) private view returns (uint256 word) {
        uint256 place = index - FIRST_SERIES;
        assembly ("memory-safe") {
            mstore(0, _series.slot)
            word := sload(add(keccak256(0, 32), place))
        }
    }

    function _markScaled(uint16 index) private {
        if (index < FIRST_SERIES) return;
        uint256 place = index - FIRST_SERIES;
        _series[place] |= 1 << SCALED_BIT;
    }

    // --- Lookups ---

    function _index(InstrumentId instrument) private view returns (uint16 index) {
        if (instrument.isOption()) {
            index = _indices[instrument];
            if (index == 0) revert NoSuchInstrument(instrument);
            return index;
        }
        index = instrument.underlyingOf();
        bool listed = index < FIRST_SERIES && _sideWord(index, true) != 0 && instrument.same(_perpetual(index));
        if (!listed) revert NoSuchInstrument(instrument);
    }

    function _instrument(uint16 index) private view returns (InstrumentId) {
        return index < FIRST_SERIES ? _perpetual(index) : InstrumentId.wrap(_seriesWord(index) & SERIES_ID);
    }

    /// @dev The perpetual of an underlying, which is its index too.
    function _perpetual(uint16 index) private pure returns (InstrumentId) {
        return instrumentId(Kind.Perpetual, index, 0, 0);
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
