//! Temperature and nucleus: which a model takes, and how far.

use serde_json::Number;

use super::NAME;
use super::model::Traits;
use crate::provider::express::left_out;
use crate::types::ChatRequest;

/// What is sent.
#[derive(Debug, Default)]
pub(super) struct Sampling {
    pub(super) temperature: Option<Number>,
    pub(super) top_p: Option<Number>,
}

/// What of the request's sampling a model with `traits` takes; `thinks` is whether it was asked to think.
pub(super) fn of(
    request: &ChatRequest,
    traits: Traits,
    thinks: bool,
    warnings: &mut Vec<String>,
) -> Sampling {
    let mut sampling = Sampling { temperature: request.temperature.clone(), top_p: request.top_p.clone() };
    // 1 is what both are without being set.
    if !traits.sampling {
        drop_unless(
            &mut sampling.temperature,
            |value| value == 1.0,
            false,
            || {
                warnings.push(left_out("temperature", "the model"));
            },
        );
        drop_unless(
            &mut sampling.top_p,
            |value| value == 1.0,
            false,
            || {
                warnings.push(left_out("top_p", "the model"));
            },
        );
        return sampling;
    }
    if thinks {
        drop_unless(
            &mut sampling.temperature,
            |value| value == 1.0,
            true,
            || {
                warnings
                    .push("temperature was left out: the model does not take it while it thinks".to_owned());
            },
        );
        drop_unless(
            &mut sampling.top_p,
            |value| value >= 0.95,
            true,
            || {
                warnings.push("top_p was left out: a thinking model takes 0.95 to 1".to_owned());
            },
        );
    }
    if sampling.temperature.as_ref().and_then(Number::as_f64).is_some_and(|value| value > 1.0) {
        warnings.push(format!("temperature was lowered to 1, the most {NAME} takes"));
        sampling.temperature = Some(Number::from(1));
    }
    if !traits.both_samplings && sampling.temperature.is_some() && sampling.top_p.is_some() {
        warnings.push("top_p was left out: the model takes temperature or top_p, not both".to_owned());
        sampling.top_p = None;
    }
    sampling
}

/// Takes a value out unless it `fits`, and tells. One that fits stays if `keep`.
fn drop_unless(value: &mut Option<Number>, fits: impl Fn(f64) -> bool, keep: bool, tell: impl FnOnce()) {
    let Some(number) = value.as_ref().and_then(Number::as_f64) else { return };
    let fits = fits(number);
    if !fits {
        tell();
    }
    if !(fits && keep) {
        *value = None;
    }
}
