// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IPriceSource } from "interfaces/IPriceSource.sol";
import { Price } from "interfaces/Types.sol";

/// @notice Out of the answers of several sources one accepted price per underlying in one word, with its grade, its slow price
/// and its realised variance.
/// @dev Prices enter by `poke` only; margin checks read the stored word, so a transaction sees one price.
/// The slow price is an exponential average over source time, projected to now with the spot held constant:
/// ema(t) = spot + (ema₀ − spot)·decay^(t − t₀). A jump is therefore Contested for a bounded time, even if nobody acts; and
/// however a spot flickers, it is Contested for less than contestedSeconds of any twice as many: from then on it is Slow, and
/// the spot handed out is drawn to within the deviation from the slow price.
/// Of each underlying at most one price enters per block time: who brings answers in can't choose between two.
/// Beside it, each price is summed over block time, for the average that an expiry settles at.
interface IOracle {
    /// @notice What all underlyings share.
    struct Rules {
        uint256 emaDecayWad; // [wad] what a second leaves of the distance between slow price and spot; bounds a jump's contest
        uint256 varianceDecayWad; // [wad] what a second leaves of the weight of a return; below one
        uint256 slowSeconds; // beyond the heartbeat, in which a price is Slow before it is Stale
        uint256 contestedSeconds; // for which a price may be Contested, of any twice as many
    }

    /// @notice Where the price of an underlying comes from and when it is believed.
    /// @dev An answer votes if it is positive and within [min, max], not from the future, no older than a price may be before
    /// it is Stale, and no less certain than sources may be apart. The price is the weighted median of the votes; a minority of
    /// them never moves it beyond what the others say.
    struct Feed {
        IPriceSource[] sources; // no two the same
        uint8 quorum; // fewest votes that make a price; more than half of the sources
        uint16 divergenceBps; // a price with fewer than a quorum of votes this near is Contested
        uint32 heartbeatSeconds; // age up to which a price is Fresh; a multiple of HEARTBEAT_UNIT
        uint8 deviationPercent; // |spot − ema| above this share of ema is Contested
        uint88 minWad; // [wad] answers outside [min, max] are not accepted
        uint88 maxWad; // [wad]
    }

    event FeedSet(uint16 indexed underlying, Feed feed);
    /// @dev `updatedAt`: as of when the quorum-th newest vote was. `divergent`: fewer votes than the quorum were near.
    event PricePoked(
        uint16 indexed underlying,
        uint256 spotWad,
        uint256 emaWad,
        uint256 updatedAt,
        uint256 varianceWad,
        bool divergent
    );
    /// @dev An answer that may not vote; all zero if there was none.
    event SourceRefused(
        uint16 indexed underlying,
        IPriceSource indexed source,
        uint256 priceWad,
        uint256 confidenceWad,
        uint256 updatedAt
    );
    event PriceRefused(uint16 indexed underlying, uint256 votes, uint256 quorum); // the old price ages
    event ReportRefused(uint16 indexed underlying); // the breaker rejected a report; the price entered all the same

    error UnknownUnderlying(uint16 underlying);
    error ReservedUnderlying(); // 0 stands for "everything" in the breaker
    error BadFeed(uint16 underlying, uint256 value, uint256 bound);
    error NoBreaker(address breaker);
    error NoSource(uint16 underlying, IPriceSource source);
    error RepeatedSource(uint16 underlying, IPriceSource source);
    error ContestTooLong(uint256 contestedSeconds, uint256 maxSeconds);
    error DecayTooSlow(uint256 decayWad, uint256 maxWad);
    error OffGrid(uint256 expiryAt, uint256 windowSeconds);
    error NotCovered(uint16 underlying, uint256 expiryAt, uint256 coveredAt);
    error GasTooLow(uint256 left, uint256 needed);

    /// @notice Set or replace sources and limits of `underlying`; loosening, so delayed. Pokes it at once.
    /// @dev A stored price stays until the new sources have a newer one.
    function setFeed(uint16 underlying, Feed calldata feed) external;

    /// @notice Bring in what the sources say now. Permissionless.
    /// @dev Never reverts for a bad answer of a known underlying: it is refused with an event, and has no vote. Each source
    /// has SOURCE_GAS. With fewer votes than the quorum no price enters, and the old one ages.
    /// A price no newer than the stored one is no news: nothing happens. One that comes at the same block time as another
    /// was accepted waits for a later block.
    /// The first price after Stale opens a grace period at the breaker; a jump beyond the deviation, and a divergent price,
    /// trip Cautious.
    /// Reverts with `GasTooLow` rather than take a call that ran out of gas for a bad answer.
    function poke(uint16[] calldata underlyings) external;

    /// @notice Prices of `underlyings`, graded now. Never reverts: an unknown underlying is Invalid with price zero.
    function read(uint16[] calldata underlyings) external view returns (Price[] memory);

    /// @notice One price, graded now.
    function priceOf(uint16 underlying) external view returns (Price memory);

    /// @notice The spot that `priceOf` gives, alone [wad], whatever its grade; zero if never accepted.
    function spotOf(uint16 underlying) external view returns (uint256);

    /// @notice What an expiry settles at [wad]: the accepted price, averaged over the WINDOW_SECONDS before `expiryAt`, rounded down.
    /// @dev A price counts for as long as it stood, from the block that accepted it to the next, contested or not. If none
    /// entered in the window, it is the first that entered at or after the expiry. Final once it is given: it never changes.
    /// Reverts with `OffGrid` unless `expiryAt` is a multiple of WINDOW_SECONDS, and with `NotCovered` as long as no price
    /// entered at or after it, or where `coveredAt` is not its `coverOf`.
    /// @param coveredAt `expiryAt` itself, unless boundaries passed without a price: then `coverOf` it
    function settlementOf(uint16 underlying, uint256 expiryAt, uint256 coveredAt)
        external
        view
        returns (uint256 priceWad);

    /// @notice The last boundary that the first price at or after `expiryAt` left behind it [seconds]; zero if none entered
    /// yet, and for what is no multiple of WINDOW_SECONDS.
    /// @dev One read a window without a price: ask it from outside.
    function coverOf(uint16 underlying, uint256 expiryAt) external view returns (uint256 coveredAt);

    /// @notice Source time of the stored price [seconds], zero if never accepted.
    function updatedAtOf(uint16 underlying) external view returns (uint256);

    /// @notice Realised variance of the underlying, a year [wad], as of its last price; zero before the second.
    /// @dev An exponential average of squared logarithmic returns per second of source time, rounded up: it reads at most
    /// 2⁻¹⁵ of itself too large. It starts at zero: believe it when varianceDecayWad has forgotten the start.
    function varianceOf(uint16 underlying) external view returns (uint256);

    /// @notice The root of `varianceOf`: realised volatility a year [wad], rounded up.
    function volatilityOf(uint16 underlying) external view returns (uint256 annualisedVolatilityWad);

    function feedOf(uint16 underlying) external view returns (Feed memory);

    /// @notice What all underlyings share, fixed at deployment.
    function rules() external view returns (Rules memory);

    /// @notice Length of the window that an expiry averages over; expiries are multiples of it [seconds].
    function WINDOW_SECONDS() external view returns (uint256);

    /// @notice Granularity of heartbeats [seconds].
    function HEARTBEAT_UNIT() external view returns (uint256);

    /// @notice Gas that a source may use for one answer.
    function SOURCE_GAS() external view returns (uint256);
}
