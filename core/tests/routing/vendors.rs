//! The vendors that the matrix goes through: what they are called, which model, where the simulator has them.

use lockgate::Builder;
use lockgate_sim::{Fault, Provider, Scripted, Sim};
use serde_json::Value;

/// A vendor of the matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vendor {
    pub(crate) name: &'static str,
    pub(crate) model: &'static str,
    pub(crate) at: Provider,
    /// The setting that holds its key.
    pub(crate) key: Option<&'static str>,
}

/// All of them; each goes first in its turn.
pub(crate) const VENDORS: &[Vendor] = &[
    Vendor { name: "openai", model: "gpt-4o", at: Provider::OpenAi, key: Some("sk-openai-secret") },
    Vendor {
        name: "anthropic",
        model: "claude-sonnet-4-5",
        at: Provider::Anthropic,
        key: Some("sk-ant-secret"),
    },
    Vendor { name: "gemini", model: "gemini-2.5-flash", at: Provider::Gemini, key: Some("gemini-secret") },
    Vendor { name: "ollama", model: "llama3.2", at: Provider::Ollama, key: None },
];

impl Vendor {
    /// The three that follow each other, `first` in front: the plan of the matrix.
    pub(crate) fn plan(first: usize) -> [Vendor; 3] {
        [0, 1, 2].map(|step| VENDORS[(first + step) % VENDORS.len()])
    }

    /// A fault for chats alone: a vendor may be asked for its models, too.
    pub(crate) fn on_chat(&self, fault: Fault) -> Scripted {
        let scripted = Scripted::from(fault);
        if self.at == Provider::Ollama { scripted.on_path("/api/chat") } else { scripted }
    }

    /// As a chain names it.
    pub(crate) fn target(&self) -> String {
        format!("{}/{}", self.name, self.model)
    }

    /// Configures it at `base_url`.
    pub(crate) fn configure(&self, builder: Builder, base_url: &str) -> Builder {
        let builder = builder.set(&format!("providers.{}.base_url", self.name), base_url);
        match self.key {
            Some(key) => builder.set(&format!("providers.{}.api_key", self.name), key),
            None => builder,
        }
    }

    /// Where the simulator has it.
    pub(crate) fn base_url(&self, sim: &Sim) -> String {
        sim.base_url(self.at)
    }
}

/// Input and output tokens of a vendor's own usage object.
pub(crate) fn counted(vendor: &Vendor, usage: &Value) -> (u64, u64) {
    let sum = |names: &[&str]| names.iter().filter_map(|name| usage[*name].as_u64()).sum();
    match vendor.name {
        "anthropic" => (
            sum(&["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]),
            sum(&["output_tokens"]),
        ),
        "gemini" => (
            sum(&["promptTokenCount", "toolUsePromptTokenCount"]),
            sum(&["candidatesTokenCount", "thoughtsTokenCount"]),
        ),
        "ollama" => (sum(&["prompt_eval_count"]), sum(&["eval_count"])),
        _ => (sum(&["prompt_tokens"]), sum(&["completion_tokens"])),
    }
}
