//! `POST /v1/responses`, without state: nothing is kept between calls, so the whole conversation comes with each.
//!
//! A request is translated to a chat request, takes the one path, and its answer is written as a response. The shapes
//! are those of OpenAI's API reference, "Responses".

mod events;
mod growing;
mod input;
mod output;
mod request;
mod seal;
mod settings;
mod translate;
mod wire;

use http::Response;

use self::events::Events;
use self::output::Echo;
use self::wire::ResponsesRequest;
use super::respond::{Form, respond};
use super::{Body, headers};
use crate::ask::Reply;
use crate::error::{Error, Result};
use crate::gateway::Gateway;
use crate::types::Chunk;

pub(super) async fn create(gateway: &Gateway, call: headers::Call, body: &[u8]) -> Result<Response<Body>> {
    let request = ResponsesRequest::from_slice(body)?;
    let translated = translate::chat(&request)?;
    let created = gateway.core().clock.now().0.div_euclid(1000);
    let echo = Echo::of(request, created);
    let form = Responses { events: Events::new(&call.id), echo, warnings: translated.warnings };
    respond(gateway, call, translated.request, form).await
}

/// Answers as responses: an object, or its events.
struct Responses {
    echo: Echo,
    events: Events,
    warnings: Vec<String>,
}

impl Form for Responses {
    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn whole(&self, reply: &Reply) -> serde_json::Result<Vec<u8>> {
        match reply {
            Reply::Chat(answer) => serde_json::to_vec(&self.echo.whole(answer)),
            Reply::Embed(_) => reply.to_json(),
        }
    }

    fn piece(&mut self, chunk: Chunk, out: &mut Vec<u8>) -> serde_json::Result<()> {
        self.events.piece(&self.echo, chunk, out)
    }

    fn failure(&mut self, error: &Error, out: &mut Vec<u8>) {
        // Without the terminal event a client knows that the answer is not whole.
        let _ = self.events.failure(&self.echo, error, out);
    }

    fn end(&mut self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        self.events.end(&self.echo, out)
    }
}
