//! The answer in pieces: as server-sent events, or as an array.

use bytes::Bytes;
use serde_json::Value;

use crate::fault::Fault;
use crate::gemini::chunk::{Candidate, Chunk, Content, Logprobs, Part, Told};
use crate::gemini::generate::{Composed, thought};
use crate::gemini::usage::{self, Usage};
use crate::model::{Choice, Said, reported};
use crate::plan::{Event, EventKind};

/// What ends every event.
pub(crate) const FRAME_END: &[u8] = b"\r\n\r\n";

/// Tokens of one chunk at most: the first come one by one, then more at once.
const LARGEST: usize = 8;

/// One event of the stream.
pub(crate) fn frame(data: &str) -> Bytes {
    format!("data: {data}\r\n\r\n").into()
}

/// What one chunk brings of one choice.
#[derive(Default)]
struct Piece {
    parts: Vec<Part>,
    logprobs: Option<Logprobs>,
    /// Tokens of the answer in it.
    tokens: u64,
    finish: Option<(String, Option<String>)>,
}

/// The events of an answer. There is no last event of its own: the last piece is the end.
pub(crate) fn events(composed: &Composed<'_>, faults: &[&Fault]) -> Vec<Event> {
    let chunks = chunks(composed, faults);
    let last = chunks.len().saturating_sub(1);
    let events = chunks.into_iter().enumerate();
    events
        .map(|(at, chunk)| Event {
            bytes: frame(&serde_json::to_string(&chunk).unwrap_or_default()),
            kind: if at == last { EventKind::Last } else { EventKind::Part },
            usage: chunk.usage_metadata.as_ref().map(Told::value),
        })
        .collect()
}

/// The same chunks as one array, and the usage it tells.
pub(crate) fn array(composed: &Composed<'_>, faults: &[&Fault]) -> (Bytes, Option<Value>) {
    let chunks = chunks(composed, faults);
    let usage = chunks.last().and_then(|chunk| chunk.usage_metadata.as_ref()).map(Told::value);
    let chunks: Vec<String> =
        chunks.iter().map(|chunk| serde_json::to_string_pretty(chunk).unwrap_or_default()).collect();
    (format!("[{}\r\n]\r\n", chunks.join(",\r\n")).into(), usage)
}

fn chunks<'a>(composed: &'a Composed<'_>, faults: &[&Fault]) -> Vec<Chunk<'a>> {
    let thoughts = composed.reply.counted.thinking;
    let told = |answer| reported(Usage::new(composed.prompt, answer, thoughts), faults, usage::change);
    if composed.is_blocked() {
        return vec![composed.blocked(told(0))];
    }
    let mut answer = 0;
    let mut chunks = Vec::new();
    let choices = &composed.reply.choices;
    let mut tracks: Vec<_> =
        choices.iter().map(|choice| (choice.index, pieces(composed, choice).into_iter())).collect();
    // The candidates of a stream arrive interleaved, each at its own length.
    loop {
        let before = chunks.len();
        for (index, track) in &mut tracks {
            let Some(piece) = track.next() else { continue };
            answer += piece.tokens;
            let (finish_reason, finish_message) = piece.finish.unzip();
            let candidate = Candidate {
                content: Some(Content::new(piece.parts)),
                finish_reason,
                index: *index,
                finish_message: finish_message.flatten(),
                avg_logprobs: None,
                logprobs_result: piece.logprobs,
            };
            chunks.push(Chunk { candidates: vec![candidate], ..composed.empty(told(answer)) });
        }
        if chunks.len() == before {
            return chunks;
        }
    }
}

/// The pieces of one choice; the last has its finish.
fn pieces(composed: &Composed<'_>, choice: &Choice) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if composed.shows_thoughts {
        let thoughts = grouped(&choice.thinking).map(|tokens| thought(tokens.concat()));
        pieces.extend(thoughts.map(|part| Piece { parts: vec![part], ..Piece::default() }));
    }
    let mut broken = None;
    let mut end = Piece::default();
    match &choice.said {
        Said::Text(tokens) | Said::Refusal(tokens) => {
            pieces.extend(grouped(tokens).map(|tokens| Piece {
                parts: vec![Part { text: Some(tokens.concat()), ..Part::default() }],
                logprobs: composed.logprobs.map(|top| Logprobs::new(tokens, top)),
                tokens: count(tokens),
                finish: None,
            }));
            end.parts = vec![empty(composed.seals.then(|| composed.seal_text("")))];
        }
        Said::Calls(calls) => match composed.calls(calls, &choice.finish) {
            Ok(parts) => {
                pieces.extend(parts.into_iter().zip(calls).map(|(part, call)| Piece {
                    parts: vec![part],
                    tokens: call.tokens(),
                    ..Piece::default()
                }));
                end.parts = vec![empty(None)];
            }
            Err(message) => broken = Some(message),
        },
    }
    end.finish = Some((composed.finish(choice, broken.is_some()), broken));
    pieces.push(end);
    pieces
}

/// A part that says nothing, as the last of a stream.
fn empty(thought_signature: Option<String>) -> Part {
    Part { text: Some(String::new()), thought_signature, ..Part::default() }
}

/// The tokens in groups of 1, 2, 4 and 8, then of [`LARGEST`].
fn grouped(tokens: &[String]) -> impl Iterator<Item = &[String]> {
    let (mut rest, mut size) = (tokens, 1);
    std::iter::from_fn(move || {
        let (group, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        size = (size * 2).min(LARGEST);
        (!group.is_empty()).then_some(group)
    })
}

fn count(tokens: &[String]) -> u64 {
    u64::try_from(tokens.len()).unwrap_or(u64::MAX)
}
