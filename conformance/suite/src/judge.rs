//! Whether an answer is what its step expects.

use serde_json::Value;

use crate::answer::Answer;
use crate::case::Step;
use crate::fill::Values;
use crate::matcher::{check, check_all, kept};
use crate::{assemble, form, laws, responses};

/// What is found of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Finding {
    /// All holds; these are the values kept.
    Holds(Values),
    Fails(String),
    /// It cannot be judged.
    Skipped(String),
}

/// What excuses an answer that is not as expected.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Excuses<'a> {
    /// What the case needs and nobody knows whether the model has: there a well-formed refusal is no failure.
    pub(crate) unknown: &'a [String],
    /// Others use the endpoint, too, and it may be busy.
    pub(crate) busy: bool,
}

/// Judges the answer to a step whose values are filled in.
pub(crate) fn judge(step: &Step, answer: &Answer, excuses: Excuses<'_>) -> Finding {
    let unknown = excuses.unknown;
    let expected = &step.expect.status;
    if !expected.contain(answer.status) {
        return unexpected(step, answer, excuses);
    }
    let value = if expected.are_good() { good(step, answer) } else { refusal(step, answer) };
    let value = match value {
        Ok(value) => value,
        Err(wrong) => return Finding::Fails(wrong),
    };
    if let Err(wrong) = check_all(&value, &step.shows) {
        let why = format!("{}: {wrong}", unknown.join(", "));
        return if unknown.is_empty() {
            Finding::Fails(wrong)
        } else {
            Finding::Skipped(format!("does not show {why}"))
        };
    }
    let holds = check_all(&value, &step.expect.body)
        .and_then(|()| headers(step, answer))
        .and_then(|()| kept(&value, &step.keep));
    holds.map_or_else(Finding::Fails, Finding::Holds)
}

fn unexpected(step: &Step, answer: &Answer, Excuses { unknown, busy }: Excuses<'_>) -> Finding {
    let body = answer.json().unwrap_or_default();
    let says = form::complaint(&body);
    let expected = &step.expect.status;
    if busy && matches!(answer.status, 429 | 503 | 529) {
        return Finding::Skipped(format!("the endpoint is busy: {} {says}", answer.status));
    }
    let refuses = expected.are_good() && matches!(answer.status, 400 | 403 | 404 | 405 | 415 | 422 | 501);
    if refuses && !unknown.is_empty() {
        let why = format!("{} {says}", answer.status);
        return match form::error_object(&body) {
            Ok(_) => Finding::Skipped(format!("refused ({}): {why}", unknown.join(", "))),
            Err(wrong) => {
                Finding::Fails(format!("refused with {}, and not as OpenAI does: {wrong}", answer.status))
            }
        };
    }
    Finding::Fails(format!("the status is {}, expected {expected}: {says}", answer.status))
}

/// The value of a good answer: its JSON, or the stream put together.
fn good(step: &Step, answer: &Answer) -> Result<Value, String> {
    let asks = |field: &str| {
        step.body.as_ref().and_then(|body| body.pointer(field)).is_some_and(|value| *value == true)
    };
    if !asks("/stream") {
        json_type(answer)?;
        let value = answer.json()?;
        if value.get("error").is_some_and(|error| !error.is_null()) {
            return Err(format!(
                "the status is {}, and the answer is an error: {}",
                answer.status,
                form::complaint(&value)
            ));
        }
        if step.path == "/chat/completions" {
            form::completion(&value)?;
        }
        return Ok(value);
    }
    if answer.media_type() != "text/event-stream" {
        return Err(format!("content-type is {:?}, expected \"text/event-stream\"", answer.media_type()));
    }
    if !answer.left && !answer.ended_well {
        return Err("the stream ends inside an event".to_owned());
    }
    if step.path == "/responses" {
        return responses::whole(&answer.events);
    }
    let asked = laws::Asked {
        usage: step.expect.usage || asks("/stream_options/include_usage"),
        whole: !answer.left,
    };
    let value = assemble::completion(&laws::chunks(&answer.events, asked)?);
    if asked.whole && asked.usage {
        form::completion(&value).map_err(|wrong| format!("put together, {wrong}"))?;
    }
    Ok(value)
}

fn refusal(step: &Step, answer: &Answer) -> Result<Value, String> {
    json_type(answer)?;
    let value = answer.json()?;
    let error = form::error_object(&value)?;
    let fields = step.expect.error.iter();
    fields.into_iter().try_for_each(|(field, matcher)| {
        check(error.get(field), matcher).map_err(|wrong| format!("error/{field} {wrong}"))
    })?;
    Ok(value)
}

fn json_type(answer: &Answer) -> Result<(), String> {
    match answer.media_type() {
        "application/json" => Ok(()),
        other => Err(format!("content-type is {other:?}, expected \"application/json\"")),
    }
}

fn headers(step: &Step, answer: &Answer) -> Result<(), String> {
    step.expect.headers.iter().try_for_each(|(name, matcher)| {
        let value = answer.header(name).map(Value::from);
        let matcher = if matcher.is_null() { &serde_json::json!({"$absent": true}) } else { matcher };
        check(value.as_ref(), matcher).map_err(|wrong| format!("the header {name} {wrong}"))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;

    fn step(text: Value) -> Step {
        serde_json::from_value(text).unwrap()
    }

    fn answer(status: u16, media_type: &str, body: &Value) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", media_type.parse().unwrap());
        let body = body.to_string().into_bytes();
        Answer { status, headers, body, events: Vec::new(), ended_well: true, left: false }
    }

    fn of(unknown: &[String]) -> Excuses<'_> {
        Excuses { unknown, busy: false }
    }

    fn refused() -> Value {
        json!({"error": {"message": "n is not supported", "type": "invalid_request_error", "param": "n", "code": null}})
    }

    #[test]
    fn a_refusal_of_what_nobody_promised_is_skipped_and_of_what_is_promised_fails() {
        let step = step(json!({"body": {"n": 2}}));
        let unknown = ["n".to_owned()];
        let refusal = answer(400, "application/json", &refused());
        assert!(
            matches!(judge(&step, &refusal, of(&unknown)), Finding::Skipped(why) if why.contains("n is not supported"))
        );
        assert!(
            matches!(judge(&step, &refusal, Excuses::default()), Finding::Fails(why) if why.contains("status is 400"))
        );
        let odd = answer(400, "application/json", &json!({"detail": "no"}));
        assert!(
            matches!(judge(&step, &odd, of(&unknown)), Finding::Fails(why) if why.contains("not as OpenAI does"))
        );
        let broken = answer(500, "application/json", &refused());
        assert!(matches!(judge(&step, &broken, of(&unknown)), Finding::Fails(_)));
    }

    #[test]
    fn to_be_busy_is_an_excuse_only_where_others_may_be_at_work() {
        let busy = answer(503, "application/json", &refused());
        let shared = Excuses { unknown: &[], busy: true };
        assert!(matches!(judge(&step(json!({})), &busy, shared), Finding::Skipped(_)));
        assert!(matches!(judge(&step(json!({})), &busy, Excuses::default()), Finding::Fails(_)));
    }

    #[test]
    fn an_expected_refusal_is_checked_field_by_field() {
        let wanted = step(json!({"expect": {"status": [400, 422], "error": {"param": "n"}}}));
        assert!(matches!(
            judge(&wanted, &answer(400, "application/json", &refused()), Excuses::default()),
            Finding::Holds(_)
        ));
        let wanted = step(json!({"expect": {"status": 400, "error": {"param": "stop"}}}));
        assert!(matches!(
            judge(&wanted, &answer(400, "application/json", &refused()), Excuses::default()),
            Finding::Fails(_)
        ));
        assert!(matches!(
            judge(&wanted, &answer(400, "text/html", &refused()), Excuses::default()),
            Finding::Fails(_)
        ));
    }

    #[test]
    fn a_stream_that_is_json_fails() {
        let step = step(json!({"body": {"stream": true}}));
        let finding = judge(&step, &answer(200, "application/json", &json!({})), Excuses::default());
        assert!(matches!(finding, Finding::Fails(why) if why.contains("text/event-stream")));
    }

    #[test]
    fn what_does_not_show_is_skipped_only_where_it_is_unknown() {
        let step = step(json!({"path": "/models", "shows": {"/data/0": {"$absent": false}}}));
        let bare = answer(200, "application/json", &json!({"data": []}));
        assert!(matches!(judge(&step, &bare, of(&["tools".to_owned()])), Finding::Skipped(_)));
        assert!(matches!(judge(&step, &bare, Excuses::default()), Finding::Fails(_)));
    }
}
