//! Requests to the endpoint under test.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, header};
use reqwest::{Response, Url, redirect};

use crate::Unfit;
use crate::answer::Answer;
use crate::budget::Budget;
use crate::case::Key;
use crate::event_stream::Reader;

/// The largest answer read, in bytes.
const BODY_LIMIT: usize = 16 << 20;
/// A key that nobody issued.
const BAD_KEY: &str = "sk-bad-lockgate-conformance";
/// How often an endpoint that is busy is asked again, and how long it may ask us to wait.
const RETRIES: u32 = 2;
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request: less than servers keep theirs, or a request meets one that is just
/// being closed, and that is nobody's fault.
const IDLE: Duration = Duration::from_secs(1);
/// Keys shorter than this are no secrets, such as `x` for a server without keys.
const SHORTEST_SECRET: usize = 8;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) key: Key,
    pub(crate) body: Option<String>,
    pub(crate) leave_after_events: Option<usize>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The run's budget is used up.
    UsedUp(String),
    /// The connection failed, or nothing came in time.
    Broken(String),
}

/// Sends requests to one endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
    timeout: Duration,
    /// Whether a busy endpoint is asked again: not where nobody else uses it.
    pub(crate) patient: bool,
    pub(crate) budget: Budget,
}

impl Client {
    pub(crate) fn new(
        base_url: &str,
        key: Option<String>,
        timeout: Duration,
        patient: bool,
        budget: Budget,
    ) -> Result<Self, Unfit> {
        let url = Url::parse(base_url).map_err(|error| format!("--base-url {base_url:?}: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some()
        {
            return Err("--base-url: expected http:// or https:// and no user in it".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("--base-url: expected no query and no fragment".into());
        }
        if key.as_ref().is_some_and(|key| HeaderValue::try_from(key).is_err()) {
            return Err("--api-key: expected visible ASCII".into());
        }
        // Fails only where a provider is installed already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE);
        if url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| format!("no client can be made: {error}"))?;
        Ok(Self { http, base: base_url.trim_end_matches('/').to_owned(), key, timeout, patient, budget })
    }

    /// `text` without the key, should the endpoint have repeated it.
    pub(crate) fn redact(&self, text: &str) -> String {
        match &self.key {
            Some(key) if key.len() >= SHORTEST_SECRET => text.replace(key.as_str(), "[key]"),
            _ => text.to_owned(),
        }
    }

    /// Sends a request, and again while the endpoint is busy.
    pub(crate) async fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let mut retries = if self.patient { RETRIES } else { 0 };
        loop {
            self.budget.take().map_err(NoAnswer::UsedUp)?;
            let answer = tokio::time::timeout(self.timeout, self.once(request)).await;
            let answer = answer
                .map_err(|_| {
                    format!("no whole answer within {} s (--timeout-seconds)", self.timeout.as_secs())
                })
                .flatten()
                .map_err(NoAnswer::Broken)?;
            if retries == 0 || !matches!(answer.status, 429 | 503 | 529) {
                return Ok(answer);
            }
            retries -= 1;
            let asked = answer.header("retry-after").and_then(|seconds| seconds.parse().ok()).unwrap_or(1);
            tokio::time::sleep(Duration::from_secs(asked).min(LONGEST_WAIT)).await;
        }
    }

    async fn once(&self, request: &Request) -> Result<Answer, String> {
        let method = Method::try_from(request.method.as_str())
            .map_err(|_| format!("the case's method {:?} is none", request.method))?;
        let mut sent = self.http.request(method, format!("{}{}", self.base, request.path));
        for (name, value) in &request.headers {
            let name =
                HeaderName::try_from(name).map_err(|_| format!("the case's header {name:?} is none"))?;
            sent = sent.header(name, value);
        }
        sent = match (request.key, &self.key) {
            (Key::Own, Some(key)) => sent.bearer_auth(key),
            (Key::Bad, _) => sent.bearer_auth(BAD_KEY),
            _ => sent,
        };
        if let Some(body) = &request.body {
            if !request.headers.contains_key("content-type") {
                sent = sent.header(header::CONTENT_TYPE, "application/json");
            }
            sent = sent.body(body.clone());
        }
        let response = sent.send().await.map_err(|error| said(&error))?;
        read(response, request.leave_after_events).await
    }
}

async fn read(mut response: Response, leave_after: Option<usize>) -> Result<Answer, String> {
    let mut answer = Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: Vec::new(),
        events: Vec::new(),
        ended_well: true,
        left: false,
    };
    let streams = answer.media_type() == "text/event-stream";
    let mut reader = Reader::default();
    while let Some(bytes) = response.chunk().await.map_err(|error| said(&error))? {
        answer.body.extend_from_slice(&bytes);
        if answer.body.len() > BODY_LIMIT {
            return Err(format!("the answer is longer than {BODY_LIMIT} bytes"));
        }
        if !streams {
            continue;
        }
        reader.push(&bytes);
        if leave_after.is_some_and(|events| reader.events.len() >= events) {
            answer.left = true;
            break;
        }
    }
    answer.ended_well = reader.is_between_events();
    answer.events = reader.events;
    Ok(answer)
}

/// An error with its causes; reqwest's own text tells only the outermost.
fn said(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
