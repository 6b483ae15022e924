//! What a request leaves behind before and after it: the door to the ledger that survives a killed process.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{CacheVerdict, Outcome, Row};
use crate::clock::Millis;
use crate::error::Result;
use crate::ids::CustomerId;
use crate::limits::{Held, Settlement};
use crate::money::Nano;
use crate::pricing::TokenCounts;

/// A reservation as written down before bytes go upstream: enough to make a ledger row if nothing else follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reserve {
    /// What is held.
    pub held: Held,
    /// Whether `held.money` comes from a known price.
    pub priced: bool,
    /// The request id given to the caller.
    pub request_id: String,
    /// The caller's own request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// The customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// The caller's labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `chat` or `embeddings`.
    pub endpoint: String,
    /// The model asked for.
    pub requested_model: String,
    /// The model it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
}

/// What a reservation costs whose process ended before it settled (`expired_reservations`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiredReservations {
    /// The estimate: the provider may have answered, and billed.
    #[default]
    Charge,
    /// Nothing.
    Release,
}

impl Reserve {
    /// What is known of a reservation that only its store remembers.
    #[must_use]
    pub fn unknown(held: Held) -> Reserve {
        Reserve {
            priced: true,
            request_id: held.id.to_string(),
            client_request_id: None,
            customer: None,
            labels: BTreeMap::new(),
            endpoint: String::new(),
            requested_model: String::new(),
            model: None,
            provider: None,
            stream: false,
            held,
        }
    }

    /// The ledger row of a reservation that nobody settled. Its status is 0: what the caller got is not known.
    #[must_use]
    pub fn expired(self, policy: ExpiredReservations, now: Millis) -> Row {
        let charged = match policy {
            ExpiredReservations::Charge => self.held.money,
            ExpiredReservations::Release => Nano::ZERO,
        };
        Row {
            id: self.held.id,
            request_id: self.request_id,
            client_request_id: self.client_request_id,
            project: self.held.project,
            key: (!self.held.key.is_none()).then_some(self.held.key),
            customer_tag: if self.customer.is_some() { None } else { self.held.customer },
            customer: self.customer,
            labels: self.labels,
            endpoint: self.endpoint,
            requested_model: self.requested_model,
            served_model: self.model,
            provider: self.provider,
            attempts: Vec::new(),
            tokens: TokenCounts::default(),
            cost: self.priced.then_some(charged),
            reserved: self.held.money,
            saved: Nano::ZERO,
            latency_us: 0,
            first_byte_us: None,
            cache: CacheVerdict::Miss,
            similarity: None,
            outcome: Outcome::Expired,
            status: 0,
            stream: self.stream,
            estimated: true,
            downgraded_from: None,
            decisions: None,
            admitted_at: self.held.admitted_at,
            ended_at: now,
        }
    }
}

/// Stands for a row that was written down and whose settle the limiter has not acknowledged yet. Hand it back to
/// [`Journal::acknowledged`]. If it is dropped instead, the row waits for the next start, which settles again.
#[derive(Debug)]
#[must_use = "the row stays out of the ledger until its settle is acknowledged"]
pub struct Ticket(pub(super) Option<u64>);

/// Writes down what happens to requests, in this order: `reserve` before bytes go upstream; `settled` before the
/// answer's last byte; then the limiter's settle; then `acknowledged`, after which the row goes to the ledger.
/// The calls do not wait for a runtime or a store, so that they can be made while a value is dropped.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Writes a reservation down. Again with the same id after it was raised. On an error nothing must go upstream.
    fn reserve(&self, reserve: &Reserve) -> Result<()>;

    /// Writes a row down, with the settlement to repeat if the process ends before it is acknowledged. A row without
    /// a settlement (a cache hit) needs no acknowledgement. What cannot be written now is kept and tried again.
    fn settled(&self, row: Row, settlement: Option<&Settlement>) -> Ticket;

    /// The limiter has booked the settlement.
    fn acknowledged(&self, ticket: Ticket);

    /// How many rows wait for the ledger.
    fn waiting(&self) -> u64;

    /// Waits until every acknowledged row is in the ledger. An error after `deadline`; nothing is lost by it where
    /// the journal is on disk.
    async fn flush(&self, deadline: Duration) -> Result<()>;
}
