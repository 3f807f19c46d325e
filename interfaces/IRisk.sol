// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IBounded } from "interfaces/IBounded.sol";
import { Book, InstrumentId, Margin, Mode } from "interfaces/Types.sol";

/// @notice Margin parameters, and the models that turn a book into equity, IM and MM.
/// @dev The models are pure functions of (book, parameters effective now): no storage of their own, no money.
/// Requirements round up, borrow limits round down: the account may lose the wei, never the protocol.
/// Parameters move in bounded ways, whoever asks:
///   - maintenance margin goes in a straight line over RAMP_SECONDS, whichever way; everything else of an instrument at once
///   - a haircut that falls goes over COLLATERAL_RAMP_SECONDS, from 100 % where it was never set: new collateral lends
///     nothing at first. A maintenance haircut rises over RAMP_SECONDS, an initial one at once
///   - a step (a requirement that falls, a limit that rises, maintenance that moves either way) is at most a share of what
///     the governor set last, and at most one an epoch of EPOCH_SECONDS; the first values count as one
/// A number on its way is rounded toward where it comes from: never ahead of its line.
interface IRisk is IBounded {
    /// @notice Margin of a perpetual, or of the options of an underlying as a class, as a share of notional. One slot.
    /// @dev Of a class the rates are those of a short at the money, and the cap is that of all series together.
    struct InstrumentParams {
        uint16 initialBps; // IM while open interest is below the knee
        uint16 maintenanceBps; // MM
        uint16 initialMaxBps; // IM when open interest reaches the cap
        uint16 kneeBps; // share of the cap at which IM starts to rise
        uint128 openInterestCapWad; // [wad] quantity; new risk beyond it is refused
    }

    /// @notice Margin of holding a collateral: its haircut, as a share of value. One slot.
    struct AssetParams {
        uint16 initialHaircutBps;
        uint16 maintenanceHaircutBps;
    }

    /// @notice Where the parameters of an instrument stand.
    struct InstrumentState {
        InstrumentParams asked; // where they go; all but the maintenance margin are there already
        InstrumentParams standing; // what the governor set last: the next step is measured from it
        uint16 fromBps; // maintenance margin where its way began,
        uint32 arrivesAt; // …and when it arrives; in the past: it is there
        uint32 steppedAt; // when the last step was taken
    }

    /// @notice Where the haircuts of an asset stand.
    struct AssetState {
        AssetParams asked; // where they go
        AssetParams start; // where their ways began
        AssetParams standing; // what the governor set last; zero: nothing yet
        uint32 initialArrivesAt;
        uint32 maintenanceArrivesAt;
        uint32 steppedAt;
    }

    /// @param params where they go; maintenance goes there from `fromBps` and arrives at `arrivesAt`
    event InstrumentParamsSet(
        InstrumentId indexed instrument, InstrumentParams params, uint256 fromBps, uint256 arrivesAt
    );
    event AssetParamsSet(uint16 indexed asset, AssetParams params);

    error BadParams(uint256 value, uint256 bound);
    error NotTighter();
    error NotIsolated(uint16 underlying, uint16 other);
    error CollateralInIsolated(uint16 asset);
    error NotListed(InstrumentId instrument);
    error NotAClass(InstrumentId instrument); // options have no parameters of their own
    error UnknownMode(Mode mode);
    error NoFeed(uint16 underlying); // without a heartbeat nothing can be said of a margin
    error EnvelopeExceeded(
        uint256 moveBps, uint256 fundingBps, uint256 feesBps, uint256 rewardBps, uint256 maintenanceBps
    ); // an account could be gone before an auction may start

    /// @notice Equity, IM, MM and borrow limit of `book` under `mode`. Reverts if the mode does not admit the book.
    /// @dev In Portfolio, underlyings offset each other; in IM while the breaker's level of everything, and of each of them, is Normal.
    function assess(Mode mode, Book calldata book) external view returns (Margin memory);

    /// @notice The same by the scenarios alone whose bits `witness` has (`IPortfolio.assessBy`): in Portfolio IM and MM are never
    /// above the whole ones; other modes have no scenarios, and the witness doesn't matter.
    function assessBy(Mode mode, Book calldata book, uint256 witness) external view returns (Margin memory);

    /// @notice Whether the underlyings of a book would offset each other in Portfolio's IM: while the breaker's level of everything,
    /// and of each of them, is Normal. Where there is but one, or none, nothing is asked, and it is true.
    function diversifies(Book calldata book) external view returns (bool);

    /// @notice What one unit is worth now [wad]: the spot of its underlying, or the value of an option. It is what `assess`
    /// values a leg at, what trades are banded around, and what slices change hands at.
    /// @dev An option by Black-76 with the variance that the surface has for its strike and expiry, whatever its grade: where no
    /// smile counts, the realised one with a surcharge stands in, and before there is any, the floor of the surface.
    function markOf(InstrumentId instrument) external view returns (uint256 markWad);

    /// @notice Set the parameters of a perpetual, or of the options of an underlying (as a call without expiry and strike);
    /// governor, delayed. Initial margin must stay above maintenance margin all
    /// the way. The first maintenance margin, and one that falls, must survive one heartbeat of the underlying: a move of
    /// SIGMAS deviations, funding at its cap, the highest fee and the largest reward, or `EnvelopeExceeded`. Reverts with `StepTooLarge` or `EpochNotOver` beyond a step from what stands; a cap of zero
    /// leaves the cap that stands, so a market that was closed may be opened again as wide.
    function setInstrument(InstrumentId instrument, InstrumentParams calldata params) external;

    /// @notice Raise requirements or lower the cap of an instrument; guardian, no delay. MM can't be moved this way:
    /// it could liquidate by decree. What stands is left alone, so the governor can undo it in one step.
    function tightenInstrument(InstrumentId instrument, InstrumentParams calldata params) external;

    /// @notice Set the haircuts of a collateral; governor, delayed.
    function setAsset(uint16 asset, AssetParams calldata params) external;

    /// @notice Raise the initial haircut of a collateral; guardian, no delay. One that is still on its way down goes on
    /// from where it is.
    function tightenAsset(uint16 asset, AssetParams calldata params) external;

    /// @notice Parameters that are effective now: what `assess` uses. Of an option, those of its class.
    function instrumentParams(InstrumentId instrument) external view returns (InstrumentParams memory);

    /// @notice Haircuts that are effective now; never set: 100 %.
    function assetParams(uint16 asset) external view returns (AssetParams memory);

    /// @notice Where they go, where they come from, and what the next step is measured from.
    function instrumentState(InstrumentId instrument) external view returns (InstrumentState memory);

    function assetState(uint16 asset) external view returns (AssetState memory);

    /// @notice Duration of the way of a maintenance margin, and of a maintenance haircut that rises [seconds].
    function RAMP_SECONDS() external view returns (uint256);

    /// @notice Duration of the way of a haircut that falls [seconds].
    function COLLATERAL_RAMP_SECONDS() external view returns (uint256);

    /// @notice Least time between two steps of one instrument, or of one asset [seconds].
    function EPOCH_SECONDS() external view returns (uint256);

    /// @notice What a requirement may fall to in a step, share of what stands.
    function FALL_BPS() external view returns (uint256);

    /// @notice What a limit may rise to in a step, share of what stands.
    function RISE_BPS() external view returns (uint256);

    /// @notice Moves that a maintenance margin must survive, in standard deviations over one heartbeat.
    function SIGMAS() external view returns (uint256);

    /// @notice What a short option needs however far out of the money, share of its class's rate.
    function OPTION_FLOOR_BPS() external view returns (uint256);

    /// @notice Maintenance margin of a long option, share of its value.
    function LONG_MAINTENANCE_BPS() external view returns (uint256);

    /// @notice Least volatility that the envelope holds any underlying to have, a year.
    function VOLATILITY_FLOOR_BPS() external view returns (uint256);

    /// @notice What the envelope counts with: the ledger's funding cap an hour and highest fee, the largest reward of a
    /// start as a share of MM.
    function FUNDING_CAP_BPS() external view returns (uint256);

    function MAX_FEE_BPS() external view returns (uint256);

    function REWARD_CAP_BPS() external view returns (uint256);
}
