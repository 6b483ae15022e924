//! A hundred streams under way when the server is told to end.

use futures_util::future::join_all;
use lockgate_sim::{Fault, Provider, Scripted};
use rustix::process::Signal;

use crate::books;
use crate::house::House;
use crate::web::{Connection, question, request};

const STREAMS: u32 = 100;

async fn open(house: &House, server: &crate::house::Server, key: &str) -> Vec<Connection> {
    let bearer = format!("Bearer {key}");
    let streams = join_all((0..STREAMS).map(async |at| {
        let id = format!("stream-{at}");
        let headers = [("authorization", bearer.as_str()), ("x-request-id", id.as_str())];
        let body = question(&format!("tale {at}"), true).to_string();
        let bytes = request("POST", "/v1/chat/completions", &headers, &body);
        let mut stream = Connection::send(server.address, &bytes).await;
        stream.until("\"content\"").await;
        stream
    }))
    .await;
    assert_eq!(house.sim.requests().len(), STREAMS as usize);
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_streams_are_drained_and_settled() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let mut server = house.serve(&[]).await;
    house.sim.fault(Provider::OpenAi, Scripted::from(Fault::slow_events(30)).times(STREAMS));
    let streams = open(&house, &server, &key).await;
    let under_way =
        streams.iter().filter(|stream| !String::from_utf8_lossy(&stream.received).contains("[DONE]")).count();
    server.signal(Signal::TERM);
    server.logs("ending").await;
    for response in join_all(streams.into_iter().map(Connection::response)).await {
        assert_eq!(response.events().last().map(String::as_str), Some("[DONE]"));
    }
    let (code, log) = server.ended().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(under_way > 50, "only {under_way} were under way");
    let rows = books::rows(&house).await;
    assert_eq!(rows.len(), STREAMS as usize);
    assert!(rows.values().all(|row| row.status == 200 && !row.estimated));
    books::are_balanced(&house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_do_not_end_in_time_are_cut_and_settled() {
    let house = House::new().await;
    let (key, _) = house.key(&[]).await;
    let server = house.serve(&["--drain-seconds", "2"]).await;
    house.sim.fault(Provider::OpenAi, Scripted::from(Fault::stall_after_events(5)).times(STREAMS / 2));
    house.sim.fault(Provider::OpenAi, Scripted::from(Fault::slow_events(10)).times(STREAMS / 2));
    let mut streams = open(&house, &server, &key).await;
    server.signal(Signal::TERM);
    let (code, log) = server.ended().await;
    assert_eq!(code, Some(1), "{log}");
    join_all(streams.iter_mut().map(Connection::read_to_end)).await;
    let ended =
        streams.iter().filter(|stream| String::from_utf8_lossy(&stream.received).contains("[DONE]")).count();
    assert_eq!(ended, STREAMS as usize / 2);
    let rows = books::rows(&house).await;
    assert_eq!(rows.len(), STREAMS as usize);
    assert!(rows.values().all(|row| row.cost.unwrap().nano() > 0));
    assert_eq!(rows.values().filter(|row| row.status == 499 && row.estimated).count(), STREAMS as usize / 2);
    books::are_balanced(&house).await;
}
