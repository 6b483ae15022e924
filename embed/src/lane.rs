//! Sixteen floats that are worked on at once, and in plain Rust.

use std::ops::{Add, Div, Mul, Sub};

/// Numbers in one lane.
pub(crate) const LANES: usize = 16;

/// Added and taken off again, it rounds a float to an integer, half to even.
pub(crate) const ROUNDING: f32 = 12_582_912.0;

/// What stands for zero in quantised activations.
pub(crate) const MIDDLE: u8 = 128;

/// Sixteen floats, in whatever registers the processor has. Each step rounds as IEEE 754 says, and none is fused with
/// another, so that all kinds give the same bits.
pub(crate) trait Lane:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Whether the registers hold the sums of eight queries, or of four.
    const MANY: bool;

    /// The same number sixteen times.
    fn all(number: f32) -> Self;
    fn load(from: &[f32; LANES]) -> Self;
    fn store(self, to: &mut [f32; LANES]);
    /// Integers as floats.
    fn integers(from: &[i32; LANES]) -> Self;
    /// The lesser of each two; `other` where they cannot be compared.
    fn least(self, other: Self) -> Self;
    /// The greater of each two; `other` where they cannot be compared.
    fn most(self, other: Self) -> Self;
    /// Two to the power of the integers that [`ROUNDING`] was added to.
    fn two_to(self) -> Self;
    /// The codes of the integers that [`ROUNDING`] was added to.
    fn codes(self, to: &mut [u8; LANES]);

    /// As numbers.
    #[inline(always)]
    fn numbers(self) -> [f32; LANES] {
        let mut numbers = [0.0; LANES];
        self.store(&mut numbers);
        numbers
    }
}

/// Plain Rust, for any processor.
#[derive(Clone, Copy)]
pub(crate) struct Plain([f32; LANES]);

impl Plain {
    #[inline(always)]
    fn each(mut self, change: impl Fn(f32) -> f32) -> Plain {
        for number in &mut self.0 {
            *number = change(*number);
        }
        self
    }

    #[inline(always)]
    fn with(mut self, other: Plain, change: impl Fn(f32, f32) -> f32) -> Plain {
        for (number, other) in self.0.iter_mut().zip(other.0) {
            *number = change(*number, other);
        }
        self
    }
}

macro_rules! operator {
    ($name:ident, $call:ident, $sign:tt) => {
        impl $name for Plain {
            type Output = Plain;
            #[inline(always)]
            fn $call(self, other: Plain) -> Plain {
                self.with(other, |a, b| a $sign b)
            }
        }
    };
}
operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

impl Lane for Plain {
    const MANY: bool = false;

    #[inline(always)]
    fn all(number: f32) -> Plain {
        Plain([number; LANES])
    }

    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Plain {
        Plain(*from)
    }

    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        *to = self.0;
    }

    #[inline(always)]
    fn integers(from: &[i32; LANES]) -> Plain {
        Plain(from.map(|integer| integer as f32))
    }

    #[inline(always)]
    fn least(self, other: Plain) -> Plain {
        self.with(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn most(self, other: Plain) -> Plain {
        self.with(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn two_to(self) -> Plain {
        // The low bits of the sum are the rounded integer; all others are shifted out.
        self.each(|sum| f32::from_bits((sum.to_bits() << 23).wrapping_add(127 << 23)))
    }

    #[inline(always)]
    fn codes(self, to: &mut [u8; LANES]) {
        for (code, sum) in to.iter_mut().zip(self.0) {
            *code = sum.to_bits().wrapping_add(u32::from(MIDDLE)) as u8;
        }
    }
}
