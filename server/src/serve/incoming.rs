//! Takes in a request's body: bounded in size and in time.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use lockgate::error::{Error, Kind};
use lockgate::http::too_large;
use tokio::time::{Instant, timeout_at};

/// Most bytes of a refused body that are read and thrown away. Closing on a caller that still writes resets the
/// connection, and the caller never sees why.
const MOST_DISCARDED: u64 = 64 * 1024 * 1024;
/// Longest time spent on that.
const DISCARDING: Duration = Duration::from_secs(2);

/// The whole body, at most `most` bytes, within `timeout`.
pub(super) async fn take(
    headers: &HeaderMap,
    mut body: Body,
    most: u64,
    timeout: Duration,
) -> Result<Bytes, Error> {
    if declared(headers).is_some_and(|length| length > most) {
        // Whoever waits for `100 Continue` has sent nothing yet.
        if !headers.contains_key(header::EXPECT) {
            discard(&mut body).await;
        }
        return Err(too_large(most));
    }
    let deadline = Instant::now() + timeout;
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(too_slow(timeout)),
            Ok(Some(Err(_))) => return Err(broken()),
            Ok(Some(Ok(frame))) => frame,
            // One frame is the rule; it is not copied.
            Ok(None) if whole.is_empty() => return Ok(first),
            Ok(None) => return Ok(whole.freeze()),
        };
        let Ok(data) = frame.into_data() else { continue };
        let taken = first.len().max(whole.len());
        if (taken as u64).saturating_add(data.len() as u64) > most {
            discard(&mut body).await;
            return Err(too_large(most));
        }
        if taken == 0 {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn discard(body: &mut Body) {
    let deadline = Instant::now() + DISCARDING;
    let mut discarded: u64 = 0;
    while discarded < MOST_DISCARDED {
        match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => discarded += frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => return,
        }
    }
}

fn too_slow(timeout: Duration) -> Error {
    let message = format!("The request body did not arrive within {} ms.", timeout.as_millis());
    Error::new(Kind::InvalidRequest, message).with(|details| {
        details.param = Some("body".to_owned());
        details.status = Some(408);
    })
}

fn broken() -> Error {
    Error::invalid("body", "The request body broke off or is not valid HTTP.")
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    fn pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<Result<&'static str, std::io::Error>> = pieces.iter().copied().map(Ok).collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn pieces_are_joined() {
        for (parts, whole) in [(&["a", "", "bc", "d"][..], "abcd"), (&["abc"], "abc"), (&[], "")] {
            assert_eq!(take(&HeaderMap::new(), pieces(parts), 4, SOON).await.unwrap(), whole);
        }
    }

    #[tokio::test]
    async fn one_byte_too_many_is_413() {
        let error = take(&HeaderMap::new(), pieces(&["ab", "cde"]), 4, SOON).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (413, "payload_too_large"));
    }

    #[tokio::test]
    async fn a_declared_length_is_refused_unread() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, 5.into());
        headers.insert(header::EXPECT, http::HeaderValue::from_static("100-continue"));
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(take(&headers, never, 4, SOON).await.unwrap_err().status(), 413);
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_408() {
        let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let error = take(&HeaderMap::new(), never, 4, Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(error.status(), 408);
    }
}
