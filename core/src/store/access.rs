//! What a store is opened for.

/// Who else may use the store while this process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The one gateway that keeps the limits of this store in its memory.
    Owner,
    /// One of several gateways, whose limits are kept where all of them see them: in the SQLite file
    /// (`shared = true`), or in Redis beside Postgres.
    Shared,
    /// Administration beside a running gateway: no limits, no ownership.
    Administration,
}
