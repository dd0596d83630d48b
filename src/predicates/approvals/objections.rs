//! Requested changes, and who can withdraw them.

use crate::change::pull_request::{ForgeAccount, PullReview, ReviewState};
use crate::change::{FactKind, Missing};
use crate::people::ResolvedIdentity;
use crate::predicates::approvals::reviews::{ReviewCount, ReviewCounter};
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    CHANGES_REQUESTED = "approvals.changes-requested": "changes are requested by {account}";
    OBJECTION_DISMISSED = "approvals.objection-dismissed":
        "changes are requested by {account}; {dismisser} dismissed that review, which does not withdraw it: ask {account} for another review";
    OBJECTION_DISMISSED_BY_GHOST = "approvals.objection-dismissed-by-ghost":
        "changes are requested by {account}; an account that no longer exists dismissed that review, which does not withdraw it: ask {account} for another review";
}

impl ReviewCounter<'_> {
    /// Counts an objection. It stands for every revision, and also if a contributor raised it.
    pub(super) fn count_objection(&self, review: &PullReview, count: &mut ReviewCount) {
        let Some(account) = &review.by else { return };
        self.add_objection(account, review, CHANGES_REQUESTED.with("account", &account.id), count);
    }

    /// Counts a dismissed review as an objection if it was one, and the account that dismissed it may not
    /// withdraw it: an author could silence every reviewer otherwise.
    pub(super) fn count_dismissal(&self, review: &PullReview, count: &mut ReviewCount) {
        let Some(account) = &review.by else { return };
        let Some(dismissal) = &review.dismissal else {
            if self.may_object(account) && review.may_approve != Ok(false) {
                let why = "the forge does not tell who dismissed a review, and what it said";
                count.missing_objector = Some(Missing::Unavailable(FactKind::Reviews, why.into()));
            }
            return;
        };
        if dismissal.dismissed_state != ReviewState::ChangesRequested {
            return;
        }
        let what = match &dismissal.by {
            Some(by) if self.may_withdraw(by, account) => return,
            Some(by) => OBJECTION_DISMISSED.with("dismisser", &by.id),
            None => Message::from(&OBJECTION_DISMISSED_BY_GHOST),
        };
        self.add_objection(account, review, what.with("account", &account.id), count);
    }

    /// Returns whether `by` can withdraw an objection of `reviewer`: the same person. The teams of `from` say who approves, so
    /// that a rule which names some asks for no less than one that names none.
    fn may_withdraw(&self, by: &ForgeAccount, reviewer: &ForgeAccount) -> bool {
        let [mine, theirs] = [by, reviewer].map(|account| self.speakers.decider_key(account, self.context));
        // A login alone can have come to another account, so it does not stand for one whose number is known.
        mine == theirs && (by.number.is_some() || reviewer.number.is_none())
    }

    /// Returns whether requested changes of this account count: those of bots do not.
    fn may_object(&self, account: &ForgeAccount) -> bool {
        let is_bot = self.context.people.identify_forge_account(account) == ResolvedIdentity::Bot;
        account.is_person && !is_bot
    }

    fn add_objection(
        &self,
        account: &ForgeAccount,
        review: &PullReview,
        what: Message,
        count: &mut ReviewCount,
    ) {
        if !self.may_object(account) {
            return;
        }
        match &review.may_approve {
            Ok(true) => count.objections.push(Finding::new(what).fixed_by(Fixer::Author)),
            Ok(false) => {}
            Err(gap) => count.missing_objector = Some(gap.clone()),
        }
    }
}
