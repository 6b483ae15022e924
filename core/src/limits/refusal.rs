//! A refusal, as the caller sees it.

use super::{LimitKind, Refusal, Scope, Window};
use crate::error::{Error, Kind, Retry};
use crate::money::Nano;

impl Refusal {
    /// The error for the caller: whose limit, what is left, when to come back.
    pub(crate) fn into_error(self, customer: Option<&str>) -> Error {
        let whose = match (self.scope, customer) {
            (Scope::Project, _) => "the project".to_owned(),
            (Scope::Key(_), _) => "this key".to_owned(),
            (Scope::Customer(_), Some(name)) => format!("the customer {name:?}"),
            (Scope::Customer(_), None) => "this customer".to_owned(),
        };
        let (kind, message) = self.words(&whose);
        let retry = self.retry_after.map_or(Retry::Never, Retry::After);
        Error::new(kind, message)
            .retrying(retry)
            .with(|details| details.standing = Some(Box::new(self.standing)))
    }

    fn words(&self, whose: &str) -> (Kind, String) {
        let (allowed, left, asked) = (self.allowed, self.left, self.asked);
        let usd = |nano: i64| format!("${}", Nano::from_nano(nano));
        match self.limit {
            LimitKind::Requests => (
                Kind::RateLimitExceeded,
                format!("Rate limit of {whose} reached: {allowed} requests a minute."),
            ),
            LimitKind::Tokens => (
                Kind::RateLimitExceeded,
                format!(
                    "Rate limit of {whose} reached: {allowed} tokens a minute, {left} left, this request may need {asked}."
                ),
            ),
            LimitKind::TokensTooLarge => (
                Kind::RequestTooLarge,
                format!(
                    "This request may need {asked} tokens and {whose} may use {allowed} a minute: waiting does not help. \
                     Lower max_completion_tokens or shorten the input."
                ),
            ),
            LimitKind::Concurrency => (
                Kind::RateLimitExceeded,
                format!("Concurrency limit of {whose} reached: {allowed} requests under way at once."),
            ),
            LimitKind::Spend(window) => {
                let period = match window {
                    Window::Month(_) => "monthly",
                    Window::Day(_) => "daily",
                };
                let message = format!(
                    "The {period} spend cap of {whose} is reached: cap {}, left {}, this request may cost {}.",
                    usd(allowed),
                    usd(left.max(0)),
                    usd(asked)
                );
                (self.spend_kind(), message)
            }
            LimitKind::SpendPerRequest => (
                self.spend_kind(),
                format!(
                    "This request may cost {} and {whose} may spend {} on one request.",
                    usd(asked),
                    usd(allowed)
                ),
            ),
        }
    }

    fn spend_kind(&self) -> Kind {
        match self.scope {
            Scope::Customer(_) => Kind::CustomerSpendExceeded,
            Scope::Project | Scope::Key(_) => Kind::SpendCapExceeded,
        }
    }
}
