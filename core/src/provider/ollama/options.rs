//! The sampling options: OpenAI's fields under Ollama's names, beside Ollama's own.

use serde::Serialize;

use super::NAME;
use super::request::warn;
use crate::error::{Error, Result};
use crate::provider::Call;
use crate::provider::express::output_limit;
use crate::types::{Extra, Raw};

/// Ollama's own options, taken also where they stand beside the other fields: there Ollama would not look for them.
pub(super) const OWN: [&str; 14] = [
    "num_ctx",
    "num_predict",
    "num_keep",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "use_mmap",
    "draft_num_predict",
    "top_k",
    "min_p",
    "typical_p",
    "repeat_last_n",
    "repeat_penalty",
];

/// The options of `call`. A field of OpenAI's wins over the same option in Ollama's words.
pub(super) fn options(call: &Call<'_>, warnings: &mut Vec<String>) -> Result<Extra> {
    let request = call.request;
    let mut options = match request.extra.get("options") {
        None => Extra::default(),
        Some(given) if given.is_null() => Extra::default(),
        Some(given) => given.read::<Extra>().ok_or_else(|| {
            Error::invalid("options", format!("options: expected an object, for {NAME}'s own options."))
        })?,
    };
    for name in OWN {
        if let Some(value) = request.extra.get(name) {
            options.insert(name, value.clone());
        }
    }
    let mut set = |name: &str, field: &str, value: Raw| {
        if options.get(name).is_some_and(|given| *given != value) {
            warn(warnings, format!("options.{name} was left out: {field} stands for it"));
        }
        options.insert(name, value);
    };
    for (name, value) in [
        ("temperature", &request.temperature),
        ("top_p", &request.top_p),
        ("presence_penalty", &request.presence_penalty),
        ("frequency_penalty", &request.frequency_penalty),
    ] {
        if let Some(value) = value {
            set(name, name, raw(value)?);
        }
    }
    if let Some(seed) = &request.seed {
        set("seed", "seed", raw(seed)?);
    }
    if let Some(stop) = request.stop.as_ref().filter(|stop| !stop.as_slice().is_empty()) {
        set("stop", "stop", raw(stop.as_slice())?);
    }
    limit(call, &mut options, warnings)?;
    Ok(options)
}

/// The most tokens to write. A strict cap holds whatever Ollama's own option says; a lower number of the caller's stays.
fn limit(call: &Call<'_>, options: &mut Extra, warnings: &mut Vec<String>) -> Result<()> {
    let own = options.get("num_predict").and_then(Raw::read::<i64>);
    let asked = call.request.output_limit();
    let lower = own
        .and_then(|own| u64::try_from(own).ok())
        .filter(|own| asked.is_none() && call.output_cap.is_some_and(|cap| *own <= cap));
    if lower.is_some() {
        return Ok(());
    }
    let Some(limit) = output_limit(call, warnings) else { return Ok(()) };
    if asked.is_some() && own.is_some_and(|own| u64::try_from(own).ok() != asked) {
        warn(warnings, "options.num_predict was left out: the limit of the request stands for it".to_owned());
    }
    options.insert("num_predict", raw(&limit)?);
    Ok(())
}

fn raw<T: Serialize + ?Sized>(value: &T) -> Result<Raw> {
    Raw::of(value).map_err(|source| Error::internal("an option could not be written", source))
}
