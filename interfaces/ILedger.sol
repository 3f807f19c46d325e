// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { IPositions } from "interfaces/IPositions.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { Health, InstrumentId, Mode } from "interfaces/Types.sol";

/// @notice The ledger and front door: accounts, cash, collateral. Positions are kept for it by `IPositions`.
/// @dev Cash is the settlement token in wad, signed, kept in two scaled pools (credit and debt) with an index each.
/// Conservation (INV-01): Σ cash + Σ pending K flow − Σ cost ≤ tokens held, whatever the marks are.
interface ILedger {
    /// @notice The two cash pools.
    struct Pool {
        uint128 creditShares;
        uint128 debtShares;
        uint104 creditIndexWad;
        uint104 debtIndexWad;
        uint40 accruedAt;
    }

    /// @notice A custody listed as collateral; asset 0 is the settlement token.
    struct Asset {
        address vault;
        uint16 underlying; // whose price values it; unused for asset 0
        uint64 unit; // [wad] one smallest unit of the token
    }

    /// @notice One trade between two accounts.
    struct Fill {
        InstrumentId instrument;
        uint64 buyer;
        uint64 seller;
        uint64 feeAccount; // gets both fees
        uint256 sizeWad; // [wad]
        uint256 priceWad; // [wad] within the band around the mark
        uint256 buyerFeeWad; // [wad]
        uint256 sellerFeeWad; // [wad]
    }

    event AccountOpened(uint64 indexed account, address indexed owner, Mode mode);
    event OperatorSet(address indexed owner, address indexed operator, bool approved);
    event Deposited(uint64 indexed account, uint16 indexed asset, address from, uint256 amount);
    event Withdrawn(uint64 indexed account, uint16 indexed asset, address to, uint256 amount);
    event Filled(
        InstrumentId indexed instrument,
        uint64 indexed buyer,
        uint64 indexed seller,
        uint256 sizeWad,
        uint256 priceWad,
        uint256 buyerFeeWad,
        uint256 sellerFeeWad
    );
    event InterestAccrued(uint256 creditIndexWad, uint256 debtIndexWad);
    event Settled(uint64 indexed account, InstrumentId indexed instrument, int256 cashWad);
    event SliceTaken(uint64 indexed from, uint64 indexed to, uint256 fractionWad, int256 cashWad);
    event WrittenOff(uint64 indexed account, uint256 lossWad, uint256 creditIndexWad);
    event AssetListed(uint16 indexed asset, address vault, uint16 underlying, uint256 unit);
    event EngineSet(address indexed engine, uint256 rights);

    error NotAuthorised(uint64 account, address caller);
    error NotEngine(address caller, uint256 right);
    error NoSuchAccount(uint64 account);
    error NoSuchAsset(uint16 asset);
    error AlreadyListed();
    error UnsupportedDecimals(uint8 decimals);
    error ZeroAmount();
    error SameAccount(uint64 account);
    error TooManyHoldings(uint64 account, uint256 cap);
    error BelowInitialMargin(uint64 account, int256 equityWad, uint256 initialWad);
    error UnrealisedProfit(uint64 account, int256 cashWad, uint256 borrowLimitWad);
    error InsufficientBalance(uint64 account, uint16 asset, uint256 balance, uint256 wanted);
    error FeeTooHigh(uint256 feeWad, uint256 maxWad);
    error StillHolds(uint64 account, uint256 legs, uint256 holdings);
    error NotInDebt(uint64 account, int256 cashWad);
    error BadConfig(uint256 value, uint256 bound);
    error DebtExceedsCredit(uint256 debtWad, uint256 creditWad);

    // Accounts

    /// @notice Open an account owned by the caller; many per owner. Ids count up from 1.
    function open(Mode mode) external returns (uint64 account);

    /// @notice Let `operator` act for all accounts of the caller, or stop it.
    function setOperator(address operator, bool approved) external;

    // Money

    /// @notice Bring in `amount` of `asset` from the caller (allowance to the vault). Never blocked by the breaker.
    /// @dev Cash is welcome from anybody; collateral from the owner and operators alone, so nobody fills up the lanes.
    /// Credits what the vault really received.
    function deposit(uint64 account, uint16 asset, uint256 amount) external;

    /// @notice Take out `amount` of `asset` to `to`. Owner or operator.
    /// @dev After it: equity ≥ IM, and cash ≥ −borrow limit: unrealised profit never leaves the building. The vault's limit
    /// on outflows holds what goes beyond the account's free principal.
    function withdraw(uint64 account, uint16 asset, uint256 amount, address to) external;

    // Time; all permissionless

    /// @notice Bring the interest of the cash pools up to now.
    function accrueInterest() external;

    /// @notice Let a position pick up what happened to its side; if deleveraging closed it, its cash is paid out.
    function settle(uint64 account, InstrumentId instrument) external;

    /// @notice The same for many accounts. Whoever it is refused for is passed over: somebody else was faster, say.
    function settleMany(uint64[] calldata holders, InstrumentId instrument) external;

    // Engines: contracts with rights given by governance

    /// @notice Trade. Right FILL. Both accounts end at equity ≥ IM, or with a smaller position, no more MM and no worse health:
    /// in Portfolio, what hedges the rest isn't taken away below IM.
    function fill(Fill calldata f) external;

    /// @notice Move cash between accounts. Right MOVE. Does not check margin: the caller must know why, and says so in
    /// an event of its own.
    function move(uint64 from, uint64 to, uint256 amountWad) external;

    /// @notice Hand `fractionWad` of every position and collateral of `from` to `to`: positions at the mark, collateral
    /// at its price, less `discountWad` in favour of `to`. Right SEIZE. No margin check: the auction makes it.
    /// @param receiver if not zero, collateral leaves its vault to this address instead of entering `to`
    /// @return cashWad what `to` paid (+) or got (−) in cash, the positions' own settlement left out
    function take(uint64 from, uint64 to, uint256 fractionWad, uint256 discountWad, address receiver)
        external
        returns (int256 cashWad);

    /// @notice Close the position of `account` against the whole opposite side, in O(1). Right SEIZE.
    /// @param deficitWad what the account must gain against the mark; the price is as far from the mark as that needs
    /// @return sizeWad signed size closed
    /// @return priceWad bankruptcy price at which it was closed, never below zero
    function deleverage(uint64 account, InstrumentId instrument, uint256 deficitWad)
        external
        returns (int256 sizeWad, uint256 priceWad);

    /// @notice Write the negative cash of an account that holds nothing else down on the credit index. Right SEIZE.
    function writeOff(uint64 account) external returns (uint256 lossWad);

    // Governance

    /// @notice List a vault; governor, delayed. The first is the settlement token.
    function listAsset(address vault, uint16 underlying) external returns (uint16 asset);

    /// @notice Give rights to a contract; governor, delayed.
    function setEngine(address engine, uint256 rights) external;

    /// @notice Take all rights from a contract; guardian, no delay.
    function revokeEngine(address engine) external;

    // Views; interest and funding are projected to now

    /// @notice The positions of all accounts; deployed by this contract and moved by it alone.
    function POSITIONS() external view returns (IPositions);

    /// @notice The margin models.
    function RISK() external view returns (IRisk);

    function healthOf(uint64 account) external view returns (Health memory);

    /// @notice The same, IM and MM by the scenarios alone whose bits `witness` has (`IRisk.assessBy`): in Portfolio never above
    /// the whole ones, in other modes the same.
    function healthBy(uint64 account, uint256 witness) external view returns (Health memory);

    function ownerOf(uint64 account) external view returns (address);

    function modeOf(uint64 account) external view returns (Mode);

    /// @notice Owner or one of its operators?
    function isAuthorised(uint64 account, address who) external view returns (bool);

    /// @notice Cash that was paid into the account and not taken out again, at most FREE_PRINCIPAL_WAD [wad]: no limit on
    /// outflows holds it. What others gained or lost doesn't change it.
    function freePrincipalOf(uint64 account) external view returns (uint256);

    /// @notice Most of an account's principal that is free [wad].
    function FREE_PRINCIPAL_WAD() external view returns (uint256);

    /// @notice Signed cash [wad]; credit rounded down, debt up.
    function cashOf(uint64 account) external view returns (int256);

    /// @notice Balance of collateral in the token's decimals.
    function balanceOf(uint64 account, uint16 asset) external view returns (uint256);

    function assetsOf(uint64 account) external view returns (uint16[] memory);

    /// @notice The pools, interest projected to now.
    function pool() external view returns (Pool memory);

    function assetOf(uint16 asset) external view returns (Asset memory);

    function accounts() external view returns (uint64);

    function assets() external view returns (uint16);

    function engineRights(address engine) external view returns (uint256);
}
