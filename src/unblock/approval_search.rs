//! The fewest approvals that meet several questions at once.
//!
//! People who would count for the same are one group (`approver_groups`), so that the search is over groups and not over
//! people. What is found is tried: the approvals are put into the change, and every question is asked again.

use crate::change::pull_request::{ForgeAccount, ReviewState};
use crate::change::{Change, SignedDecision, Text};
use crate::people::independence::ParticipantIndex;
use crate::policy::Policy;
use crate::predicates::approvals::ApprovalsPredicate;
use crate::predicates::{EvaluationContext, PredicateOutcome};
use crate::unblock::applied::apply_repairs;
use crate::unblock::approver_groups::{GroupsFound, search_groups};
use crate::unblock::approvers::{ApprovalQuestion, describe_excluded, list_possible_approvers};
use crate::unblock::court::{AskedApprovals, Court, QuestionsAnswer, ask_questions};
use crate::unblock::repair::Repair;
use crate::unblock::wording::{NO_APPROVERS, NO_OWNERS};
use crate::verdict::{ExcludedPerson, Message, MessageValue, ObstacleReason};

/// How many people whose approval would not count are named.
const MAX_EXCLUDED: usize = 3;

/// How many people who requested changes are asked to withdraw that.
const MAX_OBJECTORS: usize = 4;

/// What a search finds.
pub(super) enum ApprovalSearch {
    /// These acts meet all questions.
    Found(Vec<Repair>),
    /// No approvals do.
    Blocked(ObstacleReason),
    /// It is not known: what is wrong is something else, or the search was too long.
    Open,
}

/// Returns who might be asked and cannot approve: of the teams that are asked, and where everyone is, who contributed
/// beside the author.
pub(super) fn list_excluded_people(
    policies: &[&Policy],
    change: &Change,
    questions: &AskedApprovals<'_>,
) -> Vec<ExcludedPerson> {
    let mut excluded: Option<Vec<ExcludedPerson>> = None;
    for (policy, asked) in questions {
        let Some(policy) = policies.get(*policy) else { continue };
        let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
        let question = ApprovalQuestion::new(asked, context);
        let possible = list_possible_approvers(&policy.people, &[&question], change, false);
        let index = ParticipantIndex::new(question.asked.find_participants(&question.context));
        let here = question.list_excluded(&possible, &index);
        excluded = Some(match excluded {
            None => here,
            Some(so_far) => so_far.into_iter().filter(|one| here.contains(one)).collect(),
        });
    }
    let mut excluded = excluded.unwrap_or_default();
    let asks_everyone =
        |asked: &ApprovalsPredicate| asked.asked_teams().is_empty() && !asked.asks_code_owners();
    if questions.iter().all(|(_, asked)| asks_everyone(asked)) {
        excluded.retain(is_other_contributor);
    }
    excluded.truncate(MAX_EXCLUDED);
    excluded
}

/// Returns true for a contributor who is not the author: that an author does not approve needs no telling.
fn is_other_contributor(one: &ExcludedPerson) -> bool {
    let role = one.reason.values().find(|(name, _)| *name == "role");
    matches!(role, Some((_, MessageValue::Nested(role))) if role.code() != "role.author")
}

/// Looks for the fewest approvals that meet all questions about `change`.
pub(super) fn search_approvals(
    court: Court<'_>,
    change: &Change,
    questions: &AskedApprovals<'_>,
) -> ApprovalSearch {
    let mut withdrawn = Vec::new();
    match ask_questions(court, change, questions) {
        QuestionsAnswer::Met => return ApprovalSearch::Found(Vec::new()),
        QuestionsAnswer::Missing(missing) => {
            return ApprovalSearch::Blocked(ObstacleReason::Missing(missing));
        }
        QuestionsAnswer::Unmet => {}
    }
    let mut base = change.clone();
    if has_objection(court, change, questions) {
        withdrawn = list_objectors(change).into_iter().map(Repair::Withdraw).collect();
        withdrawn.extend(list_signed_objections(change));
        base = apply_repairs(change, &withdrawn);
        match ask_questions(court, &base, questions) {
            QuestionsAnswer::Met => return ApprovalSearch::Found(withdrawn),
            QuestionsAnswer::Missing(missing) => {
                return ApprovalSearch::Blocked(ObstacleReason::Missing(missing));
            }
            QuestionsAnswer::Unmet => {}
        }
    }
    let found = search_people(court, &base, questions);
    if let ApprovalSearch::Found(mut acts) = found {
        acts.splice(0..0, withdrawn);
        return ApprovalSearch::Found(acts);
    }
    found
}

fn search_people(court: Court<'_>, change: &Change, asked: &AskedApprovals<'_>) -> ApprovalSearch {
    let Some(first) = asked.first().and_then(|(policy, _)| court.policies.get(*policy)) else {
        return ApprovalSearch::Open;
    };
    let mut questions = Vec::new();
    for (policy, predicate) in asked {
        let Some(policy) = court.policies.get(*policy) else { return ApprovalSearch::Open };
        let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
        let question = ApprovalQuestion::new(predicate, context);
        if !is_met(&question.context, predicate) {
            if let Some(reason) = predicate.describe_refused_paths(&question.context) {
                return ApprovalSearch::Blocked(ObstacleReason::Because(reason));
            }
            questions.push(question);
        }
    }
    let asks_everyone = questions.iter().any(ApprovalQuestion::may_accept_anyone);
    let borrowed: Vec<&ApprovalQuestion<'_>> = questions.iter().collect();
    let possible = list_possible_approvers(&first.people, &borrowed, change, asks_everyone);
    match search_groups(court, change, asked, &questions, &possible) {
        GroupsFound::Acts(acts) => return ApprovalSearch::Found(acts),
        GroupsFound::TooMany => return ApprovalSearch::Open,
        GroupsFound::Nothing => {}
    }
    // With enough people for each part of each question by itself, something else is wrong.
    for question in questions.iter().filter(|question| !is_anyone_unidentified(question)) {
        let index = ParticipantIndex::new(question.asked.find_participants(&question.context));
        let able: Vec<String> =
            possible.iter().filter_map(|one| question.find_approver_key(one, &index)).collect();
        // Whose approvals a part asks for says more than how many there are of all.
        let (people, at) = (question.context.people, question.context.change.seen_at);
        for part in question.list_parts().into_iter().rev() {
            let count = able.iter().filter(|key| part.covers_person(key, people, at)).count();
            if count >= part.lacking {
                continue;
            }
            let mut excluded = question.list_excluded(&possible, &index);
            excluded.truncate(MAX_EXCLUDED);
            let reason = match part.owner_line() {
                Some(line) => NO_OWNERS.with("line", u64::try_from(line).unwrap_or(u64::MAX)),
                None => Message::from(&NO_APPROVERS),
            };
            let reason = reason.with("not", describe_excluded(&excluded));
            return ApprovalSearch::Blocked(ObstacleReason::Because(reason));
        }
    }
    ApprovalSearch::Open
}

/// Returns true if a contributor cannot be identified, next to whom no approval counts.
fn is_anyone_unidentified(question: &ApprovalQuestion<'_>) -> bool {
    let (participants, _) = question.context.participants();
    participants.iter().any(|one| one.is_unaccounted())
}

fn is_met(context: &EvaluationContext<'_>, asked: &ApprovalsPredicate) -> bool {
    matches!(asked.evaluate(context), Ok(PredicateOutcome::Holds | PredicateOutcome::Owed(_)))
}

/// Returns true if a question is not met because changes are requested.
fn has_objection(court: Court<'_>, change: &Change, questions: &AskedApprovals<'_>) -> bool {
    for (policy, asked) in questions {
        let Some(policy) = court.policies.get(*policy) else { continue };
        let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
        if let Ok(PredicateOutcome::Fails(findings)) = asked.evaluate(&context)
            && findings.iter().any(|finding| {
                [
                    "approvals.changes-requested",
                    "approvals.signed-objection",
                    "approvals.uncompared-objection",
                ]
                .contains(&finding.message.code())
                    || finding.message.code().starts_with("approvals.objection-dismissed")
            })
        {
            return true;
        }
    }
    false
}

/// Returns what takes the signed rejections of a change back, once for each signer.
fn list_signed_objections(change: &Change) -> Vec<Repair> {
    let mut found: Vec<Repair> = Vec::new();
    let mut signers: Vec<&Text> = Vec::new();
    for one in change.signed_approvals.iter().flatten().rev() {
        let is_objection = one.decision == SignedDecision::Rejected;
        if is_objection && found.len() < MAX_OBJECTORS && !signers.contains(&&one.received_from) {
            signers.push(&one.received_from);
            let branch = change.find_plain_branch().map(str::to_owned);
            found.push(Repair::TakeBack {
                signer: one.received_from.clone(),
                revision: one.revision,
                branch,
            });
        }
    }
    found
}

/// Returns the accounts that have requested changes at some time, each once.
fn list_objectors(change: &Change) -> Vec<ForgeAccount> {
    let mut accounts: Vec<ForgeAccount> = Vec::new();
    let Ok(pull) = &change.pull else { return accounts };
    for review in pull.reviews.iter().flatten() {
        let objected = review.state == ReviewState::ChangesRequested
            || review
                .dismissal
                .as_ref()
                .is_some_and(|one| one.dismissed_state == ReviewState::ChangesRequested);
        if let Some(by) = &review.by
            && objected
            && accounts.len() < MAX_OBJECTORS
            && !accounts.iter().any(|known| known.is_same_account(by))
        {
            accounts.push(by.clone());
        }
    }
    accounts
}
