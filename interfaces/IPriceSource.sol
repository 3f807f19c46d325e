// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice What one venue says of one underlying, in the units of the oracle. Adapters bring feeds of all kinds into this form.
/// @dev A source holds no opinion on whether it should be believed: bounds, age and comparison are the oracle's.
interface IPriceSource {
    /// @notice The newest answer. May revert where there is none.
    /// @return priceWad price of a whole unit in the settlement token [wad]; zero where the answer isn't a price
    /// @return confidenceWad how far from it the true price may be, by the venue's own account [wad]; zero if it doesn't say
    /// @return updatedAt as of when [seconds]
    function price() external view returns (uint256 priceWad, uint256 confidenceWad, uint256 updatedAt);
}
