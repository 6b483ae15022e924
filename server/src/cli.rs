//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::command::{cache, customer, key, model, project, usage};
use crate::demo::DemoArgs;
use crate::failure::Failure;
use crate::serve::ServeArgs;

/// An LLM gateway: keys, limits, hard spend caps, failover and an exact bill in front of any provider.
#[derive(Debug, Parser)]
#[command(name = "lockgate", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where settings come from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Sources {
    /// The settings file; without it ./lockgate.toml, where there is one.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where projects, keys and the ledger live: sqlite://PATH, postgres://…, or memory for `serve`. A password belongs
    /// into LOCKGATE_STORE, which other users of the machine do not see.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Where the limits live that several gateways on one Postgres share: redis://…, redis-cluster://…, or encrypted
    /// rediss://…. A password belongs into LOCKGATE_REDIS.
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) redis: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the OpenAI-compatible API.
    Serve(ServeArgs),
    /// Show what the gateway does, with simulated providers. Needs nothing else.
    Demo(DemoArgs),
    /// Check settings and stores without changing anything.
    Check(Json),
    /// Bring the store's schema up to date.
    Migrate(Json),
    /// Manage projects.
    #[command(subcommand)]
    Project(project::Command),
    /// Manage gateway keys.
    #[command(subcommand)]
    Key(key::Command),
    /// Manage the limits of end customers.
    #[command(subcommand)]
    Customer(customer::Command),
    /// Sum up the ledger.
    Usage(usage::UsageArgs),
    /// Manage the caches.
    #[command(subcommand)]
    Cache(cache::Command),
    /// List the models that can be asked for.
    Models(Json),
    /// Get the embedding model of the semantic cache.
    #[command(subcommand)]
    Model(model::Command),
}

/// How to print.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Json {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Prints help as it is, and what is wrong with a flag as one line.
pub(crate) fn explain(said: &clap::Error) -> ExitCode {
    if !said.use_stderr() || said.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Nothing is left to do about a closed output.
        let _ = said.print();
        return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
    }
    let text = said.render().to_string();
    let end = ["\n\nUsage:", "\n\nFor more information"].iter().filter_map(|tail| text.find(tail)).min();
    let line = end.and_then(|end| text.get(..end)).unwrap_or(&text);
    Failure::usage(line.strip_prefix("error: ").unwrap_or(line)).report()
}
