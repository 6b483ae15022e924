//! What goes wrong, and what becomes of it.

use lockgate::types::ChatRequest;
use lockgate_sim::{ErrorInStream, Fault, StatusFault};

use crate::world::{ARGON, FLASH, GEMINI, builder, gateway, last, sim, stream, text};

fn question() -> ChatRequest {
    ChatRequest::new(FLASH).user("count to 30")
}

#[tokio::test]
async fn an_error_in_a_stream_before_content_goes_to_another_provider_unseen() {
    let sim = sim().await;
    let gateway = builder(&sim).set("routing.chains.gemini-4-argon", vec!["gpt-4o"]).build().await.unwrap();
    for (fault, result) in [
        (Fault::error_after(0), "503"),
        (Fault::status(503), "503"),
        (Fault::EmptyStream, "cut"),
        (Fault::malformed_after(0), "malformed"),
        (Fault::Reset, "reset"),
    ] {
        sim.fault(GEMINI, fault.clone());
        let request = ChatRequest::new(ARGON).user("count to 30").streaming();
        let chunks = stream(&gateway, request).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(text(&chunks).starts_with("1, 2, 3") && text(&chunks).ends_with("30"), "{fault:?}");
        let told = chunks.last().unwrap().lockgate.as_ref().unwrap();
        let attempts = format!("gemini/{ARGON}={result},openai/gpt-4o=200");
        assert_eq!(told.attempts.as_deref(), Some(attempts.as_str()), "{fault:?}");
        let models = chunks.iter().filter(|chunk| chunk.model == ARGON).count();
        assert_eq!(models, 0, "nothing of the first is seen");
    }
}

#[tokio::test]
async fn after_content_a_broken_stream_is_an_error() {
    let sim = sim().await;
    let gateway = builder(&sim).set("routing.chains.gemini-4-argon", vec!["gpt-4o"]).build().await.unwrap();
    let question = || ChatRequest::new(ARGON).user("count to 30").streaming();
    let gone =
        ErrorInStream { after_events: 3, message: Some("gone".to_owned()), ..ErrorInStream::default() };
    for (fault, told) in [
        (Fault::ErrorInStream(gone), "gone"),
        (Fault::cut_after_events(3), "without a reason"),
        (Fault::NoDone, "without a reason"),
        (Fault::malformed_after(2), "cannot be read"),
    ] {
        sim.fault(GEMINI, fault.clone());
        let error = stream(&gateway, question()).await.unwrap_err();
        assert_eq!(error.status(), 502, "{fault:?}: {error}");
        assert!(error.message().contains(told), "{fault:?}: {error}");
    }
    // A whole stream follows, so nothing of the broken ones was kept.
    assert!(text(&stream(&gateway, question()).await.unwrap()).ends_with("30"));
}

#[tokio::test]
async fn refusals_keep_their_status_and_waits_are_passed_on() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let keyless =
        StatusFault { status: 400, code: Some("API_KEY_INVALID".to_owned()), ..StatusFault::default() };
    for (fault, status, code) in [
        (Fault::status(400), 400, "INVALID_ARGUMENT"),
        (Fault::status(404), 404, "NOT_FOUND"),
        (Fault::status(403), 502, "provider_auth_failed"),
        (Fault::Status(keyless), 502, "provider_auth_failed"),
        (Fault::status(500), 502, "provider_error"),
    ] {
        sim.fault(GEMINI, fault.clone());
        let error = gateway.chat(question()).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (status, code), "{fault:?}");
    }
    let slow = StatusFault { status: 429, retry_after_ms: Some(2500), ..StatusFault::default() };
    sim.fault(GEMINI, Fault::Status(slow));
    let error = gateway.chat(question()).await.unwrap_err();
    assert_eq!((error.status(), error.code()), (429, "upstream_rate_limited"));
    assert_eq!(error.retry_after().unwrap().as_millis(), 2500);
}

#[tokio::test]
async fn what_gemini_refuses_of_a_request_is_told() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let mut request = question();
    request.extra.insert("no_such_field", lockgate::types::Raw::parse("1").unwrap());
    let error = gateway.chat(request).await.unwrap_err();
    assert_eq!(error.status(), 400);
    assert!(error.message().contains("Unknown name \"no_such_field\""), "{error}");
    assert_eq!(last(&sim).await.body["no_such_field"], 1);
}

#[tokio::test]
async fn bytes_split_anywhere_are_the_same_answer() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    for size in [1, 3] {
        sim.fault(
            GEMINI,
            lockgate_sim::Scripted::from(Fault::reply("Ça, c’est sûr 🪐.")).and(Fault::split_every(size)),
        );
        assert_eq!(text(&stream(&gateway, question().streaming()).await.unwrap()), "Ça, c’est sûr 🪐.");
    }
}
