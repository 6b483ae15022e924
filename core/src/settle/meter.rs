//! What was read of an answer, for the bill when the provider never says.

use crate::pricing::TokenCounts;
use crate::tokens;

/// Input and output text of one attempt.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// The request's own estimate of its input, in tokens.
    input_tokens: u64,
    output: String,
    answering: bool,
}

impl Meter {
    pub(crate) fn new(input_tokens: u64) -> Meter {
        Meter { input_tokens, ..Meter::default() }
    }

    /// A new attempt: what another provider wrote is not this one's bill.
    pub(crate) fn restart(&mut self) {
        self.output.clear();
        self.answering = false;
    }

    /// The provider has begun to answer, so it has read the input.
    pub(crate) fn answering(&mut self) {
        self.answering = true;
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.answering
    }

    pub(crate) fn output(&mut self, text: &str) {
        self.output.push_str(text);
    }

    /// Tokens by count. Slow at first use (the tokenizer is loaded): not for async threads.
    pub(crate) fn count(&self) -> TokenCounts {
        TokenCounts { input: self.input_tokens, output: written(&self.output), ..TokenCounts::default() }
    }
}

#[cfg(feature = "tokenizer")]
fn written(text: &str) -> u64 {
    tokens::count(text)
}

/// Without the tokenizer: the bound that admission uses, so that a cut stream is never billed too low.
#[cfg(not(feature = "tokenizer"))]
fn written(text: &str) -> u64 {
    tokens::Estimate::of_text(text)
}
