//! A very small HTTP server: it says what a test tells it to, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// What somebody asked for.
#[derive(Clone, Debug)]
pub(in crate::github) struct Heard {
    pub(in crate::github) method: String,
    pub(in crate::github) path: String,
    pub(in crate::github) headers: Vec<(String, String)>,
    pub(in crate::github) body: String,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(in crate::github) struct Says {
    pub(in crate::github) status: u16,
    pub(in crate::github) headers: Vec<(String, String)>,
    pub(in crate::github) body: Vec<u8>,
    /// How long it thinks.
    pub(in crate::github) after: Duration,
    /// How many bytes of the body it really sends.
    pub(in crate::github) cut: Option<usize>,
}

impl Heard {
    pub(in crate::github) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Says {
    pub(in crate::github) fn json(value: &Value) -> Says {
        Says::raw(200, value.to_string())
    }

    pub(in crate::github) fn raw(status: u16, body: impl Into<Vec<u8>>) -> Says {
        Says { status, headers: Vec::new(), body: body.into(), after: Duration::ZERO, cut: None }
    }

    pub(in crate::github) fn with(mut self, name: &str, value: impl Into<String>) -> Says {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A server that runs until it is dropped.
pub(in crate::github) struct Server {
    pub(in crate::github) url: String,
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server that answers with what `answer` makes of a request and its number.
    pub(in crate::github) fn start(answer: impl Fn(&Heard, usize) -> Says + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
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
                    let Some(asked) = read(&stream) else { return };
                    let number = {
                        let mut heard = heard.lock().unwrap();
                        heard.push(asked.clone());
                        heard.len()
                    };
                    write(stream, &answer(&asked, number));
                });
            }
        });
        Server { url: format!("http://{address}"), address, heard, stop }
    }

    pub(in crate::github) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes it up, so that it sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn read(stream: &TcpStream) -> Option<Heard> {
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
    let mut heard = Heard { method, path, headers, body: String::new() };
    let length = heard.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    heard.body = String::from_utf8(body).ok()?;
    Some(heard)
}

fn write(mut stream: TcpStream, says: &Says) {
    thread::sleep(says.after);
    let mut head =
        format!("HTTP/1.1 {} x\r\nconnection: close\r\ncontent-length: {}\r\n", says.status, says.body.len());
    for (name, value) in &says.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let body = &says.body[..says.cut.unwrap_or(says.body.len())];
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
