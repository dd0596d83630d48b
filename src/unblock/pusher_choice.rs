//! Who pushes, where approvals are needed: who pushes a change is one of its contributors, so that their approval does not
//! count. With another pusher, fewer approvals can be enough.

use crate::change::{Change, PusherIdentity};
use crate::judge::judge_change;
use crate::people::ResolvedIdentity;
use crate::predicates::{EvaluationContext, Predicate};
use crate::unblock::applied::apply_repairs;
use crate::unblock::approval_search::{ApprovalSearch, search_approvals};
use crate::unblock::court::{AskedApprovals, Court};
use crate::unblock::pusher_needs::list_other_pushers;
use crate::unblock::repair::Repair;
use crate::verdict::{ObstacleReason, RuleId};

/// How many accounts are tried as the pusher.
const MAX_TRIED_PUSHERS: usize = 12;

/// A pusher with the approvals that are needed beside them.
struct TriedPusher {
    account: String,
    approvals: Vec<Repair>,
    /// True if a rule that is kept now is broken by a push of theirs.
    breaks_rule: bool,
}

/// Adds to `acts` the fewest approvals that meet the questions, and who has to push for that; `acts` are taken before.
pub(super) fn search_with_pushers(
    court: Court<'_>,
    change: &Change,
    acts: Vec<Repair>,
    questions: &AskedApprovals<'_>,
) -> Result<Vec<Repair>, Option<ObstacleReason>> {
    let pushing = acts.iter().position(|act| matches!(act, Repair::PushAs { .. }));
    let Some(place) = pushing else { return search_freely(court, change, acts, questions) };
    let accounts = match acts.get(place) {
        Some(Repair::PushAs { accounts }) => accounts.clone(),
        _ => Vec::new(),
    };
    let mut others = acts.clone();
    others.remove(place);
    let mut blocked = None;
    let tried = try_pushers(court, (change, &others), &accounts, questions, &mut blocked);
    let cost = |one: &TriedPusher| (one.breaks_rule, one.approvals.len());
    let Some(least) = tried.iter().map(cost).min() else { return Err(blocked) };
    let mut best = tried.into_iter().filter(|one| cost(one) == least);
    let Some(first) = best.next() else { return Err(blocked) };
    let mut accounts = vec![first.account];
    accounts.extend(best.map(|one| one.account));
    let mut all = acts;
    if let Some(act) = all.get_mut(place) {
        *act = Repair::PushAs { accounts };
    }
    all.extend(first.approvals);
    Ok(all)
}

/// The same where it is free who pushes: another pusher is told only where that takes fewer acts, or where no approvals of
/// others are enough.
fn search_freely(
    court: Court<'_>,
    change: &Change,
    mut acts: Vec<Repair>,
    questions: &AskedApprovals<'_>,
) -> Result<Vec<Repair>, Option<ObstacleReason>> {
    let before = apply_repairs(change, &acts);
    let found = search_approvals(court, &before, questions);
    let most = match &found {
        ApprovalSearch::Found(approvals) => approvals.len(),
        ApprovalSearch::Blocked(ObstacleReason::Missing(_)) => 0,
        ApprovalSearch::Blocked(_) | ApprovalSearch::Open => usize::MAX,
    };
    // The push is an act itself.
    if most > 1 {
        let mut kept: Vec<TriedPusher> = Vec::new();
        // A push by who made the change costs no approver, so that no other one does with fewer.
        for accounts in list_free_pushers(court, &before, questions) {
            if kept.is_empty() {
                kept = try_pushers(court, (change, &acts), &accounts, questions, &mut None);
                kept.retain(|one| !one.breaks_rule);
            }
        }
        kept.sort_by_key(|one| one.approvals.len());
        let least = kept.first().map_or(usize::MAX, |one| one.approvals.len());
        kept.retain(|one| one.approvals.len() == least);
        if least.saturating_add(1) < most && !kept.is_empty() {
            let approvals = kept.first().map(|one| one.approvals.clone()).unwrap_or_default();
            acts.push(Repair::PushAs { accounts: kept.into_iter().map(|one| one.account).collect() });
            acts.extend(approvals);
            return Ok(acts);
        }
    }
    match found {
        ApprovalSearch::Found(approvals) => {
            acts.extend(approvals);
            Ok(acts)
        }
        ApprovalSearch::Blocked(reason) => Err(Some(reason)),
        ApprovalSearch::Open => Err(None),
    }
}

/// Returns each of these accounts with which approvals are found. `blocked` gets the first reason why there are none.
fn try_pushers(
    court: Court<'_>,
    (change, acts): (&Change, &[Repair]),
    accounts: &[String],
    questions: &AskedApprovals<'_>,
    blocked: &mut Option<ObstacleReason>,
) -> Vec<TriedPusher> {
    let before = list_denying_rules(court, &apply_repairs(change, acts));
    let mut tried = Vec::new();
    for account in accounts.iter().take(MAX_TRIED_PUSHERS) {
        let mut with_push = acts.to_vec();
        with_push.push(Repair::PushAs { accounts: vec![account.clone()] });
        let pushed = apply_repairs(change, &with_push);
        match search_after_push(court, &pushed, questions, &before) {
            Ok((approvals, breaks_rule)) => {
                tried.push(TriedPusher { account: account.clone(), approvals, breaks_rule });
            }
            Err(Some(reason)) => {
                blocked.get_or_insert(reason);
            }
            Err(None) => {}
        }
    }
    tried
}

/// Returns the fewest approvals of a change that someone else has pushed, and whether a rule denies it then that did not
/// `before`. Who pushes may have approved, so that what their approval was for is asked again.
fn search_after_push(
    court: Court<'_>,
    pushed: &Change,
    questions: &AskedApprovals<'_>,
    before: &[(usize, RuleId)],
) -> Result<(Vec<Repair>, bool), Option<ObstacleReason>> {
    let mut asked: AskedApprovals<'_> = questions.clone();
    loop {
        let approvals = match search_approvals(court, pushed, &asked) {
            ApprovalSearch::Found(approvals) => approvals,
            ApprovalSearch::Blocked(reason) => return Err(Some(reason)),
            ApprovalSearch::Open => return Err(None),
        };
        let after = list_denying_rules(court, &apply_repairs(pushed, &approvals));
        let broken: Vec<&(usize, RuleId)> = after.iter().filter(|rule| !before.contains(rule)).collect();
        let known = asked.len();
        for (policy, rule) in &broken {
            for question in list_approval_questions(court, *policy, rule) {
                if !asked.contains(&question) {
                    asked.push(question);
                }
            }
        }
        if broken.is_empty() || asked.len() == known {
            return Ok((approvals, !broken.is_empty()));
        }
    }
}

/// Returns the questions about approvals that a rule asks in any case.
fn list_approval_questions<'court>(
    court: Court<'court>,
    policy: usize,
    rule: &RuleId,
) -> AskedApprovals<'court> {
    let mut questions: AskedApprovals<'court> = Vec::new();
    let rules = court.policies.get(policy).map(|policy| policy.rules.as_slice()).unwrap_or_default();
    for known in rules.iter().filter(|known| known.description.id == *rule) {
        for predicate in known.require.list_required() {
            if let Predicate::Approvals(asked) = predicate {
                questions.push((policy, asked));
            }
        }
    }
    questions
}

/// Returns the rules that deny a change, each with the index of its policy.
fn list_denying_rules(court: Court<'_>, change: &Change) -> Vec<(usize, RuleId)> {
    let mut rules = Vec::new();
    for (index, policy) in court.policies.iter().enumerate() {
        for judgement in judge_change(policy, change, court.enforce).judgements {
            if judgement.is_denying(court.enforce) {
                rules.push((index, judgement.rule.id.clone()));
            }
        }
    }
    rules
}

/// Returns the accounts that could push instead of a person who is known, and who may be needed as an approver: those of who
/// made the change, and those of all others.
///
/// What was pushed to a pull request stays so.
fn list_free_pushers(court: Court<'_>, change: &Change, questions: &AskedApprovals<'_>) -> [Vec<String>; 2] {
    let nobody = || [Vec::new(), Vec::new()];
    let Some(policy) = questions.first().and_then(|(policy, _)| court.policies.get(*policy)) else {
        return nobody();
    };
    let Ok(PusherIdentity::Account(current)) = &change.pusher else { return nobody() };
    if change.pull.is_ok() || !matches!(policy.people.identify_pusher(current), ResolvedIdentity::Human(_)) {
        return nobody();
    }
    let context = EvaluationContext::without_reasons(change, &policy.people, &policy.vocabulary);
    list_other_pushers(current, &context)
}
