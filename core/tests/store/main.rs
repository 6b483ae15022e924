//! The laws of every store: whatever it is made of, it keeps the same books.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod answers;
mod books;
mod directory;
mod ledger;
mod meanings;
#[path = "../rows/mod.rs"]
mod rows;
#[cfg(feature = "test-servers")]
#[path = "../servers/mod.rs"]
mod servers;
mod world;

/// Runs laws, each on a store of its own, on every store.
macro_rules! laws {
    ($($law:ident),+ $(,)?) => {
        laws!(@on memory: $($law),+);
        laws!(@on sqlite: $($law),+);
        #[cfg(feature = "test-servers")]
        laws!(@on postgres: $($law),+);
    };
    (@on $store:ident: $($law:ident),+) => {
        mod $store {
            $(#[tokio::test]
            async fn $law() {
                super::$law(crate::world::World::$store().await).await;
            })+
        }
    };
}
pub(crate) use laws;
