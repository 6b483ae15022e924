//! The arithmetic of `lanes.rs` built for what the processor can do, and the one product that is written by hand.
//!
//! All `unsafe` of the crate is here and in the folder beside it. It is of two kinds: calls of functions that need
//! instructions of the processor, which a [`Kernel`] can only name where they were found; and loads and stores through
//! pointers, whose bounds are checked before each loop.
#![allow(
    unsafe_code,
    reason = "instructions that the compiler does not choose by itself, in this module alone"
)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(test)]
mod tests;

use crate::lane::Plain;
use crate::lanes::{self, Head, Keys, Outputs, PANEL, Scores, Spread, Sums};

/// Rows of quantised activations.
#[derive(Default)]
pub(crate) struct Codes {
    pub(crate) bytes: Vec<u8>,
    /// The same less [`MIDDLE`](crate::lane::MIDDLE), for the one that multiplies in 16 bits.
    words: Vec<i16>,
}

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

    /// Once codes are there: makes of them what [`Kernel::sums`] needs beside them.
    pub(crate) fn prepare(self, codes: &mut Codes) {
        #[cfg(target_arch = "x86_64")]
        if self.0 == Kind::Avx2 {
            codes.words.resize(codes.bytes.len(), 0);
            // SAFETY: AVX2 was found.
            unsafe { avx2::widen(&codes.bytes, &mut codes.words) }
        }
        let _ = codes;
    }

    /// [`lanes::sums`]. `totals` are the sums of the panel's weights.
    pub(crate) fn sums(
        self,
        codes: &Codes,
        inputs: usize,
        panel: &[i8],
        totals: &[i32; PANEL],
        out: &mut [Sums],
    ) {
        let Codes { bytes, words } = codes;
        let fits = |count: usize| count >= out.len() * inputs && panel.len() == inputs * PANEL;
        assert!(fits(bytes.len()), "rows and weights fit");
        assert!(inputs.is_multiple_of(lanes::GROUP), "inputs come in groups");
        match self.0 {
            Kind::F32 | Kind::Scalar => lanes::sums(bytes, inputs, panel, out),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => {
                assert!(fits(words.len()), "codes were prepared");
                // SAFETY: AVX2 was found; the sizes are those asserted.
                unsafe { avx2::sums(words, inputs, panel, out) }
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: AVX-512 with VNNI was found; the sizes are those asserted.
            Kind::Avx512 => unsafe { avx512::sums(bytes, inputs, panel, totals, out) },
        }
        let _ = (totals, words);
    }

    /// See [`lanes::dots`].
    pub(crate) fn dots(self, of: &[i8], rows: &[i8], out: &mut [i32]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the instructions were found; who has AVX-512 has AVX2.
            Kind::Avx2 | Kind::Avx512 => unsafe { dots_with_avx2(of, rows, out) },
            Kind::F32 | Kind::Scalar => lanes::dots(of, rows, out),
        }
    }
}

/// The compiler vectorises it by itself.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dots_with_avx2(of: &[i8], rows: &[i8], out: &mut [i32]) {
    lanes::dots(of, rows, out);
}

/// Steps over lanes, built once for each kind of lane.
macro_rules! built_for_each {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        #[cfg(target_arch = "x86_64")]
        mod with_avx2 {
            use super::*;
            $(#[target_feature(enable = "avx2")]
            pub(super) fn $name($($arg: $type),*) $(-> $result)? { lanes::$name::<avx2::Pair>($($arg),*) })*
        }
        #[cfg(target_arch = "x86_64")]
        mod with_avx512 {
            use super::*;
            $(#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            pub(super) fn $name($($arg: $type),*) $(-> $result)? { lanes::$name::<avx512::Wide>($($arg),*) })*
        }
        impl Kernel {
            $($(#[$doc])*
            pub(crate) fn $name(self, $($arg: $type),*) $(-> $result)? {
                match self.0 {
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: the instructions were found.
                    Kind::Avx512 => unsafe { with_avx512::$name($($arg),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: the instructions were found.
                    Kind::Avx2 => unsafe { with_avx2::$name($($arg),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: the instructions were found.
                    Kind::F32 if has_avx512() => unsafe { with_avx512::$name($($arg),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: the instructions were found.
                    Kind::F32 if has_avx2() => unsafe { with_avx2::$name($($arg),*) },
                    Kind::F32 | Kind::Scalar => lanes::$name::<Plain>($($arg),*),
                }
            })*
        }
    };
}

built_for_each! {
    /// See [`lanes::quantise`].
    fn quantise(row: &[f32], codes: &mut [u8]) -> Spread;
    /// See [`lanes::dequantise`].
    fn dequantise(
        sums: &[Sums], spreads: &[Spread], outputs: &Outputs<'_>, at: usize, out: &mut [f32], width: usize
    );
    /// See [`lanes::products`].
    fn products(rows: &[f32], inputs: usize, panel: &[f32], out: &mut [[f32; PANEL]]);
    /// See [`lanes::gelu`].
    fn gelu(numbers: &mut [f32]);
    /// See [`lanes::add_norm`].
    fn add_norm(row: &mut [f32], more: &[f32], weight: &[f32], bias: &[f32]);
    /// See [`lanes::attend`].
    fn attend(queries: &[Head], keys: &[Keys], values: &[Head], scores: &mut [Scores], out: &mut [Head]);
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
