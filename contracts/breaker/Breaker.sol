// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import { IBreaker } from "interfaces/IBreaker.sol";
import { Action, Grade, Level } from "interfaces/Types.sol";

/// @notice Which actions are allowed, by one table, and the restrictions that end by themselves.
///
///   Cautious   now < cautiousUntil
///   Halted     now < haltedUntil
///   grace      haltedUntil ≤ now < haltedUntil + GRACE_SECONDS
///   gated      now < gatedUntil ≤ the end of the span, GATE_SECONDS after its first report
contract Breaker is IBreaker, AccessManaged {
    uint256 private constant MAX_MAX_PAUSE_SECONDS = 7 days;

    /// @inheritdoc IBreaker
    uint256 public immutable MAX_PAUSE_SECONDS;
    /// @inheritdoc IBreaker
    uint256 public immutable COOLDOWN_SECONDS;
    /// @inheritdoc IBreaker
    uint256 public immutable GRACE_SECONDS;
    /// @inheritdoc IBreaker
    uint256 public immutable TRIGGER_SECONDS;
    /// @inheritdoc IBreaker
    uint256 public immutable GATE_SECONDS;
    /// @inheritdoc IBreaker
    uint256 public immutable GATE_GAP_SECONDS;

    /// @dev Four underlyings a word; a lane of 64 bits is haltedUntil [32] | cautiousUntil [32], in seconds.
    uint256[16_384] private _words;
    mapping(uint16 => mapping(Level => uint256)) private _readyAt;
    uint128 private _gatedUntil; // [seconds] zero while no deficit stands
    uint128 private _gateSpanEndsAt; // [seconds] of the last span

    constructor(
        address authority,
        uint32 maxPauseSeconds,
        uint32 cooldownSeconds,
        uint32 graceSeconds,
        uint32 triggerSeconds,
        uint32 gateSeconds,
        uint32 gateGapSeconds
    ) AccessManaged(authority) {
        if (maxPauseSeconds > MAX_MAX_PAUSE_SECONDS) {
            revert BadPeriod(maxPauseSeconds, MAX_MAX_PAUSE_SECONDS);
        }
        if (graceSeconds > maxPauseSeconds) revert BadPeriod(graceSeconds, maxPauseSeconds);
        if (triggerSeconds > maxPauseSeconds) revert BadPeriod(triggerSeconds, maxPauseSeconds);
        if (cooldownSeconds <= graceSeconds) revert BadPeriod(cooldownSeconds, graceSeconds);
        if (gateSeconds > maxPauseSeconds) revert BadPeriod(gateSeconds, maxPauseSeconds);
        if (gateGapSeconds <= gateSeconds) revert BadPeriod(gateGapSeconds, gateSeconds); // open longer than shut

        MAX_PAUSE_SECONDS = maxPauseSeconds;
        COOLDOWN_SECONDS = cooldownSeconds;
        GRACE_SECONDS = graceSeconds;
        TRIGGER_SECONDS = triggerSeconds;
        GATE_SECONDS = gateSeconds;
        GATE_GAP_SECONDS = gateGapSeconds;
    }

    /* THE TABLE */

    /// @inheritdoc IBreaker
    function allowed(Action action, Grade grade, Level level, bool grace, bool gated) public pure returns (bool) {
        if (action == Action.Reduce) return true;
        if (action == Action.Increase) return grade <= Grade.Slow && level == Level.Normal;
        if (action == Action.Withdraw) return grade <= Grade.Slow && level <= Level.Cautious && !gated;
        // Nothing priced is left to write off, so its grade doesn't matter.
        if (action == Action.WriteOff) return level <= Level.Cautious && !grace;
        // Start, Take, Deleverage
        return grade <= Grade.Slow && level <= Level.Cautious && !grace;
    }

    /// @inheritdoc IBreaker
    function check(Action action, uint256[] calldata items, uint256 toleranceWad) external view {
        if (action == Action.Reduce) return;
        if (action == Action.Withdraw && block.timestamp < _gatedUntil) revert Gated(_gatedUntil);

        uint256 word = _wordAt(0);
        (Level globalLevel, bool grace) = _stateIn(word);
        if (!allowed(action, Grade.Fresh, globalLevel, grace, false)) {
            revert Blocked(action, 0, globalLevel, Grade.Fresh, grace);
        }
        uint256 index = 0; // of the word at hand: neighbours share it
        uint256 free = type(uint256).max; // grade and underlying of the last item that was: those of one share them
        uint256 blockedWad;
        unchecked {
            for (uint256 i; i < items.length; ++i) {
                uint256 item = items[i];
                if (uint24(item) == free) continue;
                uint256 underlying = uint16(item);
                if (underlying >> 2 != index) {
                    index = underlying >> 2;
                    word = _wordAt(index);
                }
                Grade grade = Grade(uint8(item >> 16));
                if (word == 0 && grade == Grade.Fresh) continue; // nothing is forbidden then

                Level level;
                (level, grace) = _stateIn(word >> _shift(underlying));
                if (level < globalLevel) level = globalLevel;
                if (allowed(action, grade, level, grace, false)) {
                    free = uint24(item);
                    continue;
                }
                blockedWad += item >> 24;
                if (blockedWad >= toleranceWad) revert Blocked(action, uint16(underlying), level, grade, grace);
            }
        }
    }

    /* TIGHTEN */

    /// @inheritdoc IBreaker
    function trip(uint16 underlying, Level level, uint32 pauseSeconds) external restricted {
        if (pauseSeconds > MAX_PAUSE_SECONDS) revert PauseTooLong(pauseSeconds, MAX_PAUSE_SECONDS);
        uint256 until = block.timestamp + pauseSeconds;
        (uint256 haltedUntil, uint256 cautiousUntil) = _lane(underlying);
        // A pause must outlast what stands at its level or above.
        uint256 standing = level == Level.Halted ? haltedUntil : _max(haltedUntil, cautiousUntil);
        if (level == Level.Normal || until <= _max(standing, block.timestamp)) {
            (Level current, uint256 currentUntil,) = stateOf(underlying);
            revert NotTighter(underlying, current, level, currentUntil);
        }
        uint256 readyAt = _max(_readyAt[underlying][level], _readyAt[0][level]);
        if (block.timestamp < readyAt) revert CoolingDown(underlying, readyAt);

        _readyAt[underlying][level] = until + COOLDOWN_SECONDS;
        if (level == Level.Halted) _setLane(underlying, until, cautiousUntil);
        else _setLane(underlying, haltedUntil, until);

        emit Tripped(underlying, level, until, msg.sender);
    }

    /// @inheritdoc IBreaker
    function reportMove(uint16 underlying) external restricted {
        uint256 until = block.timestamp + TRIGGER_SECONDS;
        (uint256 haltedUntil, uint256 cautiousUntil) = _lane(underlying);
        if (until <= _max(cautiousUntil, block.timestamp)) return;

        _setLane(underlying, haltedUntil, until);

        emit Tripped(underlying, Level.Cautious, until, msg.sender);
    }

    /// @inheritdoc IBreaker
    function reportResume(uint16 underlying) external restricted {
        (uint256 haltedUntil, uint256 cautiousUntil) = _lane(underlying);
        if (block.timestamp <= haltedUntil) return;

        _setLane(underlying, block.timestamp, cautiousUntil);

        emit GraceOpened(underlying, block.timestamp + GRACE_SECONDS);
    }

    /// @inheritdoc IBreaker
    function reportDeficit(bool uncovered) external restricted {
        if (!uncovered) {
            if (block.timestamp < _gatedUntil) emit GateOpened();
            _gatedUntil = 0;
            return;
        }
        uint256 until = _gateSpanEndsAt;
        if (block.timestamp >= gateReadyAt()) until = block.timestamp + GATE_SECONDS;
        if (block.timestamp >= until || _gatedUntil == until) return;

        (_gatedUntil, _gateSpanEndsAt) = (uint128(until), uint128(until));

        emit GateShut(until);
    }

    /* LOOSEN */

    /// @inheritdoc IBreaker
    function relax(uint16 underlying) external restricted {
        (uint256 haltedUntil, uint256 cautiousUntil) = _lane(underlying);
        bool halted = block.timestamp < haltedUntil;
        bool cautious = block.timestamp < cautiousUntil;
        if (!halted && !cautious) return;

        if (halted) _hasten(underlying, Level.Halted);
        if (cautious) _hasten(underlying, Level.Cautious);
        _setLane(underlying, halted ? block.timestamp : haltedUntil, cautious ? block.timestamp : cautiousUntil);

        emit Relaxed(underlying);
        if (halted) emit GraceOpened(underlying, block.timestamp + GRACE_SECONDS);
    }

    /* VIEWS */

    /// @inheritdoc IBreaker
    function stateOf(uint16 underlying) public view returns (Level level, uint256 until, uint256 graceUntil) {
        (uint256 haltedUntil, uint256 cautiousUntil) = _lane(underlying);
        bool grace;
        (level, grace) = _state(haltedUntil, cautiousUntil);
        if (level == Level.Halted) until = haltedUntil;
        if (level == Level.Cautious) until = cautiousUntil;
        if (grace) graceUntil = haltedUntil + GRACE_SECONDS;
    }

    /// @inheritdoc IBreaker
    function reopenedAt(uint256[] calldata items) external view returns (uint256 time) {
        time = _reopenedAt(0);
        for (uint256 i; i < items.length; ++i) {
            time = _max(time, _reopenedAt(uint16(items[i])));
        }
    }

    /// @inheritdoc IBreaker
    function gatedUntil() external view returns (uint256) {
        return block.timestamp < _gatedUntil ? _gatedUntil : 0;
    }

    /// @inheritdoc IBreaker
    function gateReadyAt() public view returns (uint256) {
        return _gateSpanEndsAt == 0 ? 0 : _gateSpanEndsAt + GATE_GAP_SECONDS;
    }

    /// @inheritdoc IBreaker
    function readyAtOf(uint16 underlying, Level level) external view returns (uint256) {
        return _readyAt[underlying][level];
    }

    /* INTERNAL */

    /// @dev Of the lowest lane of `word`.
    function _stateIn(uint256 word) private view returns (Level level, bool grace) {
        return _state(uint32(word >> 32), uint32(word));
    }

    /// @dev End of the last halt's grace, if it is over.
    function _reopenedAt(uint16 underlying) private view returns (uint256 time) {
        (uint256 haltedUntil,) = _lane(underlying);
        if (haltedUntil != 0) time = haltedUntil + GRACE_SECONDS;
        if (time > block.timestamp) time = 0;
    }

    function _state(uint256 haltedUntil, uint256 cautiousUntil) private view returns (Level level, bool grace) {
        if (block.timestamp < haltedUntil) return (Level.Halted, false);
        level = block.timestamp < cautiousUntil ? Level.Cautious : Level.Normal;
        unchecked {
            grace = block.timestamp < haltedUntil + GRACE_SECONDS;
        }
    }

    /// @dev A level that ends early cools down from now.
    function _hasten(uint16 underlying, Level level) private {
        uint256 readyAt = block.timestamp + COOLDOWN_SECONDS;
        if (readyAt < _readyAt[underlying][level]) _readyAt[underlying][level] = readyAt;
    }

    /// @dev An underlying has 16 bits, so its word is always in the array.
    function _wordAt(uint256 index) private view returns (uint256 word) {
        assembly ("memory-safe") {
            word := sload(add(_words.slot, index))
        }
    }

    function _lane(uint16 underlying) private view returns (uint256 haltedUntil, uint256 cautiousUntil) {
        uint256 word = _words[underlying >> 2] >> _shift(underlying);
        return (uint32(word >> 32), uint32(word));
    }

    /// @dev Times fit 32 bits until 2106.
    function _setLane(uint16 underlying, uint256 haltedUntil, uint256 cautiousUntil) private {
        uint256 shift = _shift(underlying);
        uint256 kept = _words[underlying >> 2] & ~(uint256(type(uint64).max) << shift);
        _words[underlying >> 2] = kept | (haltedUntil << 32 | cautiousUntil) << shift;
    }

    function _shift(uint256 underlying) private pure returns (uint256) {
        return (underlying & 3) << 6;
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
