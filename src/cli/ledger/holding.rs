//! Holding the ledger against itself, the repository, and its own facts.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;

use super::super::progress::Progress;
use super::super::{Exit, Stop, World};
use super::reading::find;
use crate::git::Repository;
use crate::git::signature::Keys;
use crate::ledger::REF;
use crate::ledger::place::{self, Anchor};
use crate::ledger::readable::{Place, Readable};
use crate::ledger::record::Event;
use crate::ledger::replay::replay;
use crate::ledger::store::{FACTS, file};
use crate::ledger::verify::{Asked, Kind, Verified, verify};

/// What to verify, as it was asked for.
pub(super) struct Wanted<'a> {
    pub(super) seen: Option<&'a str>,
    pub(super) signers: Option<&'a Path>,
    /// Whether to hold it against the refs; where this server keeps it, if nothing is said.
    pub(super) refs: Option<bool>,
    pub(super) as_json: bool,
}

pub(super) fn run_verify(repository: &Repository, wanted: &Wanted<'_>, world: &World) -> Result<Exit, Stop> {
    let seen = wanted.seen.map(|seen| {
        Anchor::read(seen).ok_or_else(|| {
            Stop::Wrong("--seen takes what `verify` calls the newest: NUMBER:sha256:DIGEST".into())
        })
    });
    let keys = wanted.signers.map(|path| keys(&world.at(path))).transpose()?;
    let kept_here = place::newest(repository.common_dir())?.is_some();
    let asked =
        Asked { seen: seen.transpose()?, refs: wanted.refs.unwrap_or(kept_here), signers: keys.as_ref() };
    let mut progress = Progress::of("records verified", world);
    let verified = verify(repository, &asked, &mut || progress.step());
    drop(progress);
    let verified = verified?;
    let mut out = BufWriter::new(io::stdout().lock());
    let told = if wanted.as_json { tell_json(&mut out, &verified) } else { tell(&mut out, &verified) };
    told.and_then(|()| out.flush())?;
    Ok(if verified.is_whole() { Exit::Allowed } else { Exit::Denied })
}

fn keys(path: &Path) -> Result<Keys, Stop> {
    let text = std::fs::read(path)
        .map_err(|error| Stop::Wrong(format!("--signers: {}: {error}", path.display())))?;
    Keys::read(Some(&text), None).map_err(|bad| {
        let why = bad.first().map(|bad| bad.reason.clone()).unwrap_or_default();
        Stop::Wrong(format!("--signers: {}: {why}", path.display()))
    })
}

fn tell(out: &mut dyn Write, verified: &Verified) -> io::Result<()> {
    for problem in &verified.problems {
        let at = match (problem.record, problem.commit) {
            (Some(record), Some(commit)) => format!("record {record} ({})", commit.short()),
            _ => "the ledger".into(),
        };
        writeln!(out, "{:<12} {at}: {}", kind(problem.kind), super::super::visible(&problem.what))?;
    }
    match (&verified.tip, &verified.last) {
        (None, _) => return writeln!(out, "there is no ledger here: {REF} does not exist"),
        (Some(tip), last) => {
            let (records, decisions, denied) = (verified.records, verified.decisions, verified.denied);
            writeln!(out, "{records} records, {decisions} decisions, {denied} of them denied")?;
            let last = last.as_deref().unwrap_or("unreadable");
            writeln!(out, "newest {records}:{last}\n  at {tip}")?;
        }
    }
    let word = if verified.is_whole() { "nothing speaks against it" } else { "this does not hold together" };
    writeln!(out, "{word}")
}

fn tell_json(out: &mut dyn Write, verified: &Verified) -> io::Result<()> {
    let problems: Vec<_> = verified
        .problems
        .iter()
        .map(|problem| {
            json!({
                "kind": kind(problem.kind),
                "record": problem.record,
                "commit": problem.commit,
                "what": problem.what,
            })
        })
        .collect();
    let newest = verified.last.as_ref().map(|digest| format!("{}:{digest}", verified.records));
    let told = json!({
        "whole": verified.is_whole(),
        "records": verified.records,
        "decisions": verified.decisions,
        "denied": verified.denied,
        "newest": newest,
        "commit": verified.tip,
        "problems": problems,
    });
    writeln!(out, "{}", super::super::visible(&told.to_string()))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Tampered => "tampered",
        Kind::Truncated => "truncated",
        Kind::Unreadable => "unreadable",
        Kind::Unsigned => "unsigned",
        Kind::Mismatch => "mismatch",
        Kind::Unauthorised => "unauthorised",
        Kind::Declared => "declared",
        Kind::Incomplete => "incomplete",
        Kind::Clock => "clock",
    }
}

/// Judges again what a record tells of.
pub(super) fn run_replay(repository: &Repository, named: &str) -> Result<Exit, Stop> {
    let (commit, bytes) = find(repository, named)?;
    let decided = match Readable::read(&bytes) {
        Readable::Known(record) => match record.event {
            Event::Decision(decided) => decided,
            _ => return Err(Stop::Wrong("this record is not of a decision, so nothing was judged".into())),
        },
        Readable::Unknown(Place { why, .. }) | Readable::Damaged(why) => {
            return Err(Stop::Failed(anyhow::anyhow!("the record cannot be read: {why}")));
        }
    };
    let facts = file(repository, commit, FACTS)?;
    let replayed = replay(repository, &decided, facts.as_deref());
    let mut out = io::stdout().lock();
    for what in &replayed.differs {
        writeln!(out, "differs: {}", super::super::visible(what))?;
    }
    for what in &replayed.cannot {
        writeln!(out, "cannot be judged again: {}", super::super::visible(what))?;
    }
    match replayed.same {
        0 => {}
        1 => writeln!(out, "1 change judged again, with the same outcome")?,
        many => writeln!(out, "{many} changes judged again, with the same outcome")?,
    }
    if replayed == crate::ledger::replay::Replayed::default() {
        writeln!(out, "no change was judged; what spoke against the refs themselves stands in the record")?;
    }
    Ok(match (replayed.differs.is_empty(), replayed.cannot.is_empty()) {
        (false, _) => Exit::Denied,
        (true, false) => Exit::Failed,
        (true, true) => Exit::Allowed,
    })
}
