//! P4: what a process sends beside its requests is at most one command a second for each project it serves.

use std::time::Duration;

use lockgate::CallOptions;
use lockgate_sim::{Fault, Provider};
use tokio::sync::oneshot;

use crate::house::{House, SOON, balanced, question};
use crate::server::Server;

const SECONDS: u64 = 180;
const STALLED: usize = 40;

/// Gives what waits for a server time to hear of it, while the clock stands still.
#[allow(
    clippy::disallowed_methods,
    reason = "the runtime's clock stands still, and this is a thread of its own"
)]
async fn settle_down() {
    for _ in 0..3 {
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(2))).await.unwrap();
    }
}

#[tokio::test]
async fn at_most_one_command_a_second() {
    let server = Server::start();
    let house = House::new(server.url()).await;
    let gateway = house.gateway("a").await;
    gateway.chat(question("warm up")).await.unwrap();
    for n in 0..30 {
        let options = CallOptions { customer: Some(format!("customer {n}")), ..CallOptions::default() };
        gateway.chat_with(question(&format!("question {n}")), options).await.unwrap();
    }
    assert!(gateway.flush(SOON).await);
    // Requests under way, whose leases are to be renewed.
    house
        .sim
        .fault(Provider::OpenAi, lockgate_sim::Scripted::from(Fault::stall_headers()).times(STALLED as u32));
    let under_way: Vec<_> = (0..STALLED)
        .map(|n| {
            let gateway = gateway.clone();
            tokio::spawn(async move { gateway.chat(question(&format!("slow {n}"))).await })
        })
        .collect();
    house.asked(31 + STALLED).await;

    // From here on time is ours; what blocks keeps it from running ahead by itself.
    let (end, ended) = oneshot::channel::<()>();
    let held = tokio::task::spawn_blocking(move || ended.blocking_recv());
    tokio::time::pause();
    let monitor = server.monitor();
    let mut by_second = vec![0];
    for _ in 0..SECONDS {
        tokio::time::advance(Duration::from_secs(1)).await;
        settle_down().await;
        by_second.push(monitor.sent().len());
    }
    tokio::time::resume();
    let _ = end.send(());
    let _ = held.await;

    let all = monitor.sent();
    println!("{} commands in {SECONDS} s with {STALLED} requests under way", all.len());
    assert!(all.len() as u64 >= SECONDS / 20, "leases were not renewed: {all:?}");
    for minute in by_second.windows(61) {
        let sent = minute[60] - minute[0];
        assert!(sent <= 60, "{sent} commands in a minute: {all:?}");
    }
    for call in under_way {
        call.abort();
    }
    balanced(&gateway).await;
}
