// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { IERC20Metadata } from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { SafeCastLib } from "solady/utils/SafeCastLib.sol";

import { CashPool } from "contracts/libraries/CashPool.sol";
import { BPS, FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { Lanes } from "contracts/libraries/Lanes.sol";
import { Positions } from "contracts/ledger/Positions.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { IRisk } from "interfaces/IRisk.sol";
import { IVault } from "interfaces/IVault.sol";
import { Action, Health, Holding, InstrumentId, Margin, Mode, Price } from "interfaces/Types.sol";

/// @notice Constants of a ledger, fixed at deployment.
struct LedgerConfig {
    uint16 bandBps; // how far from the mark a fill may be
    uint16 maxFeeBps; // most that one side of a fill may be charged, share of notional
    uint16 fundingCapBps; // most that funding may be per hour, share of notional
    uint32 fundingPeriodSeconds; // time in which a premium is paid once
    uint16 baseRateBps; // interest per year at utilisation zero,
    uint16 kinkBps; // …utilisation at the kink,
    uint16 kinkRateBps; // …rate there,
    uint16 maxRateBps; // …and at utilisation one
}

/// @title Ledger
/// @dev Every change has one shape: bring time up to now → change cash and positions → check margin → move tokens.
contract Ledger is ILedger, AccessManaged, ReentrancyGuardTransient {
    using CashPool for Pool;
    using FixedPoint for uint256;
    using FixedPoint for int256;
    using Lanes for uint256;
    using SafeCastLib for uint256;
    using SafeCastLib for int256;

    /// @dev One word that every use of an account reads, one for its owner; one a collateral balance.
    struct Account {
        int128 shares; // cash: credit (+) or debt (−) shares
        uint80 assetLanes; // collateral held: listed ids
        Mode mode;
        uint40 principal; // [PRINCIPAL_UNIT_WAD] cash paid in and not yet taken out, as far as it is free
        address owner;
    }

    uint256 public constant FILL = 1;
    uint256 public constant MOVE = 2;
    uint256 public constant SEIZE = 4;

    uint256 public constant MAX_HOLDINGS = 5;

    uint256 public constant PRINCIPAL_UNIT_WAD = 1e12;
    uint256 public constant FREE_PRINCIPAL_WAD = 10_000 * WAD; // of an account; no limit on outflows holds it

    IOracle public immutable ORACLE;
    IRisk public immutable RISK;
    IBreaker public immutable BREAKER;
    IPositions public immutable POSITIONS;

    uint256 public immutable MAX_FEE_BPS;
    uint256 public immutable BASE_RATE_BPS;
    uint256 public immutable KINK_BPS;
    uint256 public immutable KINK_RATE_BPS;
    uint256 public immutable MAX_RATE_BPS;

    Pool private _pool;

    uint64 public accounts;
    uint16 public assets;

    mapping(uint64 account => Account) private _accounts;
    mapping(uint256 accountAndAsset => uint256) private _balances;
    mapping(address owner => mapping(address operator => bool)) private _operators;
    mapping(uint16 => Asset) private _assets;
    mapping(address engine => uint256 rights) public engineRights;

    modifier onlyEngine(uint256 right) {
        _requireEngine(right);
        _;
    }

    modifier onlyAuthorised(uint64 account) {
        if (!isAuthorised(account, msg.sender)) revert NotAuthorised(account, msg.sender);
        _;
    }

    constructor(address authority, IOracle oracle, IRisk risk, IBreaker breaker, LedgerConfig memory c)
        AccessManaged(authority)
    {
        _requireAtMost(c.bandBps, BPS);
        _requireAtMost(c.maxFeeBps, BPS);
        _requireAtMost(1, c.fundingPeriodSeconds);
        _requireAtMost(c.baseRateBps, c.kinkRateBps);
        _requireAtMost(c.kinkRateBps, c.maxRateBps);
        _requireAtMost(1, c.kinkBps);
        _requireAtMost(c.kinkBps, BPS - 1);

        (ORACLE, RISK, BREAKER) = (oracle, risk, breaker);
        POSITIONS = new Positions(authority, oracle, risk, c.bandBps, c.fundingCapBps, c.fundingPeriodSeconds);
        MAX_FEE_BPS = c.maxFeeBps;
        (BASE_RATE_BPS, KINK_BPS, KINK_RATE_BPS, MAX_RATE_BPS) = (c.baseRateBps, c.kinkBps, c.kinkRateBps, c.maxRateBps);

        _pool = Pool({
            creditShares: 0,
            debtShares: 0,
            creditIndexWad: uint104(WAD),
            debtIndexWad: uint104(WAD),
            accruedAt: uint40(block.timestamp)
        });
    }

    function _requireEngine(uint256 right) private view {
        if (engineRights[msg.sender] & right == 0) revert NotEngine(msg.sender, right);
    }

    function _requireAtMost(uint256 value, uint256 bound) private pure {
        if (value > bound) revert BadConfig(value, bound);
    }

    // --- Accounts ---

    /// @inheritdoc ILedger
    function open(Mode mode) external returns (uint64 account) {
        if (mode == Mode.None) revert IRisk.UnknownMode(mode);

        account = ++accounts;
        (_accounts[account].owner, _accounts[account].mode) = (msg.sender, mode);

        emit AccountOpened(account, msg.sender, mode);
    }

    /// @inheritdoc ILedger
    function setOperator(address operator, bool approved) external {
        _operators[msg.sender][operator] = approved;

        emit OperatorSet(msg.sender, operator, approved);
    }

    // --- Money ---

    /// @inheritdoc ILedger
    function deposit(uint64 account, uint16 asset, uint256 amount) external nonReentrant {
        // No breaker check: deposits are never blocked.
        Account storage a = _existing(account);
        Asset memory listed = _listed(asset);
        if (asset != 0 && !isAuthorised(account, msg.sender)) revert NotAuthorised(account, msg.sender);
        if (asset != 0 && a.mode == Mode.Isolated) revert IRisk.CollateralInIsolated(asset);
        if (amount == 0) revert ZeroAmount();

        uint256 received = IVault(listed.vault).pull(msg.sender, amount);

        if (asset == 0) {
            Pool memory pool_ = _accruedPool();
            _addCash(pool_, a, (received * listed.unit).toInt256());
            _storePool(pool_);
            a.principal = _principalWith(a.principal, received * listed.unit);
        } else {
            _addHolding(account, asset, received);
        }

        emit Deposited(account, asset, msg.sender, received);
    }

    /// @inheritdoc ILedger
    function withdraw(uint64 account, uint16 asset, uint256 amount, address to)
        external
        nonReentrant
        onlyAuthorised(account)
    {
        Account storage a = _accounts[account];
        Asset memory listed = _listed(asset);
        if (amount == 0) revert ZeroAmount();
        // No check on `to`: the owner may send anywhere, and the token rejects the zero address.

        Pool memory pool_ = _accruedPool();
        uint256 exempt;
        if (asset == 0) {
            _addCash(pool_, a, -(amount * listed.unit).toInt256());
            exempt = _usePrincipal(a, amount, listed.unit);
        } else {
            _removeHolding(account, asset, amount);
        }
        _storePool(pool_);

        _requireWithdrawable(account, a, pool_);

        emit Withdrawn(account, asset, to, amount);

        _push(listed.vault, to, amount, exempt);
    }

    /// @dev Rounds down: the account has a little less that is free.
    function _principalWith(uint256 principal, uint256 paidWad) private pure returns (uint40) {
        uint256 sum = principal + paidWad / PRINCIPAL_UNIT_WAD;
        uint256 most = FREE_PRINCIPAL_WAD / PRINCIPAL_UNIT_WAD;
        return uint40(sum < most ? sum : most);
    }

    /// @dev How much of a withdrawal is the account's own principal, which no limit on outflows holds. What is used rounds up.
    function _usePrincipal(Account storage a, uint256 amount, uint256 unit) private returns (uint256 exempt) {
        uint256 principal = a.principal;
        exempt = principal * PRINCIPAL_UNIT_WAD / unit;
        if (exempt > amount) exempt = amount;
        a.principal = uint40(principal - (exempt * unit + PRINCIPAL_UNIT_WAD - 1) / PRINCIPAL_UNIT_WAD);
    }

    /// @dev Equity ≥ IM and cash ≥ −borrow limit. Without positions and collateral no price is needed.
    function _requireWithdrawable(uint64 account, Account storage a, Pool memory pool_) private view {
        Health memory h = _healthOf(_query(account, a, pool_));
        _check(Action.Withdraw, h);

        Margin memory margin = h.margin;
        if (margin.equityWad < int256(margin.initialWad)) {
            revert BelowInitialMargin(account, margin.equityWad, margin.initialWad);
        }
        if (h.cashWad < -int256(margin.borrowLimitWad)) {
            revert UnrealisedProfit(account, h.cashWad, margin.borrowLimitWad);
        }
    }

    // --- Time ---

    /// @inheritdoc ILedger
    function accrueInterest() external nonReentrant {
        Pool memory pool_ = _accruedPool();
        _pool = pool_;

        emit InterestAccrued(pool_.creditIndexWad, pool_.debtIndexWad);
    }

    /// @inheritdoc ILedger
    function settle(uint64 account, InstrumentId instrument) external nonReentrant {
        int256 cash = POSITIONS.settle(account, instrument);
        _receive(account, cash);

        emit Settled(account, instrument, cash);
    }

    /// @inheritdoc ILedger
    function settleMany(uint64[] calldata holders, InstrumentId instrument) external {
        for (uint256 i; i < holders.length; ++i) {
            try this.settle(holders[i], instrument) { } catch { } // whoever it is refused for, the others get theirs
        }
    }

    // --- Engines ---

    /// @inheritdoc ILedger
    function fill(Fill calldata f) external nonReentrant onlyEngine(FILL) {
        if (f.buyer == f.seller) revert SameAccount(f.buyer);
        if (f.sizeWad == 0) revert ZeroAmount();

        IPositions.Trade memory t = POSITIONS.trade(f.instrument, f.buyer, f.seller, f.sizeWad, f.priceWad);
        uint256 fee = f.buyerFeeWad > f.sellerFeeWad ? f.buyerFeeWad : f.sellerFeeWad;
        if (fee * BPS > t.quoteWad * MAX_FEE_BPS) revert FeeTooHigh(fee, t.quoteWad * MAX_FEE_BPS / BPS);

        Pool memory pool_ = _accruedPool();
        _pay(pool_, f.buyer, t.buyerCashWad - f.buyerFeeWad.toInt256());
        _pay(pool_, f.seller, t.sellerCashWad - f.sellerFeeWad.toInt256());
        _pay(pool_, f.feeAccount, (f.buyerFeeWad + f.sellerFeeWad).toInt256());
        _storePool(pool_);

        int256 size = f.sizeWad.toInt256();
        int256 quote = t.quoteWad.toInt256();
        _requireTradable(f.buyer, f.instrument, size, quote + f.buyerFeeWad.toInt256(), t.buyerShrinks, pool_);
        _requireTradable(f.seller, f.instrument, -size, f.sellerFeeWad.toInt256() - quote, t.sellerShrinks, pool_);

        emit Filled(f.instrument, f.buyer, f.seller, f.sizeWad, f.priceWad, f.buyerFeeWad, f.sellerFeeWad);
    }

    /// @dev After a trade of `size` for `paid`: equity ≥ IM; or less risk and no worse health. `E'/MM' ≥ E/MM` is compared
    /// by its cross product, against the account with the trade undone.
    function _requireTradable(
        uint64 account,
        InstrumentId instrument,
        int256 size,
        int256 paid,
        bool shrinks,
        Pool memory pool_
    ) private view {
        IPositions.Query memory query = _query(account, _accounts[account], pool_);
        Health memory h = _healthOf(query);
        if (!shrinks) _check(Action.Increase, h);

        Margin memory next = h.margin;
        if (next.equityWad >= int256(next.initialWad)) return;
        if (!shrinks) revert BelowInitialMargin(account, next.equityWad, next.initialWad);

        (query.instrument, query.extraWad, query.cashWad) = (instrument, -size, query.cashWad + paid);
        Margin memory prior = _healthOf(query).margin;
        bool worse = next.equityWad * int256(prior.maintenanceWad) < prior.equityWad * int256(next.maintenanceWad);
        if (worse || next.maintenanceWad > prior.maintenanceWad) {
            revert BelowInitialMargin(account, next.equityWad, next.initialWad);
        }
    }

    /// @inheritdoc ILedger
    function move(uint64 from, uint64 to, uint256 amountWad) external nonReentrant onlyEngine(MOVE) {
        // No event: whoever moves says why in its own.
        _exchange(from, -amountWad.toInt256(), to, amountWad.toInt256());
    }

    /// @inheritdoc ILedger
    function take(uint64 from, uint64 to, uint256 fractionWad, uint256 discountWad, address receiver)
        external
        nonReentrant
        onlyEngine(SEIZE)
        returns (int256 cashWad)
    {
        if (from == to) revert SameAccount(from);

        (int256 given, int256 got) = POSITIONS.take(from, to, fractionWad);
        uint256 assetLanes = _accounts[from].assetLanes;
        for (uint256 lanes = assetLanes; lanes != 0; lanes >>= Lanes.BITS) {
            cashWad += _sliceValue(uint16(lanes), from, fractionWad);
        }
        cashWad -= discountWad.toInt256();
        _exchange(from, given + cashWad, to, got - cashWad);

        emit SliceTaken(from, to, fractionWad, cashWad);

        // Tokens last: whatever they call, everything is priced and booked.
        for (uint256 lanes = assetLanes; lanes != 0; lanes >>= Lanes.BITS) {
            _takeHolding(uint16(lanes), from, to, fractionWad, receiver);
        }
    }

    /// @dev Value [wad] of the collateral handed over, rounded down.
    function _sliceValue(uint16 asset, uint64 from, uint256 fractionWad) private view returns (int256) {
        Asset memory listed = _assets[asset];
        uint256 amount = _balances[_key(from, asset)].mulWadDown(fractionWad);
        return (amount * listed.unit).mulWadDown(ORACLE.spotOf(listed.underlying)).toInt256();
    }

    function _takeHolding(uint16 asset, uint64 from, uint64 to, uint256 fractionWad, address receiver) private {
        uint256 amount = _balances[_key(from, asset)].mulWadDown(fractionWad);
        if (amount == 0) return;

        _removeHolding(from, asset, amount);
        if (receiver == address(0)) _addHolding(to, asset, amount);
        else _push(_assets[asset].vault, receiver, amount, amount); // sold, not withdrawn: no limit may stop it
    }

    /// @inheritdoc ILedger
    function deleverage(uint64 account, InstrumentId instrument, uint256 deficitWad)
        external
        nonReentrant
        onlyEngine(SEIZE)
        returns (int256 sizeWad, uint256 priceWad)
    {
        int256 cash;
        (sizeWad, priceWad, cash) = POSITIONS.deleverage(account, instrument, deficitWad);
        _receive(account, cash);
    }

    /// @inheritdoc ILedger
    function writeOff(uint64 account) external nonReentrant onlyEngine(SEIZE) returns (uint256 lossWad) {
        Account storage a = _existing(account);
        uint256 legs = POSITIONS.countOf(account);
        if (legs != 0 || a.assetLanes != 0) revert StillHolds(account, legs, uint256(a.assetLanes).length());
        Pool memory pool_ = _accruedPool();
        int256 cash = pool_.cashOf(a.shares);
        if (cash >= 0) revert NotInDebt(account, cash);

        lossWad = uint256(-cash);
        _addCash(pool_, a, -cash);
        pool_.writeDown(lossWad);
        _pool = pool_;

        emit WrittenOff(account, lossWad, pool_.creditIndexWad);
    }

    // --- Governance ---

    /// @inheritdoc ILedger
    function listAsset(address vault, uint16 underlying) external restricted returns (uint16 asset) {
        uint8 decimals = IERC20Metadata(IVault(vault).token()).decimals();
        if (decimals > 18) revert UnsupportedDecimals(decimals);
        for (uint16 i; i < assets; ++i) {
            if (_assets[i].vault == vault) revert AlreadyListed();
        }

        asset = assets++;
        _assets[asset] = Asset(vault, underlying, uint64(10 ** (18 - decimals)));

        emit AssetListed(asset, vault, underlying, 10 ** (18 - decimals));
    }

    /// @inheritdoc ILedger
    function setEngine(address engine, uint256 rights) external restricted {
        _setEngine(engine, rights);
    }

    /// @inheritdoc ILedger
    function revokeEngine(address engine) external restricted {
        _setEngine(engine, 0);
    }

    function _setEngine(address engine, uint256 rights) private {
        engineRights[engine] = rights;

        emit EngineSet(engine, rights);
    }

    // --- Views ---

    /// @inheritdoc ILedger
    function healthOf(uint64 account) external view returns (Health memory) {
        _tellHealth(account, type(uint256).max);
    }

    /// @inheritdoc ILedger
    function healthBy(uint64 account, uint256 witness) external view returns (Health memory) {
        _tellHealth(account, witness);
    }

    /// @dev Ends the call.
    function _tellHealth(uint64 account, uint256 witness) private view {
        IPositions.Query memory query = _query(account, _existing(account), _accruedPool());
        query.witness = witness;
        bytes memory question = abi.encodeCall(IPositions.healthOf, (query));
        address positions = address(POSITIONS);
        // The answer is passed on as it came: it has the form of ours.
        assembly {
            let answered := staticcall(gas(), positions, add(question, 32), mload(question), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if answered { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    /// @inheritdoc ILedger
    function ownerOf(uint64 account) external view returns (address) {
        return _accounts[account].owner;
    }

    /// @inheritdoc ILedger
    function modeOf(uint64 account) external view returns (Mode) {
        return _accounts[account].mode;
    }

    /// @inheritdoc ILedger
    function isAuthorised(uint64 account, address who) public view returns (bool) {
        address owner = _existing(account).owner;
        return who == owner || _operators[owner][who];
    }

    /// @inheritdoc ILedger
    function cashOf(uint64 account) external view returns (int256) {
        return _accruedPool().cashOf(_accounts[account].shares);
    }

    /// @inheritdoc ILedger
    function freePrincipalOf(uint64 account) external view returns (uint256) {
        return _accounts[account].principal * PRINCIPAL_UNIT_WAD;
    }

    /// @inheritdoc ILedger
    function balanceOf(uint64 account, uint16 asset) external view returns (uint256) {
        return _balances[_key(account, asset)];
    }

    /// @inheritdoc ILedger
    function assetsOf(uint64 account) external view returns (uint16[] memory held) {
        uint256 lanes = _accounts[account].assetLanes;
        held = new uint16[](lanes.length());
        for (uint256 i; i < held.length; ++i) {
            held[i] = lanes.lane(i);
        }
    }

    /// @inheritdoc ILedger
    function pool() external view returns (Pool memory) {
        return _accruedPool();
    }

    /// @inheritdoc ILedger
    function assetOf(uint16 asset) external view returns (Asset memory) {
        return _listed(asset);
    }

    // --- Health ---

    function _healthOf(IPositions.Query memory query) private view returns (Health memory) {
        return POSITIONS.healthOf(query);
    }

    function _check(Action action, Health memory h) private view {
        BREAKER.check(action, h.items, 0);
    }

    /// @dev What the account owns and owes besides its positions.
    function _query(uint64 account, Account storage a, Pool memory pool_)
        private
        view
        returns (IPositions.Query memory query)
    {
        (query.account, query.mode, query.witness) = (account, a.mode, type(uint256).max);
        query.cashWad = pool_.cashOf(a.shares);
        uint256 lanes = a.assetLanes;
        if (lanes == 0) return query;

        query.holdings = new Holding[](lanes.length());
        query.underlyings = new uint16[](query.holdings.length);
        for (uint256 i; i < query.holdings.length; ++i) {
            uint16 asset = lanes.lane(i);
            Asset memory listed = _assets[asset];
            Price memory price = ORACLE.priceOf(listed.underlying);
            uint256 amount = _balances[_key(account, asset)] * listed.unit;
            query.holdings[i] = Holding(asset, amount, price.spotWad, price.emaWad, price.grade);
            query.underlyings[i] = listed.underlying;
        }
    }

    // --- Collateral ---

    function _addHolding(uint64 account, uint16 asset, uint256 amount) private {
        Account storage a = _accounts[account];
        uint256 lanes = a.assetLanes;
        if (!lanes.holds(asset)) {
            if (lanes.length() == MAX_HOLDINGS) revert TooManyHoldings(account, MAX_HOLDINGS);
            a.assetLanes = uint80(lanes.add(asset));
        }
        uint256 balance = _balances[_key(account, asset)] + amount;
        (balance * _assets[asset].unit).toUint128(); // margin is computed on amounts of 128 bits
        _balances[_key(account, asset)] = balance;
    }

    function _push(address vault, address to, uint256 amount, uint256 exempt) private {
        IVault(vault).push(to, amount, exempt);
    }

    function _removeHolding(uint64 account, uint16 asset, uint256 amount) private {
        Account storage a = _accounts[account];
        uint256 balance = _balances[_key(account, asset)];
        if (amount > balance) revert InsufficientBalance(account, asset, balance, amount);
        if (amount == balance) a.assetLanes = uint80(uint256(a.assetLanes).remove(asset));
        _balances[_key(account, asset)] = balance - amount;
    }

    // --- Cash ---

    function _addCash(Pool memory pool_, Account storage a, int256 delta) private {
        if (delta != 0) a.shares = pool_.change(a.shares, delta);
    }

    function _pay(Pool memory pool_, uint64 account, int256 delta) private {
        _addCash(pool_, _existing(account), delta);
    }

    function _receive(uint64 account, int256 delta) private {
        Pool memory pool_ = _accruedPool();
        _pay(pool_, account, delta);
        _storePool(pool_);
    }

    function _exchange(uint64 from, int256 fromDelta, uint64 to, int256 toDelta) private {
        Pool memory pool_ = _accruedPool();
        _pay(pool_, from, fromDelta);
        _pay(pool_, to, toDelta);
        _storePool(pool_);
    }

    function _accruedPool() private view returns (Pool memory pool_) {
        pool_ = _pool;
        pool_.accrue(CashPool.Curve(BASE_RATE_BPS, KINK_BPS, KINK_RATE_BPS, MAX_RATE_BPS), block.timestamp);
    }

    /// @dev Without debt the indices stand still, so their word (and its clock) need not be written.
    function _storePool(Pool memory pool_) private {
        if (pool_.debtShares != 0 || _pool.debtShares != 0) _pool = pool_;
        else _pool.creditShares = pool_.creditShares;
    }

    // --- Lookups ---

    function _existing(uint64 account) private view returns (Account storage a) {
        a = _accounts[account];
        if (a.mode == Mode.None) revert NoSuchAccount(account);
    }

    function _listed(uint16 asset) private view returns (Asset memory listed) {
        listed = _assets[asset];
        if (listed.vault == address(0)) revert NoSuchAsset(asset);
    }

    function _key(uint64 account, uint16 id) private pure returns (uint256) {
        return (uint256(account) << 16) | id;
    }
}
