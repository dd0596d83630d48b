//! Teams whose members can never be recognised.
//!
//! A hook knows people by the addresses in commits and trailers, a forge by their accounts. Only a roster
//! connects the two; without one, a member who is named in the other way counts for nothing.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FileFindings, SuspectedLockout};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::staff::team_people::TeamPeople;
use crate::policy::inspect::written::{find_entry, list_entries};
use crate::predicates::Predicate;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, YamlPlace, shorten_for_message};

/// The accounts that have addresses of their own: those that GitHub gives them for commits.
const GITHUB_PREFIX: &str = "github:";

/// Looks at the teams that rules ask.
pub(crate) fn inspect_unreachable_people(
    (file, index): (&YamlNode, usize),
    policy: &Policy,
    (rules, people): (&RuleIndex<'_>, &TeamPeople<'_>),
    today: Date,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    if policy.people.has_roster() {
        return;
    }
    let own_teams = find_entry(file, "people").and_then(|people| find_entry(people, "teams"));
    let own_teams: HashMap<&str, YamlPlace> = own_teams.map(list_team_places).unwrap_or_default();
    for (place, rule) in policy.rules.iter().enumerate() {
        if rule.level_on(today) != RuleLevel::Deny {
            continue;
        }
        let id = rule.description.id.as_str();
        let written = rules.find_written(index, id);
        let require = written.and_then(|rule| find_entry(rule, "require"));
        for predicate in rule.require.list_required() {
            let Predicate::Approvals(asked) = predicate else { continue };
            if !asked.is_of_listed_people() {
                continue;
            }
            let teams = asked.asked_teams();
            let Some(at) = teams
                .iter()
                .find_map(|team| own_teams.get(team.as_str()).copied())
                .or(require.map(|node| node.at))
            else {
                continue;
            };
            let Some(members) = people.list_members(teams) else { return };
            if teams.is_empty() || members.is_empty() || people.has_untold_members(teams) {
                continue;
            }
            if !budget.spend_steps(members.len()) {
                return;
            }
            let is_usable = |member: &&&str| asked.knows_approver(member, people.has_keys);
            let usable = u64::try_from(members.iter().filter(is_usable).count()).unwrap_or(u64::MAX);
            let listed = shorten_for_message(&teams.join(", "));
            if usable < asked.asked_count() {
                let (kind, as_in) = match asked.requires_verified() {
                    true => ("accounts of a forge", "github:ana"),
                    false => ("addresses", "ana@example.com"),
                };
                let what = format!(
                    "no change could keep `{}`: approvals come from {kind}, and `{listed}` names {usable} of them",
                    shorten_for_message(id)
                );
                let help = format!("name the members as in `{as_in}`, or keep a roster that lists both");
                let fault = YamlFault::new(at, what).with_help(help);
                found.suspicions.push(SuspectedLockout::of_rule(place, fault));
            } else if !asked.requires_verified() && members.iter().all(|member| is_github_account(member)) {
                let what = format!(
                    "`{listed}` names only accounts of GitHub; on a server, `{}` is met only with the addresses that GitHub \
                     gives them (`...@users.noreply.github.com`)",
                    shorten_for_message(id)
                );
                let help = "name their addresses as well, or keep a roster";
                found.notes.push(YamlFault::new(at, what).with_help(help));
            }
        }
    }
    found.notes.dedup();
}

fn is_github_account(member: &str) -> bool {
    member.starts_with(GITHUB_PREFIX) && !member.contains('@')
}

/// Returns the places of the teams that a file itself defines, by their names.
pub(crate) fn list_team_places(teams: &YamlNode) -> HashMap<&str, YamlPlace> {
    let mut places = HashMap::new();
    for (name, _) in list_entries(teams) {
        places.entry(name.text.as_str()).or_insert(name.at);
    }
    places
}
