//! Among how many people approvals are spread: advice, told for all changes together and for no person.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::change_record::ChangeRecord;
use crate::audit::key_figures::figure::ShareCount;

/// How many changes of each of two people the other has approved, before that says anything.
const MIN_PAIR_CHANGES: u64 = 5;

/// Counts who approves the changes of whom.
#[derive(Clone, Debug, Default)]
pub(super) struct ApprovalSpread {
    /// The changes with a counting approval by a known person.
    approved: u64,
    /// Those of which the approvers are not known.
    not_known: u64,
    /// How many of them each person approved.
    by_approver: BTreeMap<String, u64>,
    /// How many of them one person made and one other approved, by the two.
    by_pair: BTreeMap<(String, String), u64>,
    /// How many of them each person made, alone or with others.
    by_author: BTreeMap<String, u64>,
}

impl ApprovalSpread {
    /// Counts a change with counting approvals.
    pub(super) fn add_change(&mut self, change: &ChangeRecord) {
        let counting = change.list_counting_approvals();
        let approvers: BTreeSet<&str> = counting.iter().filter_map(|one| one.person.as_deref()).collect();
        let makers = change.reasons.iter().flat_map(|reasons| &reasons.contributors);
        let makers: BTreeSet<&str> = makers.filter_map(|one| one.person.as_deref()).collect();
        self.add_people(&makers, &approvers);
    }

    fn add_people(&mut self, makers: &BTreeSet<&str>, approvers: &BTreeSet<&str>) {
        if approvers.is_empty() {
            self.not_known += 1;
            return;
        }
        self.approved += 1;
        for approver in approvers {
            *self.by_approver.entry((*approver).to_owned()).or_default() += 1;
        }
        for maker in makers {
            *self.by_author.entry((*maker).to_owned()).or_default() += 1;
        }
        let (mut makers, mut approvers) = (makers.iter(), approvers.iter());
        if let (Some(maker), None, Some(approver), None) =
            (makers.next(), makers.next(), approvers.next(), approvers.next())
        {
            *self.by_pair.entry(((*maker).to_owned(), (*approver).to_owned())).or_default() += 1;
        }
    }

    /// Returns how many approved changes the person approved who approved most of them.
    pub(super) fn count_by_one(&self) -> ShareCount {
        ShareCount {
            numerator: self.by_approver.values().copied().max().unwrap_or_default(),
            denominator: self.approved,
            not_known: self.not_known,
        }
    }

    /// Returns how many approved changes are of two people who approve each other's, and whose changes nobody else made
    /// or approved.
    pub(super) fn count_in_pairs(&self) -> ShareCount {
        let count_all = |maker: &str, approver: &str| {
            let count = self.by_pair.get(&(maker.to_owned(), approver.to_owned())).copied()?;
            (count >= MIN_PAIR_CHANGES && self.by_author.get(maker) == Some(&count)).then_some(count)
        };
        let mut numerator = 0;
        for (one, other) in self.by_pair.keys() {
            if one != other
                && let (Some(count), Some(_)) = (count_all(one, other), count_all(other, one))
            {
                numerator += count;
            }
        }
        ShareCount { numerator, denominator: self.approved, not_known: self.not_known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes of the same people: their makers, their approvers, and how many there are.
    type Changes = (&'static [&'static str], &'static [&'static str], u64);

    fn spread(changes: &[Changes]) -> ApprovalSpread {
        let mut spread = ApprovalSpread::default();
        for (makers, approvers, times) in changes {
            for _ in 0..*times {
                let [makers, approvers] = [makers, approvers].map(|people| people.iter().copied().collect());
                spread.add_people(&makers, &approvers);
            }
        }
        spread
    }

    #[test]
    fn two_who_approve_nothing_but_each_other_are_a_pair() {
        const PAIR: [Changes; 2] = [(&["ana"], &["ben"], 5), (&["ben"], &["ana"], 6)];
        for (changes, in_pairs) in [
            (PAIR.to_vec(), 11),
            // Too few to mean anything.
            (vec![(&["ana"], &["ben"], 4), PAIR[1]], 0),
            // One of them asks others as well, or works with others.
            ([PAIR.as_slice(), &[(&["ben"], &["cy"], 1)]].concat(), 0),
            ([PAIR.as_slice(), &[(&["ana", "cy"], &["ben"], 1)]].concat(), 0),
            // Not each other.
            (vec![(&["ana"], &["ben"], 50)], 0),
            (Vec::new(), 0),
        ] {
            assert_eq!(spread(&changes).count_in_pairs().numerator, in_pairs, "{changes:?}");
        }
    }

    #[test]
    fn the_most_that_one_person_approved_is_counted() {
        let spread = spread(&[
            (&["ana"], &["ben"], 3),
            (&["cy"], &["ben", "dee"], 2),
            (&["ben"], &["dee"], 1),
            (&["ben"], &[], 1),
        ]);
        let count = spread.count_by_one();
        assert_eq!((count.numerator, count.denominator, count.not_known), (5, 6, 1));
    }
}
