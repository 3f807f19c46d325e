// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IERC1271 } from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import { ECDSA } from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A contract that signs by EIP-1271: what its owner signed, until it is told otherwise.
contract MockWallet is IERC1271 {
    enum Answer {
        Honest,
        WrongMagic,
        Reverts,
        Nothing
    }

    address private immutable OWNER;
    Answer private _answer;

    constructor(address owner) {
        OWNER = owner;
    }

    function set(Answer answer) external {
        _answer = answer;
    }

    /// @notice Any call, so that the wallet can own accounts and cancel orders.
    function execute(address target, bytes calldata data) external returns (bytes memory result) {
        bool ok;
        (ok, result) = target.call(data);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(result, 32), mload(result))
            }
        }
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (_answer == Answer.Reverts) revert("no");
        if (_answer == Answer.Nothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        if (_answer == Answer.WrongMagic) return bytes4(0);
        (address recovered,,) = ECDSA.tryRecoverCalldata(hash, signature);
        return recovered == OWNER ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}
