//! Lanes of one register each, and sums with VNNI.

use std::arch::x86_64::*;
use std::ops::{Add, Div, Mul, Sub};

use crate::lane::{LANES, Lane, MIDDLE};
use crate::lanes::{GROUP, PANEL, Sums};

/// Sixteen floats in one register. Named in functions that are built with AVX-512 alone.
#[derive(Clone, Copy)]
pub(super) struct Wide(__m512);

macro_rules! operator {
    ($name:ident, $call:ident, $with:ident) => {
        impl $name for Wide {
            type Output = Wide;
            #[inline(always)]
            fn $call(self, other: Wide) -> Wide {
                // SAFETY: as `Wide` says.
                Wide(unsafe { $with(self.0, other.0) })
            }
        }
    };
}
operator!(Add, add, _mm512_add_ps);
operator!(Sub, sub, _mm512_sub_ps);
operator!(Mul, mul, _mm512_mul_ps);
operator!(Div, div, _mm512_div_ps);

// SAFETY, of all blocks: as `Wide` says; what is loaded and stored has the size of a lane.
impl Lane for Wide {
    const MANY: bool = true;

    #[inline(always)]
    fn all(number: f32) -> Wide {
        // SAFETY: see above.
        Wide(unsafe { _mm512_set1_ps(number) })
    }

    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Wide {
        // SAFETY: see above.
        Wide(unsafe { _mm512_loadu_ps(from.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        // SAFETY: see above.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn integers(from: &[i32; LANES]) -> Wide {
        // SAFETY: see above.
        Wide(unsafe { _mm512_cvtepi32_ps(_mm512_loadu_si512(from.as_ptr().cast())) })
    }

    #[inline(always)]
    fn least(self, other: Wide) -> Wide {
        // SAFETY: see above.
        Wide(unsafe { _mm512_min_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn most(self, other: Wide) -> Wide {
        // SAFETY: see above.
        Wide(unsafe { _mm512_max_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn two_to(self) -> Wide {
        // SAFETY: see above.
        unsafe {
            let steps = _mm512_slli_epi32::<23>(_mm512_castps_si512(self.0));
            Wide(_mm512_castsi512_ps(_mm512_add_epi32(steps, _mm512_set1_epi32(127 << 23))))
        }
    }

    #[inline(always)]
    fn codes(self, to: &mut [u8; LANES]) {
        // SAFETY: see above.
        unsafe {
            let middle = _mm512_set1_epi32(i32::from(MIDDLE));
            let codes = _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_castps_si512(self.0), middle));
            _mm_storeu_si128(to.as_mut_ptr().cast(), codes);
        }
    }
}

/// Rows that share a pass over the weights, at most: their sums fill 24 registers.
const ROWS: usize = 12;
/// How far ahead of their use weights are asked for: they come from beyond the second cache.
const AHEAD: usize = 2048;

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
    // Passes of about as many rows each: one with few rows takes nearly as long as one with many.
    let rows = out.len().div_ceil(out.len().div_ceil(ROWS).max(1)).max(1);
    for (codes, out) in codes.chunks(inputs * rows).zip(out.chunks_mut(rows)) {
        // SAFETY: as the caller promised; the rows are those of `out`.
        unsafe {
            match out.len() {
                12 => some::<12>(codes, inputs, panel, totals, out),
                11 => some::<11>(codes, inputs, panel, totals, out),
                10 => some::<10>(codes, inputs, panel, totals, out),
                9 => some::<9>(codes, inputs, panel, totals, out),
                8 => some::<8>(codes, inputs, panel, totals, out),
                7 => some::<7>(codes, inputs, panel, totals, out),
                6 => some::<6>(codes, inputs, panel, totals, out),
                5 => some::<5>(codes, inputs, panel, totals, out),
                4 => some::<4>(codes, inputs, panel, totals, out),
                3 => some::<3>(codes, inputs, panel, totals, out),
                2 => some::<2>(codes, inputs, panel, totals, out),
                _ => some::<1>(codes, inputs, panel, totals, out),
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
        // SAFETY: group < inputs / 4: both halves of its 128 weights are in `panel`. What is asked for ahead may be
        // beyond it, most often in the next panel: asking for what is not there does nothing.
        let (low, high) = unsafe {
            let at = panel.as_ptr().add(group * GROUP * PANEL);
            _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD));
            _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD + 64));
            (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(64).cast()))
        };
        for (row, [left, right]) in sums.iter_mut().enumerate() {
            // SAFETY: row < N, and its four codes are within its `inputs`.
            let code =
                unsafe { codes.as_ptr().add(row * inputs + group * GROUP).cast::<i32>().read_unaligned() };
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
