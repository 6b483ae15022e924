//! Runs one case: its steps one after another, each with what the earlier ones kept.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use futures_util::future::join_all;
use serde_json::{Map, Value};

use crate::case::{Case, Step, Subject};
use crate::client::{Client, NoAnswer, Request};
use crate::family::{Has, Model};
use crate::fill::{Values, fill, fill_string};
use crate::judge::{Excuses, Finding, judge};
use crate::plan::Run;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Pass,
    Fail(String),
    Skip(String),
}

/// Runs it, unless it was found to say nothing.
pub(crate) async fn run(client: &Client, run: &Run<'_>) -> Outcome {
    if let Some(why) = &run.skip {
        return Outcome::Skip(why.clone());
    }
    let mut values = run.case.values.clone();
    values.insert("nonce".to_owned(), nonce().into());
    let names = [("model", &run.model), ("other", &run.other)];
    for (name, model) in names {
        if let Some(model) = model {
            values.insert(name.to_owned(), model.name.clone().into());
        }
    }
    let several = run.case.steps.len() > 1;
    for (place, step) in run.case.steps.iter().enumerate() {
        let told = |why: String| {
            let why = client.redact(&why);
            if several { format!("step {}: {why}", place + 1) } else { why }
        };
        match take(client, run, step, &values).await {
            Finding::Holds(kept) => values.extend(kept),
            Finding::Fails(why) => return Outcome::Fail(told(why)),
            Finding::Skipped(why) => return Outcome::Skip(told(why)),
        }
    }
    Outcome::Pass
}

/// Sends a step's copies, all at once, and judges every answer. What is kept is the first one's.
async fn take(client: &Client, run: &Run<'_>, step: &Step, values: &Values) -> Finding {
    let copies = (1..=step.times).map(|n| async move {
        let mut values = values.clone();
        values.insert("n".to_owned(), n.into());
        match prepared(run, step, &values) {
            Ok(step) => one(client, run, &step).await,
            Err(wrong) => Finding::Fails(wrong),
        }
    });
    let findings = join_all(copies).await;
    let bad = findings.iter().find(|finding| !matches!(finding, Finding::Holds(_)));
    bad.or(findings.first()).cloned().unwrap_or_else(|| Finding::Fails("the step is sent no time".to_owned()))
}

async fn one(client: &Client, run: &Run<'_>, step: &Step) -> Finding {
    let body = step.text.clone().or_else(|| step.body.as_ref().map(Value::to_string));
    let request = Request {
        method: step.method.clone(),
        path: step.path.clone(),
        headers: step.headers.clone(),
        key: step.key,
        body,
        leave_after_events: step.leave_after_events,
    };
    match client.send(&request).await {
        Ok(answer) => judge(step, &answer, Excuses { unknown: &run.unknown, busy: client.patient }),
        Err(NoAnswer::UsedUp(why) | NoAnswer::Broken(why)) => Finding::Fails(why),
    }
}

/// The step with all values filled in, and an output limit.
fn prepared(run: &Run<'_>, step: &Step, values: &Values) -> Result<Step, String> {
    let mut step = step.clone();
    step.path = fill_string(&step.path, values)?;
    for value in step.headers.values_mut() {
        *value = fill_string(value, values)?;
    }
    if let Some(body) = &mut step.body {
        *body = fill(body, values)?;
        limit(body, &step.path, run.case, model_of(run, body));
    }
    if let Some(text) = &mut step.text {
        *text = fill_string(text, values)?;
    }
    for matchers in [&mut step.shows, &mut step.expect.body, &mut step.expect.error, &mut step.expect.headers]
    {
        fill_all(matchers, values)?;
    }
    Ok(step)
}

fn fill_all(matchers: &mut BTreeMap<String, Value>, values: &Values) -> Result<(), String> {
    matchers.values_mut().try_for_each(|matcher| {
        *matcher = fill(matcher, values)?;
        Ok(())
    })
}

/// The model a body asks, of the one or two that the run has.
fn model_of<'r>(run: &'r Run<'_>, body: &Value) -> Option<&'r Model> {
    let mut models = run.model.iter().chain(&run.other);
    models.find(|model| body.get("model").is_some_and(|name| *name == model.name.as_str()))
}

/// Gives a request an output limit where it sets none: what a run costs is bounded.
fn limit(body: &mut Value, path: &str, case: &Case, model: Option<&Model>) {
    let (Some(fields), Some(model)) = (body.as_object_mut(), model) else { return };
    if case.on == Subject::Embedding {
        return;
    }
    let limit = case.limit.unwrap_or_else(|| model.limit());
    let any =
        |fields: &Map<String, Value>, names: &[&str]| names.iter().any(|name| fields.contains_key(*name));
    match path {
        "/chat/completions" if !any(fields, &["max_tokens", "max_completion_tokens"]) => {
            let field =
                if model.has("max_tokens") == Has::No { "max_completion_tokens" } else { "max_tokens" };
            fields.insert(field.to_owned(), limit.into());
        }
        "/responses" if !any(fields, &["max_output_tokens"]) => {
            fields.insert("max_output_tokens".to_owned(), limit.into());
        }
        _ => {}
    }
}

/// Six letters that no other run has, so that no cache answers in place of a model.
fn nonce() -> String {
    let random = RandomState::new().build_hasher().finish();
    let letter = |place: u32| {
        char::from_digit(u32::try_from((random >> (place * 8)) % 26).unwrap_or_default() + 10, 36)
    };
    (0..6).filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_letters_and_differ() {
        let (first, second) = (nonce(), nonce());
        assert!(first.len() == 6 && first.chars().all(|letter| letter.is_ascii_lowercase()), "{first}");
        assert_ne!(first, second);
    }
}
