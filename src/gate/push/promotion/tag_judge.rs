//! Judges a tag under change control: it has to name a state that a branch under change control has had.

use anyhow::Result;

use crate::change::Oid;
use crate::gate::push::promotion::branch_states::{MAX_UNIT_LOOKUPS, PastUnits};
use crate::gate::push::promotion::past_moves::PastMoves;
use crate::gate::push::ref_judge::RefJudge;
use crate::gate::push::ref_policies::{RefPolicies, TaggedState};
use crate::policy::ChangeUnit;
use crate::push::{GateRule, refuse_by_rule};
use crate::report::ReportGroup;
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    TAG_OF_UNPROTECTED = "push.tag-of-unprotected":
        "{commit} is on no branch under change control; push the branch first";
    TAG_INSIDE_CHANGE = "push.tag-inside-change":
        "{commit} lies inside a change that was judged by its end; tag a state that the branch has had";
    TAG_UNDECIDED = "push.tag-undecided":
        "{commit} is on {ref}, which moved to {moved} without a decision; that has to be regularised before it is tagged";
    TAG_UNENFORCED = "push.tag-unenforced":
        "{commit} landed on {ref} in evaluate mode, and would have been denied; tag a later state, which came by a decision that counts";
}

impl<'push> RefJudge<'push> {
    /// Returns the moves without a decision that were before the push.
    pub(crate) fn list_past_moves(&self) -> Result<PastMoves<'push>> {
        Ok(PastMoves {
            policy_ref: self.repository.resolve_ref(self.settings.policy_ref.as_bytes())?.name,
            undecided: self.policies.undecided_moves(),
            unauthorised: self.unauthorised.unwrap_or_default(),
            landings: self.landings,
        })
    }

    /// Adds to `group` why a tag may not name the commit `tip`, if it may not. A tag brings no commits, so none is judged.
    pub(crate) fn judge_tag(
        &mut self,
        tip: Oid,
        policies: &RefPolicies<'_>,
        group: &mut ReportGroup,
    ) -> Result<()> {
        let protected: Vec<Oid> =
            policies.list_protected_tips(self.repository)?.into_iter().map(|(_, tip)| tip).collect();
        let is_outside = self.repository.list_new_commits(tip, &protected)?.next().transpose()?.is_some();
        let repository = self.repository;
        let past = self.list_past_moves()?;
        let mut is_by_commit_at = |commit| self.policies.judges_by_commit_at(commit);
        let mut units = PastUnits {
            is_by_commit_now: policies.change_unit() == ChangeUnit::Commit,
            lookups_left: MAX_UNIT_LOOKUPS,
            is_by_commit_at: &mut is_by_commit_at,
        };
        let message = match policies.find_tagged_state(repository, &past, &mut units, tip)? {
            _ if is_outside => Message::from(&TAG_OF_UNPROTECTED),
            TaggedState::Judged => return Ok(()),
            TaggedState::InsideChange => Message::from(&TAG_INSIDE_CHANGE),
            TaggedState::Undecided { branch, moved } => {
                TAG_UNDECIDED.with("moved", moved.short_hex()).with("ref", branch)
            }
            TaggedState::Unenforced { branch } => TAG_UNENFORCED.with("ref", branch),
        };
        let message = message.with("commit", tip.short_hex());
        let finding = Finding::new(message).fixed_by(Fixer::Pusher);
        group.refusals.push(refuse_by_rule(GateRule::TagOfReviewed, finding));
        Ok(())
    }
}
