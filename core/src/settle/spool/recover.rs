//! Adopting what dead instances left.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use ulid::Ulid;

use super::record::{Said, SettledRow};
use super::segment::{self, Lines};
use super::tail::{BATCH, keep_refused, remove_instance};
use super::{folder, record};
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::ids::AdmissionId;
use crate::limits::Settlement;
use crate::money::Nano;
use crate::settle::deliver::deliver;
use crate::settle::slices::is_slice;
use crate::settle::{ExpiredReservations, Outcome, Reserve, Row};
use crate::store::process_lock::{Mode, ProcessLock, Refused};
use crate::store::{Ledger, Limiter, RowFilter};

/// What was found in the spool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Dead instances.
    pub instances: usize,
    /// Rows they had written down, in the ledger now.
    pub rows: usize,
    /// Reservations without an end, entered as expired.
    pub expired: usize,
    /// Records that were damaged, and are lost.
    pub damaged: usize,
}

/// Brings what dead instances left in `folder` to the limiter and the ledger, and removes their files. To be called
/// before serving, and before the limiter's counters are seeded. Instances that live are left alone. After an error
/// it can be repeated: nothing is counted twice.
pub async fn recover(
    spool_folder: &Path,
    limiter: &dyn Limiter,
    ledger: &dyn Ledger,
    policy: ExpiredReservations,
    now: Millis,
) -> Result<Recovered> {
    let folder = folder(spool_folder)?;
    let mut instances: Vec<Ulid> =
        segment::list(&folder).map_err(unreadable)?.into_iter().map(|(instance, _)| instance).collect();
    instances.dedup();
    let mut recovered = Recovered::default();
    for instance in instances {
        let _lock = match ProcessLock::take(segment::lock_path(&folder, instance), Mode::Exclusive) {
            Ok(lock) => lock,
            Err(Refused::Held(_)) => continue,
            Err(Refused::Io(error)) => return Err(unreadable(error)),
        };
        let mut replay = Replay { folder: &folder, instance, limiter, ledger, found: Recovered::default() };
        replay.run(policy, now).await?;
        remove_instance(&folder, instance).map_err(unreadable)?;
        let found = replay.found;
        if found.damaged > 0 {
            tracing::warn!(%instance, damaged = found.damaged, "damaged records in the spool are lost");
        }
        tracing::info!(%instance, rows = found.rows, expired = found.expired, "adopted a dead instance's spool");
        recovered.instances += 1;
        recovered.rows += found.rows;
        recovered.expired += found.expired;
        recovered.damaged += found.damaged;
    }
    Ok(recovered)
}

struct Replay<'a> {
    folder: &'a Path,
    instance: Ulid,
    limiter: &'a dyn Limiter,
    ledger: &'a dyn Ledger,
    found: Recovered,
}

impl Replay<'_> {
    async fn run(&mut self, policy: ExpiredReservations, now: Millis) -> Result<()> {
        let mut open: HashMap<AdmissionId, Reserve> = HashMap::new();
        let mut batch: Vec<SettledRow> = Vec::new();
        // Listed under the lock: another process may have adopted the files in between.
        for (owner, number) in segment::list(self.folder).map_err(unreadable)? {
            if owner != self.instance {
                continue;
            }
            let path = segment::path(self.folder, self.instance, number);
            let mut lines = Lines::open(&path).map_err(unreadable)?;
            loop {
                let (line, last) = match lines.next().map_err(unreadable)? {
                    Some(line) => (line, false),
                    None => (lines.unfinished().to_vec(), true),
                };
                match record::decode(&line).map(|record| record.said) {
                    Some(Said::Reserve(reserve)) => {
                        open.insert(reserve.held.id, *reserve);
                    }
                    Some(Said::Settled(settled)) => {
                        open.remove(&settled.row.id);
                        batch.push(*settled);
                    }
                    // The end of a file that a kill cut off: it was never acknowledged to anyone.
                    None if last => {}
                    None => self.found.damaged += 1,
                }
                if batch.len() >= BATCH {
                    self.settle(std::mem::take(&mut batch)).await?;
                }
                if last {
                    break;
                }
            }
        }
        self.settle(batch).await?;
        self.expire(open, policy, now).await
    }

    /// Repeats settlements that the ledger does not show, then enters the rows.
    async fn settle(&mut self, batch: Vec<SettledRow>) -> Result<()> {
        let mut rows = Vec::with_capacity(batch.len());
        for SettledRow { row, booked } in batch {
            // A row in the ledger was settled before it came there.
            if let Some(booked) = booked
                && !self.is_settled(row.id).await?
            {
                self.limiter.settle(&Settlement::from(booked)).await?;
            }
            rows.push(row);
        }
        self.found.rows += rows.len();
        self.enter(&rows).await
    }

    /// Ends reservations of which nothing else was written.
    async fn expire(
        &mut self,
        open: HashMap<AdmissionId, Reserve>,
        policy: ExpiredReservations,
        now: Millis,
    ) -> Result<()> {
        let mut rows = Vec::new();
        for (id, reserve) in open {
            // Its row may have stood in a file that was finished and removed.
            if self.is_settled(id).await? {
                continue;
            }
            let held = reserve.held.clone();
            if is_slice(&held) {
                // What was served from it has rows of its own.
                let mut row = reserve.expired(ExpiredReservations::Release, now);
                row.outcome = Outcome::Cancelled;
                self.limiter.settle(&Settlement { held, money: Nano::ZERO, tokens: 0 }).await?;
                rows.push(row);
                continue;
            }
            let tokens = match policy {
                ExpiredReservations::Charge => held.tokens,
                ExpiredReservations::Release => 0,
            };
            let row = reserve.expired(policy, now);
            let money = row.cost.unwrap_or_default();
            self.limiter.settle(&Settlement { held, money, tokens }).await?;
            rows.push(row);
        }
        self.found.expired += rows.len();
        for rows in rows.chunks(BATCH) {
            self.enter(rows).await?;
        }
        Ok(())
    }

    async fn enter(&self, rows: &[Row]) -> Result<()> {
        let refused = deliver(self.ledger, rows).await?;
        keep_refused(self.folder, self.instance, refused)
    }

    async fn is_settled(&self, id: AdmissionId) -> Result<bool> {
        let filter = RowFilter { id: Some(id), most: 1, ..RowFilter::default() };
        Ok(self.ledger.rows(&filter).await?.first().is_some_and(|row| row.outcome != Outcome::Expired))
    }
}

fn unreadable(source: io::Error) -> Error {
    Error::store("the spool of an earlier process could not be read", source)
}
