// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Plain words in memory, without the bounds checks of an array.
library Words {
    function alloc(uint256 count) internal pure returns (uint256 words) {
        assembly ("memory-safe") {
            words := mload(0x40)
            mstore(0x40, add(words, shl(5, count)))
        }
    }

    /// @dev The same, each zero: memory that calls have used isn't.
    function allocZero(uint256 count) internal pure returns (uint256 words) {
        words = alloc(count);
        assembly ("memory-safe") {
            calldatacopy(words, calldatasize(), shl(5, count))
        }
    }

    /// @dev Address of the first word of an array.
    function first(uint256[] memory array) internal pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := add(array, 32)
        }
    }

    function get(uint256 word) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(word)
        }
    }

    function put(uint256 word, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(word, value)
        }
    }
}
