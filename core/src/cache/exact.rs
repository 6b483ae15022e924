//! The exact cache: a hot tier in process, bounded by bytes, over a warm tier in the store.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Fingerprint, Stored};
use crate::ask::Reply;
use crate::clock::SharedClock;
use crate::ids::ProjectId;
use crate::limits::HotAnswer;
use crate::money::Nano;
use crate::store::{AnswerStore, WarmAnswer};

/// A warm tier that is slower than this has nothing to say.
const WARM_DEADLINE: Duration = Duration::from_millis(20);
/// Answers on their way to the warm tier; more are left out, as a cache may.
const MOST_WAITING: usize = 1024;
/// Answers and hit counts are written together, so often.
const WRITE_EVERY: Duration = Duration::from_millis(200);
/// Most that are written together.
const WRITTEN_AT_ONCE: usize = 128;

/// Answers to requests that were asked before.
pub(crate) struct ExactCache {
    hot: Cache<Fingerprint, Arc<Stored>, ByBytes>,
    warm: Option<Warm>,
    clock: SharedClock,
}

struct Warm {
    store: Arc<dyn AnswerStore>,
    writes: mpsc::Sender<WarmAnswer>,
    writer: Mutex<Option<JoinHandle<()>>>,
    stop: CancellationToken,
    hits: Arc<Mutex<HashMap<Fingerprint, u64>>>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Fingerprint, Arc<Stored>> for ByBytes {
    fn weight(&self, _: &Fingerprint, stored: &Arc<Stored>) -> u64 {
        stored.weight
    }
}

/// An answer that came from a provider.
pub(crate) struct Fresh<'a> {
    pub(crate) project: ProjectId,
    pub(crate) key: Fingerprint,
    pub(crate) ttl: Duration,
    pub(crate) reply: Reply,
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) cost: Option<Nano>,
}

impl ExactCache {
    /// A cache whose hot tier holds about `bytes`. Needs a runtime for the writer of the warm tier.
    pub(crate) fn new(bytes: u64, warm: Option<Arc<dyn AnswerStore>>, clock: SharedClock) -> ExactCache {
        let entries = usize::try_from(bytes / 4096).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        let warm = warm.map(|store| {
            let (writes, waiting) = mpsc::channel(MOST_WAITING);
            let hits: Arc<Mutex<HashMap<Fingerprint, u64>>> = Arc::default();
            let stop = CancellationToken::new();
            let writer = tokio::spawn(write_behind(store.clone(), waiting, hits.clone(), stop.clone()));
            Warm { store, writes, writer: Mutex::new(Some(writer)), stop, hits }
        });
        ExactCache { hot: Cache::with_weighter(entries, bytes, ByBytes), warm, clock }
    }

    /// The answer in the hot tier.
    pub(crate) fn hot(&self, key: &Fingerprint) -> Option<Arc<Stored>> {
        let stored = self.hot.get(key)?;
        if stored.expires_at <= self.clock.now() {
            self.hot.remove(key);
            return None;
        }
        Some(stored)
    }

    /// The answer in the warm tier; it is promoted with the expiry it has. Late, failing or absent is a miss.
    pub(crate) async fn warm(
        &self,
        project: ProjectId,
        key: &Fingerprint,
    ) -> Option<(Arc<Stored>, HotAnswer)> {
        let warm = self.warm.as_ref()?;
        let now = self.clock.now();
        let found = match tokio::time::timeout(WARM_DEADLINE, warm.store.answer(project, key, now)).await {
            Ok(Ok(found)) => found?,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the warm cache failed");
                return None;
            }
            Err(_) => return None,
        };
        let stored = Arc::new(Stored::read(&found.body, found.expires_at)?);
        self.hot.insert(*key, stored.clone());
        let answer = HotAnswer { key: *key, body: found.body, expires_at: found.expires_at, version: None };
        Some((stored, answer))
    }

    /// Takes over an answer that the limiter keeps. None of a form that this version does not know.
    pub(crate) fn take_over(&self, answer: HotAnswer) -> Option<Arc<Stored>> {
        let mut stored = Stored::read(&answer.body, answer.expires_at)?;
        stored.version = answer.version;
        let stored = Arc::new(stored);
        self.hot.insert(answer.key, stored.clone());
        Some(stored)
    }

    /// Writes what waits to the warm tier, and writes no more.
    pub(crate) async fn close(&self) {
        let Some(warm) = &self.warm else { return };
        warm.stop.cancel();
        let writer = warm.writer.lock().take();
        if let Some(writer) = writer {
            // It ends otherwise only by the end of the runtime.
            let _ = writer.await;
        }
    }

    /// An answer was given from the cache.
    pub(crate) fn count_hit(&self, key: &Fingerprint) {
        if let Some(warm) = &self.warm {
            *warm.hits.lock().entry(*key).or_default() += 1;
        }
    }

    /// Keeps an answer, if it is one that may be given again. Returns it for a limiter that keeps answers, too.
    pub(crate) fn keep(&self, fresh: Fresh<'_>) -> Option<HotAnswer> {
        if !fresh.reply.is_storable() {
            return None;
        }
        let now = self.clock.now();
        let expires_at = now.after(fresh.ttl);
        let made = Stored::new(fresh.reply, fresh.provider, fresh.model, fresh.cost, expires_at);
        let (stored, body) = made?;
        let answer = HotAnswer { key: fresh.key, body: body.clone(), expires_at, version: None };
        self.hot.insert(fresh.key, Arc::new(stored));
        if let Some(warm) = &self.warm {
            let answer =
                WarmAnswer { project: fresh.project, key: fresh.key, body, created_at: now, expires_at };
            if warm.writes.try_send(answer).is_err() {
                tracing::debug!("the warm cache's queue is full; an answer is left out");
            }
        }
        Some(answer)
    }
}

/// Writes answers and hit counts to the warm tier until the cache is gone.
async fn write_behind(
    store: Arc<dyn AnswerStore>,
    mut waiting: mpsc::Receiver<WarmAnswer>,
    hits: Arc<Mutex<HashMap<Fingerprint, u64>>>,
    stop: CancellationToken,
) {
    let mut batch = Vec::new();
    let mut ticks = tokio::time::interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let open = tokio::select! {
            received = waiting.recv_many(&mut batch, WRITTEN_AT_ONCE) => received > 0,
            _ = ticks.tick() => true,
            () = stop.cancelled() => {
                waiting.close();
                waiting.recv_many(&mut batch, MOST_WAITING).await > 0
            }
        };
        if !batch.is_empty() {
            if let Err(error) = store.keep_answers(&batch).await {
                tracing::warn!(%error, answers = batch.len(), "answers were not written to the warm cache");
            }
            batch.clear();
        }
        let counted: Vec<(Fingerprint, u64)> = hits.lock().drain().collect();
        if !counted.is_empty()
            && let Err(error) = store.count_hits(&counted).await
        {
            tracing::debug!(%error, "cache hits were not counted");
        }
        if !open {
            return;
        }
    }
}
