// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IOracle } from "interfaces/IOracle.sol";
import { IPortfolio } from "interfaces/IPortfolio.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Book, Holding, Leg, Margin, Mode } from "interfaces/Types.sol";

/// @notice The book of an account, written straight into the call that has it assessed, and read back from there.
/// @dev A margin check is most of what a trade costs, and moving structs between memory and calldata most of the check;
/// so the words are put where `IRisk.assessBy` expects them:
///
///     0   selector            4    mode                 36   offset of the book (96)   68   witness
///     100 cash                132  offset of the legs (96)    164  offset of the holdings
///     196 legs: count, then LEG_BYTES each              then holdings: count, then HOLDING_BYTES each
///
/// A buffer is the memory address of the selector.
library BookCall {
    uint256 internal constant LEG_BYTES = 7 * 32; // Types.Leg
    uint256 internal constant HOLDING_BYTES = 5 * 32; // Types.Holding
    uint256 private constant HAIRCUT_BYTES = 2 * 32; // IRisk.AssetParams

    uint256 private constant LEGS = 196;

    /// @dev Room for the whole call, with everything but the legs written.
    function open(Mode mode, uint256 witness, int256 cashWad, uint256 legs, Holding[] calldata held)
        internal
        pure
        returns (uint256 buffer)
    {
        bytes4 selector = IRisk.assessBy.selector;
        uint256 holdings = held.length;
        assembly ("memory-safe") {
            buffer := mload(0x40)
            let tail := add(add(buffer, add(LEGS, 32)), mul(legs, LEG_BYTES))
            mstore(0x40, and(add(add(tail, 63), mul(holdings, HOLDING_BYTES)), not(31)))
            mstore(buffer, selector)
            mstore(add(buffer, 4), mode)
            mstore(add(buffer, 36), 96)
            mstore(add(buffer, 68), witness)
            mstore(add(buffer, 100), cashWad)
            mstore(add(buffer, 132), 96)
            mstore(add(buffer, 164), add(128, mul(legs, LEG_BYTES)))
            mstore(add(buffer, LEGS), legs)
            mstore(tail, holdings)
            calldatacopy(add(tail, 32), held.offset, mul(holdings, HOLDING_BYTES))
        }
    }

    /// @dev Address of the first leg; the others follow it.
    function firstLeg(uint256 buffer) internal pure returns (uint256) {
        unchecked {
            return buffer + LEGS + 32;
        }
    }

    /// @dev Where in calldata the legs of a book lie: read leg by leg, none is looked for by its number, nor checked.
    function rangeOf(Leg[] calldata legs) internal pure returns (uint256 at, uint256 end) {
        assembly ("memory-safe") {
            at := legs.offset
            end := add(at, mul(legs.length, LEG_BYTES))
        }
    }

    function legAt(uint256 at) internal pure returns (Leg calldata leg) {
        assembly ("memory-safe") {
            leg := at
        }
    }

    function putLeg(
        uint256 leg,
        uint256 instrument,
        int256 sizeWad,
        int256 quoteWad,
        uint256 price, // address of its three words
        uint256 openInterestWad
    ) internal pure {
        assembly ("memory-safe") {
            mstore(leg, instrument)
            mstore(add(leg, 32), sizeWad)
            mstore(add(leg, 64), quoteWad)
            mstore(add(leg, 96), mload(price))
            mstore(add(leg, 128), mload(add(price, 32)))
            mstore(add(leg, 160), openInterestWad)
            mstore(add(leg, 192), mload(add(price, 64)))
        }
    }

    /// @dev Make the call. A refusal of the risk contract is passed on as it is.
    function assess(uint256 buffer, IRisk risk, uint256 legs, uint256 holdings)
        internal
        view
        returns (Margin memory margin)
    {
        assembly ("memory-safe") {
            let size := add(add(LEGS, 64), add(mul(legs, LEG_BYTES), mul(holdings, HOLDING_BYTES)))
            let answered := staticcall(gas(), risk, buffer, size, margin, 128)
            if iszero(and(answered, gt(returndatasize(), 127))) {
                let reason := mload(0x40)
                returndatacopy(reason, 0, returndatasize())
                revert(reason, returndatasize())
            }
        }
    }

    /// @dev Hand a book on as it came, to the model that judges it by its scenarios. A refusal is passed on as it is.
    ///
    ///     0   selector            4    offset of the book        36   offset of the haircuts (128)
    ///     68  offsets             100  witness                   132  haircuts: count, then HAIRCUT_BYTES each
    ///     then the book: all the rest of the call that it came in, where it stands last
    function pass(
        Book calldata book,
        IPortfolio portfolio,
        IRisk.AssetParams[] memory haircuts,
        bool offsets,
        uint256 witness
    ) internal view returns (Margin memory margin) {
        bytes4 selector = IPortfolio.assessBy.selector;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            let count := mload(haircuts)
            mstore(buffer, selector)
            mstore(add(buffer, 4), add(160, mul(count, HAIRCUT_BYTES)))
            mstore(add(buffer, 36), 128)
            mstore(add(buffer, 68), offsets)
            mstore(add(buffer, 100), witness)
            mstore(add(buffer, 132), count)
            let tail := add(buffer, 164)
            for { let i := 0 } lt(i, count) { i := add(i, 1) } {
                haircuts := add(haircuts, 32)
                let haircut := mload(haircuts)
                mstore(tail, mload(haircut))
                mstore(add(tail, 32), mload(add(haircut, 32)))
                tail := add(tail, HAIRCUT_BYTES)
            }
            let size := sub(calldatasize(), book)
            calldatacopy(tail, book, size)
            size := sub(add(tail, size), buffer)
            let answered := staticcall(gas(), portfolio, buffer, size, margin, 128)
            if iszero(and(answered, gt(returndatasize(), 127))) {
                returndatacopy(buffer, 0, returndatasize())
                revert(buffer, returndatasize())
            }
        }
    }
}

/// @notice Prices of several underlyings in one call, left in memory as they came.
library Prices {
    /// @dev Room for the call, of at most so many; the underlyings go to the words from `ids` on.
    function open(uint256 most) internal pure returns (uint256 ids) {
        bytes4 selector = IOracle.read.selector;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore(buffer, selector)
            mstore(add(buffer, 4), 32)
            ids := add(buffer, 68)
            mstore(0x40, add(buffer, add(96, mul(most, 96)))) // what is asked needs less than what is answered
        }
    }

    /// @dev Make the call. Address of the first price, three words each: spot, ema, grade.
    function read(IOracle oracle, uint256 ids, uint256 count) internal view returns (uint256 prices) {
        assembly ("memory-safe") {
            let buffer := sub(ids, 68)
            let size := add(64, mul(count, 96))
            mstore(add(buffer, 36), count)
            let answered := staticcall(gas(), oracle, buffer, add(68, mul(count, 32)), buffer, size)
            if iszero(and(answered, eq(returndatasize(), size))) {
                returndatacopy(buffer, 0, returndatasize())
                revert(buffer, returndatasize())
            }
            prices := sub(ids, 4)
        }
    }
}
