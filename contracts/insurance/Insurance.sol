// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { FundCurve } from "contracts/insurance/FundCurve.sol";
import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { IInsurance } from "interfaces/IInsurance.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { Action, Health, InstrumentId, Mode } from "interfaces/Types.sol";

/// @notice Three accounts of the ledger and the rule by which money moves between them and out of them.
/// @dev capacity(market) = min(cash of FUND + its share of FEES, cap − drawn) − dust. Holds no tokens.
///
/// No lock of its own: whatever changes what `capacity` promised moves cash, and the ledger's lock refuses that while a
/// token has the word. A new target moves none where FEES is empty; then it changes no promise either.
///
/// Losses and income touch no share: FUND's cash changes, and with it what each share is worth. So `pay` knows no staker.
contract Insurance is IInsurance, AccessManaged {
    using FixedPoint for uint256;
    using SafeCastLib for uint256;

    /// @notice Limits of one market and what it has drawn.
    struct Market {
        uint128 capWad; // [wad]
        uint128 drawnWad; // [wad] ever; only raising the cap makes room again
        uint128 floorWad; // [wad] least yearly volatility
    }

    /// @dev [wad] More than moves may lose to the rounding of the ledger. `capacity` is a promise that `pay` keeps, with
    /// this much to spare for what the same rounding adds to a debt.
    uint256 public constant DUST_WAD = 10;

    /// @dev [wad] Nobody stakes beside less: a protocol's part of that many shares makes it futile to inflate the price of
    /// one by a gift.
    uint256 public constant LEAST_FUND_WAD = WAD;

    /// @dev Nor where a share is worth less than 1/this: new shares would soon outgrow their words.
    uint256 public constant MOST_SHARES_PER_WAD = 1e6;

    uint256 public constant MAX_MULTIPLE_BPS = 100_000;
    uint256 public constant MAX_TAIL_BPS = 100_000;
    uint256 public constant MAX_SECONDS = 60 days; // no clock is a trap
    uint256 public constant MAX_VOLATILITY_WAD = 10 * WAD;

    ILedger public immutable LEDGER;
    IPositions public immutable POSITIONS;
    IBreaker public immutable BREAKER;
    IOracle public immutable ORACLE;
    uint64 public immutable FUND;
    uint64 public immutable FEES;
    uint64 public immutable TREASURY;

    Params private _params;
    State private _state;

    mapping(uint16 underlying => Market) private _markets;
    mapping(uint64 account => Stake) private _stakes;

    modifier onlyAuthorised(uint64 account) {
        if (!LEDGER.isAuthorised(account, msg.sender)) revert ILedger.NotAuthorised(account, msg.sender);
        _;
    }

    constructor(address authority, ILedger ledger, IBreaker breaker, IOracle oracle, Params memory initial)
        AccessManaged(authority)
    {
        (LEDGER, POSITIONS, BREAKER, ORACLE) = (ledger, ledger.POSITIONS(), breaker, oracle);
        FUND = ledger.open(Mode.Cross);
        FEES = ledger.open(Mode.Cross);
        TREASURY = ledger.open(Mode.Cross);
        _setParams(initial);
        (_state.targetWad, _state.refreshedAt) = (initial.leastTargetWad, uint40(block.timestamp));
    }

    // --- Paying and being paid ---

    /// @inheritdoc IInsurance
    function pay(uint16 underlying, uint64 account, uint256 wantedWad) external restricted returns (uint256 paidWad) {
        _distribute();

        paidWad = _least(wantedWad, _least(_cashOf(FUND), _headroom(underlying)));
        if (paidWad != 0) {
            _markets[underlying].drawnWad += uint128(paidWad); // at most the headroom, so it fits
            _hold();
            LEDGER.move(FUND, account, paidWad);
        }

        emit Paid(underlying, account, wantedWad, paidWad);
    }

    /// @inheritdoc IInsurance
    function distribute() external returns (uint256 fundWad, uint256 treasuryWad) {
        (fundWad, treasuryWad) = _distribute();
        _releaseSurplus();
    }

    /// @inheritdoc IInsurance
    function refreshTarget() external returns (uint256 targetWad) {
        _distribute();

        Params memory p = _params;
        State storage s = _state;
        uint256 rawWad = _shortfallWad(p.tailBps, p.horizonSeconds).mulDivUp(p.multipleBps, BPS);
        uint256 elapsed = block.timestamp - s.refreshedAt;
        targetWad = FundCurve.steppedWad(s.targetWad, s.rawWad, rawWad, p.moveBps, elapsed);
        targetWad = FixedPointMathLib.max(targetWad, p.leastTargetWad);
        (s.targetWad, s.refreshedAt) = (targetWad.toUint128(), uint40(block.timestamp));
        s.rawWad = rawWad.toUint128();

        emit TargetRefreshed(rawWad, targetWad);
    }

    // --- Stakes ---

    /// @inheritdoc IInsurance
    function stake(uint64 account, uint256 amountWad) external onlyAuthorised(account) returns (uint256 shares) {
        if (amountWad == 0) revert ILedger.ZeroAmount();
        // Cash alone: no price is needed to know that it is free, and no margin goes with it.
        Health memory h = LEDGER.healthOf(account);
        if (h.legs + h.holdings != 0) revert ILedger.StillHolds(account, h.legs, h.holdings);
        if (h.cashWad < int256(uint256(amountWad.toUint128()))) revert InsufficientCash(account, h.cashWad, amountWad);

        _distribute();
        uint256 fundWad = _cashOf(FUND);
        State storage s = _state;
        // Where nobody has a stake all of the fund is the protocol's, at one share a wei.
        if (s.stakedShares == 0) s.ownShares = fundWad.toUint128();
        uint256 supply = uint256(s.ownShares) + s.stakedShares;
        uint256 leastWad = FixedPointMathLib.max(LEAST_FUND_WAD, supply / MOST_SHARES_PER_WAD);
        if (fundWad < leastWad) revert FundTooSmall(fundWad, leastWad);

        LEDGER.move(account, FUND, amountWad);
        shares = FundCurve.sharesFor(_cashOf(FUND) - fundWad, fundWad, supply); // for what arrived
        if (shares == 0) revert ILedger.ZeroAmount();
        s.stakedShares = (uint256(s.stakedShares) + shares).toUint128();
        _stakes[account].shares += shares.toUint128();

        emit Staked(account, amountWad, shares);
    }

    /// @inheritdoc IInsurance
    function requestUnstake(uint64 account, uint256 shares) external onlyAuthorised(account) {
        Stake storage s = _stakes[account];
        if (shares > s.shares) revert InsufficientShares(account, s.shares, shares);

        uint256 readyAt = block.timestamp + _params.cooldownSeconds;
        (s.leaving, s.readyAt) = (uint128(shares), uint40(readyAt));

        emit UnstakeRequested(account, shares, readyAt);
    }

    /// @inheritdoc IInsurance
    function unstake(uint64 account) external onlyAuthorised(account) returns (uint256 amountWad) {
        uint128 shares = _stakes[account].leaving;
        if (shares == 0) revert NothingRequested(account);
        (uint256 opensAt, uint256 closesAt) = windowOf(account);
        if (block.timestamp < opensAt) revert CoolingDown(account, opensAt);
        if (block.timestamp > closesAt) revert WindowClosed(account, closesAt);
        // What leaves the fund leaves its losses: what stops withdrawals stops it.
        BREAKER.check(Action.Withdraw, new uint256[](0), 0);

        _distribute();
        amountWad = worthOf(shares);
        (_stakes[account].leaving, _stakes[account].shares) = (0, _stakes[account].shares - shares);
        _state.stakedShares -= shares;
        if (amountWad != 0) LEDGER.move(FUND, account, amountWad);

        emit Unstaked(account, shares, amountWad);
    }

    /// @inheritdoc IInsurance
    function hold(uint64 account) external {
        int256 equityWad = LEDGER.healthOf(account).margin.equityWad;
        if (equityWad >= 0) revert NotInDeficit(account, equityWad);

        uint256 until = _hold();

        emit Held(account, equityWad, until);
    }

    // --- Governance ---

    /// @inheritdoc IInsurance
    function payTreasury(address to, uint256 amount) external restricted {
        LEDGER.withdraw(TREASURY, 0, amount, to);
    }

    /// @inheritdoc IInsurance
    function setCap(uint16 underlying, uint256 capWad) external restricted {
        _setCap(underlying, capWad);
    }

    /// @inheritdoc IInsurance
    function tightenCap(uint16 underlying, uint256 capWad) external restricted {
        uint256 current = _markets[underlying].capWad;
        if (capWad > current) revert NotTighter(current, capWad);

        _setCap(underlying, capWad);
    }

    /// @inheritdoc IInsurance
    function setFloor(uint16 underlying, uint256 volatilityWad) external restricted {
        if (volatilityWad > MAX_VOLATILITY_WAD) revert BadFloor(volatilityWad);

        _markets[underlying].floorWad = uint128(volatilityWad);

        emit FloorSet(underlying, volatilityWad);
    }

    /// @inheritdoc IInsurance
    function setParams(Params calldata p) external restricted {
        _distribute();
        _setParams(p);
    }

    // --- Views ---

    /// @inheritdoc IInsurance
    function capacity(uint16 underlying) external view returns (uint256) {
        uint256 fundWad = _cashOf(FUND);
        uint256 mostWad = _least(fundWad + _fundPart(_cashOf(FEES), fundWad), _headroom(underlying));
        return mostWad > DUST_WAD ? mostWad - DUST_WAD : 0;
    }

    /// @inheritdoc IInsurance
    function capOf(uint16 underlying) external view returns (uint256) {
        return _markets[underlying].capWad;
    }

    /// @inheritdoc IInsurance
    function drawnOf(uint16 underlying) external view returns (uint256) {
        return _markets[underlying].drawnWad;
    }

    /// @inheritdoc IInsurance
    function floorOf(uint16 underlying) external view returns (uint256) {
        return _markets[underlying].floorWad;
    }

    /// @inheritdoc IInsurance
    function params() external view returns (Params memory) {
        return _params;
    }

    /// @inheritdoc IInsurance
    function state() external view returns (State memory) {
        return _state;
    }

    /// @inheritdoc IInsurance
    function shareWad() external view returns (uint256) {
        return _shareWad(_cashOf(FUND));
    }

    /// @inheritdoc IInsurance
    function stakeOf(uint64 account) external view returns (Stake memory) {
        return _stakes[account];
    }

    /// @inheritdoc IInsurance
    function worthOf(uint256 shares) public view returns (uint256) {
        return FundCurve.worthWad(shares, _cashOf(FUND), uint256(_state.ownShares) + _state.stakedShares);
    }

    /// @inheritdoc IInsurance
    function windowOf(uint64 account) public view returns (uint256 opensAt, uint256 closesAt) {
        (uint256 readyAt, uint256 windowSeconds) = (_stakes[account].readyAt, _params.windowSeconds);
        // Held back as long as losses go on, but never for more than a window; a whole one is left behind it.
        opensAt = FixedPointMathLib.clamp(_state.heldUntil, readyAt, readyAt + windowSeconds);
        closesAt = readyAt + 2 * windowSeconds;
    }

    // --- Steps ---

    function _distribute() private returns (uint256 fundWad, uint256 treasuryWad) {
        uint256 feesWad = _cashOf(FEES);
        if (feesWad == 0) return (0, 0);

        fundWad = _fundPart(feesWad, _cashOf(FUND));
        if (fundWad != 0) LEDGER.move(FEES, FUND, fundWad);
        treasuryWad = _cashOf(FEES); // read anew: the ledger rounds each move, and FEES must not end in debt
        if (treasuryWad != 0) LEDGER.move(FEES, TREASURY, treasuryWad);

        emit FeesDistributed(fundWad, treasuryWad);
    }

    /// @dev Never while a loss may be on its way, nor on an old target. The protocol may lose the wei, not stakers.
    function _releaseSurplus() private {
        State memory s = _state;
        if (block.timestamp < s.heldUntil || !_fresh()) return;
        uint256 fundWad = _cashOf(FUND);
        uint256 surplusWad = FundCurve.surplusWad(fundWad, s.ownShares, s.stakedShares, s.targetWad, _params.slackBps);
        if (surplusWad == 0) return;

        if (s.stakedShares != 0) {
            uint256 burned = surplusWad.mulDivUp(uint256(s.ownShares) + s.stakedShares, fundWad);
            _state.ownShares = (uint256(s.ownShares) - burned).toUint128();
        }
        LEDGER.move(FUND, TREASURY, surplusWad);

        emit SurplusReleased(surplusWad);
    }

    /// @dev Until then nobody leaves: where the fund has paid, more may follow.
    function _hold() private returns (uint256 until) {
        until = block.timestamp + _params.holdSeconds;
        if (until > _state.heldUntil) _state.heldUntil = uint40(until);
    }

    function _setCap(uint16 underlying, uint256 capWad) private {
        if (capWad > type(uint128).max) revert BadCap(capWad);

        _markets[underlying].capWad = uint128(capWad);

        emit CapSet(underlying, capWad);
    }

    function _setParams(Params memory p) private {
        _requireAtMost(p.maxShareBps, BPS);
        _requireAtMost(p.minShareBps, p.maxShareBps);
        _requireAtMost(p.moveBps, BPS);
        _requireAtMost(p.multipleBps, MAX_MULTIPLE_BPS);
        _requireAtMost(p.tailBps, MAX_TAIL_BPS);
        _requireAtMost(1, p.maxAgeSeconds);
        _requireAtMost(1, p.holdSeconds);
        _requireAtMost(p.holdSeconds, p.windowSeconds);
        _requireAtMost(p.windowSeconds, MAX_SECONDS);
        _requireAtMost(p.holdSeconds, p.cooldownSeconds);
        _requireAtMost(p.cooldownSeconds, MAX_SECONDS);
        _requireAtMost(p.horizonSeconds, MAX_SECONDS);
        _requireAtMost(LEAST_FUND_WAD, p.leastTargetWad);

        _params = p;

        emit FundParamsSet(p);
    }

    // --- Reads ---

    /// @dev Expected shortfall [wad] of all open interest, either side of a market. Up, a wei a market. The options of an
    /// underlying count with its perpetual, each as a unit of it: none gains or loses more by a move of the spot.
    function _shortfallWad(uint256 tailBps, uint256 horizonSeconds) private view returns (uint256 sumWad) {
        InstrumentId[] memory listed = POSITIONS.instruments();
        // Place 0 of the list is unused.
        for (uint256 i = 1; i < listed.length; ++i) {
            uint16 underlying = listed[i].underlyingOf();
            (IPositions.Side memory long,, IPositions.Interest memory interest) = POSITIONS.marketOf(listed[i]);
            uint256 openWad =
                uint256(interest.longBaseWad).mulWadUp(long.scaleWad) + POSITIONS.tallyOf(underlying).openInterestWad;
            uint256 valueWad = openWad.mulWadUp(ORACLE.spotOf(underlying));
            uint256 shortfallWad = FundCurve.shortfallWad(_volatilityWad(underlying), tailBps, horizonSeconds);
            sumWad += valueWad.mulWadUp(shortfallWad);
        }
    }

    /// @dev Yearly volatility [wad] that counts for a market: what was realised, between floor and bound.
    function _volatilityWad(uint16 underlying) private view returns (uint256) {
        uint256 realisedWad = ORACLE.volatilityOf(underlying);
        return FixedPointMathLib.clamp(realisedWad, _markets[underlying].floorWad, MAX_VOLATILITY_WAD);
    }

    /// @dev Up: the treasury may lose the wei.
    function _fundPart(uint256 feesWad, uint256 fundWad) private view returns (uint256) {
        return feesWad == 0 ? 0 : feesWad.mulWadUp(_shareWad(fundWad));
    }

    function _shareWad(uint256 fundWad) private view returns (uint256) {
        (uint256 minBps, uint256 maxBps) = (_params.minShareBps, _params.maxShareBps);
        return FundCurve.shareWad(_fresh() ? fundWad : 0, _state.targetWad, minBps, maxBps);
    }

    function _fresh() private view returns (bool) {
        return block.timestamp <= uint256(_state.refreshedAt) + _params.maxAgeSeconds;
    }

    /// @dev Cash that can be spent: none while it is negative.
    function _cashOf(uint64 account) private view returns (uint256) {
        int256 cashWad = LEDGER.cashOf(account);
        return cashWad > 0 ? uint256(cashWad) : 0;
    }

    function _headroom(uint16 underlying) private view returns (uint256) {
        Market storage m = _markets[underlying];
        (uint256 capWad, uint256 drawnWad) = (m.capWad, m.drawnWad);
        return capWad > drawnWad ? capWad - drawnWad : 0;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    function _requireAtMost(uint256 value, uint256 bound) private pure {
        if (value > bound) revert BadParams(value, bound);
    }
}
