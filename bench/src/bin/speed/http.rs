//! An HTTP/1.1 server for one connection. It shares the cores with the measured program, so it does as little as possible: it
//! blocks, and understands only bodies with a `content-length`.

use std::io::{Read, Write};

/// An HTTP request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// The last part of the header `x-amz-target`, such as `GetItem`. Empty without that header.
    pub(super) operation: String,
    pub(super) body: Vec<u8>,
}

/// Serves a connection until the client closes it or `respond` returns `None`.
pub(super) fn serve<S: Read + Write>(
    mut stream: S,
    mut respond: impl FnMut(Request) -> Option<Vec<u8>>,
) {
    let mut received = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        while let Some((request, length)) = parse(&received) {
            received.drain(..length);
            let Some(response) = respond(request) else {
                return;
            };
            if stream
                .write_all(&response)
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

/// Parses the first request, and returns it with its length in bytes. `None` if it is not complete yet.
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

/// Formats a response. Each line of `headers` ends with CRLF.
pub(super) fn response(status: u16, content_type: &str, headers: &str, body: &[u8]) -> Vec<u8> {
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
    fn a_request_is_parsed_once_it_is_complete() {
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
