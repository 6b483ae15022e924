//! Embeddings: out word for word but for the model, in as they come.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::error;
use crate::error::Result;
use crate::provider::outgoing::JSON;
use crate::provider::{EmbedCall, Failure, FailureClass, Outgoing};
use crate::types::EmbedResponse;

pub(super) fn request(call: &EmbedCall<'_>) -> Result<Outgoing> {
    super::request::post(call.endpoint, "/embeddings", &Body(call), JSON)
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
