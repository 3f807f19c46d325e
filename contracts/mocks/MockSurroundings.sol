// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { FixedPoint, WAD } from "contracts/libraries/FixedPoint.sol";
import { IBreaker } from "interfaces/IBreaker.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { ILiquidation, ITaker } from "interfaces/ILiquidation.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { Action, Grade, Health, InstrumentId, Level, Mode, Price } from "interfaces/Types.sol";

/// @notice Ledger, positions, oracle, breaker and insurance fund in one, all of it set by the test. Moves do what the
/// real ones do to equity and cash; a slice scales the requirement.
contract MockSurroundings {
    using FixedPoint for uint256;

    event Took(uint64 from, uint64 to, uint256 fractionWad, uint256 discountWad, address receiver);
    event Moved(uint64 indexed from, uint64 indexed to, uint256 amountWad);
    event WithdrawnFrom(uint64 account, uint16 asset, uint256 amount, address to);
    event DeficitSeen(bool uncovered);
    event InsurancePaid(uint16 underlying, uint64 account, uint256 wantedWad, uint256 paidWad);

    uint64 public constant FUND = 1_000;

    uint64 public accounts;
    uint256 public drawn; // [wad] fraction that was drawn last
    uint256 public taken; // [wad] fraction for which depth is gone
    int256 public slip; // [wad] what rounding takes from an account when it is emptied
    int256 public moveSlip; // [wad] what rounding takes from both accounts of a move
    mapping(uint64 account => address) public ownerOf;
    mapping(uint64 account => mapping(InstrumentId => int256)) public sizeOf;
    mapping(Action => bool) public blocked;
    mapping(uint16 underlying => uint256) public capacity;
    mapping(uint16 underlying => uint256) public spotOf;
    mapping(uint16 underlying => uint256) public reopensAt;
    mapping(uint16 underlying => Level) public levelOf;
    mapping(uint16 underlying => uint32) public heartbeatOf;
    mapping(uint16 underlying => uint256) public volatilityOf;
    mapping(uint16 underlying => uint256) public varianceOf;
    mapping(uint256 witness => uint256) public provenBy;
    mapping(uint64 account => Health) private _health;
    InstrumentId[] private _listed; // place 0 unused
    mapping(InstrumentId => uint256) private _openInterest; // [wad] at a scale of one
    mapping(uint16 underlying => IPositions.Tally) private _tallies;

    // Set by the test

    function setHealth(uint64 account, Health calldata health) external {
        _health[account] = health;
    }

    function setOwner(uint64 account, address owner) external {
        ownerOf[account] = owner;
    }

    function setCash(uint64 account, int256 cashWad) external {
        (_health[account].cashWad, _health[account].margin.equityWad) = (cashWad, cashWad);
    }

    function setSize(uint64 account, InstrumentId instrument, int256 sizeWad) external {
        sizeOf[account][instrument] = sizeWad;
    }

    function setBlocked(Action action, bool yes) external {
        blocked[action] = yes;
    }

    function setCapacity(uint16 underlying, uint256 capacityWad) external {
        capacity[underlying] = capacityWad;
    }

    function setSpot(uint16 underlying, uint256 spotWad) external {
        spotOf[underlying] = spotWad;
    }

    function setHeartbeat(uint16 underlying, uint32 heartbeatSeconds) external {
        heartbeatOf[underlying] = heartbeatSeconds;
    }

    function setSlip(int256 slipWad) external {
        slip = slipWad;
    }

    function setMoveSlip(int256 slipWad) external {
        moveSlip = slipWad;
    }

    function setOpenInterest(InstrumentId instrument, uint256 baseWad) external {
        if (_listed.length == 0) _listed.push();
        if (_openInterest[instrument] == 0) _listed.push(instrument);
        _openInterest[instrument] = baseWad;
    }

    function setLevel(uint16 underlying, Level level) external {
        levelOf[underlying] = level;
    }

    function setProven(uint256 witness, uint256 maintenanceWad) external {
        provenBy[witness] = maintenanceWad;
    }

    function setReopened(uint16 underlying, uint256 time) external {
        reopensAt[underlying] = time;
    }

    // Ledger and positions

    function POSITIONS() external view returns (address) {
        return address(this);
    }

    function open(Mode) external returns (uint64 account) {
        account = ++accounts;
        ownerOf[account] = msg.sender;
    }

    function move(uint64 from, uint64 to, uint256 amountWad) external {
        int256 left = _health[from].cashWad - int256(amountWad);
        int256 lost = left < 0 ? int256(0) : left < moveSlip ? left : moveSlip; // credit never rounds into debt
        _credit(from, -int256(amountWad) - lost);
        _credit(to, int256(amountWad) - moveSlip);
        emit Moved(from, to, amountWad);
    }

    function withdraw(uint64 account, uint16 asset, uint256 amount, address to) external {
        if (ownerOf[account] != msg.sender) revert ILedger.NotAuthorised(account, msg.sender);
        emit WithdrawnFrom(account, asset, amount, to);
    }

    function take(uint64 from, uint64 to, uint256 fractionWad, uint256 discountWad, address receiver)
        external
        returns (int256)
    {
        Health storage h = _health[from];
        _credit(from, -int256(discountWad));
        _credit(to, int256(discountWad));
        h.margin.maintenanceWad = h.margin.maintenanceWad.mulWadDown(WAD - fractionWad);
        h.grossWad = h.grossWad.mulWadDown(WAD - fractionWad);
        if (fractionWad == WAD) _empty(h);
        emit Took(from, to, fractionWad, discountWad, receiver);
        return -int256(discountWad);
    }

    function deleverage(uint64 account, InstrumentId instrument, uint256 deficitWad)
        external
        returns (int256 sizeWad, uint256 priceWad)
    {
        Health storage h = _health[account];
        (sizeWad, priceWad) = (sizeOf[account][instrument], spotOf[instrument.underlyingOf()]);
        delete sizeOf[account][instrument];
        h.margin.equityWad += int256(deficitWad);
        if (h.legs + h.holdings == 1) _empty(h);
        else if (--h.legs == 0) (h.margin.maintenanceWad, h.grossWad) = (0, 0);
    }

    function writeOff(uint64 account) external returns (uint256 lossWad) {
        lossWad = uint256(-_health[account].cashWad);
        _credit(account, int256(lossWad));
    }

    function healthOf(uint64 account) external view returns (Health memory) {
        return _health[account];
    }

    /// @dev A witness proves what the test says that it does.
    function healthBy(uint64 account, uint256 witness) external view returns (Health memory h) {
        h = _health[account];
        if (witness != type(uint256).max) h.margin.maintenanceWad = provenBy[witness];
    }

    function cashOf(uint64 account) external view returns (int256) {
        return _health[account].cashWad;
    }

    function isAuthorised(uint64 account, address who) external view returns (bool) {
        return ownerOf[account] == who;
    }

    function positionOf(uint64 account, InstrumentId instrument) external view returns (int256, int256) {
        return (sizeOf[account][instrument], 0);
    }

    function instruments() external view returns (InstrumentId[] memory) {
        return _listed;
    }

    function marketOf(InstrumentId instrument)
        external
        view
        returns (IPositions.Side memory long, IPositions.Side memory, IPositions.Interest memory interest)
    {
        long.scaleWad = uint64(WAD);
        interest.longBaseWad = uint112(_openInterest[instrument]);
    }

    function setTally(uint16 underlying, uint128 openInterestWad) external {
        _tallies[underlying].openInterestWad = openInterestWad;
    }

    function tallyOf(uint16 underlying) external view returns (IPositions.Tally memory) {
        return _tallies[underlying];
    }

    // Oracle

    function priceOf(uint16 underlying) external view returns (Price memory) {
        return Price({ spotWad: spotOf[underlying], emaWad: spotOf[underlying], grade: Grade.Fresh });
    }

    function feedOf(uint16 underlying) external view returns (IOracle.Feed memory feed) {
        feed.heartbeatSeconds = heartbeatOf[underlying];
    }

    function setVariance(uint16 underlying, uint256 annualisedVarianceWad) external {
        varianceOf[underlying] = annualisedVarianceWad;
    }

    function setVolatility(uint16 underlying, uint256 annualisedVolatilityWad) external {
        volatilityOf[underlying] = annualisedVolatilityWad;
    }

    // Portfolio

    function SCANS() external view returns (address) {
        return address(this);
    }

    // Breaker

    function check(Action action, uint256[] calldata items, uint256) external view {
        uint16 first = items.length == 0 ? 0 : uint16(items[0]);
        if (blocked[action]) revert IBreaker.Blocked(action, first, Level.Halted, Grade.Fresh, false);
    }

    function stateOf(uint16 underlying) external view returns (Level, uint256, uint256) {
        return (levelOf[underlying], 0, 0);
    }

    function reopenedAt(uint256[] calldata items) external view returns (uint256 time) {
        for (uint256 i; i < items.length; ++i) {
            if (reopensAt[uint16(items[i])] > time) time = reopensAt[uint16(items[i])];
        }
    }

    function reportDeficit(bool uncovered) external {
        emit DeficitSeen(uncovered);
    }

    // Throttle

    function setFraction(uint256 fractionWad) external {
        taken = WAD - fractionWad;
    }

    function draw(uint256[] calldata, uint256 fractionWad) external {
        drawn = fractionWad;
    }

    function fractionOf(uint256[] calldata) external view returns (uint256) {
        return WAD - taken;
    }

    // Insurance

    function pay(uint16 underlying, uint64 account, uint256 wantedWad) external returns (uint256 paidWad) {
        paidWad = wantedWad < capacity[underlying] ? wantedWad : capacity[underlying];
        capacity[underlying] -= paidWad;
        _credit(account, int256(paidWad));
        emit InsurancePaid(underlying, account, wantedWad, paidWad);
    }

    function _empty(Health storage h) private {
        h.margin.equityWad -= slip;
        (h.legs, h.holdings, h.grossWad, h.cashWad, h.margin.maintenanceWad) = (0, 0, 0, h.margin.equityWad, 0);
    }

    function _credit(uint64 account, int256 amountWad) private {
        _health[account].cashWad += amountWad;
        _health[account].margin.equityWad += amountWad;
    }
}

/// @notice A taker with code: on `onTake` it says what it saw, and calls whatever the test asked for.
contract MockTaker is ITaker {
    event TookOver(uint64 account, uint64 taker, uint256 fractionWad, int256 paymentWad, bytes data);

    address public target;
    bytes public input;

    /// @notice Call `target` with `input` from inside the callback.
    function plan(address target_, bytes calldata input_) external {
        (target, input) = (target_, input_);
    }

    function take(ILiquidation liquidation, ILiquidation.Bid calldata bid) external {
        liquidation.take(bid);
    }

    function onTake(uint64 account, uint64 taker, uint256 fractionWad, int256 paymentWad, bytes calldata data)
        external
    {
        emit TookOver(account, taker, fractionWad, paymentWad, data);
        if (target == address(0)) return;
        (bool done, bytes memory answer) = target.call(input);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }
}
