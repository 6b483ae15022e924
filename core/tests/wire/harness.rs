//! The laws that hold for every provider.

use lockgate::auth::Secret;
use lockgate::clock::Millis;
use lockgate::pricing::PriceTable;
use lockgate::provider::openai::OpenAi;
use lockgate::provider::{
    Adapter, Call, Decoder, EmbedCall, Endpoint, Failure, FailureClass, Outgoing, token_counts,
};
use lockgate::stream::{Assembler, DONE, Encoder, Event, Laws, Lists, replay, write_chunk};
use lockgate::types::{ChatRequest, ChatResponse, EmbedRequest};
use serde_json::{Value, json};

use crate::case::{Case, cases};
use crate::random;

/// A line of `providers!`.
pub(crate) struct Provider {
    /// The folder of its fixtures.
    pub(crate) name: &'static str,
    pub(crate) adapter: fn() -> Box<dyn Adapter>,
    /// Path and query below the base URL.
    pub(crate) path: fn(&Case, bool) -> String,
    /// The header that carries the key, and what stands before it.
    pub(crate) key: (&'static str, &'static str),
}

const BASE_URL: &str = "https://provider.test/base/";
const KEY: &str = "sk-true";
/// More than any parser may hold of one event.
const ENDLESS: usize = 16 << 20;

impl Provider {
    pub(crate) fn cases(&self) -> Vec<Case> {
        cases(self.name)
    }

    /// The cases whose answer is a stream, each with its bytes.
    pub(crate) fn streams(&self) -> Vec<(Case, Vec<u8>)> {
        let streams = self.cases().into_iter().filter_map(|case| case.stream().map(|stream| (case, stream)));
        let streams: Vec<_> = streams.collect();
        assert!(!streams.is_empty(), "{} has no streams", self.name);
        streams
    }

    pub(crate) fn decode<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
        decode((self.adapter)().decoder(), pieces)
    }
}

/// The events of a stream, and how it ended.
pub(crate) type Decoded = (Vec<Event>, Result<(), Failure>);

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::new(BASE_URL, Some(Secret::new(KEY))).unwrap()
}

pub(crate) fn decode<'a>(
    mut decoder: Box<dyn Decoder>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Decoded {
    let mut events = Vec::new();
    for piece in pieces {
        if let Err(failure) = decoder.push(piece, &mut events) {
            return (events, Err(failure));
        }
    }
    let ended = decoder.end(&mut events);
    (events, ended)
}

pub(crate) fn assemble(events: &[Event]) -> Option<ChatResponse> {
    let mut assembler = Assembler::default();
    events.iter().for_each(|event| assembler.push(event));
    assembler.finish()
}

/// What goes out for a case.
fn sent(provider: &Provider, case: &Case, endpoint: &Endpoint) -> (lockgate::Result<Outgoing>, bool) {
    let adapter = (provider.adapter)();
    let model = case.model();
    if case.is_embeddings() {
        let request: EmbedRequest =
            serde_json::from_slice(&case.request()).unwrap_or_else(|error| panic!("{case:?}: {error}"));
        request.validate().unwrap_or_else(|error| panic!("{case:?}: {error}"));
        return (adapter.embed(&EmbedCall { request: &request, model, endpoint }), false);
    }
    let request =
        ChatRequest::from_slice(&case.request()).unwrap_or_else(|error| panic!("{case:?}: {error}"));
    let output_cap = case.settings["output_cap"].as_u64();
    let stream = request.is_stream();
    let prices = PriceTable::builtin().expect("the tables are whole");
    let max_output_tokens = prices.model(provider.name, model).and_then(|model| model.max_output_tokens);
    let call = Call { request: &request, model, stream, endpoint, output_cap, max_output_tokens };
    (adapter.chat(&call), stream)
}

pub(crate) fn requests_go_out_as_the_fixtures_say(provider: &Provider) {
    let endpoint = endpoint();
    for case in provider.cases() {
        let (outgoing, stream) = sent(provider, &case, &endpoint);
        if let Some(refused) = case.expected.get("refused") {
            let error = outgoing.err().unwrap_or_else(|| panic!("{case:?} was not refused"));
            let told = json!({"code": error.code(), "param": error.details().param});
            assert_eq!(told, *refused, "{case:?}: {error}");
            continue;
        }
        let outgoing = outgoing.unwrap_or_else(|error| panic!("{case:?}: {error}"));
        let body: Value = serde_json::from_slice(outgoing.request.body()).unwrap();
        assert_eq!(body, case.json("upstream_request.json"), "{case:?}");
        assert_eq!(outgoing.warnings, case.warnings(), "{case:?}");
        assert_eq!(outgoing.request.method(), "POST", "{case:?}");

        let usual = || (provider.path)(&case, stream);
        let path = case.settings["path"].as_str().map_or_else(usual, str::to_owned);
        let uri = outgoing.request.uri().to_string();
        assert_eq!(uri.strip_prefix(BASE_URL.trim_end_matches('/')), Some(path.as_str()), "{case:?}");
        assert!(!uri.contains(KEY), "{case:?}: the key is in the URL");

        let headers = outgoing.request.headers();
        for (name, value) in headers {
            let secret = name == provider.key.0;
            assert_eq!(value.is_sensitive(), secret, "{case:?}: {name}");
            assert_eq!(value.to_str().unwrap().contains(KEY), secret, "{case:?}: {name}");
        }
        assert_eq!(headers[provider.key.0], format!("{}{KEY}", provider.key.1), "{case:?}");
        for (name, value) in case.settings["outgoing_headers"].as_object().into_iter().flatten() {
            let sent = headers.get(name).unwrap_or_else(|| panic!("{case:?}: {name} is not sent"));
            assert_eq!(sent.to_str().unwrap(), value, "{case:?}: {name}");
        }
        assert!(!format!("{:?}", outgoing.request).contains(KEY), "{case:?}: Debug shows the key");
    }
}

/// What a case's bytes mean: the answer of a chat, or of embeddings as JSON.
pub(crate) enum Read {
    Chat(Box<ChatResponse>),
    Embeddings(Value, Value),
}

pub(crate) fn read(provider: &Provider, case: &Case) -> Result<Read, Failure> {
    let adapter = (provider.adapter)();
    if let Some(stream) = case.stream() {
        let (events, ended) = provider.decode([stream.as_slice()]);
        let whole = || Box::new(assemble(&events).expect("a stream that ended is whole"));
        return ended.map(|()| Read::Chat(whole()));
    }
    let body = case.file("response.json").unwrap_or_else(|| panic!("{case:?} has no answer"));
    if let Some(status) = case.settings["status"].as_u64() {
        let mut headers = http::HeaderMap::new();
        for (name, value) in case.settings["headers"].as_object().into_iter().flatten() {
            let name: http::HeaderName = name.parse().unwrap();
            headers.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        return Err(adapter.failure(u16::try_from(status).unwrap(), &headers, &body, Millis(0)));
    }
    if case.is_embeddings() {
        let answer = adapter.embedded(&body)?;
        let counts = answer.usage.as_ref().map(token_counts);
        let json = |value| serde_json::to_value(value).unwrap();
        return Ok(Read::Embeddings(serde_json::to_value(&answer).unwrap(), json(counts)));
    }
    adapter.answer(&body).map(|answer| Read::Chat(Box::new(answer)))
}

pub(crate) fn failure_json(failure: &Failure) -> Value {
    let mut told = json!({"class": failure.class.as_str(), "message": failure.message});
    for (name, value) in [
        ("status", failure.status.map(Value::from)),
        ("type", failure.kind.clone().map(Value::from)),
        ("code", failure.code.clone().map(Value::from)),
        ("param", failure.param.clone().map(Value::from)),
        ("retry_after_ms", failure.retry_after.map(|wait| json!(wait.as_millis() as u64))),
    ] {
        if let Some(value) = value {
            told[name] = value;
        }
    }
    told
}

pub(crate) fn answers_come_in_as_the_fixtures_say(provider: &Provider) {
    for case in provider.cases().iter().filter(|case| !case.is_refused()) {
        let expected = &case.expected;
        match read(provider, case) {
            Ok(Read::Chat(answer)) => {
                assert_eq!(serde_json::to_value(&answer).unwrap(), expected["answer"], "{case:?}");
                let counts = answer.usage.as_ref().map(token_counts);
                assert_eq!(serde_json::to_value(counts).unwrap(), expected["tokens"], "{case:?}");
                assert_eq!(json!(answer.is_complete()), expected["complete"], "{case:?}");
            }
            Ok(Read::Embeddings(answer, tokens)) => {
                assert_eq!(answer, expected["answer"], "{case:?}");
                assert_eq!(tokens, expected["tokens"], "{case:?}");
            }
            Err(failure) => assert_eq!(failure_json(&failure), expected["failure"], "{case:?}"),
        }
    }
}

pub(crate) fn a_stream_split_at_every_byte_reads_the_same(provider: &Provider) {
    for (case, stream) in provider.streams() {
        let whole = provider.decode([stream.as_slice()]);
        for at in 0..=stream.len() {
            let (a, b) = stream.split_at(at);
            assert_eq!(provider.decode([a, b]), whole, "{case:?} split at {at}");
        }
        assert_eq!(provider.decode(stream.chunks(1)), whole, "{case:?} byte by byte");
    }
}

pub(crate) fn a_stream_cut_before_its_end_is_never_whole(provider: &Provider) {
    for (case, stream) in provider.streams() {
        let (whole, ended) = provider.decode([stream.as_slice()]);
        for at in 0..stream.len() {
            let (events, cut) = provider.decode([&stream[..at]]);
            match (cut, &ended) {
                // After the usage nothing of the answer is missing.
                (Ok(()), Ok(())) => {
                    assert_eq!(assemble(&events), assemble(&whole), "{case:?} cut at {at}");
                }
                (Ok(()), Err(failure)) => panic!("{case:?} cut at {at} is whole, uncut: {failure}"),
                (Err(failure), Err(known)) if failure == *known => {}
                (Err(failure), _) => assert_eq!(failure.class, FailureClass::Cut, "{case:?} cut at {at}"),
            }
        }
    }
}

pub(crate) fn line_ends_and_comments_change_nothing(provider: &Provider) {
    for (case, stream) in provider.streams() {
        let text = String::from_utf8(stream.clone()).unwrap();
        let whole = provider.decode([stream.as_slice()]);
        let mut forms = vec![text.replace('\n', "\r\n"), text.replace('\n', "\r\n\r\n")];
        if case.is_sse() {
            let chatty = text.replace("\n\n", "\n\n: ping\n\n:\nretry: 10\n\n");
            forms = vec![forms.remove(0), text.replace('\n', "\r"), chatty, format!("\u{feff}{text}")];
        }
        for form in forms {
            assert_eq!(provider.decode([form.as_bytes()]), whole, "{case:?} as {form:?}");
        }
    }
}

pub(crate) fn a_line_without_end_is_refused(provider: &Provider) {
    let block = vec![b'x'; 1 << 16];
    for beginning in ["", "data: ", "data: {\"id\": \"", "event: ", "{\"id\": \""] {
        let mut decoder = (provider.adapter)().decoder();
        let mut taken = beginning.len();
        let mut pushed = decoder.push(beginning.as_bytes(), &mut Vec::new());
        while pushed.is_ok() {
            assert!(taken < ENDLESS, "{} takes a line without end after {beginning:?}", provider.name);
            taken += block.len();
            pushed = decoder.push(&block, &mut Vec::new());
        }
        assert_eq!(pushed.unwrap_err().class, FailureClass::Malformed, "after {beginning:?}");
    }
}

pub(crate) fn a_replayed_answer_assembles_to_itself(provider: &Provider) {
    for case in provider.cases().iter().filter(|case| !case.is_refused()) {
        let Ok(Read::Chat(answer)) = read(provider, case) else { continue };
        let events = replay(&answer);
        let mut laws = Laws::default();
        events.iter().for_each(|event| laws.check(event).unwrap_or_else(|law| panic!("{case:?}: {law}")));
        assert_eq!(assemble(&events).unwrap(), *answer, "{case:?}");
    }
}

pub(crate) fn what_we_stream_reads_as_what_we_were_told(provider: &Provider) {
    for (case, stream) in provider.streams() {
        let (events, Ok(())) = provider.decode([stream.as_slice()]) else { continue };
        let mut encoder = Encoder::new("fallback", "fallback", 1);
        let (mut lists, mut ours) = (Lists::default(), Vec::new());
        for event in &events {
            if let Some(chunk) = encoder.chunk(event.clone()).and_then(|chunk| lists.take(chunk)) {
                write_chunk(&chunk, &mut ours).unwrap();
            }
        }
        write_chunk(&encoder.last(None, true), &mut ours).unwrap();
        ours.extend_from_slice(DONE);
        let (again, ended) = decode(OpenAi::default().decoder(), [ours.as_slice()]);
        assert_eq!(ended, Ok(()), "{case:?}");
        let (mut told, answer) = (assemble(&events).unwrap(), assemble(&again).unwrap());
        // A provider that gives none of these gets ours.
        for (told, fallback) in [(&mut told.id, "fallback"), (&mut told.model, "fallback")] {
            if told.is_empty() {
                fallback.clone_into(told);
            }
        }
        told.created = if told.created == 0 { 1 } else { told.created };
        // As JSON, in which the order of fields says nothing: lists wait for the end of their choice.
        let json = |answer: &ChatResponse| serde_json::to_value(answer).unwrap();
        assert_eq!(json(&answer), json(&told), "{case:?}");
    }
}

pub(crate) fn any_bytes_decode_the_same_however_they_are_split(provider: &Provider) {
    random::fuzz(provider);
}
