//! The path of a request, top to bottom.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::{Answer, ChatStream, Report};
use crate::auth::Caller;
use crate::cache::Fingerprint;
use crate::context::{CallOptions, Context};
use crate::error::{Error, Kind, Result};
use crate::gateway::Core;
use crate::limits::{self, Admission, Admitted, Entry};
use crate::route::{self, Attempts, Upstream, Way};
use crate::settle::{Ending, Meter, Outcome, Reservation, Row};
use crate::types::ChatRequest;

/// How often a request may find that its project's configuration has just changed.
const MOST_RELOADS: usize = 8;

/// Answers `request`: every stage once, in this order.
pub(crate) async fn run(core: &Arc<Core>, request: Arc<ChatRequest>, options: CallOptions) -> Result<Answer> {
    request.validate()?;
    let mut cx = Context::new(options, core.clock.now())?;
    let (caller, way, admission, admitted) = enter(core, &mut cx, &request).await?;
    let standing = admitted.standing;
    let downgraded_from = (admitted.plan > 0).then(|| request.model.clone());
    let mut reservation = reserve(core, &cx, &way, admitted, &request);

    // 7. attempt: the candidates in order, until one answers
    let attempts = Attempts {
        transport: &core.transport,
        limiter: core.stores.limiter.as_ref(),
        admission: &admission,
        request: &way.request,
        demand: way.demand,
        deadline: route::deadline(cx.timeout, total(core), request.is_stream()),
        now: core.clock.now(),
        keys: &caller.project.settings.provider_keys,
    };
    let answered = match attempts.run(&mut cx, &way.route, &mut reservation).await {
        Ok(answered) => answered,
        Err(error) => {
            let ending = Ending { outcome: Outcome::Failed, status: error.status() };
            reservation.settle(ending, &cx.attempts);
            return Err(cx.explain(error));
        }
    };

    // 8. settle: a whole answer now, a stream at its end; never in the caller's way
    let report = Report::new(&cx, &answered.candidate, standing, downgraded_from);
    Ok(match answered.upstream {
        Upstream::Complete(response) => Answer::complete(*response, &cx, reservation, report),
        Upstream::Stream(source) => {
            Answer::Stream(ChatStream::new(&way.request, source, cx, reservation, report))
        }
    })
}

/// Who calls, how it is served, what was asked of the limiter, and what it gave.
type Entered = (Caller, Way, Box<Admission>, Admitted);

/// Stages 1 to 5. They are pure or one step at a store, and are repeated where a setting changed under them.
async fn enter(core: &Core, cx: &mut Context, request: &Arc<ChatRequest>) -> Result<Entered> {
    for _ in 0..MOST_RELOADS {
        // 1. identify: who calls
        let caller = core.identities.identify(&cx.credentials, core.clock.now()).await?;

        // 2. resolve: who could answer, and the most it may cost
        let ways =
            route::plan(&core.registry, core.config.failover_mode, &caller, request, core.clock.now())?;

        // 3. fingerprint: the key of the answer in the exact cache
        let plans = ways.plans(|way| Fingerprint::of_chat(caller.project.id, &way.request))?;

        // 5. admit: all limits in one atomic step, or none
        match limits::admit(core.stores.limiter.as_ref(), core.stores.ledger.as_ref(), cx, &caller, plans)
            .await?
        {
            Entry::Admitted(admission, admitted) => {
                cx.credentials.customer.clone_from(&caller.customer);
                return Ok((caller, ways.take(admitted.plan), admission, admitted));
            }
            Entry::Reload => core.identities.forget(caller.project.id),
        }
    }
    Err(Error::new(Kind::StoreUnavailable, "The project's configuration does not stop changing."))
}

/// From here on, whatever happens settles.
fn reserve(core: &Core, cx: &Context, way: &Way, admitted: Admitted, request: &ChatRequest) -> Reservation {
    let priced = way.route.first().price.is_some();
    let mut row = Row::opened(cx, &admitted.held, priced, "chat", &request.model);
    row.stream = request.is_stream();
    row.downgraded_from = (admitted.plan > 0).then(|| request.model.clone());
    Reservation::new(core.settler.clone(), admitted.held, row, Meter::new(way.demand.input_tokens), cx)
}

fn total(core: &Core) -> Duration {
    Duration::from_millis(core.config.timeouts.total_ms)
}
