//! Postgres' failures in our words.

use crate::error::{Error, Kind, Retry};

/// SQLSTATE codes that we tell apart.
pub(super) mod code {
    pub(in super::super) const UNIQUE: &str = "23505";
    pub(in super::super) const STARTING: &str = "57P03";
    pub(in super::super) const NO_DATABASE: &str = "3D000";
    pub(in super::super) const WRONG_PASSWORD: &str = "28P01";
    pub(in super::super) const NOT_LET_IN: &str = "28000";
    pub(in super::super) const NO_PRIVILEGE: &str = "42501";
    pub(in super::super) const TOO_MANY: &str = "53300";
}

/// The SQLSTATE, where the failure is the server's own word.
pub(super) fn sqlstate(failure: &sqlx::Error) -> Option<String> {
    Some(failure.as_database_error()?.code()?.into_owned())
}

/// Whether a change was refused because the like of it is there.
pub(super) fn is_duplicate(failure: &sqlx::Error) -> bool {
    sqlstate(failure).as_deref() == Some(code::UNIQUE)
}

/// A failed statement. Ours is only what the same values would bring about again and again: data that Postgres does
/// not take (class 22) and broken constraints (class 23). All else is for time or an operator to mend, a missing table
/// too: rows that wait are not lost, rows that are put aside as refused are hard to bring back.
pub(super) fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |failure| {
        let ours = match &failure {
            sqlx::Error::Database(_) => {
                sqlstate(&failure).is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
            }
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

/// Why a start cannot use the database.
pub(super) fn unusable(url: &str, failure: sqlx::Error) -> Error {
    let known = match sqlstate(&failure).as_deref() {
        Some(code::NO_DATABASE) => Some("there is no such database; make it first (createdb)"),
        Some(code::WRONG_PASSWORD) => Some("Postgres refuses the password"),
        Some(code::NOT_LET_IN) => Some("Postgres does not let this user in from here (pg_hba.conf)"),
        Some(code::NO_PRIVILEGE) => Some(
            "this user may not make the schema lockgate; an owner of the database must, or grant CREATE on it",
        ),
        Some(code::TOO_MANY) => Some("Postgres has no connection left (max_connections)"),
        _ => None,
    };
    match known {
        Some(what) => Error::config("store", url, what).caused_by(failure),
        None => {
            Error::config("store", url, format!("Postgres cannot be used ({failure})")).caused_by(failure)
        }
    }
}
