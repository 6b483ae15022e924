//! Numbers for Prometheus, made from the ledger's rows and their records of decisions. No label names a caller.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::error::Error;
use crate::settle::{Outcome, Row};

pub(crate) use prometheus_client::encoding::prometheus_text::CONTENT_TYPE;

/// Most pairs of provider and model with numbers of their own. Callers may name models nobody has; they share
/// `other`.
const MOST_MODELS: usize = 200;
const OTHER: &str = "other";

/// Seconds, from a cache hit to a long answer.
const SECONDS: [f64; 16] =
    [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];
/// Seconds of the stages that should take none.
const STAGE_SECONDS: [f64; 12] =
    [0.000_001, 0.000_01, 0.000_05, 0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 1.0, 10.0, 60.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    endpoint: String,
    outcome: &'static str,
    cache: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Model {
    provider: String,
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tried {
    provider: String,
    model: String,
    result: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tokens {
    provider: String,
    model: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Semantic {
    verdict: &'static str,
    /// The guard that refused; empty where none did.
    guard: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: &'static str,
}

type Count = Counter<u64, AtomicU64>;

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answer, Count>,
    seconds: Family<Answer, Histogram, fn() -> Histogram>,
    first_byte: Family<Model, Histogram, fn() -> Histogram>,
    stages: Family<Named, Histogram, fn() -> Histogram>,
    refusals: Family<Refusal, Count>,
    attempts: Family<Tried, Count>,
    semantic: Family<Semantic, Count>,
    tokens: Family<Tokens, Count>,
    cost: Family<Model, Count>,
    saved: Count,
    unpriced: Count,
    estimated: Count,
    downgrades: Count,
    streams: Gauge,
    queues: Family<Queue, Gauge>,
    breakers: Family<Model, Gauge>,
    stores: Gauge,
    /// The pairs that have numbers of their own.
    models: Mutex<HashSet<(String, String)>>,
}

/// What is looked at when the numbers are asked for.
pub(crate) struct Now {
    /// Rows that wait for the ledger.
    pub(crate) rows_waiting: u64,
    /// Requests that hold a reservation.
    pub(crate) reservations: u64,
    /// Whether the stores answer.
    pub(crate) stores_up: bool,
    /// Models whose breaker is open.
    pub(crate) open: Vec<(String, String)>,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn stage_seconds() -> Histogram {
    Histogram::new(STAGE_SECONDS)
}

impl Metrics {
    pub(crate) fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("lockgate"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            first_byte: Family::new_with_constructor(seconds),
            stages: Family::new_with_constructor(stage_seconds),
            refusals: Family::default(),
            attempts: Family::default(),
            semantic: Family::default(),
            tokens: Family::default(),
            cost: Family::default(),
            saved: Count::default(),
            unpriced: Count::default(),
            estimated: Count::default(),
            downgrades: Count::default(),
            streams: Gauge::default(),
            queues: Family::default(),
            breakers: Family::default(),
            stores: Gauge::default(),
            models: Mutex::default(),
        };
        metrics.name();
        metrics
    }

    fn name(&mut self) {
        let to = &mut self.registry;
        to.register("requests", "Admitted requests that have ended", self.requests.clone());
        to.register("request_seconds", "From arrival to the last byte", self.seconds.clone());
        to.register(
            "first_byte_seconds",
            "From arrival to the first byte of a provider's answer",
            self.first_byte.clone(),
        );
        to.register("stage_seconds", "Time in each stage of the path", self.stages.clone());
        to.register(
            "refusals",
            "Requests that were refused or failed before they were admitted, by code",
            self.refusals.clone(),
        );
        to.register("upstream_attempts", "Attempts at providers by their result", self.attempts.clone());
        to.register(
            "semantic_lookups",
            "What the semantic cache said, and the guard that refused",
            self.semantic.clone(),
        );
        to.register("tokens", "Tokens billed, by kind", self.tokens.clone());
        to.register("cost_nano_usd", "Cost in billionths of a US dollar", self.cost.clone());
        to.register("saved_nano_usd", "Saved by caches, in billionths of a US dollar", self.saved.clone());
        to.register("unpriced_requests", "Answered requests whose price is not known", self.unpriced.clone());
        to.register("estimated_requests", "Requests billed by counted tokens", self.estimated.clone());
        to.register("downgrades", "Requests that went to a cheaper model at a cap", self.downgrades.clone());
        to.register("streams_open", "Streams of providers under way", self.streams.clone());
        to.register("queue_depth", "What waits", self.queues.clone());
        to.register("breaker_open", "Models that are left alone", self.breakers.clone());
        to.register("stores_up", "Whether the stores answer", self.stores.clone());
    }

    /// The pair as labels.
    fn model(&self, provider: &str, model: &str) -> Model {
        let pair = (provider.to_owned(), model.to_owned());
        let mut models = self.models.lock();
        if models.contains(&pair) || (models.len() < MOST_MODELS && models.insert(pair)) {
            return Model { provider: provider.to_owned(), model: model.to_owned() };
        }
        Model { provider: OTHER.to_owned(), model: OTHER.to_owned() }
    }

    /// A request has ended.
    pub(crate) fn ended(&self, row: &Row) {
        let answer = Answer {
            endpoint: row.endpoint.clone(),
            outcome: outcome(row.outcome),
            cache: row.cache.as_str(),
        };
        self.requests.get_or_create(&answer).inc();
        self.seconds.get_or_create(&answer).observe(row.latency_us as f64 / 1e6);
        if let Some(decisions) = &row.decisions {
            for (stage, micros) in decisions.timings_us.iter().filter(|(_, micros)| *micros > 0) {
                self.stages.get_or_create(&Named { stage }).observe(micros as f64 / 1e6);
            }
        }
        if let Some(told) = row.decisions.as_ref().and_then(|decisions| decisions.semantic.as_ref()) {
            let guard = told.guard.map_or("", |guard| guard.name());
            self.semantic.get_or_create(&Semantic { verdict: told.verdict.as_str(), guard }).inc();
        }
        for attempt in &row.attempts {
            let Model { provider, model } = self.model(&attempt.provider, &attempt.model);
            let tried = Tried { provider, model, result: attempt.result.clone() };
            self.attempts.get_or_create(&tried).inc();
        }
        if row.downgraded_from.is_some() {
            self.downgrades.inc();
        }
        self.saved.inc_by(u64::try_from(row.saved.nano()).unwrap_or(0));
        let (Some(provider), Some(model)) = (&row.provider, &row.served_model) else { return };
        let pair = self.model(provider, model);
        if let Some(micros) = row.first_byte_us {
            self.first_byte.get_or_create(&pair).observe(micros as f64 / 1e6);
        }
        let counts = &row.tokens;
        for (kind, count) in [
            ("input", counts.input),
            ("cached_input", counts.cached_input),
            ("cache_write", counts.cache_write.saturating_add(counts.cache_write_1h)),
            ("output", counts.output),
            ("reasoning", counts.reasoning),
        ] {
            if count > 0 {
                let Model { provider, model } = pair.clone();
                self.tokens.get_or_create(&Tokens { provider, model, kind }).inc_by(count);
            }
        }
        match row.cost {
            Some(cost) => {
                self.cost.get_or_create(&pair).inc_by(u64::try_from(cost.nano()).unwrap_or(0));
            }
            None => {
                self.unpriced.inc();
            }
        }
        if row.estimated {
            self.estimated.inc();
        }
    }

    /// A request was refused, or failed before it was admitted.
    pub(crate) fn refused(&self, error: &Error) {
        self.refusals.get_or_create(&Refusal { code: error.kind().code() }).inc();
    }

    /// A stream of a provider begins; it ends when this is dropped.
    pub(crate) fn stream(&self) -> OpenStream {
        self.streams.inc();
        OpenStream(self.streams.clone())
    }

    /// The numbers as text, in Prometheus's format.
    pub(crate) fn text(&self, now: &Now) -> String {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.queues.get_or_create(&Queue { queue: "ledger_rows" }).set(gauge(now.rows_waiting));
        self.queues.get_or_create(&Queue { queue: "reservations" }).set(gauge(now.reservations));
        self.stores.set(i64::from(now.stores_up));
        self.breakers.clear();
        for (provider, model) in &now.open {
            self.breakers.get_or_create(&self.model(provider, model)).set(1);
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// A stream under way.
pub(crate) struct OpenStream(Gauge);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered => "answered",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "cancelled",
        Outcome::Expired => "expired",
    }
}
