//! `lockgate cache`.

use clap::Subcommand;
use serde_json::json;

use super::store;
use crate::cli::Sources;
use crate::failure::Failure;
use crate::listing;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Forget all cached answers of a project, those on their way to the cache included. Counts from the next request.
    Purge {
        /// The project, by name or id.
        #[arg(long, value_name = "NAME", default_value = lockgate::auth::DEFAULT_PROJECT)]
        project: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(sources: &Sources, command: Command) -> Result<(), Failure> {
    let Command::Purge { project, json } = command;
    store::with(sources, async |store| {
        let purged = store.admin().purge_cache(&project).await?;
        if json {
            listing::json(&json!({"project": project, "purged": purged}))
        } else {
            listing::line(&format!("{project}: {purged} stored answers are forgotten"))
        }
    })
    .await
}
