//! The faults a script can ask for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One thing that goes wrong, or one answer told beforehand. In JSON the variant is the field `kind`.
///
/// A position is `after_bytes` (bytes of the body) or `after_events` (whole stream events); on an answer that is not a
/// stream, an event position above 0 means half of the body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Answers with a status, and the vendor's error body for it.
    Status(StatusFault),
    /// Resets the connection before any byte of the answer.
    Reset,
    /// Resets the connection after some bytes of the body.
    ResetAfter(ResetAfter),
    /// Falls silent before the headers or inside the body.
    Stall(Stall),
    /// Ends the answer early.
    Cut(Cut),
    /// Writes the body in small pieces that split characters and lines.
    SplitUtf8(SplitUtf8),
    /// Breaks the JSON of one event, or of the whole body.
    MalformedJson(Malformed),
    /// Sends the vendor's error object inside a 200 answer, then ends.
    ErrorInStream(ErrorInStream),
    /// Answers 200 with nothing but the terminal event; an empty body when not a stream.
    EmptyStream,
    /// Sends every event but the terminal one.
    NoDone,
    /// Waits before the headers.
    SlowHeaders(Pace),
    /// Waits before every event.
    SlowEvents(Pace),
    /// Finishes for another reason than the answer's own.
    Finish(Finish),
    /// Reports no usage.
    NoUsage,
    /// Answers this text.
    Reply(Reply),
    /// Reports these usage fields over the counted ones.
    Usage(Map<String, Value>),
    /// Answers these tool calls.
    ToolCalls(ToolCalls),
    /// Reports this many reasoning tokens.
    Reasoning(Reasoning),
}

/// See [`Fault::Status`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusFault {
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// `retry-after`, word for word: seconds or an HTTP date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// `retry-after-ms`, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The error's message; the vendor's own for this status when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The error's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The error's type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// A raw body in place of the error object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Further response headers, replacing those of the same name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// See [`Fault::ResetAfter`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetAfter {
    /// Bytes of the body delivered before the reset.
    pub bytes: u64,
}

/// Where a [`Stall`] happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StallStage {
    /// Before the status line.
    Headers,
    /// Inside the body.
    Body,
}

/// See [`Fault::Stall`]. Without a stage it is `headers`, or `body` when a position is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stall {
    /// Silence in milliseconds; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Where the silence begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<StallStage>,
    /// Bytes of the body sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<u64>,
    /// Events sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_events: Option<u64>,
}

/// How a [`Cut`] ends the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CutClose {
    /// The HTTP message ends properly, so that only the protocol above can tell. A body with a content-length cannot,
    /// and is dropped.
    #[default]
    End,
    /// The connection closes in the middle of the HTTP message.
    Drop,
}

/// See [`Fault::Cut`]. Without a position: half of the body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cut {
    /// Bytes of the body sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_bytes: Option<u64>,
    /// Events sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_events: Option<u64>,
    /// How it ends.
    pub close: CutClose,
}

/// See [`Fault::SplitUtf8`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitUtf8 {
    /// Bytes per write, from 1; when absent, every multi-byte character is split after its first byte, and every line
    /// after seven bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_bytes: Option<u64>,
}

/// See [`Fault::MalformedJson`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Malformed {
    /// Good events before the broken one.
    pub after_events: u64,
}

/// See [`Fault::ErrorInStream`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorInStream {
    /// Good events before the error.
    pub after_events: u64,
    /// The error's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The error's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The error's type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
}

/// See [`Fault::SlowHeaders`] and [`Fault::SlowEvents`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Milliseconds waited each time.
    pub ms: u64,
}

/// See [`Fault::Finish`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// The finish reason, as the vendor spells it: `length`, `content_filter`, …
    pub reason: String,
}

/// See [`Fault::Reply`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The whole text answered, still subject to `stop` and token limits.
    pub text: String,
}

/// See [`Fault::ToolCalls`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCalls {
    /// The calls, in order.
    pub calls: Vec<ToolCallScript>,
}

/// One scripted tool call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCallScript {
    /// The function's name.
    pub name: String,
    /// Arguments: a string is sent word for word, anything else as its JSON.
    pub arguments: Value,
}

/// See [`Fault::Reasoning`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reasoning {
    /// Reasoning tokens counted and reported.
    pub tokens: u64,
}

impl Fault {
    /// Every `kind`.
    pub const KINDS: &'static [&'static str] = &[
        "status",
        "reset",
        "reset_after",
        "stall",
        "cut",
        "split_utf8",
        "malformed_json",
        "error_in_stream",
        "empty_stream",
        "no_done",
        "slow_headers",
        "slow_events",
        "finish",
        "no_usage",
        "reply",
        "usage",
        "tool_calls",
        "reasoning",
    ];

    /// Answers `status` with the vendor's error body for it.
    pub fn status(status: u16) -> Self {
        Self::Status(StatusFault { status, ..StatusFault::default() })
    }

    /// Adds a `retry-after` header to a [`Fault::Status`]; other kinds stay as they are.
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        if let Self::Status(fault) = &mut self {
            fault.retry_after = Some(value.into());
        }
        self
    }

    /// Ends the answer, properly as HTTP goes, after `events` stream events.
    pub fn cut_after_events(events: u64) -> Self {
        Self::Cut(Cut { after_events: Some(events), ..Cut::default() })
    }

    /// Closes the connection after `bytes` of the body.
    pub fn drop_after_bytes(bytes: u64) -> Self {
        Self::Cut(Cut { after_bytes: Some(bytes), close: CutClose::Drop, ..Cut::default() })
    }

    /// Resets the connection after `bytes` of the body.
    pub fn reset_after(bytes: u64) -> Self {
        Self::ResetAfter(ResetAfter { bytes })
    }

    /// Falls silent for ever before the headers.
    pub fn stall_headers() -> Self {
        Self::Stall(Stall { stage: Some(StallStage::Headers), ..Stall::default() })
    }

    /// Falls silent for ever after `events` stream events.
    pub fn stall_after_events(events: u64) -> Self {
        Self::Stall(Stall { after_events: Some(events), ..Stall::default() })
    }

    /// Writes the body `bytes` bytes at a time.
    pub fn split_every(bytes: u64) -> Self {
        Self::SplitUtf8(SplitUtf8 { chunk_bytes: Some(bytes) })
    }

    /// Sends broken JSON after `events` good events.
    pub fn malformed_after(events: u64) -> Self {
        Self::MalformedJson(Malformed { after_events: events })
    }

    /// Sends an error object inside the stream after `events` good events.
    pub fn error_after(events: u64) -> Self {
        Self::ErrorInStream(ErrorInStream { after_events: events, ..ErrorInStream::default() })
    }

    /// Waits `ms` milliseconds before the headers.
    pub fn slow_headers(ms: u64) -> Self {
        Self::SlowHeaders(Pace { ms })
    }

    /// Waits `ms` milliseconds before every event.
    pub fn slow_events(ms: u64) -> Self {
        Self::SlowEvents(Pace { ms })
    }

    /// Finishes with `reason`.
    pub fn finish(reason: impl Into<String>) -> Self {
        Self::Finish(Finish { reason: reason.into() })
    }

    /// Answers `text`.
    pub fn reply(text: impl Into<String>) -> Self {
        Self::Reply(Reply { text: text.into() })
    }

    /// Whether the client cannot have got a sound answer, though it stayed to the end.
    pub(crate) fn breaks_the_answer(&self) -> bool {
        match self {
            Self::Status(_)
            | Self::Reset
            | Self::ResetAfter(_)
            | Self::Cut(_)
            | Self::MalformedJson(_)
            | Self::ErrorInStream(_)
            | Self::EmptyStream
            | Self::NoDone => true,
            Self::Stall(_)
            | Self::SplitUtf8(_)
            | Self::SlowHeaders(_)
            | Self::SlowEvents(_)
            | Self::Finish(_)
            | Self::NoUsage
            | Self::Reply(_)
            | Self::Usage(_)
            | Self::ToolCalls(_)
            | Self::Reasoning(_) => false,
        }
    }

    /// What is wrong with the values, naming field, value and what is allowed.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Status(fault) => {
                if !(200..=599).contains(&fault.status) {
                    return Err(format!("`status` is {}, expected 200 to 599", fault.status));
                }
                for (name, value) in &fault.headers {
                    http::HeaderName::try_from(name.as_str()).map_err(|_| {
                        format!("`headers` has the name `{name}`, expected an HTTP header name")
                    })?;
                    http::HeaderValue::try_from(value.as_str())
                        .map_err(|_| format!("`headers.{name}` is {value:?}, expected visible ASCII"))?;
                }
                match &fault.retry_after {
                    Some(value) if http::HeaderValue::try_from(value.as_str()).is_err() => {
                        Err(format!("`retry_after` is {value:?}, expected visible ASCII"))
                    }
                    _ => Ok(()),
                }
            }
            Self::Stall(Stall { after_bytes: Some(_), after_events: Some(_), .. })
            | Self::Cut(Cut { after_bytes: Some(_), after_events: Some(_), .. }) => {
                Err("`after_bytes` and `after_events` are both set, expected at most one".to_owned())
            }
            Self::SplitUtf8(SplitUtf8 { chunk_bytes: Some(0) }) => {
                Err("`chunk_bytes` is 0, expected at least 1".to_owned())
            }
            _ => Ok(()),
        }
    }
}
