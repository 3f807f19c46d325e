// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import { WAD } from "contracts/libraries/FixedPoint.sol";
import { Normal } from "contracts/libraries/Normal.sol";

// An option in memory, with what no scenario changes and, last, what a shock to volatility has made of it. As put = call − F + K, to
// the wei, scenarios take every option as a call.
uint256 constant SIZE = 0; // signed [wad]
uint256 constant STRIKE = 32; // [wad]
uint256 constant LN = 64; // ln(F/K) [wad, shifted by LN_BITS]
uint256 constant ROOT = 96; // √w [wad]
uint256 constant POWER = 128; // (30 days/T)^p [wad]: what a shock to volatility is multiplied by
uint256 constant SHOCKED_ROOT = 160; // √w under the shock that is looked at [wad]
uint256 constant OPTION_WORDS = 6;
uint256 constant OPTION_BYTES = 6 * 32;
uint256 constant LN_BITS = 56; // as many binary places as the arguments of `Normal` have

/// @notice Value of a call with its delta, from one bell and two Mills ratios.
/// @dev The value is that of `Black76`, to the wei. With its a and b:
///
///     N(d₁) or 1 − N(d₁) = bell(|d₁|)·mills(|d₁|)     |d₁| = a below the strike, b above; bell(b) = bell(a)·K/F
library ScanQuote {
    /// @param move what every logarithm is more by, as `LN` has it
    /// @dev Σ size·value and, where `sloped`, Σ size·delta of options that lie one after the other in memory, each as a call. A margin
    /// check does little else, so it is written out, with the polynomials of `Normal`: two Mills ratios side by side.
    function sums(uint256 at, uint256 end, uint256 forwardWad, int256 move, bool sloped)
        internal
        pure
        returns (int256 values, int256 slopes)
    {
        uint256 endX56 = Normal.END_X56;
        assembly ("memory-safe") {
            function bellOf(x) -> e {
                let exponent := sub(shl(176, 64), mul(mul(x, x), 13306513097844322492))
                let f := and(shr(120, exponent), 0xffffffffffffff)
                e := add(mul(2663932860609, f), 1630422538285379531326818206784)
                e := add(mul(e, f), 1471618294432424623536938907057716981191172150092)
                e := shr(168, add(mul(e, f), 1062585005955533033955023643206517330100706451141740704209128783872))
                e := add(mul(e, f), 1772374991680117691480391303619080)
                e := add(mul(e, f), 921233067151060635943202955439732656501940467820969)
                e := shr(168, add(mul(e, f), 383075284945324829149074250137864645333803638431798293910086855163904))
                e := add(mul(e, f), 319315798328931344843831552845150618)
                e := add(mul(e, f), 66390310210770804781010251962376943949535161160412358)
                e := add(mul(e, f), 6901746346790563787434755862277025452451108972170386555162524223799296)
                e := shr(sub(232, shr(176, exponent)), e)
            }
            for { } lt(at, end) { at := add(at, OPTION_BYTES) } {
                let ln := add(mload(add(at, LN)), move)
                let share := 0 // time value, of the smaller of F and K
                let delta := 0
                let half := mload(add(at, SHOCKED_ROOT)) // …of √w, which is at least a wei
                let b := sar(255, ln)
                b := div(sub(xor(ln, b), b), half)
                half := div(shl(55, half), WAD)
                let near := lt(b, half)
                let a := sub(0, near)
                a := sub(xor(sub(b, half), a), a)
                b := add(b, half)
                switch lt(a, endX56)
                case 0 {
                    share := mul(WAD, near)
                    delta := mul(WAD, or(sgt(ln, 0), near))
                }
                default {
                    let bell := mul(bellOf(a), WAD)
                    // P(a) and P(b) of the Mills ratios, then what they are divided by
                    let first := add(mul(38326290738, a), 613408606473615780220609248389129)
                    let second := add(mul(38326290738, b), 613408606473615780220609248389129)
                    first := add(mul(first, a), 685309171866662562858103281474299713821650868628669)
                    second := add(mul(second, b), 685309171866662562858103281474299713821650868628669)
                    first := shr(
                        168,
                        add(mul(first, a), 345090740233439247860087091156677131260291004964718661960600448401408)
                    )
                    second := shr(
                        168,
                        add(mul(second, b), 345090740233439247860087091156677131260291004964718661960600448401408)
                    )
                    first := add(mul(first, a), 262310499165990017195439200231882792)
                    second := add(mul(second, b), 262310499165990017195439200231882792)
                    first := add(mul(first, a), 42410266428533868114738114521007996758508546784608374)
                    second := add(mul(second, b), 42410266428533868114738114521007996758508546784608374)
                    first := add(mul(first, a), 3450873173395281893717377931138512726225554486085193277581262111899648)
                    second := add(
                        mul(second, b),
                        3450873173395281893717377931138512726225554486085193277581262111899648
                    )
                    let firstQ := add(mul(21342632868157971, a), 23832800169296088964407240115090521)
                    let secondQ := add(mul(21342632868157971, b), 23832800169296088964407240115090521)
                    firstQ := add(mul(firstQ, a), 12121859024642774666957772463539812835956603743346816)
                    secondQ := add(mul(secondQ, b), 12121859024642774666957772463539812835956603743346816)
                    firstQ := shr(
                        168,
                        add(mul(firstQ, a), 3533162314039073699556676504527616923041008780422661706218234663927808)
                    )
                    secondQ := shr(
                        168,
                        add(mul(secondQ, b), 3533162314039073699556676504527616923041008780422661706218234663927808)
                    )
                    firstQ := add(mul(firstQ, a), 1645426781808467776100168822408195553)
                    secondQ := add(mul(secondQ, b), 1645426781808467776100168822408195553)
                    firstQ := add(mul(firstQ, a), 161242691077992126201917706253835285213671141527098241)
                    secondQ := add(mul(secondQ, b), 161242691077992126201917706253835285213671141527098241)
                    firstQ := add(
                        mul(firstQ, a),
                        6901746346790563787434755862277025452451108972170386555162524223799296
                    )
                    secondQ := add(
                        mul(secondQ, b),
                        6901746346790563787434755862277025452451108972170386555162524223799296
                    )
                    first := div(first, shr(112, firstQ))
                    second := div(second, shr(112, secondQ))
                    // Where a and b all but agree, the rounding of their quotients may turn the difference over.
                    share := shr(176, mul(bell, mul(sub(first, second), gt(first, second))))
                    if near { share := sub(WAD, shr(176, mul(bell, add(first, second)))) }
                    if sloped {
                        switch slt(ln, 0)
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
