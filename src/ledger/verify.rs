//! Whether the ledger is what it says: one chain, unbroken, and in step with the repository.
//!
//! Everything is computed again. The digests chain the records, the numbers count them, the state and
//! the message follow from them; then the newest state is held against what the refs hold. One record
//! that cannot be read is reported and does not stop the rest.

use std::collections::BTreeSet;

use anyhow::Result;
use jiff::Timestamp;

use super::canonical::{canonical, is_canonical};
use super::place::{self, Anchor};
pub use super::problem::{Asked, Kind, Problem, Verified};
use super::readable::Readable;
use super::record::{Decided, Event, Moved, Record, RefDecided, digest};
use super::refs::Refs;
use super::state::{State, key, name};
use super::store::{FACTS, LARGEST, RECORD, STATE};
use super::vouched::{Vouched, tell_declared};
use super::{REF, ahead, deciding, message, obligation, stray};
use crate::change::{Oid, Signature, Text};
use crate::git::signature::{self, Keys};
use crate::git::{ReadLink, Repository};
use crate::report::escape;
use crate::verdict::Decision;

/// Verifies the ledger of a repository. `progress` is told of each record.
///
/// # Errors
///
/// Fails only where the refs or the gate's own folder cannot be read.
pub fn verify(repository: &Repository, asked: &Asked<'_>, progress: &mut dyn FnMut()) -> Result<Verified> {
    let mut run = Run {
        repository,
        signers: asked.signers,
        verified: Verified::default(),
        state: State::default(),
        at: None,
        vouched: Vouched::default(),
        is_trusted: true,
        is_cut: false,
    };
    run.verified.tip = repository.resolve_ref(REF.as_bytes())?.id;
    let own = place::newest(repository.common_dir())?;
    let mut anchors: Vec<(Anchor, bool)> =
        asked.seen.iter().cloned().chain(own).map(|anchor| (anchor, false)).collect();
    let (commits, broken) = repository.walk_chain(run.verified.tip);
    if let Some(error) = broken {
        let oldest =
            commits.last().map_or("the newest record", |_| "what lies behind the oldest that is left");
        run.problem(Kind::Unreadable, format!("{oldest} cannot be read: {error:#}"));
        (run.is_trusted, run.is_cut) = (false, true);
        run.vouched.is_partial = true;
    }
    for (commit, parents) in commits.into_iter().rev() {
        run.link(commit, parents);
        for (anchor, is_there) in &mut anchors {
            *is_there |=
                anchor.number == run.verified.records && Some(&anchor.digest) == run.verified.last.as_ref();
        }
        progress();
    }
    run.at = None;
    for (anchor, _) in anchors.into_iter().filter(|(_, is_there)| !is_there) {
        let records = run.verified.records;
        if records < anchor.number {
            run.problem(
                Kind::Truncated,
                format!("there were {} records, and now there are {records}", anchor.number),
            );
        } else {
            run.problem(
                Kind::Tampered,
                format!("record {} is not the one that was seen before", anchor.number),
            );
        }
    }
    run.end(asked.refs)?;
    Ok(run.verified)
}

struct Run<'a> {
    repository: &'a Repository,
    signers: Option<&'a Keys>,
    verified: Verified,
    state: State,
    vouched: Vouched,
    /// Where it is: the commit, and when the newest record was written.
    at: Option<(Oid, Timestamp)>,
    /// Whether the state follows from all records before.
    is_trusted: bool,
    /// Whether what lies behind the next record cannot be read.
    is_cut: bool,
}

impl Run<'_> {
    fn problem(&mut self, kind: Kind, what: impl Into<String>) {
        let record = self.at.map(|_| self.verified.records);
        let commit = self.at.map(|(commit, _)| commit);
        self.verified.problems.push(Problem { record, commit, kind, what: what.into() });
    }

    fn tampered(&mut self, what: impl Into<String>) {
        self.problem(Kind::Tampered, what);
    }

    /// Takes in one commit of the chain.
    fn link(&mut self, commit: Oid, parents: usize) {
        let before = self.at.map_or(Timestamp::MIN, |(_, at)| at);
        self.verified.records += 1;
        self.at = Some((commit, before));
        if 1 < parents {
            self.tampered(format!("it has {parents} parents: two ledgers were joined"));
        }
        let previous = self.verified.last.take();
        let (link, bytes) = match self.read(commit) {
            Ok(read) => read,
            Err(error) => {
                (self.is_trusted, self.vouched.is_partial) = (false, true);
                return self.problem(Kind::Unreadable, format!("{error:#}"));
            }
        };
        self.verified.last = Some(digest(&bytes));
        let first = self.verified.records == 1 && !self.is_cut;
        let (number, named) = match Readable::read(&bytes) {
            Readable::Known(record) => {
                self.known(&link, &record, &bytes, before);
                (record.number, record.previous)
            }
            Readable::Unknown(place) => {
                self.problem(
                    Kind::Unreadable,
                    format!("{}: {}", escape::words(&place.schema), escape::words(&place.why)),
                );
                self.reseed(&link);
                (place.number, place.previous)
            }
            Readable::Damaged(why) => {
                self.problem(Kind::Unreadable, format!("it is no record: {}", escape::words(&why)));
                return self.reseed(&link);
            }
        };
        if std::mem::take(&mut self.is_cut) {
            self.verified.records = number;
        }
        if number != self.verified.records {
            self.tampered(format!(
                "it calls itself record {number} in the place of {}",
                self.verified.records
            ));
        }
        // After a record that cannot be read at all, nobody knows its digest.
        if named != previous && (previous.is_some() || first) {
            self.tampered("it does not follow the record before it");
        }
    }

    fn read(&self, commit: Oid) -> Result<(ReadLink, Vec<u8>)> {
        let link = self.repository.read_link(commit)?;
        let record = link.file(RECORD).ok_or_else(|| anyhow::anyhow!("it holds no {RECORD}"))?;
        let bytes = self.repository.content(record, super::record::LARGEST as u64);
        let bytes = bytes.map_err(|error| error.context(format!("{RECORD} cannot be read")))?;
        Ok((link, bytes))
    }

    /// Goes on with the state that stands beside a record which cannot be applied.
    fn reseed(&mut self, link: &ReadLink) {
        (self.is_trusted, self.vouched.is_partial) = (false, true);
        if let Some(state) = self.state_of(link) {
            self.state = state;
        }
    }

    /// Returns the state beside a record, if it is not the one that follows from the records; `None` if
    /// none can be read.
    fn follows(&self, link: &ReadLink) -> Option<Option<State>> {
        let bytes = self.repository.content(link.file(STATE)?, LARGEST).ok()?;
        if serde_json::to_vec(&self.state).is_ok_and(|plain| plain == bytes) {
            return Some(None);
        }
        // Two texts can be read as one state: an instant may be written in more than one way.
        if canonical(&self.state).is_ok_and(|written| written == bytes) {
            return Some(None);
        }
        serde_json::from_slice(&bytes).ok().filter(|_| is_canonical(&bytes)).map(Some)
    }

    fn state_of(&self, link: &ReadLink) -> Option<State> {
        let bytes = self.repository.content(link.file(STATE)?, LARGEST).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|_| is_canonical(&bytes))
    }

    fn known(&mut self, link: &ReadLink, record: &Record, bytes: &[u8], before: Timestamp) {
        if !is_canonical(bytes) {
            self.tampered("it is not written in the one way in which records are");
        }
        if record.recorded_at < before {
            let now = record.recorded_at;
            self.problem(Kind::Clock, format!("the clock went back, from {before} to {now}"));
        }
        self.at = self.at.map(|(commit, _)| (commit, record.recorded_at));
        if self.is_trusted {
            if self.verified.records == 1 && !matches!(record.event, Event::Begin(_)) {
                self.problem(Kind::Truncated, "the ledger does not begin with this");
            }
            self.completes(record, before);
        }
        if let Event::Decision(decided) = &record.event {
            self.vouched.decision(decided);
        }
        self.state.apply(record);
        match self.follows(link) {
            Some(None) => self.is_trusted = true,
            // What follows is held against what is there, so that one fault is told once.
            Some(Some(state)) => {
                if self.is_trusted {
                    self.tampered("the state beside it is not what follows from the records");
                }
                self.state = state;
                self.is_trusted = true;
            }
            None => self.tampered("there is no state beside it that can be read"),
        }
        if link.message() != message::of(record).as_bytes() {
            self.tampered("its message says something else than the record");
        }
        if !link.is_written_at(record.recorded_at) {
            self.tampered("its commit is not of whom and when the record says");
        }
        self.signed(link, record.recorded_at);
        if let Event::Decision(decided) = &record.event {
            self.decided(link, decided);
        }
    }

    fn signed(&mut self, link: &ReadLink, at: Timestamp) {
        let Some(keys) = self.signers else { return };
        match signature::verify(keys, &link.raw, self.repository.object_format(), at) {
            Signature::Good { .. } => {}
            Signature::None => self.problem(Kind::Unsigned, "it is not signed"),
            Signature::Bad(why) => {
                self.problem(Kind::Unsigned, format!("its signature does not hold: {why}"))
            }
        }
    }

    fn decided(&mut self, link: &ReadLink, decided: &Decided) {
        self.verified.decisions += 1;
        self.verified.denied += u64::from(decided.decision == Decision::Deny);
        match link.file(FACTS).map(|facts| self.repository.content(facts, LARGEST)) {
            Some(Ok(facts)) if digest(&facts) != decided.facts.digest => {
                self.tampered("the facts beside it are not those it was judged by");
            }
            Some(Err(error)) => {
                self.problem(Kind::Unreadable, format!("the facts beside it cannot be read: {error:#}"));
            }
            None if decided.facts.kept => self.tampered("the facts that it was judged by are gone"),
            _ => {}
        }
        if decided.decision == Decision::Allow {
            decided.refs.iter().for_each(|asked| self.holds(asked));
        }
    }

    /// Asks whether an outcome has a decision, and tells of what nobody decided.
    fn completes(&mut self, record: &Record, before: Timestamp) {
        match &record.event {
            Event::Outcome(outcome) => {
                let none = Vec::new();
                let open = self.state.open.get(&outcome.of).unwrap_or(&none);
                let stayed = self.state.stayed.get(&outcome.of).unwrap_or(&none);
                let asked: BTreeSet<(&Text, Option<Oid>, Option<Oid>)> =
                    open.iter().chain(stayed).map(|one| (&one.name, one.old, one.new)).collect();
                let of_one = |moved: &Moved| asked.contains(&(&moved.name, moved.old, moved.new));
                let was_asked = outcome.landed.iter().all(of_one);
                if asked.is_empty() {
                    self.problem(Kind::Incomplete, "it tells what became of no decision that is open");
                } else if !was_asked {
                    self.tampered("something landed that was not decided");
                }
                outcome.landed.iter().for_each(|moved| self.moves_on(moved));
            }
            Event::Unauthorised(moved) => {
                let (name, at) = (escape::words(&moved.name.to_lossy()), record.recorded_at);
                let what = format!("{name} moved without a decision, after {before} and not after {at}");
                self.problem(Kind::Unauthorised, what);
                self.moves_on(moved);
            }
            Event::Damaged(damaged) => {
                let why = escape::words(&damaged.why);
                self.problem(Kind::Unreadable, format!("a decision could not be read: {why}"));
            }
            Event::Begin(_) if self.verified.records != 1 => self.tampered("the ledger begins a second time"),
            Event::Decision(decided) if self.state.recent.contains(&decided.id) => {
                self.tampered("it records a decision that was recorded before");
            }
            Event::Discharged(discharged) => {
                let untrue = obligation::untrue(&self.state, discharged);
                match untrue.or_else(|| self.vouched.declared(&self.state, discharged)) {
                    Some(what) => self.tampered(what),
                    None => tell_declared(&mut self.verified.problems, discharged, record.number),
                }
            }
            Event::BreakGlass(session) => {
                if let Some(what) = self.vouched.session(&self.state, session) {
                    self.tampered(what);
                }
            }
            Event::Flagged(flagged) => {
                if let Some(what) = stray::untrue(&self.state, flagged) {
                    self.tampered(what);
                }
            }
            Event::Begin(_) | Event::Decision(_) | Event::Scope(_) | Event::Escalated(_) => {}
        }
    }

    /// Asks whether a ref moved from where the ledger says that it was.
    fn moves_on(&mut self, moved: &Moved) {
        let known = self.state.tips.get(&key(&moved.name)).copied();
        if known != moved.old {
            let shown = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.short());
            let name = escape::words(&moved.name.to_lossy());
            self.tampered(format!(
                "it says that {name} held {}, and the records before it say {}",
                shown(moved.old),
                shown(known)
            ));
        }
    }

    /// Asks whether what was allowed is in the repository as it was judged.
    fn holds(&mut self, asked: &RefDecided) {
        let (Some(new), Some(tree)) = (asked.new, asked.tree) else { return };
        // What was allowed and never landed may be gone.
        if deciding::tree_of(self.repository, new).is_some_and(|found| found != tree) {
            self.problem(Kind::Mismatch, format!("{} has another tree than was judged", new.short()));
        }
    }

    fn end(&mut self, refs: bool) -> Result<()> {
        let open: Vec<String> = self.state.open.keys().cloned().collect();
        for id in open {
            let id = escape::words(&id).to_string();
            self.problem(Kind::Incomplete, format!("nobody has told what became of the decision {id}"));
        }
        let waiting = ahead::all(self.repository.common_dir(), &[])?;
        if !waiting.is_empty() {
            let many = waiting.len();
            let what = format!(
                "decisions on disk that are not in the ledger yet: {many}; `changegate ledger reconcile`"
            );
            self.problem(Kind::Incomplete, what);
        }
        if !refs || self.verified.tip.is_none() {
            return Ok(());
        }
        let waiting: BTreeSet<Text> = waiting
            .into_iter()
            .filter_map(|found| found.ahead.ok())
            .flat_map(|one| one.decided.moves())
            .map(|moved| moved.name)
            .collect();
        let refs = Refs::read(self.repository, None, &self.state, &BTreeSet::new())?;
        let known = self.state.tips.keys().map(|key| name(key));
        let names: BTreeSet<Text> = known.chain(refs.names().cloned()).collect();
        for name in names.iter().filter(|name| refs.is_protected(name) && !waiting.contains(*name)) {
            let said = self.state.tips.get(&key(name)).copied();
            let holds = refs.holds(name).flatten();
            if said != holds {
                let shown = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.short());
                let name = escape::words(&name.to_lossy());
                let what = format!("{name} holds {}, and the ledger says {}", shown(holds), shown(said));
                self.problem(Kind::Mismatch, what);
            }
        }
        Ok(())
    }
}
