//! The call to a provider, in a task of its own: it lives as long as anybody waits for its answer.

use std::sync::Arc;
use std::time::Duration;

use crate::ask::Reply;
use crate::auth::Caller;
use crate::cache::semantic::Probe;
use crate::cache::{Fingerprint, Flight, Fresh, Head, Lead, Whole};
use crate::context::Context;
use crate::error::{Error, Fault};
use crate::gateway::Core;
use crate::limits::Admission;
use crate::provider::token_counts;
use crate::route::{self, Answered, Attempts, Candidate, EventSource, Failed, Upstream, Watch, Way};
use crate::settle::{Ending, Outcome, Reservation};
use crate::stream::{Assembler, Event};
use crate::telemetry::Stage;

/// An admitted request on its way to a provider.
pub(crate) struct Service {
    pub(crate) caller: Caller,
    pub(crate) way: Way,
    pub(crate) admission: Box<Admission>,
    pub(crate) reservation: Reservation,
    /// Where the answer is kept, where the cache may keep it.
    pub(crate) key: Option<Fingerprint>,
    /// The question, where it may be answered in other words, too.
    pub(crate) probe: Option<Probe>,
}

impl Service {
    /// Calls the provider. When the last of its audience leaves, the call is dropped and its reservation settles.
    pub(crate) fn launch(self, core: Arc<Core>, cx: Context, lead: Lead) {
        let landing = lead.fly();
        let runtime = core.runtime.clone();
        let call = Call { core, cx, service: self };
        runtime.spawn(async move {
            let drain = call.core.config.routing.drain();
            let mut run = std::pin::pin!(call.run(&landing.flight));
            tokio::select! {
                () = landing.flight.deserted() => {
                    if let Some(limit) = drain {
                        // Whether it ends in time or not: what was read is billed.
                        let _ = tokio::time::timeout(limit, run).await;
                    }
                }
                () = &mut run => {}
            }
        });
    }
}

/// The call under way.
struct Call {
    core: Arc<Core>,
    cx: Context,
    service: Service,
}

impl Call {
    async fn run(mut self, flight: &Flight) {
        let core = self.core.clone();
        let total = Duration::from_millis(core.config.timeouts.total_ms);
        let attempts = Attempts {
            core: &core,
            admission: &self.service.admission,
            on_store_loss: self.service.caller.project.settings.on_store_loss,
            ask: &self.service.way.ask,
            demand: self.service.way.demand,
            deadline: route::deadline(self.cx.timeout, total, self.service.way.ask.is_stream()),
            keys: &self.service.caller.project.settings.provider_keys,
        };
        let outcome =
            attempts.run(&mut self.cx, &self.service.way.route, &mut self.service.reservation).await;
        self.cx.past(Stage::Attempt);
        match outcome {
            Err(error) => self.fail(error, flight),
            Ok(Answered { candidate, upstream, watch }) => {
                flight.begin(Head {
                    provider: candidate.provider.name.clone(),
                    model: candidate.model.clone(),
                    attempts: self.cx.attempts.clone(),
                    warnings: self.cx.warnings.clone(),
                    decisions: self.cx.explanation(),
                });
                match upstream {
                    Upstream::Complete(reply) => self.complete(reply, &candidate, flight),
                    Upstream::Stream(source) => self.stream(*source, &candidate, watch, flight).await,
                }
            }
        }
    }

    async fn stream(
        mut self,
        mut source: EventSource,
        candidate: &Candidate,
        watch: Option<Watch>,
        flight: &Flight,
    ) {
        let _open = self.core.metrics.stream();
        let mut assembler = Assembler::default();
        loop {
            match source.next(&mut self.service.reservation).await {
                Ok(Some(Event::End) | None) => break,
                Ok(Some(event)) => {
                    match &event {
                        Event::Usage(usage) => self.service.reservation.usage(token_counts(usage)),
                        Event::Delta(delta) => {
                            delta.piece.texts().for_each(|text| self.service.reservation.output(text))
                        }
                        _ => {}
                    }
                    assembler.push(&event);
                    flight.push(event, source.has_more());
                }
                Err(failed) => {
                    if let (Some(watch), Some(true)) = (watch, failed.is_providers_fault()) {
                        watch.failed();
                    }
                    return self.break_off(failed, candidate, flight);
                }
            }
        }
        watch.into_iter().for_each(Watch::well);
        assembler.push(&Event::End);
        match assembler.finish() {
            Some(response) => self.settle_and_keep(Reply::Chat(Box::new(response)), candidate, flight),
            None => self.fail(Error::internal("a stream ended without its end", "no end"), flight),
        }
    }

    fn complete(mut self, reply: Reply, candidate: &Candidate, flight: &Flight) {
        match reply.usage() {
            Some(usage) => self.service.reservation.usage(token_counts(usage)),
            None => self.service.reservation.output(&reply.text()),
        }
        self.settle_and_keep(reply, candidate, flight);
    }

    /// Settled before the audience hears of the end: what was answered is on the books.
    fn settle_and_keep(self, reply: Reply, candidate: &Candidate, flight: &Flight) {
        let kept = self.service.key.filter(|_| candidate.is_kept()).and_then(|key| {
            let ttl = Duration::from_secs(u64::from(self.service.caller.project.settings.cache.ttl_seconds));
            self.core.cache.keep(Fresh {
                project: self.service.caller.project.id,
                key,
                ttl,
                reply: reply.clone(),
                provider: &candidate.provider.name,
                model: &candidate.model,
                cost: self.service.reservation.cost(),
            })
        });
        let cost = self.service.reservation.settle(Ending::ANSWERED, &self.cx, kept);
        if let Some(probe) = self.service.probe.filter(|_| candidate.is_kept()) {
            self.core.semantic.keep(probe, &reply, (&candidate.provider.name, &candidate.model), cost);
        }
        flight.complete(Whole { reply, cost });
    }

    /// A stream failed after its beginning was handed on.
    fn break_off(self, failed: Failed, candidate: &Candidate, flight: &Flight) {
        let error = failed.into_error(&candidate.provider.name);
        self.fail(error, flight);
    }

    fn fail(self, error: Error, flight: &Flight) {
        let ending = Ending { outcome: Outcome::Failed, status: error.status() };
        self.service.reservation.settle(ending, &self.cx, None);
        let shared = error.fault() == Fault::Client;
        flight.fail(Some(self.cx.explain(error)), shared);
    }
}
