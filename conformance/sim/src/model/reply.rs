//! What is said, before it is put on the wire.

use crate::fault::Fault;
use crate::model::calls::{self, ToolCall};
use crate::model::prompt::{Format, Message, Prompt, Role};
use crate::model::prose::prose;
use crate::model::schema;
use crate::model::thinking::think;
use crate::model::tokens::owned;
use crate::model::usage::Counted;

/// The content of one choice, token by token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Text(Vec<String>),
    Refusal(Vec<String>),
    Calls(Vec<ToolCall>),
}

/// Why a choice ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It said all it had to say.
    Stop,
    /// One of the prompt's stop sequences came next.
    Sequence(String),
    /// The limit was reached.
    Length,
    /// It waits for the results of its calls.
    Calls,
    /// The script says so, in the vendor's spelling.
    Told(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) index: u64,
    /// The thinking before it, token by token, whether or not the vendor shows it.
    pub(crate) thinking: Vec<String>,
    pub(crate) said: Said,
    pub(crate) finish: Finish,
}

/// A composed answer with its cost.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) choices: Vec<Choice>,
    pub(crate) counted: Counted,
}

/// Composes the answer to `prompt`; `faults` may tell what to say. `id` makes the ids of calls differ from one answer to
/// the next.
pub(crate) fn compose(id: u64, prompt: &Prompt<'_>, faults: &[&Fault]) -> Reply {
    let scripted = faults
        .iter()
        .find_map(|fault| if let Fault::Reasoning(told) = fault { Some(told.tokens) } else { None });
    let told =
        faults.iter().find_map(|fault| if let Fault::Finish(told) = fault { Some(told) } else { None });
    let limit = prompt.limit.unwrap_or(u64::MAX);
    // Thinking counts against the limit, and may leave nothing for the answer.
    let thinking = scripted.unwrap_or(prompt.thinking).min(limit);
    let mut completion = 0;
    let mut choices = Vec::new();
    for index in 0..prompt.n {
        let said = say(id, index, prompt, faults);
        let (said, finish) = limited(said, limit - thinking, &prompt.stop);
        completion += thinking + spoken(&said);
        let finish = told.map_or(finish, |told| Finish::Told(told.reason.clone()));
        choices.push(Choice { index, thinking: think(prompt, thinking), said, finish });
    }
    let counted = Counted { prompt: prompt.tokens(), completion, thinking: thinking * prompt.n };
    Reply { choices, counted }
}

fn spoken(said: &Said) -> u64 {
    match said {
        Said::Text(tokens) | Said::Refusal(tokens) => u64::try_from(tokens.len()).unwrap_or(u64::MAX),
        Said::Calls(calls) => calls.iter().map(ToolCall::tokens).sum(),
    }
}

/// What is left after stop sequences and the limit, and why it ends there.
fn limited(said: Said, limit: u64, stop: &[&str]) -> (Said, Finish) {
    match said {
        Said::Text(tokens) => {
            let (tokens, finish) = limited_text(tokens, limit, stop);
            (Said::Text(tokens), finish)
        }
        Said::Refusal(tokens) => {
            let (tokens, finish) = limited_text(tokens, limit, stop);
            (Said::Refusal(tokens), finish)
        }
        Said::Calls(mut calls) => {
            let mut left = limit;
            let mut whole = true;
            calls.retain_mut(|call| {
                let fits = whole && left > 0;
                whole = fits && call.fit(left);
                left = left.saturating_sub(call.tokens());
                fits
            });
            (Said::Calls(calls), if whole { Finish::Calls } else { Finish::Length })
        }
    }
}

fn limited_text(mut spoken: Vec<String>, limit: u64, stop: &[&str]) -> (Vec<String>, Finish) {
    let text = spoken.concat();
    let first = stop
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(stop).map(|at| (at, *stop)))
        .min_by_key(|(at, _)| *at);
    let mut finish = Finish::Stop;
    if let Some((end, sequence)) = first {
        spoken = owned(text.get(..end).unwrap_or_default());
        finish = Finish::Sequence(sequence.to_owned());
    }
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    if spoken.len() > most {
        spoken.truncate(most);
        finish = Finish::Length;
    }
    (spoken, finish)
}

fn say(id: u64, index: u64, asked: &Prompt<'_>, faults: &[&Fault]) -> Said {
    for fault in faults {
        match fault {
            Fault::Reply(reply) => return Said::Text(owned(&reply.text)),
            Fault::ToolCalls(script) => return Said::Calls(calls::scripted(id, script)),
            _ => {}
        }
    }
    let prompt = asked.text();
    if prompt.to_lowercase().contains("please refuse") {
        return Said::Refusal(owned("I'm sorry, but I can't help with that request."));
    }
    let calls = calls::asked(id, asked);
    if !calls.is_empty() {
        return Said::Calls(calls);
    }
    let text = match asked.format {
        Format::JsonSchema(wanted) => schema::generate(wanted, prompt).to_string(),
        Format::Text if !told_to_write_json(asked) => prose(index, asked),
        Format::Text | Format::JsonObject => serde_json::json!({"answer": prose(index, asked)}).to_string(),
    };
    Said::Text(owned(&text))
}

/// Whether a system message asks for a JSON object in words, as it must where a vendor has no field for it.
fn told_to_write_json(asked: &Prompt<'_>) -> bool {
    let told = |message: &Message<'_>| message.role == Role::System && message.text.contains("JSON object");
    asked.messages.iter().any(told)
}
