//! Stage 7: asks the candidates in the order of their health until one answers. It may change provider only before
//! the first content has reached the caller.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::demand::Demand;
use super::failed::{Failed, exhausted};
use super::health::Watch;
use super::plan::unknown_price;
use super::upstream::EventSource;
use super::{Candidate, Origin, Route, retry};
use crate::ask::{Ask, Reply};
use crate::auth::{OnStoreLoss, Secret};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::gateway::Core;
use crate::limits::{Admission, Raise, raise_at_limiter};
use crate::money::Nano;
use crate::settle::{Attempt, Reservation};

/// Who answered, and with what.
pub(crate) struct Answered {
    pub(crate) candidate: Candidate,
    pub(crate) upstream: Upstream,
    /// A stream is watched to its end.
    pub(crate) watch: Option<Watch>,
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
    pub(crate) core: &'a Core,
    /// What the limiter was asked: a reservation is raised against the same caps.
    pub(crate) admission: &'a Admission,
    /// What to do where the limiter cannot be asked.
    pub(crate) on_store_loss: OnStoreLoss,
    pub(crate) ask: &'a Ask,
    pub(crate) demand: Demand,
    pub(crate) deadline: Option<Instant>,
    /// The project's own provider keys, by provider: used in place of the gateway's.
    pub(crate) keys: &'a BTreeMap<String, Secret>,
}

impl Attempts<'_> {
    /// Asks each candidate until one answers. Where nobody does and waiting may help, it waits and asks again.
    pub(crate) async fn run(
        &self,
        cx: &mut Context,
        route: &Route,
        reservation: &mut Reservation,
    ) -> Result<Answered> {
        reservation.record()?;
        cx.plan(route, &self.core.health);
        let mut hopeless: Vec<&Candidate> = Vec::new();
        let mut failures = Vec::new();
        for round in 1.. {
            let asked = route
                .candidates()
                .filter(|candidate| !hopeless.iter().any(|other| std::ptr::eq(*other, *candidate)));
            let mut last_round = Vec::new();
            for candidate in self.core.health.order(asked) {
                match self.candidate(cx, candidate, reservation).await {
                    Ok(answered) => return Ok(answered),
                    Err(failed) if failed.moves_on(route.is_stand_in(candidate)) => {
                        if !failed.may_pass() {
                            hopeless.push(candidate);
                        }
                        last_round.push(failed);
                    }
                    Err(failed) => return Err(failed.into_error(&candidate.provider.name)),
                }
            }
            let routing = &self.core.config.routing;
            let wait = retry::wait(routing, round, &last_round, self.deadline, crate::ids::random_fraction());
            // The last word of each candidate counts.
            failures.retain(|failed: &Failed| !failed.may_pass());
            failures.append(&mut last_round);
            let Some(wait) = wait else { break };
            tracing::debug!(request_id = %cx.request_id, round, wait_ms = wait.as_millis(), "waits and tries again");
            tokio::time::sleep(wait).await;
        }
        let last = cx.attempts.last().map(|attempt| attempt.provider.clone());
        Err(exhausted(failures).with(|details| details.provider = last))
    }

    /// Asks one candidate, with each of its keys as long as only the key is to blame.
    async fn candidate(
        &self,
        cx: &mut Context,
        candidate: &Candidate,
        reservation: &mut Reservation,
    ) -> Result<Answered, Failed> {
        let mut tried = Vec::new();
        loop {
            let now = self.core.clock.now();
            let provider = candidate.provider.as_ref();
            let own = self.keys.get(&provider.name);
            let taken = match own {
                Some(_) => None,
                None => provider.keys.take(now, &tried),
            };
            let key = own.or(taken.map(|(_, key)| key));
            reservation.serving(&provider.name, &candidate.model, candidate.price.as_ref());
            let warnings = cx.warnings.len();
            let watch = self.core.health.watch(candidate);
            let outcome = self.call(cx, candidate, key, &watch, reservation).await;
            let result = match &outcome {
                Ok(_) => "200".to_owned(),
                Err(failed) => failed.result(),
            };
            cx.attempts.push(Attempt {
                provider: provider.name.clone(),
                model: candidate.model.clone(),
                result,
            });
            cx.consider(candidate, &outcome.as_ref().map(|_| ()));
            reservation.note(cx);
            let failed = match outcome {
                Ok(upstream) => return Ok(self.answered(cx, candidate, upstream, watch)),
                Err(failed) => failed,
            };
            match failed.is_providers_fault() {
                Some(true) => watch.failed(),
                Some(false) => watch.well(),
                None => drop(watch),
            }
            tracing::warn!(
                request_id = %cx.request_id,
                provider = %provider.name,
                model = %candidate.model,
                result = %failed.result(),
                "an attempt failed"
            );
            cx.warnings.truncate(warnings);
            let another = match (&failed, taken) {
                (Failed::Provider(failure), Some((taken, _))) => {
                    tried.push(taken);
                    provider.keys.refused(taken, failure, now) && provider.keys.has_more(now, &tried)
                }
                _ => false,
            };
            if !another {
                return Err(failed);
            }
        }
    }

    fn answered(
        &self,
        cx: &mut Context,
        candidate: &Candidate,
        upstream: Upstream,
        watch: Watch,
    ) -> Answered {
        if candidate.origin != Origin::Asked {
            cx.warnings.push(format!(
                "{}/{} answered in place of {}",
                candidate.provider.name,
                candidate.model,
                self.ask.model()
            ));
        }
        let watch = match &upstream {
            Upstream::Complete(_) => {
                watch.well();
                None
            }
            Upstream::Stream(_) => Some(watch),
        };
        Answered { candidate: candidate.clone(), upstream, watch }
    }

    /// One call: translated, paid for, sent and read until its first content.
    async fn call(
        &self,
        cx: &mut Context,
        candidate: &Candidate,
        key: Option<&Secret>,
        watch: &Watch,
        reservation: &mut Reservation,
    ) -> Result<Upstream, Failed> {
        self.cover(candidate, reservation).await.map_err(Failed::Skipped)?;
        let stream = self.ask.is_stream();
        let provider = candidate.provider.as_ref();
        let adapter = provider.adapter.as_ref();
        let outgoing = provider.translate(self.ask, candidate, key, stream, self.demand.output_cap);
        let mut outgoing = outgoing.map_err(Failed::Request)?;
        cx.warnings.append(&mut outgoing.warnings);
        let began = Instant::now();
        let mut incoming = self.core.transport.send(outgoing.request, stream, self.deadline).await?;
        watch.first_byte(began.elapsed());
        if !incoming.status.is_success() {
            let body = incoming.bytes().await.unwrap_or_default();
            let now = self.core.clock.now();
            return Err(adapter.failure(incoming.status.as_u16(), &incoming.headers, &body, now).into());
        }
        if stream {
            let mut source = EventSource::new(incoming, adapter.decoder());
            source.until_content(self.core.config.timeouts.held_until(), reservation).await?;
            return Ok(Upstream::Stream(Box::new(source)));
        }
        reservation.first_byte();
        let body = incoming.bytes().await?;
        let reply = match self.ask {
            Ask::Chat(_) => Reply::Chat(Box::new(adapter.answer(&body)?)),
            Ask::Embed(request) => {
                let vectors = adapter.embedded(&body)?.in_format(request.encoding_format.as_deref());
                Reply::Embed(Box::new(vectors))
            }
        };
        Ok(Upstream::Complete(reply))
    }

    /// Raises the reservation where this candidate may cost more than what is held.
    async fn cover(&self, candidate: &Candidate, reservation: &mut Reservation) -> Result<()> {
        let Some(held) = reservation.held() else { return Ok(()) };
        let needed = match &candidate.price {
            Some(price) => self.demand.cost(price),
            None if self.admission.caps.any() => return Err(unknown_price(&candidate.model)),
            None => Nano::ZERO,
        };
        if needed <= held.money {
            return Ok(());
        }
        match raise_at_limiter(self.core, self.on_store_loss, self.admission, held, needed).await? {
            Raise::Raised(held) => {
                reservation.raised(held);
                reservation.record()
            }
            Raise::Refused(refusal) => Err(refusal.into_error(None)),
            Raise::Gone => Err(Error::new(Kind::StoreUnavailable, "The reservation is gone.")),
        }
    }
}
