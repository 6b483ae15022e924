//! Streams: the framers of server-sent events and of lines of JSON, the one grammar, its laws, and the ways in and out
//! of it.

mod assemble;
mod encode;
mod event;
mod law;
mod lists;
mod merge;
mod ndjson;
mod replay;
mod sse;

pub use assemble::Assembler;
pub(crate) use encode::write_event;
pub use encode::{DONE, Encoder, KEEP_ALIVE, write_chunk, write_error};
pub use event::{Carry, Delta, Event, Piece, Start, ToolForm, ToolPiece};
pub use law::{Broken, Lawful, Laws};
pub use lists::Lists;
pub use ndjson::Lines;
pub use replay::replay;
pub use sse::{Frame, Framer, MAX_EVENT_BYTES, TooLarge};
