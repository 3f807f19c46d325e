// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Smile, SmilePair } from "interfaces/ISmile.sol";
import { Grade } from "interfaces/Types.sol";

/// @notice Implied variance of every underlying by expiry and strike: a smile for some expiries, what lies between for all others.
/// @dev A feeder sets smiles, one at a time. A smile that admits arbitrage, by itself or beside its neighbours, is refused, and so is
/// one that moves further, or sooner, than an update may; the first of an expiry, and the first after it was stale, is held against
/// realised variance. A smile that is Stale counts no more. Where none counts, realised variance and a surcharge stand in, flat over
/// all strikes, and no less than a floor: a quiet past promises nothing. Reading never reverts for a reason of the surface's own but for an expiry that is past.
interface ISurface {
    /// @notice Fixed at deployment.
    struct Rules {
        uint32 intervalSeconds; // between two updates of a smile
        uint32 slowSeconds; // age beyond which a smile is Slow
        uint32 staleSeconds; // and Stale: then it doesn't count
        uint16 moveBps; // most that variance may move in an update, at any strike of the grid
        uint16 surchargeBps; // on realised variance, where it stands in…
        uint32 volatilityFloorBps; // …and the least volatility that does, a year
    }

    event SmileSet(uint16 indexed underlying, uint32 indexed expiry, Smile smile);
    event SmileDropped(uint16 indexed underlying, uint32 indexed expiry);

    error Expired(uint256 expiry, uint256 time);
    error UpdateTooSoon(uint256 until);
    error FarFromRealised(uint256 varianceWad, uint256 flatWad);
    error TooManyExpiries(uint256 most);
    error NoSmile(uint16 underlying, uint256 expiry);
    error BadRules(uint256 value, uint256 bound);

    /// @notice Set the smile of an expiry; by a feeder.
    /// @dev Errors of its own, and those of `ISmile`.
    function setSmile(uint16 underlying, uint32 expiry, Smile calldata smile) external;

    /// @notice Forget the smile of an expiry; by the guardian. Its neighbours, or realised variance, take its place.
    function dropSmile(uint16 underlying, uint32 expiry) external;

    /// @notice The smiles between which an expiry lies, for many strikes at once: `Svi.totalVarianceWadDown` reads them.
    /// @return pair of smiles
    /// @return grade Fresh or Slow, that of the older smile; Stale: realised variance stands in; Invalid: and there is none, yet
    function pairOf(uint16 underlying, uint32 expiry) external view returns (SmilePair memory pair, Grade grade);

    /// @notice Total variance σ²·T at ln(strike/forward) = k, and its grade.
    function totalVarianceOf(uint16 underlying, uint32 expiry, int256 kWad) external view returns (uint256, Grade);

    /// @notice The smile that was set for this very expiry, however old. `updatedAt` is zero if there is none.
    function smileOf(uint16 underlying, uint32 expiry) external view returns (Smile memory smile, uint256 updatedAt);

    /// @notice Expiries that have a smile, ascending; they may be past until the next smile is set.
    function expiriesOf(uint16 underlying) external view returns (uint32[] memory);

    function rules() external view returns (Rules memory);
}
