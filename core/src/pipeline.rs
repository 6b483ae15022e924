//! The path of a request, top to bottom.

use std::sync::Arc;

use crate::answer::{Answer, ChatStream, Report};
use crate::cache;
use crate::context::{CallOptions, Context};
use crate::error::{Error, Kind, Result};
use crate::gateway::Core;
use crate::limits::{self, Entry};
use crate::route::{self, Answered, Attempts, Upstream};
use crate::settle::{Ending, Meter, Outcome, Reservation, Row};
use crate::types::ChatRequest;

/// How often a request may find that its project's configuration has just changed.
const MOST_RELOADS: usize = 8;

/// Answers `request`: each stage once, in this order.
pub(crate) async fn run(core: &Arc<Core>, request: ChatRequest, options: CallOptions) -> Result<Answer> {
    request.validate()?;
    let mut cx = Context::new(options, core.clock.now())?;
    for _ in 0..MOST_RELOADS {
        // 1. identify: who calls
        let caller = core.identities.identify(&cx.credentials, core.clock.now()).await?;
        cx.credentials.customer.clone_from(&caller.customer);

        // 2. resolve: who could answer, what it may cost
        let plan = route::plan(core, &caller, request.clone(), core.clock.now())?;

        // 3. fingerprint: the key of the answer in the exact cache
        let keys = cache::keys(&caller, &plan, &cx)?;

        // 5. admit: one atomic step, all limits or none
        let admitted = match limits::admit(core, &cx, &caller, &plan, keys).await? {
            Entry::Admitted(admitted) => admitted,
            Entry::Reload => {
                core.identities.forget(caller.project.id);
                continue;
            }
        };
        let way = plan.way(admitted.plan);
        let mut row = Row::opened(&cx, &admitted.held, "chat", &request.model);
        row.stream = request.is_stream();
        row.downgraded_from = (admitted.plan > 0).then(|| request.model.clone());
        let meter = Meter::new(way.demand.input_tokens);
        let mut reservation = Reservation::new(core.settler.clone(), admitted.held, row, meter, &cx);

        // 7. attempt: candidates in order, until one answers
        let attempts = Attempts::new(core, &way, &cx, &caller);
        let answered = match attempts.run(&mut cx, &way.route, &mut reservation).await {
            Ok(answered) => answered,
            Err(error) => {
                reservation.settle(Ending { outcome: Outcome::Failed, status: error.status() }, &cx.attempts);
                return Err(cx.explain(error));
            }
        };

        // 8. settle: off the caller's way; for a stream at its end
        let report = Report::new(&cx, &answered.candidate, admitted.standing, &reservation, way.downgraded_from());
        return Ok(finish(core, cx, way.request, answered, reservation, report));
    }
    Err(Error::new(Kind::StoreUnavailable, "The project's configuration does not stop changing."))
}

fn finish(
    core: &Arc<Core>,
    cx: Context,
    request: ChatRequest,
    answered: Answered,
    reservation: Reservation,
    report: Report,
) -> Answer {
    match answered.upstream {
        Upstream::Complete(response) => Answer::complete(*response, cx, reservation, report),
        Upstream::Stream(source) => Answer::Stream(ChatStream::new(core, &request, source, cx, reservation, report)),
    }
}
