//! Ledger rows and reservations to test with.
#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;

use lockgate::clock::Millis;
use lockgate::ids::{AdmissionId, CustomerId, KeyId, ProjectId};
use lockgate::limits::{Held, Settlement};
use lockgate::money::Nano;
use lockgate::pricing::TokenCounts;
use lockgate::settle::{Attempt, CacheVerdict, Outcome, Reserve, Row};
use lockgate::telemetry::{Considered, Decisions, ExactVerdict, LimitsTold, PriceSource, Stage, Verdict};

/// 2026-11-23T12:00:00Z
pub(crate) const NOON: Millis = Millis(1_795_435_200_000);

pub(crate) fn row(project: ProjectId, at: Millis, cost: i64) -> Row {
    Row {
        id: AdmissionId::new(at),
        request_id: "req-1".to_owned(),
        client_request_id: Some("mine".to_owned()),
        project,
        key: Some(KeyId::NONE).filter(|key| !key.is_none()),
        customer: None,
        customer_tag: None,
        labels: BTreeMap::from([("team".to_owned(), "red \"a\"\n".to_owned())]),
        endpoint: "chat".to_owned(),
        requested_model: "gpt-4o".to_owned(),
        served_model: Some("gpt-4o".to_owned()),
        provider: Some("openai".to_owned()),
        attempts: vec![Attempt { provider: "openai".into(), model: "gpt-4o".into(), result: "200".into() }],
        tokens: TokenCounts { input: 11, cached_input: 2, output: 7, reasoning: 3, ..TokenCounts::default() },
        cost: Some(Nano::from_nano(cost)),
        reserved: Nano::from_nano(cost.saturating_mul(2)),
        saved: Nano::ZERO,
        latency_us: 1500,
        first_byte_us: Some(700),
        cache: CacheVerdict::Miss,
        similarity: Some(0.25),
        outcome: Outcome::Answered,
        status: 200,
        stream: true,
        estimated: false,
        downgraded_from: None,
        decisions: Some(Box::new(decisions())),
        admitted_at: at,
        ended_at: Millis(at.0 + 2),
    }
}

/// A record with something in every field.
pub(crate) fn decisions() -> Decisions {
    let mut decisions = Decisions {
        limits: Some(LimitsTold {
            remaining_requests: Some(59),
            cap_scope: Some("project".to_owned()),
            cap_nano_usd: Some(10),
            remaining_nano_usd: Some(3),
            reserved_nano_usd: 2,
            ..LimitsTold::default()
        }),
        exact: Some(ExactVerdict::Miss),
        candidates: vec![Considered {
            provider: "openai".to_owned(),
            model: "gpt-4o".to_owned(),
            why: "asked".to_owned(),
            verdict: Verdict::Answered,
            reason: None,
            breaker_open: false,
        }],
        price: Some(PriceSource::Table),
        ..Decisions::default()
    };
    decisions.timings_us.add(Stage::Admit, 7);
    decisions
}

pub(crate) fn customer(name: &str) -> CustomerId {
    CustomerId::new(name).unwrap()
}

/// The reservation that goes before `row`.
pub(crate) fn reserve(row: &Row) -> Reserve {
    Reserve {
        held: held(row),
        priced: true,
        request_id: row.request_id.clone(),
        client_request_id: row.client_request_id.clone(),
        customer: row.customer.clone(),
        labels: row.labels.clone(),
        endpoint: row.endpoint.clone(),
        requested_model: row.requested_model.clone(),
        model: row.served_model.clone(),
        provider: row.provider.clone(),
        stream: row.stream,
    }
}

pub(crate) fn settlement(row: &Row) -> Settlement {
    Settlement {
        held: held(row),
        money: row.cost.unwrap_or_default(),
        tokens: row.tokens.input + row.tokens.output,
    }
}

fn held(row: &Row) -> Held {
    Held {
        id: row.id,
        project: row.project,
        key: row.key.unwrap_or(KeyId::NONE),
        customer: row.tag(),
        admitted_at: row.admitted_at,
        money: row.reserved,
        tokens: 40,
        tokens_per_minute: None,
        lease_until: Millis(row.admitted_at.0 + 60_000),
        uncounted: false,
    }
}
