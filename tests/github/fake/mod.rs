//! A GitHub on the loopback: it holds a [`World`], answers REST and GraphQL out of it, takes comments
//! and check runs, and fails in the way a test asks for.
//!
//! What it answers has the shape of GitHub's own description, and `contract` holds it to that.

mod answers;
mod backend;
mod graph;
mod http;
mod query;
mod rest;
pub(crate) mod shapes;
mod world;

use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) use backend::Backend;
pub(crate) use http::{Answer, Request};
pub(crate) use world::*;

/// A GitHub that is gone when the test is over.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) port: u16,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    world: World,
    faults: Vec<Fault>,
    seen: Vec<Request>,
    /// Where clients find this server, if something stands between.
    front: Option<String>,
    is_over: bool,
}

/// How an answer goes wrong.
pub(crate) struct Fault {
    /// Part of the method, path and query, as in `GET /repos/acme/shop/pulls/1/reviews`; for GraphQL,
    /// of `POST /graphql` and the text of the query.
    on: String,
    /// How many answers are still left alone before it begins.
    after: usize,
    /// How many answers it spoils.
    times: usize,
    how: How,
}

/// In which way.
#[derive(Clone)]
pub(crate) enum How {
    /// Another status, with these headers and this body.
    Status(u16, Vec<(&'static str, String)>, Value),
    /// Later.
    Delay(Duration),
    /// Only so many bytes of it, and then the connection ends.
    Cut(usize),
    /// These bytes in place of it.
    Bytes(Vec<u8>),
    /// Somewhere else in it, something else.
    Edit(fn(&mut Value)),
}

impl Fake {
    /// Starts serving a world.
    pub(crate) fn start(world: World) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Inner { world, faults: Vec::new(), seen: Vec::new(), front: None, is_over: false };
        let fake = Fake { port, inner: Arc::new(Mutex::new(inner)) };
        let inner = Arc::clone(&fake.inner);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if inner.lock().unwrap().is_over {
                    return;
                }
                let inner = Arc::clone(&inner);
                std::thread::spawn(move || serve(stream, &inner));
            }
        });
        fake
    }

    /// Returns the address of its REST API, and of GraphQL with `/graphql` after it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Has clients come by another address, which links then lead to.
    pub(crate) fn behind(&self, front: &str) {
        self.inner.lock().unwrap().front = Some(front.trim_end_matches('/').into());
    }

    /// Looks at the world, or changes it.
    pub(crate) fn world<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.inner.lock().unwrap().world)
    }

    /// Spoils every answer to a request that holds `on`.
    pub(crate) fn spoil(&self, on: &str, how: How) {
        self.spoil_some(on, 0, usize::MAX, how);
    }

    /// Spoils `times` answers to requests that hold `on`, beginning after the first `after`.
    pub(crate) fn spoil_some(&self, on: &str, after: usize, times: usize, how: How) {
        self.inner.lock().unwrap().faults.push(Fault { on: on.into(), after, times, how });
    }

    /// Answers as ever again.
    pub(crate) fn heal(&self) {
        self.inner.lock().unwrap().faults.clear();
    }

    /// Returns every request so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.inner.lock().unwrap().seen.clone()
    }

    /// Forgets the requests so far.
    pub(crate) fn forget(&self) {
        self.inner.lock().unwrap().seen.clear();
    }

    /// Ends the server; connections that are open live on until their next request.
    pub(crate) fn stop(&self) {
        self.inner.lock().unwrap().is_over = true;
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn serve(mut stream: TcpStream, inner: &Mutex<Inner>) {
    let Ok(copy) = stream.try_clone() else { return };
    drop(stream.set_nodelay(true));
    let mut from = BufReader::new(copy);
    while let Some(request) = Request::read(&mut from) {
        let (mut answer, delay) = {
            let mut inner = inner.lock().unwrap();
            if inner.is_over {
                return;
            }
            let base = inner
                .front
                .clone()
                .unwrap_or_else(|| format!("http://{}", request.header("host").unwrap_or("127.0.0.1")));
            // What fails on the way changes nothing.
            let answer = match request.method != "GET" && inner.is_refused(&request) {
                true => Answer::json(500, &json!({})),
                false => inner.answer(&request, &base),
            };
            inner.spoiled(&request, answer)
        };
        std::thread::sleep(delay);
        if request.method == "HEAD" {
            answer.body.clear();
        }
        if !answer.send(&mut stream) {
            drop(stream.shutdown(std::net::Shutdown::Both));
            return;
        }
    }
}

impl Inner {
    fn answer(&mut self, request: &Request, base: &str) -> Answer {
        self.seen.push(request.clone());
        let world = &mut self.world;
        let shown = request.header("authorization").unwrap_or_default();
        let token = shown.split_once(' ').map_or("", |(_, token)| token);
        if !world.token.is_empty() && token != world.token {
            let status = if shown.is_empty() && request.path.contains("graphql") { 403 } else { 401 };
            return Answer::json(
                status,
                &json!({ "message": "Bad credentials", "status": status.to_string() }),
            );
        }
        if world.rate_remaining == 0 {
            let told = json!({ "message": "API rate limit exceeded for installation ID 1." });
            return limits(Answer::json(403, &told), world);
        }
        let path = request.path.strip_prefix("/api/v3").unwrap_or(&request.path);
        let mut answer = match path {
            "/graphql" | "/api/graphql" => answers::graphql(world, request),
            _ => rest::answer(world, request, path, base),
        };
        if answer.status == 200 && request.method == "GET" {
            let digest = Sha256::digest(&answer.body);
            let tag: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let tag = format!("W/\"{tag}\"");
            if request.header("if-none-match") == Some(&tag) {
                answer.status = 304;
                answer.body.clear();
            }
            answer = answer.with("etag", tag);
        }
        if answer.status != 304 {
            world.rate_remaining -= 1;
        }
        limits(answer, world)
    }

    /// Returns whether another status is next in place of the answer to a request.
    fn is_refused(&self, request: &Request) -> bool {
        let told = told_of(request);
        let mut next = self.faults.iter().filter(|fault| told.contains(&fault.on));
        next.any(|fault| fault.after == 0 && 0 < fault.times && matches!(fault.how, How::Status(..)))
    }

    fn spoiled(&mut self, request: &Request, mut answer: Answer) -> (Answer, Duration) {
        let told = told_of(request);
        let mut delay = Duration::ZERO;
        for fault in self.faults.iter_mut().filter(|fault| told.contains(&fault.on)) {
            if 0 < fault.after {
                fault.after -= 1;
                continue;
            }
            if fault.times == 0 {
                continue;
            }
            fault.times -= 1;
            match &fault.how {
                How::Status(status, headers, body) => {
                    answer = Answer::json(*status, body);
                    for (name, value) in headers {
                        answer = answer.with(name, value.clone());
                    }
                }
                How::Delay(longer) => delay += *longer,
                How::Cut(bytes) => answer.cut = Some(*bytes),
                How::Bytes(bytes) => answer.body = bytes.clone(),
                // What has not changed has no body.
                How::Edit(_) if answer.status == 304 => {}
                How::Edit(edit) => {
                    answer.headers.retain(|(name, _)| name != "etag");
                    let mut value = serde_json::from_slice(&answer.body).unwrap();
                    edit(&mut value);
                    answer.body = serde_json::to_vec(&value).unwrap();
                }
            }
        }
        (answer, delay)
    }
}

/// Returns what a fault is looked for in.
fn told_of(request: &Request) -> String {
    let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    match request.path.ends_with("/graphql") {
        true => format!("{} {} {}", request.method, request.path, String::from_utf8_lossy(&request.body)),
        false => format!("{} {}?{}", request.method, request.path, query.join("&")),
    }
}

fn limits(answer: Answer, world: &World) -> Answer {
    answer
        .with("x-ratelimit-limit", "5000")
        .with("x-ratelimit-remaining", world.rate_remaining.to_string())
        .with("x-ratelimit-used", 5000_u64.saturating_sub(world.rate_remaining).to_string())
        .with("x-ratelimit-reset", "1790000000")
        .with("x-ratelimit-resource", "core")
        .with("x-github-request-id", "FAKE:0001")
}
