//! How a provider can fail a call. Told apart by status and by fields, never by a message's words.

use std::time::Duration;

use http::HeaderMap;

use crate::clock::Millis;

/// Longest message that is passed on, in characters.
const MAX_MESSAGE: usize = 2000;

/// How a provider failed a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureClass {
    /// Too many requests or tokens.
    RateLimited,
    /// The provider is busy.
    Overloaded,
    /// The provider broke.
    Server,
    /// Our key was refused.
    KeyRejected,
    /// Our account has no money or no quota left.
    QuotaExhausted,
    /// The request itself was refused: the caller's fault.
    Rejected,
    /// The request is too large for the provider: the caller's fault.
    TooLarge,
    /// The answer does not follow the provider's protocol.
    Malformed,
    /// The stream ended before its end.
    Cut,
    /// An error inside a stream that began as a success.
    InBand,
    /// No connection, or it broke.
    Connection,
    /// A deadline passed.
    Timeout,
}

impl FailureClass {
    /// Whether the caller's request is to blame: no other provider is tried and no breaker counts it.
    #[must_use]
    pub const fn is_clients_fault(self) -> bool {
        matches!(self, FailureClass::Rejected | FailureClass::TooLarge)
    }

    /// A stable word, for logs and attempts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FailureClass::RateLimited => "rate_limited",
            FailureClass::Overloaded => "overloaded",
            FailureClass::Server => "server_error",
            FailureClass::KeyRejected => "key_rejected",
            FailureClass::QuotaExhausted => "quota_exhausted",
            FailureClass::Rejected => "rejected",
            FailureClass::TooLarge => "too_large",
            FailureClass::Malformed => "malformed",
            FailureClass::Cut => "cut",
            FailureClass::InBand => "stream_error",
            FailureClass::Connection => "connection",
            FailureClass::Timeout => "timeout",
        }
    }
}

/// A call that a provider failed. All of it may be shown to the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// How.
    pub class: FailureClass,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The provider's words, or ours where it had none.
    pub message: String,
    /// The provider's `code`.
    pub code: Option<String>,
    /// The provider's `type`.
    pub kind: Option<String>,
    /// The request field the provider names.
    pub param: Option<String>,
    /// How long the provider asks to wait.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure in our words.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Failure {
        Failure {
            class,
            status: None,
            message: message.into(),
            code: None,
            kind: None,
            param: None,
            retry_after: None,
        }
    }

    /// A failure in the provider's words, where it had any and they may be passed on.
    pub(super) fn told(class: FailureClass, status: Option<u16>, message: Option<&str>) -> Failure {
        let message = match (class, message, status) {
            // Providers quote the key, masked or not. It is ours, and nobody else's business.
            (FailureClass::KeyRejected, _, _) => "The provider refused the gateway's key.".to_owned(),
            (_, Some(message), _) => message.chars().take(MAX_MESSAGE).collect(),
            (_, None, Some(status)) => format!("The provider answered with status {status}."),
            (_, None, None) => "The provider sent an error.".to_owned(),
        };
        Failure { status, ..Failure::new(class, message) }
    }

    /// An answer that does not follow the protocol.
    pub fn malformed(message: impl Into<String>) -> Failure {
        Failure::new(FailureClass::Malformed, message)
    }

    /// How long the headers ask to wait: `retry-after-ms`, else `Retry-After` as seconds or as an HTTP date.
    #[must_use]
    pub fn wait(headers: &HeaderMap, now: Millis) -> Option<Duration> {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let milliseconds = text("retry-after-ms").and_then(|ms| ms.parse::<f64>().ok());
        let seconds = || text("retry-after").and_then(|s| s.parse::<f64>().ok()).map(|s| s * 1000.0);
        if let Some(ms) = milliseconds.or_else(seconds) {
            return Duration::try_from_secs_f64(ms / 1000.0).ok();
        }
        let date = jiff::fmt::rfc2822::parse(text("retry-after")?).ok()?;
        Some(Duration::from_millis(Millis(date.timestamp().as_millisecond()).since(now)))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.class.as_str(), self.message)
    }
}

impl std::error::Error for Failure {}
