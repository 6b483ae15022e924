//! How fast the gateway is. `make bench` runs it: each stage with its allocations, then a table of ratios.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at the first surprise")]
#![allow(clippy::print_stdout, reason = "its figures are what it is for")]
#![allow(unreachable_pub, missing_docs, reason = "nobody depends on a benchmark")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]

mod client;
#[allow(clippy::panic, dead_code, reason = "the tests' own database, of which a benchmark needs little")]
#[path = "../../tests/servers/database.rs"]
mod database;
mod echo;
mod failover;
mod machine;
mod measure;
mod redis;
mod semantic;
mod server;
mod stages;
mod streams;
mod table;
mod world;

#[global_allocator]
static ALLOC: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    if std::env::args().nth(1).as_deref() == Some(echo::ARGUMENT) {
        return echo::run();
    }
    let asked_for = |name: &str| std::env::args().any(|argument| argument == name);
    if asked_for(semantic::PART) {
        return semantic::print();
    }
    divan::main();
    // Cargo says so; anything else, as listing or testing, wants no table.
    if asked_for("--bench") {
        table::print();
        semantic::print();
    }
}
