//! A journal without a disk, beside a ledger that ends with the process anyway.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::deliver::{Backoff, deliver};
use super::{Journal, Reserve, Row, Ticket};
use crate::error::{Error, Kind, Result, Retry};
use crate::limits::Settlement;
use crate::store::Ledger;

/// With so many rows waiting for the ledger, requests are refused.
const MOST_READY: usize = 65_536;
const BATCH: usize = 256;

/// Rows go to the ledger straight from memory: at once where the ledger needs no waiting, else by a task.
pub struct DirectJournal {
    ledger: Arc<dyn Ledger>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Notify,
    progress: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    next: u64,
    unacknowledged: HashMap<u64, Row>,
    ready: VecDeque<Row>,
    /// Taken from `ready`, not in the ledger yet.
    on_the_way: usize,
    closing: bool,
}

impl DirectJournal {
    /// Starts the task that takes rows to `ledger` that it does not take at once. Needs a runtime.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>) -> DirectJournal {
        let shared = Arc::new(Shared::default());
        tokio::spawn(drain(Arc::clone(&shared), ledger.clone()));
        DirectJournal { ledger, shared }
    }

    fn hand_over(&self, row: Row) {
        let mut append = self.ledger.append(std::slice::from_ref(&row));
        let appended = append.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(append);
        if let Poll::Ready(Ok(())) = appended {
            return;
        }
        // Should it have been appended nonetheless: a row that comes twice counts once.
        self.shared.state.lock().ready.push_back(row);
        self.shared.work.notify_one();
    }
}

impl Drop for DirectJournal {
    fn drop(&mut self) {
        self.shared.state.lock().closing = true;
        self.shared.work.notify_one();
    }
}

#[async_trait]
impl Journal for DirectJournal {
    fn reserve(&self, _reserve: &Reserve) -> Result<()> {
        if self.shared.state.lock().ready.len() < MOST_READY {
            return Ok(());
        }
        let full = Error::new(Kind::StoreUnavailable, "too many rows wait for the ledger");
        Err(full.retrying(Retry::Later))
    }

    fn settled(&self, row: Row, settlement: Option<&Settlement>) -> Ticket {
        if settlement.is_none() {
            self.hand_over(row);
            return Ticket(None);
        }
        let mut state = self.shared.state.lock();
        state.next += 1;
        let number = state.next;
        state.unacknowledged.insert(number, row);
        Ticket(Some(number))
    }

    fn acknowledged(&self, ticket: Ticket) {
        let Ticket(Some(number)) = ticket else { return };
        let row = self.shared.state.lock().unacknowledged.remove(&number);
        if let Some(row) = row {
            self.hand_over(row);
        }
    }

    fn waiting(&self) -> u64 {
        let state = self.shared.state.lock();
        (state.ready.len() + state.on_the_way + state.unacknowledged.len()) as u64
    }

    async fn flush(&self, deadline: Duration) -> Result<()> {
        let mut progress = self.shared.progress.subscribe();
        let done = async {
            loop {
                {
                    let state = self.shared.state.lock();
                    if state.ready.is_empty() && state.on_the_way == 0 {
                        break;
                    }
                }
                if progress.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(deadline, done)
            .await
            .map_err(|late| Error::store("not all rows reached the ledger in time", late))
    }
}

async fn drain(shared: Arc<Shared>, ledger: Arc<dyn Ledger>) {
    let mut backoff = Backoff::default();
    loop {
        let batch: Vec<Row> = {
            let mut state = shared.state.lock();
            let most = state.ready.len().min(BATCH);
            let batch: Vec<Row> = state.ready.drain(..most).collect();
            state.on_the_way = batch.len();
            if batch.is_empty() && state.closing {
                return;
            }
            batch
        };
        if batch.is_empty() {
            shared.work.notified().await;
            continue;
        }
        loop {
            match deliver(ledger.as_ref(), &batch).await {
                Ok(refused) => {
                    for (row, error) in refused {
                        tracing::error!(%error, id = %row.id, "the ledger refuses a row; it is lost");
                    }
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, rows = batch.len(), "the ledger is away; rows wait in memory");
                    if shared.state.lock().closing {
                        return;
                    }
                    tokio::time::sleep(backoff.next()).await;
                }
            }
        }
        backoff.reset();
        shared.state.lock().on_the_way = 0;
        shared.progress.send_modify(|moves| *moves = moves.wrapping_add(1));
    }
}
