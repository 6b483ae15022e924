//! What makes a request another one (promise P6).

use std::collections::BTreeSet;

use lockgate::auth::{NewKey, ProjectSettings};
use serde_json::{Value, json};

use crate::house::{House, Store};

/// Two values for each field that can change an answer.
fn fields() -> Vec<(&'static str, Value, Value)> {
    let tool = |name: &str| json!([{"type": "function", "function": {"name": name, "parameters": {}}}]);
    vec![
        ("model", json!("gpt-4o"), json!("gpt-4.1")),
        ("messages", json!([{"role": "user", "content": "A"}]), json!([{"role": "user", "content": "a"}])),
        ("temperature", json!(0), json!(0.1)),
        ("top_p", json!(1), json!(0.9)),
        ("frequency_penalty", json!(0), json!(-0.5)),
        ("presence_penalty", json!(0), json!(0.5)),
        ("max_tokens", json!(5), json!(4000)),
        ("max_completion_tokens", json!(5), json!(4000)),
        ("stop", json!("END"), json!(["END", "STOP"])),
        ("seed", json!(1), json!(2)),
        ("logit_bias", json!({"50256": -100}), json!({"50256": 100})),
        ("logprobs", json!(true), json!(false)),
        ("top_logprobs", json!(1), json!(2)),
        ("tools", tool("one"), tool("other")),
        ("tool_choice", json!("auto"), json!("required")),
        ("parallel_tool_calls", json!(true), json!(false)),
        ("response_format", json!({"type": "json_object"}), json!({"type": "text"})),
        ("reasoning_effort", json!("low"), json!("high")),
        ("verbosity", json!("low"), json!("high")),
        ("modalities", json!(["text"]), json!(["text", "audio"])),
        ("audio", json!({"voice": "ash", "format": "wav"}), json!({"voice": "echo", "format": "wav"})),
        (
            "prediction",
            json!({"type": "content", "content": "x"}),
            json!({"type": "content", "content": "y"}),
        ),
        // Fields that nobody here knows.
        ("top_k", json!(40), json!(41)),
        ("web_search_options", json!({}), json!({"search_context_size": "low"})),
        ("x_vendor", json!({"deep": [{"flag": true}]}), json!({"deep": [{"flag": false}]})),
    ]
}

/// Values of the fields that cannot.
fn without_effect() -> Vec<(&'static str, Value)> {
    vec![
        ("stream", json!(false)),
        ("stream_options", json!({"include_usage": true})),
        ("user", json!("somebody")),
        ("metadata", json!({"ticket": "12"})),
        ("store", json!(true)),
        ("service_tier", json!("flex")),
        ("safety_identifier", json!("5f")),
        ("prompt_cache_key", json!("k")),
    ]
}

fn plain() -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "The question"}]})
}

fn with(base: &Value, field: &str, value: &Value) -> Value {
    let mut body = base.clone();
    body[field] = value.clone();
    body
}

/// Asks only the cache: whether it has an answer.
async fn known(house: &House, body: impl AsRef<[u8]>, key: Option<&str>) -> bool {
    let bearer = format!("Bearer {}", key.unwrap_or("none"));
    let headers = [("x-lockgate-cache", "only"), ("authorization", bearer.as_str())];
    let answer = house.post(&headers, body.as_ref().to_vec()).await;
    match answer.status {
        200 => true,
        404 => {
            assert!(answer.body.contains("cache_miss"), "{}", answer.body);
            false
        }
        status => panic!("{status}: {} for {}", answer.body, String::from_utf8_lossy(body.as_ref())),
    }
}

async fn ask(house: &House, body: &Value, key: Option<&str>) {
    let bearer = format!("Bearer {}", key.unwrap_or("none"));
    let answer = house.post(&[("authorization", &bearer)], body.to_string()).await;
    assert_eq!(answer.status, 200, "{} for {body}", answer.body);
}

#[test]
fn the_table_holds_every_field_of_a_request() {
    let source = include_str!("../../src/types/request.rs");
    let (_, request) = source.split_once("pub struct ChatRequest {").unwrap();
    let (request, _) = request.split_once("\n    }\n").unwrap();
    let named: BTreeSet<&str> = request
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert!(named.len() > 25, "{named:?}");
    let mut told: BTreeSet<&str> = fields().into_iter().map(|(name, _, _)| name).collect();
    told.extend(without_effect().into_iter().map(|(name, _)| name));
    // Several answers at once are never kept.
    told.insert("n");
    assert_eq!(named.difference(&told).collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[tokio::test]
async fn each_field_that_changes_the_answer_misses_alone() {
    let house = House::new(Store::Memory).await;
    let body = plain();
    ask(&house, &body, None).await;
    for (field, one, other) in fields() {
        // What another field needs is there in both.
        let base = match field {
            "top_logprobs" => with(&body, "logprobs", &json!(true)),
            "tool_choice" | "parallel_tool_calls" => {
                with(&body, "tools", &json!([{"type": "function", "function": {"name": "f"}}]))
            }
            _ => body.clone(),
        };
        let (one, other) = (with(&base, field, &one), with(&base, field, &other));
        assert_ne!(one, other);
        for changed in [&one, &other] {
            assert!(changed == &body || !known(&house, changed.to_string(), None).await, "{changed}");
        }
        let reply = lockgate_sim::Fault::reply("yes");
        if one != body {
            house.sim.fault(lockgate_sim::Provider::OpenAi, reply);
            let answer = house.post(&[], one.to_string()).await;
            house.sim.reset();
            // What this provider refuses need not be kept; what it answers must be, under this key alone.
            if answer.status == 200 && answer.body.contains("\"finish_reason\":\"stop\"") {
                assert!(known(&house, one.to_string(), None).await, "{one}");
            }
        }
        assert!(!known(&house, other.to_string(), None).await, "{field}: {other}");
        assert!(known(&house, body.to_string(), None).await, "{field}");
    }
}

#[tokio::test]
async fn fields_without_effect_hit() {
    let house = House::new(Store::Memory).await;
    ask(&house, &plain(), None).await;
    let mut all = plain();
    for (field, value) in without_effect() {
        let body = with(&plain(), field, &value);
        if field != "stream_options" {
            assert!(known(&house, body.to_string(), None).await, "{field}");
        }
        all[field] = value;
    }
    all["stream"] = json!(true);
    assert!(known(&house, all.to_string(), None).await);
    // Further inside, the same names are the caller's own.
    let mut inside = plain();
    inside["messages"][0]["user"] = json!("x");
    assert!(!known(&house, inside.to_string(), None).await);
}

/// A request in which everything has a place.
fn rich() -> Value {
    json!({
        "model": "gpt-4o",
        "temperature": 0.7,
        "max_tokens": 300,
        "messages": [
            {"role": "system", "content": "Be brief.", "name": "boss"},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?", "x_part": 1},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{\"at\": 1}"}},
                {"id": "c2", "type": "function", "function": {"name": "look", "arguments": "{\"at\": 2}"}}
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
            {"role": "tool", "tool_call_id": "c2", "content": "a dog"},
            {"role": "user", "content": "Are you sure?"}
        ],
        "tools": [
            {"type": "function", "function": {
                "name": "look",
                "description": "Looks.",
                "strict": false,
                "parameters": {"type": "object", "properties": {"at": {"type": "integer", "minimum": 0}}}
            }},
            {"type": "function", "function": {"name": "hear", "parameters": {"type": "object"}}}
        ],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "response_format": {"type": "json_schema", "json_schema": {
            "name": "seen", "strict": true,
            "schema": {"type": "object", "properties": {"what": {"enum": ["cat", "dog"]}}, "required": ["what"]}
        }},
        "x_vendor": {"list": [1, 2.5, "three", null, true]}
    })
}

/// Every JSON value that differs from `value` in one place, and where: a leaf changed, a member gone or new, two
/// neighbours swapped.
fn mutants(value: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    match value {
        Value::Null => found.push((String::new(), json!(0))),
        Value::Bool(is) => found.push((String::new(), json!(!is))),
        Value::Number(number) => found.push((String::new(), json!(number.as_f64().unwrap() + 1.5))),
        Value::String(text) => {
            let changed = [format!("{text} "), format!("{text}\\"), text.to_uppercase()];
            found.extend(changed.map(|text| (String::new(), json!(text))));
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(at);
                found.push((format!("-{at}"), Value::Array(fewer)));
                for (place, mutant) in mutants(&items[at]) {
                    let mut changed = items.clone();
                    changed[at] = mutant;
                    found.push((format!("{at}.{place}"), Value::Array(changed)));
                }
                if at > 0 && items[at] != items[at - 1] {
                    let mut swapped = items.clone();
                    swapped.swap(at, at - 1);
                    found.push((format!("~{at}"), Value::Array(swapped)));
                }
            }
        }
        Value::Object(members) => {
            let mut more = members.clone();
            more.insert("x_new".to_owned(), json!(null));
            found.push(("+".to_owned(), Value::Object(more)));
            for (name, inner) in members {
                let mut fewer = members.clone();
                fewer.remove(name);
                found.push((format!("-{name}"), Value::Object(fewer)));
                for (place, mutant) in mutants(inner) {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), mutant);
                    found.push((format!("{name}.{place}"), Value::Object(changed)));
                }
            }
        }
    }
    found.retain(|(_, mutant)| mutant != value);
    found
}

#[tokio::test]
async fn every_change_anywhere_inside_misses() {
    let house = House::new(Store::Memory).await;
    house.sim.fault(lockgate_sim::Provider::OpenAi, lockgate_sim::Fault::reply("{\"what\": \"cat\"}"));
    ask(&house, &rich(), None).await;
    assert!(known(&house, rich().to_string(), None).await);
    let (mut missed, mut refused, mut same) = (0, 0, Vec::new());
    for (place, mutant) in mutants(&rich()) {
        let answer = house.post(&[("x-lockgate-cache", "only")], mutant.to_string()).await;
        match answer.status {
            404 => missed += 1,
            400 => refused += 1,
            200 => same.push(place),
            status => panic!("{status} for {mutant}"),
        }
    }
    // A call without its kind is a function's: the provider is sent the same.
    assert_eq!(same, ["messages.2.tool_calls.0.-type", "messages.2.tool_calls.1.-type"]);
    assert!(missed > 150 && refused < missed, "{missed} missed, {refused} were refused");
    assert_eq!(house.sim.requests().len(), 1);
}

/// The same value with the members of all objects in the other order, and spaces.
fn reversed(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[ {} ]", items.iter().map(reversed).collect::<Vec<_>>().join(" ,"))
        }
        Value::Object(members) => {
            let members = members
                .iter()
                .rev()
                .map(|(name, inner)| format!("{} :\n{}", Value::from(name.as_str()), reversed(inner)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(",\t"))
        }
        leaf => leaf.to_string(),
    }
}

#[tokio::test]
async fn the_order_of_keys_and_the_way_to_write_do_not_matter() {
    let house = House::new(Store::Memory).await;
    house.sim.fault(lockgate_sim::Provider::OpenAi, lockgate_sim::Fault::reply("{\"what\": \"cat\"}"));
    ask(&house, &rich(), None).await;
    assert_ne!(reversed(&rich()), rich().to_string());
    assert!(known(&house, reversed(&rich()), None).await);

    let text = |temperature: &str, extra: &str, content: &str| {
        format!(
            r#"{{"model":"gpt-4o","temperature":{temperature},"x":{extra},"messages":[{{"role":"user","content":"{content}"}}]}}"#
        )
    };
    let first = text("1", "100", "é");
    assert_eq!(house.post(&[], first).await.status, 200);
    for (temperature, extra, content) in
        [("1.0", "100", "é"), ("1", "100.0", "é"), ("1e0", "1e2", "\\u00e9"), ("1.00", "1.0E+2", "\\u00E9")]
    {
        assert!(
            known(&house, text(temperature, extra, content), None).await,
            "{temperature} {extra} {content}"
        );
    }
    for (temperature, extra, content) in
        [("1", "\"100\"", "é"), ("1", "100.5", "é"), ("1", "100", "e\u{301}"), ("1", "[100]", "é")]
    {
        assert!(!known(&house, text(temperature, extra, content), None).await, "{temperature} {extra}");
    }
}

#[tokio::test]
async fn projects_never_share_and_keys_of_one_do() {
    let house = House::new(Store::Memory).await;
    house.new_project("other", ProjectSettings::default()).await;
    let (one, _) = house.key("default", NewKey::default()).await;
    let (two, _) = house.key("default", NewKey::default()).await;
    let (foreign, _) = house.key("other", NewKey::default()).await;
    ask(&house, &plain(), Some(&one)).await;
    assert!(known(&house, plain().to_string(), Some(&one)).await);
    assert!(known(&house, plain().to_string(), Some(&two)).await);
    assert!(known(&house, plain().to_string(), None).await, "the default project's calls without a key");
    assert!(!known(&house, plain().to_string(), Some(&foreign)).await);
    ask(&house, &plain(), Some(&foreign)).await;
    assert!(known(&house, plain().to_string(), Some(&foreign)).await);
    assert_eq!(house.sim.requests().len(), 2);
}
