//! Ollama's objects coming in. What is not named here is kept word for word.

use crate::types::object::object;
use crate::types::{Raw, SharedStr};

object! {
    /// The function of a call.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct CalledFunction {
        /// Its place among the calls; older versions leave it out, and it is not always right.
        opt index: Raw = "index",
        /// Its name.
        def name: String = "name" or String::new(),
        /// Its arguments: an object.
        opt arguments: Raw = "arguments",
    }
}

object! {
    /// A call of a tool, always whole.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Called {
        /// Its id; older versions give none.
        opt id: String = "id",
        /// The function.
        req function: CalledFunction = "function",
    }
}

object! {
    /// What the model says.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Said {
        /// Always `assistant`.
        opt role: Raw = "role",
        /// Text.
        opt content: String = "content",
        /// Thinking, as text.
        opt thinking: String = "thinking",
        /// Images; `null` for a model that makes none.
        opt images: Raw = "images",
        /// Calls of tools.
        list tool_calls: Called = "tool_calls",
    }
}

object! {
    /// A whole answer, or one line of a stream.
    #[allow(unreachable_pub, reason = "the macro declares everything `pub`")]
    pub struct Answer {
        /// What went wrong, in place of everything else.
        opt error: Raw = "error",
        /// The model that answers.
        opt model: SharedStr = "model",
        /// When, in RFC 3339.
        opt created_at: String = "created_at",
        /// What is new.
        opt message: Said = "message",
        /// Whether this is the end.
        def done: bool = "done" or false,
        /// Why it ended.
        opt done_reason: String = "done_reason",
        /// Tokens that went in.
        opt prompt_eval_count: u64 = "prompt_eval_count",
        /// Tokens that came out.
        opt eval_count: u64 = "eval_count",
        /// Log probabilities of the tokens in this message.
        opt logprobs: Vec<Raw> = "logprobs",
    }
}

impl Answer {
    /// Seconds since 1970; 0 if it does not say.
    pub(super) fn created(&self) -> i64 {
        seconds(self.created_at.as_deref())
    }
}

/// Seconds since 1970 of a time in RFC 3339; 0 without one.
pub(super) fn seconds(time: Option<&str>) -> i64 {
    time.and_then(|time| time.parse::<jiff::Timestamp>().ok()).map_or(0, jiff::Timestamp::as_second)
}
