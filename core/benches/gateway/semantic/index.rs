//! Searches in the stores that need no server, and in the codes that the index of a file is made of.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use lockgate::cache::Fingerprint;
use lockgate::cache::semantic::DEFAULT_THRESHOLD;
use lockgate::clock::{Clock, Millis, SystemClock};
use lockgate::ids::ProjectId;
use lockgate::store::memory::MemoryMeanings;
use lockgate::store::sqlite::{SqliteMeanings, SqliteStore};
use lockgate::store::{Access, Meaning, MeaningStore, Sought};
use lockgate_embed::{Code, Kernel, nearest};

use super::percentile;
use super::vectors::{WIDTH, entries, exact, queries};
use crate::world::RUNTIME;

/// Questions in one group.
const ENTRIES: usize = 100_000;
/// As many as a store in memory keeps.
const IN_MEMORY: usize = 20_000;
const ASKED: usize = 1000;
/// How many neighbours the cache asks for.
const MOST: usize = 4;
/// How many are compared again as floats.
const COMPARED_AGAIN: usize = 8;
/// What an answer takes, about.
const ANSWER: usize = 600;
const GROUP: Fingerprint = Fingerprint([7; 32]);

pub fn print() {
    let all = entries(ENTRIES);
    println!(
        "search in one group, goals: p99 5 ms at {ENTRIES} entries, recall@1 0.99 of neighbours above {DEFAULT_THRESHOLD}"
    );
    println!("{:<32} {:>9} {:>9} {:>9} {:>9}", "", "entries", "p50 ms", "p99 ms", "recall@1");
    let asked = Asked::new(&all);
    let (sqlite, memory) = RUNTIME.block_on(sqlite(&all, &asked));
    codes(&all, &asked);
    let few = all.get(..IN_MEMORY).unwrap();
    let meanings = MemoryMeanings::default();
    RUNTIME.block_on(async {
        fill(&meanings, few).await;
        searched("memory", few.len(), &Asked::new(few), &meanings).await;
    });
    let a_code = WIDTH + size_of::<i64>();
    println!(
        "SQLite's index in memory: {a_code} bytes an entry, {:.1} MB at {ENTRIES}; the process grew by {:.1} MB while the \
         first search read it from the file, in {:.0} ms",
        (a_code * ENTRIES) as f64 / 1e6,
        memory as f64 / 1e6,
        sqlite
    );
    println!(
        "memory's: {} bytes an entry for the vector alone, {:.1} MB at {IN_MEMORY}, the most it keeps",
        4 * WIDTH,
        (4 * WIDTH * IN_MEMORY) as f64 / 1e6
    );
}

/// What is asked, and what there is to find.
struct Asked {
    queries: Vec<Vec<f32>>,
    best: Vec<(usize, f32)>,
}

impl Asked {
    fn new(all: &[Vec<f32>]) -> Asked {
        let queries = queries(all, ASKED);
        let best = exact(all, &queries);
        assert!(best.iter().all(|(_, cosine)| *cosine > DEFAULT_THRESHOLD), "each has a neighbour above it");
        Asked { queries, best }
    }
}

/// A search of the index in a file. Gives how long the first took, in milliseconds, and by how many bytes the process grew.
async fn sqlite(all: &[Vec<f32>], asked: &Asked) -> (f64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/bench.db", folder.path().display());
    let store = SqliteStore::open(&url, Access::Shared, Arc::new(SystemClock)).await.unwrap();
    let meanings = SqliteMeanings::new(store);
    fill(&meanings, all).await;
    let (before, began) = (resident(), Instant::now());
    let first = asked.queries.first().unwrap();
    meanings.nearest(sought(first)).await.unwrap();
    let (took, grew) = (began.elapsed().as_secs_f64() * 1e3, resident().saturating_sub(before));
    searched("SQLite, all of a search", all.len(), asked, &meanings).await;
    (took, grew)
}

async fn fill(store: &dyn MeaningStore, all: &[Vec<f32>]) {
    let now = SystemClock.now();
    let project = ProjectId::new(now);
    let answer = Bytes::from(vec![b'x'; ANSWER]);
    let mut at = 0_u64;
    for batch in all.chunks(1000) {
        let meaning = |vector: &Vec<f32>| {
            let question = at.to_string();
            at += 1;
            let mut id = GROUP.0;
            for (place, byte) in id.iter_mut().zip(at.to_le_bytes()) {
                *place = byte;
            }
            Meaning {
                id: Fingerprint(id),
                project,
                group: GROUP,
                customer: None,
                question,
                vector: vector.clone(),
                body: answer.clone(),
                created_at: now,
                expires_at: Millis(i64::MAX),
            }
        };
        let batch: Vec<Meaning> = batch.iter().map(meaning).collect();
        store.keep_meanings(&batch).await.unwrap();
    }
}

fn sought(vector: &[f32]) -> Sought {
    Sought { group: GROUP, vector: vector.to_vec(), now: SystemClock.now(), most: MOST }
}

async fn searched(what: &str, entries: usize, asked: &Asked, store: &dyn MeaningStore) {
    let (mut times, mut found) = (Vec::new(), 0);
    for (query, (best, _)) in asked.queries.iter().zip(&asked.best) {
        let sought = sought(query);
        let began = Instant::now();
        let near = store.nearest(sought).await.unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
        found += usize::from(near.first().is_some_and(|near| near.question == best.to_string()));
    }
    show(what, entries, &times, found);
}

/// The codes alone: what of a search is the looking at all.
fn codes(all: &[Vec<f32>], asked: &Asked) {
    let codes: Vec<i8> = all.iter().flat_map(|vector| Code::of(vector).0).collect();
    let (mut times, mut found) = (Vec::new(), 0);
    for (query, (best, _)) in asked.queries.iter().zip(&asked.best) {
        let began = Instant::now();
        let near = nearest(&Code::of(query), &codes, COMPARED_AGAIN, Kernel::best());
        times.push(began.elapsed().as_secs_f64() * 1e3);
        found += usize::from(near.contains(best));
    }
    show(&format!("its codes alone, {}", Kernel::best().name()), all.len(), &times, found);
}

fn show(what: &str, entries: usize, times: &[f64], found: usize) {
    let (half, most) = (percentile(times, 50), percentile(times, 99));
    let recall = found as f64 / times.len() as f64;
    println!("{what:<32} {entries:>9} {half:>9.2} {most:>9.2} {recall:>9.3}");
}

/// Bytes of this process in memory; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
