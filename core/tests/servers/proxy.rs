//! A TCP proxy on this machine that does to its connections what a bad network does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Road {
    /// They pass.
    Open,
    /// Nothing passes, and no connection ends: neither side learns of it.
    Silent,
    /// Connections end at once, old ones and new ones.
    Closed,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    server: String,
    road: watch::Sender<Road>,
    /// Moves with each cut: connections of before end.
    cut: watch::Sender<u64>,
    /// Moves with each freeze: connections of before are silent from then on.
    frozen: watch::Sender<u64>,
    /// So many answers to a `COMMIT` are lost, with their connections.
    lost_answers: AtomicUsize,
    opened: AtomicUsize,
}

impl Proxy {
    /// Before the server at `server`: host and port.
    pub(crate) async fn before(server: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            road: watch::Sender::new(Road::Open),
            cut: watch::Sender::new(0),
            frozen: watch::Sender::new(0),
            lost_answers: AtomicUsize::new(0),
            opened: AtomicUsize::new(0),
        });
        let accepting = shared.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                accepting.opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(carry(accepting.clone(), client));
            }
        });
        Proxy { address, shared, task }
    }

    pub(crate) fn set(&self, road: Road) {
        self.shared.road.send_replace(road);
    }

    /// Ends all connections; new ones pass.
    pub(crate) fn cut(&self) {
        self.shared.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Nothing passes on the connections there are, and they do not end; new ones pass.
    pub(crate) fn freeze(&self) {
        self.shared.frozen.send_modify(|times| *times += 1);
    }

    /// The next `count` transactions are committed, and nobody hears of it.
    pub(crate) fn lose_answers(&self, count: usize) {
        self.shared.lost_answers.store(count, Ordering::SeqCst);
    }

    pub(crate) fn answers_to_lose(&self) -> usize {
        self.shared.lost_answers.load(Ordering::SeqCst)
    }

    /// Connections that were opened so far.
    pub(crate) fn opened(&self) -> usize {
        self.shared.opened.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn carry(shared: Arc<Shared>, mut client: TcpStream) {
    let (mut road, mut cut) = (shared.road.subscribe(), shared.cut.subscribe());
    let mut frozen = shared.frozen.subscribe();
    if *road.borrow_and_update() == Road::Closed {
        return;
    }
    let Ok(mut server) = TcpStream::connect(&shared.server).await else { return };
    let (mut asked, mut answered) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    // The next answer is lost.
    let mut deaf = false;
    let mut silent = false;
    loop {
        let passing = *road.borrow_and_update() == Road::Open && !silent;
        if *road.borrow() == Road::Closed {
            return;
        }
        tokio::select! {
            _ = road.changed() => {}
            _ = cut.changed() => return,
            _ = frozen.changed() => silent = true,
            read = client.read(&mut asked), if passing => {
                let Ok(read @ 1..) = read else { return };
                let commits = memchr::memmem::find(&asked[..read], b"COMMIT\0").is_some();
                if commits {
                    let take = |left: usize| left.checked_sub(1);
                    deaf = shared.lost_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
                }
                if server.write_all(&asked[..read]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered), if passing => {
                let Ok(read @ 1..) = read else { return };
                if deaf || client.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
