//! Where the database lies: `sqlite://path`.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

const ALLOWED: &str =
    "allowed: sqlite://file.db (relative to the working folder) or sqlite:///absolute/file.db";

/// The path that the setting `store` names.
pub(super) fn path_of(url: &str) -> Result<PathBuf> {
    let Some(path) = url.strip_prefix("sqlite://") else {
        return Err(Error::config("store", url, ALLOWED));
    };
    if path.is_empty() || path == "/" || path == ":memory:" {
        return Err(Error::config("store", url, format!("it names no file; {ALLOWED}; or memory")));
    }
    if path.contains('?') {
        return Err(Error::config("store", url, format!("parameters after ? are not taken; {ALLOWED}")));
    }
    // sqlite:///C:/lockgate.db
    #[cfg(windows)]
    let path = match path.strip_prefix('/') {
        Some(rest) if rest.as_bytes().get(1) == Some(&b':') => rest,
        _ => path,
    };
    Ok(PathBuf::from(path))
}

/// What can be seen to be wrong before SQLite is asked.
pub(super) fn check(url: &str, path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::config("store", url, format!("{} is a folder; name a file", path.display())));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(Error::config(
            "store",
            url,
            format!("the folder {} does not exist; make it first", folder.display()),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_and_absolute() {
        assert_eq!(path_of("sqlite://lockgate.db").unwrap(), Path::new("lockgate.db"));
        assert_eq!(path_of("sqlite://data/lock gate.db").unwrap(), Path::new("data/lock gate.db"));
        assert_eq!(path_of("sqlite:///var/lib/lockgate.db").unwrap(), Path::new("/var/lib/lockgate.db"));
    }

    #[test]
    fn refusals_name_the_setting_the_value_and_what_is_allowed() {
        for url in
            ["postgres://x", "sqlite:lockgate.db", "sqlite://", "sqlite://:memory:", "sqlite://a.db?mode=ro"]
        {
            let error = path_of(url).unwrap_err();
            assert_eq!(error.code(), "config_error");
            for part in ["store", url, "sqlite://file.db"] {
                assert!(error.message().contains(part), "{}", error.message());
            }
        }
    }
}
