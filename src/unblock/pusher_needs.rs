//! Who else could push a change: where a policy asks who pushes it, and where an approval of the pusher would count.

use std::collections::BTreeMap;

use crate::change::pull_request::{ContributorRole, PullContributor};
use crate::change::{Change, PusherIdentity, Text};
use crate::people::contributors::ResolvedContributor;
use crate::people::roster_members::account_kind;
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::predicates::approvals::ApprovalsPredicate;
use crate::predicates::pusher::PusherPredicate;
use crate::predicates::{EvaluationContext, Predicate};
use crate::unblock::applied::apply_repairs;
use crate::unblock::approvers::ApprovalQuestion;
use crate::unblock::needs::{AskedChange, Need, WaysToMeet};
use crate::unblock::repair::Repair;
use crate::unblock::wording::{ADD_AUTHOR_TO_ROSTER, ADD_TO_ROSTER, OPEN_OTHER_PULL, name_some};
use crate::verdict::ObstacleReason;

/// How many accounts are tried.
const MAX_ACCOUNTS: usize = 50;

/// Returns what it takes that the pusher is one who is meant, or none of them where `wanted` is false.
///
/// Only a push is made again by someone else. What several accounts have pushed to a pull request stays theirs, so that
/// another one is needed.
pub(super) fn list_pusher_needs<'policy>(
    predicate: &'policy Predicate,
    asked_pusher: &PusherPredicate,
    wanted: bool,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let change = asked.context.change;
    let Ok(PusherIdentity::Account(current)) = &change.pusher else { return WaysToMeet::Open };
    if change.pull.is_ok() {
        return advise_other_pull(predicate, asked_pusher, wanted, asked);
    }
    let mut accounts: Vec<String> = Vec::new();
    for account in list_candidates(asked_pusher, wanted, asked) {
        let is_tried = accounts.contains(&account) || current.as_bytes() == account.as_bytes();
        if is_tried || is_bot(&account, asked) {
            continue;
        }
        let act = Repair::PushAs { accounts: vec![account.clone()] };
        if asked.is_answered(predicate, wanted, &apply_repairs(change, &[act])) {
            accounts.push(account);
        }
    }
    if !accounts.is_empty() {
        return WaysToMeet::Known(vec![vec![Need::Act(Repair::PushAs { accounts })]]);
    }
    let is_unknown = asked.people.identify_account(current) == ResolvedIdentity::Unknown;
    if asked.people.has_roster() && is_unknown && asked_pusher.asked_accounts().is_empty() {
        let reason = ADD_TO_ROSTER.with("account", current);
        return WaysToMeet::Blocked(ObstacleReason::Advice(reason));
    }
    WaysToMeet::Open
}

/// Returns who could push the commits to another branch, so that a pull request from there has other pushers.
fn advise_other_pull<'policy>(
    predicate: &'policy Predicate,
    asked_pusher: &PusherPredicate,
    wanted: bool,
    asked: &AskedChange<'_, 'policy>,
) -> WaysToMeet<'policy> {
    let mut accounts: Vec<String> = Vec::new();
    for account in list_candidates(asked_pusher, wanted, asked) {
        if !accounts.contains(&account)
            && !is_bot(&account, asked)
            && let Some(pushed) = push_anew(asked.context.change, &account, asked)
            && asked.is_answered(predicate, wanted, &pushed)
        {
            accounts.push(account);
        }
    }
    if accounts.is_empty() {
        return WaysToMeet::Open;
    }
    let reason = OPEN_OTHER_PULL.with("accounts", name_some(&accounts));
    WaysToMeet::Blocked(ObstacleReason::Advice(reason))
}

/// Returns the change as it would be if this account alone had pushed it.
fn push_anew(change: &Change, account: &str, asked: &AskedChange<'_, '_>) -> Option<Change> {
    let mut pushed = change.clone();
    let pusher = asked.people.build_forge_account(account);
    pushed.pusher = Ok(PusherIdentity::Account(pusher.id.clone()));
    let contributors = pushed.pull.as_mut().ok()?.contributors.as_mut().ok()?;
    contributors.retain(|one| one.role != ContributorRole::Pusher);
    let name = pusher.id.clone();
    contributors.push(PullContributor {
        role: ContributorRole::Pusher,
        account: Some(pusher),
        email: None,
        name,
    });
    Some(pushed)
}

/// Returns the push by another contributor after which more of the approvals that were given count: the one who pushes
/// has approved, and contributes nothing else. `None` if there is none.
///
/// What was pushed to a pull request stays so.
pub(super) fn find_push_by_contributor(
    predicate: &ApprovalsPredicate,
    asked: &AskedChange<'_, '_>,
) -> Option<Repair> {
    let change = asked.context.change;
    let Ok(PusherIdentity::Account(current)) = &change.pusher else { return None };
    let is_known = matches!(asked.people.identify_pusher(current), ResolvedIdentity::Human(_));
    if change.pull.is_ok() || !is_known {
        return None;
    }
    let count_after = |changed: &Change| {
        let context = EvaluationContext::new(changed, asked.people, asked.vocabulary);
        ApprovalQuestion::new(predicate, context).count_given()
    };
    let given = count_after(change);
    let mut accounts: Vec<String> = Vec::new();
    for contributor in asked.context.participants().0 {
        let push = |account: &String| {
            let act = Repair::PushAs { accounts: vec![account.clone()] };
            count_after(&apply_repairs(change, &[act])) > given
        };
        accounts.extend(list_accounts(contributor, current, asked.people).into_iter().find(push));
        if accounts.len() == MAX_ACCOUNTS {
            break;
        }
    }
    if accounts.is_empty() { None } else { Some(Repair::PushAs { accounts }) }
}

/// Returns by what a server may know a contributor, in the form in which it knows the pusher first; without a roster,
/// the address stands for the person.
fn list_accounts(contributor: &ResolvedContributor, current: &Text, people: &PeopleDirectory) -> Vec<String> {
    let ResolvedIdentity::Human(person) = &contributor.identity else { return Vec::new() };
    if !people.has_roster() {
        let address = contributor.address.as_ref().and_then(Text::as_utf8);
        return address.into_iter().map(str::to_owned).collect();
    }
    let identities = people.list_identities();
    let of_person = identities.iter().filter(|(_, key)| **key == person.as_str());
    let mut accounts: Vec<String> = of_person.map(|(identity, _)| (*identity).to_owned()).collect();
    let current = current.to_lossy();
    accounts.sort_by_key(|account| account_kind(account) != account_kind(&current));
    accounts
}

/// Returns an account of everyone who could push in the place of `current`, in the form in which the server knows that
/// one: of who made the change, and of all others.
pub(super) fn list_other_pushers(current: &Text, context: &EvaluationContext<'_>) -> [Vec<String>; 2] {
    let people = context.people;
    let mut makers: Vec<String> = Vec::new();
    for contributor in context.participants().0 {
        makers.extend(list_accounts(contributor, current, people).into_iter().next());
    }
    let kind = current.to_lossy().into_owned();
    let mut persons: BTreeMap<&str, &str> = BTreeMap::new();
    for (identity, key) in people.list_identities() {
        if account_kind(identity) == account_kind(&kind) {
            persons.entry(key).or_insert(identity);
        }
    }
    let others = persons.into_values().map(str::to_owned).collect();
    let mut known: Vec<ResolvedIdentity> = vec![people.identify_pusher(current)];
    [makers, others].map(|mut accounts: Vec<String>| {
        accounts.retain(|account| {
            let identity = people.identify_pusher(&Text::from(account.as_str()));
            let is_new = matches!(identity, ResolvedIdentity::Human(_)) && !known.contains(&identity);
            known.push(identity);
            is_new
        });
        accounts
    })
}

/// Returns what is to be done about an author whom the roster does not list; who made a commit does not change.
pub(super) fn list_author_needs<'policy>(asked: &AskedChange<'_, 'policy>) -> WaysToMeet<'policy> {
    if !asked.people.has_roster() {
        return WaysToMeet::Open;
    }
    for commit in &asked.context.change.commits {
        if asked.people.identify_person(&commit.author) == ResolvedIdentity::Unknown {
            let reason = ADD_AUTHOR_TO_ROSTER.with("author", &commit.author.email);
            return WaysToMeet::Blocked(ObstacleReason::Advice(reason));
        }
    }
    WaysToMeet::Open
}

/// Returns the accounts that the policy names: those that are asked for, the members of teams, and the people of the
/// roster.
fn list_candidates(asked_pusher: &PusherPredicate, wanted: bool, asked: &AskedChange<'_, '_>) -> Vec<String> {
    let people = asked.people;
    let mut candidates: Vec<String> = Vec::new();
    if wanted {
        let named = asked_pusher.asked_accounts().iter().map(ToString::to_string);
        candidates.extend(named.filter(|name| !name.contains('*')));
    }
    let is_account = |identity: &str| !identity.contains('@');
    for team in asked_pusher.asked_teams() {
        candidates
            .extend(people.list_member_identities(team).into_iter().filter(|member| is_account(member)));
    }
    let mut listed: Vec<String> = Vec::new();
    for (identity, _) in people.list_identities() {
        if is_account(identity) {
            listed.push(identity.to_owned());
        }
    }
    listed.sort_unstable();
    candidates.extend(listed);
    candidates.truncate(MAX_ACCOUNTS);
    candidates
}

fn is_bot(account: &str, asked: &AskedChange<'_, '_>) -> bool {
    let identity = asked.people.identify_account(&Text::from(account));
    matches!(identity, ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot)
}
