//! How an attempt failed, and what the caller hears when all did.

use std::time::Duration;

use crate::error::{Error, Kind, Retry};
use crate::provider::{Failure, FailureClass};
use crate::transport::Broken;

/// Why an attempt gave no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The request cannot be said to this provider.
    Request(Error),
    /// The limits do not cover what this provider may cost.
    Skipped(Error),
    /// The connection failed.
    Transport(Broken),
    /// The provider answered, but not with an answer.
    Provider(Failure),
}

impl From<Broken> for Failed {
    fn from(broken: Broken) -> Failed {
        Failed::Transport(broken)
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Failed {
        Failed::Provider(failure)
    }
}

impl Failed {
    /// As in `x-lockgate-attempts`: the status, or what happened instead.
    pub(crate) fn result(&self) -> String {
        match self {
            Failed::Request(_) | Failed::Skipped(_) => "skipped".to_owned(),
            Failed::Transport(broken) => broken.to_string(),
            Failed::Provider(failure) => {
                failure.status.map_or_else(|| failure.class.as_str().to_owned(), |status| status.to_string())
            }
        }
    }

    /// Whether another provider may do better. Never on the client's own fault; what a stand-in refuses is not, as
    /// nobody asked for it.
    pub(crate) fn moves_on(&self, stand_in: bool) -> bool {
        match self {
            Failed::Request(error) => error.kind() == Kind::UnsupportedParameter,
            Failed::Transport(_) | Failed::Skipped(_) => true,
            Failed::Provider(failure) => stand_in || !failure.class.is_clients_fault(),
        }
    }

    /// Whether the request itself did not fit, so that the provider was not to blame.
    fn is_unfit(&self) -> bool {
        match self {
            Failed::Request(_) | Failed::Skipped(_) => true,
            Failed::Transport(_) => false,
            Failed::Provider(failure) => failure.class.is_clients_fault(),
        }
    }

    /// Whether the same provider may do better after a while.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Failed::Request(_) | Failed::Skipped(_) => false,
            Failed::Transport(broken) => matches!(broken, Broken::Connect | Broken::Reset),
            Failed::Provider(failure) => matches!(
                failure.class,
                FailureClass::RateLimited
                    | FailureClass::Overloaded
                    | FailureClass::Server
                    | FailureClass::Malformed
                    | FailureClass::Cut
                    | FailureClass::InBand
                    | FailureClass::Connection
            ),
        }
    }

    /// Whether the provider broke (it did, it did not); none where nothing can be told of its health.
    pub(crate) fn is_providers_fault(&self) -> Option<bool> {
        match self {
            Failed::Request(_) | Failed::Skipped(_) => None,
            Failed::Transport(_) => Some(true),
            Failed::Provider(failure) => match failure.class {
                FailureClass::RateLimited | FailureClass::KeyRejected | FailureClass::QuotaExhausted => None,
                FailureClass::Rejected | FailureClass::TooLarge => Some(false),
                _ => Some(true),
            },
        }
    }

    fn key_rejected(&self) -> bool {
        matches!(self, Failed::Provider(failure)
            if matches!(failure.class, FailureClass::KeyRejected | FailureClass::QuotaExhausted))
    }

    fn rate_limited(&self) -> bool {
        matches!(self, Failed::Provider(failure) if failure.class == FailureClass::RateLimited)
    }

    fn timed_out(&self) -> bool {
        matches!(self, Failed::Transport(Broken::Timeout))
    }

    /// How long the provider asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Failed::Provider(failure) => failure.retry_after,
            Failed::Request(_) | Failed::Skipped(_) | Failed::Transport(_) => None,
        }
    }

    /// What went wrong, without any secret of ours.
    fn text(&self) -> String {
        match self {
            Failed::Request(error) | Failed::Skipped(error) => error.message().to_owned(),
            Failed::Transport(Broken::Connect) => "no connection".to_owned(),
            Failed::Transport(Broken::Reset) => "the connection broke".to_owned(),
            Failed::Transport(Broken::Timeout) => "no answer in time".to_owned(),
            Failed::Transport(Broken::TooLarge) => "the answer is too large".to_owned(),
            Failed::Provider(_) if self.key_rejected() => "the provider refused the gateway's key".to_owned(),
            Failed::Provider(failure) => failure.message.clone(),
        }
    }

    /// The error of a request that no other provider is asked for.
    pub(crate) fn into_error(self, provider: &str) -> Error {
        match self {
            Failed::Request(error) | Failed::Skipped(error) => error,
            Failed::Provider(failure) if failure.class.is_clients_fault() => {
                Error::new(Kind::ProviderRejected, failure.message).with(|details| {
                    details.status = failure.status;
                    details.provider_code = failure.code;
                    details.param = failure.param;
                    details.provider = Some(provider.to_owned());
                })
            }
            other => exhausted(vec![other]),
        }
    }
}

/// All candidates failed.
pub(crate) fn exhausted(failures: Vec<Failed>) -> Error {
    let every = |test: fn(&Failed) -> bool| !failures.is_empty() && failures.iter().all(test);
    let text = failures.last().map_or_else(|| "no candidate".to_owned(), Failed::text);
    if every(Failed::rate_limited) {
        let wait = failures.iter().filter_map(Failed::retry_after).min();
        return Error::new(Kind::UpstreamRateLimited, format!("Every provider is at its rate limit: {text}"))
            .retrying(wait.map_or(Retry::Later, Retry::After));
    }
    if every(Failed::key_rejected) {
        return Error::new(Kind::ProviderAuthFailed, "Every provider refused the gateway's key.");
    }
    if every(Failed::timed_out) {
        return Error::new(Kind::DeadlineExceeded, "No provider answered in time.").retrying(Retry::Later);
    }
    // The request fits nobody: the first one's reason is the answer.
    if every(Failed::is_unfit) {
        let reason = failures.into_iter().find_map(|failed| match failed {
            Failed::Request(error) | Failed::Skipped(error) => Some(error),
            Failed::Transport(_) | Failed::Provider(_) => None,
        });
        if let Some(error) = reason {
            return error;
        }
    }
    Error::new(Kind::ProviderError, format!("Every provider failed; the last: {text}")).retrying(Retry::Later)
}
