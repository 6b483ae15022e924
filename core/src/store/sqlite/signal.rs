//! A few bytes beside the database that change with every administrative change.
//!
//! Looking at them costs a system call and no query, so a gateway looks at every request: a key revoked by another
//! process is dead at the next one. They are written after the commit; what a killed writer leaves unsaid, the watch
//! on the database notices within 250 ms.

use std::fs::{File, OpenOptions};
use std::path::Path;

use crate::error::{Error, Result};

/// The bytes, as an open file.
#[derive(Debug)]
pub(super) struct Signal(File);

impl Signal {
    pub(super) fn open(database: &Path) -> Result<Signal> {
        let mut name = database.as_os_str().to_owned();
        name.push(".signal");
        let path = Path::new(&name);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        file.map(Signal).map_err(|source| {
            let allowed = format!("the file beside it must be writable ({source})");
            Error::config("store", path.display(), allowed).caused_by(source)
        })
    }

    /// What it says: equal numbers mean that nothing has changed.
    pub(super) fn read(&self) -> u64 {
        let mut bytes = [0_u8; 8];
        // Too short or unreadable reads as 0: then the watch alone tells.
        let _ = read_at(&self.0, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// Says that something has changed. Random, so that two writers who overtake each other cannot end on a number
    /// that somebody has already seen.
    pub(super) fn change(&self) {
        let mut bytes = [0_u8; 8];
        if getrandom::fill(&mut bytes).is_ok()
            && let Err(error) = write_at(&self.0, &bytes)
        {
            tracing::warn!(%error, "other processes hear of this change only within 250 ms");
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, 0)
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8]) -> std::io::Result<()> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, 0).map(|_| ())
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8]) -> std::io::Result<()> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, 0).map(|_| ())
}
