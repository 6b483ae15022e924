//! TLS to Postgres, on the same rustls and ring as calls to providers.
//!
//! The server of the tests is built without TLS, so that a proxy speaks it in its place: it answers the request for
//! encryption as the server would, with a certificate that was made for these tests and is good for nothing else.

use std::sync::Arc;

use lockgate::config::StoreUrl;
use lockgate::store::{Access, Directory};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::house::{open, project};
use crate::servers::Database;

const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/postgres/tls/ca.pem");
/// How a client asks for encryption: its length, then a number that is no version.
const ASKS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server-key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Takes TLS alone; its port.
async fn encrypting(server: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = acceptor();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (server, acceptor) = (server.clone(), acceptor.clone());
            tokio::spawn(async move {
                let mut asked = [0; 8];
                if client.read_exact(&mut asked).await.is_err() || asked != ASKS {
                    return;
                }
                client.write_all(b"S").await.unwrap();
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = TcpStream::connect(server).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_postgres_can_be_encrypted_and_checked() {
    let database = Database::new().await;
    let port = encrypting(database.host()).await;
    let way = |host: &str, parameters: &str| {
        let url = database.by_way_of(format!("{host}:{port}"));
        StoreUrl::new(format!("{}?{parameters}", url.expose()))
    };
    for (round, parameters) in [
        "sslmode=require".to_owned(),
        "sslmode=prefer".to_owned(),
        format!("sslmode=verify-ca&sslrootcert={AUTHORITY}"),
        format!("sslmode=verify-full&sslrootcert={AUTHORITY}"),
    ]
    .into_iter()
    .enumerate()
    {
        for host in ["localhost", "127.0.0.1"] {
            let store = open(&way(host, &parameters), Access::Owner).await.unwrap();
            project(&store, &format!("{host}-{round}").replace('.', "-")).await;
            assert!(store.version().await.unwrap() > 0);
            store.close().await;
        }
    }
    // Nobody known has signed it; and plain text is not spoken here.
    for parameters in ["sslmode=verify-full", "sslmode=verify-ca", "sslmode=disable"] {
        let refused = open(&way("localhost", parameters), Access::Administration).await.unwrap_err();
        assert!(refused.message().contains(parameters), "{refused}");
    }
    // A server without TLS is not talked to where it is asked for.
    let plain = StoreUrl::new(format!("{}?sslmode=require", database.address()));
    let refused = open(&plain, Access::Administration).await.unwrap_err();
    assert!(refused.message().contains("does not support TLS"), "{refused}");
}
