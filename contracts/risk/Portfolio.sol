// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { BPS } from "contracts/libraries/FixedPoint.sol";
import { Words } from "contracts/libraries/Words.sol";
import { PortfolioMargin } from "contracts/risk/PortfolioMargin.sol";
import { Scan } from "contracts/risk/Scan.sol";
import { OPTION_WORDS } from "contracts/risk/ScanQuote.sol";
import { IPortfolio } from "interfaces/IPortfolio.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { IScans, ScanWords } from "interfaces/IScans.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Book, Holding, Leg, Margin } from "interfaces/Types.sol";

/// @notice Hands a book, with parameters and smiles, to the portfolio model.
contract Portfolio is IPortfolio {
    using PortfolioMargin for PortfolioMargin.Sum;

    IScans public immutable SCANS;
    ISurface public immutable SURFACE;
    uint256 public immutable LEG_CAP; // bounds the gas of a check

    /// @dev The witness that names every cell. Were it a literal, the compiler would make a second model for it alone.
    uint256 private immutable _ALL;

    constructor(IScans scans, ISurface surface, uint256 legCap) {
        SCANS = scans;
        SURFACE = surface;
        LEG_CAP = legCap;
        _ALL = type(uint256).max;
    }

    /// @inheritdoc IPortfolio
    function assess(Book calldata book, IRisk.AssetParams[] calldata haircuts, bool offsets)
        external
        view
        returns (Margin memory)
    {
        return assessBy(book, haircuts, offsets, _ALL);
    }

    /// @inheritdoc IPortfolio
    function assessBy(Book calldata book, IRisk.AssetParams[] calldata haircuts, bool offsets, uint256 witness)
        public
        view
        returns (Margin memory m)
    {
        (Leg[] calldata legs, Holding[] calldata holdings) = (book.legs, book.holdings);
        if (legs.length > LEG_CAP) revert TooManyLegs(legs.length, LEG_CAP);
        if (haircuts.length != holdings.length) revert WrongHaircuts(haircuts.length, holdings.length);

        m.equityWad = book.cashWad;
        uint16[] memory netted = new uint16[](holdings.length);
        for (uint256 i; i < holdings.length; ++i) {
            netted[i] = SCANS.underlyingOf(holdings[i].asset);
            PortfolioMargin.addHolding(m, holdings[i], haircuts[i], netted[i] != 0);
        }

        (uint16[] memory underlyings, uint256 count) = PortfolioMargin.underlyingsOf(legs, netted);
        uint256 room = Words.alloc(OPTION_WORDS * legs.length);
        PortfolioMargin.Sum memory initial;
        PortfolioMargin.Sum memory maintenance;
        for (uint256 i; i < count; ++i) {
            ScanWords memory w = SCANS.wordsOf(underlyings[i]);
            Scan.Exposure memory e =
                PortfolioMargin.exposureOf(legs, holdings, netted, underlyings[i], room, w, SURFACE);
            m.equityWad += e.valueWad;
            (uint256 initialWad, uint256 maintenanceWad) = Scan.requirement(e, w, witness);
            initial.add(initialWad);
            maintenance.add(maintenanceWad);
        }
        // A level moves at once, which no maintenance margin may: without offsets IM alone adds up.
        uint256 correlationBps = count > 1 ? SCANS.correlationBps() : BPS;
        m.initialWad += initial.combinedUp(offsets ? correlationBps : BPS);
        m.maintenanceWad += maintenance.combinedUp(correlationBps);
    }
}
