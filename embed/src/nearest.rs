//! The nearest of many vectors: all of them looked at as bytes, the best few to be compared again as floats.

use crate::kernel::Kernel;

/// A vector of length 1 as bytes, so that many of them fit into memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code(pub Vec<i8>);

impl Code {
    /// A number of the vector is its code divided by this, about.
    const SCALE: f32 = 448.0;

    /// The code of a vector. Numbers beyond ±0.28, which hardly any vector of this model has, count as that.
    #[must_use]
    pub fn of(vector: &[f32]) -> Code {
        Code(
            vector
                .iter()
                .map(|number| (number * Code::SCALE).round_ties_even().clamp(-127.0, 127.0) as i8)
                .collect(),
        )
    }
}

/// The dot product: the cosine, where both are of length 1.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32
}

/// The cosine of two vectors; 0 where one has no direction.
#[must_use]
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let length = f64::from(dot(a, a)).sqrt() * f64::from(dot(b, b)).sqrt();
    if length > 0.0 { (f64::from(dot(a, b)) / length) as f32 } else { 0.0 }
}

/// The places in `codes` (one code after another, each as long as `of`) of the `most` nearest to `of`, the best first.
#[must_use]
pub fn nearest(of: &Code, codes: &[i8], most: usize, kernel: Kernel) -> Vec<usize> {
    const AT_ONCE: usize = 256;
    let length = of.0.len();
    let mut best: Vec<(i32, usize)> = Vec::with_capacity(most + 1);
    let mut dots = [0i32; AT_ONCE];
    if length == 0 || most == 0 {
        return Vec::new();
    }
    for (block, rows) in codes.chunks(length * AT_ONCE).enumerate() {
        kernel.dots(&of.0, rows, &mut dots);
        for (at, dot) in dots.iter().take(rows.len() / length).enumerate() {
            if best.len() < most || best.last().is_some_and(|(worst, _)| dot > worst) {
                let place = best.partition_point(|(better, _)| better >= dot);
                best.insert(place, (*dot, block * AT_ONCE + at));
                best.truncate(most);
            }
        }
    }
    best.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a pattern, the same in every run.
    fn vector(seed: u32) -> Vec<f32> {
        let mixed = |n: u32| {
            let n = (n ^ seed.wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b);
            let n = (n ^ (n >> 13)).wrapping_mul(0xc2b2_ae35);
            n ^ (n >> 16)
        };
        let raw: Vec<f32> = (0..384).map(|n| (mixed(n) % 2001) as f32 / 1000.0 - 1.0).collect();
        let length = dot(&raw, &raw).sqrt();
        raw.iter().map(|number| number / length).collect()
    }

    #[test]
    fn the_nearest_come_in_order() {
        let all: Vec<Vec<f32>> = (0..700).map(vector).collect();
        let codes: Vec<i8> = all.iter().flat_map(|vector| Code::of(vector).0).collect();
        for kernel in Kernel::available() {
            for sought in [0, 255, 256, 699] {
                let found = nearest(&Code::of(&all[sought]), &codes, 5, kernel);
                assert_eq!(found.len(), 5);
                assert_eq!(found[0], sought, "{}", kernel.name());
                let near = |at: &usize| dot(&all[*at], &all[sought]);
                assert!(found.windows(2).all(|pair| near(&pair[0]) > near(&pair[1]) - 0.02));
            }
        }
        assert!(nearest(&Code::of(&all[0]), &codes, 0, Kernel::SCALAR).is_empty());
        assert_eq!(nearest(&Code::of(&all[0]), &codes[..384 * 3], 5, Kernel::SCALAR).len(), 3);
    }

    #[test]
    fn a_cosine_is_a_cosine() {
        let (a, b) = (vector(1), vector(2));
        assert!((cosine(&a, &a) - 1.0).abs() < 1e-6);
        let doubled: Vec<f32> = b.iter().map(|number| number * 2.0).collect();
        assert!((cosine(&a, &doubled) - dot(&a, &b)).abs() < 1e-6);
        assert_eq!(cosine(&a, &[0.0; 384]), 0.0);
    }
}
