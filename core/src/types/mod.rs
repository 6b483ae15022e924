//! Chat in OpenAI's shapes. Every object keeps the fields it does not know, word for word, in both directions.

mod chunk;
mod content;
mod embed;
mod error;
pub(crate) mod extra;
mod finish;
mod message;
mod metadata;
mod model;
pub(crate) mod object;
mod read;
mod request;
mod response;
mod shared;
mod tool;
mod usage;
mod validate;

pub use chunk::{Chunk, ChunkChoice, CustomDelta, Delta, FunctionDelta, ToolCallDelta};
pub use content::{Content, FileRef, ImageUrl, InputAudio, Part};
pub(crate) use embed::EmbedInput;
pub use embed::{EmbedRequest, EmbedResponse, Embedding};
pub use error::{ErrorBody, ErrorObject};
pub use extra::{Extra, Raw};
pub use finish::FinishReason;
pub use message::{Message, Role, ThinkingBlock};
pub use metadata::{Metadata, Usd};
pub use model::{LongPromptPricing, Model, ModelList, ModelPricing};
pub(crate) use read::read_body;
pub use request::{ChatRequest, JsonSchema, ResponseFormat, Stop, StreamOptions};
pub use response::{ChatResponse, Choice};
pub use shared::SharedStr;
pub use tool::{CustomCall, FunctionCall, FunctionDef, FunctionName, Tool, ToolCall, ToolChoice};
pub use usage::{CompletionDetails, PromptDetails, Usage};
