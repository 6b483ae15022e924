//! A provider's keys: taken in turn by weight, and rested when the provider refuses one.

use std::time::Duration;

use parking_lot::Mutex;

use crate::auth::Secret;
use crate::clock::Millis;
use crate::provider::{Failure, FailureClass};

/// How long a key rests that the provider refuses, or whose account is empty: somebody has to do something about it.
const REFUSED: Duration = Duration::from_secs(300);
/// How long a key rests that asked too often, where the provider does not say.
const LIMITED: Duration = Duration::from_secs(1);
/// The longest rest a provider may ask for.
const LONGEST: Duration = Duration::from_secs(3600);

/// The keys of one provider.
pub(crate) struct KeyPool {
    keys: Vec<(Secret, u32)>,
    turns: Mutex<Vec<Turn>>,
}

/// A key that was taken, by its place in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken(usize);

#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    /// Smooth weighted round robin: what this key is owed.
    credit: i64,
    rests_until: Millis,
}

impl KeyPool {
    /// A pool of keys with their weights; a weight of 0 counts as 1.
    pub(crate) fn new(keys: Vec<(Secret, u32)>) -> KeyPool {
        let turns = Mutex::new(vec![Turn::default(); keys.len()]);
        KeyPool { keys, turns }
    }

    /// The next key that is not among `tried`. One that rests is taken only where no other was tried and none is
    /// awake: the provider decides, not we.
    pub(crate) fn take(&self, now: Millis, tried: &[Taken]) -> Option<(Taken, &Secret)> {
        let mut turns = self.turns.lock();
        let untried = |at: &usize| !tried.contains(&Taken(*at));
        let awake: Vec<usize> = (0..self.keys.len())
            .filter(untried)
            .filter(|at| turns.get(*at).is_some_and(|turn| turn.rests_until <= now))
            .collect();
        let at = if awake.is_empty() {
            if !tried.is_empty() {
                return None;
            }
            (0..self.keys.len()).min_by_key(|at| turns.get(*at).map(|turn| turn.rests_until))?
        } else {
            self.next(&mut turns, &awake)?
        };
        self.keys.get(at).map(|(secret, _)| (Taken(at), secret))
    }

    /// Whether a key that is awake was not tried.
    pub(crate) fn has_more(&self, now: Millis, tried: &[Taken]) -> bool {
        let turns = self.turns.lock();
        turns.iter().enumerate().any(|(at, turn)| turn.rests_until <= now && !tried.contains(&Taken(at)))
    }

    fn next(&self, turns: &mut [Turn], awake: &[usize]) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<(usize, i64)> = None;
        for at in awake.iter().copied() {
            let weight = self.keys.get(at).map_or(1, |(_, weight)| i64::from((*weight).max(1)));
            let turn = turns.get_mut(at)?;
            turn.credit += weight;
            total += weight;
            if best.is_none_or(|(_, most)| turn.credit > most) {
                best = Some((at, turn.credit));
            }
        }
        let (at, _) = best?;
        turns.get_mut(at)?.credit -= total;
        Some(at)
    }

    /// The provider failed a call with this key. Gives whether the key is to blame, so that another may do better.
    pub(crate) fn refused(&self, taken: Taken, failure: &Failure, now: Millis) -> bool {
        let rest = match failure.class {
            FailureClass::KeyRejected | FailureClass::QuotaExhausted => REFUSED,
            FailureClass::RateLimited => failure.retry_after.unwrap_or(LIMITED).min(LONGEST),
            _ => return false,
        };
        if let Some(turn) = self.turns.lock().get_mut(taken.0) {
            turn.rests_until = now.after(rest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(weights: &[u32]) -> KeyPool {
        KeyPool::new(weights.iter().map(|weight| (Secret::new(format!("k{weight}")), *weight)).collect())
    }

    #[test]
    fn keys_are_taken_by_weight() {
        let pool = pool(&[3, 1]);
        let taken: Vec<usize> = (0..8).map(|_| pool.take(Millis(0), &[]).unwrap().0.0).collect();
        assert_eq!(taken.iter().filter(|at| **at == 0).count(), 6);
        assert_eq!(taken.iter().filter(|at| **at == 1).count(), 2);
    }

    #[test]
    fn a_refused_key_rests_and_comes_back() {
        let pool = pool(&[1, 1]);
        let (first, _) = pool.take(Millis(0), &[]).unwrap();
        let limited = Failure {
            retry_after: Some(Duration::from_secs(7)),
            ..Failure::new(FailureClass::RateLimited, "slow down")
        };
        assert!(pool.refused(first, &limited, Millis(0)));
        let (second, _) = pool.take(Millis(1), &[first]).unwrap();
        assert_ne!(second, first);
        assert!(pool.take(Millis(1), &[first, second]).is_none());
        for _ in 0..4 {
            assert_eq!(pool.take(Millis(6999), &[]).unwrap().0, second);
        }
        let back: Vec<Taken> = (0..2).map(|_| pool.take(Millis(7000), &[]).unwrap().0).collect();
        assert!(back.contains(&first));
    }

    #[test]
    fn where_all_rest_the_first_to_wake_is_asked() {
        let pool = pool(&[1, 1]);
        let rejected = Failure::new(FailureClass::KeyRejected, "no");
        let limited = Failure::new(FailureClass::RateLimited, "slow down");
        assert!(pool.refused(Taken(0), &rejected, Millis(0)));
        assert!(pool.refused(Taken(1), &limited, Millis(0)));
        assert_eq!(pool.take(Millis(10), &[]).unwrap().0, Taken(1));
        assert!(!pool.refused(Taken(1), &Failure::new(FailureClass::Server, "broke"), Millis(0)));
    }

    #[test]
    fn no_keys_are_no_key() {
        assert!(pool(&[]).take(Millis(0), &[]).is_none());
    }
}
