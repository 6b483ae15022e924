//! Redis's failures in our words.

use redis::RedisError;

use crate::error::{Error, Kind, Retry};

/// A command that failed. Its cause is for logs.
pub(super) fn failed(error: RedisError) -> Error {
    Error::store("the limits' store failed", error)
}

/// Nobody can be asked now.
pub(super) fn away() -> Error {
    Error::new(Kind::StoreUnavailable, "the limits' store cannot be reached").retrying(Retry::Later)
}

/// The deadline passed.
pub(super) fn late() -> Error {
    Error::new(Kind::StoreUnavailable, "the limits' store did not answer in time").retrying(Retry::Later)
}

/// An answer of another form than the script gives.
pub(super) fn garbled(what: &'static str) -> Error {
    Error::new(Kind::Internal, format!("the limits' store answered with something else than {what}"))
}
