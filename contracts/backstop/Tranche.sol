// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { AccessManaged } from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import { IERC4626 } from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import { ERC20 } from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { ERC4626 } from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { Math } from "@openzeppelin/contracts/utils/math/Math.sol";
import { FixedPointMathLib } from "solady/utils/FixedPointMathLib.sol";

import { Arrivals } from "contracts/backstop/Arrivals.sol";
import { BackstopCurve } from "contracts/backstop/BackstopCurve.sol";
import { Desk, Parts } from "contracts/backstop/Desk.sol";
import { BPS, FixedPoint } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { ITranche } from "interfaces/ITranche.sol";
import { IVault } from "interfaces/IVault.sol";
import { Action, Grade, Level, Mode } from "interfaces/Types.sol";

// Why a loss never exceeds the cap. Only RISK takes over, and an epoch begins with at most what is left of the cap in it;
// nothing follows until the epoch has ended and its result is booked. What RISK owes beyond that is a debt of an
// account like any other: the waterfall's, not the reserve's.
//
// Why nobody's share is diluted. Entry and exit happen at rest, when all there is is cash: no mark is in the price of a
// share. An entry pays for the profit that still vests, an exit leaves it. Money that is given away raises the price of
// all shares, and OFFSET virtual shares a unit make it dearer to give than what rounding could take from the next.
//
// Deposits fill RISK first and withdrawals empty it last, so that money seldom has to move between the two: a move leaves
// the vault and comes back, which limits on outflows and the gate may delay. Ending an epoch and queueing move nothing.

/// @notice The backstop of one market.
contract Tranche is ITranche, ERC4626, AccessManaged, ReentrancyGuardTransient {
    using FixedPoint for uint256;
    using SafeERC20 for IERC20;

    /// @notice The queue of one epoch, and what it came to.
    struct Epoch {
        uint256 shares;
        uint256 assets;
    }

    uint256 public constant MAX_LEVERAGE_BPS = 10 * BPS;
    uint256 public constant MAX_CONCESSION_BPS = 1_000;
    uint256 public constant MAX_WAIT_SECONDS = 1 days;
    uint256 public constant MAX_UNWIND_SECONDS = 7 days;
    uint256 public constant MAX_VEST_SECONDS = 30 days;
    uint256 public constant MAX_REWARD_CAP_BPS = 2_000;
    uint256 public constant MAX_REWARD_GAS = 1_500_000;
    /// @inheritdoc ITranche
    uint256 public constant MAX_STOP_SECONDS = 1 days;
    uint256 public constant STOP_COOLDOWN_SECONDS = 2 days;

    uint8 private constant OFFSET = 6; // decimals that shares have beyond the token's

    ILedger public immutable LEDGER;
    IBreaker public immutable BREAKER;
    IVault public immutable VAULT;
    IPositions public immutable POSITIONS;
    Desk public immutable DESK;
    /// @inheritdoc ITranche
    uint64 public immutable RESERVE;
    /// @inheritdoc ITranche
    uint64 public immutable RISK;
    uint256 public immutable UNIT_WAD; // [wad] one smallest unit of the token

    Params private _params;
    uint256 private _lost;
    uint256 private _staked;
    uint256 private _queued; // shares
    uint256 private _owed;
    uint256 private _profit; // that vests since…
    uint40 private _vestsFrom;
    uint40 private _stoppedUntil;
    uint256 private _epoch;
    mapping(uint256 epoch => Epoch) private _epochs;
    mapping(uint256 epoch => mapping(address controller => uint256 shares)) private _requests;

    constructor(
        address authority,
        Parts memory parts,
        string memory name_,
        string memory symbol_,
        Params memory initial
    ) ERC20(name_, symbol_) ERC4626(IERC20(parts.vault.token())) AccessManaged(authority) {
        (LEDGER, BREAKER, VAULT) = (parts.ledger, parts.breaker, parts.vault);
        POSITIONS = parts.ledger.POSITIONS();
        UNIT_WAD = 10 ** (18 - (decimals() - OFFSET));
        RESERVE = parts.ledger.open(Mode.Cross);
        DESK = new Desk(parts, UNIT_WAD);
        RISK = DESK.RISK();
        _setParams(initial);
        // The vault takes for the ledger alone, and the ledger from its caller alone.
        IERC20(asset()).forceApprove(address(parts.vault), type(uint256).max);
    }

    /* RISK */

    /// @inheritdoc ITranche
    function begin() external nonReentrant returns (Params memory) {
        if (msg.sender != address(DESK)) revert NotDesk(msg.sender);
        if (block.timestamp < _stoppedUntil) revert TakeoversStopped(_stoppedUntil);

        if (!_carriesRisk()) {
            _settle();
            uint256 capAmount = _params.lossCapWad / UNIT_WAD;
            if (_lost >= capAmount) revert LossCapReached(_lost, capAmount);
            _level(type(uint256).max);
            _staked = _amountOf(LEDGER.cashOf(RISK));

            emit Staked(_staked);
        }
        return _params;
    }

    /// @inheritdoc ITranche
    function level(uint256 mostAmount) external nonReentrant {
        _settle();
        _level(mostAmount);
    }

    /// @inheritdoc ITranche
    function settle() external nonReentrant {
        _settle();
    }

    /// @dev At rest. RISK has what may be lost, as far as what is owed to others leaves it.
    function _level(uint256 mostAmount) private {
        int256 cashWad = LEDGER.cashOf(RISK);
        if (cashWad < 0) revert RiskInDebt(cashWad); // it would be paid beyond the cap; `writeOff` is open to anyone
        (uint256 risk, uint256 reserve) = (_amountOf(cashWad), _amountOf(LEDGER.cashOf(RESERVE)));
        uint256 target = FixedPointMathLib.min(_capLeft(), FixedPointMathLib.zeroFloorSub(risk + reserve, _owed));

        if (risk > target) _move(RISK, RESERVE, FixedPointMathLib.min(risk - target, mostAmount));
        else _move(RESERVE, RISK, FixedPointMathLib.min(target - risk, mostAmount));
    }

    /// @dev First the result of the epoch, then those who wait for it: they leave at a price that has it in.
    function _settle() private {
        (uint256 legs, uint256 holdings) = _held();
        if (legs + holdings != 0) revert CarriesRisk(legs, holdings);
        uint256 shares = _queued;
        if (_staked == 0 && shares == 0) return;

        uint256 returned = _staked == 0 ? 0 : _book();
        uint256 assets = _convertToAssets(shares, Math.Rounding.Floor);
        if (shares != 0) {
            _burn(address(this), shares);
            _epochs[_epoch] = Epoch(shares, assets);
            (_queued, _owed) = (0, _owed + assets);
        }

        emit EpochSettled(_epoch++, returned, shares, assets);
    }

    function _book() private returns (uint256 returned) {
        uint256 staked = _staked;
        returned = _amountOf(LEDGER.cashOf(RISK));
        _staked = 0;
        if (returned < staked) {
            _lost += staked - returned;
        } else {
            uint256 profit = returned - staked;
            _lost = FixedPointMathLib.zeroFloorSub(_lost, profit);
            (_profit, _vestsFrom) = (_vesting() + profit, uint40(block.timestamp));
        }
    }

    /* LEAVING */

    /// @inheritdoc ITranche
    function requestRedeem(uint256 shares, address controller, address owner)
        external
        nonReentrant
        returns (uint256 requestId)
    {
        if (shares == 0) revert ZeroShares();
        if (owner != msg.sender) _spendAllowance(owner, msg.sender, shares);

        _transfer(owner, address(this), shares);
        requestId = _epoch;
        _requests[requestId][controller] += shares;
        _queued += shares;

        emit RedeemRequest(controller, owner, requestId, msg.sender, shares);
    }

    /// @inheritdoc ITranche
    function claim(uint256 requestId, address controller, address receiver)
        external
        nonReentrant
        returns (uint256 assets)
    {
        if (msg.sender != controller) revert NotController(controller, msg.sender);
        if (requestId >= _epoch) revert NotClaimable(requestId, _epoch);
        uint256 shares = _requests[requestId][controller];
        if (shares == 0) revert ZeroShares();

        Epoch memory e = _epochs[requestId];
        assets = shares.mulDivDown(e.assets, e.shares); // down: whoever leaves may lose the unit
        delete _requests[requestId][controller];
        _owed -= assets;

        emit Claimed(controller, requestId, receiver, assets);

        _pay(receiver, assets);
    }

    /* GOVERNANCE */

    /// @inheritdoc ITranche
    function setParams(Params calldata p) external restricted {
        _setParams(p);
    }

    /// @inheritdoc ITranche
    function stop(uint32 stopSeconds) external restricted {
        if (stopSeconds > MAX_STOP_SECONDS) revert StopTooLong(stopSeconds, MAX_STOP_SECONDS);
        uint256 readyAt = _stoppedUntil == 0 ? 0 : _stoppedUntil + STOP_COOLDOWN_SECONDS;
        if (block.timestamp < readyAt) revert CoolingDown(readyAt);

        _stoppedUntil = uint40(block.timestamp + stopSeconds);

        emit Stopped(_stoppedUntil);
    }

    function _setParams(Params memory p) private {
        _checkAtMost(p.leverageBps, MAX_LEVERAGE_BPS);
        _checkAtMost(p.minDiscountBps, BPS);
        _checkAtMost(p.waitSeconds, MAX_WAIT_SECONDS);
        _checkAtMost(p.concessionBps, MAX_CONCESSION_BPS);
        _checkAtMost(1, p.unwindSeconds);
        _checkAtMost(p.unwindSeconds, MAX_UNWIND_SECONDS);
        _checkAtMost(1, p.vestSeconds);
        _checkAtMost(p.vestSeconds, MAX_VEST_SECONDS);
        _checkAtMost(p.rewardCapBps, MAX_REWARD_CAP_BPS);
        _checkAtMost(p.rewardGas, MAX_REWARD_GAS);

        _params = p;

        emit ParamsSet(p);
    }

    function _checkAtMost(uint256 value, uint256 bound) private pure {
        if (value > bound) revert BadParams(value, bound);
    }

    /* VIEWS */

    /// @inheritdoc IERC4626
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        (uint256 gross, uint256 pending) = _worth();
        return FixedPointMathLib.zeroFloorSub(gross, pending);
    }

    /// @inheritdoc IERC4626
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256) {
        return _carriesRisk() ? 0 : FixedPointMathLib.zeroFloorSub(VAULT.cap(), VAULT.held());
    }

    /// @inheritdoc IERC4626
    function maxMint(address receiver) public view override(ERC4626, IERC4626) returns (uint256) {
        return previewDeposit(maxDeposit(receiver));
    }

    /// @inheritdoc IERC4626
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        (Level everywhere,,) = BREAKER.stateOf(0);
        bool gated = BREAKER.gatedUntil() != 0;
        if (_carriesRisk() || !BREAKER.allowed(Action.Withdraw, Grade.Fresh, everywhere, false, gated)) return 0;

        (uint256 shares, uint256 most) = (balanceOf(owner), _mostOut());
        if (_convertToAssets(shares, Math.Rounding.Floor) <= most) return shares;
        return FixedPointMathLib.min(shares, _convertToShares(most, Math.Rounding.Floor));
    }

    /// @inheritdoc IERC4626
    function previewDeposit(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        (uint256 gross, uint256 supply) = _entered();
        return Math.mulDiv(assets, supply + 10 ** OFFSET, gross + 1);
    }

    /// @inheritdoc IERC4626
    function previewMint(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        (uint256 gross, uint256 supply) = _entered();
        return Math.mulDiv(shares, gross + 1, supply + 10 ** OFFSET, Math.Rounding.Ceil);
    }

    /// @inheritdoc ITranche
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return requestId < _epoch ? 0 : _requests[requestId][controller];
    }

    /// @inheritdoc ITranche
    function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256) {
        return requestId < _epoch ? _requests[requestId][controller] : 0;
    }

    /// @inheritdoc ITranche
    function params() external view returns (Params memory) {
        return _params;
    }

    /// @inheritdoc ITranche
    function state() external view returns (State memory) {
        return State({
            lostAmount: _lost,
            stakedAmount: _staked,
            queuedShares: _queued,
            owedAmount: _owed,
            vestingAmount: _vesting(),
            stoppedUntil: _stoppedUntil,
            epoch: _epoch
        });
    }

    /// @dev All that there is, and the profit in it that isn't the holders' yet: not booked, or not vested. Down, each account
    /// for itself, so that there is as much to withdraw.
    function _worth() private view returns (uint256 gross, uint256 pending) {
        uint256 staked = _staked;
        uint256 risk = _amountOf(staked == 0 ? LEDGER.cashOf(RISK) : LEDGER.healthOf(RISK).margin.equityWad);
        gross = FixedPointMathLib.zeroFloorSub(_amountOf(LEDGER.cashOf(RESERVE)) + risk, _owed);
        pending = _vesting() + (staked == 0 ? 0 : FixedPointMathLib.zeroFloorSub(risk, staked));
    }

    /// @dev What an entry is measured by: all that there is, and its shares, when the queue has left. Whoever waits in it
    /// leaves pending profit to those who stay, and that isn't for the next who enters.
    function _entered() private view returns (uint256 gross, uint256 supply) {
        (gross,) = _worth();
        supply = totalSupply();
        uint256 queued = _queued;
        if (queued == 0 || _carriesRisk()) return (gross, supply);
        (gross, supply) = (gross - _convertToAssets(queued, Math.Rounding.Floor), supply - queued);
    }

    /// @dev Most that leaves at once: the reserve goes first, and the limit on outflows holds what isn't free principal.
    function _mostOut() private view returns (uint256 most) {
        (uint256 used, uint256 capacity) = VAULT.outflow();
        uint256 room = FixedPointMathLib.zeroFloorSub(capacity, used);
        uint256 reserve = _amountOf(LEDGER.cashOf(RESERVE));
        uint256 free = FixedPointMathLib.min(LEDGER.freePrincipalOf(RESERVE) / UNIT_WAD, reserve);
        most = FixedPointMathLib.min(reserve, room + free);
        if (most == reserve) {
            room -= reserve - free;
            uint256 next = room + LEDGER.freePrincipalOf(RISK) / UNIT_WAD;
            most += FixedPointMathLib.min(_amountOf(LEDGER.cashOf(RISK)), next);
        }
        most = FixedPointMathLib.min(most, VAULT.held());
    }

    /// @dev What may still be lost; down: less is staked.
    function _capLeft() private view returns (uint256) {
        return FixedPointMathLib.zeroFloorSub(_params.lossCapWad / UNIT_WAD, _lost);
    }

    function _vesting() private view returns (uint256) {
        return BackstopCurve.vesting(_profit, block.timestamp - _vestsFrom, _params.vestSeconds);
    }

    function _carriesRisk() private view returns (bool) {
        (uint256 legs, uint256 holdings) = _held();
        return legs + holdings != 0;
    }

    /// @dev Positions that deleveraging closed count until somebody settles them in the ledger.
    function _held() private view returns (uint256 legs, uint256 holdings) {
        return (POSITIONS.countOf(RISK), LEDGER.assetsOf(RISK).length);
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return OFFSET;
    }

    /* MONEY */

    function _deposit(address caller, address receiver, uint256 assets, uint256 shares) internal override nonReentrant {
        _settle();
        super._deposit(caller, receiver, assets, shares);
    }

    function _withdraw(address caller, address receiver, address owner, uint256 assets, uint256 shares)
        internal
        override
        nonReentrant
    {
        _settle();
        super._withdraw(caller, receiver, owner, assets, shares);
    }

    /// @dev RISK first, as far as it may be staked; never into a debt of it.
    function _transferIn(address from, uint256 assets) internal override {
        int256 cashWad = LEDGER.cashOf(RISK);
        uint256 room = cashWad < 0 ? 0 : FixedPointMathLib.zeroFloorSub(_capLeft(), _amountOf(cashWad));
        uint256 part = FixedPointMathLib.min(room, assets);
        if (part != 0) Arrivals.receiveFrom(from, LEDGER, VAULT, RISK, part);
        if (assets != part) Arrivals.receiveFrom(from, LEDGER, VAULT, RESERVE, assets - part);
    }

    function _transferOut(address to, uint256 assets) internal override {
        _pay(to, assets);
    }

    /// @dev The reserve first; what is missing from RISK, but not in an epoch: then the reserve has all that is owed.
    function _pay(address to, uint256 amount) private {
        uint256 part = FixedPointMathLib.min(_amountOf(LEDGER.cashOf(RESERVE)), amount);
        if (part != 0) LEDGER.withdraw(RESERVE, 0, part, to);
        if (amount == part) return;
        if (_staked != 0 || _carriesRisk()) revert ReserveShort(part, amount);
        LEDGER.withdraw(RISK, 0, amount - part, to);
    }

    /// @dev Between the two accounts; what a token keeps for itself on the way is lost.
    function _move(uint64 from, uint64 to, uint256 amount) private {
        if (amount == 0) return;
        uint256 before = IERC20(asset()).balanceOf(address(this));
        LEDGER.withdraw(from, 0, amount, address(this));
        uint256 arrived = FixedPointMathLib.zeroFloorSub(IERC20(asset()).balanceOf(address(this)), before);
        LEDGER.deposit(to, 0, FixedPointMathLib.min(arrived, amount));
    }

    /// @dev Cash or equity in the token's decimals; down, and nothing where it is owed.
    function _amountOf(int256 wad) private view returns (uint256) {
        return wad > 0 ? uint256(wad) / UNIT_WAD : 0;
    }
}
