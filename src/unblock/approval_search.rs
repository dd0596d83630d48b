//! The fewest approvals that meet several questions at once.
//!
//! People who would count for the same questions are one group, so that the search is over groups and not over
//! people. What is found is tried: the approvals are put into the change, and every question is asked again.

use std::cell::Cell;

use crate::change::pull_request::{ForgeAccount, ReviewState};
use crate::change::{Change, Missing};
use crate::people::ResolvedIdentity;
use crate::people::independence::ParticipantIndex;
use crate::policy::Policy;
use crate::predicates::approvals::ApprovalsPredicate;
use crate::predicates::{EvaluationContext, PredicateOutcome};
use crate::unblock::applied::apply_repairs;
use crate::unblock::approvers::{
    ApprovalQuestion, PossibleApprover, describe_excluded, list_possible_approvers,
};
use crate::unblock::repair::Repair;
use crate::unblock::wording::NO_APPROVERS;
use crate::verdict::{ExcludedPerson, MessageValue, ObstacleReason};

/// How many further approvals are looked for.
const MAX_APPROVALS: usize = 5;

/// How often choices of people are tried for one plan.
const MAX_TRIES: usize = 400;

/// How many people whose approval would not count are named.
const MAX_EXCLUDED: usize = 3;

/// How many people who requested changes are asked to withdraw that.
const MAX_OBJECTORS: usize = 4;

/// Who judges: policies, and whether a missing fact denies.
#[derive(Clone, Copy)]
pub(super) struct Court<'court> {
    pub(super) policies: &'court [&'court Policy],
    pub(super) enforce: bool,
    /// How often questions about approvals were tried for this plan.
    pub(super) tries: &'court Cell<usize>,
}

/// The questions of one search, each with the policy that asks it.
pub(super) type AskedApprovals<'policy> = Vec<(usize, &'policy ApprovalsPredicate)>;

/// What a search finds.
pub(super) enum ApprovalSearch {
    /// These acts meet all questions.
    Found(Vec<Repair>),
    /// No approvals do.
    Blocked(ObstacleReason),
    /// It is not known: what is wrong is something else, or the search was too long.
    Open,
}

/// What the questions say of a change.
enum QuestionsAnswer {
    Met,
    Missing(Missing),
    Unmet,
}

/// People who would count for the same questions.
struct ApproverGroup<'people> {
    /// The field in which they approve; empty for a review, which every question takes.
    field: String,
    /// For each question, whether an approval counts.
    counts: Vec<bool>,
    people: Vec<&'people PossibleApprover>,
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
        let possible = list_possible_approvers(&policy.people, change, asked.asked_teams(), false);
        let question = ApprovalQuestion::new(asked, context);
        let index = ParticipantIndex::new(question.context.participants().0);
        let here = question.list_excluded(&possible, &index);
        excluded = Some(match excluded {
            None => here,
            Some(so_far) => so_far.into_iter().filter(|one| here.contains(one)).collect(),
        });
    }
    let mut excluded = excluded.unwrap_or_default();
    if questions.iter().all(|(_, asked)| asked.asked_teams().is_empty()) {
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
        base = apply_repairs(change, &withdrawn);
        match ask_questions(court, &base, questions) {
            QuestionsAnswer::Met => return ApprovalSearch::Found(withdrawn),
            QuestionsAnswer::Missing(missing) => {
                return ApprovalSearch::Blocked(ObstacleReason::Missing(missing));
            }
            QuestionsAnswer::Unmet => {}
        }
    }
    let found = search_groups(court, &base, questions);
    if let ApprovalSearch::Found(mut acts) = found {
        acts.splice(0..0, withdrawn);
        return ApprovalSearch::Found(acts);
    }
    found
}

fn search_groups(court: Court<'_>, change: &Change, asked: &AskedApprovals<'_>) -> ApprovalSearch {
    let Some(first) = asked.first().and_then(|(policy, _)| court.policies.get(*policy)) else {
        return ApprovalSearch::Open;
    };
    let mut questions = Vec::new();
    let mut teams: Vec<String> = Vec::new();
    for (policy, predicate) in asked {
        let Some(policy) = court.policies.get(*policy) else { return ApprovalSearch::Open };
        let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
        let question = ApprovalQuestion::new(predicate, context);
        if !is_met(&question.context, predicate) {
            teams.extend(predicate.asked_teams().iter().cloned());
            questions.push(question);
        }
    }
    teams.sort_unstable();
    teams.dedup();
    let asks_everyone = questions.iter().any(|question| question.asked.asked_teams().is_empty());
    let possible = list_possible_approvers(&first.people, change, &teams, asks_everyone);
    let groups = group_approvers(&questions, &possible);
    let least = questions.iter().map(ApprovalQuestion::count_missing).max().unwrap_or(1);
    let search = GroupSearch { court, change, asked, questions: &questions, groups: &groups };
    for count in least..=MAX_APPROVALS.max(least) {
        if count > MAX_APPROVALS {
            break;
        }
        if let Some(chosen) = search.choose_groups(&mut Vec::new(), 0, count) {
            return ApprovalSearch::Found(search.build_acts(&chosen));
        }
        if court.tries.get() >= MAX_TRIES {
            return ApprovalSearch::Open;
        }
    }
    // With enough people for each question by itself, something else is wrong.
    for question in &questions {
        let index = ParticipantIndex::new(question.context.participants().0);
        let able = possible.iter().filter(|one| question.accepts_approval_of(one, &index)).count();
        if able < question.count_missing() && !is_anyone_unidentified(question) {
            let mut excluded = question.list_excluded(&possible, &index);
            excluded.truncate(MAX_EXCLUDED);
            let reason = NO_APPROVERS.with("not", describe_excluded(&excluded));
            return ApprovalSearch::Blocked(ObstacleReason::Because(reason));
        }
    }
    ApprovalSearch::Open
}

/// Returns true if a contributor cannot be identified, next to whom no approval counts.
fn is_anyone_unidentified(question: &ApprovalQuestion<'_>) -> bool {
    let (participants, _) = question.context.participants();
    participants.iter().any(|one| one.identity == ResolvedIdentity::Unknown)
}

/// Returns the fields in which approvals can be stated: the first one of each question, and none for reviews.
fn list_approval_fields(questions: &[ApprovalQuestion<'_>]) -> Vec<String> {
    if questions.iter().any(|question| question.context.change.pull.is_ok()) {
        return vec![String::new()];
    }
    let mut fields: Vec<String> = Vec::new();
    for question in questions {
        if let Some(field) = question.asked.approval_fields().first()
            && !fields.contains(&field.name)
        {
            fields.push(field.name.clone());
        }
    }
    fields
}

/// Returns the people by the questions for which they would count; without those who count for none.
fn group_approvers<'people>(
    questions: &[ApprovalQuestion<'_>],
    possible: &'people [PossibleApprover],
) -> Vec<ApproverGroup<'people>> {
    let mut groups: Vec<ApproverGroup<'people>> = Vec::new();
    let indexes: Vec<ParticipantIndex<'_>> =
        questions.iter().map(|question| ParticipantIndex::new(question.context.participants().0)).collect();
    for field in list_approval_fields(questions) {
        for one in possible {
            let counts: Vec<bool> = questions
                .iter()
                .zip(&indexes)
                .map(|(question, index)| {
                    question.reads_field(&field) && question.accepts_approval_of(one, index)
                })
                .collect();
            if !counts.contains(&true) {
                continue;
            }
            match groups.iter_mut().find(|group| group.field == field && group.counts == counts) {
                Some(group) => group.people.push(one),
                None => groups.push(ApproverGroup { field: field.clone(), counts, people: vec![one] }),
            }
        }
    }
    // Who serves more questions comes first.
    groups.sort_by_key(|group| std::cmp::Reverse(group.counts.iter().filter(|counts| **counts).count()));
    groups
}

/// A search for a choice of groups.
struct GroupSearch<'search, 'people> {
    court: Court<'search>,
    change: &'search Change,
    asked: &'search AskedApprovals<'search>,
    questions: &'search [ApprovalQuestion<'search>],
    groups: &'search [ApproverGroup<'people>],
}

impl GroupSearch<'_, '_> {
    /// Returns the first choice of `left` more groups, none before `from`, with which all questions are met.
    fn choose_groups(&self, chosen: &mut Vec<usize>, from: usize, left: usize) -> Option<Vec<usize>> {
        if left == 0 {
            return self.meets_questions(chosen).then(|| chosen.clone());
        }
        let groups = self.groups;
        for (place, group) in groups.iter().enumerate().skip(from) {
            if chosen.iter().filter(|one| **one == place).count() >= group.people.len() {
                continue;
            }
            chosen.push(place);
            let found = self.choose_groups(chosen, place, left - 1);
            chosen.pop();
            if found.is_some() || self.court.tries.get() >= MAX_TRIES {
                return found;
            }
        }
        None
    }

    fn meets_questions(&self, chosen: &[usize]) -> bool {
        let groups: Vec<&ApproverGroup<'_>> =
            chosen.iter().filter_map(|place| self.groups.get(*place)).collect();
        // Too few approvals need not be tried.
        for (index, question) in self.questions.iter().enumerate() {
            let count = groups.iter().filter(|group| group.counts.get(index) == Some(&true)).count();
            if count < question.count_missing() {
                return false;
            }
        }
        let tries = self.court.tries.get() + 1;
        self.court.tries.set(tries);
        if tries > MAX_TRIES {
            return false;
        }
        let after = apply_repairs(self.change, &self.build_acts(chosen));
        matches!(ask_questions(self.court, &after, self.asked), QuestionsAnswer::Met)
    }

    /// Returns the approvals of a choice: of each group as many people as it is chosen, each with all who could give it
    /// as well.
    fn build_acts(&self, chosen: &[usize]) -> Vec<Repair> {
        let mut acts = Vec::new();
        for (turn, place) in chosen.iter().enumerate() {
            let Some(group) = self.groups.get(*place) else { continue };
            let nth = chosen.iter().take(turn).filter(|other| *other == place).count();
            let Some(one) = group.people.get(nth) else { continue };
            let mut people: Vec<String> = Vec::new();
            let mut is_anyone = false;
            for other in self.groups {
                let serves_all =
                    group.counts.iter().zip(&other.counts).all(|(mine, theirs)| *theirs || !*mine);
                if serves_all && other.field == group.field {
                    is_anyone |= other.people.iter().any(|one| one.is_anyone);
                    people.extend(other.people.iter().map(|one| one.name.clone()));
                }
            }
            if is_anyone {
                people.clear();
            }
            let key = group.field.clone();
            acts.push(Repair::Approve {
                account: self.change.pull.as_ref().ok().and(one.account.clone()),
                trailer: match self.change.pull {
                    Ok(_) => None,
                    Err(_) => one.person.clone().map(|person| (key, person)),
                },
                people,
            });
        }
        acts
    }
}

fn is_met(context: &EvaluationContext<'_>, asked: &ApprovalsPredicate) -> bool {
    matches!(asked.evaluate(context), Ok(PredicateOutcome::Holds | PredicateOutcome::Owed(_)))
}

fn ask_questions(court: Court<'_>, change: &Change, questions: &AskedApprovals<'_>) -> QuestionsAnswer {
    let mut missing = None;
    for (policy, asked) in questions {
        let Some(policy) = court.policies.get(*policy) else { return QuestionsAnswer::Unmet };
        let context = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
        match asked.evaluate(&context) {
            Ok(PredicateOutcome::Holds | PredicateOutcome::Owed(_)) => {}
            Ok(PredicateOutcome::Fails(_)) => return QuestionsAnswer::Unmet,
            Err(gap) => missing = Some(gap),
        }
    }
    match missing {
        Some(missing) if court.enforce => QuestionsAnswer::Missing(missing),
        _ => QuestionsAnswer::Met,
    }
}

/// Returns true if a question is not met because changes are requested.
fn has_objection(court: Court<'_>, change: &Change, questions: &AskedApprovals<'_>) -> bool {
    for (policy, asked) in questions {
        let Some(policy) = court.policies.get(*policy) else { continue };
        let context = EvaluationContext::new(change, &policy.people, &policy.vocabulary);
        if let Ok(PredicateOutcome::Fails(findings)) = asked.evaluate(&context)
            && findings.iter().any(|finding| {
                finding.message.code() == "approvals.changes-requested"
                    || finding.message.code().starts_with("approvals.objection-dismissed")
            })
        {
            return true;
        }
    }
    false
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
