//! `lockgate-conformance`: grades any OpenAI-compatible endpoint, case by case.
//!
//! The cases are data (`conformance/cases/conformance`); the kit shares no code with the gateway it also grades.

mod answer;
mod assemble;
mod budget;
mod case;
mod catalogue;
mod cli;
mod client;
mod event_stream;
mod family;
mod fill;
mod form;
mod house;
mod judge;
mod laws;
mod matcher;
mod plan;
mod preflight;
mod report;
mod responses;
mod run;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::cli::Cli;

/// Why nothing could be graded: said on standard error, and the exit code is 2.
#[derive(Debug)]
pub(crate) struct Unfit(pub(crate) String);

impl<S: Into<String>> From<S> for Unfit {
    fn from(message: S) -> Self {
        Self(message.into())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    // Arguments that are wrong end here, with code 2.
    let cli = Cli::parse();
    match cli.obey().await {
        Ok(code) => code,
        Err(Unfit(message)) => {
            // Nothing is left to do about a closed standard error.
            let _ = writeln!(std::io::stderr(), "lockgate-conformance: {message}");
            ExitCode::from(2)
        }
    }
}
