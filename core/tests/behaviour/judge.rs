//! What was seen beside what is expected.

use std::fmt::Debug;

use lockgate_sim::Recorded;
use serde_json::Value;

use crate::case::{Case, Cost, Expect};
use crate::way::Seen;

pub(crate) fn same<T: PartialEq + Debug>(what: &str, seen: &T, expected: &T) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("{what}: {seen:?}, expected {expected:?}")) }
}

/// Compares where something is expected.
fn told<T: PartialEq + Debug>(what: &str, seen: Option<T>, expected: Option<T>) -> Result<(), String> {
    if expected.is_none() { Ok(()) } else { same(what, &seen, &expected) }
}

/// Compares, and returns what the answer cost, in nano-USD.
pub(crate) fn call(seen: &Seen, expect: &Expect) -> Result<i64, String> {
    same("status", &seen.status, &expect.status)?;
    told("code", seen.code.as_deref(), expect.code.as_deref())?;
    told("retry_after", Some(seen.retry_after), expect.retry_after)?;
    if seen.exception.is_some() {
        told("exception", seen.exception, expect.exception.as_deref())?;
    }
    let Some(answer) = &seen.answer else { return Ok(0) };
    let choices = answer["choices"].as_array().ok_or("no choices")?;
    same("choices", &choices.len(), &1)?;
    let choice = &choices[0];
    let message = &choice["message"];
    told("text", message["content"].as_str(), expect.text.as_deref())?;
    told("finish_reason", choice["finish_reason"].as_str(), expect.finish_reason.as_deref())?;
    told("cache", answer["lockgate"]["cache"].as_str(), expect.cache.as_deref())?;
    if let Some(tool) = &expect.tool {
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        let names: Vec<Option<&str>> = calls.map(|call| call["function"]["name"].as_str()).collect();
        same("tool", &names, &vec![Some(tool.as_str())])?;
    }
    let report = &answer["lockgate"];
    told("model", report["model"].as_str(), expect.model.as_deref())?;
    told("downgraded_from", Some(&report["downgraded_from"]), expect.downgraded_from.as_ref())?;
    told("attempts", report["attempts"].as_str(), expect.attempts.as_deref())?;
    if let Some(part) = &expect.warning {
        let warnings = report["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut told = warnings.filter(|warning| warning.contains(part.as_str()));
        same(part, &told.next().is_some(), &true)?;
    }
    let cost = report["cost_nano_usd"].as_i64().ok_or("no cost")?;
    told("cost_nano_usd", Some(cost), expect.cost_nano_usd)?;
    told("cost", Some(if cost == 0 { Cost::Zero } else { Cost::Positive }), expect.cost)?;
    Ok(cost)
}

/// What the provider saw.
pub(crate) fn upstream(arrived: &[Recorded], case: &Case) -> Result<(), String> {
    told("upstream_requests", Some(arrived.len()), case.upstream_requests)?;
    for (name, value) in &case.upstream_body {
        let sent = arrived.last().map_or(Value::Null, |last| last.body[name].clone());
        same(name, &sent, value)?;
    }
    Ok(())
}
