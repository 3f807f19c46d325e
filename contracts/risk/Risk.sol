// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";
import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { Black76 } from "contracts/libraries/Black76.sol";
import { BookCall } from "contracts/libraries/BookCall.sol";
import { Bounded } from "contracts/libraries/Bounded.sol";
import { BPS, WAD } from "contracts/libraries/FixedPoint.sol";
import { Svi } from "contracts/libraries/Svi.sol";
import { AssetWord, laneAt, laneOf, partsOf, wordOf as assetWordOf } from "contracts/risk/AssetWord.sol";
import { Envelope } from "contracts/risk/Envelope.sol";
import { InstrumentWord, wordOf } from "contracts/risk/InstrumentWord.sol";
import { IsolatedMargin } from "contracts/risk/IsolatedMargin.sol";
import { LinearMargin } from "contracts/risk/LinearMargin.sol";
import { OptionMargin } from "contracts/risk/OptionMargin.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPortfolio } from "interfaces/IPortfolio.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { IScans } from "interfaces/IScans.sol";
import { SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import {
    Book,
    Holding,
    InstrumentId,
    Kind,
    Leg,
    Level,
    Margin,
    Mode,
    instrumentId,
    EXPIRY_BIT
} from "interfaces/Types.sol";

/// @notice Constants of a risk contract, fixed at deployment.
struct RiskConfig {
    uint32 rampSeconds; // in which maintenance margin moves, and a maintenance haircut rises
    uint32 collateralRampSeconds; // in which a haircut falls, so new collateral begins to lend
    uint32 epochSeconds; // between two steps of the same parameters
    uint32 volatilityFloorBps; // a year: what every underlying is held to have at least
    uint16 fundingCapBps; // as the ledger's
    uint16 maxFeeBps; // as the ledger's
    uint16 rewardCapBps; // of MM, kept for a start reward: a dearer one is paid out of equity that is left
}

/// @notice Stores margin parameters and hands them, with the book, to the model of the account's mode.
/// @dev Isolated and cross are one linear model; isolated refuses what it may not hold. Portfolio is a contract of its own,
/// which gets the book as it came. Parameters have three states: what
/// stands (the governor set it last; steps are measured from it), what is asked (the guardian may have made it tighter),
/// and what is effective (on its way there). The models see the last.
contract Risk is IRisk, AccessManaged {
    using Envelope for Envelope.Terms;

    uint256 public constant MIN_MAINTENANCE_BPS = 25;
    uint256 public constant MAX_INITIAL_BPS = BPS;
    uint256 public constant MAX_OPEN_INTEREST_WAD = 2e27; // a side's base must fit 112 bits at the lowest scale
    uint256 public constant MIN_HAIRCUT_BPS = 1; // a haircut of nothing leaves an auction nothing to offer
    uint256 public constant FALL_BPS = Bounded.FALL_BPS;
    uint256 public constant RISE_BPS = Bounded.RISE_BPS;
    uint256 public constant SIGMAS = Envelope.SIGMAS;
    uint256 public constant OPTION_FLOOR_BPS = OptionMargin.FLOOR_BPS;
    uint256 public constant LONG_MAINTENANCE_BPS = OptionMargin.LONG_MAINTENANCE_BPS;

    IOracle public immutable ORACLE;
    IBreaker public immutable BREAKER;
    ISurface public immutable SURFACE;
    IPortfolio public immutable PORTFOLIO;
    IScans public immutable SCANS;

    uint256 public immutable RAMP_SECONDS;
    uint256 public immutable COLLATERAL_RAMP_SECONDS;
    uint256 public immutable EPOCH_SECONDS;

    uint256 public immutable VOLATILITY_FLOOR_BPS;
    uint256 public immutable FUNDING_CAP_BPS;
    uint256 public immutable MAX_FEE_BPS;
    uint256 public immutable REWARD_CAP_BPS;

    mapping(InstrumentId instrument => InstrumentWord) private _instruments;
    mapping(InstrumentId instrument => InstrumentWord) private _standing;
    mapping(uint16 asset => AssetWord) private _assets;

    constructor(
        address authority,
        IOracle oracle,
        IBreaker breaker,
        ISurface surface,
        IPortfolio portfolio,
        RiskConfig memory c
    ) AccessManaged(authority) {
        _checkWithin(c.rampSeconds, 1, c.epochSeconds); // a way is over before the next step begins
        _checkWithin(c.collateralRampSeconds, 1, c.epochSeconds);

        (ORACLE, BREAKER, SURFACE) = (oracle, breaker, surface);
        (PORTFOLIO, SCANS) = (portfolio, portfolio.SCANS());
        RAMP_SECONDS = c.rampSeconds;
        COLLATERAL_RAMP_SECONDS = c.collateralRampSeconds;
        EPOCH_SECONDS = c.epochSeconds;
        VOLATILITY_FLOOR_BPS = c.volatilityFloorBps;
        (FUNDING_CAP_BPS, MAX_FEE_BPS, REWARD_CAP_BPS) = (c.fundingCapBps, c.maxFeeBps, c.rewardCapBps);
    }

    /// @inheritdoc IRisk
    function assess(Mode mode, Book calldata book) external view returns (Margin memory) {
        return assessBy(mode, book, type(uint256).max);
    }

    /// @inheritdoc IRisk
    function assessBy(Mode mode, Book calldata book, uint256 witness) public view returns (Margin memory m) {
        if (mode == Mode.Portfolio) return _assessPortfolio(book, witness);
        if (mode == Mode.Isolated) IsolatedMargin.requireAdmitted(book);
        else if (mode != Mode.Cross) revert UnknownMode(mode);

        m.equityWad = book.cashWad;
        SmilePair memory pair; // of the last option: neighbours often expire together
        uint256 series;
        (uint256 at, uint256 end) = BookCall.rangeOf(book.legs);
        for (; at != end; at += BookCall.LEG_BYTES) {
            Leg calldata leg = BookCall.legAt(at);
            InstrumentId instrument = leg.instrument;
            InstrumentWord p = _listed(_classOf(instrument));
            uint256 rateWad = LinearMargin.initialRateWad(leg.openInterestWad, p);
            if (!instrument.isOption()) {
                LinearMargin.addLeg(m, leg, p.maintenanceBps(), rateWad);
                continue;
            }
            uint256 next = uint56(InstrumentId.unwrap(instrument) >> EXPIRY_BIT); // its underlying, too
            if (next != series) (pair, series) = (_pairOf(instrument), next);
            OptionMargin.addLeg(m, leg, _unitWad(instrument, leg.markWad, pair), p.maintenanceBps(), rateWad);
        }
        Holding[] calldata holdings = book.holdings;
        for (uint256 i; i < holdings.length; ++i) {
            Holding calldata holding = holdings[i];
            LinearMargin.addHolding(m, holding, assetParams(holding.asset));
        }
    }

    function _assessPortfolio(Book calldata book, uint256 witness) private view returns (Margin memory) {
        Holding[] calldata holdings = book.holdings;
        AssetParams[] memory haircuts = new AssetParams[](holdings.length);
        for (uint256 i; i < holdings.length; ++i) {
            haircuts[i] = assetParams(holdings[i].asset);
        }
        return BookCall.pass(book, PORTFOLIO, haircuts, _diversifies(book), witness);
    }

    /// @dev Whether underlyings offset each other: while nothing is restricted, neither everything nor one of them.
    function _diversifies(Book calldata book) private view returns (bool) {
        (uint256 at, uint256 end) = BookCall.rangeOf(book.legs);
        Holding[] calldata holdings = book.holdings;
        uint256 held; // of which the assets were asked
        uint256 first;
        uint256 last; // that was asked
        while (at != end || held != holdings.length) {
            uint256 underlying;
            if (at != end) {
                underlying = BookCall.legAt(at).instrument.underlyingOf();
                at += BookCall.LEG_BYTES;
            } else {
                underlying = SCANS.underlyingOf(holdings[held++].asset);
            }
            if (underlying == 0 || underlying == first) continue; // not netted, or nothing to offset
            if (first == 0) {
                first = underlying;
                continue;
            }
            if (underlying == last) continue;
            if (last == 0 && !(_isNormal(0) && _isNormal(first))) return false;
            if (!_isNormal(underlying)) return false;
            last = underlying;
        }
        return true;
    }

    function _isNormal(uint256 underlying) private view returns (bool) {
        (Level level,,) = BREAKER.stateOf(uint16(underlying));
        return level == Level.Normal;
    }

    // --- Governance ---

    /// @inheritdoc IRisk
    function setInstrument(InstrumentId instrument, InstrumentParams calldata params) external restricted {
        _checkInstrument(params);
        if (!instrument.same(_classOf(instrument))) revert NotAClass(instrument);
        InstrumentWord current = _effective(instrument);
        InstrumentWord asked = wordOf(params);

        InstrumentWord standing = _standing[instrument];
        if (standing.maintenanceBps() == 0) {
            _requireEnvelope(instrument, params.maintenanceBps);
            _standing[instrument] = asked.timed(0, block.timestamp);
        } else {
            if (params.maintenanceBps < standing.maintenanceBps()) _requireEnvelope(instrument, params.maintenanceBps);
            _standing[instrument] = _step(standing, params);
            asked = _moving(instrument, current, asked);
        }
        _setInstrument(instrument, asked);
    }

    /// @inheritdoc IRisk
    function tightenInstrument(InstrumentId instrument, InstrumentParams calldata params) external restricted {
        _checkInstrument(params);
        if (!instrument.same(_classOf(instrument))) revert NotAClass(instrument);
        InstrumentWord effective = _listed(instrument);
        InstrumentWord current = _instruments[instrument];
        InstrumentWord asked = wordOf(params);
        if (
            asked.maintenanceBps() != current.maintenanceBps() || asked.initialBps() < current.initialBps()
                || asked.initialMaxBps() < current.initialMaxBps() || asked.kneeBps() > current.kneeBps()
                || asked.openInterestCapWad() > current.openInterestCapWad()
        ) revert NotTighter();

        _setInstrument(instrument, _moving(instrument, effective, asked));
    }

    /// @inheritdoc IRisk
    function setAsset(uint16 asset, AssetParams calldata params) external restricted {
        _checkAsset(params);

        _setAsset(asset, params, _stepped(_assets[asset].standingLane(), params));
    }

    /// @inheritdoc IRisk
    function tightenAsset(uint16 asset, AssetParams calldata params) external restricted {
        _checkAsset(params);
        AssetWord word = _assets[asset];
        AssetParams memory current = word.targetOf();
        if (
            params.maintenanceHaircutBps != current.maintenanceHaircutBps
                || params.initialHaircutBps < current.initialHaircutBps
        ) revert NotTighter();

        _setAsset(asset, params, word.standingLane());
    }

    // --- Views ---

    /// @inheritdoc IRisk
    function diversifies(Book calldata book) external view returns (bool) {
        return _diversifies(book);
    }

    /// @inheritdoc IRisk
    function markOf(InstrumentId instrument) external view returns (uint256 markWad) {
        markWad = ORACLE.spotOf(instrument.underlyingOf());
        if (instrument.isOption()) markWad = _unitWad(instrument, markWad, _pairOf(instrument));
    }

    /// @inheritdoc IRisk
    function instrumentParams(InstrumentId instrument) external view returns (InstrumentParams memory) {
        return _effective(_classOf(instrument)).paramsOf();
    }

    /// @inheritdoc IRisk
    function assetParams(uint16 asset) public view returns (AssetParams memory p) {
        AssetWord word = _assets[asset];
        p = word.targetOf();
        if (AssetWord.unwrap(word) != 0) {
            p.initialHaircutBps = uint16(_haircutAt(word.initialLane()));
            p.maintenanceHaircutBps = uint16(_haircutAt(word.maintenanceLane()));
        }
    }

    /// @inheritdoc IRisk
    function instrumentState(InstrumentId instrument) external view returns (InstrumentState memory s) {
        (InstrumentWord asked, InstrumentWord standing) = (_instruments[instrument], _standing[instrument]);
        (s.asked, s.standing) = (asked.paramsOf(), standing.paramsOf());
        (s.fromBps, s.arrivesAt, s.steppedAt) =
        (uint16(asked.fromBps()), uint32(asked.timeAt()), uint32(standing.timeAt()));
    }

    /// @inheritdoc IRisk
    function assetState(uint16 asset) external view returns (AssetState memory s) {
        AssetWord word = _assets[asset];
        s.asked = word.targetOf();
        (, uint256 initialFrom, uint256 initialEnd) = partsOf(word.initialLane());
        (, uint256 maintenanceFrom, uint256 maintenanceEnd) = partsOf(word.maintenanceLane());
        s.start = AssetParams(uint16(initialFrom), uint16(maintenanceFrom));
        (s.initialArrivesAt, s.maintenanceArrivesAt) = (uint32(initialEnd), uint32(maintenanceEnd));
        (uint256 initial, uint256 maintenance, uint256 steppedAt) = partsOf(word.standingLane());
        (s.standing, s.steppedAt) = (AssetParams(uint16(initial), uint16(maintenance)), uint32(steppedAt));
    }

    // --- Instruments ---

    /// @dev One step away from what stands: requirements fall and limits rise by a share, once an epoch. The knee is
    /// measured by what lies beyond it, where IM rises. A maintenance margin may rise no faster than a limit. A market that
    /// is closed by a cap of zero stands where it was: it may be opened again as wide.
    function _step(InstrumentWord standing, InstrumentParams memory p) private view returns (InstrumentWord) {
        bool steps = Bounded.falls(standing.initialBps(), p.initialBps);
        steps = Bounded.falls(standing.maintenanceBps(), p.maintenanceBps) || steps;
        steps = Bounded.rises(standing.maintenanceBps(), p.maintenanceBps) || steps;
        steps = Bounded.falls(standing.initialMaxBps(), p.initialMaxBps) || steps;
        steps = Bounded.falls(BPS - standing.kneeBps(), BPS - p.kneeBps) || steps;
        steps = Bounded.rises(standing.openInterestCapWad(), p.openInterestCapWad) || steps;
        if (steps) Bounded.requireOver(standing.timeAt(), EPOCH_SECONDS);

        if (p.openInterestCapWad == 0) p.openInterestCapWad = uint128(standing.openInterestCapWad());
        return wordOf(p).timed(0, steps ? block.timestamp : standing.timeAt());
    }

    /// @dev The maintenance margin goes on its way from where it is now; one that goes there already goes on.
    function _moving(InstrumentId instrument, InstrumentWord current, InstrumentWord asked)
        private
        view
        returns (InstrumentWord)
    {
        (uint256 from, uint256 to) = (current.maintenanceBps(), asked.maintenanceBps());
        _checkWithin(asked.initialBps(), FixedPointMathLib.max(from, to) + 1, MAX_INITIAL_BPS); // all the way

        InstrumentWord before = _instruments[instrument];
        if (to == before.maintenanceBps()) return asked.timed(before.fromBps(), before.timeAt());
        return asked.timed(from, block.timestamp + RAMP_SECONDS);
    }

    function _setInstrument(InstrumentId instrument, InstrumentWord word) private {
        _instruments[instrument] = word;

        emit InstrumentParamsSet(instrument, word.paramsOf(), word.fromBps(), word.timeAt());
    }

    /// @dev A maintenance margin survives one heartbeat of its underlying, as it is when the market is listed, and again
    /// whenever the margin is lowered.
    function _requireEnvelope(InstrumentId instrument, uint256 maintenance) private view {
        uint16 underlying = instrument.underlyingOf();
        uint256 heartbeat = ORACLE.feedOf(underlying).heartbeatSeconds;
        if (heartbeat == 0) revert NoFeed(underlying);

        Envelope.Costs memory costs = Envelope.Costs(FUNDING_CAP_BPS, MAX_FEE_BPS, REWARD_CAP_BPS);
        Envelope.Terms memory t = Envelope.terms(_volatilityWad(underlying), heartbeat, maintenance, costs);
        if (t.sum() > maintenance) {
            revert EnvelopeExceeded(t.moveBps, t.fundingBps, t.feesBps, t.rewardBps, maintenance);
        }
    }

    /// @dev A year. At least the floor: a quiet past promises nothing.
    function _volatilityWad(uint16 underlying) private view returns (uint256) {
        return FixedPointMathLib.max(ORACLE.volatilityOf(underlying), VOLATILITY_FLOOR_BPS * WAD / BPS);
    }

    function _checkInstrument(InstrumentParams calldata p) private pure {
        _checkWithin(p.maintenanceBps, MIN_MAINTENANCE_BPS, MAX_INITIAL_BPS);
        _checkWithin(p.initialBps, uint256(p.maintenanceBps) + 1, MAX_INITIAL_BPS);
        _checkWithin(p.initialMaxBps, p.initialBps, MAX_INITIAL_BPS);
        _checkWithin(p.kneeBps, 0, BPS);
        _checkWithin(p.openInterestCapWad, 0, MAX_OPEN_INTEREST_WAD); // zero: positions can only shrink
    }

    /// @dev Whose parameters an instrument has: a perpetual its own, an option those of all options of its underlying.
    function _classOf(InstrumentId instrument) private pure returns (InstrumentId) {
        return instrument.isOption() ? instrumentId(Kind.Call, instrument.underlyingOf(), 0, 0) : instrument;
    }

    /// @dev The smiles about an expiry; without time where it is past.
    function _pairOf(InstrumentId option) private view returns (SmilePair memory pair) {
        uint256 expiryAt = option.expiryOf();
        if (expiryAt > block.timestamp) {
            (pair,) = SURFACE.pairOf(option.underlyingOf(), SafeCastLib.toUint32(expiryAt));
        }
    }

    /// @dev Black-76 value of one unit of an option [wad], the spot of its underlying as its forward; once it expired, what it
    /// would pay at the spot.
    function _unitWad(InstrumentId option, uint256 spotWad, SmilePair memory pair) private pure returns (uint256) {
        uint256 strikeWad = option.strikeOf();
        uint256 valueWad;
        if (pair.secondsToExpiry != 0 && spotWad != 0 && strikeWad != 0) {
            int256 lnWad = Black76.lnMoneynessWad(spotWad, strikeWad);
            uint256 varianceWad = Svi.totalVarianceWadDown(pair, -lnWad);
            valueWad = Black76.timeValueWad(lnWad, Black76.rootWadDown(varianceWad));
        }
        (uint256 callWad, uint256 putWad) = Black76.pricesWad(spotWad, strikeWad, valueWad);
        return option.kindOf() == Kind.Call ? callWad : putWad;
    }

    function _listed(InstrumentId instrument) private view returns (InstrumentWord word) {
        word = _effective(instrument);
        if (word.maintenanceBps() == 0) revert NotListed(instrument);
    }

    /// @dev Most of the time nothing is on its way, and the clock isn't read.
    function _effective(InstrumentId instrument) private view returns (InstrumentWord word) {
        word = _instruments[instrument];
        if (word.timeAt() != 0) word = word.effective(block.timestamp, RAMP_SECONDS);
    }

    // --- Assets ---

    /// @dev What stands after it, as a lane. The first haircuts are no step: they begin at nothing lent.
    function _stepped(uint256 standing, AssetParams calldata asked) private view returns (uint256) {
        (uint256 initial, uint256 maintenance, uint256 steppedAt) = partsOf(standing);
        if (maintenance != 0) {
            bool steps = Bounded.falls(initial, asked.initialHaircutBps);
            steps = Bounded.falls(maintenance, asked.maintenanceHaircutBps) || steps;
            steps = Bounded.rises(maintenance, asked.maintenanceHaircutBps) || steps;
            if (steps) Bounded.requireOver(steppedAt, EPOCH_SECONDS);
            else return laneOf(asked.initialHaircutBps, asked.maintenanceHaircutBps, steppedAt);
        }
        return laneOf(asked.initialHaircutBps, asked.maintenanceHaircutBps, block.timestamp);
    }

    /// @dev The initial haircut rises at once; everything else goes on its way from where it is now.
    function _setAsset(uint16 asset, AssetParams calldata p, uint256 standing) private {
        AssetParams memory current = assetParams(asset);
        AssetWord word = _assets[asset];
        uint256 initial = _lane(word.initialLane(), current.initialHaircutBps, p.initialHaircutBps);
        if (p.initialHaircutBps >= current.initialHaircutBps) initial = laneOf(p.initialHaircutBps, 0, 0);
        uint256 maintenance = _lane(word.maintenanceLane(), current.maintenanceHaircutBps, p.maintenanceHaircutBps);
        _assets[asset] = assetWordOf(initial, maintenance, standing);

        emit AssetParamsSet(asset, p);
    }

    function _lane(uint256 lane, uint256 from, uint256 to) private view returns (uint256) {
        (uint256 target,,) = partsOf(lane);
        if (to == target) return lane; // it goes there already
        uint256 way = to < from ? COLLATERAL_RAMP_SECONDS : RAMP_SECONDS;
        return from == to ? laneOf(to, 0, 0) : laneOf(to, from, block.timestamp + way);
    }

    function _haircutAt(uint256 lane) private view returns (uint256) {
        return laneAt(lane, block.timestamp, COLLATERAL_RAMP_SECONDS, RAMP_SECONDS);
    }

    function _checkAsset(AssetParams calldata p) private pure {
        _checkWithin(p.maintenanceHaircutBps, MIN_HAIRCUT_BPS, BPS);
        _checkWithin(p.initialHaircutBps, p.maintenanceHaircutBps, BPS);
    }

    function _checkWithin(uint256 value, uint256 low, uint256 high) private pure {
        if (value < low) revert BadParams(value, low);
        if (value > high) revert BadParams(value, high);
    }
}
