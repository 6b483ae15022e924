//! P2 and P10: whatever becomes of requests, Redis has spent what the ledger in Postgres says, to the nano-dollar.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lockgate::auth::{CustomerLimits, NewKey};
use lockgate::clock::{Clock, SystemClock};
use lockgate::ids::{CustomerId, KeyId};
use lockgate::limits::Window;
use lockgate::money::Nano;
use lockgate::settle::{Outcome, Row};
use lockgate::store::RowFilter;
use lockgate::types::ChatRequest;
use lockgate::{CallOptions, Gateway};
use lockgate_sim::{Fault, Provider, Scripted};

use crate::house::{House, SOON, balanced, key, project};
use crate::server::Server;

const REQUESTS: usize = 1_000;
const AT_ONCE: usize = 24;
const CUSTOMERS: usize = 3;

/// Models that the simulator treats badly, each in its way, whoever asks.
const FAILS: &str = "gpt-4.1-mini";
const IS_CUT: &str = "gpt-4.1";
const HANGS: &str = "gpt-4.1-nano";
const IS_SLOW: &str = "gpt-4o-mini";

fn requests() -> usize {
    let told = std::env::var("LOCKGATE_MIXED_REQUESTS");
    told.map_or(REQUESTS, |text| text.parse().expect("LOCKGATE_MIXED_REQUESTS is a number"))
}

fn customer(n: usize) -> String {
    format!("customer {}", n % CUSTOMERS)
}

async fn gateway(house: &House, name: &str) -> Gateway {
    let mut config = house.config(name);
    config.routing.retries = 0;
    Gateway::start(config, Arc::new(SystemClock)).await.unwrap()
}

/// One request of ten kinds; what came of it.
async fn one(gateway: Gateway, key: String, n: usize) -> &'static str {
    let of = |model: &str, text: String| ChatRequest::new(model).user(text);
    let options = CallOptions { key: Some(key), customer: Some(customer(n)), ..CallOptions::default() };
    let told = |answered: bool| if answered { "answered" } else { "failed" };
    match n % 10 {
        // Asked before by others, or now.
        0 => told(gateway.chat_with(of("gpt-4o", format!("known {}", n / 200)), options).await.is_ok()),
        1 | 2 => told(gateway.chat_with(of("gpt-4o", format!("question {n}")), options).await.is_ok()),
        3 => told(read(&gateway, of("gpt-4o", format!("count to 20 {n}")), options, None).await),
        4 => told(gateway.chat_with(of(FAILS, format!("question {n}")), options).await.is_ok()),
        5 => told(read(&gateway, of(IS_CUT, format!("count to 20 {n}")), options, None).await),
        // The caller leaves in the middle of the answer.
        6 => told(read(&gateway, of(IS_SLOW, format!("count to 50 {n}")), options, Some(3)).await),
        7 => {
            let options = CallOptions { timeout: Some(Duration::from_millis(60)), ..options };
            told(gateway.chat_with(of(HANGS, format!("question {n}")), options).await.is_ok())
        }
        // The caller's task is ended, at some point of the path.
        8 => {
            let request = of(IS_SLOW, format!("count to 30 {n}"));
            let task = tokio::spawn(async move { gateway.chat_with(request, options).await.is_ok() });
            tokio::time::sleep(Duration::from_micros((n as u64 * 137) % 30_000)).await;
            task.abort();
            match task.await {
                Ok(answered) => told(answered),
                Err(_) => "cancelled",
            }
        }
        _ => {
            let unpriced = of("o-nothing-9", format!("question {n}"));
            assert!(gateway.chat_with(unpriced, options).await.is_err());
            "refused"
        }
    }
}

/// Reads a stream, all of it or so many pieces. Whether it ended well.
async fn read(gateway: &Gateway, request: ChatRequest, options: CallOptions, most: Option<usize>) -> bool {
    let Ok(mut stream) = gateway.chat_stream_with(request, options).await else { return false };
    let mut pieces = 0;
    while let Some(piece) = stream.next().await {
        pieces += 1;
        if piece.is_err() {
            return false;
        }
        if Some(pieces) == most {
            return false;
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_mixed_outcomes_are_spent_in_redis_as_in_the_ledger() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateways = [gateway(&house, "a").await, gateway(&house, "b").await, gateway(&house, "c").await];
    for (model, fault) in [
        (FAILS, Fault::status(500)),
        (IS_CUT, Fault::cut_after_events(6)),
        (HANGS, Fault::stall_headers()),
        (IS_SLOW, Fault::slow_events(2)),
    ] {
        house.sim.fault(Provider::OpenAi, Scripted::from(fault).on_model(model).times(u32::MAX));
    }
    let admin = gateways[0].admin();
    let cap = Some(Nano::from_nano(1_000_000_000_000));
    admin.set_project("default", |settings| settings.monthly_cap = cap).await.unwrap();
    for n in 0..CUSTOMERS {
        let limits = CustomerLimits { daily_cap: cap, monthly_cap: cap, ..CustomerLimits::default() };
        admin.set_customer("default", &CustomerId::new(customer(n)).unwrap(), limits).await.unwrap();
    }
    let (key, key_id) = key(admin, NewKey { monthly_cap: cap, ..NewKey::default() }).await;
    let asked = futures_util::stream::iter(0..requests()).map(|n| {
        let (gateway, key) = (gateways[n % gateways.len()].clone(), key.clone());
        async move { tokio::spawn(one(gateway, key, n)).await.unwrap() }
    });
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in asked.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
        *outcomes.entry(outcome).or_default() += 1;
    }
    for gateway in &gateways {
        assert!(gateway.flush(SOON).await);
    }
    let total = balanced(&gateways[0]).await;
    let rows = gateways[0].rows(&RowFilter { most: 1_000_000, ..RowFilter::default() }).await.unwrap();
    let sum = |of: &dyn Fn(&Row) -> bool| -> i64 {
        rows.iter().filter(|row| of(row)).filter_map(|row| row.cost).map(Nano::nano).sum()
    };
    assert_eq!(total.cost.nano(), sum(&|_| true), "the sums and the rows");
    let ended = |outcome: Outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    let kinds = [Outcome::Answered, Outcome::Failed, Outcome::Cancelled].map(ended);
    assert!(kinds.iter().all(|kind| *kind > requests() / 50), "{kinds:?} {outcomes:?}");
    assert!(rows.iter().any(|row| row.estimated && row.cost.is_some_and(|cost| cost > Nano::ZERO)));

    // Every counter of every scope, as Redis has it.
    let now = SystemClock.now();
    let id = project(&gateways[0]).await;
    let prefix = gateways[0].config().redis_prefix.clone();
    let windows =
        [Window::month(now), Window::day(now)].map(|window| format!("{prefix}{{{id}}}:spend:{window}"));
    let mut connection = server.connection().await;
    let mut counters = Vec::new();
    for window in &windows {
        let found: BTreeMap<String, String> =
            redis::cmd("HGETALL").arg(window).query_async(&mut connection).await.unwrap();
        counters.push(found);
    }
    let month = &counters[0];
    let spent = |window: &BTreeMap<String, String>, field: &str| -> i64 {
        window.get(field).map_or(0, |amount| amount.parse().unwrap())
    };
    assert_eq!(spent(month, "p"), sum(&|_| true));
    assert_eq!(spent(month, &format!("k{key_id}")), sum(&|row| row.key == Some(key_id)));
    assert_eq!(spent(month, &format!("k{}", KeyId::NONE)), 0, "all of them had a key");
    for n in 0..CUSTOMERS {
        let named = CustomerId::new(customer(n)).unwrap();
        let of_customer = sum(&|row| row.customer.as_ref() == Some(&named));
        assert!(of_customer > 0);
        for window in &counters {
            assert_eq!(spent(window, &format!("c{}", named.tag())), of_customer, "{named:?}");
        }
    }
    for window in &counters {
        let reserved = window.iter().find(|(field, amount)| field.starts_with('r') && *amount != "0");
        assert_eq!(reserved, None, "reservations are left");
    }
    println!("{} requests: {outcomes:?}, rows {kinds:?}, spent {}", requests(), total.cost);
}
