//! A change written by hand, in YAML.
//!
//! The examples in the documentation of predicates, their tests and the tests of policies are such
//! changes: ten lines instead of a repository. What is left out is given a harmless value (an author
//! called Ana, no changed paths, a server that does not tell people apart); a fact becomes missing
//! only where `unknown` says so.

use crate::change::person::Person;
use crate::change::{
    Blob, Change, Commit, Entry, EntryKind, Fact, LineCount, Message, Missing, Need, Oid, PathChange, Pusher,
    Signature, Stage, Text,
};
use crate::yaml::decode::{Map, choice, count, entries, items, one, text, texts, truth};
use crate::yaml::{Fault, Node, Value};

const STAGES: [(&str, Stage); 6] = [
    ("commit-msg", Stage::CommitMsg),
    ("pre-push", Stage::PrePush),
    ("check", Stage::Check),
    ("pre-receive", Stage::PreReceive),
    ("pull-request", Stage::PullRequest),
    ("audit", Stage::Audit),
];

const NEEDS: [(&str, Need); 8] = [
    ("paths", Need::Paths),
    ("lines", Need::Lines),
    ("blobs", Need::Blobs),
    ("own-content", Need::OwnContent),
    ("signatures", Need::Signatures),
    ("pusher", Need::Pusher),
    ("target", Need::Target),
    ("reviews", Need::Reviews),
];

/// Reads a change.
///
/// `None` if anything about it is wrong; the faults say what.
pub fn read(node: &Node, faults: &mut Vec<Fault>) -> Option<Change> {
    let before = faults.len();
    let mut map = Map::new(node, faults)?;
    let stage = map.get("stage").and_then(|node| choice(node, &STAGES, faults)).unwrap_or(Stage::PreReceive);
    let target = map.get("target").and_then(|node| text(node, faults)).unwrap_or("refs/heads/main");
    let seen_at = map.get("seen-at").and_then(|node| text(node, faults)).unwrap_or("2026-01-01T00:00:00Z");
    let seen_at = seen_at.parse().unwrap_or_else(|_| {
        faults.push(Fault::new(node.at, "`seen-at` is not an instant such as 2026-01-01T00:00:00Z"));
        jiff::Timestamp::UNIX_EPOCH
    });
    let pusher = match map.get("pusher").and_then(|node| text(node, faults)) {
        Some(account) => Pusher::Account(account.into()),
        None => Pusher::Unidentified,
    };
    let unknown: Vec<Need> = map
        .get("unknown")
        .map(|node| items(node, faults).iter().filter_map(|item| choice(item, &NEEDS, faults)).collect())
        .unwrap_or_default();
    let commits = map.require("commits", faults).map(|node| items(node, faults)).unwrap_or_default();
    let mut commits: Vec<Commit> = commits
        .iter()
        .enumerate()
        .filter_map(|(index, node)| commit(u8::try_from(index + 1).unwrap_or(u8::MAX), node, faults))
        .collect();
    map.finish(faults);
    for commit in &mut commits {
        for need in &unknown {
            forget(commit, *need);
        }
    }
    let known = |need: Need| !unknown.contains(&need);
    (faults.len() == before).then(|| Change {
        stage,
        target: if known(Need::Target) { Ok(target.into()) } else { Err(missing(Need::Target)) },
        seen_at,
        pusher: if known(Need::Pusher) { Ok(pusher) } else { Err(missing(Need::Pusher)) },
        commits,
    })
}

/// Makes a fact of `commit` missing.
pub fn forget(commit: &mut Commit, need: Need) {
    match need {
        Need::Paths => commit.paths = Err(missing(need)),
        Need::Lines => commit.lines = Err(missing(need)),
        Need::OwnContent => commit.own_content = Err(missing(need)),
        Need::Signatures => commit.signature = Err(missing(need)),
        Need::Blobs => {
            for path in commit.paths.iter_mut().flatten() {
                path.blob = Err(missing(need));
            }
        }
        Need::Clock | Need::Commits | Need::Pusher | Need::Reviews | Need::Target | Need::Tickets => {}
    }
}

fn missing(need: Need) -> Missing {
    Missing::Unavailable(need, "the example says so".into())
}

fn commit(number: u8, node: &Node, faults: &mut Vec<Fault>) -> Option<Commit> {
    let mut map = Map::new(node, faults)?;
    let ana = || Person { name: "Ana".into(), email: "ana@example.com".into() };
    let person = |node: &Node, faults: &mut Vec<Fault>| {
        one(node, faults, |written| Person::read(written.as_bytes()).map_err(|why| why.reason().to_owned()))
    };
    let author = map.get("author").and_then(|node| person(node, faults)).unwrap_or_else(ana);
    let committer =
        map.get("committer").and_then(|node| person(node, faults)).unwrap_or_else(|| author.clone());
    let message = map.get("message").and_then(|node| text(node, faults)).unwrap_or("An example\n");
    let merge = map.get("merge").and_then(|node| truth(node, faults)).unwrap_or(false);
    let paths = map
        .get("paths")
        .map(|node| items(node, faults).iter().filter_map(|item| path(item, faults)).collect())
        .unwrap_or_default();
    let lines = map.get("lines").and_then(|node| count(node, 0, u64::MAX, faults)).unwrap_or(0);
    let own_content = map.get("own-content").map(|node| texts(node, faults)).unwrap_or_default();
    let signature = map.get("signature").map(|node| signature(node, faults)).unwrap_or(Signature::None);
    map.finish(faults);
    Some(Commit {
        id: Some(id(number)),
        parents: if merge { vec![id(0), id(100)] } else { vec![id(0)] },
        author,
        authored_at: 0,
        committer,
        committed_at: 0,
        message: Message::new(message.into()),
        paths: Ok(paths),
        lines: Ok(LineCount { added: lines, removed: 0 }),
        own_content: Ok(own_content.into_iter().map(Text::from).collect()),
        signature: Ok(signature),
    })
}

fn id(number: u8) -> Oid {
    // Twenty bytes are an id, so this never falls back.
    Oid::from_bytes(&[number; 20]).unwrap_or_else(unreachable_id)
}

#[expect(clippy::unreachable, reason = "twenty bytes are always an id")]
fn unreachable_id() -> Oid {
    unreachable!()
}

/// Reads `path`, or a map with `path`, and what stood (`was`) and stands (`now`) there.
fn path(node: &Node, faults: &mut Vec<Fault>) -> Option<PathChange> {
    let kinds = [
        ("nothing", None),
        ("file", Some(EntryKind::File)),
        ("executable", Some(EntryKind::Executable)),
        ("symlink", Some(EntryKind::Symlink)),
        ("submodule", Some(EntryKind::Submodule)),
    ];
    let entry = |kind: Option<EntryKind>, number: u8| kind.map(|kind| Entry { kind, id: id(number) });
    if let Value::Scalar { text, .. } = &node.value {
        return Some(PathChange {
            path: text.as_str().into(),
            before: entry(Some(EntryKind::File), 200),
            after: entry(Some(EntryKind::File), 201),
            blob: blob(0, None),
        });
    }
    let mut map = Map::new(node, faults)?;
    let path = map.require("path", faults).and_then(|node| text(node, faults))?;
    let was = map.get("was").and_then(|node| choice(node, &kinds, faults)).unwrap_or(Some(EntryKind::File));
    let now = map.get("now").and_then(|node| choice(node, &kinds, faults)).unwrap_or(Some(EntryKind::File));
    let size = map.get("size").and_then(|node| count(node, 0, u64::MAX, faults));
    let start = map.get("start").and_then(|node| text(node, faults));
    map.finish(faults);
    let length = start.map_or(0, |start| u64::try_from(start.len()).unwrap_or(0));
    Some(PathChange {
        path: path.into(),
        before: entry(was, 200),
        after: entry(now, 201),
        blob: blob(size.unwrap_or(length), start),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the field is a fact")]
fn blob(size: u64, start: Option<&str>) -> Fact<Blob> {
    let start = start.map(Text::from).or_else(|| (size == 0).then(Text::default));
    Ok(Blob { size, start })
}

/// Reads `none`, `good: ADDRESS` or `bad: REASON`.
fn signature(node: &Node, faults: &mut Vec<Fault>) -> Signature {
    if let Value::Scalar { text, .. } = &node.value
        && text == "none"
    {
        return Signature::None;
    }
    match entries(node, faults) {
        [(key, node)] if key.text == "good" => Signature::Good {
            signer: text(node, faults).unwrap_or_default().into(),
            key: "SHA256:example".into(),
        },
        [(key, node)] if key.text == "bad" => Signature::Bad(text(node, faults).unwrap_or_default().into()),
        _ => {
            faults.push(Fault::new(node.at, "expected `none`, `good: ADDRESS` or `bad: REASON`"));
            Signature::None
        }
    }
}
