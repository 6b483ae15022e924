//! Ollama's counts as usage. It reports no cached and no thinking tokens of their own.

use super::wire::Answer;
use crate::types::Usage;

/// The tokens that `answer` reports. A count of zero is left out on the wire, so one of the two is enough.
pub(super) fn usage(answer: &Answer) -> Option<Usage> {
    let (prompt, written) = (answer.prompt_eval_count, answer.eval_count);
    (prompt.is_some() || written.is_some()).then(|| Usage::of(prompt.unwrap_or(0), written.unwrap_or(0)))
}
