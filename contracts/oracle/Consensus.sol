// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { LibSort } from "solady/utils/LibSort.sol";

import { BPS, FixedPoint } from "contracts/libraries/FixedPoint.sol";

/// @notice One price out of several answers.
///
///   weight     5·divergence − confidence, in bps of the price: of the most certain 5, of the least certain 4 divergences
///   price      the weighted median: the least price up to which half the weight lies; the middle to the next where it is just half
///   time       of the quorum-th newest answer: so many sources, at least, have spoken since
///   divergent  fewer answers than the quorum lie within divergence·price of it
///
/// Of up to MAX_SOURCES answers a minority weighs less than half, whatever it claims: 5·3 < 4·4. So it never moves the price
/// beyond what the others say; and a price that isn't divergent has a quorum beside it.
library Consensus {
    using FixedPoint for uint256;

    uint256 internal constant MAX_SOURCES = 8;
    uint256 internal constant MAX_DIVERGENCE_BPS = BPS;
    uint256 private constant SURE = 5; // [divergences] weight of who is certain
    uint256 private constant WEIGHT_BITS = 16; // holds SURE·MAX_DIVERGENCE_BPS

    /// @dev May it vote? Not if by its own account it may be further off than sources may be apart. Prices have 88 bits.
    function isSure(uint256 priceWad, uint256 confidenceWad, uint256 divergenceBps) internal pure returns (bool) {
        return confidenceWad <= priceWad && confidenceWad * BPS <= divergenceBps * priceWad;
    }

    /// @dev Price and weight in one word, so that they are sorted together. The confidence is rounded up: doubt against who has it.
    function vote(uint256 priceWad, uint256 confidenceWad, uint256 divergenceBps) internal pure returns (uint256) {
        uint256 weight = SURE * divergenceBps - confidenceWad.mulDivUp(BPS, priceWad);
        return priceWad << WEIGHT_BITS | weight;
    }

    /// @dev Sorts both in place. There are at least `quorum` of each, and as many of one as of the other.
    function settle(uint256[] memory votes, uint256[] memory times, uint256 quorum, uint256 divergenceBps)
        internal
        pure
        returns (uint256 priceWad, uint256 time, bool divergent)
    {
        LibSort.insertionSort(votes);
        LibSort.insertionSort(times);

        priceWad = _median(votes);
        time = times[times.length - quorum];

        uint256 agreeing;
        for (uint256 i; i < votes.length; ++i) {
            uint256 apart = FixedPointMathLib.dist(votes[i] >> WEIGHT_BITS, priceWad);
            if (apart * BPS <= divergenceBps * priceWad) ++agreeing;
        }
        divergent = agreeing < quorum;
    }

    /// @dev The middle of two is rounded down: a digit of a price, nobody's money.
    function _median(uint256[] memory votes) private pure returns (uint256) {
        uint256 total;
        for (uint256 i; i < votes.length; ++i) {
            total += uint16(votes[i]);
        }
        uint256 twice;
        uint256 at;
        while (true) {
            twice += 2 * uint256(uint16(votes[at]));
            if (twice >= total) break;
            ++at;
        }
        uint256 priceWad = votes[at] >> WEIGHT_BITS;
        return twice > total ? priceWad : (priceWad + (votes[at + 1] >> WEIGHT_BITS)) / 2;
    }
}
