//! The ledger's row: one for each admission.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::ids::{AdmissionId, CustomerId, CustomerTag, KeyId, ProjectId};
use crate::limits::{CounterId, Scope, Window};
use crate::money::Nano;
use crate::pricing::TokenCounts;
use crate::telemetry::Decisions;

/// Where an answer came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheVerdict {
    /// From a provider.
    #[default]
    Miss,
    /// From the exact cache.
    Exact,
    /// From the semantic cache.
    Semantic,
    /// From an equal request that was under way.
    Coalesced,
}

impl CacheVerdict {
    /// As in the header `x-lockgate-cache`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CacheVerdict::Miss => "miss",
            CacheVerdict::Exact => "exact",
            CacheVerdict::Semantic => "semantic",
            CacheVerdict::Coalesced => "coalesced",
        }
    }
}

/// How an admitted request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Answered.
    Answered,
    /// Failed.
    Failed,
    /// The caller went away.
    Cancelled,
    /// The process that held the reservation ended or went silent; charged at the estimate.
    Expired,
}

/// One attempt at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The provider.
    pub provider: String,
    /// The model sent to it.
    pub model: String,
    /// The HTTP status, or what happened instead: `timeout`, `connect`, `reset`, `stream_error`, `skipped`.
    pub result: String,
}

/// One row of the ledger. It holds no prompt and no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The admission: the row's identity.
    pub id: AdmissionId,
    /// The request id given to the caller.
    pub request_id: String,
    /// The caller's own request id.
    pub client_request_id: Option<String>,
    /// The project.
    pub project: ProjectId,
    /// The key; none for a call without one.
    pub key: Option<KeyId>,
    /// The customer.
    pub customer: Option<CustomerId>,
    /// The customer as counters know it, where the name is not: forgotten, or a reservation of another process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_tag: Option<CustomerTag>,
    /// The caller's labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `chat` or `embeddings`.
    pub endpoint: String,
    /// The model asked for.
    pub requested_model: String,
    /// The model that answered.
    pub served_model: Option<String>,
    /// The provider that answered.
    pub provider: Option<String>,
    /// All attempts, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Tokens by kind.
    pub tokens: TokenCounts,
    /// What it cost; none where the price is unknown.
    pub cost: Option<Nano>,
    /// What was reserved for it.
    pub reserved: Nano,
    /// What a cache hit saved.
    pub saved: Nano,
    /// From arrival to the last byte, in microseconds.
    pub latency_us: u64,
    /// From arrival to the first byte of the answer, in microseconds.
    pub first_byte_us: Option<u64>,
    /// Where the answer came from.
    pub cache: CacheVerdict,
    /// Cosine similarity of a semantic hit.
    pub similarity: Option<f32>,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Whether tokens were counted by us because the provider reported none.
    pub estimated: bool,
    /// The model asked for, where a cheaper one was used because of a cap.
    pub downgraded_from: Option<String>,
    /// Why it got the answer it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<Box<Decisions>>,
    /// When it was admitted: fixes the windows it is booked into.
    pub admitted_at: Millis,
    /// When it ended.
    pub ended_at: Millis,
}

impl Row {
    /// The customer as counters know it.
    #[must_use]
    pub fn tag(&self) -> Option<CustomerTag> {
        self.customer.as_ref().map(CustomerId::tag).or(self.customer_tag)
    }

    /// The counters that its cost is booked on: those of [`Held::counters`](crate::limits::Held::counters).
    pub fn counters(&self) -> impl Iterator<Item = CounterId> {
        let (day, month) = (Window::day(self.admitted_at), Window::month(self.admitted_at));
        let customer = self.tag().map(Scope::Customer);
        [Some((month, Scope::Project)), Some((month, Scope::Key(self.key.unwrap_or(KeyId::NONE))))]
            .into_iter()
            .chain([customer.map(|scope| (day, scope)), customer.map(|scope| (month, scope))])
            .flatten()
            .map(|(window, scope)| CounterId { window, scope })
    }
}
