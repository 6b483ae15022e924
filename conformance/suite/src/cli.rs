//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand};
use futures_util::{StreamExt, stream};

use crate::Unfit;
use crate::budget::Budget;
use crate::catalogue::Catalogue;
use crate::client::Client;
use crate::house::House;
use crate::{plan, preflight, report, run};

/// Grades any OpenAI-compatible endpoint, case by case.
#[derive(Debug, Parser)]
#[command(name = "lockgate-conformance", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the cases. The exit code is 0 when none failed, 1 when one did, 2 when nothing could be graded.
    Run(Box<RunArgs>),
    /// List the cases.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("target").required(true).args(["base_url", "own"]))]
struct RunArgs {
    /// The endpoint, as an SDK is given it: `https://api.openai.com/v1`.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Its key.
    #[arg(
        long,
        value_name = "KEY",
        env = "LOCKGATE_CONFORMANCE_KEY",
        hide_env_values = true,
        conflicts_with = "own"
    )]
    api_key: Option<String>,
    /// A model to grade; may be repeated. Without it, one of each provider that the endpoint lists.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// Start the simulated providers and `lockgate serve`, and grade that.
    #[arg(long = "self")]
    own: bool,
    /// The `lockgate` program for `--self`; by default the one beside this program.
    #[arg(long, value_name = "FILE", requires = "own")]
    lockgate: Option<PathBuf>,
    /// Only this case, or with a `*` at the end those that begin so; may be repeated.
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Print `{"cases": [{"name", "provider", "outcome", "reason"}]}`.
    #[arg(long)]
    json: bool,
    /// Cases run at a time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    parallel: u64,
    /// Longest wait for one answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout_seconds: u64,
    /// Most requests sent; what is left then has failed.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    max_requests: u64,
    /// Longest run; what is left then has failed.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    max_seconds: u64,
}

impl Cli {
    pub(crate) async fn obey(self) -> Result<ExitCode, Unfit> {
        match self.command {
            Command::List { json } => {
                report::list(&Catalogue::read()?.cases, json).map_err(unprinted)?;
                Ok(ExitCode::SUCCESS)
            }
            // Told to end, it returns, so that what it started ends with it.
            Command::Run(args) => tokio::select! {
                code = args.run() => code,
                () = told_to_end() => Err("interrupted".into()),
            },
        }
    }
}

impl RunArgs {
    async fn run(self: Box<Self>) -> Result<ExitCode, Unfit> {
        let catalogue = Catalogue::read()?;
        let cases = catalogue.chosen(&self.cases)?;
        let house = match self.own {
            true => Some(House::open(self.lockgate.clone()).await?),
            false => None,
        };
        let (base_url, key, models) = match &house {
            Some(house) => {
                let models =
                    if self.models.is_empty() { house.models(&catalogue.known) } else { self.models.clone() };
                (house.base_url.clone(), Some(house.key.clone()), models)
            }
            None => (self.base_url.clone().unwrap_or_default(), self.api_key.clone(), self.models.clone()),
        };
        let budget = Budget::new(self.max_requests, Duration::from_secs(self.max_seconds));
        let timeout = Duration::from_secs(self.timeout_seconds);
        let client = Client::new(&base_url, key.filter(|key| !key.is_empty()), timeout, !self.own, budget)?;
        let (endpoint, models) = preflight::look(&client, &models, &catalogue.known).await?;
        let runs = plan::runs(&cases, &models, &endpoint, &catalogue.known);
        let at_once = usize::try_from(self.parallel).unwrap_or(1);
        let graded: Vec<_> = stream::iter(runs)
            .map(|planned| async {
                let outcome = run::run(&client, &planned).await;
                (planned, outcome)
            })
            .buffered(at_once)
            .collect()
            .await;
        let good = report::print(&graded, &client, self.json).map_err(unprinted)?;
        if let Some(house) = house {
            house.close().await;
        }
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Completes with the first signal that asks the program to end.
async fn told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn unprinted(error: std::io::Error) -> Unfit {
    Unfit(format!("the report cannot be written: {error}"))
}
