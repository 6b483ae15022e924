//! Answers that are known already.

mod fingerprint;

pub use fingerprint::Fingerprint;
