//! A TCP proxy before a server, with faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

#[derive(Default)]
struct Faults {
    /// Connections are closed as soon as they are made, and those there are cut.
    refusing: AtomicBool,
    /// Answers are held back.
    mute: AtomicBool,
    /// So many of the next answers are swallowed, and their connection cut: the server did what it was asked.
    cut_answers: AtomicU32,
    changed: Notify,
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    faults: Arc<Faults>,
}

impl Proxy {
    pub(crate) async fn before(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let faults = Arc::new(Faults::default());
        let proxy = Proxy { port: listener.local_addr().unwrap().port(), faults: faults.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, port, faults.clone()));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn refuse(&self, refusing: bool) {
        self.faults.refusing.store(refusing, Ordering::SeqCst);
        self.faults.changed.notify_waiters();
    }

    pub(crate) fn mute(&self, mute: bool) {
        self.faults.mute.store(mute, Ordering::SeqCst);
        self.faults.changed.notify_waiters();
    }

    /// The next answers are lost after the server has done its work.
    pub(crate) fn cut_answers(&self, answers: u32) {
        self.faults.cut_answers.store(answers, Ordering::SeqCst);
    }

    pub(crate) fn cuts_left(&self) -> u32 {
        self.faults.cut_answers.load(Ordering::SeqCst)
    }
}

async fn pass(client: TcpStream, port: u16, faults: Arc<Faults>) {
    if faults.refusing.load(Ordering::SeqCst) {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            if to_server.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
            let cut = |left: u32| left.checked_sub(1);
            if faults.cut_answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, cut).is_ok() {
                return;
            }
            while faults.mute.load(Ordering::SeqCst) {
                faults.changed.notified().await;
            }
            if to_client.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    let refused = async {
        loop {
            faults.changed.notified().await;
            if faults.refusing.load(Ordering::SeqCst) {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
        () = refused => {}
    }
}
