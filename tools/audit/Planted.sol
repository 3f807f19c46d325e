// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

interface IPlantedToken {
    function transfer(address to, uint256 amount) external returns (bool);
}

/// @notice Mistakes that Slither must report, or it isn't looking. Never deployed.
contract Planted {
    address private heir;

    function drain(address payable to) external {
        to.transfer(address(this).balance);
    }

    function bequeath(IPlantedToken token) external {
        token.transfer(heir, 1);
    }
}
