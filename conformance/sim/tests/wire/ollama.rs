//! Ollama: every route, and every fault at its place in lines of JSON.

use lockgate_sim::{
    ErrorInStream, Fault, Outcome, Pace, Provider, Reasoning, Scripted, Sim, SplitUtf8, Stall,
    ToolCallScript, ToolCalls,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::raw::{End, Reply, call, read, send, start};

const OLLAMA: Provider = Provider::Ollama;

async fn post(sim: &Sim, path: &str, body: Value) -> Reply {
    call(sim, "POST", &format!("/ollama{path}"), &[], body.to_string().as_bytes()).await
}

async fn get(sim: &Sim, path: &str) -> Reply {
    call(sim, "GET", &format!("/ollama{path}"), &[], b"").await
}

fn ask(model: &str, prompt: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": prompt}], "stream": false})
}

fn ask_stream(model: &str, prompt: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": prompt}]})
}

async fn chat(sim: &Sim, body: Value) -> Value {
    let reply = post(sim, "/api/chat", body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

fn lines(reply: &Reply) -> Vec<Value> {
    let text = reply.text();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

async fn refused(sim: &Sim, path: &str, body: Value) -> (u16, String) {
    let reply = post(sim, path, body).await;
    (reply.status, reply.json()["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_stream_is_ollamas_byte_for_byte() {
    let sim = start().await;
    sim.fault(OLLAMA, Fault::reply("Hi, 雪!"));
    let reply = post(&sim, "/api/chat", ask_stream("llama3.2", "x")).await;
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let line = |at: &str, text: &str, rest: &str| {
        format!(
            "{{\"model\":\"llama3.2\",\"created_at\":\"2025-06-15T15:06:40{at}Z\",\
             \"message\":{{\"role\":\"assistant\",\"content\":\"{text}\"}},\"done\":{rest}}}\n"
        )
    };
    let mut expected = String::new();
    for (at, text) in [("", "Hi"), (".011873", ","), (".023746", " "), (".035619", "雪"), (".047492", "!")] {
        expected.push_str(&line(at, text, "false"));
    }
    let end = "true,\"done_reason\":\"stop\",\"total_duration\":166222000,\"load_duration\":94984000,\
               \"prompt_eval_count\":8,\"prompt_eval_duration\":11873000,\"eval_count\":5,\"eval_duration\":59365000";
    expected.push_str(&line(".059365", "", end));
    assert_eq!(reply.text(), expected);
    let record = sim.settled().await.remove(0);
    assert_eq!(record.usage_sent, Some(json!({"prompt_eval_count": 8, "eval_count": 5})));
    assert_eq!((record.events_sent, record.outcome), (6, Outcome::Completed));
}

#[tokio::test]
async fn a_whole_answer_says_what_the_stream_says() {
    let sim = start().await;
    let whole = chat(&sim, ask("llama3.2:latest", "Tell me of otters")).await;
    assert_eq!((&whole["model"], &whole["done_reason"]), (&json!("llama3.2:latest"), &json!("stop")));
    let text = whole["message"]["content"].as_str().unwrap();
    assert!(text.contains("otters"), "{text}");
    let streamed = lines(&post(&sim, "/api/chat", ask_stream("llama3.2:latest", "Tell me of otters")).await);
    let joined: String =
        streamed.iter().map(|line| line["message"]["content"].as_str().unwrap().to_owned()).collect();
    assert_eq!(joined, text);
    assert_eq!(streamed.last().unwrap()["eval_count"], whole["eval_count"]);
}

#[tokio::test]
async fn tools_are_called_with_objects_and_results_told() {
    let sim = start().await;
    let tool = |name: &str| {
        json!({"type": "function", "function": {"name": name, "parameters":
            {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}})
    };
    let mut body = ask("llama3.2", "get_weather and get_time in Oslo");
    body["tools"] = json!([tool("get_weather"), tool("get_time")]);
    let answer = chat(&sim, body.clone()).await;
    let calls = answer["message"]["tool_calls"].as_array().unwrap();
    assert_eq!((calls.len(), &answer["done_reason"]), (2, &json!("stop")));
    assert_eq!(calls[1]["function"], json!({"index": 1, "name": "get_time", "arguments": {"city": "Oslo"}}));
    let id = calls[0]["id"].as_str().unwrap();
    assert!(id.len() == 13 && id.starts_with("call_"), "{id}");

    body["stream"] = json!(true);
    let streamed = lines(&post(&sim, "/api/chat", body.clone()).await);
    assert_eq!(streamed.len(), 3);
    assert_eq!(streamed[0]["message"]["tool_calls"][0]["function"]["name"], "get_weather");
    assert_eq!((&streamed[2]["done"], streamed[2]["message"].get("tool_calls")), (&json!(true), None));

    body["stream"] = json!(false);
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(answer["message"].clone());
    turns.push(json!({"role": "tool", "tool_name": "get_weather", "content": "snow"}));
    turns.push(json!({"role": "tool", "tool_call_id": calls[1]["id"], "content": "noon"}));
    let told = chat(&sim, body).await;
    let text = told["message"]["content"].as_str().unwrap();
    assert!(text.contains("get_weather is snow") && text.contains("get_time is noon"), "{text}");

    let mut body = ask("gemma3", "x");
    body["tools"] = json!([tool("get_weather")]);
    let refusal = refused(&sim, "/api/chat", body).await;
    assert_eq!(refusal, (400, "registry.ollama.ai/library/gemma3:latest does not support tools".to_owned()));
}

#[tokio::test]
async fn models_that_think_do_so_unless_told_otherwise() {
    let sim = start().await;
    let thought = async |model: &str, think: Value| {
        let mut body = ask(model, "Why?");
        body["think"] = think;
        let message = chat(&sim, body).await["message"].take();
        message["thinking"].as_str().unwrap_or_default().len()
    };
    let usual = thought("qwen3", Value::Null).await;
    assert!(usual > 0);
    assert_eq!(thought("qwen3", json!(true)).await, usual);
    assert_eq!(thought("qwen3", json!(false)).await, 0);
    assert!(thought("qwen3", json!("low")).await < usual);
    assert!(thought("qwen3", json!("max")).await > thought("qwen3", json!("high")).await);
    assert!(thought("gpt-oss:20b", json!(false)).await > 0, "it cannot be switched off");
    assert_eq!(thought("llama3.2", json!(false)).await, 0);

    let streamed = lines(&post(&sim, "/api/chat", ask_stream("qwen3", "Why?")).await);
    let first_text = streamed.iter().position(|line| line["message"]["content"] != "").unwrap();
    let (thinking, text) = streamed.split_at(first_text);
    assert!(thinking.iter().all(|line| line["message"]["thinking"].is_string()));
    assert!(text.iter().all(|line| line["message"].get("thinking").is_none()));

    for (model, think, told) in [
        ("llama3.2", json!(true), "\"llama3.2\" does not support thinking"),
        ("qwen3", json!("hard"), "invalid think value: \"hard\""),
        ("qwen3", json!(5), "think must be a boolean or string"),
    ] {
        let mut body = ask(model, "x");
        body["think"] = think;
        let (status, message) = refused(&sim, "/api/chat", body).await;
        assert!(status == 400 && message.starts_with(told), "{message}");
    }
}

#[tokio::test]
async fn formats_options_images_and_log_probabilities_shape_the_answer() {
    let sim = start().await;
    let text = |answer: &Value| answer["message"]["content"].as_str().unwrap().to_owned();
    let mut body = ask("llama3.2", "Ada is 36");
    body["format"] =
        json!({"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]});
    assert_eq!(text(&chat(&sim, body.clone()).await), r#"{"age":36}"#);
    body["format"] = json!("json");
    assert!(serde_json::from_str::<Value>(&text(&chat(&sim, body.clone()).await)).unwrap().is_object());
    body["format"] = json!("xml");
    let (status, message) = refused(&sim, "/api/chat", body).await;
    assert!(status == 500 && message.starts_with("invalid format"), "{message}");

    let mut body = ask("llama3.2", "count to 20");
    body["options"] = json!({"num_predict": 4});
    let short = chat(&sim, body.clone()).await;
    assert_eq!((&short["done_reason"], &short["eval_count"]), (&json!("length"), &json!(4)));
    body["options"] = json!({"num_predict": -1, "stop": ["4"], "temperature": 0, "seed": 1});
    assert_eq!(text(&chat(&sim, body.clone()).await), "1, 2, 3, ");
    for (options, told) in [
        (json!({"seed": "x"}), "option \"seed\" must be of type integer"),
        (json!({"temperature": "x"}), "option \"temperature\" must be of type float32"),
        (json!({"stop": "x"}), "option \"stop\" must be of type array"),
    ] {
        body["options"] = options;
        assert_eq!(refused(&sim, "/api/chat", body.clone()).await, (500, told.to_owned()));
    }

    let mut body = ask("gemma3", "What is it?");
    let without = chat(&sim, body.clone()).await["prompt_eval_count"].as_u64().unwrap();
    body["messages"][0]["images"] = json!(["iVBORw0KGgo="]);
    let answer = chat(&sim, body.clone()).await;
    assert!(text(&answer).contains("I can see the image"), "{answer}");
    assert_eq!(answer["prompt_eval_count"].as_u64(), Some(without + 768));
    body["messages"][0]["images"] = json!(["not base64!"]);
    assert_eq!(refused(&sim, "/api/chat", body).await.0, 400);

    let mut body = ask("llama3.2", "Hi");
    body["logprobs"] = json!(true);
    body["top_logprobs"] = json!(2);
    let answer = chat(&sim, body.clone()).await;
    let tokens = answer["logprobs"].as_array().unwrap();
    assert_eq!(tokens.len() as u64, answer["eval_count"].as_u64().unwrap());
    assert_eq!(tokens[0]["top_logprobs"].as_array().map(Vec::len), Some(2));
    body["stream"] = json!(true);
    let streamed = lines(&post(&sim, "/api/chat", body.clone()).await);
    assert_eq!(streamed[0]["logprobs"].as_array().map(Vec::len), Some(1));
    body["top_logprobs"] = json!(21);
    assert_eq!(refused(&sim, "/api/chat", body).await.1, "top_logprobs must be between 0 and 20");
}

#[tokio::test]
async fn a_generation_answers_in_its_own_fields() {
    let sim = start().await;
    let body = json!({"model": "qwen3", "prompt": "Tell of otters", "system": "Be brief", "stream": false});
    let answer = post(&sim, "/api/generate", body.clone()).await.json();
    assert!(answer["response"].as_str().unwrap().contains("otters"), "{answer}");
    assert!(
        answer["thinking"].is_string() && answer["context"].is_array() && answer.get("message").is_none()
    );
    let mut streaming = body;
    streaming.as_object_mut().unwrap().remove("stream");
    let streamed = lines(&post(&sim, "/api/generate", streaming).await);
    let joined: String = streamed.iter().map(|line| line["response"].as_str().unwrap().to_owned()).collect();
    assert_eq!(joined, answer["response"]);
    let loaded = post(&sim, "/api/generate", json!({"model": "qwen3"})).await.json();
    assert_eq!((&loaded["response"], &loaded["done_reason"]), (&json!(""), &json!("load")));
}

#[tokio::test]
async fn a_question_that_asks_nothing_loads_or_unloads() {
    let sim = start().await;
    let loaded = chat(&sim, json!({"model": "llama3.2", "messages": []})).await;
    assert_eq!((&loaded["done"], &loaded["done_reason"]), (&json!(true), &json!("load")));
    for keep_alive in [json!(0), json!("0s")] {
        let body = json!({"model": "llama3.2", "messages": [], "keep_alive": keep_alive});
        assert_eq!(chat(&sim, body).await["done_reason"], "unload");
    }
}

#[tokio::test]
async fn embeddings_are_unit_vectors_in_order() {
    let sim = start().await;
    let body = json!({"model": "all-minilm", "input": ["red fox", "red fox", "blue whale"]});
    let answer = post(&sim, "/api/embed", body.clone()).await.json();
    let vectors: Vec<Vec<f64>> = serde_json::from_value(answer["embeddings"].clone()).unwrap();
    assert_eq!((vectors.len(), vectors[0].len()), (3, 384));
    assert!(vectors[0] == vectors[1] && vectors[0] != vectors[2]);
    let length: f64 = vectors[2].iter().map(|number| number * number).sum();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
    assert_eq!(answer["prompt_eval_count"], 6);

    let mut short = body.clone();
    short["dimensions"] = json!(8);
    let answer = post(&sim, "/api/embed", short).await.json();
    assert_eq!(answer["embeddings"][0].as_array().map(Vec::len), Some(8));
    let none = post(&sim, "/api/embed", json!({"model": "all-minilm", "input": ""})).await;
    assert_eq!(none.text(), r#"{"model":"all-minilm","embeddings":[]}"#);
    let older =
        post(&sim, "/api/embeddings", json!({"model": "all-minilm", "prompt": "red fox"})).await.json();
    assert_eq!(older["embedding"].as_array().map(Vec::len), Some(384));

    let long = json!({"model": "all-minilm", "input": "word ".repeat(600), "truncate": false});
    let told = "the input length exceeds the context length".to_owned();
    assert_eq!(refused(&sim, "/api/embed", long).await, (400, told));
    let ids = json!({"model": "all-minilm", "input": [1, 2]});
    assert_eq!(refused(&sim, "/api/embed", ids).await, (400, "invalid input type".to_owned()));
    let (status, message) = refused(&sim, "/api/chat", ask("all-minilm", "x")).await;
    assert_eq!((status, message.as_str()), (400, "\"all-minilm\" does not support chat"));
}

#[tokio::test]
async fn what_is_pulled_is_listed_shown_and_answers() {
    let sim = start().await;
    let names = async |sim: &Sim| {
        let list = get(sim, "/api/tags").await.json();
        let models = list["models"].as_array().unwrap().clone();
        models.iter().map(|model| model["model"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = names(&sim).await;
    assert!(first.contains(&"llama3.2:latest".to_owned()) && first.contains(&"all-minilm:latest".to_owned()));
    let missing = ask("mistral", "x");
    assert_eq!(
        refused(&sim, "/api/chat", missing.clone()).await,
        (404, "model 'mistral' not found".to_owned())
    );
    let embed = json!({"model": "mistral", "input": "x"});
    let told = "model \"mistral\" not found, try pulling it first".to_owned();
    assert_eq!(refused(&sim, "/api/embed", embed).await, (404, told));
    assert_eq!(refused(&sim, "/api/show", json!({"model": "mistral"})).await.0, 404);

    let pulling = lines(&post(&sim, "/api/pull", json!({"model": "mistral"})).await);
    assert_eq!(pulling.last().unwrap(), &json!({"status": "success"}));
    assert!(names(&sim).await.contains(&"mistral:latest".to_owned()));
    assert_eq!(post(&sim, "/api/chat", missing.clone()).await.status, 200);
    let shown = post(&sim, "/api/show", json!({"model": "Mistral"})).await.json();
    assert_eq!(shown["capabilities"], json!(["completion", "tools"]));
    assert_eq!(shown["model_info"]["llama.context_length"], 131_072);

    let delete = async |name: &str| {
        let body = json!({"model": name}).to_string();
        call(&sim, "DELETE", "/ollama/api/delete", &[], body.as_bytes()).await.status
    };
    assert_eq!((delete("mistral").await, delete("mistral").await), (200, 404));
    assert_eq!(post(&sim, "/api/chat", missing).await.status, 404);

    sim.pull(OLLAMA, ["only"]);
    assert_eq!(names(&sim).await, ["only:latest"]);
    let control = |body: Value| {
        let sim = &sim;
        async move { call(sim, "POST", "/control/pulled", &[], body.to_string().as_bytes()).await }
    };
    let set = control(json!({"provider": "ollama", "models": ["a:1b", "b"]})).await;
    assert_eq!(set.json(), json!({"ok": true, "pulled": 2}));
    assert_eq!(names(&sim).await, ["a:1b", "b:latest"]);
    let wrong = control(json!({"provider": "openai", "models": []})).await;
    assert_eq!((wrong.status, &wrong.json()["error"]["field"]), (400, &json!("provider")));
    let wrong = control(json!({"provider": "ollama", "models": "a"})).await;
    assert_eq!((wrong.status, &wrong.json()["error"]["field"]), (400, &json!("models")));
    sim.reset();
    assert_eq!(names(&sim).await, first);
}

#[tokio::test]
async fn the_rest_is_answered_as_ollama_does() {
    let sim = start().await;
    assert_eq!(get(&sim, "/").await.text(), "Ollama is running");
    assert!(get(&sim, "/api/version").await.json()["version"].is_string());
    assert_eq!(get(&sim, "/api/ps").await.json(), json!({"models": []}));
    let head = call(&sim, "HEAD", "/ollama/", &[("connection", "close")], b"");
    assert_eq!(timeout(std::time::Duration::from_secs(5), head).await.unwrap().status, 200);
    assert_eq!((get(&sim, "/api/nothing").await.status, get(&sim, "/api/chat").await.status), (404, 405));
    let raw = |body: &'static [u8]| call(&sim, "POST", "/ollama/api/chat", &[], body);
    for (body, told) in [
        (&b""[..], "missing request body"),
        (b"{", "unexpected EOF"),
        (b"<", "invalid character '<' looking for beginning of value"),
        (b"{}", "model is required"),
    ] {
        let reply = raw(body).await;
        assert_eq!((reply.status, &reply.json()["error"]), (400, &json!(told)));
    }
    let reply = raw(br#"{"model": "llama3.2", "messages": "x"}"#).await;
    assert!(reply.status == 400 && reply.text().contains("cannot unmarshal"), "{}", reply.text());
    let key = [("authorization", "Bearer sk-bad")];
    let reply =
        call(&sim, "POST", "/ollama/api/chat", &key, ask("llama3.2", "x").to_string().as_bytes()).await;
    assert_eq!((reply.status, reply.json()), (401, json!({"error": "unauthorized"})));
}

async fn with(fault: impl Into<Scripted>, body: Value) -> (Sim, Reply) {
    let sim = start().await;
    sim.fault(OLLAMA, fault);
    let reply = post(&sim, "/api/chat", body).await;
    (sim, reply)
}

#[tokio::test]
async fn faults_break_the_answer_before_and_inside_a_line() {
    let stream = || ask_stream("llama3.2", "count to 20");
    let (_sim, reply) = with(Fault::status(503).retry_after("7"), stream()).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "7"));
    assert!(reply.json()["error"].as_str().unwrap().starts_with("server busy"));

    let error =
        ErrorInStream { after_events: 2, message: Some("gone".to_owned()), ..ErrorInStream::default() };
    let (_sim, reply) = with(Fault::ErrorInStream(error.clone()), stream()).await;
    let told = lines(&reply);
    assert_eq!((told.len(), &told[2]), (3, &json!({"error": "gone"})));
    let (_sim, reply) = with(Fault::ErrorInStream(error), ask("llama3.2", "x")).await;
    assert_eq!((reply.status, reply.json()), (200, json!({"error": "gone"})));

    let (_sim, reply) = with(Fault::malformed_after(1), stream()).await;
    let text = reply.text();
    let torn: Vec<&str> = text.lines().collect();
    assert!(serde_json::from_str::<Value>(torn[1]).is_err());
    assert!(serde_json::from_str::<Value>(torn[2]).is_ok());

    let (_sim, reply) = with(Fault::cut_after_events(3), stream()).await;
    assert_eq!((lines(&reply).len(), reply.end), (3, End::Whole));
    let (_sim, reply) = with(Fault::NoDone, stream()).await;
    assert!(lines(&reply).iter().all(|line| line["done"] == false));
    let (_sim, reply) = with(Fault::EmptyStream, stream()).await;
    assert_eq!((lines(&reply).len(), &lines(&reply)[0]["done"]), (1, &json!(true)));
    let (_sim, reply) = with(Fault::Reset, stream()).await;
    assert_eq!((reply.status, reply.end), (0, End::Reset));
    let (_sim, reply) = with(Fault::reset_after(130), stream()).await;
    assert_eq!((reply.body().len(), reply.end), (130, End::Reset));

    let whole =
        Scripted::from(Fault::reply("雪が降る")).and(Fault::SplitUtf8(SplitUtf8 { chunk_bytes: Some(5) }));
    let (_sim, reply) = with(whole, stream()).await;
    assert!(reply.chunks.iter().all(|chunk| chunk.len() <= 5));
    let joined: String =
        lines(&reply).iter().map(|line| line["message"]["content"].as_str().unwrap().to_owned()).collect();
    assert_eq!(joined, "雪が降る");
}

#[tokio::test]
async fn faults_delay_and_reword_the_answer() {
    let stream = || ask_stream("llama3.2", "x");
    let sim = start().await;
    sim.fault(OLLAMA, Fault::Stall(Stall { after_events: Some(1), ..Stall::default() }));
    let body = stream().to_string();
    let connection = send(&sim, "POST", "/ollama/api/chat", &[], body.as_bytes()).await;
    assert!(timeout(std::time::Duration::from_millis(150), read(connection)).await.is_err());
    let (_sim, reply) = with(
        Scripted::from(Fault::SlowEvents(Pace { ms: 1 })).and(Fault::SlowHeaders(Pace { ms: 1 })),
        stream(),
    )
    .await;
    assert!(lines(&reply).len() > 1);

    let (sim, reply) = with(Fault::NoUsage, stream()).await;
    let end = lines(&reply).pop().unwrap();
    assert!(end.get("eval_count").is_none() && end.get("prompt_eval_count").is_none(), "{end}");
    assert_eq!(sim.settled().await[0].usage_sent, None);
    let usage = json!({"prompt_eval_count": 1000, "x_count": 7}).as_object().unwrap().clone();
    let (_sim, reply) = with(Fault::Usage(usage), stream()).await;
    let end = lines(&reply).pop().unwrap();
    assert_eq!((&end["prompt_eval_count"], &end["x_count"]), (&json!(1000), &json!(7)));
    let (_sim, reply) = with(Fault::finish("load"), stream()).await;
    assert_eq!(lines(&reply).pop().unwrap()["done_reason"], "load");
    let (_sim, reply) = with(Fault::Reasoning(Reasoning { tokens: 3 }), stream()).await;
    assert_eq!(lines(&reply).iter().filter(|line| line["message"].get("thinking").is_some()).count(), 3);

    let calls = vec![
        ToolCallScript { name: "f".to_owned(), arguments: json!({"a": 1}) },
        ToolCallScript { name: "g".to_owned(), arguments: json!("{broken") },
    ];
    let (_sim, reply) = with(Fault::ToolCalls(ToolCalls { calls }), ask("llama3.2", "x")).await;
    let told = reply.json()["message"]["tool_calls"].take();
    assert_eq!(told[0]["function"]["arguments"], json!({"a": 1}));
    assert_eq!(told[1]["function"]["arguments"], json!("{broken"));
}
