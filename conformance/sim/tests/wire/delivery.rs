//! Records of what was truly delivered.

use std::time::Duration;

use lockgate_sim::{Fault, Options, Outcome, Provider, Scripted, Sim};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::raw::{CHAT, KEY, ask, ask_stream, chat, send, start};

#[tokio::test]
async fn a_client_that_leaves_is_seen_as_aborted() {
    let sim = start().await;
    sim.fault(Provider::OpenAi, Fault::stall_after_events(3));
    let mut stream = send(&sim, "POST", CHAT, &[KEY], ask_stream("x").to_string().as_bytes()).await;
    let open = sim.wait_until(|all| all.first().is_some_and(|record| record.events_sent == 3)).await;
    assert_eq!((open[0].outcome, open[0].ended_at_ms), (Outcome::Open, None));
    let mut seen = Vec::new();
    stream.read_buf(&mut seen).await.unwrap();
    drop(stream);
    let record = sim.settled().await.remove(0);
    assert_eq!((record.outcome, record.status, record.events_sent), (Outcome::Aborted, Some(200), 3));
    assert!(record.bytes_sent > 0 && record.ended_at_ms.is_some());
    assert!(record.usage.is_some());
    assert_eq!(record.usage_sent, None);
}

#[tokio::test]
async fn leaving_before_the_headers_is_aborted_too() {
    let sim = start().await;
    sim.fault(Provider::OpenAi, Fault::stall_headers());
    let stream = send(&sim, "POST", CHAT, &[KEY], ask("x").to_string().as_bytes()).await;
    sim.wait_until(|all| all.len() == 1).await;
    drop(stream);
    let record = sim.settled().await.remove(0);
    assert_eq!((record.outcome, record.status, record.bytes_sent), (Outcome::Aborted, None, 0));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_called_served() {
    let sim = start().await;
    // Far more than socket buffers hold.
    let script = Scripted::from(Fault::reply("word ".repeat(60_000)));
    sim.fault(Provider::OpenAi, script);
    let stream = send(&sim, "POST", CHAT, &[KEY], ask_stream("x").to_string().as_bytes()).await;
    sim.wait_until(|all| all.first().is_some_and(|record| record.bytes_sent > 0)).await;
    drop(stream);
    let record = sim.settled().await.remove(0);
    assert_eq!((record.outcome, record.usage_sent), (Outcome::Aborted, None));
}

#[tokio::test]
async fn deliveries_tell_what_a_ledger_should_hold() {
    let sim = start().await;
    chat(&sim, &ask("one")).await;
    let streamed = chat(&sim, &ask_stream("two")).await;
    sim.fault(Provider::OpenAi, Fault::cut_after_events(1));
    chat(&sim, &ask_stream("three")).await;
    sim.settled().await;
    let deliveries = sim.deliveries();
    assert_eq!(deliveries.len(), 3);
    assert!(deliveries.iter().all(|delivered| delivered.model.as_deref() == Some("gpt-4o")));
    assert_eq!(deliveries[0].events_sent, 0);
    assert_eq!(deliveries[1].usage_sent, Some(streamed.deltas().pop().unwrap()["usage"].clone()));
    assert_eq!(deliveries[1].events_sent, u64::try_from(streamed.events().len()).unwrap());
    assert_eq!((deliveries[2].outcome, &deliveries[2].usage_sent), (Outcome::Faulted, &None));
}

#[tokio::test]
async fn reset_forgets_and_shutdown_closes() {
    let sim = start().await;
    chat(&sim, &ask("one")).await;
    sim.fault(Provider::OpenAi, Fault::status(500));
    sim.reset();
    assert!(sim.requests().is_empty() && sim.waiting_faults().is_empty());
    assert_eq!(chat(&sim, &ask("two")).await.status, 200);
    assert_eq!(sim.requests()[0].id, 2, "ids are not reused");
    let address = sim.address();
    sim.fault(Provider::OpenAi, Fault::stall_headers());
    let mut open = send(&sim, "POST", CHAT, &[KEY], ask("x").to_string().as_bytes()).await;
    sim.wait_until(|all| all.len() == 2).await;
    sim.shutdown().await;
    let mut rest = Vec::new();
    let read = timeout(Duration::from_secs(5), open.read_to_end(&mut rest)).await.expect("closed");
    assert!(read.is_err() || rest.is_empty());
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn only_loopback_unless_allowed() {
    let remote = Options { listen: "0.0.0.0:0".parse().unwrap(), ..Options::default() };
    let error = Sim::start(remote).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("0.0.0.0:0"), "{error}");
}

#[tokio::test]
async fn latency_is_for_every_answer() {
    let sim = Sim::start(Options { latency: Duration::from_millis(40), ..Options::default() }).await.unwrap();
    let started = std::time::Instant::now();
    assert_eq!(chat(&sim, &ask("x")).await.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(40));
}
