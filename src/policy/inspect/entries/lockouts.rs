//! Rules that no person could ever keep: a policy that has one locks everybody out, and its repair as well.
//!
//! What is asked here is about an ordinary change: that a person can author it, that enough others can
//! approve it, and that there is a value and a time that the rule accepts. It is suspected by the wording; whether
//! exemptions or other changes remain, a search tells.

use jiff::civil::Date;

use crate::policy::definition::{KeyFile, Policy, Rule};
use crate::policy::inspect::entries::word_sets::WordSets;
use crate::policy::inspect::findings::{FORGE_ADDRESS, FileFindings, SuspectedLockout};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::choice_set::ChoiceSet;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::staff::team_people::TeamPeople;
use crate::policy::inspect::written::{
    WrittenPredicate, find_entry, list_conjuncts, list_entries, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::predicates::Predicate;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

/// How many steps of a search take as long as it takes to hold an address against a pattern.
const ADDRESS_COST: usize = 20;

/// Finds the rules of the file at `index`, and of what it extends, that no ordinary change can keep.
pub(crate) fn inspect_lockouts(
    policy: &Policy,
    (files, rules): (&[PolicyFile], &RuleIndex<'_>),
    (words, people): (&WordSets<'_>, &TeamPeople<'_>),
    index: usize,
    today: Date,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let Some(file) = files.get(index).map(|file| &file.node) else { return };
    let mut for_all: Vec<(usize, WrittenPredicate<'_>)> = Vec::new();
    for (id, rule) in find_entry(file, "rules").map(list_entries).unwrap_or_default() {
        let place = rules.find_place(&id.text);
        let (Some(place), Some(require)) = (place, find_entry(rule, "require")) else { continue };
        let asked = list_conjuncts(require);
        // Some changes may well be forbidden: those of a vendored folder, say.
        let is_binding =
            binds_usual_changes(policy, place, today) && !rules.is_overridden(index, &id.text, "require");
        for (key, value) in &asked {
            match key.text.as_str() {
                "size" if is_binding => inspect_size(value, (place, &id.text), found),
                "signed" => inspect_keys(key, place, policy, found),
                _ => {}
            }
        }
        let asked = asked.into_iter().map(|asked| (place, asked));
        if find_entry(rule, "when").is_none() && find_entry(rule, "for").is_none() {
            for_all.extend(asked);
        } else {
            inspect_fields(&asked.collect::<Vec<_>>(), policy, words, found);
        }
    }
    inspect_fields(&for_all, policy, words, found);
    inspect_staffing((file, index), policy, (rules, people), today, budget, found);
}

/// Finds rules that leave no person to author a change, or too few others to approve it.
fn inspect_staffing(
    (file, file_index): (&YamlNode, usize),
    policy: &Policy,
    (rules, people): (&RuleIndex<'_>, &TeamPeople<'_>),
    today: Date,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let approval_rules = list_approval_rules(policy, today);
    let own_people = find_entry(file, "people");
    let own_people =
        own_people.and_then(|people| find_entry(people, "roster").or(find_entry(people, "teams")));
    for (index, rule) in policy.rules.iter().enumerate() {
        if rule.level_on(today) != RuleLevel::Deny {
            continue;
        }
        let id = rule.description.id.as_str();
        let written = rules.find_written(file_index, id);
        let own_require = written.and_then(|rule| find_entry(rule, "require"));
        let Some(place) = own_require.or(own_people) else { continue };
        if let Some((most, asked)) = count_approvers(rule, people, budget)
            && most < asked
        {
            let what = format!(
                "no change could keep `{}`: it needs {asked} {}, and there {} at most {most} {} beside the author",
                shorten_for_message(id),
                if asked == 1 { "approval" } else { "approvals" },
                if most == 1 { "is" } else { "are" },
                if most == 1 { "person" } else { "people" },
            );
            let help = "add people to the roster or the teams, or ask for fewer approvals; bots do not count";
            let fault = YamlFault::new(place.at, what).with_help(help);
            found.suspicions.push(SuspectedLockout::of_rule(index, fault));
        }
        if is_ordinary(rule, policy) && accepts_no_listed_address(rule, people, budget) {
            let id = shorten_for_message(id);
            let what = format!(
                "no change could keep `{id}`: it accepts no address of an author that the roster lists"
            );
            let help = "correct the address or the domain, or add the addresses of the people to the roster";
            let fault = YamlFault::new(place.at, what).with_help(help);
            let mut suspicion = SuspectedLockout::of_rule(index, fault);
            // Someone whom the roster does not list may change what nobody has to approve.
            if !budget.spend_steps(approval_rules.len()) {
                return;
            }
            suspicion.rules.extend(approval_rules.iter().copied().filter(|asking| *asking != index));
            found.suspicions.push(suspicion);
        }
    }
}

/// Returns the indexes of the rules that deny what nobody has approved.
fn list_approval_rules(policy: &Policy, today: Date) -> Vec<usize> {
    let asks_approvals = move |rule: &Rule| {
        let asked = rule.require.list_required();
        rule.level_on(today) == RuleLevel::Deny
            && asked.iter().any(|predicate| matches!(predicate, Predicate::Approvals(_)))
    };
    let rules = policy.rules.iter().enumerate();
    rules.filter(move |(_, rule)| asks_approvals(rule)).map(|(index, _)| index).collect()
}

/// Returns true if the rule asks for addresses of authors, and the roster lists addresses, and none of these is one.
fn accepts_no_listed_address(rule: &Rule, people: &TeamPeople<'_>, budget: &SearchBudget) -> bool {
    let listed = people.list_addresses();
    if !people.has_roster() || listed.is_empty() {
        return false;
    }
    rule.require.list_required().iter().any(|predicate| match predicate {
        Predicate::Author(asked) => {
            let size = asked.asked_addresses().len() + asked.asked_domains().len();
            let accepts = |address: &&str| asked.accepts_address(address);
            // A forge gives such an address to each account, which no roster lists.
            asked.asks_addresses()
                && budget.spend_steps(listed.len().saturating_mul(size).saturating_mul(ADDRESS_COST))
                && !listed.iter().chain(&[FORGE_ADDRESS]).any(accepts)
        }
        _ => false,
    })
}

/// Returns true if the rule at this place denies every usual change that does not keep it, whatever it touches, unless
/// an exemption covers it.
pub(crate) fn binds_usual_changes(policy: &Policy, place: usize, today: Date) -> bool {
    policy
        .rules
        .get(place)
        .is_some_and(|rule| rule.level_on(today) == RuleLevel::Deny && is_ordinary(rule, policy))
}

/// Returns the index of the class that takes all that is left.
pub(crate) fn find_rest_class(policy: &Policy) -> Option<usize> {
    policy.classes.iter().position(|class| class.when.is_empty())
}

/// Returns true if the rule applies to every change of the class that takes all that is left.
pub(crate) fn is_ordinary(rule: &Rule, policy: &Policy) -> bool {
    rule.when.is_none()
        && match (&rule.class_indexes, find_rest_class(policy)) {
            (None, _) => true,
            (Some(indexes), Some(rest)) => indexes.contains(&rest),
            (Some(_), None) => false,
        }
}

/// Returns how many people could approve the change of the author for whom they are most, and how many
/// have to; `None` where anyone with an address could, or where no approval is asked.
fn count_approvers(rule: &Rule, people: &TeamPeople<'_>, budget: &SearchBudget) -> Option<(u64, u64)> {
    let rostered = people.list_rostered();
    let (mut approvers, mut authors) = (rostered.clone(), rostered);
    let mut asked = None;
    for predicate in rule.require.list_required() {
        match predicate {
            Predicate::Approvals(approvals) if approvals.is_of_listed_people() => {
                asked = Some(approvals.asked_count());
                if !approvals.asked_teams().is_empty() {
                    approvers = Some(people.list_members(approvals.asked_teams())?);
                }
                approvers = approvers.map(|all| people.keep_trained(all, approvals));
            }
            Predicate::Author(author) if !author.asked_teams().is_empty() => {
                authors = Some(people.list_members(author.asked_teams())?);
            }
            _ => {}
        }
    }
    let (asked, approvers) = (asked?, approvers?);
    let most = match authors {
        // Whoever is no approver leaves all of them.
        Some(authors) if !budget.spend_steps(authors.len()) => return None,
        Some(authors) if authors.is_empty() => 0,
        Some(authors) if authors.is_subset(&approvers) => approvers.len() - 1,
        Some(_) | None => approvers.len(),
    };
    Some((u64::try_from(most).unwrap_or(u64::MAX), asked))
}

/// Finds a size that only an empty change has.
fn inspect_size(asked: &YamlNode, (place, id): (usize, &str), found: &mut FileFindings) {
    let ignores = find_entry(asked, "ignore").is_some();
    for (key, bound) in list_entries(asked) {
        let Some(most) = find_entry(bound, "at-most") else { continue };
        let is_zero = scalar_text(most).is_some_and(|text| text.parse() == Ok(0_u64));
        if is_zero && (key.text == "commits" || !ignores) {
            let start = format!("at most 0 {} is a change of nothing, so no change", key.text);
            let what = format!("{start} is allowed");
            let noted = format!("{start} that `{}` applies to is allowed", shorten_for_message(id));
            let fault = YamlFault::new(most.at, what).with_help("allow 1 or more");
            found.suspicions.push(SuspectedLockout::of_rule(place, fault).or_noted_as(noted));
        }
    }
}

/// Finds files of keys that hold none.
fn inspect_keys(key: &YamlKey, place: usize, policy: &Policy, found: &mut FileFindings) {
    let is_empty = |file: &KeyFile| {
        let mut lines = file.source.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        lines.all(|line| line.is_empty() || line.starts_with(b"#"))
    };
    let files: Vec<&KeyFile> = policy.signer_keys.ssh.iter().chain(&policy.signer_keys.openpgp).collect();
    if let Some(first) = files.first()
        && files.iter().all(|file| is_empty(file))
    {
        let what =
            format!("this asks for signatures, and `{}` holds no keys", shorten_for_message(&first.path));
        let fault = YamlFault::new(key.at, what).with_help("add the keys of the people who sign");
        let suspicion = SuspectedLockout::of_rule(place, fault);
        found.suspicions.push(SuspectedLockout { is_always_noted: true, ..suspicion });
    }
}

/// Finds fields of which these questions, each of the rule with this index, accept no common value.
fn inspect_fields(
    asked: &[(usize, WrittenPredicate<'_>)],
    policy: &Policy,
    words: &WordSets<'_>,
    found: &mut FileFindings,
) {
    let mut accepted: Vec<(&str, ChoiceSet, Vec<usize>)> = Vec::new();
    let fields = asked
        .iter()
        .filter(|(_, (key, _))| key.text == "field")
        .flat_map(|(rule, (_, value))| list_entries(value).iter().map(|entry| (*rule, entry)));
    for (rule, (name, value)) in fields {
        let Some((_, words)) = words.list_accepted(&name.text, value) else { continue };
        let known = accepted.iter_mut().find(|(known, ..)| *known == name.text);
        let Some((_, common, rules)) = known else {
            if words.is_none() {
                found.suspicions.push(suspect_field(&name.text, value, vec![rule], policy));
                return;
            }
            accepted.push((&name.text, words, vec![rule]));
            continue;
        };
        common.keep_common(&words);
        // The questions of a rule follow each other.
        if rules.last() != Some(&rule) {
            rules.push(rule);
        }
        if common.is_none() {
            found.suspicions.push(suspect_field(&name.text, value, rules.clone(), policy));
            return;
        }
    }
}

/// Suspects rules of accepting no value of a field.
fn suspect_field(name: &str, value: &YamlNode, rules: Vec<usize>, policy: &Policy) -> SuspectedLockout {
    let start = format!("no value of `{}` is all that is asked of it", shorten_for_message(name));
    let help = "ask for one of several values, as in `{ one-of: [low, medium] }`, or give the rules a `when`";
    let ids = rules.iter().filter_map(|rule| policy.rules.get(*rule));
    let ids: Vec<&str> = ids.map(|rule| rule.description.id.as_str()).collect();
    let noted = match ids.as_slice() {
        [id] => format!("{start}, so no change that `{}` applies to is allowed", shorten_for_message(id)),
        _ => start.clone(),
    };
    let fault = YamlFault::new(value.at, format!("{start}, so no change is allowed")).with_help(help);
    let class = if rules.len() > 1 { find_rest_class(policy) } else { None };
    let suspicion = SuspectedLockout { rules, class, fault, note: None, is_always_noted: false };
    suspicion.or_noted_as(noted)
}
