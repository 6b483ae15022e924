//! The model in process, on threads of its own: embedding takes a processor for a millisecond or more, which no thread
//! that serves requests has to give.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use async_trait::async_trait;
use lockgate_embed::{Kernel, MiniLm, NAME};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Embedder, Vector};
use crate::error::{Error, Kind, Result};

/// Texts that wait; with more the cache has nothing to say.
const MOST_WAITING: usize = 64;
/// Threads, at most: each text has one.
const MOST_THREADS: usize = 4;

/// all-MiniLM-L6-v2. It is loaded when it is first needed.
pub(super) struct Local {
    folder: PathBuf,
    kernel: Kernel,
    name: String,
    queue: OnceLock<SyncSender<Job>>,
}

struct Job {
    by: Instant,
    work: Work,
}

enum Work {
    Embed(String, oneshot::Sender<Vector>),
    Compare(String, String, oneshot::Sender<Option<f32>>),
}

impl Work {
    /// Whoever gave up is not worked for.
    fn is_wanted(&self) -> bool {
        match self {
            Work::Embed(_, reply) => !reply.is_closed(),
            Work::Compare(_, _, reply) => !reply.is_closed(),
        }
    }

    fn run(self, model: &MiniLm) {
        match self {
            Work::Embed(text, reply) => {
                let embedded = model.embed(&text);
                let _ = reply.send(Vector { numbers: embedded.vector, whole: embedded.whole });
            }
            Work::Compare(a, b, reply) => {
                let _ = reply.send(model.same_meaning(&a, &b));
            }
        }
    }
}

impl Local {
    /// The model in `folder`, by the kernel that is named, else by the fastest there is.
    pub(super) fn new(folder: PathBuf, path: Option<&str>) -> Result<Local> {
        let kernel = match path {
            None => Kernel::best(),
            Some(name) => Kernel::named(name).ok_or_else(|| {
                let names: Vec<&str> = Kernel::available().into_iter().map(Kernel::name).collect();
                let allowed = format!("this processor has {}", names.join(", "));
                Error::config("embedder.path", format!("{name:?}"), allowed)
            })?,
        };
        // All int8 kernels give the same vectors; the reference gives others, too near to tell apart.
        Ok(Local { folder, kernel, name: NAME.to_owned(), queue: OnceLock::new() })
    }

    async fn ask<T>(&self, work: Work, answer: oneshot::Receiver<T>, by: Instant) -> Result<T> {
        match self.queue().try_send(Job { by, work }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(unavailable("too many texts wait to be embedded")),
            Err(TrySendError::Disconnected(_)) => {
                return Err(unavailable("the embedding model is not there"));
            }
        }
        match tokio::time::timeout_at(by.into(), answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(unavailable("the embedding came too late")),
        }
    }

    fn queue(&self) -> &SyncSender<Job> {
        self.queue.get_or_init(|| {
            let (queue, jobs) = sync_channel(MOST_WAITING);
            let (folder, kernel) = (self.folder.clone(), self.kernel);
            // Detached: it ends with its queue.
            let started =
                std::thread::Builder::new().name("lockgate-embed".to_owned()).spawn(
                    move || match MiniLm::load(&folder, kernel) {
                        Ok(model) => serve(Arc::new(model), Arc::new(Mutex::new(jobs))),
                        Err(error) => {
                            tracing::error!(%error, "the semantic cache is off: its model cannot be loaded")
                        }
                    },
                );
            if let Err(error) = started {
                tracing::error!(%error, "the semantic cache is off: its thread cannot be started");
            }
            queue
        })
    }
}

/// Works on this thread and a few more.
fn serve(model: Arc<MiniLm>, jobs: Arc<Mutex<Receiver<Job>>>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for _ in 1..(cores / 2).clamp(1, MOST_THREADS) {
        let (model, jobs) = (model.clone(), jobs.clone());
        let more = std::thread::Builder::new().name("lockgate-embed".to_owned());
        if more.spawn(move || work(&model, &jobs)).is_err() {
            break;
        }
    }
    work(&model, &jobs);
}

fn work(model: &MiniLm, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let Ok(job) = jobs.lock().recv() else { return };
        if job.work.is_wanted() && Instant::now() < job.by {
            job.work.run(model);
        }
    }
}

#[async_trait]
impl Embedder for Local {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare(&self) {
        self.queue();
    }

    async fn embed(&self, text: &str, by: Instant) -> Result<Vector> {
        let (reply, vector) = oneshot::channel();
        self.ask(Work::Embed(text.to_owned(), reply), vector, by).await
    }

    async fn same_meaning(&self, a: &str, b: &str, by: Instant) -> Result<Option<f32>> {
        let (reply, read) = oneshot::channel();
        self.ask(Work::Compare(a.to_owned(), b.to_owned(), reply), read, by).await
    }
}

fn unavailable(what: &'static str) -> Error {
    Error::new(Kind::StoreUnavailable, what)
}
