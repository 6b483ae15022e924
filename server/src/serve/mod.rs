//! `lockgate serve`: the gateway behind a socket.

mod answer;
mod incoming;
mod listener;
pub(crate) mod log;
mod outgoing;
mod report;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use lockgate::clock::SystemClock;
use lockgate::{Config, Gateway};
use tokio::net::TcpListener;

pub(crate) use self::listener::{Ended, Server};
use crate::cli::Sources;
use crate::failure::Failure;
use crate::settings;
use crate::signals::Signals;

/// How long settlements and the ledger may take once no request is left.
pub(crate) const CLOSING: Duration = Duration::from_secs(10);

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Several processes share the SQLite store.
    #[arg(long)]
    shared: bool,
    /// This is the only gateway on the Postgres store; limits are kept in its memory.
    #[arg(long)]
    single_process: bool,
    /// How logs look on standard error.
    #[arg(long, value_enum, value_name = "FORMAT")]
    log: Option<LogArg>,
    /// How much is logged.
    #[arg(long, value_enum, default_value_t, value_name = "LEVEL")]
    log_level: log::Level,
    /// Seconds to wait for requests under way when told to end.
    #[arg(long, value_name = "SECONDS")]
    drain_seconds: Option<u32>,
    /// Print one JSON line when listening.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogArg {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl ServeArgs {
    fn settings(&self, sources: &Sources) -> Result<Config, Failure> {
        let mut layers = settings::layers(sources)?;
        if let Some(listen) = &self.listen {
            layers = layers.set("listen", listen.as_str());
        }
        if self.shared {
            layers = layers.set("shared", true);
        }
        if self.single_process {
            layers = layers.set("single_process", true);
        }
        match self.log {
            Some(LogArg::Pretty) => layers = layers.set("log", "pretty"),
            Some(LogArg::Json) => layers = layers.set("log", "json"),
            None => {}
        }
        if let Some(seconds) = self.drain_seconds {
            layers = layers.set("drain_seconds", i64::from(seconds));
        }
        Ok(layers.read()?)
    }
}

pub(crate) async fn run(sources: &Sources, args: &ServeArgs) -> Result<ExitCode, Failure> {
    let config = args.settings(sources)?;
    log::start(config.log, args.log_level);
    // From here on a signal ends the process in order.
    let mut signals = Signals::listen()?;
    let drain = Duration::from_secs(config.drain_seconds);
    let gateway = Gateway::start(config, Arc::new(SystemClock)).await?;
    let listening = match listen(&gateway.config().listen).await {
        Ok(listener) => {
            report::announce(&gateway, listener.local_addr()?, args.json).await.map(|()| listener)
        }
        Err(failure) => Err(failure),
    };
    let listener = match listening {
        Ok(listener) => listener,
        Err(failure) => {
            gateway.close(CLOSING).await;
            return Err(failure);
        }
    };
    let ended = Server::new(listener, gateway.clone()).run(&mut signals, drain).await;
    close(&gateway, ended, &mut signals).await
}

async fn listen(address: &str) -> Result<TcpListener, Failure> {
    let bound = match address.parse::<SocketAddr>() {
        Ok(address) => TcpListener::bind(address).await,
        Err(error) => Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, error)),
    };
    bound.map_err(|error| {
        Failure::other(format!(
            "listen = {address:?}: {error}; name a free address, or port 0 to be given one"
        ))
    })
}

/// Writes what is left, unless told again to end.
async fn close(gateway: &Gateway, ended: Ended, signals: &mut Signals) -> Result<ExitCode, Failure> {
    if let Ended::AtOnce(code) = ended {
        return Ok(ExitCode::from(code));
    }
    let written = tokio::select! {
        written = gateway.close(CLOSING) => written,
        code = signals.next() => return Ok(ExitCode::from(code)),
    };
    if !written {
        tracing::warn!("not all of the ledger is written; the spool holds the rest for the next start");
    }
    match ended {
        Ended::Cut(requests) => {
            tracing::warn!(requests, "cut requests that did not end in time");
            Ok(ExitCode::FAILURE)
        }
        _ if written => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::FAILURE),
    }
}
