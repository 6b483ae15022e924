//! The text of thinking.

use crate::model::prompt::Prompt;
use crate::model::tokens::owned;

/// What goes round in the model's head, over and over.
const STEPS: &[&str] = &[
    " Let me consider what is really being asked.",
    " First I should check what I know about it.",
    " Then I should weigh the alternatives.",
    " One detail deserves a second look.",
    " Putting it together, the answer becomes clear.",
];

/// Tokens of thinking put in words at most; a script may have any number counted.
const LONGEST: u64 = 16_384;

/// `wanted` tokens of thinking about `prompt`, up to [`LONGEST`].
pub(crate) fn think(prompt: &Prompt<'_>, wanted: u64) -> Vec<String> {
    let wanted = usize::try_from(wanted.min(LONGEST)).unwrap_or_default();
    if wanted == 0 {
        return Vec::new();
    }
    let mut thought = owned(&format!("The user asks: \"{}\".", prompt.text()));
    for step in STEPS.iter().cycle() {
        if thought.len() >= wanted {
            break;
        }
        thought.extend(owned(step));
    }
    thought.truncate(wanted);
    thought
}
