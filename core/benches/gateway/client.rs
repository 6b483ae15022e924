//! The leanest HTTP client there is, so that what is measured is the server: one request again and again.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    /// Connects, to post `body` with `headers` (lines that end with CRLF) to `path`.
    pub async fn new(server: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Client {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let length = body.len();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {server}\r\n{headers}content-type: application/json\r\n\
             content-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        Client { stream, request, answer: Vec::with_capacity(64 * 1024) }
    }

    /// Posts and reads the answer, which must be a 200 with a length.
    pub async fn post(&mut self) -> &[u8] {
        self.stream.write_all(&self.request).await.unwrap();
        self.answer.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| self.answer.len() < whole) {
            assert!(self.stream.read_buf(&mut self.answer).await.unwrap() > 0, "the server hung up");
            if whole.is_none()
                && let Some(head) = memchr::memmem::find(&self.answer, b"\r\n\r\n")
            {
                whole = Some(head + 4 + length(self.answer.get(..head).unwrap()));
            }
        }
        &self.answer
    }
}

fn length(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    line.parse().unwrap()
}
