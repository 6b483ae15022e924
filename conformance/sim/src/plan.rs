//! From an answer and its faults to the steps the connection takes.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::fault::{CutClose, Fault, StallStage};
use crate::wire::Close;

/// What a stream event is, as far as faults care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// Part of the answer.
    Part,
    /// The event by which clients know that the stream is whole.
    Terminal,
    /// The same, where no event is for that alone: the last part of the answer.
    Last,
}

/// One event of a stream, framed.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) bytes: Bytes,
    pub(crate) kind: EventKind,
    /// The usage this event reports.
    pub(crate) usage: Option<Value>,
}

/// The body of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Whole { bytes: Bytes, usage: Option<Value> },
    Stream(Vec<Event>),
}

/// A provider's answer, before faults.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
    /// Usage counted, whether or not the answer reports it.
    pub(crate) usage: Option<Value>,
}

impl Answer {
    /// A JSON answer with status 200: `usage` as it was counted, and as the body reports it.
    pub(crate) fn json(body: &impl Serialize, usage: Option<Value>, reported: Option<Value>) -> Self {
        let mut headers = HeaderMap::new();
        set_header(&mut headers, "content-type", "application/json");
        let bytes = serde_json::to_vec(body).unwrap_or_default().into();
        Self { status: StatusCode::OK, headers, content: Content::Whole { bytes, usage: reported }, usage }
    }
}

/// What the generic faults need to know of a vendor's dialect.
pub(crate) trait Dialect {
    /// The error object inside a 200 answer: framed for a stream, bare otherwise.
    fn error_inside(&self, fault: &crate::fault::ErrorInStream, framed: bool) -> Bytes;

    /// The bytes that end every event of a stream, so that a torn one is still told from the next.
    fn frame_end(&self) -> &'static [u8];
}

/// One step of writing a body.
#[derive(Debug)]
pub(crate) enum Step {
    Send {
        bytes: Bytes,
        events: u64,
        usage: Option<Value>,
    },
    Wait(Duration),
    /// Silence until the client leaves.
    Hang,
    /// Lets the connection write out what it has.
    Flush,
    Close(Close),
}

/// What happens before the status line.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    pub(crate) wait: Duration,
    pub(crate) hang: bool,
    pub(crate) reset: bool,
}

/// The steps of one answer.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) opening: Opening,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The content-length told; none for a stream.
    pub(crate) length: Option<u64>,
    pub(crate) steps: VecDeque<Step>,
}

/// Silence asked for by `ms`: none means for ever.
fn silence(ms: Option<u64>) -> Step {
    ms.map_or(Step::Hang, |ms| Step::Wait(Duration::from_millis(ms)))
}

/// Lays out `answer` as `faults` want it; `pace` is the wait before each event of a healthy stream.
pub(crate) fn plan(mut answer: Answer, faults: &[&Fault], dialect: &dyn Dialect, pace: Duration) -> Plan {
    for fault in faults {
        change_content(&mut answer.content, fault, dialect);
    }
    let mut opening = Opening::default();
    let mut pace = pace;
    for fault in faults {
        match fault {
            Fault::Reset => opening.reset = true,
            Fault::SlowHeaders(slow) => opening.wait += Duration::from_millis(slow.ms),
            Fault::SlowEvents(slow) => pace += Duration::from_millis(slow.ms),
            Fault::Stall(stall) if at_headers(stall) => match stall.ms {
                Some(ms) => opening.wait += Duration::from_millis(ms),
                None => opening.hang = true,
            },
            _ => {}
        }
    }
    let (length, mut steps) = match answer.content {
        Content::Whole { bytes, usage } => {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let mut steps = Steps { list: VecDeque::new(), stream: false };
            if !bytes.is_empty() {
                steps.list.push_back(Step::Send { bytes, events: 0, usage });
            }
            (Some(length), steps)
        }
        Content::Stream(events) => {
            let mut list = VecDeque::with_capacity(events.len());
            for event in events {
                if !pace.is_zero() {
                    list.push_back(Step::Wait(pace));
                }
                list.push_back(Step::Send { bytes: event.bytes, events: 1, usage: event.usage });
            }
            (None, Steps { list, stream: true })
        }
    };
    for fault in faults {
        steps.change(fault);
    }
    let mut list = steps.list;
    for fault in faults {
        if let Fault::SplitUtf8(split) = fault {
            list = split_writes(list, split.chunk_bytes);
        }
    }
    Plan { opening, status: answer.status, headers: answer.headers, length, steps: list }
}

fn at_headers(stall: &crate::fault::Stall) -> bool {
    match stall.stage {
        Some(stage) => stage == StallStage::Headers,
        None => stall.after_bytes.is_none() && stall.after_events.is_none(),
    }
}

/// Faults that change what is said, not how it is sent.
fn change_content(content: &mut Content, fault: &Fault, dialect: &dyn Dialect) {
    match (fault, content) {
        (Fault::EmptyStream, Content::Stream(events)) => {
            events.retain(|event| event.kind == EventKind::Terminal)
        }
        (Fault::EmptyStream, Content::Whole { bytes, usage }) => {
            *bytes = Bytes::new();
            *usage = None;
        }
        (Fault::NoDone, Content::Stream(events)) => events.retain(|event| event.kind == EventKind::Part),
        (Fault::MalformedJson(broken), Content::Stream(events)) => {
            let place = usize::try_from(broken.after_events).unwrap_or(usize::MAX);
            if let Some(event) = events.get_mut(place) {
                let mut torn = torn(&event.bytes).to_vec();
                torn.extend_from_slice(dialect.frame_end());
                event.bytes = torn.into();
                event.usage = None;
            }
        }
        (Fault::MalformedJson(_), Content::Whole { bytes, usage }) => {
            *bytes = torn(bytes);
            *usage = None;
        }
        (Fault::ErrorInStream(error), Content::Stream(events)) => {
            events.truncate(usize::try_from(error.after_events).unwrap_or(usize::MAX));
            events.push(Event {
                bytes: dialect.error_inside(error, true),
                kind: EventKind::Part,
                usage: None,
            });
        }
        (Fault::ErrorInStream(error), Content::Whole { bytes, usage }) => {
            *bytes = dialect.error_inside(error, false);
            *usage = None;
        }
        _ => {}
    }
}

/// The first three fifths of some JSON, ending on a character.
fn torn(bytes: &Bytes) -> Bytes {
    let mut end = bytes.len() * 3 / 5;
    while end > 0 && bytes.get(end).is_some_and(|byte| is_continuation(*byte)) {
        end -= 1;
    }
    bytes.slice(..end)
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

struct Steps {
    list: VecDeque<Step>,
    stream: bool,
}

impl Steps {
    fn change(&mut self, fault: &Fault) {
        match fault {
            Fault::ResetAfter(reset) => {
                let place = self.after_bytes(reset.bytes);
                self.list.truncate(place);
                self.list.push_back(Step::Close(Close::Reset));
            }
            Fault::Cut(cut) => {
                let place = match (cut.after_bytes, cut.after_events) {
                    (None, None) => self.after_bytes(self.total() / 2),
                    (bytes, events) => self.position(bytes, events),
                };
                let whole = place >= self.list.len();
                self.list.truncate(place);
                if cut.close == CutClose::Drop || (!self.stream && !whole) {
                    self.list.push_back(Step::Close(Close::Drop));
                }
            }
            Fault::Stall(stall) if !at_headers(stall) => {
                let place = self.position(stall.after_bytes, stall.after_events);
                self.list.insert(place, silence(stall.ms));
            }
            _ => {}
        }
    }

    fn total(&self) -> u64 {
        self.list.iter().map(|step| if let Step::Send { bytes, .. } = step { length(bytes) } else { 0 }).sum()
    }

    fn position(&mut self, bytes: Option<u64>, events: Option<u64>) -> usize {
        match (bytes, events) {
            (Some(bytes), _) => self.after_bytes(bytes),
            (None, None | Some(0)) => 0,
            (None, Some(events)) if self.stream => self.after_events(events),
            (None, Some(_)) => self.after_bytes(self.total() / 2),
        }
    }

    fn after_events(&self, events: u64) -> usize {
        let mut left = events;
        for (place, step) in self.list.iter().enumerate() {
            if let Step::Send { events, .. } = step {
                left = left.saturating_sub(*events);
                if left == 0 {
                    return place + 1;
                }
            }
        }
        self.list.len()
    }

    /// The place after `bytes` bytes, splitting the step that holds it.
    fn after_bytes(&mut self, bytes: u64) -> usize {
        let mut left = bytes;
        let mut split = None;
        for (place, step) in self.list.iter_mut().enumerate() {
            let Step::Send { bytes, .. } = step else { continue };
            if left == 0 {
                return place;
            }
            if left < length(bytes) {
                let head = bytes.split_to(usize::try_from(left).unwrap_or(usize::MAX));
                split = Some((place, head));
                break;
            }
            left -= length(bytes);
        }
        match split {
            Some((place, head)) => {
                self.list.insert(place, Step::Send { bytes: head, events: 0, usage: None });
                place + 1
            }
            None => self.list.len(),
        }
    }
}

fn length(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Cuts every write in pieces, each flushed on its own.
fn split_writes(list: VecDeque<Step>, chunk: Option<u64>) -> VecDeque<Step> {
    let mut split = VecDeque::new();
    for step in list {
        let Step::Send { mut bytes, events, usage } = step else {
            split.push_back(step);
            continue;
        };
        loop {
            let size = piece(&bytes, chunk);
            if size >= bytes.len() {
                break;
            }
            split.push_back(Step::Send { bytes: bytes.split_to(size), events: 0, usage: None });
            split.push_back(Step::Flush);
        }
        split.push_back(Step::Send { bytes, events, usage });
        split.push_back(Step::Flush);
    }
    // The body must end with its last byte, not with a turn of the connection.
    if matches!(split.back(), Some(Step::Flush)) {
        split.pop_back();
    }
    split
}

/// Bytes of the next piece: `chunk`, or up to seven, but inside the first multi-byte character.
fn piece(bytes: &Bytes, chunk: Option<u64>) -> usize {
    match chunk {
        Some(chunk) => usize::try_from(chunk).unwrap_or(usize::MAX).max(1),
        None => {
            let lead = bytes.iter().take(7).position(|byte| byte & 0b1100_0000 == 0b1100_0000);
            lead.map_or(7, |place| place + 1)
        }
    }
}

/// Sets a header that is known to be well formed; one that is not is left out.
pub(crate) fn set_header(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(text: &'static str) -> Step {
        Step::Send { bytes: Bytes::from_static(text.as_bytes()), events: 1, usage: None }
    }

    fn written(list: &VecDeque<Step>) -> Vec<Vec<u8>> {
        let bytes =
            |step: &Step| if let Step::Send { bytes, .. } = step { Some(bytes.to_vec()) } else { None };
        list.iter().filter_map(bytes).collect()
    }

    #[test]
    fn default_split_falls_inside_every_multi_byte_character() {
        let text = "data: {\"x\":\"héé 雪🦀\"}\n\n";
        let list = split_writes(VecDeque::from([send(text)]), None);
        let pieces = written(&list);
        assert_eq!(pieces.concat(), text.as_bytes());
        let mut offset = 0;
        let boundaries: Vec<usize> = pieces
            .iter()
            .map(|piece| {
                offset += piece.len();
                offset
            })
            .collect();
        for (start, character) in text.char_indices().filter(|(_, character)| character.len_utf8() > 1) {
            let inside = start + 1..start + character.len_utf8();
            assert!(boundaries.iter().any(|boundary| inside.contains(boundary)), "{character} is whole");
        }
    }

    #[test]
    fn a_byte_position_splits_the_event_that_holds_it() {
        let mut steps = Steps { list: VecDeque::from([send("abcd"), send("efgh")]), stream: true };
        let place = steps.after_bytes(6);
        assert_eq!(place, 2);
        assert_eq!(written(&steps.list), [b"abcd".to_vec(), b"ef".to_vec(), b"gh".to_vec()]);
        assert_eq!(steps.after_bytes(8), 3);
        assert_eq!(steps.after_bytes(0), 0);
        assert_eq!(steps.after_bytes(4), 1);
    }

    #[test]
    fn a_torn_body_is_not_json() {
        let whole = Bytes::from_static("{\"a\":\"雪雪雪雪雪\"}".as_bytes());
        let torn = torn(&whole);
        assert!(std::str::from_utf8(&torn).is_ok());
        assert!(serde_json::from_slice::<Value>(&torn).is_err());
    }
}
