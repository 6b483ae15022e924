//! Equal candidates: the faster one is asked.

use lockgate_sim::{Fault, Provider, Scripted};

use crate::house::{ask, clock, post, settings, sim, with};

#[tokio::test]
async fn the_slower_of_two_equals_is_spared_and_asked_again_later() {
    let clock = clock();
    let (fast, slow) = (sim().await, sim().await);
    let builder = with(with(settings(&fast), "alpha", &slow, &["shared"]), "beta", &fast, &["shared"]);
    // Slow beside any stall of a busy machine, and yet in time.
    let builder = builder.set("timeouts.first_byte_json_ms", 60_000);
    let gateway = builder.clock(clock.clone()).build().await.unwrap();
    slow.fault(Provider::OpenAi, Scripted::from(Fault::slow_headers(1_500)).times(1));
    for _ in 0..12 {
        assert_eq!(post(&gateway, &ask("shared", false), &[]).await.status, 200);
    }
    assert_eq!(slow.requests().len(), 1, "the slow one was asked again at once");
    assert_eq!(fast.requests().len(), 11);
    // What was measured is forgotten: the slow one gets its chance.
    clock.advance(std::time::Duration::from_secs(3600));
    for _ in 0..4 {
        post(&gateway, &ask("shared", false), &[]).await;
    }
    assert!(slow.requests().len() > 1);
}
