//! `POST /v1/embeddings`.

use http::Response;

use super::chat::AsIs;
use super::respond::whole;
use super::{Body, headers};
use crate::ask::Ask;
use crate::error::Result;
use crate::gateway::Gateway;
use crate::pipeline;
use crate::types::EmbedRequest;

pub(super) async fn create(gateway: &Gateway, call: headers::Call, body: &[u8]) -> Result<Response<Body>> {
    let ask = Ask::Embed(Box::new(EmbedRequest::from_slice(body)?));
    whole(pipeline::run(gateway.core(), ask.into(), call.options, Some(call.id)).await?, &AsIs::default())
}
