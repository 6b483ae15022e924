//! Counters that a store may lose are held at least at what the ledger has booked, and its revision at the directory's.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Settler;
use crate::clock::SharedClock;
use crate::error::Result;
use crate::ids::ProjectId;
use crate::limits::{CounterId, Window};
use crate::store::{Directory, Ledger, Limiter};

/// How often a pass begins.
const EVERY: Duration = Duration::from_secs(30);
/// Between two calls on one project, so that with leases it stays below one call a second.
const PAUSE: Duration = Duration::from_secs(2);
/// Counters raised by one call.
const PAGE: u32 = 500;

/// Compares what the limiter has with what is booked, for the projects that this process serves.
pub(crate) struct Reconciler {
    pub(crate) settler: Weak<Settler>,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) clock: SharedClock,
}

impl Reconciler {
    /// For ever, or until the gateway is gone.
    pub(crate) async fn run(self) {
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(settler) = self.settler.upgrade() else { return };
            let projects = settler.projects();
            drop(settler);
            for project in projects {
                if let Err(error) = self.pass(project, PAUSE).await {
                    tracing::warn!(%project, %error, "spend counters were not compared with the ledger");
                }
            }
        }
    }

    /// One pass over a project. It only ever raises.
    pub(crate) async fn pass(&self, project: ProjectId, pause: Duration) -> Result<()> {
        if let Some(known) = self.directory.project(project).await? {
            self.limiter.revise(project, known.rev).await?;
        }
        let now = self.clock.now();
        for window in [Window::month(now), Window::day(now)] {
            let mut after = None;
            loop {
                let page = self.ledger.booked(project, window, after, PAGE).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                let pairs: Vec<_> = page
                    .iter()
                    .map(|(scope, amount)| (CounterId { window, scope: *scope }, *amount))
                    .collect();
                tokio::time::sleep(pause).await;
                self.limiter.catch_up(project, &pairs).await?;
            }
        }
        Ok(())
    }
}
