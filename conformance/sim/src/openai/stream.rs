//! The answer as server-sent events.

use bytes::Bytes;
use serde::Serialize;

use crate::model::{Choice, Reply, Said, ToolCall, hash, letters};
use crate::openai::chat::{Identity, Logprobs, Told, call_id, finish_reason};
use crate::openai::request::ChatRequest;
use crate::plan::{Event, EventKind};

/// One chunk, its fields in the vendor's order.
#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    service_tier: &'a str,
    system_fingerprint: Option<&'a str>,
    choices: Vec<ChunkChoice<'a>>,
    /// Absent unless usage was asked for; null until the last chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<&'a Told>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    obfuscation: Option<String>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: u64,
    delta: Delta<'a>,
    /// Absent on thinking models.
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Option<Logprobs>>,
    finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallDelta<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    call_type: Option<&'static str>,
    function: FunctionDelta<'a>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

/// A delta with the log probabilities that go with it.
type Piece<'a> = (Delta<'a>, Option<Logprobs>);

struct Writer<'a> {
    identity: &'a Identity<'a>,
    include_usage: bool,
    obfuscate: bool,
    events: Vec<Event>,
}

impl<'a> Writer<'a> {
    fn choice(&mut self, index: u64, piece: Piece<'a>, finish: Option<&'a str>) {
        let (delta, logprobs) = piece;
        let logprobs = (!self.identity.reasons || logprobs.is_some()).then_some(logprobs);
        self.chunk(vec![ChunkChoice { index, delta, logprobs, finish_reason: finish }], None);
    }

    fn chunk(&mut self, choices: Vec<ChunkChoice<'a>>, usage: Option<&Told>) {
        let place = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        let chunk = Chunk {
            id: &self.identity.id,
            object: "chat.completion.chunk",
            created: self.identity.created,
            model: self.identity.model,
            service_tier: self.identity.service_tier,
            system_fingerprint: self.identity.system_fingerprint.as_deref(),
            choices,
            usage: self.include_usage.then_some(usage),
            obfuscation: self.obfuscate.then(|| {
                let seed = hash(self.identity.id.as_bytes()) ^ place;
                letters(seed, usize::try_from(seed % 15).unwrap_or_default() + 1)
            }),
        };
        let bytes = frame(&serde_json::to_string(&chunk).unwrap_or_default());
        self.events.push(Event { bytes, kind: EventKind::Part, usage: usage.map(Told::value) });
    }
}

/// One event of the stream.
pub(crate) fn frame(data: &str) -> Bytes {
    format!("data: {data}\n\n").into()
}

/// The events of an answer, the terminal one included.
pub(crate) fn events(
    identity: &Identity<'_>,
    request: &ChatRequest<'_>,
    reply: &Reply,
    usage: Option<Told>,
) -> Vec<Event> {
    let mut writer = Writer {
        identity,
        include_usage: request.include_usage && usage.is_some(),
        obfuscate: request.obfuscate,
        events: Vec::new(),
    };
    let mut tracks: Vec<_> = reply
        .choices
        .iter()
        .map(|choice| {
            let pieces = pieces(choice, request.logprobs, identity.thinks_aloud);
            (choice.index, finish_reason(&choice.finish), pieces.into_iter(), false)
        })
        .collect();
    for choice in &reply.choices {
        writer.choice(choice.index, (opening(choice, identity.thinks_aloud), None), None);
    }
    // The choices of a stream arrive interleaved, each at its own length.
    while tracks.iter().any(|(.., finished)| !finished) {
        for (index, finish, pieces, finished) in tracks.iter_mut().filter(|(.., finished)| !finished) {
            match pieces.next() {
                Some(piece) => writer.choice(*index, piece, None),
                None => {
                    *finished = true;
                    writer.choice(*index, (Delta::default(), None), Some(finish));
                }
            }
        }
    }
    if writer.include_usage {
        writer.chunk(Vec::new(), usage.as_ref());
    }
    let mut events = writer.events;
    events.push(Event { bytes: frame("[DONE]"), kind: EventKind::Terminal, usage: None });
    events
}

/// The first delta, with the role. One call's identity comes in it; several follow a role without text.
/// Thinking that is told comes between the role and everything else.
fn opening(choice: &Choice, aloud: bool) -> Delta<'_> {
    let role = Some("assistant");
    if aloud {
        return Delta { role, content: Some(None), reasoning_content: Some(""), ..Delta::default() };
    }
    match &choice.said {
        Said::Text(_) | Said::Refusal(_) => {
            Delta { role, content: Some(Some("")), refusal: Some(None), ..Delta::default() }
        }
        Said::Calls(calls) => match calls.as_slice() {
            [only] => {
                let tool_calls = vec![call_head(0, only)];
                Delta { role, content: Some(None), tool_calls, refusal: Some(None), ..Delta::default() }
            }
            _ => Delta { role, content: Some(None), ..Delta::default() },
        },
    }
}

fn pieces(choice: &Choice, logprobs: Option<u64>, aloud: bool) -> Vec<Piece<'_>> {
    let thinking = choice.thinking.iter().filter(|_| aloud).map(|token| {
        (Delta { content: Some(None), reasoning_content: Some(token), ..Delta::default() }, None)
    });
    thinking.chain(spoken(choice, logprobs, aloud)).collect()
}

fn spoken(choice: &Choice, logprobs: Option<u64>, aloud: bool) -> Vec<Piece<'_>> {
    match &choice.said {
        Said::Text(tokens) => tokens
            .iter()
            .map(|token| {
                let delta = Delta { content: Some(Some(token)), ..Delta::default() };
                (delta, logprobs.map(|top| Logprobs::new(std::slice::from_ref(token), top, false)))
            })
            .collect(),
        Said::Refusal(tokens) => tokens
            .iter()
            .map(|token| {
                let delta = Delta { refusal: Some(Some(token)), ..Delta::default() };
                (delta, logprobs.map(|top| Logprobs::new(std::slice::from_ref(token), top, true)))
            })
            .collect(),
        Said::Calls(calls) => {
            let opened = calls.len() == 1 && !aloud;
            calls.iter().enumerate().flat_map(|(index, call)| call_pieces(index, call, opened)).collect()
        }
    }
}

fn call_head(index: usize, call: &ToolCall) -> CallDelta<'_> {
    let function = FunctionDelta { name: Some(&call.name), arguments: "" };
    CallDelta { index, id: Some(call_id(call)), call_type: Some("function"), function }
}

/// The call's identity with no arguments, unless the opening had it, then its arguments piece by piece.
fn call_pieces(index: usize, call: &ToolCall, opened: bool) -> impl Iterator<Item = Piece<'_>> {
    let head = (!opened).then(|| call_head(index, call));
    let rest = call.arguments.iter().map(move |arguments| CallDelta {
        index,
        id: None,
        call_type: None,
        function: FunctionDelta { name: None, arguments },
    });
    head.into_iter().chain(rest).map(|call| (Delta { tool_calls: vec![call], ..Delta::default() }, None))
}
