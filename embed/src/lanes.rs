//! The arithmetic of the model, without a word on instructions: fixed lanes and one order of operations, so that each
//! build of it (`kernel.rs`) gives the same bits, however many lanes a register has.

/// Outputs of a dense layer that are worked out together.
pub(crate) const PANEL: usize = 32;
/// Inputs whose products one instruction sums up.
pub(crate) const GROUP: usize = 4;
/// Numbers in one lane.
pub(crate) const LANES: usize = 16;
/// What stands for zero in quantised activations.
pub(crate) const MIDDLE: u8 = 128;

/// Added and taken off again, it rounds a float to an integer, half to even.
const ROUNDING: f32 = 12_582_912.0;

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
pub(crate) fn quantise(row: &[f32], codes: &mut [u8]) -> Spread {
    let (mut low, mut high) = ([f32::MAX; LANES], [f32::MIN; LANES]);
    let (lanes, _) = row.as_chunks::<LANES>();
    for lane in lanes {
        for ((low, high), number) in low.iter_mut().zip(&mut high).zip(lane) {
            *low = if *number < *low { *number } else { *low };
            *high = if *number > *high { *number } else { *high };
        }
    }
    let low = fold(low, |a, b| if a < b { a } else { b });
    let high = fold(high, |a, b| if a > b { a } else { b });
    // Where all numbers are nearly one, its zero must stay an integer that a float can hold.
    let scale = ((high - low) / 254.0).max((high - low + high.abs()) * 1e-6).max(f32::MIN_POSITIVE);
    let zero = round((high + low) / (2.0 * scale));
    let inverse = 1.0 / scale;
    let (codes, _) = codes.as_chunks_mut::<LANES>();
    for (codes, lane) in codes.iter_mut().zip(lanes) {
        for (code, number) in codes.iter_mut().zip(lane) {
            let rounded = (number * inverse - zero).clamp(-127.0, 127.0);
            // The low bits of the sum are the rounded integer.
            *code = (rounded + ROUNDING).to_bits().wrapping_add(u32::from(MIDDLE)) as u8;
        }
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

/// Sums to numbers.
#[inline(always)]
pub(crate) fn dequantise(sums: &Sums, spread: Spread, outputs: &Outputs<'_>, out: &mut [f32; PANEL]) {
    let each = sums.iter().zip(outputs.totals).zip(outputs.scales).zip(outputs.bias).zip(out);
    for ((((sum, total), scale), bias), out) in each {
        *out = (*sum as f32 + spread.zero * *total as f32) * (spread.scale * scale) + bias;
    }
}

/// Rows times one panel of f32 weights: inputs, of each 32 outputs. `out` begins as the bias.
#[inline(always)]
pub(crate) fn products(rows: &[f32], inputs: usize, panel: &[f32], out: &mut [[f32; PANEL]]) {
    let (weights, _) = panel.as_chunks::<PANEL>();
    for (row, out) in rows.chunks_exact(inputs).zip(out) {
        let mut sums = *out;
        for (number, weights) in row.iter().zip(weights) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += number * weight;
            }
        }
        *out = sums;
    }
}

/// e to the power of `x`, to about seven digits; 0 far below.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUNDING;
    let steps = shifted - ROUNDING;
    // In two parts, so that nothing is lost.
    let rest = x - steps * 0.693_359_4 + steps * 2.121_944_4e-4;
    let mut power = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        power = power * rest + coefficient;
    }
    let power = power * rest * rest + rest + 1.0;
    let exponent = shifted.to_bits().wrapping_sub(ROUNDING.to_bits()).wrapping_add(127) << 23;
    power * f32::from_bits(exponent)
}

/// GELU with the error function (Abramowitz and Stegun 7.1.26, error below 2e-7), in place.
#[inline(always)]
pub(crate) fn gelu(numbers: &mut [f32]) {
    let (lanes, _) = numbers.as_chunks_mut::<LANES>();
    for lane in lanes {
        for number in lane {
            let x = *number * std::f32::consts::FRAC_1_SQRT_2;
            let size = x.abs();
            let t = 1.0 / (1.0 + 0.327_591_1 * size);
            let mut sum = 1.061_405_4;
            for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
                sum = sum * t + coefficient;
            }
            let erf = (1.0 - sum * t * exp(-size * size)).copysign(x);
            *number = 0.5 * *number * (1.0 + erf);
        }
    }
}

/// Adds `more` to a row and normalises it, in place.
#[inline(always)]
pub(crate) fn add_norm(row: &mut [f32], more: &[f32], weight: &[f32], bias: &[f32]) {
    let count = row.len() as f32;
    let (rows, _) = row.as_chunks_mut::<LANES>();
    let mut total = [0f32; LANES];
    for (lane, more) in rows.iter_mut().zip(more.as_chunks::<LANES>().0) {
        for ((number, more), total) in lane.iter_mut().zip(more).zip(&mut total) {
            *number += more;
            *total += *number;
        }
    }
    let mean = fold(total, |a, b| a + b) / count;
    let mut squares = [0f32; LANES];
    for lane in rows.iter() {
        for (number, square) in lane.iter().zip(&mut squares) {
            let off = number - mean;
            *square += off * off;
        }
    }
    let scale = 1.0 / (fold(squares, |a, b| a + b) / count + 1e-12).sqrt();
    let rest = weight.as_chunks::<LANES>().0.iter().zip(bias.as_chunks::<LANES>().0);
    for (lane, (weight, bias)) in rows.iter_mut().zip(rest) {
        for ((number, weight), bias) in lane.iter_mut().zip(weight).zip(bias) {
            *number = (*number - mean) * scale * weight + bias;
        }
    }
}

/// One head's numbers of one token.
pub(crate) type Head = [f32; PANEL];
/// One head's keys of 16 tokens: each dimension's numbers together.
pub(crate) type Keys = [[f32; LANES]; PANEL];
/// Tokens whose attention is worked out together.
pub(crate) const QUERIES: usize = 4;
/// Their scores with 16 tokens.
pub(crate) type Scores = [[f32; LANES]; QUERIES];

/// One head's attention of four tokens: their queries, the keys of all tokens and as much room for scores, and the
/// values of all tokens.
#[inline(always)]
pub(crate) fn attend(
    queries: &[Head; QUERIES],
    keys: &[Keys],
    values: &[Head],
    scores: &mut [Scores],
    out: &mut [Head; QUERIES],
) {
    let mut high = [f32::MIN; QUERIES];
    let mut left = values.len();
    for (keys, place) in keys.iter().zip(scores.iter_mut()) {
        let mut scores = [[0f32; LANES]; QUERIES];
        for (dimension, keys) in keys.iter().enumerate() {
            for (scores, query) in scores.iter_mut().zip(queries) {
                // A constant number of queries and dimensions: the compiler sees that it is there.
                let number = query.get(dimension).copied().unwrap_or_default();
                for (score, key) in scores.iter_mut().zip(keys) {
                    *score += number * key;
                }
            }
        }
        for (scores, high) in scores.iter_mut().zip(&mut high) {
            for score in scores.iter_mut().skip(left) {
                *score = f32::MIN;
            }
            let most = fold(*scores, |a, b| if a > b { a } else { b });
            *high = if most > *high { most } else { *high };
        }
        left = left.saturating_sub(LANES);
        *place = scores;
    }
    for scores in scores.iter_mut() {
        for (scores, high) in scores.iter_mut().zip(high) {
            for score in scores {
                *score = exp(*score - high);
            }
        }
    }
    let mut sums = [[0f32; PANEL]; QUERIES];
    let mut totals = [0f32; QUERIES];
    for (scores, values) in scores.iter().zip(values.chunks(LANES)) {
        for (token, value) in values.iter().enumerate() {
            for ((scores, sums), total) in scores.iter().zip(&mut sums).zip(&mut totals) {
                let weight = scores.get(token).copied().unwrap_or_default();
                *total += weight;
                for (sum, number) in sums.iter_mut().zip(value) {
                    *sum += weight * number;
                }
            }
        }
    }
    for ((out, sums), total) in out.iter_mut().zip(sums).zip(totals) {
        let inverse = 1.0 / total;
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum * inverse;
        }
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

    #[test]
    fn exp_has_seven_digits() {
        for step in -800..880 {
            let x = step as f32 / 10.0;
            let expected = f64::from(x).exp();
            let off = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(off < 3e-7, "exp({x}) is off by {off}");
        }
        assert!(exp(-1e30) < 1e-37);
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
        ];
        for (x, expected) in known {
            let mut numbers = [x; LANES];
            gelu(&mut numbers);
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
            let spread = quantise(&row, &mut codes);
            for (number, code) in row.iter().zip(&codes) {
                let back = spread.scale * (f32::from(*code) - f32::from(MIDDLE) + spread.zero);
                let allowed = spread.scale * 1.01 + number.abs() * 1e-6;
                assert!((back - number).abs() <= allowed, "{number} came back as {back}");
            }
        }
    }
}
