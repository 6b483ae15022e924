//! The nearest question is found, in the smallest of 200 projects as in the largest: against a scan of all.

use bytes::Bytes;
use lockgate::cache::Fingerprint;
use lockgate::clock::{ManualClock, Millis};
use lockgate::ids::ProjectId;
use lockgate::store::memory::MemoryMeanings;
use lockgate::store::sqlite::{SqliteMeanings, SqliteStore};
use lockgate::store::{Access, Meaning, MeaningStore, Sought};

const NOON: Millis = Millis(1_748_779_200_000);
const PROJECTS: usize = 200;
/// More than are compared one by one, so that the largest is searched by an index where there is one.
const LARGEST: usize = 10_500;
const ASKED: usize = 100;

/// Numbers without a pattern, the same in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// Near `to`, of length 1.
    fn near(&mut self, to: &[f32], spread: f32) -> Vec<f32> {
        let moved: Vec<f32> = to.iter().map(|number| number + spread * self.next()).collect();
        let length = moved.iter().map(|number| number * number).sum::<f32>().sqrt();
        moved.iter().map(|number| number / length).collect()
    }

    fn anywhere(&mut self) -> Vec<f32> {
        self.near(&[0.0; 384], 1.0)
    }
}

fn size(project: usize) -> usize {
    match project {
        0 => LARGEST,
        1..=4 => 500,
        _ => 3 + project % 20,
    }
}

fn group(project: usize) -> Fingerprint {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&(project as u64).to_le_bytes());
    Fingerprint(bytes)
}

/// Questions about some hundred subjects, as people ask them.
async fn fill(store: &dyn MeaningStore) -> Vec<Vec<Vec<f32>>> {
    let mut noise = Noise(42);
    let subjects: Vec<Vec<f32>> = (0..300).map(|_| noise.anywhere()).collect();
    let mut all = Vec::new();
    for project in 0..PROJECTS {
        let id = ProjectId::new(NOON);
        let vectors: Vec<Vec<f32>> = (0..size(project))
            .map(|at| noise.near(&subjects[(at * 31 + project) % subjects.len()], 0.05))
            .collect();
        let mut kept = Vec::new();
        for (at, vector) in vectors.iter().enumerate() {
            let mut key = group(project).0;
            key[8..16].copy_from_slice(&(at as u64 + 1).to_le_bytes());
            kept.push(Meaning {
                id: Fingerprint(key),
                project: id,
                group: group(project),
                customer: None,
                question: at.to_string(),
                vector: vector.clone(),
                body: Bytes::from_static(b"{}"),
                created_at: NOON,
                expires_at: Millis(NOON.0 + 1000),
            });
        }
        for batch in kept.chunks(500) {
            store.keep_meanings(batch).await.unwrap();
        }
        all.push(vectors);
    }
    all
}

async fn recall(store: &dyn MeaningStore) {
    let all = fill(store).await;
    let mut noise = Noise(7);
    for project in [0, 1, 5, 100, PROJECTS - 1] {
        let vectors = &all[project];
        let mut found = 0;
        for ask in 0..ASKED {
            let vector = noise.near(&vectors[ask * 97 % vectors.len()], 0.02);
            let cosine = |other: &Vec<f32>| other.iter().zip(&vector).map(|(a, b)| a * b).sum::<f32>();
            let best = (0..vectors.len())
                .max_by(|a, b| cosine(&vectors[*a]).total_cmp(&cosine(&vectors[*b])))
                .unwrap();
            assert!(cosine(&vectors[best]) > 0.9, "the neighbour is near");
            let sought = Sought { group: group(project), vector: vector.clone(), now: NOON, most: 4 };
            let near = store.nearest(sought).await.unwrap();
            if near.first().is_some_and(|near| near.question == best.to_string()) {
                found += 1;
            }
        }
        println!("a project of {}: {found} of {ASKED} found", vectors.len());
        assert!(found * 100 >= ASKED * 99, "a project of {}: {found} of {ASKED}", vectors.len());
    }
}

#[tokio::test]
async fn in_memory() {
    recall(&MemoryMeanings::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("store.db").display());
    let store = SqliteStore::open(&url, Access::Administration, ManualClock::at(NOON)).await.unwrap();
    recall(&SqliteMeanings::new(store)).await;
}

#[cfg(feature = "test-servers")]
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres() {
    use lockgate::store::postgres::{PostgresMeanings, PostgresStore};
    let database = crate::servers::Database::new().await;
    let store =
        PostgresStore::open(&database.url(), Access::Administration, ManualClock::at(NOON)).await.unwrap();
    recall(&PostgresMeanings::new(store)).await;
    drop(database);
}
