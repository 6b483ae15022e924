//! A provider's stream made ours, one chunk at a time: bytes in, events, chunks, bytes out. An iteration is a chunk, so
//! that divan's items are chunks a second on one core, and its allocations are those of one chunk.

use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;
use lockgate::provider::Adapter;
use lockgate::provider::anthropic::Anthropic;
use lockgate::provider::gemini::Gemini;
use lockgate::provider::ollama::Ollama;
use lockgate::provider::openai::OpenAi;
use lockgate::stream::{Encoder, Event, Piece, write_chunk};

/// The providers with a protocol of their own, by the folder of their fixtures.
const PROVIDERS: [&str; 4] = ["openai", "anthropic", "gemini", "ollama"];

fn adapter(provider: &str) -> Box<dyn Adapter> {
    match provider {
        "openai" => Box::new(OpenAi::default()),
        "anthropic" => Box::new(Anthropic),
        "gemini" => Box::new(Gemini),
        "ollama" => Box::new(Ollama),
        other => unreachable!("{other} has no adapter here"),
    }
}

#[divan::bench(args = PROVIDERS)]
fn stream_made_ours(bencher: Bencher<'_, '_>, provider: &str) {
    let (beginning, chunk) = parts(provider);
    let mut decoder = adapter(provider).decoder();
    let mut encoder = Encoder::new("bench", "bench", 1);
    let mut events: Vec<Event> = Vec::new();
    let mut out = Vec::new();
    decoder.push(&beginning, &mut events).unwrap();
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        decoder.push(&chunk, &mut events).unwrap();
        for event in events.drain(..) {
            if let Some(chunk) = encoder.chunk(event) {
                write_chunk(&chunk, &mut out).unwrap();
            }
        }
        assert!(!out.is_empty());
        out.clear();
    });
}

/// Of the provider's plain stream: what comes before the first chunk with text, and that chunk.
fn parts(provider: &str) -> (Vec<u8>, Vec<u8>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/wire").join(provider);
    let read = |file: &str| std::fs::read_to_string(folder.join("stream_usage").join(file));
    let (stream, blank) = match read("stream.sse") {
        Ok(stream) => (stream, "\n\n"),
        Err(_) => (read("stream.ndjson").unwrap(), "\n"),
    };
    let mut decoder = adapter(provider).decoder();
    let mut beginning = Vec::new();
    for frame in stream.split_inclusive(blank) {
        let mut events = Vec::new();
        decoder.push(frame.as_bytes(), &mut events).unwrap();
        let text = |event: &Event| match event {
            Event::Delta(delta) => matches!(&delta.piece, Piece::Text(text) if !text.is_empty()),
            _ => false,
        };
        if events.iter().any(text) {
            return (beginning, frame.as_bytes().to_vec());
        }
        beginning.extend_from_slice(frame.as_bytes());
    }
    unreachable!("{provider}'s stream says nothing")
}
