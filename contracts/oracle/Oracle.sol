// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { LibCall } from "solady/utils/LibCall.sol";

import { HEARTBEAT_UNIT_SECONDS, PriceWord } from "contracts/oracle/PriceWord.sol";
import { FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { IAggregatorV3, IOracle } from "interfaces/IOracle.sol";
import { Grade, Price } from "interfaces/Types.sol";

/// @notice Feeds in, one graded price per underlying out.
///
///   slow price   ema(t) = spot + (ema₀ − spot)·decay^(t − t₀), the difference rounded toward zero
///                when a new price comes, the old spot is taken to have held until its source time
///   variance     v = v₀·kept + r²/elapsed·(1 − kept), of a year, rounded up: where r = ln(spot/spot₀) and
///                kept = varianceDecay^elapsed
///
///   grade, the worst that holds:   where age = now − source time
///     Invalid     no price was ever accepted
///     Stale       age > heartbeat + SLOW_SECONDS
///     Contested   |spot − ema|·100 > deviationPercent·ema
///     Slow        age > heartbeat
///     Fresh       otherwise
contract Oracle is IOracle, AccessManaged {
    using FixedPoint for uint256;

    /// @dev What only `poke` needs.
    struct Source {
        IAggregatorV3 feed;
        uint88 minWad; // [wad]
        uint88 maxWad; // [wad]
    }

    /// @dev What no margin check needs.
    struct Record {
        uint128 varianceWad; // of a year, as of the last price
        uint40 acceptedAt; // when the last price entered
    }

    /// @inheritdoc IOracle
    uint256 public constant HEARTBEAT_UNIT = HEARTBEAT_UNIT_SECONDS;
    /// @inheritdoc IOracle
    uint256 public constant SOURCE_GAS = 200_000;
    /// @inheritdoc IOracle
    uint256 public constant MAX_EMA_DECAY_WAD = 0.9999e18; // halves in 1.9 hours
    uint256 private constant YEAR_SECONDS = 365 days;
    uint256 private constant MAX_DEVIATION_PERCENT = 100;
    uint256 private constant MAX_DECIMALS = 18;

    /// @inheritdoc IOracle
    uint256 public immutable EMA_DECAY_WAD;
    /// @inheritdoc IOracle
    uint256 public immutable VARIANCE_DECAY_WAD;
    /// @inheritdoc IOracle
    uint256 public immutable SLOW_SECONDS;
    IBreaker public immutable breaker;

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
    mapping(uint16 => Source) private _sources;
    mapping(uint16 => Record) private _records;

    constructor(address authority, IBreaker breaker_, uint256 emaDecayWad, uint256 varianceDecayWad, uint32 slowSeconds)
        AccessManaged(authority)
    {
        if (address(breaker_).code.length == 0) revert NoBreaker(address(breaker_));
        if (emaDecayWad > MAX_EMA_DECAY_WAD) revert DecayTooSlow(emaDecayWad, MAX_EMA_DECAY_WAD);
        if (varianceDecayWad >= WAD) revert DecayTooSlow(varianceDecayWad, WAD - 1);

        breaker = breaker_;
        EMA_DECAY_WAD = emaDecayWad;
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
    }

    /* GOVERNANCE */

    /// @inheritdoc IOracle
    function setFeed(uint16 underlying, Feed calldata feed) external restricted {
        _validate(underlying, feed);

        PriceWord word = _words[underlying];
        bool wasStale = _isStale(word); // under the old heartbeat: a longer one must not skip the grace period
        word = word.withFeed(feed.heartbeatSeconds, feed.deviationPercent);
        _words[underlying] = word;
        _sources[underlying] = Source(feed.source, feed.minWad, feed.maxWad);

        emit FeedSet(underlying, feed);

        _refresh(underlying, word, wasStale);
    }

    /* PRICES IN */

    /// @inheritdoc IOracle
    function poke(uint16[] calldata underlyings) external {
        for (uint256 i; i < underlyings.length; ++i) {
            uint16 underlying = underlyings[i];
            PriceWord word = _words[underlying];
            if (word.heartbeatSeconds() == 0) revert UnknownUnderlying(underlying);

            _refresh(underlying, word, _isStale(word));
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
            (uint256 spotWad, uint256 emaWad, Grade grade) = _graded(_words[underlyings[i]]);
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
        (price.spotWad, price.emaWad, price.grade) = _graded(_words[underlying]);
    }

    /// @inheritdoc IOracle
    function spotOf(uint16 underlying) external view returns (uint256) {
        return _words[underlying].spotWad();
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
    function feedOf(uint16 underlying) external view returns (Feed memory) {
        PriceWord word = _words[underlying];
        Source memory source = _sources[underlying];
        return Feed(
            source.feed, uint32(word.heartbeatSeconds()), uint8(word.deviationPercent()), source.minWad, source.maxWad
        );
    }

    /* INTERNAL */

    /// @dev Accept the source's answer if it is newer and good, and report to the breaker what it brought.
    function _refresh(uint16 underlying, PriceWord word, bool wasStale) private {
        Record memory record = _records[underlying];
        if (record.acceptedAt == block.timestamp) return; // one price a block: nobody chooses between two

        (bool accepted, uint256 spotWad, uint256 time) = _answerOf(underlying, word.updatedAt());
        if (accepted) {
            (uint256 emaWad, uint256 varianceWad) = (spotWad, 0);
            if (word.spotWad() != 0) {
                uint256 elapsed = time - word.updatedAt();
                emaWad = _ema(word.spotWad(), word.emaWad(), elapsed);
                varianceWad = _variance(record.varianceWad, word.spotWad(), spotWad, elapsed);
            }
            word = word.withPrice(spotWad, emaWad, time, varianceWad);
            _words[underlying] = word;
            _records[underlying] = Record(uint128(varianceWad), uint40(block.timestamp));

            emit PricePoked(underlying, spotWad, emaWad, time, varianceWad);

            if (_isJump(spotWad, emaWad, word.deviationPercent())) {
                _report(underlying, abi.encodeCall(IBreaker.reportMove, (underlying)));
            }
        }
        if (wasStale && !_isStale(word)) _report(underlying, abi.encodeCall(IBreaker.reportResume, (underlying)));
    }

    /// @dev The price must enter even if the breaker doesn't listen to this oracle.
    function _report(uint16 underlying, bytes memory report) private {
        (bool heard,) = address(breaker).call(report);
        if (!heard) {
            _requireGas();
            emit ReportRefused(underlying);
        }
    }

    /// @dev The source's answer in wad, if it is newer than `storedAt` and good.
    function _answerOf(uint16 underlying, uint256 storedAt)
        private
        returns (bool accepted, uint256 spotWad, uint256 time)
    {
        Source memory source = _sources[underlying];
        bytes memory data = _ask(source.feed, abi.encodeCall(IAggregatorV3.latestRoundData, ()), 160);
        if (data.length == 0) {
            emit PriceRefused(underlying, 0, 0);
            return (false, 0, 0);
        }
        int256 answer;
        (, answer,, time,) = abi.decode(data, (uint256, int256, uint256, uint256, uint256));
        if (time <= storedAt) return (false, 0, 0);

        uint256 decimals = _decimalsOf(source.feed);
        // What doesn't fit uint88 is above maxWad at any scale; what does can't overflow below.
        accepted = time <= block.timestamp && decimals <= MAX_DECIMALS && answer > 0
            && answer <= int256(uint256(type(uint88).max));
        if (accepted) {
            spotWad = uint256(answer) * 10 ** (MAX_DECIMALS - decimals);
            accepted = source.minWad <= spotWad && spotWad <= source.maxWad;
        }
        if (!accepted) emit PriceRefused(underlying, answer, time);
    }

    /// @return what no price can have if it doesn't answer
    function _decimalsOf(IAggregatorV3 feed) private view returns (uint256) {
        bytes memory data = _ask(feed, abi.encodeCall(IAggregatorV3.decimals, ()), 32);
        return data.length == 0 ? type(uint256).max : abi.decode(data, (uint256));
    }

    /// @dev Ask without trust: bounded gas, bounded copy, nothing to decode unless all of it came.
    function _ask(IAggregatorV3 feed, bytes memory question, uint16 length) private view returns (bytes memory data) {
        bool answered;
        (answered,, data) = LibCall.tryStaticCall(address(feed), SOURCE_GAS, length, question);
        if (!answered || data.length < length) {
            _requireGas();
            return "";
        }
    }

    /// @dev After a failed call: had it less gas than promised? Then its failure says nothing. (A call gets 63/64.)
    function _requireGas() private view {
        if (gasleft() < SOURCE_GAS / 63) revert GasTooLow(gasleft(), SOURCE_GAS / 63);
    }

    /// @dev No sum or product here leaves 256 bits: prices have 88, times 32.
    function _graded(PriceWord word) private view returns (uint256 spotWad, uint256 emaWad, Grade grade) {
        unchecked {
            spotWad = word.spotWad();
            if (spotWad == 0) return (0, 0, Grade.Invalid);

            uint256 age = _ageOf(word);
            uint256 heartbeatSeconds = word.heartbeatSeconds();
            emaWad = _ema(spotWad, word.emaWad(), age);
            if (age > heartbeatSeconds + SLOW_SECONDS) grade = Grade.Stale;
            else if (_isJump(spotWad, emaWad, word.deviationPercent())) grade = Grade.Contested;
            else if (age > heartbeatSeconds) grade = Grade.Slow;
        }
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
        uint256 heartbeat = feed.heartbeatSeconds;
        uint256 maxHeartbeat = type(uint16).max * HEARTBEAT_UNIT;
        if (heartbeat == 0 || heartbeat % HEARTBEAT_UNIT != 0) revert BadFeed(underlying, heartbeat, HEARTBEAT_UNIT);
        if (heartbeat > maxHeartbeat) revert BadFeed(underlying, heartbeat, maxHeartbeat);
        if (feed.deviationPercent == 0) revert BadFeed(underlying, 0, 1);
        if (feed.deviationPercent > MAX_DEVIATION_PERCENT) {
            revert BadFeed(underlying, feed.deviationPercent, MAX_DEVIATION_PERCENT);
        }
        if (feed.minWad == 0) revert BadFeed(underlying, 0, 1);
        if (feed.minWad >= feed.maxWad) revert BadFeed(underlying, feed.minWad, feed.maxWad);
        uint256 decimals = _decimalsOf(feed.source);
        if (decimals > MAX_DECIMALS) revert BadFeed(underlying, decimals, MAX_DECIMALS);
    }
}
