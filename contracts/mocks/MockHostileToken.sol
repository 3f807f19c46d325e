// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice A token that may turn into anything a token has ever been: with a fee, with balances that grow and shrink,
/// with a list of whom it doesn't serve, with a call to others in each transfer, with the wrong answer or none.
/// It starts out good. Anybody may mint, and anybody may turn it.
contract MockHostileToken {
    enum Answer {
        True,
        Nothing, // no answer, as the oldest tokens give
        False,
        Wide, // a word that is no bool
        Revert,
        Lie // true, but nothing moved
    }

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event AnswerTurned(Answer answer);
    event FeeTurned(uint256 feeBps);
    event Rebased(uint256 factorWad);
    event BlockTurned(address indexed who, bool blocked);
    event CallTurned(address indexed target, bytes data, bool early);
    event CalledBack(address indexed target, bytes4 selector, bool done, bytes result);

    error NotServed(address who);
    error OutOfService();
    error BalanceTooLow(address who, uint256 balance, uint256 wanted);
    error AllowanceTooLow(address owner, address spender, uint256 allowance, uint256 wanted);

    string public name;
    string public symbol;
    uint8 public immutable decimals;

    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address who => bool) public blocked;
    Answer public answer;
    uint256 public feeBps;
    uint256 public factorWad = 1e18;
    address public target;
    bytes public data;
    bool public early; // before the balances change, not after

    uint256 private _shares;
    mapping(address who => uint256) private _sharesOf;
    bool private _calling;

    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        (name, symbol, decimals) = (name_, symbol_, decimals_);
    }

    // Turning it

    function setAnswer(Answer answer_) external {
        answer = answer_;
        emit AnswerTurned(answer_);
    }

    function setFee(uint256 feeBps_) external {
        feeBps = feeBps_;
        emit FeeTurned(feeBps_);
    }

    /// @notice Every balance is a share times this factor.
    function rebase(uint256 factorWad_) external {
        factorWad = factorWad_;
        emit Rebased(factorWad_);
    }

    function setBlocked(address who, bool blocked_) external {
        blocked[who] = blocked_;
        emit BlockTurned(who, blocked_);
    }

    /// @notice Call `target_` with `data_` in each transfer from now on; the zero address stops it.
    function setCall(address target_, bytes calldata data_, bool early_) external {
        (target, data, early) = (target_, data_, early_);
        emit CallTurned(target_, data_, early_);
    }

    // The token

    function mint(address to, uint256 amount) external {
        uint256 shares = _sharesFor(amount);
        (_shares, _sharesOf[to]) = (_shares + shares, _sharesOf[to] + shares);
        emit Transfer(address(0), to, amount);
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        _respond();
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed < amount) revert AllowanceTooLow(from, msg.sender, allowed, amount);
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - amount;
        _move(from, to, amount);
        _respond();
    }

    function balanceOf(address who) public view returns (uint256) {
        return _sharesOf[who] * factorWad / 1e18;
    }

    function totalSupply() external view returns (uint256) {
        return _shares * factorWad / 1e18;
    }

    function _move(address from, address to, uint256 amount) private {
        if (blocked[from]) revert NotServed(from);
        if (blocked[to]) revert NotServed(to);
        if (answer == Answer.Revert) revert OutOfService();
        if (answer == Answer.Lie) return;
        if (early) _callBack();

        uint256 shares = _sharesFor(amount);
        if (shares > _sharesOf[from]) revert BalanceTooLow(from, balanceOf(from), amount);
        uint256 fee = amount * feeBps / 1e4;
        uint256 feeShares = shares * feeBps / 1e4;
        _sharesOf[from] -= shares;
        _sharesOf[to] += shares - feeShares;
        _shares -= feeShares;
        emit Transfer(from, to, amount - fee);
        if (fee != 0) emit Transfer(from, address(0), fee);

        if (!early) _callBack();
    }

    /// @dev Up: a transfer never moves less than the sender loses.
    function _sharesFor(uint256 amount) private view returns (uint256) {
        return (amount * 1e18 + factorWad - 1) / factorWad;
    }

    function _callBack() private {
        if (target == address(0) || _calling) return;
        _calling = true;
        (bool done, bytes memory result) = target.call(data);
        _calling = false;
        emit CalledBack(target, bytes4(data), done, result);
    }

    function _respond() private view {
        uint256 word = answer == Answer.False ? 0 : answer == Answer.Wide ? 2 : 1;
        uint256 length = answer == Answer.Nothing ? 0 : 32;
        assembly {
            mstore(0, word)
            return(0, length)
        }
    }
}
