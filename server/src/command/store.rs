//! The store, opened to administer it: beside a running gateway, without ownership.

use std::future::Future;
use std::sync::Arc;

use lockgate::{Administration, Config};

use crate::cli::Sources;
use crate::failure::Failure;
use crate::settings;

/// Opens the store, does `work`, closes the store whatever came of it.
pub(crate) async fn with<T, W>(
    sources: &Sources,
    work: impl FnOnce(Arc<Administration>) -> W,
) -> Result<T, Failure>
where
    W: Future<Output = Result<T, Failure>>,
{
    let config = settings::read(sources)?;
    with_config(&config, work).await
}

/// As [`with`], with settings that are read already.
pub(crate) async fn with_config<T, W>(
    config: &Config,
    work: impl FnOnce(Arc<Administration>) -> W,
) -> Result<T, Failure>
where
    W: Future<Output = Result<T, Failure>>,
{
    let store = Arc::new(Administration::open(config).await?);
    let done = work(store.clone()).await;
    store.close().await;
    done
}
