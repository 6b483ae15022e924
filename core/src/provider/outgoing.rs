//! A request ready to be sent.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};
use serde::Serialize;

use super::Endpoint;
use crate::error::{Error, Kind, Result};

/// The media type of server-sent events.
pub(super) const EVENT_STREAM: &str = "text/event-stream";
/// The media type of JSON.
pub(super) const JSON: &str = "application/json";

/// A request ready to be sent.
#[derive(Debug)]
pub struct Outgoing {
    /// The request. Its secret headers are marked as such.
    pub request: Request<Bytes>,
    /// What was changed or left out, for the caller.
    pub warnings: Vec<String>,
}

impl Outgoing {
    /// Posts `body` as JSON to `path` below the endpoint's base URL, with the endpoint's own headers.
    pub(super) fn post<T: Serialize + ?Sized>(
        endpoint: &Endpoint,
        path: &str,
        body: &T,
        accept: &'static str,
    ) -> Result<Outgoing> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::internal("the request could not be written", error))?;
        let mut outgoing = Outgoing::to(Method::POST, endpoint, path, Bytes::from(body), accept)?;
        outgoing.request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        Ok(outgoing)
    }

    /// Asks for the JSON at `path` below the endpoint's base URL, with the endpoint's own headers.
    pub(super) fn get(endpoint: &Endpoint, path: &str) -> Result<Outgoing> {
        Outgoing::to(Method::GET, endpoint, path, Bytes::new(), JSON)
    }

    fn to(
        method: Method,
        endpoint: &Endpoint,
        path: &str,
        body: Bytes,
        accept: &'static str,
    ) -> Result<Outgoing> {
        let mut request = Request::builder()
            .method(method)
            .uri(endpoint.url(path))
            .body(body)
            .map_err(|error| Error::internal("the request could not be built", error))?;
        let headers = request.headers_mut();
        headers.extend(endpoint.headers.clone());
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        Ok(Outgoing { request, warnings: Vec::new() })
    }

    /// Sends the endpoint's key in header `name`, after `prefix`. Without a key nothing is sent.
    pub(super) fn key(mut self, endpoint: &Endpoint, name: HeaderName, prefix: &str) -> Result<Outgoing> {
        if let Some(key) = &endpoint.key {
            let mut value = HeaderValue::try_from(format!("{prefix}{}", key.expose())).map_err(|_| {
                Error::new(Kind::Config, "The provider's key holds characters that no header can carry.")
            })?;
            value.set_sensitive(true);
            self.request.headers_mut().insert(name, value);
        }
        Ok(self)
    }
}
