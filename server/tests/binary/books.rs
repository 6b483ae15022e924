//! What a house's store says, read beside its server or after it.

use std::collections::HashMap;
use std::time::Duration;

use lockgate::config::{Environment, Layers};
use lockgate::settle::Row;
use lockgate::store::{RowFilter, UsageQuery};
use lockgate::types::ChatRequest;
use lockgate::{Administration, Config, Gateway};

use crate::house::House;

fn config(house: &House) -> Config {
    let file = format!("sqlite://{}/lockgate.db", house.path().display());
    let layers = match &house.store {
        None => Layers::new().set("store", file),
        Some(store) => Layers::new()
            .toml(&house.settings, "settings")
            .unwrap()
            .set("store", store.as_str())
            .set("state_dir", house.path().join("lockgate-spool").display().to_string()),
    };
    layers
        .environment(Environment::empty())
        .set("providers.openai.api_key", "sk-simulated")
        .set("providers.openai.base_url", house.sim.openai_base_url())
        .read()
        .unwrap()
}

/// All rows of the ledger, by the caller's id. No two have the same.
pub(crate) async fn rows(house: &House) -> HashMap<String, Row> {
    let beside = Administration::open(&config(house)).await.unwrap();
    let rows = beside.rows(&RowFilter { most: 1_000_000, ..RowFilter::default() }).await.unwrap();
    beside.close().await;
    let mut by_id = HashMap::new();
    for row in rows {
        let id = row.client_request_id.clone().expect("every caller names its request");
        if let Some(other) = by_id.insert(id.clone(), row.clone()) {
            panic!("{id} is in the ledger twice: {row:?}, {other:?}");
        }
    }
    by_id
}

/// After the server's end: nothing is reserved, and sums, rows and limits have spent the same to the nano-dollar.
pub(crate) async fn are_balanced(house: &House) {
    let rows: i64 = rows(house).await.values().filter_map(|row| row.cost).map(|cost| cost.nano()).sum();
    let gateway =
        Gateway::start(config(house), std::sync::Arc::new(lockgate::clock::SystemClock)).await.unwrap();
    let total = gateway.usage(&UsageQuery::default()).await.unwrap().remove(0);
    assert_eq!(total.cost.nano(), rows, "sums and rows of the ledger");
    // The limiter reads the ledger when it first decides.
    let asked = gateway.chat(ChatRequest::new("gpt-4o").user("What is left?")).await.unwrap();
    assert!(gateway.flush(Duration::from_secs(20)).await);
    let project = gateway.admin().project("default").await.unwrap().id;
    let seen = gateway.inspect(project).await.unwrap();
    let (settled, reserved) = seen.spend[0];
    assert_eq!((seen.open, reserved.nano()), (0, 0), "reservations are left");
    let cost = asked.lockgate.unwrap().cost_nano_usd.unwrap();
    assert_eq!(settled.nano(), rows + cost, "limits and ledger");
    assert!(gateway.close(Duration::from_secs(20)).await);
}
