//! What is not whole is not kept and not told again (promise P6).

use futures_util::StreamExt;
use futures_util::stream;
use lockgate_sim::{Cut, CutClose, Fault, Malformed, Provider, ResetAfter, Scripted};
use serde_json::{Value, json};

use crate::house::{Answered, House, Store};
use crate::told;

/// The text of a short answer with characters that a cut may split.
const TEXT: &str = "Né 東 😀";

fn question(at: usize, stream: bool) -> String {
    // Without padding, all answers to such questions have one length.
    let options = if stream { json!({"include_obfuscation": false}) } else { Value::Null };
    json!({
        "model": "gpt-4o", "stream": stream, "stream_options": options,
        "messages": [{"role": "user", "content": format!("{TEXT} {at:04}")}],
    })
    .to_string()
}

/// Whether the caller was told that all is well.
fn is_well(answer: &Answered) -> bool {
    answer.status == 200 && !answer.body.contains("\"error\":")
}

async fn cached(house: &House, at: usize, stream: bool) -> bool {
    let answer = house.post(&[("x-lockgate-cache", "only")], question(at, stream)).await;
    assert!(matches!(answer.status, 200 | 404), "{}", answer.body);
    answer.status == 200
}

/// The next caller gets a whole answer that the provider gave now.
async fn whole_and_new(house: &House, at: usize, stream: bool) {
    let answer = house.post(&[], question(at, stream)).await;
    assert_eq!(answer.headers["x-lockgate-cache"], "miss", "{at}");
    let told = match stream {
        true => told::stream(&told::chunks(&answer.body)),
        false => told::whole(&serde_json::from_str(&answer.body).unwrap()),
    };
    let (text, reason) = (&told["choices"][0]["message"]["content"], &told["choices"][0]["finish_reason"]);
    assert!(text.as_str().unwrap().contains(TEXT), "{at}: {told}");
    assert_eq!(reason, "stop", "{at}");
}

/// How many bytes the provider sends for a question that nothing happens to.
async fn length(house: &House, stream: bool) -> usize {
    house.sim.fault(Provider::OpenAi, Fault::reply(TEXT));
    house.post(&[], question(9999, stream)).await;
    let sent = house.settled().await.pop().unwrap().bytes_sent;
    house.sim.reset();
    usize::try_from(sent).unwrap()
}

async fn cut_at_every_byte(stream: bool, cut: impl Fn(u64) -> Fault, terminal: usize) {
    let house = House::new(Store::Memory).await;
    let length = length(&house, stream).await;
    assert!(length > 300, "{length}");
    // In order, so that each cut meets its own question.
    let mut whole = Vec::new();
    for at in 0..length {
        house.sim.fault(Provider::OpenAi, Scripted::from(Fault::reply(TEXT)).and(cut(at as u64)));
        let answer = house.post(&[], question(at, stream)).await;
        if is_well(&answer) {
            let told = if stream { told::stream(&told::chunks(&answer.body)) } else { Value::Null };
            assert_eq!(told["choices"][0]["message"]["content"], TEXT, "{at} of {length}");
            assert_eq!(told["choices"][0]["finish_reason"], "stop", "{at} of {length}");
            assert!(told["usage"]["completion_tokens"].as_u64() > Some(0), "{at} of {length}");
            whole.push(at);
        } else {
            assert!(answer.status != 200 || !answer.body.contains("[DONE]"), "{at}: {}", answer.body);
        }
    }
    // What is called whole had all but the last `terminal` bytes.
    assert!(whole.iter().all(|at| length - at <= terminal), "{whole:?} of {length}");
    assert_eq!(house.sim.waiting_faults(), []);
    for at in (0..length).filter(|at| !whole.contains(at)) {
        assert!(!cached(&house, at, stream).await && !cached(&house, at, !stream).await, "{at} of {length}");
    }
    // Whoever asks next gets it whole: a sample, with every byte of the end.
    for at in (0..length).filter(|at| !whole.contains(at) && (at % 16 == 0 || at + 64 > length)) {
        whole_and_new(&house, at, stream).await;
        assert!(cached(&house, at, stream).await);
    }
    house.balanced().await;
}

fn end_after(bytes: u64) -> Fault {
    Fault::Cut(Cut { after_bytes: Some(bytes), after_events: None, close: CutClose::End })
}

#[tokio::test]
async fn a_stream_that_ends_at_any_byte_is_not_kept() {
    // A message that ends in order after every reason and the usage lacks nothing but `[DONE]`.
    cut_at_every_byte(true, end_after, "\n\ndata: [DONE]\n\n".len()).await;
}

#[tokio::test]
async fn a_stream_dropped_at_any_byte_is_not_kept() {
    // `[DONE]` needs no blank line after it.
    cut_at_every_byte(true, Fault::drop_after_bytes, "\n\n".len()).await;
}

#[tokio::test]
async fn a_json_answer_dropped_at_any_byte_is_not_kept() {
    cut_at_every_byte(false, Fault::drop_after_bytes, 0).await;
}

#[tokio::test]
async fn a_truncated_json_answer_is_not_kept() {
    let house = House::new(Store::Memory).await;
    let whole = house.post(&[], question(0, false)).await.body;
    let mut body: Value = serde_json::from_str(&whole).unwrap();
    body.as_object_mut().unwrap().remove("lockgate");
    let body = body.to_string();
    // The HTTP message is whole, its JSON is not.
    for (at, end) in (1..body.len()).filter(|end| body.is_char_boundary(*end)).enumerate() {
        let text = body.get(..end).unwrap().to_owned();
        let status = lockgate_sim::StatusFault { status: 200, body: Some(text), ..Default::default() };
        house.sim.fault(Provider::OpenAi, Fault::Status(status));
        let answer = house.post(&[], question(at + 1, false)).await;
        assert!(answer.status >= 500, "{end}: {} {}", answer.status, answer.body);
        assert!(!cached(&house, at + 1, false).await, "{end}");
    }
    whole_and_new(&house, 1, false).await;
    house.balanced().await;
}

#[tokio::test]
async fn what_went_wrong_is_not_kept() {
    let faults = |stream: bool| {
        let mut faults = vec![
            Fault::error_after(0),
            Fault::EmptyStream,
            Fault::Reset,
            Fault::ResetAfter(ResetAfter { bytes: 40 }),
            Fault::MalformedJson(Malformed { after_events: 1 }),
            Fault::finish("length"),
            Fault::finish("content_filter"),
            Fault::finish("something_new"),
            Fault::reply(""),
            Fault::status(500),
            Fault::status(429),
        ];
        if stream {
            faults.extend([2, 5].map(Fault::error_after));
            faults.extend([0, 1, 3, 5].map(Fault::cut_after_events));
            faults.extend([Fault::malformed_after(0), Fault::malformed_after(3)]);
        }
        faults
    };
    let house = House::new(Store::Sqlite).await;
    for stream in [false, true] {
        let mut faults: Vec<Scripted> = faults(stream).into_iter().map(Scripted::from).collect();
        if stream {
            faults.push(Scripted::from(Fault::NoDone).and(Fault::NoUsage));
        }
        for (at, fault) in faults.into_iter().enumerate() {
            let at = at + if stream { 100 } else { 0 };
            house.sim.fault(Provider::OpenAi, fault.clone());
            let given = house.post(&[], question(at, stream)).await;
            let ended = ["length", "content_filter", "something_new"];
            if is_well(&given) {
                let reason = ended.iter().any(|reason| given.body.contains(&format!("\"{reason}\"")));
                assert!(reason || fault == Fault::reply("").into(), "{fault:?}: {}", given.body);
            }
            assert!(!cached(&house, at, stream).await, "{fault:?}, stream {stream}");
            assert!(!cached(&house, at, !stream).await, "{fault:?}, stream {stream}");
            whole_and_new(&house, at, stream).await;
            assert!(cached(&house, at, !stream).await);
        }
    }
    assert_eq!(house.sim.waiting_faults(), []);
    house.balanced().await;
}

#[tokio::test]
async fn nor_is_it_kept_for_those_who_came_along() {
    let house = House::new(Store::Memory).await;
    house.sim.fault(Provider::OpenAi, Scripted::from(Fault::finish("length")).and(Fault::slow_headers(50)));
    let asked: Vec<Answered> =
        stream::iter(0..8).map(|at| house.post(&[], question(0, at % 2 == 0))).buffered(8).collect().await;
    assert!(asked.iter().all(|answer| answer.body.contains("\"finish_reason\":\"length\"")));
    assert!(!cached(&house, 0, false).await);
    whole_and_new(&house, 0, true).await;
}
