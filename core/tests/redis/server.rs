//! A Redis server of a test's own, which it may break.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use redis::aio::MultiplexedConnection;
use tempfile::TempDir;

pub(crate) struct Server {
    process: Option<Child>,
    pub(crate) port: u16,
    folder: TempDir,
}

fn program() -> String {
    let missing =
        "LOCKGATE_TEST_REDIS_SERVER is not set: `tests/run rust` names a Redis server for the tests";
    std::env::var("LOCKGATE_TEST_REDIS_SERVER").expect(missing)
}

/// This program again, to run one test that works as a process of its own.
pub(crate) fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command
}

impl Server {
    pub(crate) fn start() -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Server { process: None, port, folder: tempfile::tempdir().unwrap() };
        server.run();
        server
    }

    /// Starts it, with nothing in it.
    pub(crate) fn run(&mut self) {
        let port = self.port.to_string();
        let mut process = Command::new(program())
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(self.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a Redis server");
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("eady to accept connections")), "it does not start");
        // Its output must go somewhere.
        std::thread::spawn(move || said.for_each(drop));
        self.process = Some(process);
    }

    /// As a kill does: all it had is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Stops it in the middle of what it does, or lets it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let signal = if frozen { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        redis::Client::open(self.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    /// How often each command was called by clients; what scripts call inside is left out by its name.
    pub(crate) async fn calls(&self, name: &str) -> u64 {
        let mut connection = self.connection().await;
        let info: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:calls=")).map(str::to_owned));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }

    pub(crate) async fn run_command(&self, words: &[&str]) {
        let mut connection = self.connection().await;
        let mut command = redis::cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(word);
        });
        let _: redis::Value = command.query_async(&mut connection).await.unwrap();
    }
}

/// Sees what clients send, as the server itself tells it; what scripts call inside is left out.
pub(crate) struct Monitor {
    port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    sent: Mutex<Vec<String>>,
    more: Condvar,
}

impl Monitor {
    /// Everything so far: the name of each command and its first argument.
    pub(crate) fn sent(&self) -> Vec<String> {
        // What was sent before this word was told before it, too.
        let mut sent = self.seen.sent.lock();
        let word = format!("ECHO {}", sent.len());
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{word}\r\n").as_bytes()).unwrap();
        while !sent.contains(&word) {
            let waited = self.seen.more.wait_for(&mut sent, crate::house::SOON);
            assert!(!waited.timed_out(), "the server tells nothing");
        }
        sent.retain(|command| !command.starts_with("ECHO "));
        sent.clone()
    }
}

/// `1795.1 [0 127.0.0.1:5] "EVALSHA" "f00" "1" …` → `EVALSHA f00`; none where a script called it.
fn told(line: &str) -> Option<String> {
    let (head, command) = line.split_once("] ")?;
    let words = command.split('"').skip(1).step_by(2).take(2);
    (!head.ends_with(" lua")).then(|| words.collect::<Vec<_>>().join(" "))
}

impl Server {
    pub(crate) fn monitor(&self) -> Monitor {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "+OK");
        let seen = Arc::new(Seen::default());
        let keep = seen.clone();
        // It ends with the server.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                keep.sent.lock().extend(told(&line));
                keep.more.notify_all();
            }
        });
        Monitor { port: self.port, seen }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = Command::new("kill").args(["-CONT", &process.id().to_string()]).status();
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
