//! Headers in and out.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::auth::Credentials;
use crate::context::{CacheMode, CallOptions};
use crate::error::{Error, Result};
use crate::gateway::Core;
use crate::ids::AdmissionId;
use crate::limits::{Level, Standing};

const LABEL: &str = "x-lockgate-label-";

/// What the headers of a request say.
pub(super) struct Call {
    pub(super) options: CallOptions,
    /// The request's id: the caller's, or a new one.
    pub(super) id: String,
}

/// Headers that cannot be used; the answer still needs an id.
pub(super) struct BadCall {
    pub(super) error: Box<Error>,
    fresh_id: String,
}

impl Call {
    pub(super) fn read(headers: &HeaderMap, core: &Core) -> Result<Call, BadCall> {
        let fresh_id = format!("req_{}", AdmissionId::new(core.clock.now()));
        match options(headers) {
            Ok(options) => {
                // The answer to a wrong body has the id, too.
                let fresh_id = options.request_id.clone().unwrap_or(fresh_id);
                Ok(Call { options, id: fresh_id })
            }
            Err(error) => Err(BadCall { error: Box::new(error), fresh_id }),
        }
    }
}

impl Call {
    pub(super) fn credentials(&self) -> Credentials {
        Credentials { bearer: self.options.key.clone(), ..Credentials::default() }
    }
}

/// The id of the answer.
pub(super) trait RequestId {
    fn request_id(&self) -> String;
}

impl RequestId for Result<Call, BadCall> {
    fn request_id(&self) -> String {
        match self {
            Ok(call) => call.id.clone(),
            Err(bad) => bad.fresh_id.clone(),
        }
    }
}

fn options(headers: &HeaderMap) -> Result<CallOptions> {
    let mut labels = BTreeMap::new();
    for (name, value) in headers {
        if let Some(label) = name.as_str().strip_prefix(LABEL) {
            labels.insert(label.to_owned(), text(name, value)?);
        }
    }
    let request_id = one(headers, "x-request-id")?;
    if let Some(given) = &request_id {
        crate::context::check_request_id(given)?;
    }
    Ok(CallOptions {
        key: bearer(headers)?,
        customer: one(headers, "x-customer-id")?,
        labels,
        cache: CacheMode::parse(&one(headers, "x-lockgate-cache")?.unwrap_or_default())?,
        explain: explain(headers)?,
        request_id,
        ..CallOptions::default()
    })
}

/// `X-Lockgate-Explain: 1`.
fn explain(headers: &HeaderMap) -> Result<bool> {
    match one(headers, "x-lockgate-explain")?.as_deref() {
        None | Some("0") => Ok(false),
        Some("1") => Ok(true),
        Some(other) => Err(Error::invalid("X-Lockgate-Explain", format!("{other:?} is not one of 0, 1"))),
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = one(headers, AUTHORIZATION.as_str())? else { return Ok(None) };
    let (scheme, token) = value.split_once(' ').unwrap_or((value.as_str(), ""));
    // Another scheme is not for us; it counts as no key.
    Ok(scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
        .filter(|token| !token.is_empty()))
}

/// A body that says it is something else than JSON is not read as JSON.
pub(super) fn check_json(headers: &HeaderMap) -> Result<()> {
    let Some(given) = one(headers, "content-type")? else { return Ok(()) };
    let kind = given.split(';').next().unwrap_or_default().trim();
    let json = kind.eq_ignore_ascii_case("application/json")
        || (kind.to_ascii_lowercase().starts_with("application/")
            && kind.to_ascii_lowercase().ends_with("+json"));
    if json {
        Ok(())
    } else {
        Err(Error::invalid("Content-Type", format!("{kind:?} is not application/json")))
    }
}

fn one(headers: &HeaderMap, name: &'static str) -> Result<Option<String>> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Error::invalid(name, "the header is given more than once"));
    }
    text(&HeaderName::from_static(name), value).map(Some)
}

fn text(name: &HeaderName, value: &HeaderValue) -> Result<String> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(str::to_owned).map_err(|_| Error::invalid(name.as_str(), "the header is not UTF-8 text"))
}

/// Sets a header; what HTTP cannot carry is left out character by character.
pub(super) fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).or_else(|_| {
        let printable: String =
            value.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
        HeaderValue::from_str(&printable)
    });
    if let Ok(value) = value {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// `Retry-After` in whole seconds, rounded up, and `retry-after-ms`.
pub(super) fn put_retry_after(headers: &mut HeaderMap, wait: Duration) {
    let millis = wait.as_millis();
    put(headers, RETRY_AFTER_NAME, &millis.div_ceil(1000).to_string());
    put(headers, "retry-after-ms", &millis.to_string());
}

const RETRY_AFTER_NAME: &str = "retry-after";
const _: HeaderName = RETRY_AFTER;

/// OpenAI's rate headers.
pub(super) fn put_standing(headers: &mut HeaderMap, standing: &Standing) {
    let sides: [(Option<Level>, [&'static str; 3]); 2] = [
        (
            standing.requests,
            ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
        ),
        (
            standing.tokens,
            ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
        ),
    ];
    for (level, [limit, remaining, reset]) in sides {
        if let Some(level) = level {
            put(headers, limit, &level.limit.to_string());
            put(headers, remaining, &level.remaining.to_string());
            put(headers, reset, &span(level.reset));
        }
    }
}

/// A span as OpenAI writes it: `6m0s`, `1.5s`, `20ms`.
fn span(span: Duration) -> String {
    let millis = span.as_millis();
    if millis < 1000 {
        return format!("{millis}ms");
    }
    let (hours, minutes, rest) = (millis / 3_600_000, millis / 60_000 % 60, millis % 60_000);
    let seconds = match rest % 1000 {
        0 => format!("{}s", rest / 1000),
        fraction => format!("{}.{}s", rest / 1000, format!("{fraction:03}").trim_end_matches('0')),
    };
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_like_openai_s() {
        for (millis, text) in [
            (0, "0ms"),
            (20, "20ms"),
            (1000, "1s"),
            (1500, "1.5s"),
            (360_000, "6m0s"),
            (3_661_050, "1h1m1.05s"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn bearer_needs_its_scheme() {
        let mut headers = HeaderMap::new();
        assert_eq!(bearer(&headers).unwrap(), None);
        headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer  lg_x "));
        assert_eq!(bearer(&headers).unwrap().as_deref(), Some("lg_x"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic bGdfeA=="));
        assert_eq!(bearer(&headers).unwrap(), None);
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer lg_y"));
        assert!(bearer(&headers).is_err());
    }
}
