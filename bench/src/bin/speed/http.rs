//! A server of HTTP/1.1 for one connection. It shares two cores with what is measured, so it does next to nothing: it blocks,
//! and reads what the programs of a run send, which is a body of a known length or none.

use std::io::{Read, Write};

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// The operation of a service of AWS.
    pub(super) operation: String,
    pub(super) body: Vec<u8>,
}

/// Answers the requests of a connection, until the other side closes it or there is no answer.
pub(super) fn serve<S: Read + Write>(
    mut stream: S,
    mut answer: impl FnMut(Request) -> Option<Vec<u8>>,
) {
    let mut received = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        while let Some((request, length)) = parse(&received) {
            received.drain(..length);
            let Some(answer) = answer(request) else {
                return;
            };
            if stream
                .write_all(&answer)
                .and_then(|()| stream.flush())
                .is_err()
            {
                return;
            }
        }
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => received.extend_from_slice(&buffer[..count]),
            Ok(0) | Err(_) => return,
        }
    }
}

/// The first request, once it is whole, and how long it is.
fn parse(bytes: &[u8]) -> Option<(Request, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(start) = head.parse(bytes).unwrap() else {
        return None;
    };
    let header = |name: &str| {
        let mut headers = head.headers.iter();
        let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| std::str::from_utf8(header.value).unwrap())
    };
    assert!(header("transfer-encoding").is_none(), "{head:?}");
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(start..start + length)?;
    let target = header("x-amz-target").unwrap_or_default();
    let request = Request {
        method: head.method?.to_owned(),
        path: head.path?.to_owned(),
        operation: target.rsplit('.').next()?.to_owned(),
        body: body.to_owned(),
    };
    Some((request, start + length))
}

/// An answer. Each of `headers` ends with a line break.
pub(super) fn answer(status: u16, content_type: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} OK\r\ncontent-type: {content_type}\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_when_it_is_whole() {
        let bytes =
            b"POST /a HTTP/1.1\r\nX-Amz-Target: Dynamo.GetItem\r\nContent-Length: 2\r\n\r\n{}GET";
        let whole = bytes.len() - "GET".len();
        for part in 0..whole {
            assert!(parse(&bytes[..part]).is_none());
        }
        let (request, length) = parse(bytes).unwrap();
        assert_eq!(length, whole);
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/a")
        );
        assert_eq!(request.operation, "GetItem");
        assert_eq!(request.body, b"{}");
    }
}
