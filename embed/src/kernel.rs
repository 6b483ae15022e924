//! The arithmetic of `lanes.rs` built for what the processor can do, and the one product that is written by hand.
//!
//! All `unsafe` of the crate is here. It is of two kinds: calls of functions that need instructions of the processor,
//! which a [`Kernel`] can only name where they were found; and loads and stores through pointers, whose bounds are
//! checked before each loop.
#![allow(
    unsafe_code,
    reason = "instructions that the compiler does not choose by itself, in this file alone"
)]

use crate::lanes::{self, Head, Keys, Outputs, PANEL, QUERIES, Scores, Spread, Sums};

/// How the model is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Floats, in the widest registers the processor has. The reference.
    F32,
    /// int8, in plain Rust.
    Scalar,
    /// int8, with AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// int8, with AVX-512 VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// The reference.
    pub const F32: Kernel = Kernel(Kind::F32);
    /// int8, on any processor.
    pub const SCALAR: Kernel = Kernel(Kind::Scalar);
    /// The names, the fastest first.
    pub const NAMES: [&str; 4] = ["avx512", "avx2", "scalar", "f32"];

    /// The fastest that this processor has.
    #[must_use]
    pub fn best() -> Kernel {
        Kernel::NAMES.iter().find_map(|name| Kernel::named(name)).unwrap_or(Kernel::SCALAR)
    }

    /// The kernel of that name, one of [`Kernel::NAMES`]; none where this processor does not have it.
    #[must_use]
    pub fn named(name: &str) -> Option<Kernel> {
        match name {
            "f32" => Some(Kernel::F32),
            "scalar" => Some(Kernel::SCALAR),
            #[cfg(target_arch = "x86_64")]
            "avx2" if has_avx2() => Some(Kernel(Kind::Avx2)),
            #[cfg(target_arch = "x86_64")]
            "avx512" if has_avx512() => Some(Kernel(Kind::Avx512)),
            _ => None,
        }
    }

    /// All that this processor has, the fastest first.
    #[must_use]
    pub fn available() -> Vec<Kernel> {
        Kernel::NAMES.iter().filter_map(|name| Kernel::named(name)).collect()
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::F32 => "f32",
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }

    /// Whether it works with quantised weights.
    #[must_use]
    pub fn is_int8(self) -> bool {
        self.0 != Kind::F32
    }

    /// [`lanes::sums`]. `totals` are the sums of the panel's weights.
    pub(crate) fn sums(
        self,
        codes: &[u8],
        inputs: usize,
        panel: &[i8],
        totals: &[i32; PANEL],
        out: &mut [Sums],
    ) {
        assert!(codes.len() >= out.len() * inputs && panel.len() == inputs * PANEL, "rows and weights fit");
        assert!(inputs.is_multiple_of(lanes::GROUP), "inputs come in groups");
        match self.0 {
            Kind::F32 | Kind::Scalar => lanes::sums(codes, inputs, panel, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: AVX2 was found; the sizes are those asserted.
            Kind::Avx2 => unsafe { avx2::sums(codes, inputs, panel, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: AVX-512 with VNNI was found; the sizes are those asserted.
            Kind::Avx512 => unsafe { avx512::sums(codes, inputs, panel, totals, out) },
        }
        let _ = totals;
    }
}

/// What the compiler vectorises: safe functions, built once for each set of instructions.
macro_rules! built_for_each {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        #[cfg(target_arch = "x86_64")]
        mod with_avx2 {
            use super::*;
            $(#[target_feature(enable = "avx2")]
            pub(super) fn $name($($arg: $type),*) $(-> $result)? { lanes::$name($($arg),*) })*
        }
        impl Kernel {
            $($(#[$doc])*
            pub(crate) fn $name(self, $($arg: $type),*) $(-> $result)? {
                match self.0 {
                    Kind::Scalar => lanes::$name($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: the instructions were found.
                    Kind::Avx2 => unsafe { with_avx2::$name($($arg),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: the instructions were found; who has AVX-512 is only called so with AVX2. Wider registers
                    // made these slower.
                    Kind::Avx512 => unsafe { with_avx2::$name($($arg),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: the instructions were found.
                    Kind::F32 if has_avx2() => unsafe { with_avx2::$name($($arg),*) },
                    Kind::F32 => lanes::$name($($arg),*),
                }
            })*
        }
    };
}

built_for_each! {
    /// See [`lanes::quantise`].
    fn quantise(row: &[f32], codes: &mut [u8]) -> Spread;
    /// See [`lanes::dequantise`].
    fn dequantise(sums: &Sums, spread: Spread, outputs: &Outputs<'_>, out: &mut [f32; PANEL]);
    /// See [`lanes::products`].
    fn products(rows: &[f32], inputs: usize, panel: &[f32], out: &mut [[f32; PANEL]]);
    /// See [`lanes::gelu`].
    fn gelu(numbers: &mut [f32]);
    /// See [`lanes::add_norm`].
    fn add_norm(row: &mut [f32], more: &[f32], weight: &[f32], bias: &[f32]);
    /// See [`lanes::attend`].
    fn attend(
        queries: &[Head; QUERIES], keys: &[Keys], values: &[Head], scores: &mut [Scores], out: &mut [Head; QUERIES]
    );
    /// See [`lanes::dots`].
    fn dots(of: &[i8], rows: &[i8], out: &mut [i32]);
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::*;

    use super::{PANEL, Sums};
    use crate::lanes::{GROUP, MIDDLE};

    /// Rows that share a pass over the weights: their sums fill 16 registers.
    const ROWS: usize = 8;

    /// # Safety
    /// Needs the features. `codes` has `out.len()` rows of `inputs`, `panel` `inputs * PANEL` weights, and `inputs` is a
    /// multiple of 4.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub(super) unsafe fn sums(
        codes: &[u8],
        inputs: usize,
        panel: &[i8],
        totals: &[i32; PANEL],
        out: &mut [Sums],
    ) {
        for (rows, out) in codes.chunks(inputs * ROWS).zip(out.chunks_mut(ROWS)) {
            // SAFETY: as the caller promised; the rows are those of `out`.
            unsafe {
                match out.len() {
                    8 => some::<8>(rows, inputs, panel, totals, out),
                    7 => some::<7>(rows, inputs, panel, totals, out),
                    6 => some::<6>(rows, inputs, panel, totals, out),
                    5 => some::<5>(rows, inputs, panel, totals, out),
                    4 => some::<4>(rows, inputs, panel, totals, out),
                    3 => some::<3>(rows, inputs, panel, totals, out),
                    2 => some::<2>(rows, inputs, panel, totals, out),
                    _ => some::<1>(rows, inputs, panel, totals, out),
                }
            }
        }
    }

    /// # Safety
    /// As [`sums`], of `N` rows.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn some<const N: usize>(
        codes: &[u8],
        inputs: usize,
        panel: &[i8],
        totals: &[i32; PANEL],
        out: &mut [Sums],
    ) {
        // Codes are unsigned, as the instruction wants them; what that adds is taken off at the start.
        let middle = _mm512_set1_epi32(-i32::from(MIDDLE));
        // SAFETY: 32 totals are two registers.
        let first = unsafe {
            [
                _mm512_mullo_epi32(_mm512_loadu_si512(totals.as_ptr().cast()), middle),
                _mm512_mullo_epi32(_mm512_loadu_si512(totals.as_ptr().add(16).cast()), middle),
            ]
        };
        let mut sums = [first; N];
        for group in 0..inputs / GROUP {
            // SAFETY: group < inputs / 4: both halves of its 128 weights are in `panel`.
            let (low, high) = unsafe {
                let at = panel.as_ptr().add(group * GROUP * PANEL);
                (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(64).cast()))
            };
            for (row, [left, right]) in sums.iter_mut().enumerate() {
                // SAFETY: row < N, and its four codes are within its `inputs`.
                let code = unsafe {
                    codes.as_ptr().add(row * inputs + group * GROUP).cast::<i32>().read_unaligned()
                };
                let code = _mm512_set1_epi32(code);
                *left = _mm512_dpbusd_epi32(*left, code, low);
                *right = _mm512_dpbusd_epi32(*right, code, high);
            }
        }
        for ([left, right], out) in sums.iter().zip(out) {
            // SAFETY: 32 sums are two registers.
            unsafe {
                _mm512_storeu_si512(out.as_mut_ptr().cast(), *left);
                _mm512_storeu_si512(out.as_mut_ptr().add(16).cast(), *right);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{PANEL, Sums};
    use crate::lanes::{GROUP, MIDDLE};

    /// Rows that share a pass over the weights: their sums fill 8 registers.
    const ROWS: usize = 2;

    /// # Safety
    /// Needs AVX2. `codes` has `out.len()` rows of `inputs`, `panel` `inputs * PANEL` weights, and `inputs` is a multiple
    /// of 4.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn sums(codes: &[u8], inputs: usize, panel: &[i8], out: &mut [Sums]) {
        for (rows, out) in codes.chunks(inputs * ROWS).zip(out.chunks_mut(ROWS)) {
            // SAFETY: as the caller promised; the rows are those of `out`.
            unsafe {
                match out.len() {
                    2 => some::<2>(rows, inputs, panel, out),
                    _ => some::<1>(rows, inputs, panel, out),
                }
            }
        }
    }

    /// # Safety
    /// As [`sums`], of `N` rows.
    #[target_feature(enable = "avx2")]
    unsafe fn some<const N: usize>(codes: &[u8], inputs: usize, panel: &[i8], out: &mut [Sums]) {
        let middle = _mm256_set1_epi8(MIDDLE as i8);
        let ones = _mm256_set1_epi16(1);
        let mut sums = [[_mm256_setzero_si256(); 4]; N];
        for group in 0..inputs / GROUP {
            // SAFETY: group < inputs / 4: all four quarters of its 128 weights are in `panel`.
            let weights = unsafe {
                let at = panel.as_ptr().add(group * GROUP * PANEL);
                [
                    _mm256_loadu_si256(at.cast()),
                    _mm256_loadu_si256(at.add(32).cast()),
                    _mm256_loadu_si256(at.add(64).cast()),
                    _mm256_loadu_si256(at.add(96).cast()),
                ]
            };
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: row < N, and its four codes are within its `inputs`.
                let code = unsafe {
                    codes.as_ptr().add(row * inputs + group * GROUP).cast::<i32>().read_unaligned()
                };
                let code = _mm256_xor_si256(_mm256_set1_epi32(code), middle);
                let size = _mm256_abs_epi8(code);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    // Sizes of at most 127 on both sides: two products fit into 16 bits, so nothing saturates.
                    let pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(weight, code));
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
                }
            }
        }
        for (sums, out) in sums.iter().zip(out) {
            for (at, sum) in sums.iter().enumerate() {
                // SAFETY: 32 sums are four registers.
                unsafe { _mm256_storeu_si256(out.as_mut_ptr().add(8 * at).cast(), *sum) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without a pattern, the same in every run.
    struct Noise(u64);

    impl Noise {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed ^ (mixed >> 29)
        }

        fn float(&mut self) -> f32 {
            (self.next() % 20_001) as f32 / 2_500.0 - 4.0
        }

        fn floats(&mut self, count: usize) -> Vec<f32> {
            (0..count).map(|_| self.float()).collect()
        }

        /// From -127 to 127, often at the ends.
        fn weight(&mut self) -> i8 {
            match self.next() % 8 {
                0 => -127,
                1 => 127,
                _ => (self.next() % 255) as u8 as i8 as i16 as i8,
            }
            .max(-127)
        }
    }

    fn others() -> Vec<Kernel> {
        Kernel::available().into_iter().filter(|kernel| *kernel != Kernel::SCALAR).collect()
    }

    fn bits(numbers: &[f32]) -> Vec<u32> {
        numbers.iter().map(|number| number.to_bits()).collect()
    }

    #[test]
    fn a_kernel_is_known_by_its_name() {
        for kernel in Kernel::available() {
            assert_eq!(Kernel::named(kernel.name()), Some(kernel));
        }
        assert_eq!(Kernel::named("mmx"), None);
        assert!(Kernel::available().contains(&Kernel::best()) && Kernel::best().is_int8());
    }

    #[test]
    fn every_lane_sums_as_plain_rust_does() {
        let mut noise = Noise(1);
        for rows in 1..=19 {
            for inputs in [4, 8, 60, 384, 1536] {
                let codes: Vec<u8> = (0..rows * inputs)
                    .map(|_| match noise.next() % 8 {
                        0 => 1,
                        1 => 255,
                        _ => (1 + noise.next() % 255) as u8,
                    })
                    .collect();
                let panel: Vec<i8> = (0..inputs * PANEL).map(|_| noise.weight()).collect();
                let mut totals = [0; PANEL];
                for group in panel.chunks_exact(PANEL * 4) {
                    for (total, weights) in totals.iter_mut().zip(group.chunks_exact(4)) {
                        *total += weights.iter().map(|weight| i32::from(*weight)).sum::<i32>();
                    }
                }
                // Written down once more, without lanes.
                let mut expected = vec![[0i32; PANEL]; rows];
                for row in 0..rows {
                    for input in 0..inputs {
                        for output in 0..PANEL {
                            let weight = panel[input / 4 * PANEL * 4 + output * 4 + input % 4];
                            let code = i32::from(codes[row * inputs + input]) - 128;
                            expected[row][output] += code * i32::from(weight);
                        }
                    }
                }
                for kernel in Kernel::available() {
                    let mut found = vec![[7i32; PANEL]; rows];
                    kernel.sums(&codes, inputs, &panel, &totals, &mut found);
                    assert_eq!(found, expected, "{} with {rows} rows of {inputs}", kernel.name());
                }
            }
        }
    }

    #[test]
    fn every_other_step_gives_the_same_bits() {
        let mut noise = Noise(2);
        for count in [32, 384, 1536] {
            let row = noise.floats(count);
            let (more, weight, bias) = (noise.floats(count), noise.floats(count), noise.floats(count));
            let (mut gelu, mut norm) = (row.clone(), row.clone());
            lanes::gelu(&mut gelu);
            lanes::add_norm(&mut norm, &more, &weight, &bias);
            let mut codes = vec![0; count];
            let spread = lanes::quantise(&row, &mut codes);
            for kernel in others() {
                let mut found = row.clone();
                kernel.gelu(&mut found);
                assert_eq!(bits(&found), bits(&gelu), "gelu, {}", kernel.name());
                let mut found = row.clone();
                kernel.add_norm(&mut found, &more, &weight, &bias);
                assert_eq!(bits(&found), bits(&norm), "add_norm, {}", kernel.name());
                let mut found = vec![0; count];
                assert_eq!(kernel.quantise(&row, &mut found), spread, "quantise, {}", kernel.name());
                assert_eq!(found, codes, "quantise, {}", kernel.name());
            }
        }
    }

    #[test]
    fn attention_gives_the_same_bits_and_is_attention() {
        let mut noise = Noise(3);
        for tokens in [1usize, 5, 16, 33] {
            let room = tokens.div_ceil(lanes::LANES);
            let mut head = || -> Head { noise.floats(PANEL).try_into().unwrap() };
            let queries: [Head; QUERIES] = std::array::from_fn(|_| head());
            let of: Vec<Head> = (0..tokens).map(|_| head()).collect();
            let values: Vec<Head> = (0..tokens).map(|_| head()).collect();
            let mut keys = vec![[[0.0; lanes::LANES]; PANEL]; room];
            for (token, key) in of.iter().enumerate() {
                for (dimension, number) in key.iter().enumerate() {
                    keys[token / lanes::LANES][dimension][token % lanes::LANES] = *number;
                }
            }
            let mut scores = vec![[[0.0; lanes::LANES]; QUERIES]; room];
            let mut expected = [[0.0; PANEL]; QUERIES];
            lanes::attend(&queries, &keys, &values, &mut scores, &mut expected);
            for kernel in others() {
                let mut found = [[1.0; PANEL]; QUERIES];
                kernel.attend(&queries, &keys, &values, &mut scores, &mut found);
                assert_eq!(bits(found.as_flattened()), bits(expected.as_flattened()), "{}", kernel.name());
            }
            for (query, expected) in queries.iter().zip(&expected) {
                let dot = |key: &Head| -> f64 {
                    query.iter().zip(key).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
                };
                let scores: Vec<f64> = of.iter().map(dot).collect();
                let high = scores.iter().fold(f64::MIN, |a, b| a.max(*b));
                let total: f64 = scores.iter().map(|score| (score - high).exp()).sum();
                for (dimension, found) in expected.iter().enumerate() {
                    let weighed = scores
                        .iter()
                        .zip(&values)
                        .map(|(score, value)| (score - high).exp() / total * f64::from(value[dimension]));
                    assert!((weighed.sum::<f64>() - f64::from(*found)).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn dense_steps_give_the_same_bits() {
        let mut noise = Noise(4);
        let (rows, panel) = (noise.floats(3 * 384), noise.floats(384 * PANEL));
        let mut expected = vec![[0.5; PANEL]; 3];
        lanes::products(&rows, 384, &panel, &mut expected);
        let sums: Sums = std::array::from_fn(|_| noise.next() as i32 >> 6);
        let totals = std::array::from_fn(|_| noise.next() as i32 >> 12);
        let (scales, bias): ([f32; PANEL], [f32; PANEL]) =
            (std::array::from_fn(|_| noise.float()), std::array::from_fn(|_| noise.float()));
        let outputs = Outputs { scales: &scales, totals: &totals, bias: &bias };
        let spread = Spread { scale: 0.013, zero: -17.0 };
        let mut numbers = [0.0; PANEL];
        lanes::dequantise(&sums, spread, &outputs, &mut numbers);
        let codes: Vec<i8> = (0..384 * 9).map(|_| noise.weight()).collect();
        let mut dots = vec![0; 8];
        lanes::dots(&codes[..384], &codes[384..], &mut dots);
        let plain = |at: usize| (0..384).map(|i| i32::from(codes[i]) * i32::from(codes[384 * at + i])).sum();
        assert_eq!(dots, (1..9).map(plain).collect::<Vec<i32>>());
        for kernel in others() {
            let mut found = vec![[0.5; PANEL]; 3];
            kernel.products(&rows, 384, &panel, &mut found);
            assert_eq!(bits(found.as_flattened()), bits(expected.as_flattened()), "{}", kernel.name());
            let mut found = [0.0; PANEL];
            kernel.dequantise(&sums, spread, &outputs, &mut found);
            assert_eq!(bits(&found), bits(&numbers), "{}", kernel.name());
            let mut found = vec![0; 8];
            kernel.dots(&codes[..384], &codes[384..], &mut found);
            assert_eq!(found, dots, "{}", kernel.name());
        }
    }
}
