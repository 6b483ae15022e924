//! The writing end: what is in which file, and what still waits.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ulid::Ulid;

use super::{SpoolFsync, SpoolOptions, segment};
use crate::ids::AdmissionId;

/// A settled record that the disk did not take.
struct Retained {
    id: AdmissionId,
    line: Vec<u8>,
}

pub(super) struct Appender {
    folder: PathBuf,
    instance: Ulid,
    fsync: SpoolFsync,
    segment_bytes: u64,
    file: File,
    /// The number of the segment under `file`.
    number: u64,
    length: u64,
    /// The file ends in a part of a line that could not be cut off.
    torn: bool,
    /// Files with records that were not forced to the disk: the current one, and closed ones.
    unsynced: bool,
    closed_unsynced: Vec<File>,
    /// The current file is to be forced to the disk before the caller goes on.
    sync_now: bool,
    /// Nothing is taken any more: the files are removed.
    closed: bool,
    /// Per segment: reservations without an end, and rows that are not in the ledger.
    open: BTreeMap<u64, usize>,
    /// In which segment a reservation was written.
    reserves: HashMap<AdmissionId, u64>,
    /// Rows whose settle is not acknowledged.
    unacknowledged: HashSet<u64>,
    retained: VecDeque<Retained>,
    /// Rows that are not in the ledger.
    rows: usize,
}

impl Appender {
    pub(super) fn create(folder: &Path, instance: Ulid, options: &SpoolOptions) -> io::Result<Appender> {
        let number = 1;
        let file = segment::create(folder, instance, number)?;
        let appender = Appender {
            folder: folder.to_owned(),
            instance,
            fsync: options.fsync,
            segment_bytes: options.segment_bytes,
            file,
            number,
            length: 0,
            torn: false,
            unsynced: false,
            closed_unsynced: Vec::new(),
            sync_now: false,
            closed: false,
            open: BTreeMap::new(),
            reserves: HashMap::new(),
            unacknowledged: HashSet::new(),
            retained: VecDeque::new(),
            rows: 0,
        };
        appender.sync_folder()?;
        Ok(appender)
    }

    pub(super) fn reserve(&mut self, id: AdmissionId, line: &[u8]) -> io::Result<()> {
        if self.closed {
            return Err(io::Error::other("the spool is closed"));
        }
        self.write(line)?;
        *self.open.entry(self.number).or_default() += 1;
        if let Some(earlier) = self.reserves.insert(id, self.number) {
            self.done(earlier);
        }
        // On an error the record stays, and counts as any other: whoever refuses the request settles it.
        self.sync_now()
    }

    pub(super) fn settled(&mut self, id: AdmissionId, line: Vec<u8>, awaits: Option<u64>) {
        if self.closed {
            // Only a row without a reservation can come so late: with one open, the spool does not close.
            tracing::error!(%id, "a row came after the spool was closed; it is lost");
            return;
        }
        self.unacknowledged.extend(awaits);
        self.rows += 1;
        self.retained.push_back(Retained { id, line });
        if let Err(error) = self.write_retained() {
            tracing::warn!(%error, kept = self.retained.len(), "the spool could not be written; kept in memory");
        }
        if let Err(error) = self.sync_now() {
            // The record is written, and a kill would not lose it: only the power must not fail now.
            tracing::warn!(%error, "the spool could not be forced to the disk");
        }
    }

    /// Writes what was kept; stops at the first that fails.
    pub(super) fn write_retained(&mut self) -> io::Result<()> {
        while let Some(next) = self.retained.pop_front() {
            if let Err(error) = self.write(&next.line) {
                self.retained.push_front(next);
                return Err(error);
            }
            *self.open.entry(self.number).or_default() += 1;
            // Only now: until the row is written, the reservation is what a crash leaves.
            if let Some(reserved) = self.reserves.remove(&next.id) {
                self.done(reserved);
            }
        }
        Ok(())
    }

    pub(super) fn acknowledged(&mut self, number: u64) {
        self.unacknowledged.remove(&number);
    }

    pub(super) fn is_acknowledged(&self, number: u64) -> bool {
        !self.unacknowledged.contains(&number)
    }

    /// A row of this segment is in the ledger.
    pub(super) fn delivered(&mut self, segment: u64) {
        self.rows = self.rows.saturating_sub(1);
        self.done(segment);
    }

    pub(super) fn all_delivered(&self) -> bool {
        self.rows <= self.unacknowledged.len()
    }

    pub(super) fn has_retained(&self) -> bool {
        !self.retained.is_empty()
    }

    pub(super) fn has_unsynced(&self) -> bool {
        self.unsynced || !self.closed_unsynced.is_empty()
    }

    /// Takes no more records if a new start would find nothing to do in the files.
    pub(super) fn close_if_drained(&mut self) -> bool {
        self.closed = self.rows == 0 && self.reserves.is_empty();
        self.closed
    }

    /// The number of the segment that is being written.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Closed segments below `read` in which nothing is open; they are forgotten here.
    pub(super) fn take_finished(&mut self, read: u64) -> Vec<u64> {
        let below = read.min(self.number);
        let finished: Vec<u64> =
            self.open.range(..below).filter(|(_, open)| **open == 0).map(|(n, _)| *n).collect();
        for number in &finished {
            self.open.remove(number);
        }
        finished
    }

    /// Files that are to be forced to the disk.
    pub(super) fn take_unsynced(&mut self) -> io::Result<Vec<File>> {
        let mut files = std::mem::take(&mut self.closed_unsynced);
        if std::mem::take(&mut self.unsynced) {
            files.push(self.file.try_clone()?);
        }
        Ok(files)
    }

    fn done(&mut self, segment: u64) {
        if let Some(open) = self.open.get_mut(&segment) {
            *open = open.saturating_sub(1);
        }
    }

    /// One `write(2)`. After an error nothing of the line is in the file.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        if self.length >= self.segment_bytes {
            self.rotate()?;
        }
        let written = loop {
            match self.file.write(line) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if written < line.len() {
            // A full disk took a part. The reader waits for the newline, so it has not seen it.
            self.torn = self.file.set_len(self.length).is_err();
            return Err(io::Error::new(io::ErrorKind::StorageFull, "the disk took only a part of a record"));
        }
        self.length += line.len() as u64;
        match self.fsync {
            SpoolFsync::Never => {}
            SpoolFsync::Batch => self.unsynced = true,
            SpoolFsync::Always => self.sync_now = true,
        }
        Ok(())
    }

    /// With `always`: what was written is forced to the disk before the caller goes on.
    fn sync_now(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.sync_now) { self.file.sync_data() } else { Ok(()) }
    }

    fn rotate(&mut self) -> io::Result<()> {
        let next = segment::create(&self.folder, self.instance, self.number + 1)?;
        let closed = std::mem::replace(&mut self.file, next);
        if std::mem::take(&mut self.sync_now) {
            closed.sync_data()?;
        }
        if std::mem::take(&mut self.unsynced) {
            self.closed_unsynced.push(closed);
        }
        // Known to `take_finished` even if nothing was ever open in it.
        self.open.entry(self.number).or_default();
        self.number += 1;
        self.length = 0;
        self.sync_folder()
    }

    /// A new file's name must last as long as what is in it.
    fn sync_folder(&self) -> io::Result<()> {
        #[cfg(unix)]
        if self.fsync != SpoolFsync::Never {
            File::open(&self.folder)?.sync_all()?;
        }
        Ok(())
    }
}
