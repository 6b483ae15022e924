//! What arrived, and what was truly delivered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::script::Provider;

/// How a request ended, seen from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still being answered.
    Open,
    /// The whole answer was written to the socket; a vendor's error answer counts too.
    Completed,
    /// The client left before the planned bytes were written.
    Aborted,
    /// A scripted fault broke the answer, and the client stayed to see it.
    Faulted,
}

/// One request to a provider, as it arrived and as it was answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Position in arrival order since start, from 1; not reused after a reset.
    pub id: u64,
    /// The provider addressed.
    pub provider: Provider,
    /// HTTP method.
    pub method: String,
    /// Path as the vendor sees it, such as `/v1/chat/completions`.
    pub path: String,
    /// Query string without the `?`, if there was one.
    pub query: Option<String>,
    /// Header names in lower case; repeated values are joined by `", "`.
    pub headers: BTreeMap<String, String>,
    /// The body: parsed when it is JSON, else a string; null when there was none.
    pub body: Value,
    /// Arrival in milliseconds since the simulator started.
    pub at_ms: u64,
    /// End of the answer in milliseconds since the simulator started.
    pub ended_at_ms: Option<u64>,
    /// How it ended.
    pub outcome: Outcome,
    /// Status answered; null while none was sent.
    pub status: Option<u16>,
    /// The scripted fault this request consumed.
    pub fault: Option<Value>,
    /// Body bytes flushed to the socket, without HTTP framing.
    pub bytes_sent: u64,
    /// Whole stream events flushed to the socket, `[DONE]` included.
    pub events_sent: u64,
    /// Usage the provider counted for the whole answer, whether or not it was reported.
    pub usage: Option<Value>,
    /// Usage the client was told: null until the bytes holding it were flushed.
    pub usage_sent: Option<Value>,
}

/// What one request's client received, for comparison with a ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivered {
    /// [`Recorded::id`].
    pub id: u64,
    /// The provider that answered.
    pub provider: Provider,
    /// The model asked for.
    pub model: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Body bytes flushed to the socket.
    pub bytes_sent: u64,
    /// Whole stream events flushed to the socket.
    pub events_sent: u64,
    /// Usage the client was told.
    pub usage_sent: Option<Value>,
}

impl Recorded {
    /// The model named in the request's body, else in its path, as in `/v1beta/models/NAME:generateContent`.
    pub fn model(&self) -> Option<&str> {
        let in_path = || self.path.split_once("/models/").and_then(|(_, rest)| rest.split(':').next());
        self.body.get("model").and_then(Value::as_str).or_else(in_path)
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// What the client received of the answer.
    pub fn delivered(&self) -> Delivered {
        Delivered {
            id: self.id,
            provider: self.provider,
            model: self.model().map(str::to_owned),
            outcome: self.outcome,
            bytes_sent: self.bytes_sent,
            events_sent: self.events_sent,
            usage_sent: self.usage_sent.clone(),
        }
    }
}

#[derive(Debug)]
struct Draft {
    recorded: Recorded,
    /// The outcome if the client stays to the end.
    planned: Outcome,
}

/// A record under way, shared by the answer and the connection.
#[derive(Debug)]
pub(crate) struct Entry {
    draft: Mutex<Draft>,
    log: Arc<Signals>,
}

#[derive(Debug)]
struct Signals {
    started: Instant,
    changed: watch::Sender<u64>,
}

impl Signals {
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Entry {
    pub(crate) fn snapshot(&self) -> Recorded {
        self.draft.lock().recorded.clone()
    }

    /// Notes what is about to be answered.
    pub(crate) fn answering(&self, status: u16, usage: Option<Value>, planned: Outcome) {
        let mut draft = self.draft.lock();
        draft.recorded.status = Some(status);
        draft.recorded.usage = usage;
        draft.planned = planned;
    }

    pub(crate) fn faulted(&self, fault: Value) {
        self.draft.lock().recorded.fault = Some(fault);
    }

    pub(crate) fn progress(&self, bytes: u64, events: u64, usage: Option<Value>, end: bool) {
        let planned = {
            let mut draft = self.draft.lock();
            draft.recorded.bytes_sent += bytes;
            draft.recorded.events_sent += events;
            if usage.is_some() {
                draft.recorded.usage_sent = usage;
            }
            draft.planned
        };
        if end {
            self.finish(planned);
        }
    }

    /// Ends the record; the first end stands.
    pub(crate) fn finish(&self, outcome: Outcome) {
        {
            let mut draft = self.draft.lock();
            if draft.recorded.outcome != Outcome::Open {
                return;
            }
            draft.recorded.outcome = outcome;
            draft.recorded.ended_at_ms = Some(self.log.elapsed_ms());
        }
        self.log.changed.send_modify(|version| *version += 1);
    }
}

/// Owns the end of one answer: dropped early, the client left.
#[derive(Debug)]
pub(crate) struct Delivery {
    entry: Arc<Entry>,
    ended: bool,
}

impl Delivery {
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// The rest is up to the connection's next flush.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.ended {
            self.entry.finish(Outcome::Aborted);
        }
    }
}

/// Every request since start or the last reset, in arrival order.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<(u64, Vec<Arc<Entry>>)>,
    signals: Arc<Signals>,
}

impl Log {
    pub(crate) fn new() -> Self {
        let signals = Signals { started: Instant::now(), changed: watch::Sender::new(0) };
        Self { entries: Mutex::new((0, Vec::new())), signals: Arc::new(signals) }
    }

    /// Opens a record; `id`, times and outcome are filled in here.
    pub(crate) fn open(&self, mut recorded: Recorded) -> Delivery {
        let mut entries = self.entries.lock();
        entries.0 += 1;
        recorded.id = entries.0;
        recorded.at_ms = self.signals.elapsed_ms();
        recorded.outcome = Outcome::Open;
        let draft = Draft { recorded, planned: Outcome::Completed };
        let entry = Arc::new(Entry { draft: Mutex::new(draft), log: Arc::clone(&self.signals) });
        entries.1.push(Arc::clone(&entry));
        drop(entries);
        self.signals.changed.send_modify(|version| *version += 1);
        Delivery { entry, ended: false }
    }

    pub(crate) fn snapshot(&self) -> Vec<Recorded> {
        self.entries.lock().1.iter().map(|entry| entry.snapshot()).collect()
    }

    pub(crate) fn clear(&self) {
        self.entries.lock().1.clear();
        self.signals.changed.send_modify(|version| *version += 1);
    }

    /// Waits until the records satisfy `ready`, and returns them.
    pub(crate) async fn wait_until(&self, ready: impl Fn(&[Recorded]) -> bool) -> Vec<Recorded> {
        let mut changed = self.signals.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let records = self.snapshot();
            if ready(&records) || changed.changed().await.is_err() {
                return records;
            }
        }
    }
}

/// True when no request is still being answered.
pub(crate) fn all_settled(records: &[Recorded]) -> bool {
    records.iter().all(|record| record.outcome != Outcome::Open)
}
