// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Ramp } from "contracts/libraries/Ramp.sol";

/// @notice A number on its way. The range of a lemma is the type of its arguments: all that the library is written for.
contract RampLemmas {
    function check_valueAt__between_its_ends(uint112 from, uint112 to, uint32 left, uint32 length) external pure {
        if (length == 0) return;
        uint256 value = Ramp.valueAt(from, to, left, length);
        assert(from < to ? value >= from && value <= to : value >= to && value <= from);
    }

    function check_valueAt__arrives_exactly(uint112 from, uint112 to, uint32 length) external pure {
        if (length == 0) return;
        assert(Ramp.valueAt(from, to, 0, length) == to);
    }

    function check_valueAt__begins_exactly(uint112 from, uint112 to, uint32 left, uint32 length) external pure {
        if (length == 0 || left < length) return;
        assert(Ramp.valueAt(from, to, left, length) == from);
    }

    function check_valueAt__never_falls_on_its_way_up(
        uint112 from,
        uint112 to,
        uint32 left,
        uint32 later,
        uint32 length
    ) external pure {
        if (length == 0 || from > to || later > left) return;
        assert(Ramp.valueAt(from, to, left, length) <= Ramp.valueAt(from, to, later, length));
    }

    function check_valueAt__never_rises_on_its_way_down(
        uint112 from,
        uint112 to,
        uint32 left,
        uint32 later,
        uint32 length
    ) external pure {
        if (length == 0 || from < to || later > left) return;
        assert(Ramp.valueAt(from, to, left, length) >= Ramp.valueAt(from, to, later, length));
    }

    /// @dev What is left of the way is at least its share of the time left: never above the line on the way up, nor below it
    /// on the way down.
    function check_valueAt__never_ahead_of_its_line(uint112 from, uint112 to, uint32 left, uint32 length)
        external
        pure
    {
        if (length == 0 || left > length) return;
        uint256 value = Ramp.valueAt(from, to, left, length);
        unchecked {
            (uint256 ahead, uint256 way) = from < to ? (to - value, to - from) : (value - to, from - to);
            assert(ahead * length >= way * left);
        }
    }

    function check_leftUntil__zero_once_it_is_past(uint32 endAt, uint32 time) external pure {
        uint256 left = Ramp.leftUntil(endAt, time);
        assert(time >= endAt ? left == 0 : left == endAt - time);
    }
}
