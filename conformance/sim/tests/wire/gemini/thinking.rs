//! Thinking: how much, whether shown, and the seals that must come back.

use serde_json::{Value, json};

use super::{ARGON, FLASH, ask, chunks, parts, streamed, text, weather, whole};
use crate::raw::start;

fn thinking(prompt: &str, config: Value) -> Value {
    let mut body = ask(prompt);
    body["generationConfig"] = json!({"thinkingConfig": config});
    body
}

#[tokio::test]
async fn thoughts_are_shown_when_asked_for() {
    let sim = start().await;
    let body = thinking("Why?", json!({"thinkingLevel": "low", "includeThoughts": true}));
    let answer = whole(&sim, ARGON, &body).await.json();
    let said = parts(&answer);
    assert_eq!(said[0]["thought"], true);
    assert!(said[0]["text"].as_str().unwrap().contains("Why?"));
    assert!(said[0].get("thoughtSignature").is_none() && said[1]["thoughtSignature"].is_string());
    assert_eq!(answer["usageMetadata"]["thoughtsTokenCount"], 64);

    let events = chunks(&streamed(&sim, ARGON, &body).await);
    let thoughts: Vec<Value> = events.iter().flat_map(parts).filter(|part| part["thought"] == true).collect();
    assert!(thoughts.len() > 3);
    let last = parts(events.last().unwrap()).remove(0);
    assert_eq!(last["text"], "");
    assert!(last["thoughtSignature"].is_string());
    assert_eq!(text(&events), text(&[answer]));

    let quiet = whole(&sim, ARGON, &ask("Why?")).await.json();
    assert_eq!((parts(&quiet).len(), &quiet["usageMetadata"]["thoughtsTokenCount"]), (1, &json!(128)));
}

#[tokio::test]
async fn thinking_is_told_in_the_models_own_words() {
    let sim = start().await;
    for (model, config, status, tokens) in [
        (ARGON, json!({"thinkingLevel": "HIGH"}), 200, Some(256)),
        (ARGON, json!({"thinkingLevel": "MINIMAL"}), 400, None),
        (ARGON, json!({"thinkingLevel": "LOW", "thinkingBudget": 9}), 400, None),
        ("gemini-3.6-flash", json!({"thinkingLevel": "MINIMAL"}), 200, None),
        ("gemini-3-pro-preview", json!({"thinkingLevel": "MEDIUM"}), 400, None),
        (FLASH, json!({"thinkingBudget": 100}), 200, Some(100)),
        (FLASH, json!({"thinkingBudget": 0}), 200, None),
        (FLASH, json!({"thinkingLevel": "LOW"}), 400, None),
        ("gemini-2.5-pro", json!({"thinkingBudget": 0}), 400, None),
        ("gemini-2.0-flash", json!({"thinkingBudget": 9}), 400, None),
    ] {
        let reply = whole(&sim, model, &thinking("x", config.clone())).await;
        assert_eq!(reply.status, status, "{model} {config}: {}", reply.text());
        if status == 200 {
            let told = reply.json()["usageMetadata"]["thoughtsTokenCount"].as_u64();
            assert_eq!(told, tokens, "{model} {config}");
        }
    }
}

/// The conversation up to a call's result, with the call changed by `change`.
async fn continued(model: &str, change: fn(&mut Value)) -> (u16, String) {
    let sim = start().await;
    let mut body = weather("Weather in Oslo?");
    let mut call = parts(&whole(&sim, model, &body).await.json()).remove(0);
    change(&mut call);
    let name = call["functionCall"]["name"].clone();
    let given = json!({"functionResponse": {"name": name, "response": {"output": "snow"}}});
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": [call]}));
    contents.push(json!({"role": "user", "parts": [given]}));
    let reply = whole(&sim, model, &body).await;
    (reply.status, reply.text())
}

#[tokio::test]
async fn a_seal_is_good_only_as_it_came_and_where_it_came() {
    assert_eq!(continued(ARGON, |_| {}).await.0, 200);
    for (what, change) in [
        (
            "a letter changed",
            (|call| {
                let seal = call["thoughtSignature"].as_str().unwrap();
                let other = if seal.ends_with('A') { 'B' } else { 'A' };
                let changed = format!("{other}{}", &seal[1..]);
                call["thoughtSignature"] = json!(changed);
            }) as fn(&mut Value),
        ),
        ("cut short", |call| {
            let seal = call["thoughtSignature"].as_str().unwrap();
            let cut = seal[..seal.len() - 4].to_owned();
            call["thoughtSignature"] = json!(cut);
        }),
        ("on other arguments", |call| call["functionCall"]["args"] = json!({"city": "Rome"})),
        ("made up", |call| call["thoughtSignature"] = json!("c2VhbA==")),
    ] {
        let (status, text) = continued(ARGON, change).await;
        assert_eq!(status, 400, "{what}");
        assert!(text.contains("Thought signature is not valid."), "{what}: {text}");
    }
    let (status, text) =
        continued(ARGON, |call| drop(call.as_object_mut().unwrap().remove("thoughtSignature"))).await;
    assert_eq!(status, 400);
    assert!(text.contains("missing a thought_signature") && text.contains("get_weather"), "{text}");
    let stand_in: fn(&mut Value) =
        |call| call["thoughtSignature"] = json!("skip_thought_signature_validator");
    assert_eq!(continued(ARGON, stand_in).await.0, 200);
    let none: fn(&mut Value) = |call| drop(call.as_object_mut().unwrap().remove("thoughtSignature"));
    assert_eq!(continued(FLASH, none).await.0, 200, "the older models do not ask for it");
}

#[tokio::test]
async fn a_sealed_text_comes_back_whole() {
    let sim = start().await;
    let mut body = ask("Hello");
    let said = parts(&whole(&sim, ARGON, &body).await.json());
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": said}));
    contents.push(json!({"role": "user", "parts": [{"text": "And?"}]}));
    assert_eq!(whole(&sim, ARGON, &body).await.status, 200);
    body["contents"][1]["parts"][0]["text"] = json!("Something else.");
    assert_eq!(whole(&sim, ARGON, &body).await.status, 400);
}
