//! The changes of a range, as values, for who wants to look at them more closely than a report does.

use anyhow::Result;

use crate::change::Change;
use crate::gate::range::{RangePart, RangeRequest, prepare_part};
use crate::git::Repository;
use crate::verdict::Judgement;

/// The changes of a range, oldest first.
#[derive(Debug, Default)]
pub struct RangeChanges {
    /// The changes.
    pub changes: Vec<Change>,
    /// How many further changes there are.
    pub left_out: usize,
    /// Why changes cannot be read.
    pub refusals: Vec<Judgement>,
}

/// Returns the first `limit` changes of a part of a range, with all that its policy asks about them.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end.
pub fn list_range_changes(
    repository: &Repository,
    part: RangePart<'_>,
    asked: &RangeRequest<'_>,
    limit: usize,
) -> Result<RangeChanges> {
    let (judge, walk) = prepare_part(repository, &part, asked)?;
    let mut found = RangeChanges::default();
    walk.for_each_change(
        &part.loaded.policy.needed_facts(),
        |commits| judge.build_change(commits),
        |change| {
            match change {
                Ok(change) if found.changes.len() < limit => found.changes.push(change),
                Ok(_) => found.left_out += 1,
                Err(refusal) => found.refusals.push(refusal),
            }
            Ok(())
        },
    )?;
    Ok(found)
}
