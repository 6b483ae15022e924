//! The gateway's errors as JSON, of which JavaScript makes its `LockgateError`.

use std::error::Error as _;

use lockgate::Error;
use lockgate::error::Kind;
use napi_derive::napi;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    message: &'a str,
    code: &'a str,
    status: u16,
    request_id: Option<&'a str>,
    /// Seconds.
    retry_after: Option<f64>,
    provider: Option<&'a str>,
    param: Option<&'a str>,
    attempts: Option<&'a str>,
    /// From the nearest to the root.
    causes: Vec<String>,
}

/// The error as JSON text.
pub(crate) fn told(error: &Error) -> String {
    let details = error.details();
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        causes.push(inner.to_string());
        cause = inner.source();
    }
    let told = Told {
        message: error.message(),
        code: error.code(),
        status: error.status(),
        request_id: details.request_id.as_deref(),
        retry_after: error.retry_after().map(|wait| wait.as_secs_f64()),
        provider: details.provider.as_deref(),
        param: details.param.as_deref(),
        attempts: details.attempts.as_deref(),
        causes,
    };
    serde_json::to_string(&told).unwrap_or_default()
}

/// One row of the table of errors.
#[napi(object, object_from_js = false)]
pub struct KindOfError {
    /// `error.code`.
    pub code: String,
    /// `error.status`.
    pub status: u16,
}

/// The whole table: code and HTTP status of every kind of error.
#[napi]
pub fn kinds() -> Vec<KindOfError> {
    Kind::ALL.iter().map(|kind| KindOfError { code: kind.code().to_owned(), status: kind.status() }).collect()
}
