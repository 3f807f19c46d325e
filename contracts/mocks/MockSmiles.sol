// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Grade } from "interfaces/Types.sol";

/// @notice The part of a surface that margin reads: pairs of smiles are what a test says.
contract MockSmiles {
    struct Stored {
        uint256 nearWord;
        uint256 farWord;
        uint128 nearSeconds;
        uint128 farSeconds;
    }

    mapping(uint16 underlying => mapping(uint32 expiry => Stored)) private _pairs;

    function set(uint16 underlying, uint32 expiry, Stored calldata pair) external {
        _pairs[underlying][expiry] = pair;
    }

    function pairOf(uint16 underlying, uint32 expiry) external view returns (SmilePair memory, Grade) {
        if (expiry <= block.timestamp) revert ISurface.Expired(expiry, block.timestamp); // as the real one

        Stored memory s = _pairs[underlying][expiry];
        uint256 secondsToExpiry = expiry - block.timestamp;
        return (SmilePair(s.nearWord, s.farWord, s.nearSeconds, s.farSeconds, secondsToExpiry), Grade.Fresh);
    }
}
