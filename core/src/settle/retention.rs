//! What is kept, and for how long: rows of the ledger by age, cached answers by expiry and by size.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::clock::SharedClock;
use crate::error::Result;
use crate::store::{AnswerStore, Ledger, MeaningStore};

/// How often it is looked for what may go.
const EVERY: Duration = Duration::from_secs(600);
/// Removed in one transaction, so that requests wait for it only shortly.
const AT_ONCE: u32 = 500;

/// How long and how much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    pub(crate) ledger: Duration,
    pub(crate) answer_bytes: u64,
    pub(crate) meaning_bytes: u64,
}

/// What a sweep removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Rows of the ledger older than `ledger_days`. The sums by day and by month stay.
    pub rows: u64,
    /// Cached answers that had expired.
    pub expired_answers: u64,
    /// Cached answers, the oldest first, beyond `warm_cache_bytes`.
    pub trimmed_answers: u64,
    /// Questions of the semantic cache that had expired.
    pub expired_questions: u64,
    /// Questions of the semantic cache, the oldest first, beyond `semantic_cache_bytes`.
    pub trimmed_questions: u64,
}

/// Removes what is old.
pub(crate) struct Retention {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) answers: Option<Arc<dyn AnswerStore>>,
    pub(crate) meanings: Arc<dyn MeaningStore>,
    pub(crate) clock: SharedClock,
    pub(crate) keep: Keep,
}

impl Retention {
    /// Removes all that may go, a few hundred at a time.
    pub(crate) async fn sweep(&self) -> Result<Swept> {
        let now = self.clock.now();
        let mut swept = Swept::default();
        let before = now.before(self.keep.ledger);
        while let removed @ 1.. = self.ledger.retire(before, AT_ONCE).await? {
            swept.rows += removed;
        }
        while let removed @ 1.. = self.meanings.expire_meanings(now, AT_ONCE).await? {
            swept.expired_questions += removed;
        }
        while let removed @ 1.. = self.meanings.trim_meanings(self.keep.meaning_bytes, AT_ONCE).await? {
            swept.trimmed_questions += removed;
        }
        let Some(answers) = &self.answers else { return Ok(swept) };
        while let removed @ 1.. = answers.expire_answers(now, AT_ONCE).await? {
            swept.expired_answers += removed;
        }
        while let removed @ 1.. = answers.trim_answers(self.keep.answer_bytes, AT_ONCE).await? {
            swept.trimmed_answers += removed;
        }
        Ok(swept)
    }

    /// Sweeps at once and then for ever.
    pub(crate) async fn run(self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.sweep().await {
                Ok(swept) if swept == Swept::default() => {}
                Ok(swept) => tracing::info!(?swept, "old rows and answers were removed"),
                Err(error) => tracing::error!(%error, "old rows and answers could not be removed"),
            }
        }
    }
}
