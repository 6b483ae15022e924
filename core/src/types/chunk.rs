//! One piece of a streamed answer.

use super::extra::Raw;
use super::finish::FinishReason;
use super::message::{Role, ThinkingBlock};
use super::metadata::Metadata;
use super::object::object;
use super::shared::SharedStr;
use super::usage::Usage;

object! {
    /// A piece of a function call.
    pub struct FunctionDelta {
        /// Its name, in the first piece.
        opt name: String = "name",
        /// More of its arguments.
        opt arguments: String = "arguments",
    }
}

object! {
    /// A piece of a call of a custom tool.
    pub struct CustomDelta {
        /// Its name, in the first piece.
        opt name: String = "name",
        /// More of its input.
        opt input: String = "input",
    }
}

object! {
    /// A piece of a tool call. Kinds that are not known are kept in `extra`.
    pub struct ToolCallDelta {
        /// Which call of this answer, from 0; some providers leave it out.
        opt index: u32 = "index",
        /// Its id, in the first piece.
        opt id: String = "id",
        /// `function`, `custom` …, in the first piece.
        opt kind: String = "type",
        /// The function.
        opt function: FunctionDelta = "function",
        /// The custom tool.
        opt custom: CustomDelta = "custom",
    }
}

object! {
    /// What is new in an answer.
    pub struct Delta {
        /// Who speaks, in the first piece.
        opt role: Role = "role",
        /// More text.
        opt content: String = "content",
        /// More thinking.
        opt reasoning_content: String = "reasoning_content",
        /// Signatures: each closes the thinking since the one before, unless it brings its text along, as over HTTP.
        list thinking_blocks: ThinkingBlock = "thinking_blocks",
        /// More of what the model says instead of an answer.
        opt refusal: String = "refusal",
        /// More of the tool calls.
        list tool_calls: ToolCallDelta = "tool_calls",
    }
}

object! {
    /// What is new in one of the answers.
    pub struct ChunkChoice {
        /// Its number, from 0.
        def index: u32 = "index" or 0,
        /// What is new.
        def delta: Delta = "delta" or Delta::default(),
        /// Why it ended, in the last piece.
        nul finish_reason: FinishReason = "finish_reason",
        /// Log probabilities of this piece, as the provider gave them.
        opt logprobs: Raw = "logprobs",
    }
}

object! {
    /// One piece of a streamed answer.
    pub struct Chunk {
        /// The id of the answer, the same on each piece.
        def id: SharedStr = "id" or SharedStr::default(),
        /// Always `chat.completion.chunk`.
        def object: SharedStr = "object" or SharedStr::from("chat.completion.chunk"),
        /// Seconds since 1970, the same on each piece.
        def created: i64 = "created" or 0,
        /// The model that answers, the same on each piece.
        def model: SharedStr = "model" or SharedStr::default(),
        /// What is new.
        def choices: Vec<ChunkChoice> = "choices" or Vec::new(),
        /// Tokens used, on the last piece.
        opt usage: Usage = "usage",
        /// The provider's configuration.
        opt system_fingerprint: SharedStr = "system_fingerprint",
        /// The class of service that is used.
        opt service_tier: SharedStr = "service_tier",
        /// What the gateway did, on the last piece.
        opt lockgate: Metadata = "lockgate",
    }
}
