//! The gateway: built once, used by every surface.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;

use crate::answer::{Answer, ChatStream};
use crate::ask::{Ask, Reply};
use crate::auth::{Admin, Caller, Identities, OnChange, Project};
use crate::cache::semantic::{SemanticCache, SemanticMode};
use crate::cache::{ExactCache, Flights};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, Environment, Layers};
use crate::context::CallOptions;
use crate::embed;
use crate::error::{Error, Kind, Result};
use crate::ids::ProjectId;
use crate::limits::{CounterId, Scope, Window};
use crate::pipeline;
use crate::route::{Discovered, Discovery, Health, Registry, Rules};
use crate::settle::{Keep, Reconciler, Retention, Row, Settler, Swept};
use crate::store::redis::{RedisCounts, RedisLimiter};
use crate::store::{
    self, Directory, Inspection, Limiter, RowFilter, StoreSize, Stores, UsageLine, UsageQuery,
};
use crate::telemetry::{Metrics, Now};
use crate::transport::Transport;
use crate::types::{ChatRequest, ChatResponse, EmbedRequest, EmbedResponse, ModelList};

/// How long the stores have to answer when somebody looks whether they do.
const STORE_CHECK: Duration = Duration::from_secs(1);

/// An LLM gateway in this process. Cheap to clone; the last clone to go ends it.
#[derive(Clone)]
pub struct Gateway {
    core: Arc<Core>,
}

/// What every stage needs.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) clock: SharedClock,
    pub(crate) stores: Stores,
    pub(crate) identities: Arc<Identities>,
    pub(crate) registry: Registry,
    pub(crate) discovery: Discovery,
    pub(crate) transport: Transport,
    pub(crate) health: Health,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) settler: Arc<Settler>,
    pub(crate) cache: ExactCache,
    pub(crate) semantic: Arc<SemanticCache>,
    pub(crate) flights: Arc<Flights>,
    /// Where calls to providers and settlements run.
    pub(crate) runtime: Handle,
    admin: Admin,
}

impl Gateway {
    /// Begins to build one.
    #[must_use]
    pub fn builder() -> Builder {
        Builder { layers: Layers::new(), environment: None, clock: None }
    }

    /// Asks for an answer.
    pub async fn chat(&self, request: ChatRequest) -> Result<ChatResponse> {
        self.chat_with(request, CallOptions::default()).await
    }

    /// Asks for an answer, with options.
    pub async fn chat_with(&self, mut request: ChatRequest, options: CallOptions) -> Result<ChatResponse> {
        request.stream = None;
        request.stream_options = None;
        match pipeline::run(&self.core, Arc::new(Ask::Chat(Box::new(request))), options, None).await? {
            Answer::Whole(Reply::Chat(response), _) => Ok(*response),
            _ => Err(unfit()),
        }
    }

    /// Asks for an answer in pieces. The last piece carries the gateway's own metadata. Dropping the stream cancels
    /// the request and settles it.
    pub async fn chat_stream(&self, request: ChatRequest) -> Result<ChatStream> {
        self.chat_stream_with(request, CallOptions::default()).await
    }

    /// Asks for an answer in pieces, with options.
    pub async fn chat_stream_with(
        &self,
        mut request: ChatRequest,
        options: CallOptions,
    ) -> Result<ChatStream> {
        request.stream = Some(true);
        match pipeline::run(&self.core, Arc::new(Ask::Chat(Box::new(request))), options, None).await? {
            Answer::Stream(stream) => Ok(stream),
            Answer::Whole(..) => Err(unfit()),
        }
    }

    /// Asks for embeddings.
    pub async fn embed(&self, request: EmbedRequest) -> Result<EmbedResponse> {
        self.embed_with(request, CallOptions::default()).await
    }

    /// Asks for embeddings, with options.
    pub async fn embed_with(&self, request: EmbedRequest, options: CallOptions) -> Result<EmbedResponse> {
        match pipeline::run(&self.core, Arc::new(Ask::Embed(Box::new(request))), options, None).await? {
            Answer::Whole(Reply::Embed(response), _) => Ok(*response),
            _ => Err(unfit()),
        }
    }

    /// The models that can be asked for, of all configured providers, in order of names. Those of providers that say
    /// themselves which they have are as of the last time somebody asked; [`Gateway::discover`] asks now.
    #[must_use]
    pub fn models(&self) -> ModelList {
        ModelList { data: self.core.registry.models(self.core.clock.now()), ..ModelList::default() }
    }

    /// Asks the providers that can say it which models they have, and waits a short time for their answers.
    pub async fn discover(&self) -> Vec<Discovered> {
        self.core.discovery.look().await
    }

    /// Sums of the ledger.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageLine>> {
        self.core.stores.ledger.usage(query).await
    }

    /// Rows of the ledger, newest first.
    pub async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>> {
        self.core.stores.ledger.rows(filter).await
    }

    /// Projects, keys and customers.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.core.admin
    }

    /// Whether questions in other words can be answered: the embedding model is there, or an embedder is set.
    #[must_use]
    pub fn has_embedder(&self) -> bool {
        self.embedder().is_some()
    }

    /// Waits until the embedding model is loaded, at most a minute; until then the semantic cache has nothing to say.
    /// Whether it is, or an embedder answers.
    pub async fn warm_up(&self) -> bool {
        self.core.semantic.warm_up().await
    }

    /// What makes vectors of questions; none where there is none, and so no semantic cache.
    #[must_use]
    pub fn embedder(&self) -> Option<&str> {
        self.core.semantic.embedder()
    }

    /// The settings it was built with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.core.config
    }

    /// What a project holds right now: its open reservations, and what is settled and reserved in this month.
    pub async fn inspect(&self, project: ProjectId) -> Result<Inspection> {
        let month = CounterId { window: Window::month(self.core.clock.now()), scope: Scope::Project };
        self.core.stores.limiter.inspect(project, &[month]).await
    }

    /// Waits until everything is settled and in the ledger, at most for `within`. Returns whether it is. Requests
    /// under way go on.
    pub async fn flush(&self, within: Duration) -> bool {
        let begun = tokio::time::Instant::now();
        let kept = self.core.semantic.settled(within).await;
        self.core.settler.flush(within.saturating_sub(begun.elapsed())).await && kept
    }

    /// Ends the gateway: waits for settlements and the ledger, at most for `within`. Returns whether all is written;
    /// what is not is in the spool and enters the ledger at the next start.
    pub async fn close(&self, within: Duration) -> bool {
        let settled = self.core.settler.close(within).await;
        self.core.cache.close().await;
        self.core.semantic.settled(within).await;
        self.core.stores.close(within).await && settled
    }

    /// Removes rows and answers that are too old to keep, now. A gateway does it by itself every 10 minutes.
    pub async fn sweep(&self) -> Result<Swept> {
        self.core.retention().sweep().await
    }

    /// Numbers in Prometheus's text format (version 0.0.4), as `/metrics` gives them.
    pub async fn metrics(&self) -> String {
        let core = &self.core;
        let stores_up = tokio::time::timeout(STORE_CHECK, core.check_stores()).await;
        core.metrics.text(&Now {
            rows_waiting: core.settler.rows_waiting(),
            reservations: core.settler.reservations(),
            stores_up: matches!(stores_up, Ok(Ok(()))),
            open: core.health.open(),
        })
    }

    /// How much the store holds.
    pub async fn store_size(&self) -> Result<StoreSize> {
        self.core.stores.ledger.size().await
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

fn unfit() -> Error {
    Error::new(Kind::Internal, "The answer has another form than was asked for.")
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Core {
    /// What decides who may answer `ask`.
    pub(crate) fn rules<'a>(&'a self, caller: &'a Caller, ask: &Ask) -> Rules<'a> {
        Rules {
            mode: self.config.failover_mode,
            routing: &self.config.routing,
            caller,
            chat: matches!(ask, Ask::Chat(_)),
            at: self.clock.now(),
        }
    }

    fn retention(&self) -> Retention {
        let days = u64::from(self.config.ledger_days);
        Retention {
            ledger: self.stores.ledger.clone(),
            answers: self.stores.answers.clone(),
            meanings: self.stores.meanings.clone(),
            clock: self.clock.clone(),
            keep: Keep {
                ledger: Duration::from_secs(days * 24 * 60 * 60),
                answer_bytes: self.config.warm_cache_bytes,
                meaning_bytes: self.config.semantic_cache_bytes,
            },
        }
    }

    fn reconciler(&self) -> Reconciler {
        Reconciler {
            settler: Arc::downgrade(&self.settler),
            limiter: self.stores.limiter.clone(),
            ledger: self.stores.ledger.clone(),
            directory: self.stores.directory.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Whether the stores answer.
    pub(crate) async fn check_stores(&self) -> Result<()> {
        self.check_database().await?;
        self.stores.limiter.check().await
    }

    /// Whether the store of projects, keys and the ledger answers.
    pub(crate) async fn check_database(&self) -> Result<()> {
        self.stores.directory.version().await.map(|_| ())
    }
}

/// Collects settings and builds a [`Gateway`].
pub struct Builder {
    layers: Layers,
    environment: Option<Environment>,
    clock: Option<SharedClock>,
}

impl Builder {
    /// Reads a TOML file.
    pub fn file(mut self, path: impl AsRef<Path>) -> Result<Builder> {
        self.layers = self.layers.file(path.as_ref())?;
        Ok(self)
    }

    /// Takes settings as TOML text, in place of a file.
    pub fn toml(mut self, text: &str) -> Result<Builder> {
        self.layers = self.layers.toml(text, "text")?;
        Ok(self)
    }

    /// Sets one key, as `project.monthly_cap`; wins over file and environment.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<toml::Value>) -> Builder {
        self.layers = self.layers.set(key, value);
        self
    }

    /// Uses this environment in place of the process's.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Builder {
        self.environment = Some(environment);
        self
    }

    /// Uses this clock in place of the machine's.
    #[must_use]
    pub fn clock(mut self, clock: SharedClock) -> Builder {
        self.clock = Some(clock);
        self
    }

    /// Reads the settings, opens the stores and starts the gateway. Needs a Tokio runtime.
    pub async fn build(self) -> Result<Gateway> {
        let environment = self.environment.unwrap_or_else(Environment::of_process);
        let config = self.layers.environment(environment).read()?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        Gateway::start(config, clock).await
    }
}

impl Gateway {
    /// Starts a gateway from validated settings.
    pub async fn start(config: Config, clock: SharedClock) -> Result<Gateway> {
        let runtime = Handle::try_current()
            .map_err(|source| Error::internal("a gateway needs a Tokio runtime", source))?;
        let registry = Registry::new(&config)?;
        let transport = Transport::new(config.timeouts)?;
        let within = Duration::from_millis(config.timeouts.discovery_ms);
        let discovery = Discovery::new(&registry, &transport, within, clock.clone(), runtime.clone());
        let health = Health::new(config.routing.breaker, clock.clone());
        let stores = store::open(&config, clock.clone()).await?;
        let bootstrap = Admin::new(stores.directory.clone(), clock.clone(), None);
        let default_project = bootstrap.default_project(&config.project).await?;
        if let Some(redis) = &stores.redis {
            tell(redis.as_ref(), stores.directory.as_ref(), default_project.id).await?;
        }
        let identities = Arc::new(Identities::new(
            stores.directory.clone(),
            config.auth,
            default_project.id,
            config.rates,
        ));
        let metrics = Arc::new(Metrics::new());
        let settler = Settler::start(
            stores.limiter.clone(),
            stores.ledger.clone(),
            stores.journal.clone(),
            clock.clone(),
            metrics.clone(),
            runtime.clone(),
            config.expired_reservations,
        );
        for mut changes in stores.changes.clone() {
            let identities = Arc::downgrade(&identities);
            let stop = settler.stop.clone();
            // With the receiver it gives up the store's watcher, and with that a connection.
            runtime.spawn(stop.run_until_cancelled_owned(async move {
                while changes.changed().await.is_ok() {
                    let Some(identities) = identities.upgrade() else { return };
                    identities.forget_all();
                }
            }));
        }
        let on_change = Arc::new(TellsAll {
            identities: identities.clone(),
            directory: stores.directory.clone(),
            limiter: stores.redis.clone(),
        });
        let admin = Admin::new(stores.directory.clone(), clock.clone(), Some(on_change));
        let cache = ExactCache::new(config.cache_bytes, stores.answers.clone(), clock.clone());
        let embedder = embed::of(&config, &transport)?;
        let deadline = Duration::from_millis(config.timeouts.semantic_ms);
        let semantic = SemanticCache::new(embedder, stores.meanings.clone(), clock.clone(), deadline);
        let semantic = Arc::new(semantic);
        let used = |project: &Project| project.settings.semantic.mode != SemanticMode::Off;
        if stores.directory.projects().await?.iter().any(used) {
            semantic.prepare();
        }
        let flights = Flights::new(settler.tasks.clone());
        let core = Core {
            config,
            clock,
            stores,
            identities,
            registry,
            discovery,
            transport,
            health,
            metrics,
            settler,
            cache,
            semantic,
            flights,
            runtime,
            admin,
        };
        let retention = core.retention();
        let stop = core.settler.stop.clone();
        core.runtime.spawn(async move {
            stop.run_until_cancelled(retention.run()).await;
        });
        if core.stores.limiter.seeding() == store::Seeding::Windows {
            let reconciler = core.reconciler();
            let stop = core.settler.stop.clone();
            core.runtime.spawn(async move {
                stop.run_until_cancelled(reconciler.run()).await;
            });
        }
        Ok(Gateway { core: Arc::new(core) })
    }

    /// What an operator should know of the stores' settings.
    pub async fn warnings(&self) -> Vec<String> {
        match &self.core.stores.redis {
            Some(redis) => redis.warnings().await,
            None => Vec::new(),
        }
    }

    /// What was sent to Redis, and what went wrong; none where the limits are elsewhere.
    #[must_use]
    pub fn redis_counts(&self) -> Option<RedisCounts> {
        self.core.stores.redis.as_ref().map(|redis| redis.counts())
    }

    /// Raises the limiter's counters to what the ledger has booked, now. A gateway does it by itself every 30 s where
    /// the limiter may lose its data.
    pub async fn reconcile(&self, project: ProjectId) -> Result<()> {
        self.core.reconciler().pass(project, Duration::ZERO).await
    }
}

/// A change in this process counts from the next request on, in every process.
struct TellsAll {
    identities: Arc<Identities>,
    directory: Arc<dyn Directory>,
    limiter: Option<Arc<RedisLimiter>>,
}

#[async_trait]
impl OnChange for TellsAll {
    async fn changed(&self, project: ProjectId) -> Result<()> {
        self.identities.forget(project);
        match &self.limiter {
            Some(limiter) => tell(limiter.as_ref(), self.directory.as_ref(), project).await,
            None => Ok(()),
        }
    }

    fn limits_elsewhere(&self) -> bool {
        self.limiter.is_some()
    }
}

/// Makes the newest revision of a project known to the limiter that all processes ask.
pub(crate) async fn tell(limiter: &dyn Limiter, directory: &dyn Directory, project: ProjectId) -> Result<()> {
    match directory.project(project).await? {
        Some(known) => limiter.revise(project, known.rev).await,
        None => Ok(()),
    }
}
