//! HTTP without a socket: a request in, a response out. The server mounts it; the bindings hand it to official SDKs
//! as an in-process transport.

mod body;
mod chat;
mod embeddings;
mod errors;
mod headers;
mod models;
mod respond;
mod responses;

pub use body::Body;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};

use self::headers::RequestId;
use crate::auth::OnStoreLoss;
use crate::error::{Error, Kind};
use crate::gateway::Gateway;
use crate::telemetry::CONTENT_TYPE;

/// What is served: method, path.
const ROUTES: &[(&str, &str)] = &[
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
    ("POST", "/v1/embeddings"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model}"),
    ("GET", "/live"),
    ("GET", "/ready"),
    ("GET", "/health"),
    ("GET", "/metrics"),
];

impl Gateway {
    /// Answers one HTTP request. Errors are OpenAI error objects; the answer always has an `x-request-id`.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let call = headers::Call::read(&head.headers, self.core());
        let id = call.request_id();
        let answered = match call {
            Ok(call) => self.route(&head.method, head.uri.path(), &head.headers, call, &body).await,
            Err(error) => Err(*error.error),
        };
        let mut response = answered.unwrap_or_else(|error| errors::response(&error));
        headers::put(response.headers_mut(), "x-request-id", &id);
        response
    }

    async fn route(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        call: headers::Call,
        body: &Bytes,
    ) -> Result<Response<Body>, Error> {
        if body.len() as u64 > self.core().config.max_body_bytes {
            return Err(too_large(self.core().config.max_body_bytes));
        }
        match (method, path) {
            (&Method::POST, "/v1/chat/completions") => {
                self.greet(&call, headers).await?;
                chat::complete(self, call, body).await
            }
            (&Method::POST, "/v1/responses") => {
                self.greet(&call, headers).await?;
                responses::create(self, call, body).await
            }
            (&Method::POST, "/v1/embeddings") => {
                self.greet(&call, headers).await?;
                embeddings::create(self, call, body).await
            }
            (&Method::GET, "/v1/models") => models::list(self, call).await,
            (&Method::GET, path) if model_name(path).is_some() => {
                models::one(self, call, model_name(path).unwrap_or_default()).await
            }
            (&Method::GET, "/live") => Ok(body::json(200, r#"{"status":"ok"}"#)),
            (&Method::GET, "/ready" | "/health") => self.ready().await,
            (&Method::GET, "/metrics") => Ok(body::text(CONTENT_TYPE, self.metrics().await)),
            _ => Err(unknown(method, path)),
        }
    }

    /// Who may not call at all is told so before a byte of the body is read.
    async fn greet(&self, call: &headers::Call, headers: &HeaderMap) -> Result<(), Error> {
        self.core().identities.authenticate(&call.credentials(), self.core().clock.now()).await?;
        headers::check_json(headers)
    }

    /// Whether requests would be served. Without limits they are where the default project says so.
    async fn ready(&self) -> Result<Response<Body>, Error> {
        let core = self.core();
        let Err(error) = core.check_stores().await else {
            return Ok(body::json(200, r#"{"status":"ok","stores":"ok"}"#));
        };
        let closed = core.config.project.on_store_loss == OnStoreLoss::Closed;
        if !closed && core.check_database().await.is_ok() {
            return Ok(body::json(200, r#"{"status":"degraded","stores":"unavailable"}"#));
        }
        tracing::warn!(%error, "not ready");
        Ok(body::json(503, r#"{"status":"unavailable","stores":"unavailable"}"#))
    }
}

/// A body beyond the limit.
#[must_use]
pub fn too_large(most: u64) -> Error {
    Error::new(Kind::PayloadTooLarge, format!("The request body is larger than {most} bytes."))
        .with(|details| details.param = Some("body".to_owned()))
}

/// The answer to an error that arose before a request reached [`Gateway::handle`].
#[must_use]
pub fn refuse(error: &Error, request_id: &str) -> Response<Body> {
    let mut response = errors::response(error);
    headers::put(response.headers_mut(), "x-request-id", request_id);
    response
}

fn model_name(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/models/").filter(|name| !name.is_empty())
}

fn unknown(method: &Method, path: &str) -> Error {
    let methods: Vec<&str> = ROUTES
        .iter()
        .filter(|(_, known)| *known == path || (*known == "/v1/models/{model}" && model_name(path).is_some()))
        .map(|(method, _)| *method)
        .collect();
    if !methods.is_empty() {
        let allowed = methods.join(", ");
        return Error::new(Kind::MethodNotAllowed, format!("{path} takes {allowed}, not {method}."))
            .with(|details| details.allow = Some(allowed));
    }
    let served: Vec<String> = ROUTES.iter().map(|(method, path)| format!("{method} {path}")).collect();
    Error::new(Kind::NotFound, format!("There is no {path}. Served are {}.", served.join(", ")))
}
