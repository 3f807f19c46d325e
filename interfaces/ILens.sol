// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IInsurance } from "interfaces/IInsurance.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Grade, Health, InstrumentId, Level, Mode, Price } from "interfaces/Types.sol";

/// @notice Everything a keeper, a page or a test reads, in one call each. Holds no state; no contract depends on it.
/// @dev All views see one block, so answers asked for at the same block number fit together.
interface ILens {
    /// @notice A position as stored, and as it stands now.
    struct PositionView {
        InstrumentId instrument;
        IPositions.Position stored;
        int256 sizeWad; // [wad] now
        int256 quoteWad; // [wad] ⌊|base|·K⌋ − cost, funding projected to now
        uint256 markWad; // [wad] what one unit is worth now; zero where there is no price, and once a series is settled
    }

    struct HoldingView {
        uint16 asset;
        uint256 amount; // the token's decimals
    }

    struct AccountView {
        uint64 account;
        bool assessed; // false: no such account, or the ledger can't assess it; `health` is zero then
        Mode mode;
        address owner;
        int256 cashWad; // [wad]
        PositionView[] positions;
        HoldingView[] holdings;
        Health health;
        ILiquidation.Auction auction; // startedAt zero: not in auction
        uint256 discountWad; // [wad] d now; zero for what is not assessed
    }

    /// @notice The breaker's state of one underlying alone.
    struct RestrictionView {
        Level level;
        uint256 until; // [seconds] zero if nothing runs
        uint256 graceUntil; // [seconds]
    }

    struct MarketView {
        InstrumentId instrument;
        IPositions.Side long;
        IPositions.Side short;
        IPositions.Interest interest;
        uint256 longOpenWad; // [wad] base·A, down
        uint256 shortOpenWad; // [wad]
        Price price;
        uint256 priceUpdatedAt; // [seconds] source time
        RestrictionView restriction;
        IRisk.InstrumentParams params;
        uint256 insuranceCapacityWad; // [wad] what the fund could pay now
        uint256 insuranceDrawnWad; // [wad]
        uint256 insuranceCapWad; // [wad]
        uint256 depthWad; // [wad] notional that auctions may sell at once; zero: not throttled
        uint256 depthFreeWad; // [wad] what is left of it now
        uint256 depthSeconds; // [seconds] in which all of it comes back
        IRisk.InstrumentParams optionParams; // of all options of its underlying as a class; zero: there are none
        IPositions.Tally tally; // of their series that are not settled
    }

    /// @notice A series of options that isn't settled, or that somebody holds still. Its price, restriction and line of
    /// insurance are those of its underlying, its parameters those of the class.
    struct SeriesView {
        InstrumentId instrument;
        IPositions.Side long;
        IPositions.Side short;
        IPositions.Interest interest;
        uint256 longOpenWad; // [wad] base·A, down
        uint256 shortOpenWad; // [wad]
        uint256 markWad; // [wad] what one unit is worth now; zero where there is no price, and once it is settled
        uint256 coveredAt; // [seconds] what `settleSeries` takes; zero while it can't be settled, and once it is
    }

    struct AssetView {
        uint16 asset;
        address token;
        address vault;
        uint16 underlying;
        uint256 unitWad; // [wad] one smallest unit of the token
        uint256 held; // owed to the ledger, the token's decimals
        uint256 balance; // there, the token's decimals
        uint256 cap; // the token's decimals
        uint256 outflow; // the token's decimals: how full the bucket of outflows is,
        uint256 outflowCapacity; // …and how much it holds
        IRisk.AssetParams params;
        Price price; // zero for the settlement token
    }

    struct SystemView {
        uint256 chainId;
        uint256 blockNumber;
        uint256 time; // [seconds]
        uint256 baseFee; // [wei]
        uint64 accounts; // highest account id
        ILedger.Pool pool; // interest projected to now
        AssetView[] assets;
        RestrictionView restriction; // of everything
        uint256 gatedUntil; // [seconds] withdrawals wait until then at most; zero if they needn't
        uint256 gateReadyAt; // [seconds] from when on a deficit can gate them anew
        uint64 fundAccount;
        uint64 feesAccount;
        uint64 treasuryAccount;
        int256 fundWad; // [wad] cash of the insurance fund
        int256 feesWad; // [wad] not yet distributed
        int256 treasuryWad; // [wad]
        uint256 fundShareWad; // [wad] of the fees, that goes to the fund now
        IInsurance.State fund; // its target, and who has which part in it
        uint256 stakedWad; // [wad] of the fund's cash, that is stakers'
    }

    /// @notice The accounts, in the order asked. Never reverts because of one of them.
    function accountsOf(uint64[] calldata accounts) external view returns (AccountView[] memory);

    /// @notice Accounts that a keeper may have something to do with: health below `thresholdBps`, in auction, or not
    /// assessable. In the order of their ids; needs no index and no event, and is never stopped by one account.
    /// @dev Looks at `count` accounts, or at as many as the call's gas is good for: it stops where less than `SPARE_GAS` is
    /// left. Health is equity / MM in bps, rounded down, within an int64; without a requirement its smallest value for a
    /// debt, its largest for everybody else.
    /// @param from first account to look at; zero: the first there is
    /// @param thresholdBps health at which an account is no longer listed; 10,000 lists what may be liquidated now
    /// @return found account [64] << 192 | not assessable [1] << 65 | in auction [1] << 64 | health [64, signed]; the health
    /// of what can't be assessed is zero
    /// @return next where to go on; zero: there is no further account
    function atRisk(uint64 from, uint64 count, uint32 thresholdBps)
        external
        view
        returns (uint256[] memory found, uint64 next);

    /// @notice Accounts that hold a position in `instrument`, one without a size included, in the order of their ids.
    /// @dev In pages, as `atRisk`.
    /// @param from first account to look at; zero: the first there is
    /// @return found the accounts
    /// @return next where to go on; zero: there is no further account
    function holdersOf(uint64 from, uint64 count, InstrumentId instrument)
        external
        view
        returns (uint64[] memory found, uint64 next);

    /// @notice All listed perpetuals, in the order of listing.
    function markets() external view returns (MarketView[] memory);

    /// @notice All series that aren't settled, or that somebody holds still, in the order of listing.
    function series() external view returns (SeriesView[] memory);

    function system() external view returns (SystemView memory);

    /// @notice All of it in one answer: what somebody sees who looks at the protocol and at these accounts.
    function look(uint64[] calldata accounts)
        external
        view
        returns (SystemView memory, MarketView[] memory, SeriesView[] memory, AccountView[] memory);
}
