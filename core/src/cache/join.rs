//! Stage 4: one flight per fingerprint. Equal requests under way share one call.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use super::Fingerprint;
use super::flight::{Flight, Seat};

/// The calls under way that others may join.
pub(crate) struct Flights {
    by_key: Mutex<HashMap<Fingerprint, Arc<Flight>>>,
    /// A flush waits for calls that nobody listens to any more.
    tracker: TaskTracker,
}

/// What joining gave.
pub(crate) enum Joined {
    /// Nobody asks the same: call the provider.
    Lead(Lead),
    /// Somebody does: wait for that answer.
    Follow(Seat),
}

/// The right and the duty to call the provider. Dropped before the call, it wakes the followers, one of which leads.
pub(crate) struct Lead {
    /// Made when it is needed, where nobody can follow: an answer from the cache never needs one.
    place: Option<Place>,
    flights: Arc<Flights>,
    key: Option<Fingerprint>,
    flown: bool,
}

/// A flight that has not begun.
struct Place {
    flight: Arc<Flight>,
    /// Until the call begins: followers who come and go meanwhile must not end it.
    _kept: Seat,
}

impl Flights {
    pub(crate) fn new(tracker: TaskTracker) -> Arc<Flights> {
        Arc::new(Flights { by_key: Mutex::default(), tracker })
    }

    /// Joins the call under way for `key`, or begins one. Without a key the call is nobody else's.
    pub(crate) fn join(self: &Arc<Self>, key: Option<Fingerprint>) -> Joined {
        let Some(key) = key else { return Joined::Lead(self.lead(None, None)) };
        let mut by_key = self.by_key.lock();
        if let Some(flight) = by_key.get(&key).filter(|flight| !flight.cancel.is_cancelled()) {
            return Joined::Follow(Seat::take(flight, false, self.tracker.clone()));
        }
        let flight = Flight::new();
        by_key.insert(key, flight.clone());
        Joined::Lead(self.lead(Some(self.place(flight)), Some(key)))
    }

    fn lead(self: &Arc<Self>, place: Option<Place>, key: Option<Fingerprint>) -> Lead {
        Lead { place, flights: self.clone(), key, flown: false }
    }

    fn place(&self, flight: Arc<Flight>) -> Place {
        Place { _kept: Seat::take(&flight, true, self.tracker.clone()), flight }
    }

    fn leave(&self, key: Option<Fingerprint>, flight: &Arc<Flight>) {
        let Some(key) = key else { return };
        let mut by_key = self.by_key.lock();
        if by_key.get(&key).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            by_key.remove(&key);
        }
    }
}

impl Lead {
    /// The leader's own place. Take it before the call begins.
    pub(crate) fn seat(&mut self) -> Seat {
        Seat::take(&self.flight(), true, self.flights.tracker.clone())
    }

    fn flight(&mut self) -> Arc<Flight> {
        self.place.get_or_insert_with(|| self.flights.place(Flight::new())).flight.clone()
    }

    /// This call's answer will not be what the followers asked for: they are woken and look after themselves.
    pub(crate) fn go_alone(&mut self) {
        if let Some(Place { flight, .. }) = &self.place.take() {
            self.flights.leave(self.key.take(), flight);
            flight.fail(None, false);
        }
    }

    /// The call begins.
    pub(crate) fn fly(mut self) -> Landing {
        self.flown = true;
        Landing { flight: self.flight(), flights: self.flights.clone(), key: self.key }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if let (false, Some(Place { flight, .. })) = (self.flown, &self.place) {
            self.flights.leave(self.key, flight);
            flight.landed();
        }
    }
}

/// The call under way. However it ends, a panic included, its audience hears of it.
pub(crate) struct Landing {
    pub(crate) flight: Arc<Flight>,
    flights: Arc<Flights>,
    key: Option<Fingerprint>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.leave(self.key, &self.flight);
        self.flight.landed();
    }
}
