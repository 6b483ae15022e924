//! The engine agrees with two other programs, whose answers are in `reference/vectors.json` (`reference/make.py`).
//! Needs the model: `LOCKGATE_MODEL_DIR`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::path::PathBuf;

use lockgate_embed::{Kernel, LONGEST, LoadError, MiniLm, cosine, is_model_folder};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    vector: Vec<f32>,
}

fn folder() -> PathBuf {
    let folder = std::env::var_os("LOCKGATE_MODEL_DIR").expect("LOCKGATE_MODEL_DIR names the model's folder");
    let folder = PathBuf::from(folder);
    assert!(is_model_folder(&folder), "{} holds no model", folder.display());
    folder
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../reference/vectors.json")).unwrap()
}

#[test]
fn tokens_are_those_of_the_tokenizer_library() {
    let model = MiniLm::load(&folder(), Kernel::SCALAR).unwrap();
    for case in cases() {
        let (ids, _) = model.tokenizer().tokens(&case.text, LONGEST);
        assert_eq!(ids, case.ids, "{:?}", case.text);
    }
}

#[test]
fn vectors_are_near_the_reference_and_equal_among_int8_kernels() {
    let cases = cases();
    let plain = MiniLm::load(&folder(), Kernel::SCALAR).unwrap();
    let expected: Vec<_> = cases.iter().map(|case| plain.embed(&case.text)).collect();
    for kernel in Kernel::available() {
        let least = if kernel.is_int8() { 0.995 } else { 0.999 };
        let model = MiniLm::load(&folder(), kernel).unwrap();
        let mut worst = (1.0, "");
        for (case, plain) in cases.iter().zip(&expected) {
            let found = model.embed(&case.text);
            assert!((cosine(&found.vector, &found.vector) - 1.0).abs() < 1e-5);
            let length: f32 = found.vector.iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-4);
            let near = cosine(&found.vector, &case.vector);
            if near < worst.0 {
                worst = (near, &case.text);
            }
            assert!(near >= least, "{}: {near} for {:?}", kernel.name(), case.text);
            assert_eq!(found.tokens, case.ids.len());
            if kernel.is_int8() {
                assert_eq!(&found, plain, "{}: {:?}", kernel.name(), case.text);
            }
        }
        println!("{}: cosine to the reference at least {}, at {:?}", kernel.name(), worst.0, worst.1);
    }
}

#[derive(Deserialize)]
struct Pair {
    a: String,
    b: String,
    read: f32,
}

#[test]
fn pairs_are_read_as_the_program_that_learned_reads_them() {
    let pairs: Vec<Pair> = serde_json::from_str(include_str!("../reference/pairs.json")).unwrap();
    let plain = MiniLm::load(&folder(), Kernel::SCALAR).unwrap();
    for kernel in Kernel::available() {
        let model = MiniLm::load(&folder(), kernel).unwrap();
        let mut worst: f32 = 0.0;
        for Pair { a, b, read } in &pairs {
            let found = model.same_meaning(a, b).unwrap();
            worst = worst.max((found - read).abs());
            if kernel.is_int8() {
                assert_eq!(Some(found), plain.same_meaning(a, b), "{}: {a:?} and {b:?}", kernel.name());
            }
        }
        println!("{}: off by {worst} at most", kernel.name());
        // A verdict goes from about -6 to 6; quantised activations cost a little of it.
        assert!(worst < if kernel.is_int8() { 0.6 } else { 0.005 }, "{}: {worst}", kernel.name());
    }
}

#[test]
fn two_texts_that_are_too_long_are_not_read_together() {
    let model = MiniLm::load(&folder(), Kernel::best()).unwrap();
    // Three marks of the tokenizer beside the words.
    let words = |count: usize| "word ".repeat(count);
    assert!(model.same_meaning(&words(126), &words(127)).is_some());
    assert!(model.same_meaning(&words(127), &words(127)).is_none());
    assert!(model.same_meaning("a word", &words(300)).is_none());
}

#[test]
fn what_is_too_long_is_said() {
    let model = MiniLm::load(&folder(), Kernel::best()).unwrap();
    let long = model.embed(&"word ".repeat(300));
    assert_eq!((long.tokens, long.whole), (LONGEST, false));
    let fits = model.embed(&"word ".repeat(LONGEST - 2));
    assert_eq!((fits.tokens, fits.whole), (LONGEST, true));
    assert_eq!(model.embed("").tokens, 2);
}

#[test]
fn another_file_is_refused() {
    let other = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("other-model");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("vocab.txt"), "[UNK]\n").unwrap();
    assert!(!is_model_folder(&other));
    match MiniLm::load(&other, Kernel::SCALAR) {
        Err(error @ LoadError::Different { .. }) => assert!(error.to_string().contains("SHA-256")),
        found => panic!("{found:?}"),
    }
    match MiniLm::load(&other.join("nothing"), Kernel::SCALAR) {
        Err(LoadError::Unreadable { .. }) => {}
        found => panic!("{found:?}"),
    }
}
