//! The examples in `examples/rust`, run as programs against the simulator.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::path::PathBuf;
use std::process::Command;

use lockgate_sim::{Options, Sim};

/// Where cargo puts an example of the same build: beside the folder of this test.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is not there: cargo build --package lockgate --examples", path.display());
    path
}

/// What example `name` prints, and how many requests reached the provider.
async fn run(name: &'static str) -> (String, usize) {
    let sim = Sim::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program(name));
    command
        .env_clear()
        .env("OPENAI_API_KEY", "sk-test")
        .env("OPENAI_BASE_URL", sim.openai_base_url())
        .current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{error}", output.status);
    // The libraries' store is memory: nothing is left on the disk.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    (String::from_utf8(output.stdout).unwrap(), sim.requests().len())
}

#[tokio::test]
async fn hello_is_answered_once_and_then_known() {
    let (printed, requests) = run("hello").await;
    assert!(printed.contains("cache miss, cost $0.0000"), "{printed}");
    assert!(printed.contains("cache exact, cost $0, "), "{printed}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn stream_counts_and_ends_with_its_cost() {
    let (printed, requests) = run("stream").await;
    assert!(printed.contains("1, 2, 3") && printed.contains("19, 20\ncost $0.0000"), "{printed}");
    assert_eq!(requests, 1);
}

#[tokio::test]
async fn spend_caps_stop_each_customer_before_the_provider_is_asked() {
    let (printed, requests) = run("spend_caps").await;
    for customer in ["alice", "bob"] {
        assert!(printed.contains(&format!("{customer}: answered\n")), "{printed}");
        assert!(printed.contains(&format!("{customer}: customer_spend_exceeded: ")), "{printed}");
        assert!(printed.contains(&format!("{customer}: 1 requests, $0.0000")), "{printed}");
    }
    assert_eq!(requests, 2);
}
