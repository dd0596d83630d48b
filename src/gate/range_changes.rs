//! The changes of a range, as values, for who wants to look at them more closely than a report does.

use anyhow::Result;

use crate::change::{Change, FactKind};
use crate::gate::range::{RangeJudge, RangePart, RangeRequest, build_walk_facts};
use crate::gate::range_walk::RangeWalk;
use crate::gate::swapped_parents::SwappedParents;
use crate::git::{CommitRange, Repository};
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
    let RangePart { loaded, tip, hidden_tips, division } = part;
    let needs = loaded.policy.needed_facts();
    let swapped_parents = match hidden_tips {
        [old] if needs.contains(&FactKind::Paths) => {
            let history = repository.find_new_history(tip, &[*old])?;
            SwappedParents::compare_tips(repository, &history, *old, tip)?
        }
        _ => SwappedParents::default(),
    };
    let walk_facts = build_walk_facts(repository, &part, asked);
    let judge = RangeJudge { loaded, request: asked, swapped_parents, walk_facts };
    let range = CommitRange { tip, hidden_tips, trusted_keys: loaded.trusted_keys(asked.now) };
    let walk = RangeWalk { repository, range, division, threads: asked.threads };
    let mut found = RangeChanges::default();
    walk.for_each_change(
        &needs,
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
