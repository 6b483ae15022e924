//! Answers of the exact cache as they are kept: 13 digits of when it ends on the store's clock, `:`, the admission
//! that wrote it (together its version), how it is kept, and the answer or nothing.

use std::sync::Arc;

use bytes::Bytes;

use crate::cache::Fingerprint;
use crate::clock::Millis;
use crate::limits::HotAnswer;

/// Larger bodies are kept by themselves, so that a script never copies them.
pub(super) const LARGEST_INLINE: usize = 64 << 10;
const DIGITS: usize = 13;
const VERSION: usize = DIGITS + 1 + 26;

/// The body follows.
pub(super) const INLINE: u8 = b'v';
/// The body is under a key of its own, after the admission that wrote it.
pub(super) const POINTER: u8 = b'p';

/// An answer, or where it is.
pub(super) struct Kept {
    pub(super) answer: HotAnswer,
    /// The admission whose body belongs to it, where the body is elsewhere.
    pub(super) writer: Option<String>,
}

/// Reads what is kept. `offset`: how far the store's clock is ahead of the process's.
pub(super) fn read(key: Fingerprint, text: &Bytes, offset: i64) -> Option<Kept> {
    let version = std::str::from_utf8(text.get(..VERSION)?).ok()?;
    let (ends, writer) = version.split_at_checked(DIGITS)?;
    let ends: i64 = ends.parse().ok()?;
    let kind = *text.get(VERSION)?;
    let answer = HotAnswer {
        key,
        body: text.slice(VERSION + 1..),
        expires_at: Millis(ends - offset),
        version: Some(Arc::from(version)),
    };
    match kind {
        INLINE => Some(Kept { answer, writer: None }),
        POINTER => Some(Kept { answer, writer: Some(writer.strip_prefix(':')?.to_owned()) }),
        _ => None,
    }
}

/// A body that is kept by itself: after the admission that wrote it, so that no pointer meets another's body.
pub(super) fn body(writer: &str, body: &[u8]) -> Vec<u8> {
    [writer.as_bytes(), body].concat()
}

pub(super) fn read_body(writer: &str, text: &Bytes) -> Option<Bytes> {
    text.starts_with(writer.as_bytes()).then(|| text.slice(writer.len()..))
}
