//! The program.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

fn program(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lockgate-sim"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn first_line(child: &mut Child) -> (String, BufReader<ChildStdout>) {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).await.unwrap();
    (line, out)
}

#[tokio::test]
async fn one_json_line_then_service_until_stdin_closes() {
    let mut child = program(&["--listen", "127.0.0.1:0", "--json", "--exit-with-parent"]);
    let (line, mut out) = first_line(&mut child).await;
    let urls: Value = serde_json::from_str(&line).unwrap();
    let control = urls["control"].as_str().unwrap();
    assert!(urls["openai"].as_str().unwrap().ends_with("/v1"));
    assert!(urls["ollama"].as_str().unwrap().ends_with("/ollama"));
    let address = control.strip_prefix("http://").unwrap().strip_suffix("/control").unwrap();
    assert!(address.starts_with("127.0.0.1:"));
    tokio::net::TcpStream::connect(address).await.unwrap();
    drop(child.stdin.take());
    assert!(child.wait().await.unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "", "nothing but the line");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_it_though_stdin_stays_open() {
    for (signal, arguments) in [("-TERM", &["--json", "--exit-with-parent"][..]), ("-INT", &[][..])] {
        let mut child = program(arguments);
        let (line, mut out) = first_line(&mut child).await;
        assert!(line.contains("openai") || line.starts_with("Simulated providers"), "{line}");
        let killed =
            Command::new("kill").args([signal, &child.id().unwrap().to_string()]).status().await.unwrap();
        assert!(killed.success());
        // Not `wait`: it would close standard input, and so end the program by itself.
        out.read_to_end(&mut Vec::new()).await.unwrap();
        let _stdin = child.stdin.take();
        assert!(child.wait().await.unwrap().success(), "{signal}");
    }
}

#[tokio::test]
async fn remote_addresses_are_refused() {
    let output = program(&["--listen", "0.0.0.0:0"]).wait_with_output().await.unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("0.0.0.0:0") && error.contains("loopback"), "{error}");
    assert!(output.stdout.is_empty());
}
