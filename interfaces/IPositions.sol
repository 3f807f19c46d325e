// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { Health, Holding, InstrumentId, Mode } from "interfaces/Types.sol";

/// @notice Positions of all accounts on the side index. Knows no cash: it tells the ledger what was realised.
/// @dev size = sign·base·A, value = size·mark + |base|·K − cost. What happens to a whole side (funding,
/// deleveraging) is one write to (A, K); an account picks it up when next touched.
interface IPositions {
    /// @notice One side of one instrument: all that valuing its positions needs, in one word.
    struct Side {
        int112 flowWad; // K: [wad] cash per unit of base since the epoch began
        uint64 scaleWad; // A: [wad] size per unit of base
        uint16 epoch; // raised when A was folded into the bases
        uint32 accruedAt; // [seconds]
        int32 premiumPpb; // [1e-9] how far trades are above the index; equal on both sides
    }

    /// @notice Unsigned base of each side and the underlying, in one word.
    struct Interest {
        uint112 longBaseWad;
        uint112 shortBaseWad;
        uint16 underlying;
        bool scaled; // true once a side was deleveraged: A may differ from one, and bases from each other
        bool settled; // true once an option series was closed at its payoff
    }

    /// @notice All series of an underlying that are not settled, in one word.
    struct Tally {
        uint128 openInterestWad; // [wad] of their long sides together
        uint16 series;
    }

    /// @notice What an account holds of an instrument, in one word.
    struct Position {
        int112 baseWad; // [wad] signed
        int128 costWad; // [wad] paid (+) or received (−) for the open part, and |base|·K of that time
        uint16 epoch;
    }

    /// @notice A side at the moment an epoch ended; positions of that epoch convert at it.
    struct EpochEnd {
        int112 flowWad;
        uint64 scaleWad;
    }

    /// @notice Whose health is asked for, and what the ledger knows of it.
    struct Query {
        uint64 account;
        Mode mode;
        InstrumentId instrument; // a hypothetical trade in it…
        int256 extraWad; // [wad] …of this size, none if zero; its cash is in cashWad
        uint256 witness; // scenarios that IM and MM are to be told by; all bits: by all of them
        int256 cashWad; // [wad]
        Holding[] holdings;
        uint16[] underlyings; // of the holdings
    }

    /// @notice What a trade did to its two sides.
    struct Trade {
        uint256 quoteWad; // [wad] cash that changed hands, rounded up
        int256 buyerCashWad; // [wad] realised by the buyer
        int256 sellerCashWad; // [wad] realised by the seller
        bool buyerShrinks; // the buyer's position only became smaller
        bool sellerShrinks;
    }

    event Accrued(InstrumentId indexed instrument, int256 fundingWad, int256 longFlowWad, int256 shortFlowWad);
    event Deleveraged(
        InstrumentId indexed instrument,
        uint64 indexed account,
        int256 sizeWad,
        uint256 priceWad,
        uint256 markWad,
        uint256 baseWad, // of the opposite side
        uint256 scaleBeforeWad, // A of the opposite side
        uint256 scaleAfterWad
    );
    event EpochEnded(InstrumentId indexed instrument, bool long, uint256 epoch, uint256 scaleWad, int256 flowWad);
    /// @dev A perpetual's index is its underlying; series are numbered from FIRST_SERIES on.
    event InstrumentListed(InstrumentId indexed instrument, uint16 index);
    event SeriesSettled(InstrumentId indexed instrument, uint256 priceWad, uint256 payoffWad, uint256 openInterestWad);

    error NotLedger(address caller);
    error AlreadyListed(InstrumentId instrument);
    error NoSuchInstrument(InstrumentId instrument);
    error UnsupportedKind(InstrumentId instrument);
    error TooManyPositions(uint64 account, uint256 cap);
    error PriceOutsideBand(uint256 priceWad, uint256 markWad, uint256 bandBps);
    error OpenInterestCapExceeded(InstrumentId instrument, uint256 openInterestWad, uint256 capWad);
    error BadSeries(InstrumentId instrument, uint256 value, uint256 bound);
    error TooManySeries(uint16 underlying, uint256 cap);
    error TradingClosed(InstrumentId instrument, uint256 closedAt);
    error AlreadySettled(InstrumentId instrument);
    error NoPosition(uint64 account, InstrumentId instrument);

    // Ledger only

    /// @notice Trade `sizeWad` at `priceWad` within the band around the mark and the cap on open interest.
    /// @dev The band of an option is wider by OPTION_TICK_BPS of the spot, its cap that of all series of its underlying, and
    /// trading ends where the window begins that it settles by: what is known of the average by then is not in the mark.
    function trade(InstrumentId instrument, uint64 buyer, uint64 seller, uint256 sizeWad, uint256 priceWad)
        external
        returns (Trade memory);

    /// @notice Trade `fractionWad` of every position of `from` to `to` at the marks.
    /// @return givenWad realised by `from`
    /// @return gotWad realised by `to`
    function take(uint64 from, uint64 to, uint256 fractionWad) external returns (int256 givenWad, int256 gotWad);

    /// @notice Close a position against the whole opposite side, as far from the mark as gains it `deficitWad`.
    function deleverage(uint64 account, InstrumentId instrument, uint256 deficitWad)
        external
        returns (int256 sizeWad, uint256 priceWad, int256 cashWad);

    /// @notice Bring a position up to its side; if nothing is left of it, close it.
    function settle(uint64 account, InstrumentId instrument) external returns (int256 cashWad);

    // Anybody

    /// @notice Bring the funding of an instrument up to now.
    function accrue(InstrumentId instrument) external;

    /// @notice Close both sides of a series at what it pays, once: `Oracle.settlementOf` its expiry, `coveredAt` as there.
    /// @dev One write a side, whose scale is zero from then on, however many hold it: an account picks it up when next touched, or by `Ledger.settle`.
    /// Reverts with `IOracle.NotCovered` as long as no price entered at or after the expiry.
    function settleSeries(InstrumentId instrument, uint256 coveredAt) external;

    // Governance

    /// @notice List an instrument; governor, delayed. Its margin parameters must be set, and the perpetual of a series must be listed:
    /// whoever looks at an underlying finds it there.
    /// @dev A series expires on the oracle's grid, between MIN_LIFE_SECONDS and MAX_LIFE_SECONDS from now; its strike is a
    /// multiple of a hundredth of the spot's decade, within a factor of MAX_STRIKE_RATIO of the spot; of an underlying there are at
    /// most MAX_SERIES that are not settled.
    function listInstrument(InstrumentId instrument) external;

    // Views; funding is projected to now unless said otherwise

    /// @notice Health of an account: its legs gathered, priced, and judged by the margin model of its mode.
    function healthOf(Query calldata query) external view returns (Health memory);

    /// @notice Signed size and pending quote (K flow − cost) [wad] of a position.
    function positionOf(uint64 account, InstrumentId instrument) external view returns (int256 sizeWad, int256 quoteWad);

    /// @notice The position as it is stored.
    function rawPositionOf(uint64 account, InstrumentId instrument) external view returns (Position memory);

    /// @notice Number of positions held, those included that deleveraging closed and nobody settled.
    function countOf(uint64 account) external view returns (uint256);

    function instrumentsOf(uint64 account) external view returns (InstrumentId[] memory);

    /// @notice Both sides and the bases of an instrument, as stored.
    function marketOf(InstrumentId instrument)
        external
        view
        returns (Side memory long, Side memory short, Interest memory interest);

    function epochEndOf(InstrumentId instrument, bool long, uint16 epoch) external view returns (EpochEnd memory);

    /// @notice All series that are not settled, of an underlying.
    function tallyOf(uint16 underlying) external view returns (Tally memory);

    /// @notice Every series that was ever listed, in the order they came.
    function series() external view returns (InstrumentId[] memory);

    /// @notice Listed perpetuals in the order they came; place 0 is unused.
    function instruments() external view returns (InstrumentId[] memory);
}
