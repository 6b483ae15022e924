//! Hearing of changes that other processes make. Only to be ready sooner: `admit` itself tells who is out of date.

use std::time::Duration;

use futures_util::StreamExt;
use redis::Client;
use tokio::sync::watch;

use super::RedisAddress;

/// First pause before another try.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where changes are told.
pub(super) fn channel(prefix: &str) -> String {
    format!("{prefix}changes")
}

/// Counts changes until nobody listens any more.
pub(super) async fn listen(address: RedisAddress, channel: String, changes: watch::Sender<u64>) {
    let (mut pause, mut missed) = (FIRST_PAUSE, false);
    while !changes.is_closed() {
        // Any node tells of a change at any other.
        for node in address.nodes() {
            if let Ok(()) = hear(node, &channel, &changes, &mut pause, missed).await {
                return;
            }
        }
        missed = true;
        tokio::select! {
            () = changes.closed() => return,
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Done when nobody listens; an error where the connection broke. `missed`: whether something may have been told before.
async fn hear(
    node: &str,
    channel: &str,
    changes: &watch::Sender<u64>,
    pause: &mut Duration,
    missed: bool,
) -> Result<(), redis::RedisError> {
    let mut subscription = Client::open(node)?.get_async_pubsub().await?;
    subscription.subscribe(channel).await?;
    *pause = FIRST_PAUSE;
    if missed {
        changes.send_modify(|count| *count = count.wrapping_add(1));
    }
    let mut messages = subscription.on_message();
    loop {
        tokio::select! {
            () = changes.closed() => return Ok(()),
            message = messages.next() => match message {
                Some(_) => changes.send_modify(|count| *count = count.wrapping_add(1)),
                None => return Err(redis::RedisError::from((redis::ErrorKind::Io, "the subscription ended"))),
            },
        }
    }
}
