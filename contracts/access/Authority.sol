// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManager } from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @notice Who may call what, and after which delay. OpenZeppelin's manager, as it is.
contract Authority is AccessManager {
    constructor(address admin) AccessManager(admin) { }
}
