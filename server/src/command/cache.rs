//! `lockgate cache`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::{evaluation, store};
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
    /// Try the semantic cache on pairs of your own: how many paraphrases it would answer, and how many near misses. Asks
    /// no provider and changes nothing.
    Eval {
        /// A CSV file with the columns label (same or different), a, b and, if you like, class.
        #[arg(long, value_name = "FILE")]
        pairs: PathBuf,
        /// The least similarity of a hit.
        #[arg(long, value_name = "T", default_value_t = lockgate::cache::semantic::DEFAULT_THRESHOLD)]
        threshold: f32,
        /// Only one half of the pairs, by what their first question hashes to.
        #[arg(long, value_enum)]
        half: Option<evaluation::Half>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Print what the second look sees of the pairs that come to it.
        #[arg(long, hide = true)]
        features: bool,
    },
}

pub(super) async fn run(sources: &Sources, command: Command) -> Result<(), Failure> {
    let (project, json) = match command {
        Command::Purge { project, json } => (project, json),
        Command::Eval { pairs, threshold, half, json, features } => {
            return evaluation::run(sources, &pairs, threshold, half, json, features).await;
        }
    };
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
