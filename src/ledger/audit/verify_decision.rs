//! Verifies what stands beside the record of a decision, and that what it allowed is there as it was judged.

use crate::change::Stage;
use crate::git::StoredChainLink;
use crate::ledger::audit::problem::LedgerProblemKind;
use crate::ledger::audit::verify::LedgerVerifier;
use crate::ledger::record::{DecisionRecord, RefDecision, digest_bytes};
use crate::ledger::server::decision;
use crate::ledger::store::{FACTS_FILE, MAX_LEDGER_FILE_BYTES, REASONS_FILE};

impl LedgerVerifier<'_> {
    /// Verifies a decision against the files beside its record, and against the repository.
    pub(super) fn verify_decision(&mut self, link: &StoredChainLink, decided: &DecisionRecord) {
        self.verification.decisions += 1;
        self.verification.denied += u64::from(!decided.is_allowed());
        self.verification.not_enforced += u64::from(decided.evaluated.is_some());
        let facts = link.find_file_id(FACTS_FILE);
        match facts.map(|facts| self.repository.read_blob(facts, MAX_LEDGER_FILE_BYTES)) {
            Some(Ok(facts)) if digest_bytes(&facts) != decided.facts.digest => {
                self.add_tampering("the facts beside it are not those it was judged by");
            }
            Some(Err(error)) => {
                self.add_problem(
                    LedgerProblemKind::Unreadable,
                    format!("the facts beside it cannot be read: {error:#}"),
                );
            }
            None if decided.facts.kept => self.add_tampering("the facts that it was judged by are gone"),
            _ => {}
        }
        self.verify_reasons(link, decided);
        if decided.evaluated.is_some() && !decided.is_allowed() {
            self.add_tampering("it denies a push in evaluate mode, in which nothing is denied");
        }
        if decided.is_allowed() {
            let is_denied = decided.refs.iter().any(RefDecision::is_denied);
            if is_denied && !decided.would_be_denied() {
                self.add_tampering("it allows a change that its judgements deny");
            }
            // On a forge, a pull request can be denied for what no judgement of the record tells.
            if decided.would_be_denied() && !is_denied && decided.stage != Stage::Landed {
                self.add_tampering("it would have been denied, and none of its judgements denies");
            }
            for asked in &decided.refs {
                self.verify_landed_tree(asked);
            }
        }
    }

    /// Verifies the file of what the verdicts rest on.
    fn verify_reasons(&mut self, link: &StoredChainLink, decided: &DecisionRecord) {
        let found = link.find_file_id(REASONS_FILE);
        match (&decided.reasons, found.map(|file| self.repository.read_blob(file, MAX_LEDGER_FILE_BYTES))) {
            (Some(reasons), Some(Ok(file))) if digest_bytes(&file) == reasons.digest => {}
            (_, Some(Ok(_))) => {
                self.add_tampering("what its verdicts rest on is not what was kept beside it")
            }
            (_, Some(Err(error))) => self.add_problem(
                LedgerProblemKind::Unreadable,
                format!("what its verdicts rest on cannot be read: {error:#}"),
            ),
            (Some(_), None) => self.add_tampering("what its verdicts rest on is gone"),
            (None, None) => {}
        }
    }

    /// Verifies that what was allowed is in the repository as it was judged.
    fn verify_landed_tree(&mut self, asked: &RefDecision) {
        let (Some(new), Some(tree)) = (asked.new, asked.tree) else { return };
        // What was allowed and never landed may be gone.
        if decision::find_tree(self.repository, new).is_some_and(|found| found != tree) {
            self.add_problem(
                LedgerProblemKind::Mismatch,
                format!("{} has another tree than was judged", new.short_hex()),
            );
        }
    }
}
