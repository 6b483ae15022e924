//! With hundreds of thousands of rows everything that is asked for goes by an index, and what goes away goes in bounded
//! portions. No time is measured: the server itself counts the rows that it read.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate::cache::Fingerprint;
use lockgate::clock::Millis;
use lockgate::ids::{CustomerId, KeyId, ProjectId};
use lockgate::limits::{CounterId, Scope, Window};
use lockgate::store::postgres::PostgresStore;
use lockgate::store::{
    Access, AnswerStore, Directory, GroupBy, Ledger, RowFilter, UsageLine, UsageQuery, WarmAnswer,
};

use crate::house::{open, project, until};
use crate::rows::{NOON, customer, row};
use crate::servers::Database;

const ROWS: i64 = 300_000;
/// The rows are spread evenly over so many days before noon.
const DAYS: i64 = 60;
const DAY: i64 = 86_400_000;
const A_DAY: i64 = ROWS / DAYS;
const CUSTOMERS: i64 = 500;
const KEY: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// Fills the ledger as `append` would have: rows, counters and daily sums.
async fn fill(database: &Database, project: ProjectId) {
    let step = DAY / A_DAY;
    let noon = NOON.0;
    database
        .execute(&format!(
            "SET search_path = lockgate; \
             INSERT INTO ledger (id, request_id, project, gateway_key, customer, customer_tag, endpoint, \
             requested_model, served_model, provider, input_tokens, cached_input_tokens, cache_write_tokens, \
             cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens, cost, \
             reserved, saved, latency_us, cache, outcome, status, stream, estimated, admitted_at, ended_at, labels) \
             SELECT '01' || lpad(n::text, 24, '0'), 'req', '{project}', '{KEY}', 'c' || n % {CUSTOMERS}, \
             substr(sha256(convert_to('c' || n % {CUSTOMERS}, 'UTF8')), 1, 16), 'chat', 'gpt-4o', 'gpt-4o', 'openai', \
             10, 0, 0, 0, 5, 0, 0, 0, 7, 9, 0, 1000, 'miss', 'answered', 200, false, false, \
             {noon} - ({ROWS} - n)::bigint * {step}, {noon}, '{{\"team\": \"red\"}}' FROM generate_series(1, {ROWS}) AS n; \
             INSERT INTO daily_usage SELECT project, \
             to_char(to_timestamp(admitted_at / 1000) AT TIME ZONE 'UTC', 'YYYYMMDD')::integer, gateway_key, customer, \
             provider, served_model, count(*), 0, sum(input_tokens), sum(output_tokens), sum(cost), 0, 0 \
             FROM ledger WHERE project = '{project}' GROUP BY 1, 2, 3, 4, 5, 6; \
             INSERT INTO spend SELECT project, day, 'customer', customer, sum(cost) FROM daily_usage \
             WHERE project = '{project}' GROUP BY 1, 2, 4; \
             INSERT INTO spend SELECT project, day / 100, 'project', '', sum(cost) FROM daily_usage \
             WHERE project = '{project}' GROUP BY 1, 2"
        ))
        .await;
    database.execute("VACUUM ANALYZE").await;
}

/// The tables that grow with requests. Of a small one it is right to read all.
const LARGE: [&str; 4] = ["ledger", "spend", "daily_usage", "answer"];

/// Rows that the server read of a table: one after another, and by an index.
type Reads = BTreeMap<String, (i64, i64)>;

async fn reads(database: &Database) -> Reads {
    let mut connection = database.connect().await;
    // A session tells what it did when it ends.
    until(async || {
        let others: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND backend_type = 'client backend'",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        others == 0
    })
    .await;
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT relname::text, coalesce(seq_tup_read, 0), coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables \
         WHERE schemaname = 'lockgate'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    rows.into_iter().map(|(table, scanned, found)| (table, (scanned, found))).collect()
}

/// Does `work`, and sees to it that of each table at most so many rows are read, all of them by an index.
async fn reading<T>(
    database: &Database,
    what: &str,
    most: &[(&str, i64)],
    work: impl AsyncFnOnce(&PostgresStore) -> T,
) -> T {
    let before = reads(database).await;
    let store = open(&database.url(), Access::Administration).await.unwrap();
    let done = work(&store).await;
    store.close().await;
    let after = reads(database).await;
    for (table, (scanned, found)) in &after {
        if !LARGE.contains(&table.as_str()) {
            continue;
        }
        let (scanned_before, found_before) = before.get(table).copied().unwrap_or_default();
        let allowed = most.iter().find(|(name, _)| name == table).map_or(0, |(_, most)| *most);
        let (scanned, found) = (scanned - scanned_before, found - found_before);
        assert_eq!(scanned, 0, "{what}: {table} was read from end to end");
        assert!(found <= allowed, "{what}: {found} rows of {table} were read, {allowed} are enough");
    }
    done
}

fn requests(lines: &[UsageLine]) -> i64 {
    lines.iter().map(|line| i64::try_from(line.requests).unwrap()).sum()
}

#[tokio::test]
async fn months_of_rows_stay_quick() {
    let database = Database::new().await;
    let store = open(&database.url(), Access::Administration).await.unwrap();
    let id = project(&store, "one").await.id;
    // Other projects have rows, too.
    let other = project(&store, "other").await.id;
    store.append(&[row(other, NOON, 1)]).await.unwrap();
    store.close().await;
    fill(&database, id).await;
    let ago = |days: i64, ms: i64| Some(Millis(NOON.0.div_euclid(DAY) * DAY - days * DAY + ms));
    let of = UsageQuery { project: Some(id), ..UsageQuery::default() };

    // A limiter is seeded.
    let counters: Vec<CounterId> =
        CounterId::booked(NOON, KEY.parse::<KeyId>().unwrap(), Some(customer("c7").tag())).collect();
    let month = CounterId { window: Window::month(NOON), scope: Scope::Project };
    assert!(counters.contains(&month));
    let spent =
        reading(&database, "spent", &[("spend", 4)], async |store| store.spent(id, &counters).await.unwrap())
            .await;
    assert!(spent.iter().any(|amount| amount.nano() > 0));

    // What was used: whole days come from the sums, a part of a day from its rows.
    let days = UsageQuery { from: ago(5, 0), to: ago(0, 0), by: GroupBy::Day, ..of.clone() };
    let lines = reading(&database, "five days", &[("daily_usage", 5 * CUSTOMERS)], async |store| {
        store.usage(&days).await.unwrap()
    })
    .await;
    assert_eq!((lines.len(), requests(&lines)), (5, 5 * A_DAY));
    let part = UsageQuery { from: ago(3, DAY / 2), to: ago(0, DAY / 4), ..of.clone() };
    let most = [("daily_usage", 2 * CUSTOMERS), ("ledger", A_DAY)];
    let lines =
        reading(&database, "parts of days", &most, async |store| store.usage(&part).await.unwrap()).await;
    assert_eq!(requests(&lines), 2 * A_DAY + A_DAY / 2 + A_DAY / 4);
    let everybody = UsageQuery { project: None, ..days };
    let most = [("daily_usage", 5 * CUSTOMERS)];
    reading(&database, "all projects", &most, async |store| store.usage(&everybody).await.unwrap()).await;
    let one = UsageQuery { customer: Some(customer("c7")), by: GroupBy::Model, ..of.clone() };
    let lines = reading(&database, "one customer", &[("daily_usage", DAYS + 1)], async |store| {
        store.usage(&one).await.unwrap()
    })
    .await;
    assert_eq!(requests(&lines), ROWS / CUSTOMERS);

    // Rows are listed, and one is found.
    for project in [None, Some(id)] {
        let newest = RowFilter { project, most: 50, ..RowFilter::default() };
        let rows = reading(&database, "newest rows", &[("ledger", 51)], async |store| {
            store.rows(&newest).await.unwrap()
        })
        .await;
        assert_eq!(rows.len(), 50);
        assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row.admitted_at)));
    }
    let known = RowFilter { id: Some(format!("01{ROWS:024}").parse().unwrap()), ..RowFilter::default() };
    reading(&database, "one row", &[("ledger", 1)], async |store| {
        assert_eq!(store.rows(&known).await.unwrap().len(), 1);
    })
    .await;

    // A batch comes in, with rows that are there already.
    let fresh: Vec<_> = (0..200).map(|number| row(id, Millis(NOON.0 + number), 3)).collect();
    let most = [("ledger", 1000), ("spend", 1000), ("daily_usage", 1000)];
    reading(&database, "a batch", &most, async |store| {
        store.append(&fresh).await.unwrap();
        store.append(&fresh).await.unwrap();
    })
    .await;

    forgotten(&database, id).await;
    retired(&database, id).await;
}

async fn forgotten(database: &Database, id: ProjectId) {
    let name: CustomerId = customer("c7");
    let rows = ROWS / CUSTOMERS;
    // Each row is found, locked and changed.
    let most = [("ledger", 4 * rows), ("daily_usage", 6 * DAYS)];
    reading(database, "forgetting", &most, async |store| {
        assert!(store.forget_customer(id, &name).await.unwrap());
    })
    .await;
}

/// The retention job: portion by portion, none of which reads what others have removed.
async fn retired(database: &Database, id: ProjectId) {
    const PORTION: u32 = 500;
    let before = Millis(NOON.0 - 50 * DAY);
    let gone = 10 * A_DAY - 1;
    let most = [("ledger", 3 * i64::from(PORTION)), ("spend", 3 * 10 * CUSTOMERS)];
    reading(database, "a portion", &most, async |store| {
        assert_eq!(store.retire(before, PORTION).await.unwrap(), u64::from(PORTION));
    })
    .await;
    let most = [("ledger", 3 * gone), ("spend", 100)];
    reading(database, "retention", &most, async |store| {
        let mut removed = u64::from(PORTION);
        let mut portions = 1;
        while let rows @ 1.. = store.retire(before, PORTION).await.unwrap() {
            assert!(rows <= u64::from(PORTION));
            removed += rows;
            portions += 1;
        }
        assert_eq!(i64::try_from(removed).unwrap(), gone);
        assert_eq!(portions, gone.unsigned_abs().div_ceil(u64::from(PORTION)));
    })
    .await;
    let store = open(&database.url(), Access::Administration).await.unwrap();
    let oldest = store.rows(&RowFilter { most: 1_000_000, project: Some(id), id: None }).await.unwrap();
    assert!(oldest.iter().all(|row| row.admitted_at >= before));
    let total = store.usage(&UsageQuery::default()).await.unwrap();
    assert_eq!(requests(&total), ROWS + 201, "the sums stay");
    let cut = Window::day(before);
    let of = |window| CounterId { window, scope: Scope::Project };
    let booked = store.spent(id, &[of(Window::month(before)), of(cut)]).await.unwrap();
    assert!(booked[0].nano() > 0, "months stay");
    store.close().await;
}

#[tokio::test]
async fn the_warm_cache_is_cleared_in_portions() {
    let database = Database::new().await;
    let store = open(&database.url(), Access::Administration).await.unwrap();
    let id = project(&store, "one").await.id;
    store.close().await;
    database
        .execute(&format!(
            "SET search_path = lockgate; INSERT INTO answer (key, project, body, size, created_at, expires_at) \
             SELECT sha256(n::text::bytea), '{id}', repeat('x', 4000)::bytea, 4000, n, n + 1000 \
             FROM generate_series(1, 20000) AS n"
        ))
        .await;
    database.execute("VACUUM ANALYZE").await;
    let removed = reading(&database, "expiry", &[("answer", 300)], async |store| {
        store.expire_answers(Millis(1500), 100).await.unwrap()
    })
    .await;
    assert_eq!(removed, 100);
    let known = Fingerprint([7; 32]);
    let body = Bytes::from_static(b"new");
    let answer =
        WarmAnswer { project: id, key: known, body, created_at: Millis(50_000), expires_at: Millis(60_000) };
    reading(&database, "one answer", &[("answer", 8)], async |store| {
        store.keep_answers(std::slice::from_ref(&answer)).await.unwrap();
        store.count_hits(&[(known, 3)]).await.unwrap();
        assert_eq!(store.answer(id, &known, Millis(55_000)).await.unwrap(), Some(answer.clone()));
    })
    .await;
    // Summing their sizes up reads the index alone, as far as the server has seen that all may see them.
    database.execute("VACUUM lockgate.answer").await;
    let removed = reading(&database, "trimming", &[("answer", 300)], async |store| {
        store.trim_answers(4000 * 1000, 100).await.unwrap()
    })
    .await;
    assert_eq!(removed, 100);
    let purged = reading(&database, "a purge", &[("answer", 80_000)], async |store| {
        store.purge_cache(id).await.unwrap()
    })
    .await;
    assert_eq!(purged, 20_000 - 200 + 1);
}
