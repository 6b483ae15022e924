//! One look-up for all who want the same record at the same time: after a start, or a change, that is everybody.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt, Shared};
use parking_lot::Mutex;

use crate::error::{Error, Result};

type LookUp<V> = Shared<BoxFuture<'static, std::result::Result<V, Arc<Error>>>>;

/// Look-ups under way.
pub(super) struct Together<K, V>(Mutex<HashMap<K, LookUp<V>>>);

impl<K, V> Default for Together<K, V> {
    fn default() -> Together<K, V> {
        Together(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone, V: Clone + Send + Sync + 'static> Together<K, V> {
    /// The answer of the look-up under way for `key`, or of this one. `key` also says what an answer must not be older
    /// than.
    pub(super) async fn ask(
        &self,
        key: K,
        look_up: impl Future<Output = Result<V>> + Send + 'static,
    ) -> Result<V> {
        let begin = || look_up.map(|found| found.map_err(Arc::new)).boxed().shared();
        let asked = self.0.lock().entry(key.clone()).or_insert_with(begin).clone();
        // Also where the caller leaves: who waits already goes on.
        let _over = Over { under_way: &self.0, key, asked: &asked };
        asked.clone().await.map_err(|error| error.copy().caused_by(error))
    }
}

struct Over<'a, K: Eq + Hash, V: Clone> {
    under_way: &'a Mutex<HashMap<K, LookUp<V>>>,
    key: K,
    asked: &'a LookUp<V>,
}

impl<K: Eq + Hash, V: Clone> Drop for Over<'_, K, V> {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock();
        if under_way.get(&self.key).is_some_and(|other| other.ptr_eq(self.asked)) {
            under_way.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::{join, join_all};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::error::Kind;

    #[tokio::test]
    async fn all_who_ask_at_once_get_the_answer_of_one_look_up() {
        let together: Together<u8, u8> = Together::default();
        let (looks, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let look_up = |answer: Result<u8>| {
            let (looks, gate) = (looks.clone(), gate.clone());
            async move {
                looks.fetch_add(1, Ordering::SeqCst);
                let _through = gate.acquire().await;
                answer
            }
        };
        let opened = async {
            tokio::task::yield_now().await;
            gate.add_permits(1);
        };
        let asked = join_all((0..10).map(|_| together.ask(1, look_up(Ok(7)))));
        for found in join(asked, opened).await.0 {
            assert_eq!(found.unwrap(), 7);
        }
        assert_eq!(looks.load(Ordering::SeqCst), 1);
        // It is over: the next one looks itself. A failure is told as it is.
        assert_eq!(together.ask(1, look_up(Ok(8))).await.unwrap(), 8);
        let away = Error::new(Kind::StoreUnavailable, "away");
        let failed = together.ask(1, look_up(Err(away))).await.unwrap_err();
        assert_eq!((failed.kind(), looks.load(Ordering::SeqCst)), (Kind::StoreUnavailable, 3));
        // One who leaves leaves nothing behind.
        let left = together.ask(1, std::future::pending());
        assert!(futures_util::poll!(Box::pin(left)).is_pending());
        assert!(together.0.lock().is_empty());
    }
}
