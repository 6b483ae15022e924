//! What callers see when a provider is slow, breaks or refuses: deadlines, silence, failover, keys.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use bytes::Bytes;
use futures_util::StreamExt;
use lockgate::Gateway;
use lockgate::config::Environment;
use lockgate::http::Body;
use lockgate::ids::ProjectId;
use lockgate::types::ChatRequest;
use lockgate_sim::{Fault, Options, Provider, Sim};
use serde_json::{Value, json};

fn builder(sim: &Sim) -> lockgate::Builder {
    Gateway::builder()
        .environment(Environment::empty())
        .set("store", "memory")
        .set("providers.openai.api_key", "sk-test")
        .set("providers.openai.base_url", sim.openai_base_url())
        // Each provider is asked once: what one attempt tells is what is looked at.
        .set("routing.retries", 0)
        // Stalls of the tests end here; no default deadline is waited for.
        .set("timeouts.first_byte_ms", 150)
        .set("timeouts.first_byte_json_ms", 150)
        .set("timeouts.idle_ms", 150)
}

async fn gateway(sim: &Sim) -> Gateway {
    builder(sim).build().await.unwrap()
}

/// A gateway whose model `shared` is `alpha`'s, and `beta`'s where alpha fails.
async fn two(alpha: &Sim, beta: &Sim) -> Gateway {
    let mut builder = builder(alpha)
        .set("providers.alpha.models", vec!["shared"])
        .set("routing.chains.shared", vec!["beta/shared"])
        .set("routing.breaker.failures", 0);
    for (name, sim) in [("alpha", alpha), ("beta", beta)] {
        builder = builder
            .set(&format!("providers.{name}.kind"), "openai")
            .set(&format!("providers.{name}.base_url"), sim.openai_base_url())
            .set(&format!("providers.{name}.api_key"), format!("sk-{name}"))
            .set(&format!("providers.{name}.price"), "free");
    }
    builder.build().await.unwrap()
}

async fn nothing_is_held(gateway: &Gateway) {
    assert!(gateway.flush(std::time::Duration::from_secs(5)).await);
    let project: ProjectId = gateway.admin().project("default").await.unwrap().id;
    assert_eq!(gateway.inspect(project).await.unwrap().open, 0);
}

async fn post(gateway: &Gateway, body: Value) -> (u16, http::HeaderMap, String) {
    let request = http::Request::post("/v1/chat/completions").body(Bytes::from(body.to_string())).unwrap();
    let (head, body) = gateway.handle(request).await.into_parts();
    let text = match body {
        Body::Full(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Body::Stream(mut stream) => {
            let mut text = String::new();
            while let Some(Ok(bytes)) = stream.next().await {
                text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
            text
        }
    };
    (head.status.as_u16(), head.headers, text)
}

fn ask(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]})
}

#[tokio::test]
async fn a_provider_that_never_answers_ends_at_the_deadline() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim).await;
    for stream in [false, true] {
        sim.fault(Provider::OpenAi, Fault::stall_headers());
        let (status, headers, body) = post(&gateway, ask("gpt-4o", stream)).await;
        assert_eq!(status, 504, "{body}");
        assert_eq!(headers["x-lockgate-attempts"], "openai/gpt-4o=timeout");
        assert_eq!(headers["x-should-retry"], "false");
        assert!(body.contains("\"code\":\"deadline_exceeded\""), "{body}");
    }
    nothing_is_held(&gateway).await;
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_in_an_honest_error() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim).await;
    sim.fault(Provider::OpenAi, Fault::stall_after_events(4));
    let (status, _, body) = post(&gateway, ask("gpt-4o", true)).await;
    assert_eq!(status, 200);
    assert!(body.contains("chat.completion.chunk"), "{body}");
    assert!(body.contains("\"error\""), "{body}");
    assert!(!body.contains("[DONE]"), "{body}");
    nothing_is_held(&gateway).await;
    // What was read is billed by counting; the answer is not kept.
    let rows = gateway.rows(&lockgate::store::RowFilter::default()).await.unwrap();
    assert!(rows[0].estimated && rows[0].cost.unwrap().nano() > 0, "{rows:?}");
    assert_eq!(post(&gateway, ask("gpt-4o", true)).await.1["x-lockgate-cache"], "miss");
}

#[tokio::test]
async fn silence_sends_headers_and_comments_and_then_the_answer() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = builder(&sim)
        .set("timeouts.silence_ms", 20)
        .set("timeouts.first_byte_ms", 2_000)
        .build()
        .await
        .unwrap();
    sim.fault(Provider::OpenAi, Fault::slow_headers(150));
    let (status, _, body) = post(&gateway, ask("gpt-4o", true)).await;
    assert_eq!(status, 200);
    assert!(body.starts_with(": "), "{body}");
    assert!(body.ends_with("data: [DONE]\n\n"), "{body}");
    assert!(body.contains("\"lockgate\""), "{body}");

    // A failure after that is an error event.
    sim.fault(
        Provider::OpenAi,
        lockgate_sim::Scripted::from(Fault::status(500)).and(Fault::slow_headers(100)),
    );
    let (status, _, body) = post(
        &gateway,
        json!({"model": "gpt-4o", "stream": true, "n": 2,
        "messages": [{"role": "user", "content": "Hello"}]}),
    )
    .await;
    assert_eq!(status, 200);
    assert!(body.starts_with(": ") && body.contains("provider_error") && !body.contains("[DONE]"), "{body}");
    nothing_is_held(&gateway).await;
}

#[tokio::test]
async fn before_the_first_content_another_provider_takes_over_unseen() {
    let (alpha, beta) =
        (Sim::start(Options::default()).await.unwrap(), Sim::start(Options::default()).await.unwrap());
    let gateway = two(&alpha, &beta).await;
    let faults = [
        (Fault::status(500), "500"),
        (Fault::status(429).retry_after("1"), "429"),
        (Fault::status(401), "401"),
        (Fault::Reset, "reset"),
        (Fault::stall_headers(), "timeout"),
    ];
    for stream in [false, true] {
        for (fault, result) in faults.clone() {
            alpha.fault(Provider::OpenAi, fault);
            let (status, headers, body) = post(
                &gateway,
                json!({"model": "shared", "stream": stream,
                "messages": [{"role": "user", "content": format!("{result} {stream}")}]}),
            )
            .await;
            assert_eq!(status, 200, "{result}: {body}");
            let line = headers["x-lockgate-attempts"].to_str().unwrap();
            assert_eq!(line, format!("alpha/shared={result},beta/shared=200"));
            assert_eq!(headers["x-lockgate-provider"], "beta");
            assert!(!body.contains("\"error\""), "{body}");
        }
    }
    for fault in
        [Fault::error_after(1), Fault::EmptyStream, Fault::cut_after_events(1), Fault::malformed_after(1)]
    {
        let name = format!("{fault:?}");
        alpha.fault(Provider::OpenAi, fault);
        let (status, headers, body) = post(
            &gateway,
            json!({"model": "shared", "stream": true,
            "messages": [{"role": "user", "content": name}]}),
        )
        .await;
        assert_eq!(
            (status, headers["x-lockgate-provider"].to_str().unwrap()),
            (200, "beta"),
            "{name}: {body}"
        );
        assert!(body.ends_with("data: [DONE]\n\n") && !body.contains("\"error\""), "{name}: {body}");
    }
    nothing_is_held(&gateway).await;
    // Each provider saw its own key and never the other's.
    for (sim, own) in [(&alpha, "Bearer sk-alpha"), (&beta, "Bearer sk-beta")] {
        assert!(sim.requests().iter().all(|request| request.header("authorization") == Some(own)));
    }
}

#[tokio::test]
async fn the_caller_s_own_fault_is_not_taken_elsewhere() {
    let (alpha, beta) =
        (Sim::start(Options::default()).await.unwrap(), Sim::start(Options::default()).await.unwrap());
    let gateway = two(&alpha, &beta).await;
    for status in [400, 404, 413, 422] {
        alpha.fault(Provider::OpenAi, Fault::status(status));
        let (seen, _, body) = post(&gateway, ask("shared", false)).await;
        assert_eq!(seen, status, "{body}");
    }
    assert_eq!(beta.requests().len(), 0);
    nothing_is_held(&gateway).await;
}

#[tokio::test]
async fn a_rejected_key_of_ours_is_not_the_caller_s_401() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = builder(&sim).set("providers.openai.api_key", "sk-bad-secret").build().await.unwrap();
    let (status, headers, body) = post(&gateway, ask("gpt-4o", false)).await;
    assert_eq!(status, 502, "{body}");
    assert!(body.contains("provider_auth_failed"), "{body}");
    assert!(!format!("{headers:?}{body}").contains("sk-bad-secret"));
    nothing_is_held(&gateway).await;
}

#[tokio::test]
async fn a_project_s_own_provider_key_is_used_for_it_alone() {
    let sim = Sim::start(Options::default()).await.unwrap();
    let gateway = gateway(&sim).await;
    gateway.chat(ChatRequest::new("gpt-4o").user("ours")).await.unwrap();
    let change = |settings: &mut lockgate::auth::ProjectSettings| {
        settings.provider_keys.insert("openai".to_owned(), lockgate::auth::Secret::new("sk-theirs"));
    };
    gateway.admin().set_project("default", change).await.unwrap();
    gateway.chat(ChatRequest::new("gpt-4o").user("theirs")).await.unwrap();
    let keys: Vec<_> = sim.requests().iter().map(|r| r.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(keys, ["Bearer sk-test", "Bearer sk-theirs"]);
}
