//! A Postgres of a test's own, to be stopped and started, and databases on the one that `tests/run` starts.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout};

use crate::house::SOON;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: these tests need a Postgres, which `tests/run rust` starts for them")
    })
}

fn program(name: &str) -> PathBuf {
    Path::new(&variable("LOCKGATE_TEST_POSTGRES_PROGRAMS")).join(name)
}

/// A fresh database on the server that all tests share; its address.
pub(crate) async fn database() -> String {
    let server = variable("LOCKGATE_TEST_POSTGRES");
    let name =
        format!("server_{}", lockgate::ids::AdmissionId::new(lockgate::clock::Millis(0))).to_lowercase();
    sql(&server, &format!("CREATE DATABASE {name}")).await;
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

/// Runs a statement on a database.
pub(crate) async fn sql(address: &str, statement: &str) -> String {
    let done = Command::new(program("psql"))
        .args(["--quiet", "--tuples-only", "--no-align", "--command", statement, address])
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// A server that is this test's alone. Postgres does not run as root: where the tests do, it runs as nobody.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Server {
    pub(crate) async fn new() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if let Some(user) = user() {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::chown(&data, Some(user), Some(user)).unwrap();
        }
        let arguments =
            ["--username", "lockgate", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"];
        let made = command("initdb").arg("--pgdata").arg(&data).args(arguments).output().await.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Server { folder, port, process: None };
        server.start().await;
        sql(&server.address("postgres"), "CREATE DATABASE gate").await;
        server
    }

    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://lockgate@127.0.0.1:{}/{database}", self.port)
    }

    pub(crate) async fn start(&mut self) {
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = command("postgres");
        command.arg("-D").arg(self.folder.path().join("data")).args(["-p", &self.port.to_string()]);
        for setting in
            ["fsync=off", "full_page_writes=off", "listen_addresses=127.0.0.1", "unix_socket_directories="]
        {
            command.args(["-c", setting]);
        }
        let process =
            command.stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true).spawn().unwrap();
        self.process = Some(process);
        let until = Instant::now() + SOON;
        let port = self.port.to_string();
        loop {
            let arguments = ["--quiet", "--host", "127.0.0.1", "--port", &port];
            let ready = Command::new(program("pg_isready")).args(arguments).status().await.unwrap();
            if ready.success() {
                return;
            }
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
            assert!(Instant::now() < until, "Postgres does not start: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it: in order by INT, as in a crash by QUIT.
    pub(crate) async fn stop(&mut self, how: Signal) {
        let mut process = self.process.take().expect("it runs");
        let id = i32::try_from(process.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), how).unwrap();
        timeout(SOON, process.wait()).await.expect("it ends").unwrap();
    }
}

fn command(name: &str) -> Command {
    let mut command = std::process::Command::new(program(name));
    command.env_clear().current_dir("/").stdin(Stdio::null());
    if let Some(user) = user() {
        command.uid(user).gid(user);
    }
    Command::from(command)
}

/// Whom to run as instead of root.
fn user() -> Option<u32> {
    if !geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let nobody = users.lines().find(|line| line.starts_with("nobody:")).expect("there is a user nobody");
    nobody.split(':').nth(2).map(|id| id.parse().unwrap())
}
