//! Names of fields: the same few come again and again, so there is one Python string of each.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

/// Longer names are data rather than names.
const LONGEST: usize = 40;
/// Several times as many as names, so that a name is found at once.
const PLACES: usize = 256;

/// What answers are made of.
const KNOWN: &[&str] = &[
    "accepted_prediction_tokens",
    "arguments",
    "attempts",
    "audio_tokens",
    "cache",
    "cache_creation_tokens",
    "cached_tokens",
    "choices",
    "completion_tokens",
    "completion_tokens_details",
    "content",
    "cost_nano_usd",
    "cost_usd",
    "created",
    "data",
    "delta",
    "embedding",
    "finish_reason",
    "function",
    "id",
    "index",
    "input_tokens",
    "latency_ms",
    "lockgate",
    "logprobs",
    "message",
    "model",
    "name",
    "object",
    "output_tokens",
    "owned_by",
    "prompt_tokens",
    "prompt_tokens_details",
    "provider",
    "reasoning_content",
    "reasoning_tokens",
    "refusal",
    "rejected_prediction_tokens",
    "request_id",
    "role",
    "saved_usd",
    "service_tier",
    "system_fingerprint",
    "thinking_blocks",
    "tool_calls",
    "total_tokens",
    "type",
    "usage",
    "warnings",
];

type Places = Vec<Option<(&'static str, Py<PyString>)>>;

/// `text` as the name of a field.
pub(super) fn name<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    static NAMES: PyOnceLock<Places> = PyOnceLock::new();
    let places = NAMES.get_or_init(py, || made(py));
    let mut place = first(text);
    while let Some(Some((known, string))) = places.get(place) {
        if *known == text {
            return string.bind(py).clone();
        }
        place = (place + 1) % PLACES;
    }
    if text.len() <= LONGEST { PyString::intern(py, text) } else { PyString::new(py, text) }
}

fn made(py: Python<'_>) -> Places {
    let mut places: Places = (0..PLACES).map(|_| None).collect();
    for known in KNOWN {
        let mut place = first(known);
        while places.get(place).is_some_and(Option::is_some) {
            place = (place + 1) % PLACES;
        }
        if let Some(free) = places.get_mut(place) {
            *free = Some((known, PyString::intern(py, known).unbind()));
        }
    }
    places
}

/// Where to look first: length, first, middle and last byte tell the names apart well enough.
fn first(text: &str) -> usize {
    let bytes = text.as_bytes();
    let at = |place: usize| usize::from(bytes.get(place).copied().unwrap_or_default());
    let (middle, last) = (bytes.len() / 2, bytes.len().saturating_sub(1));
    (bytes.len() * 31 + at(0) * 7 + at(middle) * 13 + at(last) * 29) % PLACES
}
