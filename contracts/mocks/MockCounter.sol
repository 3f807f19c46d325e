// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice A small contract that shows the chain layer one of everything: errors, structs, events, the base fee.
contract MockCounter {
    struct Step {
        uint256 amount; // [count]
        address by;
        bytes32 note;
    }

    error TooLarge(uint256 amount, uint256 limit);
    error Refused(Step step);

    event Counted(address indexed by, uint256 amount, uint256 total);
    event Noted(string indexed topic, string text, Step step);

    uint256 public immutable limit;
    uint256 public total;
    mapping(uint256 => Step) internal steps;
    uint256 public stepCount;

    constructor(uint256 limit_) payable {
        limit = limit_;
    }

    function count(uint256 amount) external payable returns (uint256) {
        if (amount > limit) revert TooLarge(amount, limit);
        total += amount;
        emit Counted(msg.sender, amount, total);
        return total;
    }

    function record(Step calldata step) external returns (uint256 index) {
        if (step.amount > limit) revert Refused(step);
        index = stepCount++;
        steps[index] = step;
        emit Noted("step", "recorded", step);
    }

    function recordMany(Step[] calldata many) external {
        for (uint256 i; i < many.length; ++i) {
            steps[stepCount++] = many[i];
        }
    }

    function stepAt(uint256 index) external view returns (Step memory) {
        return steps[index];
    }

    function allSteps() external view returns (Step[] memory all) {
        all = new Step[](stepCount);
        for (uint256 i; i < all.length; ++i) {
            all[i] = steps[i];
        }
    }

    function fees() external view returns (uint256 baseFee, uint256 gasPrice, uint256 time) {
        return (block.basefee, tx.gasprice, block.timestamp);
    }

    /// @dev Two functions of one name, told apart by their arguments.
    function twice(uint256 x) external pure returns (uint256) {
        return 2 * x;
    }

    function twice(uint256 x, uint256 y) external pure returns (uint256) {
        return 2 * x + 2 * y;
    }

    function failWithText() external pure {
        require(false, "a fact");
    }

    function divide(uint256 x, uint256 y) external pure returns (uint256) {
        return x / y;
    }
}
