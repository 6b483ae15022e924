//! `lockgate-sim`: the provider simulator as a program.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lockgate_sim::{Options, Provider, Sim};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

/// Simulates LLM providers at the wire, with scriptable faults.
#[derive(Debug, Parser)]
#[command(name = "lockgate-sim", version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Print the URLs as one JSON line instead of text.
    #[arg(long)]
    json: bool,
    /// Allow an address other than loopback.
    #[arg(long)]
    allow_remote: bool,
    /// Stop when standard input closes, so that a dead test harness leaves nothing behind.
    #[arg(long)]
    exit_with_parent: bool,
    /// Wait before every answer, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// Wait before every stream event, in milliseconds.
    #[arg(long, default_value_t = 0)]
    token_latency_ms: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do about a closed standard error.
            let _ = writeln!(io::stderr(), "lockgate-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> io::Result<()> {
    let mut stop = StopSignals::listen()?;
    let sim = Sim::start(Options {
        listen: arguments.listen,
        allow_remote: arguments.allow_remote,
        latency: Duration::from_millis(arguments.latency_ms),
        token_latency: Duration::from_millis(arguments.token_latency_ms),
        ..Options::default()
    })
    .await?;
    announce(&sim, arguments.json)?;
    if arguments.exit_with_parent {
        tokio::select! {
            () = stop.wait() => {}
            () = stdin_closed() => {}
        }
    } else {
        stop.wait().await;
    }
    sim.shutdown().await;
    Ok(())
}

fn announce(sim: &Sim, as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if as_json {
        let mut urls = Map::from_iter([("control".to_owned(), sim.control_url().into())]);
        let bases = Provider::ALL.iter().map(|of| (of.name().to_owned(), sim.base_url(*of).into()));
        urls.extend(bases);
        writeln!(out, "{}", Value::Object(urls))?;
    } else {
        writeln!(out, "Simulated providers (any key will do, but not one beginning with sk-bad):")?;
        for provider in Provider::ALL {
            writeln!(out, "  {}={}", provider.variable(), sim.base_url(*provider))?;
        }
        writeln!(out, "Control: {}", sim.control_url())?;
    }
    out.flush()
}

/// Completes at the end of standard input.
async fn stdin_closed() {
    let (closed, wait) = oneshot::channel();
    // A plain thread: tokio's blocking read would keep the runtime from ending after a signal.
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = closed.send(());
    });
    let _ = wait.await;
}

#[cfg(unix)]
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopSignals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn wait(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
