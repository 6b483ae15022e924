//! The verdict of an admission, told in full from the state that the script decided on.

use super::failure::garbled;
use super::reply::Reply;
use super::reservation;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::limits::{
    self, Admission, Admitted, Charge, Counter, CounterId, Line, Scope, Verdict, View, Window,
};

/// What `admit` answered.
pub(super) struct Answered {
    pub(super) code: String,
    pub(super) now: Millis,
    view: View,
    /// What the code brings.
    pub(super) rest: Reply,
}

/// The state of one key and of the counters that a request is booked into.
pub(super) fn view(reply: &mut Reply, spend: impl FnOnce(&mut Reply) -> Result<Vec<Line>>) -> Result<View> {
    Ok(View {
        rev: reply.number()?,
        requests: reply.bucket()?,
        tokens: reply.bucket()?,
        slots: reply.number()?,
        spend: spend(reply)?,
    })
}

impl Answered {
    pub(super) fn read(mut reply: Reply, admission: &Admission) -> Result<Answered> {
        let (code, seen) = (reply.word()?, reply.word()?);
        let mut seen = Reply::split(&seen, "admit");
        let now = seen.millis()?;
        let view = view(&mut seen, |reply| {
            let counters = [reply.counter()?, reply.counter()?, reply.counter()?, reply.counter()?];
            // Month of the project, of the key, of the customer; the customer's day.
            let ids = CounterId::booked(now, admission.key, admission.customer);
            Ok(ids.zip(counters).map(|(id, counter)| Line { id, counter: Some(counter) }).collect())
        })?;
        Ok(Answered { code, now, view, rest: reply })
    }

    /// The counters of the windows that are not there.
    pub(super) fn missing(&mut self) -> Result<Vec<CounterId>> {
        let (month, day) = (self.rest.word()? == "1", self.rest.word()? == "1");
        let there = |window: Window| if matches!(window, Window::Month(_)) { month } else { day };
        Ok(self.view.spend.iter().map(|line| line.id).filter(|id| !there(id.window)).collect())
    }

    /// The same decision by the pure function: it must be the script's.
    /// `plan`: which one was hit.
    pub(super) fn decided(mut self, plan: usize, admission: &Admission) -> Result<Verdict> {
        let now = self.now;
        let verdict = match self.code.as_str() {
            "again" => {
                let text = self.rest.word()?;
                let known = reservation::read(admission.project, admission.id, &text)?;
                let standing = limits::standing(&self.view, admission, now);
                return Ok(Verdict::Admitted(Admitted { plan: known.plan, held: known.held, standing }));
            }
            "wait" => {
                let mut follower = admission.clone();
                follower.first.cached = false;
                if follower.charge == Charge::Full {
                    follower.charge = Charge::RateOnly;
                    limits::decide(&mut self.view, &follower, now);
                }
                return Ok(Verdict::Wait { standing: limits::standing(&self.view, admission, now) });
            }
            "hit" => {
                let mut known = admission.clone();
                match (plan, &mut known.second) {
                    (0, _) => known.first.cached = true,
                    (_, Some(second)) => second.plan.cached = true,
                    (_, None) => return Err(garbled("a plan that was asked for")),
                }
                limits::decide(&mut self.view, &known, now).verdict
            }
            _ => limits::decide(&mut self.view, admission, now).verdict,
        };
        let alike = match (self.code.as_str(), &verdict) {
            ("reload", Verdict::Reload)
            | ("hit", Verdict::Hit { .. })
            | ("follow", Verdict::Admitted(_))
            | ("refused", Verdict::Refused(_)) => true,
            ("admitted", Verdict::Admitted(admitted)) => self.rest.number::<usize>()? == admitted.plan,
            _ => false,
        };
        if alike {
            return Ok(verdict);
        }
        let said = format!("the script says {}, the limits say {verdict:?}", self.code);
        Err(Error::internal("the limits' store decides otherwise than this version of Lockgate", said))
    }
}

/// The lines of a reservation's own windows; those of a window that is not there have no counter.
pub(super) fn lines(reply: &mut Reply, ids: impl Iterator<Item = CounterId>) -> Result<Vec<Line>> {
    let month = reply.text()?.is_some();
    let [project, key, customer] = [reply.counter()?, reply.counter()?, reply.counter()?];
    let day = reply.text()?.is_some();
    let of_day = reply.counter()?;
    let counter = |id: &CounterId| -> (bool, Counter) {
        match (id.scope, id.window) {
            (Scope::Project, _) => (month, project),
            (Scope::Key(_), _) => (month, key),
            (Scope::Customer(_), Window::Month(_)) => (month, customer),
            (Scope::Customer(_), Window::Day(_)) => (day, of_day),
        }
    };
    Ok(ids
        .map(|id| {
            let (there, state) = counter(&id);
            Line { id, counter: there.then_some(state) }
        })
        .collect())
}
