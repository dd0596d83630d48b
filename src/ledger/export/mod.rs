//! The ledger for machines that know in-toto: one statement after the other about what was decided.
//!
//! A change that was allowed and landed gets two, what was verified of it (SVR) and that it passed
//! (VSA); one that was denied gets one, that it failed. Nothing is said that the records do not show: a
//! record is read in its place of the chain, and what is no longer to be had is told, not guessed. The
//! statements are not signed; the ledger that they come from may be.

mod judged;
mod place;
mod properties;
mod statement;

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use super::REF;
use super::readable::Readable;
use super::record::{Decided, Event, Moved, Record, RefDecided, digest};
use super::store::{RECORD, file};
use crate::change::Oid;
use crate::git::{Peeled, Repository};
use crate::report::escape;
use crate::verdict::{Decision, Judgement, Verdict};

use judged::Judged;
pub use place::{is_uri, of_remote};
use statement::About;

/// What to export.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The number of the first record.
    pub since: u64,
    /// Where the repository is, as in `git+https://git.example.com/acme/shop`.
    pub resource: &'a str,
    /// Who verified; `None` for the gate itself, as the records name it.
    pub verifier: Option<&'a str>,
}

/// What exporting came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many statements there are.
    pub statements: usize,
    /// What there should be statements about, and why there are none.
    pub cannot: Vec<String>,
}

/// Exports the ledger, oldest record first; `write` is given each statement with the number of the
/// record that it comes from.
///
/// # Errors
///
/// Fails if the chain is broken, or something cannot be read or written.
pub fn export(
    repository: &Repository,
    wanted: &Wanted<'_>,
    write: &mut dyn FnMut(u64, &Value) -> Result<()>,
) -> Result<Exported> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(REF.as_bytes())?.id);
    if let Some(error) = broken {
        return Err(error.context("the ledger cannot be read back to its beginning"));
    }
    let mut run =
        Run { repository, wanted, write, exported: Exported::default(), allowed: BTreeMap::new(), number: 0 };
    let mut last: Option<String> = None;
    for (commit, _) in commits.into_iter().rev() {
        let bytes = file(repository, commit, RECORD)?.unwrap_or_default();
        let found = Readable::read(&bytes);
        let digest = digest(&bytes);
        match found {
            Readable::Known(record) => {
                if record.previous != last {
                    bail!("record {} does not follow the one before it; see `ledger verify`", record.number);
                }
                run.number = record.number;
                run.record(&record, commit, &digest)?;
            }
            Readable::Unknown(place) => {
                run.cannot(format!("record {} is not understood: {}", place.number, place.why));
            }
            Readable::Damaged(why) => run.cannot(format!("{commit} is no record: {why}")),
        }
        last = Some(digest);
    }
    Ok(run.exported)
}

struct Run<'a> {
    repository: &'a Repository,
    wanted: &'a Wanted<'a>,
    write: &'a mut dyn FnMut(u64, &Value) -> Result<()>,
    exported: Exported,
    /// The decisions of which something may still land, with how much.
    allowed: BTreeMap<String, (Oid, usize)>,
    number: u64,
}

impl Run<'_> {
    fn cannot(&mut self, what: String) {
        self.exported.cannot.push(escape::words(&what));
    }

    fn write(&mut self, statement: &Value) -> Result<()> {
        self.exported.statements += 1;
        (self.write)(self.number, statement)
    }

    fn record(&mut self, record: &Record, commit: Oid, digest: &str) -> Result<()> {
        match &record.event {
            Event::Decision(decided) if decided.decision == Decision::Allow => {
                self.allowed.insert(decided.id.clone(), (commit, decided.moves().len()));
            }
            Event::Decision(decided) if self.wanted.since <= record.number => {
                let of = format!("{}:{digest}", record.number);
                decided.refs.iter().try_for_each(|one| self.denied(&of, decided, one))?;
                if 0 < decided.refs_left_out {
                    let many = decided.refs_left_out;
                    self.cannot(format!("record {} had no room for {many} denied refs", record.number));
                }
            }
            Event::Outcome(outcome) => {
                let Some((decision, open)) = self.allowed.get_mut(&outcome.of) else { return Ok(()) };
                let decision = *decision;
                *open = open.saturating_sub(outcome.landed.len());
                if *open == 0 {
                    self.allowed.remove(&outcome.of);
                }
                if self.wanted.since <= record.number && !outcome.landed.is_empty() {
                    self.landed(decision, &outcome.landed)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells of the changes that landed by one decision.
    fn landed(&mut self, commit: Oid, landed: &[Moved]) -> Result<()> {
        let bytes = file(self.repository, commit, RECORD)?.unwrap_or_default();
        let Readable::Known(record) = Readable::read(&bytes) else { return Ok(()) };
        let Event::Decision(decided) = &record.event else { return Ok(()) };
        let of = format!("{}:{}", record.number, digest(&bytes));
        for one in decided.refs.iter().filter(|one| one.protected) {
            let is_this =
                |moved: &Moved| (&moved.name, moved.old, moved.new) == (&one.name, one.old, one.new);
            if !landed.iter().any(is_this) {
                continue;
            }
            let Judged { verdicts, policy, cannot } = judged::of(self.repository, commit, decided, one)?;
            for why in cannot {
                self.cannot(format!("record {}: {why}", record.number));
            }
            for verdict in verdicts {
                let Some(revision) = verdict.revision else { continue };
                let properties = properties::of(&verdict, policy.as_ref(), decided.stage);
                let about = self.about(&of, decided, one, revision);
                let (verified, passed) = (about.verified(&properties), about.summary(Some(&properties)));
                self.write(&verified)?;
                passed.map_or(Ok(()), |passed| self.write(&passed))?;
            }
        }
        Ok(())
    }

    /// Tells of the changes of one ref that were denied.
    fn denied(&mut self, of: &str, decided: &Decided, one: &RefDecided) -> Result<()> {
        let is_denied = |verdict: &&Verdict| verdict.decision() == Decision::Deny;
        let mut denied: Vec<Oid> =
            one.changes.iter().filter(is_denied).filter_map(|verdict| verdict.revision).collect();
        let is_refused = one.refusals.iter().any(|judgement: &Judgement| judgement.denies(true));
        // What speaks against the ref speaks against what it was to hold.
        denied.extend(one.new.filter(|_| is_refused).and_then(|new| self.commit_of(one, new)));
        denied.dedup();
        if 0 < one.left_out.denied {
            let what = format!("there was no room for {} denied changes", one.left_out.denied);
            self.cannot(format!("record {}: {what}", self.number));
        }
        for revision in denied {
            let failed = self.about(of, decided, one, revision).summary(None);
            failed.map_or(Ok(()), |failed| self.write(&failed))?;
        }
        Ok(())
    }

    /// Returns the commit that a ref was to lead to; `None` for a tag that is gone with its push.
    fn commit_of(&self, one: &RefDecided, new: Oid) -> Option<Oid> {
        match self.repository.peel(new) {
            Ok(Peeled::Commit(commit)) => Some(commit),
            _ => Some(new).filter(|_| one.name.as_bytes().starts_with(b"refs/heads/")),
        }
    }

    fn about<'s>(
        &'s self,
        of: &'s str,
        decided: &'s Decided,
        one: &'s RefDecided,
        revision: Oid,
    ) -> About<'s> {
        // What is squashed lands as another commit than was judged.
        let way = one.brought.iter().find(|way| way.change == revision);
        let revision = way.map_or(revision, |way| way.landed_as);
        let tree = super::deciding::tree_of(self.repository, revision);
        About { wanted: self.wanted, record: of, decided, one, revision, tree }
    }
}
