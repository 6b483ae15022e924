//! The models that are pulled, and what each of them can do.

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{hash, hex};

/// What is pulled until somebody pulls or deletes.
const PULLED: [&str; 5] =
    ["llama3.2:latest", "qwen3:latest", "gpt-oss:20b", "gemma3:latest", "all-minilm:latest"];

/// What a model can do, by the first part of its name; anything else completes and calls tools.
const FAMILIES: &[(&str, &str, &[&str])] = &[
    ("qwen3", "qwen3", &["completion", "tools", "thinking"]),
    ("gpt-oss", "gptoss", &["completion", "tools", "thinking"]),
    ("deepseek-r1", "qwen2", &["completion", "thinking"]),
    ("gemma3", "gemma3", &["completion", "vision"]),
    ("llava", "llama", &["completion", "vision"]),
    ("all-minilm", "bert", &["embedding"]),
    ("nomic-embed-text", "nomic-bert", &["embedding"]),
];

/// Tokens that a model can look at.
const CONTEXT: u64 = 131_072;

#[derive(Debug, Serialize)]
struct Details {
    parent_model: &'static str,
    format: &'static str,
    family: &'static str,
    families: [&'static str; 1],
    parameter_size: &'static str,
    quantization_level: &'static str,
    context_length: u64,
    embedding_length: usize,
}

/// A model in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Tag<'a> {
    name: &'a str,
    model: &'a str,
    modified_at: String,
    size: u64,
    digest: String,
    details: Details,
    capabilities: &'static [&'static str],
}

/// A model by itself.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    license: &'static str,
    modelfile: String,
    parameters: &'static str,
    template: &'static str,
    details: Details,
    model_info: Value,
    capabilities: &'static [&'static str],
    modified_at: String,
}

/// The models on disk, by their names with a tag.
#[derive(Debug)]
pub(crate) struct Library(Mutex<Vec<String>>);

/// A model on disk.
#[derive(Debug, Clone)]
pub(crate) struct Pulled {
    pub(crate) name: String,
}

impl Default for Library {
    fn default() -> Self {
        Self(Mutex::new(PULLED.map(str::to_owned).to_vec()))
    }
}

impl Library {
    /// A model by its name, with or without the default tag, in small or capital letters.
    pub(crate) fn find(&self, name: &str) -> Option<Pulled> {
        let wanted = tagged(name);
        let models = self.0.lock();
        let name = models.iter().find(|known| known.eq_ignore_ascii_case(&wanted))?.clone();
        Some(Pulled { name })
    }

    pub(crate) fn all(&self) -> Vec<Pulled> {
        self.0.lock().iter().map(|name| Pulled { name: name.clone() }).collect()
    }

    pub(crate) fn pull(&self, name: &str) {
        let name = tagged(name);
        let mut models = self.0.lock();
        if !models.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            models.push(name);
        }
    }

    /// Whether it was there.
    pub(crate) fn delete(&self, name: &str) -> bool {
        let name = tagged(name);
        let mut models = self.0.lock();
        let before = models.len();
        models.retain(|known| !known.eq_ignore_ascii_case(&name));
        models.len() < before
    }

    /// Puts these in place of all that is pulled.
    pub(crate) fn set(&self, names: &[String]) {
        *self.0.lock() = names.iter().map(|name| tagged(name)).collect();
    }

    pub(crate) fn reset(&self) {
        *self.0.lock() = PULLED.map(str::to_owned).to_vec();
    }
}

/// The name with its tag: the last segment has one after a colon, else it is the default one.
fn tagged(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains(':') { name.to_owned() } else { format!("{name}:latest") }
}

impl Pulled {
    fn family(&self) -> (&'static str, &'static [&'static str]) {
        let base = self.name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let known = FAMILIES.iter().find(|(prefix, _, _)| base.starts_with(prefix));
        known.map_or(("llama", &["completion", "tools"]), |(_, family, can)| (family, can))
    }

    pub(crate) fn can(&self, capability: &str) -> bool {
        self.family().1.contains(&capability)
    }

    /// Length of its vectors.
    pub(crate) fn dimensions(&self) -> usize {
        if self.name.starts_with("all-minilm") { 384 } else { 768 }
    }

    fn digest(&self) -> String {
        let seed = hash(self.name.as_bytes());
        format!("{}{}", hex(seed), hex(seed ^ 1))
    }

    fn details(&self) -> Details {
        let family = self.family().0;
        Details {
            parent_model: "",
            format: "gguf",
            family,
            families: [family],
            parameter_size: "3.2B",
            quantization_level: "Q4_K_M",
            context_length: CONTEXT,
            embedding_length: self.dimensions(),
        }
    }

    /// As `GET /api/tags` lists it.
    pub(crate) fn tag(&self, modified_at: &str) -> Tag<'_> {
        Tag {
            name: &self.name,
            model: &self.name,
            modified_at: modified_at.to_owned(),
            size: 2_019_393_189,
            digest: self.digest(),
            details: self.details(),
            capabilities: self.family().1,
        }
    }

    /// As `POST /api/show` shows it.
    pub(crate) fn shown(&self, modified_at: &str) -> Shown {
        let (family, capabilities) = self.family();
        let mut info = json!({
            "general.architecture": family, "general.file_type": 15, "general.parameter_count": 3_212_749_888_u64,
        });
        if let Some(fields) = info.as_object_mut() {
            fields.insert(format!("{family}.context_length"), json!(CONTEXT));
            fields.insert(format!("{family}.embedding_length"), json!(self.dimensions()));
        }
        Shown {
            license: "SIMULATED",
            modelfile: format!("FROM {}", self.name),
            parameters: "stop                           \"<|eot_id|>\"",
            template: "{{ .Prompt }}",
            details: self.details(),
            model_info: info,
            capabilities,
            modified_at: modified_at.to_owned(),
        }
    }
}
