//! Stage 6, after the exact cache's warm tier: look for a question of the same meaning, and let the guards judge.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::task::TaskTracker;

use super::{Guard, Probe, SecondLook, SemanticMode, objections};
use crate::ask::Reply;
use crate::cache::Stored;
use crate::clock::SharedClock;
use crate::embed::Embedder;
use crate::error::Result;
use crate::money::Nano;
use crate::store::{Meaning, MeaningStore, Neighbour, Sought};
use crate::telemetry::{SemanticTold, SemanticVerdict};

/// A question that nobody waits for any more is embedded for being kept.
const KEEPING: Duration = Duration::from_secs(10);
/// A model that is asked for the first time is loaded.
const LOADING: Duration = Duration::from_secs(60);
/// Questions judged, the nearest first.
const JUDGED: usize = 4;
/// Questions on their way into the store; more are left out, as a cache may.
const MOST_KEEPING: usize = 256;

/// Answers to questions asked in other words.
pub(crate) struct SemanticCache {
    embedder: Option<Arc<dyn Embedder>>,
    store: Arc<dyn MeaningStore>,
    clock: SharedClock,
    /// For embedding and search together; later, there is no hit.
    deadline: Duration,
    tasks: TaskTracker,
}

/// An answer, and how near its question is.
pub(crate) struct Found {
    pub(crate) stored: Arc<Stored>,
    pub(crate) similarity: f32,
    pub(crate) age_ms: u64,
}

impl SemanticCache {
    pub(crate) fn new(
        embedder: Option<Arc<dyn Embedder>>,
        store: Arc<dyn MeaningStore>,
        clock: SharedClock,
        deadline: Duration,
    ) -> SemanticCache {
        SemanticCache { embedder, store, clock, deadline, tasks: TaskTracker::new() }
    }

    /// The name of the embedder; none where there is none, and so no semantic cache.
    pub(crate) fn embedder(&self) -> Option<&str> {
        self.embedder.as_deref().map(Embedder::name)
    }

    /// Waits until the embedder answers.
    pub(crate) async fn warm_up(&self) -> bool {
        let Some(embedder) = &self.embedder else { return false };
        embedder.embed("warm up", Instant::now() + LOADING).await.is_ok()
    }

    /// Loads the model, because a project will need it.
    pub(crate) fn prepare(&self) {
        if let Some(embedder) = &self.embedder {
            embedder.prepare();
        }
    }

    /// The answer to a question of the same meaning, if one is known, near enough, and the guards let it pass.
    pub(crate) async fn recall(&self, probe: &mut Probe) -> (Option<Found>, SemanticTold) {
        let mut told = SemanticTold::default();
        if !probe.reads {
            return (None, told);
        }
        let by = Instant::now() + self.deadline;
        let neighbours = match tokio::time::timeout_at(by.into(), self.neighbours(probe, by, &mut told)).await
        {
            Ok(Ok(neighbours)) => neighbours,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the semantic cache has nothing to say");
                told.verdict = SemanticVerdict::Failed;
                return (None, told);
            }
            Err(_) => {
                told.verdict = SemanticVerdict::Late;
                return (None, told);
            }
        };
        let began = Instant::now();
        let found = self.judge(probe, neighbours, by, &mut told).await;
        told.guards_us = micros(began);
        if found.is_some() && probe.settings.mode == SemanticMode::Shadow {
            told.verdict = SemanticVerdict::Shadow;
            return (None, told);
        }
        (found, told)
    }

    async fn neighbours(
        &self,
        probe: &mut Probe,
        by: Instant,
        told: &mut SemanticTold,
    ) -> Result<Vec<Neighbour>> {
        let began = Instant::now();
        let Some(vector) = self.embed(probe, by).await? else { return Ok(Vec::new()) };
        told.embed_us = micros(began);
        let began = Instant::now();
        let sought = Sought { group: probe.group, vector, now: self.clock.now(), most: JUDGED };
        let found = self.store.nearest(sought).await;
        told.search_us = micros(began);
        found
    }

    /// None of a question that the embedder did not see to its end.
    async fn embed(&self, probe: &mut Probe, by: Instant) -> Result<Option<Vec<f32>>> {
        if probe.vector.is_none()
            && let Some(embedder) = &self.embedder
        {
            let embedded = embedder.embed(&probe.question, by).await?;
            probe.vector = embedded.whole.then_some(embedded.numbers);
        }
        Ok(probe.vector.clone())
    }

    async fn judge(
        &self,
        probe: &Probe,
        neighbours: Vec<Neighbour>,
        by: Instant,
        told: &mut SemanticTold,
    ) -> Option<Found> {
        let now = self.clock.now();
        told.similarity = neighbours.first().map(|nearest| nearest.similarity);
        for near in neighbours {
            if near.similarity < probe.settings.threshold {
                break;
            }
            if let Some(guard) = self.guard(probe, &near, by).await {
                // The nearest is the one that is told of.
                if told.guard.is_none() {
                    (told.verdict, told.guard) = (SemanticVerdict::Refused, Some(guard));
                }
                continue;
            }
            let Some(stored) = Stored::read(&near.body, near.expires_at) else { continue };
            let age_ms = now.since(near.created_at);
            (told.verdict, told.guard) = (SemanticVerdict::Hit, None);
            (told.similarity, told.age_ms) = (Some(near.similarity), Some(age_ms));
            return Some(Found { stored: Arc::new(stored), similarity: near.similarity, age_ms });
        }
        None
    }

    /// The guard that refuses. What they object to, and that they do not, is looked at a second time.
    async fn guard(&self, probe: &Probe, near: &Neighbour, by: Instant) -> Option<Guard> {
        let (a, b, guards) = (near.question.as_str(), probe.question.as_str(), &probe.settings.guards);
        let objections = objections(a, b, guards);
        let first = objections.first().copied();
        if a == b || !guards.contains(&Guard::Meaning) || !SecondLook::asks(a, b) {
            return first;
        }
        match self.read(a, b, &objections, by).await {
            Ok(Some(read)) => SecondLook::TRAINED.verdict(&objections, read),
            Ok(None) => first,
            // What was not read in time is not answered.
            Err(_) => Some(first.unwrap_or(Guard::Meaning)),
        }
    }

    /// What the model reads in one order and, where that leaves a doubt, in the other.
    async fn read(&self, a: &str, b: &str, objections: &[Guard], by: Instant) -> Result<Option<[f32; 2]>> {
        let Some(embedder) = &self.embedder else { return Ok(None) };
        let Some(read) = embedder.same_meaning(a, b, by).await? else { return Ok(None) };
        if SecondLook::TRAINED.is_sure(objections, read) {
            return Ok(Some([read, read]));
        }
        Ok(embedder.same_meaning(b, a, by).await?.map(|back| [read, back]))
    }

    /// Keeps a question with its answer, off the caller's path, where the answer is a text that may be given again.
    pub(crate) fn keep(
        self: &Arc<Self>,
        mut probe: Probe,
        reply: &Reply,
        by: (&str, &str),
        cost: Option<Nano>,
    ) {
        let Reply::Chat(response) = reply else { return };
        let calls_tools = response.choices.iter().any(|choice| !choice.message.tool_calls.is_empty());
        if !reply.is_storable() || calls_tools || self.tasks.len() >= MOST_KEEPING {
            return;
        }
        let now = self.clock.now();
        let expires_at = now.after(Duration::from_secs(u64::from(probe.ttl_seconds)));
        let (provider, model) = by;
        let Some((_, body)) = Stored::new(reply.clone(), provider, model, cost, expires_at) else { return };
        let cache = self.clone();
        self.tasks.spawn(async move {
            let vector = match cache.embed(&mut probe, Instant::now() + KEEPING).await {
                Ok(Some(vector)) => vector,
                Ok(None) => return,
                Err(error) => return tracing::debug!(%error, "a question was not embedded, and is not kept"),
            };
            let meaning = Meaning {
                id: probe.id(),
                project: probe.project,
                group: probe.group,
                customer: probe.customer,
                question: probe.question,
                vector,
                body,
                created_at: now,
                expires_at,
            };
            if let Err(error) = cache.store.keep_meanings(&[meaning]).await {
                tracing::warn!(%error, "a question was not written to the semantic cache");
            }
        });
    }

    /// Waits until what is being kept is kept, not longer than `within`.
    pub(crate) async fn settled(&self, within: Duration) -> bool {
        let begun = tokio::time::Instant::now();
        while !self.tasks.is_empty() {
            if begun.elapsed() >= within {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        true
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
