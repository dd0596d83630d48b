//! A server that answers as it is told, one request on each connection, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use changegate::change::{Fact, Missing, Ticket, TicketLookup};
use changegate::http::{ProxySettings, Secret};
use changegate::policy::TicketSystems;
use changegate::tickets::{JiraAccess, TicketAccess, TicketSources};
use changegate::yaml;
use serde_json::Value;

/// The token that must never be seen.
pub(crate) const TOKEN: &str = "s3cret-t0ken";

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Json(u16, Value),
    /// Bytes as they are, head and all.
    Raw(Vec<u8>),
    /// Nothing, for so long.
    Hang(Duration),
    /// A body that never ends, in drops.
    Drip,
    /// First this, and then the last for ever.
    Turns(Vec<Answer>),
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// By what a request is answered.
type Answers = dyn Fn(&Asked, usize) -> Answer + Send + Sync;

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts a server that answers by `answers`, which is told how often the same was asked before.
    pub(crate) fn start(answers: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers): (_, Arc<Answers>) = (Arc::clone(&asked), Arc::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answers) = (Arc::clone(&kept), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream, &kept, &*answers));
            }
        });
        Server { url, asked }
    }

    /// Starts a server that has these documents, by path without its query, and 404 for the rest.
    pub(crate) fn with(documents: impl IntoIterator<Item = (&'static str, Answer)>) -> Server {
        let documents: BTreeMap<&str, Answer> = documents.into_iter().collect();
        Server::start(move |asked, before| {
            let path = asked.line.split_whitespace().nth(1).unwrap().split('?').next().unwrap();
            match documents.get(path).cloned() {
                Some(Answer::Turns(turns)) => turns[before.min(turns.len() - 1)].clone(),
                Some(answer) => answer,
                None => Answer::Json(404, serde_json::json!({ "errorMessages": ["Issue does not exist"] })),
            }
        })
    }

    /// Returns what was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Asked>>, answers: &Answers) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked = Asked { line: line.trim_end().to_owned(), headers, body: String::from_utf8(body).unwrap() };
    let before = {
        let mut kept = kept.lock().unwrap();
        let before = kept.iter().filter(|known| known.line == asked.line).count();
        kept.push(asked.clone());
        before
    };
    // Whoever asked may have gone away by now.
    let _ = match answers(&asked, before) {
        Answer::Json(status, value) => {
            let body = value.to_string();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n");
            let rest = format!("connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all((head + &rest).as_bytes())
        }
        Answer::Raw(bytes) => stream.write_all(&bytes),
        Answer::Hang(time) => {
            std::thread::sleep(time);
            Ok(())
        }
        Answer::Drip => {
            let _ = stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 1000000\r\n\r\n[");
            for _ in 0..200 {
                std::thread::sleep(Duration::from_millis(50));
                if stream.write_all(b" ").is_err() {
                    break;
                }
            }
            Ok(())
        }
        Answer::Turns(_) => panic!("turns are taken before"),
    };
}

/// Returns the systems of a policy, every one of which is the server at `url`.
pub(crate) fn sources(systems: &str, url: &str) -> TicketSources {
    sources_with(systems, access(url))
}

pub(crate) fn sources_with(systems: &str, access: TicketAccess) -> TicketSources {
    let mut read = TicketSystems::default();
    let mut faults = Vec::new();
    read.read_systems(&yaml::read_document(systems.as_bytes()).unwrap(), &mut faults);
    assert_eq!(faults, []);
    TicketSources::new(read, access)
}

pub(crate) fn access(url: &str) -> TicketAccess {
    let token = || Secret::parse_token(TOKEN).unwrap_or_else(|why| panic!("{why}"));
    TicketAccess {
        jira: Some(JiraAccess { url: url.into(), email: Some("gate@example.com".into()), token: token() }),
        linear: Some(token()),
        linear_url: format!("{url}/graphql"),
        github: Some(token()),
        github_url: url.into(),
        repository: Some("acme/shop".into()),
        export: None,
        timeout: Duration::from_secs(5),
        proxies: ProxySettings::default(),
    }
}

/// Looks one ticket up.
pub(crate) fn found(sources: &mut TicketSources, key: &str) -> Fact<Option<Ticket>> {
    let mut looked_up: Vec<TicketLookup> = sources.look_up_tickets(&[key.into()]);
    assert_eq!(looked_up.len(), 1);
    looked_up.remove(0).found
}

/// Returns why a fact is missing, having seen to it that no secret is in it.
pub(crate) fn why<T: std::fmt::Debug>(fact: Fact<T>) -> String {
    let said = match fact {
        Err(Missing::Unavailable(_, why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(!said.contains(TOKEN) && !said.contains("Basic") && !said.contains("Bearer"), "{said}");
    said
}
