//! The routes around the models: what is pulled, and what it is.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::ollama::answer::frame;
use crate::ollama::error::{Refusal, bad, no_such_model};
use crate::ollama::library::Library;
use crate::ollama::request::read;
use crate::plan::{Answer, Content, Event, EventKind, set_header};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    model: Option<String>,
    /// The field's name before.
    name: Option<String>,
    stream: Option<bool>,
}

impl Named {
    fn name(&self) -> &str {
        let given = |field: &Option<String>| field.as_deref().is_some_and(|name| !name.is_empty());
        let field = if given(&self.model) { &self.model } else { &self.name };
        field.as_deref().unwrap_or_default()
    }
}

pub(crate) fn tags(library: &Library, modified_at: &str) -> Answer {
    let models = library.all();
    let tags: Vec<_> = models.iter().map(|model| model.tag(modified_at)).collect();
    Answer::json(&BTreeMap::from([("models", tags)]), None, None)
}

pub(crate) fn show(library: &Library, body: &[u8], modified_at: &str) -> Result<Answer, Refusal> {
    let named: Named = read(body)?;
    if named.name().is_empty() {
        return Err(bad("model is required"));
    }
    let model = library.find(named.name()).ok_or_else(|| no_such_model(named.name()))?;
    Ok(Answer::json(&model.shown(modified_at), None, None))
}

pub(crate) fn delete(library: &Library, body: &[u8]) -> Result<Answer, Refusal> {
    let named: Named = read(body)?;
    if !library.delete(named.name()) {
        return Err(no_such_model(named.name()));
    }
    let content = Content::Whole { bytes: Bytes::new(), usage: None };
    Ok(Answer { status: StatusCode::OK, headers: HeaderMap::new(), content, usage: None })
}

pub(crate) fn pull(library: &Library, body: &[u8]) -> Result<Answer, Refusal> {
    let named: Named = read(body)?;
    if named.name().is_empty() {
        return Err(bad("invalid model name"));
    }
    library.pull(named.name());
    if named.stream == Some(false) {
        return Ok(Answer::json(&json!({"status": "success"}), None, None));
    }
    let steps = ["pulling manifest", "verifying sha256 digest", "writing manifest", "success"];
    let last = steps.len() - 1;
    let event = |(place, step): (usize, &&str)| Event {
        bytes: frame(&json!({"status": step}).to_string()),
        kind: if place == last { EventKind::Terminal } else { EventKind::Part },
        usage: None,
    };
    let mut headers = HeaderMap::new();
    set_header(&mut headers, "content-type", "application/x-ndjson");
    let content = Content::Stream(steps.iter().enumerate().map(event).collect());
    Ok(Answer { status: StatusCode::OK, headers, content, usage: None })
}
