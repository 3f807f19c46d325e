// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { InstrumentId, Margin } from "interfaces/Types.sol";

/// @notice What an account's value reacts to, what its margin would be, and where it would be liquidated. Holds no state, moves
/// nothing; no contract depends on it.
/// @dev Asked by `eth_call`; gas is no concern. Books are read as they stand: funding and interest projected to now, options at
/// the spot and at the surface. Where a price moves the smile moves with it, as it would: it is a function of ln(strike/spot).
interface IWhatIf {
    /// @notice What the value of everything on one underlying does. Sums over positions, each rounded down.
    struct Greeks {
        uint16 underlying;
        int256 deltaWad; // [units of the underlying] of value to the spot; collateral counts whole
        int256 gammaWad; // [units] of delta to the spot, for 1 of price
        int256 vegaWad; // [wad] of value to volatility, for 1.00 of it: 100 percentage points
        int256 thetaWad; // [wad] what a day that passes adds to the value, as time goes now; negative for what is long
    }

    /// @notice A trade that isn't made.
    struct Trade {
        InstrumentId instrument;
        int256 sizeWad; // [wad] signed
        uint256 priceWad; // [wad] paid for a unit, or got; rounded up, as the ledger does it
    }

    /// @notice What is asked about an account: its margin after trades, at other prices, at other volatilities.
    struct Question {
        uint64 account;
        Trade[] trades; // first
        uint16 underlying; // whose prices, spot and slow one, move; zero: all of them
        int256 priceShiftBps; // by such a share of themselves
        int256 volShiftBps; // all volatilities, by such a share of themselves
    }

    /// @notice Prices of an underlying at which the account is liquidated if no other price moves.
    struct LiquidationPrice {
        uint16 underlying;
        uint256 belowWad; // the nearest at or below the spot; zero: none
        uint256 aboveWad; // the nearest at or above it; the largest number: none
    }

    struct Answer {
        bool answered; // false: it was refused, with `data` as the reason
        bytes data; // as the function asked returns it
    }

    error ShiftOutOfRange(int256 shiftBps, int256 low, int256 high);

    /// @notice By underlying, in the order in which they occur in positions and collateral.
    function greeksOf(uint64 account) external view returns (Greeks[] memory);

    /// @notice Equity, IM, MM and borrow limit as the risk contract would have them. Refused where it refuses, and for a shift
    /// beyond MIN_SHIFT_BPS and MAX_SHIFT_BPS.
    /// @dev Open interest stays as it stands. Only its answer changes nothing: the shift of volatilities lasts as long as the call's
    /// transaction, and nobody but this contract asks for it.
    function marginOf(Question calldata question) external returns (Margin memory);

    /// @notice By underlying, as `greeksOf`. Below MM already: the spot, twice.
    /// @dev Where the underlying has no options in the account, and no grid counts, health is a straight line and its root exact but
    /// for the wei of its parts. Elsewhere places are looked at on both sides, PLACES − 1 of them, as far as a PLACES-th and PLACES times
    /// the spot; the first at which equity < MM brackets a root, which is halved HALVINGS times. What is unhealthy only between two
    /// places is passed over. Either way the price is rounded toward the spot: the account may be told a little early.
    function liquidationPricesOf(uint64 account) external view returns (LiquidationPrice[] memory);

    /// @notice Many questions to this contract in one call, each with the call data of one of the functions above. What is refused
    /// doesn't stop the others.
    function ask(bytes[] calldata questions) external returns (Answer[] memory);

    function PLACES() external view returns (uint256);

    function HALVINGS() external view returns (uint256);
}
