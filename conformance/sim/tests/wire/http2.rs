//! The same answers over HTTP/2 with prior knowledge, as gateways pool them.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lockgate_sim::{Fault, Outcome, Provider};
use serde_json::Value;

use crate::raw::{ask_stream, chat, start};

#[tokio::test]
async fn a_stream_over_http2_is_the_same_and_recorded() {
    let sim = start().await;
    let plain = chat(&sim, &ask_stream("x")).await;
    let socket = tokio::net::TcpStream::connect(sim.address()).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = || {
        Request::post(format!("{}/chat/completions", sim.openai_base_url()))
            .header("authorization", "Bearer k")
            .body(Full::new(Bytes::from(ask_stream("x").to_string())))
            .unwrap()
    };
    let response = sender.send_request(request()).await.unwrap();
    assert_eq!(response.status(), 200);
    let text = String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let content = |text: &str| -> String {
        let data = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        let chunks = data.filter_map(|data| serde_json::from_str::<Value>(data).ok());
        chunks
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
            .collect()
    };
    assert_eq!(content(&text), content(&plain.text()));
    let records = sim.settled().await;
    assert_eq!(records[1].outcome, Outcome::Completed);
    assert_eq!(records[1].usage_sent, records[0].usage_sent);

    // A client that resets one stream keeps the connection, and is seen.
    sim.fault(Provider::OpenAi, Fault::stall_after_events(2));
    let stalled = sender.send_request(request()).await.unwrap();
    sim.wait_until(|all| all.get(2).is_some_and(|record| record.events_sent == 2)).await;
    drop(stalled);
    assert_eq!(sim.settled().await[2].outcome, Outcome::Aborted);

    sim.fault(Provider::OpenAi, Fault::Reset);
    assert!(sender.send_request(request()).await.is_err());
    assert!(connection.await.unwrap().is_err(), "a reset takes the whole connection");
    assert_eq!(sim.settled().await[3].outcome, Outcome::Faulted);
}
