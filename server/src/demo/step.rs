//! A step of the story, and whether it showed what it should.

use serde::Serialize;
use serde_json::Value;

use super::call::Reply;
use super::scene::{Expect, Scene};

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
    pub(super) latency_us: u64,
    /// None where the price is not known.
    pub(super) cost_nano_usd: Option<i64>,
    /// `error.code` of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// What was wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) wrong: Vec<String>,
    /// Something to show beside the numbers.
    #[serde(skip)]
    pub(super) says: String,
}

impl Step {
    /// Judges the reply of `scene`.
    pub(super) fn judge(scene: &Scene, reply: &Reply) -> Step {
        let mut wrong = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        let code = reply.error.get("code").and_then(Value::as_str);
        let says = match scene.expect {
            Expect::Answer { model, downgraded_from, cache } => {
                must(reply.status == 200, "status is not 200");
                must(!reply.text.is_empty(), "no text came");
                must(reply.whole, "the stream did not end with [DONE]");
                must(reply.header("x-lockgate-provider") == Some("openai"), "provider is not openai");
                must(reply.header("x-lockgate-model") == Some(model), "another model answered");
                must(reply.header("x-lockgate-cache") == Some(cache), "x-lockgate-cache is wrong");
                must(
                    reply.header("x-lockgate-downgraded-from") == downgraded_from,
                    "x-lockgate-downgraded-from is wrong",
                );
                must(reply.cost().is_some_and(|cost| (cost > 0) == (cache == "miss")), "the cost is wrong");
                reply.text.clone()
            }
            Expect::Refusal { status, code: expected } => {
                must(reply.status == status, "another status came");
                must(code == Some(expected), "another error code came");
                must(reply.error.get("message").is_some_and(Value::is_string), "the error has no message");
                must(reply.header("x-lockgate-provider").is_none(), "a provider was asked");
                let waits = expected == "rate_limit_exceeded";
                must(!waits || reply.header("retry-after").is_some(), "no Retry-After came");
                reply.error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned()
            }
        };
        let refused = matches!(scene.expect, Expect::Refusal { .. });
        Step {
            name: scene.name,
            tells: scene.tells.to_owned(),
            ok: wrong.is_empty(),
            status: Some(reply.status),
            cache: reply.header("x-lockgate-cache").map(str::to_owned),
            provider: reply.header("x-lockgate-provider").map(str::to_owned),
            model: reply.header("x-lockgate-model").map(str::to_owned),
            latency_us: u64::try_from(reply.latency.as_micros()).unwrap_or(u64::MAX),
            cost_nano_usd: if refused { Some(0) } else { reply.cost() },
            code: code.map(str::to_owned),
            wrong,
            says,
        }
    }
}
