//! The reading end: follows the files and takes acknowledged rows to the ledger. Its memory is bounded; what the
//! ledger cannot take yet stays in the files.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use ulid::Ulid;

use super::record::{Said, Say, SettledRow};
use super::segment::Lines;
use super::{Shared, SpoolFsync, record, segment};
use crate::error::{Error, Result};
use crate::settle::Row;
use crate::settle::deliver::{Backoff, deliver};
use crate::store::Ledger;

/// Rows in one transaction.
pub(super) const BATCH: usize = 256;
/// Rows read whose settle is not acknowledged; with so many, reading pauses.
const MOST_WAITING: usize = 4096;
/// Rows that come so close together go to the ledger together, and wake the tail once.
const GATHER: Duration = Duration::from_millis(2);
const SYNC_EVERY: Duration = Duration::from_millis(100);
const RETAINED_EVERY: Duration = Duration::from_millis(250);

pub(super) struct Tail {
    shared: Arc<Shared>,
    ledger: Arc<dyn Ledger>,
    fsync: SpoolFsync,
    /// The segment that is read, and its reader.
    number: u64,
    lines: Option<Lines>,
    /// Read, not acknowledged: by record number, with the segment.
    waiting: BTreeMap<u64, (u64, Row)>,
    /// To be delivered next, and their segments.
    ready: Vec<Row>,
    segments: Vec<u64>,
    backoff: Backoff,
    /// When records were last forced to the disk.
    synced: Instant,
}

impl Tail {
    pub(super) fn new(shared: Arc<Shared>, ledger: Arc<dyn Ledger>, fsync: SpoolFsync) -> Tail {
        Tail {
            shared,
            ledger,
            fsync,
            number: 1,
            lines: None,
            waiting: BTreeMap::new(),
            ready: Vec::new(),
            segments: Vec::new(),
            backoff: Backoff::default(),
            synced: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let closing = self.shared.closing.load(Ordering::Acquire);
            // What still fails is tried again after a pause.
            let _ = self.shared.appender.lock().write_retained();
            self.pick_acknowledged();
            let pause = match self.read() {
                Ok(()) if self.ready.is_empty() => None,
                Ok(()) => self.deliver().await,
                Err(error) => {
                    tracing::error!(%error, "the spool cannot be read");
                    Some(self.backoff.next())
                }
            };
            self.remove_finished();
            if self.fsync == SpoolFsync::Batch && self.synced.elapsed() >= SYNC_EVERY {
                self.sync().await;
            }
            if closing && (self.ready.is_empty() || pause.is_some()) {
                break;
            }
            match pause {
                Some(pause) => self.pause(pause).await,
                None if self.ready.is_empty() => self.idle().await,
                None => {}
            }
        }
        self.sync().await;
        self.leave();
    }

    /// Moves rows that were acknowledged since they were read.
    fn pick_acknowledged(&mut self) {
        let appender = self.shared.appender.lock();
        let room = BATCH.saturating_sub(self.ready.len());
        let picked: Vec<u64> = self
            .waiting
            .keys()
            .copied()
            .filter(|number| appender.is_acknowledged(*number))
            .take(room)
            .collect();
        drop(appender);
        for number in picked {
            if let Some((segment, row)) = self.waiting.remove(&number) {
                self.ready.push(row);
                self.segments.push(segment);
            }
        }
    }

    /// Reads until a batch is full or the end is reached. The bytes were written by this process a moment ago, so
    /// they come from the system's cache.
    fn read(&mut self) -> io::Result<()> {
        while self.ready.len() < BATCH && self.waiting.len() < MOST_WAITING {
            // Before reading: if a later segment is being written, this one has its last record.
            let writing = self.shared.appender.lock().number();
            if self.lines.is_none() {
                let path = segment::path(&self.shared.folder, self.shared.instance, self.number);
                self.lines = Some(Lines::open(&path)?);
            }
            let Some(lines) = &mut self.lines else { break };
            match lines.next()? {
                Some(line) => self.take(&line),
                None if writing > self.number => {
                    self.number += 1;
                    self.lines = None;
                }
                None => {
                    lines.reread();
                    break;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &[u8]) {
        let Some(record) = record::decode(line) else {
            tracing::warn!(segment = self.number, "a damaged record in the spool");
            return;
        };
        if let Said::Settled(settled) = record.said {
            if settled.booked.is_none() || self.shared.appender.lock().is_acknowledged(record.n) {
                self.ready.push(settled.row);
                self.segments.push(self.number);
            } else {
                self.waiting.insert(record.n, (self.number, settled.row));
            }
        }
    }

    /// One try; a pause if the store is away.
    async fn deliver(&mut self) -> Option<Duration> {
        let refused = match deliver(self.ledger.as_ref(), &self.ready).await {
            Ok(refused) => refused,
            Err(error) => {
                tracing::warn!(%error, rows = self.ready.len(), "the ledger is away; rows wait in the spool");
                return Some(self.backoff.next());
            }
        };
        if let Err(error) = keep_refused(&self.shared.folder, self.shared.instance, refused) {
            tracing::error!(%error, "a refused row could not be put aside; trying again");
            return Some(self.backoff.next());
        }
        self.backoff.reset();
        self.shared.waiting.fetch_sub(self.ready.len() as u64, Ordering::Relaxed);
        self.ready.clear();
        let mut appender = self.shared.appender.lock();
        for segment in self.segments.drain(..) {
            appender.delivered(segment);
        }
        drop(appender);
        self.shared.progress.send_modify(|moves| *moves = moves.wrapping_add(1));
        None
    }

    fn remove_finished(&mut self) {
        let finished = self.shared.appender.lock().take_finished(self.number);
        for number in finished {
            let path = segment::path(&self.shared.folder, self.shared.instance, number);
            if let Err(error) = std::fs::remove_file(&path) {
                // Harmless: the next start finds its rows in the ledger and removes it.
                tracing::warn!(%error, path = %path.display(), "a finished spool file could not be removed");
            }
        }
    }

    /// Waits for work, or for the next turn of what must be done from time to time.
    async fn idle(&mut self) {
        let (retained, unsynced) = {
            let appender = self.shared.appender.lock();
            (appender.has_retained(), self.fsync == SpoolFsync::Batch && appender.has_unsynced())
        };
        if retained || unsynced {
            let turn = if unsynced { SYNC_EVERY } else { RETAINED_EVERY };
            // Whichever comes first: the loop sees what is due.
            let _ = tokio::time::timeout(turn, self.shared.work.notified()).await;
        } else {
            self.shared.work.notified().await;
        }
        if !self.shared.closing.load(Ordering::Acquire) {
            tokio::time::sleep(GATHER).await;
        }
    }

    async fn pause(&self, pause: Duration) {
        let closing = async {
            while !self.shared.closing.load(Ordering::Acquire) {
                self.shared.work.notified().await;
            }
        };
        // Ends early only to close.
        let _ = tokio::time::timeout(pause, closing).await;
    }

    async fn sync(&mut self) {
        self.synced = Instant::now();
        let files = self.shared.appender.lock().take_unsynced();
        let done = match files {
            Ok(files) if files.is_empty() => return,
            Ok(files) => {
                let sync = move || files.iter().try_for_each(std::fs::File::sync_data);
                tokio::task::spawn_blocking(sync).await.map_err(io::Error::other).flatten()
            }
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the spool could not be forced to the disk");
        }
    }

    /// Removes the instance's files if a new start would find nothing in them.
    fn leave(&self) {
        if !self.shared.appender.lock().close_if_drained() {
            return;
        }
        if let Err(error) = remove_instance(&self.shared.folder, self.shared.instance) {
            tracing::warn!(%error, "the spool's files could not be removed; the next start will");
        }
    }
}

/// Removes an instance's segments, then its lock file. Only for who holds the lock.
pub(super) fn remove_instance(folder: &std::path::Path, instance: Ulid) -> io::Result<()> {
    for (owner, number) in segment::list(folder)? {
        if owner == instance {
            std::fs::remove_file(segment::path(folder, instance, number))?;
        }
    }
    std::fs::remove_file(segment::lock_path(folder, instance))
}

/// Puts rows aside that the ledger refuses, for an operator to look at.
pub(super) fn keep_refused(
    folder: &std::path::Path,
    instance: Ulid,
    refused: Vec<(Row, Error)>,
) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let path = segment::refused_path(folder, instance);
    let mut lines = Vec::new();
    for (row, error) in refused {
        tracing::error!(%error, id = %row.id, file = %path.display(), "the ledger refuses a row; it is put aside");
        lines.extend(record::encode(0, Say::Settled(&SettledRow { row, booked: None }))?);
    }
    segment::private(OpenOptions::new().append(true).create(true))
        .open(&path)
        .and_then(|mut file| file.write_all(&lines))
        .map_err(|error| Error::store("a refused row could not be written", error))
}
