//! Whether the ledger is what it says: one chain, unbroken, and in step with the repository.
//!
//! Everything is computed again. The digests chain the records, the numbers count them, the state and
//! the message follow from them; then the newest state is held against what the refs hold. One record
//! that cannot be read is reported and does not stop the rest.

use anyhow::Result;
use jiff::Timestamp;

use super::record::{Event, Readable, Record, RefDecided, digest};
use super::state::State;
use super::store::{FACTS, RECORD, STATE, file};
use super::{REF, deciding, message};
use crate::change::{Needs, Oid};
use crate::git::{Peeled, Repository};
use crate::verdict::Decision;

/// What verifying came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// How many records there are.
    pub records: u64,
    /// How many of them are decisions, and how many of those denied.
    pub decisions: (u64, u64),
    /// The newest commit of the ledger.
    pub tip: Option<Oid>,
    /// The digest of the newest record.
    pub last: Option<String>,
    /// What is wrong, oldest first.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with the ledger, or that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The record, if it is about one.
    pub record: Option<u64>,
    /// Its commit.
    pub commit: Option<Oid>,
    /// Which kind.
    pub kind: Kind,
    /// What is wrong, as a sentence.
    pub what: String,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The ledger was changed after it was written.
    Tampered,
    /// Records are missing at its end.
    Truncated,
    /// A record cannot be read, or is of a version that is not known.
    Unreadable,
    /// The repository does not hold what the record says.
    Mismatch,
    /// A ref moved without a decision.
    Unauthorised,
    /// A decision without what became of it, or the contrary.
    Incomplete,
    /// The clock went back.
    Clock,
}

/// The newest record that somebody has seen, for finding that the ledger was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number.
    pub number: u64,
    /// Its digest.
    pub digest: String,
}

/// Verifies the ledger of a repository; `anchor` is what was seen of it before, and with `refs` it is
/// also held against what the refs hold now. `progress` is told of each record.
///
/// # Errors
///
/// Fails only where the chain itself cannot be walked.
pub fn verify(
    repository: &Repository,
    anchor: Option<&Anchor>,
    refs: bool,
    progress: &mut dyn FnMut(),
) -> Result<Verified> {
    let mut run = Run { repository, verified: Verified::default(), state: State::default(), at: None };
    run.verified.tip = repository.resolve_ref(REF.as_bytes())?.id;
    let mut anchored = anchor.is_none();
    for commit in chain(repository, run.verified.tip, &mut run.verified.problems)? {
        run.link(commit);
        if let (Some(anchor), Some(last)) = (anchor, &run.verified.last)
            && anchor.number == run.verified.records
        {
            anchored = anchor.digest == *last;
        }
        progress();
    }
    if let Some(anchor) = anchor.filter(|_| !anchored) {
        let what = if run.verified.records < anchor.number {
            format!("there were {} records, and now there are {}", anchor.number, run.verified.records)
        } else {
            format!("record {} is not the one that was seen before", anchor.number)
        };
        let kind = if run.verified.records < anchor.number { Kind::Truncated } else { Kind::Tampered };
        run.problem(kind, what);
    }
    run.end(refs)?;
    Ok(run.verified)
}

/// Returns the commits of the chain, oldest first.
fn chain(repository: &Repository, tip: Option<Oid>, problems: &mut Vec<Problem>) -> Result<Vec<Oid>> {
    let mut commits = Vec::new();
    let mut next = tip;
    while let Some(commit) = next {
        commits.push(commit);
        let read = repository.commit(commit, &Needs::new()).map_err(anyhow::Error::from)?;
        if 1 < read.parents.len() {
            let what =
                format!("{} has {} parents: two ledgers were joined", commit.short(), read.parents.len());
            problems.push(Problem { record: None, commit: Some(commit), kind: Kind::Tampered, what });
        }
        next = read.parents.first().copied();
    }
    commits.reverse();
    Ok(commits)
}

struct Run<'a> {
    repository: &'a Repository,
    verified: Verified,
    state: State,
    at: Option<(Oid, Timestamp)>,
}

impl Run<'_> {
    fn problem(&mut self, kind: Kind, what: impl Into<String>) {
        let record = (0 < self.verified.records).then_some(self.verified.records);
        let commit = self.at.map(|(commit, _)| commit);
        self.verified.problems.push(Problem { record, commit, kind, what: what.into() });
    }

    /// Takes in one commit of the chain.
    fn link(&mut self, commit: Oid) {
        let before = self.at;
        self.verified.records += 1;
        self.at = Some((commit, before.map_or(Timestamp::UNIX_EPOCH, |(_, at)| at)));
        let bytes = match file(self.repository, commit, RECORD) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return self.unreadable(format!("{} holds no record", commit.short())),
            Err(error) => return self.unreadable(format!("{error:#}")),
        };
        let previous = self.verified.last.replace(digest(&bytes));
        let (number, named) = match Readable::read(&bytes) {
            Readable::Known(record) => {
                self.known(commit, &record, &bytes);
                (record.number, record.previous)
            }
            Readable::Unknown(place) => {
                self.problem(Kind::Unreadable, format!("{}: {}", place.schema, place.why));
                (place.number, place.previous)
            }
            Readable::Damaged(why) => return self.unreadable(format!("it is no record: {why}")),
        };
        if number != self.verified.records {
            let what = format!("it calls itself record {number} in the place of {}", self.verified.records);
            self.problem(Kind::Tampered, what);
        }
        if named != previous {
            self.problem(Kind::Tampered, "it does not follow the record before it");
        }
    }

    fn unreadable(&mut self, what: String) {
        self.problem(Kind::Unreadable, what);
    }

    fn known(&mut self, commit: Oid, record: &Record, bytes: &[u8]) {
        if record.bytes().as_deref() != Ok(bytes) {
            self.problem(Kind::Tampered, "it is not written in the one way in which records are");
        }
        if let Some((_, before)) = self.at
            && record.recorded_at < before
        {
            self.problem(
                Kind::Clock,
                format!("the clock went back, from {before} to {}", record.recorded_at),
            );
        }
        self.at = Some((commit, record.recorded_at));
        self.completes(record);
        self.state.apply(record);
        let state = super::record::canonical(&self.state).ok();
        if file(self.repository, commit, STATE).ok().flatten() != state {
            self.problem(Kind::Tampered, "the state beside it is not what follows from the records");
        }
        let said = self.repository.commit(commit, &Needs::new()).map(|commit| commit.message.raw().clone());
        if said.is_ok_and(|said| said.as_bytes() != message::of(record).as_bytes()) {
            self.problem(Kind::Tampered, "its message says something else than the record");
        }
        if let Event::Decision(decided) = &record.event {
            self.verified.decisions.0 += 1;
            self.verified.decisions.1 += u64::from(decided.decision == Decision::Deny);
            let facts = file(self.repository, commit, FACTS).ok().flatten();
            match facts {
                Some(facts) if digest(&facts) != decided.facts.digest => {
                    self.problem(Kind::Tampered, "the facts beside it are not those it was judged by");
                }
                None if decided.facts.kept => {
                    self.problem(Kind::Tampered, "the facts that it was judged by are gone");
                }
                _ => {}
            }
            if decided.decision == Decision::Allow {
                decided.refs.iter().for_each(|asked| self.holds(asked));
            }
        }
    }

    /// Asks whether an outcome has a decision, and tells of what nobody decided.
    fn completes(&mut self, record: &Record) {
        match &record.event {
            Event::Outcome(outcome) => {
                let asked = self.state.open.get(&outcome.of).or(self.state.stayed.get(&outcome.of));
                let Some(asked) = asked else {
                    return self
                        .problem(Kind::Incomplete, "it tells what became of no decision that is open");
                };
                if !outcome.landed.iter().all(|landed| {
                    asked.iter().any(|asked| asked.name == landed.name && asked.new == landed.new)
                }) {
                    self.problem(Kind::Tampered, "something landed that was not decided");
                }
            }
            Event::Unauthorised(moved) => {
                let name = crate::report::escape::words(&moved.name.to_lossy());
                self.problem(Kind::Unauthorised, format!("{name} moved without a decision"));
            }
            Event::Damaged(damaged) => {
                self.problem(Kind::Unreadable, format!("a decision could not be read: {}", damaged.why));
            }
            Event::Begin(_) if self.verified.records != 1 => {
                self.problem(Kind::Tampered, "the ledger begins a second time");
            }
            Event::Begin(_) | Event::Decision(_) => {}
        }
    }

    /// Asks whether what was allowed is in the repository as it was judged.
    fn holds(&mut self, asked: &RefDecided) {
        let (Some(new), Some(tree)) = (asked.new, asked.tree) else { return };
        match self.repository.peel(new) {
            Ok(Peeled::Commit(_)) => {
                if deciding::tree_of(self.repository, new) != Some(tree) {
                    self.problem(Kind::Mismatch, format!("{} has another tree than was judged", new.short()));
                }
            }
            // What was allowed and never landed may be gone.
            _ => {}
        }
    }

    fn end(&mut self, refs: bool) -> Result<()> {
        self.at = None;
        for (id, _) in self.state.open.clone() {
            self.problem(Kind::Incomplete, format!("nobody has told what became of the decision {id}"));
        }
        if !refs {
            return Ok(());
        }
        for (name, id) in self.state.tips.clone() {
            let now = match self.repository.resolve_ref(name.as_bytes()) {
                Ok(at) => at.id,
                Err(_) => continue,
            };
            if now != Some(id) {
                let now = now.map_or_else(|| "nothing".to_owned(), |id| id.short());
                let name = crate::report::escape::words(&name);
                let what = format!("{name} holds {now}, and the ledger says {}", id.short());
                self.problem(Kind::Mismatch, what);
            }
        }
        Ok(())
    }
}
