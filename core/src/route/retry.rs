//! Time: until when an answer must be there, and how long to wait when everybody failed.

use std::time::Duration;

use tokio::time::Instant;

use super::failed::Failed;
use crate::config::Routing;

/// The wait before round `round` (from 1), if another round may help: what the provider that can be asked first asks
/// for, else a backoff that doubles, jittered between half and all of it so that callers do not come back together.
/// None where nobody may do better, where all rounds are used up, or where the wait is too long.
pub(super) fn wait(
    routing: &Routing,
    round: u32,
    failures: &[Failed],
    deadline: Option<Instant>,
    jitter: f64,
) -> Option<Duration> {
    if round > routing.retries {
        return None;
    }
    let doubled = routing.backoff_ms.saturating_mul(1 << (round - 1).min(16));
    let backoff = Duration::from_millis(doubled).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    let soonest = failures
        .iter()
        .filter(|failed| failed.may_pass())
        .map(|failed| failed.retry_after().map_or(backoff, |asked| asked.max(Duration::from_millis(1))))
        .min()?;
    let fits = soonest <= Duration::from_millis(routing.longest_wait_ms)
        && deadline.is_none_or(|deadline| Instant::now() + soonest < deadline);
    fits.then_some(soonest)
}

/// The instant until which an answer that is not streamed must be there, all attempts together.
pub(crate) fn deadline(asked: Option<Duration>, total: Duration, stream: bool) -> Option<Instant> {
    let limit = if stream { asked } else { Some(asked.map_or(total, |asked| asked.min(total))) };
    limit.map(|limit| Instant::now() + limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{Failure, FailureClass};

    fn failed(class: FailureClass, retry_after_ms: Option<u64>) -> Failed {
        let retry_after = retry_after_ms.map(Duration::from_millis);
        Failed::Provider(Failure { retry_after, ..Failure::new(class, "x") })
    }

    #[test]
    fn the_soonest_is_waited_for() {
        let routing = Routing::default();
        let wait = |failures: &[Failed]| wait(&routing, 1, failures, None, 1.0);
        let limited = |ms| failed(FailureClass::RateLimited, ms);
        assert_eq!(wait(&[limited(Some(700)), limited(Some(300))]), Some(Duration::from_millis(300)));
        assert_eq!(wait(&[failed(FailureClass::Server, None)]), Some(Duration::from_millis(250)));
        assert_eq!(wait(&[limited(Some(10_001))]), None);
        assert_eq!(wait(&[failed(FailureClass::KeyRejected, None)]), None);
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn a_backoff_doubles_and_is_jittered() {
        let routing = Routing::default();
        let broke = [failed(FailureClass::Server, None)];
        let wait = |round, jitter| super::wait(&routing, round, &broke, None, jitter);
        assert_eq!(wait(1, 0.0), Some(Duration::from_millis(125)));
        assert_eq!(wait(2, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(wait(3, 1.0), None);
    }

    #[test]
    fn a_deadline_is_kept() {
        let soon = Some(Instant::now() + Duration::from_millis(50));
        let broke = [failed(FailureClass::Server, None)];
        assert_eq!(wait(&Routing::default(), 1, &broke, soon, 1.0), None);
    }
}
