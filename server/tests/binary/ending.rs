//! The end of a server, and what the next one finds.

use lockgate_sim::{Fault, Provider};
use rustix::process::Signal;
use tokio::net::TcpStream;

use crate::house::House;
use crate::web::{Connection, ask, asking, question};

#[tokio::test(flavor = "multi_thread")]
async fn a_running_stream_is_drained() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let mut server = house.serve(&[]).await;
    house.sim.fault(Provider::OpenAi, Fault::slow_events(15));
    let mut stream = Connection::send(server.address, &asking(&key, &question("a long tale", true))).await;
    stream.until("\"content\"").await;
    server.signal(Signal::TERM);
    server.logs("ending").await;
    assert!(TcpStream::connect(server.address).await.is_err(), "it still accepts");
    assert!(!String::from_utf8_lossy(&stream.received).contains("[DONE]"), "the stream was over already");

    let stream = stream.response().await;
    assert_eq!(stream.events().last().map(String::as_str), Some("[DONE]"));
    let (code, log) = server.ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(house.json(&["usage"]).await[0]["requests"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_deadline_streams_are_cut_and_settled() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let server = house.serve(&["--drain-seconds", "0"]).await;
    house.sim.fault(Provider::OpenAi, Fault::stall_after_events(4));
    let mut stream = Connection::send(server.address, &asking(&key, &question("for ever", true))).await;
    stream.until("\"content\"").await;
    server.signal(Signal::TERM);
    let (code, log) = server.ended().await;
    assert_eq!(code, Some(1), "{log}");
    stream.read_to_end().await;
    assert!(!String::from_utf8_lossy(&stream.received).contains("[DONE]"));
    let total = house.json(&["usage"]).await[0].take();
    assert_eq!(total["requests"], 1, "{total}");
    assert!(total["cost_nano_usd"].as_u64().unwrap() > 0, "{total}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let mut server = house.serve(&[]).await;
    house.sim.fault(Provider::OpenAi, Fault::stall_after_events(4));
    let mut stream = Connection::send(server.address, &asking(&key, &question("for ever", true))).await;
    stream.until("\"content\"").await;
    server.signal(Signal::TERM);
    server.logs("ending").await;
    server.signal(Signal::INT);
    assert_eq!(server.ended().await.0, Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_spend_and_keys() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let server = house.serve(&[]).await;
    assert_eq!(ask(server.address, &key, &question("one", false)).await.status, 200);
    server.end().await;
    let spent = house.usage_of(1).await;

    // What was spent leaves less than another request may cost.
    let cap = spent["cost_usd"].as_str().unwrap();
    house.text(&["project", "set", "default", "--monthly-cap", cap]).await;
    let server = house.serve(&[]).await;
    let refused = ask(server.address, &key, &question("two", false)).await;
    assert_eq!((refused.status, refused.error()["code"].as_str()), (402, Some("spend_cap_exceeded")));
    server.end().await;
    assert_eq!(house.usage_of(1).await, spent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_no_answered_request() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let server = house.serve(&[]).await;
    let answer = ask(server.address, &key, &question("one", false)).await;
    server.signal(Signal::KILL);
    assert_eq!(server.ended().await.0, None);

    let server = house.serve(&[]).await;
    let total = house.usage_of(1).await;
    assert_eq!(total["cost_nano_usd"], answer.json()["lockgate"]["cost_nano_usd"]);
    server.end().await;
}
