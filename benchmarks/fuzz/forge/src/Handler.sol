// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ILedger } from "interfaces/ILedger.sol";
import { ILens } from "interfaces/ILens.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { InstrumentId, Price } from "interfaces/Types.sol";
import { IVenue } from "interfaces/IVenue.sol";

/// @notice What both Forge and Echidna offer at the usual address.
interface Cheats {
    function warp(uint256 time) external;
    function store(address account, bytes32 slot, bytes32 value) external;
}

interface IReader {
    function ledger() external view returns (ILedger);
}

interface IToken {
    function approve(address spender, uint256 amount) external returns (bool);
    function mint(address to, uint256 amount) external;
}

/// @notice The shared actions, one function each, with inputs bounded to what makes sense: what a team writes for Forge's
/// invariant runner. It is an operator of every account, signs for all of them, and says what the feeds say.
/// @dev Reverts where the protocol does, so that the runner's counts tell them apart.
contract Handler {
    Cheats private constant CHEATS = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant WAD = 1e18;
    uint256 private constant BPS = 1e4;
    uint256 private constant BAND_BPS = 200;
    uint256 private constant MOVE_BPS = 1_400;

    ILens public immutable LENS;
    ILedger public immutable LEDGER;
    IPositions public immutable POSITIONS;
    ILiquidation public immutable LIQUIDATION;
    IOracle public immutable ORACLE;
    IVenue public immutable VENUE;

    uint64[] private _users;
    InstrumentId[] private _instruments;
    address[] private _feeds; // in the order of the instruments
    uint256 private _nonce;

    constructor(ILens lens, ILiquidation liquidation, IOracle oracle, IVenue venue, address[] memory feeds) {
        (LENS, LIQUIDATION, ORACLE, VENUE, _feeds) = (lens, liquidation, oracle, venue, feeds);
        ILens.SystemView memory s = lens.system();
        LEDGER = IReader(address(lens)).ledger();
        POSITIONS = LEDGER.POSITIONS();
        for (uint256 i; i < s.assets.length; ++i) {
            IToken(s.assets[i].token).mint(address(this), 1e33);
            IToken(s.assets[i].token).approve(s.assets[i].vault, type(uint256).max);
        }
        InstrumentId[] memory listed = POSITIONS.instruments();
        for (uint256 i = 1; i < listed.length; ++i) {
            _instruments.push(listed[i]);
        }
        for (uint64 account = 1; account <= s.accounts; ++account) {
            if (account == s.fundAccount || account == s.feesAccount || account == s.treasuryAccount) continue;
            _users.push(account);
        }
    }

    function deposit(uint256 who, uint256 asset, uint256 amount) external {
        LEDGER.deposit(_user(who), uint16(asset % LEDGER.assets()), _bound(amount, 1, 1e24));
    }

    function withdraw(uint256 who, uint256 asset, uint256 amount) external {
        uint64 account = _user(who);
        uint16 chosen = uint16(asset % LEDGER.assets());
        uint256 most = LEDGER.balanceOf(account, chosen);
        if (chosen == 0) {
            uint256 unit = LEDGER.assetOf(0).unit;
            ILens.AccountView memory v = _look(account);
            int256 free = v.cashWad + int256(v.health.margin.borrowLimitWad);
            most = free > 0 ? uint256(free) / unit : 0;
        }
        LEDGER.withdraw(account, chosen, _bound(amount, 1, most + 1), address(this));
    }

    /// @dev Two orders that cross within the band, as large as free equity can bear.
    function trade(uint256 maker, uint256 taker, uint256 market, uint256 size, uint256 price, bool buys) external {
        (uint64 first, uint64 second) = (_user(maker), _user(taker));
        InstrumentId instrument = _instruments[market % _instruments.length];
        uint256 mark = ORACLE.spotOf(instrument.underlyingOf());
        (uint256 one, uint256 other) = (_most(first, instrument, mark), _most(second, instrument, mark));
        size = _bound(size, 1, (one < other ? one : other) + 1);
        price = _bound(price, mark * (BPS - BAND_BPS) / BPS, mark * (BPS + BAND_BPS) / BPS);
        int256 signed = buys ? int256(size) : -int256(size);
        VENUE.matchOrders(
            _order(first, instrument, signed, price), "", _order(second, instrument, -signed, price), "", size
        );
    }

    /// @dev One price moves, as far as the oracle believes at once; the others are said anew; then the oracle looks at all.
    function move(uint256 market, uint256 bps) external {
        bps = BPS - MOVE_BPS + _bound(bps, 0, 2 * MOVE_BPS);
        CHEATS.warp(block.timestamp + 1);
        uint16[] memory all = new uint16[](_instruments.length);
        for (uint256 i; i < all.length; ++i) {
            all[i] = _instruments[i].underlyingOf();
            uint256 answer = ORACLE.spotOf(all[i]) / 1e10;
            if (i == market % all.length) answer = answer * bps / BPS;
            _say(_feeds[i], answer == 0 ? 1 : answer);
        }
        ORACLE.poke(all);
    }

    function start(uint256 who, uint256 reward) external {
        LIQUIDATION.start(_user(who), _user(reward));
    }

    function take(uint256 who, uint256 by, uint256 fraction) external {
        LIQUIDATION.take(
            ILiquidation.Bid({
                account: _user(who),
                taker: _user(by),
                maxFractionWad: _bound(fraction, 1, WAD),
                minFractionWad: 0,
                maxPaymentWad: type(int256).max,
                minDiscountWad: 0,
                receiver: address(0),
                data: ""
            })
        );
    }

    function accrue(uint256 market) external {
        POSITIONS.accrue(_instruments[market % _instruments.length]);
        LEDGER.accrueInterest();
    }

    function wait(uint256 time) external {
        CHEATS.warp(block.timestamp + _bound(time, 1, 1_200));
    }

    /// @notice EIP-1271: signs everything.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0x1626ba7e;
    }

    /// @dev What the feed's owner would do, whose key Echidna has no cheat for: MockFeed's answer and its time.
    function _say(address feed, uint256 answer) private {
        CHEATS.store(feed, bytes32(uint256(1)), bytes32(answer));
        CHEATS.store(feed, bytes32(uint256(2)), bytes32(block.timestamp));
    }

    function _order(uint64 account, InstrumentId instrument, int256 size, uint256 price)
        private
        returns (IVenue.Order memory)
    {
        return IVenue.Order({
            account: account,
            signer: address(this),
            instrument: instrument,
            sizeWad: size,
            limitPriceWad: price,
            nonce: ++_nonce,
            expiresAt: type(uint40).max,
            reduceOnly: false,
            postOnly: false
        });
    }

    /// @dev Size that free equity can bear at ten times leverage, or that is held already.
    function _most(uint64 account, InstrumentId instrument, uint256 mark) private view returns (uint256 most) {
        ILens.AccountView memory v = _look(account);
        int256 free = v.health.margin.equityWad - int256(v.health.margin.initialWad);
        most = free > 0 ? uint256(free) * 10 * WAD / mark : 0;
        for (uint256 i; i < v.positions.length; ++i) {
            int256 size = v.positions[i].sizeWad;
            uint256 held = uint256(size < 0 ? -size : size);
            if (instrument.same(v.positions[i].instrument) && held > most) most = held;
        }
    }

    function _look(uint64 account) private view returns (ILens.AccountView memory) {
        uint64[] memory one = new uint64[](1);
        one[0] = account;
        return LENS.accountsOf(one)[0];
    }

    function _user(uint256 seed) private view returns (uint64) {
        return _users[seed % _users.length];
    }

    function _bound(uint256 x, uint256 low, uint256 high) private pure returns (uint256) {
        return high <= low ? low : x >= low && x <= high ? x : low + x % (high - low + 1);
    }
}
