//! SQLite's failures in our words.

use crate::error::{Error, Kind, Retry};

/// SQLite's primary result codes that we tell apart.
pub(super) mod code {
    pub(in super::super) const BUSY: i32 = 5;
    pub(in super::super) const READONLY: i32 = 8;
    pub(in super::super) const CORRUPT: i32 = 11;
    pub(in super::super) const FULL: i32 = 13;
    pub(in super::super) const CANTOPEN: i32 = 14;
    pub(in super::super) const CONSTRAINT: i32 = 19;
    pub(in super::super) const NOTADB: i32 = 26;
}

/// The primary result code, where the failure is SQLite's own.
pub(super) fn primary_code(failure: &sqlx::Error) -> Option<i32> {
    let extended: i32 = failure.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// Whether a constraint of the schema refused the change.
pub(super) fn is_constraint(failure: &sqlx::Error) -> bool {
    primary_code(failure) == Some(code::CONSTRAINT)
}

/// A failed statement. What time or an operator can mend is the store's fault; the rest is ours.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |failure| {
        let ours = match &failure {
            sqlx::Error::Database(_) => is_constraint(&failure) || primary_code(&failure) == Some(1),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::TypeNotFound { .. } => true,
            _ => false,
        };
        if ours {
            Error::internal(doing, failure)
        } else {
            Error::new(Kind::StoreUnavailable, doing).retrying(Retry::Later).caused_by(failure)
        }
    }
}
