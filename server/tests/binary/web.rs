//! HTTP/1.1 by hand: what is on the wire is what the test says.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::house::SOON;

pub(crate) type Address = SocketAddr;

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The data of all events.
    pub(crate) fn events(&self) -> Vec<String> {
        self.body.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }

    /// The error object of a refusal, with what every one must have.
    pub(crate) fn error(&self) -> Value {
        assert!(self.header("x-request-id").is_some(), "{self:?}");
        let error = self.json()["error"].take();
        assert!(
            error["message"].is_string() && error["type"].is_string() && error["code"].is_string(),
            "{self:?}"
        );
        error
    }
}

/// A connection with a request under way.
pub(crate) struct Connection {
    stream: TcpStream,
    pub(crate) received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn send(address: Address, request: &[u8]) -> Connection {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        Connection { stream, received: Vec::new() }
    }

    /// Reads until `text` has come.
    pub(crate) async fn until(&mut self, text: &str) {
        let found = |received: &[u8]| String::from_utf8_lossy(received).contains(text);
        while !found(&self.received) {
            let read =
                timeout(SOON, self.stream.read_buf(&mut self.received)).await.expect("bytes come").unwrap();
            assert_ne!(read, 0, "it ended before {text:?}: {}", String::from_utf8_lossy(&self.received));
        }
    }

    /// Reads to the end of the connection; whether it ended without a reset.
    pub(crate) async fn read_to_end(&mut self) -> bool {
        loop {
            match timeout(SOON, self.stream.read_buf(&mut self.received)).await.expect("it ends") {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    pub(crate) async fn response(mut self) -> Response {
        self.read_to_end().await;
        parse(&self.received)
    }
}

pub(crate) fn parse(received: &[u8]) -> Response {
    let text = String::from_utf8_lossy(received);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut response = Response { status, head: head.to_owned(), body: body.to_owned() };
    if response.header("transfer-encoding") == Some("chunked") {
        response.body = dechunk(body);
    }
    response
}

fn dechunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        let Some(chunk) = after.get(..size) else { break };
        body.push_str(chunk);
        rest = after.get(size + 2..).unwrap_or_default();
    }
    body
}

/// The bytes of a request whose connection closes after it.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}").into_bytes()
}

pub(crate) async fn send(address: Address, bytes: &[u8]) -> Response {
    Connection::send(address, bytes).await.response().await
}

pub(crate) async fn get(address: Address, path: &str, key: &str) -> Response {
    send(address, &request("GET", path, &[("authorization", &format!("Bearer {key}"))], "")).await
}

pub(crate) fn question(text: &str, stream: bool) -> Value {
    json!({
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 64,
        "stream": stream,
    })
}

/// The bytes of a question with a key.
pub(crate) fn asking(key: &str, body: &Value) -> Vec<u8> {
    request("POST", "/v1/chat/completions", &[("authorization", &format!("Bearer {key}"))], &body.to_string())
}

pub(crate) async fn ask(address: Address, key: &str, body: &Value) -> Response {
    send(address, &asking(key, body)).await
}
