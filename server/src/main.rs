//! `lockgate`: the gateway as an OpenAI-compatible HTTP server, and its command line.

mod cli;
mod command;
mod demo;

mod failure;
mod findings;
mod listing;
mod parse;
mod serve;
mod settings;
mod signals;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use self::cli::Cli;
use self::failure::Failure;

/// How long the runtime's threads may take to end: all that matters is settled by then.
const LAST_THREADS: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return cli::explain(&said),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => return Failure::other(format!("the runtime cannot be started: {source}")).report(),
    };
    let ended = runtime.block_on(command::run(cli));
    // Not dropped: after a second signal nothing may be waited for.
    runtime.shutdown_timeout(LAST_THREADS);
    ended.unwrap_or_else(|failure| failure.report())
}
