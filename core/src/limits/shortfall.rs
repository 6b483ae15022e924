//! A limit that does not have what is asked of it.

use std::time::Duration;

use super::bucket::Short;
use super::{LimitKind, Refusal, Scope, Standing};

/// A refusal before it is known where the caller stands.
#[derive(Debug)]
pub(super) struct Shortfall {
    pub(super) scope: Scope,
    pub(super) limit: LimitKind,
    pub(super) allowed: i64,
    pub(super) left: i64,
    pub(super) asked: i64,
    pub(super) retry_after: Option<Duration>,
}

impl Shortfall {
    /// With the levels for the rate headers.
    pub(super) fn refusal(self, standing: Standing) -> Refusal {
        let Shortfall { scope, limit, allowed, left, asked, retry_after } = self;
        Refusal { scope, limit, allowed, left, asked, retry_after, standing }
    }
}

impl Short {
    /// How long to wait, where that helps.
    pub(super) fn wait(self) -> Option<Duration> {
        match self {
            Short::Wait(wait) => Some(wait),
            Short::TooLarge => None,
        }
    }
}
