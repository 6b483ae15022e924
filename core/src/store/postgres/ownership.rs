//! Which gateways may keep limits for a database: one in its memory, or any number in Redis. Never both.

use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::PgListener;

use super::lock::{LIMITS, OURS};
use super::watch::Line;
use crate::error::{Error, Kind};
use crate::store::Access;

/// So long a start waits for a predecessor that is just ending.
const PREDECESSOR: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A session of the server: its process, and when it began.
type Session = (i32, String);

pub(super) struct Ownership {
    access: Access,
    /// Sessions of this process's own that the server may still believe to be alive.
    mine: Vec<Session>,
}

/// What came of taking the limits.
pub(super) enum Taken {
    Now,
    ByOther(Holder),
}

/// Who has them.
pub(super) struct Holder {
    /// Where it connects from; none over a local socket.
    address: Option<String>,
}

impl Ownership {
    pub(super) fn new(access: Access) -> Ownership {
        Ownership { access, mine: Vec::new() }
    }

    /// As [`Ownership::take`], with a little patience.
    pub(super) async fn take_at_start(&mut self, mut line: Line) -> sqlx::Result<Result<Line, Holder>> {
        let begun = tokio::time::Instant::now();
        loop {
            match self.take(&mut line.listener).await? {
                Taken::Now => return Ok(Ok(line)),
                Taken::ByOther(holder) if begun.elapsed() >= PREDECESSOR => return Ok(Err(holder)),
                Taken::ByOther(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// Takes the limits for this session. A session of this very process that the server has not given up yet, because
    /// the network was cut, is ended.
    pub(super) async fn take(&mut self, listener: &mut PgListener) -> sqlx::Result<Taken> {
        let statement = match self.access {
            Access::Owner => "SELECT pg_try_advisory_lock($1, $2)",
            Access::Shared => "SELECT pg_try_advisory_lock_shared($1, $2)",
            Access::Administration => return Ok(Taken::Now),
        };
        loop {
            let taken: bool =
                sqlx::query_scalar(statement).bind(OURS).bind(LIMITS).fetch_one(&mut *listener).await?;
            if taken {
                let (process, begun): Session = sqlx::query_as(
                    "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
                )
                .fetch_one(listener)
                .await?;
                self.mine.push((process, begun));
                return Ok(Taken::Now);
            }
            let holders = sqlx::query(
                "SELECT held.pid, backend_start::text AS begun, host(client_addr) AS address FROM pg_locks AS held \
                 JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND classid::bigint = $1 \
                 AND objid::bigint = $2 AND objsubid = 2 AND granted \
                 AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            .bind(i64::from(OURS))
            .bind(i64::from(LIMITS))
            .fetch_all(&mut *listener)
            .await?;
            let Some(first) = holders.first() else { continue };
            let mut address = first.try_get("address")?;
            let mut ended = 0;
            for holder in &holders {
                let session: Session = (holder.try_get("pid")?, holder.try_get("begun")?);
                if self.mine.contains(&session) {
                    sqlx::query("SELECT pg_terminate_backend($1, 1000)")
                        .bind(session.0)
                        .execute(&mut *listener)
                        .await?;
                    ended += 1;
                } else {
                    address = holder.try_get("address")?;
                }
            }
            if ended < holders.len() {
                return Ok(Taken::ByOther(Holder { address }));
            }
        }
    }
}

impl Holder {
    pub(super) fn refusal(self, url: &str, access: Access) -> Error {
        let other = match access {
            Access::Owner => "another gateway",
            _ => "a gateway that has set single_process = true",
        };
        let place = self.address.map_or_else(String::new, |address| format!(" at {address}"));
        Error::new(
            Kind::Config,
            format!(
                "store = {url}: in use by {other}{place}. With single_process = true one gateway keeps the limits of a \
                 database in its memory. To run several, set redis on every one of them instead"
            ),
        )
        .with(|details| details.param = Some("store".to_owned()))
    }
}
