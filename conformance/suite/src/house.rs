//! `run --self`: simulated providers, and our own server in front of them.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lockgate_sim::{Options, Provider, Sim};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Unfit;
use crate::family::Known;

/// Longest wait for anything that the program does at its start.
const SOON: Duration = Duration::from_secs(30);

/// A running gateway in a folder of its own. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) base_url: String,
    pub(crate) key: String,
    server: Child,
    sim: Sim,
    _folder: TempDir,
}

impl House {
    /// Starts the simulators in this process, and `lockgate serve` as a program: what is graded is what is shipped.
    pub(crate) async fn open(lockgate: Option<PathBuf>) -> Result<Self, Unfit> {
        let program = lockgate.map_or_else(beside, Ok)?;
        let sim = Sim::start(Options::default()).await.map_err(|error| format!("no simulator: {error}"))?;
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        std::fs::write(folder.path().join("lockgate.toml"), settings(&sim))
            .map_err(|error| format!("lockgate.toml cannot be written: {error}"))?;
        let key = new_key(&program, folder.path()).await?;
        let mut server = command(
            &program,
            folder.path(),
            &["serve", "--listen", "127.0.0.1:0", "--log-level", "error", "--json"],
        )
        .spawn()
        .map_err(|error| unstarted(&program, &error))?;
        let said = first_line(&mut server).await?;
        let base_url = said
            .get("base_url")
            .and_then(Value::as_str)
            .ok_or("lockgate serve does not say where it listens")?;
        Ok(Self { base_url: base_url.to_owned(), key, server, sim, _folder: folder })
    }

    /// The models graded, of every provider that is simulated.
    pub(crate) fn models(&self, known: &Known) -> Vec<String> {
        let of = |provider: &Provider| known.own.get(provider.name()).cloned().unwrap_or_default();
        Provider::ALL.iter().flat_map(of).collect()
    }

    pub(crate) async fn close(mut self) {
        // It holds nothing that anybody wants.
        let _ = self.server.kill().await;
        self.sim.shutdown().await;
    }
}

/// The program beside this one.
fn beside() -> Result<PathBuf, Unfit> {
    let here =
        std::env::current_exe().map_err(|error| format!("where this program is cannot be told: {error}"))?;
    let program = here.with_file_name(format!("lockgate{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        return Ok(program);
    }
    let message = "--self: there is no `lockgate` beside this program; build it (cargo build --package lockgate-server) or \
                   name it with --lockgate";
    Err(message.into())
}

/// Every provider at its simulator.
fn settings(sim: &Sim) -> String {
    Provider::ALL
        .iter()
        .map(|provider| {
            let url = sim.base_url(*provider);
            format!("[providers.{provider}]\nbase_url = \"{url}\"\napi_key = \"sk-simulated\"\n\n")
        })
        .collect()
}

/// The program in its folder, with nothing of ours in its environment.
fn command(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    command
}

async fn new_key(program: &Path, folder: &Path) -> Result<String, Unfit> {
    let mut made = command(program, folder, &["key", "create", "--name", "conformance", "--json"])
        .spawn()
        .map_err(|error| unstarted(program, &error))?;
    let said = first_line(&mut made).await?;
    let key = said.get("key").and_then(Value::as_str).ok_or("lockgate key create makes no key")?;
    timeout(SOON, made.wait())
        .await
        .map_err(|_| "lockgate key create does not end".to_owned())?
        .map_err(|error| format!("lockgate key create: {error}"))?;
    Ok(key.to_owned())
}

/// The first line the program prints, which is JSON.
async fn first_line(child: &mut Child) -> Result<Value, Unfit> {
    let out = child.stdout.take().ok_or("the program has no output")?;
    let mut line = String::new();
    timeout(SOON, BufReader::new(out).read_line(&mut line))
        .await
        .map_err(|_| format!("lockgate says nothing within {} s", SOON.as_secs()))?
        .map_err(|error| format!("lockgate cannot be heard: {error}"))?;
    serde_json::from_str(&line).map_err(|_| Unfit("lockgate did not start; it says why above".to_owned()))
}

fn unstarted(program: &Path, error: &std::io::Error) -> Unfit {
    Unfit(format!("{} cannot be started: {error}", program.display()))
}
