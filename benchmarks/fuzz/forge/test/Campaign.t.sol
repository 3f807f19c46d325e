// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ILedger } from "interfaces/ILedger.sol";
import { ILens } from "interfaces/ILens.sol";
import { ILiquidation } from "interfaces/ILiquidation.sol";
import { IOracle } from "interfaces/IOracle.sol";
import { IVenue } from "interfaces/IVenue.sol";
import { Books } from "src/Books.sol";
import { Handler } from "src/Handler.sol";

interface Vm {
    function envAddress(string calldata name) external view returns (address);
    function envAddress(string calldata name, string calldata separator) external view returns (address[] memory);
    function envString(string calldata name) external view returns (string memory);
    function envUint(string calldata name) external view returns (uint256);
    function fee(uint256 baseFee) external;
    function loadAllocs(string calldata path) external;
    function prank(address sender) external;
    function warp(uint256 time) external;
}

/// @notice The deployed protocol, as a world of holdfast.sim built it: loaded, not deployed anew.
contract CampaignTest {
    Vm private constant VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    Books private _books;
    Handler private _handler;

    function setUp() external {
        VM.loadAllocs(VM.envString("BENCH_ALLOC"));
        VM.warp(VM.envUint("BENCH_TIME"));
        VM.fee(10 gwei);
        ILens lens = ILens(VM.envAddress("BENCH_LENS"));
        _books = new Books(lens);
        _handler = new Handler(
            lens,
            ILiquidation(VM.envAddress("BENCH_LIQUIDATION")),
            IOracle(VM.envAddress("BENCH_ORACLE")),
            IVenue(VM.envAddress("BENCH_VENUE")),
            VM.envAddress("BENCH_FEEDS", ",")
        );

        ILedger ledger = _handler.LEDGER();
        for (uint64 account = 1; account <= ledger.accounts(); ++account) {
            address owner = ledger.ownerOf(account);
            VM.prank(owner);
            ledger.setOperator(address(_handler), true);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_shared() external view {
        uint256 number = _books.broken();
        require(number == 0, string.concat("INV-", _decimal(number)));
    }

    function _decimal(uint256 number) private pure returns (string memory) {
        bytes memory digits = new bytes(2);
        digits[0] = bytes1(uint8(48 + number / 10));
        digits[1] = bytes1(uint8(48 + number % 10));
        return string(digits);
    }
}
