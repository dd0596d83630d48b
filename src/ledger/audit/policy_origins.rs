//! Which decisions rest on a policy that came without a decision.
//!
//! A ref that moved without a decision holds a policy that no one has decided, if that move changed it. A
//! decision by such a policy is no better than the move, until that is regularised. A tag or a new branch on a
//! commit that another ref held by a decision brings no policy. This follows the records from the first one on,
//! so they have to be added in their order.
//!
//! What two tips of a ref hold is compared with the shared files of now, which are the same for both; what a decision
//! was made by, with those that its record names.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::change::{Oid, Text};
use crate::gate::recorded_policies::reload_policy;
use crate::gate::{POLICY_ACCEPTED, load_from_commit};
use crate::git::Repository;
use crate::ledger::audit::replay::find_named_bases;
use crate::ledger::record::{
    DecisionRecord, LedgerEvent, Record, RecordedMove, RecordedPolicySource, RefDecision,
    parse_unauthorised_key,
};

/// Follows which refs hold a policy that no decision brought, and which decisions rest on one.
pub(crate) struct PolicyOrigins<'a> {
    repository: &'a Repository,
    known: KnownOrigins,
    /// The digests that were read, by commit and path; `None` where there is no usable policy.
    digests: BTreeMap<(Oid, String), Option<String>>,
    /// The records whose move left a commit that this repository does not hold, as a shallow clone does not: whether the
    /// policy before was another one is not known.
    uncompared: BTreeSet<u64>,
}

/// What the records so far say of where policies come from.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct KnownOrigins {
    #[serde(with = "doubtful_pairs")]
    doubtful_refs: BTreeMap<Text, DoubtfulRef>,
    /// What protected refs held at the start, or by decisions that rest on no doubtful policy.
    decided_tips: BTreeSet<Oid>,
    /// The refs that decisions have called protected.
    protected_refs: BTreeSet<Text>,
    /// The decisions that rest on a doubtful policy.
    doubtful_decisions: BTreeSet<String>,
    /// The path that decisions name for their policies.
    policy_path: Option<String>,
}

/// Maps by texts, as pairs: a key of JSON is a string.
mod doubtful_pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::DoubtfulRef;
    use crate::change::Text;

    type Refs = BTreeMap<Text, DoubtfulRef>;

    pub(super) fn serialize<S: Serializer>(refs: &Refs, serializer: S) -> Result<S::Ok, S::Error> {
        refs.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Refs, D::Error> {
        Ok(Vec::<(Text, DoubtfulRef)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// A ref that moved without a decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DoubtfulRef {
    /// The moves that are not regularised, each with the number of its record.
    moves: Vec<(u64, RecordedMove)>,
    /// What it has held since.
    tips: BTreeSet<Oid>,
}

impl DoubtfulRef {
    /// Returns what the ref held before; `None` for nothing.
    fn decided_tip(&self) -> Option<Oid> {
        self.moves.first().and_then(|(_, moved)| moved.old)
    }

    /// Returns true if the ref brings no policy where it is put on a commit that another ref holds: it is a tag,
    /// or nothing was there before.
    fn is_label(&self) -> bool {
        let is_tag = |name: &Text| name.as_bytes().starts_with(b"refs/tags/");
        self.moves.first().is_some_and(|(_, moved)| moved.old.is_none() || is_tag(&moved.name))
    }
}

impl<'a> PolicyOrigins<'a> {
    /// Starts before the first record.
    pub(crate) fn new(repository: &'a Repository) -> Self {
        PolicyOrigins::continue_from(repository, KnownOrigins::default())
    }

    /// Goes on after the records that say this.
    pub(crate) fn continue_from(repository: &'a Repository, known: KnownOrigins) -> Self {
        PolicyOrigins { repository, known, digests: BTreeMap::new(), uncompared: BTreeSet::new() }
    }

    /// Returns the records that doubts were told of although it is not known whether their moves changed the policy: this
    /// repository does not hold what the ref held before.
    pub(crate) fn uncompared_records(&self) -> &BTreeSet<u64> {
        &self.uncompared
    }

    /// Returns what the records so far say.
    pub(crate) fn known_origins(&self) -> &KnownOrigins {
        &self.known
    }

    /// Adds the next record. For a decision that allows something by a policy that came without a decision,
    /// returns the number of the record that tells of that.
    pub(crate) fn add_record(&mut self, record: &Record) -> Option<u64> {
        match &record.event {
            LedgerEvent::Begin(begin) => self.known.decided_tips.extend(begin.tips.iter().map(|tip| tip.id)),
            LedgerEvent::Decision(decided) => {
                let protected = decided.refs.iter().filter(|one| one.protected);
                self.known.protected_refs.extend(protected.map(|one| one.name.clone()));
                let doubt = self.find_doubt(decided);
                if doubt.is_some() {
                    self.known.doubtful_decisions.insert(decided.id.clone());
                }
                return doubt;
            }
            LedgerEvent::Unauthorised(moved) => self.add_unauthorised(moved, record.number),
            LedgerEvent::Outcome(outcome) => {
                let is_doubtful = self.known.doubtful_decisions.contains(&outcome.decision_id);
                for moved in &outcome.landed {
                    self.add_decided_move(moved);
                    let is_decided = self.known.protected_refs.contains(&moved.name)
                        && !self.known.doubtful_refs.contains_key(&moved.name);
                    if is_decided && !is_doubtful {
                        self.known.decided_tips.extend(moved.new);
                    }
                }
            }
            LedgerEvent::Discharged(discharged) => {
                if let Some(number) = parse_unauthorised_key(&discharged.obligation) {
                    self.known.doubtful_refs.retain(|_, doubtful| {
                        doubtful.moves.retain(|(of_move, _)| *of_move != number);
                        !doubtful.moves.is_empty()
                    });
                }
            }
            _ => {}
        }
        None
    }

    fn add_unauthorised(&mut self, moved: &RecordedMove, record_number: u64) {
        let doubtful = self
            .known
            .doubtful_refs
            .entry(moved.name.clone())
            .or_insert_with(|| DoubtfulRef { moves: Vec::new(), tips: BTreeSet::new() });
        doubtful.moves.push((record_number, moved.clone()));
        doubtful.tips.extend(moved.new);
        if moved.new.is_some() && moved.new == doubtful.decided_tip() {
            self.known.doubtful_refs.remove(&moved.name);
        }
    }

    /// Adds a move that was decided: it may put the earlier policy back.
    fn add_decided_move(&mut self, moved: &RecordedMove) {
        let Some(doubtful) = self.known.doubtful_refs.get_mut(&moved.name) else { return };
        doubtful.tips.extend(moved.new);
        let decided_tip = doubtful.decided_tip();
        let (Some(path), Some(old), Some(new)) = (self.known.policy_path.clone(), moved.old, moved.new)
        else {
            return;
        };
        let decided = self.read_digest(decided_tip, &path);
        let steps = self.repository.list_steps(new, &[old]).unwrap_or_default();
        for tip in steps.iter().filter_map(|step| step.last()) {
            if decided.is_some() && self.read_digest(Some(*tip), &path) == decided {
                self.known.doubtful_refs.remove(&moved.name);
                return;
            }
        }
    }

    fn find_doubt(&mut self, decided: &DecisionRecord) -> Option<u64> {
        for source in decided.refs.iter().flat_map(|one| &one.policies) {
            if let RecordedPolicySource::Commit { path, .. } = source {
                self.known.policy_path = Some(path.clone());
            }
        }
        // An administrator of the server answers for a policy that they put into force, and the record says so.
        let is_accepted = decided.notes.iter().any(|note| note.code == POLICY_ACCEPTED.code);
        if !decided.is_allowed() || is_accepted || self.known.doubtful_refs.is_empty() {
            return None;
        }
        self.forget_unchanged();
        let bases = find_named_bases(decided);
        decided.refs.iter().filter(|one| one.protected).find_map(|one| self.find_ref_doubt(one, &bases))
    }

    /// Forgets the refs whose moves have left the policy as it was.
    fn forget_unchanged(&mut self) {
        let Some(path) = self.known.policy_path.clone() else { return };
        for (name, doubtful) in std::mem::take(&mut self.known.doubtful_refs) {
            let decided = self.read_digest(doubtful.decided_tip(), &path);
            let brought: Vec<Option<Oid>> = doubtful.moves.iter().map(|(_, moved)| moved.new).collect();
            if decided.is_none() || brought.into_iter().any(|tip| self.read_digest(tip, &path) != decided) {
                self.known.doubtful_refs.insert(name, doubtful);
            }
        }
    }

    /// Returns the record that all policies of a ref come from; one that was decided is enough to refuse.
    fn find_ref_doubt(&mut self, one: &RefDecision, bases: &BTreeMap<String, Oid>) -> Option<u64> {
        let mut number = None;
        for source in &one.policies {
            number = Some(self.find_policy_doubt(source, bases)?);
        }
        number
    }

    fn find_policy_doubt(
        &mut self,
        source: &RecordedPolicySource,
        bases: &BTreeMap<String, Oid>,
    ) -> Option<u64> {
        let RecordedPolicySource::Commit { id, path, digest } = source else { return None };
        let is_decided = self.known.decided_tips.contains(id);
        let brings_policy =
            |doubtful: &&DoubtfulRef| doubtful.tips.contains(id) && !(is_decided && doubtful.is_label());
        let doubtful = self.known.doubtful_refs.values().find(brings_policy)?;
        let (number, _) = doubtful.moves.first()?;
        let (decided_tip, number) = (doubtful.decided_tip(), *number);
        let decided = self.read_digest(decided_tip, path);
        if decided.as_ref() == Some(digest) || self.was_decided_policy(decided_tip, path, digest, bases) {
            return None;
        }
        if decided_tip.is_some_and(|tip| self.repository.find_root_tree(tip).is_err()) {
            self.uncompared.insert(number);
        }
        Some(number)
    }

    /// Returns true if the policy at a tip had this digest with the shared files of the time of a decision, which read
    /// them at these commits: by now they may be others.
    fn was_decided_policy(
        &self,
        tip: Option<Oid>,
        path: &str,
        digest: &str,
        bases: &BTreeMap<String, Oid>,
    ) -> bool {
        let reload = |tip| reload_policy(self.repository, bases, (tip, path), Some(digest));
        !bases.is_empty() && tip.is_some_and(|tip| reload(tip).is_ok())
    }

    /// Returns the digest of the policy at a tip; `None` if there is no usable one.
    fn read_digest(&mut self, tip: Option<Oid>, path: &str) -> Option<String> {
        let tip = tip?;
        let key = (tip, path.to_owned());
        if let Some(known) = self.digests.get(&key) {
            return known.clone();
        }
        let loaded = load_from_commit(self.repository, tip, path, "the ledger").ok();
        let digest = loaded.map(|loaded| loaded.policy.digest);
        self.digests.insert(key, digest.clone());
        digest
    }
}
