//! Why a command failed: one line on standard error and an exit code.

use std::error::Error as _;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use lockgate::error::{Fault, Kind};

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

/// Exit code of a wrong flag, value or setting.
const USAGE: u8 = 2;
/// Exit code of everything else.
const OTHER: u8 = 1;

impl Failure {
    /// A wrong flag, value or setting.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: USAGE }
    }

    /// Anything else.
    pub(crate) fn other(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), code: OTHER }
    }

    /// A signal, with the exit code that is usual for it.
    pub(crate) fn interrupted(code: u8) -> Failure {
        Failure { message: "interrupted".to_owned(), code }
    }

    /// Prints the line and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        // Nothing is left to do about a closed standard error.
        let _ = writeln!(io::stderr(), "lockgate: {self}");
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.message.lines().map(str::trim).filter(|line| !line.is_empty());
        f.write_str(lines.next().unwrap_or("failed"))?;
        lines.try_for_each(|line| write!(f, " {line}"))
    }
}

impl From<lockgate::Error> for Failure {
    fn from(error: lockgate::Error) -> Failure {
        let mut message = error.message().to_owned();
        // Whoever administers may know why; callers over HTTP may not.
        if matches!(error.fault(), Fault::Store | Fault::Gateway) && error.kind() != Kind::Config {
            let mut source = error.source();
            while let Some(cause) = source {
                message.push_str(&format!(": {cause}"));
                source = cause.source();
            }
        }
        match error.kind() {
            Kind::Config | Kind::InvalidRequest => Failure::usage(message),
            _ => Failure::other(message),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::other(error.to_string())
    }
}
