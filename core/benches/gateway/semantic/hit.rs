//! A whole hit of a gateway in process, beside its parts.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lockgate::config::Environment;
use lockgate::types::ChatRequest;
use lockgate::{CallOptions, Gateway};
use lockgate_embed::{Kernel, LONGEST, MiniLm, is_model_folder};
use lockgate_sim::{Options, Sim};
use serde_json::Value;

use super::percentile;
use crate::database::{self, Database};
use crate::world::RUNTIME;

const KNOWN: &str = "How do I reset my password?";
const ASKED: &str = "How can I reset my password?";
/// Other questions in the same group.
const OTHERS: usize = 1000;
/// Kept at once: more on their way would be left out.
const AT_ONCE: usize = 100;
const TIMES: usize = 1000;
const SOON: Duration = Duration::from_secs(60);

/// Milliseconds of each part, a hit each.
#[derive(Default)]
struct Parts {
    whole: Vec<f64>,
    embed: Vec<f64>,
    search: Vec<f64>,
    guards: Vec<f64>,
}

pub fn print() {
    let folder = std::env::var_os("LOCKGATE_MODEL_DIR").map(PathBuf::from);
    let Some(folder) = folder.filter(|folder| is_model_folder(folder)) else {
        println!("Semantic hits were left out: LOCKGATE_MODEL_DIR names no folder with the model.");
        return;
    };
    let model = MiniLm::load(&folder, Kernel::best()).unwrap();
    let tokenise = median(|| model.tokenizer().tokens(ASKED, LONGEST));
    let alone = median(|| model.embed(ASKED));
    drop(model);
    let kernel = Kernel::best().name();
    println!(
        "a hit, chat, among {} questions, p50 ms; {ASKED:?} by {kernel}: {tokenise:.3} to tokenise, {alone:.2} to tokenise \
         and embed",
        OTHERS + 1
    );
    println!(
        "{:<12} {:>7} {:>7} {:>7} {:>9} {:>7} {:>7} {:>7} {:>7}",
        "", "goal", "p50", "p99", "tokenise", "embed", "search", "guards", "rest"
    );
    RUNTIME.block_on(async {
        show("memory", 3.0, tokenise, &hits(&folder, "memory".to_owned()).await);
        let place = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/bench.db", place.path().display());
        show("SQLite", 3.0, tokenise, &hits(&folder, url).await);
        if std::env::var_os(database::SERVER).is_some() {
            let database = Database::new().await;
            show("Postgres", 6.0, tokenise, &hits(&folder, database.address()).await);
        } else {
            println!("Postgres was left out: {} names no server.", database::SERVER);
        }
    });
    println!("embed is its share of a hit without tokenise: the model, and the way to its thread and back.");
}

/// Milliseconds, the median.
fn median<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        std::hint::black_box(work());
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    percentile(&times, 50)
}

fn show(store: &str, goal: f64, tokenise: f64, parts: &Parts) {
    let half = |part: &[f64]| percentile(part, 50);
    let (whole, embed) = (half(&parts.whole), half(&parts.embed));
    let (search, guards) = (half(&parts.search), half(&parts.guards));
    println!(
        "{store:<12} {goal:>7.2} {whole:>7.2} {:>7.2} {tokenise:>9.3} {:>7.2} {search:>7.2} {guards:>7.2} {:>7.2}",
        percentile(&parts.whole, 99),
        embed - tokenise,
        whole - embed - search - guards
    );
}

async fn hits(folder: &Path, store: String) -> Parts {
    let sim = Sim::start(Options::default()).await.unwrap();
    let spool = tempfile::tempdir().unwrap();
    let mut builder = Gateway::builder()
        .environment(Environment::empty())
        .set("model_dir", folder.display().to_string())
        .set("project.semantic.mode", "on")
        // A hit that came too late would be a miss, and known word for word from then on.
        .set("timeouts.semantic_ms", 10_000)
        .set("providers.openai.api_key", "sk-bench")
        .set("providers.openai.base_url", sim.openai_base_url());
    if store.starts_with("postgres") {
        builder = builder.set("single_process", true).set("state_dir", spool.path().display().to_string());
    }
    let gateway = builder.set("store", store).build().await.unwrap();
    assert!(gateway.warm_up().await, "the model is loaded");
    gateway.chat(ChatRequest::new("gpt-4o").user(KNOWN)).await.unwrap();
    for number in 0..OTHERS {
        let other = format!("What is part {number} of the machine in hall {} for?", number % 17);
        gateway.chat(ChatRequest::new("gpt-4o").user(other)).await.unwrap();
        if number % AT_ONCE == 0 {
            assert!(gateway.flush(SOON).await, "questions are kept");
        }
    }
    assert!(gateway.flush(SOON).await, "questions are kept");
    let mut parts = Parts::default();
    for _ in 0..TIMES {
        let request = ChatRequest::new("gpt-4o").user(ASKED);
        let began = Instant::now();
        let answer = gateway.chat(request).await.unwrap();
        parts.whole.push(began.elapsed().as_secs_f64() * 1e3);
        assert_eq!(answer.lockgate.unwrap().cache, "semantic");
        // Another time, because telling takes time, too.
        let options = CallOptions { explain: true, ..CallOptions::default() };
        let told = gateway.chat_with(ChatRequest::new("gpt-4o").user(ASKED), options).await.unwrap();
        let told: Value = serde_json::from_str(told.lockgate.unwrap().explain.unwrap().get()).unwrap();
        let part =
            |name: &str| told.pointer(&format!("/semantic/{name}")).and_then(Value::as_f64).unwrap() / 1e3;
        parts.embed.push(part("embed_us"));
        parts.search.push(part("search_us"));
        parts.guards.push(part("guards_us"));
    }
    gateway.close(SOON).await;
    parts
}
