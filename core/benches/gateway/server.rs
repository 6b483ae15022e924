//! The real server: the binary that `LOCKGATE_BIN` names, as its users start it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A server with a SQLite store, a project and a key.
pub struct Server {
    process: Child,
    pub address: SocketAddr,
    pub key: String,
    _folder: TempDir,
}

impl Server {
    /// None where no binary is named.
    pub fn start(openai_base_url: &str) -> Option<Server> {
        let binary = PathBuf::from(std::env::var_os("LOCKGATE_BIN")?);
        let folder = tempfile::tempdir().unwrap();
        let command = || {
            let mut command = Command::new(&binary);
            command
                .current_dir(folder.path())
                .env_clear()
                .env("OPENAI_API_KEY", "sk-bench")
                .env("OPENAI_BASE_URL", openai_base_url);
            command
        };
        let mut made = command();
        made.args(["key", "create", "--project", "default", "--json"]);
        let made = made.output().unwrap();
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("a key, as JSON");
        let mut process = command()
            .args(["serve", "--listen", "127.0.0.1:0", "--log-level", "warn", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listening: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |value: &serde_json::Value, name: &str| {
            value.get(name).and_then(serde_json::Value::as_str).unwrap().to_owned()
        };
        let address = text(&listening, "listen").trim_start_matches("http://").parse().unwrap();
        Some(Server { process, address, key: text(&made, "key"), _folder: folder })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
