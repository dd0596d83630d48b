//! Whether the ledger is what it says: one chain, unbroken, and in step with the repository.
//!
//! Everything is computed again. The digests chain the records, the numbers count them, the state and
//! the message follow from them; then the newest state is held against what the refs hold. One record
//! that cannot be read is reported and does not stop the rest.

use std::collections::BTreeSet;

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Oid, SignatureStatus, Text};
use crate::git::signature::{self, KeyRegistry};
use crate::git::{Repository, StoredChainLink};
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::cross_check::{self, DecisionCrossCheck, mark_regularised};
pub use crate::ledger::audit::problem::{
    LedgerProblem, LedgerProblemKind, LedgerVerification, VerifyOptions,
};
use crate::ledger::record::canonical::{is_canonical, to_canonical_json};
use crate::ledger::record::message;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{DecisionRecord, LedgerEvent, Record, RecordedMove, RefDecision, digest_bytes};
use crate::ledger::server::{decision, write_ahead};
use crate::ledger::state::{LedgerState, decode_ref_key, encode_ref_key};
use crate::ledger::state::{obligation, unauthorised};
use crate::ledger::store::gate_folder::{self, LedgerAnchor};
use crate::ledger::store::protected_refs::ProtectedRefs;
use crate::ledger::store::{FACTS_FILE, MAX_LEDGER_FILE_BYTES, RECORD_FILE, STATE_FILE};
use crate::report::escape;

/// Verifies the ledger of a repository. `progress` is told of each record.
///
/// # Errors
///
/// Fails only where the refs or the gate's own folder cannot be read.
pub fn verify_ledger(
    repository: &Repository,
    asked: &VerifyOptions<'_>,
    progress: &mut dyn FnMut(),
) -> Result<LedgerVerification> {
    let mut run = LedgerVerifier {
        repository,
        signers: asked.signers,
        verification: LedgerVerification::default(),
        state: LedgerState::default(),
        position: None,
        cross_check: DecisionCrossCheck::default(),
        is_trusted: true,
        is_cut: false,
    };
    run.verification.tip = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
    let own = gate_folder::read_anchor(repository.common_dir())?;
    let mut anchors: Vec<(LedgerAnchor, bool)> =
        asked.seen_anchor.iter().cloned().chain(own).map(|anchor| (anchor, false)).collect();
    let (commits, broken) = repository.walk_chain(run.verification.tip);
    if let Some(error) = broken {
        let oldest =
            commits.last().map_or("the newest record", |_| "what lies behind the oldest that is left");
        run.add_problem(LedgerProblemKind::Unreadable, format!("{oldest} cannot be read: {error:#}"));
        (run.is_trusted, run.is_cut) = (false, true);
        run.cross_check.is_partial = true;
    }
    for (commit, parents) in commits.into_iter().rev() {
        run.verify_commit(commit, parents);
        for (anchor, is_there) in &mut anchors {
            *is_there |= anchor.number == run.verification.records
                && Some(&anchor.digest) == run.verification.last_digest.as_ref();
        }
        progress();
    }
    run.position = None;
    for (anchor, _) in anchors.into_iter().filter(|(_, is_there)| !is_there) {
        let records = run.verification.records;
        if records < anchor.number {
            run.add_problem(
                LedgerProblemKind::Truncated,
                format!("there were {} records, and now there are {records}", anchor.number),
            );
        } else {
            run.add_problem(
                LedgerProblemKind::Tampered,
                format!("record {} is not the one that was seen before", anchor.number),
            );
        }
    }
    run.verify_against_repository(asked.check_refs)?;
    Ok(run.verification)
}

struct LedgerVerifier<'a> {
    repository: &'a Repository,
    signers: Option<&'a KeyRegistry>,
    verification: LedgerVerification,
    state: LedgerState,
    cross_check: DecisionCrossCheck,
    /// Where it is: the commit, and when the newest record was written.
    position: Option<(Oid, Timestamp)>,
    /// Whether the state follows from all records before.
    is_trusted: bool,
    /// Whether what lies behind the next record cannot be read.
    is_cut: bool,
}

impl LedgerVerifier<'_> {
    fn add_problem(&mut self, kind: LedgerProblemKind, what: impl Into<String>) {
        let record = self.position.map(|_| self.verification.records);
        let commit = self.position.map(|(commit, _)| commit);
        self.verification.problems.push(LedgerProblem { record, commit, kind, what: what.into() });
    }

    fn add_tampering(&mut self, what: impl Into<String>) {
        self.add_problem(LedgerProblemKind::Tampered, what);
    }

    /// Takes in one commit of the chain.
    fn verify_commit(&mut self, commit: Oid, parents: usize) {
        let before = self.position.map_or(Timestamp::MIN, |(_, at)| at);
        self.verification.records += 1;
        self.position = Some((commit, before));
        if 1 < parents {
            self.add_tampering(format!("it has {parents} parents: two ledgers were joined"));
        }
        let previous = self.verification.last_digest.take();
        let (link, bytes) = match self.read_commit(commit) {
            Ok(read) => read,
            Err(error) => {
                (self.is_trusted, self.cross_check.is_partial) = (false, true);
                return self.add_problem(LedgerProblemKind::Unreadable, format!("{error:#}"));
            }
        };
        self.verification.last_digest = Some(digest_bytes(&bytes));
        let first = self.verification.records == 1 && !self.is_cut;
        let (number, named) = match ReadableRecord::parse_record(&bytes) {
            ReadableRecord::Known(record) => {
                self.verify_record(&link, &record, &bytes, before);
                (record.number, record.previous)
            }
            ReadableRecord::Unknown(place) => {
                self.add_problem(
                    LedgerProblemKind::Unreadable,
                    format!(
                        "{}: {}",
                        escape::escape_words(&place.schema),
                        escape::escape_words(&place.reason)
                    ),
                );
                self.resume_from_state(&link);
                (place.number, place.previous)
            }
            ReadableRecord::Damaged(why) => {
                self.add_problem(
                    LedgerProblemKind::Unreadable,
                    format!("it is no record: {}", escape::escape_words(&why)),
                );
                return self.resume_from_state(&link);
            }
        };
        if std::mem::take(&mut self.is_cut) {
            self.verification.records = number;
        }
        if number != self.verification.records {
            self.add_tampering(format!(
                "it calls itself record {number} in the place of {}",
                self.verification.records
            ));
        }
        // After a record that cannot be read at all, nobody knows its digest.
        if named != previous && (previous.is_some() || first) {
            self.add_tampering("it does not follow the record before it");
        }
    }

    fn read_commit(&self, commit: Oid) -> Result<(StoredChainLink, Vec<u8>)> {
        let link = self.repository.read_chain_link(commit)?;
        let record =
            link.find_file_id(RECORD_FILE).ok_or_else(|| anyhow::anyhow!("it holds no {RECORD_FILE}"))?;
        let bytes = self.repository.read_blob(record, crate::ledger::record::MAX_RECORD_BYTES as u64);
        let bytes = bytes.map_err(|error| error.context(format!("{RECORD_FILE} cannot be read")))?;
        Ok((link, bytes))
    }

    /// Goes on with the state that stands beside a record which cannot be applied.
    fn resume_from_state(&mut self, link: &StoredChainLink) {
        (self.is_trusted, self.cross_check.is_partial) = (false, true);
        if let Some(state) = self.read_link_state(link) {
            self.state = state;
        }
    }

    /// Returns the state beside a record, if it is not the one that follows from the records; `None` if
    /// none can be read.
    fn compare_state(&self, link: &StoredChainLink) -> Option<Option<LedgerState>> {
        let bytes = self.repository.read_blob(link.find_file_id(STATE_FILE)?, MAX_LEDGER_FILE_BYTES).ok()?;
        if serde_json::to_vec(&self.state).is_ok_and(|plain| plain == bytes) {
            return Some(None);
        }
        // Two texts can be read as one state: an instant may be written in more than one way.
        if to_canonical_json(&self.state).is_ok_and(|written| written == bytes) {
            return Some(None);
        }
        serde_json::from_slice(&bytes).ok().filter(|_| is_canonical(&bytes)).map(Some)
    }

    fn read_link_state(&self, link: &StoredChainLink) -> Option<LedgerState> {
        let bytes = self.repository.read_blob(link.find_file_id(STATE_FILE)?, MAX_LEDGER_FILE_BYTES).ok()?;
        serde_json::from_slice(&bytes).ok().filter(|_| is_canonical(&bytes))
    }

    fn verify_record(&mut self, link: &StoredChainLink, record: &Record, bytes: &[u8], before: Timestamp) {
        if !is_canonical(bytes) {
            self.add_tampering("it is not written in the one way in which records are");
        }
        if record.recorded_at < before {
            let now = record.recorded_at;
            self.add_problem(
                LedgerProblemKind::ClockWentBack,
                format!("the clock went back, from {before} to {now}"),
            );
        }
        self.position = self.position.map(|(commit, _)| (commit, record.recorded_at));
        if self.is_trusted {
            if self.verification.records == 1 && !matches!(record.event, LedgerEvent::Begin(_)) {
                self.add_problem(LedgerProblemKind::Truncated, "the ledger does not begin with this");
            }
            self.verify_event(record, before);
        }
        match &record.event {
            LedgerEvent::Decision(decided) => self.cross_check.add_decision(decided),
            LedgerEvent::Outcome(outcome) => self.cross_check.add_outcome(outcome),
            _ => {}
        }
        self.state.apply_record(record);
        match self.compare_state(link) {
            Some(None) => self.is_trusted = true,
            // What follows is held against what is there, so that one fault is told once.
            Some(Some(state)) => {
                if self.is_trusted {
                    self.add_tampering("the state beside it is not what follows from the records");
                }
                self.state = state;
                self.is_trusted = true;
            }
            None => self.add_tampering("there is no state beside it that can be read"),
        }
        if link.message() != message::compose_message(record).as_bytes() {
            self.add_tampering("its message says something else than the record");
        }
        if !link.is_written_at(record.recorded_at) {
            self.add_tampering("its commit is not of whom and when the record says");
        }
        self.verify_signature(link, record.recorded_at);
        if let LedgerEvent::Decision(decided) = &record.event {
            self.verify_decision(link, decided);
        }
    }

    fn verify_signature(&mut self, link: &StoredChainLink, at: Timestamp) {
        let Some(keys) = self.signers else { return };
        match signature::verify_commit_signature(keys, &link.raw_commit, self.repository.object_format(), at)
        {
            SignatureStatus::Good { .. } => {}
            SignatureStatus::None => self.add_problem(LedgerProblemKind::Unsigned, "it is not signed"),
            SignatureStatus::Bad(why) => {
                self.add_problem(LedgerProblemKind::Unsigned, format!("its signature does not hold: {why}"))
            }
        }
    }

    fn verify_decision(&mut self, link: &StoredChainLink, decided: &DecisionRecord) {
        self.verification.decisions += 1;
        self.verification.denied += u64::from(!decided.is_allowed());
        match link
            .find_file_id(FACTS_FILE)
            .map(|facts| self.repository.read_blob(facts, MAX_LEDGER_FILE_BYTES))
        {
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
        if decided.is_allowed() {
            if decided.refs.iter().any(RefDecision::is_denied) {
                self.add_tampering("it allows what it says is denied");
            }
            decided.refs.iter().for_each(|asked| self.verify_landed_tree(asked));
        }
    }

    /// Asks whether an outcome has a decision, and tells of what nobody decided.
    fn verify_event(&mut self, record: &Record, before: Timestamp) {
        match &record.event {
            LedgerEvent::Outcome(outcome) => {
                let none = Vec::new();
                let open = self.state.open_decisions.get(&outcome.decision_id).unwrap_or(&none);
                let stayed = self.state.unmoved.get(&outcome.decision_id).unwrap_or(&none);
                let asked: BTreeSet<(&Text, Option<Oid>, Option<Oid>)> =
                    open.iter().chain(stayed).map(|one| (&one.name, one.old, one.new)).collect();
                let of_one = |moved: &RecordedMove| asked.contains(&(&moved.name, moved.old, moved.new));
                let was_asked = outcome.landed.iter().all(of_one);
                if asked.is_empty() {
                    self.add_problem(
                        LedgerProblemKind::Incomplete,
                        "it tells what became of no decision that is open",
                    );
                } else if !was_asked {
                    self.add_tampering("something landed that was not decided");
                }
                outcome.landed.iter().for_each(|moved| self.verify_move_start(moved));
            }
            LedgerEvent::Unauthorised(moved) => {
                let (name, at) = (escape::escape_words(&moved.name.to_lossy()), record.recorded_at);
                let what = format!("{name} moved without a decision, after {before} and not after {at}");
                self.add_problem(LedgerProblemKind::Unauthorised, what);
                self.verify_move_start(moved);
            }
            LedgerEvent::Damaged(damaged) => {
                let why = damaged.cause.describe();
                self.add_problem(
                    LedgerProblemKind::Unreadable,
                    format!("a decision could not be read: {why}"),
                );
            }
            LedgerEvent::Begin(_) if self.verification.records != 1 => {
                self.add_tampering("the ledger begins a second time")
            }
            LedgerEvent::Decision(decided)
                if self.state.recent_decisions.contains(&decided.id)
                    || self.state.open_decisions.contains_key(&decided.id) =>
            {
                self.add_tampering("it records a decision that was recorded before");
            }
            LedgerEvent::Discharged(discharged) => {
                let (vouched, at) = (&self.cross_check, record.recorded_at);
                let untrue = obligation::find_discharge_problem(&self.state, discharged);
                let vouched = || vouched.find_evidence_problem(self.repository, &self.state, discharged, at);
                match untrue.or_else(vouched) {
                    Some(what) => self.add_tampering(what),
                    None => mark_regularised(&mut self.verification.problems, discharged, record.number),
                }
            }
            LedgerEvent::BreakGlass(session) => {
                if let Some(what) =
                    self.cross_check.find_session_problem(&self.state, session, record.recorded_at)
                {
                    self.add_tampering(what);
                }
            }
            LedgerEvent::RegularisationTerms(flagged) => {
                if let Some(what) = unauthorised::find_terms_problem(&self.state, flagged) {
                    self.add_tampering(what);
                }
            }
            LedgerEvent::Scope(scope) => {
                cross_check::find_scope_problem(&self.state, scope)
                    .into_iter()
                    .for_each(|what| self.add_tampering(what));
            }
            LedgerEvent::Escalated(told) => {
                let untrue = cross_check::find_escalation_problem(&self.state, told, record.recorded_at);
                untrue.into_iter().for_each(|what| self.add_tampering(what));
            }
            LedgerEvent::Begin(_) | LedgerEvent::Decision(_) => {}
        }
    }

    /// Asks whether a ref moved from where the ledger says that it was.
    fn verify_move_start(&mut self, moved: &RecordedMove) {
        let known = self.state.tips.get(&encode_ref_key(&moved.name)).copied();
        if known != moved.old {
            let shown = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.short_hex());
            let name = escape::escape_words(&moved.name.to_lossy());
            self.add_tampering(format!(
                "it says that {name} held {}, and the records before it say {}",
                shown(moved.old),
                shown(known)
            ));
        }
    }

    /// Asks whether what was allowed is in the repository as it was judged.
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

    fn verify_against_repository(&mut self, refs: bool) -> Result<()> {
        let open: Vec<String> = self.state.open_decisions.keys().cloned().collect();
        for id in open {
            let id = escape::escape_words(&id).to_string();
            self.add_problem(
                LedgerProblemKind::Incomplete,
                format!("nobody has told what became of the decision {id}"),
            );
        }
        let waiting = write_ahead::list_entries(self.repository.common_dir(), &[])?;
        if !waiting.is_empty() {
            let many = waiting.len();
            let what = format!(
                "decisions on disk that are not in the ledger yet: {many}; `changegate ledger reconcile`"
            );
            self.add_problem(LedgerProblemKind::Incomplete, what);
        }
        if !refs || self.verification.tip.is_none() {
            return Ok(());
        }
        let waiting: BTreeSet<Text> = waiting
            .into_iter()
            .filter_map(|found| found.entry.ok())
            .flat_map(|one| one.decided.protected_moves())
            .map(|moved| moved.name)
            .collect();
        let refs = ProtectedRefs::read_refs(self.repository, None, &self.state, &BTreeSet::new())?;
        let known = self.state.tips.keys().map(|key| decode_ref_key(key));
        let names: BTreeSet<Text> = known.chain(refs.ref_names().cloned()).collect();
        for name in names.iter().filter(|name| refs.is_protected(name) && !waiting.contains(*name)) {
            let said = self.state.tips.get(&encode_ref_key(name)).copied();
            let holds = refs.ref_tip(name).flatten();
            if said != holds {
                let shown = |id: Option<Oid>| id.map_or_else(|| "nothing".to_owned(), |id| id.short_hex());
                let name = escape::escape_words(&name.to_lossy());
                let what = format!("{name} holds {}, and the ledger says {}", shown(holds), shown(said));
                self.add_problem(LedgerProblemKind::Mismatch, what);
            }
        }
        Ok(())
    }
}
