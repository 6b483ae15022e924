//! The attention of one head.

use super::{PANEL, exp, fold};
use crate::lane::{LANES, Lane};

/// One head's numbers of one token.
pub(crate) type Head = [f32; PANEL];
/// One head's keys of 16 tokens: each dimension's numbers together.
pub(crate) type Keys = [[f32; LANES]; PANEL];
/// Tokens whose attention is worked out together, at most.
const QUERIES: usize = 8;
/// Their scores with 16 tokens.
pub(crate) type Scores = [[f32; LANES]; QUERIES];

/// One head's attention: the queries of all tokens, their keys and as much room for scores, and their values.
#[inline(always)]
pub(crate) fn attend<L: Lane>(
    queries: &[Head],
    keys: &[Keys],
    values: &[Head],
    scores: &mut [Scores],
    out: &mut [Head],
) {
    if L::MANY {
        attend_by::<L, QUERIES>(queries, keys, values, scores, out);
    } else {
        attend_by::<L, { QUERIES / 2 }>(queries, keys, values, scores, out);
    }
}

/// The same, by `Q` queries at a time.
#[inline(always)]
fn attend_by<L: Lane, const Q: usize>(
    queries: &[Head],
    keys: &[Keys],
    values: &[Head],
    scores: &mut [Scores],
    out: &mut [Head],
) {
    for (some, out) in queries.chunks(Q).zip(out.chunks_mut(Q)) {
        let mut queries = [[0.0; PANEL]; Q];
        for (query, head) in queries.iter_mut().zip(some) {
            *query = *head;
        }
        let highest = score::<L, Q>(&queries, keys, values.len(), scores);
        let mut totals = [L::all(0.0); Q];
        for scores in scores.iter_mut() {
            for ((scores, highest), total) in scores.iter_mut().zip(highest).zip(&mut totals) {
                let weight = exp(L::load(scores) - L::all(highest));
                weight.store(scores);
                *total = *total + weight;
            }
        }
        for total in &mut totals {
            *total = L::all(1.0 / fold(total.numbers(), |a, b| a + b));
        }
        for half in 0..PANEL / LANES {
            let sums = weigh::<L, Q>(scores, values, half);
            for ((out, sum), inverse) in out.iter_mut().zip(sums).zip(totals) {
                if let Some(out) = out.as_chunks_mut::<LANES>().0.get_mut(half) {
                    (sum * inverse).store(out);
                }
            }
        }
    }
}

/// The scores of queries with all `tokens`, and the highest of each.
#[inline(always)]
fn score<L: Lane, const Q: usize>(
    queries: &[Head; Q],
    keys: &[Keys],
    tokens: usize,
    scores: &mut [Scores],
) -> [f32; Q] {
    let mut high = [L::all(f32::MIN); Q];
    let mut left = tokens;
    for (keys, scores) in keys.iter().zip(scores) {
        let mut sums = [L::all(0.0); Q];
        for (dimension, key) in keys.iter().enumerate() {
            let key = L::load(key);
            for (sum, query) in sums.iter_mut().zip(queries) {
                // A constant number of dimensions: the compiler sees that it is there.
                let number = query.get(dimension).copied().unwrap_or_default();
                *sum = *sum + L::all(number) * key;
            }
        }
        for ((sum, scores), high) in sums.iter().zip(scores).zip(&mut high) {
            sum.store(scores);
            for score in scores.iter_mut().skip(left) {
                *score = f32::MIN;
            }
            *high = L::load(scores).most(*high);
        }
        left = left.saturating_sub(LANES);
    }
    let mut highest = [0.0; Q];
    for (highest, high) in highest.iter_mut().zip(high) {
        *highest = fold(high.numbers(), |a, b| if a > b { a } else { b });
    }
    highest
}

/// The sums of one half of the values, weighed by scores.
#[inline(always)]
fn weigh<L: Lane, const Q: usize>(scores: &[Scores], values: &[Head], half: usize) -> [L; Q] {
    let mut sums = [L::all(0.0); Q];
    for (scores, values) in scores.iter().zip(values.chunks(LANES)) {
        for (token, value) in values.iter().enumerate() {
            let Some(value) = value.as_chunks::<LANES>().0.get(half) else { continue };
            let value = L::load(value);
            for (sum, scores) in sums.iter_mut().zip(scores) {
                let weight = scores.get(token).copied().unwrap_or_default();
                *sum = *sum + L::all(weight) * value;
            }
        }
    }
    sums
}
