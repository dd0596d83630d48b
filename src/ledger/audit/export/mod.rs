//! Exports the ledger as in-toto statements about what was decided.
//!
//! A change that was allowed and landed gets two statements, what was verified (SVR) and that it passed (VSA);
//! one that was denied gets one, that it failed. Where it was kept what the verdict rests on, another one tells that,
//! and for what landed one tells how it relates to what was reviewed. Every statement follows from the records: each
//! record is checked to be in its place of the chain, and what is no longer available is reported. The statements are
//! as good as the ledger that they come from, which can be signed; in an [`envelope`], they are signed themselves.

pub mod envelope;
pub(crate) mod properties;
pub(crate) mod review_coverage;
pub(crate) mod statement;
pub mod statement_check;
pub(crate) mod uri;

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::change::Oid;
use crate::git::{PeeledObject, Repository};
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::export::review_coverage::build_coverage;
use crate::ledger::audit::export::statement::StatementSubject;
use crate::ledger::audit::kept_reasons::read_kept_reasons;
use crate::ledger::audit::ref_verdicts::read_ref_verdicts;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{
    DecisionRecord, LedgerEvent, Record, RecordedMove, RecordedReasons, RefDecision, digest_bytes,
};
use crate::ledger::server::decision::find_tree;
use crate::ledger::store::{RECORD_FILE, read_ledger_file};
use crate::report::escape;

pub use crate::ledger::audit::export::statement::ExportOptions;
pub use crate::ledger::audit::export::uri::{is_uri, remote_uri};

/// The result of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportSummary {
    /// The number of statements that were written.
    pub statements: usize,
    /// The statements that are missing, and why.
    pub unavailable: Vec<String>,
    /// The number of decisions that were not enforced, and are evidence of nothing.
    pub not_enforced: usize,
}

/// Exports the ledger, oldest record first; `write` gets each statement with the number of its record.
///
/// # Errors
///
/// Fails if the chain is broken, or something cannot be read or written.
pub(crate) fn export_ledger(
    repository: &Repository,
    wanted: &ExportOptions<'_>,
    write: &mut dyn FnMut(u64, &Value) -> Result<()>,
) -> Result<ExportSummary> {
    let (commits, broken) = repository.walk_chain(repository.resolve_ref(LEDGER_REF.as_bytes())?.id);
    if let Some(error) = broken {
        return Err(error.context("cannot read the ledger back to its beginning"));
    }
    let mut run = LedgerExporter {
        repository,
        options: wanted,
        sink: write,
        summary: ExportSummary::default(),
        open_decisions: BTreeMap::new(),
        record_number: 0,
        is_partial: false,
    };
    let mut last: Option<String> = None;
    for (commit, _) in commits.into_iter().rev() {
        let bytes = read_ledger_file(repository, commit, RECORD_FILE)?.unwrap_or_default();
        let found = ReadableRecord::parse_record(&bytes);
        let digest = digest_bytes(&bytes);
        match found {
            ReadableRecord::Known(record) => {
                // An exported statement vouches for its record, so a chain that does not hold is not
                // exported at all.
                if record.previous != last {
                    bail!("record {} does not follow the one before it; see `ledger verify`", record.number);
                }
                run.record_number = record.number;
                run.export_record(&record, commit, &digest)?;
            }
            ReadableRecord::Unknown(place) => {
                run.add_unavailable(format!(
                    "record {} cannot be read by this version: {}",
                    place.number, place.reason
                ));
            }
            ReadableRecord::Damaged(why) => run.add_unavailable(format!("{commit} holds no record: {why}")),
        }
        last = Some(digest);
    }
    Ok(run.summary)
}

/// Exports these records of a ledger, oldest first, each with the commit that holds it and its digest; the repository holds
/// a part of what they are about. Whether they are in their places, somebody else has checked.
///
/// # Errors
///
/// Fails if a file of a record cannot be read, and passes on what `write` says.
pub(crate) fn export_known_records(
    repository: &Repository,
    wanted: &ExportOptions<'_>,
    records: &[(Oid, Box<Record>, String)],
    write: &mut dyn FnMut(u64, &Value) -> Result<()>,
) -> Result<ExportSummary> {
    let mut run = LedgerExporter {
        repository,
        options: wanted,
        sink: write,
        summary: ExportSummary::default(),
        open_decisions: BTreeMap::new(),
        record_number: 0,
        is_partial: true,
    };
    for (commit, record, digest) in records {
        run.record_number = record.number;
        run.export_record(record, *commit, digest)?;
    }
    Ok(run.summary)
}

/// Returns what the verdict on a change rests on, by its final revision.
fn find_reasons(reasons: &[RecordedReasons], revision: Oid) -> Result<Option<Value>> {
    let found = reasons.iter().find(|one| one.revision == Some(revision));
    Ok(found.map(serde_json::to_value).transpose()?)
}

struct LedgerExporter<'a> {
    repository: &'a Repository,
    options: &'a ExportOptions<'a>,
    sink: &'a mut dyn FnMut(u64, &Value) -> Result<()>,
    summary: ExportSummary,
    /// The commits of the decisions that can still land, each with its number of open moves.
    open_decisions: BTreeMap<String, (Oid, usize)>,
    record_number: u64,
    /// True if the repository may lack what it takes to compare trees.
    is_partial: bool,
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
            // What was not enforced is evidence of neither.
            LedgerEvent::Decision(decided) if decided.evaluated.is_some() => {
                self.summary.not_enforced += 1;
            }
            // What is allowed is exported when it lands; a denial has no outcome to wait for.
            LedgerEvent::Decision(decided) if decided.is_allowed() => {
                self.open_decisions.insert(decided.id.clone(), (commit, decided.protected_moves().len()));
            }
            LedgerEvent::Decision(decided) if record.number >= self.options.first_record => {
                let record_id = format!("{}:{digest}", record.number);
                let reasons = read_kept_reasons(self.repository, commit, decided)?;
                for one in &decided.refs {
                    self.export_denial(&record_id, decided, one, &reasons)?;
                }
                if decided.omitted_refs > 0 {
                    let count = decided.omitted_refs;
                    let number = record.number;
                    self.add_unavailable(format!(
                        "record {number} left out {count} denied refs, to stay short"
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
                if record.number >= self.options.first_record && !outcome.landed.is_empty() {
                    self.export_landing(decision, &outcome.landed)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes the statements about the changes that landed by one decision.
    fn export_landing(&mut self, commit: Oid, landed: &[RecordedMove]) -> Result<()> {
        let bytes = read_ledger_file(self.repository, commit, RECORD_FILE)?.unwrap_or_default();
        let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else { return Ok(()) };
        let LedgerEvent::Decision(decided) = &record.event else { return Ok(()) };
        let record_id = format!("{}:{}", record.number, digest_bytes(&bytes));
        for one in &decided.refs {
            let moved = RecordedMove { name: one.name.clone(), old: one.old, new: one.new };
            if !one.protected || !landed.contains(&moved) {
                continue;
            }
            let reasons = read_kept_reasons(self.repository, commit, decided)?;
            let judged = read_ref_verdicts(self.repository, commit, decided, one)?;
            for why in judged.unavailable {
                self.add_unavailable(format!("record {}: {why}", record.number));
            }
            for verdict in judged.verdicts {
                let Some(revision) = verdict.revision else { continue };
                let properties = properties::list_properties(&verdict, judged.policy.as_ref(), decided.stage);
                let subject = self.build_subject(&record_id, decided, one, revision);
                let verification = subject.build_verification(&properties);
                let summary = subject.build_summary(Some(&properties));
                let own_reasons = reasons.iter().find(|one| one.revision == Some(revision));
                let coverage = match own_reasons {
                    Some(reasons) => match build_coverage(self.repository, &subject, reasons) {
                        Err(_) if self.is_partial => None,
                        built => Some(built?),
                    },
                    None => None,
                };
                let reasons =
                    find_reasons(&reasons, revision)?.map(|reasons| subject.build_reasons(&reasons));
                for statement in [verification].iter().chain(&summary).chain(&coverage).chain(&reasons) {
                    self.write_statement(statement)?;
                }
            }
        }
        Ok(())
    }

    /// Writes the statements about the changes of one ref that were denied.
    fn export_denial(
        &mut self,
        record_id: &str,
        decided: &DecisionRecord,
        one: &RefDecision,
        reasons: &[RecordedReasons],
    ) -> Result<()> {
        let mut denied: Vec<Oid> = Vec::new();
        for verdict in &one.changes {
            if verdict.is_denied() {
                denied.extend(verdict.revision);
            }
        }
        // A refusal of the ref is a denial of what it was to hold.
        if let Some(new) = one.new
            && one.refusals.iter().any(|judgement| judgement.is_denying(true))
        {
            denied.extend(self.find_target_commit(one, new));
        }
        denied.dedup();
        if one.omitted.denied > 0 {
            let count = one.omitted.denied;
            let number = self.record_number;
            self.add_unavailable(format!("record {number} left out {count} denied changes, to stay short"));
        }
        for revision in denied {
            let subject = self.build_subject(record_id, decided, one, revision);
            let summary = subject.build_summary(None);
            let reasons = find_reasons(reasons, revision)?.map(|reasons| subject.build_reasons(&reasons));
            for statement in summary.iter().chain(&reasons) {
                self.write_statement(statement)?;
            }
        }
        Ok(())
    }

    /// Returns the commit that a ref was to hold; `None` for a tag that was refused with its push, whose
    /// object the repository does not have.
    fn find_target_commit(&self, one: &RefDecision, new: Oid) -> Option<Oid> {
        match self.repository.peel_tags(new) {
            Ok(PeeledObject::Commit(commit)) => Some(commit),
            _ if one.name.as_bytes().starts_with(b"refs/heads/") => Some(new),
            _ => None,
        }
    }

    fn build_subject<'s>(
        &'s self,
        record_id: &'s str,
        decision: &'s DecisionRecord,
        ref_decision: &'s RefDecision,
        judged: Oid,
    ) -> StatementSubject<'s> {
        // A squashed pull request lands as another commit than was judged.
        let landing = ref_decision.pull_landings.iter().find(|landing| landing.change == judged);
        let revision = landing.map_or(judged, |landing| landing.landed_as);
        let tree = find_tree(self.repository, revision);
        StatementSubject { options: self.options, record_id, decision, ref_decision, revision, tree }
    }
}
