//! The commands: a file each.

pub(crate) mod cache;
mod check;
pub(crate) mod customer;
mod evaluation;
pub(crate) mod key;
mod migrate;
pub(crate) mod model;
mod models;
pub(crate) mod project;
mod store;
pub(crate) mod usage;

use std::process::ExitCode;

use lockgate::config::LogFormat;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::serve::log;
use crate::{demo, serve};

/// Runs the command that was asked for.
pub(crate) async fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let sources = &cli.sources;
    if !matches!(cli.command, Command::Serve(_) | Command::Demo(_)) {
        log::start(LogFormat::Pretty, log::Level::Warn);
    }
    match cli.command {
        Command::Serve(args) => return serve::run(sources, &args).await,
        Command::Demo(args) => return demo::run(&args).await,
        Command::Check(print) => return check::run(sources, print).await,
        Command::Migrate(print) => migrate::run(sources, print).await,
        Command::Project(command) => project::run(sources, command).await,
        Command::Key(command) => key::run(sources, command).await,
        Command::Customer(command) => customer::run(sources, command).await,
        Command::Usage(args) => usage::run(sources, args).await,
        Command::Cache(command) => cache::run(sources, command).await,
        Command::Models(print) => models::run(sources, print).await,
        Command::Model(command) => return model::run(sources, command).await,
    }
    .map(|()| ExitCode::SUCCESS)
}
