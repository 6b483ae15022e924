//! Where the runtime leaves what is done for one event loop, and how it rings for it.
//!
//! Each thread of JavaScript has a desk. JavaScript numbers its calls by tickets; what cannot be answered at once goes
//! on in the runtime under its ticket, and is fetched after the bell.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode, UnknownReturnValue};
use napi::{Env, Result, Status};
use napi_derive::napi;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::answer::{Answer, Ended};
use crate::host::{self, Work};

/// When its thread ends, what is settled gets so long to be written.
const LAST: Duration = Duration::from_secs(5);
/// Lists of weak references are cleared of what is gone at this length first.
const MANY: usize = 64;

/// Rings without keeping the event loop alive; what waits for an answer does that.
type Bell = ThreadsafeFunction<(), UnknownReturnValue, (), Status, false, true>;

/// The desk of one event loop.
#[napi]
pub struct Desk {
    line: Arc<Line>,
}

/// The side of a desk that the runtime sees.
pub(crate) struct Line {
    bell: Bell,
    /// The bell has been rung, and not been answered yet.
    rung: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: HashMap<u32, JoinHandle<()>>,
    done: Vec<(u32, Ended)>,
    streams: Crowd<dyn Leave>,
    gateways: Crowd<dyn Leave>,
    closed: bool,
}

/// What has to be ended when the thread ends.
pub(crate) trait Leave: Send + Sync {
    /// Ends it. What it returns is awaited.
    fn leave(&self, within: Duration) -> Option<Work<()>>;
}

#[napi]
impl Desk {
    /// `ring` is called on the event loop when something is done.
    #[napi(constructor)]
    pub fn new(env: Env, ring: Function<'_, (), UnknownReturnValue>) -> Result<Desk> {
        let bell = ring.build_threadsafe_function().weak::<true>().callee_handled::<false>().build()?;
        let line = Arc::new(Line { bell, rung: AtomicBool::new(false), state: Mutex::default() });
        // A worker that is terminated runs no JavaScript at its end.
        env.add_env_cleanup_hook(line.clone(), |line: Arc<Line>| line.shut_down())?;
        Ok(Desk { line })
    }

    /// What is done since the last time.
    #[napi]
    pub fn drain(&self) -> Vec<Answer> {
        // In this order: whoever comes after it rings again.
        self.line.rung.store(false, Ordering::SeqCst);
        let done = std::mem::take(&mut self.line.state.lock().done);
        done.into_iter().map(|(ticket, ended)| Answer::new(ticket, ended)).collect()
    }

    /// Drops what goes on under a ticket; what it reserved is settled.
    #[napi]
    pub fn cancel(&self, ticket: u32) {
        let (running, done) = {
            let mut state = self.line.state.lock();
            let place = state.done.iter().position(|(done, _)| *done == ticket);
            (state.running.remove(&ticket), place.map(|place| state.done.swap_remove(place)))
        };
        if let Some(running) = running {
            running.abort();
        }
        host::discard(done);
    }

    /// The thread ends: cancels and settles what is open, and waits until it is written.
    #[napi]
    pub fn shut_down(&self) {
        self.line.shut_down();
    }

    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Line {
    /// Does `work` here and now as far as it needs no waiting; the rest goes on in the runtime, and `None` says so.
    pub(crate) fn run(self: &Arc<Self>, ticket: u32, mut work: Work<Ended>) -> Result<Option<Answer>> {
        match host::poll_once(&host::runtime()?, &mut work) {
            Poll::Ready(ended) => Ok(Some(Answer::new(ticket, ended))),
            Poll::Pending => self.spawn(ticket, work).map(|()| None),
        }
    }

    /// Does `work` in the runtime.
    pub(crate) fn spawn(self: &Arc<Self>, ticket: u32, work: Work<Ended>) -> Result<()> {
        let line = self.clone();
        let handle = host::runtime()?;
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            host::discard(work);
            return Ok(());
        }
        let running = handle.spawn(async move {
            let ended = work.await;
            line.finish(ticket, ended);
        });
        state.running.insert(ticket, running);
        Ok(())
    }

    fn finish(&self, ticket: u32, ended: Ended) {
        let unwanted = {
            let mut state = self.state.lock();
            if state.running.remove(&ticket).is_some() {
                state.done.push((ticket, ended));
                None
            } else {
                Some(ended)
            }
        };
        if unwanted.is_none() && !self.rung.swap(true, Ordering::SeqCst) {
            // A loop that is gone needs no bell.
            let _ = self.bell.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    /// Remembers a stream that is open.
    pub(crate) fn watch_stream(&self, stream: Weak<dyn Leave>) {
        self.state.lock().streams.add(stream);
    }

    /// Remembers a gateway that is open.
    pub(crate) fn watch_gateway(&self, gateway: Weak<dyn Leave>) {
        self.state.lock().gateways.add(gateway);
    }

    fn shut_down(&self) {
        let (running, done, streams, gateways) = {
            let mut state = self.state.lock();
            state.closed = true;
            let running: Vec<_> = state.running.drain().map(|(_, running)| running).collect();
            (running, std::mem::take(&mut state.done), state.streams.take(), state.gateways.take())
        };
        if running.is_empty() && streams.is_empty() && gateways.is_empty() {
            host::discard(done);
            return;
        }
        let Ok(handle) = host::runtime() else { return };
        let (told, waiting) = channel();
        let begun = Instant::now();
        handle.spawn(async move {
            drop(done);
            for running in running {
                running.abort();
                // What it held is given up once it has ended.
                let _ = running.await;
            }
            for stream in streams {
                if let Some(left) = stream.leave(Duration::ZERO) {
                    left.await;
                }
            }
            for gateway in gateways {
                if let Some(left) = gateway.leave(LAST.saturating_sub(begun.elapsed())) {
                    left.await;
                }
            }
            let _ = told.send(());
        });
        let _ = waiting.recv_timeout(LAST);
    }
}

/// Things that are there as long as somebody else holds them.
struct Crowd<T: ?Sized> {
    members: Vec<Weak<T>>,
    /// At this length it is cleared of those that are gone.
    full: usize,
}

impl<T: ?Sized> Default for Crowd<T> {
    fn default() -> Crowd<T> {
        Crowd { members: Vec::new(), full: MANY }
    }
}

impl<T: ?Sized> Crowd<T> {
    fn add(&mut self, member: Weak<T>) {
        if self.members.len() >= self.full {
            self.members.retain(|member| member.strong_count() > 0);
            self.full = MANY.max(self.members.len() * 2);
        }
        self.members.push(member);
    }

    fn take(&mut self) -> Vec<Arc<T>> {
        std::mem::take(&mut self.members).iter().filter_map(Weak::upgrade).collect()
    }
}
