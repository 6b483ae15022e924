//! Who may run limits on a database file: one owner, or several that share.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::store::process_lock::{Mode, ProcessLock, Refused, canonical};

/// Takes `<database>.lock`: exclusively for an owner, together with others for `shared`.
pub(super) fn take(url: &str, database: &Path, shared: bool) -> Result<ProcessLock> {
    let unusable = |source: std::io::Error| {
        Error::config("store", url, format!("its lock file cannot be used ({source})")).caused_by(source)
    };
    let mut lock_file = canonical(database).map_err(unusable)?.into_os_string();
    lock_file.push(".lock");
    let mode = if shared { Mode::Shared } else { Mode::Exclusive };
    ProcessLock::take(lock_file.into(), mode).map_err(|refused| match refused {
        Refused::Io(source) => unusable(source),
        Refused::Held(process) => in_use(url, process, shared),
    })
}

fn in_use(url: &str, process: Option<u32>, shared: bool) -> Error {
    let holder = match process {
        Some(process) if process == std::process::id() => "another gateway of this process".to_owned(),
        // Sharers do not write their id, and one that an owner left behind says nothing.
        Some(process) if !shared => {
            format!("another gateway (process {process}, or gateways with shared = true)")
        }
        Some(process) => format!("process {process}, which has not set shared = true"),
        None => "another gateway".to_owned(),
    };
    Error::new(
        Kind::Config,
        format!(
            "store = {url}: in use by {holder}. One gateway owns the limits of a SQLite file. To run several, set \
             shared = true on every one of them, or use postgres with redis"
        ),
    )
    .with(|details| details.param = Some("store".to_owned()))
}
