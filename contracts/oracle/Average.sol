// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @dev What was known when the first price entered after a boundary. From bit 0 up:
/// sumWadSeconds [128] up to sinceAt | heldWad [88], the price that stood from then on | sinceAt [40] seconds, block time.
/// It covers every boundary after sinceAt, up to the one that it is kept under: in between the price stood still.
type Checkpoint is uint256;

/// @notice The accepted price summed over block time, and what it was at each boundary of a grid of windows.
/// @dev A price holds from the block that accepted it until the next one does; the first, since ever.
///
///     sum(t)  = sum(since) + held·(t − since)                          [wad·s], exact
///     average = ⌊(sum(end) − sum(end − WINDOW)) / WINDOW⌋              if a price entered in [end − WINDOW, end)
///             = the first price that entered at or after `end`         otherwise
///
/// Checkpoints are made by whoever brings the first price after a boundary, in the same write as the price: nobody has to
/// come in the window, and nobody chooses which prices count. Where boundaries passed without a price (an outage), one
/// checkpoint covers them all, and lies under the last of them.
library Average {
    /// @notice Length of a window, and step of the grid of boundaries [seconds].
    uint256 internal constant WINDOW_SECONDS = 30 minutes;

    uint256 private constant HELD_BIT = 128;
    uint256 private constant SINCE_BIT = 216;

    struct History {
        uint256 sumWadSeconds; // up to the last acceptance
        mapping(uint256 boundaryAt => Checkpoint) checkpoints;
        mapping(uint256 boundaryAt => uint256 priceWad) resumed; // of a checkpoint that spans a window: what ended it
    }

    /// @notice A price enters now: the one before held from `sinceAt` on.
    /// @dev A price below 2⁸⁸ over a time below 2⁴⁰: the sum fits 128 bits.
    /// @param heldWad the price before; zero if there was none
    /// @param sinceAt block time at which that one entered
    /// @param priceWad the one that enters
    function advance(History storage history, uint256 heldWad, uint256 sinceAt, uint256 priceWad) internal {
        if (heldWad == 0) heldWad = priceWad;
        uint256 sum = history.sumWadSeconds;
        unchecked {
            uint256 boundaryAt = block.timestamp - block.timestamp % WINDOW_SECONDS;
            if (sinceAt < boundaryAt) {
                history.checkpoints[boundaryAt] = Checkpoint.wrap(sinceAt << SINCE_BIT | heldWad << HELD_BIT | sum);
                if (sinceAt + WINDOW_SECONDS < boundaryAt) history.resumed[boundaryAt] = priceWad;
            }
            history.sumWadSeconds = sum + heldWad * (block.timestamp - sinceAt);
        }
    }

    /// @notice Average over the window before `endAt`, a boundary [wad], rounded down; what enters later doesn't change it.
    /// @param coveredAt where the checkpoint that covers `endAt` lies
    /// @return covered false if none lies there: no price entered yet, or another checkpoint covers it
    function over(History storage history, uint256 endAt, uint256 coveredAt)
        internal
        view
        returns (bool covered, uint256 averageWad)
    {
        Checkpoint end = history.checkpoints[coveredAt];
        if (Checkpoint.unwrap(end) == 0 || coveredAt < endAt || endAt <= _sinceAt(end)) return (false, 0);

        uint256 startAt = endAt - WINDOW_SECONDS;
        if (_sinceAt(end) < startAt) return (true, history.resumed[coveredAt]);

        // A price entered within the window, and the first to do so left a checkpoint at its start.
        uint256 sum = _sumAt(end, endAt) - _sumAt(history.checkpoints[startAt], startAt);
        return (true, sum / WINDOW_SECONDS);
    }

    /// @notice Where the checkpoint that covers `boundaryAt` lies; zero if no price entered since, and off the grid.
    /// @dev One read a window that passed without a price: for who looks from outside.
    /// @param acceptedAt block time at which the last price entered
    function coverOf(History storage history, uint256 boundaryAt, uint256 acceptedAt) internal view returns (uint256) {
        if (boundaryAt % WINDOW_SECONDS != 0) return 0;
        for (; boundaryAt <= acceptedAt; boundaryAt += WINDOW_SECONDS) {
            if (Checkpoint.unwrap(history.checkpoints[boundaryAt]) != 0) return boundaryAt;
        }
        return 0;
    }

    function _sumAt(Checkpoint c, uint256 time) private pure returns (uint256) {
        uint256 heldWad = uint88(Checkpoint.unwrap(c) >> HELD_BIT);
        return uint128(Checkpoint.unwrap(c)) + heldWad * (time - _sinceAt(c));
    }

    function _sinceAt(Checkpoint c) private pure returns (uint256) {
        return Checkpoint.unwrap(c) >> SINCE_BIT;
    }
}
