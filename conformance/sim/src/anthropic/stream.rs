//! The answer as server-sent events.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::anthropic::message::{Block, Caller, Citation, Ending, Told};
use crate::anthropic::usage::{Usage, at_end, at_start};
use crate::model::Reported;
use crate::plan::{Event, EventKind};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Sent<'a> {
    MessageStart {
        message: Opening<'a>,
    },
    ContentBlockStart {
        index: usize,
        content_block: Started<'a>,
    },
    Ping,
    ContentBlockDelta {
        index: usize,
        delta: Delta<'a>,
    },
    ContentBlockStop {
        index: usize,
    },
    MessageDelta {
        delta: &'a Ending,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<Reported<Usage>>,
    },
    MessageStop,
}

impl Sent<'_> {
    /// The name of the event, which its data repeats as `type`.
    fn name(&self) -> &'static str {
        match self {
            Sent::MessageStart { .. } => "message_start",
            Sent::ContentBlockStart { .. } => "content_block_start",
            Sent::Ping => "ping",
            Sent::ContentBlockDelta { .. } => "content_block_delta",
            Sent::ContentBlockStop { .. } => "content_block_stop",
            Sent::MessageDelta { .. } => "message_delta",
            Sent::MessageStop => "message_stop",
        }
    }
}

/// The message before anything is said.
#[derive(Serialize)]
struct Opening<'a> {
    model: &'a str,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    content: [(); 0],
    stop_reason: (),
    stop_sequence: (),
    stop_details: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Reported<Usage>>,
}

/// A block before anything is in it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Started<'a> {
    Thinking {
        thinking: &'static str,
        signature: &'static str,
    },
    RedactedThinking {
        data: &'a str,
    },
    Text {
        #[serde(skip_serializing_if = "Option::is_none")]
        citations: Option<[(); 0]>,
        text: &'static str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Empty,
        caller: Caller,
    },
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Delta<'a> {
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "citations_delta")]
    Citations { citation: &'a Citation },
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

/// One event of the stream.
pub(crate) fn frame(name: &str, data: &str) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

#[derive(Default)]
struct Writer(Vec<Event>);

impl Writer {
    fn send(&mut self, sent: &Sent<'_>, usage: Option<Value>) {
        let bytes = frame(sent.name(), &serde_json::to_string(sent).unwrap_or_default());
        let kind = if matches!(sent, Sent::MessageStop) { EventKind::Terminal } else { EventKind::Part };
        self.0.push(Event { bytes, kind, usage });
    }

    fn delta(&mut self, index: usize, delta: Delta<'_>) {
        self.send(&Sent::ContentBlockDelta { index, delta }, None);
    }

    fn block(&mut self, index: usize, block: &Block) {
        let content_block = match block {
            Block::Thinking { .. } => Started::Thinking { thinking: "", signature: "" },
            Block::Sealed { data } => Started::RedactedThinking { data },
            Block::Text { citation, .. } => {
                Started::Text { citations: citation.as_ref().map(|_| []), text: "" }
            }
            Block::Tool { id, name, .. } => {
                Started::ToolUse { id, name, input: Empty {}, caller: Caller::DIRECT }
            }
        };
        self.send(&Sent::ContentBlockStart { index, content_block }, None);
        if index == 0 {
            self.send(&Sent::Ping, None);
        }
        match block {
            Block::Thinking { shown, signature } => {
                shown.iter().for_each(|thinking| self.delta(index, Delta::Thinking { thinking }));
                self.delta(index, Delta::Signature { signature });
            }
            Block::Sealed { .. } => {}
            Block::Text { words, citation } => {
                words.iter().for_each(|text| self.delta(index, Delta::Text { text }));
                if let Some(citation) = citation {
                    self.delta(index, Delta::Citations { citation });
                }
            }
            Block::Tool { input, .. } => {
                self.delta(index, Delta::InputJson { partial_json: "" });
                // A call without arguments has no more than that.
                let pieces = input.iter().filter(|_| input.concat() != "{}");
                pieces.for_each(|partial_json| self.delta(index, Delta::InputJson { partial_json }));
            }
        }
        self.send(&Sent::ContentBlockStop { index }, None);
    }
}

/// The events of an answer, the terminal one included.
pub(crate) fn events(told: &Told<'_>) -> Vec<Event> {
    let mut writer = Writer::default();
    let first = told.usage.as_ref().map(at_start);
    let message = Opening {
        model: told.model,
        id: &told.id,
        kind: "message",
        role: "assistant",
        content: [],
        stop_reason: (),
        stop_sequence: (),
        stop_details: (),
        usage: first.clone(),
    };
    writer.send(&Sent::MessageStart { message }, first.as_ref().map(Reported::value));
    for (index, block) in told.blocks.iter().enumerate() {
        writer.block(index, block);
    }
    let last = told.usage.as_ref().map(at_end);
    writer.send(
        &Sent::MessageDelta { delta: &told.ending, usage: last },
        told.usage.as_ref().map(Reported::value),
    );
    writer.send(&Sent::MessageStop, None);
    writer.0
}
