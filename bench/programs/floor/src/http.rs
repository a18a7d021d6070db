//! HTTP/1.1 over one kept connection.

use std::error::Error;
use std::io::{Read, Write};

/// A connection to a host.
pub struct Connection<S> {
    stream: S,
    host: String,
    buffer: Vec<u8>,
}

/// An HTTP response.
pub struct Response {
    /// Status line and headers.
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns the status. `None` if the status line cannot be parsed.
    pub fn status(&self) -> Option<u16> {
        self.head.split(' ').nth(1)?.parse().ok()
    }

    /// Returns the first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut values = fields
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim());
        values.next()
    }
}

impl<S: Read + Write> Connection<S> {
    /// Uses a stream that is connected to the host.
    pub fn new(stream: S, host: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            stream,
            host: host.to_owned(),
            buffer: vec![0; 16 * 1024],
        })
    }

    /// Sends a request in one write and reads the response. Each line of `headers` ends with CRLF.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<Response, Box<dyn Error>> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}content-length: {}\r\n\r\n",
            self.host,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request)?;
        self.stream.flush()?;
        let mut received = Vec::new();
        let end = loop {
            self.receive(&mut received)?;
            if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let body = received.split_off(end);
        let mut response = Response {
            head: String::from_utf8(received)?,
            body,
        };
        let length = response
            .header("content-length")
            .map_or(Ok(0), str::parse)?;
        while response.body.len() < length {
            self.receive(&mut response.body)?;
        }
        Ok(response)
    }

    fn receive(&mut self, into: &mut Vec<u8>) -> Result<(), Box<dyn Error>> {
        let count = self.stream.read(&mut self.buffer)?;
        into.extend_from_slice(&self.buffer[..count]);
        if count == 0 {
            Err("the connection is closed".into())
        } else {
            Ok(())
        }
    }
}
