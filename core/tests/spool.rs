//! The spool: what was written down reaches the ledger exactly once, whatever happens to the process, the disk or
//! the store.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise, its helpers too"
)]

mod rows;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use lockgate::clock::{ManualClock, Millis};
use lockgate::error::{Error, Kind, Result};
use lockgate::ids::{AdmissionId, ProjectId};
use lockgate::limits::{CounterId, Scope, Window};
use lockgate::money::Nano;
use lockgate::settle::{
    ExpiredReservations, Journal, Outcome, Recovered, Row, Spool, SpoolFsync, SpoolOptions, recover,
};
use lockgate::store::memory::{MemoryLimiter, MemoryStore, Start};
use lockgate::store::sqlite::{Access, SqliteStore};
use lockgate::store::{Ledger, RowFilter, StoreSize, UsageLine, UsageQuery};
use proptest::prelude::Rng;
use rows::{NOON, reserve, row, settlement};

const SOON: Duration = Duration::from_secs(20);

async fn open(folder: &Path) -> SqliteStore {
    let url = format!("sqlite://{}", folder.join("lockgate.db").display());
    SqliteStore::open(&url, Access::Administration, ManualClock::at(NOON)).await.unwrap()
}

fn spool(folder: &Path, ledger: &Arc<impl Ledger>, change: impl FnOnce(&mut SpoolOptions)) -> Spool {
    let mut options = SpoolOptions::new(folder.join("spool"));
    options.fsync = SpoolFsync::Never;
    change(&mut options);
    Spool::open(&options, ledger.clone(), NOON).unwrap()
}

async fn adopt(folder: &Path, ledger: &dyn Ledger) -> Recovered {
    let limiter = MemoryLimiter::new(ManualClock::at(NOON), Start::Seeded);
    recover(&folder.join("spool"), &limiter, ledger, ExpiredReservations::Charge, NOON).await.unwrap()
}

async fn all(ledger: &dyn Ledger) -> Vec<Row> {
    ledger.rows(&RowFilter { most: 100_000, ..RowFilter::default() }).await.unwrap()
}

/// All names in the spool's folder that end so.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("spool")).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_str().unwrap().ends_with(end));
    found.sort();
    found
}

/// A ledger whose road is cut as long as `away` says, or that loses the answer after the work was done.
struct Cut<L> {
    ledger: L,
    away: AtomicBool,
    answers_to_lose: AtomicUsize,
    tries: AtomicUsize,
    /// This row is one that the store refuses for good.
    refuses: Option<AdmissionId>,
}

impl<L: Ledger> Cut<L> {
    fn new(ledger: L) -> Cut<L> {
        let (away, lose, tries) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
        Cut { ledger, away, answers_to_lose: lose, tries, refuses: None }
    }
}

#[async_trait]
impl<L: Ledger> Ledger for Cut<L> {
    async fn append(&self, rows: &[Row]) -> Result<()> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::store("the road is cut", "test"));
        }
        if rows.iter().any(|row| Some(row.id) == self.refuses) {
            return Err(Error::internal("the row is not to the store's liking", "test"));
        }
        self.ledger.append(rows).await?;
        let lost =
            self.answers_to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if lost.is_ok() { Err(Error::store("the answer was lost", "test")) } else { Ok(()) }
    }

    async fn spent(&self, project: ProjectId, counters: &[CounterId]) -> Result<Vec<Nano>> {
        self.ledger.spent(project, counters).await
    }

    async fn booked(
        &self,
        project: ProjectId,
        window: Window,
        after: Option<Scope>,
        most: u32,
    ) -> Result<Vec<(Scope, Nano)>> {
        self.ledger.booked(project, window, after, most).await
    }

    async fn rows(&self, filter: &RowFilter) -> Result<Vec<Row>> {
        self.ledger.rows(filter).await
    }

    async fn retire(&self, before: Millis, most: u32) -> Result<u64> {
        self.ledger.retire(before, most).await
    }

    async fn size(&self) -> Result<StoreSize> {
        self.ledger.size().await
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageLine>> {
        self.ledger.usage(query).await
    }
}

/// Writes a whole request down and acknowledges it.
fn run(spool: &Spool, row: &Row) {
    spool.reserve(&reserve(row)).unwrap();
    let ticket = spool.settled(row.clone(), Some(&settlement(row)));
    spool.acknowledged(ticket);
}

#[tokio::test]
async fn rows_reach_the_ledger_after_their_settle_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(folder.path()).await);
    let spool = spool(folder.path(), &ledger, |_| {});
    let project = ProjectId::new(NOON);
    let (held_back, passes, hit) = (row(project, NOON, 1), row(project, NOON, 2), row(project, NOON, 0));
    spool.reserve(&reserve(&held_back)).unwrap();
    let ticket = spool.settled(held_back.clone(), Some(&settlement(&held_back)));
    run(&spool, &passes);
    // A hit settles nothing, so nothing is to be acknowledged.
    spool.acknowledged(spool.settled(hit.clone(), None));
    spool.flush(SOON).await.unwrap();
    let ids: Vec<AdmissionId> = all(&*ledger).await.iter().map(|row| row.id).collect();
    assert!(ids.contains(&passes.id) && ids.contains(&hit.id) && ids.len() == 2, "{ids:?}");

    spool.acknowledged(ticket);
    spool.flush(SOON).await.unwrap();
    assert!(all(&*ledger).await.contains(&held_back));
    spool.close(SOON).await.unwrap();
    assert_eq!(files(folder.path(), ""), Vec::<PathBuf>::new(), "nothing is left to adopt");
    let late = spool.reserve(&reserve(&held_back)).unwrap_err();
    assert_eq!(late.kind(), Kind::StoreUnavailable);
}

#[tokio::test]
async fn files_rotate_and_finished_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(folder.path()).await);
    let spool = spool(folder.path(), &ledger, |options| options.segment_bytes = 4000);
    let project = ProjectId::new(NOON);
    // One request stays open all the while: its file must stay, the ones between must not.
    let long = row(project, NOON, 5);
    spool.reserve(&reserve(&long)).unwrap();
    for cost in 0..300 {
        run(&spool, &row(project, NOON, cost));
    }
    spool.flush(SOON).await.unwrap();
    let one_more = row(project, NOON, 1);
    run(&spool, &one_more);
    until(|| files(folder.path(), ".spool").len() <= 3).await;
    let left = files(folder.path(), ".spool");
    assert!(left[0].to_str().unwrap().ends_with("-00000001.spool"), "{left:?}");

    let ticket = spool.settled(long.clone(), Some(&settlement(&long)));
    spool.acknowledged(ticket);
    spool.flush(SOON).await.unwrap();
    until(|| !files(folder.path(), "-00000001.spool").iter().any(|path| path.exists())).await;
    assert_eq!(all(&*ledger).await.len(), 302);
    spool.close(SOON).await.unwrap();
    assert!(files(folder.path(), "").is_empty());
}

/// Waits for what another task brings about, giving it the thread.
async fn until(done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("it never came about");
}

#[tokio::test]
async fn rows_wait_in_the_files_while_the_store_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(Cut::new(open(folder.path()).await));
    ledger.away.store(true, Ordering::SeqCst);
    let spool = spool(folder.path(), &ledger, |options| options.segment_bytes = 20_000);
    let project = ProjectId::new(NOON);
    for cost in 1..=1000 {
        run(&spool, &row(project, NOON, cost));
    }
    until(|| ledger.tries.load(Ordering::SeqCst) >= 2).await;
    let late = spool.flush(Duration::ZERO).await.unwrap_err();
    assert_eq!(late.kind(), Kind::StoreUnavailable);
    assert!(all(&*ledger).await.is_empty());

    ledger.answers_to_lose.store(2, Ordering::SeqCst);
    ledger.away.store(false, Ordering::SeqCst);
    spool.flush(SOON).await.unwrap();
    let rows = all(&*ledger).await;
    assert_eq!(rows.len(), 1000);
    assert_eq!(booked(&*ledger, project).await, 500_500, "an answer that was lost counts nothing twice");
    spool.close(SOON).await.unwrap();
}

async fn booked(ledger: &dyn Ledger, project: ProjectId) -> i64 {
    let month = CounterId { window: Window::month(NOON), scope: Scope::Project };
    ledger.spent(project, &[month]).await.unwrap()[0].nano()
}

#[tokio::test]
async fn a_row_that_the_store_refuses_is_put_aside_and_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let project = ProjectId::new(NOON);
    let bad = row(project, NOON, 3);
    let mut ledger = Cut::new(open(folder.path()).await);
    ledger.refuses = Some(bad.id);
    let ledger = Arc::new(ledger);
    let spool = spool(folder.path(), &ledger, |_| {});
    run(&spool, &row(project, NOON, 1));
    run(&spool, &bad);
    run(&spool, &row(project, NOON, 2));
    spool.close(SOON).await.unwrap();
    assert_eq!(booked(&*ledger, project).await, 3);
    let aside = files(folder.path(), ".refused");
    assert_eq!(aside.len(), 1);
    assert!(std::fs::read_to_string(&aside[0]).unwrap().contains(&bad.id.to_string()));
}

#[tokio::test]
async fn a_disk_that_takes_nothing_refuses_requests_and_keeps_rows() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(folder.path()).await);
    // Every record asks for a new file, so that the folder decides whether writing works.
    let spool = spool(folder.path(), &ledger, |options| options.segment_bytes = 1);
    let project = ProjectId::new(NOON);
    let open = row(project, NOON, 7);
    run(&spool, &row(project, NOON, 1));
    spool.reserve(&reserve(&open)).unwrap();
    spool.flush(SOON).await.unwrap();

    let aside = folder.path().join("aside");
    std::fs::rename(folder.path().join("spool"), &aside).unwrap();
    let refused = spool.reserve(&reserve(&row(project, NOON, 9))).unwrap_err();
    assert_eq!(refused.kind(), Kind::StoreUnavailable);
    let ticket = spool.settled(open.clone(), Some(&settlement(&open)));
    spool.acknowledged(ticket);
    assert!(!all(&*ledger).await.contains(&open));

    std::fs::rename(&aside, folder.path().join("spool")).unwrap();
    spool.flush(SOON).await.unwrap();
    assert_eq!(booked(&*ledger, project).await, 8);
    spool.close(SOON).await.unwrap();
}

#[tokio::test]
async fn every_fsync_setting_writes_the_same() {
    for fsync in [SpoolFsync::Never, SpoolFsync::Batch, SpoolFsync::Always] {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(open(folder.path()).await);
        let spool = spool(folder.path(), &ledger, |options| {
            options.fsync = fsync;
            options.segment_bytes = 3000;
        });
        let project = ProjectId::new(NOON);
        for cost in 1..=20 {
            run(&spool, &row(project, NOON, cost));
        }
        spool.close(SOON).await.unwrap();
        assert_eq!(booked(&*ledger, project).await, 210, "{fsync:?}");
    }
}

#[tokio::test]
async fn a_live_instance_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(folder.path()).await);
    let spool = spool(folder.path(), &ledger, |_| {});
    spool.reserve(&reserve(&row(ProjectId::new(NOON), NOON, 1))).unwrap();
    assert_eq!(adopt(folder.path(), &*ledger).await, Recovered::default());
    assert_eq!(files(folder.path(), ".spool").len(), 1);
}

/// What a spool wrote for one request that ended and one that did not, as one file.
async fn two_requests(ended: &Row, open: &Row) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(MemoryStore::new(ManualClock::at(NOON)));
    let spool = spool(folder.path(), &ledger, |_| {});
    spool.reserve(&reserve(ended)).unwrap();
    let _never_acknowledged = spool.settled(ended.clone(), Some(&settlement(ended)));
    spool.reserve(&reserve(open)).unwrap();
    std::fs::read(&files(folder.path(), ".spool")[0]).unwrap()
}

/// Leaves `bytes` as the file of a dead instance.
fn leave(folder: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(folder.join("spool")).unwrap();
    std::fs::write(folder.join("spool").join(format!("{}-00000001.spool", AdmissionId::new(NOON))), bytes)
        .unwrap();
}

#[tokio::test]
async fn a_file_cut_off_at_any_byte_gives_what_was_whole() {
    let project = ProjectId::new(NOON);
    let (ended, open) = (row(project, NOON, 40), row(project, NOON, 7));
    let bytes = two_requests(&ended, &open).await;
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &bytes).collect();
    assert_eq!(ends.len(), 3);
    let expired = |row: &Row| reserve(row).expired(ExpiredReservations::Charge, NOON);
    for cut in 0..=bytes.len() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = MemoryStore::new(ManualClock::at(NOON));
        leave(folder.path(), &bytes[..cut]);
        let found = adopt(folder.path(), &ledger).await;
        // A record is whole without its newline.
        let whole = ends.iter().filter(|end| cut >= **end).count();
        let wanted = match whole {
            0 => vec![],
            1 => vec![expired(&ended)],
            2 => vec![ended.clone()],
            _ => vec![ended.clone(), expired(&open)],
        };
        let mut rows = all(&ledger).await;
        rows.sort_by_key(|row| row.id != ended.id);
        assert_eq!(rows, wanted, "cut at {cut}");
        assert_eq!((found.instances, found.damaged), (1, 0), "cut at {cut}");
        assert!(files(folder.path(), "").is_empty());
    }
}

#[tokio::test]
async fn a_damaged_record_is_counted_and_harms_no_other() {
    let project = ProjectId::new(NOON);
    let (ended, open) = (row(project, NOON, 40), row(project, NOON, 7));
    let bytes = two_requests(&ended, &open).await;
    let second = memchr::memchr(b'\n', &bytes).unwrap() + 1;
    let third = second + memchr::memchr(b'\n', &bytes[second..]).unwrap() + 1;
    for at in second..third - 1 {
        let folder = tempfile::tempdir().unwrap();
        let ledger = MemoryStore::new(ManualClock::at(NOON));
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x04;
        leave(folder.path(), &damaged);
        let found = adopt(folder.path(), &ledger).await;
        // Without its end, the first request is charged what it had reserved.
        assert_eq!(booked(&ledger, project).await, 80 + 14, "byte {at}");
        assert!(found.damaged >= 1 && found.expired == 2 && found.rows == 0, "byte {at}: {found:?}");
    }
}

#[tokio::test]
async fn recovery_settles_what_the_ledger_does_not_show_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let project = ProjectId::new(NOON);
    let (ended, open) = (row(project, NOON, 40), row(project, NOON, 7));
    let bytes = two_requests(&ended, &open).await;
    let ledger = Cut::new(self::open(folder.path()).await);
    let limiter = MemoryLimiter::new(ManualClock::at(NOON), Start::Seeded);
    let spool = folder.path().join("spool");
    let charge = ExpiredReservations::Charge;

    // The store is away: the files stay.
    ledger.away.store(true, Ordering::SeqCst);
    leave(folder.path(), &bytes);
    let away = recover(&spool, &limiter, &ledger, charge, NOON).await.unwrap_err();
    assert_eq!(away.kind(), Kind::StoreUnavailable);
    assert_eq!(files(folder.path(), ".spool").len(), 1);

    // An answer is lost half way, then all goes well, then the same file comes again.
    ledger.away.store(false, Ordering::SeqCst);
    ledger.answers_to_lose.store(1, Ordering::SeqCst);
    recover(&spool, &limiter, &ledger, charge, NOON).await.unwrap_err();
    recover(&spool, &limiter, &ledger, charge, NOON).await.unwrap();
    leave(folder.path(), &bytes);
    recover(&spool, &limiter, &ledger, charge, NOON).await.unwrap();
    assert_eq!(booked(&ledger, project).await, 40 + 14);
    assert_eq!(all(&ledger).await.len(), 2);

    // Released instead of charged: a row of no cost.
    let released = tempfile::tempdir().unwrap();
    leave(released.path(), &bytes);
    let other = MemoryStore::new(ManualClock::at(NOON));
    let spool = released.path().join("spool");
    recover(&spool, &limiter, &other, ExpiredReservations::Release, NOON).await.unwrap();
    assert_eq!(booked(&other, project).await, 40);
    let row = all(&other).await.into_iter().find(|row| row.id == open.id).unwrap();
    assert_eq!((row.outcome, row.cost), (Outcome::Expired, Some(Nano::ZERO)));
}

const CHILD: &str = "LOCKGATE_TEST_SPOOL";

/// What the killed process does: requests without end, a line for each step once it is written down.
async fn write_until_killed(folder: &Path) {
    let ledger = Arc::new(open(folder).await);
    let spool = spool(folder, &ledger, |options| options.segment_bytes = 30_000);
    let project: ProjectId = std::fs::read_to_string(folder.join("project")).unwrap().parse().unwrap();
    let mut output = std::io::stdout();
    for cost in 1.. {
        let row = row(project, NOON, cost);
        spool.reserve(&reserve(&row)).unwrap();
        writeln!(output, "step reserved {} {cost}", row.id).unwrap();
        if cost % 7 == 0 {
            continue;
        }
        let ticket = spool.settled(row.clone(), Some(&settlement(&row)));
        writeln!(output, "step settled {} {cost}", row.id).unwrap();
        if cost % 5 != 0 {
            spool.acknowledged(ticket);
        }
        tokio::task::yield_now().await;
    }
}

/// P11: a process that is killed at any moment loses no row and no cent.
#[tokio::test]
async fn kill_9_loses_nothing() {
    if let Ok(folder) = std::env::var(CHILD) {
        return write_until_killed(Path::new(&folder)).await;
    }
    for _ in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let project = ProjectId::new(NOON);
        std::fs::write(folder.path().join("project"), project.to_string()).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill_9_loses_nothing", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let steps = proptest::test_runner::TestRunner::default().rng().next_u32() as usize % 1500 + 2;
        let mut said = Vec::new();
        // The test runner has its own lines before the first step.
        while said.iter().filter(|line: &&String| line.contains("step ")).count() < steps {
            let mut line = String::new();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the writing process ended by itself");
            said.push(line);
        }
        child.kill().unwrap();
        said.extend(output.lines().map_while(std::result::Result::ok));
        child.wait().unwrap();

        let ledger = open(folder.path()).await;
        let found = adopt(folder.path(), &ledger).await;
        assert!(found.instances == 1 && found.damaged == 0, "{found:?}");
        assert!(files(folder.path(), "").is_empty());
        let rows: HashMap<String, Row> =
            all(&ledger).await.into_iter().map(|row| (row.id.to_string(), row)).collect();
        let mut settled = 0;
        for line in &said {
            let words: Vec<&str> = line.split_whitespace().collect();
            // The last line may be cut off.
            let ["step", what @ ("reserved" | "settled"), id, cost] = words[..] else { continue };
            let row = rows.get(id).unwrap_or_else(|| panic!("{id} is lost"));
            if what == "settled" {
                settled += 1;
                assert_eq!(row.outcome, Outcome::Answered);
                assert!(row.cost.unwrap().nano().to_string().starts_with(cost), "{line}");
            } else if row.outcome == Outcome::Expired {
                assert_eq!(row.cost, Some(row.reserved));
            }
        }
        // At most the request that was under way was not heard of.
        let heard: usize = said.iter().filter(|line| line.contains("step reserved")).count();
        assert!(rows.len() <= heard + 1 && settled > 0, "{} of {heard}", rows.len());
        let sum: i64 = rows.values().map(|row| row.cost.unwrap().nano()).sum();
        assert_eq!(booked(&ledger, project).await, sum, "every cent once");
    }
}
