// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPortfolio } from "interfaces/IPortfolio.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { IShiftedSurface } from "interfaces/IShiftedSurface.sol";
import { IWhatIf } from "interfaces/IWhatIf.sol";
import { Book, Holding, InstrumentId, Kind, Leg, Margin, Mode, Price } from "interfaces/Types.sol";

/// @notice Reads books, changes them in memory, and has the risk contract judge them.
/// @dev What volatilities would do it can't be asked, so a portfolio model of our own, which reads `SHIFTED`, answers for Portfolio;
/// in the other modes they move values, and of margins those that are a share of a long option's value:
///
///     health line       E − MM = gap + (S' − S)·D                    of perpetuals and collateral on one underlying, spot S
///                       D = Σ size − Σ |size|·mm + Σ amount·(1 − mh)
///     its root          S' = S − gap/D                               below the spot where D > 0, above it where D < 0
contract WhatIf is IWhatIf {
    using FixedPoint for int256;
    using FixedPoint for uint256;

    /// @dev A book, and what the margin model of its mode needs beside it.
    struct Case {
        Mode mode;
        Book book;
        uint16[] underlyings; // of the holdings
    }

    int256 public constant MIN_SHIFT_BPS = -9_000; // a price; of volatilities as `SHIFTED` has it
    int256 public constant MAX_SHIFT_BPS = 90_000;
    uint256 public constant PLACES = 16;
    uint256 public constant HALVINGS = 32;

    ILedger public immutable LEDGER;
    IPositions public immutable POSITIONS;
    IOracle public immutable ORACLE;
    IRisk public immutable RISK;
    IShiftedSurface public immutable SHIFTED;
    IPortfolio public immutable PORTFOLIO; // reads SHIFTED

    constructor(ILedger ledger, IOracle oracle, IRisk risk, IShiftedSurface shifted, IPortfolio portfolio) {
        (LEDGER, POSITIONS) = (ledger, ledger.POSITIONS());
        (ORACLE, RISK) = (oracle, risk);
        (SHIFTED, PORTFOLIO) = (shifted, portfolio);
    }

    /// @inheritdoc IWhatIf
    function ask(bytes[] calldata questions) external returns (Answer[] memory answers) {
        answers = new Answer[](questions.length);
        for (uint256 i; i < questions.length; ++i) {
            (answers[i].answered, answers[i].data) = address(this).call(questions[i]);
        }
    }

    // --- Greeks ---

    /// @inheritdoc IWhatIf
    function greeksOf(uint64 account) external view returns (Greeks[] memory found) {
        Case memory c = _caseOf(account, 0);
        uint16[] memory underlyings = _underlyingsOf(c);
        found = new Greeks[](underlyings.length);
        for (uint256 i; i < found.length; ++i) {
            Greeks memory g = found[i];
            g.underlying = underlyings[i];
            for (uint256 j; j < c.book.legs.length; ++j) {
                Leg memory leg = c.book.legs[j];
                if (leg.instrument.underlyingOf() == g.underlying) _addGreeks(g, leg);
            }
            for (uint256 j; j < c.underlyings.length; ++j) {
                if (c.underlyings[j] == g.underlying) g.deltaWad += int256(c.book.holdings[j].amountWad);
            }
        }
    }

    function _addGreeks(Greeks memory g, Leg memory leg) private view {
        int256 sizeWad = leg.sizeWad;
        if (leg.instrument.kindOf() == Kind.Perpetual) {
            g.deltaWad += sizeWad;
            return;
        }
        IShiftedSurface.Unit memory unit = SHIFTED.unitOf(leg.instrument, leg.markWad, 0);
        g.deltaWad += _mulFloor(sizeWad, unit.deltaWad);
        g.gammaWad += sizeWad.mulDivFloor(unit.gammaWad, WAD);
        g.vegaWad += sizeWad.mulDivFloor(unit.vegaWad, WAD);
        g.thetaWad += (-sizeWad).mulDivFloor(unit.thetaWad, 365 * WAD);
    }

    function _mulFloor(int256 x, int256 y) private pure returns (int256) {
        return y < 0 ? (-x).mulDivFloor(uint256(-y), WAD) : x.mulDivFloor(uint256(y), WAD);
    }

    // --- Margin ---

    /// @inheritdoc IWhatIf
    function marginOf(Question calldata q) external returns (Margin memory) {
        bool within = q.priceShiftBps >= MIN_SHIFT_BPS && q.priceShiftBps <= MAX_SHIFT_BPS;
        if (!within) revert ShiftOutOfRange(q.priceShiftBps, MIN_SHIFT_BPS, MAX_SHIFT_BPS);
        SHIFTED.shift(q.volShiftBps);

        Case memory c = _caseOf(q.account, q.trades.length);
        for (uint256 i; i < q.trades.length; ++i) {
            _trade(c.book, q.account, q.trades[i]);
        }
        _move(c, q.underlying, 0, uint256(int256(BPS) + q.priceShiftBps));
        return q.volShiftBps == 0 ? _assess(c) : _shifted(c, q.volShiftBps);
    }

    /// @dev Into the leg that there is, or one more. What closes a leg stays in it as its quote.
    function _trade(Book memory book, uint64 account, Trade calldata t) private view {
        Leg[] memory legs = book.legs;
        uint256 place;
        while (place < legs.length && !legs[place].instrument.same(t.instrument)) ++place;
        if (place == legs.length) {
            assembly ("memory-safe") {
                mstore(legs, add(place, 1)) // there is room
            }
            legs[place] = _legOf(account, t.instrument);
        }
        Leg memory leg = legs[place];
        uint256 paidWad = t.sizeWad.abs().mulWadUp(t.priceWad);
        leg.sizeWad += t.sizeWad;
        leg.quoteWad += t.sizeWad < 0 ? int256(paidWad) : -int256(paidWad);
        leg.openInterestWad = _openInterestOf(t.instrument, leg.sizeWad > 0);
    }

    /// @dev Prices of an underlying, or of all: a price, and a factor times what they were. Down, a wei each.
    function _move(Case memory c, uint16 underlying, uint256 priceWad, uint256 factorBps) private pure {
        for (uint256 i; i < c.book.legs.length; ++i) {
            Leg memory leg = c.book.legs[i];
            if (underlying != 0 && leg.instrument.underlyingOf() != underlying) continue;
            leg.markWad = priceWad + leg.markWad.mulDivDown(factorBps, BPS);
            leg.emaWad = priceWad + leg.emaWad.mulDivDown(factorBps, BPS);
        }
        for (uint256 i; i < c.underlyings.length; ++i) {
            Holding memory holding = c.book.holdings[i];
            if (underlying != 0 && c.underlyings[i] != underlying) continue;
            holding.priceWad = priceWad + holding.priceWad.mulDivDown(factorBps, BPS);
            holding.emaWad = priceWad + holding.emaWad.mulDivDown(factorBps, BPS);
        }
    }

    /// @dev The margin at volatilities that are shifted.
    function _shifted(Case memory c, int256 volShiftBps) private view returns (Margin memory m) {
        if (c.mode == Mode.Portfolio) {
            IRisk.AssetParams[] memory haircuts = new IRisk.AssetParams[](c.book.holdings.length);
            for (uint256 i; i < haircuts.length; ++i) {
                haircuts[i] = RISK.assetParams(c.book.holdings[i].asset);
            }
            return PORTFOLIO.assess(c.book, haircuts, RISK.diversifies(c.book));
        }
        m = _assess(c);
        for (uint256 i; i < c.book.legs.length; ++i) {
            Leg memory leg = c.book.legs[i];
            if (leg.instrument.kindOf() != Kind.Perpetual) _revalue(m, leg, volShiftBps);
        }
    }

    /// @dev What a leg is worth at the surface, and at the shifted one: the difference. Rounded as the model does it.
    function _revalue(Margin memory m, Leg memory leg, int256 volShiftBps) private view {
        uint256 sizeWad = leg.sizeWad.abs();
        uint256 unitWad = SHIFTED.unitOf(leg.instrument, leg.markWad, 0).valueWad;
        uint256 shiftedWad = SHIFTED.unitOf(leg.instrument, leg.markWad, volShiftBps).valueWad;
        if (leg.sizeWad < 0) {
            m.equityWad += int256(sizeWad.mulWadUp(unitWad)) - int256(sizeWad.mulWadUp(shiftedWad));
            return;
        }
        uint256 rateBps = RISK.LONG_MAINTENANCE_BPS();
        (uint256 valueWad, uint256 nextWad) = (sizeWad.mulWadDown(unitWad), sizeWad.mulWadDown(shiftedWad));
        m.equityWad = m.equityWad + int256(nextWad) - int256(valueWad);
        m.initialWad = m.initialWad + nextWad - valueWad;
        m.maintenanceWad = m.maintenanceWad + nextWad.mulDivUp(rateBps, BPS) - valueWad.mulDivUp(rateBps, BPS);
    }

    // --- Liquidation prices ---

    /// @inheritdoc IWhatIf
    function liquidationPricesOf(uint64 account) external view returns (LiquidationPrice[] memory found) {
        Case memory c = _caseOf(account, 0);
        uint16[] memory underlyings = _underlyingsOf(c);
        found = new LiquidationPrice[](underlyings.length);
        int256 gapWad = _gapWad(c);
        for (uint256 i; i < found.length; ++i) {
            uint16 underlying = underlyings[i];
            uint256 spotWad = ORACLE.priceOf(underlying).spotWad;
            LiquidationPrice memory p = found[i];
            (p.underlying, p.belowWad, p.aboveWad) = (underlying, 0, type(uint256).max);
            if (gapWad < 0) {
                (p.belowWad, p.aboveWad) = (spotWad, spotWad);
            } else if (_isLine(c, underlying)) {
                _solve(p, spotWad, gapWad, _slope(c, underlying));
            } else {
                Case memory moved = _caseOf(account, 0);
                p.belowWad = _nearest(moved, underlying, spotWad, false);
                p.aboveWad = _nearest(moved, underlying, spotWad, true);
            }
        }
    }

    /// @dev Whether health is a straight line of the price: no options, and no grid.
    function _isLine(Case memory c, uint16 underlying) private pure returns (bool) {
        if (c.mode == Mode.Portfolio) return false;
        for (uint256 i; i < c.book.legs.length; ++i) {
            Leg memory leg = c.book.legs[i];
            bool bends = leg.instrument.kindOf() != Kind.Perpetual && leg.sizeWad != 0;
            if (bends && leg.instrument.underlyingOf() == underlying) return false;
        }
        return true;
    }

    /// @dev D [wad·bps], exact.
    function _slope(Case memory c, uint16 underlying) private view returns (int256 sum) {
        for (uint256 i; i < c.book.legs.length; ++i) {
            Leg memory leg = c.book.legs[i];
            if (leg.instrument.underlyingOf() != underlying) continue;
            uint256 needed = leg.sizeWad.abs() * RISK.instrumentParams(leg.instrument).maintenanceBps;
            sum += leg.sizeWad * int256(BPS) - int256(needed);
        }
        for (uint256 i; i < c.underlyings.length; ++i) {
            if (c.underlyings[i] != underlying) continue;
            Holding memory holding = c.book.holdings[i];
            sum += int256(holding.amountWad * (BPS - RISK.assetParams(holding.asset).maintenanceHaircutBps));
        }
    }

    function _solve(LiquidationPrice memory p, uint256 spotWad, int256 gapWad, int256 slope) private pure {
        if (slope == 0) return;
        uint256 wayWad = uint256(gapWad).mulDivDown(WAD * BPS, slope.abs());
        if (slope < 0) p.aboveWad = spotWad + wayWad;
        else if (wayWad < spotWad) p.belowWad = spotWad - wayWad;
    }

    /// @dev Places in turn until one is unhealthy, then halves of what lies between it and the last healthy one, whose end is told.
    /// Prices of the case are left as they fell.
    function _nearest(Case memory c, uint16 underlying, uint256 spotWad, bool up)
        private
        view
        returns (uint256 healthyWad)
    {
        healthyWad = spotWad;
        uint256 unhealthyWad;
        bool found;
        (uint256 left, uint256 halvings) = (PLACES, HALVINGS);
        while (halvings != 0) {
            uint256 priceWad = (healthyWad + unhealthyWad) / 2;
            if (found) --halvings;
            else if (--left == 0) return up ? type(uint256).max : 0;
            else priceWad = up ? spotWad.mulDivDown(PLACES, left) : spotWad.mulDivDown(left, PLACES);

            if (_gapAt(c, underlying, priceWad) < 0) (unhealthyWad, found) = (priceWad, true);
            else healthyWad = priceWad;
        }
    }

    /// @dev E − MM with one underlying at a price. What the slow price is doesn't matter to MM.
    function _gapAt(Case memory c, uint16 underlying, uint256 priceWad) private view returns (int256) {
        _move(c, underlying, priceWad, 0);
        return _gapWad(c);
    }

    function _gapWad(Case memory c) private view returns (int256) {
        Margin memory m = _assess(c);
        return m.equityWad - int256(m.maintenanceWad);
    }

    // --- Books ---

    function _assess(Case memory c) private view returns (Margin memory) {
        return RISK.assess(c.mode, c.book);
    }

    /// @dev As it stands, with room for that many more legs.
    function _caseOf(uint64 account, uint256 room) private view returns (Case memory c) {
        c.mode = LEDGER.modeOf(account);
        c.book.cashWad = LEDGER.cashOf(account);

        InstrumentId[] memory held = POSITIONS.instrumentsOf(account);
        Leg[] memory legs = new Leg[](held.length + room);
        for (uint256 i; i < held.length; ++i) {
            legs[i] = _legOf(account, held[i]);
        }
        assembly ("memory-safe") {
            mstore(legs, mload(held))
        }
        c.book.legs = legs;

        uint16[] memory assets = LEDGER.assetsOf(account);
        c.book.holdings = new Holding[](assets.length);
        c.underlyings = new uint16[](assets.length);
        for (uint256 i; i < assets.length; ++i) {
            ILedger.Asset memory listed = LEDGER.assetOf(assets[i]);
            Price memory price = ORACLE.priceOf(listed.underlying);
            uint256 amountWad = LEDGER.balanceOf(account, assets[i]) * listed.unit;
            c.book.holdings[i] = Holding(assets[i], amountWad, price.spotWad, price.emaWad, price.grade);
            c.underlyings[i] = listed.underlying;
        }
    }

    function _legOf(uint64 account, InstrumentId instrument) private view returns (Leg memory leg) {
        Price memory price = ORACLE.priceOf(instrument.underlyingOf());
        leg.instrument = instrument;
        (leg.sizeWad, leg.quoteWad) = POSITIONS.positionOf(account, instrument);
        (leg.markWad, leg.emaWad, leg.grade) = (price.spotWad, price.emaWad, price.grade);
        leg.openInterestWad = _openInterestOf(instrument, leg.sizeWad > 0);
    }

    /// @dev Of a side of the market; of an option, of all series of its underlying.
    function _openInterestOf(InstrumentId instrument, bool long) private view returns (uint256) {
        if (instrument.kindOf() != Kind.Perpetual) return POSITIONS.tallyOf(instrument.underlyingOf()).openInterestWad;
        (IPositions.Side memory longs, IPositions.Side memory shorts, IPositions.Interest memory interest) =
            POSITIONS.marketOf(instrument);
        return long
            ? uint256(interest.longBaseWad).mulWadUp(longs.scaleWad)
            : uint256(interest.shortBaseWad).mulWadUp(shorts.scaleWad);
    }

    /// @dev Each once, in the order in which they occur.
    function _underlyingsOf(Case memory c) private pure returns (uint16[] memory found) {
        uint256 legs = c.book.legs.length;
        found = new uint16[](legs + c.underlyings.length);
        uint256 count;
        for (uint256 i; i < found.length; ++i) {
            uint16 one = i < legs ? c.book.legs[i].instrument.underlyingOf() : c.underlyings[i - legs];
            uint256 place;
            while (place < count && found[place] != one) ++place;
            if (place == count) found[count++] = one;
        }
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }
}
