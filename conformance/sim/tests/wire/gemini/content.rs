//! What is answered: text, calls, schemas, images, vectors, models.

use serde_json::{Value, json};

use super::{ARGON, FLASH, KEY, ask, chunks, parts, post, streamed, text, weather, whole};
use crate::raw::{call, start};

#[tokio::test]
async fn an_answer_is_the_vendors() {
    let sim = start().await;
    let reply = whole(&sim, "gemini-2.0-flash", &ask("Hello there")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json; charset=UTF-8");
    let body = reply.json();
    let candidate = &body["candidates"][0];
    assert_eq!((&candidate["finishReason"], &candidate["index"]), (&json!("STOP"), &json!(0)));
    assert_eq!(candidate["content"]["role"], "model");
    assert!(text(std::slice::from_ref(&body)).contains("Hello there"));
    assert_eq!(body["modelVersion"], "gemini-2.0-flash");
    assert_eq!(body["responseId"].as_str().unwrap().len(), 22);
    let usage = &body["usageMetadata"];
    let sum = usage["promptTokenCount"].as_u64().unwrap() + usage["candidatesTokenCount"].as_u64().unwrap();
    assert_eq!(usage["totalTokenCount"], sum);
    assert_eq!(usage["promptTokensDetails"][0]["modality"], "TEXT");
    assert!(usage.get("thoughtsTokenCount").is_none(), "it does not think");
    assert_eq!(sim.settled().await[0].usage.as_ref(), Some(usage));
}

#[tokio::test]
async fn a_stream_is_the_same_answer_in_pieces() {
    let sim = start().await;
    let whole = whole(&sim, FLASH, &ask("Tell me of the sea")).await.json();
    let reply = streamed(&sim, FLASH, &ask("Tell me of the sea")).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    let chunks = chunks(&reply);
    assert_eq!(text(&chunks), text(std::slice::from_ref(&whole)));
    let (last, before) = chunks.split_last().unwrap();
    assert!(before.len() > 3);
    assert!(before.iter().all(|chunk| chunk["candidates"][0].get("finishReason").is_none()));
    assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    assert_eq!(last["usageMetadata"], whole["usageMetadata"]);
    let mut known = 0;
    for chunk in &chunks {
        assert_eq!(chunk["responseId"], chunks[0]["responseId"]);
        let so_far = chunk["usageMetadata"]["candidatesTokenCount"].as_u64().unwrap();
        assert!(so_far >= known);
        known = so_far;
    }
    let records = sim.settled().await;
    assert_eq!(records[1].usage_sent.as_ref(), Some(&whole["usageMetadata"]));
    assert_eq!(records[1].query.as_deref(), Some("alt=sse"));
}

#[tokio::test]
async fn without_events_a_stream_is_an_array() {
    let sim = start().await;
    let reply = post(&sim, FLASH, "streamGenerateContent", &ask("The sea")).await;
    assert_eq!(reply.header("content-type"), "application/json; charset=UTF-8");
    let all = reply.json();
    let all = all.as_array().unwrap();
    assert!(all.len() > 2);
    assert!(text(all).contains("The sea"));
    let refused = post(&sim, FLASH, "streamGenerateContent", &json!({"contents": []})).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn tools_on_offer_are_called() {
    let sim = start().await;
    let body = weather("What is the weather in Oslo?");
    let answer = whole(&sim, ARGON, &body).await.json();
    let call = &parts(&answer)[0];
    assert_eq!(call["functionCall"]["name"], "get_weather");
    assert_eq!(call["functionCall"]["args"], json!({"city": "Oslo"}));
    assert_eq!(call["functionCall"]["id"].as_str().unwrap().len(), 8);
    assert!(call["thoughtSignature"].is_string());
    assert_eq!(answer["candidates"][0]["finishReason"], "STOP");

    let both = weather("What is the weather in both Oslo and Rome?");
    let events = chunks(&streamed(&sim, FLASH, &both).await);
    let calls: Vec<Value> =
        events.iter().flat_map(parts).filter(|part| part["functionCall"].is_object()).collect();
    assert_eq!(calls.len(), 2);
    assert!(calls[0]["functionCall"].get("id").is_none(), "the older models give none");
    assert!(calls[0]["thoughtSignature"].is_string() && calls[1].get("thoughtSignature").is_none());

    for (mode, called) in [("NONE", false), ("ANY", true), ("VALIDATED", true)] {
        let mut body = weather("Hello");
        body["toolConfig"] = json!({"functionCallingConfig": {"mode": mode}});
        let answer = whole(&sim, ARGON, &body).await.json();
        assert_eq!(parts(&answer)[0]["functionCall"].is_object(), called, "{mode}");
    }
}

#[tokio::test]
async fn a_named_tool_is_the_one_called() {
    let sim = start().await;
    let mut body = weather("Hello");
    let other = json!({"name": "get_time", "parameters": {"type": "OBJECT", "properties": {"zone": {"type": "STRING"}}}});
    body["tools"][0]["functionDeclarations"].as_array_mut().unwrap().push(other);
    body["tool_config"] =
        json!({"function_calling_config": {"mode": "any", "allowed_function_names": ["get_time"]}});
    let answer = whole(&sim, ARGON, &body).await.json();
    assert_eq!(parts(&answer)[0]["functionCall"]["name"], "get_time");
}

#[tokio::test]
async fn results_are_told() {
    let sim = start().await;
    let mut body = weather("Weather in Oslo?");
    let call = parts(&whole(&sim, ARGON, &body).await.json()).remove(0);
    let id = call["functionCall"]["id"].clone();
    let given =
        json!({"functionResponse": {"id": id, "name": "get_weather", "response": {"output": "snow"}}});
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": [call]}));
    contents.push(json!({"role": "user", "parts": [given]}));
    let answer = whole(&sim, ARGON, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(text(&[answer.json()]).contains("The result of get_weather is snow."));
}

#[tokio::test]
async fn schemas_are_matched_and_images_seen() {
    let sim = start().await;
    let mut body = ask("Ada, 36");
    let schema = json!({"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]});
    body["generationConfig"] = json!({"responseMimeType": "application/json", "responseJsonSchema": schema});
    let answer = whole(&sim, ARGON, &body).await.json();
    assert_eq!(serde_json::from_str::<Value>(&text(&[answer])).unwrap(), json!({"age": 36}));

    let inline = json!({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}});
    let linked = json!({"fileData": {"fileUri": "https://example.com/a"}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}});
    let body = json!({"contents": [{"parts": [{"text": "What?"}, inline, linked]}]});
    let answer = whole(&sim, ARGON, &body).await.json();
    assert!(text(std::slice::from_ref(&answer)).contains("I can see the 2 images you sent."));
    let details = &answer["usageMetadata"]["promptTokensDetails"];
    assert_eq!(details[1], json!({"modality": "IMAGE", "tokenCount": 1400}));
}

#[tokio::test]
async fn several_candidates_limits_and_stops() {
    let sim = start().await;
    let mut body = ask("A colour");
    body["generationConfig"] = json!({"candidateCount": 3, "maxOutputTokens": 4});
    let events = chunks(&streamed(&sim, "gemini-2.0-flash", &body).await);
    for index in 0..3 {
        let own: Vec<&Value> =
            events.iter().map(|chunk| &chunk["candidates"][0]).filter(|one| one["index"] == index).collect();
        assert_eq!(own.last().unwrap()["finishReason"], "MAX_TOKENS", "{index}");
    }
    let mut body = ask("Please count to 9");
    body["generationConfig"] = json!({"stopSequences": ["5"], "responseLogprobs": true, "logprobs": 2});
    let answer = whole(&sim, "gemini-2.0-flash", &body).await.json();
    assert_eq!(text(std::slice::from_ref(&answer)), "1, 2, 3, 4, ");
    let result = &answer["candidates"][0]["logprobsResult"];
    assert_eq!(result["chosenCandidates"].as_array().unwrap().len(), 9);
    assert_eq!(result["topCandidates"][0]["candidates"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_blocked_prompt_has_no_candidates() {
    let sim = start().await;
    let answer = whole(&sim, ARGON, &ask("please refuse this")).await.json();
    assert_eq!(answer["promptFeedback"]["blockReason"], "PROHIBITED_CONTENT");
    assert!(answer.get("candidates").is_none());
    let events = chunks(&streamed(&sim, ARGON, &ask("please refuse this")).await);
    assert_eq!(
        (events.len(), &events[0]["promptFeedback"]["blockReason"]),
        (1, &json!("PROHIBITED_CONTENT"))
    );
}

#[tokio::test]
async fn vectors_one_and_many() {
    let sim = start().await;
    const MODEL: &str = "gemini-embedding-2";
    let content = |text: &str| json!({"parts": [{"text": text}]});
    let body =
        json!({"model": format!("models/{MODEL}"), "content": content("cats"), "outputDimensionality": 8});
    let one = post(&sim, MODEL, "embedContent", &body).await.json();
    assert_eq!(one["embedding"]["values"].as_array().unwrap().len(), 8);
    assert_eq!(one["usageMetadata"]["promptTokenCount"], 1);
    let request = |text: &str| json!({"model": format!("models/{MODEL}"), "content": content(text)});
    let body = json!({"requests": [request("cats"), request("dogs and cats")]});
    let many = post(&sim, MODEL, "batchEmbedContents", &body).await.json();
    let vectors = many["embeddings"].as_array().unwrap();
    assert_eq!((vectors.len(), vectors[1]["values"].as_array().unwrap().len()), (2, 3072));

    let wrong = json!({"requests": [{"model": "models/other", "content": content("x")}]});
    assert_eq!(post(&sim, MODEL, "batchEmbedContents", &wrong).await.status, 400);
    assert_eq!(post(&sim, ARGON, "embedContent", &body).await.status, 404);
    assert_eq!(whole(&sim, MODEL, &ask("x")).await.status, 404);
}

#[tokio::test]
async fn models_and_counts() {
    let sim = start().await;
    let get = |path: &'static str| {
        let sim = &sim;
        async move { call(sim, "GET", path, &[KEY], b"").await }
    };
    let page = get("/gemini/v1beta/models?pageSize=2").await.json();
    assert_eq!(page["models"].as_array().unwrap().len(), 2);
    assert_eq!(page["nextPageToken"], "2");
    let all = get("/gemini/v1beta/models").await.json();
    assert!(all.get("nextPageToken").is_none());
    assert_eq!(all["models"][0]["name"], "models/gemini-4-argon");
    assert_eq!(get("/gemini/v1beta/models/gemini-2.5-pro").await.json()["thinking"], true);
    assert_eq!(get("/gemini/v1beta/models/gpt-4o").await.status, 404);
    let counted = post(&sim, ARGON, "countTokens", &ask("Hello there")).await.json();
    let answered = whole(&sim, ARGON, &ask("Hello there")).await.json();
    assert_eq!(counted["totalTokens"], answered["usageMetadata"]["promptTokenCount"]);
    let inside = json!({"generateContentRequest": {"model": "models/gemini-4-argon", "contents": ask("Hello there")["contents"]}});
    assert_eq!(post(&sim, ARGON, "countTokens", &inside).await.json()["totalTokens"], counted["totalTokens"]);
}
