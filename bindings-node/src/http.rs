//! The gateway's HTTP surface, for `fetch`. No socket is involved.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use lockgate::{Error, Result};

use crate::answer::{Body, Value};
use crate::desk::Line;
use crate::stream::{Source, Stream};

/// Headers are name, value, name, value …
pub(crate) fn request(method: &str, path: &str, headers: &[String], body: Bytes) -> Result<Request<Bytes>> {
    let broken = |part: &'static str| move |error: http::Error| Error::invalid(part, error.to_string());
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| broken("method")(error.into()))?;
    let mut request = Request::builder().method(method).uri(path).body(body).map_err(broken("url"))?;
    for pair in headers.chunks_exact(2) {
        let [name, value] = pair else { continue };
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|error| broken("headers")(error.into()))?;
        // A header of `fetch` is a string of bytes: one character each.
        let value: Option<Vec<u8>> = value.chars().map(|letter| u8::try_from(letter).ok()).collect();
        let value = value.unwrap_or_default();
        let value = HeaderValue::from_bytes(&value).map_err(|error| broken("headers")(error.into()))?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

/// An HTTP answer for JavaScript.
pub(crate) fn answer(line: &Arc<Line>, response: Response<lockgate::http::Body>) -> Value {
    let (head, body) = response.into_parts();
    let mut headers = Vec::with_capacity(head.headers.len() * 2);
    for (name, value) in &head.headers {
        headers.push(name.as_str().to_owned());
        headers.push(value.as_bytes().iter().copied().map(char::from).collect());
    }
    let body = match body {
        lockgate::http::Body::Full(bytes) => Body::Whole(bytes.into()),
        lockgate::http::Body::Stream(bytes) => Body::Stream(Stream::new(line, Source::Bytes(bytes.fuse()))),
    };
    Value::Http(head.status.as_u16(), headers, body)
}
