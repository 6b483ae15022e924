//! Looks at an endpoint before it is graded: does it answer, what are its models, is it Lockgate.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Unfit;
use crate::answer::Answer;
use crate::case::Key;
use crate::client::{Client, NoAnswer, Request};
use crate::family::{Has, Kind, Known, Model};
use crate::form;

/// What is known of the endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) lockgate: bool,
    /// A key that nobody issued is refused.
    pub(crate) auth: bool,
}

impl Endpoint {
    /// Whether the endpoint has a capability; none for those that models have.
    pub(crate) fn has(&self, capability: &str, known: &Known) -> Option<Has> {
        let certain = |has: bool| if has { Has::Yes } else { Has::No };
        match capability {
            "lockgate" => Some(certain(self.lockgate)),
            "auth" => Some(certain(self.auth)),
            other if known.endpoint_capabilities.contains_key(other) => {
                let declared = self.lockgate && known.lockgate.iter().any(|name| name == other);
                Some(if declared { Has::Yes } else { Has::Unknown })
            }
            _ => None,
        }
    }
}

/// The models named, or some of those listed; each has answered once.
pub(crate) async fn look(
    client: &Client,
    named: &[String],
    known: &Known,
) -> Result<(Endpoint, Vec<Model>), Unfit> {
    let models = if named.is_empty() {
        found(client, known).await?
    } else {
        named.iter().map(|name| known.model(name)).collect()
    };
    let mut lockgate = false;
    for model in &models {
        let answer = ask(client, &greeting(model)).await?;
        if answer.status != 200 {
            let says = form::complaint(&answer.json().unwrap_or_default());
            return Err(client
                .redact(&format!("the model {} cannot be graded: {} {says}", model.name, answer.status))
                .into());
        }
        lockgate |= answer.header("x-lockgate-provider").is_some();
    }
    let stranger = ask(client, &Request { key: Key::Bad, ..get_models() }).await?;
    Ok((Endpoint { lockgate, auth: matches!(stranger.status, 401 | 403) }, models))
}

fn get_models() -> Request {
    Request {
        method: "GET".to_owned(),
        path: "/models".to_owned(),
        headers: BTreeMap::new(),
        key: Key::Own,
        body: None,
        leave_after_events: None,
    }
}

/// The least that can be asked of a model.
fn greeting(model: &Model) -> Request {
    let (path, body) = match model.kind {
        Kind::Chat => {
            let body = json!({"model": model.name, "messages": [{"role": "user", "content": "Say hello."}]});
            ("/chat/completions", body)
        }
        Kind::Embedding => ("/embeddings", json!({"model": model.name, "input": "hello"})),
    };
    Request { method: "POST".to_owned(), path: path.to_owned(), body: Some(body.to_string()), ..get_models() }
}

async fn ask(client: &Client, request: &Request) -> Result<Answer, Unfit> {
    client.send(request).await.map_err(|none| {
        let (NoAnswer::Broken(why) | NoAnswer::UsedUp(why)) = none;
        Unfit(client.redact(&format!("{} {} is not answered: {why}", request.method, request.path)))
    })
}

/// One model to chat with and one to embed with of every provider listed, those preferred that are graded at home.
async fn found(client: &Client, known: &Known) -> Result<Vec<Model>, Unfit> {
    let answer = ask(client, &get_models()).await?;
    let body = answer.json().unwrap_or_default();
    if answer.status != 200 {
        let says = form::complaint(&body);
        return Err(client
            .redact(&format!("GET /models answers {}: {says}; name models with --model", answer.status))
            .into());
    }
    let listed = body.get("data").and_then(Value::as_array).into_iter().flatten();
    let listed: Vec<Model> = listed
        .filter_map(|model| model.get("id").and_then(Value::as_str))
        .map(|name| known.model(name))
        .collect();
    let mut chosen: BTreeMap<(String, bool), Model> = BTreeMap::new();
    let preferred = |model: &Model| known.own.values().flatten().any(|name| *name == model.name);
    for model in listed {
        let place = (model.provider.clone(), model.kind == Kind::Embedding);
        match chosen.get(&place) {
            Some(known) if preferred(known) || !preferred(&model) => {}
            _ => {
                chosen.insert(place, model);
            }
        }
    }
    if chosen.is_empty() {
        return Err("GET /models lists no model; name models with --model".into());
    }
    Ok(chosen.into_values().collect())
}
