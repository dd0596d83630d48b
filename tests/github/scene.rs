//! A pull request with something of everything, and a plain client to ask about it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::fake::{Edit, Event, Happened, Issue, Status, Thread, World};

/// A policy that a good description satisfies.
pub(crate) const POLICY: &str = "changegate: 1\nname: shop\nextends: [core]\nprotects: [main]\n";

/// A description that says what [`POLICY`] asks for.
pub(crate) const GOOD: &str = "Makes the search twice as fast.\n\nChange-Type: normal\nRisk: low\n";

/// Returns a world whose first pull request is by `ana`, with one commit and the description [`GOOD`].
pub(crate) fn plain() -> World {
    let mut world = World::new(POLICY);
    let main = world.branches["main"].clone();
    let message = "Keep an index of the words\n\nIt was a scan.\n\nChange-Type: normal\nRisk: low\n";
    let commit = world.commit(&[&main], "ana", message, &[("src/search.rs", "fn search() {}\n")]);
    assert_eq!(world.open("ana", "Search faster", GOOD, "search", &[commit]), 6);
    world
}

/// Returns a world in which pull request 6 has something of everything, and is in the merge queue.
pub(crate) fn full() -> World {
    let mut world = plain();
    let head = world.pull(6).head_id.clone();
    let second = world.commit(
        &[&head],
        "ben",
        "Name it well\n",
        &[("src/search.rs", "fn find() {}\n"), ("old.txt", "")],
    );
    world.push(6, "ben", &second);
    world.review(6, "kim", "APPROVED");
    world.review(6, "ben", "CHANGES_REQUESTED");
    let lost = world.review(6, "rea", "DISMISSED");
    world.review(6, "helper[bot]", "COMMENTED");
    world.label(6, "ana", "ready");
    world.check(6, "test", "github-actions", "success");
    world.check(6, "lint", "another-app", "neutral");
    world.comment(6, "rea", "Is it?");
    world.edit(6, "ana", GOOD, "2026-03-02T12:40:00Z");
    world.statuses.push(Status {
        id: 71,
        commit: second.clone(),
        context: "ci/old".into(),
        state: "success",
        by: Some("ben".into()),
    });
    world.issues.push(Issue {
        number: 90,
        title: "Search is slow".into(),
        body: None,
        author: Some("rea".into()),
        state: "open",
        labels: vec!["bug".into()],
        created_at: "2026-03-01T09:00:00Z".into(),
        closed_at: None,
    });
    let pull = world.pull(6);
    pull.closes.push(90);
    pull.reviews[2].by = None;
    pull.reviews[3].commit = None;
    pull.threads.push(Thread {
        is_resolved: false,
        path: "src/search.rs".into(),
        by: None,
        body: "Why?".into(),
    });
    pull.edits.push(Edit { at: "2026-03-02T12:50:00Z".into(), by: None, text: None });
    let more = [
        Happened::Unlabeled("ready".into()),
        Happened::ForcePushed { from: Some(head.clone()), to: Some(second.clone()) },
        Happened::Retargeted { from: "next".into(), to: "main".into() },
        Happened::Retitled { from: "Faster".into(), to: "Search faster".into() },
        Happened::AutoRetargeted { from: "next".into(), to: "main".into() },
        Happened::BaseForcePushed { from: Some(head.clone()), to: Some(second.clone()) },
        Happened::BaseDeleted("next".into()),
        Happened::Dismissed { review: lost, was: "APPROVED", message: "outdated".into() },
        Happened::MadeDraft,
        Happened::MadeReady,
        Happened::Closed,
        Happened::Reopened,
    ];
    pull.timeline.extend(more.into_iter().map(|what| Event {
        at: "2026-03-02T13:30:00Z".into(),
        by: Some("ana".into()),
        what,
    }));
    world.enqueue(6);
    world.teams.insert("security".into(), vec!["kim".into()]);
    world
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Told {
    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Value {
        let text = || String::from_utf8_lossy(&self.body).into_owned();
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}{}", self.head, text()))
    }

    /// Returns a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

/// Asks `base` once.
pub(crate) fn ask(
    base: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Told {
    let host = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    let body = body.map(|body| serde_json::to_vec(body).unwrap()).unwrap_or_default();
    let mut sent = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer a-plain-token\r\n\
         user-agent: test\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    if !body.is_empty() {
        sent += "content-type: application/json\r\n";
    }
    for (name, value) in headers {
        sent += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{sent}\r\n").as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    let mut all = Vec::new();
    let mut chunk = [0; 16 * 1024];
    // The fake keeps connections open, so the length says where an answer ends.
    loop {
        let read = stream.read(&mut chunk).unwrap_or(0);
        all.extend(&chunk[..read]);
        let end = all.windows(4).position(|part| part == b"\r\n\r\n");
        let is_whole = end.is_some_and(|end| {
            let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next()?.parse().ok());
            length.is_some_and(|length: usize| end + 4 + length <= all.len())
        });
        if is_whole || read == 0 {
            let end = end.unwrap_or(all.len());
            let head = String::from_utf8_lossy(&all[..end]).into_owned();
            let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
            return Told { status, head, body: all.get(end + 4..).unwrap_or_default().to_vec() };
        }
    }
}

/// Asks for something.
pub(crate) fn get(base: &str, path: &str) -> Told {
    ask(base, "GET", path, &[], None)
}

/// Asks GraphQL.
pub(crate) fn query(base: &str, text: &str, variables: &Value) -> Told {
    ask(base, "POST", "/graphql", &[], Some(&json!({ "query": text, "variables": variables })))
}
