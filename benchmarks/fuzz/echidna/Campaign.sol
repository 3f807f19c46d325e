// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Books } from "../forge/src/Books.sol";
import { Handler } from "../forge/src/Handler.sol";
import { Addresses } from "./Addresses.sol"; // written for each subject by benchmarks/fuzz/echidna.py
import { ILens } from "interfaces/ILens.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IVenue } from "interfaces/IVenue.sol";

/// @notice The same handler and the same invariants, as Echidna wants them: one contract, a property that returns bool.
contract Campaign is Handler {
    Books private immutable BOOKS;

    constructor()
        Handler(
            ILens(Addresses.LENS),
            ILiquidation(Addresses.LIQUIDATION),
            IOracle(Addresses.ORACLE),
            IVenue(Addresses.VENUE),
            Addresses.feeds()
        )
    {
        BOOKS = new Books(LENS);
    }

    function echidna_shared() external view returns (bool) {
        return BOOKS.broken() == 0;
    }
}
