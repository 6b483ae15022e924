//! The spool's files: `<instance>-<number>.spool`, and `<instance>.lock` for as long as the instance lives.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ulid::Ulid;

/// How much is read at once.
const CHUNK: usize = 64 << 10;
/// No record is longer; a longer line is damage.
const LONGEST: usize = 4 << 20;

pub(super) fn path(folder: &Path, instance: Ulid, number: u64) -> PathBuf {
    folder.join(format!("{instance}-{number:08}.spool"))
}

pub(super) fn lock_path(folder: &Path, instance: Ulid) -> PathBuf {
    folder.join(format!("{instance}.lock"))
}

/// Where rows go that the ledger refuses.
pub(super) fn refused_path(folder: &Path, instance: Ulid) -> PathBuf {
    folder.join(format!("{instance}.refused"))
}

/// A new segment. It may hold labels and customers' names, so it is its owner's alone.
pub(super) fn create(folder: &Path, instance: Ulid, number: u64) -> io::Result<File> {
    private(OpenOptions::new().append(true).create_new(true)).open(path(folder, instance, number))
}

pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// All segments in `folder`: instance and number, in order.
pub(super) fn list(folder: &Path) -> io::Result<Vec<(Ulid, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let named = name.to_str().and_then(|name| name.strip_suffix(".spool")?.split_once('-'));
        if let Some((instance, number)) = named
            && let (Ok(instance), Ok(number)) = (Ulid::from_string(instance), number.parse())
        {
            found.push((instance, number));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Reads whole lines from a file that may still grow.
#[derive(Debug)]
pub(super) struct Lines {
    file: File,
    /// Read, and not yet given out.
    rest: Vec<u8>,
    /// How much of `rest` holds no newline for certain.
    searched: usize,
    /// Where `rest` begins in the file.
    offset: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> io::Result<Lines> {
        Ok(Lines { file: File::open(path)?, rest: Vec::new(), searched: 0, offset: 0 })
    }

    /// The next whole line without its newline; none at the end, for now or for good.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let unsearched = self.rest.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', unsearched) {
                let end = self.searched + at + 1;
                let mut line: Vec<u8> = self.rest.drain(..end).collect();
                self.offset += end as u64;
                self.searched = 0;
                line.pop();
                return Ok(Some(line));
            }
            self.searched = self.rest.len();
            if self.rest.len() > LONGEST {
                self.offset += self.rest.len() as u64;
                self.rest.clear();
                self.searched = 0;
            }
            // A writer whose disk was full cuts off what it wrote in part: read that part afresh.
            self.file.seek(SeekFrom::Start(self.offset + self.rest.len() as u64))?;
            let had = self.rest.len();
            let mut more = (&mut self.file).take(CHUNK as u64);
            if more.read_to_end(&mut self.rest)? == 0 {
                self.rest.truncate(had);
                return Ok(None);
            }
        }
    }

    /// Forgets an unfinished line that was read, because its writer may since have cut it off.
    pub(super) fn reread(&mut self) {
        self.rest.clear();
        self.searched = 0;
    }

    /// What follows the last newline.
    pub(super) fn unfinished(&self) -> &[u8] {
        &self.rest
    }
}
