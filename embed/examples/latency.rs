//! Time to embed one text, by tokens and kernel: `cargo run -p lockgate-embed --example latency` with the model's
//! folder in `LOCKGATE_MODEL_DIR`. Optimised in every profile, on one thread.
#![allow(clippy::print_stdout, reason = "its purpose")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lockgate_embed::{Kernel, MiniLm};

const TOKENS: [usize; 3] = [8, 32, 128];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder =
        PathBuf::from(std::env::var_os("LOCKGATE_MODEL_DIR").ok_or("LOCKGATE_MODEL_DIR is not set")?);
    println!("{:<8} {:>9} {:>16} {:>16} {:>16}   ms: p50 (least)", "kernel", "load", "8 tokens", "32", "128");
    for kernel in Kernel::available() {
        let began = Instant::now();
        let model = MiniLm::load(&folder, kernel)?;
        let mut line = format!("{:<8} {:>9.1}", kernel.name(), ms(began.elapsed()));
        for tokens in TOKENS {
            // Each word is one token, and two more mark the ends.
            let text = "how does the river find its way to the sea ".repeat(tokens.div_ceil(10));
            let text: Vec<&str> = text.split(' ').take(tokens - 2).collect();
            let text = text.join(" ");
            let mut times = Vec::new();
            let whole = Instant::now();
            while times.len() < 20 || (whole.elapsed() < Duration::from_secs(1) && times.len() < 2000) {
                let began = Instant::now();
                let embedded = std::hint::black_box(model.embed(std::hint::black_box(&text)));
                times.push(began.elapsed());
                assert_eq!(embedded.tokens, tokens);
            }
            times.sort_unstable();
            let at = |place: usize| ms(times.get(place).copied().unwrap_or_default());
            line += &format!(" {:>7.3} ({:>6.3})", at(times.len() / 2), at(0));
        }
        println!("{line}");
    }
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
