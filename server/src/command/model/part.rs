//! A file on its way: beside its place, and in it only once it is whole and the right one.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use lockgate_embed::ModelFile;
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// What has come of a file. Removed where it is dropped before it is kept.
pub(super) struct Part<'a> {
    of: &'a ModelFile,
    place: PathBuf,
    path: PathBuf,
    file: File,
    digest: Sha256,
    bytes: u64,
}

impl<'a> Part<'a> {
    /// Nothing yet. What an earlier pull could not remove is written over.
    pub(super) fn new(of: &'a ModelFile, folder: &Path) -> Result<Part<'a>, Failure> {
        let path = folder.join(format!(".{}.part", of.name));
        let file = File::create(&path).map_err(|error| unwritten(&path, of, &error))?;
        Ok(Part { of, place: folder.join(of.name), path, file, digest: Sha256::new(), bytes: 0 })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends what came, no more than the file is to have.
    pub(super) fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        let bytes = self.bytes + chunk.len() as u64;
        if bytes > self.of.bytes {
            return Err(too_large(self.of));
        }
        self.file.write_all(chunk).map_err(|error| unwritten(&self.path, self.of, &error))?;
        self.digest.update(chunk);
        self.bytes = bytes;
        Ok(())
    }

    /// Puts it into its place, if it is the right one.
    pub(super) fn keep(mut self) -> Result<(), Failure> {
        let name = self.of.name;
        if self.bytes != self.of.bytes {
            let (came, all) = (self.bytes, self.of.bytes);
            return Err(Failure::other(format!(
                "{name} ended after {came} of {all} bytes; nothing was kept"
            )));
        }
        let found = hexadecimal(std::mem::take(&mut self.digest));
        if found != self.of.sha256 {
            let expected = self.of.sha256;
            return Err(Failure::other(format!(
                "{name} is not the file of all-MiniLM-L6-v2: its SHA-256 is {found}, and must be {expected}; nothing \
                 was kept"
            )));
        }
        // On the disk before it has its name: a name must not outlive what it names.
        self.file.sync_all().map_err(|error| unwritten(&self.path, self.of, &error))?;
        fs::rename(&self.path, &self.place).map_err(|error| unwritten(&self.place, self.of, &error))
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        // Gone already where it was kept; what cannot be removed is written over by the next pull.
        let _ = fs::remove_file(&self.path);
    }
}

/// More is on its way than the file has.
pub(super) fn too_large(of: &ModelFile) -> Failure {
    let ModelFile { name, bytes, .. } = of;
    Failure::other(format!(
        "{name} is larger than its {bytes} bytes, so it is another file; nothing was kept"
    ))
}

fn unwritten(path: &Path, of: &ModelFile, error: &io::Error) -> Failure {
    let path = path.display();
    let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
    Failure::other(if full.contains(&error.kind()) {
        format!("{path}: there is no room for the {} bytes of {} ({error})", of.bytes, of.name)
    } else {
        format!("{path} cannot be written: {error}")
    })
}

/// The folder for one pull at a time, as long as this value lives.
pub(super) struct Turn {
    _folder: Option<File>,
}

impl Turn {
    /// Where folders can be locked, and elsewhere what another pull may write is found wrong when it is loaded.
    pub(super) fn take(folder: &Path) -> Result<Turn, Failure> {
        let locked = File::open(folder).ok();
        match locked.as_ref().map(File::try_lock) {
            Some(Err(fs::TryLockError::WouldBlock)) => {
                Err(Failure::other(format!("another `lockgate model pull` writes to {}", folder.display())))
            }
            _ => Ok(Turn { _folder: locked }),
        }
    }
}

/// A sum as it is written.
pub(super) fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
