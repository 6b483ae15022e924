//! What a request asks and a provider cannot express. A hint is left out with a warning; a part of the contract is
//! refused, and in failover that candidate is passed over.

use super::Call;
use crate::error::{Error, Kind};

/// The warning about a hint that `provider` does not take.
pub(super) fn left_out(field: &str, provider: &str) -> String {
    format!("{field} was left out: {provider} does not take it")
}

/// The refusal of a part of the contract that `provider` cannot keep. `why` ends the sentence "… cannot be sent to
/// `provider`: ".
pub(super) fn unsupported(field: &str, provider: &str, why: &str) -> Error {
    Error::new(Kind::UnsupportedParameter, format!("{field} cannot be sent to {provider}: {why}."))
        .with(|details| details.param = Some(field.to_owned()))
}

/// The most output tokens to send for `call`: the caller's limit, no higher than a strict cap allows.
pub(super) fn output_limit(call: &Call<'_>, warnings: &mut Vec<String>) -> Option<u64> {
    let asked = call.request.output_limit();
    let Some(cap) = call.output_cap else { return asked };
    if asked.is_none_or(|asked| asked > cap) {
        warnings.push(strict(cap));
    }
    Some(asked.map_or(cap, |asked| asked.min(cap)))
}

/// The warning about an answer that a strict cap limits.
pub(super) fn strict(cap: u64) -> String {
    format!("the answer was limited to {cap} tokens because the spend cap is strict")
}
