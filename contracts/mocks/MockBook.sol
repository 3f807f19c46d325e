// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { WAD } from "contracts/libraries/FixedPoint.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { Book, Holding, InstrumentId, Leg, Level, Mode, Price } from "interfaces/Types.sol";

/// @notice Ledger, positions, oracle and breaker in one: every account has the book that a test put here, at the prices
/// that it set.
contract MockBook {
    Mode public mode;
    int256 private _cashWad;
    Leg[] private _legs;
    Holding[] private _holdings;
    uint16[] private _underlyings;

    mapping(uint16 underlying => Price) private _prices;
    mapping(uint16 underlying => uint128) private _tallies;
    mapping(uint16 underlying => Level) private _levels;
    mapping(InstrumentId => IPositions.Interest) private _sides;

    function put(Mode mode_, Book calldata book, uint16[] calldata underlyings) external {
        (mode, _cashWad, _underlyings) = (mode_, book.cashWad, underlyings);
        delete _legs;
        for (uint256 i; i < book.legs.length; ++i) {
            _legs.push(book.legs[i]);
        }
        delete _holdings;
        for (uint256 i; i < book.holdings.length; ++i) {
            _holdings.push(book.holdings[i]);
        }
    }

    function setPrice(uint16 underlying, Price calldata price) external {
        _prices[underlying] = price;
    }

    function setSides(InstrumentId perpetual, uint112 longWad, uint112 shortWad) external {
        (_sides[perpetual].longBaseWad, _sides[perpetual].shortBaseWad) = (longWad, shortWad);
    }

    function setTally(uint16 underlying, uint128 openWad) external {
        _tallies[underlying] = openWad;
    }

    function setLevel(uint16 underlying, Level level) external {
        _levels[underlying] = level;
    }

    // Ledger

    function POSITIONS() external view returns (address) {
        return address(this);
    }

    function modeOf(uint64) external view returns (Mode) {
        return mode;
    }

    function cashOf(uint64) external view returns (int256) {
        return _cashWad;
    }

    function assetsOf(uint64) external view returns (uint16[] memory assets) {
        assets = new uint16[](_holdings.length);
        for (uint256 i; i < assets.length; ++i) {
            assets[i] = _holdings[i].asset;
        }
    }

    function assetOf(uint16 asset) external view returns (ILedger.Asset memory listed) {
        (listed.underlying, listed.unit) = (_underlyings[_placeOf(asset)], 1);
    }

    function balanceOf(uint64, uint16 asset) external view returns (uint256) {
        return _holdings[_placeOf(asset)].amountWad;
    }

    function _placeOf(uint16 asset) private view returns (uint256 place) {
        while (_holdings[place].asset != asset) ++place;
    }

    // Positions

    function instrumentsOf(uint64) external view returns (InstrumentId[] memory held) {
        held = new InstrumentId[](_legs.length);
        for (uint256 i; i < held.length; ++i) {
            held[i] = _legs[i].instrument;
        }
    }

    function positionOf(uint64, InstrumentId instrument) external view returns (int256, int256) {
        for (uint256 i; i < _legs.length; ++i) {
            if (_legs[i].instrument.same(instrument)) return (_legs[i].sizeWad, _legs[i].quoteWad);
        }
        return (0, 0);
    }

    function marketOf(InstrumentId instrument)
        external
        view
        returns (IPositions.Side memory long, IPositions.Side memory short, IPositions.Interest memory interest)
    {
        (long.scaleWad, short.scaleWad) = (uint64(WAD), uint64(WAD));
        interest = _sides[instrument];
    }

    function tallyOf(uint16 underlying) external view returns (IPositions.Tally memory) {
        return IPositions.Tally(_tallies[underlying], 1);
    }

    // Oracle

    function priceOf(uint16 underlying) external view returns (Price memory) {
        return _prices[underlying];
    }

    // Breaker

    function stateOf(uint16 underlying) external view returns (Level level, uint256, uint256) {
        return (_levels[underlying], 0, 0);
    }
}
