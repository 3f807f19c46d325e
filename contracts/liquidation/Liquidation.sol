// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { AuctionCurve } from "contracts/liquidation/AuctionCurve.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { IInsurance } from "interfaces/IInsurance.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { ILiquidation, ITaker } from "interfaces/ILiquidation.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { IThrottle } from "interfaces/IThrottle.sol";
import { Action, Health, InstrumentId } from "interfaces/Types.sol";

// Stages, with who opens the door to the next one (anyone, always):
//
//   none ──start: E < MM──▶ solvent ──E ≤ 0 at any call, or insure: solventSeconds passed──▶ insured
//   solvent, insured ──runSeconds──▶ ran out ──restart──▶ same stage, curve from d₀
//   insured ──the fund can't pay −E, or ran out once──▶ deleverage, position by position; takes go on beside it
//   anything ──E ≥ MM: end, or inside take and deleverage──▶ none
//   debt alone ──writeOff──▶ none
//
// Formulas (AuctionCurve has them in full):
//
//   d        = d₀ + (d₁ − d₀)·min(elapsed / ramp, 1)
//   f        = min(f*, bid),  f* = (T·MM − E) / ((T − d)·MM)
//   discount = f·d·MM,  solvent: at most f·E;  payment = f·E − discount
//   tax      = (gas price − base fee)·gas·price·share, at most the taker's gain: lowers the discount, but for the fund's share
//   fund     pays discount − f·E where that is positive, gets fundShare of what the account pays of the discount
//
//   f        within solventSeconds, solvent: no more than the depth of its markets has left (Throttle)
//
//   where: E, MM live; elapsed since the start or restart, or the end of the last pause and its grace; T > d₁.
//
// A slice moves positions at the mark and collateral at its price, so both sides' equity changes by the discount alone:
// the account's by −discount + insurance, the taker's by +discount − fund share.
//
// Why the start reward can't be farmed by liquidating oneself. It has two sources. What the account pays comes out of
// its own positive equity: paid to oneself it is nothing, and it never creates a deficit. What the fund adds never
// exceeds basefee·gas without the margin, and `rewardGas` is bounded by what a start burns at least: the starter has
// burned that ether in the same transaction. Together they are bounded by a share of the full penalty d₁·MM, so dust
// brings nothing, the fund's part besides by `rewardFundWad`; but by no price of gas: at any base fee an account that is
// large enough pays for its own start. A second reward needs a second auction: `end` needs E ≥ MM, and after it
// E < MM again needs a price move, interest or funding; no withdrawal or trade leads from the one to the other.
// `restart` pays nothing.
//
// A deficit that the fund can't pay falls on others: the opposite side, then all creditors. From the moment on that somebody
// says so (`start`, `insure`, a take, a deleveraging, or `reportDeficit`) until it is gone, withdrawals wait in the breaker.

/// @notice Continuous auction of whole accounts, and the steps behind it.
contract Liquidation is ILiquidation, AccessManaged, ReentrancyGuardTransient {
    using FixedPoint for uint256;
    using FixedPoint for int256;

    uint256 public constant MAX_TARGET_BPS = 30_000; // T at most 3
    uint256 public constant MAX_FUND_SHARE_BPS = 5_000; // at least half of the discount is the taker's
    uint256 public constant MAX_REWARD_SHARE_BPS = 5_000; // at least half of the penalty is the takers'
    uint256 public constant MAX_REWARD_MARGIN_BPS = 30_000;
    uint256 public constant MAX_REWARD_GAS = 60_000; // below what a start burns, even among others in one transaction
    uint256 public constant MAX_REWARD_ITEM_GAS = 5_000;
    uint256 public constant MAX_TAX_BPS = 50_000; // five times the priority fee: what is left of it goes to block builders
    uint256 public constant MAX_RUN_SECONDS = 1 days;
    uint256 public constant MAX_DUST_WAD = 10_000 * WAD;
    uint256 public constant MAX_REWARD_FUND_WAD = 10_000 * WAD;
    uint256 public constant MAX_GATE_DEFICIT_WAD = 1_000_000 * WAD;

    ILedger public immutable LEDGER;
    IBreaker public immutable BREAKER;
    IOracle public immutable ORACLE;
    IInsurance public immutable INSURANCE;
    /// @inheritdoc ILiquidation
    IThrottle public immutable THROTTLE;
    IPositions public immutable POSITIONS;
    uint64 public immutable FUND; // account of the insurance fund
    uint16 public immutable GAS_UNDERLYING; // underlying whose price is the price of gas

    Params private _params;
    mapping(uint64 account => Auction) private _auctions;

    /// @inheritdoc ILiquidation
    uint256 public uncoveredAccounts;

    constructor(
        address authority,
        ILedger ledger,
        IBreaker breaker,
        IOracle oracle,
        IInsurance insurance,
        IThrottle throttle,
        uint16 gasUnderlying,
        Params memory initial
    ) AccessManaged(authority) {
        LEDGER = ledger;
        BREAKER = breaker;
        ORACLE = oracle;
        INSURANCE = insurance;
        THROTTLE = throttle;
        POSITIONS = ledger.POSITIONS();
        FUND = insurance.FUND();
        GAS_UNDERLYING = gasUnderlying;
        _setParams(initial);
    }

    /// @inheritdoc ILiquidation
    function start(uint64 account, uint64 rewardAccount) external returns (uint256 rewardWad) {
        return _start(account, rewardAccount, type(uint256).max);
    }

    /// @inheritdoc ILiquidation
    function startBy(uint64 account, uint64 rewardAccount, uint256 witness) external returns (uint256 rewardWad) {
        return _start(account, rewardAccount, witness);
    }

    function _start(uint64 account, uint64 rewardAccount, uint256 witness)
        private
        nonReentrant
        returns (uint256 rewardWad)
    {
        if (_auctions[account].startedAt != 0) revert AlreadyInAuction(account);
        Health memory h = LEDGER.healthBy(account, witness);
        _requireUnhealthy(account, h, Action.Start);

        int256 equityWad = h.margin.equityWad;
        uint40 startedAt = uint40(block.timestamp);
        Auction memory a =
            Auction(startedAt, startedAt, h.dominant, equityWad <= 0, false, _auctions[account].uncovered);
        _store(account, a);

        rewardWad = _payReward(account, rewardAccount, h);

        emit AuctionStarted(account, msg.sender, equityWad, h.margin.maintenanceWad, rewardWad);
        if (equityWad <= 0) emit AuctionInsured(account, equityWad);
        _trackDeficit(account, a, equityWad);
    }

    /// @inheritdoc ILiquidation
    function insure(uint64 account) external nonReentrant {
        Auction memory a = _running(account);
        if (a.insured) revert AlreadyInsured(account);
        Health memory h = _unhealthy(account, Action.Take);
        int256 equityWad = h.margin.equityWad;
        _skipPause(a, h);
        uint256 insurableAt = uint256(a.startedAt) + _params.solventSeconds;
        if (equityWad > 0 && block.timestamp < insurableAt) revert StillSolvent(account, equityWad, insurableAt);

        _insure(account, a, equityWad);
    }

    /// @inheritdoc ILiquidation
    function restart(uint64 account) external nonReentrant {
        Auction memory a = _running(account);
        // Asked as a start: the curve doesn't run again while nobody could take.
        _skipPause(a, _unhealthy(account, Action.Start));
        uint256 ranOutAt = _ranOutAt(a);
        if (block.timestamp <= ranOutAt) revert StillRunning(account, ranOutAt);

        a.ranOut = a.insured; // a restart can't be used to keep deleveraging away
        _restart(account, a);
    }

    /// @inheritdoc ILiquidation
    function end(uint64 account) external nonReentrant {
        _running(account);
        Health memory h = LEDGER.healthOf(account);
        if (!_healthy(h)) revert Unhealthy(account, h.margin.equityWad, h.margin.maintenanceWad);
        // Asked as a take: a price that nobody may be sold at doesn't end an auction either.
        BREAKER.check(Action.Take, h.items, 0);

        _end(account, h);
    }

    /// @inheritdoc ILiquidation
    function take(Bid calldata bid) external nonReentrant returns (uint256 fractionWad, int256 paymentWad) {
        if (!LEDGER.isAuthorised(bid.taker, msg.sender)) revert NotAuthorised(bid.taker, msg.sender);
        if (bid.taker == bid.account) revert SelfTake(bid.account);
        Auction memory a = _running(bid.account);
        Health memory h = _unhealthy(bid.account, Action.Take);
        _skipPause(a, h);

        (AuctionCurve.Slice memory s, uint256 shareWad, uint256 taxWad) = _slice(bid.account, a, h, bid.maxFractionWad);
        (fractionWad, paymentWad) = (s.fractionWad, s.paymentWad);
        if (fractionWad < bid.minFractionWad) revert FractionTooSmall(fractionWad, bid.minFractionWad);
        if (paymentWad > bid.maxPaymentWad) revert PaymentTooHigh(paymentWad, bid.maxPaymentWad);
        uint256 gainWad = s.discountWad - shareWad;
        if (gainWad < bid.minDiscountWad) revert DiscountTooSmall(gainWad, bid.minDiscountWad);

        if (!a.insured && h.margin.equityWad <= 0) _insure(bid.account, a, h.margin.equityWad);

        THROTTLE.draw(h.items, fractionWad);
        LEDGER.take(bid.account, bid.taker, fractionWad, s.discountWad, bid.receiver);
        s.insuranceWad = _payInsurance(a.market, bid.account, s.insuranceWad, fractionWad == WAD);
        if (shareWad != 0) LEDGER.move(bid.taker, FUND, shareWad);

        emit Taken(bid.account, bid.taker, fractionWad, paymentWad, s.discountWad, shareWad, s.insuranceWad);
        if (taxWad != 0) emit PriorityTaxed(bid.account, bid.taker, taxWad);

        // The taker may act now, as in any transaction of his own; the auctions stay locked.
        if (bid.data.length != 0) {
            ITaker(msg.sender).onTake(bid.account, bid.taker, fractionWad, paymentWad, bid.data);
        }
        _checkTaker(bid.taker);
        if (_healedBy(s, h)) _endIfHealthy(bid.account);
    }

    /// @inheritdoc ILiquidation
    function deleverage(uint64 account, InstrumentId instrument)
        external
        nonReentrant
        returns (int256 sizeWad, uint256 priceWad)
    {
        Auction memory a = _running(account);
        Health memory h = _unhealthy(account, Action.Deleverage);
        _skipPause(a, h);
        (uint256 deficitWad, uint256 fundWad) = _insuredDeficit(account, a, h.margin.equityWad);
        (sizeWad,) = POSITIONS.positionOf(account, instrument);
        if (sizeWad == 0) revert NothingToDeleverage(account);

        // Up, as the gross is a sum of such.
        uint256 notionalWad = sizeWad.abs().mulWadUp(ORACLE.spotOf(instrument.underlyingOf()));
        uint256 shareWad = AuctionCurve.deficitShareWad(deficitWad - fundWad, notionalWad, h.grossWad);
        (sizeWad, priceWad) = LEDGER.deleverage(account, instrument, shareWad);
        _payInsurance(a.market, account, fundWad, h.legs + h.holdings == 1);

        emit DeficitDeleveraged(account, instrument, sizeWad, priceWad, shareWad);

        // What is left is another lot: collateral alone, which nobody could bid on before.
        if (!_endIfHealthy(account) && h.legs == 1) _restart(account, a);
    }

    /// @inheritdoc ILiquidation
    function writeOff(uint64 account) external nonReentrant returns (uint256 insuranceWad, uint256 lossWad) {
        Health memory h = LEDGER.healthOf(account);
        if (h.legs + h.holdings != 0) revert ILedger.StillHolds(account, h.legs, h.holdings);
        if (h.cashWad >= 0) revert ILedger.NotInDebt(account, h.cashWad);
        BREAKER.check(Action.WriteOff, h.items, 0);

        Auction memory a = _auctions[account];
        insuranceWad = INSURANCE.pay(a.market, account, uint256(-h.cashWad));
        if (LEDGER.cashOf(account) < 0) lossWad = LEDGER.writeOff(account);

        emit DebtWrittenOff(account, insuranceWad, lossWad);

        if (a.startedAt != 0) _endIfHealthy(account);
        else if (a.uncovered) _setUncovered(account, a, false);
    }

    /// @inheritdoc ILiquidation
    function reportDeficit(uint64 account) external nonReentrant returns (bool uncovered) {
        // Whatever the grade of its prices, and even in grace: nobody is seized by it, and it ends by itself.
        Health memory h = LEDGER.healthOf(account);
        Auction memory a = _auctions[account];
        if (a.startedAt == 0) a.market = h.dominant;

        uncovered = _trackDeficit(account, a, h.margin.equityWad);
        if (!uncovered && a.uncovered) _setUncovered(account, a, false);
    }

    /// @inheritdoc ILiquidation
    function setParams(Params calldata p) external restricted {
        _setParams(p);
    }

    /// @inheritdoc ILiquidation
    function auctionOf(uint64 account) external view returns (Auction memory) {
        return _auctions[account];
    }

    /// @inheritdoc ILiquidation
    function discountOf(uint64 account) external view returns (uint256) {
        Auction memory a = _running(account);
        _skipPause(a, LEDGER.healthOf(account));
        return _discountWad(a, _params);
    }

    /// @inheritdoc ILiquidation
    function quote(uint64 account, uint256 maxFractionWad)
        external
        view
        returns (uint256 fractionWad, int256 paymentWad, uint256 discountWad)
    {
        Auction memory a = _running(account);
        Health memory h = _unhealthy(account, Action.Take);
        _skipPause(a, h);
        (AuctionCurve.Slice memory s, uint256 shareWad,) = _slice(account, a, h, maxFractionWad);
        return (s.fractionWad, s.paymentWad, s.discountWad - shareWad);
    }

    /// @inheritdoc ILiquidation
    function params() external view returns (Params memory) {
        return _params;
    }

    function _insure(uint64 account, Auction memory a, int256 equityWad) private {
        (a.insured, _auctions[account].insured) = (true, true);
        emit AuctionInsured(account, equityWad);
        _trackDeficit(account, a, equityWad);
    }

    /// @dev Tells the breaker where an account owes more than the fund can pay; a little more is passed over.
    function _trackDeficit(uint64 account, Auction memory a, int256 equityWad) private returns (bool uncovered) {
        if (equityWad >= 0) return false;
        uint256 bearableWad = INSURANCE.capacity(a.market) + _params.gateDeficitWad;
        uncovered = uint256(-equityWad) > bearableWad;
        if (uncovered) _setUncovered(account, a, true);
    }

    function _setUncovered(uint64 account, Auction memory a, bool uncovered) private {
        if (a.uncovered != uncovered) {
            (a.uncovered, _auctions[account].uncovered) = (uncovered, uncovered);
            uncovered ? ++uncoveredAccounts : --uncoveredAccounts;
            emit DeficitReported(account, uncovered);
        }
        // Once more even if it is known: a span of the gate may have ended, and another be due.
        if (uncovered || uncoveredAccounts == 0) BREAKER.reportDeficit(uncovered);
    }

    function _end(uint64 account, Health memory h) private {
        Auction memory a = _auctions[account];
        if (a.uncovered) _setUncovered(account, a, false);
        delete _auctions[account];
        emit AuctionEnded(account, h.margin.equityWad, h.margin.maintenanceWad);
    }

    function _endIfHealthy(uint64 account) private returns (bool ended) {
        Health memory h = LEDGER.healthOf(account);
        ended = _healthy(h);
        if (ended) _end(account, h);
    }

    /// @dev In one write; the compiler would make one for each member.
    function _store(uint64 account, Auction memory a) private {
        Auction storage stored = _auctions[account];
        uint256 word = uint256(a.startedAt) | uint256(a.restartedAt) << 40 | uint256(a.market) << 80
            | uint256(a.insured ? 1 : 0) << 96 | uint256(a.ranOut ? 1 : 0) << 104 | uint256(a.uncovered ? 1 : 0) << 112;
        assembly ("memory-safe") {
            sstore(stored.slot, word)
        }
    }

    function _restart(uint64 account, Auction memory a) private {
        a.restartedAt = uint40(block.timestamp);
        _store(account, a);
        emit AuctionRestarted(account);
    }

    function _payReward(uint64 account, uint64 to, Health memory h) private returns (uint256 rewardWad) {
        uint256 costWad = _gasWad(block.basefee, h, _params.rewardGas, _params.rewardItemGas);
        uint256 shareWad = AuctionCurve.penaltyShareWad(h.margin.maintenanceWad, _params.endBps, _params.rewardShareBps);
        (uint256 ownWad, uint256 fundWad) =
            AuctionCurve.reward(costWad, _params.rewardMarginBps, shareWad, h.margin.equityWad);

        if (ownWad != 0) LEDGER.move(account, to, ownWad);
        if (fundWad != 0) {
            fundWad = INSURANCE.pay(h.dominant, to, FixedPointMathLib.min(fundWad, _params.rewardFundWad));
        }
        return ownWad + fundWad;
    }

    /// @dev The fund pays into the account. When nothing else is left in it, exactly what it owes: to the wei by which the
    /// ledger rounded, or an empty account would stay in auction for it.
    function _payInsurance(uint16 market, uint64 account, uint256 amountWad, bool last) private returns (uint256) {
        if (amountWad == 0) return 0;
        if (last) {
            int256 cashWad = LEDGER.cashOf(account);
            if (cashWad >= 0) return 0;
            amountWad = uint256(-cashWad);
        }
        return INSURANCE.pay(market, account, amountWad);
    }

    /// @dev The deficit and the fund's part of it, if positions may be deleveraged now; notices that the insured phase has
    /// begun.
    function _insuredDeficit(uint64 account, Auction memory a, int256 equityWad)
        private
        returns (uint256 deficitWad, uint256 fundWad)
    {
        if (equityWad < 0) deficitWad = uint256(-equityWad);
        if (!a.insured) {
            if (equityWad > 0) {
                revert StillSolvent(account, equityWad, uint256(a.startedAt) + _params.solventSeconds);
            }
            _insure(account, a, equityWad);
        }
        fundWad = INSURANCE.capacity(a.market);
        bool ranOut = a.ranOut || block.timestamp > _ranOutAt(a);
        if (!ranOut && fundWad >= deficitWad) revert InsuranceFirst(account, fundWad);
        if (fundWad > deficitWad) fundWad = deficitWad;
    }

    function _setParams(Params memory p) private {
        _checkAtMost(p.targetBps, MAX_TARGET_BPS);
        _checkAtMost(p.startBps, p.endBps);
        _checkAtMost(uint256(p.endBps) + 1, p.targetBps);
        _checkAtMost(BPS + 1, p.targetBps);
        _checkAtMost(p.fundShareBps, MAX_FUND_SHARE_BPS);
        _checkAtMost(p.rewardShareBps, MAX_REWARD_SHARE_BPS);
        _checkAtMost(p.rewardMarginBps, MAX_REWARD_MARGIN_BPS);
        _checkAtMost(p.rewardGas, MAX_REWARD_GAS);
        _checkAtMost(p.rewardItemGas, MAX_REWARD_ITEM_GAS);
        _checkAtMost(1, p.rampSeconds);
        _checkAtMost(p.rampSeconds, p.runSeconds);
        _checkAtMost(p.solventSeconds, p.runSeconds);
        _checkAtMost(p.runSeconds, MAX_RUN_SECONDS);
        _checkAtMost(p.taxBps, MAX_TAX_BPS);
        _checkAtMost(p.dustWad, MAX_DUST_WAD);
        _checkAtMost(p.rewardFundWad, MAX_REWARD_FUND_WAD);
        _checkAtMost(p.gateDeficitWad, MAX_GATE_DEFICIT_WAD);

        _params = p;

        emit ParamsSet(p);
    }

    function _running(uint64 account) private view returns (Auction memory a) {
        a = _auctions[account];
        if (a.startedAt == 0) revert NotInAuction(account);
    }

    function _unhealthy(uint64 account, Action action) private view returns (Health memory h) {
        h = LEDGER.healthOf(account);
        _requireUnhealthy(account, h, action);
    }

    function _requireUnhealthy(uint64 account, Health memory h, Action action) private view {
        if (_healthy(h)) revert Healthy(account, h.margin.equityWad, h.margin.maintenanceWad);
        // Passed over: what can't make up for the missing margin, whatever its price is (a weight is twice what it hides).
        uint256 missingWad = uint256(int256(h.margin.maintenanceWad) - h.margin.equityWad);
        BREAKER.check(action, h.items, 2 * missingWad);
    }

    function _slice(uint64 account, Auction memory a, Health memory h, uint256 maxFractionWad)
        private
        view
        returns (AuctionCurve.Slice memory s, uint256 shareWad, uint256 taxWad)
    {
        if (block.timestamp > _ranOutAt(a)) revert RanOut(account, _ranOutAt(a));
        Params memory p = _params;

        AuctionCurve.Terms memory t;
        t.equityWad = h.margin.equityWad;
        t.maintenanceWad = h.margin.maintenanceWad;
        t.discountWad = _discountWad(a, p);
        t.targetWad = p.targetBps * (WAD / BPS);
        t.dustWad = p.dustWad;
        t.maxFractionWad = maxFractionWad;
        t.insured = a.insured || t.equityWad <= 0;
        t.hasLegs = h.legs != 0;
        if (t.insured) t.capacityWad = INSURANCE.capacity(a.market);
        t.depthWad = _depthWad(account, h, t, uint256(a.startedAt) + p.solventSeconds);

        s = AuctionCurve.slice(t);
        // Of what the account itself pays; up, so the taker may lose the wei.
        if (s.discountWad > s.insuranceWad) shareWad = (s.discountWad - s.insuranceWad).mulDivUp(p.fundShareBps, BPS);
        uint256 tip = FixedPointMathLib.zeroFloorSub(tx.gasprice, block.basefee);
        if (tip == 0 || p.taxBps == 0) return (s, shareWad, 0);
        uint256 wantedWad = _gasWad(tip, h, p.rewardGas, p.rewardItemGas).mulDivDown(p.taxBps, BPS);
        (taxWad, shareWad) = AuctionCurve.tax(s, shareWad, wantedWad, p.fundShareBps);
    }

    /// @dev Fraction that depth lets through: all of it from `freeAt` on, or once the fund may be asked.
    function _depthWad(uint64 account, Health memory h, AuctionCurve.Terms memory t, uint256 freeAt)
        private
        view
        returns (uint256 depthWad)
    {
        if (t.insured || block.timestamp >= freeAt) return WAD;
        depthWad = THROTTLE.fractionOf(h.items);
        if (depthWad == 0 && t.maintenanceWad >= t.dustWad) revert Throttled(account, freeAt);
    }

    /// @dev Gas in the settlement token, at so many wei each. Down: who starts, or the account, may lose the wei. Whatever the
    /// grade of its price: it moves rewards and taxes alone, and they are bounded.
    function _gasWad(uint256 weiEach, Health memory h, uint256 baseGas, uint256 itemGas)
        private
        view
        returns (uint256)
    {
        uint256 gas = baseGas + itemGas * (h.legs + h.holdings);
        return (weiEach * gas).mulWadDown(ORACLE.spotOf(GAS_UNDERLYING));
    }

    function _checkTaker(uint64 taker) private view {
        Health memory h = LEDGER.healthOf(taker);
        int256 spareWad = h.margin.equityWad - int256(h.margin.initialWad);
        if (spareWad < 0) revert TakerBelowInitialMargin(taker, h.margin.equityWad, h.margin.initialWad);
        // What he holds counts towards his margin: its prices must be usable, or too light to matter to it.
        BREAKER.check(Action.Take, h.items, 2 * uint256(spareWad));
    }

    /// @dev Time in which nobody could take doesn't count: the clock begins anew when it was allowed again, so that bidders,
    /// not the pause, find the price.
    function _skipPause(Auction memory a, Health memory h) private view {
        uint40 reopenedAt = uint40(BREAKER.reopenedAt(h.items));
        if (reopenedAt > a.startedAt) a.startedAt = reopenedAt;
        if (reopenedAt > a.restartedAt) a.restartedAt = reopenedAt;
    }

    function _discountWad(Auction memory a, Params memory p) private view returns (uint256) {
        uint256 progressWad =
            AuctionCurve.progressWad(FixedPointMathLib.zeroFloorSub(block.timestamp, a.restartedAt), p.rampSeconds);
        return AuctionCurve.discountWad(progressWad, p.startBps, p.endBps);
    }

    /// @dev Last second of the run.
    function _ranOutAt(Auction memory a) private view returns (uint256) {
        return uint256(a.restartedAt) + _params.runSeconds;
    }

    function _healthy(Health memory h) private pure returns (bool) {
        return h.margin.equityWad >= int256(h.margin.maintenanceWad);
    }

    /// @dev Is it worth asking the ledger whether the slice restored health? The ledger has the last word.
    function _healedBy(AuctionCurve.Slice memory s, Health memory h) private pure returns (bool) {
        if (s.fractionWad == WAD) return true;
        int256 leftWad = h.margin.equityWad + int256(s.insuranceWad) - int256(s.discountWad);
        return leftWad >= int256(h.margin.maintenanceWad.mulWadDown(WAD - s.fractionWad));
    }

    function _checkAtMost(uint256 value, uint256 bound) private pure {
        if (value > bound) revert BadParams(value, bound);
    }
}
