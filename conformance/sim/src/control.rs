//! The control protocol: scripts in, records out.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::fault::Fault;
use crate::record::all_settled;
use crate::script::{Provider, Scripted};
use crate::server::{Outgoing, Shared, whole};

/// The largest control body read, in bytes.
const BODY_LIMIT: usize = 8 << 20;
/// The longest a `settled` query waits, in milliseconds.
const LONGEST_WAIT_MS: u64 = 60_000;
const DEFAULT_WAIT_MS: u64 = 5_000;

/// A refused control request: the field, and what is wrong with it.
#[derive(Debug)]
struct Refusal {
    field: String,
    message: String,
}

impl Refusal {
    fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

pub(crate) async fn answer(request: Request<Incoming>, path: &str, shared: &Shared) -> Response<Outgoing> {
    let method = request.method().clone();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let answered = match (&method, path) {
        (&Method::POST, "/faults") => script(request, shared).await,
        (&Method::GET, "/faults") => Ok(waiting(shared)),
        (&Method::GET, "/requests") => requests(&query, shared).await,
        (&Method::POST, "/pulled") => pulled(request, shared).await,
        (&Method::POST, "/reset") => {
            shared.reset();
            Ok(json!({"ok": true}))
        }
        _ => {
            let message = format!(
                "no such control route `{method} {path}`, expected POST /faults, GET /faults, GET /requests, POST /pulled or POST /reset"
            );
            return json(StatusCode::NOT_FOUND, &json!({"error": {"message": message, "field": "path"}}));
        }
    };
    match answered {
        Ok(body) => json(StatusCode::OK, &body),
        Err(Refusal { field, message }) => {
            json(StatusCode::BAD_REQUEST, &json!({"error": {"message": message, "field": field}}))
        }
    }
}

pub(crate) fn json(status: StatusCode, body: &Value) -> Response<Outgoing> {
    let mut response = Response::new(whole(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

async fn body(request: Request<Incoming>) -> Result<Value, Refusal> {
    let bytes = Limited::new(request.into_body(), BODY_LIMIT)
        .collect()
        .await
        .map_err(|error| Refusal::new("body", format!("the body could not be read: {error}")))?
        .to_bytes();
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::new("body", format!("the body is not JSON: {error}")))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pulled {
    provider: Provider,
    models: Vec<String>,
}

async fn pulled(request: Request<Incoming>, shared: &Shared) -> Result<Value, Refusal> {
    let Value::Object(fields) = body(request).await? else {
        return Err(Refusal::new("body", "the body is not an object with provider and models"));
    };
    let Pulled { provider, models } = typed(fields, "")?;
    if !shared.pull(provider, &models) {
        return Err(Refusal::new(
            "provider",
            format!("provider is {provider}, expected one that pulls: ollama"),
        ));
    }
    Ok(json!({"ok": true, "pulled": models.len()}))
}

async fn script(request: Request<Incoming>, shared: &Shared) -> Result<Value, Refusal> {
    let scripts = read_scripts(body(request).await?)?;
    let count = scripts.len();
    for (provider, scripted) in scripts {
        shared.scripts.push(provider, scripted);
    }
    Ok(json!({"ok": true, "scripted": count}))
}

/// Reads `{"provider", "faults": […]}` or one bare fault with its provider; nothing is scripted unless all is well.
fn read_scripts(body: Value) -> Result<Vec<(Provider, Scripted)>, Refusal> {
    let Value::Object(mut body) = body else {
        return Err(Refusal::new("body", format!("the body is {}, expected an object", named(&body))));
    };
    let provider = match body.remove("provider") {
        Some(Value::String(name)) => name.parse().map_err(|error: String| Refusal::new("provider", error))?,
        Some(other) => {
            return Err(Refusal::new("provider", format!("provider is {other}, expected a string")));
        }
        None => return Err(Refusal::new("provider", "provider is missing, expected a provider's name")),
    };
    let Some(list) = body.remove("faults") else {
        return Ok(vec![(provider, read_scripted(body, "")?)]);
    };
    if let Some(field) = body.keys().next() {
        return Err(Refusal::new(
            field,
            format!("unknown field `{field}` beside `faults`, expected only `provider`"),
        ));
    }
    let Value::Array(list) = list else {
        return Err(Refusal::new(
            "faults",
            format!("faults is {}, expected an array of faults", named(&list)),
        ));
    };
    list.into_iter()
        .enumerate()
        .map(|(index, fault)| {
            let place = format!("faults[{index}]");
            match fault {
                Value::Object(fault) => Ok((provider, read_scripted(fault, &place)?)),
                other => {
                    Err(Refusal::new(place, format!("a fault is {}, expected an object", named(&other))))
                }
            }
        })
        .collect()
}

fn read_scripted(mut fields: Map<String, Value>, place: &str) -> Result<Scripted, Refusal> {
    let times = match fields.remove("times") {
        None => 1,
        Some(value) => value
            .as_u64()
            .and_then(|times| u32::try_from(times).ok())
            .filter(|times| *times > 0)
            .ok_or_else(|| at(place, "times", format!("times is {value}, expected 1 to {}", u32::MAX)))?,
    };
    let mut text = |name: &str| match fields.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(at(place, name, format!("{name} is {other}, expected a string"))),
    };
    let (path, model) = (text("path")?, text("model")?);
    let and = match fields.remove("and") {
        None => Vec::new(),
        Some(Value::Array(list)) => list
            .into_iter()
            .enumerate()
            .map(|(index, fault)| match fault {
                Value::Object(fault) => read_fault(fault, &join(place, &format!("and[{index}]"))),
                other => Err(at(place, "and", format!("a fault is {}, expected an object", named(&other)))),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => {
            return Err(at(place, "and", format!("and is {}, expected an array of faults", named(&other))));
        }
    };
    Ok(Scripted { fault: read_fault(fields, place)?, times, path, model, and })
}

/// Reads one fault. The kinds are told apart here and not by serde, whose tagged enums forget the field's name.
fn read_fault(mut fields: Map<String, Value>, place: &str) -> Result<Fault, Refusal> {
    let kinds = Fault::KINDS.join(", ");
    let kind = match fields.remove("kind") {
        Some(Value::String(kind)) => kind,
        Some(other) => return Err(at(place, "kind", format!("kind is {other}, expected one of: {kinds}"))),
        None => return Err(at(place, "kind", format!("kind is missing, expected one of: {kinds}"))),
    };
    let fault = match kind.as_str() {
        "status" => Fault::Status(typed(fields, place)?),
        "reset" => bare(&fields, place, Fault::Reset)?,
        "reset_after" => Fault::ResetAfter(typed(fields, place)?),
        "stall" => Fault::Stall(typed(fields, place)?),
        "cut" => Fault::Cut(typed(fields, place)?),
        "split_utf8" => Fault::SplitUtf8(typed(fields, place)?),
        "malformed_json" => Fault::MalformedJson(typed(fields, place)?),
        "error_in_stream" => Fault::ErrorInStream(typed(fields, place)?),
        "empty_stream" => bare(&fields, place, Fault::EmptyStream)?,
        "no_done" => bare(&fields, place, Fault::NoDone)?,
        "slow_headers" => Fault::SlowHeaders(typed(fields, place)?),
        "slow_events" => Fault::SlowEvents(typed(fields, place)?),
        "finish" => Fault::Finish(typed(fields, place)?),
        "no_usage" => bare(&fields, place, Fault::NoUsage)?,
        "reply" => Fault::Reply(typed(fields, place)?),
        "usage" => Fault::Usage(fields),
        "tool_calls" => Fault::ToolCalls(typed(fields, place)?),
        "reasoning" => Fault::Reasoning(typed(fields, place)?),
        other => return Err(at(place, "kind", format!("kind is `{other}`, expected one of: {kinds}"))),
    };
    fault.check().map_err(|message| at(place, first_quoted(&message).unwrap_or("kind"), message.clone()))?;
    Ok(fault)
}

fn typed<T: DeserializeOwned>(fields: Map<String, Value>, place: &str) -> Result<T, Refusal> {
    let fields = Value::Object(fields);
    serde_path_to_error::deserialize(&fields).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." {
            first_quoted(&error.inner().to_string()).unwrap_or("kind").to_owned()
        } else {
            path
        };
        at(place, &field, format!("{field}: {}", error.inner()))
    })
}

fn bare(fields: &Map<String, Value>, place: &str, fault: Fault) -> Result<Fault, Refusal> {
    match fields.keys().next() {
        Some(field) => Err(at(place, field, format!("unknown field `{field}`, this kind takes none"))),
        None => Ok(fault),
    }
}

fn first_quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

fn join(place: &str, field: &str) -> String {
    if place.is_empty() { field.to_owned() } else { format!("{place}.{field}") }
}

fn at(place: &str, field: &str, message: String) -> Refusal {
    Refusal::new(join(place, field), message)
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn waiting(shared: &Shared) -> Value {
    let faults: Vec<Value> = shared
        .scripts
        .waiting()
        .iter()
        .map(|(provider, scripted)| {
            let mut fault = serde_json::to_value(scripted).unwrap_or_default();
            if let Some(fields) = fault.as_object_mut() {
                fields.insert("provider".to_owned(), provider.name().into());
            }
            fault
        })
        .collect();
    json!({"faults": faults})
}

/// The query of `GET /requests`.
#[derive(Debug, Default, Deserialize)]
struct Filter {
    provider: Option<Provider>,
    settled: Option<u64>,
    timeout_ms: u64,
}

fn read_filter(query: &str) -> Result<Filter, Refusal> {
    let mut filter = Filter { timeout_ms: DEFAULT_WAIT_MS, ..Filter::default() };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let number = |most: u64| {
            value.parse::<u64>().ok().filter(|number| *number <= most).ok_or_else(|| {
                Refusal::new(name, format!("{name} is `{value}`, expected an integer from 0 to {most}"))
            })
        };
        match name {
            "provider" => {
                filter.provider = Some(value.parse().map_err(|error: String| Refusal::new(name, error))?)
            }
            "settled" => filter.settled = Some(number(u64::MAX)?),
            "timeout_ms" => filter.timeout_ms = number(LONGEST_WAIT_MS)?,
            _ => {
                let message =
                    format!("unknown query field `{name}`, expected provider, settled or timeout_ms");
                return Err(Refusal::new(name, message));
            }
        }
    }
    Ok(filter)
}

async fn requests(query: &str, shared: &Shared) -> Result<Value, Refusal> {
    let filter = read_filter(query)?;
    let mut records = shared.log.snapshot();
    let mut settled = all_settled(&records);
    if let Some(count) = filter.settled {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX);
        let ready = shared.log.wait_until(|records| records.len() >= wanted && all_settled(records));
        match tokio::time::timeout(Duration::from_millis(filter.timeout_ms), ready).await {
            Ok(ready) => {
                records = ready;
                settled = true;
            }
            Err(_) => {
                records = shared.log.snapshot();
                settled = false;
            }
        }
    }
    records.retain(|record| filter.provider.is_none_or(|provider| record.provider == provider));
    Ok(json!({"requests": records, "settled": settled}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_and_written_back() {
        for kind in Fault::KINDS {
            let mut fields = json!({"kind": kind});
            let needed = match *kind {
                "status" => json!({"status": 429}),
                "reset_after" => json!({"bytes": 3}),
                "slow_headers" | "slow_events" => json!({"ms": 3}),
                "finish" => json!({"reason": "length"}),
                "reply" => json!({"text": "x"}),
                "tool_calls" => json!({"calls": [{"name": "f", "arguments": {}}]}),
                "reasoning" => json!({"tokens": 3}),
                _ => json!({}),
            };
            fields.as_object_mut().unwrap().extend(needed.as_object().unwrap().clone());
            let fault = read_fault(fields.as_object().unwrap().clone(), "").unwrap();
            let written = serde_json::to_value(&fault).unwrap();
            assert_eq!(written.get("kind"), Some(&json!(kind)));
            assert_eq!(serde_json::from_value::<Fault>(written).unwrap(), fault);
        }
    }
}
