//! Lock files that belong to one process: a forked child neither holds its parent's lock nor can release it.
//!
//! On Unix they are POSIX record locks. The kernel counts those per process, so two holders in one process would
//! not see each other, and closing any descriptor of the file would release the lock. Hence the registry: in one
//! process a lock file is opened once, and every holder goes through it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

/// Whether holders exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One holder.
    Exclusive,
    /// Any number of shared holders, no exclusive one.
    Shared,
}

/// Why a lock was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Somebody holds it; the process id, where the holder wrote one.
    Held(Option<u32>),
    /// The file could not be opened or locked.
    Io(io::Error),
}

struct Entry {
    /// The process that took the lock. Another number here means that we were forked since.
    process: u32,
    mode: Mode,
    holders: usize,
    /// Keeps the lock: closing it releases.
    _file: File,
}

static REGISTRY: LazyLock<Mutex<HashMap<PathBuf, Entry>>> = LazyLock::new(Mutex::default);

/// A lock held by this process. Dropping the last holder releases it.
#[derive(Debug)]
pub(crate) struct ProcessLock {
    path: PathBuf,
    process: u32,
}

impl ProcessLock {
    /// Takes the lock file at `path`, or says who has it. Never waits. `path` must name the file in one way only
    /// (see [`canonical`]).
    pub(crate) fn take(path: PathBuf, mode: Mode) -> Result<ProcessLock, Refused> {
        let process = std::process::id();
        let mut registry = registry().map_err(Refused::Io)?;
        if let Some(entry) = registry.get_mut(&path) {
            if entry.process == process {
                if mode == Mode::Shared && entry.mode == Mode::Shared {
                    entry.holders += 1;
                    return Ok(ProcessLock { path, process });
                }
                return Err(Refused::Held(Some(process)));
            }
            // Inherited over fork: the parent's, and closing our copy of it releases nothing of the parent's.
            registry.remove(&path);
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Refused::Io)?;
        match try_lock(&file, mode) {
            Ok(true) => {}
            Ok(false) => return Err(Refused::Held(read_process(&mut file))),
            Err(error) => return Err(Refused::Io(error)),
        }
        if mode == Mode::Exclusive {
            // Only for the message of whoever comes second; a full disk must not stop the first.
            if let Err(error) = write_process(&mut file, process) {
                tracing::debug!(%error, path = %path.display(), "could not write the process id into the lock file");
            }
        }
        registry.insert(path.clone(), Entry { process, mode, holders: 1, _file: file });
        Ok(ProcessLock { path, process })
    }

    /// Whether this process is the one that took the lock, rather than a fork of it.
    pub(crate) fn is_held(&self) -> bool {
        self.process == std::process::id()
    }
}

impl Drop for ProcessLock {
    fn drop(&mut self) {
        if !self.is_held() {
            return;
        }
        let Ok(mut registry) = registry() else { return };
        if let Some(entry) = registry.get_mut(&self.path).filter(|entry| entry.process == self.process) {
            entry.holders -= 1;
            if entry.holders == 0 {
                registry.remove(&self.path);
            }
        }
    }
}

/// The one name of a file that may not exist yet: its folder resolved, or itself where it is a link.
pub(crate) fn canonical(path: &Path) -> io::Result<PathBuf> {
    if path.exists() {
        return path.canonicalize();
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(folder.canonicalize()?.join(name))
}

/// Waits a second at most: a fork may have copied the mutex in its locked state.
fn registry() -> io::Result<MutexGuard<'static, HashMap<PathBuf, Entry>>> {
    REGISTRY.try_lock_for(Duration::from_secs(1)).ok_or_else(|| {
        io::Error::other("the registry of lock files was left locked by a fork; start a new process")
    })
}

#[cfg(unix)]
fn try_lock(file: &File, mode: Mode) -> io::Result<bool> {
    use rustix::fs::{FlockOperation, fcntl_lock};
    use rustix::io::Errno;

    let operation = match mode {
        Mode::Exclusive => FlockOperation::NonBlockingLockExclusive,
        Mode::Shared => FlockOperation::NonBlockingLockShared,
    };
    match fcntl_lock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn try_lock(file: &File, mode: Mode) -> io::Result<bool> {
    let taken = match mode {
        Mode::Exclusive => file.try_lock(),
        Mode::Shared => file.try_lock_shared(),
    };
    match taken {
        Ok(()) => Ok(true),
        Err(std::fs::TryLockError::WouldBlock) => Ok(false),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

fn write_process(file: &mut File, process: u32) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{process}")
}

fn read_process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(folder: &tempfile::TempDir) -> PathBuf {
        canonical(&folder.path().join("a.lock")).unwrap()
    }

    #[test]
    fn one_process_conflicts_with_itself() {
        let folder = tempfile::tempdir().unwrap();
        let first = ProcessLock::take(path(&folder), Mode::Exclusive).unwrap();
        for mode in [Mode::Exclusive, Mode::Shared] {
            let refused = ProcessLock::take(path(&folder), mode).unwrap_err();
            assert!(matches!(refused, Refused::Held(Some(pid)) if pid == std::process::id()));
        }
        drop(first);
        ProcessLock::take(path(&folder), Mode::Exclusive).unwrap();
    }

    #[test]
    fn shared_holders_share_until_the_last_one_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let first = ProcessLock::take(path(&folder), Mode::Shared).unwrap();
        let second = ProcessLock::take(path(&folder), Mode::Shared).unwrap();
        drop(first);
        assert!(matches!(ProcessLock::take(path(&folder), Mode::Exclusive), Err(Refused::Held(_))));
        drop(second);
        ProcessLock::take(path(&folder), Mode::Exclusive).unwrap();
    }

    #[test]
    fn a_lock_of_another_process_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let taken = ProcessLock::take(path(&folder), Mode::Exclusive).unwrap();
        // What a forked child sees: the same memory under another process id.
        let inherited = ProcessLock { path: taken.path.clone(), process: taken.process.wrapping_add(1) };
        assert!(!inherited.is_held());
        drop(inherited);
        assert!(matches!(ProcessLock::take(path(&folder), Mode::Exclusive), Err(Refused::Held(_))));
    }

    #[test]
    fn two_names_of_a_file_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let roundabout = folder.path().join("..").join(folder.path().file_name().unwrap()).join("a.lock");
        assert_eq!(canonical(&roundabout).unwrap(), path(&folder));
    }
}
