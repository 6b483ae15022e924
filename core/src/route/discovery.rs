//! Which models a provider has at this moment, where it can say. Its list is read in the background while requests
//! arrive, and at once for a name that nothing else knows. Without requests nothing is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::Request;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::failed::Failed;
use super::registry::{Provider, Registry};
use super::resolve::is_known;
use super::substitute::{Rules, named};
use crate::clock::{Millis, SharedClock};
use crate::transport::{Broken, Transport};
use crate::types::Model;

/// How old a list may grow while requests arrive.
const EVERY: Duration = Duration::from_secs(30);
/// How long no request waits for a provider that did not answer in time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a provider said when it was asked for its models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// The provider's name in the settings.
    pub provider: String,
    /// Its base URL.
    pub address: String,
    /// How many models it has, or in a word why it is not known: `connect`, `timeout`, a status …
    pub models: Result<usize, String>,
}

/// Asks the providers that can list their models.
pub(crate) struct Discovery {
    sources: Vec<Arc<Source>>,
    clock: SharedClock,
    runtime: Handle,
}

/// One such provider.
struct Source {
    provider: Arc<Provider>,
    transport: Transport,
    /// How long an answer may take.
    within: Duration,
    /// When it was last asked, in milliseconds since 1970.
    asked: AtomicI64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Open while a list is being read.
    reading: Option<watch::Receiver<()>>,
    /// When it last failed to answer in time, unless it has answered since.
    late: Option<Millis>,
    last: Option<Result<usize, String>>,
}

impl Discovery {
    pub(crate) fn new(
        registry: &Registry,
        transport: &Transport,
        within: Duration,
        clock: SharedClock,
        runtime: Handle,
    ) -> Discovery {
        let source = |provider: &Arc<Provider>| {
            let lists = provider.adapter.listing(&provider.endpoint).is_some();
            lists.then(|| {
                Arc::new(Source {
                    provider: provider.clone(),
                    transport: transport.clone(),
                    within,
                    asked: AtomicI64::new(i64::MIN),
                    state: Mutex::default(),
                })
            })
        };
        Discovery { sources: registry.iter().filter_map(source).collect(), clock, runtime }
    }

    /// A request for `model` has arrived. Lists that are old are read again, unseen. The request waits only if it asks
    /// for a name that nothing else knows, or if such a one may stand in and no list was read yet.
    pub(crate) async fn attend(&self, registry: &Registry, rules: &Rules<'_>, model: &str) {
        if self.sources.is_empty() || !rules.caller.may_use(model) {
            return;
        }
        let now = self.clock.now();
        for source in self.sources.iter().filter(|source| source.is_due(now)) {
            source.read(&self.runtime, now);
        }
        let stands_in = || named(rules, model).any(|name| !is_known(registry, name));
        let unread = || self.sources.iter().any(|source| source.state.lock().last.is_none());
        if !is_known(registry, model) || (unread() && stands_in()) {
            self.wait(now).await;
        }
    }

    /// Reads every list, and says what came of it.
    pub(crate) async fn look(&self) -> Vec<Discovered> {
        self.wait(self.clock.now()).await;
        self.sources.iter().map(|source| source.told()).collect()
    }

    /// Waits for new lists, of all providers at once.
    async fn wait(&self, now: Millis) {
        let ready = self.sources.iter().filter(|source| !source.was_late(now));
        let readings: Vec<_> = ready.map(|source| source.read(&self.runtime, now)).collect();
        for mut reading in readings {
            // Nothing is ever sent: it closes when the list is read.
            while reading.changed().await.is_ok() {}
        }
    }
}

impl Source {
    fn is_due(&self, now: Millis) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        asked == i64::MIN || now.since(Millis(asked)) >= millis(EVERY)
    }

    fn was_late(&self, now: Millis) -> bool {
        self.state.lock().late.is_some_and(|late| now.since(late) < millis(PATIENCE))
    }

    /// Begins to read the list, unless somebody does already. What it gives closes when the list is read.
    fn read(self: &Arc<Source>, runtime: &Handle, now: Millis) -> watch::Receiver<()> {
        let mut state = self.state.lock();
        // A channel that is closed belongs to a list that was read.
        if let Some(reading) = state.reading.as_ref().filter(|reading| reading.has_changed().is_ok()) {
            return reading.clone();
        }
        self.asked.store(now.0, Ordering::Relaxed);
        let (done, reading) = watch::channel(());
        state.reading = Some(reading.clone());
        let source = self.clone();
        runtime.spawn(async move {
            source.ask(now).await;
            drop(done);
        });
        reading
    }

    async fn ask(&self, now: Millis) {
        let listed = self.list(now).await;
        let name = &self.provider.name;
        let mut state = self.state.lock();
        match listed {
            Ok(models) => {
                state.last = Some(Ok(models.len()));
                state.late = None;
                self.provider.found.replace(models);
            }
            // What it had is kept: it may be back before the next request, and is asked if not.
            Err(failed) => {
                tracing::debug!(provider = %name, result = %failed.result(), "the models were not listed");
                state.late = matches!(failed, Failed::Transport(Broken::Timeout)).then_some(now);
                state.last = Some(Err(failed.result()));
            }
        }
    }

    async fn list(&self, now: Millis) -> Result<Vec<Model>, Failed> {
        let provider = &self.provider;
        let mut endpoint = provider.endpoint.clone();
        if let Some((_, key)) = provider.keys.take(now, &[]) {
            endpoint = endpoint.with_key(key.clone());
        }
        let Some(outgoing) = provider.adapter.listing(&endpoint) else { return Ok(Vec::new()) };
        let request: Request<_> = outgoing.map_err(Failed::Request)?.request;
        let mut incoming = self.transport.send(request, false, Some(Instant::now() + self.within)).await?;
        let body = incoming.bytes().await?;
        if !incoming.status.is_success() {
            let status = incoming.status.as_u16();
            return Err(provider.adapter.failure(status, &incoming.headers, &body, now).into());
        }
        Ok(provider.adapter.listed(&body)?)
    }

    fn told(&self) -> Discovered {
        let last = self.state.lock().last.clone();
        Discovered {
            provider: self.provider.name.clone(),
            address: self.provider.endpoint.base_url().to_owned(),
            models: last.unwrap_or_else(|| Err("not asked".to_owned())),
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
