//! Stage 7: asks the candidates in order until one answers. It may change provider only before the first content
//! has reached the caller.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::time::Instant;

use super::demand::Demand;
use super::failed::{Failed, exhausted};
use super::plan::unknown_price;
use super::upstream::EventSource;
use super::{Candidate, Route};
use crate::ask::{Ask, Reply};
use crate::auth::Secret;
use crate::clock::Millis;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::limits::{Admission, Raise};
use crate::money::Nano;
use crate::provider::{Adapter, Call, EmbedCall, Endpoint};
use crate::settle::{Attempt, Reservation};
use crate::store::Limiter;
use crate::transport::Transport;

/// Who answered, and with what.
pub(crate) struct Answered {
    pub(crate) candidate: Candidate,
    pub(crate) upstream: Upstream,
}

/// An answer of a provider's.
pub(crate) enum Upstream {
    /// Whole.
    Complete(Reply),
    /// On its way; its first content has arrived.
    Stream(Box<EventSource>),
}

/// What every attempt of a request needs.
pub(crate) struct Attempts<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) limiter: &'a dyn Limiter,
    /// What the limiter was asked: a reservation is raised against the same caps.
    pub(crate) admission: &'a Admission,
    pub(crate) ask: &'a Ask,
    pub(crate) demand: Demand,
    pub(crate) deadline: Option<Instant>,
    pub(crate) now: Millis,
    /// The project's own provider keys, by provider: used in place of the gateway's.
    pub(crate) keys: &'a BTreeMap<String, Secret>,
}

impl Attempts<'_> {
    /// Asks each candidate until one answers.
    pub(crate) async fn run(
        &self,
        cx: &mut Context,
        route: &Route,
        reservation: &mut Reservation,
    ) -> Result<Answered> {
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
        let last = route.candidates().last().map(|candidate| candidate.provider.name.clone());
        Err(exhausted(failures).with(|details| details.provider = last))
    }

    async fn one(
        &self,
        cx: &mut Context,
        candidate: &Candidate,
        reservation: &mut Reservation,
    ) -> Result<Upstream, Failed> {
        self.cover(candidate, reservation).await.map_err(Failed::Skipped)?;
        let stream = self.ask.is_stream();
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
            return Ok(Upstream::Stream(Box::new(source)));
        }
        reservation.first_byte();
        let body = incoming.bytes().await?;
        let reply = match self.ask {
            Ask::Chat(_) => Reply::Chat(Box::new(adapter.answer(&body)?)),
            Ask::Embed(_) => Reply::Embed(Box::new(adapter.embedded(&body)?)),
        };
        Ok(Upstream::Complete(reply))
    }

    /// Raises the reservation where this candidate may cost more than what is held.
    async fn cover(&self, candidate: &Candidate, reservation: &mut Reservation) -> Result<()> {
        let Some(held) = reservation.held() else { return Ok(()) };
        let needed = match &candidate.price {
            Some(price) => price.reserve(self.demand.input_tokens, self.demand.output_tokens),
            None if self.admission.caps.any() => return Err(unknown_price(&candidate.model)),
            None => Nano::ZERO,
        };
        if needed <= held.money {
            return Ok(());
        }
        match self.limiter.raise(self.admission, held, needed, held.tokens).await? {
            Raise::Raised(held) => {
                reservation.raised(held);
                reservation.record()
            }
            Raise::Refused(refusal) => Err(refusal.into_error(None)),
            Raise::Gone => Err(Error::new(Kind::StoreUnavailable, "The reservation is gone.")),
        }
    }

    fn translate(
        &self,
        cx: &mut Context,
        adapter: &dyn Adapter,
        candidate: &Candidate,
        stream: bool,
    ) -> Result<Request<Bytes>> {
        let provider = candidate.provider.as_ref();
        let endpoint = match self.keys.get(&provider.name) {
            Some(key) => {
                let mut endpoint: Endpoint = provider.endpoint.clone();
                endpoint.key = Some(key.clone());
                Cow::Owned(endpoint)
            }
            None => Cow::Borrowed(&provider.endpoint),
        };
        let model = &candidate.model;
        let mut outgoing = match self.ask {
            Ask::Chat(request) => {
                let output_cap = self.demand.output_cap;
                let max_output_tokens = candidate.max_output_tokens;
                let endpoint = &endpoint;
                adapter.chat(&Call { request, model, stream, endpoint, output_cap, max_output_tokens })?
            }
            Ask::Embed(request) => adapter.embed(&EmbedCall { request, model, endpoint: &endpoint })?,
        };
        cx.warnings.append(&mut outgoing.warnings);
        Ok(outgoing.request)
    }
}

/// The instant until which an answer that is not streamed must be there, all attempts together.
pub(crate) fn deadline(asked: Option<Duration>, total: Duration, stream: bool) -> Option<Instant> {
    let limit = if stream { asked } else { Some(asked.map_or(total, |asked| asked.min(total))) };
    limit.map(|limit| Instant::now() + limit)
}
