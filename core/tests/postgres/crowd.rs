//! Many processes on one database: stores with connections of their own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use futures_util::future::join_all;
use lockgate::clock::{ManualClock, Millis};
use lockgate::config::StoreUrl;
use lockgate::ids::ProjectId;
use lockgate::limits::CounterId;
use lockgate::settle::{
    ExpiredReservations, Journal, Outcome, Row, Spool, SpoolFsync, SpoolOptions, recover,
};
use lockgate::store::memory::{MemoryLimiter, Start};
use lockgate::store::postgres::PostgresStore;
use lockgate::store::{Access, Directory, Ledger, UsageQuery};

use crate::house::{open, project, rows};
use crate::rows::{NOON, customer, reserve, row, settlement};
use crate::servers::Database;

const PROCESSES: usize = 4;

async fn crowd(database: &Database) -> Vec<PostgresStore> {
    let url = database.url();
    let opened = (0..PROCESSES).map(|_| open(&url, Access::Shared));
    join_all(opened).await.into_iter().map(Result::unwrap).collect()
}

/// Sums and rows say the same, to the nano.
async fn are_balanced(store: &PostgresStore, project: ProjectId) -> i64 {
    let rows = rows(store).await;
    let sum: i64 = rows.iter().filter_map(|row| row.cost).map(|cost| cost.nano()).sum();
    let total = store.usage(&UsageQuery::default()).await.unwrap().remove(0);
    assert_eq!((total.cost.nano(), total.requests), (sum, rows.len() as u64));
    let mut counters: Vec<CounterId> = rows.iter().flat_map(Row::counters).collect();
    counters.sort();
    counters.dedup();
    let booked = store.spent(project, &counters).await.unwrap();
    for (counter, booked) in counters.iter().zip(booked) {
        let of = |row: &&Row| row.counters().any(|id| id == *counter);
        let sum: i64 = rows.iter().filter(of).filter_map(|row| row.cost).map(|cost| cost.nano()).sum();
        assert_eq!(booked.nano(), sum, "{counter:?}");
    }
    sum
}

/// Processes that write the same rows at the same time, in any order, some expired and some settled.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_that_come_from_several_processes_count_once() {
    let database = Database::new().await;
    let stores = crowd(&database).await;
    let id = project(&stores[0], "one").await.id;
    let all: Vec<Row> = (0..400)
        .map(|number| Row {
            customer: (number % 3 > 0).then(|| customer(&format!("c{}", number % 5))),
            ..row(id, Millis(NOON.0 + number * 400_000), number)
        })
        .collect();
    let expired = |row: &Row| reserve(row).expired(ExpiredReservations::Charge, NOON);
    let work = stores.iter().enumerate().map(|(process, store)| {
        let mut mine: Vec<Row> = all
            .iter()
            .enumerate()
            .map(|(number, row)| if (number + process) % PROCESSES == 0 { expired(row) } else { row.clone() })
            .collect();
        // Each in an order of its own.
        mine.sort_by_key(|row| row.cost.unwrap_or_default().nano() * (7 + 6 * process as i64) % 401);
        let store = store.clone();
        tokio::spawn(async move {
            for batch in mine.chunks(37) {
                store.append(batch).await.unwrap();
            }
        })
    });
    for done in join_all(work).await {
        done.unwrap();
    }
    assert_eq!(are_balanced(&stores[0], id).await, 399 * 400 / 2);
    assert!(rows(&stores[0]).await.iter().all(|row| row.outcome == Outcome::Answered));
    for store in stores {
        store.close().await;
    }
}

/// No name comes in behind the back of whoever removes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_customer_is_forgotten_while_rows_come_in() {
    let database = Database::new().await;
    let stores = crowd(&database).await;
    let id = project(&stores[0], "one").await.id;
    let writers = stores[1..].iter().cloned().map(|store| {
        tokio::spawn(async move {
            for number in 0..60 {
                let one = |name: &str| Row {
                    customer: Some(customer(name)),
                    ..row(id, Millis(NOON.0 - number), 3)
                };
                store.append(&[one("ann"), one("bob"), one("ann")]).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    stores[0].forget_customer(id, &customer("ann")).await.unwrap();
    let named = rows(&stores[0]).await;
    assert!(
        named.iter().all(|row| row.customer != Some(customer("ann"))),
        "a name was left, or came in since"
    );
    for writer in writers {
        writer.await.unwrap();
    }
    let left = rows(&stores[0]).await;
    assert!(left.iter().all(|row| row.customer != Some(customer("ann"))));
    assert!(left.iter().any(|row| row.customer == Some(customer("bob"))));
    assert_eq!(are_balanced(&stores[0], id).await, 3 * 60 * 3 * 3);
    let ann = UsageQuery { customer: Some(customer("ann")), ..UsageQuery::default() };
    assert_eq!(stores[0].usage(&ann).await.unwrap()[0].requests, 0);
    for store in stores {
        store.close().await;
    }
}

/// Two who clear away do not get into each other's way.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_sweep_at_once() {
    let database = Database::new().await;
    let stores = crowd(&database).await;
    let id = project(&stores[0], "one").await.id;
    let old: Vec<Row> = (0..1000).map(|number| row(id, Millis(NOON.0 + number), 1)).collect();
    stores[0].append(&old).await.unwrap();
    let sweeps = stores.iter().cloned().map(|store| {
        tokio::spawn(async move {
            let mut removed = 0;
            while let gone @ 1.. = store.retire(Millis(NOON.0 + 900), 50).await.unwrap() {
                removed += gone;
            }
            removed
        })
    });
    let mut removed: u64 = 0;
    for done in join_all(sweeps).await {
        removed += done.unwrap();
    }
    // Whoever found another at it went away; the last one goes on to the end.
    while let gone @ 1.. = stores[0].retire(Millis(NOON.0 + 900), 50).await.unwrap() {
        removed += gone;
    }
    assert_eq!(removed, 900);
    assert_eq!(rows(&stores[0]).await.len(), 100);
    for store in stores {
        store.close().await;
    }
}

const CHILD: &str = "LOCKGATE_TEST_CROWD";

/// What a killed process does: requests without end, a line for each step once it is written down.
async fn write_until_killed(order: &str) {
    let (folder, url) = order.split_once(' ').unwrap();
    let folder = std::path::Path::new(folder);
    let store = open(&StoreUrl::new(url), Access::Shared).await.unwrap();
    let mut options = SpoolOptions::new(folder.join("spool"));
    (options.fsync, options.segment_bytes) = (SpoolFsync::Never, 30_000);
    let spool = Spool::open(&options, Arc::new(store), NOON).unwrap();
    let project: ProjectId = std::fs::read_to_string(folder.join("project")).unwrap().parse().unwrap();
    let mut output = std::io::stdout();
    for cost in 1.. {
        let row = row(project, NOON, cost);
        spool.reserve(&reserve(&row)).unwrap();
        if cost % 7 == 0 {
            continue;
        }
        let ticket = spool.settled(row.clone(), Some(&settlement(&row)));
        writeln!(output, "step settled {} {cost}", row.id).unwrap();
        if cost % 5 != 0 {
            spool.acknowledged(ticket);
        }
        tokio::task::yield_now().await;
    }
}

/// P11: killed at any moment, two at a time, nothing that was settled is missing and nothing counts twice.
#[tokio::test]
async fn kill_9_loses_nothing() {
    if let Ok(order) = std::env::var(CHILD) {
        return write_until_killed(&order).await;
    }
    let database = Database::new().await;
    let store = open(&database.url(), Access::Administration).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let id = project(&store, "one").await.id;
    std::fs::write(folder.path().join("project"), id.to_string()).unwrap();
    let mut heard: Vec<String> = Vec::new();
    for round in 0..4 {
        let mut processes: Vec<_> = (0..2)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "crowd::kill_9_loses_nothing", "--nocapture"])
                    .env(CHILD, format!("{} {}", folder.path().display(), database.address()))
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let mut outputs: Vec<_> =
            processes.iter_mut().map(|process| BufReader::new(process.stdout.take().unwrap())).collect();
        // The test runner has its own lines before the first step.
        for _ in 0..200 + round * 150 {
            for output in &mut outputs {
                let mut line = String::new();
                assert_ne!(output.read_line(&mut line).unwrap(), 0, "the writing process ended by itself");
                heard.push(line);
            }
        }
        processes.iter_mut().for_each(|process| process.kill().unwrap());
        for output in outputs {
            heard.extend(output.lines().map_while(Result::ok));
        }
        for process in &mut processes {
            process.wait().unwrap();
        }

        let limiter = MemoryLimiter::new(ManualClock::at(NOON), Start::Seeded);
        let (spool, charge) = (folder.path().join("spool"), ExpiredReservations::Charge);
        let found = recover(&spool, &limiter, &store, charge, NOON).await.unwrap();
        assert!(
            found.instances == 2 && found.damaged == 0 && found.rows > 0 && found.expired > 0,
            "{found:?}"
        );
        let again = recover(&spool, &limiter, &store, charge, NOON).await.unwrap();
        assert_eq!(again.instances, 0);
    }
    are_balanced(&store, id).await;
    let known: std::collections::HashMap<String, Row> =
        rows(&store).await.into_iter().map(|row| (row.id.to_string(), row)).collect();
    let mut settled = 0;
    for line in &heard {
        let words: Vec<&str> = line.split_whitespace().collect();
        // The last line may be cut off.
        let ["step", "settled", id, cost] = words[..] else { continue };
        let row = known.get(id).unwrap_or_else(|| panic!("{id} is lost"));
        assert_eq!(row.outcome, Outcome::Answered);
        assert!(row.cost.unwrap().nano().to_string().starts_with(cost), "{line}");
        settled += 1;
    }
    assert!(settled > 1000, "{settled}");
    store.close().await;
}
