//! Waiting until every gateway has heard of a change.

use std::time::Duration;

use super::PostgresStore;
use super::failure::failed;
use super::line::{Line, within};
use super::lock::HEARD;
use super::watch::lock_of;
use crate::error::Result;

const CONFIRMING: &str = "it could not be seen whether gateways have heard of a change";
/// Between two looks; doubled up to ten times that.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// A gateway that is cut off stops by itself to go on with what it knows; a moment for clocks that run apart.
const MARGIN: Duration = Duration::from_millis(250);

impl PostgresStore {
    /// Waits until no gateway that listens goes on with an older version of the directory. One that does not answer
    /// has by then been cut off for so long that it asks the database itself, or Redis refuses the old revision.
    pub(super) async fn confirmed(&self, version: i64) {
        let limit = self.deadlines().trust + MARGIN;
        let waited = within(limit, CONFIRMING, async {
            let mut line = Line::of(self.back(), CONFIRMING).await?;
            let mut pause = FIRST_PAUSE;
            while self.is_behind(&mut line, version).await? {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            line.done();
            Ok(())
        });
        if let Err(error) = waited.await {
            // The change itself is made.
            tracing::warn!(%error, "a gateway has not confirmed a change; it counts there as soon as it hears of it");
        }
    }

    async fn is_behind(&self, line: &mut Line, version: i64) -> Result<bool> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1 \
             AND objid::bigint < $2 AND objsubid = 2 AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
        )
        .bind(i64::from(HEARD))
        .bind(i64::from(lock_of(version)))
        .fetch_one(line.connection()?)
        .await
        .map_err(failed(CONFIRMING))
    }
}
