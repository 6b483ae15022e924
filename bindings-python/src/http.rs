//! The gateway's HTTP surface, for the transports of HTTP libraries. No socket is involved.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use lockgate::http::Body;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::host::Work;
use crate::pending::{Ended, Finish};
use crate::stream::{Source, Stream};

pub(crate) fn request(
    method: &str,
    path: &str,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: &[u8],
) -> PyResult<Request<Bytes>> {
    let broken = |error: http::Error| PyValueError::new_err(error.to_string());
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| broken(error.into()))?;
    let mut request =
        Request::builder().method(method).uri(path).body(Bytes::copy_from_slice(body)).map_err(broken)?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(&name).map_err(|error| broken(error.into()))?;
        let value = HeaderValue::from_bytes(&value).map_err(|error| broken(error.into()))?;
        request.headers_mut().append(name, value);
    }
    Ok(request)
}

/// Answers `request`.
pub(crate) fn handle(gateway: Arc<lockgate::Gateway>, request: Request<Bytes>) -> Work<Ended> {
    Box::pin(async move {
        let response = gateway.handle(request).await;
        Ok(finish(gateway, response))
    })
}

fn finish(gateway: Arc<lockgate::Gateway>, response: Response<Body>) -> Finish {
    Box::new(move |py| {
        let (head, body) = response.into_parts();
        let headers = PyList::empty(py);
        for (name, value) in &head.headers {
            headers
                .append((PyBytes::new(py, name.as_str().as_bytes()), PyBytes::new(py, value.as_bytes())))?;
        }
        let body = match body {
            Body::Full(bytes) => PyBytes::new(py, &bytes).into_any().unbind(),
            Body::Stream(bytes) => Py::new(py, Stream::new(Source::Bytes(bytes.fuse()), gateway))?.into_any(),
        };
        Ok((head.status.as_u16(), headers, body).into_pyobject(py)?.into_any().unbind())
    })
}
