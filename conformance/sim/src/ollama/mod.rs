//! Ollama's protocol: routes, and the models that are pulled.

mod answer;
mod embed;
mod error;
mod library;
mod manage;
mod request;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::json;

use crate::clock::Clock;
use crate::fault::{ErrorInStream, Fault, StatusFault};
use crate::model::compose;
use crate::ollama::answer::{Identity, Route, frame};
use crate::ollama::error::{Refusal, bad, no_such_model, page, unauthorized};
use crate::ollama::library::Library;
use crate::ollama::request::{Asked, read};
use crate::plan::{Answer, Content, Dialect, set_header};
use crate::server::{Arrived, Vendor};

/// The version told.
const VERSION: &str = "0.20.0";

/// The simulated vendor.
pub(crate) struct Ollama {
    clock: Clock,
    library: Library,
}

impl Ollama {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, library: Library::default() }
    }

    fn route(&self, arrived: &Arrived, faults: &[&Fault]) -> Result<Answer, Refusal> {
        authorise(&arrived.headers)?;
        let (body, now) = (&arrived.body, self.clock.now());
        let reading = matches!(arrived.method, Method::GET | Method::HEAD);
        match (arrived.path.as_str(), &arrived.method) {
            ("/" | "", _) if reading => Ok(page(StatusCode::OK, "Ollama is running")),
            ("/api/version", _) if reading => Ok(Answer::json(&json!({"version": VERSION}), None, None)),
            ("/api/tags", _) if reading => Ok(manage::tags(&self.library, &at(now))),
            ("/api/ps", &Method::GET) => Ok(Answer::json(&json!({"models": []}), None, None)),
            ("/api/chat", &Method::POST) => self.generate(Route::Chat, arrived, faults),
            ("/api/generate", &Method::POST) => self.generate(Route::Generate, arrived, faults),
            ("/api/embed", &Method::POST) => embed::embed(&self.library, body, faults),
            ("/api/embeddings", &Method::POST) => embed::embeddings(&self.library, body),
            ("/api/show", &Method::POST) => manage::show(&self.library, body, &at(now)),
            ("/api/pull", &Method::POST) => manage::pull(&self.library, body),
            ("/api/delete", &Method::DELETE) => manage::delete(&self.library, body),
            (
                "/" | "" | "/api/version" | "/api/tags" | "/api/ps" | "/api/chat" | "/api/generate"
                | "/api/embed" | "/api/embeddings" | "/api/show" | "/api/pull" | "/api/delete",
                _,
            ) => Ok(page(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed")),
            _ => Ok(page(StatusCode::NOT_FOUND, "404 page not found")),
        }
    }

    fn generate(&self, route: Route, arrived: &Arrived, faults: &[&Fault]) -> Result<Answer, Refusal> {
        let mut asked: Asked = read(&arrived.body)?;
        if route == Route::Generate {
            asked.generation();
        }
        let logprobs = asked.logprobs()?;
        let name = asked.model.clone().unwrap_or_default();
        if name.is_empty() && route == Route::Chat {
            return Err(bad("model is required"));
        }
        let model = self.library.find(&name).ok_or_else(|| no_such_model(&name))?;
        let identity = Identity { route, model: &name, created: self.clock.now(), logprobs };
        let silent = asked.messages.iter().flatten().all(|message| message.role.is_none());
        if silent && asked.unloads() {
            return Ok(answer::nothing(identity, "unload"));
        }
        if !model.can("completion") {
            let verb = if route == Route::Chat { "chat" } else { "generate" };
            return Err(bad(format!("{name:?} does not support {verb}")));
        }
        let prompt = asked.prompt(&name, &model)?;
        if silent {
            return Ok(answer::nothing(identity, "load"));
        }
        let reply = compose(arrived.id, &prompt, faults);
        Ok(answer::answer(identity, asked.is_stream(), &reply, faults))
    }
}

/// A time since 1970 as Ollama writes it.
fn at(time: Duration) -> String {
    let nanos = i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
    jiff::Timestamp::from_nanosecond(nanos).map(|at| at.to_string()).unwrap_or_default()
}

/// No key is needed; one that is bad is refused as Ollama's own service refuses it.
fn authorise(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = value.strip_prefix("Bearer ").unwrap_or_default();
    if key.starts_with("sk-bad") { Err(unauthorized()) } else { Ok(()) }
}

impl Vendor for Ollama {
    fn answer(&self, arrived: &Arrived, faults: &[&Fault]) -> Answer {
        self.route(arrived, faults).unwrap_or_else(Refusal::into_answer)
    }

    fn status(&self, _arrived: &Arrived, fault: &StatusFault) -> Answer {
        let mut answer = error::scripted(fault).into_answer();
        if let Some(body) = &fault.body {
            answer.content = Content::Whole { bytes: body.clone().into(), usage: None };
        }
        if let Some(seconds) = &fault.retry_after {
            set_header(&mut answer.headers, "retry-after", seconds);
        }
        if let Some(ms) = fault.retry_after_ms {
            set_header(&mut answer.headers, "retry-after-ms", &ms.to_string());
        }
        for (name, value) in &fault.headers {
            set_header(&mut answer.headers, name, value);
        }
        answer
    }

    fn pull(&self, models: &[String]) -> bool {
        self.library.set(models);
        true
    }

    fn reset(&self) {
        self.library.reset();
    }
}

impl Dialect for Ollama {
    fn error_inside(&self, fault: &ErrorInStream, framed: bool) -> Bytes {
        let error = error::inside(fault);
        if framed { frame(&error) } else { error.into() }
    }

    fn frame_end(&self) -> &'static [u8] {
        b"\n"
    }
}
