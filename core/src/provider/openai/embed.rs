//! Embeddings: out word for word but for the model, in as they come.

use bytes::Bytes;
use http::{Method, Request};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::error;
use crate::error::{Error, Result};
use crate::provider::{EmbedCall, Failure, FailureClass, Outgoing};
use crate::types::EmbedResponse;

pub(super) fn request(call: &EmbedCall<'_>) -> Result<Outgoing> {
    let body = serde_json::to_vec(&Body(call))
        .map_err(|error| Error::internal("the request could not be written", error))?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(call.endpoint.url("/embeddings"))
        .body(Bytes::from(body))
        .map_err(|error| Error::internal("the request could not be built", error))?;
    let mut outgoing = Outgoing { request, warnings: Vec::new() };
    super::request::headers(call.endpoint, false, &mut outgoing)?;
    Ok(outgoing)
}

struct Body<'a>(&'a EmbedCall<'a>);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.0.model)?;
        self.0.request.entries(&mut map, &["model", "lockgate"])?;
        map.end()
    }
}

pub(super) fn read(body: &[u8]) -> Result<EmbedResponse, Failure> {
    let mut response: EmbedResponse =
        serde_json::from_slice(body).map_err(|problem| match error::body(body) {
            // Some providers answer 200 with an error object.
            Some(told) => told.into_failure(FailureClass::InBand, None),
            None => Failure::malformed(format!("The provider's answer cannot be read: {problem}.")),
        })?;
    if response.data.is_empty() {
        return Err(Failure::malformed("The provider's answer has no vectors."));
    }
    response.lockgate = None;
    Ok(response)
}
