//! Embeddings: out word for word but for the model, in as they come.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::request::post;
use super::{Dialect, OpenAi, error, usage};
use crate::error::Result;
use crate::provider::express::left_out;
use crate::provider::outgoing::JSON;
use crate::provider::{EmbedCall, Failure, FailureClass, Outgoing};
use crate::types::EmbedResponse;

pub(super) fn request(openai: &OpenAi, call: &EmbedCall<'_>) -> Result<Outgoing> {
    let dialect = openai.dialect;
    let path = openai.path(call.endpoint, call.model, "/embeddings")?;
    let leaves_user = dialect.left_out.contains(&"user");
    let mut outgoing = post(dialect, call.endpoint, &path, &Body { call, dialect, leaves_user }, JSON)?;
    if leaves_user && call.request.user.is_some() {
        outgoing.warnings.push(left_out("user", dialect.name));
    }
    Ok(outgoing)
}

struct Body<'a> {
    call: &'a EmbedCall<'a>,
    dialect: &'a Dialect,
    leaves_user: bool,
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let request = self.call.request;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("model", self.call.model)?;
        let skip = ["model", "dimensions", "lockgate", "user"];
        let (skip, _) = skip.split_at(if self.leaves_user { 4 } else { 3 });
        request.entries(&mut map, skip)?;
        if let Some(dimensions) = request.dimensions {
            map.serialize_entry(self.dialect.dimensions, &dimensions)?;
        }
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
    if let Some(told) = &mut response.usage {
        // Nobody thinks to make vectors.
        usage::settle(told, Dialect::OPENAI);
    }
    response.lockgate = None;
    Ok(response)
}
