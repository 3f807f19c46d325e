// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ILens } from "interfaces/ILens.sol";
import { IPositions } from "interfaces/IPositions.sol";
import { Margin, Mode } from "interfaces/Types.sol";

/// @notice The shared invariants: one look at everything through the Lens, judged in one go.
/// @dev Numbered as in docs/invariants.md. Nothing in the shared actions deleverages, so no scale ever leaves one and no
/// epoch ends: INV-02 and INV-03 are exact here.
contract Books {
    uint256 private constant WAD = 1e18;
    uint256 private constant BPS = 1e4;

    ILens public immutable LENS;

    constructor(ILens lens) {
        LENS = lens;
    }

    /// @notice Number of the first invariant that doesn't hold; zero: all hold.
    function broken() external view returns (uint256) {
        ILens.SystemView memory s = LENS.system();
        ILens.MarketView[] memory m = LENS.markets();
        uint64[] memory ids = new uint64[](s.accounts);
        for (uint64 i; i < ids.length; ++i) {
            ids[i] = i + 1;
        }
        ILens.AccountView[] memory a = LENS.accountsOf(ids);

        if (!_conserved(s, a)) return 1;
        for (uint256 i; i < m.length; ++i) {
            uint256 wrong = _market(m[i], a);
            if (wrong != 0) return wrong;
        }
        if (!_pools(s, a)) return 4;
        if (!_vaults(s, a)) return 5;
        if (!_own(a[s.fundAccount - 1]) || !_own(a[s.feesAccount - 1]) || !_own(a[s.treasuryAccount - 1])) return 6;
        for (uint256 i; i < a.length; ++i) {
            if (!_margin(s, m, a[i])) return 33;
        }
        return 0;
    }

    /// @dev INV-01
    function _conserved(ILens.SystemView memory s, ILens.AccountView[] memory a) private pure returns (bool) {
        int256 claims;
        for (uint256 i; i < a.length; ++i) {
            claims += a[i].cashWad;
            for (uint256 j; j < a[i].positions.length; ++j) {
                claims += a[i].positions[j].quoteWad;
            }
        }
        return claims <= int256(s.assets[0].held * s.assets[0].unitWad);
    }

    /// @dev INV-02 and INV-03
    function _market(ILens.MarketView memory m, ILens.AccountView[] memory a) private pure returns (uint256) {
        int256 net;
        uint256 long;
        uint256 short;
        for (uint256 i; i < a.length; ++i) {
            for (uint256 j; j < a[i].positions.length; ++j) {
                ILens.PositionView memory p = a[i].positions[j];
                if (!m.instrument.same(p.instrument)) continue;
                net += p.sizeWad;
                if (p.stored.baseWad > 0) long += uint256(int256(p.stored.baseWad));
                else short += uint256(-int256(p.stored.baseWad));
            }
        }
        if (net != 0) return 2;
        return m.interest.longBaseWad == long && m.interest.shortBaseWad == short ? 0 : 3;
    }

    /// @dev INV-04
    function _pools(ILens.SystemView memory s, ILens.AccountView[] memory a) private pure returns (bool) {
        uint256 credits;
        uint256 debts;
        uint256 debtors;
        for (uint256 i; i < a.length; ++i) {
            if (a[i].cashWad > 0) {
                credits += uint256(a[i].cashWad);
            } else if (a[i].cashWad < 0) {
                debts += uint256(-a[i].cashWad);
                ++debtors;
            }
        }
        uint256 credit = uint256(s.pool.creditShares) * s.pool.creditIndexWad / WAD;
        uint256 debt = (uint256(s.pool.debtShares) * s.pool.debtIndexWad + WAD - 1) / WAD;
        if (credit < credits || credit - credits > a.length) return false;
        return debts >= debt && debts - debt <= debtors && (s.pool.debtShares == 0) == (debtors == 0);
    }

    /// @dev INV-05
    function _vaults(ILens.SystemView memory s, ILens.AccountView[] memory a) private pure returns (bool) {
        for (uint256 k; k < s.assets.length; ++k) {
            if (s.assets[k].balance < s.assets[k].held) return false;
            if (k == 0) continue;
            uint256 owed;
            for (uint256 i; i < a.length; ++i) {
                for (uint256 j; j < a[i].holdings.length; ++j) {
                    if (a[i].holdings[j].asset == k) owed += a[i].holdings[j].amount;
                }
            }
            if (owed != s.assets[k].held) return false;
        }
        return true;
    }

    /// @dev INV-06
    function _own(ILens.AccountView memory v) private pure returns (bool) {
        return v.cashWad >= 0 && v.positions.length == 0 && v.holdings.length == 0;
    }

    /// @dev INV-33
    function _margin(ILens.SystemView memory s, ILens.MarketView[] memory m, ILens.AccountView memory v)
        private
        pure
        returns (bool)
    {
        if (!v.assessed) return false;
        Margin memory meant;
        meant.equityWad = v.cashWad;
        for (uint256 j; j < v.positions.length; ++j) {
            for (uint256 k; k < m.length; ++k) {
                if (m[k].instrument.same(v.positions[j].instrument)) _addLeg(meant, m[k], v.positions[j]);
            }
        }
        for (uint256 j; j < v.holdings.length; ++j) {
            _addHolding(meant, s.assets[v.holdings[j].asset], v.holdings[j].amount);
        }
        return keccak256(abi.encode(meant)) == keccak256(abi.encode(v.health.margin));
    }

    function _addLeg(Margin memory meant, ILens.MarketView memory m, ILens.PositionView memory p) private pure {
        bool long = p.sizeWad > 0;
        uint256 size = uint256(long ? p.sizeWad : -p.sizeWad);
        uint256 notional = _up(size * m.price.spotWad, WAD);
        meant.equityWad += (long ? int256(size * m.price.spotWad / WAD) : -int256(notional)) + p.quoteWad;
        meant.maintenanceWad += _up(notional * m.params.maintenanceBps, BPS);
        (uint256 high, uint256 low) = long ? (m.price.spotWad, m.price.emaWad) : (m.price.emaWad, m.price.spotWad);
        meant.initialWad += _up(notional * _rate(m, long), WAD) + (high > low ? _up(size * (high - low), WAD) : 0);
    }

    function _rate(ILens.MarketView memory m, bool long) private pure returns (uint256) {
        uint256 base = long ? m.interest.longBaseWad : m.interest.shortBaseWad;
        uint256 open = _up(base * (long ? m.long.scaleWad : m.short.scaleWad), WAD);
        uint256 cap = m.params.openInterestCapWad;
        uint256 knee = cap * m.params.kneeBps / BPS;
        uint256 initial = m.params.initialBps * (WAD / BPS);
        if (open <= knee) return initial;
        uint256 most = m.params.initialMaxBps * (WAD / BPS);
        return open >= cap ? most : initial + _up((most - initial) * (open - knee), cap - knee);
    }

    function _addHolding(Margin memory meant, ILens.AssetView memory asset, uint256 amount) private pure {
        uint256 amountWad = amount * asset.unitWad;
        uint256 lower = asset.price.spotWad < asset.price.emaWad ? asset.price.spotWad : asset.price.emaWad;
        uint256 value = _up(amountWad * asset.price.spotWad, WAD);
        uint256 limit = amountWad * lower * (BPS - asset.params.initialHaircutBps) / (WAD * BPS);
        meant.equityWad += int256(amountWad * asset.price.spotWad / WAD);
        meant.maintenanceWad += _up(value * asset.params.maintenanceHaircutBps, BPS);
        meant.initialWad += value - limit;
        meant.borrowLimitWad += limit;
    }

    /// @dev ⌈x/d⌉
    function _up(uint256 x, uint256 d) private pure returns (uint256) {
        return (x + d - 1) / d;
    }
}
