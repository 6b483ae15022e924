//! One error type, and the one table from its kinds to HTTP and OpenAI's error object.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// Names the kinds once, for the enum and for the list of them.
macro_rules! kinds {
    ($($(#[$about:meta])+ $kind:ident,)+) => {
        /// What went wrong. Each kind has one `code`, the same in every language and over HTTP.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$about])+ $kind,)+
        }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &[Kind] = &[$(Kind::$kind),+];
        }
    };
}

kinds! {
    /// The request is malformed; `param` names the field.
    InvalidRequest,
    /// A field the chosen provider cannot express.
    UnsupportedParameter,
    /// A cap applies and the model has no known price.
    UnknownPrice,
    /// The gateway key is missing, unknown, expired or revoked.
    InvalidApiKey,
    /// A spend cap of the project or the key.
    SpendCapExceeded,
    /// No such model.
    ModelNotFound,
    /// `cache: only` and the answer is not in the cache.
    CacheMiss,
    /// No such path.
    NotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The body is larger than allowed.
    PayloadTooLarge,
    /// A request rate, token rate or concurrency limit.
    RateLimitExceeded,
    /// A spend limit of the customer.
    CustomerSpendExceeded,
    /// Larger than the token bucket: waiting does not help.
    RequestTooLarge,
    /// Every candidate said 429.
    UpstreamRateLimited,
    /// Every candidate refused the provider key we sent.
    ProviderAuthFailed,
    /// The provider refused the request itself; status and message are the provider's.
    ProviderRejected,
    /// Every candidate failed.
    ProviderError,
    /// The deadline passed.
    DeadlineExceeded,
    /// No provider is configured that could serve the model.
    NoCandidate,
    /// A store is away and the project's policy is `closed`.
    StoreUnavailable,
    /// The gateway is shutting down.
    ShuttingDown,
    /// The caller went away.
    Cancelled,
    /// A wrong setting.
    Config,
    /// A fault of ours.
    Internal,
}

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The caller's.
    Client,
    /// Ours.
    Gateway,
    /// The provider's.
    Provider,
    /// A store's.
    Store,
}

/// Whether the same call can be worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Never: the same call gives the same error.
    Never,
    /// Later, at a time nobody knows.
    Later,
    /// Not before this much time has passed.
    After(Duration),
}

/// One row of the table: how a kind looks from outside.
struct Outside {
    status: u16,
    /// OpenAI's `error.type`.
    class: &'static str,
    /// OpenAI's `error.code`.
    code: &'static str,
    fault: Fault,
}

impl Kind {
    /// The table. Every surface reads it: HTTP status, OpenAI's `type` and `code`, whose fault.
    const fn outside(self) -> Outside {
        use Fault::{Client, Gateway, Provider, Store};
        const fn row(status: u16, class: &'static str, code: &'static str, fault: Fault) -> Outside {
            Outside { status, class, code, fault }
        }
        const INVALID: &str = "invalid_request_error";
        match self {
            Kind::InvalidRequest => row(400, INVALID, "invalid_request", Client),
            Kind::UnsupportedParameter => row(400, INVALID, "unsupported_parameter", Client),
            Kind::UnknownPrice => row(400, INVALID, "unknown_price", Client),
            Kind::InvalidApiKey => row(401, "authentication_error", "invalid_api_key", Client),
            Kind::SpendCapExceeded => row(402, "insufficient_quota", "spend_cap_exceeded", Client),
            Kind::ModelNotFound => row(404, INVALID, "model_not_found", Client),
            Kind::CacheMiss => row(404, INVALID, "cache_miss", Client),
            Kind::NotFound => row(404, INVALID, "not_found", Client),
            Kind::MethodNotAllowed => row(405, INVALID, "method_not_allowed", Client),
            Kind::PayloadTooLarge => row(413, INVALID, "payload_too_large", Client),
            Kind::RateLimitExceeded => row(429, "rate_limit_error", "rate_limit_exceeded", Client),
            Kind::CustomerSpendExceeded => row(429, "insufficient_quota", "customer_spend_exceeded", Client),
            Kind::RequestTooLarge => row(429, "rate_limit_error", "request_too_large", Client),
            Kind::UpstreamRateLimited => row(429, "rate_limit_error", "upstream_rate_limited", Provider),
            Kind::ProviderAuthFailed => row(502, "api_error", "provider_auth_failed", Provider),
            Kind::ProviderRejected => row(400, INVALID, "provider_rejected", Client),
            Kind::ProviderError => row(502, "api_error", "provider_error", Provider),
            Kind::DeadlineExceeded => row(504, "api_error", "deadline_exceeded", Provider),
            Kind::NoCandidate => row(503, "api_error", "no_candidate", Gateway),
            Kind::StoreUnavailable => row(503, "api_error", "store_unavailable", Store),
            Kind::ShuttingDown => row(503, "api_error", "shutting_down", Gateway),
            Kind::Cancelled => row(499, "api_error", "cancelled", Client),
            Kind::Config => row(500, "api_error", "config_error", Gateway),
            Kind::Internal => row(500, "api_error", "internal_error", Gateway),
        }
    }

    /// The stable code, as `error.code` over HTTP and as `code` in every language.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.outside().code
    }

    /// The HTTP status; a provider's refusal comes with the provider's own.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.outside().status
    }

    /// The exception of the Python package that it is raised as.
    #[must_use]
    pub const fn exception(self) -> &'static str {
        match self {
            Kind::InvalidRequest
            | Kind::UnsupportedParameter
            | Kind::UnknownPrice
            | Kind::ModelNotFound
            | Kind::CacheMiss
            | Kind::NotFound
            | Kind::MethodNotAllowed
            | Kind::PayloadTooLarge
            | Kind::ProviderRejected => "InvalidRequest",
            Kind::InvalidApiKey => "Unauthorized",
            Kind::SpendCapExceeded | Kind::CustomerSpendExceeded => "SpendCapExceeded",
            Kind::RateLimitExceeded | Kind::RequestTooLarge | Kind::UpstreamRateLimited => "RateLimited",
            Kind::ProviderAuthFailed | Kind::ProviderError | Kind::NoCandidate => "ProviderError",
            Kind::DeadlineExceeded => "Timeout",
            Kind::StoreUnavailable | Kind::ShuttingDown => "StoreUnavailable",
            Kind::Config => "ConfigError",
            Kind::Cancelled | Kind::Internal => "Error",
        }
    }
}

/// Details that some errors carry. All of it may be shown to the caller.
#[derive(Debug, Clone, Default)]
pub struct Details {
    /// The request field at fault, as a path: `messages[2].role`.
    pub param: Option<String>,
    /// The status a provider answered with, where the caller gets it unchanged.
    pub status: Option<u16>,
    /// A provider's own `code`, where the caller gets it unchanged.
    pub provider_code: Option<String>,
    /// The provider that answered last.
    pub provider: Option<String>,
    /// What was tried: `openai/gpt-4o=429,anthropic/claude-…=529`.
    pub attempts: Option<String>,
    /// The methods that a path takes.
    pub allow: Option<String>,
    /// Rate headers to show with a refusal.
    pub standing: Option<Box<crate::limits::Standing>>,
    /// The gateway's id of the request.
    pub request_id: Option<String>,
    /// What was decided, where the caller asked.
    pub decisions: Option<Box<crate::telemetry::Decisions>>,
}

/// Any failure of the gateway.
pub struct Error {
    kind: Kind,
    message: Cow<'static, str>,
    retry: Retry,
    details: Box<Details>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`. `message` is shown to the caller and must hold no secret.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Error {
        Error { kind, message: message.into(), retry: Retry::Never, details: Box::default(), source: None }
    }

    /// A malformed request: `param` names the field.
    pub fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Error {
        let mut error = Error::new(Kind::InvalidRequest, message);
        error.details.param = Some(param.into());
        error
    }

    /// A wrong setting: names the key, the value and what is allowed.
    pub fn config(key: &str, value: impl fmt::Display, allowed: impl fmt::Display) -> Error {
        let mut error = Error::new(Kind::Config, format!("{key} = {value}: {allowed}"));
        error.details.param = Some(key.to_owned());
        error
    }

    /// A fault of ours, with its cause.
    pub fn internal(message: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::new(Kind::Internal, message).caused_by(source)
    }

    /// A store that did not do its part. The cause is for logs; the caller sees only the message.
    pub fn store(message: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        Error::new(Kind::StoreUnavailable, message).retrying(Retry::Later).caused_by(source)
    }

    /// Sets when to come back.
    #[must_use]
    pub fn retrying(mut self, retry: Retry) -> Error {
        self.retry = retry;
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.source = Some(source.into());
        self
    }

    /// Changes the details.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Details)) -> Error {
        change(&mut self.details);
        self
    }

    /// The same error without its cause, for another who waited for the same answer.
    pub(crate) fn copy(&self) -> Error {
        Error {
            kind: self.kind,
            message: self.message.clone(),
            retry: self.retry,
            details: self.details.clone(),
            source: None,
        }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.kind.outside().fault
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.details.status.unwrap_or(self.kind.outside().status)
    }

    /// OpenAI's `error.type`.
    #[must_use]
    pub fn class(&self) -> &'static str {
        self.kind.outside().class
    }

    /// `error.code`: the provider's own for a request the provider refused, else the kind's.
    #[must_use]
    pub fn code(&self) -> &str {
        self.details.provider_code.as_deref().unwrap_or(self.kind.code())
    }

    /// The text for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether and when to come back.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// Time to wait, where it is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self.retry {
            Retry::After(wait) => Some(wait),
            Retry::Never | Retry::Later => None,
        }
    }

    /// Everything else that is known.
    #[must_use]
    pub fn details(&self) -> &Details {
        &self.details
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("retry", &self.retry)
            .field("details", &self.details)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
