//! Time to embed one text, by tokens and kernel: `cargo run -p lockgate-embed --example latency` with the model's
//! folder in `LOCKGATE_MODEL_DIR`. Optimised in every profile, on one thread. `-- --json` adds tokens and vectors, for
//! `tests/bench-embed`.
#![allow(clippy::print_stdout, reason = "its purpose")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lockgate_embed::{Kernel, LONGEST, MiniLm};
use serde::Serialize;

const TOKENS: [usize; 3] = [8, 32, 128];

#[derive(Serialize)]
struct Row {
    kernel: &'static str,
    load_ms: f64,
    texts: Vec<Timed>,
}

/// What one text took, tokenizing included.
#[derive(Serialize)]
struct Timed {
    ids: Vec<u32>,
    vector: Vec<f32>,
    p50_ms: f64,
    least_ms: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder =
        PathBuf::from(std::env::var_os("LOCKGATE_MODEL_DIR").ok_or("LOCKGATE_MODEL_DIR is not set")?);
    let json = std::env::args().any(|argument| argument == "--json");
    if !json {
        println!(
            "{:<8} {:>9} {:>16} {:>16} {:>16}   ms: p50 (least)",
            "kernel", "load", "8 tokens", "32", "128"
        );
    }
    let mut rows = Vec::new();
    for kernel in Kernel::available() {
        let began = Instant::now();
        let model = MiniLm::load(&folder, kernel)?;
        let mut row = Row { kernel: kernel.name(), load_ms: ms(began.elapsed()), texts: Vec::new() };
        let mut line = format!("{:<8} {:>9.1}", row.kernel, row.load_ms);
        for tokens in TOKENS {
            let timed = time(&model, tokens);
            line += &format!(" {:>7.3} ({:>6.3})", timed.p50_ms, timed.least_ms);
            row.texts.push(timed);
        }
        if !json {
            println!("{line}");
        }
        rows.push(row);
    }
    if json {
        println!("{}", serde_json::to_string(&rows)?);
    }
    Ok(())
}

fn time(model: &MiniLm, tokens: usize) -> Timed {
    // Each word is one token, and two more mark the ends.
    let text = "how does the river find its way to the sea ".repeat(tokens.div_ceil(10));
    let text: Vec<&str> = text.split(' ').take(tokens - 2).collect();
    let text = text.join(" ");
    let (ids, _) = model.tokenizer().tokens(&text, LONGEST);
    assert_eq!(ids.len(), tokens);
    let mut times = Vec::new();
    let whole = Instant::now();
    while times.len() < 20 || (whole.elapsed() < Duration::from_secs(1) && times.len() < 2000) {
        let began = Instant::now();
        std::hint::black_box(model.embed(std::hint::black_box(&text)));
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |place: usize| ms(times.get(place).copied().unwrap_or_default());
    Timed { ids, vector: model.embed(&text).vector, p50_ms: at(times.len() / 2), least_ms: at(0) }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
