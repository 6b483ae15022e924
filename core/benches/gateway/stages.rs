//! One stage at a time, with its allocations.

use std::time::Duration;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use http::Request;
use lockgate::auth::{Project, ProjectSettings};
use lockgate::cache::Fingerprint;
use lockgate::clock::{Clock, Millis, SystemClock};
use lockgate::ids::{AdmissionId, KeyId, ProjectId};
use lockgate::limits::{Admission, Caps, Charge, Plan, Rates, Settlement, Verdict};
use lockgate::money::Nano;
use lockgate::store::memory::{MemoryLimiter, Start};
use lockgate::store::sqlite::{Access, SqliteLimiter, SqliteStore};
use lockgate::store::{Directory, Limiter};
use lockgate::stream::Framer;
use std::sync::Arc;

use crate::world::{RUNTIME, World, long, small, small_json};

#[divan::bench(args = ["memory", "sqlite"])]
fn exact_hit(bencher: Bencher<'_, '_>, store: &str) {
    let world = if store == "memory" { World::memory() } else { World::sqlite() };
    bencher
        .counter(ItemsCount::new(1_u32))
        .with_inputs(small)
        .bench_values(|request| RUNTIME.block_on(world.gateway.chat(request)).unwrap());
}

#[divan::bench]
fn exact_hit_through_handle(bencher: Bencher<'_, '_>) {
    let world = World::memory();
    let body = Bytes::from(small_json());
    let request = || {
        Request::post("/v1/chat/completions")
            .header("content-type", "application/json")
            .body(body.clone())
            .unwrap()
    };
    bencher.counter(ItemsCount::new(1_u32)).with_inputs(request).bench_values(|request| {
        let response = RUNTIME.block_on(world.gateway.handle(request));
        assert_eq!(response.status(), 200);
        response
    });
}

#[divan::bench(args = [0, 4096, 65536])]
fn fingerprint(bencher: Bencher<'_, '_>, bytes: usize) {
    let now = SystemClock.now();
    let project = Project {
        id: ProjectId::new(now),
        name: "bench".to_owned(),
        rev: 1,
        created_at: now,
        cache_epoch: 0,
        settings: ProjectSettings::default(),
    };
    let request = if bytes == 0 { small() } else { long(bytes) };
    let size = serde_json::to_vec(&request).unwrap().len();
    bencher
        .counter(BytesCount::new(size))
        .bench(|| Fingerprint::of_chat(black_box(&project), black_box(&request)).unwrap());
}

/// A stream as OpenAI sends it: 2,000 pieces of a word.
fn stream() -> Vec<u8> {
    let piece = r#"data: {"id":"chatcmpl-Bq1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_07871e2ad8","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"obfuscation":"kX3"}"#;
    let end = r#"data: {"id":"chatcmpl-Bq1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let mut text = format!("{piece}\n\n").repeat(2000);
    text.push_str(&format!("{end}\n\ndata: [DONE]\n\n"));
    text.into_bytes()
}

#[divan::bench]
fn sse_frames(bencher: Bencher<'_, '_>) {
    let body = stream();
    bencher.counter(BytesCount::of_slice(&body)).bench(|| {
        let mut frames = 0_usize;
        let mut framer = Framer::default();
        for read in body.chunks(16 * 1024) {
            framer
                .push(read, |frame| {
                    frames += frame.data.len();
                    Ok::<(), lockgate::stream::TooLarge>(())
                })
                .unwrap();
        }
        frames
    });
}

fn admission(project: ProjectId, key: KeyId, now: Millis) -> Admission {
    Admission {
        id: AdmissionId::new(now),
        project,
        key,
        customer: None,
        rev: 1,
        charge: Charge::Full,
        rates: Rates {
            requests_per_minute: Some(u32::MAX),
            tokens_per_minute: Some(u32::MAX),
            concurrency: Some(1000),
        },
        caps: Caps {
            project_month: Some(Nano::from_nano(9_000_000_000_000_000)),
            key_month: Some(Nano::from_nano(9_000_000_000_000_000)),
            ..Caps::default()
        },
        first: Plan {
            cache_key: None,
            cached: false,
            version: None,
            money: Nano::from_nano(1000),
            tokens: 1,
        },
        second: None,
        lease: Duration::from_secs(60),
        follow: false,
    }
}

/// Admits under a key's rates and two caps, and settles.
async fn admit_and_settle(limiter: &dyn Limiter, admission: &Admission) {
    let Verdict::Admitted(admitted) = limiter.admit(admission).await.unwrap() else {
        unreachable!("it fits")
    };
    let settlement = Settlement { held: admitted.held, money: Nano::from_nano(1), tokens: 1 };
    limiter.settle(&settlement).await.unwrap();
}

#[divan::bench]
fn admit_and_settle_in_memory(bencher: Bencher<'_, '_>) {
    let clock = Arc::new(SystemClock);
    let (project, key) = (ProjectId::new(clock.now()), KeyId::new(clock.now()));
    let limiter = MemoryLimiter::new(clock.clone(), Start::Zero);
    bencher
        .with_inputs(|| admission(project, key, clock.now()))
        .bench_refs(|admission| RUNTIME.block_on(admit_and_settle(&limiter, admission)));
}

#[divan::bench(sample_count = 20)]
fn admit_and_settle_in_shared_sqlite(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/bench.db", folder.path().display());
    let clock = Arc::new(SystemClock);
    let (limiter, project) = RUNTIME.block_on(async {
        let store = SqliteStore::open(&url, Access::Shared, clock.clone()).await.unwrap();
        let project = Project {
            id: ProjectId::new(clock.now()),
            name: "bench".to_owned(),
            rev: 1,
            created_at: clock.now(),
            cache_epoch: 0,
            settings: ProjectSettings::default(),
        };
        let project = store.create_project(project).await.unwrap();
        (SqliteLimiter::open(store).await.unwrap(), project.id)
    });
    let key = KeyId::NONE;
    bencher
        .with_inputs(|| admission(project, key, clock.now()))
        .bench_refs(|admission| RUNTIME.block_on(admit_and_settle(&limiter, admission)));
}
