//! What a long ledger tells of one ref, and where: a file beside the gate's own, so that one change can be looked up
//! without reading every record.
//!
//! The file is made from the ledger alone and can be removed at any time. It counts for the ledger whose newest record it
//! names: a ledger that has grown is read from there on, and for any other one, or if a byte of the file is damaged, all
//! records are read. Nothing is shown on its word: the records that tell of the change are read and compared
//! ([`confirm_move`]). Only a ledger without a fault has an index.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::change::text::encode_hex;
use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::act_continuity::ActContinuity;
use crate::ledger::audit::attempt_keys::read_refusal_keys;
use crate::ledger::audit::chain_continuity::ChainContinuity;
use crate::ledger::audit::history_fold::{HistoryFold, read_ledger_history};
use crate::ledger::audit::index_table::{IndexReader, IndexWriter};
use crate::ledger::audit::ledger_history::{
    FirstTip, LandedRefMove, LedgerHistory, MoveDecision, RecordedChangeAct, RefRefusal,
};
use crate::ledger::audit::move_decision::{KnownDecision, decode_decisions, encode_decision};
use crate::ledger::audit::other_refs::OtherRefReader;
use crate::ledger::audit::policy_origins::PolicyOrigins;
use crate::ledger::audit::protection_times::UnprotectedTime;
use crate::ledger::audit::record_reader::read_record_at;
use crate::ledger::audit::ref_observations::RefObservations;
use crate::ledger::audit::session_history::SessionHistory;
use crate::ledger::record::{LedgerEvent, RecordedMove, digest_bytes};
use crate::ledger::state::LedgerState;
use crate::ledger::store::gate_folder::{LedgerAnchor, locate_gate_file, read_anchor};

/// What an index begins with: another version of the program makes its own.
const INDEX_MARK: &[u8] = concat!("changegate index 7, ", env!("CARGO_PKG_VERSION"), "\n").as_bytes();

/// When an index is written.
#[derive(Clone, Copy, Debug)]
pub struct IndexLimits {
    /// A ledger with fewer records has none, since it is read fast.
    pub min_records: usize,
    /// One is written again when the ledger has grown by so many records.
    pub min_new_records: usize,
}

impl Default for IndexLimits {
    fn default() -> IndexLimits {
        IndexLimits { min_records: 500, min_new_records: 200 }
    }
}

/// The parts of a history that are few.
#[derive(Serialize, Deserialize)]
struct RareParts {
    first_tip: Option<FirstTip>,
    sessions: Vec<SessionHistory>,
    acts: Vec<RecordedChangeAct>,
    /// The acts that were decided and have no record yet.
    pending_acts: ActContinuity,
    unprotected_times: Vec<UnprotectedTime>,
}

/// Reads what the ledger tells of a ref, by its index if that can be used, and keeps the index up to date where that can
/// be written. Returns whether it was used.
///
/// # Errors
///
/// As [`read_ledger_history`].
pub fn read_indexed_history(
    repository: &Repository,
    name: &Text,
    limits: IndexLimits,
    progress: &mut dyn FnMut(),
) -> Result<(Option<LedgerHistory>, bool)> {
    let anchor = read_anchor(repository.common_dir())?;
    let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else {
        return Ok((read_ledger_history(repository, name, progress)?, false));
    };
    let path = locate_index(repository.common_dir(), name);
    if let Some((fold, new_records)) = read_index(&path, repository, name, (tip, anchor.clone())) {
        if new_records >= limits.min_new_records && new_records > 0 {
            write_index(&path, &fold);
        }
        return Ok((Some(fold.end_history()), true));
    }
    let mut fold = HistoryFold::read_whole(repository, name, (tip, anchor), progress);
    if fold.history.records >= limits.min_records
        && fold.is_whole()
        // What a later fetch brings tells more.
        && fold.policy_origins.uncompared_records().is_empty()
        && add_refusal_keys(repository, &mut fold.history).is_some()
    {
        write_index(&path, &fold);
    }
    // The first answer is made in the same way as those of `audit`.
    fold.history.refusal_keys = None;
    Ok((Some(fold.end_history()), false))
}

/// Returns true if the ledger says of a move of a ref, and of the decision that brought it, what a history says.
pub fn confirm_move(repository: &Repository, name: &Text, told: &LandedRefMove) -> bool {
    let Ok((_, record)) = read_record_at(repository, told.holder) else { return false };
    let holds = |moved: &RecordedMove| *moved == told.moved && moved.name == *name;
    let decision_id = match &record.event {
        LedgerEvent::Outcome(outcome) if outcome.landed.iter().any(holds) => Some(&outcome.decision_id),
        LedgerEvent::Unauthorised(moved) if holds(moved) => None,
        _ => return false,
    };
    if record.number != told.record {
        return false;
    }
    let Some(decision) = &told.decision else { return true };
    let Ok((_, record)) = read_record_at(repository, decision.holder) else { return false };
    let LedgerEvent::Decision(decided) = &record.event else { return false };
    let own = decided.refs.iter().find(|one| one.name == *name);
    decision_id == Some(&decided.id)
        && own.is_some_and(|own| {
            MoveDecision::from_record((record.number, decision.holder), decided, own) == **decision
        })
}

fn locate_index(common_dir: &Path, name: &Text) -> PathBuf {
    let digits = encode_hex(Sha256::digest(name.as_bytes()).get(..8).unwrap_or_default());
    locate_gate_file(common_dir, &format!("index-{digits}"))
}

/// Finds out by what the refusals are found for which that is not known; `None` if one of them cannot be read.
fn add_refusal_keys(repository: &Repository, history: &mut LedgerHistory) -> Option<()> {
    let mut keys = history.refusal_keys.take().unwrap_or_default();
    for refusal in history.refusals.iter().skip(keys.len()) {
        keys.push(read_refusal_keys(repository, refusal.holder)?);
    }
    history.refusal_keys = Some(keys);
    Some(())
}

/// Writes an index. Where that is not possible, all records are read the next time.
fn write_index(path: &Path, fold: &HistoryFold<'_>) {
    if let Some(content) = encode_index(fold) {
        let _ = store_index(path, &content);
    }
}

fn store_index(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(INDEX_MARK)?;
    file.write_all(&Sha256::digest(content))?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

/// Returns the content of an index; `None` if the history cannot be written down.
fn encode_index(fold: &HistoryFold<'_>) -> Option<Vec<u8>> {
    let history = &fold.history;
    let mut out = IndexWriter::default();
    out.put_bytes(fold.name.as_bytes());
    out.put_id(history.tip);
    out.put_number(history.records as u64);
    out.put_number(fold.state.number);
    out.put_bytes(history.last_digest.as_ref()?.as_bytes());
    out.put_optional_time(history.began_at);
    out.put_bytes(&serde_json::to_vec(&fold.state).ok()?);
    let rare = RareParts {
        first_tip: history.first_tip,
        sessions: history.sessions.clone(),
        acts: history.acts.clone(),
        pending_acts: fold.acts.clone(),
        unprotected_times: history.unprotected_times.clone(),
    };
    out.put_bytes(&serde_json::to_vec(&rare).ok()?);
    for times in [&history.sights, &history.times_without_hook] {
        out.put_number(times.len() as u64);
        times.iter().for_each(|at| out.put_time(*at));
    }
    out.put_number(fold.decisions.len() as u64);
    let mut places = HashMap::new();
    for (place, (id, (decision, doubt))) in (0_u64..).zip(&fold.decisions) {
        places.insert(id.as_str(), place);
        encode_decision(decision, *doubt, &mut out)?;
    }
    out.put_number(history.moves.len() as u64);
    for one in &history.moves {
        out.put_number(one.record);
        out.put_id(Some(one.holder));
        out.put_id(one.moved.old);
        out.put_id(one.moved.new);
        out.put_shared(&one.origin).ok()?;
        out.put_time(one.observed_at);
        out.put_optional_time(one.last_seen_before);
        let place = match &one.decision {
            Some(decision) => {
                let (known, _) = fold.decisions.get(&decision.id)?;
                // Two decisions of one id are no ledger that can be told so briefly.
                Rc::ptr_eq(known, decision).then(|| places.get(decision.id.as_str()))??.checked_add(1)?
            }
            None => 0,
        };
        out.put_number(place);
    }
    let keys = history.refusal_keys.as_ref()?;
    out.put_number(history.refusals.len() as u64);
    for (refusal, keys) in history.refusals.iter().zip(keys) {
        out.put_shared(&refusal.ref_name).ok()?;
        out.put_number(refusal.record);
        out.put_id(Some(refusal.holder));
        out.put_time(refusal.observed_at);
        out.put_shared(&refusal.pusher).ok()?;
        out.put_id(refusal.new);
        out.put_shared(&refusal.rules).ok()?;
        out.put_number(keys.len() as u64);
        keys.iter().for_each(|key| out.put_number(*key));
    }
    fold.other_refs.encode_landings(&mut out)?;
    out.put_bytes(&serde_json::to_vec(fold.other_refs.known_decisions()).ok()?);
    out.put_bytes(&serde_json::to_vec(&fold.observations.store_observations()).ok()?);
    out.put_bytes(&serde_json::to_vec(fold.policy_origins.known_origins()).ok()?);
    Some(out.into_bytes())
}

/// Reads an index and the records that are newer than it; returns how many these are. `None` if it cannot be used.
fn read_index<'a>(
    path: &Path,
    repository: &'a Repository,
    name: &'a Text,
    (tip, anchor): (Oid, Option<LedgerAnchor>),
) -> Option<(HistoryFold<'a>, usize)> {
    let file = std::fs::read(path).ok()?;
    let (digest, content) = file.strip_prefix(INDEX_MARK)?.split_at_checked(32)?;
    if Sha256::digest(content).as_slice() != digest {
        return None;
    }
    let mut index = IndexReader::read_words(content)?;
    if index.take_bytes()? != name.as_bytes() {
        return None;
    }
    let indexed_tip = index.take_id()??;
    let (records, number) = (usize::try_from(index.take_number()?).ok()?, index.take_number()?);
    let last_digest = index.take_text()?;
    // The record that it ends with is in the ledger, which has not been written anew behind it.
    let newer = repository.list_chain_after(tip, indexed_tip)?;
    let (bytes, last) = read_record_at(repository, indexed_tip).ok()?;
    if last.number != number || digest_bytes(&bytes) != last_digest {
        return None;
    }
    let mut continuity = ChainContinuity::continue_chain(number, &last_digest, anchor)?;
    if newer.is_empty() {
        continuity.check_newest(repository, indexed_tip, &last);
    }
    let began_at = index.take_optional_time()?;
    let mut state: LedgerState = index.take_json()?;
    state.keeps_all_closed = true;
    let rare: RareParts = index.take_json()?;
    let mut times = [Vec::new(), Vec::new()];
    for list in &mut times {
        for _ in 0..index.take_number()? {
            list.push(index.take_time()?);
        }
    }
    let [sights, times_without_hook] = times;
    let decisions = decode_decisions(&mut index)?;
    let moves = decode_moves(&mut index, name, &decisions)?;
    let (refusals, keys) = decode_refusals(&mut index)?;
    let other_refs = OtherRefReader::decode_landings(&mut index)?;
    let (other_decisions, seen_at, origins) = (index.take_bytes()?, index.take_bytes()?, index.take_bytes()?);
    if !index.is_at_end() {
        return None;
    }
    let mut fold = HistoryFold {
        name,
        state,
        policy_origins: PolicyOrigins::new(repository),
        observations: RefObservations::restore_observations(serde_json::from_slice(seen_at).ok()?),
        other_refs,
        decisions: BTreeMap::new(),
        continuity,
        acts: rare.pending_acts,
        history: LedgerHistory {
            records,
            tip: Some(indexed_tip),
            last_digest: Some(last_digest),
            began_at,
            first_tip: rare.first_tip,
            moves,
            refusals,
            sessions: rare.sessions,
            acts: rare.acts,
            sights,
            times_without_hook,
            unprotected_times: rare.unprotected_times,
            refusal_keys: Some(keys),
            ..LedgerHistory::default()
        },
    };
    if !newer.is_empty() {
        // Only what follows needs to know where policies came from.
        fold.policy_origins = PolicyOrigins::continue_from(repository, serde_json::from_slice(origins).ok()?);
        fold.decisions = decisions.into_iter().map(|one| (one.0.id.clone(), one)).collect();
        fold.other_refs.continue_with(serde_json::from_slice(other_decisions).ok()?);
        fold.add_holders(repository, &newer, &mut || {});
        add_refusal_keys(repository, &mut fold.history)?;
    }
    fold.is_whole().then_some((fold, newer.len()))
}

fn decode_moves(
    index: &mut IndexReader<'_>,
    name: &Text,
    decisions: &[KnownDecision],
) -> Option<Vec<LandedRefMove>> {
    let mut origins = HashMap::new();
    let mut moves = Vec::new();
    for _ in 0..index.take_number()? {
        let (record, holder) = (index.take_number()?, index.take_id()??);
        let (old, new) = (index.take_id()?, index.take_id()?);
        moves.push(LandedRefMove {
            record,
            holder,
            moved: RecordedMove { name: name.clone(), old, new },
            origin: index.take_shared(&mut origins)?,
            observed_at: index.take_time()?,
            last_seen_before: index.take_optional_time()?,
            decision: match index.take_number()?.checked_sub(1) {
                Some(place) => Some(Rc::clone(&decisions.get(usize::try_from(place).ok()?)?.0)),
                None => None,
            },
        });
    }
    Some(moves)
}

fn decode_refusals(index: &mut IndexReader<'_>) -> Option<(Vec<RefRefusal>, Vec<Vec<u64>>)> {
    let (mut pushers, mut rules, mut names) = (HashMap::new(), HashMap::new(), HashMap::new());
    let (mut refusals, mut all_keys) = (Vec::new(), Vec::new());
    for _ in 0..index.take_number()? {
        refusals.push(RefRefusal {
            ref_name: index.take_shared(&mut names)?,
            record: index.take_number()?,
            holder: index.take_id()??,
            observed_at: index.take_time()?,
            pusher: index.take_shared(&mut pushers)?,
            new: index.take_id()?,
            rules: index.take_shared(&mut rules)?,
        });
        let mut keys = Vec::new();
        for _ in 0..index.take_number()? {
            keys.push(index.take_number()?);
        }
        all_keys.push(keys);
    }
    Some((refusals, all_keys))
}
