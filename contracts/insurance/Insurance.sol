// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";

import { BPS, FixedPoint } from "contracts/libraries/FixedPoint.sol";
import { IInsurance } from "interfaces/IInsurance.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { Mode } from "interfaces/Types.sol";

/// @notice Three accounts of the ledger and the rule by which money moves between them and out of them.
/// @dev capacity(market) = min(cash of FUND + its share of FEES, cap − drawn) − dust. Holds no tokens.
contract Insurance is IInsurance, AccessManaged {
    using FixedPoint for uint256;

    /// @notice Limit of one market and what it has drawn of it.
    struct Market {
        uint128 capWad; // [wad]
        uint128 drawnWad; // [wad] ever; only raising the cap makes room again
    }

    /// @dev [wad] More than moves may lose to the rounding of the ledger. `capacity` is a promise that `pay` keeps, with
    /// this much to spare for what the same rounding adds to a debt.
    uint256 public constant DUST_WAD = 10;

    ILedger public immutable LEDGER;
    uint64 public immutable FUND;
    uint64 public immutable FEES;
    uint64 public immutable TREASURY;

    uint256 public fundShareBps;

    mapping(uint16 underlying => Market) private _markets;

    constructor(address authority, ILedger ledger, uint256 shareBps) AccessManaged(authority) {
        LEDGER = ledger;
        FUND = ledger.open(Mode.Cross);
        FEES = ledger.open(Mode.Cross);
        TREASURY = ledger.open(Mode.Cross);
        _setFundShare(shareBps);
    }

    /// @inheritdoc IInsurance
    function pay(uint16 underlying, uint64 account, uint256 wantedWad) external restricted returns (uint256 paidWad) {
        _distribute();

        paidWad = _least(wantedWad, _least(_cashOf(FUND), _headroom(underlying)));
        if (paidWad != 0) {
            _markets[underlying].drawnWad += uint128(paidWad); // at most the headroom, so it fits
            LEDGER.move(FUND, account, paidWad);
        }

        emit Paid(underlying, account, wantedWad, paidWad);
    }

    /// @inheritdoc IInsurance
    function distribute() external returns (uint256 fundWad, uint256 treasuryWad) {
        return _distribute();
    }

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
    function setFundShare(uint256 shareBps) external restricted {
        _setFundShare(shareBps);
    }

    /// @inheritdoc IInsurance
    function capacity(uint16 underlying) external view returns (uint256) {
        uint256 mostWad = _least(_cashOf(FUND) + _fundPart(_cashOf(FEES)), _headroom(underlying));
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

    function _distribute() private returns (uint256 fundWad, uint256 treasuryWad) {
        fundWad = _fundPart(_cashOf(FEES));
        if (fundWad != 0) LEDGER.move(FEES, FUND, fundWad);
        treasuryWad = _cashOf(FEES); // read anew: the ledger rounds each move, and FEES must not end in debt
        if (treasuryWad != 0) LEDGER.move(FEES, TREASURY, treasuryWad);

        if (fundWad + treasuryWad != 0) emit FeesDistributed(fundWad, treasuryWad);
    }

    function _setCap(uint16 underlying, uint256 capWad) private {
        if (capWad > type(uint128).max) revert BadCap(capWad);

        _markets[underlying].capWad = uint128(capWad);

        emit CapSet(underlying, capWad);
    }

    function _setFundShare(uint256 shareBps) private {
        if (shareBps > BPS) revert BadShare(shareBps);

        fundShareBps = shareBps;

        emit FundShareSet(shareBps);
    }

    /// @dev Up: the treasury may lose the wei.
    function _fundPart(uint256 feesWad) private view returns (uint256) {
        return feesWad.mulDivUp(fundShareBps, BPS);
    }

    /// @dev Cash that can be spent: none while it is negative.
    function _cashOf(uint64 account) private view returns (uint256) {
        int256 cashWad = LEDGER.cashOf(account);
        return cashWad > 0 ? uint256(cashWad) : 0;
    }

    function _headroom(uint16 underlying) private view returns (uint256) {
        Market memory m = _markets[underlying];
        return m.capWad > m.drawnWad ? m.capWad - m.drawnWad : 0;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
