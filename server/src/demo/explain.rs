//! A record of decisions, in words.

use lockgate::money::Nano;
use lockgate::telemetry::{Considered, Decisions, ExactVerdict, LimitsTold, Verdict};

/// What was decided, a line for each kind of decision.
pub(super) fn in_words(decided: &Decisions) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(decided.limits.as_ref().map(limits));
    lines.extend(decided.exact.map(cache));
    lines.extend(decided.candidates.iter().map(candidate));
    let spent: u64 = decided.timings_us.iter().map(|(_, micros)| micros).sum();
    lines.push(format!("- time: {spent} µs, {} of them at providers", decided.timings_us.attempt));
    lines
}

fn limits(told: &LimitsTold) -> String {
    let usd = |nano: i64| format!("${}", Nano::from_nano(nano));
    let requests = told.remaining_requests.map(|left| format!("{left} requests left"));
    let money = told.remaining_nano_usd.zip(told.cap_nano_usd).map(|(left, cap)| {
        let scope = told.cap_scope.as_deref().unwrap_or_default();
        format!("{} left of the {scope}'s {}, {} held", usd(left), usd(cap), usd(told.reserved_nano_usd))
    });
    let all: Vec<String> = requests.into_iter().chain(money).collect();
    format!("- limits: {}", if all.is_empty() { "none".to_owned() } else { all.join("; ") })
}

fn cache(exact: ExactVerdict) -> String {
    let says = match exact {
        ExactVerdict::Off => "was not asked",
        ExactVerdict::Miss => "does not know the answer",
        ExactVerdict::Hot | ExactVerdict::Warm => "knows the answer",
        ExactVerdict::Flight => "waits for an equal request",
    };
    format!("- the cache {says}")
}

fn candidate(considered: &Considered) -> String {
    let Considered { provider, model, why, verdict, reason, .. } = considered;
    let place = match why.as_str() {
        "asked" => "asked for",
        "chain" => "declared as a stand-in",
        _ => "of the same tier",
    };
    let came = match verdict {
        Verdict::NotAsked => "was not needed",
        Verdict::Skipped => "was skipped",
        Verdict::Failed => "failed",
        Verdict::Answered => "answered",
    };
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("- {provider}/{model}, {place}, {came}{reason}")
}
