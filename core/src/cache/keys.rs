//! The keys of one request in the exact cache, and what may be done with them.

use std::sync::Arc;

use super::{ExactCache, Fingerprint, Stored};
use crate::auth::Caller;
use crate::context::CacheMode;
use crate::error::{Error, Kind, Result};
use crate::ids::ProjectId;
use crate::limits::{Charge, HotAnswer};
use crate::route::Ways;
use crate::telemetry::ExactVerdict;

/// The keys of the ways in which a request may be served.
pub(crate) struct Keys {
    project: ProjectId,
    keys: [Option<Fingerprint>; 2],
    mode: CacheMode,
    /// Whether equal requests of several processes share a call.
    follows: bool,
    blind: bool,
}

/// The answers that this process has.
#[derive(Default)]
pub(crate) struct Known([Option<Arc<Stored>>; 2]);

impl Keys {
    /// No keys where the cache may not serve: switched off for the project or the request, or several answers asked
    /// for at once.
    pub(crate) fn of(caller: &Caller, ways: &Ways, mode: CacheMode) -> Result<Keys> {
        let settings = &caller.project.settings.cache;
        let cacheable = settings.enabled && mode != CacheMode::Off && ways.first.ask.answers() == 1;
        let mut keys = [None, None];
        if cacheable {
            let second =
                ways.second.as_ref().map(|way| Fingerprint::of(&caller.project, &way.ask)).transpose()?;
            keys = [Some(Fingerprint::of(&caller.project, &ways.first.ask)?), second];
        }
        let follows = cacheable && settings.share_calls;
        Ok(Keys { project: caller.project.id, keys, mode, follows, blind: false })
    }

    /// The key of a way under which the limiter may have the answer.
    pub(crate) fn at_limiter(&self, plan: usize) -> Option<Fingerprint> {
        self.of_plan(plan).filter(|_| self.reads() && !self.blind)
    }

    /// Without what other processes have: their answers (`blind`), and their calls unless it `follows`.
    pub(super) fn alone(self, blind: bool, follows: bool) -> Keys {
        Keys { blind, follows: self.follows && follows, ..self }
    }

    /// Whether to wait for an equal request of another process.
    pub(crate) fn follows(&self) -> bool {
        self.follows && self.mode == CacheMode::Default
    }

    fn reads(&self) -> bool {
        self.mode != CacheMode::Refresh
    }

    /// The key of a way; none where the cache may not serve it.
    pub(crate) fn of_plan(&self, plan: usize) -> Option<Fingerprint> {
        self.keys.get(plan).copied().flatten()
    }

    /// Looks into the hot tier; for `only`, which calls no provider, into the warm one, too.
    pub(crate) async fn look_up(&self, cache: &ExactCache) -> Known {
        let mut known = Known::default();
        if !self.reads() {
            return known;
        }
        known.0 = self.keys.map(|key| key.and_then(|key| cache.hot(&key)));
        if self.mode == CacheMode::Only && known.get(0).is_none() {
            known.0 = [self.recall(cache, 0).await.map(|(stored, _)| stored), known.take(1)];
        }
        known
    }

    /// What a look into the cache gave.
    pub(crate) fn verdict(&self, known: &Known) -> ExactVerdict {
        match (self.of_plan(0).filter(|_| self.reads()), known.get(0)) {
            (None, _) => ExactVerdict::Off,
            (Some(_), None) => ExactVerdict::Miss,
            (Some(_), Some(_)) if self.mode == CacheMode::Only => ExactVerdict::Warm,
            (Some(_), Some(_)) => ExactVerdict::Hot,
        }
    }

    /// Looks into the warm tier.
    pub(crate) async fn recall(&self, cache: &ExactCache, plan: usize) -> Option<(Arc<Stored>, HotAnswer)> {
        let key = self.of_plan(plan).filter(|_| self.reads())?;
        cache.warm(self.project, &key).await
    }

    /// The key under which equal requests share one call; none for what is known, or wants an answer of its own.
    pub(crate) fn joinable(&self, known: &Known) -> Option<Fingerprint> {
        self.of_plan(0).filter(|_| self.mode == CacheMode::Default && known.get(0).is_none())
    }

    /// What admission costs: a lookup that calls no provider pays the request rate alone.
    pub(crate) fn charge(&self, known: &Known, charge: Charge) -> Charge {
        match self.mode {
            CacheMode::Only if known.get(0).is_none() => Charge::RateOnly,
            _ => charge,
        }
    }

    /// Ends a request that wanted only a known answer.
    pub(crate) fn only_known(&self) -> Result<()> {
        match self.mode {
            CacheMode::Only => Err(Error::new(Kind::CacheMiss, "The answer is not in the cache.")),
            _ => Ok(()),
        }
    }
}

impl Known {
    pub(crate) fn get(&self, plan: usize) -> Option<&Arc<Stored>> {
        self.0.get(plan).and_then(Option::as_ref)
    }

    pub(crate) fn take(&mut self, plan: usize) -> Option<Arc<Stored>> {
        self.0.get_mut(plan).and_then(Option::take)
    }

    pub(crate) fn put(&mut self, plan: usize, stored: Arc<Stored>) {
        if let Some(place) = self.0.get_mut(plan) {
            *place = Some(stored);
        }
    }
}
