//! `approvals`: who, other than the contributors to a change, approves it.
//!
//! Where there is a pull request, the approvals are its reviews (`reviews`), whatever trailers say.
//! On a server they are signed by the approver (`signed_approvals`), and where that is enough, trailers claim them
//! (`trailer_approvals`).

pub(crate) mod approved_content;
mod approvers;
pub(crate) mod carried_relation;
pub(crate) mod claimed_approvers;
pub(crate) mod commands;
pub(crate) mod considered;
mod considered_signatures;
pub(crate) mod coverage;
pub(crate) mod cross_approval;
mod decisions;
pub(crate) mod distinct_people;
pub(crate) mod missing_people;
pub(crate) mod named_people;
pub(crate) mod objections;
pub(crate) mod owners;
mod parameters;
pub(crate) mod push_signature;
pub(crate) mod pusher_approval;
mod requirement;
pub(crate) mod reviews;
pub(crate) mod signed_approvals;
pub(crate) mod signing_advice;
mod stated_approvals;
pub(crate) mod team_counts;
#[cfg(test)]
mod tests;
pub(crate) mod trailer_approvals;

use crate::change::{FactKind, Missing, NeededFacts, Stage};
pub(crate) use crate::predicates::approvals::approvers::count_assigned;
use crate::predicates::approvals::requirement::{ApprovalCoverage, ApprovalTrust};
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::verdict::Message;

pub(crate) use crate::predicates::approvals::parameters::{MAX_DIFFERENT_TEAMS, names_code_owners};
pub use crate::predicates::approvals::requirement::ApprovalsPredicate;
pub(crate) use crate::predicates::approvals::requirement::DEFAULT_APPROVAL_FIELD;
pub(crate) use crate::predicates::approvals::requirement::MESSAGES;

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "approvals",
    summary: "People other than its authors have approved the change.",
    why: "Four eyes are the core of change management. Contributors to a change cannot approve it: its author, \
          committer, pusher and co-authors, and the opener of its pull request. A bot cannot approve either. For a \
          pull request only reviews count: the latest one of each person who may write to the repository, if it is \
          of the final revision (or of one that differs only in its message, and there in no field of the policy), \
          for this branch, and under a description that stated the same. Requested changes stay requested until \
          the reviewer approves or dismisses that review, or may not approve any more; that another account dismisses \
          it withdraws nothing, whatever `from` names. Where a roster has days, an approval counts if its giver was there and in the team \
          at that time: the time of a review is the forge's, a trailer counts from when the change is seen. Who acts \
          for a member counts for that member, who gives no second approval. A trailer that names a person who has not approved is refused.",
    parameters: "\
- `at-least: N`: how many different people (default: 1);
- `field: NAME` or a list: the fields that state an approval (default: `Reviewed-by`); in a pull request a review \
states it, and a person whom such a field names must have approved;
- `from: [teams]`: only members of these teams count;
- `from: codeowners`: every touched path that has owners in the file of code owners is approved by one of them, and \
only approvals of owners count; the file is read beside the policy, from before the change. Where a section of GitLab \
asks for several, as many owners of the path approve. `unowned` says what becomes of paths that have no owner, or \
none who has to approve: `anyone` (the default) lets everybody's approval count, `nobody` asks for no approval of \
them, `refuse` refuses a path that nobody owns;
- `distinct-teams: true`: one approval from each of the teams in `from`, by different people;
- `different-teams: N`: approvals from members of N different teams of those in `from`, by different people (2 to 10);
- `distinct: people`: whoever gives this approval gives none of the others, of the questions under the same `all`, that \
say so too: one person never stands for two roles;
- `authors: cross`: an author's approval counts for what the other authors made, and never for their own part. What each \
contributor made then needs as many approvals by others as are asked. A forge lets nobody review the pull request that \
they opened; with `commands`, a comment approves;
- `suggestions: count-as-review`: in a pull request, a reviewer stays one if all they made is a suggestion that another \
person applied on the forge, which then names them as a co-author. Whoever applies it has read it; whoever commits it \
elsewhere, or pushes, is an author as ever;
- `by: pusher`: whoever pushes the change approves it by that, as the server knows them, if they made no part of it; a \
clean merge of their own is no part. With `trust: verified` every commit has to be signed by its author, or by the person who committed it, so that \
nobody pushes their own work under another name; with `trust: claimed` the commits are believed. It takes `from: \
[teams]`, `trained`, `trust` and `signed-push` only, counts nothing but the push, and is for servers: in a pull request it cannot be known;
- `signed-push: true`, beside `by: pusher`: the push counts only if it is signed (`git push --signed`) with a key that the \
policy knows as that of the pusher; the server has to ask for certificates (`receive.certNonceSeed`);
- `trained: true`: only people count whom the roster calls trained (`trained-until`) on the day of their approval;
- `of: final-revision` (the default): an approval counts if it stands in the final revision, or in every commit \
of the change; `of: any-commit` accepts one that stands in any commit, and a review of an earlier revision;
- `trust: claimed` accepts trailers where there is no pull request; they prove only that someone typed them. \
`trust: verified` (the default) accepts only reviews that a forge vouches for, and on a server only approvals that \
people sign with `changegate approve`; there, who is named in `field` must have signed as well, and a signed rejection \
stands under either until its signer takes it back;
- `carries-over: [relations]`: how what lands may relate to the revision that was approved, beside being the same commits: \
`clean-merge` (with merges that hold nothing but a clean merge), `message-only` (the same content under another message), \
`same-tree` (the same content in other commits on the same base), `clean-rebase` (each commit applied again gives exactly \
the tree at hand), `squash` (the merge of the revision gives exactly the one commit's tree). The first three are the \
default; `[]` accepts none. What is said in the fields of the policy, and who wrote it, has to be the same, and a merge \
states nothing there that no approved commit states. Of a review, GitHub \
tells what proves the first three: its own merge of the base into the branch, another message, and the same content in other \
commits;
- `commands: [words]`: a comment approves as well if its first line is one of these words and all digits of the \
final revision, as in `/approve 3f2a91c04b7d8e5a6f01b2c3d4e5f60718293a4b`, if it was written after the revision was \
pushed, and if it was never edited.",
    passing_example: "
ask: { approvals: { at-least: 1, trust: claimed } }
fields: { Reviewed-by: { person: true } }
change:
  commits:
    - author: Ana <ana@example.com>
      message: |
        Cache the tenant lookup

        Reviewed-by: Bob <bob@example.com>
",
    failing_example: "
ask: { approvals: { at-least: 1, trust: claimed } }
fields: { Reviewed-by: { person: true } }
change:
  commits:
    - author: Ana <ana@example.com>
      message: |
        Cache the tenant lookup

        Reviewed-by: Ana Ruiz <Ana+work@example.com>
",
};

impl ApprovalsPredicate {
    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.extend([FactKind::Approvals, FactKind::Pusher]);
        if !self.is_given_by_pusher() {
            // A signed objection counts, whatever approvals are asked for.
            needs.extend([FactKind::SignedApprovals, FactKind::EvilMerges]);
        }
        if self.coverage == ApprovalCoverage::FinalRevision {
            needs.insert(FactKind::EvilMerges);
        }
        if self.trust == ApprovalTrust::Verified {
            needs.insert(match self.is_given_by_pusher() {
                true => FactKind::Signatures,
                false => FactKind::Reviews,
            });
        }
        if !self.commands.is_empty() {
            needs.insert(FactKind::Comments);
        }
        if self.asks_code_owners() {
            needs.extend([FactKind::CodeOwners, FactKind::Paths]);
        }
    }

    pub(crate) fn describe(&self) -> Message {
        self.describe_question()
    }

    /// Returns which approvals count beside those that a forge vouches for, of the content that lands.
    pub(crate) fn list_allowances(&self) -> Vec<Message> {
        self.describe_allowances()
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let stage = context.change.stage;
        if stage == Stage::CommitMsg {
            return Err(Missing::NotAtThisStage(FactKind::Approvals));
        }
        if self.is_given_by_pusher() {
            return pusher_approval::evaluate_pusher(self, context);
        }
        if self.asks_code_owners() {
            context.owned_paths()?;
        }
        if context.change.pull.is_ok() || stage == Stage::PullRequest {
            return reviews::evaluate_reviews(self, context);
        }
        match (self.trust, stage) {
            (ApprovalTrust::Claimed, _) => trailer_approvals::evaluate_trailers(self, context),
            (ApprovalTrust::Verified, Stage::PrePush | Stage::Check) => {
                // What a clone has fetched can be enough already; what is missing there, the server may have.
                let fetched = context.change.signed_approvals.as_ref().ok().filter(|one| !one.is_empty());
                match fetched.map(|fetched| signed_approvals::evaluate_signed(self, fetched, context)) {
                    // Of everything that it asks, only who pushes is not known yet.
                    Some(Ok(PredicateOutcome::Holds) | Err(Missing::NotAtThisStage(_))) => {
                        Ok(PredicateOutcome::Holds)
                    }
                    // The pull request comes later.
                    _ => Err(Missing::NotAtThisStage(FactKind::Reviews)),
                }
            }
            (ApprovalTrust::Verified, _) => match &context.change.signed_approvals {
                Ok(approvals) => signed_approvals::evaluate_signed(self, approvals, context),
                Err(Missing::NotConfigured(_)) => Err(Missing::NotConfigured(FactKind::Reviews)),
                Err(missing) => Err(missing.clone()),
            },
        }
    }
}
