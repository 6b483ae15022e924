//! What other processes have for this request: their answers, through the limiter, and their calls under way.

use std::sync::Arc;
use std::time::Duration;

use super::{Keys, Stored};
use crate::context::Context;
use crate::error::Result;
use crate::gateway::Core;
use crate::ids::ProjectId;
use crate::store::Followed;

/// First pause between two looks whether another process's call is answered.
const FIRST_PAUSE: Duration = Duration::from_millis(15);
/// Longest.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// So many calls of others are waited for; if all of them failed, this process calls by itself.
const MOST_CALLS: u32 = 3;

/// How far a request relies on other processes.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    blind: bool,
    waited: u32,
}

impl Elsewhere {
    /// The keys, less those that were of no use before.
    pub(crate) fn of_use(&self, keys: Keys) -> Keys {
        keys.alone(self.blind, self.waited < MOST_CALLS)
    }

    /// The limiter's answer could not be read.
    pub(crate) fn answers_are_of_no_use(&mut self) {
        self.blind = true;
    }

    /// Waits for the answer that another process is calling for. None where there will be none: then somebody else
    /// must call.
    pub(crate) async fn wait(
        &mut self,
        core: &Core,
        cx: &Context,
        keys: &Keys,
        project: ProjectId,
    ) -> Result<Option<Arc<Stored>>> {
        self.waited += 1;
        let Some(key) = keys.at_limiter(0) else { return Ok(None) };
        let mut pause = FIRST_PAUSE;
        cx.within(async {
            loop {
                match core.stores.limiter.follow(project, &key).await {
                    Ok(Followed::Wait) => {}
                    Ok(Followed::Answer(answer)) => return core.cache.take_over(answer),
                    Ok(Followed::Gone) => return None,
                    Err(error) => {
                        tracing::warn!(%error, "another process's call cannot be followed");
                        return None;
                    }
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        })
        .await
    }
}
