//! The ledger for machines that know in-toto: one statement after the other about what was decided.
//!
//! A change that was allowed and landed gets two, what was verified of it (SVR) and that it passed
//! (VSA); one that was denied gets one, that it failed. Nothing is said that the records do not show: a
//! record is read in its place of the chain, and what is no longer to be had is told, not guessed. The
//! statements are not signed; the ledger that they come from may be.

pub(crate) mod properties;
pub(crate) mod statement;
pub(crate) mod uri;

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::change::Oid;
use crate::git::{PeeledObject, Repository};
use crate::ledger::LEDGER_REF;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, Record, RecordedMove, RefDecision, digest_bytes};
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::report::escape;

use crate::ledger::audit::export::statement::StatementSubject;
pub use crate::ledger::audit::export::uri::{is_uri, remote_uri};
use crate::ledger::audit::ref_verdicts::RefVerdicts;

/// What to export.
#[derive(Clone, Copy, Debug)]
pub struct ExportOptions<'a> {
    /// The number of the first record.
    pub first_record: u64,
    /// Where the repository is, as in `git+https://git.example.com/acme/shop`.
    pub repository_uri: &'a str,
    /// Who verified; `None` for the gate itself, as the records name it.
    pub verifier_id: Option<&'a str>,
}

/// What exporting came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportSummary {
    /// How many statements there are.
    pub statements: usize,
    /// What there should be statements about, and why there are none.
    pub unavailable: Vec<String>,
}

/// Exports the ledger, oldest record first; `write` is given each statement with the number of the
/// record that it comes from.
///
/// # Errors
///
/// Fails if the chain is broken, or something cannot be read or written.
pub fn export_ledger(
    repository: &Repository,
    wanted: &ExportOptions<'_>,
    write: &mut dyn FnMut(u64, &Value) -> Result<()>,
) -> Result<ExportSummary> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
    if let Some(error) = broken {
        return Err(error.context("the ledger cannot be read back to its beginning"));
    }
    let mut run = LedgerExporter {
        repository,
        options: wanted,
        sink: write,
        summary: ExportSummary::default(),
        open_decisions: BTreeMap::new(),
        record_number: 0,
    };
    let mut last: Option<String> = None;
    for (commit, _) in commits.into_iter().rev() {
        let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
        let found = ReadableRecord::parse_record(&bytes);
        let digest = digest_bytes(&bytes);
        match found {
            ReadableRecord::Known(record) => {
                if record.previous != last {
                    bail!("record {} does not follow the one before it; see `ledger verify`", record.number);
                }
                run.record_number = record.number;
                run.export_record(&record, commit, &digest)?;
            }
            ReadableRecord::Unknown(place) => {
                run.add_unavailable(format!("record {} is not understood: {}", place.number, place.reason));
            }
            ReadableRecord::Damaged(why) => run.add_unavailable(format!("{commit} is no record: {why}")),
        }
        last = Some(digest);
    }
    Ok(run.summary)
}

struct LedgerExporter<'a> {
    repository: &'a Repository,
    options: &'a ExportOptions<'a>,
    sink: &'a mut dyn FnMut(u64, &Value) -> Result<()>,
    summary: ExportSummary,
    /// The decisions of which something may still land, with how much.
    open_decisions: BTreeMap<String, (Oid, usize)>,
    record_number: u64,
}

impl LedgerExporter<'_> {
    fn add_unavailable(&mut self, what: String) {
        self.summary.unavailable.push(escape::escape_words(&what));
    }

    fn write_statement(&mut self, statement: &Value) -> Result<()> {
        self.summary.statements += 1;
        (self.sink)(self.record_number, statement)
    }

    fn export_record(&mut self, record: &Record, commit: Oid, digest: &str) -> Result<()> {
        match &record.event {
            LedgerEvent::Decision(decided) if decided.is_allowed() => {
                self.open_decisions.insert(decided.id.clone(), (commit, decided.protected_moves().len()));
            }
            LedgerEvent::Decision(decided) if self.options.first_record <= record.number => {
                let of = format!("{}:{digest}", record.number);
                decided.refs.iter().try_for_each(|one| self.export_denial(&of, decided, one))?;
                if 0 < decided.omitted_refs {
                    let many = decided.omitted_refs;
                    self.add_unavailable(format!(
                        "record {} had no room for {many} denied refs",
                        record.number
                    ));
                }
            }
            LedgerEvent::Outcome(outcome) => {
                let Some((decision, open)) = self.open_decisions.get_mut(&outcome.decision_id) else {
                    return Ok(());
                };
                let decision = *decision;
                *open = open.saturating_sub(outcome.landed.len());
                if *open == 0 {
                    self.open_decisions.remove(&outcome.decision_id);
                }
                if self.options.first_record <= record.number && !outcome.landed.is_empty() {
                    self.export_landing(decision, &outcome.landed)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Tells of the changes that landed by one decision.
    fn export_landing(&mut self, commit: Oid, landed: &[RecordedMove]) -> Result<()> {
        let bytes = read_ledger_file(self.repository, commit, RECORD_FILE)?.unwrap_or_default();
        let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else { return Ok(()) };
        let LedgerEvent::Decision(decided) = &record.event else { return Ok(()) };
        let of = format!("{}:{}", record.number, digest_bytes(&bytes));
        for one in decided.refs.iter().filter(|one| one.protected) {
            let is_this =
                |moved: &RecordedMove| (&moved.name, moved.old, moved.new) == (&one.name, one.old, one.new);
            if !landed.iter().any(is_this) {
                continue;
            }
            let RefVerdicts { verdicts, policy, unavailable: cannot } =
                crate::ledger::audit::ref_verdicts::read_ref_verdicts(self.repository, commit, decided, one)?;
            for why in cannot {
                self.add_unavailable(format!("record {}: {why}", record.number));
            }
            for verdict in verdicts {
                let Some(revision) = verdict.revision else { continue };
                let properties = properties::list_properties(&verdict, policy.as_ref(), decided.stage);
                let about = self.build_subject(&of, decided, one, revision);
                let (verified, passed) =
                    (about.build_verification(&properties), about.build_summary(Some(&properties)));
                self.write_statement(&verified)?;
                passed.map_or(Ok(()), |passed| self.write_statement(&passed))?;
            }
        }
        Ok(())
    }

    /// Tells of the changes of one ref that were denied.
    fn export_denial(&mut self, of: &str, decided: &DecisionRecord, one: &RefDecision) -> Result<()> {
        let mut denied: Vec<Oid> = one
            .changes
            .iter()
            .filter(|verdict| verdict.is_denied())
            .filter_map(|verdict| verdict.revision)
            .collect();
        let is_refused = one.refusals.iter().any(|judgement| judgement.is_denying(true));
        // What speaks against the ref speaks against what it was to hold.
        denied.extend(one.new.filter(|_| is_refused).and_then(|new| self.find_target_commit(one, new)));
        denied.dedup();
        if 0 < one.omitted.denied {
            let what = format!("there was no room for {} denied changes", one.omitted.denied);
            self.add_unavailable(format!("record {}: {what}", self.record_number));
        }
        for revision in denied {
            let failed = self.build_subject(of, decided, one, revision).build_summary(None);
            failed.map_or(Ok(()), |failed| self.write_statement(&failed))?;
        }
        Ok(())
    }

    /// Returns the commit that a ref was to lead to; `None` for a tag that is gone with its push.
    fn find_target_commit(&self, one: &RefDecision, new: Oid) -> Option<Oid> {
        match self.repository.peel_tags(new) {
            Ok(PeeledObject::Commit(commit)) => Some(commit),
            _ => Some(new).filter(|_| one.name.as_bytes().starts_with(b"refs/heads/")),
        }
    }

    fn build_subject<'s>(
        &'s self,
        of: &'s str,
        decided: &'s DecisionRecord,
        one: &'s RefDecision,
        revision: Oid,
    ) -> StatementSubject<'s> {
        // What is squashed lands as another commit than was judged.
        let way = one.pull_landings.iter().find(|way| way.change == revision);
        let revision = way.map_or(revision, |way| way.landed_as);
        let tree = crate::ledger::server::decision::find_tree(self.repository, revision);
        StatementSubject {
            options: self.options,
            record_id: of,
            decision: decided,
            ref_decision: one,
            revision,
            tree,
        }
    }
}
