//! TLS to Redis (`rediss://`), on the same rustls and ring as calls to providers.
//!
//! Not every server is built with it, so that a proxy speaks it in its place, with the certificate of the tests on
//! Postgres.

use std::sync::Arc;

use lockgate::clock::{Clock, SystemClock};
use lockgate::error::Kind;
use lockgate::ids::ProjectId;
use lockgate::store::Limiter;
use lockgate::store::redis::{RedisAddress, RedisLimiter, RedisOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::house::{SOON, until};
use crate::server::{Server, again};

const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres/tls/ca.pem");
const PORT: &str = "LOCKGATE_TEST_ENCRYPTED_PORT";

/// Takes TLS alone; its port.
async fn encrypting(server: u16) -> u16 {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("../postgres/tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../postgres/tls/server-key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

async fn connect(url: &str) -> lockgate::Result<RedisLimiter> {
    let address = RedisAddress::parse(url).unwrap();
    let options = RedisOptions { address, prefix: "lgt:".to_owned(), timeout: SOON / 4 };
    RedisLimiter::connect(options, Arc::new(SystemClock)).await
}

/// A process that trusts the authority of the tests: the system's certificates are read from the environment.
#[tokio::test]
async fn a_process_that_trusts_the_authority() {
    let Ok(port) = std::env::var(PORT) else { return };
    for host in ["localhost", "127.0.0.1"] {
        let limiter = connect(&format!("rediss://{host}:{port}")).await.unwrap();
        limiter.check().await.unwrap();
        // What is told of changes comes the same way.
        let (mut changes, project) = (limiter.changes(), ProjectId::new(SystemClock.now()));
        let mut rev = 0;
        until("it hears of a change", || {
            rev += 1;
            let (limiter, heard) = (&limiter, changes.has_changed().unwrap());
            async move {
                limiter.revise(project, rev).await.unwrap();
                heard
            }
        })
        .await;
        changes.mark_unchanged();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_to_redis_can_be_encrypted_and_is_checked() {
    let server = Server::start();
    let port = encrypting(server.port).await;
    let trusting = tokio::task::spawn_blocking(move || {
        again("encrypted::a_process_that_trusts_the_authority")
            .env(PORT, port.to_string())
            .env("SSL_CERT_FILE", AUTHORITY)
            .status()
            .unwrap()
    });
    assert!(trusting.await.unwrap().success());
    // Nobody here knows the authority, and without encryption nobody answers.
    for url in [format!("rediss://localhost:{port}"), format!("redis://localhost:{port}")] {
        let refused = connect(&url).await.unwrap_err();
        assert_eq!(refused.kind(), Kind::StoreUnavailable, "{url}");
    }
}
