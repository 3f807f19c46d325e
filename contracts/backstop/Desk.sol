// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IERC1271 } from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { Arrivals } from "contracts/backstop/Arrivals.sol";
import { BackstopCurve } from "contracts/backstop/BackstopCurve.sol";
import { Exposure } from "contracts/backstop/Exposure.sol";
import { FixedPoint } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { IDesk } from "interfaces/IDesk.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { ITranche } from "interfaces/ITranche.sol";
import { IVault } from "interfaces/IVault.sol";
import { IVenue } from "interfaces/IVenue.sol";
import { Action, Grade, Health, Mode, Price } from "interfaces/Types.sol";

/// @notice What a tranche and its desk stand on.
struct Parts {
    ILedger ledger;
    ILiquidation liquidation;
    IVenue venue;
    IOracle oracle;
    IBreaker breaker;
    IVault vault; // of the settlement token
    uint16 market; // underlying
    uint16 gasUnderlying; // whose price is the price of gas
}

/// @notice Takes over for one tranche, which deploys it.
contract Desk is IDesk, ReentrancyGuardTransient {
    using FixedPoint for uint256;
    using FixedPoint for int256;
    using SafeERC20 for IERC20;

    ILedger public immutable LEDGER;
    ILiquidation public immutable LIQUIDATION;
    IVenue public immutable VENUE;
    IOracle public immutable ORACLE;
    IBreaker public immutable BREAKER;
    IVault public immutable VAULT;
    IPositions public immutable POSITIONS;
    uint16 public immutable MARKET;
    uint16 public immutable GAS_UNDERLYING;
    uint256 public immutable UNIT_WAD; // [wad] one smallest unit of the settlement token
    /// @inheritdoc IDesk
    ITranche public immutable TRANCHE;
    /// @inheritdoc IDesk
    uint64 public immutable RISK;

    /// @inheritdoc IDesk
    uint40 public tookAt;

    constructor(Parts memory parts, uint256 unitWad) {
        (LEDGER, LIQUIDATION, VENUE) = (parts.ledger, parts.liquidation, parts.venue);
        (ORACLE, BREAKER, VAULT) = (parts.oracle, parts.breaker, parts.vault);
        (MARKET, GAS_UNDERLYING, UNIT_WAD) = (parts.market, parts.gasUnderlying, unitWad);
        POSITIONS = parts.ledger.POSITIONS();
        TRANCHE = ITranche(msg.sender);
        RISK = parts.ledger.open(Mode.Cross);
        parts.ledger.setOperator(msg.sender, true); // fetches the cash when the epoch has ended
        // The vault takes for the ledger alone, and the ledger from its caller alone.
        IERC20(parts.vault.token()).forceApprove(address(parts.vault), type(uint256).max);
    }

    /// @inheritdoc IDesk
    function takeOver(uint64 account) external nonReentrant returns (uint256 fractionWad, uint256 gainWad) {
        ITranche.Params memory p = TRANCHE.begin();
        Health memory h = LEDGER.healthOf(account);
        _checkAuction(account, h, p.waitSeconds);
        BREAKER.check(Action.Increase, h.items, 0);

        uint256 mostWad = _mostWad(Exposure.ofAccount(LEDGER, ORACLE, account, h), p.leverageBps);
        (fractionWad,, gainWad) = LIQUIDATION.quote(account, mostWad);
        uint256 leastWad = BackstopCurve.leastGainWad(h.margin.maintenanceWad, fractionWad, p.minDiscountBps);
        if (gainWad < leastWad) revert DiscountBelowMinimum(gainWad, leastWad);

        tookAt = uint40(block.timestamp);
        LIQUIDATION.take(ILiquidation.Bid(account, RISK, mostWad, 0, type(int256).max, leastWad, address(0), ""));
        uint256 rewardAmount = _payReward(gainWad, p);

        emit TakenOver(account, fractionWad, gainWad, rewardAmount, msg.sender);
    }

    /// @inheritdoc IDesk
    function sellCollateral(uint16 asset, uint256 amount, uint256 mostAmount, address to)
        external
        nonReentrant
        returns (uint256 paidAmount)
    {
        if (amount == 0) revert ZeroAmount();
        uint256 held = LEDGER.balanceOf(RISK, asset); // nothing of the settlement token: that is cash
        if (amount > held) revert NotHeld(asset, held, amount);
        ILedger.Asset memory listed = LEDGER.assetOf(asset);
        Price memory price = ORACLE.priceOf(listed.underlying);
        if (price.grade > Grade.Slow) revert PriceNotUsable(listed.underlying);

        // Up: the buyer may lose the unit.
        uint256 priceWad = BackstopCurve.sellPriceWad(price.spotWad, concessionWad());
        paidAmount = (amount * listed.unit).mulWadUp(priceWad).mulDivUp(1, UNIT_WAD);
        if (paidAmount > mostAmount) revert TooDear(paidAmount, mostAmount);
        Arrivals.receiveFrom(msg.sender, LEDGER, VAULT, RISK, paidAmount);
        LEDGER.withdraw(RISK, asset, amount, to);

        emit CollateralSold(asset, amount, paidAmount, msg.sender);
    }

    /// @inheritdoc IDesk
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        IVenue.Order memory order = abi.decode(signature, (IVenue.Order));
        bool valid = hash == VENUE.hashOf(order) && _unwinds(order);
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @inheritdoc IDesk
    function concessionWad() public view returns (uint256) {
        ITranche.Params memory p = TRANCHE.params();
        return BackstopCurve.concessionWad(block.timestamp - tookAt, p.concessionBps, p.unwindSeconds);
    }

    /// @dev Of this market, and unsold: the ramp and the wait are over, counted as the auction counts.
    function _checkAuction(uint64 account, Health memory h, uint256 waitSeconds) private view {
        ILiquidation.Auction memory a = LIQUIDATION.auctionOf(account);
        if (a.startedAt == 0) revert ILiquidation.NotInAuction(account);
        if (a.market != MARKET) revert WrongMarket(account, a.market);
        uint256 opensAt = FixedPointMathLib.max(a.restartedAt, BREAKER.reopenedAt(h.items))
            + LIQUIDATION.params().rampSeconds + waitSeconds;
        if (block.timestamp < opensAt) revert TooEarly(account, opensAt);
    }

    /// @dev RISK's prices must be usable, too: its equity decides how much it may take over.
    function _mostWad(uint256 exposureWad, uint256 leverageBps) private view returns (uint256 mostWad) {
        Health memory own = LEDGER.healthOf(RISK);
        BREAKER.check(Action.Increase, own.items, 0);
        uint256 ownWad = Exposure.ofAccount(LEDGER, ORACLE, RISK, own);
        mostWad = BackstopCurve.fractionWad(own.margin.equityWad, ownWad, exposureWad, leverageBps);
        if (mostWad == 0) revert NoRoom(own.margin.equityWad, ownWad);
    }

    /// @dev Whatever the grade of the gas price: it moves the reward alone, and that is capped. Down: the caller may lose
    /// the unit.
    function _payReward(uint256 gainWad, ITranche.Params memory p) private returns (uint256 amount) {
        uint256 costWad = (block.basefee * p.rewardGas).mulWadDown(ORACLE.spotOf(GAS_UNDERLYING));
        amount = BackstopCurve.rewardWad(costWad, gainWad, p.rewardCapBps) / UNIT_WAD;
        int256 cashWad = LEDGER.cashOf(RISK);
        uint256 mostAmount = cashWad > 0 ? uint256(cashWad) / UNIT_WAD : 0;
        amount = FixedPointMathLib.min(amount, FixedPointMathLib.min(mostAmount, VAULT.held()));
        if (amount == 0) return 0;
        try LEDGER.withdraw(RISK, 0, amount, msg.sender) { }
        catch {
            return 0; // withdrawals wait: a takeover doesn't
        }
    }

    function _unwinds(IVenue.Order memory order) private view returns (bool) {
        if (order.account != RISK || order.signer != address(this) || !order.reduceOnly) return false;
        if (block.timestamp > order.expiresAt) return false;
        (int256 sizeWad,) = POSITIONS.positionOf(RISK, order.instrument);
        if (sizeWad > 0 ? order.sizeWad >= 0 : sizeWad == 0 || order.sizeWad <= 0) return false;
        if (order.sizeWad.abs() > sizeWad.abs()) return false;
        if (ORACLE.priceOf(order.instrument.underlyingOf()).grade > Grade.Slow) return false;

        uint256 markWad = LEDGER.RISK().markOf(order.instrument);
        return sizeWad > 0
            ? order.limitPriceWad >= BackstopCurve.sellPriceWad(markWad, concessionWad())
            : order.limitPriceWad <= BackstopCurve.buyPriceWad(markWad, concessionWad());
    }
}
