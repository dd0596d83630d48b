//! Teams that have to approve a change with all their members: no member can land a change of their own.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::staff::team_people::TeamPeople;
use crate::policy::inspect::staff::unreachable_people::list_team_places;
use crate::policy::inspect::written::{find_entry, list_conjuncts};
use crate::predicates::Predicate;
use crate::predicates::approvals::ApprovalsPredicate;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, YamlPlace, shorten_for_message};

/// Notes the rules of a file, and those of other files that ask teams of this one, that leave no member of a team a change
/// of their own.
pub(crate) fn inspect_own_changes(
    (file, index): (&YamlNode, usize),
    policy: &Policy,
    (rules, people): (&RuleIndex<'_>, &TeamPeople<'_>),
    today: Date,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let own_teams = find_entry(file, "people").and_then(|people| find_entry(people, "teams"));
    let own_teams: HashMap<&str, YamlPlace> = own_teams.map(list_team_places).unwrap_or_default();
    for rule in policy.rules.iter().filter(|rule| rule.level_on(today) == RuleLevel::Deny) {
        let id = rule.description.id.as_str();
        let written = rules.find_written(index, id).and_then(|written| find_entry(written, "require"));
        for predicate in rule.require.list_required() {
            let Predicate::Approvals(asked) = predicate else { continue };
            let own_team = asked.asked_teams().iter().find_map(|team| own_teams.get(team.as_str()).copied());
            let Some(at) = written.map(find_approvals_place).or(own_team) else { continue };
            let Some((teams, count)) = find_exhausted_teams(asked, people, budget) else { continue };
            let needed = asked.asked_count().max(1);
            let (id, teams) = (shorten_for_message(id), shorten_for_message(&teams.join(", ")));
            let (noun, members) = (
                if needed == 1 { "approval" } else { "approvals" },
                if count == 1 { "member" } else { "members" },
            );
            let what = format!(
                "`{id}` needs {needed} {noun} from `{teams}`, which has {count} {members}, and nobody approves a change \
                 of their own; so members of `{teams}` cannot land their own changes"
            );
            let help = "add members to the team, or ask for fewer approvals, unless this is meant";
            let fault = YamlFault::new(at, what).with_help(help);
            // Several rules of a pack may ask the same team.
            if !found.notes.iter().any(|known| known.at == at && known.what == fault.what) {
                found.notes.push(fault);
            }
        }
    }
}

/// Returns the teams whose members all have to approve, and how many they are; `None` if one can be spared, or there are
/// too many to count.
fn find_exhausted_teams<'policy>(
    asked: &'policy ApprovalsPredicate,
    people: &TeamPeople<'_>,
    budget: &SearchBudget,
) -> Option<(&'policy [String], u64)> {
    let teams = asked.asked_teams();
    if teams.is_empty() || asked.asks_code_owners() || people.has_untold_members(teams) {
        return None;
    }
    let is_exhausted = |teams: &[String], needed: u64| {
        let members = people.list_members(teams)?;
        let usable = match people.has_roster() {
            true => members.len(),
            false if budget.spend_steps(members.len()) => {
                members.iter().filter(|member| asked.knows_approver(member, people.has_keys)).count()
            }
            false => return None,
        };
        let count = u64::try_from(usable).ok()?;
        (count > 0 && count == needed).then_some(count)
    };
    if let Some(count) = is_exhausted(teams, asked.asked_count()) {
        return Some((teams, count));
    }
    if asked.asks_each_team() {
        for team in teams {
            let team = std::slice::from_ref(team);
            if is_exhausted(team, 1).is_some() {
                return Some((team, 1));
            }
        }
    }
    None
}

/// Returns the place of the approvals that a condition asks for, or else its own.
fn find_approvals_place(require: &YamlNode) -> YamlPlace {
    let asked = list_conjuncts(require).into_iter().find(|(key, _)| key.text == "approvals");
    asked.map_or(require.at, |(key, _)| key.at)
}
