//! OpenAI's error object.

use serde::Serialize;

use super::extra::Raw;
use super::object::object;
use crate::error::Error;
use crate::telemetry::Decisions;

object! {
    /// What went wrong.
    pub struct ErrorObject {
        /// For people.
        req message: String = "message",
        /// The class of error.
        nul kind: String = "type",
        /// The request field at fault.
        nul param: String = "param",
        /// The stable code.
        nul code: String = "code",
    }
}

object! {
    /// The body of an error answer.
    pub struct ErrorBody {
        /// What went wrong.
        req error: ErrorObject = "error",
        /// What was decided, and why, where the caller asked: `explain`, as in an answer.
        opt lockgate: Raw = "lockgate",
    }
}

#[derive(Serialize)]
struct Explained<'a> {
    explain: &'a Decisions,
}

impl From<&Error> for ErrorObject {
    fn from(error: &Error) -> ErrorObject {
        ErrorObject {
            message: error.message().to_owned(),
            kind: Some(error.class().to_owned()),
            param: error.details().param.clone(),
            code: Some(error.code().to_owned()),
            ..ErrorObject::default()
        }
    }
}

impl From<&Error> for ErrorBody {
    fn from(error: &Error) -> ErrorBody {
        let explain = error.details().decisions.as_deref();
        let lockgate = explain.and_then(|explain| Raw::of(&Explained { explain }).ok());
        ErrorBody { error: ErrorObject::from(error), lockgate, ..ErrorBody::default() }
    }
}
