//! The row of a request that reserved nothing: an answer from the cache, or an equal request's.

use std::sync::Arc;
use std::time::Instant;

use super::{Outcome, Row, Settler};
use crate::money::Nano;

/// A row under way. It is written once: when the answer is whole, when it fails, or, on drop, as cancelled.
#[must_use = "dropping a note writes it as cancelled"]
pub(crate) struct Note {
    settler: Arc<Settler>,
    row: Option<Box<Row>>,
    arrived: Instant,
}

impl Note {
    /// Begins one. `row` says who asked for what.
    pub(crate) fn new(settler: Arc<Settler>, mut row: Row, arrived: Instant) -> Note {
        row.cost = Some(Nano::ZERO);
        row.reserved = Nano::ZERO;
        row.estimated = false;
        Note { settler, row: Some(Box::new(row)), arrived }
    }

    /// Who answers.
    pub(crate) fn served(&mut self, provider: &str, model: &str) {
        if let Some(row) = &mut self.row {
            row.provider = Some(provider.to_owned());
            row.served_model = Some(model.to_owned());
        }
    }

    /// The answer is whole; another call would have cost `saved`.
    pub(crate) fn answered(mut self, saved: Nano) {
        if let Some(row) = &mut self.row {
            row.saved = saved;
        }
        self.write(Outcome::Answered, 200);
    }

    /// It failed.
    pub(crate) fn failed(mut self, status: u16) {
        self.write(Outcome::Failed, status);
    }

    /// It never was: another row takes its place.
    pub(crate) fn forget(mut self) {
        self.row = None;
    }

    fn write(&mut self, outcome: Outcome, status: u16) {
        let Some(mut row) = self.row.take() else { return };
        row.outcome = outcome;
        row.status = status;
        row.latency_us = u64::try_from(self.arrived.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.settler.record(*row);
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.write(Outcome::Cancelled, 499);
    }
}
