//! The program, and a simulator to point it at.

use std::process::Stdio;

use lockgate_sim::{Fault, Options, Provider, Scripted, Sim};
use serde_json::Value;
use tokio::process::Command;

/// A key as long as a true one; it must never be printed.
pub(crate) const KEY: &str = "sk-a-key-that-is-never-printed";

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Ended {
    pub(crate) fn cases(&self) -> Vec<Value> {
        let told: Value = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(told.as_object().unwrap().len(), 1, "{self:?}");
        told["cases"].as_array().unwrap().clone()
    }

    /// Outcome and reason of the only case.
    pub(crate) fn only(&self) -> (String, String) {
        let cases = self.cases();
        let [case] = cases.as_slice() else { panic!("{} cases: {self:?}", cases.len()) };
        (case["outcome"].as_str().unwrap().to_owned(), case["reason"].as_str().unwrap_or_default().to_owned())
    }
}

pub(crate) async fn conformance(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_lockgate-conformance"))
        .args(arguments)
        .env_remove("LOCKGATE_CONFORMANCE_KEY")
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let (out, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    for text in [&out, &error] {
        assert!(!text.contains(KEY), "the key is printed: {text}");
    }
    Ended { code: output.status.code().unwrap(), out, error }
}

pub(crate) async fn simulator() -> Sim {
    Sim::start(Options::default()).await.unwrap()
}

/// Runs against the simulator, as JSON.
pub(crate) async fn graded(sim: &Sim, arguments: &[&str]) -> Ended {
    let url = sim.openai_base_url();
    conformance(&[&["run", "--base-url", &url, "--api-key", KEY, "--json"], arguments].concat()).await
}

/// Has the simulator do `faults` to the next chats, but for the one by which the kit looks at the model first.
pub(crate) fn script(sim: &Sim, faults: Vec<Fault>) {
    let all = std::iter::once(Fault::slow_headers(0)).chain(faults);
    sim.faults(Provider::OpenAi, all.map(|fault| Scripted::from(fault).on_path("/chat/completions")));
}

/// Runs one case on gpt-4o, where the simulator does `faults` one after another.
pub(crate) async fn one_case(name: &str, faults: Vec<Fault>) -> Ended {
    let sim = simulator().await;
    script(&sim, faults);
    graded(&sim, &["--model", "gpt-4o", "--case", name]).await
}
