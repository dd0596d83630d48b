//! How a ref came to hold what a push left in it, by GitHub's own record of the ref.
//!
//! A commit says of itself who made it and for which pull request; only the record says whether GitHub's button or
//! merge queue put it there, or a person pushed it.

use std::cell::Cell;

use crate::change::Oid;
use crate::github::api::GitHubClient;
use crate::github::api::names::escape_path;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestActivity;
use crate::github::judge::completed_push::{CompletedPush, RecordedMoveKind};

/// How often GitHub is asked again for the record of a push that came just now.
const MAX_RECORD_PAUSES: u32 = 2;

/// The moves of a ref, as far as the record was read; empty if it was not, or could not be.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordedMoves {
    moves: Vec<RecordedRefMove>,
    /// True if GitHub answered that it has no record of the ref; false if it did not answer, or was not asked.
    pub(crate) is_absent: bool,
}

#[derive(Clone, Copy, Debug)]
struct RecordedRefMove {
    before: Option<Oid>,
    after: Oid,
    /// `None` if the record does not tell it.
    kind: Option<RecordedMoveKind>,
}

impl RecordedMoves {
    /// Returns how the ref came to hold `landed_as`, which stands on `base`: by a move of its own, or by that of the
    /// whole push. `None` if the record does not tell.
    pub(crate) fn find_kind(
        &self,
        push: &CompletedPush<'_>,
        base: Option<Oid>,
        landed_as: Oid,
    ) -> Option<RecordedMoveKind> {
        let is_own = |one: &&RecordedRefMove| base.is_some() && one.before == base && one.after == landed_as;
        let is_of_push =
            |one: &&RecordedRefMove| one.before == push.old_tip() && Some(one.after) == push.new_tip();
        let found = self.moves.iter().find(is_own).or_else(|| self.moves.iter().find(is_of_push));
        found.and_then(|one| one.kind)
    }

    /// Returns whether GitHub itself made all of what landed on `base` and ended in `landed_as`: one merge of a pull
    /// request that is exactly that, or the merge of a queue's group that this is a part of.
    pub(crate) fn is_merge_by_forge(
        &self,
        push: &CompletedPush<'_>,
        base: Option<Oid>,
        landed_as: Oid,
    ) -> bool {
        let is_exact = |one: &RecordedRefMove| {
            base.is_some()
                && one.before == base
                && one.after == landed_as
                && one.kind == Some(RecordedMoveKind::PullMerge)
        };
        self.moves.iter().any(is_exact)
            || self.find_kind(push, base, landed_as) == Some(RecordedMoveKind::QueueMerge)
    }
}

/// Reads how the ref came to hold what a push left in it. If the push `may_lag`, a record that lacks it is read again.
pub(crate) async fn find_recorded_moves(
    client: &GitHubClient,
    push: &CompletedPush<'_>,
    may_lag: bool,
) -> RecordedMoves {
    let Some(after) = push.new_tip() else { return RecordedMoves::default() };
    if let Some(kind) = push.recorded_as {
        let moves = vec![RecordedRefMove { before: push.old_tip(), after, kind: Some(kind) }];
        return RecordedMoves { moves, is_absent: false };
    }
    let mut attempt = 1;
    // What was seen once is there, whatever a later page or attempt is answered with.
    let has_entries = Cell::new(false);
    loop {
        let moves = match read_moves(client, push, after, &has_entries).await {
            Ok(moves) => moves,
            // A server without such records says so. Any other failure says nothing of the record, and there may be one.
            Err(failure) => {
                let is_absent = failure.status == Some(404) && !has_entries.get();
                return RecordedMoves { moves: Vec::new(), is_absent };
            }
        };
        let is_found = moves.iter().any(|one| one.after == after);
        if is_found || !may_lag || attempt > MAX_RECORD_PAUSES || !client.wait_for_record(attempt).await {
            let is_absent = !has_entries.get();
            return RecordedMoves { moves, is_absent };
        }
        attempt += 1;
    }
}

/// Reads the record from its newest entry to the one of the push.
async fn read_moves(
    client: &GitHubClient,
    push: &CompletedPush<'_>,
    after: Oid,
    has_entries: &Cell<bool>,
) -> Result<Vec<RecordedRefMove>, GitHubFailure> {
    let name = escape_path(push.ref_name);
    let path = format!("{}/activity?ref={name}&per_page=100", push.repo.rest_path());
    let convert_page = |page| convert_moves(page, push.ref_name, has_entries);
    client.fetch_list(path, convert_page, |moves| moves.iter().any(|one| one.after == after)).await
}

/// Returns the moves of a ref on a page of the record, and notes if the page has entries at all. An entry of another ref
/// proves nothing of this one.
fn convert_moves(page: Vec<RestActivity>, ref_name: &str, has_entries: &Cell<bool>) -> Vec<RecordedRefMove> {
    let mut moves = Vec::with_capacity(page.len());
    for entry in page {
        has_entries.set(true);
        if entry.ref_name.as_deref().is_none_or(|name| name == ref_name) {
            let kind = entry.kind.as_deref().map(RecordedMoveKind::from_activity);
            let before = entry.before.and_then(Oid::none_if_null);
            moves.push(RecordedRefMove { before, after: entry.after, kind });
        }
    }
    moves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::api::names::RepositoryName;
    use crate::report::RefUpdateKind;

    #[test]
    fn an_entry_of_another_ref_is_no_move_of_this_one_and_shows_that_there_is_a_record() {
        let entry = |name: Option<&str>| {
            let (before, after) = ("1".repeat(40), "2".repeat(40));
            let entry = serde_json::json!({
                "ref": name, "before": before, "after": after, "activity_type": "pr_merge",
            });
            serde_json::from_value::<RestActivity>(entry).unwrap()
        };
        let has_entries = Cell::new(false);
        let convert = |page| convert_moves(page, "refs/heads/main", &has_entries).len();
        assert_eq!((convert(Vec::new()), has_entries.get()), (0, false));
        assert_eq!((convert(vec![entry(Some("refs/heads/tmp"))]), has_entries.get()), (0, true));
        // What was seen stays seen, whatever comes after it.
        assert_eq!((convert(Vec::new()), has_entries.get()), (0, true));
        assert_eq!(convert(vec![entry(None), entry(Some("refs/heads/main"))]), 2);
    }

    #[test]
    fn a_commit_has_a_move_of_its_own_or_shares_that_of_the_push() {
        let id = |byte: u8| Oid::from_bytes(&[byte; 20]).unwrap();
        let repo = RepositoryName::parse_name("acme/shop").unwrap();
        let update = RefUpdateKind::Move { old: id(1), new: id(3) };
        let push = CompletedPush {
            repo: &repo,
            ref_name: "refs/heads/main",
            update,
            pushed_at: None,
            pusher: None,
            recorded_as: None,
        };
        let entry = |before, after, kind| RecordedRefMove {
            before: Some(id(before)),
            after: id(after),
            kind: Some(kind),
        };
        let record = |moves: &[RecordedRefMove]| RecordedMoves { moves: moves.to_vec(), is_absent: false };
        let found = |moves: &[RecordedRefMove], base, landed_as| {
            record(moves).find_kind(&push, Some(id(base)), id(landed_as))
        };
        let by_forge = |moves: &[RecordedRefMove], base, landed_as| {
            record(moves).is_merge_by_forge(&push, Some(id(base)), id(landed_as))
        };
        let (merge, hand) = (RecordedMoveKind::PullMerge, RecordedMoveKind::Push);
        let apart = [entry(2, 3, hand), entry(1, 2, merge)];
        assert_eq!((found(&apart, 1, 2), found(&apart, 2, 3)), (Some(merge), Some(hand)));
        // The merge of another base is another commit's.
        assert_eq!(found(&apart, 9, 2), None);
        let together = [entry(1, 3, RecordedMoveKind::QueueMerge)];
        assert_eq!(found(&together, 1, 2), Some(RecordedMoveKind::QueueMerge));
        assert_eq!(found(&[entry(2, 3, merge)], 1, 2), None);
        assert!(by_forge(&apart, 1, 2) && !by_forge(&apart, 2, 3));
        // A queue lands a group at once; of the merge of one pull request, nothing less than all is that merge.
        assert!(by_forge(&together, 1, 2) && by_forge(&together, 2, 3));
        let whole = [entry(1, 3, merge)];
        assert!(by_forge(&whole, 1, 3) && !by_forge(&whole, 1, 2) && !by_forge(&whole, 2, 3));
        let untold = [RecordedRefMove { kind: None, ..entry(1, 3, merge) }];
        assert!(found(&untold, 1, 3).is_none() && !by_forge(&untold, 1, 3));
        assert_eq!(RecordedMoveKind::from_activity("merge_queue_merge"), RecordedMoveKind::QueueMerge);
        assert_eq!(RecordedMoveKind::from_activity("force_push"), hand);
    }
}
