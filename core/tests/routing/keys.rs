//! Several keys for one provider.

use std::collections::HashMap;
use std::time::Duration;

use lockgate::Gateway;
use lockgate_sim::{Fault, Provider, Sim};

use crate::house::{ask, clock, post, rows, settings, sim};

async fn house(clock: &std::sync::Arc<lockgate::clock::ManualClock>) -> (Sim, Gateway) {
    let one = sim().await;
    let gateway = lockgate::Gateway::builder()
        .environment(lockgate::config::Environment::empty().with("SECOND_KEY", "sk-two"))
        .toml(
            "[providers.openai]\napi_keys = [{ key = \"sk-one\", weight = 3 }, { env = \"SECOND_KEY\" }]\n\
             [routing]\nretries = 0\n",
        )
        .unwrap()
        .set("providers.openai.base_url", one.openai_base_url())
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    (one, gateway)
}

fn used(sim: &Sim) -> HashMap<String, usize> {
    let mut used = HashMap::new();
    for request in sim.requests() {
        *used.entry(request.header("authorization").unwrap_or_default().to_owned()).or_default() += 1;
    }
    used
}

#[tokio::test]
async fn keys_share_the_calls_by_weight() {
    let (one, gateway) = house(&clock()).await;
    for _ in 0..40 {
        assert_eq!(post(&gateway, &ask("gpt-4o", false), &[]).await.status, 200);
    }
    let used = used(&one);
    assert_eq!(used["Bearer sk-one"], 30);
    assert_eq!(used["Bearer sk-two"], 10);
}

#[tokio::test]
async fn a_refused_key_gives_way_to_the_next_and_rests() {
    let clock = clock();
    for (fault, result, rest) in [
        (Fault::status(401), "401", Duration::from_secs(300)),
        (Fault::status(402), "402", Duration::from_secs(300)),
        (Fault::status(429).retry_after("20"), "429", Duration::from_secs(20)),
    ] {
        let (one, gateway) = house(&clock).await;
        one.fault(Provider::OpenAi, fault);
        let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
        assert_eq!(seen.attempts(), format!("openai/gpt-4o={result},openai/gpt-4o=200"));
        clock.advance(rest - Duration::from_millis(1));
        for _ in 0..4 {
            post(&gateway, &ask("gpt-4o", false), &[]).await;
        }
        assert_eq!(used(&one)["Bearer sk-one"], 1, "a key that rests was used");
        clock.advance(Duration::from_millis(1));
        for _ in 0..4 {
            post(&gateway, &ask("gpt-4o", false), &[]).await;
        }
        assert!(used(&one)["Bearer sk-one"] > 1, "a key that rested was not used again");
        rows(&gateway).await;
    }
}

#[tokio::test]
async fn what_is_not_the_key_s_fault_does_not_change_keys() {
    let (one, gateway) = house(&clock()).await;
    for fault in [Fault::status(500), Fault::status(400), Fault::Reset] {
        one.fault(Provider::OpenAi, fault);
        let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
        assert_eq!(seen.attempts().matches("openai/").count(), 1, "{}", seen.attempts());
    }
}

#[tokio::test]
async fn all_refused_is_the_gateway_s_failure_and_shows_no_key() {
    let (one, gateway) = house(&clock()).await;
    one.fault(Provider::OpenAi, Fault::status(401));
    one.fault(Provider::OpenAi, Fault::status(401));
    let seen = post(&gateway, &ask("gpt-4o", false), &[]).await;
    assert_eq!((seen.status, seen.attempts()), (502, "openai/gpt-4o=401,openai/gpt-4o=401"));
    assert!(seen.body.contains("provider_auth_failed"));
    assert!(!format!("{:?}{}{gateway:?}", seen.headers, seen.body).contains("sk-"));
}

#[tokio::test]
async fn wrong_pools_are_refused_at_start() {
    let one = sim().await;
    for (keys, named) in [
        ("[{ weight = 1 }]", "must have key or env"),
        ("[{ key = \"sk-secret\", weight = 0 }]", "must be at least 1"),
        ("[{ env = \"NOT_SET\" }]", "is not set in the environment"),
    ] {
        let error = settings(&one)
            .toml(&format!("[providers.openai]\napi_keys = {keys}\n"))
            .unwrap()
            .build()
            .await
            .unwrap_err();
        assert!(error.message().contains("providers.openai.api_keys[0]"), "{error}");
        assert!(error.message().contains(named), "{error}");
        assert!(!error.message().contains("sk-secret"));
    }
}
