//! Tool calls: whether, which, and with what arguments.

use serde_json::Value;

use crate::fault::ToolCalls;
use crate::model::draw::{hash, letters};
use crate::model::prompt::{Prompt, Role, Tool, ToolChoice};
use crate::model::{schema, tokens};

/// Tokens around a call besides its name and arguments.
const PER_CALL: u64 = 4;

/// A call as it is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolCall {
    /// What the vendor's id is drawn from.
    seed: u64,
    pub(crate) name: String,
    /// The arguments' JSON, token by token.
    pub(crate) arguments: Vec<String>,
}

impl ToolCall {
    /// The id: `prefix` and `length` letters and digits.
    pub(crate) fn id(&self, prefix: &str, length: usize) -> String {
        format!("{prefix}{}", letters(self.seed, length))
    }

    pub(crate) fn tokens(&self) -> u64 {
        let arguments = u64::try_from(self.arguments.len()).unwrap_or(u64::MAX);
        PER_CALL + tokens::count(&self.name) + arguments
    }

    /// Drops arguments beyond `limit` tokens; false when something was dropped.
    pub(crate) fn fit(&mut self, limit: u64) -> bool {
        let spare = limit.saturating_sub(PER_CALL + tokens::count(&self.name));
        let whole = self.arguments.len();
        self.arguments.truncate(usize::try_from(spare).unwrap_or(usize::MAX));
        self.arguments.len() == whole
    }
}

fn call(id: u64, index: usize, name: &str, arguments: &str) -> ToolCall {
    let seed = hash(format!("{id} {index} {name}").as_bytes());
    ToolCall { seed, name: name.to_owned(), arguments: tokens::owned(arguments) }
}

/// The calls a script asks for.
pub(crate) fn scripted(id: u64, script: &ToolCalls) -> Vec<ToolCall> {
    let scripted = script.calls.iter().enumerate();
    scripted
        .map(|(index, wanted)| {
            let arguments = match &wanted.arguments {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            call(id, index, &wanted.name, &arguments)
        })
        .collect()
}

/// The calls the prompt asks for; none when it wants text.
///
/// A user turn with tools on offer gets a call, and so does any turn whose tool choice demands one: of the tool that
/// the choice or the prompt names, else of the first. Several come when the prompt names several, or says "both", unless
/// parallel calls are off.
pub(crate) fn asked(id: u64, asked: &Prompt<'_>) -> Vec<ToolCall> {
    let wanted = match asked.tool_choice {
        ToolChoice::None => false,
        ToolChoice::Auto => asked.messages.last().is_some_and(|last| last.role == Role::User),
        ToolChoice::Required | ToolChoice::Named(_) => true,
    };
    if asked.tools.is_empty() || !wanted {
        return Vec::new();
    }
    let prompt = asked.text();
    let chosen: Vec<&Tool<'_>> = match asked.tool_choice {
        ToolChoice::Named(name) => asked.tools.iter().filter(|tool| tool.name == name).take(1).collect(),
        _ => {
            let named: Vec<_> = asked.tools.iter().filter(|tool| prompt.contains(tool.name)).collect();
            let both =
                prompt.split(|character: char| !character.is_alphanumeric()).any(|word| word == "both");
            match (named.as_slice(), asked.tools.as_slice()) {
                ([_, _, ..], _) => named,
                // One tool twice: "the weather in both Paris and Rome".
                (_, [only]) if both => vec![only, only],
                (_, tools) if both => tools.iter().take(2).collect(),
                ([one], _) => vec![one],
                (_, tools) => tools.iter().take(1).collect(),
            }
        }
    };
    let most = if asked.parallel { chosen.len() } else { 1 };
    chosen
        .into_iter()
        .take(most)
        .enumerate()
        .map(|(index, tool)| {
            let arguments = tool
                .parameters
                .map_or_else(|| "{}".to_owned(), |wanted| schema::generate(wanted, prompt).to_string());
            call(id, index, tool.name, &arguments)
        })
        .collect()
}
