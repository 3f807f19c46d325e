// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ITaker } from "interfaces/ILiquidation.sol";

/// @notice A contract that does whatever a test tells it to: many calls in one transaction, more of them from inside
/// `onTake`, and it signs everything.
contract MockAttacker is ITaker {
    struct Step {
        address target;
        bytes data;
    }

    struct Outcome {
        bool done;
        bytes data; // what it returned, or why it was refused
    }

    event Tried(address indexed target, bytes4 selector, bool done, bytes result);

    Step[] private _plan;
    Outcome[] private _outcomes;

    /// @notice Do these things, or none of them.
    function run(Step[] calldata steps) external {
        for (uint256 i; i < steps.length; ++i) {
            (bool done, bytes memory data) = steps[i].target.call(steps[i].data);
            if (done) continue;
            assembly ("memory-safe") {
                revert(add(data, 32), mload(data))
            }
        }
    }

    /// @notice Try these things at the next `onTake`; what came of them is kept.
    function plan(Step[] calldata steps) external {
        delete _plan;
        for (uint256 i; i < steps.length; ++i) {
            _plan.push(steps[i]);
        }
    }

    /// @inheritdoc ITaker
    function onTake(uint64, uint64, uint256, int256, bytes calldata) external {
        for (uint256 i; i < _plan.length; ++i) {
            (bool done, bytes memory data) = _plan[i].target.call(_plan[i].data);
            _outcomes.push(Outcome(done, data));
            emit Tried(_plan[i].target, bytes4(_plan[i].data), done, data);
        }
    }

    function outcomes() external view returns (Outcome[] memory) {
        return _outcomes;
    }

    /// @dev EIP-1271: every signature is its own.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }
}
