//! A case: the files of one folder below `conformance/wire/PROVIDER`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub(crate) struct Case {
    folder: PathBuf,
    pub(crate) name: String,
    /// `case.json`.
    pub(crate) settings: Value,
    /// `expected.json`.
    pub(crate) expected: Value,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = self.folder.parent().and_then(Path::file_name).unwrap_or_default();
        write!(f, "{}/{}", provider.display(), self.name)
    }
}

/// All cases of a provider, in order of their names.
pub(crate) fn cases(provider: &str) -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/wire").join(provider);
    let entries = fs::read_dir(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    assert!(!folders.is_empty(), "{provider} has no fixtures");
    folders.into_iter().map(Case::read).collect()
}

impl Case {
    fn read(folder: PathBuf) -> Case {
        let settings = json(&folder.join("case.json"));
        let expected = json(&folder.join("expected.json"));
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        check_keys(&folder, &settings, &SETTINGS);
        check_keys(&folder, &expected, &EXPECTED);
        Case { folder, name, settings, expected }
    }

    /// The bytes of a file; none if the case has no such file.
    pub(crate) fn file(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.folder.join(name)).ok()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        json(&self.folder.join(name))
    }

    pub(crate) fn request(&self) -> Vec<u8> {
        self.file("request.json").unwrap_or_else(|| panic!("{self:?} has no request.json"))
    }

    /// The stream that comes in.
    pub(crate) fn stream(&self) -> Option<Vec<u8>> {
        self.file("stream.sse").or_else(|| self.file("stream.ndjson"))
    }

    pub(crate) fn is_sse(&self) -> bool {
        self.folder.join("stream.sse").exists()
    }

    pub(crate) fn is_embeddings(&self) -> bool {
        self.settings["endpoint"] == "embeddings"
    }

    /// The model as the provider knows it.
    pub(crate) fn model(&self) -> &str {
        self.settings["model"].as_str().unwrap_or_else(|| panic!("{self:?} names no model"))
    }

    /// Whether the request cannot be sent at all: then nothing comes in.
    pub(crate) fn is_refused(&self) -> bool {
        self.expected.get("refused").is_some()
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let listed = |warnings: &Value| serde_json::from_value(warnings.clone());
        let warnings = self.expected.get("warnings").map_or(Ok(Vec::new()), listed);
        warnings.unwrap_or_else(|error| panic!("{self:?}: warnings: {error}"))
    }
}

const SETTINGS: [&str; 7] =
    ["model", "status", "headers", "output_cap", "endpoint", "path", "outgoing_headers"];
const EXPECTED: [&str; 6] = ["answer", "tokens", "complete", "failure", "refused", "warnings"];

/// A word that nobody reads would be a claim that nobody checks.
fn check_keys(folder: &Path, object: &Value, known: &[&str]) {
    for key in object.as_object().unwrap_or_else(|| panic!("{}: not an object", folder.display())).keys() {
        assert!(known.contains(&key.as_str()), "{}: {key:?} means nothing", folder.display());
    }
}

fn json(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
