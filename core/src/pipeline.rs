//! The path of a request, top to bottom.

use std::sync::Arc;

use crate::answer::{Answer, Desk};
use crate::ask::Ask;
use crate::auth::Caller;
use crate::cache::semantic::{Found, Probe};
use crate::cache::{Elsewhere, Joined, Keys, Lead, Lost, Seat, Stored};
use crate::context::{CallOptions, Context};
use crate::error::{Error, Kind, Result};
use crate::gateway::Core;
use crate::limits::{self, Charge, Entry};
use crate::money::Nano;
use crate::route;
use crate::serve::Service;
use crate::settle::{CacheVerdict, Meter, Note, Reservation, Row};
use crate::telemetry::{ExactVerdict, LimitsTold, Stage};

/// How often a request may find that its project's configuration has just changed.
const MOST_RELOADS: usize = 8;
/// How many leaders a follower may lose before their failure is its own.
const MOST_LEADERS: usize = 3;

/// Answers `ask`: every stage once, in this order. `id` is the request's, where the surface has given it one.
pub(crate) async fn run(
    core: &Arc<Core>,
    ask: Arc<Ask>,
    options: CallOptions,
    id: Option<String>,
) -> Result<Answer> {
    let answer = pass(core, ask, options, id).await;
    answer.inspect_err(|error| core.metrics.refused(error))
}

async fn pass(core: &Arc<Core>, ask: Arc<Ask>, options: CallOptions, id: Option<String>) -> Result<Answer> {
    ask.validate()?;
    let mut cx = Context::new(options, id, core.clock.now())?;
    let mut charge = Charge::Full;
    let mut last = Lost::Leaderless(None);
    for _ in 0..MOST_LEADERS {
        let entered = enter(core, &mut cx, &ask, charge).await;
        match entered.map_err(|error| cx.refused(ask.model(), error))? {
            Entered::Known(desk, stored, verdict) => return Ok(Answer::stored(*desk, &stored, verdict)),
            Entered::Follower(desk, seat) => match cx.within(Answer::live(*desk, seat)).await? {
                Ok(answer) => return Ok(answer),
                Err(Lost::Failed(error)) => return Err(cx.explain(error)),
                // The request rate is paid; whoever leads next pays the rest.
                Err(lost) => (charge, last) = (Charge::Rated, lost),
            },
            Entered::Leader(desk, service, mut lead) => {
                // 7. attempt and 8. settle: in a task that lives as long as anybody waits for the answer
                let seat = lead.seat();
                service.launch(core.clone(), cx, lead);
                return Answer::live(*desk, seat).await.map_err(Lost::into_error);
            }
        }
    }
    Err(cx.explain(last.into_error()))
}

/// What the first six stages found.
enum Entered {
    /// The answer, in the cache.
    Known(Box<Desk>, Arc<Stored>, CacheVerdict),
    /// An equal request that is under way.
    Follower(Box<Desk>, Seat),
    /// Nothing: this request calls a provider.
    Leader(Box<Desk>, Box<Service>, Lead),
}

/// Stages 1 to 6. They are repeated where a setting changed under them.
async fn enter(core: &Arc<Core>, cx: &mut Context, ask: &Arc<Ask>, mut charge: Charge) -> Result<Entered> {
    let mut elsewhere = Elsewhere::default();
    for _ in 0..MOST_RELOADS {
        // 1. identify: who calls
        let caller = core.identities.identify(&cx.credentials, core.clock.now()).await?;
        cx.past(Stage::Identify);

        // 2. resolve: who could answer
        let rules = core.rules(&caller, ask);
        core.discovery.attend(&core.registry, &rules, ask.model()).await;
        let mut ways = route::plan(&core.registry, &rules, ask)?;
        cx.past(Stage::Resolve);

        // 3. fingerprint: the keys of the answers in the exact cache, and what this process has of them
        let keys = elsewhere.of_use(Keys::of(&caller, &ways, cx.cache)?);
        let mut known = keys.look_up(&core.cache).await;
        cx.decisions.exact = Some(keys.verdict(&known));
        cx.past(Stage::Fingerprint);

        // 4. join: one call for equal requests
        let mut lead = match core.flights.join(keys.joinable(&known)) {
            Joined::Lead(lead) => lead,
            Joined::Follow(seat) => {
                if charge == Charge::Full {
                    match limits::admit(core, cx, &caller, ways.plans(&keys, &known), Charge::RateOnly)
                        .await?
                    {
                        Entry::Reload => {
                            core.identities.forget(caller.project.id);
                            continue;
                        }
                        Entry::Hit { standing, .. } | Entry::Wait { standing } => cx.standing = standing,
                        Entry::Admitted(_, admitted) => cx.standing = admitted.standing,
                    }
                    cx.decisions.limits = Some(LimitsTold::of(&cx.standing, Nano::ZERO, false));
                }
                cx.decisions.exact = Some(ExactVerdict::Flight);
                cx.past(Stage::Admit);
                let desk = Desk::new(cx, ask).noting(note(core, cx, &caller, ask, CacheVerdict::Coalesced));
                return Ok(Entered::Follower(Box::new(desk), seat));
            }
        };

        cx.past(Stage::Join);

        // 5. admit: the most it may cost, and all limits in one atomic step, or none
        ways.estimate(&caller, &known);
        let due = keys.charge(&known, charge);
        let mut entry = limits::admit(core, cx, &caller, ways.plans(&keys, &known), due).await;
        if entry.as_ref().is_err_and(|error| error.kind() != Kind::StoreUnavailable)
            && let Some((stored, _)) = keys.recall(&core.cache, 0).await
        {
            // A known answer is given even where a cap or a token rate is reached.
            known.put(0, stored);
            cx.decisions.exact = Some(ExactVerdict::Warm);
            entry = limits::admit(core, cx, &caller, ways.plans(&keys, &known), due).await;
        }
        cx.past(Stage::Admit);
        let (admission, admitted) = match entry? {
            Entry::Reload => {
                core.identities.forget(caller.project.id);
                continue;
            }
            Entry::Hit { plan, answer, standing } => {
                cx.standing = standing;
                cx.decisions.limits = Some(LimitsTold::of(&standing, Nano::ZERO, plan > 0));
                let told = answer.and_then(|answer| core.cache.take_over(answer));
                if told.is_some() {
                    cx.decisions.exact = Some(ExactVerdict::Hot);
                }
                let Some(stored) = told.or_else(|| known.take(plan)) else {
                    // Of another version of Lockgate, or gone: asked again without it, for a rate that is paid.
                    charge = Charge::Rated;
                    elsewhere.answers_are_of_no_use();
                    continue;
                };
                keys.of_plan(plan).inspect(|key| core.cache.count_hit(key));
                let desk = Box::new(hit(core, cx, &caller, ask, plan));
                return Ok(Entered::Known(desk, stored, CacheVerdict::Exact));
            }
            Entry::Wait { standing } => {
                (cx.standing, charge) = (standing, Charge::Rated);
                cx.decisions.limits = Some(LimitsTold::of(&standing, Nano::ZERO, false));
                cx.decisions.exact = Some(ExactVerdict::Flight);
                let Some(stored) = elsewhere.wait(core, cx, &keys, caller.project.id).await? else {
                    continue;
                };
                let verdict = CacheVerdict::Coalesced;
                let desk = Desk::new(cx, ask).noting(note(core, cx, &caller, ask, verdict));
                return Ok(Entered::Known(Box::new(desk), stored, verdict));
            }
            Entry::Admitted(admission, admitted) => (admission, admitted),
        };
        cx.standing = admitted.standing;
        let plan = admitted.plan;
        cx.decisions.limits = Some(LimitsTold::of(&admitted.standing, admitted.held.money, plan > 0));
        let way = ways.take(plan);
        let embedder = core.semantic.embedder();
        let mut probe = embedder.and_then(|name| Probe::of(&caller, &way.ask, cx.cache, name));
        if keys.only_known().is_err()
            && let Some(found) = similar(core, cx, probe.as_mut()).await
        {
            let desk = Box::new(near(core, cx, &caller, ask, plan, &found));
            return Ok(Entered::Known(desk, found.stored, CacheVerdict::Semantic));
        }
        keys.only_known()?;
        // From here on, whatever happens settles.
        let mut row = row(core, cx, &caller, ask);
        row.downgraded_from = (plan > 0).then(|| ask.model().to_owned());
        let meter = Meter::new(way.demand.input_tokens);
        let priced = way.route.first().price.is_some();
        let reservation =
            Reservation::new(core.settler.clone(), admitted.held, priced, row, meter, cx.arrived);

        // 6. recall: the warm tier, then questions of the same meaning; a hit gives back what was taken
        let recalled = keys.recall(&core.cache, plan).await;
        cx.past(Stage::Recall);
        if let Some((stored, answer)) = recalled {
            reservation.release(Some(answer));
            cx.decisions.exact = Some(ExactVerdict::Warm);
            keys.of_plan(plan).inspect(|key| core.cache.count_hit(key));
            let desk = Box::new(hit(core, cx, &caller, ask, plan));
            return Ok(Entered::Known(desk, stored, CacheVerdict::Exact));
        }
        if let Some(found) = similar(core, cx, probe.as_mut()).await {
            reservation.release(None);
            let desk = Box::new(near(core, cx, &caller, ask, plan, &found));
            return Ok(Entered::Known(desk, found.stored, CacheVerdict::Semantic));
        }
        if plan > 0 {
            // A cheaper model's answer is not what the others are waiting for.
            lead.go_alone();
        }
        let desk = Desk::new(cx, ask).leading(reservation.money()).downgraded(plan > 0);
        let service = Service { caller, way, admission, reservation, key: keys.of_plan(plan), probe };
        return Ok(Entered::Leader(Box::new(desk), Box::new(service), lead));
    }
    Err(Error::new(Kind::StoreUnavailable, "The project's configuration does not stop changing."))
}

/// The caller's side of an answer from the cache.
fn hit(core: &Core, cx: &Context, caller: &Caller, ask: &Arc<Ask>, plan: usize) -> Desk {
    Desk::new(cx, ask).downgraded(plan > 0).noting(note(core, cx, caller, ask, CacheVerdict::Exact))
}

/// The answer to a question of the same meaning.
async fn similar(core: &Core, cx: &mut Context, probe: Option<&mut Probe>) -> Option<Found> {
    let (found, told) = core.semantic.recall(probe?).await;
    cx.decisions.semantic = Some(told);
    cx.past(Stage::Recall);
    found
}

/// The caller's side of such an answer.
fn near(core: &Core, cx: &Context, caller: &Caller, ask: &Arc<Ask>, plan: usize, found: &Found) -> Desk {
    let row = Row {
        cache: CacheVerdict::Semantic,
        similarity: Some(found.similarity),
        ..row(core, cx, caller, ask)
    };
    let note = Note::new(core.settler.clone(), row, cx.arrived);
    Desk::new(cx, ask).downgraded(plan > 0).similar(found.similarity, found.age_ms).noting(note)
}

fn note(core: &Core, cx: &Context, caller: &Caller, ask: &Ask, cache: CacheVerdict) -> Note {
    let row = Row { cache, ..row(core, cx, caller, ask) };
    Note::new(core.settler.clone(), row, cx.arrived)
}

fn row(core: &Core, cx: &Context, caller: &Caller, ask: &Ask) -> Row {
    let mut row = Row::opened(cx, caller, core.clock.now());
    row.endpoint = ask.endpoint().to_owned();
    row.requested_model = ask.model().to_owned();
    row.stream = ask.is_stream();
    row
}
