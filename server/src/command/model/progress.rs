//! How far a file has come, on standard error.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use lockgate_embed::ModelFile;

/// How often a terminal's line is written anew.
const EVERY: Duration = Duration::from_millis(100);
/// Where nobody watches, a line for so many percent.
const STEP: u64 = 10;

/// A line that moves on a terminal; elsewhere a line for each step.
pub(super) struct Progress<'a> {
    of: &'a ModelFile,
    terminal: bool,
    told: Option<Told>,
}

struct Told {
    at: Instant,
    percent: u64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(of: &'a ModelFile) -> Progress<'a> {
        Progress { of, terminal: io::stderr().is_terminal(), told: None }
    }

    /// So many bytes have come.
    pub(super) fn at(&mut self, bytes: u64) {
        let all = self.of.bytes;
        let percent = bytes.saturating_mul(100).checked_div(all).unwrap_or(100);
        let due = match &self.told {
            None => true,
            Some(told) if self.terminal => told.at.elapsed() >= EVERY || bytes == all,
            Some(told) => percent / STEP > told.percent / STEP,
        };
        if !due {
            return;
        }
        self.told = Some(Told { at: Instant::now(), percent });
        let line = format!("{}: {bytes} of {all} bytes ({percent} %)", self.of.name);
        if self.terminal { write(&format!("\r{line}\x1b[K")) } else { say(&line) }
    }
}

impl Drop for Progress<'_> {
    /// Whatever is said next has a line of its own.
    fn drop(&mut self) {
        if self.terminal && self.told.is_some() {
            write("\n");
        }
    }
}

/// A line on standard error.
pub(super) fn say(line: &str) {
    write(&format!("{line}\n"));
}

fn write(text: &str) {
    let mut error = io::stderr().lock();
    // Nothing is left to do about a closed standard error.
    let _ = error.write_all(text.as_bytes()).and_then(|()| error.flush());
}
