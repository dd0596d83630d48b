//! Teams that are too small for what is asked of them.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;

use crate::people::PeopleDirectory;
use crate::people::service::PersonAbsence;
use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FileFindings, SuspectedLockout};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::staff::team_people::TeamPeople;
use crate::policy::inspect::written::{
    find_entry, list_condition_predicates, list_entries, list_items, list_predicates, list_texts, scalar_text,
};
use crate::predicates::approvals::names_code_owners;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlKey, YamlNode, YamlPlace, shorten_for_message};

/// How many steps of a search take as long as it takes to look up a member of a team.
const MEMBER_COST: usize = 30;

/// Looks at the teams of a file, and at what its rules ask of people.
pub(crate) fn inspect_people(
    file: &YamlNode,
    policy: &Policy,
    (rules, team_people): (&RuleIndex<'_>, &TeamPeople<'_>),
    today: Date,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let people = &policy.people;
    if let Some(teams) = find_entry(file, "people").and_then(|node| find_entry(node, "teams")) {
        for (team, members) in list_entries(teams) {
            inspect_members(&team.text, members, people, (team_people, today), found);
        }
    }
    inspect_questions(file, policy, rules, today, budget, found);
}

/// Looks at what the rules of a file ask of people.
pub(crate) fn inspect_questions(
    file: &YamlNode,
    policy: &Policy,
    rules: &RuleIndex<'_>,
    today: Date,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let count = policy.people.count_roster_people();
    let mut questions = PeopleQuestion { policy, count, known: HashMap::new(), budget };
    let mut is_told_of: BTreeSet<YamlPlace> = BTreeSet::new();
    for (id, written) in find_entry(file, "rules").map(list_entries).unwrap_or_default() {
        let place = rules.find_place(&id.text);
        let (Some(place), Some(require)) = (place, find_entry(written, "require")) else { continue };
        let denies = policy.rules.get(place).is_some_and(|rule| rule.level_on(today) == RuleLevel::Deny);
        for (key, value) in list_condition_predicates(require) {
            let Some(fault) = questions.find_unmet_question(key, value) else { continue };
            is_told_of.insert(key.at);
            // Without any keys, the question is odd wherever it stands.
            let is_always_noted = !denies || key.text == "signed";
            let suspicion = SuspectedLockout::of_rule(place, fault);
            found.suspicions.push(SuspectedLockout { is_always_noted, ..suspicion });
        }
    }
    // What a `when`, a class or an exemption asks locks nobody out.
    for (key, value) in list_predicates(file).into_iter().filter(|(key, _)| !is_told_of.contains(&key.at)) {
        found.notes.extend(questions.find_unmet_question(key, value));
    }
}

/// Tells which questions about people nobody can meet.
struct PeopleQuestion<'policy> {
    policy: &'policy Policy,
    /// How many people the roster lists.
    count: Option<usize>,
    /// How many members lists of teams have together.
    known: HashMap<(Vec<String>, bool), usize>,
    budget: &'policy SearchBudget,
}

impl PeopleQuestion<'_> {
    /// Returns what is wrong with a question about people that nobody can meet.
    fn find_unmet_question(&mut self, key: &YamlKey, value: &YamlNode) -> Option<YamlFault> {
        let signers = &self.policy.signer_keys;
        match key.text.as_str() {
            "approvals" => self.find_unmet_approvals(value),
            "signed"
                if signers.ssh.is_none()
                    && signers.openpgp.is_none()
                    && self.policy.people.list_allowed_signers().is_empty() =>
            {
                let what = "this asks for signatures, and the policy has no keys to verify them with";
                let help = "name them, as in `signers: { ssh: policies/allowed_signers }`";
                Some(YamlFault::new(key.at, what).with_help(help))
            }
            _ => None,
        }
    }

    /// Returns how many people are in these teams, or how many trained ones; `None` where there are too many to look at.
    fn count_members(&mut self, teams: &[&str], is_trained: bool) -> Option<usize> {
        let names: Vec<String> = teams.iter().map(|team| (*team).to_owned()).collect();
        let names = (names, is_trained);
        if let Some(count) = self.known.get(&names) {
            return Some(*count);
        }
        let people = &self.policy.people;
        let size: usize = teams.iter().map(|team| people.count_members(team)).sum();
        if !self.budget.spend_steps(size.saturating_mul(MEMBER_COST)) {
            return None;
        }
        let mut members: BTreeSet<&str> =
            teams.iter().flat_map(|team| people.list_settled_keys(team)).collect();
        members.retain(|key| !is_trained || people.is_trained_then(key));
        self.known.insert(names, members.len());
        Some(members.len())
    }

    /// Returns how many people of the roster are trained; `None` where there are too many to look at.
    fn count_trained(&self) -> Option<usize> {
        let people = &self.policy.people;
        if !self.budget.spend_steps(self.count?.saturating_mul(MEMBER_COST)) {
            return None;
        }
        let keys: BTreeSet<&str> = people.list_identities().into_values().collect();
        Some(keys.into_iter().filter(|key| people.is_trained_then(key)).count())
    }

    /// Returns what is wrong with a number of approvals that is larger than the number of people who may give them.
    fn find_unmet_approvals(&mut self, asked: &YamlNode) -> Option<YamlFault> {
        let people = &self.policy.people;
        let count_node = find_entry(asked, "at-least");
        let least = count_node.and_then(scalar_text).and_then(|text| text.parse().ok()).unwrap_or(1);
        let is_trained = find_entry(asked, "trained").and_then(scalar_text) == Some("true");
        let Some(from) = find_entry(asked, "from") else {
            let at = count_node.unwrap_or(asked).at;
            if is_trained && let Some(known) = self.count_trained().filter(|known| *known < least) {
                let what = format!("needs {least} approvals of trained people, and the roster has {known}");
                let help = "write `trained-until` for those who are trained, or ask for fewer";
                return Some(YamlFault::new(at, what).with_help(help));
            }
            let known = self.count.filter(|known| *known < least)?;
            let what = format!("needs {least} approvals, and the roster lists {known} people");
            return Some(YamlFault::new(at, what).with_help("ask for fewer, or add people to the roster"));
        };
        // Who owns what a change touches is not known before there is one.
        if names_code_owners(from) {
            return None;
        }
        let is_distinct = find_entry(asked, "distinct-teams").and_then(scalar_text) == Some("true");
        let teams = list_texts(from);
        // How many a forge's team has, only the forge knows.
        if teams.iter().any(|team| people.has_untold_members(team)) {
            return None;
        }
        for team in &teams {
            let is_empty = people.list_settled_keys(team).next().is_none();
            if is_empty && (is_distinct || teams.len() == 1) {
                let what = format!(
                    "the team `{}` has no member in the roster, so this can never be met",
                    shorten_for_message(team)
                );
                let help = "add its members to the roster, or name another team";
                return Some(YamlFault::new(from.at, what).with_help(help));
            }
        }
        let count = self.count_members(&teams, is_trained).filter(|count| *count < least)?;
        let teams = shorten_for_message(&teams.join(", "));
        let noun = match (is_trained, count) {
            (true, 1) => "trained member",
            (true, _) => "trained members",
            (false, 1) => "member",
            (false, _) => "members",
        };
        let asked = if least == 1 { "approval" } else { "approvals" };
        let what =
            format!("needs {least} {asked} from {teams}, with {count} {noun}, so this can never be met");
        let at = count_node.unwrap_or(from).at;
        Some(YamlFault::new(at, what).with_help("ask for fewer, or add members to the team"))
    }
}

/// Notes the members of a team whom the roster does not list, or who are not there today: they count for nothing.
fn inspect_members(
    team: &str,
    members: &YamlNode,
    people: &PeopleDirectory,
    (team_people, today): (&TeamPeople<'_>, Date),
    found: &mut FileFindings,
) {
    if !people.has_roster() {
        return;
    }
    for item in list_items(members) {
        if let Some(member) = scalar_text(item).filter(|member| team_people.has_team_days(member, team)) {
            let (member, team) = (shorten_for_message(member), shorten_for_message(team));
            let what = format!(
                "`{member}` is in `{team}` on all days by this list, so the days that the roster gives for it count for nothing"
            );
            let help = "take them out of the list; then they are in the team on the days of the roster";
            found.notes.push(YamlFault::new(item.at, what).with_help(help));
        }
        if let Some(member) = scalar_text(item)
            && !people.lists_person(member)
            && !member.contains('/')
        {
            let shown = shorten_for_message(member);
            let what = format!(
                "`{shown}` is not in the roster, so they count for nothing in `{}`",
                shorten_for_message(team)
            );
            if let Some(absence) = team_people.find_absence(member, today) {
                let how = match absence {
                    PersonAbsence::Left(day) => format!("left, with {day} as their last day"),
                    PersonAbsence::NotJoined(day) => format!("joins on {day}"),
                };
                let team = shorten_for_message(team);
                let what = format!("`{shown}` {how}, so they count for nothing in `{team}` today");
                found.notes.push(YamlFault::new(item.at, what));
                continue;
            }
            let own = team_people.find_entry_identity(member);
            let fault = match own {
                // The keys of a roster are names for people to read.
                Some(identity) => {
                    let what = format!(
                        "`{shown}` is the name of an entry of the roster and none of its addresses or accounts, so they \
                         count for nothing in `{}`",
                        shorten_for_message(team)
                    );
                    YamlFault::new(item.at, what)
                        .with_help(format!("write an address or an account of the entry, as in `{identity}`"))
                }
                None => YamlFault::new(item.at, what)
                    .with_help("add them to the roster, or take them out of the team"),
            };
            found.notes.push(fault);
        }
    }
}
