//! How work ends, and what JavaScript gets of it.
//!
//! Results cross as JSON text: to parse one string costs JavaScript a fraction of what it costs to make its objects one
//! property at a time from outside.

use lockgate::Error;
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use serde::Serialize;

use crate::errors;
use crate::gateway::Gateway;
use crate::stream::Stream;

/// How work ends.
pub(crate) type Ended = Result<Value, Error>;

/// What came of it.
pub(crate) enum Value {
    /// JSON text.
    Json(String),
    /// A yes or no.
    Truth(bool),
    /// The next bytes of a body.
    Bytes(Vec<u8>),
    /// Nothing more to come.
    Nothing,
    /// A gateway that has started.
    Gateway(Gateway),
    /// A chat in pieces, and its report so far, as JSON text.
    Stream(Stream, String),
    /// The head of an HTTP answer, and its body.
    Http(u16, Vec<String>, Body),
}

/// The body of an HTTP answer.
pub(crate) enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// As it comes.
    Stream(Stream),
}

impl Value {
    /// `value` as JSON text.
    pub(crate) fn json(value: &impl Serialize) -> Ended {
        serde_json::to_string(value)
            .map(Value::Json)
            .map_err(|source| Error::internal("a result cannot be written", source))
    }
}

/// What JavaScript sees of the end of one piece of work.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct Answer {
    /// The number JavaScript gave it.
    pub ticket: u32,
    /// A result, as JSON text.
    pub json: Option<String>,
    /// A `LockgateError`, as JSON text.
    pub error: Option<String>,
    /// A yes or no.
    pub truth: Option<bool>,
    /// Bytes of a body.
    pub bytes: Option<Buffer>,
    /// What is still to come.
    pub stream: Option<Stream>,
    /// A gateway.
    pub gateway: Option<Gateway>,
    /// The HTTP status.
    pub status: Option<u16>,
    /// HTTP headers: name, value, name, value …
    pub headers: Option<Vec<String>>,
}

impl Answer {
    pub(crate) fn new(ticket: u32, ended: Ended) -> Answer {
        let mut answer = Answer { ticket, ..Answer::default() };
        match ended {
            Ok(Value::Json(text)) => answer.json = Some(text),
            Ok(Value::Truth(truth)) => answer.truth = Some(truth),
            Ok(Value::Bytes(bytes)) => answer.bytes = Some(bytes.into()),
            Ok(Value::Nothing) => {}
            Ok(Value::Gateway(gateway)) => answer.gateway = Some(gateway),
            Ok(Value::Stream(stream, report)) => {
                answer.stream = Some(stream);
                answer.json = Some(report);
            }
            Ok(Value::Http(status, headers, body)) => {
                answer.status = Some(status);
                answer.headers = Some(headers);
                match body {
                    Body::Whole(bytes) => answer.bytes = Some(bytes.into()),
                    Body::Stream(stream) => answer.stream = Some(stream),
                }
            }
            Err(error) => answer.error = Some(errors::told(&error)),
        }
        answer
    }
}
