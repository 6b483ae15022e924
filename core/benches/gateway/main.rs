//! How fast the gateway is. `make bench` runs it: each stage with its allocations, then a table of ratios.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may stop at the first surprise")]
#![allow(clippy::print_stdout, reason = "its figures are what it is for")]
#![allow(unreachable_pub, missing_docs, reason = "nobody depends on a benchmark")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]

mod client;
mod echo;
mod failover;
mod machine;
mod measure;
mod redis;
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
    divan::main();
    // Cargo says so; anything else, as listing or testing, wants no table.
    if std::env::args().any(|argument| argument == "--bench") {
        table::print();
    }
}
