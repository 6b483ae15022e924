//! A reservation under way. However it ends, it ends once: settled by name or, on drop, as cancelled.

use std::sync::Arc;
use std::time::Instant;

use super::{CacheVerdict, Meter, Outcome, Reserve, Row, Settler};
use crate::auth::Caller;
use crate::clock::Millis;
use crate::context::Context;
use crate::limits::{Held, HotAnswer, Settlement};
use crate::money::Nano;
use crate::pricing::{Price, TokenCounts};

/// What is held for a request that is being served.
#[must_use = "dropping a reservation settles it as cancelled"]
pub(crate) struct Reservation {
    settler: Arc<Settler>,
    open: Option<Box<Open>>,
}

struct Open {
    held: Held,
    row: Row,
    /// Whether what is held comes from a known price.
    priced: bool,
    price: Option<Price>,
    usage: Option<TokenCounts>,
    meter: Meter,
    arrived: Instant,
    first_byte_us: Option<u64>,
}

impl Open {
    fn reserve(&self) -> Reserve {
        let row = &self.row;
        Reserve {
            held: self.held.clone(),
            priced: self.priced,
            request_id: row.request_id.clone(),
            client_request_id: row.client_request_id.clone(),
            customer: row.customer.clone(),
            labels: row.labels.clone(),
            endpoint: row.endpoint.clone(),
            requested_model: row.requested_model.clone(),
            model: row.served_model.clone(),
            provider: row.provider.clone(),
            stream: row.stream,
        }
    }
}

/// How a request ended, for its row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    /// The HTTP status the caller saw.
    pub(crate) status: u16,
}

impl Ending {
    pub(crate) const ANSWERED: Ending = Ending { outcome: Outcome::Answered, status: 200 };
    pub(crate) const CANCELLED: Ending = Ending { outcome: Outcome::Cancelled, status: 499 };
}

impl Reservation {
    /// Takes over what `admit` reserved.
    pub(crate) fn new(
        settler: Arc<Settler>,
        held: Held,
        priced: bool,
        mut row: Row,
        meter: Meter,
        arrived: Instant,
    ) -> Reservation {
        settler.watch(&held);
        row.admitted_at = held.admitted_at;
        row.reserved = held.money;
        let open = Open { held, row, priced, price: None, usage: None, meter, arrived, first_byte_us: None };
        Reservation { settler, open: Some(Box::new(open)) }
    }

    pub(crate) fn held(&self) -> Option<&Held> {
        self.open.as_ref().map(|open| &open.held)
    }

    /// The reservation was raised.
    pub(crate) fn raised(&mut self, held: Held) {
        if let Some(open) = &mut self.open {
            open.row.reserved = held.money;
            self.settler.watch(&held);
            open.held = held;
        }
    }

    /// Writes the reservation down before bytes go upstream.
    pub(crate) fn record(&mut self) -> crate::error::Result<()> {
        match &self.open {
            Some(open) => self.settler.record_reserve(&open.reserve()),
            None => Ok(()),
        }
    }

    /// An attempt begins: from here on its price counts.
    pub(crate) fn serving(&mut self, provider: &str, model: &str, price: Option<&Price>) {
        if let Some(open) = &mut self.open {
            open.row.provider = Some(provider.to_owned());
            open.row.served_model = Some(model.to_owned());
            open.price = price.cloned();
            open.usage = None;
            open.meter.restart();
        }
    }

    /// Bytes of an answer arrived.
    pub(crate) fn first_byte(&mut self) {
        if let Some(open) = &mut self.open {
            open.meter.answering();
            if open.first_byte_us.is_none() {
                open.first_byte_us = Some(micros(open.arrived));
            }
        }
    }

    /// Output was read, for the bill of an answer whose usage never comes.
    pub(crate) fn output(&mut self, text: &str) {
        if let Some(open) = &mut self.open
            && open.usage.is_none()
        {
            open.meter.output(text);
        }
    }

    /// The provider reported usage.
    pub(crate) fn usage(&mut self, usage: TokenCounts) {
        if let Some(open) = &mut self.open {
            open.usage = Some(usage);
        }
    }

    /// What is held.
    pub(crate) fn money(&self) -> Nano {
        self.open.as_ref().map_or(Nano::ZERO, |open| open.held.money)
    }

    /// Gives everything back: the answer was found in a cache. The row is another's to write.
    pub(crate) fn release(mut self, answer: Option<HotAnswer>) {
        if let Some(open) = self.open.take() {
            self.settler.release(open.held, answer);
        }
    }

    /// What will be booked by reported usage; none where there is none, or the price is unknown.
    pub(crate) fn cost(&self) -> Option<Nano> {
        let open = self.open.as_ref()?;
        Some(open.price.as_ref()?.cost(open.usage.as_ref()?))
    }

    /// Ends it. Returns what was booked: none where the price is unknown or counting is still under way. `answer`: for
    /// the hot tier of the cache, in the same step.
    pub(crate) fn settle(mut self, ending: Ending, cx: &Context, answer: Option<HotAnswer>) -> Option<Nano> {
        self.note(cx);
        self.close(ending, answer)
    }

    /// What was tried and decided so far, for the row of a request that may be dropped.
    pub(crate) fn note(&mut self, cx: &Context) {
        if let Some(open) = &mut self.open {
            open.row.attempts.clone_from(&cx.attempts);
            open.row.decisions = Some(Box::new(cx.decisions.clone()));
        }
    }

    fn close(&mut self, ending: Ending, answer: Option<HotAnswer>) -> Option<Nano> {
        let open = self.open.take()?;
        let Open { held, mut row, price, usage, meter, arrived, first_byte_us, .. } = *open;
        row.outcome = ending.outcome;
        row.status = ending.status;
        row.latency_us = micros(arrived);
        row.first_byte_us = first_byte_us;
        match usage {
            Some(tokens) => Some(self.settler.book(held, price.as_ref(), tokens, row, answer)),
            // Nothing was read of an answer: nothing is known to be billed.
            None if !meter.is_answering() => {
                row.cost = Some(Nano::ZERO);
                self.settler.settle(Settlement { held, money: Nano::ZERO, tokens: 0 }, row, answer);
                Some(Some(Nano::ZERO))
            }
            None => {
                row.estimated = true;
                self.settler.count_and_book(held, price, meter, row, answer);
                None
            }
        }
        .flatten()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.close(Ending::CANCELLED, None);
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl Row {
    /// The row of a request that has just come in.
    pub(crate) fn opened(cx: &Context, caller: &Caller, now: Millis) -> Row {
        Row {
            id: cx.id,
            request_id: cx.request_id.clone(),
            client_request_id: cx.client_request_id.clone(),
            project: caller.project.id,
            key: caller.key.as_ref().map(|key| key.account()),
            customer: caller.customer.clone(),
            customer_tag: None,
            labels: cx.credentials.labels.clone(),
            endpoint: String::new(),
            requested_model: String::new(),
            served_model: None,
            provider: None,
            attempts: Vec::new(),
            tokens: TokenCounts::default(),
            cost: None,
            reserved: Nano::ZERO,
            saved: Nano::ZERO,
            latency_us: 0,
            first_byte_us: None,
            cache: CacheVerdict::Miss,
            similarity: None,
            outcome: Outcome::Cancelled,
            status: 0,
            stream: false,
            estimated: false,
            downgraded_from: None,
            decisions: Some(Box::new(cx.decisions.clone())),
            admitted_at: now,
            ended_at: now,
        }
    }
}
