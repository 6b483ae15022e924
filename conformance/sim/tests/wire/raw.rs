//! A client by hand: it hides nothing of what a connection did.

use std::io::ErrorKind;

use lockgate_sim::{Options, Sim};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const CHAT: &str = "/openai/v1/chat/completions";
pub(crate) const KEY: (&str, &str) = ("authorization", "Bearer sk-test");

/// How the answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The HTTP message was complete.
    Whole,
    /// The peer closed in the middle.
    Closed,
    /// The peer reset the connection.
    Reset,
}

#[derive(Debug)]
pub(crate) struct Reply {
    /// 0 when no status line came.
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body, one element per chunk of the transfer coding.
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) end: End,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The data of every whole event.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.body()).into_owned();
        let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
        whole
            .split("\n\n")
            .filter(|event| !event.is_empty())
            .map(|event| event["data: ".len()..].to_owned())
            .collect()
    }

    /// The JSON of every chunk before `[DONE]`.
    pub(crate) fn deltas(&self) -> Vec<Value> {
        let events = self.events();
        assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect()
    }
}

pub(crate) async fn start() -> Sim {
    Sim::start(Options { created: Some(1_750_000_000), ..Options::default() }).await.unwrap()
}

pub(crate) fn ask(prompt: &str) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": prompt}]})
}

pub(crate) fn ask_stream(prompt: &str) -> Value {
    let mut body = ask(prompt);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    body
}

/// Sends a request and leaves the answer to be read.
pub(crate) async fn send(
    sim: &Sim,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> TcpStream {
    let mut stream = TcpStream::connect(sim.address()).await.unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: sim\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    stream
}

pub(crate) async fn call(
    sim: &Sim,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    read(send(sim, method, path, headers, body).await).await
}

pub(crate) async fn post(sim: &Sim, path: &str, body: &Value) -> Reply {
    call(sim, "POST", path, &[KEY], body.to_string().as_bytes()).await
}

pub(crate) async fn get(sim: &Sim, path: &str) -> Reply {
    call(sim, "GET", path, &[KEY], b"").await
}

pub(crate) async fn chat(sim: &Sim, body: &Value) -> Reply {
    post(sim, CHAT, body).await
}

/// Bytes read so far from a connection, and how it ended if it did.
struct Reader {
    stream: TcpStream,
    buffer: Vec<u8>,
    end: Option<End>,
}

impl Reader {
    async fn more(&mut self) -> bool {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => self.end = Some(End::Closed),
            Ok(_) => return true,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.end = Some(End::Reset),
            Err(error) => panic!("{error}"),
        }
        false
    }

    async fn until(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(place) = self.buffer.windows(mark.len()).position(|window| window == mark) {
                let rest = self.buffer.split_off(place + mark.len());
                let mut found = std::mem::replace(&mut self.buffer, rest);
                found.truncate(place);
                return Some(found);
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Vec<u8>> {
        while self.buffer.len() < length {
            if !self.more().await {
                return Err(std::mem::take(&mut self.buffer));
            }
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }
}

pub(crate) async fn read(stream: TcpStream) -> Reply {
    let mut reader = Reader { stream, buffer: Vec::new(), end: None };
    let mut reply = Reply { status: 0, headers: Vec::new(), chunks: Vec::new(), end: End::Whole };
    let Some(head) = reader.until(b"\r\n\r\n").await else {
        reply.end = reader.end.unwrap();
        return reply;
    };
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.split("\r\n");
    reply.status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    reply.headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if let Ok(length) = reply.header("content-length").parse() {
        match reader.exactly(length).await {
            Ok(body) => reply.chunks.push(body),
            Err(part) => reply.chunks.push(part),
        }
    } else {
        assert_eq!(reply.header("transfer-encoding"), "chunked");
        chunks(&mut reader, &mut reply.chunks).await;
    }
    reply.end = reader.end.unwrap_or(End::Whole);
    reply
}

async fn chunks(reader: &mut Reader, chunks: &mut Vec<Vec<u8>>) {
    while let Some(size) = reader.until(b"\r\n").await {
        let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap(), 16).unwrap();
        match reader.exactly(size + 2).await {
            Ok(mut chunk) => {
                chunk.truncate(size);
                if size == 0 {
                    return;
                }
                chunks.push(chunk);
            }
            Err(part) => return chunks.push(part),
        }
    }
}
