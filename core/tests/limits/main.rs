//! The limiter's laws (promises P1, P2, P3), on every engine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod downgrade;
#[cfg(feature = "test-servers")]
mod engines;
mod lease;
mod model;
mod naive;
mod races;
mod rates;
#[cfg(feature = "test-servers")]
mod redis;
mod script;
mod seeding;
mod shared;
mod spend;
mod world;

/// Runs laws, each on a world of its own, on every engine.
macro_rules! laws {
    ($($law:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $law() {
                super::$law(crate::world::World::memory()).await;
            })+
        }

        mod sqlite_shared {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $law() {
                super::$law(crate::world::World::sqlite_shared().await).await;
            })+
        }

        #[cfg(feature = "test-servers")]
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $law() {
                super::$law(crate::engines::Engine::Redis.world().await).await;
            })+
        }

        #[cfg(feature = "test-servers")]
        mod valkey {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $law() {
                super::$law(crate::engines::Engine::Valkey.world().await).await;
            })+
        }

        #[cfg(feature = "test-servers")]
        mod cluster {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $law() {
                super::$law(crate::engines::Engine::Cluster.world().await).await;
            })+
        }
    };
}
pub(crate) use laws;
