// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { BPS, WAD } from "contracts/libraries/FixedPoint.sol";
import { SMILE_BITS, SmileWord, Svi, wordOf } from "contracts/libraries/Svi.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { Smile, SmilePair } from "interfaces/ISmile.sol";
import { ISurface } from "interfaces/ISurface.sol";
import { Grade } from "interfaces/Types.sol";

/// @notice A smile in one word for each of a few expiries of an underlying. Formulas and conditions: `Svi`.
/// @dev
///     grade of a smile     Fresh: age ≤ slowSeconds · Slow: age ≤ staleSeconds · Stale beyond, and then it doesn't count
///     an expiry            between its nearest neighbours that count, or as the one there is; itself, where it counts
///     none counts          v = max(realised variance·(1 + surcharge), floor²), at every strike
contract Surface is ISurface, AccessManaged {
    /// @dev A smile that is stored: the word of `Svi`, then updatedAt [32].
    struct Found {
        uint256 expiry; // zero: none
        uint256 word;
    }

    uint256 public constant MAX_EXPIRIES = 8; // of 32 bits each, in a word
    uint256 public constant MAX_STALE_SECONDS = 7 days;
    uint256 public constant MAX_MOVE_BPS = 5_000; // a half
    uint256 public constant MAX_SURCHARGE_BPS = 3 * BPS;
    uint256 public constant MAX_FLOOR_BPS = 10 * BPS;
    /// @dev How many times what stands in, or what part of it, a first smile may have at the money.
    uint256 public constant REALISED_RANGE = 9;

    IOracle public immutable ORACLE;

    uint256 private immutable INTERVAL_SECONDS;
    uint256 private immutable SLOW_SECONDS;
    uint256 private immutable STALE_SECONDS;
    uint256 private immutable MOVE_BPS;
    uint256 private immutable SURCHARGE_BPS;
    uint256 private immutable VOLATILITY_FLOOR_BPS;

    mapping(uint16 underlying => uint256) private _expiries; // ascending from bit 0 up, 32 bits each
    mapping(uint16 underlying => mapping(uint256 expiry => uint256)) private _smiles;

    constructor(address authority, IOracle oracle, Rules memory r) AccessManaged(authority) {
        _checkWithin(r.intervalSeconds, 1, r.slowSeconds);
        _checkWithin(r.slowSeconds, 1, r.staleSeconds);
        _checkWithin(r.staleSeconds, 1, MAX_STALE_SECONDS);
        _checkWithin(r.moveBps, 1, MAX_MOVE_BPS);
        _checkWithin(r.surchargeBps, 0, MAX_SURCHARGE_BPS);
        _checkWithin(r.volatilityFloorBps, 0, MAX_FLOOR_BPS);

        ORACLE = oracle;
        INTERVAL_SECONDS = r.intervalSeconds;
        (SLOW_SECONDS, STALE_SECONDS) = (r.slowSeconds, r.staleSeconds);
        (MOVE_BPS, SURCHARGE_BPS) = (r.moveBps, r.surchargeBps);
        VOLATILITY_FLOOR_BPS = r.volatilityFloorBps;
    }

    /* SMILES IN */

    /// @inheritdoc ISurface
    function setSmile(uint16 underlying, uint32 expiry, Smile calldata smile) external restricted {
        if (expiry <= block.timestamp) revert Expired(expiry, block.timestamp);

        uint256 left = expiry - block.timestamp;
        Svi.check(smile, left);
        _checkStep(underlying, expiry, smile);
        (Found memory near, Found memory far) = _about(underlying, expiry, false);
        if (near.expiry != 0) Svi.checkCalendar(_smileOf(near.word), near.expiry - block.timestamp, smile, left);
        if (far.expiry != 0) Svi.checkCalendar(smile, left, _smileOf(far.word), far.expiry - block.timestamp);

        _smiles[underlying][expiry] = SmileWord.unwrap(wordOf(smile)) | block.timestamp << SMILE_BITS;
        _list(underlying, expiry, true);

        emit SmileSet(underlying, expiry, smile);
    }

    /// @inheritdoc ISurface
    function dropSmile(uint16 underlying, uint32 expiry) external restricted {
        if (_smiles[underlying][expiry] == 0) revert NoSmile(underlying, expiry);

        delete _smiles[underlying][expiry];
        _list(underlying, expiry, false);

        emit SmileDropped(underlying, expiry);
    }

    /* VARIANCE OUT */

    /// @inheritdoc ISurface
    function pairOf(uint16 underlying, uint32 expiry) public view returns (SmilePair memory pair, Grade grade) {
        if (expiry <= block.timestamp) revert Expired(expiry, block.timestamp);

        uint256 left = expiry - block.timestamp;
        (Found memory near, Found memory far) = _about(underlying, expiry, true);
        if (near.expiry == 0) near = far;
        if (far.expiry == 0) far = near;
        if (near.expiry == 0) {
            uint256 realisedWad = ORACLE.varianceOf(underlying);
            uint256 word = SmileWord.unwrap(Svi.flat(_flatWad(realisedWad)));
            return (SmilePair(word, word, left, left, left), realisedWad == 0 ? Grade.Invalid : Grade.Stale);
        }
        bool slow = _ageOf(near.word) > SLOW_SECONDS || _ageOf(far.word) > SLOW_SECONDS;
        grade = slow ? Grade.Slow : Grade.Fresh;
        uint256 mask = (1 << SMILE_BITS) - 1;
        pair = SmilePair(
            near.word & mask, far.word & mask, near.expiry - block.timestamp, far.expiry - block.timestamp, left
        );
    }

    /// @inheritdoc ISurface
    function totalVarianceOf(uint16 underlying, uint32 expiry, int256 kWad) external view returns (uint256, Grade) {
        (SmilePair memory pair, Grade grade) = pairOf(underlying, expiry);
        return (Svi.totalVarianceWadDown(pair, kWad), grade);
    }

    /// @inheritdoc ISurface
    function smileOf(uint16 underlying, uint32 expiry) external view returns (Smile memory, uint256 updatedAt) {
        uint256 word = _smiles[underlying][expiry];
        return (_smileOf(word), word >> SMILE_BITS);
    }

    /// @inheritdoc ISurface
    function expiriesOf(uint16 underlying) external view returns (uint32[] memory expiries) {
        uint256 word = _expiries[underlying];
        expiries = new uint32[](MAX_EXPIRIES);
        uint256 count;
        for (; word != 0; word >>= 32) {
            expiries[count++] = uint32(word);
        }
        assembly ("memory-safe") {
            mstore(expiries, count)
        }
    }

    /// @inheritdoc ISurface
    function rules() external view returns (Rules memory) {
        return Rules(
            uint32(INTERVAL_SECONDS),
            uint32(SLOW_SECONDS),
            uint32(STALE_SECONDS),
            uint16(MOVE_BPS),
            uint16(SURCHARGE_BPS),
            uint32(VOLATILITY_FLOOR_BPS)
        );
    }

    /* INTERNAL */

    /// @dev Against the smile that stands; against what stands in, if none does or it is stale.
    function _checkStep(uint16 underlying, uint32 expiry, Smile memory smile) private view {
        uint256 standing = _smiles[underlying][expiry];
        if (standing != 0 && _ageOf(standing) <= STALE_SECONDS) {
            uint256 until = (standing >> SMILE_BITS) + INTERVAL_SECONDS;
            if (block.timestamp < until) revert UpdateTooSoon(until);
            Svi.checkMove(_smileOf(standing), smile, MOVE_BPS);
        } else {
            uint256 varianceWad = Svi.varianceWadDown(wordOf(smile), 0);
            uint256 flatWad = _flatWad(ORACLE.varianceOf(underlying));
            if (varianceWad > flatWad * REALISED_RANGE || varianceWad * REALISED_RANGE < flatWad) {
                revert FarFromRealised(varianceWad, flatWad);
            }
        }
    }

    /// @dev The nearest smiles that count on both sides of an expiry. `itself`: a smile of this very expiry is both of them.
    function _about(uint16 underlying, uint256 expiry, bool itself)
        private
        view
        returns (Found memory near, Found memory far)
    {
        for (uint256 expiries = _expiries[underlying]; expiries != 0; expiries >>= 32) {
            uint256 one = uint32(expiries);
            if (one <= block.timestamp || (one == expiry && !itself)) continue;
            uint256 word = _smiles[underlying][one];
            if (_ageOf(word) > STALE_SECONDS) continue;

            Found memory found = Found(one, word);
            if (one <= expiry) near = found;
            if (one >= expiry) return (near, found);
        }
    }

    /// @dev Puts an expiry in its place, or takes it out; those that are past leave.
    function _list(uint16 underlying, uint256 expiry, bool put) private {
        uint256 kept;
        uint256 count;
        for (uint256 expiries = _expiries[underlying]; expiries != 0; expiries >>= 32) {
            uint256 one = uint32(expiries);
            if (one <= block.timestamp && one != expiry) {
                delete _smiles[underlying][one];
                continue;
            }
            if (put && one >= expiry) {
                kept |= expiry << 32 * count++;
                put = false;
            }
            if (one != expiry) kept |= one << 32 * count++;
        }
        if (put) kept |= expiry << 32 * count++;
        if (count > MAX_EXPIRIES) revert TooManyExpiries(MAX_EXPIRIES);
        _expiries[underlying] = kept;
    }

    /// @dev What stands in where no smile counts.
    function _flatWad(uint256 realisedWad) private view returns (uint256) {
        uint256 leastWad = VOLATILITY_FLOOR_BPS ** 2 * (WAD / BPS ** 2);
        return FixedPointMathLib.max(leastWad, Svi.flatVarianceWadUp(realisedWad, SURCHARGE_BPS));
    }

    function _smileOf(uint256 word) private pure returns (Smile memory) {
        return SmileWord.wrap(word).smileOf();
    }

    function _ageOf(uint256 word) private view returns (uint256) {
        return block.timestamp - (word >> SMILE_BITS);
    }

    function _checkWithin(uint256 value, uint256 low, uint256 high) private pure {
        if (value < low) revert BadRules(value, low);
        if (value > high) revert BadRules(value, high);
    }
}
