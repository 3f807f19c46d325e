// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import { BPS, FixedPoint } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { IInsurance } from "interfaces/IInsurance.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { ILens } from "interfaces/ILens.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { IThrottle } from "interfaces/IThrottle.sol";
import { IVault } from "interfaces/IVault.sol";
import { Health, InstrumentId, Kind, Mode, instrumentId } from "interfaces/Types.sol";

/// @notice Views only; for callers off the chain, so it spends gas where that makes it simpler.
contract Lens is ILens {
    using FixedPoint for uint256;
    using FixedPoint for int256;

    /// @notice Gas with which the fullest account there can be is looked at, and the answer given, with plenty to spare.
    uint256 public constant SPARE_GAS = 1_500_000;

    ILedger public immutable ledger;
    IPositions public immutable positions;
    IOracle public immutable oracle;
    IRisk public immutable risk;
    IBreaker public immutable breaker;
    ILiquidation public immutable liquidation;
    IInsurance public immutable insurance;
    IThrottle public immutable throttle;

    constructor(
        ILedger ledger_,
        IOracle oracle_,
        IRisk risk_,
        IBreaker breaker_,
        ILiquidation liquidation_,
        IInsurance insurance_
    ) {
        ledger = ledger_;
        positions = ledger_.POSITIONS();
        oracle = oracle_;
        risk = risk_;
        breaker = breaker_;
        liquidation = liquidation_;
        insurance = insurance_;
        throttle = liquidation_.THROTTLE();
    }

    /// @inheritdoc ILens
    function look(uint64[] calldata accounts)
        external
        view
        returns (SystemView memory, MarketView[] memory, SeriesView[] memory, AccountView[] memory)
    {
        return (system(), markets(), series(), accountsOf(accounts));
    }

    /// @inheritdoc ILens
    function accountsOf(uint64[] calldata accounts) public view returns (AccountView[] memory views) {
        views = new AccountView[](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            _readAccount(accounts[i], views[i]);
        }
    }

    /// @inheritdoc ILens
    function atRisk(uint64 from, uint64 count, uint32 thresholdBps)
        external
        view
        returns (uint256[] memory found, uint64 next)
    {
        uint256 end;
        (next, end) = _page(from, count);
        uint256[4] memory answer;
        found = new uint256[](0); // the last thing in memory, so it can grow
        for (; next < end && gasleft() >= SPARE_GAS; ++next) {
            uint256 word = _riskOf(next, thresholdBps, answer);
            if (word != 0) _append(found, word);
        }

        if (next > ledger.accounts()) next = 0;
    }

    /// @inheritdoc ILens
    function holdersOf(uint64 from, uint64 count, InstrumentId instrument)
        external
        view
        returns (uint64[] memory found, uint64 next)
    {
        uint256 end;
        (next, end) = _page(from, count);
        found = new uint64[](end > next ? end - next : 0);
        uint256 holders;
        for (; next < end && gasleft() >= SPARE_GAS; ++next) {
            if (positions.rawPositionOf(next, instrument).baseWad != 0) found[holders++] = next;
        }
        assembly ("memory-safe") {
            mstore(found, holders)
        }

        if (next > ledger.accounts()) next = 0;
    }

    /// @dev The accounts of a page: from `first` to before `end`.
    function _page(uint64 from, uint64 count) private view returns (uint64 first, uint256 end) {
        uint256 last = ledger.accounts();
        first = from == 0 ? 1 : from;
        end = uint256(first) + count;
        if (end > last + 1) end = last + 1;
    }

    /// @inheritdoc ILens
    function markets() public view returns (MarketView[] memory views) {
        InstrumentId[] memory listed = positions.instruments();
        views = new MarketView[](listed.length - 1); // index 0 of the list is unused
        for (uint256 i; i < views.length; ++i) {
            _readMarket(listed[i + 1], views[i]);
        }
    }

    /// @inheritdoc ILens
    function series() public view returns (SeriesView[] memory views) {
        InstrumentId[] memory listed = positions.series();
        views = new SeriesView[](listed.length);
        uint256 count;
        for (uint256 i; i < listed.length; ++i) {
            SeriesView memory v = views[count];
            (v.long, v.short, v.interest) = positions.marketOf(listed[i]);
            if (_isGone(v)) continue;
            _readSeries(listed[i], v);
            ++count;
        }
        assembly ("memory-safe") {
            mstore(views, count)
        }
    }

    /// @inheritdoc ILens
    function system() public view returns (SystemView memory v) {
        v.chainId = block.chainid;
        v.blockNumber = block.number;
        v.time = block.timestamp;
        v.baseFee = block.basefee;

        v.accounts = ledger.accounts();
        v.pool = ledger.pool();
        v.assets = new AssetView[](ledger.assets());
        for (uint16 asset; asset < v.assets.length; ++asset) {
            _readAsset(asset, v.assets[asset]);
        }
        v.restriction = _restriction(0);
        v.gatedUntil = breaker.gatedUntil();
        v.gateReadyAt = breaker.gateReadyAt();

        v.fundAccount = insurance.FUND();
        v.feesAccount = insurance.FEES();
        v.treasuryAccount = insurance.TREASURY();
        v.fundWad = ledger.cashOf(v.fundAccount);
        v.feesWad = ledger.cashOf(v.feesAccount);
        v.treasuryWad = ledger.cashOf(v.treasuryAccount);
        v.fundShareWad = insurance.shareWad();
        v.fund = insurance.state();
        v.stakedWad = insurance.worthOf(v.fund.stakedShares);
    }

    /// @dev What can fail (an overflow at an absurd price, say) is tried, so that the others can still be read.
    function _readAccount(uint64 account, AccountView memory v) private view {
        v.account = account;
        v.mode = ledger.modeOf(account);
        if (v.mode == Mode.None) return;

        v.owner = ledger.ownerOf(account);
        v.cashWad = ledger.cashOf(account);
        InstrumentId[] memory legs = positions.instrumentsOf(account);
        v.positions = new PositionView[](legs.length);
        for (uint256 i; i < legs.length; ++i) {
            _readPosition(account, legs[i], v.positions[i]);
        }
        uint16[] memory assets = ledger.assetsOf(account);
        v.holdings = new HoldingView[](assets.length);
        for (uint256 i; i < assets.length; ++i) {
            v.holdings[i] = HoldingView(assets[i], ledger.balanceOf(account, assets[i]));
        }

        try ledger.healthOf(account) returns (Health memory health) {
            v.health = health;
            v.assessed = true;
        } catch { } // stays unassessed

        v.auction = liquidation.auctionOf(account);
        // The discount is asked of the assessed alone: it depends on what they hold.
        if (v.assessed && v.auction.startedAt != 0) v.discountWad = liquidation.discountOf(account);
    }

    /// @dev As `atRisk` has it; zero where there is nothing to do.
    function _riskOf(uint64 account, uint32 thresholdBps, uint256[4] memory answer)
        private
        view
        returns (uint256 word)
    {
        // A struct's place, then its first members: equity, IM, MM.
        bool assessed = _ask(address(ledger), ILedger.healthOf.selector, account, answer, 4);
        int64 healthBps = assessed ? _healthBps(int256(answer[1]), answer[3]) : int64(0);
        bool inAuction =
            _ask(address(liquidation), ILiquidation.auctionOf.selector, account, answer, 1) && answer[0] != 0;
        if (assessed && !inAuction && healthBps >= int64(uint64(thresholdBps))) return 0;

        word = uint256(account) << 192 | uint64(healthBps);
        if (inAuction) word |= 1 << 64;
        if (!assessed) word |= 1 << 65;
    }

    /// @dev Down: who is below a threshold is listed below it.
    function _healthBps(int256 equityWad, uint256 maintenanceWad) private pure returns (int64) {
        if (maintenanceWad == 0) return equityWad < 0 ? type(int64).min : type(int64).max;

        int256 bps = equityWad.mulDivFloor(BPS, maintenanceWad);
        if (bps < type(int64).min) return type(int64).min;
        return bps > type(int64).max ? type(int64).max : int64(bps);
    }

    /// @dev Asks about an account and keeps the first words of the answer: memory is the same, however many are asked about.
    /// Whoever has the gas for the fullest account isn't refused for want of it.
    function _ask(address target, bytes4 question, uint64 account, uint256[4] memory answer, uint256 words)
        private
        view
        returns (bool answered)
    {
        assembly ("memory-safe") {
            mstore(0, question)
            mstore(4, account)
            answered := staticcall(gas(), target, 0, 36, answer, shl(5, words))
            answered := and(answered, iszero(lt(returndatasize(), shl(5, words))))
        }
    }

    /// @dev Nothing may have been put into memory behind `list`.
    function _append(uint256[] memory list, uint256 word) private pure {
        assembly ("memory-safe") {
            let length := add(mload(list), 1)
            let place := add(list, shl(5, length))
            mstore(list, length)
            mstore(place, word)
            mstore(0x40, add(place, 32))
        }
    }

    function _readPosition(uint64 account, InstrumentId instrument, PositionView memory v) private view {
        v.instrument = instrument;
        v.stored = positions.rawPositionOf(account, instrument);
        try positions.positionOf(account, instrument) returns (int256 sizeWad, int256 quoteWad) {
            v.sizeWad = sizeWad;
            v.quoteWad = quoteWad;
        } catch { } // then the account can't be assessed either
        v.markWad = _markOf(instrument);
    }

    /// @dev Settled, and nobody has a part of it to pick up. Once an epoch has ended that can't be told by the bases: they
    /// were folded, to nothing perhaps, while positions of the old epoch wait for whoever touches them.
    function _isGone(SeriesView memory v) private pure returns (bool) {
        bool held = v.interest.longBaseWad != 0 || v.interest.shortBaseWad != 0;
        return v.interest.settled && !held && v.long.epoch == 0 && v.short.epoch == 0;
    }

    /// @dev Of a series that is settled nothing is left that could be worth something. Zero where there is no price.
    function _markOf(InstrumentId instrument) private view returns (uint256 markWad) {
        (,, IPositions.Interest memory interest) = positions.marketOf(instrument);
        if (interest.settled) return 0;
        try risk.markOf(instrument) returns (uint256 mark) {
            markWad = mark;
        } catch { }
    }

    function _readMarket(InstrumentId instrument, MarketView memory v) private view {
        uint16 underlying = instrument.underlyingOf();
        v.instrument = instrument;
        (v.long, v.short, v.interest) = positions.marketOf(instrument);
        v.longOpenWad = uint256(v.interest.longBaseWad).mulWadDown(v.long.scaleWad);
        v.shortOpenWad = uint256(v.interest.shortBaseWad).mulWadDown(v.short.scaleWad);
        v.price = oracle.priceOf(underlying);
        v.priceUpdatedAt = oracle.updatedAtOf(underlying);
        v.restriction = _restriction(underlying);
        v.params = risk.instrumentParams(instrument);
        v.insuranceCapacityWad = insurance.capacity(underlying);
        v.insuranceDrawnWad = insurance.drawnOf(underlying);
        v.insuranceCapWad = insurance.capOf(underlying);
        (v.depthWad, v.depthSeconds) = throttle.depthOf(underlying);
        if (v.depthWad != 0) v.depthFreeWad = throttle.freeOf(underlying);
        v.optionParams = risk.instrumentParams(instrumentId(Kind.Call, underlying, 0, 0));
        v.tally = positions.tallyOf(underlying);
    }

    /// @dev Sides and interest are there already.
    function _readSeries(InstrumentId instrument, SeriesView memory v) private view {
        v.instrument = instrument;
        v.longOpenWad = uint256(v.interest.longBaseWad).mulWadDown(v.long.scaleWad);
        v.shortOpenWad = uint256(v.interest.shortBaseWad).mulWadDown(v.short.scaleWad);
        v.markWad = _markOf(instrument);
        uint256 expiryAt = instrument.expiryOf();
        if (!v.interest.settled && expiryAt <= block.timestamp) {
            v.coveredAt = oracle.coverOf(instrument.underlyingOf(), expiryAt);
        }
    }

    function _readAsset(uint16 asset, AssetView memory v) private view {
        ILedger.Asset memory listed = ledger.assetOf(asset);
        IVault vault = IVault(listed.vault);
        v.asset = asset;
        v.token = vault.token();
        v.vault = listed.vault;
        v.underlying = listed.underlying;
        v.unitWad = listed.unit;
        v.held = vault.held();
        v.balance = IERC20(v.token).balanceOf(listed.vault);
        v.cap = vault.cap();
        (v.outflow, v.outflowCapacity) = vault.outflow();
        if (asset == 0) return; // cash: no haircut, no price

        v.params = risk.assetParams(asset);
        v.price = oracle.priceOf(listed.underlying);
    }

    function _restriction(uint16 underlying) private view returns (RestrictionView memory v) {
        (v.level, v.until, v.graceUntil) = breaker.stateOf(underlying);
    }
}
