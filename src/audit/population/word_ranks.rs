//! Which of the words counts that a change states in one field, by the policy that judged it.

use std::collections::BTreeMap;

use crate::ledger::record::{RecordedField, RecordedReasons};
use crate::policy::Policy;
use crate::vocabulary::{ConflictResolution, FieldDefinition, FieldKind};

/// The fields of words of the policies that were read.
#[derive(Debug, Default)]
pub(crate) struct WordRanks {
    /// The words of each field, that which counts before others first, by the digests of the policies.
    by_policy: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl WordRanks {
    /// Adds the fields of a policy.
    pub(crate) fn add_policy(&mut self, policy: &Policy) {
        if self.by_policy.contains_key(&policy.digest) {
            return;
        }
        let fields = policy.vocabulary.fields().iter();
        let ranked = fields.filter_map(|field| Some((field.name.clone(), rank_words(field)?)));
        self.by_policy.insert(policy.digest.clone(), ranked.collect());
    }

    /// Returns true if the policies of all these verdicts were read.
    pub(crate) fn knows_policies(&self, reasons: &[RecordedReasons]) -> bool {
        reasons.iter().all(|one| self.find_fields(one).is_some())
    }

    /// Returns the word that counts in each field that a change states with different words, by the names of the fields. Of
    /// a policy that was not read, there is none.
    pub(crate) fn list_counting_words(&self, reasons: &[RecordedReasons]) -> BTreeMap<String, String> {
        let mut counting: BTreeMap<String, String> = BTreeMap::new();
        let mut differing: BTreeMap<String, String> = BTreeMap::new();
        for one in reasons {
            let Some(fields) = self.find_fields(one) else { continue };
            for RecordedField { field, word, valid, .. } in &one.fields {
                let (Some(word), Some(ranked), true) = (word, fields.get(field), valid) else { continue };
                let rank = |word: &str| ranked.iter().position(|known| known == word).unwrap_or(usize::MAX);
                match counting.get_mut(field) {
                    None => drop(counting.insert(field.clone(), word.clone())),
                    Some(known) if known != word => {
                        if rank(word) < rank(known) {
                            known.clone_from(word);
                        }
                        differing.insert(field.clone(), known.clone());
                    }
                    Some(_) => {}
                }
            }
        }
        differing
    }

    fn find_fields(&self, reasons: &RecordedReasons) -> Option<&BTreeMap<String, Vec<String>>> {
        self.by_policy.get(&reasons.policies.first()?.digest)
    }
}

/// Returns the words of a field in the order in which they count; `None` for a field without words, and for one whose
/// values count each for itself.
fn rank_words(field: &FieldDefinition) -> Option<Vec<String>> {
    let (words, is_lowest_first) = match &field.kind {
        _ if field.is_repeatable => return None,
        FieldKind::OneOf(words) => (words, false),
        FieldKind::Ordered(words) => (words, true),
        _ => return None,
    };
    let is_last_first = match field.on_conflict {
        ConflictResolution::Highest => true,
        ConflictResolution::Strictest => false,
        // Commits that are judged one by one may differ all the same: the step as a whole is as strict as one of them.
        ConflictResolution::Refuse => is_lowest_first,
    };
    let mut ranked = words.clone();
    if is_last_first {
        ranked.reverse();
    }
    Some(ranked)
}
