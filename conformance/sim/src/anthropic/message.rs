//! `POST /v1/messages`.

use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;

use crate::anthropic::content::Document;
use crate::anthropic::error::{ApiError, not_json};
use crate::anthropic::request::{Purpose, Request, Version, object};
use crate::anthropic::seal::seal;
use crate::anthropic::stream;
use crate::anthropic::usage::{self, Usage};
use crate::fault::Fault;
use crate::model::{Choice, Finish, Reported, Said, compose, hash, letters, reported, tokens};
use crate::plan::{Answer, Content, set_header};
use crate::server::Arrived;

/// One block of an answer, token by token.
#[derive(Debug, Clone)]
pub(crate) enum Block {
    Thinking { shown: Vec<String>, signature: String },
    Sealed { data: String },
    Text { words: Vec<String>, citation: Option<Citation> },
    Tool { id: String, name: String, input: Vec<String> },
}

/// What a stretch of text cites.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Citation {
    #[serde(rename = "type")]
    kind: &'static str,
    cited_text: String,
    document_index: usize,
    document_title: Option<String>,
    file_id: Option<String>,
    start_char_index: usize,
    end_char_index: usize,
}

/// Why an answer ends.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ending {
    pub(crate) stop_reason: Option<String>,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) stop_details: Option<Details>,
}

/// Why it refuses.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Details {
    #[serde(rename = "type")]
    kind: &'static str,
    category: Option<&'static str>,
    explanation: String,
}

/// A composed answer.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) id: String,
    pub(crate) model: &'a str,
    pub(crate) blocks: Vec<Block>,
    pub(crate) ending: Ending,
    pub(crate) usage: Option<Reported<Usage>>,
}

pub(crate) fn answer(arrived: &Arrived, version: Version, faults: &[&Fault]) -> Result<Answer, ApiError> {
    let body: Value = serde_json::from_slice(&arrived.body).map_err(|_| not_json())?;
    let request = Request::read(object(&body)?, Purpose::Answer, version)?;
    let reply = compose(arrived.id, &request.prompt, faults);
    let Some(choice) = reply.choices.first() else { return Err(not_json()) };
    let mut counted = reply.counted;
    let mut blocks = blocks(choice, &request);
    if let (Some(document), Finish::Stop, Said::Text(_)) =
        (request.cited.first(), &choice.finish, &choice.said)
    {
        let cited = cite(document);
        counted.completion += cited.iter().map(spoken).sum::<u64>();
        blocks.extend(cited);
    }
    let usage = Usage::new(counted, request.kept);
    let value = usage.value();
    let told = Told {
        id: format!("msg_01{}", letters(hash(&arrived.body) ^ arrived.id, 22)),
        model: request.serving,
        blocks,
        ending: ending(choice),
        usage: reported(usage, faults, usage::change),
    };
    if request.stream {
        let mut headers = HeaderMap::new();
        set_header(&mut headers, "content-type", "text/event-stream; charset=utf-8");
        set_header(&mut headers, "cache-control", "no-cache");
        let content = Content::Stream(stream::events(&told));
        return Ok(Answer { status: StatusCode::OK, headers, content, usage: Some(value) });
    }
    let reported = told.usage.as_ref().map(Reported::value);
    Ok(Answer::json(&whole(&told), Some(value), reported))
}

fn blocks(choice: &Choice, request: &Request<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !choice.thinking.is_empty() {
        let thought = choice.thinking.concat();
        let shown = if request.thinking.shown { choice.thinking.clone() } else { Vec::new() };
        blocks.push(if request.sealed {
            Block::Sealed { data: seal(&thought, "") }
        } else {
            let signature = seal(&thought, &shown.concat());
            Block::Thinking { shown, signature }
        });
    }
    match &choice.said {
        Said::Text(words) if words.is_empty() => {}
        Said::Text(words) => blocks.push(Block::Text { words: words.clone(), citation: None }),
        // A refusal says nothing; why is told beside it.
        Said::Refusal(_) => {}
        Said::Calls(calls) => blocks.extend(calls.iter().map(|call| Block::Tool {
            id: call.id("toolu_01", 22),
            name: call.name.clone(),
            input: call.arguments.clone(),
        })),
    }
    blocks
}

/// Says what stands at the beginning of a document.
fn cite(document: &Document<'_>) -> [Block; 2] {
    let first = document.text.split_inclusive(['.', '!', '?']).next().unwrap_or_default().trim_end();
    let citation = Citation {
        kind: "char_location",
        cited_text: first.to_owned(),
        document_index: document.index,
        document_title: document.title.map(str::to_owned),
        file_id: None,
        start_char_index: 0,
        end_char_index: first.chars().count(),
    };
    [
        Block::Text { words: tokens::owned(" The document says: "), citation: None },
        Block::Text { words: tokens::owned(first), citation: Some(citation) },
    ]
}

fn spoken(block: &Block) -> u64 {
    match block {
        Block::Text { words, .. } => u64::try_from(words.len()).unwrap_or(u64::MAX),
        _ => 0,
    }
}

fn ending(choice: &Choice) -> Ending {
    let details = match &choice.said {
        Said::Refusal(words) => {
            Some(Details { kind: "refusal", category: None, explanation: words.concat() })
        }
        _ => None,
    };
    let (reason, sequence) = match &choice.finish {
        Finish::Told(reason) => (reason.as_str(), None),
        _ if details.is_some() => ("refusal", None),
        Finish::Stop => ("end_turn", None),
        Finish::Sequence(sequence) => ("stop_sequence", Some(sequence.clone())),
        Finish::Length => ("max_tokens", None),
        Finish::Calls => ("tool_use", None),
    };
    Ending { stop_reason: Some(reason.to_owned()), stop_sequence: sequence, stop_details: details }
}

#[derive(Serialize)]
struct Message<'a> {
    model: &'a str,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    content: Vec<WholeBlock<'a>>,
    #[serde(flatten)]
    ending: &'a Ending,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a Reported<Usage>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WholeBlock<'a> {
    Thinking {
        thinking: String,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    Text {
        #[serde(skip_serializing_if = "Option::is_none")]
        citations: Option<[&'a Citation; 1]>,
        text: String,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Value,
        caller: Caller,
    },
}

/// Who makes a call: the model itself.
#[derive(Serialize)]
pub(crate) struct Caller {
    #[serde(rename = "type")]
    kind: &'static str,
}

impl Caller {
    pub(crate) const DIRECT: Caller = Caller { kind: "direct" };
}

fn whole<'a>(told: &'a Told<'a>) -> Message<'a> {
    Message {
        model: told.model,
        id: &told.id,
        kind: "message",
        role: "assistant",
        content: told.blocks.iter().map(whole_block).collect(),
        ending: &told.ending,
        usage: told.usage.as_ref(),
    }
}

fn whole_block(block: &Block) -> WholeBlock<'_> {
    match block {
        Block::Thinking { shown, signature } => WholeBlock::Thinking { thinking: shown.concat(), signature },
        Block::Sealed { data } => WholeBlock::RedactedThinking { data },
        Block::Text { words, citation } => {
            WholeBlock::Text { citations: citation.as_ref().map(|citation| [citation]), text: words.concat() }
        }
        Block::Tool { id, name, input } => {
            let text = input.concat();
            // As the vendor's documentation has it for input that is no JSON.
            let broken = |_| serde_json::json!({"INVALID_JSON": text});
            let input = serde_json::from_str(&text).unwrap_or_else(broken);
            WholeBlock::ToolUse { id, name, input, caller: Caller::DIRECT }
        }
    }
}
