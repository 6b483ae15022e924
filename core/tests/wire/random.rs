//! Random bytes, made of the pieces of true streams.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lockgate::stream::Laws;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::Provider;

/// What every framing is made of, and what breaks it.
const MARKS: [&str; 18] = [
    "data: ",
    "data:",
    "event: error",
    "event: ",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    ":",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "null",
    "[DONE]",
    "\u{feff}",
    "{}",
];

/// Cases between two looks at the clock.
const ROUND: u32 = 64;

/// How long to go on: `LOCKGATE_FUZZ_SECONDS`, else two seconds.
fn long() -> Duration {
    let seconds = std::env::var("LOCKGATE_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("LOCKGATE_FUZZ_SECONDS is a whole number"));
    Duration::from_secs(seconds.unwrap_or(2))
}

/// The lines of the provider's streams, whole and halved, and what is between them.
fn words(provider: &Provider) -> Vec<Vec<u8>> {
    let mut words: BTreeSet<Vec<u8>> = MARKS.iter().map(|mark| mark.as_bytes().to_vec()).collect();
    for (_, stream) in provider.streams() {
        for line in stream.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let (head, tail) = line.split_at(line.len() / 2);
            let whole = [line, b"\n"].concat();
            words.extend([[whole.as_slice(), b"\n"].concat(), whole, head.to_vec(), tail.to_vec()]);
        }
    }
    words.into_iter().collect()
}

fn bytes(words: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(words);
    let noise = prop::collection::vec(any::<u8>(), 0..12);
    let piece = prop_oneof![8 => words, 1 => noise];
    let pieces = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    // One byte of a line that is otherwise true.
    let flip = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (pieces, flip).prop_map(|(mut bytes, flip)| {
        if let (Some((at, byte)), false) = (flip, bytes.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// No bytes bring a decoder to a panic, to events against the grammar, or to different events when they are split
/// elsewhere.
pub(crate) fn fuzz(provider: &Provider) {
    let splits = prop::collection::vec(any::<prop::sample::Index>(), 1..4);
    let strategy = (bytes(words(provider)), splits);
    let config = Config { cases: ROUND, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let (began, long) = (Instant::now(), long());
    loop {
        let outcome = runner.run(&strategy, |(bytes, splits)| {
            let whole = provider.decode([bytes.as_slice()]);
            let mut cuts: Vec<usize> = splits.iter().map(|split| split.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([bytes.len()]);
            let pieces = cuts_of(&bytes, ends);
            prop_assert_eq!(&provider.decode(pieces), &whole);
            let mut laws = Laws::default();
            for event in &whole.0 {
                prop_assert_eq!(laws.check(event), Ok(()));
            }
            Ok(())
        });
        if let Err(failed) = outcome {
            panic!("{}: {failed}", provider.name);
        }
        if began.elapsed() >= long {
            return;
        }
    }
}

fn cuts_of(bytes: &[u8], ends: impl Iterator<Item = usize>) -> Vec<&[u8]> {
    let mut from = 0;
    ends.map(|end| {
        let piece = &bytes[from..end];
        from = end;
        piece
    })
    .collect()
}
