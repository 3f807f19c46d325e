// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { LibCall } from "solady/utils/LibCall.sol";

import { Average } from "contracts/oracle/Average.sol";
import { Consensus } from "contracts/oracle/Consensus.sol";
import { HEARTBEAT_UNIT_SECONDS, PriceWord } from "contracts/oracle/PriceWord.sol";
import { FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPriceSource } from "interfaces/IPriceSource.sol";
import { Grade, Price } from "interfaces/Types.sol";

/// @notice Answers of several sources in, one graded price per underlying out. How one becomes of several: `Consensus`.
///
///   slow price   ema(t) = spot + (ema₀ − spot)·decay^(t − t₀), the difference rounded toward zero
///                when a new price comes, the old spot is taken to have held until its source time
///   variance     v = v₀·kept + r²/elapsed·(1 − kept), of a year, rounded up: where r = ln(spot/spot₀) and
///                kept = varianceDecay^elapsed
///
///   grade, the worst that holds:   where age = now − source time
///     Invalid     no price was ever accepted
///     Stale       age > heartbeat + SLOW_SECONDS
///     Contested   |spot − ema|·100 > deviationPercent·ema, or divergent: no quorum of the sources agrees on it;
///                 but for CONTESTED_SECONDS at most, of any twice as many. Then it is Slow, and the spot that is
///                 handed out is the nearest that is within the deviation
///     Slow        age > heartbeat
///     Fresh       otherwise
contract Oracle is IOracle, AccessManaged {
    using Average for Average.History;
    using FixedPoint for uint256;

    /// @dev What only `poke` needs.
    struct Venues {
        uint88 minWad; // [wad]
        uint88 maxWad; // [wad]
        uint16 divergenceBps;
        uint8 quorum;
        IPriceSource[] sources;
    }

    /// @dev What a margin check needs of a price in doubt only.
    struct Record {
        uint128 varianceWad; // of a year, as of the last price
        uint40 acceptedAt; // when the last price entered
        uint40 contestedAt; // when the last contest began
        bool divergent; // no quorum agreed on the last price
    }

    /// @inheritdoc IOracle
    uint256 public constant HEARTBEAT_UNIT = HEARTBEAT_UNIT_SECONDS;
    /// @inheritdoc IOracle
    uint256 public constant SOURCE_GAS = 200_000;
    /// @inheritdoc IOracle
    uint256 public constant WINDOW_SECONDS = Average.WINDOW_SECONDS;
    uint256 private constant MAX_EMA_DECAY_WAD = 0.9999e18; // halves in 1.9 hours
    uint256 private constant MAX_CONTESTED_SECONDS = 1 days;
    uint256 private constant MAX_DEVIATION_PERCENT = 100;
    uint256 private constant YEAR_SECONDS = 365 days;

    IBreaker public immutable breaker;

    // `rules` tells them: a view less that every call passes by
    uint256 private immutable VARIANCE_DECAY_WAD;
    uint256 private immutable SLOW_SECONDS;
    uint256 private immutable CONTESTED_SECONDS;

    // What 1, 2, 4, … seconds leave of the distance between slow price and spot [wad].
    uint256 private immutable _DECAY_1;
    uint256 private immutable _DECAY_2;
    uint256 private immutable _DECAY_4;
    uint256 private immutable _DECAY_8;
    uint256 private immutable _DECAY_16;
    uint256 private immutable _DECAY_32;
    uint256 private immutable _DECAY_64;
    uint256 private immutable _DECAY_128;
    uint256 private immutable _DECAY_256;
    uint256 private immutable _DECAY_512;
    uint256 private immutable _DECAY_1024;
    uint256 private immutable _DECAY_2048;

    PriceWord[65_536] private _words; // by underlying; an array needs no hashing
    mapping(uint16 => Venues) private _venues;
    mapping(uint16 => Record) private _records;
    mapping(uint16 => Average.History) private _histories;

    constructor(
        address authority,
        IBreaker breaker_,
        uint256 emaDecayWad,
        uint256 varianceDecayWad,
        uint32 slowSeconds,
        uint32 contestedSeconds
    ) AccessManaged(authority) {
        if (address(breaker_).code.length == 0) revert NoBreaker(address(breaker_));
        if (emaDecayWad > MAX_EMA_DECAY_WAD) revert DecayTooSlow(emaDecayWad, MAX_EMA_DECAY_WAD);
        if (varianceDecayWad >= WAD) revert DecayTooSlow(varianceDecayWad, WAD - 1);

        if (contestedSeconds > MAX_CONTESTED_SECONDS) revert ContestTooLong(contestedSeconds, MAX_CONTESTED_SECONDS);

        breaker = breaker_;
        _DECAY_1 = emaDecayWad;
        _DECAY_2 = _DECAY_1 * _DECAY_1 / WAD;
        _DECAY_4 = _DECAY_2 * _DECAY_2 / WAD;
        _DECAY_8 = _DECAY_4 * _DECAY_4 / WAD;
        _DECAY_16 = _DECAY_8 * _DECAY_8 / WAD;
        _DECAY_32 = _DECAY_16 * _DECAY_16 / WAD;
        _DECAY_64 = _DECAY_32 * _DECAY_32 / WAD;
        _DECAY_128 = _DECAY_64 * _DECAY_64 / WAD;
        _DECAY_256 = _DECAY_128 * _DECAY_128 / WAD;
        _DECAY_512 = _DECAY_256 * _DECAY_256 / WAD;
        _DECAY_1024 = _DECAY_512 * _DECAY_512 / WAD;
        _DECAY_2048 = _DECAY_1024 * _DECAY_1024 / WAD;
        VARIANCE_DECAY_WAD = varianceDecayWad;
        SLOW_SECONDS = slowSeconds;
        CONTESTED_SECONDS = contestedSeconds;
    }

    /* GOVERNANCE */

    /// @inheritdoc IOracle
    function setFeed(uint16 underlying, Feed calldata feed) external restricted {
        _validate(underlying, feed);

        PriceWord word = _words[underlying];
        _venues[underlying] = Venues(feed.minWad, feed.maxWad, feed.divergenceBps, feed.quorum, feed.sources);

        emit FeedSet(underlying, feed);

        _refresh(underlying, word, word.withFeed(feed.heartbeatSeconds, feed.deviationPercent));
    }

    /* PRICES IN */

    /// @inheritdoc IOracle
    function poke(uint16[] calldata underlyings) external {
        for (uint256 i; i < underlyings.length; ++i) {
            uint16 underlying = underlyings[i];
            PriceWord word = _words[underlying];
            if (word.heartbeatSeconds() == 0) revert UnknownUnderlying(underlying);

            _refresh(underlying, word, word);
        }
    }

    /* PRICES OUT */

    /// @inheritdoc IOracle
    function read(uint16[] calldata underlyings) external view returns (Price[] memory) {
        // Every margin check comes here, so the answer is encoded by hand: offset, length, three words a price.
        uint256 start;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(0x40, add(start, add(64, mul(96, underlyings.length))))
            mstore(start, 32)
            mstore(add(start, 32), underlyings.length)
        }
        uint256 end = start + 64;
        for (uint256 i; i < underlyings.length; ++i) {
            (uint256 spotWad, uint256 emaWad, Grade grade) = _graded(underlyings[i]);
            assembly ("memory-safe") {
                mstore(end, spotWad)
                mstore(add(end, 32), emaWad)
                mstore(add(end, 64), grade)
                end := add(end, 96)
            }
        }
        assembly ("memory-safe") {
            return(start, sub(end, start))
        }
    }

    /// @inheritdoc IOracle
    function priceOf(uint16 underlying) external view returns (Price memory price) {
        (price.spotWad, price.emaWad, price.grade) = _graded(underlying);
    }

    /// @inheritdoc IOracle
    function spotOf(uint16 underlying) external view returns (uint256 spotWad) {
        PriceWord word = _words[underlying];
        spotWad = word.spotWad();
        if (word.isDoubted()) (spotWad,) = _doubted(underlying, word, _emaNow(word));
    }

    /// @inheritdoc IOracle
    function settlementOf(uint16 underlying, uint256 expiryAt, uint256 coveredAt)
        external
        view
        returns (uint256 priceWad)
    {
        if (expiryAt < WINDOW_SECONDS || expiryAt % WINDOW_SECONDS != 0) revert OffGrid(expiryAt, WINDOW_SECONDS);

        bool covered;
        (covered, priceWad) = _histories[underlying].over(expiryAt, coveredAt);
        if (!covered) revert NotCovered(underlying, expiryAt, coveredAt);
    }

    /// @inheritdoc IOracle
    function coverOf(uint16 underlying, uint256 expiryAt) external view returns (uint256) {
        return _histories[underlying].coverOf(expiryAt, _records[underlying].acceptedAt);
    }

    /// @inheritdoc IOracle
    function updatedAtOf(uint16 underlying) external view returns (uint256) {
        return _words[underlying].updatedAt();
    }

    /// @inheritdoc IOracle
    function varianceOf(uint16 underlying) public view returns (uint256) {
        return _words[underlying].varianceWad();
    }

    /// @inheritdoc IOracle
    function volatilityOf(uint16 underlying) external view returns (uint256 annualisedVolatilityWad) {
        uint256 square = varianceOf(underlying) * WAD;
        annualisedVolatilityWad = FixedPointMathLib.sqrt(square);
        if (annualisedVolatilityWad ** 2 < square) ++annualisedVolatilityWad;
    }

    /// @inheritdoc IOracle
    function rules() external view returns (Rules memory) {
        return Rules(_DECAY_1, VARIANCE_DECAY_WAD, SLOW_SECONDS, CONTESTED_SECONDS);
    }

    /// @inheritdoc IOracle
    function feedOf(uint16 underlying) external view returns (Feed memory) {
        PriceWord word = _words[underlying];
        Venues memory venues = _venues[underlying];
        return Feed(
            venues.sources,
            venues.quorum,
            venues.divergenceBps,
            uint32(word.heartbeatSeconds()),
            uint8(word.deviationPercent()),
            venues.minWad,
            venues.maxWad
        );
    }

    /* INTERNAL */

    /// @dev Accept what the sources agree on, if it is new, and report to the breaker what it brought. `old` is how the price
    /// stood under the old limits: a longer heartbeat must not skip the grace period.
    function _refresh(uint16 underlying, PriceWord old, PriceWord word) private {
        Record memory record = _records[underlying];
        bool wasContested = _isContested(record, old);

        bool accepted;
        if (record.acceptedAt != block.timestamp) {
            // one price a block: nobody chooses between two
            (accepted, word) = _accept(underlying, record, word);
        }
        bool doubted = record.divergent || _isJump(word.spotWad(), word.emaWad(), word.deviationPercent());
        word = word.withDoubt(doubted);
        if (
            !wasContested && _isContested(record, word) && block.timestamp >= record.contestedAt + 2 * CONTESTED_SECONDS
        ) {
            record.contestedAt = uint40(block.timestamp);
        }
        if (accepted || PriceWord.unwrap(word) != PriceWord.unwrap(old)) {
            _words[underlying] = word;
            _records[underlying] = record;
        }

        if (accepted && doubted) _report(underlying, abi.encodeCall(IBreaker.reportMove, (underlying)));
        if (_isStale(old) && !_isStale(word)) _report(underlying, abi.encodeCall(IBreaker.reportResume, (underlying)));
    }

    /// @dev Ask all sources. If a quorum answers, and is newer than the last price, `record` and `word` become the new one's.
    function _accept(uint16 underlying, Record memory record, PriceWord word) private returns (bool, PriceWord) {
        (bool settled, uint256 spotWad, uint256 time, bool divergent) = _settle(underlying, word.heartbeatSeconds());
        if (!settled || time <= word.updatedAt()) return (false, word);

        (uint256 emaWad, uint256 varianceWad) = (spotWad, 0);
        if (word.spotWad() != 0) {
            uint256 elapsed = time - word.updatedAt();
            emaWad = _ema(word.spotWad(), word.emaWad(), elapsed);
            varianceWad = _variance(record.varianceWad, word.spotWad(), spotWad, elapsed);
        }
        _histories[underlying].advance(word.spotWad(), record.acceptedAt, spotWad);
        record.varianceWad = uint128(varianceWad);
        record.acceptedAt = uint40(block.timestamp);
        record.divergent = divergent;

        emit PricePoked(underlying, spotWad, emaWad, time, varianceWad, divergent);

        return (true, word.withPrice(spotWad, emaWad, time, varianceWad));
    }

    /// @dev The price must enter even if the breaker doesn't listen to this oracle.
    function _report(uint16 underlying, bytes memory report) private {
        (bool heard,) = address(breaker).call(report);
        if (!heard) {
            _requireGas();
            emit ReportRefused(underlying);
        }
    }

    /// @dev What the sources that may vote agree on, if they are enough.
    function _settle(uint16 underlying, uint256 heartbeatSeconds)
        private
        returns (bool settled, uint256 spotWad, uint256 time, bool divergent)
    {
        Venues memory venues = _venues[underlying];
        uint256 oldest = block.timestamp - FixedPointMathLib.min(block.timestamp, heartbeatSeconds + SLOW_SECONDS);
        uint256[] memory votes = new uint256[](venues.sources.length);
        uint256[] memory times = new uint256[](venues.sources.length);
        uint256 count;
        for (uint256 i; i < venues.sources.length; ++i) {
            (uint256 priceWad, uint256 confidenceWad, uint256 updatedAt) = _ask(venues.sources[i]);
            bool mayVote = venues.minWad <= priceWad && priceWad <= venues.maxWad && oldest <= updatedAt
                && updatedAt <= block.timestamp && Consensus.isSure(priceWad, confidenceWad, venues.divergenceBps);
            if (mayVote) {
                votes[count] = Consensus.vote(priceWad, confidenceWad, venues.divergenceBps);
                times[count++] = updatedAt;
            } else {
                emit SourceRefused(underlying, venues.sources[i], priceWad, confidenceWad, updatedAt);
            }
        }
        if (count < venues.quorum) {
            emit PriceRefused(underlying, count, venues.quorum);
            return (false, 0, 0, false);
        }
        assembly ("memory-safe") {
            mstore(votes, count)
            mstore(times, count)
        }
        settled = true;
        (spotWad, time, divergent) = Consensus.settle(votes, times, venues.quorum, venues.divergenceBps);
    }

    /// @dev Ask without trust: bounded gas, bounded copy, nothing to decode unless all of it came. All zero: no answer.
    function _ask(IPriceSource source)
        private
        view
        returns (uint256 priceWad, uint256 confidenceWad, uint256 updatedAt)
    {
        bytes memory question = abi.encodeCall(IPriceSource.price, ());
        (bool answered,, bytes memory data) = LibCall.tryStaticCall(address(source), SOURCE_GAS, 96, question);
        if (!answered || data.length < 96) {
            _requireGas();
            return (0, 0, 0);
        }
        return abi.decode(data, (uint256, uint256, uint256));
    }

    /// @dev After a failed call: had it less gas than promised? Then its failure says nothing. (A call gets 63/64.)
    function _requireGas() private view {
        if (gasleft() < SOURCE_GAS / 63) revert GasTooLow(gasleft(), SOURCE_GAS / 63);
    }

    /// @dev No sum or product here leaves 256 bits: prices have 88, times 32.
    function _graded(uint16 underlying) private view returns (uint256 spotWad, uint256 emaWad, Grade grade) {
        unchecked {
            PriceWord word = _words[underlying];
            spotWad = word.spotWad();
            if (spotWad == 0) return (0, 0, Grade.Invalid);

            uint256 age = _ageOf(word);
            uint256 heartbeatSeconds = word.heartbeatSeconds();
            emaWad = _ema(spotWad, word.emaWad(), age);
            if (word.isDoubted()) (spotWad, grade) = _doubted(underlying, word, emaWad);
            if (age > heartbeatSeconds + SLOW_SECONDS) grade = Grade.Stale;
            else if (age > heartbeatSeconds && grade == Grade.Fresh) grade = Grade.Slow;
        }
    }

    /// @dev Spot and grade, age aside, of a price that was contested when it came. Each bound is rounded toward the slow price.
    function _doubted(uint16 underlying, PriceWord word, uint256 emaWad) private view returns (uint256, Grade) {
        unchecked {
            Record memory record = _records[underlying];
            (uint256 spotWad, uint256 percent) = (word.spotWad(), word.deviationPercent());
            if (!record.divergent && !_isJump(spotWad, emaWad, percent)) return (spotWad, Grade.Fresh);
            if (block.timestamp < record.contestedAt + CONTESTED_SECONDS) return (spotWad, Grade.Contested);

            uint256 lowWad = FixedPointMathLib.divUp(emaWad * (100 - percent), 100);
            return (FixedPointMathLib.clamp(spotWad, lowWad, emaWad * (100 + percent) / 100), Grade.Slow);
        }
    }

    /// @dev However long it has been so.
    function _isContested(Record memory record, PriceWord word) private view returns (bool) {
        return word.isDoubted() && (record.divergent || _isJump(word.spotWad(), _emaNow(word), word.deviationPercent()));
    }

    function _emaNow(PriceWord word) private view returns (uint256) {
        return _ema(word.spotWad(), word.emaWad(), _ageOf(word));
    }

    /// @dev Rounded toward the spot, so a difference always shrinks; nobody's money hangs on that wei.
    function _ema(uint256 spotWad, uint256 emaWad, uint256 elapsed) private view returns (uint256) {
        if (spotWad == emaWad || elapsed == 0) return emaWad;

        uint256 keptWad = _keptWad(elapsed);
        unchecked {
            return emaWad > spotWad
                ? spotWad + (emaWad - spotWad) * keptWad / WAD
                : spotWad - (spotWad - emaWad) * keptWad / WAD;
        }
    }

    /// @dev decay^elapsed by squaring, each product rounded down: the slow price may follow a hair faster than exact. The
    /// squares of the first hour are in the code: every margin check comes here once for each price that moved.
    /// Factors are at most one wad, so nothing overflows.
    function _keptWad(uint256 elapsed) private view returns (uint256 keptWad) {
        keptWad = WAD;
        unchecked {
            if (elapsed & 1 != 0) keptWad = keptWad * _DECAY_1 / WAD;
            if (elapsed & 2 != 0) keptWad = keptWad * _DECAY_2 / WAD;
            if (elapsed & 4 != 0) keptWad = keptWad * _DECAY_4 / WAD;
            if (elapsed & 8 != 0) keptWad = keptWad * _DECAY_8 / WAD;
            if (elapsed & 16 != 0) keptWad = keptWad * _DECAY_16 / WAD;
            if (elapsed & 32 != 0) keptWad = keptWad * _DECAY_32 / WAD;
            if (elapsed & 64 != 0) keptWad = keptWad * _DECAY_64 / WAD;
            if (elapsed & 128 != 0) keptWad = keptWad * _DECAY_128 / WAD;
            if (elapsed & 256 != 0) keptWad = keptWad * _DECAY_256 / WAD;
            if (elapsed & 512 != 0) keptWad = keptWad * _DECAY_512 / WAD;
            if (elapsed & 1024 != 0) keptWad = keptWad * _DECAY_1024 / WAD;
            if (elapsed & 2048 != 0) keptWad = keptWad * _DECAY_2048 / WAD;
            elapsed >>= 12;

            uint256 powerWad = _DECAY_2048;
            for (; elapsed != 0 && keptWad != 0; elapsed >>= 1) {
                powerWad = powerWad * powerWad / WAD;
                if (elapsed & 1 != 0) keptWad = keptWad * powerWad / WAD;
            }
        }
    }

    /// @dev Rounded up: a variance never reads too small. At most (ln 2⁸⁸)² a second, so it fits 128 bits as a year's.
    function _variance(uint256 varianceWad, uint256 oldWad, uint256 newWad, uint256 elapsed)
        private
        view
        returns (uint256)
    {
        uint256 keptWad = _power(VARIANCE_DECAY_WAD, elapsed);
        uint256 returnWad =
            FixedPointMathLib.dist(FixedPointMathLib.lnWad(int256(newWad)), FixedPointMathLib.lnWad(int256(oldWad)));
        uint256 sampleWad = (returnWad * returnWad).mulDivUp(YEAR_SECONDS, elapsed * WAD);

        return varianceWad.mulWadUp(keptWad) + sampleWad.mulWadUp(WAD - keptWad);
    }

    /// @dev base^exponent by squaring, each product rounded down.
    function _power(uint256 baseWad, uint256 exponent) private pure returns (uint256 powerWad) {
        powerWad = WAD;
        while (true) {
            if (exponent & 1 != 0) powerWad = powerWad * baseWad / WAD;
            exponent >>= 1;
            if (exponent == 0) return powerWad;
            baseWad = baseWad * baseWad / WAD;
        }
    }

    function _isJump(uint256 spotWad, uint256 emaWad, uint256 deviationPercent) private pure returns (bool) {
        unchecked {
            return FixedPointMathLib.dist(spotWad, emaWad) * 100 > deviationPercent * emaWad;
        }
    }

    function _isStale(PriceWord word) private view returns (bool) {
        return word.spotWad() != 0 && _ageOf(word) > word.heartbeatSeconds() + SLOW_SECONDS;
    }

    /// @dev Never negative: answers from the future are refused.
    function _ageOf(PriceWord word) private view returns (uint256) {
        unchecked {
            return block.timestamp - word.updatedAt();
        }
    }

    function _validate(uint16 underlying, Feed calldata feed) private view {
        if (underlying == 0) revert ReservedUnderlying();
        _inRange(underlying, feed.sources.length, 1, Consensus.MAX_SOURCES);
        for (uint256 i; i < feed.sources.length; ++i) {
            if (address(feed.sources[i]).code.length == 0) revert NoSource(underlying, feed.sources[i]);
            for (uint256 j; j < i; ++j) {
                if (feed.sources[i] == feed.sources[j]) revert RepeatedSource(underlying, feed.sources[i]);
            }
        }
        _inRange(underlying, feed.quorum, feed.sources.length / 2 + 1, feed.sources.length); // no two that share nobody
        _inRange(underlying, feed.divergenceBps, 1, Consensus.MAX_DIVERGENCE_BPS);
        _inRange(underlying, feed.heartbeatSeconds, HEARTBEAT_UNIT, type(uint16).max * HEARTBEAT_UNIT);
        if (feed.heartbeatSeconds % HEARTBEAT_UNIT != 0) {
            revert BadFeed(underlying, feed.heartbeatSeconds, HEARTBEAT_UNIT);
        }
        _inRange(underlying, feed.deviationPercent, 1, MAX_DEVIATION_PERCENT);
        _inRange(underlying, feed.minWad, 1, type(uint88).max);
        if (feed.minWad >= feed.maxWad) revert BadFeed(underlying, feed.minWad, feed.maxWad);
    }

    function _inRange(uint16 underlying, uint256 value, uint256 low, uint256 high) private pure {
        if (value < low) revert BadFeed(underlying, value, low);
        if (value > high) revert BadFeed(underlying, value, high);
    }
}
