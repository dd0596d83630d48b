//! As much of HTTP/1.1 as the fake speaks: one request after another on a connection, bodies of known
//! length or in chunks, and answers that may break the rules when a test wants it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// What somebody asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path as it was sent, without the query.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    /// Names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What is answered.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How much of the body is sent before the connection ends, if not all of it.
    pub(crate) cut: Option<usize>,
}

/// Returns text with its percent signs resolved; `+` stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex.filter(|_| bytes[at] == b'%') {
            Some(byte) => {
                found.push(byte);
                at += 3;
            }
            None => {
                found.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&found).into_owned()
}

impl Request {
    /// Reads a request; nothing if the connection is at its end.
    pub(crate) fn read(from: &mut BufReader<TcpStream>) -> Option<Request> {
        let mut first = String::new();
        from.read_line(&mut first).ok().filter(|read| 0 < *read)?;
        let mut words = first.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            from.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = query.split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decoded(name), decoded(&value.replace('+', " ")))
        });
        let mut request =
            Request { method, path: path.into(), query: query.collect(), headers, body: Vec::new() };
        request.body = request.read_body(from)?;
        Some(request)
    }

    fn read_body(&self, from: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
        if self.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            let mut body = Vec::new();
            loop {
                let mut line = String::new();
                from.read_line(&mut line).ok()?;
                let size = usize::from_str_radix(line.trim(), 16).ok()?;
                let mut chunk = vec![0; size + 2];
                from.read_exact(&mut chunk).ok()?;
                body.extend(&chunk[..size]);
                if size == 0 {
                    return Some(body);
                }
            }
        }
        let length = self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        from.read_exact(&mut body).ok()?;
        Some(body)
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Answer {
    /// Returns an answer in JSON.
    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Answer {
        let kind = ("content-type".into(), "application/json; charset=utf-8".into());
        Answer { status, headers: vec![kind], body: serde_json::to_vec(value).unwrap(), cut: None }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends it; false if nothing more can be sent on this connection.
    pub(crate) fn send(&self, to: &mut TcpStream) -> bool {
        let mut head = format!("HTTP/1.1 {} Fake\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        let length = if self.status == 304 { 0 } else { self.body.len() };
        head += &format!("content-length: {length}\r\n\r\n");
        let body = &self.body[..self.cut.unwrap_or(length).min(length)];
        let sent = to.write_all(head.as_bytes()).and_then(|()| to.write_all(body)).and_then(|()| to.flush());
        sent.is_ok() && self.cut.is_none()
    }
}
