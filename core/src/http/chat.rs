//! `POST /v1/chat/completions`.

use http::Response;

use super::respond::{Form, respond};
use super::{Body, headers};
use crate::ask::Reply;
use crate::error::{Error, Result};
use crate::gateway::Gateway;
use crate::stream::{DONE, Lists, write_chunk, write_error};
use crate::types::{ChatRequest, Chunk, ErrorBody};

pub(super) async fn complete(gateway: &Gateway, call: headers::Call, body: &[u8]) -> Result<Response<Body>> {
    respond(gateway, call, ChatRequest::from_slice(body)?, AsIs::default()).await
}

/// The gateway's own form: chat completions, chunks and `[DONE]`; or an error and no `[DONE]`.
#[derive(Default)]
pub(super) struct AsIs {
    lists: Lists,
}

impl Form for AsIs {
    fn whole(&self, reply: &Reply) -> serde_json::Result<Vec<u8>> {
        reply.to_json()
    }

    fn piece(&mut self, chunk: Chunk, out: &mut Vec<u8>) -> serde_json::Result<()> {
        self.lists.take(chunk).map_or(Ok(()), |chunk| write_chunk(&chunk, out))
    }

    fn failure(&mut self, error: &Error, out: &mut Vec<u8>) {
        // Strings alone: it cannot fail; were it to, the missing [DONE] says that something did.
        let _ = write_error(&ErrorBody::from(error), out);
    }

    fn end(&mut self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.extend_from_slice(DONE);
        Ok(())
    }
}
