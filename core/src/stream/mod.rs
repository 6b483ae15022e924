//! Streams: the framer of server-sent events, the one grammar, its laws, and the ways in and out of it.

mod event;

pub use event::{Carry, Delta, Event, Piece, Start, ToolForm, ToolPiece};
