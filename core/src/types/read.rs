//! Reading a request's body: broken JSON, wrong types and wrong values each get an error that names the field.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::embed::EmbedRequest;
use super::request::ChatRequest;
use crate::error::{Error, Kind, Result};

/// Deepest nesting of a body. Whatever passes can be read again by every JSON reader we know.
const MAX_DEPTH: usize = 96;

impl ChatRequest {
    /// Reads and checks the body of a request.
    pub fn from_slice(body: &[u8]) -> Result<ChatRequest> {
        let request: ChatRequest = read_body(body)?;
        request.validate()?;
        Ok(request)
    }
}

impl EmbedRequest {
    /// Reads and checks the body of a request.
    pub fn from_slice(body: &[u8]) -> Result<EmbedRequest> {
        let request: EmbedRequest = read_body(body)?;
        request.validate()?;
        Ok(request)
    }
}

/// Reads the JSON object of a request.
pub(crate) fn read_body<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Error::new(
            Kind::InvalidRequest,
            format!("The body is not UTF-8: the byte at {} is wrong.", error.valid_up_to()),
        )
    })?;
    match text.trim_ascii_start().as_bytes().first() {
        Some(b'{') => {}
        None => {
            return Err(Error::new(Kind::InvalidRequest, "The body is empty; a JSON object is needed."));
        }
        Some(_) => {
            // Say which of the two it is: not JSON, or JSON of another kind.
            return Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => Error::new(Kind::InvalidRequest, "The body must be a JSON object."),
                Err(error) => broken(text, &error),
            });
        }
    }
    if let Some(at) = too_deep(body) {
        return Err(Error::new(
            Kind::InvalidRequest,
            format!("The body is nested more than {MAX_DEPTH} levels deep, at byte {at}."),
        ));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut track = serde_path_to_error::Track::new();
    let request: T =
        serde::Deserialize::deserialize(serde_path_to_error::Deserializer::new(&mut reader, &mut track))
            .map_err(|error| misread(text, &track.path().to_string(), &error))?;
    reader.end().map_err(|error| broken(text, &error))?;
    Ok(request)
}

/// Where the body passes the deepest nesting, if it does.
fn too_deep(body: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in body.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(at);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// JSON that is not JSON.
fn broken(text: &str, error: &serde_json::Error) -> Error {
    let at = if error.is_eof() { text.len() } else { offset(text, error.line(), error.column()) };
    Error::new(Kind::InvalidRequest, format!("The body is not valid JSON: {} at byte {at}.", reason(error)))
}

/// JSON that does not fit the types, or is broken further on.
fn misread(text: &str, path: &str, error: &serde_json::Error) -> Error {
    if error.classify() != Category::Data {
        return broken(text, error);
    }
    let mut path = if path == "." { String::new() } else { path.to_owned() };
    let mut reason = reason(error);
    // serde reports the object, not the field, for these two.
    for (prefix, says) in
        [("missing field `", "is required and missing"), ("duplicate field `", "is there twice")]
    {
        let field = reason.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('`')).map(str::to_owned);
        if let Some(field) = field {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&field);
            reason = says.to_owned();
        }
    }
    Error::invalid(path.clone(), format!("{path}: {}.", plain(&reason)))
}

/// serde's reason without its position, which [`broken`] gives in bytes.
fn reason(error: &serde_json::Error) -> String {
    let whole = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    whole.strip_suffix(position.as_str()).map(str::to_owned).unwrap_or(whole)
}

/// serde's names of types in words that a caller knows.
fn plain(reason: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("expected u64", "expected a whole number of 0 or more"),
        ("expected u32", "expected a whole number of 0 or more"),
        ("expected i64", "expected a whole number"),
        ("expected a sequence", "expected an array"),
        ("expected a JSON number", "expected a number"),
        ("invalid type: map", "invalid type: object"),
        ("invalid type: sequence", "invalid type: array"),
        ("invalid type: floating point", "invalid type: number"),
    ];
    let mut reason = reason.to_owned();
    for (from, to) in WORDS {
        if let Some(at) = reason.rfind(from) {
            reason.replace_range(at..at + from.len(), to);
        }
    }
    reason
}

/// The byte at `line` and `column`, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}
