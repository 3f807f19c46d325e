// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { WAD } from "contracts/libraries/FixedPoint.sol";
import { Normal } from "contracts/libraries/Normal.sol";

// An option in memory, with what no scenario changes and, last, what a shock to volatility has made of it. As put = call − F + K, to
// the wei, scenarios take every option as a call.
uint256 constant SIZE = 0; // signed [wad]
uint256 constant STRIKE = 32; // [wad]
uint256 constant LN = 64; // ln(F/K) [wad]
uint256 constant ROOT = 96; // √w [wad]
uint256 constant POWER = 128; // (30 days/T)^p [wad]: what a shock to volatility is multiplied by
uint256 constant SHOCKED_ROOT = 160; // √w under the shock that is looked at [wad]
uint256 constant OPTION_WORDS = 6;
uint256 constant OPTION_BYTES = 6 * 32;

/// @notice Value of a call with its delta, from one bell and two Mills ratios.
/// @dev The value is that of `Black76`, to the wei. With its a and b:
///
///     N(d₁) or 1 − N(d₁) = bell(|d₁|)·mills(|d₁|)     |d₁| = a below the strike, b above; bell(b) = bell(a)·K/F
library ScanQuote {
    /// @dev Σ size·value and, where `sloped`, Σ size·delta of options that lie one after the other in memory, each as a call. A margin
    /// check does little else, so it is written out, with the polynomials of `Normal`: two Mills ratios side by side.
    function sums(uint256 at, uint256 end, uint256 forwardWad, int256 moveWad, bool sloped)
        internal
        pure
        returns (int256 values, int256 slopes)
    {
        uint256 endX56 = Normal.END_X56;
        assembly ("memory-safe") {
            function bellOf(x) -> e {
                let exponent := sub(shl(176, 64), mul(mul(x, x), 13306513097844322492))
                let f := and(shr(120, exponent), 0xffffffffffffff)
                e := add(mul(184590982113, f), 125503053137341862288208948238)
                e := add(mul(e, f), 127531094641216586634636947398318203120057886114)
                e := shr(168, add(mul(e, f), 105214765860692063946050006323197447320060355161283348154472054784))
                e := add(mul(e, f), 204753454080724777973676959162869)
                e := add(mul(e, f), 127709994289712181701764364203131338005819304026408)
                e := shr(168, add(mul(e, f), 66381888993284505111244855698095543676266559270046870146574184349696))
                e := add(mul(e, f), 73777615090584042042289577337360655)
                e := add(mul(e, f), 23009128169611077826852010768328496362290072543016905)
                e := shr(168, add(mul(e, f), 4783926021217749579233969495122756762126598646534956234174384553590784))
                e := shr(sub(120, shr(176, exponent)), add(mul(e, f), 1329227995784915872903807060280344576))
            }
            for { } lt(at, end) { at := add(at, OPTION_BYTES) } {
                let lnWad := add(mload(add(at, LN)), moveWad)
                let share := 0 // time value, of the smaller of F and K
                let delta := 0
                let half := mload(add(at, SHOCKED_ROOT)) // …of √w, which is at least a wei
                let b := sar(255, lnWad)
                b := div(shl(56, sub(xor(lnWad, b), b)), half)
                half := div(shl(55, half), WAD)
                let near := lt(b, half)
                let a := sub(0, near)
                a := sub(xor(sub(b, half), a), a)
                b := add(b, half)
                switch lt(a, endX56)
                case 0 {
                    share := mul(WAD, near)
                    delta := mul(WAD, or(sgt(lnWad, 0), near))
                }
                default {
                    let bell := mul(bellOf(a), WAD)
                    // P(a) and P(b) of the Mills ratios, then what they are divided by
                    let first := add(mul(1930620856541794, a), 2603446717472346996456106870249939)
                    let second := add(mul(1930620856541794, b), 2603446717472346996456106870249939)
                    first := add(mul(first, a), 1625994839091706334792611469894451945562956043494531)
                    second := add(mul(second, b), 1625994839091706334792611469894451945562956043494531)
                    first := shr(
                        168,
                        add(mul(first, a), 597910000362839259434349866328255508115941961550318728427242552033280)
                    )
                    second := shr(
                        168,
                        add(mul(second, b), 597910000362839259434349866328255508115941961550318728427242552033280)
                    )
                    first := add(mul(first, a), 366363461936101870824589411865693782)
                    second := add(mul(second, b), 366363461936101870824589411865693782)
                    first := add(mul(first, a), 50322305905212740676814968492949889572512597582900198)
                    second := add(mul(second, b), 50322305905212740676814968492949889572512597582900198)
                    first := add(mul(first, a), 3450873173395281893717377931138512726225554486085193277581262111899648)
                    second := add(
                        mul(second, b),
                        3450873173395281893717377931138512726225554486085193277581262111899648
                    )
                    let firstQ := add(mul(4839327878955983, a), 6525948824232258470969562621073190)
                    let secondQ := add(mul(4839327878955983, b), 6525948824232258470969562621073190)
                    firstQ := add(mul(firstQ, a), 4100760723936823724822470182141280142849990450778314)
                    secondQ := add(mul(secondQ, b), 4100760723936823724822470182141280142849990450778314)
                    firstQ := shr(
                        168,
                        add(mul(firstQ, a), 1532768126807584639572289925672315896146576585799848876068833681473536)
                    )
                    secondQ := shr(
                        168,
                        add(mul(secondQ, b), 1532768126807584639572289925672315896146576585799848876068833681473536)
                    )
                    firstQ := add(mul(firstQ, a), 973891397644270534832246017116780521)
                    secondQ := add(mul(secondQ, b), 973891397644270534832246017116780521)
                    firstQ := add(mul(firstQ, a), 146186895607632905510546125469702288661051601655602009)
                    secondQ := add(mul(secondQ, b), 146186895607632905510546125469702288661051601655602009)
                    firstQ := shr(
                        168,
                        add(mul(firstQ, a), 12759005432625708277513997463289887275738212406974810017520452085219328)
                    )
                    secondQ := shr(
                        168,
                        add(mul(secondQ, b), 12759005432625708277513997463289887275738212406974810017520452085219328)
                    )
                    first := div(first, add(mul(firstQ, a), 1329227995784915872903807060280344576))
                    second := div(second, add(mul(secondQ, b), 1329227995784915872903807060280344576))
                    // Where a and b all but agree, the rounding of their quotients may turn the difference over.
                    share := shr(176, mul(bell, mul(sub(first, second), gt(first, second))))
                    if near { share := sub(WAD, shr(176, mul(bell, add(first, second)))) }
                    if sloped {
                        switch slt(lnWad, 0)
                        case 0 {
                            second := div(mul(shr(176, mul(bell, second)), mload(add(at, STRIKE))), forwardWad)
                            delta := mul(lt(second, WAD), sub(WAD, second))
                        }
                        default {
                            delta := shr(176, mul(bell, first))
                            if near { delta := sub(WAD, delta) }
                        }
                    }
                }
                let strikeWad := mload(add(at, STRIKE))
                switch lt(forwardWad, strikeWad)
                case 0 { share := add(div(mul(strikeWad, share), WAD), sub(forwardWad, strikeWad)) }
                default { share := div(mul(forwardWad, share), WAD) }
                values := add(values, mul(mload(at), share))
                slopes := add(slopes, mul(mload(at), delta))
            }
        }
    }
}
