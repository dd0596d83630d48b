//! Rules that leave nobody to make a change and enough others to approve it, taken together.
//!
//! Each rule may be one that people can keep, and all of them one that nobody can: whoever may author or push a change
//! is no approver of it.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::policy::definition::{Policy, Rule};
use crate::policy::inspect::entries::lockouts::{find_rest_class, is_ordinary};
use crate::policy::inspect::findings::{FileFindings, SuspectedLockout};
use crate::policy::inspect::written::find_entry;
use crate::predicates::Predicate;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// The people whom the rules for ordinary changes ask for.
#[derive(Default)]
struct AskedPeople<'policy> {
    /// Who may author a change; `None` for anyone.
    authors: Option<BTreeSet<&'policy str>>,
    /// Who may push it; `None` for anyone.
    pushers: Option<BTreeSet<&'policy str>>,
    /// Who may approve it and how many have to, for each question that asks for people it names.
    approvers: Vec<(BTreeSet<&'policy str>, usize)>,
}

impl<'policy> AskedPeople<'policy> {
    fn from_rules(policy: &'policy Policy, rules: &[&'policy Rule]) -> AskedPeople<'policy> {
        let people = &policy.people;
        let rostered = people.list_roster_humans();
        let mut asked = AskedPeople { authors: rostered.clone(), ..AskedPeople::default() };
        for rule in rules {
            for predicate in rule.require.list_required() {
                match predicate {
                    Predicate::Author(author) if !author.asked_teams().is_empty() => {
                        narrow_people(&mut asked.authors, people.list_human_members(author.asked_teams()));
                    }
                    Predicate::Pusher(pusher) if !pusher.asked_teams().is_empty() => {
                        narrow_people(&mut asked.pushers, people.list_human_members(pusher.asked_teams()));
                    }
                    Predicate::Approvals(approvals) if !approvals.asks_code_owners() => {
                        let named = match approvals.asked_teams() {
                            [] => rostered.clone(),
                            teams => Some(people.list_human_members(teams)),
                        };
                        let count = usize::try_from(approvals.asked_count()).unwrap_or(usize::MAX);
                        // A team without members is told by itself, or left for a policy to fill.
                        let named = named.filter(|named| !named.is_empty());
                        asked.approvers.extend(named.map(|named| (named, count)));
                    }
                    _ => {}
                }
            }
        }
        asked
    }

    /// Returns whether some author, and some pusher who may be the same person, leave enough people to approve.
    fn can_be_kept(&self) -> bool {
        let or_stranger = |people: &Option<BTreeSet<&'policy str>>| -> Vec<Option<&'policy str>> {
            match people {
                Some(people) => people.iter().copied().map(Some).collect(),
                None => vec![None],
            }
        };
        let pushers = or_stranger(&self.pushers);
        or_stranger(&self.authors).into_iter().any(|author| {
            pushers.iter().any(|pusher| {
                self.approvers.iter().all(|(approvers, count)| {
                    let made: BTreeSet<&str> = author.into_iter().chain(*pusher).collect();
                    approvers.difference(&made).count() >= *count
                })
            })
        })
    }
}

/// Keeps of those who were asked for so far the ones who are asked for as well.
fn narrow_people<'policy>(so_far: &mut Option<BTreeSet<&'policy str>>, asked: BTreeSet<&'policy str>) {
    *so_far = Some(match so_far.take() {
        Some(known) => known.intersection(&asked).copied().collect(),
        None => asked,
    });
}

/// Finds rules that no author and no pusher leave enough people to keep.
pub(crate) fn inspect_joint_staffing(
    file: &YamlNode,
    policy: &Policy,
    today: Date,
    found: &mut FileFindings,
) {
    let binding = |rule: &&Rule| rule.level_on(today) == RuleLevel::Deny && is_ordinary(rule, policy);
    let mut core: Vec<&Rule> = policy.rules.iter().filter(binding).collect();
    let asked = AskedPeople::from_rules(policy, &core);
    let lacks_makers = [&asked.authors, &asked.pushers].into_iter().flatten().any(BTreeSet::is_empty);
    if asked.approvers.is_empty() || lacks_makers || asked.can_be_kept() {
        return;
    }
    // Only the rules that it takes are named.
    for rule in core.clone() {
        let without: Vec<&Rule> = core.iter().copied().filter(|known| !std::ptr::eq(*known, rule)).collect();
        if !AskedPeople::from_rules(policy, &without).can_be_kept() {
            core = without;
        }
    }
    let asked = AskedPeople::from_rules(policy, &core);
    let rules = find_entry(file, "rules");
    let ids: Vec<&str> = core.iter().map(|rule| rule.description.id.as_str()).collect();
    let own = ids.iter().find_map(|id| rules.and_then(|rules| find_entry(rules, id)));
    let people = find_entry(file, "people");
    let Some(place) = own.or(people).or(rules) else { return };
    let makers = match (&asked.authors, &asked.pushers) {
        (_, Some(_)) => "author and push",
        _ => "author",
    };
    let what = format!(
        "no change could keep {}: whoever may {makers} it leaves too few people to approve it",
        join_rule_ids(&ids)
    );
    let help = "add people to the teams or the roster, or let others author, push or approve";
    let rules: Vec<usize> = (0..policy.rules.len())
        .filter(|index| {
            policy.rules.get(*index).is_some_and(|rule| core.iter().any(|known| std::ptr::eq(*known, rule)))
        })
        .collect();
    let fault = YamlFault::new(place.at, what).with_help(help);
    let suspicion =
        SuspectedLockout { rules, class: find_rest_class(policy), fault, note: None, is_always_noted: false };
    found.suspicions.push(suspicion);
}

/// Returns the ids of rules, as in `a`, `b` and `c` together.
pub(crate) fn join_rule_ids(ids: &[&str]) -> String {
    let mut names: Vec<String> = ids.iter().map(|id| format!("`{}`", shorten_for_message(id))).collect();
    let Some(last) = names.pop() else { return String::new() };
    if names.is_empty() { last } else { format!("{} and {last} together", names.join(", ")) }
}
