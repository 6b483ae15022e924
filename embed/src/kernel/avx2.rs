//! Lanes of two registers each, and sums without VNNI.

use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Sub};

use crate::lane::{LANES, Lane, MIDDLE};
use crate::lanes::{GROUP, PANEL, Sums};

/// Sixteen floats in two registers. Named in functions that are built with AVX2 alone.
#[derive(Clone, Copy)]
pub(super) struct Pair(__m256, __m256);

macro_rules! operator {
    ($name:ident, $call:ident, $with:ident) => {
        impl $name for Pair {
            type Output = Pair;
            #[inline(always)]
            fn $call(self, other: Pair) -> Pair {
                // SAFETY: as `Pair` says.
                unsafe { Pair($with(self.0, other.0), $with(self.1, other.1)) }
            }
        }
    };
}
operator!(Add, add, _mm256_add_ps);
operator!(Sub, sub, _mm256_sub_ps);
operator!(Mul, mul, _mm256_mul_ps);
operator!(Div, div, _mm256_div_ps);

// SAFETY, of all blocks: as `Pair` says; what is loaded and stored has the size of a lane, in two halves.
impl Lane for Pair {
    const MANY: bool = false;

    #[inline(always)]
    fn all(number: f32) -> Pair {
        // SAFETY: see above.
        unsafe { Pair(_mm256_set1_ps(number), _mm256_set1_ps(number)) }
    }

    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Pair {
        // SAFETY: see above.
        unsafe { Pair(_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), self.0);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), self.1);
        }
    }

    #[inline(always)]
    fn integers(from: &[i32; LANES]) -> Pair {
        // SAFETY: see above.
        unsafe {
            let (low, high) = (from.as_ptr().cast(), from.as_ptr().add(8).cast());
            Pair(_mm256_cvtepi32_ps(_mm256_loadu_si256(low)), _mm256_cvtepi32_ps(_mm256_loadu_si256(high)))
        }
    }

    #[inline(always)]
    fn least(self, other: Pair) -> Pair {
        // SAFETY: see above.
        unsafe { Pair(_mm256_min_ps(self.0, other.0), _mm256_min_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn most(self, other: Pair) -> Pair {
        // SAFETY: see above.
        unsafe { Pair(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)) }
    }

    #[inline(always)]
    fn size(self) -> Pair {
        // SAFETY: see above.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            Pair(_mm256_andnot_ps(sign, self.0), _mm256_andnot_ps(sign, self.1))
        }
    }

    #[inline(always)]
    fn signed(self, of: Pair) -> Pair {
        // SAFETY: see above.
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            Pair(
                _mm256_or_ps(self.0, _mm256_and_ps(of.0, sign)),
                _mm256_or_ps(self.1, _mm256_and_ps(of.1, sign)),
            )
        }
    }

    #[inline(always)]
    fn two_to(self) -> Pair {
        // SAFETY: see above.
        unsafe {
            let one = _mm256_set1_epi32(127 << 23);
            let low = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.0));
            let high = _mm256_slli_epi32::<23>(_mm256_castps_si256(self.1));
            Pair(
                _mm256_castsi256_ps(_mm256_add_epi32(low, one)),
                _mm256_castsi256_ps(_mm256_add_epi32(high, one)),
            )
        }
    }

    #[inline(always)]
    fn codes(self, to: &mut [u8; LANES]) {
        // SAFETY: see above.
        unsafe {
            let (middle, byte) = (_mm256_set1_epi32(i32::from(MIDDLE)), _mm256_set1_epi32(255));
            let low = _mm256_and_si256(_mm256_add_epi32(_mm256_castps_si256(self.0), middle), byte);
            let high = _mm256_and_si256(_mm256_add_epi32(_mm256_castps_si256(self.1), middle), byte);
            // Packed within halves of the registers: the quarters are put into their order again.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(low, high));
            let codes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storeu_si128(to.as_mut_ptr().cast(), codes);
        }
    }
}

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
            let code =
                unsafe { codes.as_ptr().add(row * inputs + group * GROUP).cast::<i32>().read_unaligned() };
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
