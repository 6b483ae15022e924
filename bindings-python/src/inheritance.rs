//! What a forked child finds open: SQLite's files, which SQLite must not use there. It would take the parent's locks
//! for its own.

use std::path::Path;

use lockgate::{Config, Error};
use parking_lot::Mutex;

/// What of a gateway's store a forked child would find in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Nothing.
    None,
    /// A file that this process owns alone.
    Owned(FileId),
    /// A file that processes share.
    Shared(FileId),
    /// A database whose limits this process alone keeps.
    Sole,
}

/// A file, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    number: u64,
}

/// Files that were open when this process was forked, and by which process.
static INHERITED: Mutex<Vec<(FileId, u32)>> = Mutex::new(Vec::new());

impl Disk {
    /// What the store that `config` names has in use, once it is open.
    pub(crate) fn of(config: &Config) -> Disk {
        match path(config).and_then(file_id) {
            None if config.single_process => Disk::Sole,
            None => Disk::None,
            Some(file) if config.shared => Disk::Shared(file),
            Some(file) => Disk::Owned(file),
        }
    }

    /// This process was forked from `process`, which has this in use.
    pub(crate) fn inherit(self, process: u32) {
        if let Disk::Owned(file) | Disk::Shared(file) = self {
            INHERITED.lock().push((file, process));
        }
    }

    /// Why this process, forked from `process`, cannot have the store; none where it can build its own.
    pub(crate) fn refusal(self, process: u32) -> Option<Error> {
        let advice = match self {
            Disk::None => return None,
            Disk::Sole => {
                let value = format!("a database whose limits process {process} keeps, which forked");
                return Some(Error::config("store", value, "build the gateway after the fork"));
            }
            Disk::Owned(_) => {
                "use shared = true, so that processes share the store, or build the gateway after the fork"
            }
            Disk::Shared(_) => {
                "it had calls under way at the fork, and SQLite cannot be used in such a child: fork while no call \
                 is under way, or build the gateway after the fork"
            }
        };
        Some(refusal(process, advice))
    }
}

/// Refuses a store that was open, here and in another process, when that process forked this one.
pub(crate) fn check(config: &Config) -> Result<(), Error> {
    let Some(file) = path(config).and_then(file_id) else { return Ok(()) };
    let owner =
        INHERITED.lock().iter().find(|(inherited, _)| *inherited == file).map(|(_, process)| *process);
    let advice = "SQLite cannot be used in such a child: fork while no call is under way, with shared = true, or \
                  open the store after the fork only";
    owner.map_or(Ok(()), |process| Err(refusal(process, advice)))
}

fn refusal(process: u32, advice: &str) -> Error {
    Error::config("store", format!("a SQLite file opened by process {process} before it forked"), advice)
}

/// Where the database is, of a store that is a file.
pub(crate) fn path(config: &Config) -> Option<&Path> {
    config.store.as_ref()?.expose().strip_prefix("sqlite://").map(Path::new)
}

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;

    let file = path.metadata().ok()?;
    Some(FileId { device: file.dev(), number: file.ino() })
}

/// Only Unix forks.
#[cfg(not(unix))]
fn file_id(_path: &Path) -> Option<FileId> {
    None
}

/// Whether this process has SQLite's files of that name open, where the system can say it.
pub(crate) fn is_open(name: &str) -> bool {
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else { return false };
    descriptors.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok()).any(|target| {
        let target = target.file_name().and_then(|file| file.to_str()).unwrap_or_default();
        target.strip_prefix(name).is_some_and(|rest| matches!(rest, "" | "-wal" | "-shm"))
    })
}
