// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Makes many calls in one transaction, and says what each of them used.
contract MockBatch {
    event Used(uint256 gas);

    function run(address target, bytes[] calldata inputs) external {
        for (uint256 i; i < inputs.length; ++i) {
            uint256 before = gasleft();
            (bool done, bytes memory answer) = target.call(inputs[i]);
            uint256 used = before - gasleft();
            if (!done) {
                assembly ("memory-safe") {
                    revert(add(answer, 32), mload(answer))
                }
            }
            emit Used(used);
        }
    }
}
