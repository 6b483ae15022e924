//! Where the semantic cache has no part, and what it must not mix up.

use std::time::Duration;

use lockgate::cache::semantic::{Guard, SemanticMode};
use lockgate::types::{ChatRequest, Message, Part};
use lockgate::{CacheMode, CallOptions};

use crate::house::{House, Store, cache, semantic, told};

fn reset() -> ChatRequest {
    ChatRequest::new("gpt-4o").user("How do I reset my password?")
}

fn again() -> ChatRequest {
    ChatRequest::new("gpt-4o").user("How can I reset my password?")
}

fn plain() -> CallOptions {
    CallOptions::default()
}

#[tokio::test]
async fn only_requests_that_are_equal_in_all_else_are_compared() {
    let house = House::new(Store::Memory).await;
    house.ask_with(reset(), plain()).await;
    let french = |request: ChatRequest| {
        let mut messages = vec![Message::system("Answer in French.")];
        messages.extend(request.messages);
        ChatRequest { messages, ..ChatRequest::new("gpt-4o") }
    };
    let history =
        ChatRequest::new("gpt-4o").user("Hello").assistant("Hello!").user("How can I reset my password?");
    let model = ChatRequest { model: "gpt-4o-mini".to_owned(), ..again() };
    for (what, request) in [
        ("temperature", again().temperature(0.2)),
        ("length", again().max_tokens(5)),
        ("instructions", french(again())),
        ("history", history),
        ("model", model),
    ] {
        let answer = house.ask_with(request, plain()).await;
        assert_eq!(cache(&answer), "miss", "{what}");
        assert_eq!(semantic(&answer)["verdict"], "miss", "{what}");
    }
    let named = CallOptions { customer: Some("ann".to_owned()), ..plain() };
    assert_eq!(cache(&house.ask_with(again(), named.clone()).await), "miss", "a customer's own");
    let more = ChatRequest::new("gpt-4o").user("Please, how can I reset my password?");
    assert_eq!(cache(&house.ask_with(more, named).await), "semantic", "within the customer's");
    let last = ChatRequest::new("gpt-4o").user("Please, how do I reset my password?");
    assert_eq!(cache(&house.ask_with(last, plain()).await), "semantic");
}

#[tokio::test]
async fn some_requests_have_no_part_in_it() {
    let house = House::new(Store::Memory).await;
    house.ask_with(reset(), plain()).await;
    let image = Message::user(vec![
        Part::of_text("How can I reset my password?"),
        Part::of_image("data:image/png;base64,iVBORw0KGgo="),
    ]);
    let several = ChatRequest { n: Some(2), ..again() };
    for (what, request) in [
        ("hot", again().temperature(1.5)),
        ("an image", ChatRequest::new("gpt-4o").message(image)),
        ("several", several),
    ] {
        let answer = house.ask_with(request, plain()).await;
        assert_eq!(cache(&answer), "miss", "{what}");
        assert!(semantic(&answer).is_null(), "{what}");
    }
    let off = CallOptions { cache: CacheMode::Off, ..plain() };
    let answer = house.ask_with(again(), off).await;
    assert!(cache(&answer) == "miss" && semantic(&answer).is_null());
    // `refresh` writes and does not read, `only` reads and does not call.
    let refresh = CallOptions { cache: CacheMode::Refresh, ..plain() };
    assert_eq!(cache(&house.ask_with(again(), refresh).await), "miss");
    let only = CallOptions { cache: CacheMode::Only, ..plain() };
    let third = ChatRequest::new("gpt-4o").user("Please, how do I reset my password?");
    assert_eq!(cache(&house.ask_with(third, only.clone()).await), "semantic");
    let unknown = ChatRequest::new("gpt-4o").user("Why is the sky blue?");
    assert_eq!(house.gateway.chat_with(unknown, only).await.unwrap_err().code(), "cache_miss");
}

#[tokio::test]
async fn a_purge_and_time_end_it() {
    let house = House::with(Store::Sqlite, &[("project.semantic.ttl_seconds", 60.into())]).await;
    house.ask_with(reset(), plain()).await;
    house.clock.advance(Duration::from_secs(59));
    let hit = house.ask_with(again(), plain()).await;
    assert_eq!((cache(&hit), told(&hit).age_ms), ("semantic", Some(59_000)));
    house.clock.advance(Duration::from_secs(1));
    let other = ChatRequest::new("gpt-4o").user("Please tell me how I can reset my password.");
    assert_eq!(cache(&house.ask_with(other, plain()).await), "miss");
    let hit = ChatRequest::new("gpt-4o").user("Please, how can I reset my password?");
    assert_eq!(cache(&house.ask_with(hit.clone(), plain()).await), "semantic");
    house.gateway.admin().purge_cache("default").await.unwrap();
    assert_eq!(cache(&house.ask_with(hit, plain()).await), "miss");
}

#[tokio::test]
async fn shadow_mode_tells_and_gives_nothing() {
    let house = House::with(Store::Memory, &[("project.semantic.mode", "shadow".into())]).await;
    house.ask_with(reset(), plain()).await;
    let answer = house.ask_with(again(), plain()).await;
    assert_eq!(cache(&answer), "miss");
    let said = semantic(&answer);
    assert_eq!(said["verdict"], "shadow");
    assert!(said["similarity"].as_f64().unwrap() > 0.92);
    house
        .gateway
        .admin()
        .set_project("default", |settings| settings.semantic.mode = SemanticMode::On)
        .await
        .unwrap();
    let third = ChatRequest::new("gpt-4o").user("Please, how can I reset my password?");
    assert_eq!(cache(&house.ask_with(third, plain()).await), "semantic");
    house.gateway.admin().set_project("default", |settings| settings.semantic.threshold = 1.0).await.unwrap();
    let fourth = ChatRequest::new("gpt-4o").user("Could you tell me how I can reset my password?");
    assert_eq!(cache(&house.ask_with(fourth, plain()).await), "miss", "the threshold is the project's");
}

#[tokio::test]
async fn what_no_rule_sees_is_seen_by_reading_both() {
    let house = House::new(Store::Memory).await;
    house.ask("Can my son be added to my phone plan?").await;
    let turned = "Can I be added to my son's phone plan?";
    let answer = house.ask(turned).await;
    let said = semantic(&answer);
    assert_eq!(
        (said["verdict"].as_str(), said["guard"].as_str()),
        (Some("refused"), Some("meaning")),
        "{said}"
    );
    // Rules alone see the same words.
    house
        .gateway
        .admin()
        .set_project("default", |settings| settings.semantic.guards.retain(|guard| *guard != Guard::Meaning))
        .await
        .unwrap();
    let again = "Can I get added to my son's phone plan?";
    assert_eq!(cache(&house.ask(again).await), "semantic");
}

#[tokio::test]
async fn other_words_are_no_other_question() {
    let house = House::new(Store::Memory).await;
    let first = house.ask("How can I cancel my subscription?").await;
    let second = house.ask("How do I terminate my subscription?").await;
    assert_eq!((cache(&second), second.text()), ("semantic", first.text()), "{}", semantic(&second));
    // The model has not learned German: there only the same words pass.
    house.ask("Wie kann ich mein Abo kündigen?").await;
    let german = house.ask("Wie kann ich mein Abo beenden?").await;
    assert_eq!(cache(&german), "miss", "{}", semantic(&german));
}

#[tokio::test]
async fn tool_calls_are_not_kept() {
    let house = House::new(Store::Memory).await;
    let tool: lockgate::types::Tool = serde_json::from_value(serde_json::json!({
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
    }))
    .unwrap();
    let ask = |text: &str| ChatRequest::new("gpt-4o").user(text).tool(tool.clone());
    let first = house.ask_with(ask("How is the weather?"), plain()).await;
    assert!(!first.choices[0].message.tool_calls.is_empty(), "the simulator calls the tool");
    let second = house.ask_with(ask("What is the weather like?"), plain()).await;
    assert_eq!((cache(&second), semantic(&second)["verdict"].as_str()), ("miss", Some("miss")));
}
