//! The behaviour cases of every language (`conformance/cases`), through Rust's own calls and through the HTTP surface
//! without a socket, on every store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod case;
mod judge;
#[cfg(feature = "test-servers")]
#[path = "../servers/mod.rs"]
mod servers;
mod store;
mod way;

use std::time::Duration;

use lockgate::Gateway;
use lockgate::auth::DEFAULT_PROJECT;
use lockgate::config::Environment;
use lockgate::ids::CustomerId;
use lockgate::store::UsageQuery;
use lockgate_sim::{Options, Provider, Sim};

use self::case::Case;
use self::store::Store;
use self::way::Way;

/// Longest wait for anything.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn every_case_on_every_store_through_rust() {
    every_case(Way::Native).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_on_every_store_through_http_without_a_socket() {
    every_case(Way::Http).await;
}

async fn every_case(way: Way) {
    let (cases, stores) = (case::all(), store::all());
    assert!(!cases.is_empty() && !stores.is_empty());
    let mut wrong = Vec::new();
    for store in &stores {
        for case in &cases {
            if let Err(what) = run(case, store, way).await {
                wrong.push(format!("{}, {}: {what}", store.name, case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len() * stores.len(), wrong.join("\n"));
}

/// One case on a gateway of its own.
async fn run(case: &Case, store: &Store, way: Way) -> Result<(), String> {
    let sim = Sim::start(Options::default()).await.unwrap();
    sim.faults(Provider::OpenAi, case.upstream.iter().map(case::Upstream::scripted));
    let place = store.place().await;
    let mut builder = Gateway::builder()
        .environment(Environment::empty())
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url());
    for (name, value) in store.settings(&place) {
        builder = builder.set(&name, value);
    }
    for (name, value) in &case.project {
        builder = builder.set(&format!("project.{name}"), store::setting(value));
    }
    let gateway = builder.build().await.map_err(|error| error.to_string())?;
    let admin = gateway.admin();
    for (customer, limits) in &case.customers {
        admin.set_customer(DEFAULT_PROJECT, &CustomerId::new(customer).unwrap(), *limits).await.unwrap();
    }
    let mut own = None;
    if let Some(limits) = &case.key {
        let (_, secret) = admin.create_key(DEFAULT_PROJECT, limits.new_key()).await.unwrap();
        own = Some(secret.expose().to_owned());
    }
    let mut cost = 0;
    for (number, call) in case.calls.iter().enumerate() {
        let seen = way.call(&gateway, call, own.as_deref()).await;
        cost +=
            judge::call(&seen, &call.expect).map_err(|what| format!("call {number}: {what}: {seen:?}"))?;
    }
    let books = books(&gateway).await;
    judge::same("what is on the books: open reservations, cost", &books, &(0, cost))?;
    let arrived = tokio::time::timeout(SOON, sim.settled()).await.expect("the provider's calls end");
    judge::upstream(&arrived, case)?;
    assert!(gateway.close(SOON).await);
    Ok(())
}

/// Open reservations, and what the ledger says everything cost.
async fn books(gateway: &Gateway) -> (u64, i64) {
    assert!(gateway.flush(SOON).await, "not everything was written");
    let project = gateway.admin().project(DEFAULT_PROJECT).await.unwrap().id;
    let open = gateway.inspect(project).await.unwrap().open;
    let lines = gateway.usage(&UsageQuery::default()).await.unwrap();
    (open, lines.iter().map(|line| line.cost.nano()).sum())
}
