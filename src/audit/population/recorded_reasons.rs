//! What verdicts rest on, read from the ledger decision by decision.

use std::collections::HashMap;

use anyhow::{Result, bail};

use crate::change::Oid;
use crate::git::Repository;
use crate::ledger::audit::kept_reasons::read_reasons_file;
use crate::ledger::audit::ledger_history::MoveDecision;
use crate::ledger::record::{RecordedReasons, digest_bytes};
use crate::ledger::store::{FACTS_FILE, REASONS_FILE, read_ledger_file};

/// Reads what verdicts rest on, and keeps that of the newest decision: the changes of a push come one after another.
pub(crate) struct RecordedReasonsReader<'a> {
    repository: &'a Repository,
    /// The commit of the ledger that was read last, and its reasons by the revisions that were judged.
    last: Option<(Oid, HashMap<Oid, RecordedReasons>)>,
}

impl<'a> RecordedReasonsReader<'a> {
    /// Starts with nothing read.
    pub(crate) fn new(repository: &'a Repository) -> Self {
        RecordedReasonsReader { repository, last: None }
    }

    /// Returns what the verdicts of a decision on a step rest on, whose commits are given; of a pull request, what
    /// was judged is its own final revision. Empty where the decision judged nothing of the step.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or is not the one that its record names.
    pub(crate) fn find_reasons(
        &mut self,
        decided: &MoveDecision,
        commits: &[Oid],
    ) -> Result<Vec<RecordedReasons>> {
        if self.last.as_ref().is_none_or(|(holder, _)| *holder != decided.holder) {
            self.last = Some((decided.holder, self.read_reasons(decided)?));
        }
        let Some((_, by_revision)) = &self.last else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for id in commits {
            let landing = decided.pull_landings.iter().find(|landing| landing.landed_as == *id);
            let judged = landing.map_or(*id, |landing| landing.change);
            found.extend(by_revision.get(&judged).cloned());
        }
        Ok(found)
    }

    /// Returns the reasons of a decision.
    fn read_reasons(&self, decided: &MoveDecision) -> Result<HashMap<Oid, RecordedReasons>> {
        let mut by_revision = HashMap::new();
        let file = read_reasons_file(self.repository, decided.holder, &decided.reasons_digest)?;
        let Some(file) = file else {
            bail!("{REASONS_FILE} beside record {} is missing, or another one than it names", decided.record);
        };
        // The verdicts were reached by these facts; others beside the record can be no evidence of them.
        if !decided.facts_digest.is_empty() {
            let facts = read_ledger_file(self.repository, decided.holder, FACTS_FILE)?;
            if facts.is_none_or(|facts| digest_bytes(&facts) != decided.facts_digest) {
                bail!(
                    "{FACTS_FILE} beside record {} is missing, or another one than it names",
                    decided.record
                );
            }
        }
        for line in file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // Reasons of another version are left out; the change then counts as one without a verdict.
            let Ok(reasons) = serde_json::from_slice::<RecordedReasons>(line) else { continue };
            if let Some(revision) = reasons.revision {
                by_revision.insert(revision, reasons);
            }
        }
        Ok(by_revision)
    }
}
