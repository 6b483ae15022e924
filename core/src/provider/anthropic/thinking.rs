//! How hard to think.

use super::NAME;
use super::json::Object;
use super::model::{Off, Thinking, Traits};
use crate::error::Result;
use crate::provider::express::unsupported;
use crate::types::{ChatRequest, Raw};

const FIELD: &str = "reasoning_effort";

/// The least budget that Anthropic takes.
const LEAST_BUDGET: u64 = 1024;

/// What is sent to make the model think.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) thinking: Option<Object<'static>>,
    pub(super) effort: Option<&'static str>,
    /// Whether the model thinks because of the request, which on older models changes what else they take.
    pub(super) asked: bool,
}

/// The caller's words for it, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    ExtraHigh,
    Max,
}

impl Effort {
    const ALL: [(&'static str, Effort); 7] = [
        ("none", Effort::None),
        ("minimal", Effort::Minimal),
        ("low", Effort::Low),
        ("medium", Effort::Medium),
        ("high", Effort::High),
        ("xhigh", Effort::ExtraHigh),
        ("max", Effort::Max),
    ];

    fn read(word: &str) -> Result<Effort> {
        let known = Effort::ALL.iter().find(|(name, _)| *name == word);
        known.map(|(_, effort)| *effort).ok_or_else(|| {
            let names: Vec<&str> = Effort::ALL.iter().map(|(name, _)| *name).collect();
            unsupported(FIELD, NAME, &format!("{word:?} is none of {}", names.join(", ")))
        })
    }

    /// Tokens to think with, for models that count them.
    const fn budget(self) -> u64 {
        match self {
            Effort::None | Effort::Minimal => LEAST_BUDGET,
            Effort::Low => 2_048,
            Effort::Medium => 8_192,
            Effort::High => 16_384,
            Effort::ExtraHigh | Effort::Max => 32_768,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Effort::None | Effort::Minimal | Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::ExtraHigh => "xhigh",
            Effort::Max => "max",
        }
    }
}

/// What `request` asks of a model with `traits`. `limit` is the most output, `forces` whether a tool must be called.
pub(super) fn plan(
    request: &ChatRequest,
    traits: Traits,
    limit: u64,
    forces: bool,
    warnings: &mut Vec<String>,
) -> Result<Plan> {
    // Anthropic's own field goes out as it is, and decides.
    let own = request.extra.get("thinking").filter(|own| !own.is_null());
    let asked = own.is_some_and(thinks);
    let Some(word) = request.reasoning_effort.as_deref() else {
        return Ok(Plan { asked, ..Plan::default() });
    };
    let effort = Effort::read(word)?;
    let left_out = |why: &str| format!("{FIELD} was left out: {why}");
    let mut plan = Plan { asked, ..Plan::default() };
    match (traits.thinking, effort) {
        (Thinking::None | Thinking::Budget | Thinking::Adaptive, Effort::None) => {}
        (Thinking::None, _) => warnings.push(left_out("the model does not think")),
        (Thinking::Budget, _) if own.is_some() => {}
        (Thinking::Budget, _) if forces => {
            warnings.push(left_out("the model does not think before a tool that it must call"));
        }
        (Thinking::Budget, effort) => {
            // Half of the output at least is for the answer.
            let budget = effort.budget().min(limit / 2);
            if budget < LEAST_BUDGET {
                warnings.push(left_out(&format!("{limit} tokens leave no room to think")));
            } else {
                plan.thinking = Some(Object::of("enabled").with("budget_tokens", budget));
                plan.asked = true;
            }
        }
        (Thinking::Always(off), Effort::None) if own.is_none() => match off {
            Off::Disabled => plan.thinking = Some(Object::of("disabled")),
            Off::BetweenTools => plan.thinking = Some(Object::of("between_tools")),
            Off::Never => {
                warnings.push(format!("{FIELD}: the model always thinks; low was sent for none"));
                plan.effort = Some(Effort::Low.word());
            }
        },
        (Thinking::Always(_), Effort::None) => {}
        (Thinking::Adaptive | Thinking::Always(_), effort) => {
            let known = effort != Effort::ExtraHigh || traits.extra_effort;
            if !known {
                warnings.push(format!("{FIELD}: the model does not know xhigh; high was sent"));
            }
            plan.effort = Some(if known { effort.word() } else { Effort::High.word() });
            if own.is_none() {
                // Without being asked newer models keep the text of their thinking to themselves.
                plan.thinking = Some(Object::of("adaptive").with("display", "summarized"));
            }
            plan.asked = true;
        }
    }
    Ok(plan)
}

/// Whether the caller's own field turns thinking on.
fn thinks(own: &Raw) -> bool {
    #[derive(serde::Deserialize)]
    struct Own {
        #[serde(rename = "type")]
        kind: String,
    }
    own.read::<Own>().is_some_and(|own| own.kind != "disabled")
}
