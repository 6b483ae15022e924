//! Equal requests under way share one call, and one who goes does not take the others along.

use std::pin::Pin;

use futures_util::future::join_all;
use futures_util::{Stream, StreamExt};
use lockgate::settle::{CacheVerdict, Outcome};
use lockgate::types::{ChatRequest, Chunk};
use lockgate::{Gateway, Result};
use lockgate_sim::{Fault, Provider, Scripted, Stall};

use crate::house::{House, SOON, Store, begin, streamed, verdict};

fn question() -> ChatRequest {
    ChatRequest::new("gpt-4o").user("All together now")
}

async fn text_of(mut pieces: impl Stream<Item = Result<Chunk>> + Unpin) -> Result<String> {
    let mut text = String::new();
    while let Some(chunk) = pieces.next().await {
        text.push_str(said(&chunk?));
    }
    Ok(text)
}

fn said(chunk: &Chunk) -> &str {
    chunk.choices.first().and_then(|choice| choice.delta.content.as_deref()).unwrap_or_default()
}

/// A stream whose first content has come.
async fn opened(gateway: &Gateway) -> (Pin<Box<lockgate::ChatStream>>, String) {
    let mut pieces = Box::pin(gateway.chat_stream(question()).await.unwrap());
    let mut text = String::new();
    while text.is_empty() {
        text.push_str(said(&pieces.next().await.unwrap().unwrap()));
    }
    (pieces, text)
}

fn pause(after_events: u64, ms: u64) -> Fault {
    Fault::Stall(Stall { ms: Some(ms), after_events: Some(after_events), ..Stall::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_at_once_make_one_call_and_one_reservation() {
    for store in [Store::Memory, Store::Sqlite] {
        let house = House::new(store).await;
        house.sim.fault(Provider::OpenAi, Fault::slow_headers(600));
        let tasks: Vec<_> = (0..200)
            .map(|at| {
                let gateway = house.gateway.clone();
                tokio::spawn(async move {
                    match at % 2 {
                        0 => gateway.chat(question()).await.unwrap().text(),
                        _ => streamed(&gateway, question()).await.0,
                    }
                })
            })
            .collect();
        house.asked(1).await;
        let project = house.project().await;
        let under_way = house.gateway.inspect(project).await.unwrap();
        assert_eq!(under_way.open, 1, "{store:?}");
        assert!(under_way.spend[0].1.nano() > 0);
        let texts = join_all(tasks).await;
        let texts: Vec<String> = texts.into_iter().map(std::result::Result::unwrap).collect();
        assert!(!texts[0].is_empty() && texts.iter().all(|text| *text == texts[0]));
        assert_eq!(house.sim.requests().len(), 1, "{store:?}");
        let total = house.balanced().await;
        assert_eq!((total.requests, total.cache_hits), (200, 199));
        assert_eq!(total.saved.nano(), 199 * total.cost.nano());
        if store == Store::Sqlite {
            let rows = house.rows().await;
            let missed = rows.iter().filter(|row| row.cache == CacheVerdict::Miss).count();
            assert_eq!((rows.len(), missed), (200, 1));
        }
    }
}

#[tokio::test]
async fn a_leader_who_leaves_takes_nobody_along() {
    for stream in [false, true] {
        let house = House::new(Store::Sqlite).await;
        house.gateway.chat(ChatRequest::new("gpt-4o").user("before")).await.unwrap();
        house.sim.reset();
        house.sim.fault(Provider::OpenAi, pause(if stream { 4 } else { 0 }, 300));
        if stream {
            let (leader, _) = opened(&house.gateway).await;
            let (follower, _) = opened(&house.gateway).await;
            let mut whole = Box::pin(house.gateway.chat(question()));
            begin(&mut whole);
            drop(leader);
            drop(follower);
            assert_eq!(verdict(&whole.await.unwrap()), "coalesced");
        } else {
            let mut leader = Box::pin(house.gateway.chat(question()));
            let asked = async {
                tokio::select! {
                    _ = &mut leader => panic!("it is answered already"),
                    asked = house.asked(1) => asked,
                }
            };
            assert_eq!(asked.await.len(), 1);
            let mut followers: Vec<_> = (0..10).map(|_| Box::pin(house.gateway.chat(question()))).collect();
            followers.iter_mut().for_each(begin);
            drop(leader);
            for answer in join_all(followers).await {
                assert_eq!(verdict(&answer.unwrap()), "coalesced");
            }
        }
        let asked = house.settled().await;
        assert_eq!(asked.len(), 1, "stream {stream}");
        assert_eq!(asked[0].outcome, lockgate_sim::Outcome::Completed);
        // The call is charged to the one who began it.
        let charged: Vec<_> =
            house.rows().await.into_iter().filter(|row| row.cost.unwrap().nano() > 0).collect();
        assert_eq!(charged.len(), 2);
        assert!(charged.iter().all(|row| row.outcome == Outcome::Answered));
        house.balanced().await;
    }
}

#[tokio::test]
async fn a_failed_leader_is_followed_by_one_other() {
    let faults =
        [Fault::status(500), Fault::status(429), Fault::Reset, Fault::error_after(0), Fault::EmptyStream];
    for stream in [false, true] {
        for fault in faults.clone() {
            let house = House::new(Store::Memory).await;
            house.sim.fault(Provider::OpenAi, Scripted::from(Fault::slow_headers(50)).and(fault.clone()));
            house.sim.fault(Provider::OpenAi, Fault::slow_headers(50));
            let asked = join_all((0..30).map(async |_| match stream {
                false => house.gateway.chat(question()).await.map(|answer| answer.text()),
                true => text_of(house.gateway.chat_stream(question()).await?).await,
            }))
            .await;
            let failed = asked.iter().filter(|answer| answer.is_err()).count();
            assert!(asked[0].is_err() && failed == 1, "{fault:?}, stream {stream}: {failed} failed");
            assert!(asked.iter().flatten().all(|text| text.contains("All together now")), "{fault:?}");
            assert_eq!(house.sim.requests().len(), 2, "{fault:?}, stream {stream}");
            let total = house.balanced().await;
            assert_eq!((total.requests, total.cache_hits), (30, 28), "{fault:?}, stream {stream}");
        }
    }
}

#[tokio::test]
async fn an_error_of_the_callers_own_is_everybodys() {
    let house = House::new(Store::Memory).await;
    house.sim.fault(Provider::OpenAi, Scripted::from(Fault::slow_headers(50)).and(Fault::status(422)));
    let asked = join_all((0..10).map(|_| house.gateway.chat(question()))).await;
    assert!(asked.iter().all(|answer| answer.as_ref().is_err_and(|error| error.status() == 422)));
    assert_eq!(house.sim.requests().len(), 1);
    assert_eq!(house.balanced().await.requests, 10);
}

#[tokio::test]
async fn a_stream_that_breaks_midway_ends_for_its_listeners_and_begins_anew_for_the_others() {
    let house = House::new(Store::Memory).await;
    house.sim.fault(Provider::OpenAi, Scripted::from(Fault::slow_headers(50)).and(Fault::error_after(4)));
    let streams = join_all((0..4).map(async |_| text_of(house.gateway.chat_stream(question()).await?).await));
    let wholes = join_all((0..4).map(|_| house.gateway.chat(question())));
    let (streams, wholes) = tokio::join!(streams, wholes);
    assert!(streams.iter().all(std::result::Result::is_err), "{streams:?}");
    assert!(wholes.iter().all(std::result::Result::is_ok), "{wholes:?}");
    assert_eq!(house.sim.requests().len(), 2);
    house.balanced().await;
}

#[tokio::test]
async fn when_all_leave_the_call_ends_and_what_was_read_is_billed() {
    let house = House::new(Store::Sqlite).await;
    house.sim.fault(Provider::OpenAi, Fault::stall_after_events(6));
    let (leader, _) = opened(&house.gateway).await;
    let (follower, _) = opened(&house.gateway).await;
    let mut whole = Box::pin(house.gateway.chat(question()));
    begin(&mut whole);
    drop(leader);
    drop(whole);
    assert_eq!(house.gateway.inspect(house.project().await).await.unwrap().open, 1, "one still listens");
    drop(follower);
    let asked = house.settled().await;
    assert_eq!((asked.len(), asked[0].outcome), (1, lockgate_sim::Outcome::Aborted));
    let total = house.balanced().await;
    let rows = house.rows().await;
    assert_eq!((total.requests, rows.len()), (3, 3));
    assert!(rows.iter().all(|row| row.outcome == Outcome::Cancelled && row.status == 499));
    let billed: Vec<_> = rows.iter().filter(|row| row.cost.unwrap().nano() > 0).collect();
    assert_eq!(billed.len(), 1);
    assert!(billed[0].estimated && billed[0].tokens.output > 0 && billed[0].cache == CacheVerdict::Miss);
    assert!(billed[0].cost.unwrap() < billed[0].reserved);
    // Nobody is answered with half of it.
    assert_eq!(verdict(&house.gateway.chat(question()).await.unwrap()), "miss");
}

#[tokio::test]
async fn a_late_joiner_gets_the_beginning_too() {
    let house = House::new(Store::Memory).await;
    house.sim.fault(Provider::OpenAi, pause(6, 400));
    let (leader, beginning) = opened(&house.gateway).await;
    let late = house.gateway.chat_stream(question()).await.unwrap();
    assert_eq!(late.report().cache, CacheVerdict::Coalesced);
    let whole = house.gateway.chat(question());
    let (rest, late, whole) = tokio::join!(text_of(leader), text_of(late), whole);
    let told = format!("{beginning}{}", rest.unwrap());
    assert_eq!(late.unwrap(), told);
    assert_eq!(whole.unwrap().text(), told);
    assert_eq!(house.sim.requests().len(), 1);
    house.balanced().await;
}

#[tokio::test]
async fn a_stream_that_follows_a_whole_answer_is_told_from_it() {
    let house = House::new(Store::Memory).await;
    house.sim.fault(Provider::OpenAi, Fault::slow_headers(50));
    let (whole, told) = tokio::join!(house.gateway.chat(question()), streamed(&house.gateway, question()));
    assert_eq!((told.0, told.1.as_str(), told.2), (whole.unwrap().text(), "coalesced", 0));
    assert_eq!(house.sim.requests().len(), 1);
}

#[tokio::test]
async fn a_purge_does_not_let_an_answer_under_way_in() {
    let house = House::new(Store::Memory).await;
    house.sim.fault(Provider::OpenAi, Fault::slow_headers(50));
    let under_way = house.gateway.chat(question());
    let purge = async {
        house.asked(1).await;
        house.gateway.admin().purge_cache("default").await.unwrap();
        // Who asks after the purge does not get what was asked before it, not even by joining.
        house.gateway.chat(question()).await
    };
    let (before, after) = tokio::time::timeout(SOON, async { tokio::join!(under_way, purge) }).await.unwrap();
    assert_eq!((verdict(&before.unwrap()), verdict(&after.unwrap())), ("miss", "miss"));
    assert_eq!(verdict(&house.gateway.chat(question()).await.unwrap()), "exact");
    assert_eq!(house.sim.requests().len(), 2);
}
