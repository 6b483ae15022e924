//! What of a schema is in a database, and what is still to come. Forward only.

use lockgate_migrations::Migration;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A step that the database does not have yet.
pub(super) struct Pending {
    pub(super) migration: &'static Migration,
    pub(super) checksum: String,
}

/// What is missing of `known` in a database that has `applied`: versions and checksums, in order. `url` is for messages.
pub(super) fn pending(
    known: &'static [Migration],
    applied: &[(i64, String)],
    url: &str,
) -> Result<Vec<Pending>> {
    let newest = applied.last().map_or(0, |(version, _)| *version);
    let known_newest = known.last().map_or(0, |migration| i64::from(migration.version));
    if newest > known_newest {
        return Err(Error::config(
            "store",
            url,
            format!("its schema is version {newest}, this release knows {known_newest}; use a newer release"),
        ));
    }
    let mut pending = Vec::new();
    for migration in known {
        let checksum = checksum(migration.sql);
        match applied.iter().find(|(version, _)| *version == i64::from(migration.version)) {
            Some((_, landed)) if *landed == checksum => {}
            Some(_) => {
                let version = migration.version;
                let what = format!("migration {version} of its schema is not the one this release knows");
                return Err(Error::config("store", url, what));
            }
            None => pending.push(Pending { migration, checksum }),
        }
    }
    Ok(pending)
}

/// SHA-256 in hex. A checkout with other line ends is the same migration.
fn checksum(sql: &str) -> String {
    Sha256::digest(sql.replace("\r\n", "\n").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
