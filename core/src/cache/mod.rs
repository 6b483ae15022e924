//! Answers that are known already.

mod canonical;
mod fingerprint;

pub use fingerprint::Fingerprint;
