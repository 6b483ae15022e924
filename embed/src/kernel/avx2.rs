//! Lanes of two registers each, and sums without VNNI.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;
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

/// Makes words of codes, less [`MIDDLE`].
#[target_feature(enable = "avx2")]
pub(super) fn widen(codes: &[u8], words: &mut [i16]) {
    for (code, word) in codes.iter().zip(words) {
        *word = i16::from(*code) - i16::from(MIDDLE);
    }
}

/// Rows that share a pass over the weights: their sums fill 8 registers.
const ROWS: usize = 2;
/// Outputs of one pass: half a panel, two sums for each.
const HALF: usize = PANEL / 2;
/// Inputs of one pass: their weights as words stay in the first cache.
const INPUTS: usize = 768;
/// Registers of 16 words that hold the weights of a pass.
const KEPT: usize = INPUTS * HALF / 16;
/// How far ahead of their use weights are asked for.
const AHEAD: usize = 2048;

/// Sums in 16 bits: without VNNI that takes fewer instructions than bytes, which have to be kept from saturating. The
/// first rows widen the weights, all others find them widened.
///
/// # Safety
/// Needs AVX2. `words` has `out.len()` rows of `inputs`, `panel` `inputs * PANEL` weights, and `inputs` is a multiple
/// of 4.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn sums(words: &[i16], inputs: usize, panel: &[i8], out: &mut [Sums]) {
    let mut kept = MaybeUninit::<[__m256i; KEPT]>::uninit();
    let kept = kept.as_mut_ptr().cast::<__m256i>();
    for half in 0..2 {
        for begin in (0..inputs).step_by(INPUTS) {
            let groups = (inputs - begin).min(INPUTS) / GROUP;
            for (at, out) in out.chunks_mut(ROWS).enumerate() {
                // SAFETY: `begin` < inputs, and the rows are those of `out`. Of each group of the panel one half is read;
                // the groups of one pass fit into `kept`, and the first rows fill what the others read.
                unsafe {
                    let words = words.as_ptr().add(at * ROWS * inputs + begin);
                    let panel = panel.as_ptr().add(begin * PANEL + half * HALF * GROUP);
                    let pass = Pass { words, inputs, groups, panel, kept, half, more: begin > 0 };
                    match (out.len(), at) {
                        (2, 0) => some::<2, true>(&pass, out),
                        (2, _) => some::<2, false>(&pass, out),
                        (_, 0) => some::<1, true>(&pass, out),
                        _ => some::<1, false>(&pass, out),
                    }
                }
            }
        }
    }
}

/// Some rows by half the outputs of a panel, over some inputs.
struct Pass {
    words: *const i16,
    inputs: usize,
    groups: usize,
    panel: *const i8,
    kept: *mut __m256i,
    half: usize,
    /// Whether what is found is added to the sums there are.
    more: bool,
}

/// # Safety
/// As [`sums`], of `N` rows. `FIRST` rows fill `kept`.
#[target_feature(enable = "avx2")]
unsafe fn some<const N: usize, const FIRST: bool>(pass: &Pass, out: &mut [Sums]) {
    let mut sums = [[_mm256_setzero_si256(); 4]; N];
    for group in 0..pass.groups {
        let mut weights = [_mm256_setzero_si256(); 4];
        for (at, weight) in weights.iter_mut().enumerate() {
            // SAFETY: group < groups: its 4 registers are in `kept`, and its 64 weights in the panel. What is asked for
            // ahead need not be there.
            unsafe {
                let kept = pass.kept.add(group * 4 + at);
                if FIRST {
                    let panel = pass.panel.add(group * GROUP * PANEL + at * 16);
                    if at == 0 {
                        _mm_prefetch::<_MM_HINT_T0>(panel.wrapping_add(AHEAD));
                    }
                    *weight = _mm256_cvtepi8_epi16(_mm_loadu_si128(panel.cast()));
                    kept.write(*weight);
                } else {
                    *weight = kept.read();
                }
            }
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: row < N, and its four words are within its `inputs`.
            let code =
                unsafe { pass.words.add(row * pass.inputs + group * GROUP).cast::<i64>().read_unaligned() };
            let code = _mm256_set1_epi64x(code);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(weight, code));
            }
        }
    }
    for (sums, out) in sums.iter().zip(out) {
        let [a, b, c, d] = *sums;
        for (at, (even, odd)) in [(a, b), (c, d)].into_iter().enumerate() {
            // The two sums of each output become one; the quarters are put into their order again.
            let mut sum = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(even, odd));
            // SAFETY: two halves of two registers are the 32 sums.
            unsafe {
                let place = out.as_mut_ptr().add(pass.half * HALF + at * 8).cast::<__m256i>();
                if pass.more {
                    sum = _mm256_add_epi32(sum, _mm256_loadu_si256(place));
                }
                _mm256_storeu_si256(place, sum);
            }
        }
    }
}
