//! Patterns of bots that take people for bots: everyone whom the roster lists or the policy names, or all addresses of
//! a domain.

use std::collections::BTreeMap;

use crate::change::person::canonical_address;
use crate::pattern::NamePattern;
use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{FileFindings, SuspectedLockout};
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::staff::team_people::TeamPeople;
use crate::policy::inspect::written::{find_entry, list_items, scalar_text};
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// How many steps of a search take as long as it takes to hold a name against a pattern.
const NAME_COST: usize = 10;

/// What is to be done about a pattern that takes people for bots.
const HELP: &str = "list the addresses of the bots themselves";

/// The people whom a policy knows.
struct KnownPeople<'policy> {
    /// The addresses and accounts of each.
    names: Vec<Vec<&'policy str>>,
    /// Who they are, as the end of `takes ... for a bot`.
    words: &'static str,
    /// True if there are people among them for certain: a team may be one of bots.
    are_people: bool,
}

/// Looks at the patterns under `bots` of a file.
pub(crate) fn inspect_people_as_bots<'policy>(
    file: &YamlNode,
    policy: &'policy Policy,
    people: &TeamPeople<'policy>,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let Some(bots) = find_entry(file, "people").and_then(|people| find_entry(people, "bots")) else { return };
    let known = list_known_people(policy, people);
    let patterns = policy.people.bot_patterns();
    let names: usize = known.names.iter().map(Vec::len).sum();
    let comparisons = names.saturating_mul(patterns.len() + list_items(bots).len());
    let are_all_bots = !known.names.is_empty()
        && budget.spend_steps(comparisons.saturating_mul(NAME_COST))
        && known.are_all_matched(patterns);
    let mut is_told = false;
    for item in list_items(bots) {
        let Some(written) = scalar_text(item) else { continue };
        let Ok(pattern) = NamePattern::new(written) else { continue };
        let shown = shorten_for_message(written);
        if are_all_bots && known.are_all_matched(std::slice::from_ref(&pattern)) {
            is_told = true;
            known.tell_as_bots(item, &format!("`{shown}` takes"), found);
        } else if let Some(domain) = written.strip_prefix("*@") {
            let domain = shorten_for_message(domain);
            let what =
                format!("everyone with an address at `{domain}` counts as a bot, and a bot cannot approve");
            let help = format!("{HELP}, unless only bots have such an address");
            found.notes.push(YamlFault::new(item.at, what).with_help(help));
        }
    }
    if are_all_bots && !is_told {
        known.tell_as_bots(bots, "these patterns take", found);
    }
}

impl KnownPeople<'_> {
    /// Returns true if patterns with a `*` match each of these people; who is listed by name is meant.
    fn are_all_matched(&self, patterns: &[NamePattern]) -> bool {
        let is_matched = |name: &&str| {
            let local = name.split('@').next().unwrap_or(name);
            let matches = |pattern: &NamePattern| {
                pattern.matches_name(name.as_bytes()) || pattern.matches_name(local.as_bytes())
            };
            patterns.iter().any(|pattern| !pattern.is_exact() && matches(pattern))
        };
        self.names.iter().all(|names| names.iter().any(is_matched))
    }

    /// Tells that everyone is taken for a bot: as an error where this cannot be meant.
    fn tell_as_bots(&self, at: &YamlNode, start: &str, found: &mut FileFindings) {
        let what = format!("{start} everyone whom {} for a bot, and a bot cannot approve", self.words);
        let fault = YamlFault::new(at.at, what).with_help(HELP);
        if self.are_people {
            found.errors.push(fault);
            return;
        }
        let rules = Vec::new();
        let suspicion = SuspectedLockout { rules, class: None, fault, note: None, is_always_noted: true };
        found.suspicions.push(suspicion);
    }
}

/// Returns the people of the roster if all of them are bots; without a roster, the owner of the policy and the members of
/// teams.
fn list_known_people<'policy>(policy: &'policy Policy, people: &TeamPeople<'policy>) -> KnownPeople<'policy> {
    if let Some(humans) = people.list_rostered() {
        let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        if humans.is_empty() {
            for (identity, person) in people.list_identities() {
                names.entry(person).or_default().push(identity);
            }
        }
        let names = names.into_values().collect();
        return KnownPeople { names, words: "the roster lists", are_people: true };
    }
    let owner = policy.owner.as_deref().and_then(read_address);
    let mut names: Vec<Vec<&str>> = owner.map(|owner| vec![owner]).into_iter().collect();
    for team in policy.people.team_names() {
        let members = policy.people.team_members(team).iter();
        names.extend(members.filter_map(|member| read_address(member)).map(|member| vec![member]));
    }
    KnownPeople { names, words: "this policy names", are_people: owner.is_some() }
}

/// Returns the address of `Name <address>`, or an address by itself.
fn read_address(person: &str) -> Option<&str> {
    let address = person.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or(person);
    canonical_address(address.as_bytes()).map(|_| address)
}
