// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { MockToken } from "contracts/mocks/MockToken.sol";
import { ILedger } from "interfaces/ILedger.sol";
import { ILiquidation, ITaker } from "interfaces/ILiquidation.sol";
import { Mode } from "interfaces/Types.sol";

/// @notice A pretend market: buys any amount of one token at one price, and pays out of nothing.
contract MockBuyer {
    MockToken public immutable token;
    MockToken public immutable cash;
    uint256 public immutable price; // [cash's smallest units for one whole token]

    constructor(MockToken token_, MockToken cash_, uint256 price_) {
        (token, cash, price) = (token_, cash_, price_);
    }

    function buy(uint256 amount) external returns (uint256 paid) {
        token.transferFrom(msg.sender, address(this), amount);
        paid = amount * price / 10 ** token.decimals();
        cash.mint(msg.sender, paid);
    }
}

/// @notice Buys slices without a coin of its own: the collateral comes first, is sold, and pays for itself.
contract MockFlashTaker is ITaker {
    ILedger public immutable LEDGER;
    ILiquidation public immutable LIQUIDATION;
    uint64 public immutable ACCOUNT;

    constructor(ILedger ledger, ILiquidation liquidation) {
        (LEDGER, LIQUIDATION) = (ledger, liquidation);
        ACCOUNT = ledger.open(Mode.Cross);
    }

    /// @notice Take all that can be had of `account`, and sell its collateral to `buyer`.
    function take(uint64 account, MockBuyer buyer) external {
        LIQUIDATION.take(
            ILiquidation.Bid({
                account: account,
                taker: ACCOUNT,
                maxFractionWad: 1e18,
                minFractionWad: 0,
                maxPaymentWad: type(int256).max,
                minDiscountWad: 0,
                receiver: address(this),
                data: abi.encode(buyer)
            })
        );
    }

    /// @inheritdoc ITaker
    function onTake(uint64, uint64, uint256, int256, bytes calldata data) external {
        MockBuyer buyer = abi.decode(data, (MockBuyer));
        MockToken token = buyer.token();

        uint256 amount = token.balanceOf(address(this));
        token.approve(address(buyer), amount);
        uint256 paid = buyer.buy(amount);

        buyer.cash().approve(LEDGER.assetOf(0).vault, paid);
        LEDGER.deposit(ACCOUNT, 0, paid);
    }

    /// @notice Carry the gain home.
    function withdraw(uint256 amount, address to) external {
        LEDGER.withdraw(ACCOUNT, 0, amount, to);
    }
}
