//! What the records of a ledger tell of changes that landed: who pushed them, when, and what else the gate knew then.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::change::{
    Change, Fact, FactKind, Missing, NeededFacts, Oid, PullRequest, PushCertificate, PusherIdentity, Text,
    TicketLookup,
};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{
    DecisionRecord, LedgerEvent, RecordedMove, RecordedPusher, RefDecision, digest_bytes,
};
use crate::ledger::store::{FACTS_FILE, RECORD_FILE, read_ledger_file};

/// What the record of one landed change tells.
#[derive(Debug)]
struct RecordedChangeFacts {
    target: Text,
    seen_at: Timestamp,
    pusher: Fact<PusherIdentity>,
    push_certificate: PushCertificate,
    pull: Option<Box<PullRequest>>,
    tickets: Option<Vec<TicketLookup>>,
}

/// The landed changes that a ledger tells of.
#[derive(Debug, Default)]
pub(crate) struct RecordedLandings {
    /// By each commit of the change.
    by_commit: HashMap<Oid, Arc<RecordedChangeFacts>>,
    /// How many records cannot be read.
    pub(crate) unreadable: u64,
}

impl RecordedLandings {
    /// Reads what landed on `target` (on any ref, if that is not known) since `since`; nothing where there is no ledger.
    ///
    /// Of what landed on several refs, the last landing counts.
    ///
    /// # Errors
    ///
    /// Fails if the ledger's ref or a file of it cannot be read. A record that cannot be understood is counted.
    pub(crate) fn read_ledger(
        repository: &Repository,
        target: Option<&Text>,
        since: Option<Timestamp>,
        count_step: &mut dyn FnMut(),
    ) -> anyhow::Result<RecordedLandings> {
        let mut found = RecordedLandings::default();
        let Some(tip) = repository.resolve_ref(LEDGER_REF.as_bytes())?.id else { return Ok(found) };
        let (commits, broken) = repository.walk_chain(Some(tip));
        found.unreadable += u64::from(broken.is_some());
        // An outcome comes after its decision, so it is met first here.
        let mut landed: BTreeMap<String, Vec<RecordedMove>> = BTreeMap::new();
        for (holder, _) in commits {
            count_step();
            let bytes = read_ledger_file(repository, holder, RECORD_FILE)?.unwrap_or_default();
            let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else {
                found.unreadable += 1;
                continue;
            };
            if since.is_some_and(|since| record.recorded_at < since) {
                break;
            }
            match record.event {
                LedgerEvent::Outcome(outcome) => {
                    landed.insert(outcome.decision_id, outcome.landed);
                }
                LedgerEvent::Decision(decided) => {
                    let Some(mut moves) = landed.remove(&decided.id) else { continue };
                    moves.retain(|moved| target.is_none_or(|target| moved.name == *target));
                    if !moves.is_empty() {
                        found.add_decision(repository, holder, &decided, &moves)?;
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    fn add_decision(
        &mut self,
        repository: &Repository,
        holder: Oid,
        decided: &DecisionRecord,
        moves: &[RecordedMove],
    ) -> anyhow::Result<()> {
        let facts = read_ledger_file(repository, holder, FACTS_FILE)?.unwrap_or_default();
        let facts = if digest_bytes(&facts) == decided.facts.digest { facts } else { Vec::new() };
        let mut lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        // The facts of all refs are in one file, ref after ref.
        for one in &decided.refs {
            let lines = lines.by_ref().take(one.count_changes());
            if !moves.iter().any(|moved| moved.name == one.name) {
                lines.for_each(drop);
                continue;
            }
            for change in lines.filter_map(|line| serde_json::from_slice::<Change>(line).ok()) {
                self.add_change(change, one);
            }
            self.add_tips(decided, one);
        }
        Ok(())
    }

    /// Adds a change whose facts were kept, under each of its commits and under the one that it landed as.
    fn add_change(&mut self, change: Change, one: &RefDecision) {
        let mut ids: Vec<Oid> = change.commits.iter().filter_map(|commit| commit.id).collect();
        let revision = change.tip().id;
        let landed_as = one.pull_landings.iter().find(|landing| Some(landing.change) == revision);
        ids.extend(landed_as.map(|landing| landing.landed_as));
        let landing = Arc::new(RecordedChangeFacts {
            target: one.name.clone(),
            seen_at: change.seen_at,
            pusher: change.pusher,
            push_certificate: change.push_certificate,
            pull: change.pull.ok(),
            tickets: change.tickets.ok(),
        });
        for id in ids {
            self.by_commit.entry(id).or_insert_with(|| Arc::clone(&landing));
        }
    }

    /// Adds what the record itself names, where the facts of its changes were too long to be kept.
    fn add_tips(&mut self, decided: &DecisionRecord, one: &RefDecision) {
        let pusher = match &decided.pusher {
            RecordedPusher::Account(account) => Ok(PusherIdentity::Account(account.clone())),
            RecordedPusher::Unidentified => Ok(PusherIdentity::Unidentified),
            RecordedPusher::Unknown(_) => Err(Missing::NotAtThisStage(FactKind::Pusher)),
        };
        let push_certificate = match decided.push_certificate.clone() {
            Some(known) => PushCertificate::Good { id: known.id, signer: known.signer, key: known.key },
            None => PushCertificate::Absent,
        };
        let ids = one.changes.iter().filter_map(|verdict| verdict.revision).chain(one.new);
        for id in ids {
            self.by_commit.entry(id).or_insert_with(|| {
                Arc::new(RecordedChangeFacts {
                    target: one.name.clone(),
                    seen_at: decided.observed_at,
                    pusher: pusher.clone(),
                    push_certificate: push_certificate.clone(),
                    pull: None,
                    tickets: None,
                })
            });
        }
    }

    /// Adds to a change what was recorded when it landed; returns whether there is a record of it.
    ///
    /// What the gate did not look for at the time is left as the repository tells it.
    pub(crate) fn complete_change(&self, change: &mut Change, needs: &NeededFacts) -> bool {
        let Some(landing) = change.tip().id.and_then(|id| self.by_commit.get(&id)) else { return false };
        change.seen_at = landing.seen_at;
        if change.target.is_err() {
            change.target = Ok(landing.target.clone());
        }
        if landing.pusher.is_ok() {
            change.pusher = landing.pusher.clone();
            change.push_certificate = landing.push_certificate.clone();
        }
        if let Some(pull) = &landing.pull
            && pull.paths.is_ok()
            && (pull.lines.is_ok() || !needs.contains(&FactKind::Lines))
        {
            change.pull = Ok(pull.clone());
        }
        if let Some(tickets) = &landing.tickets {
            change.tickets = Ok(tickets.clone());
        }
        true
    }
}
