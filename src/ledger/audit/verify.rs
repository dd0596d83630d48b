//! Whether the ledger is what it says: one chain, unbroken, and in step with the repository.
//!
//! Everything is computed again. The digests chain the records, the numbers count them, and the state and
//! the commit message follow from them; then the newest state is compared with what the refs hold. Only
//! codes, ids and values are compared, never wording. A record that cannot be read is reported and does not
//! stop the rest.

use std::collections::BTreeSet;
use std::mem::take;

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Oid, SignatureStatus, Text};
use crate::git::signature::{self, KeyRegistry};
use crate::git::{Repository, StoredChainLink};
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::approval_check::ApprovalCheck;
use crate::ledger::audit::cross_check::DecisionCrossCheck;
use crate::ledger::audit::policy_origins::PolicyOrigins;
pub use crate::ledger::audit::problem::{
    LedgerProblem, LedgerProblemKind, LedgerVerification, VerifyOptions,
};
use crate::ledger::audit::ref_observations::RefObservations;
use crate::ledger::audit::verify_state::{
    RecordWithoutState, StateComparison, compare_state, read_link_state,
};
use crate::ledger::record::canonical::is_canonical;
use crate::ledger::record::describe::find_event_time;
use crate::ledger::record::message::compose_message;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{LedgerEvent, MAX_RECORD_BYTES, Record, digest_bytes};
use crate::ledger::server::write_ahead;
use crate::ledger::state::{LedgerState, decode_ref_key, encode_ref_key};
use crate::ledger::store::RECORD_FILE;
use crate::ledger::store::gate_folder::{self, LedgerAnchor};
use crate::ledger::store::protected_refs::ProtectedRefs;
use crate::report::escape;

/// Verifies the ledger of a repository. `progress` is called for each record.
///
/// # Errors
///
/// Fails only where the refs or the gate's own folder cannot be read.
pub fn verify_ledger(
    repository: &Repository,
    options: &VerifyOptions<'_>,
    progress: &mut dyn FnMut(),
) -> Result<LedgerVerification> {
    let mut run = LedgerVerifier {
        repository,
        signers: options.signers,
        verification: LedgerVerification::default(),
        state: LedgerState::default(),
        position: None,
        cross_check: DecisionCrossCheck::default(),
        policy_origins: PolicyOrigins::new(repository),
        ref_observations: RefObservations::default(),
        approvals: ApprovalCheck::default(),
        undecided_policies: Vec::new(),
        without_state: None,
        is_trusted: true,
        is_cut: false,
    };
    run.verification.tip = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
    let mut missing_anchors: Vec<LedgerAnchor> = Vec::new();
    missing_anchors.extend(options.seen_anchor.clone());
    missing_anchors.extend(gate_folder::read_anchor(repository.common_dir())?);
    let (commits, broken) = repository.walk_chain(run.verification.tip);
    if let Some(error) = broken {
        let oldest = if commits.is_empty() { "the newest record" } else { "the record before the oldest" };
        run.add_problem(LedgerProblemKind::Unreadable, format!("{oldest} cannot be read: {error:#}"));
        // Without the beginning, the state before each record is not known, so what needs it cannot be
        // checked.
        run.is_trusted = false;
        run.is_cut = true;
        run.cross_check.is_partial = true;
    }
    for (commit, parents) in commits.into_iter().rev() {
        run.verify_commit(commit, parents);
        let number = run.verification.records;
        let digest = run.verification.last_digest.as_ref();
        // What is left at the end was seen once and is no longer there, or no longer the same.
        missing_anchors.retain(|anchor| anchor.number != number || Some(&anchor.digest) != digest);
        progress();
    }
    run.report_missing_state(None);
    run.position = None;
    for anchor in missing_anchors {
        run.add_missing_anchor(&anchor);
    }
    run.verify_against_repository(options.check_refs)?;
    Ok(run.verification)
}

/// A verification that is under way.
pub(super) struct LedgerVerifier<'a> {
    pub(super) repository: &'a Repository,
    pub(super) signers: Option<&'a KeyRegistry>,
    pub(super) verification: LedgerVerification,
    pub(super) state: LedgerState,
    pub(super) cross_check: DecisionCrossCheck,
    policy_origins: PolicyOrigins<'a>,
    pub(super) ref_observations: RefObservations,
    approvals: ApprovalCheck,
    /// The problems about decisions by a policy without a decision, each with the record of its move.
    pub(super) undecided_policies: Vec<(usize, u64)>,
    /// The commit that is read, and when the newest record was written.
    pub(super) position: Option<(Oid, Timestamp)>,
    /// The newest record, if it has no state beside it; then another has to follow that was appended with it.
    without_state: Option<RecordWithoutState>,
    /// True if the state follows from all records before.
    pub(super) is_trusted: bool,
    /// True if the record before the next one cannot be read.
    pub(super) is_cut: bool,
}

impl LedgerVerifier<'_> {
    pub(super) fn add_problem(&mut self, kind: LedgerProblemKind, what: impl Into<String>) {
        let record = self.position.map(|_| self.verification.records);
        let commit = self.position.map(|(commit, _)| commit);
        self.verification.problems.push(LedgerProblem { record, commit, kind, what: what.into() });
    }

    pub(super) fn add_tampering(&mut self, what: impl Into<String>) {
        self.add_problem(LedgerProblemKind::Tampered, what);
    }

    /// Adds what a record may have got wrong.
    pub(super) fn add_tampering_if(&mut self, problem: Option<&'static str>) {
        if let Some(what) = problem {
            self.add_tampering(what);
        }
    }

    /// Reports a record that was seen before and is not in the ledger.
    fn add_missing_anchor(&mut self, anchor: &LedgerAnchor) {
        let records = self.verification.records;
        if records < anchor.number {
            self.add_problem(
                LedgerProblemKind::Truncated,
                format!("there were {} records, and now there are {records}", anchor.number),
            );
        } else {
            self.add_tampering(format!("record {} is not the one that was seen before", anchor.number));
        }
    }

    /// Takes in one commit of the chain: that it follows the one before, and then its record.
    fn verify_commit(&mut self, commit: Oid, parents: usize) {
        let before = self.position.map_or(Timestamp::MIN, |(_, at)| at);
        self.verification.records += 1;
        self.position = Some((commit, before));
        if parents > 1 {
            self.add_tampering(format!("it has {parents} parents: two ledgers were joined"));
        }
        let previous = self.verification.last_digest.take();
        let (link, bytes) = match self.read_commit(commit) {
            Ok(read) => read,
            Err(error) => {
                self.is_trusted = false;
                self.cross_check.is_partial = true;
                self.without_state = None;
                return self.add_problem(LedgerProblemKind::Unreadable, format!("{error:#}"));
            }
        };
        self.verification.last_digest = Some(digest_bytes(&bytes));
        let is_first = self.verification.records == 1 && !self.is_cut;
        let (number, named) = match ReadableRecord::parse_record(&bytes) {
            ReadableRecord::Known(record) => {
                self.verify_record(&link, &record, &bytes, before);
                (record.number, record.previous)
            }
            ReadableRecord::Unknown(place) => {
                let schema = escape::escape_words(&place.schema);
                let reason = escape::escape_words(&place.reason);
                self.add_problem(LedgerProblemKind::Unreadable, format!("{schema}: {reason}"));
                self.resume_from_state(&link);
                (place.number, place.previous)
            }
            ReadableRecord::Damaged(why) => {
                let why = escape::escape_words(&why);
                self.add_problem(LedgerProblemKind::Unreadable, format!("it is no record: {why}"));
                return self.resume_from_state(&link);
            }
        };
        if take(&mut self.is_cut) {
            self.verification.records = number;
        }
        let place = self.verification.records;
        if number != place {
            self.add_tampering(format!("it says record {number} in the place of {place}"));
        }
        // The digest of a record that cannot be read at all is not known.
        if named != previous && (previous.is_some() || is_first) {
            self.add_tampering("it does not follow the record before it");
        }
    }

    fn read_commit(&self, commit: Oid) -> Result<(StoredChainLink, Vec<u8>)> {
        let link = self.repository.read_chain_link(commit)?;
        let Some(record) = link.find_file_id(RECORD_FILE) else {
            anyhow::bail!("it holds no {RECORD_FILE}");
        };
        let bytes = self.repository.read_blob(record, MAX_RECORD_BYTES as u64);
        let bytes = bytes.map_err(|error| error.context(format!("{RECORD_FILE} cannot be read")))?;
        Ok((link, bytes))
    }

    /// Reports the record before, if its state is gone; the next one was recorded at `next`.
    fn report_missing_state(&mut self, next: Option<Timestamp>) {
        let problem = self.without_state.take().and_then(|before| before.find_problem(next));
        self.verification.problems.extend(problem);
    }

    /// Goes on with the state beside a record that cannot be applied.
    fn resume_from_state(&mut self, link: &StoredChainLink) {
        // When it was appended is not known, and that it cannot be read is reported.
        self.without_state = None;
        self.is_trusted = false;
        self.cross_check.is_partial = true;
        if let Some(state) = read_link_state(self.repository, link) {
            self.state = state;
        }
    }

    /// Verifies the state beside a record that has just been taken in.
    fn verify_state(&mut self, link: &StoredChainLink, recorded_at: Timestamp) {
        match compare_state(self.repository, link, &self.state) {
            StateComparison::Same => self.is_trusted = true,
            // What follows is compared with what is there, so that one fault is reported once.
            StateComparison::Different(state) => {
                if take(&mut self.is_trusted) {
                    self.add_tampering("the state beside it does not follow from the records");
                }
                self.state = *state;
                self.is_trusted = true;
            }
            StateComparison::Unreadable => self.add_tampering("the state beside it cannot be read"),
            StateComparison::Absent => {
                let commit = self.position.map(|(commit, _)| commit);
                let number = self.verification.records;
                self.without_state = Some(RecordWithoutState { number, commit, recorded_at });
            }
        }
    }

    /// Verifies one record that can be read: its form, its event, its state, its message and its commit.
    fn verify_record(&mut self, link: &StoredChainLink, record: &Record, bytes: &[u8], before: Timestamp) {
        if !is_canonical(bytes) {
            self.add_tampering("it is not canonical JSON");
        }
        if record.recorded_at < before {
            let now = record.recorded_at;
            self.add_problem(
                LedgerProblemKind::ClockWentBack,
                format!("the clock went back, from {before} to {now}"),
            );
        }
        self.position = self.position.map(|(commit, _)| (commit, record.recorded_at));
        self.verification.add_event_time(find_event_time(record));
        self.report_missing_state(Some(record.recorded_at));
        if self.is_trusted {
            if self.verification.records == 1 && !matches!(record.event, LedgerEvent::Begin(_)) {
                self.add_problem(LedgerProblemKind::Truncated, "the ledger does not begin with this");
            }
            self.verify_event(record);
        }
        if let Some(number) = self.policy_origins.add_record(record) {
            self.undecided_policies.push((self.verification.problems.len(), number));
            if self.policy_origins.uncompared_records().contains(&number) {
                let what = format!(
                    "whether its policy came without a decision (record {number}) is not known: this repository does not \
                     hold what the ref held before; fetch the whole history, as with `git fetch --unshallow`"
                );
                self.add_problem(LedgerProblemKind::Unreadable, what);
            } else {
                let what = format!("its policy came without a decision (record {number})");
                self.add_problem(LedgerProblemKind::UndecidedPolicy, what);
            }
        }
        match &record.event {
            LedgerEvent::Decision(decision) => self.cross_check.add_decision(decision),
            LedgerEvent::Outcome(outcome) => self.cross_check.add_outcome(outcome),
            _ => {}
        }
        let windows = self.ref_observations.add_record(record, &self.state);
        if !windows.is_empty() {
            self.narrow_windows(&windows);
        }
        if let Some((holder, _)) = self.position {
            self.approvals.add_record(holder, record);
        }
        self.state.apply_record(record);
        self.verify_state(link, record.recorded_at);
        if link.message() != compose_message(record).as_bytes() {
            self.add_tampering("its commit message does not match the record");
        }
        if !link.is_written_at(record.recorded_at) {
            self.add_tampering("its commit's author or date does not match the record");
        }
        self.verify_form(link, record);
        self.verify_signature(link, record.recorded_at);
        if let LedgerEvent::Decision(decision) = &record.event {
            self.verify_decision(link, decision);
        }
    }

    fn verify_signature(&mut self, link: &StoredChainLink, at: Timestamp) {
        let Some(keys) = self.signers else { return };
        let format = self.repository.object_format();
        match signature::verify_commit_signature(keys, &link.raw_commit, format, at) {
            SignatureStatus::Good { .. } => {}
            SignatureStatus::None => self.add_problem(LedgerProblemKind::Unsigned, "it is not signed"),
            SignatureStatus::Bad(why) => {
                self.add_problem(LedgerProblemKind::Unsigned, format!("its signature is not valid: {why}"));
            }
        }
    }

    /// Compares the newest state with the journal and, if `check_refs`, with what the refs hold.
    fn verify_against_repository(&mut self, check_refs: bool) -> Result<()> {
        let open: Vec<String> = self.state.open_decisions.keys().cloned().collect();
        for id in open {
            let id = escape::escape_words(&id);
            self.add_problem(LedgerProblemKind::Incomplete, format!("decision {id} has no outcome"));
        }
        // An act is appended together with the outcome of its push.
        for id in self.cross_check.list_unrecorded_acts() {
            let id = escape::escape_words(&id);
            self.add_tampering(format!("the act that decision {id} allowed has landed and has no record"));
        }
        let is_whole = !self.cross_check.is_partial;
        let found = self.approvals.list_problems(self.repository, (is_whole, check_refs))?;
        self.verification.problems.extend(found);
        let waiting = write_ahead::list_entries(self.repository.common_dir(), &[], usize::MAX)?;
        self.report_waiting(&waiting);
        if !check_refs || self.verification.tip.is_none() {
            return Ok(());
        }
        let mut waiting_refs: BTreeSet<Text> = BTreeSet::new();
        for entry in waiting.into_iter().filter_map(|found| found.entry.ok()) {
            for moved in entry.decided.protected_moves() {
                waiting_refs.insert(moved.name);
            }
        }
        let refs = ProtectedRefs::read_refs(self.repository, None, &self.state, &BTreeSet::new())?;
        let mut names: BTreeSet<Text> = refs.ref_names().cloned().collect();
        for key in self.state.tips.keys() {
            names.insert(decode_ref_key(key));
        }
        for name in names {
            // A decision that waits in the journal may explain the difference, and is reported already.
            if !refs.is_protected(&name) || waiting_refs.contains(&name) {
                continue;
            }
            let recorded = self.state.tips.get(&encode_ref_key(&name)).copied();
            let holds = refs.ref_tip(&name).flatten();
            if recorded != holds {
                let name = escape::escape_words(&name.to_lossy());
                let (holds, recorded) = (describe_short_tip(holds), describe_short_tip(recorded));
                let what = format!("{name} holds {holds}, and the ledger says {recorded}");
                self.add_problem(LedgerProblemKind::Mismatch, what);
            }
        }
        Ok(())
    }
}

pub(super) fn describe_short_tip(id: Option<Oid>) -> String {
    match id {
        Some(id) => id.short_hex(),
        None => "nothing".to_owned(),
    }
}
