//! A step of the story, and whether it showed what it should.

use lockgate::telemetry::{Decisions, Verdict};
use serde::Serialize;
use serde_json::Value;

use super::call::Reply;
use super::explain;
use super::scene::{Answer, Expect, MODEL, Scene};

/// What a step showed.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) name: &'static str,
    #[serde(skip)]
    pub(super) tells: String,
    pub(super) ok: bool,
    /// HTTP status; none for a step that is no request.
    pub(super) status: Option<u16>,
    /// `x-lockgate-cache`.
    pub(super) cache: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) model: Option<String>,
    /// `x-lockgate-attempts`, where there was more than none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<String>,
    pub(super) latency_us: u64,
    /// None where the price is not known.
    pub(super) cost_nano_usd: Option<i64>,
    /// `error.code` of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// The record of decisions, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) explain: Option<Decisions>,
    /// What was wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) wrong: Vec<String>,
    /// Something to show beside the numbers, in lines.
    #[serde(skip)]
    pub(super) says: Vec<String>,
}

/// What does not hold.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn must(&mut self, holds: bool, what: &str) {
        if !holds {
            self.0.push(what.to_owned());
        }
    }
}

impl Step {
    /// Judges the reply of `scene`.
    pub(super) fn judge(scene: &Scene, reply: &Reply) -> Step {
        let mut wrong = Wrong::default();
        let explained = reply.decisions();
        let code = reply.error.get("code").and_then(Value::as_str);
        let says = match scene.expect {
            Expect::Answer(expected) => {
                answered(&mut wrong, scene, expected, reply);
                explanation(&mut wrong, scene, explained.as_ref());
                let mut says = vec![reply.text.clone()];
                match (&explained, scene.trouble, expected.downgraded_from) {
                    (Some(decided), _, _) => says.extend(explain::in_words(decided)),
                    (None, Some(_), _) => says.push(tried(reply)),
                    (None, None, Some(dear)) => {
                        says.push(format!(
                            "- {dear} may cost more than the cap leaves; {} fits",
                            expected.model
                        ));
                    }
                    (None, None, None) => {}
                }
                says
            }
            Expect::Refusal { status, code: expected } => {
                wrong.must(reply.status == status, "another status came");
                wrong.must(code == Some(expected), "another error code came");
                let message = reply.error.get("message").and_then(Value::as_str);
                wrong.must(message.is_some(), "the error has no message");
                wrong.must(reply.header("x-lockgate-provider").is_none(), "a provider was asked");
                let waits = expected == "rate_limit_exceeded";
                wrong.must(!waits || reply.header("retry-after").is_some(), "no Retry-After came");
                vec![message.unwrap_or_default().to_owned()]
            }
        };
        let refused = matches!(scene.expect, Expect::Refusal { .. });
        let Wrong(wrong) = wrong;
        Step {
            name: scene.name,
            tells: scene.tells.to_owned(),
            ok: wrong.is_empty(),
            status: Some(reply.status),
            cache: reply.header("x-lockgate-cache").map(str::to_owned),
            provider: reply.header("x-lockgate-provider").map(str::to_owned),
            model: reply.header("x-lockgate-model").map(str::to_owned),
            attempts: reply
                .header("x-lockgate-attempts")
                .filter(|tried| !tried.is_empty())
                .map(str::to_owned),
            latency_us: u64::try_from(reply.latency.as_micros()).unwrap_or(u64::MAX),
            cost_nano_usd: if refused { Some(0) } else { reply.cost() },
            code: code.map(str::to_owned),
            explain: explained,
            wrong,
            says,
        }
    }
}

fn answered(wrong: &mut Wrong, scene: &Scene, expected: Answer, reply: &Reply) {
    let Answer { provider, model, downgraded_from, cache } = expected;
    wrong.must(reply.status == 200, "status is not 200");
    wrong.must(reply.error.is_null(), "an error came");
    wrong.must(!reply.text.is_empty(), "no text came");
    wrong.must(reply.whole, "the stream did not end with [DONE]");
    wrong.must(reply.header("x-lockgate-provider") == Some(provider), "another provider answered");
    wrong.must(reply.header("x-lockgate-model") == Some(model), "another model answered");
    wrong.must(reply.header("x-lockgate-cache") == Some(cache), "x-lockgate-cache is wrong");
    wrong.must(
        reply.header("x-lockgate-downgraded-from") == downgraded_from,
        "x-lockgate-downgraded-from is wrong",
    );
    wrong.must(reply.cost().is_some_and(|cost| (cost > 0) == (cache == "miss")), "the cost is wrong");
    let last = format!("{provider}/{model}=200");
    let tried = match (scene.trouble, attempts(reply).as_slice()) {
        (_, []) => cache != "miss",
        (None, [only]) => *only == last,
        (Some(_), [first, second]) => {
            first.starts_with(&format!("openai/{MODEL}=")) && !first.ends_with("=200") && *second == last
        }
        _ => false,
    };
    wrong.must(tried, "x-lockgate-attempts is wrong");
    let told = reply.header("x-lockgate-warnings").is_some_and(|told| told.contains("in place of"));
    wrong.must(told == scene.trouble.is_some(), "the warnings are wrong");
}

/// Whoever asks why is told of the limits, of the one that failed and of the one that answered; nobody else is.
fn explanation(wrong: &mut Wrong, scene: &Scene, told: Option<&Decisions>) {
    let Some(told) = told.filter(|_| scene.explain) else {
        return wrong.must(!scene.explain && told.is_none(), "the explanation is wrong");
    };
    let verdicts: Vec<Verdict> = told.candidates.iter().map(|candidate| candidate.verdict).collect();
    wrong.must(verdicts == [Verdict::Failed, Verdict::Answered], "the candidates are wrong");
    let limits = told.limits.as_ref();
    wrong.must(limits.is_some_and(|limits| limits.remaining_requests.is_some()), "the limits are wrong");
    wrong.must(told.timings_us.attempt > 0, "the times are wrong");
}

fn attempts(reply: &Reply) -> Vec<&str> {
    let line = reply.header("x-lockgate-attempts").unwrap_or_default();
    line.split(',').filter(|attempt| !attempt.is_empty()).collect()
}

/// What was tried, in words.
fn tried(reply: &Reply) -> String {
    let attempts: Vec<String> = attempts(reply)
        .into_iter()
        .map(|attempt| match attempt.rsplit_once('=') {
            Some((who, "200")) => format!("{who} answered"),
            Some((who, result)) => format!("{who} failed: {result}"),
            None => attempt.to_owned(),
        })
        .collect();
    format!("- {}", attempts.join("; "))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::demo::scene::SCENES;

    fn scene(name: &str) -> &'static Scene {
        SCENES.iter().find(|scene| scene.name == name).unwrap()
    }

    /// A reply that shows what the failover should.
    fn reply() -> Reply {
        let headers = [
            ("x-lockgate-provider", "anthropic"),
            ("x-lockgate-model", "claude-sonnet-5"),
            ("x-lockgate-cache", "miss"),
            ("x-lockgate-attempts", "openai/gpt-4.1=503,anthropic/claude-sonnet-5=200"),
            ("x-lockgate-warnings", "anthropic/claude-sonnet-5 answered in place of gpt-4.1"),
        ];
        Reply {
            status: 200,
            latency: Duration::from_millis(1),
            headers: headers
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .into_iter()
                .collect(),
            text: "Deep.".to_owned(),
            metadata: json!({"cost_nano_usd": 7}),
            error: Value::Null,
            whole: true,
        }
    }

    #[test]
    fn what_a_step_should_show_is_enough_and_anything_else_is_wrong() {
        let failover = scene("failover");
        let step = Step::judge(failover, &reply());
        assert!(step.ok, "{:?}", step.wrong);
        assert_eq!(step.says[1], "- openai/gpt-4.1 failed: 503; anthropic/claude-sonnet-5 answered");
        let changes: [fn(&mut Reply); 9] = [
            |reply| reply.status = 502,
            |reply| reply.error = json!({"code": "provider_error"}),
            |reply| reply.text.clear(),
            |reply| reply.whole = false,
            |reply| reply.metadata = Value::Null,
            |reply| reply.metadata["explain"] = json!({"timings_us": {}}),
            |reply| drop(reply.headers.remove("x-lockgate-warnings")),
            |reply| drop(reply.headers.insert("x-lockgate-provider", "openai".parse().unwrap())),
            |reply| {
                let only = "anthropic/claude-sonnet-5=200".parse().unwrap();
                drop(reply.headers.insert("x-lockgate-attempts", only));
            },
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut reply = reply();
            change(&mut reply);
            assert!(!Step::judge(failover, &reply).ok, "change {number}");
        }
        assert!(!Step::judge(scene("answer"), &reply()).ok, "nobody should have stood in");
        assert!(!Step::judge(scene("explained"), &reply()).ok, "nothing is explained");
        assert!(!Step::judge(scene("rate_limit"), &reply()).ok, "it should have been refused");
    }
}
