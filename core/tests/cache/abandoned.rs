//! A caller may leave at any moment (promise P2): nothing stays reserved, and the ledger has one row for each who was
//! admitted.

use std::collections::HashMap;

use futures_util::StreamExt;
use lockgate::settle::Row;
use lockgate::types::ChatRequest;
use lockgate::{CacheMode, CallOptions, Gateway, Result};
use lockgate_sim::{Fault, Provider};

use crate::house::{House, Polls, Store};

/// More awaits than a request has.
const MOST_POLLS: usize = 400;

async fn whole(gateway: Gateway, request: ChatRequest, options: CallOptions) -> Result<()> {
    gateway.chat_with(request, options).await.map(drop)
}

async fn stream(gateway: Gateway, request: ChatRequest, options: CallOptions) -> Result<()> {
    let mut pieces = gateway.chat_stream_with(request, options).await?;
    while let Some(piece) = pieces.next().await {
        piece?;
    }
    Ok(())
}

fn options(id: &str, cache: CacheMode) -> CallOptions {
    CallOptions { request_id: Some(id.to_owned()), cache, ..CallOptions::default() }
}

/// Leaves after each number of polls until the request gets through; returns how many left.
async fn leave_at_every_await(
    house: &House,
    name: &str,
    fault: Option<&Fault>,
    streams: bool,
    cache: CacheMode,
) -> usize {
    for left in 0..MOST_POLLS {
        if let Some(fault) = fault {
            house.sim.fault(Provider::OpenAi, fault.clone());
        }
        let id = format!("{name}-{left}");
        let request = ChatRequest::new("gpt-4o").user(format!("Question {id}"));
        let (gateway, options) = (house.gateway.clone(), options(&id, cache));
        let through = match streams {
            false => Polls::new(whole(gateway, request, options), left).await,
            true => Polls::new(stream(gateway, request, options), left).await,
        };
        house.settled().await;
        house.balanced().await;
        // One who left before the provider was asked leaves the fault behind.
        house.sim.reset();
        if through.is_some() {
            return left;
        }
    }
    panic!("{MOST_POLLS} polls are not enough");
}

async fn everybody_leaves(store: Store) {
    let house = House::new(store).await;
    let faults =
        [None, Some(Fault::status(500)), Some(Fault::error_after(3)), Some(Fault::drop_after_bytes(700))];
    let mut times_left = 0;
    for (at, fault) in faults.iter().enumerate() {
        for streams in [false, true] {
            for cache in [CacheMode::Default, CacheMode::Off] {
                times_left += leave_at_every_await(
                    &house,
                    &format!("{at}-{streams}-{cache:?}"),
                    fault.as_ref(),
                    streams,
                    cache,
                )
                .await;
            }
        }
    }
    assert!(times_left > 32, "{times_left}: too little was awaited");
    if store == Store::Memory {
        return;
    }
    let mut rows: HashMap<String, Vec<Row>> = HashMap::new();
    for row in house.rows().await {
        rows.entry(row.client_request_id.clone().unwrap()).or_default().push(row);
    }
    assert!(rows.len() > 16);
    for (id, rows) in rows {
        assert_eq!(rows.len(), 1, "{id}: {rows:?}");
    }
}

#[tokio::test]
async fn leaving_at_any_await_leaves_nothing_behind() {
    everybody_leaves(Store::Memory).await;
}

#[tokio::test]
async fn leaving_at_any_await_leaves_nothing_behind_on_disk() {
    everybody_leaves(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_at_any_await_leaves_nothing_behind_where_the_file_is_shared() {
    everybody_leaves(Store::Shared).await;
}

#[tokio::test]
async fn each_who_reached_the_provider_has_one_row() {
    let house = House::new(Store::Sqlite).await;
    let mut reached = Vec::new();
    for left in 0..40 {
        let id = format!("caller-{left}");
        let request = ChatRequest::new("gpt-4o").user(id.as_str());
        let _ =
            Polls::new(stream(house.gateway.clone(), request, options(&id, CacheMode::Default)), left).await;
        let asked = house.settled().await;
        if !asked.is_empty() {
            reached.push(id);
        }
        house.sim.reset();
    }
    assert!(reached.len() > 10, "{reached:?}");
    house.balanced().await;
    let rows = house.rows().await;
    for id in reached {
        let mine = rows.iter().filter(|row| row.client_request_id.as_ref() == Some(&id)).count();
        assert_eq!(mine, 1, "{id}");
    }
}

#[tokio::test]
async fn a_hit_that_is_left_midway_is_on_the_books_once() {
    let house = House::new(Store::Sqlite).await;
    let ask = || ChatRequest::new("gpt-4o").user("count to 30");
    house.gateway.chat(ask()).await.unwrap();
    let mut pieces = house.gateway.chat_stream(ask()).await.unwrap();
    assert!(pieces.next().await.unwrap().is_ok());
    drop(pieces);
    let total = house.balanced().await;
    assert_eq!((total.requests, total.cache_hits, house.rows().await.len()), (2, 1, 2));
}
