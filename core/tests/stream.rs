//! The framer, the laws, and the ways in and out of the grammar.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Helpers of tests.

use lockgate::error::Error;
use lockgate::provider::{Failure, FailureClass};
use lockgate::stream::{
    Assembler, Broken, Carry, DONE, Delta, Encoder, Event, Framer, Laws, Lists, Piece, Start, TooLarge,
    ToolPiece, replay, write_chunk, write_error,
};
use lockgate::types::{
    ChatResponse, Chunk, ErrorBody, Extra, FinishReason, Metadata, Raw, ThinkingBlock, Usage,
};
use serde_json::{Value, json};

/// (event, data, id) of each frame.
type Told = Vec<(String, String, String)>;

fn frames_of<'a>(framer: &mut Framer, pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Told, TooLarge> {
    let mut told = Told::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for piece in pieces {
        framer.push(piece, |frame| {
            told.push((text(frame.event), text(frame.data), text(frame.id)));
            Ok::<(), TooLarge>(())
        })?;
    }
    Ok(told)
}

fn data(body: &str) -> Vec<String> {
    let told = frames_of(&mut Framer::default(), [body.as_bytes()]).unwrap();
    told.into_iter().map(|(_, data, _)| data).collect()
}

#[test]
fn frames_follow_the_specification() {
    for (body, expected) in [
        ("data: a\n\n", vec!["a"]),
        ("data:a\n\ndata:  b\n\n", vec!["a", " b"]),
        ("data: a\r\n\r\ndata: b\r\rdata: c\n\n", vec!["a", "b", "c"]),
        ("data: a\ndata: b\r\ndata:\rdata\n\n", vec!["a\nb\n\n"]),
        ("data\n\n", vec![""]),
        ("data:\n\n", vec![""]),
        (": comment\n\n:\n\ndata: a\n: within\n\n", vec!["a"]),
        ("\u{feff}data: a\n\n", vec!["a"]),
        ("\u{feff}\u{feff}data: a\n\ndata: b\n\n", vec!["b"]),
        ("\n\n\ndata: a\n\n\n\n", vec!["a"]),
        ("event: e\n\ndata: a\n\n", vec!["a"]),
        ("unknown: x\nDATA: y\ndata: a\n\n", vec!["a"]),
        ("data: a: b\n\n", vec!["a: b"]),
        ("data: a\n\ndata: never", vec!["a"]),
        ("data: a\n\ndata: never\n", vec!["a"]),
        ("data: 🪐\n\n", vec!["🪐"]),
        ("", vec![]),
    ] {
        assert_eq!(data(body), expected, "{body:?}");
    }
}

#[test]
fn names_ids_and_retry_are_read() {
    let mut framer = Framer::default();
    let body = "event: one\nid: 7\ndata: a\n\ndata: b\n\nid: bad\0\nretry: 1500\nretry: x1\nid\nevent: x\nevent: two\ndata: c\n\n";
    let told = frames_of(&mut framer, [body.as_bytes()]).unwrap();
    let told: Vec<_> = told.iter().map(|(e, d, i)| (e.as_str(), d.as_str(), i.as_str())).collect();
    assert_eq!(told, [("one", "a", "7"), ("", "b", "7"), ("two", "c", "")]);
    assert_eq!(framer.retry(), Some(1500));
}

#[test]
fn frames_split_at_every_byte_are_the_same() {
    let body = "\u{feff}: c\r\ndata: é🪐\r\n\r\nevent: x\rdata: a\rdata: b\r\rid: 1\ndata: {\"a\":\"\\n\"}\n\ndata\r\n\r\n";
    let whole = frames_of(&mut Framer::default(), [body.as_bytes()]).unwrap();
    assert_eq!(whole.len(), 4);
    for a in 0..=body.len() {
        for b in a..=body.len() {
            let bytes = body.as_bytes();
            let pieces = [&bytes[..a], &[], &bytes[a..b], &bytes[b..]];
            assert_eq!(frames_of(&mut Framer::default(), pieces).unwrap(), whole, "split at {a} and {b}");
        }
    }
    assert_eq!(frames_of(&mut Framer::default(), body.as_bytes().chunks(1)).unwrap(), whole);
}

#[test]
fn an_event_past_the_bound_is_an_error_and_memory_stays_bounded() {
    let fits = "data: 12345678\n\n".repeat(1000);
    assert_eq!(frames_of(&mut Framer::new(16), [fits.as_bytes()]).unwrap().len(), 1000);
    let comments = ": a comment\n".repeat(10_000);
    assert_eq!(frames_of(&mut Framer::new(16), [comments.as_bytes()]), Ok(vec![]));
    for body in ["data: 1234567890123456", "data: 12345678\ndata: 12345678\n", ": a very long comment"] {
        let whole = frames_of(&mut Framer::new(16), [body.as_bytes()]);
        assert_eq!(whole, Err(TooLarge(16)), "{body}");
        let mut framer = Framer::new(16);
        assert_eq!(frames_of(&mut framer, body.as_bytes().chunks(1)), Err(TooLarge(16)), "{body}");
        assert!(framer.held() <= 16);
    }
}

fn delta(choice: u32, piece: Piece) -> Event {
    Event::Delta(Delta::new(choice, piece))
}

fn text(text: &str) -> Event {
    delta(0, Piece::Text(text.to_owned()))
}

fn start() -> Event {
    Event::Start(Box::new(Start {
        id: "id".into(),
        model: "model".into(),
        created: 5,
        system_fingerprint: Some("fp".into()),
        ..Start::default()
    }))
}

fn stop(choice: u32) -> Event {
    Event::Finish { choice, reason: FinishReason::Stop }
}

fn tool(index: u32, id: Option<&str>, name: Option<&str>) -> Event {
    let (id, name) = (id.map(str::to_owned), name.map(str::to_owned));
    delta(0, Piece::Tool(Box::new(ToolPiece { index, id, name, ..ToolPiece::default() })))
}

fn usage() -> Event {
    Event::Usage(Box::new(Usage::of(2, 3)))
}

fn failed() -> Event {
    Event::Error(Box::new(Failure::new(FailureClass::InBand, "x")))
}

#[test]
fn the_laws_are_enforced() {
    let first = || tool(0, Some("a"), Some("f"));
    for (events, law) in [
        (vec![start(), text("a"), stop(0), usage(), Event::End], None),
        (
            vec![start(), first(), tool(1, Some("b"), Some("g")), tool(0, None, None), stop(0), Event::End],
            None,
        ),
        (vec![start(), stop(0), Event::End], None),
        (vec![failed()], None),
        (vec![start(), text("a"), failed()], None),
        (vec![text("a")], Some(Broken::BeforeStart)),
        (vec![usage()], Some(Broken::BeforeStart)),
        (vec![Event::End], Some(Broken::BeforeStart)),
        (vec![start(), start()], Some(Broken::StartTwice)),
        (vec![start(), stop(0), text("a")], Some(Broken::AfterFinish)),
        (vec![start(), stop(0), stop(0)], Some(Broken::FinishTwice)),
        (vec![start(), usage(), usage()], Some(Broken::UsageTwice)),
        (vec![start(), Event::End], Some(Broken::Unfinished)),
        (vec![start(), text("a"), Event::End], Some(Broken::Unfinished)),
        (vec![start(), delta(1, Piece::Nothing), stop(0), Event::End], Some(Broken::Unfinished)),
        (vec![start(), stop(0), Event::End, usage()], Some(Broken::AfterEnd)),
        (vec![failed(), start()], Some(Broken::AfterEnd)),
        (vec![start(), tool(1, Some("a"), Some("f"))], Some(Broken::ToolIndex)),
        (vec![start(), first(), tool(2, Some("b"), Some("f"))], Some(Broken::ToolIndex)),
        (vec![start(), tool(0, None, Some("f"))], Some(Broken::ToolUnnamed)),
        (vec![start(), tool(0, Some("a"), Some(""))], Some(Broken::ToolUnnamed)),
        (vec![start(), first(), first()], Some(Broken::ToolRenamed)),
    ] {
        let mut laws = Laws::default();
        let broken = events.iter().find_map(|event| laws.check(event).err());
        assert_eq!(broken, law, "{events:?}");
    }
}

#[test]
fn only_content_commits() {
    assert!(text("a").commits());
    assert!(delta(0, Piece::Reasoning("r".to_owned())).commits());
    assert!(delta(0, Piece::Refusal("r".to_owned())).commits());
    assert!(tool(0, Some("a"), Some("f")).commits());
    for event in [start(), text(""), delta(0, Piece::Nothing), stop(0), usage(), failed(), Event::End] {
        assert!(!event.commits(), "{event:?}");
    }
}

fn chunks(events: Vec<Event>) -> Vec<Chunk> {
    let mut encoder = Encoder::new("ours", "asked", 1);
    let mut chunks: Vec<Chunk> = events.into_iter().filter_map(|event| encoder.chunk(event)).collect();
    chunks.push(encoder.last(Some(Metadata::default()), false));
    chunks
}

#[test]
fn chunks_have_one_id_one_role_and_usage_last() {
    let b = delta(1, Piece::Text("b".to_owned()));
    let chunks = chunks(vec![start(), text("a"), b, text("c"), stop(0), stop(1), usage(), Event::End]);
    assert_eq!(chunks.len(), 6);
    for chunk in &chunks {
        assert_eq!((&*chunk.id, &*chunk.model, chunk.created), ("id", "model", 5));
        assert_eq!(&*chunk.object, "chat.completion.chunk");
        assert_eq!(chunk.system_fingerprint.as_deref(), Some("fp"));
        assert_eq!(chunk.choices.len(), 1);
    }
    let roles: Vec<_> = chunks.iter().map(|chunk| chunk.choices[0].delta.role.is_some()).collect();
    assert_eq!(roles, [true, true, false, false, false, false]);
    let usages: Vec<_> = chunks.iter().map(|chunk| chunk.usage.is_some()).collect();
    assert_eq!(usages, [false, false, false, false, false, true]);
    let last = serde_json::to_value(&chunks[5]).unwrap();
    assert_eq!(last["choices"], json!([{"index": 0, "delta": {}, "finish_reason": null}]));
    assert_eq!(last["lockgate"]["cost_usd"], Value::Null);
}

#[test]
fn an_empty_answer_still_says_who_speaks() {
    let chunks = chunks(vec![start(), stop(0), Event::End]);
    let first = serde_json::to_value(&chunks[0].choices).unwrap();
    assert_eq!(first, json!([{"index": 0, "delta": {"role": "assistant"}, "finish_reason": "stop"}]));
}

#[test]
fn what_the_provider_does_not_say_is_filled_in() {
    let mut encoder = Encoder::new("ours", "asked", 9);
    assert!(encoder.chunk(Event::Start(Box::default())).is_none());
    let chunk = encoder.chunk(text("a")).unwrap();
    assert_eq!((&*chunk.id, &*chunk.model, chunk.created), ("ours", "asked", 9));
    let last = encoder.last(None, true);
    assert_eq!((last.choices.len(), &*last.id), (0, "ours"));
}

#[test]
fn lists_of_objects_are_told_once_with_the_end_of_their_choice() {
    let carry = |field: &str, value: &str| {
        let mut carry = Carry::default();
        carry.delta.insert(field, Raw::parse(value).unwrap());
        Event::Delta(Delta { carry: Some(Box::new(carry)), ..Delta::new(0, Piece::Nothing) })
    };
    let think = |text: &str| delta(0, Piece::Reasoning(text.to_owned()));
    let sealed = |signature: &str| {
        let block = ThinkingBlock { signature: Some(signature.to_owned()), ..ThinkingBlock::default() };
        delta(0, Piece::Thinking(Box::new(block)))
    };
    let events = vec![
        start(),
        sealed("none"),
        think("one "),
        think("two"),
        sealed("a"),
        think("three"),
        sealed("b"),
        carry("citations", r#"[{"at": 1}]"#),
        text("said"),
        carry("citations", r#"[{"at": 2}]"#),
        carry("pieces", r#"[{"index": 0, "text": "x"}]"#),
        carry("words", r#"["y"]"#),
        stop(0),
        Event::End,
    ];
    let mut lists = Lists::default();
    let told: Vec<Value> = chunks(events)
        .into_iter()
        .filter_map(|chunk| lists.take(chunk))
        .map(|chunk| serde_json::to_value(&chunk.choices[0]).unwrap())
        .collect();
    let deltas: Vec<&Value> = told.iter().map(|choice| &choice["delta"]).collect();
    assert_eq!(
        json!(deltas),
        json!([
            {"role": "assistant"},
            {"reasoning_content": "one "},
            {"reasoning_content": "two"},
            {"reasoning_content": "three"},
            {"content": "said"},
            // What clients can put together by themselves is not held back.
            {"pieces": [{"index": 0, "text": "x"}]},
            {"words": ["y"]},
            {
                "thinking_blocks": [
                    {"type": "thinking", "thinking": "", "signature": "none"},
                    {"type": "thinking", "thinking": "one two", "signature": "a"},
                    {"type": "thinking", "thinking": "three", "signature": "b"},
                ],
                "citations": [{"at": 1}, {"at": 2}],
            },
            {},
        ])
    );
    assert_eq!(told[7]["finish_reason"], "stop");
}

#[test]
fn line_breaks_in_unknown_fields_do_not_break_frames() {
    let mut carry = Carry::default();
    carry.delta.insert("x", Raw::parse("{\n  \"a\":\r\n \"\\n\"\r}").unwrap());
    let event = Delta { carry: Some(Box::new(carry)), ..Delta::new(0, Piece::Text("one\ntwo".to_owned())) };
    let mut out = Vec::new();
    write_chunk(&chunks(vec![start(), Event::Delta(event)])[0], &mut out).unwrap();
    out.extend_from_slice(DONE);
    let told = data(std::str::from_utf8(&out).unwrap());
    assert_eq!(told.len(), 2);
    let chunk: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(chunk["choices"][0]["delta"]["content"], "one\ntwo");
    assert_eq!(chunk["choices"][0]["delta"]["x"], json!({"a": "\n"}));
    assert_eq!(told[1], "[DONE]");
}

#[test]
fn an_error_is_an_event_too() {
    let mut out = Vec::new();
    write_error(&ErrorBody::from(&Error::invalid("n", "bad")), &mut out).unwrap();
    let told = data(std::str::from_utf8(&out).unwrap());
    let body: Value = serde_json::from_str(&told[0]).unwrap();
    assert_eq!(body["error"]["param"], "n");
}

fn assemble(events: &[Event]) -> ChatResponse {
    let mut laws = Laws::default();
    let mut assembler = Assembler::default();
    for event in events {
        laws.check(event).unwrap();
        assembler.push(event);
    }
    assembler.finish().unwrap()
}

#[test]
fn thinking_is_put_back_together_block_by_block() {
    let think = |text: &str| delta(0, Piece::Reasoning(text.to_owned()));
    let sign = |word: &str| {
        let signature = Some(word.to_owned());
        delta(0, Piece::Thinking(Box::new(ThinkingBlock { signature, ..ThinkingBlock::default() })))
    };
    let sealed = ThinkingBlock {
        kind: "redacted_thinking".to_owned(),
        data: Some("sealed".to_owned()),
        ..ThinkingBlock::default()
    };
    let events = [
        start(),
        think("one "),
        think("two"),
        sign("s1"),
        delta(0, Piece::Thinking(Box::new(sealed))),
        think("three"),
        sign("s2"),
        text("answer"),
        stop(0),
        Event::End,
    ];
    let answer = assemble(&events);
    let message = serde_json::to_value(&answer.choices[0].message).unwrap();
    assert_eq!(
        message,
        json!({"role": "assistant", "content": "answer", "reasoning_content": "one twothree", "thinking_blocks": [
            {"type": "thinking", "thinking": "one two", "signature": "s1"},
            {"type": "redacted_thinking", "data": "sealed"},
            {"type": "thinking", "thinking": "three", "signature": "s2"}]})
    );
    assert_eq!(assemble(&replay(&answer)), answer);
}

#[test]
fn a_stream_without_end_is_not_an_answer() {
    let mut assembler = Assembler::default();
    [start(), text("half"), usage(), failed()].iter().for_each(|event| assembler.push(event));
    assert!(!assembler.is_whole());
    assert_eq!(assembler.usage().unwrap().total_tokens, 5);
    assert_eq!(assembler.so_far().text(), "half");
    let mut assembler = Assembler::default();
    assembler.push(&start());
    assert!(assembler.finish().is_none());
}

#[test]
fn pieces_of_unknown_fields_are_joined() {
    let with = |field: &str| {
        let mut carry = Carry { delta: serde_json::from_str::<Extra>(field).unwrap(), ..Carry::default() };
        carry.chunk.insert("obfuscation", Raw::of("pad").unwrap());
        Event::Delta(Delta { carry: Some(Box::new(carry)), ..Delta::new(0, Piece::Nothing) })
    };
    let events = [
        start(),
        with(r#"{"audio":{"id":"a1","data":"AA","transcript":"He"},"once":{"n":1.50}}"#),
        with(r#"{"audio":{"data":"BB","transcript":"llo","expires_at":7},"list":[1.0],"number":1}"#),
        with(r#"{"audio":{"id":"a1","data":"CC"},"list":[2],"number":2,"once":null}"#),
        stop(0),
        Event::End,
    ];
    let answer = assemble(&events);
    assert_eq!(
        serde_json::to_string(&answer.choices[0].message).unwrap(),
        concat!(
            r#"{"role":"assistant","content":null,"audio":{"id":"a1","data":"AABBCC","transcript":"Hello","expires_at":7},"#,
            r#""once":{"n":1.50},"list":[1.0,2],"number":2}"#
        )
    );
    assert!(answer.extra.is_empty());
    assert_eq!(assemble(&replay(&answer)), answer);
}

#[test]
fn parts_in_an_answer_are_not_lost_on_replay() {
    let body = json!({"id": "a", "choices": [{"index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "new", "x": 1}]}}]});
    let answer: ChatResponse = serde_json::from_value(body).unwrap();
    let again = assemble(&replay(&answer));
    assert_eq!(again.text(), "a");
    let parts = again.choices[0].message.extra.get("content_parts").unwrap();
    assert_eq!(parts.get(), r#"[{"type":"text","text":"a"},{"type":"new","x":1}]"#);
}

mod random {
    use proptest::prelude::*;

    use super::{Framer, frames_of};

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let words = vec!["data:", "data: x", "event: e", "id: 1", ":", "\n", "\r", "\r\n", "\n\n", "é", "\0"];
        let words = prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec());
        let noise = prop::collection::vec(any::<u8>(), 0..9);
        prop::collection::vec(prop_oneof![5 => words, 1 => noise], 0..80).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames_in_bounded_memory(
            body in body(),
            size in 1_usize..9,
            max in 1_usize..64,
        ) {
            let (mut one, mut many) = (Framer::new(max), Framer::new(max));
            let whole = frames_of(&mut one, [body.as_slice()]);
            prop_assert_eq!(&frames_of(&mut many, body.chunks(size)), &whole);
            // A line of data leaves a line feed behind, which the bound does not count.
            prop_assert!(one.held() <= max + 1 && many.held() <= max + 1);
        }
    }
}
