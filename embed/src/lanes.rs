//! The arithmetic of the model, without a word on instructions: fixed lanes and one order of operations, so that each
//! build of it (`kernel.rs`) gives the same bits, however many lanes a register has.

mod attention;

pub(crate) use attention::{Head, Keys, Scores, attend};

use crate::lane::{LANES, Lane, MIDDLE, ROUNDING};

/// Outputs of a dense layer that are worked out together.
pub(crate) const PANEL: usize = 32;
/// Inputs whose products one instruction sums up.
pub(crate) const GROUP: usize = 4;

/// Sums for one panel.
pub(crate) type Sums = [i32; PANEL];

/// How a row of activations was quantised: a value is `scale * (code - MIDDLE + zero)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) scale: f32,
    pub(crate) zero: f32,
}

/// For each row of `codes` (`inputs` long), the sums of its products with the 32 outputs of a panel, whose weights come
/// as inputs in groups of 4, of each group 32 outputs.
#[inline(always)]
pub(crate) fn sums(codes: &[u8], inputs: usize, panel: &[i8], out: &mut [Sums]) {
    for (row, out) in codes.chunks_exact(inputs).zip(out) {
        let mut sums = [0i32; PANEL];
        let (groups, _) = row.as_chunks::<GROUP>();
        let (weights, _) = panel.as_chunks::<{ PANEL * GROUP }>();
        for (group, weights) in groups.iter().zip(weights) {
            let [a, b, c, d] = group.map(|code| i16::from(code) - i16::from(MIDDLE));
            let (outputs, _) = weights.as_chunks::<GROUP>();
            for (sum, [e, f, g, h]) in sums.iter_mut().zip(outputs) {
                let [e, f, g, h] = [*e, *f, *g, *h].map(i16::from);
                // Two products of at most 127 by 127 fit into 16 bits.
                *sum += i32::from(a * e + b * f) + i32::from(c * g + d * h);
            }
        }
        *out = sums;
    }
}

/// Folds lanes into one number.
#[inline(always)]
fn fold(lanes: [f32; LANES], with: impl Fn(f32, f32) -> f32) -> f32 {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = lanes;
    let (ab, cd, ef, gh) = (with(a, b), with(c, d), with(e, f), with(g, h));
    let (ij, kl, mn, op) = (with(i, j), with(k, l), with(m, n), with(o, p));
    with(with(with(ab, cd), with(ef, gh)), with(with(ij, kl), with(mn, op)))
}

#[inline(always)]
fn round(number: f32) -> f32 {
    (number + ROUNDING) - ROUNDING
}

/// Quantises a row to codes of 1 to 255.
#[inline(always)]
pub(crate) fn quantise<L: Lane>(row: &[f32], codes: &mut [u8]) -> Spread {
    // Two of each, so that one comparison need not wait for the one before.
    let (mut low, mut high) = ([L::all(f32::MAX); 2], [L::all(f32::MIN); 2]);
    let (lanes, _) = row.as_chunks::<LANES>();
    for pair in lanes.chunks(2) {
        for ((low, high), lane) in low.iter_mut().zip(&mut high).zip(pair) {
            let lane = L::load(lane);
            *low = lane.least(*low);
            *high = lane.most(*high);
        }
    }
    let ([low, more_low], [high, more_high]) = (low, high);
    let low = fold(low.least(more_low).numbers(), |a, b| if a < b { a } else { b });
    let high = fold(high.most(more_high).numbers(), |a, b| if a > b { a } else { b });
    // Where all numbers are nearly one, its zero must stay an integer that a float can hold.
    let scale = ((high - low) / 254.0).max((high - low + high.abs()) * 1e-6).max(f32::MIN_POSITIVE);
    let zero = round((high + low) / (2.0 * scale));
    let (inverse, off) = (L::all(1.0 / scale), L::all(zero));
    let (least, most, rounding) = (L::all(-127.0), L::all(127.0), L::all(ROUNDING));
    let (codes, _) = codes.as_chunks_mut::<LANES>();
    for (codes, lane) in codes.iter_mut().zip(lanes) {
        let steps = L::load(lane) * inverse - off;
        (steps.most(least).least(most) + rounding).codes(codes);
    }
    Spread { scale, zero }
}

/// What each output of a panel needs to become a number again.
pub(crate) struct Outputs<'a> {
    pub(crate) scales: &'a [f32; PANEL],
    /// The sums of the weights.
    pub(crate) totals: &'a [i32; PANEL],
    pub(crate) bias: &'a [f32; PANEL],
}

/// The sums of each row to numbers: those of the panel `at`, in rows that are `width` long.
#[inline(always)]
pub(crate) fn dequantise<L: Lane>(
    sums: &[Sums],
    spreads: &[Spread],
    outputs: &Outputs<'_>,
    at: usize,
    out: &mut [f32],
    width: usize,
) {
    for ((sums, spread), row) in sums.iter().zip(spreads).zip(out.chunks_exact_mut(width)) {
        let Some(out) = row.as_chunks_mut::<PANEL>().0.get_mut(at) else { continue };
        let (zero, scale) = (L::all(spread.zero), L::all(spread.scale));
        let given = sums.as_chunks::<LANES>().0.iter().zip(outputs.totals.as_chunks::<LANES>().0);
        let kept = outputs.scales.as_chunks::<LANES>().0.iter().zip(outputs.bias.as_chunks::<LANES>().0);
        for (((sums, totals), (scales, bias)), out) in
            given.zip(kept).zip(out.as_chunks_mut::<LANES>().0.iter_mut())
        {
            let sums = L::integers(sums) + zero * L::integers(totals);
            (sums * (scale * L::load(scales)) + L::load(bias)).store(out);
        }
    }
}

/// Rows times one panel of f32 weights: inputs, of each 32 outputs. `out` begins as the bias.
#[inline(always)]
pub(crate) fn products<L: Lane>(rows: &[f32], inputs: usize, panel: &[f32], out: &mut [[f32; PANEL]]) {
    if L::MANY {
        products_by::<L, 8>(rows, inputs, panel, out);
    } else {
        products_by::<L, 2>(rows, inputs, panel, out);
    }
}

/// The same, by `R` rows at a time.
#[inline(always)]
fn products_by<L: Lane, const R: usize>(
    rows: &[f32],
    inputs: usize,
    panel: &[f32],
    out: &mut [[f32; PANEL]],
) {
    let (weights, _) = panel.as_chunks::<PANEL>();
    for (some, out) in rows.chunks(inputs * R).zip(out.chunks_mut(R)) {
        // Rows that are not there are empty, and count as zeros.
        let mut rows: [&[f32]; R] = [&[]; R];
        let mut sums = [[L::all(0.0); 2]; R];
        for (((row, sums), given), out) in
            rows.iter_mut().zip(&mut sums).zip(some.chunks_exact(inputs)).zip(out.iter())
        {
            *row = given;
            for (sum, bias) in sums.iter_mut().zip(out.as_chunks::<LANES>().0) {
                *sum = L::load(bias);
            }
        }
        for (input, weights) in weights.iter().enumerate() {
            let [left, right] = weights.as_chunks::<LANES>().0 else { continue };
            let (left, right) = (L::load(left), L::load(right));
            for ([low, high], row) in sums.iter_mut().zip(rows) {
                let number = L::all(row.get(input).copied().unwrap_or_default());
                *low = *low + number * left;
                *high = *high + number * right;
            }
        }
        for (sums, out) in sums.iter().zip(out) {
            for (sum, out) in sums.iter().zip(out.as_chunks_mut::<LANES>().0) {
                sum.store(out);
            }
        }
    }
}

/// e to the power of `x`, to about seven digits; 0 far below.
#[inline(always)]
fn exp<L: Lane>(x: L) -> L {
    let x = x.most(L::all(-87.0)).least(L::all(88.0));
    let shifted = x * L::all(std::f32::consts::LOG2_E) + L::all(ROUNDING);
    let steps = shifted - L::all(ROUNDING);
    // In two parts, so that nothing is lost.
    let rest = x - steps * L::all(0.693_359_4) + steps * L::all(2.121_944_4e-4);
    let mut power = L::all(1.987_569_1e-4);
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        power = power * rest + L::all(coefficient);
    }
    (power * rest * rest + rest + L::all(1.0)) * shifted.two_to()
}

/// The error function of x / √2, for x up to [`REACH`]: x times the quotient of two polynomials of x², the highest power
/// first. Fitted at Chebyshev's nodes, weighed until the error was level at 2.4e-8.
const ABOVE: [f32; 6] =
    [4.316_072_3e-8, 1.274_835_7e-5, 3.587_857e-4, 9.481_643e-3, 6.988_208e-2, 7.978_844e-1];
const BELOW: [f32; 6] = [1.164_963_9e-6, 7.676_755e-5, 1.944_546_7e-3, 2.926_062e-2, 2.542_496_5e-1, 1.0];
/// Beyond it the error function is 1, as far as floats go.
const REACH: f32 = 5.7;

/// The polynomial with these coefficients.
#[inline(always)]
fn polynomial<L: Lane>(coefficients: &[f32; 6], x: L) -> L {
    let [first, rest @ ..] = coefficients;
    let mut sum = L::all(*first);
    for coefficient in rest {
        sum = sum * x + L::all(*coefficient);
    }
    sum
}

/// GELU with the error function, in place.
#[inline(always)]
pub(crate) fn gelu<L: Lane>(numbers: &mut [f32]) {
    let (one, half) = (L::all(1.0), L::all(0.5));
    let (less, reach) = (L::all(-REACH), L::all(REACH));
    for lane in numbers.as_chunks_mut::<LANES>().0 {
        let number = L::load(lane);
        let x = number.most(less).least(reach);
        let square = x * x;
        let erf = x * polynomial(&ABOVE, square) / polynomial(&BELOW, square);
        let erf = erf.most(L::all(-1.0)).least(one);
        (half * number * (one + erf)).store(lane);
    }
}

/// Adds `more` to a row and normalises it, in place.
#[inline(always)]
pub(crate) fn add_norm<L: Lane>(row: &mut [f32], more: &[f32], weight: &[f32], bias: &[f32]) {
    let count = row.len() as f32;
    let (rows, _) = row.as_chunks_mut::<LANES>();
    let mut total = L::all(0.0);
    for (lane, more) in rows.iter_mut().zip(more.as_chunks::<LANES>().0) {
        let sum = L::load(lane) + L::load(more);
        total = total + sum;
        sum.store(lane);
    }
    let mean = L::all(fold(total.numbers(), |a, b| a + b) / count);
    let mut squares = L::all(0.0);
    for lane in rows.iter() {
        let off = L::load(lane) - mean;
        squares = squares + off * off;
    }
    let scale = L::all(1.0 / (fold(squares.numbers(), |a, b| a + b) / count + 1e-12).sqrt());
    let rest = weight.as_chunks::<LANES>().0.iter().zip(bias.as_chunks::<LANES>().0);
    for (lane, (weight, bias)) in rows.iter_mut().zip(rest) {
        ((L::load(lane) - mean) * scale * L::load(weight) + L::load(bias)).store(lane);
    }
}

/// The dot product of two vectors of codes.
#[inline(always)]
pub(crate) fn dot(a: &[i8], b: &[i8]) -> i32 {
    let mut sums = [0i32; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += i32::from(i16::from(*a) * i16::from(*b));
        }
    }
    sums.iter().sum()
}

/// The dot products of one vector with each row of `rows`.
#[inline(always)]
pub(crate) fn dots(of: &[i8], rows: &[i8], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(of.len()).zip(out) {
        *out = dot(of, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::Plain;

    #[test]
    fn exp_has_seven_digits() {
        let of = |x: f32| exp(Plain::all(x)).numbers()[0];
        for step in -800..880 {
            let x = step as f32 / 10.0;
            let expected = f64::from(x).exp();
            let off = (f64::from(of(x)) - expected).abs() / expected;
            assert!(off < 3e-7, "exp({x}) is off by {off}");
        }
        assert!(of(-1e30) < 1e-37);
    }

    #[test]
    fn gelu_is_known_at_some_points() {
        // x, and x times the normal distribution function at x, from tables.
        let known = [
            (0.0, 0.0),
            (1.0, 0.841_344_8),
            (-1.0, -0.158_655_25),
            (2.0, 1.954_499_7),
            (-3.0, -0.004_049_694),
            (0.5, 0.345_731_23),
            (-0.1, -0.046_017_216),
            (4.0, 3.999_873_3),
            (-10.0, 0.0),
        ];
        for (x, expected) in known {
            let mut numbers = [x; LANES];
            gelu::<Plain>(&mut numbers);
            assert!((numbers[3] - expected).abs() < 1e-6, "gelu({x}) = {}", numbers[3]);
        }
    }

    #[test]
    fn codes_stand_for_their_numbers() {
        let rows = [
            (0..64).map(|n| (n as f32 * 0.37).sin()).collect::<Vec<_>>(),
            (0..64).map(|n| 5.0 + n as f32 / 100.0).collect(),
            vec![0.25; 64],
            vec![0.0; 64],
            (0..64).map(|n| if n == 40 { 30.0 } else { -0.17 + n as f32 * 1e-3 }).collect(),
        ];
        for row in rows {
            let mut codes = vec![0u8; row.len()];
            let spread = quantise::<Plain>(&row, &mut codes);
            for (number, code) in row.iter().zip(&codes) {
                let back = spread.scale * (f32::from(*code) - f32::from(MIDDLE) + spread.zero);
                let allowed = spread.scale * 1.01 + number.abs() * 1e-6;
                assert!((back - number).abs() <= allowed, "{number} came back as {back}");
            }
        }
    }
}
