//! What was left out of a request. Each kind is told once, however many messages had it.

use super::NAME;
use crate::provider::express::left_out;
use crate::provider::foreign::{BY_SDKS, says_something};
use crate::types::Extra;

/// Warnings, without repetition.
#[derive(Debug, Default)]
pub(super) struct Warnings(pub(super) Vec<String>);

impl Warnings {
    pub(super) fn tell(&mut self, warning: String) {
        if !self.0.contains(&warning) {
            self.0.push(warning);
        }
    }

    /// `field` has no place in Gemini's request.
    pub(super) fn left_out(&mut self, field: &str) {
        self.tell(left_out(field, NAME));
    }

    /// The unknown fields of the object at `path`, those in `known` aside. Gemini refuses fields it does not know, and
    /// its objects are not OpenAI's, so they have no place. Those that say nothing are not worth a word.
    pub(super) fn fields(&mut self, path: &str, extra: &Extra, known: &[&str]) {
        for (name, value) in extra.iter().filter(|(name, _)| !known.contains(name)) {
            if says_something(value) && !BY_SDKS.contains(&name) {
                self.left_out(&format!("{path}.{name}"));
            }
        }
    }
}
