// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice The insurance fund: receives its share of fees and penalties, pays in the insured phase, heals itself.
/// @dev Its money is cash in ledger accounts it owns: FUND, which pays; FEES, where trading fees arrive and are split
/// between the fund and TREASURY. FUND is never negative: nothing is paid beyond its cash. All of FUND belongs to shares,
/// the protocol's own and those of stakers; whatever comes in or goes out, every share has the same part in it.
interface IInsurance {
    /// @notice How the fund heals, how far it aims, and how stakers leave. One struct: it changes as a whole.
    struct Params {
        uint16 minShareBps; // of the fees, at target and above
        uint16 maxShareBps; // of the fees, when the fund is empty
        uint16 slackBps; // of the target, above it, before surplus leaves
        uint16 moveBps; // of the target, most that it moves in a day
        uint32 multipleBps; // of the expected shortfall
        uint32 tailBps; // expected shortfall in standard deviations: normal or Student, docs/insurance.md
        uint32 maxAgeSeconds; // of a target, after which the share is the largest and no surplus leaves
        uint32 holdSeconds; // during which nobody leaves, after a loss
        uint32 cooldownSeconds; // from the request until a stake may leave
        uint32 windowSeconds; // in which it then may; also the longest that holds may keep it beyond the cooldown
        uint32 horizonSeconds; // of the expected shortfall
        uint128 leastTargetWad; // [wad]
    }

    struct State {
        uint128 targetWad; // [wad]
        uint40 refreshedAt; // [seconds]
        uint40 heldUntil; // [seconds]
        uint128 rawWad; // [wad] what the last refresh found; it moves the target where the next one finds it too
        uint128 ownShares; // the protocol's, as of the last time that anybody staked beside it
        uint128 stakedShares;
    }

    struct Stake {
        uint128 shares;
        uint128 leaving; // of them, requested to leave; they bear losses and earn until they have left
        uint40 readyAt; // [seconds] end of the cooldown
    }

    event FeesDistributed(uint256 fundWad, uint256 treasuryWad);
    event SurplusReleased(uint256 amountWad);
    event Paid(uint16 indexed underlying, uint64 indexed account, uint256 wantedWad, uint256 paidWad);
    event TargetRefreshed(uint256 rawWad, uint256 targetWad);
    event Staked(uint64 indexed account, uint256 amountWad, uint256 shares);
    event UnstakeRequested(uint64 indexed account, uint256 shares, uint256 readyAt);
    event Unstaked(uint64 indexed account, uint256 shares, uint256 amountWad);
    event Held(uint64 indexed account, int256 equityWad, uint256 until);
    event CapSet(uint16 indexed underlying, uint256 capWad);
    event FloorSet(uint16 indexed underlying, uint256 volatilityWad);
    event FundParamsSet(Params params);

    error NotTighter(uint256 current, uint256 proposed);
    error BadParams(uint256 value, uint256 bound);
    error BadCap(uint256 capWad);
    error BadFloor(uint256 volatilityWad);
    error FundTooSmall(uint256 fundWad, uint256 leastWad);
    error InsufficientCash(uint64 account, int256 cashWad, uint256 wantedWad);
    error InsufficientShares(uint64 account, uint256 shares, uint256 wanted);
    error NothingRequested(uint64 account);
    error CoolingDown(uint64 account, uint256 opensAt);
    error WindowClosed(uint64 account, uint256 closedAt);
    error NotInDeficit(uint64 account, int256 equityWad);

    /// @notice Pay up to `wantedWad` to `account`, within FUND's cash and what is left of the market's cap.
    /// Liquidation only. Distributes pending fees first; no surplus leaves. What is paid holds back who wants to leave.
    function pay(uint16 underlying, uint64 account, uint256 wantedWad) external returns (uint256 paidWad);

    /// @notice Split FEES between FUND and the treasury by the share as it is now, then let surplus of the protocol's own
    /// part leave to the treasury. Permissionless.
    function distribute() external returns (uint256 fundWad, uint256 treasuryWad);

    /// @notice Compute the target anew from the open interest of all markets. Permissionless. It moves toward what this
    /// refresh and the last one agree on, by a bounded part for the time between them, of which at most a day counts.
    /// Pending fees are split first, by the share as it was.
    function refreshTarget() external returns (uint256 targetWad);

    /// @notice Put cash of an account, which holds nothing else and owes nothing, into the fund; its owner or operator.
    /// Pending fees are split first, so they are not bought. Rounds down.
    function stake(uint64 account, uint256 amountWad) external returns (uint256 shares);

    /// @notice Ask for `shares` of an account's stake to leave; its owner or operator. Replaces an earlier request; zero
    /// takes it back.
    function requestUnstake(uint64 account, uint256 shares) external;

    /// @notice Turn what was requested into cash of the same account, at what it is worth now, rounded down; within its
    /// window, and where the breaker lets anybody withdraw. Its owner or operator.
    function unstake(uint64 account) external returns (uint256 amountWad);

    /// @notice Show an account whose equity is negative: until `holdSeconds` from now no stake and no surplus leaves.
    /// Permissionless. A request is held for at most `windowSeconds` beyond its cooldown, whatever happens.
    function hold(uint64 account) external;

    /// @notice Send `amount` of settlement token (its decimals) from TREASURY to `to`; governor, delayed.
    function payTreasury(address to, uint256 amount) external;

    /// @notice What `pay` could pay for a market now [wad], pending fees included. A promise: it can pay DUST_WAD more.
    function capacity(uint16 underlying) external view returns (uint256);

    /// @notice Most that a market may ever draw [wad]; governor, delayed.
    function setCap(uint16 underlying, uint256 capWad) external;

    /// @notice Lower the cap of a market; guardian, no delay.
    function tightenCap(uint16 underlying, uint256 capWad) external;

    /// @notice Least yearly volatility [wad] that the target counts for a market, however calm it was; governor, delayed.
    function setFloor(uint16 underlying, uint256 volatilityWad) external;

    /// @notice All parameters at once; governor, delayed. Pending fees are split first, by the share as it was.
    function setParams(Params calldata p) external;

    function capOf(uint16 underlying) external view returns (uint256);

    function drawnOf(uint16 underlying) external view returns (uint256);

    function floorOf(uint16 underlying) external view returns (uint256);

    function params() external view returns (Params memory);

    function state() external view returns (State memory);

    /// @notice Share of the fees that goes to the fund now [wad]: minShare + (maxShare − minShare)·(1 − fund/target).
    function shareWad() external view returns (uint256);

    function stakeOf(uint64 account) external view returns (Stake memory);

    /// @notice What `shares` of the fund are worth now [wad], rounded down; pending fees not counted.
    function worthOf(uint256 shares) external view returns (uint256);

    /// @notice When the stake that an account asked for may leave [seconds]; from the first to the second, both included.
    function windowOf(uint64 account) external view returns (uint256 opensAt, uint256 closesAt);

    function DUST_WAD() external view returns (uint256);

    function FUND() external view returns (uint64);

    function FEES() external view returns (uint64);

    function TREASURY() external view returns (uint64);
}
