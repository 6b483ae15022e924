//! The files of the model: which they are, and that they are those.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A file of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelFile {
    /// Its name in the model's folder.
    pub name: &'static str,
    /// Its SHA-256, in hexadecimal.
    pub sha256: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What is needed of the model, as its authors published it.
pub const FILES: [ModelFile; 2] = [
    ModelFile {
        name: "model.safetensors",
        sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        bytes: 90_868_376,
    },
    ModelFile {
        name: "vocab.txt",
        sha256: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
        bytes: 231_508,
    },
];

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is another one.
    #[error("{} is not the file of all-MiniLM-L6-v2: its SHA-256 is {found}, and must be {expected}", .path.display())]
    Different {
        /// The file.
        path: PathBuf,
        /// What it has.
        found: String,
        /// What it must have.
        expected: &'static str,
    },
    /// The file has not what the model needs.
    #[error("the model has no usable {0}")]
    Malformed(String),
}

/// Whether all files of the model are in `folder`, by name and size. That they are the right ones is seen when they are
/// loaded.
#[must_use]
pub fn is_model_folder(folder: &Path) -> bool {
    let there = |file: &ModelFile| {
        fs::metadata(folder.join(file.name)).is_ok_and(|found| found.is_file() && found.len() == file.bytes)
    };
    FILES.iter().all(there)
}

/// Reads a file of the model, and no other.
pub(crate) fn read(folder: &Path, file: &ModelFile) -> Result<Vec<u8>, LoadError> {
    let path = folder.join(file.name);
    let content = match fs::read(&path) {
        Ok(content) => content,
        Err(source) => return Err(LoadError::Unreadable { path, source }),
    };
    let found: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != file.sha256 {
        return Err(LoadError::Different { path, found, expected: file.sha256 });
    }
    Ok(content)
}
