//! A small HTTP server that answers as a test tells it to, and records the requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A request that the server received.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub(crate) struct ScriptedResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// How long the server waits before it answers.
    pub(crate) delay: Duration,
    /// How many bytes of the body it really sends.
    pub(crate) sent_bytes: Option<usize>,
}

impl ReceivedRequest {
    pub(crate) fn find_header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl ScriptedResponse {
    pub(crate) fn json_response(value: &Value) -> ScriptedResponse {
        ScriptedResponse::raw_response(200, value.to_string())
    }

    pub(crate) fn raw_response(status: u16, body: impl Into<Vec<u8>>) -> ScriptedResponse {
        ScriptedResponse {
            status,
            headers: Vec::new(),
            body: body.into(),
            delay: Duration::ZERO,
            sent_bytes: None,
        }
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> ScriptedResponse {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A server that runs until it is dropped.
pub(crate) struct LoopbackServer {
    pub(crate) url: String,
    address: SocketAddr,
    received_requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    stop: Arc<AtomicBool>,
}

impl LoopbackServer {
    /// Starts a server that answers with what `answer` makes of a request and its number.
    pub(crate) fn start_server(
        answer: impl Fn(&ReceivedRequest, usize) -> ScriptedResponse + Send + Sync + 'static,
    ) -> LoopbackServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<ReceivedRequest>>> = Arc::default();
        let stop: Arc<AtomicBool> = Arc::default();
        let answer = Arc::new(answer);
        let (heard_by, stopped) = (Arc::clone(&heard), Arc::clone(&stop));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (heard, answer) = (Arc::clone(&heard_by), Arc::clone(&answer));
                thread::spawn(move || {
                    let Ok(stream) = stream else { return };
                    let Some(asked) = read_request(&stream) else { return };
                    let number = {
                        let mut heard = heard.lock().unwrap();
                        heard.push(asked.clone());
                        heard.len()
                    };
                    write_response(stream, &answer(&asked, number));
                });
            }
        });
        LoopbackServer { url: format!("http://{address}"), address, received_requests: heard, stop }
    }

    pub(crate) fn list_received(&self) -> Vec<ReceivedRequest> {
        self.received_requests.lock().unwrap().clone()
    }
}

impl Drop for LoopbackServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes it up, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn read_request(stream: &TcpStream) -> Option<ReceivedRequest> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_owned(), value.to_owned()));
    }
    let mut heard = ReceivedRequest { method, path, headers, body: String::new() };
    let length = heard.find_header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    heard.body = String::from_utf8(body).ok()?;
    Some(heard)
}

fn write_response(mut stream: TcpStream, says: &ScriptedResponse) {
    thread::sleep(says.delay);
    let mut head =
        format!("HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n", says.status, says.body.len());
    for (name, value) in &says.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let body = &says.body[..says.sent_bytes.unwrap_or(says.body.len())];
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
