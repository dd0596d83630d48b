//! What a comparison of two readers found: counts, and the differences.

use crate::change::Text;

/// How many differences are listed; further ones are counted only.
const MAX_DIFFERENCES: usize = 100;

/// What both readers read, and where they disagree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderComparison {
    /// How many refs both read.
    pub refs: usize,
    /// How many commits both read.
    pub commits: usize,
    /// How many trees both read.
    pub trees: usize,
    /// How many files beside records both read.
    pub record_files: usize,
    /// Where they disagree, or at least one cannot read; at most 100 of them.
    pub differences: Vec<ReaderDifference>,
    /// How many further differences there are.
    pub omitted_differences: usize,
}

/// Something that the readers see differently, or that at least one of them cannot read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderDifference {
    /// What is read: the full name of a ref, or the id of an object.
    pub subject: Text,
    /// The part that differs: `target`, `bytes`, `tree`, `parents`, `author`, `committer`, `message` or
    /// `entries`. What cannot be read is named as a whole: `list of refs`, `ref`, `object`, `tag`, `commit`,
    /// `tree` or `file`.
    pub part: &'static str,
    /// What the readers disagree on.
    pub disagreement: ReaderDisagreement,
}

/// How two readers disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderDisagreement {
    /// Both read it, and see different things.
    Different,
    /// Only libgit2 can read it.
    UnreadableByGate,
    /// Only the gate can read it.
    UnreadableByLibgit2,
    /// Neither can read it, so that nothing was compared.
    UnreadableByBoth,
}

impl ReaderComparison {
    /// Returns true if both readers have read everything and see the same.
    pub(crate) fn is_identical(&self) -> bool {
        self.differences.is_empty()
    }

    pub(crate) fn add_difference(
        &mut self,
        subject: impl Into<Text>,
        part: &'static str,
        disagreement: ReaderDisagreement,
    ) {
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(ReaderDifference { subject: subject.into(), part, disagreement });
        } else {
            self.omitted_differences += 1;
        }
    }

    /// Adds that at least one reader has nothing, and returns both values otherwise.
    pub(crate) fn require_both<A, B>(
        &mut self,
        subject: impl Into<Text>,
        part: &'static str,
        first: Option<A>,
        second: Option<B>,
    ) -> Option<(A, B)> {
        let disagreement = match (first, second) {
            (Some(first), Some(second)) => return Some((first, second)),
            (None, Some(_)) => ReaderDisagreement::UnreadableByGate,
            (Some(_), None) => ReaderDisagreement::UnreadableByLibgit2,
            (None, None) => ReaderDisagreement::UnreadableByBoth,
        };
        self.add_difference(subject, part, disagreement);
        None
    }
}
