//! A request under way, and all who wait for its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::ask::Reply;
use crate::error::Error;
use crate::money::Nano;
use crate::settle::Attempt;
use crate::stream::{Event, replay};
use crate::telemetry::Decisions;

/// Who answers, as soon as it is certain.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) warnings: Vec<String>,
    /// For the leader, if it wants to know.
    pub(crate) decisions: Option<Box<Decisions>>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    pub(crate) reply: Reply,
    /// What it cost; none where the price is unknown or is still being counted.
    pub(crate) cost: Option<Nano>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It failed, and would fail the same for everybody who asks the same.
    Failed(Error),
    /// It failed, was refused or was left by its leader; another may have more luck. The error, for the leader.
    Leaderless(Option<Error>),
}

#[derive(Default)]
struct State {
    head: Option<Head>,
    /// What came of a stream so far: late joiners get the beginning, too.
    events: Vec<Event>,
    end: Option<End>,
}

enum End {
    Whole(Arc<Whole>),
    Failed {
        /// For the leader; followers get a copy of what may be copied.
        error: Option<Error>,
        shared: bool,
    },
}

/// One call to a provider and its audience.
pub(crate) struct Flight {
    state: Mutex<State>,
    /// Ticks whenever the state has grown.
    news: watch::Sender<()>,
    seats: AtomicUsize,
    /// Nobody listens any more.
    pub(super) cancel: CancellationToken,
    /// Held from the moment nobody listens until the call has ended, so that a flush waits for its settlement.
    ending: Mutex<Option<TaskTrackerToken>>,
}

impl Flight {
    pub(super) fn new() -> Arc<Flight> {
        Arc::new(Flight {
            state: Mutex::default(),
            news: watch::Sender::new(()),
            seats: AtomicUsize::new(0),
            cancel: CancellationToken::new(),
            ending: Mutex::default(),
        })
    }

    /// It is certain who answers.
    pub(crate) fn begin(&self, head: Head) {
        self.state.lock().head = Some(head);
        self.news.send_replace(());
    }

    /// More of a stream.
    pub(crate) fn push(&self, event: Event) {
        self.state.lock().events.push(event);
        self.news.send_replace(());
    }

    /// The answer is whole, settled and in the cache.
    pub(crate) fn complete(&self, whole: Whole) {
        self.end(End::Whole(Arc::new(whole)));
    }

    /// There will be no answer. `shared`: it would be the same error for everybody.
    pub(crate) fn fail(&self, error: Option<Error>, shared: bool) {
        self.end(End::Failed { error, shared });
    }

    fn end(&self, end: End) {
        let mut state = self.state.lock();
        if state.end.is_none() {
            state.end = Some(end);
        }
        drop(state);
        self.news.send_replace(());
    }

    /// The call is over, whatever came of it.
    pub(crate) fn landed(&self) {
        self.fail(None, false);
        *self.ending.lock() = None;
    }

    /// Done once nobody listens any more.
    pub(crate) async fn deserted(&self) {
        self.cancel.cancelled().await;
    }

    fn is_over(&self) -> bool {
        self.state.lock().end.is_some()
    }
}

/// A place in the audience. The last one to leave ends the call.
pub(crate) struct Seat {
    flight: Arc<Flight>,
    news: watch::Receiver<()>,
    /// Events taken so far.
    at: usize,
    leader: bool,
    tracker: tokio_util::task::TaskTracker,
}

impl Seat {
    pub(super) fn take(flight: &Arc<Flight>, leader: bool, tracker: tokio_util::task::TaskTracker) -> Seat {
        flight.seats.fetch_add(1, Ordering::SeqCst);
        Seat { news: flight.news.subscribe(), flight: flight.clone(), at: 0, leader, tracker }
    }

    /// Who answers.
    pub(crate) async fn head(&mut self) -> Result<Head, Lost> {
        loop {
            {
                let mut state = self.flight.state.lock();
                if let Some(head) = &state.head {
                    return Ok(head.clone());
                }
                if let Some(End::Failed { error, shared }) = &mut state.end {
                    return Err(lost(error, *shared, self.leader));
                }
            }
            self.wait().await;
        }
    }

    /// The whole answer.
    pub(crate) async fn whole(&mut self) -> Result<Arc<Whole>, Lost> {
        loop {
            match &mut self.flight.state.lock().end {
                Some(End::Whole(whole)) => return Ok(whole.clone()),
                Some(End::Failed { error, shared }) => return Err(lost(error, *shared, self.leader)),
                None => {}
            }
            self.wait().await;
        }
    }

    /// The next event of the answer; none at its end.
    pub(crate) async fn event(&mut self) -> Result<Option<Event>, Lost> {
        loop {
            {
                let mut state = self.flight.state.lock();
                if let Some(event) = state.events.get(self.at) {
                    self.at += 1;
                    return Ok(Some(event.clone()));
                }
                match &mut state.end {
                    None => {}
                    Some(End::Failed { error, shared }) => return Err(lost(error, *shared, self.leader)),
                    Some(End::Whole(whole)) => {
                        let whole = whole.clone();
                        let Reply::Chat(response) = &whole.reply else { return Ok(None) };
                        if !state.events.is_empty() {
                            return Ok(None);
                        }
                        // Nobody asked for a stream before: it is told from the whole.
                        state.events = replay(response);
                        state.events.retain(|event| *event != Event::End);
                        continue;
                    }
                }
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        // The sender lives in the flight, which this seat holds.
        let _ = self.news.changed().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.flight.seats.fetch_sub(1, Ordering::SeqCst) == 1 {
            if !self.flight.is_over() {
                *self.flight.ending.lock() = Some(self.tracker.token());
            }
            self.flight.cancel.cancel();
            if self.flight.is_over() {
                *self.flight.ending.lock() = None;
            }
        }
    }
}

fn lost(error: &mut Option<Error>, shared: bool, leader: bool) -> Lost {
    let copy = error.as_ref().map(Error::copy);
    // The leader gets the error itself, with its cause.
    let mine = if leader { std::mem::replace(error, copy) } else { copy };
    match mine {
        Some(error) if shared || leader => Lost::Failed(error),
        mine => Lost::Leaderless(mine),
    }
}
