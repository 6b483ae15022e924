//! Stage 7: asks the candidates in order until one answers. It may change provider only before the first content
//! has reached the caller.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::time::Instant;

use super::failed::{Failed, exhausted};
use super::upstream::EventSource;
use super::{Candidate, Route};
use crate::clock::Millis;
use crate::context::Context;
use crate::error::Result;
use crate::provider::{Adapter, Call};
use crate::settle::{Attempt, Reservation};
use crate::transport::{Incoming, Transport};
use crate::types::{ChatRequest, ChatResponse};

/// Who answered, and with what.
pub(crate) struct Answered {
    pub(crate) candidate: Candidate,
    pub(crate) upstream: Upstream,
}

/// An answer of a provider's.
pub(crate) enum Upstream {
    /// Whole.
    Complete(Box<ChatResponse>),
    /// On its way; its first content has arrived.
    Stream(EventSource),
}

/// What every attempt of a request needs.
pub(crate) struct Attempts<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) request: &'a ChatRequest,
    /// A maximum of output tokens to send upstream (`cap_mode = "strict"`).
    pub(crate) output_cap: Option<u64>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) now: Millis,
}

impl Attempts<'_> {
    /// Asks each candidate until one answers.
    pub(crate) async fn run(&self, cx: &mut Context, route: &Route, reservation: &mut Reservation) -> Result<Answered> {
        reservation.record()?;
        let mut failures = Vec::new();
        for candidate in route.candidates() {
            reservation.serving(&candidate.provider.name, &candidate.model, candidate.price.as_ref());
            let warnings = cx.warnings.len();
            let outcome = self.one(cx, candidate, reservation).await;
            let result = match &outcome {
                Ok(_) => "200".to_owned(),
                Err(failed) => failed.result(),
            };
            cx.attempts.push(Attempt {
                provider: candidate.provider.name.clone(),
                model: candidate.model.clone(),
                result,
            });
            reservation.attempts(&cx.attempts);
            match outcome {
                Ok(upstream) => return Ok(Answered { candidate: candidate.clone(), upstream }),
                Err(failed) if failed.moves_on() => {
                    tracing::warn!(
                        request_id = %cx.request_id,
                        provider = %candidate.provider.name,
                        model = %candidate.model,
                        result = %failed.result(),
                        "an attempt failed"
                    );
                    cx.warnings.truncate(warnings);
                    failures.push(failed);
                }
                Err(failed) => return Err(failed.into_error(&candidate.provider.name)),
            }
        }
        Err(exhausted(failures))
    }

    async fn one(&self, cx: &mut Context, candidate: &Candidate, reservation: &mut Reservation) -> Result<Upstream, Failed> {
        let stream = self.request.is_stream();
        let adapter = candidate.provider.adapter.as_ref();
        let request = self.translate(cx, adapter, candidate, stream).map_err(Failed::Request)?;
        let mut incoming = self.transport.send(request, stream, self.deadline).await?;
        if !incoming.status.is_success() {
            let body = incoming.bytes().await.unwrap_or_default();
            return Err(adapter.failure(incoming.status.as_u16(), &incoming.headers, &body, self.now).into());
        }
        if stream {
            let mut source = EventSource::new(incoming, adapter.decoder());
            source.until_content(reservation).await?;
            return Ok(Upstream::Stream(source));
        }
        complete(adapter, &mut incoming, reservation).await
    }

    fn translate(
        &self,
        cx: &mut Context,
        adapter: &dyn Adapter,
        candidate: &Candidate,
        stream: bool,
    ) -> Result<Request<Bytes>> {
        let call = Call {
            request: self.request,
            model: &candidate.model,
            stream,
            endpoint: &candidate.provider.endpoint,
            output_cap: self.output_cap,
        };
        let mut outgoing = adapter.chat(&call)?;
        cx.warnings.append(&mut outgoing.warnings);
        Ok(outgoing.request)
    }
}

async fn complete(
    adapter: &dyn Adapter,
    incoming: &mut Incoming,
    reservation: &mut Reservation,
) -> Result<Upstream, Failed> {
    reservation.first_byte();
    let body = incoming.bytes().await?;
    let response = adapter.answer(&body)?;
    Ok(Upstream::Complete(Box::new(response)))
}

/// The instant until which an answer that is not streamed must be there, all attempts together.
pub(crate) fn deadline(asked: Option<Duration>, total: Duration, stream: bool) -> Option<Instant> {
    let limit = if stream { asked } else { Some(asked.map_or(total, |asked| asked.min(total))) };
    limit.map(|limit| Instant::now() + limit)
}
