//! Noticing what other processes change, so that a revoked key is dead at its next request.
//!
//! One connection listens. While it does, it holds a shared advisory lock on the version of the directory that this
//! process has heard of, and moves on to the lock of a newer one only after everything older was forgotten here.
//! Whoever changes something waits until nobody holds the lock of an older version ([`super::confirm`]), so that by the
//! time an administrator is told of a change, it counts everywhere.
//!
//! A process that is cut off cannot hear. Where its memory has the limits, it goes on with what it knows for a few
//! seconds after the last sign of life, and then asks the database at every request. Where Redis has them, the revision
//! kept there is what refuses a caller, and what it knows can be trusted for as long as it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::deadlines::Deadlines;
use super::failure::failed;
use super::lock::HEARD;
use super::ownership::{Ownership, Taken};
use super::session;
use crate::error::Result;
use crate::store::Access;

/// The channel that changes are told on.
pub(super) const CHANNEL: &str = "lockgate_directory";
const WATCHING: &str = "the database could not be watched";

/// The listening connection, and what is known through it.
pub(super) struct Watch {
    known: Arc<Known>,
    changes: watch::Receiver<u64>,
    stop: CancellationToken,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What requests ask without waiting.
struct Known {
    /// Moves with every change.
    signal: AtomicU64,
    begun: Instant,
    /// Milliseconds from `begun` to the last sign of life.
    contact: AtomicU64,
    trust: Option<Duration>,
    up: AtomicBool,
    ousted: Arc<AtomicBool>,
}

impl Known {
    fn contact(&self, at: Instant) {
        let since = at.saturating_duration_since(self.begun).as_millis();
        self.contact.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Release);
        self.up.store(true, Ordering::Release);
    }

    fn is_stale(&self) -> bool {
        let Some(trust) = self.trust else { return false };
        let contact = Duration::from_millis(self.contact.load(Ordering::Acquire));
        self.begun.elapsed().saturating_sub(contact) > trust
    }
}

impl Watch {
    /// Begins to listen. Where `access` is to the limits, too, another gateway that has them is an error. `url` is for
    /// messages.
    pub(super) async fn start(
        options: &PgConnectOptions,
        access: Access,
        deadlines: Deadlines,
        url: &str,
    ) -> Result<Watch> {
        let known = Arc::new(Known {
            signal: AtomicU64::new(1),
            begun: Instant::now(),
            contact: AtomicU64::new(0),
            trust: (access == Access::Owner).then_some(deadlines.trust),
            up: AtomicBool::new(false),
            ousted: Arc::default(),
        });
        let (sender, changes) = watch::channel(0);
        let ownership = Ownership::new(access);
        let mut ear = Ear { options: options.clone(), deadlines, ownership, known: known.clone(), sender };
        let first = ear.listen().await.map_err(failed(WATCHING))?;
        let mut first = match ear.ownership.take_at_start(first).await.map_err(failed(WATCHING))? {
            Ok(line) => line,
            Err(holder) => return Err(holder.refusal(url, access)),
        };
        ear.catch_up(&mut first).await.map_err(failed(WATCHING))?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(ear.run(first, stop.clone()));
        Ok(Watch { known, changes, stop, task: Mutex::new(Some(task)) })
    }

    /// A number that differs once something has changed, or may have.
    pub(super) fn signal(&self) -> u64 {
        if self.known.is_stale() {
            return self.known.signal.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        }
        self.known.signal.load(Ordering::Acquire)
    }

    /// Whether the database answered a moment ago.
    pub(super) fn is_up(&self) -> bool {
        self.known.up.load(Ordering::Acquire)
    }

    /// Set once another gateway has taken the limits over.
    pub(super) fn ousted(&self) -> Arc<AtomicBool> {
        self.known.ousted.clone()
    }

    /// Wakes with every change, by this process or another.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Gives the limits up and ends the connection.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        let task = self.task.lock().take();
        if let Some(task) = task {
            // It ends otherwise only by the end of the runtime.
            let _ = task.await;
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A connection that listens.
pub(super) struct Line {
    pub(super) listener: PgListener,
    pool: PgPool,
    heard: Option<i64>,
}

struct Ear {
    options: PgConnectOptions,
    deadlines: Deadlines,
    ownership: Ownership,
    known: Arc<Known>,
    sender: watch::Sender<u64>,
}

impl Ear {
    async fn listen(&self) -> sqlx::Result<Line> {
        // A hung connection must not hold up the next one: each has a pool of its own.
        let pool = session::alone(&self.options, self.deadlines.beat * 2);
        let listening = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.eager_reconnect(false);
            listener.listen(CHANNEL).await?;
            Ok(listener)
        };
        let listener = in_time(self.deadlines.beat * 2, listening).await?;
        Ok(Line { listener, pool, heard: None })
    }

    async fn run(mut self, first: Line, stop: CancellationToken) {
        let mut line = Some(first);
        while !stop.is_cancelled() {
            if line.is_none() {
                line = self.reconnect(&stop).await;
            }
            let Some(mut current) = line.take() else { continue };
            match self.follow(&mut current, &stop).await {
                Ok(()) => {
                    // Ended in order: what is held is given up before the answer to whoever closes.
                    let freed = sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut current.listener);
                    let freed = in_time(self.deadlines.beat, async { freed.await.map(|_| ()) }).await;
                    if let Err(error) = freed {
                        tracing::debug!(%error, "the listening connection did not end in order");
                    }
                    drop(current.listener);
                    // What hangs is closed with the process.
                    let _ = tokio::time::timeout(self.deadlines.beat, current.pool.close()).await;
                    return;
                }
                Err(error) => {
                    self.known.up.store(false, Ordering::Release);
                    tracing::warn!(%error, "the database is away; what it cannot take yet waits in the spool");
                }
            }
        }
    }

    /// A new connection that has heard everything; none if it is to stop.
    async fn reconnect(&mut self, stop: &CancellationToken) -> Option<Line> {
        let mut told = false;
        loop {
            match self.again().await {
                Ok(Some(line)) => {
                    tracing::info!("the database is back");
                    return Some(line);
                }
                Ok(None) if !told => {
                    told = true;
                    tracing::error!(
                        "another gateway has taken the limits of this database over; this one refuses requests until \
                         it is started anew"
                    );
                }
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "the database is still away"),
            }
            stop.run_until_cancelled(tokio::time::sleep(self.deadlines.retry)).await?;
        }
    }

    async fn again(&mut self) -> sqlx::Result<Option<Line>> {
        let mut line = self.listen().await?;
        let taken = in_time(self.deadlines.beat, self.ownership.take(&mut line.listener)).await?;
        if let Taken::ByOther(_) = taken {
            self.known.ousted.store(true, Ordering::Release);
            return Ok(None);
        }
        self.catch_up(&mut line).await?;
        Ok(Some(line))
    }

    /// Listens until told to stop (Ok) or until the connection fails.
    async fn follow(&self, line: &mut Line, stop: &CancellationToken) -> sqlx::Result<()> {
        loop {
            let heard = tokio::time::timeout(self.deadlines.beat, line.listener.try_recv());
            match stop.run_until_cancelled(heard).await {
                None => return Ok(()),
                // Nothing heard for a while: ask, which shows that the connection lives.
                Some(Ok(Ok(Some(_))) | Err(_)) => self.catch_up(line).await?,
                Some(Ok(Ok(None))) => {
                    return Err(sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into()));
                }
                Some(Ok(Err(failure))) => return Err(failure),
            }
        }
    }

    /// Forgets what is older than the newest version, then says that it did.
    async fn catch_up(&self, line: &mut Line) -> sqlx::Result<()> {
        in_time(self.deadlines.beat, async {
            loop {
                // Before the question: what was true when it was asked.
                let asked = Instant::now();
                let version: i64 = sqlx::query_scalar("SELECT version FROM lockgate.directory_version")
                    .fetch_one(&mut line.listener)
                    .await?;
                if line.heard == Some(version) {
                    self.known.contact(asked);
                    return Ok(());
                }
                hold(&mut line.listener, "SELECT pg_advisory_lock_shared($1, $2)", version).await?;
                self.known.signal.fetch_add(1, Ordering::AcqRel);
                self.sender.send_replace(u64::try_from(version).unwrap_or(0));
                if let Some(old) = line.heard.replace(version) {
                    hold(&mut line.listener, "SELECT pg_advisory_unlock_shared($1, $2)", old).await?;
                }
                // Once more: it may have moved before the lock was there.
            }
        })
        .await
    }
}

async fn hold(listener: &mut PgListener, statement: &'static str, version: i64) -> sqlx::Result<()> {
    sqlx::query(statement).bind(HEARD).bind(lock_of(version)).execute(listener).await.map(|_| ())
}

/// The lock that stands for a version.
pub(super) fn lock_of(version: i64) -> i32 {
    // Some two thousand million changes fit; nobody makes as many.
    i32::try_from(version).unwrap_or(i32::MAX)
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}
