//! What one request carries along the path.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::answer::attempts_line;
use crate::auth::Credentials;
use crate::clock::Millis;
use crate::error::{Error, Kind, Result, Retry};
use crate::ids::{AdmissionId, CustomerId};
use crate::limits::Standing;
use crate::money::Nano;
use crate::settle::Attempt;
use crate::telemetry::{Decisions, LimitsTold, Stage, trace};

/// How a call may use the exact cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheMode {
    /// As the project is set.
    #[default]
    Default,
    /// Neither read nor write, and wait for no equal request.
    Off,
    /// Do not read, but write.
    Refresh,
    /// Only read: a miss is the error `cache_miss`.
    Only,
}

impl CacheMode {
    /// Reads the value of `X-Lockgate-Cache`.
    pub fn parse(text: &str) -> Result<CacheMode> {
        match text {
            "" | "default" => Ok(CacheMode::Default),
            "off" => Ok(CacheMode::Off),
            "refresh" => Ok(CacheMode::Refresh),
            "only" => Ok(CacheMode::Only),
            other => Err(Error::invalid(
                "X-Lockgate-Cache",
                format!("{other:?} is not one of \"off\", \"refresh\", \"only\""),
            )),
        }
    }
}

/// What a caller may say beside the request itself.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// A gateway key, `lg_…`.
    pub key: Option<String>,
    /// The end customer the request is for: 1 to 128 bytes.
    pub customer: Option<String>,
    /// Labels for the ledger: at most 16, names up to 64 bytes, values up to 256.
    pub labels: BTreeMap<String, String>,
    /// Use of the exact cache.
    pub cache: CacheMode,
    /// Longest time for the whole answer, all attempts together.
    pub timeout: Option<Duration>,
    /// Whether the answer's metadata tells what was decided, and why.
    pub explain: bool,
    /// The caller's own request id: at most 128 printable ASCII characters.
    pub request_id: Option<String>,
}

/// Most labels on a request.
const MOST_LABELS: usize = 16;
/// Longest label name, in bytes.
const LONGEST_LABEL_NAME: usize = 64;
/// Longest label value, in bytes.
const LONGEST_LABEL_VALUE: usize = 256;
/// Longest request id of the caller's, in characters.
const LONGEST_REQUEST_ID: usize = 128;

/// One request on its way.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) id: AdmissionId,
    pub(crate) request_id: String,
    pub(crate) client_request_id: Option<String>,
    pub(crate) credentials: Credentials,
    pub(crate) cache: CacheMode,
    pub(crate) timeout: Option<Duration>,
    pub(crate) arrived: Instant,
    /// Seconds since 1970 at arrival.
    pub(crate) created: i64,
    /// Where the caller stands, by the last admission.
    pub(crate) standing: Standing,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) warnings: Vec<String>,
    /// Whether the caller wants to know what was decided.
    pub(crate) explain: bool,
    pub(crate) decisions: Decisions,
    /// When the stage under way began.
    stage_began: Instant,
}

impl Context {
    /// Checks the options and makes the ids.
    /// `assigned` is the id to give the request where the caller gives none.
    pub(crate) fn new(options: CallOptions, assigned: Option<String>, now: Millis) -> Result<Context> {
        let id = AdmissionId::new(now);
        let customer = options
            .customer
            .map(CustomerId::new)
            .transpose()
            .map_err(|source| Error::invalid("X-Customer-ID", source.to_string()))?;
        check_labels(&options.labels)?;
        if let Some(given) = &options.request_id {
            check_request_id(given)?;
        }
        let arrived = Instant::now();
        Ok(Context {
            id,
            request_id: options.request_id.clone().or(assigned).unwrap_or_else(|| format!("req_{id}")),
            client_request_id: options.request_id,
            credentials: Credentials { bearer: options.key, customer, labels: options.labels },
            cache: options.cache,
            timeout: options.timeout,
            arrived,
            created: now.0.div_euclid(1000),
            standing: Standing::default(),
            attempts: Vec::new(),
            warnings: Vec::new(),
            explain: options.explain,
            decisions: Decisions::default(),
            stage_began: arrived,
        })
    }

    /// A stage is over: the time since the one before it was its.
    pub(crate) fn past(&mut self, stage: Stage) {
        let now = Instant::now();
        let spent = now.duration_since(std::mem::replace(&mut self.stage_began, now));
        self.decisions.timings_us.add(stage, u64::try_from(spent.as_micros()).unwrap_or(u64::MAX));
    }

    /// The record of decisions, where the caller wants it.
    pub(crate) fn explanation(&self) -> Option<Box<Decisions>> {
        self.explain.then(|| Box::new(self.decisions.clone()))
    }

    /// Waits for what another request's call brings, at most as long as this caller allows.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let Some(limit) = self.timeout else { return Ok(work.await) };
        tokio::time::timeout(limit.saturating_sub(self.arrived.elapsed()), work).await.map_err(|_| {
            self.explain(Error::new(Kind::DeadlineExceeded, "No answer came in time.").retrying(Retry::Later))
        })
    }

    /// The request gets no further: it is refused, and the refusal is told where it is looked for.
    pub(crate) fn refused(&mut self, model: &str, error: Error) -> Error {
        if let Some(standing) = &error.details().standing {
            let told = LimitsTold::of(standing, Nano::ZERO, false);
            self.decisions.limits = Some(LimitsTold { refused: Some(error.code().to_owned()), ..told });
        }
        let error = self.explain(error);
        trace::refused(&self.request_id, model, &error, &self.decisions);
        error
    }

    /// Adds to an error what the caller may want to know of the way here.
    pub(crate) fn explain(&self, error: Error) -> Error {
        error.with(|details| {
            details.request_id = Some(self.request_id.clone());
            details.decisions = self.explanation();
            if !self.attempts.is_empty() {
                details.attempts = Some(attempts_line(&self.attempts));
            }
        })
    }
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<()> {
    if labels.len() > MOST_LABELS {
        return Err(Error::invalid("labels", format!("{} labels are more than {MOST_LABELS}", labels.len())));
    }
    for (name, value) in labels {
        let named = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !named || name.len() > LONGEST_LABEL_NAME {
            let allowed = "a label's name is 1 to 64 letters, digits, '-', '_' and '.'";
            return Err(Error::invalid(format!("labels.{name}"), allowed));
        }
        if value.len() > LONGEST_LABEL_VALUE || value.chars().any(char::is_control) {
            let allowed = "a label's value is at most 256 bytes of printable text";
            return Err(Error::invalid(format!("labels.{name}"), allowed));
        }
    }
    Ok(())
}

pub(crate) fn check_request_id(given: &str) -> Result<()> {
    let printable = given.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if given.is_empty() || given.len() > LONGEST_REQUEST_ID || !printable {
        return Err(Error::invalid("X-Request-ID", "must be 1 to 128 printable ASCII characters"));
    }
    Ok(())
}
