//! A folder with a store in it, a simulated provider, and the processes that run there.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use lockgate_sim::{Options, Sim};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::web::Address;

/// Longest wait for anything that a process does.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) sim: Sim,
    /// The store that every process here is told of; without it the file in the folder.
    pub(crate) store: Option<String>,
    /// Settings that go with the store, in `lockgate.toml`.
    pub(crate) settings: String,
}

/// A running `lockgate serve`.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: Address,
    pub(crate) said: Value,
    log: watch::Receiver<String>,
    reader: JoinHandle<()>,
}

impl House {
    pub(crate) async fn new() -> House {
        let sim = Sim::start(Options::default()).await.unwrap();
        House { folder: tempfile::tempdir().unwrap(), sim, store: None, settings: String::new() }
    }

    /// With the only gateway on a Postgres database.
    #[cfg(feature = "test-servers")]
    pub(crate) async fn on_postgres(store: String) -> House {
        House::with(store, "single_process = true\n".to_owned()).await
    }

    /// With any number of gateways on a Postgres database and a Redis.
    #[cfg(feature = "test-servers")]
    pub(crate) async fn on_redis(store: String, redis: &str) -> House {
        let prefix = lockgate::ids::AdmissionId::new(lockgate::clock::Millis(0));
        let settings =
            format!("redis = \"{redis}\"\nredis_prefix = \"{prefix}:\"\nredis_timeout_ms = 10000\n");
        House::with(store, settings).await
    }

    #[cfg(feature = "test-servers")]
    async fn with(store: String, settings: String) -> House {
        let house = House { store: Some(store), settings, ..House::new().await };
        house.write("lockgate.toml", &house.settings);
        house
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    /// `lockgate` with these arguments, in the folder, with the simulator as OpenAI and nothing else in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("OPENAI_API_KEY", "sk-simulated")
            .env("OPENAI_BASE_URL", self.sim.openai_base_url())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(store) = &self.store {
            command.env("LOCKGATE_STORE", store);
        }
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        timeout(SOON, self.command(arguments).output()).await.expect("the command ends").unwrap()
    }

    /// Standard output of a command that must succeed.
    pub(crate) async fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same with `--json`.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let text = self.text(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error} in {text}"))
    }

    /// Exit code and standard error of a command that must fail.
    pub(crate) async fn failure(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments).await;
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert!(output.stdout.is_empty(), "{arguments:?} printed to standard output");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// A new key of the default project, and its id.
    pub(crate) async fn key(&self, flags: &[&str]) -> (String, String) {
        let made = self.json(&[&["key", "create"], flags].concat()).await;
        (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn serve(&self, flags: &[&str]) -> Server {
        self.serve_with(flags, &[]).await
    }

    /// With more variables in its environment.
    pub(crate) async fn serve_with(&self, flags: &[&str], environment: &[(&str, &str)]) -> Server {
        let mut command = self.command(&[&["serve", "--listen", "127.0.0.1:0", "--json"], flags].concat());
        let mut child = command.envs(environment.iter().copied()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let line = line(&mut stdout).await;
        if line.is_empty() {
            let mut error = String::new();
            stderr.read_to_string(&mut error).await.unwrap();
            panic!("serve {flags:?}: {error}");
        }
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["listen"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        let (log, reader) = follow(stderr);
        Server { child, address, said, log, reader }
    }

    /// The ledger's total, once it holds `requests` requests.
    pub(crate) async fn usage_of(&self, requests: u64) -> Value {
        let until = Instant::now() + SOON;
        loop {
            let total = self.json(&["usage"]).await[0].take();
            if total["requests"].as_u64().unwrap() >= requests {
                return total;
            }
            assert!(Instant::now() < until, "the ledger holds {total}, not {requests} requests");
        }
    }
}

impl Server {
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("the server runs");
        kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), signal).unwrap();
    }

    /// Waits for its end: exit code (none after a kill) and what it logged.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let status = timeout(SOON, self.child.wait()).await.expect("the server ends").unwrap();
        timeout(SOON, self.reader).await.expect("its log ends").unwrap();
        let log = self.log.borrow().clone();
        (status.code(), log)
    }

    /// Ends it in order; it must end well.
    pub(crate) async fn end(self) -> String {
        self.signal(Signal::TERM);
        let (code, log) = self.ended().await;
        assert_eq!(code, Some(0), "{log}");
        log
    }

    /// Waits for a line of the log that contains `text`.
    pub(crate) async fn logs(&mut self, text: &str) -> String {
        self.logs_times(text, 1).await
    }

    /// Waits until `text` was logged so many times; gives the first such line.
    pub(crate) async fn logs_times(&mut self, text: &str, times: usize) -> String {
        let found = timeout(SOON, self.log.wait_for(|log| log.matches(text).count() >= times)).await;
        let log =
            found.unwrap_or_else(|_| panic!("{text:?} was never logged")).expect("the server runs").clone();
        log.lines().find(|line| line.contains(text)).unwrap().to_owned()
    }
}

/// Reads the log as it comes: a full pipe would stop the server.
fn follow(mut stderr: BufReader<ChildStderr>) -> (watch::Receiver<String>, JoinHandle<()>) {
    let (sender, log) = watch::channel(String::new());
    let reader = tokio::spawn(async move {
        let mut line = String::new();
        while stderr.read_line(&mut line).await.unwrap() > 0 {
            sender.send_modify(|log| log.push_str(&std::mem::take(&mut line)));
        }
    });
    (log, reader)
}

async fn line(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    timeout(SOON, stdout.read_line(&mut line)).await.expect("a line comes").unwrap();
    line
}

/// The embedding model's folder.
#[cfg(feature = "test-model")]
pub(crate) fn model() -> std::ffi::OsString {
    std::env::var_os("LOCKGATE_MODEL_DIR").expect("LOCKGATE_MODEL_DIR names the model's folder")
}
