//! Counters that the limiter has not got, loaded from the ledger.

use super::{CounterId, Scope, Window};
use crate::error::Result;
use crate::gateway::Core;
use crate::ids::ProjectId;
use crate::store::Seeding;

/// Counters read from the ledger at once.
const PAGE: u32 = 500;

/// Loads what `counters` name, so that the same question can be asked again.
pub(super) async fn seed(core: &Core, project: ProjectId, counters: &[CounterId]) -> Result<()> {
    let (limiter, ledger) = (&core.stores.limiter, &core.stores.ledger);
    if limiter.seeding() == Seeding::Counters {
        let spent = ledger.spent(project, counters).await?;
        let pairs: Vec<_> = counters.iter().copied().zip(spent).collect();
        return limiter.seed(project, &pairs).await;
    }
    // A limiter that has lost its counters has lost its revision, too: nobody may enter by an older one.
    if let Some(known) = core.stores.directory.project(project).await? {
        limiter.revise(project, known.rev).await?;
    }
    let mut windows: Vec<Window> = counters.iter().map(|id| id.window).collect();
    windows.sort_unstable();
    windows.dedup();
    for window in &windows {
        let mut after = None;
        loop {
            let page = ledger.booked(project, *window, after, PAGE).await?;
            let pairs: Vec<_> = page
                .iter()
                .map(|(scope, amount)| (CounterId { window: *window, scope: *scope }, *amount))
                .collect();
            limiter.catch_up(project, &pairs).await?;
            match page.last() {
                Some((last, _)) => after = Some(*last),
                None => break,
            }
        }
    }
    // Whole only now; the project's own counter is in every window.
    let marks: Vec<_> =
        windows.iter().map(|window| CounterId { window: *window, scope: Scope::Project }).collect();
    let spent = ledger.spent(project, &marks).await?;
    let pairs: Vec<_> = marks.into_iter().zip(spent).collect();
    limiter.seed(project, &pairs).await?;
    core.settler.reassert(project).await
}
