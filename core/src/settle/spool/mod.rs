//! The spool: a journal in append-only files, one `write(2)` a record, which is also the queue to the ledger.
//!
//! A killed process loses nothing that was written. Its files are adopted by whoever starts next
//! ([`recover`]). A power cut loses what the setting `spool_fsync` leaves in the system's cache.

mod append;
mod record;
mod recover;
mod segment;
mod tail;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use ulid::Ulid;

use self::append::Appender;
use self::record::{Say, SettledRow};
use self::tail::Tail;
use super::{Journal, Reserve, Row, Ticket};
use crate::clock::Millis;
use crate::error::{Error, Kind, Result, Retry};
use crate::ids::AdmissionId;
use crate::limits::Settlement;
use crate::store::Ledger;
use crate::store::process_lock::{Mode, ProcessLock, Refused, canonical};

pub use recover::{Recovered, recover};

/// When records are forced from the system's cache to the disk (`spool_fsync`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpoolFsync {
    /// When the system likes: a power cut may lose some seconds.
    Never,
    /// Every 100 ms: a power cut may lose so much.
    #[default]
    Batch,
    /// Each record before the request goes on: a power cut loses nothing, each request waits for the disk twice.
    Always,
}

/// Where and how the spool writes.
#[derive(Debug, Clone)]
pub struct SpoolOptions {
    /// The folder (`state_dir`); made if missing. Several processes may share it.
    pub folder: PathBuf,
    /// When to force records to the disk.
    pub fsync: SpoolFsync,
    /// A file that reaches this size is followed by a new one, and deleted when all in it is in the ledger.
    pub segment_bytes: u64,
}

impl SpoolOptions {
    /// The defaults, in `folder`: batched fsync, files of 8 MiB.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> SpoolOptions {
        SpoolOptions { folder: folder.into(), fsync: SpoolFsync::default(), segment_bytes: 8 << 20 }
    }
}

/// The journal on disk.
pub struct Spool {
    shared: Arc<Shared>,
    tail: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

struct Shared {
    folder: PathBuf,
    instance: Ulid,
    lock: ProcessLock,
    next: AtomicU64,
    appender: Mutex<Appender>,
    /// Something to do for the tail.
    work: Notify,
    closing: AtomicBool,
    /// Rows written down and not yet in the ledger.
    waiting: AtomicU64,
    /// Moves whenever rows reached the ledger.
    progress: watch::Sender<u64>,
}

impl Spool {
    /// Starts an instance of its own in the folder, and the task that takes its rows to `ledger`. Needs a runtime.
    /// What earlier instances left is for [`recover`].
    pub fn open(options: &SpoolOptions, ledger: Arc<dyn Ledger>, now: Millis) -> Result<Spool> {
        let folder = folder(&options.folder)?;
        let unusable = |source: std::io::Error| unusable(&folder, &source).caused_by(source);
        let instance = instance(now)?;
        let lock = ProcessLock::take(segment::lock_path(&folder, instance), Mode::Exclusive);
        let lock = lock.map_err(|refused| match refused {
            Refused::Io(source) => unusable(source),
            Refused::Held(_) => Error::new(Kind::Internal, "a new spool instance is in use already"),
        })?;
        let appender = Appender::create(&folder, instance, options).map_err(unusable)?;
        let shared = Arc::new(Shared {
            folder,
            instance,
            lock,
            next: AtomicU64::new(1),
            appender: Mutex::new(appender),
            work: Notify::new(),
            waiting: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            progress: watch::Sender::new(0),
        });
        let tail = tokio::spawn(Tail::new(Arc::clone(&shared), ledger, options.fsync).run());
        Ok(Spool { shared, tail: Mutex::new(Some(tail)) })
    }

    /// Brings all acknowledged rows to the ledger, stops, and removes this instance's files if nothing is left in
    /// them. What is left, the next start adopts. Records written afterwards stay in the files.
    pub async fn close(&self, deadline: Duration) -> Result<()> {
        let flushed = self.flush(deadline).await;
        self.shared.closing.store(true, Ordering::Release);
        self.shared.work.notify_one();
        let tail = self.tail.lock().take();
        if let Some(tail) = tail {
            // Only a panic or the end of the runtime ends it otherwise, and both have been reported.
            let _ = tail.await;
        }
        flushed
    }

    fn forked(&self) -> bool {
        !self.shared.lock.is_held()
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        self.shared.work.notify_one();
    }
}

#[async_trait]
impl Journal for Spool {
    fn reserve(&self, reserve: &Reserve) -> Result<()> {
        if self.forked() {
            return Err(Error::new(Kind::StoreUnavailable, "the gateway was forked and must be rebuilt"));
        }
        let line = record::encode(self.shared.number(), Say::Reserve(reserve))?;
        self.shared.appender.lock().reserve(reserve.held.id, &line).map_err(|source| {
            Error::new(Kind::StoreUnavailable, "the spool could not be written")
                .retrying(Retry::Later)
                .caused_by(source)
        })
    }

    fn settled(&self, row: Row, settlement: Option<&Settlement>) -> Ticket {
        // After a fork the reservation is the parent's, and so is its end.
        if self.forked() {
            return Ticket(None);
        }
        let number = self.shared.number();
        let id: AdmissionId = row.id;
        let record = SettledRow { row, booked: settlement.map(Into::into) };
        let line = match record::encode(number, Say::Settled(&record)) {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(%error, %id, "a ledger row is lost");
                return Ticket(None);
            }
        };
        let awaits = settlement.is_some().then_some(number);
        self.shared.appender.lock().settled(id, line, awaits);
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.shared.work.notify_one();
        Ticket(awaits)
    }

    fn waiting(&self) -> u64 {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    fn acknowledged(&self, ticket: Ticket) {
        if let Ticket(Some(number)) = ticket
            && !self.forked()
        {
            self.shared.appender.lock().acknowledged(number);
            self.shared.work.notify_one();
        }
    }

    async fn flush(&self, deadline: Duration) -> Result<()> {
        let mut progress = self.shared.progress.subscribe();
        let done = async {
            while !self.shared.appender.lock().all_delivered() {
                self.shared.work.notify_one();
                if progress.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(deadline, done).await.map_err(|late| {
            Error::store("not all rows reached the ledger in time; they stay in the spool", late)
        })
    }
}

impl Shared {
    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// The folder, made if it is missing, by its one name.
fn folder(path: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(path)
        .and_then(|()| canonical(path))
        .map_err(|source| unusable(path, &source).caused_by(source))
}

fn unusable(folder: &Path, source: &std::io::Error) -> Error {
    Error::config(
        "state_dir",
        folder.display(),
        format!("it must be a folder that can be written ({source})"),
    )
}

fn instance(now: Millis) -> Result<Ulid> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Error::internal("no randomness for a spool instance", error))?;
    Ok(Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), u128::from_le_bytes(random)))
}
