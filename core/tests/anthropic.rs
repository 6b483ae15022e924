//! Anthropic end to end: through the gateway to the simulated vendor, which checks what arrives.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

use bytes::Bytes;
use futures_util::StreamExt;
use lockgate::Gateway;
use lockgate::config::Environment;
use lockgate::http::Body;
use lockgate_sim::{Fault, Options, Provider, Sim, Stall};
use serde_json::{Map, Value, json};

const MODEL: &str = "claude-haiku-4-5";

async fn sim() -> Sim {
    Sim::start(Options::default()).await.unwrap()
}

fn builder(sim: &Sim) -> lockgate::Builder {
    Gateway::builder()
        .environment(Environment::empty())
        .set("store", "memory")
        .set("providers.anthropic.api_key", "sk-ant-test")
        .set("providers.anthropic.base_url", sim.base_url(Provider::Anthropic))
        // Each provider is asked once: what one attempt tells is what is looked at.
        .set("routing.retries", 0)
        .set("routing.breaker.failures", 0)
        .set("timeouts.first_byte_ms", 150)
        .set("timeouts.first_byte_json_ms", 150)
        .set("timeouts.idle_ms", 150)
}

async fn gateway(sim: &Sim) -> Gateway {
    builder(sim).build().await.unwrap()
}

async fn post_to(gateway: &Gateway, path: &str, body: &Value) -> (u16, http::HeaderMap, String) {
    let request = http::Request::post(path).body(Bytes::from(body.to_string())).unwrap();
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

async fn post(gateway: &Gateway, body: &Value) -> (u16, http::HeaderMap, String) {
    post_to(gateway, "/v1/chat/completions", body).await
}

/// A whole answer that must be there.
async fn answer(gateway: &Gateway, body: &Value) -> Value {
    let (status, _, text) = post(gateway, body).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The chunks of a stream that must be whole.
async fn chunks(gateway: &Gateway, body: &Value) -> Vec<Value> {
    let mut body = body.clone();
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let (status, _, text) = post(gateway, &body).await;
    assert_eq!(status, 200, "{text}");
    let text = text.strip_suffix("data: [DONE]\n\n").ok_or(&text).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

/// The message that the chunks add up to, as a client adds them up.
fn added(chunks: &[Value]) -> Value {
    let mut message = json!({"role": "assistant", "content": "", "reasoning_content": "", "tool_calls": []});
    let mut blocks = Vec::new();
    for delta in chunks.iter().filter_map(|chunk| chunk["choices"].get(0)).map(|choice| &choice["delta"]) {
        for field in ["content", "reasoning_content"] {
            let more = delta[field].as_str().unwrap_or_default();
            message[field] = json!(message[field].as_str().unwrap().to_owned() + more);
        }
        // They come once, and whole.
        if let Some(told) = delta["thinking_blocks"].as_array() {
            assert!(blocks.is_empty(), "{delta}");
            blocks.clone_from(told);
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            let calls = message["tool_calls"].as_array_mut().unwrap();
            if at == calls.len() {
                calls.push(call.clone());
                calls[at].as_object_mut().unwrap().remove("index");
            } else {
                let more = call["function"]["arguments"].as_str().unwrap();
                let known = calls[at]["function"]["arguments"].as_str().unwrap();
                calls[at]["function"]["arguments"] = json!(known.to_owned() + more);
            }
        }
    }
    message["thinking_blocks"] = json!(blocks);
    message
}

fn ask(prompt: &str) -> Value {
    json!({"model": MODEL, "max_tokens": 5000, "messages": [{"role": "user", "content": prompt}]})
}

fn weather() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object",
        "properties": {"city": {"type": "string"}}, "required": ["city"]}}}])
}

fn result(call: &Value, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": call["id"], "content": text})
}

#[tokio::test]
async fn an_answer_comes_whole_and_in_pieces() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let body = ask("Why is the sky blue? 雪🦀");
    let whole = answer(&gateway, &body).await;
    assert_eq!(
        (&whole["object"], &whole["model"]),
        (&json!("chat.completion"), &json!("claude-haiku-4-5-20251001"))
    );
    assert!(whole["created"].as_i64().unwrap() > 1_700_000_000);
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("Why is the sky blue? 雪🦀"), "{text}");
    assert_eq!(whole["lockgate"]["provider"], "anthropic");

    // The cache knows the answer; a stream of the same is made anew from the vendor's.
    let mut again = body;
    again["messages"][0]["content"] = json!("Why is the sea blue? 雪🦀");
    let pieces = chunks(&gateway, &again).await;
    let message = added(&pieces);
    assert!(message["content"].as_str().unwrap().contains("Why is the sea blue? 雪🦀"));
    let first = &pieces[0];
    for piece in &pieces {
        assert_eq!(
            (&piece["id"], &piece["model"], &piece["created"]),
            (&first["id"], &first["model"], &first["created"])
        );
    }
    assert!(first["id"].as_str().unwrap().starts_with("msg_01"));
    let last = &pieces[pieces.len() - 1];
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["prompt_tokens"], whole["usage"]["prompt_tokens"]);
    let sent = sim.settled().await;
    assert!(sent.iter().all(|request| request.header("x-api-key") == Some("sk-ant-test")));
    assert_eq!(sent[0].path, "/v1/messages");
}

#[tokio::test]
async fn the_bill_is_exact_to_the_nano_dollar() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let usage = json!({"input_tokens": 100, "cache_read_input_tokens": 2048, "cache_creation_input_tokens": 1000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600}, "output_tokens": 77});
    let usage: Map<String, Value> = usage.as_object().unwrap().clone();
    // Per token: $1 a million in, $0.10 from the cache, $1.25 and $2 into it, $5 out.
    let cost = 100 * 1_000 + 2048 * 100 + 400 * 1_250 + 600 * 2_000 + 77 * 5_000;
    sim.fault(Provider::Anthropic, Fault::Usage(usage.clone()));
    let whole = answer(&gateway, &ask("whole")).await;
    assert_eq!(whole["lockgate"]["cost_nano_usd"], cost);
    assert_eq!(whole["usage"]["prompt_tokens"], 3148);
    let details = &whole["usage"]["prompt_tokens_details"];
    assert_eq!(
        (&details["cached_tokens"], &details["cache_creation_1h_tokens"]),
        (&json!(2048), &json!(600))
    );
    sim.fault(Provider::Anthropic, Fault::Usage(usage));
    let pieces = chunks(&gateway, &ask("streamed")).await;
    assert_eq!(pieces[pieces.len() - 1]["lockgate"]["cost_nano_usd"], cost);
    let rows = gateway.rows(&lockgate::store::RowFilter::default()).await.unwrap();
    assert!(rows.iter().all(|row| row.cost.unwrap().nano() == cost && !row.estimated), "{rows:?}");
}

#[tokio::test]
async fn tools_are_called_and_their_results_told() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    for streamed in [false, true] {
        let mut body = ask(&format!("The weather in both Paris and Rome, please ({streamed})."));
        body["tools"] = weather();
        let message = if streamed {
            let pieces = chunks(&gateway, &body).await;
            assert_eq!(pieces[pieces.len() - 2]["choices"][0]["finish_reason"], "tool_calls");
            added(&pieces)
        } else {
            answer(&gateway, &body).await["choices"][0]["message"].clone()
        };
        let calls = message["tool_calls"].as_array().unwrap().clone();
        assert_eq!(calls.len(), 2, "{message}");
        for call in &calls {
            assert!(call["id"].as_str().unwrap().starts_with("toolu_01"));
            assert_eq!(call["function"]["arguments"], r#"{"city":"Paris"}"#);
        }
        let messages = body["messages"].as_array_mut().unwrap();
        messages.extend([message, result(&calls[0], "18 degrees"), result(&calls[1], "21 degrees")]);
        let told = answer(&gateway, &body).await["choices"][0]["message"]["content"].clone();
        let told = told.as_str().unwrap();
        assert!(told.contains("The result of get_weather is 18 degrees."), "{told}");
        assert!(told.contains("The result of get_weather is 21 degrees."), "{told}");
    }
}

#[tokio::test]
async fn a_conversation_with_thinking_goes_on() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    // Thinking by a budget, shown; by effort, shown because it was asked for.
    for (model, streamed) in
        [(MODEL, false), (MODEL, true), ("claude-opus-5-5", false), ("claude-sonnet-5", true)]
    {
        let mut body = ask(&format!("The weather in Paris? ({streamed})"));
        body["model"] = json!(model);
        body["tools"] = weather();
        body["reasoning_effort"] = json!("low");
        let message = if streamed {
            added(&chunks(&gateway, &body).await)
        } else {
            answer(&gateway, &body).await["choices"][0]["message"].clone()
        };
        assert!(
            message["reasoning_content"].as_str().unwrap().starts_with("The user asks:"),
            "{model}: {message}"
        );
        let block = &message["thinking_blocks"][0];
        assert_eq!(block["thinking"], message["reasoning_content"], "{model}");
        assert_eq!(block["provider"], "anthropic");
        assert!(block["signature"].as_str().unwrap().len() > 40);

        let call = message["tool_calls"][0].clone();
        body["messages"].as_array_mut().unwrap().extend([message.clone(), result(&call, "18 degrees")]);
        let (status, headers, text) = post(&gateway, &body).await;
        assert_eq!(status, 200, "{model}: {text}");
        assert!(headers.get("x-lockgate-warnings").is_none(), "{headers:?}");
        let sent = sim.settled().await.pop().unwrap();
        let back = &sent.body["messages"][1]["content"];
        assert_eq!((&back[0]["type"], &back[1]["type"]), (&json!("thinking"), &json!("tool_use")), "{back}");
        assert_eq!((&back[0]["signature"], &back[0].get("provider")), (&block["signature"], &None));

        // Text that was changed on the way is refused by the vendor, and that is the caller's fault.
        body["messages"][1]["thinking_blocks"][0]["thinking"] = json!("Something else.");
        let (status, _, text) = post(&gateway, &body).await;
        assert_eq!(status, 400, "{model}: {text}");
        assert!(text.contains("cannot be modified"), "{text}");
    }
}

#[tokio::test]
async fn thinking_of_another_provider_is_removed_and_said_so() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let mut body = ask("Go on");
    let before = json!({"role": "assistant", "content": "Hm.", "reasoning_content": "Secretly.",
        "thinking_blocks": [{"type": "thinking", "thinking": "Secretly.", "signature": "x", "provider": "gemini"}]});
    let messages = body["messages"].as_array_mut().unwrap();
    messages.insert(0, json!({"role": "user", "content": "Well?"}));
    messages.insert(1, before);
    let answer = answer(&gateway, &body).await;
    let warnings = answer["lockgate"]["warnings"].to_string();
    assert!(warnings.contains("messages[1].thinking_blocks: 1 of 1 were removed"), "{warnings}");
    assert!(!sim.settled().await[0].body.to_string().contains("Secretly"));
}

#[tokio::test]
async fn a_schema_is_held_to_on_every_model() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string", "minLength": 2}},
        "required": ["city"], "additionalProperties": false});
    let format =
        json!({"type": "json_schema", "json_schema": {"name": "place", "schema": schema, "strict": true}});
    for model in ["claude-opus-5-5", "claude-haiku-4-5", "claude-opus-4-1"] {
        for streamed in [false, true] {
            let mut body = ask(&format!("A city such as Paris ({streamed})"));
            body["model"] = json!(model);
            body["response_format"] = format.clone();
            let (content, finish) = if streamed {
                let pieces = chunks(&gateway, &body).await;
                (
                    added(&pieces)["content"].clone(),
                    pieces[pieces.len() - 2]["choices"][0]["finish_reason"].clone(),
                )
            } else {
                let answer = answer(&gateway, &body).await;
                let choice = &answer["choices"][0];
                (choice["message"]["content"].clone(), choice["finish_reason"].clone())
            };
            assert_eq!(
                (content, finish),
                (json!(r#"{"city":"Paris"}"#), json!("stop")),
                "{model} {streamed}"
            );
        }
    }
}

#[tokio::test]
async fn refusals_citations_and_images_arrive() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let refused = answer(&gateway, &ask("please refuse")).await;
    let choice = &refused["choices"][0];
    assert_eq!(choice["finish_reason"], "content_filter");
    assert!(choice["message"]["refusal"].as_str().unwrap().starts_with("I'm sorry"));

    let mut body = ask("x");
    let document = json!({"type": "document", "title": "Nature", "citations": {"enabled": true},
        "source": {"type": "text", "media_type": "text/plain", "data": "Grass is green. Water is wet."}});
    let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    body["messages"][0]["content"] = json!([document, image, {"type": "text", "text": "Well?"}]);
    let whole = answer(&gateway, &body).await["choices"][0]["message"].clone();
    let text: Vec<char> = whole["content"].as_str().unwrap().chars().collect();
    assert!(whole["content"].as_str().unwrap().contains("I can see the image you sent."));
    let cited = &whole["citations"][0];
    let at = |field: &str| usize::try_from(cited[field].as_u64().unwrap()).unwrap();
    let words: String = text[at("start_index")..at("end_index")].iter().collect();
    assert_eq!((words.as_str(), &cited["citation"]["document_title"]), ("Grass is green.", &json!("Nature")));
    // Handed back, the text is split where the citation is.
    body["messages"].as_array_mut().unwrap().extend([whole, json!({"role": "user", "content": "Again?"})]);
    answer(&gateway, &body).await;
    let sent = sim.settled().await.pop().unwrap();
    assert_eq!(sent.body["messages"][1]["content"][1]["citations"][0]["cited_text"], "Grass is green.");
}

#[tokio::test]
async fn without_a_limit_the_model_s_own_goes_out() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let mut body = ask("x");
    body.as_object_mut().unwrap().remove("max_tokens");
    answer(&gateway, &body).await;
    assert_eq!(sim.settled().await[0].body["max_tokens"], 64_000);
    body["max_tokens"] = json!(100_000);
    let lowered = answer(&gateway, &body).await;
    assert!(lowered["lockgate"]["warnings"].to_string().contains("lowered to 64000"), "{lowered}");
}

#[tokio::test]
async fn an_error_before_the_first_content_fails_over_unseen() {
    let (sim, spare) = (sim().await, sim().await);
    let gateway = builder(&sim)
        .set("providers.spare.kind", "anthropic")
        .set("providers.spare.base_url", format!("{}/v1", spare.base_url(Provider::Anthropic)))
        .set("providers.spare.api_key", "sk-ant-spare")
        .set("providers.spare.price", "free")
        .set(&format!("routing.chains.{MODEL}"), vec![format!("spare/{MODEL}")])
        .build()
        .await
        .unwrap();
    // Up to the block's start and the ping nothing was said yet.
    for (fault, result) in [
        (Fault::error_after(0), "overloaded"),
        (Fault::error_after(3), "overloaded"),
        (Fault::EmptyStream, "malformed"),
        (Fault::cut_after_events(3), "cut"),
        (Fault::malformed_after(1), "malformed"),
        (Fault::stall_after_events(2), "timeout"),
        (Fault::status(529), "529"),
        (Fault::status(429).retry_after("1"), "429"),
        (Fault::status(401), "401"),
        (Fault::Stall(Stall::default()), "timeout"),
    ] {
        let name = format!("{fault:?}");
        sim.fault(Provider::Anthropic, fault);
        let mut body = ask(&name);
        body["stream"] = json!(true);
        let (status, headers, text) = post(&gateway, &body).await;
        assert_eq!(status, 200, "{name}: {text}");
        let line = headers["x-lockgate-attempts"].to_str().unwrap();
        assert_eq!(line, format!("anthropic/{MODEL}={result},spare/{MODEL}=200"), "{name}");
        assert!(text.ends_with("data: [DONE]\n\n") && !text.contains("\"error\""), "{name}: {text}");
    }
    assert!(spare.settled().await.iter().all(|request| request.header("x-api-key") == Some("sk-ant-spare")));

    // Once something was said, the stream ends in an error.
    sim.fault(Provider::Anthropic, Fault::error_after(6));
    let mut body = ask("afterwards");
    body["stream"] = json!(true);
    let (status, headers, text) = post(&gateway, &body).await;
    assert_eq!((status, headers["x-lockgate-provider"].to_str().unwrap()), (200, "anthropic"));
    assert!(text.contains("\"error\"") && !text.contains("[DONE]"), "{text}");
}

#[tokio::test]
async fn the_caller_s_own_fault_keeps_status_and_words() {
    let sim = sim().await;
    let gateway = gateway(&sim).await;
    let mut body = ask("x");
    body["colour"] = json!("red");
    let (status, _, text) = post(&gateway, &body).await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("colour: Extra inputs are not permitted"), "{text}");
    let (status, _, text) =
        post(&gateway, &json!({"model": "claude-does-not-exist", "messages": body["messages"]})).await;
    assert_eq!(status, 404, "{text}");
    let embeddings = json!({"model": "anthropic/voyage", "input": "x"});
    let (status, _, text) = post_to(&gateway, "/v1/embeddings", &embeddings).await;
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("unsupported_parameter") && text.contains("no embeddings"), "{text}");
    let mut body = ask("x");
    body["n"] = json!(2);
    let (status, _, text) = post(&gateway, &body).await;
    assert!(status == 400 && text.contains("unsupported_parameter"), "{text}");
    assert_eq!(sim.settled().await.len(), 2, "what cannot be said is not sent");
}

#[tokio::test]
async fn the_key_is_in_no_error() {
    let sim = sim().await;
    let gateway = builder(&sim).set("providers.anthropic.api_key", "sk-bad-secret").build().await.unwrap();
    let (status, headers, text) = post(&gateway, &ask("x")).await;
    assert_eq!(status, 502, "{text}");
    assert!(
        text.contains("provider_auth_failed") && !format!("{headers:?}{text}").contains("sk-bad"),
        "{text}"
    );
}
