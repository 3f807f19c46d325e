// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IRisk } from "interfaces/IRisk.sol";
import { IScans } from "interfaces/IScans.sol";
import { Book, Margin } from "interfaces/Types.sol";

/// @notice Portfolio margin: what a book could lose over a grid of moves of spot and volatility.
/// @dev Pure over (book, haircuts, smiles, parameters, time). Requirements round up: the account may lose the wei.
/// It holds neither money nor state, and says nothing of who may do what.
interface IPortfolio {
    error TooManyLegs(uint256 legs, uint256 cap);
    error NoPrice(uint16 underlying);
    error WrongHaircuts(uint256 haircuts, uint256 holdings);

    /// @notice Equity, IM, MM and borrow limit of `book`. `haircuts` are those of its holdings, in their order, effective
    /// now. Underlyings diversify by the stressed correlation; without `offsets` in MM alone, and IM adds up.
    function assess(Book calldata book, IRisk.AssetParams[] calldata haircuts, bool offsets)
        external
        view
        returns (Margin memory);

    /// @notice The same by the cells alone whose bits `witness` has, in every underlying's grid. Equity and borrow limit are
    /// the whole ones, IM and MM never above them: an account below this MM is below its MM.
    function assessBy(Book calldata book, IRisk.AssetParams[] calldata haircuts, bool offsets, uint256 witness)
        external
        view
        returns (Margin memory);

    /// @notice How underlyings are scanned.
    function SCANS() external view returns (IScans);

    /// @notice Most legs that a book may have.
    function LEG_CAP() external view returns (uint256);
}
