//! Rules that no person could ever keep: a policy that has one locks everybody out, and its repair as well.
//!
//! What is asked here is about an ordinary change: that a person can author it, that enough others can
//! approve it, and that there is a value and a time that the rule accepts.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::policy::definition::{KeyFile, Policy, Rule};
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{
    WrittenPredicate, find_entry, list_conjuncts, list_entries, list_texts, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::predicates::Predicate;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlKey, YamlNode, YamlValue, shorten_for_message};

/// An address as GitHub gives it to an account that hides its own.
pub(crate) const FORGE_ADDRESS: &str = "1+zq7@users.noreply.github.com";

/// Stands for a field that is not stated, among the words that a rule accepts.
const ABSENT: &str = "absent";

/// Finds the rules of the file at `index`, and of what it extends, that no ordinary change can keep.
pub(crate) fn inspect_lockouts(
    policy: &Policy,
    files: &[PolicyFile],
    index: usize,
    today: Date,
    found: &mut FileFindings,
) {
    let Some(file) = files.get(index).map(|file| &file.node) else { return };
    let mut for_all: Vec<WrittenPredicate<'_>> = Vec::new();
    for (id, rule) in find_entry(file, "rules").map(list_entries).unwrap_or_default() {
        let level = find_entry(rule, "level").and_then(scalar_text);
        let Some(require) = find_entry(rule, "require") else { continue };
        if matches!(level, Some("warn" | "off")) {
            continue;
        }
        let asked = list_conjuncts(require);
        let place = policy.rules.iter().position(|rule| rule.description.id.as_str() == id.text);
        // Some changes may well be forbidden: those of a vendored folder, say.
        let is_binding = place.is_some_and(|place| binds_usual_changes(policy, place, today))
            && !is_overridden(files, index, &id.text, "require");
        for (key, value) in &asked {
            match key.text.as_str() {
                "size" if is_binding => inspect_size(value, found),
                "signed" => inspect_keys(key, policy, found),
                _ => {}
            }
        }
        if find_entry(rule, "when").is_none() && find_entry(rule, "for").is_none() {
            for_all.extend(asked);
        } else {
            inspect_fields(&asked, policy, found);
        }
    }
    inspect_fields(&for_all, policy, found);
    // A number that is too large for everybody is told where it stands.
    if found.errors.is_empty() {
        inspect_staffing(file, policy, today, found);
    }
}

/// Finds rules that leave no person to author a change, or too few others to approve it.
fn inspect_staffing(file: &YamlNode, policy: &Policy, today: Date, found: &mut FileFindings) {
    let people = find_entry(file, "people");
    let own_people = people.and_then(|people| find_entry(people, "roster").or(find_entry(people, "teams")));
    for rule in policy.rules.iter().filter(|rule| rule.level_on(today) == RuleLevel::Deny) {
        let id = rule.description.id.as_str();
        let written = find_entry(file, "rules").and_then(|rules| find_entry(rules, id));
        let own_require = written.and_then(|rule| find_entry(rule, "require"));
        // A rule of a pack for rare changes may wait for people.
        let is_told_only = own_require.is_none() && (asks_teams(rule) || !is_ordinary(rule, policy));
        let Some(place) = own_require.or(own_people) else { continue };
        if let Some((most, asked)) = count_approvers(rule, policy)
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
            if is_told_only { found.notes.push(fault) } else { found.errors.push(fault) }
        }
        if !is_told_only && is_ordinary(rule, policy) && accepts_no_listed_address(rule, policy) {
            let id = shorten_for_message(id);
            let what = format!(
                "no change could keep `{id}`: it accepts no address of an author that the roster lists"
            );
            let help = "correct the address or the domain, or add the addresses of the people to the roster";
            found.errors.push(YamlFault::new(place.at, what).with_help(help));
        }
    }
}

/// Returns true if the rule asks for addresses of authors, and the roster lists addresses, and none of these is one.
fn accepts_no_listed_address(rule: &Rule, policy: &Policy) -> bool {
    let identities = policy.people.list_identities();
    let listed: Vec<&str> = identities.keys().copied().filter(|identity| identity.contains('@')).collect();
    if !policy.people.has_roster() || listed.is_empty() {
        return false;
    }
    rule.require.list_required().iter().any(|predicate| match predicate {
        Predicate::Author(asked) => {
            let accepts = |address: &&str| asked.accepts_address(address);
            // A forge gives such an address to each account, which no roster lists.
            asked.asks_addresses() && !listed.iter().chain(&[FORGE_ADDRESS]).any(accepts)
        }
        _ => false,
    })
}

/// Returns true if the rule at this place denies every usual change that does not keep it: whatever it touches, and
/// without an exemption.
pub(crate) fn binds_usual_changes(policy: &Policy, place: usize, today: Date) -> bool {
    let is_exempt =
        policy.exemptions.iter().any(|exemption| exemption.rule_index == place && exemption.until >= today);
    policy.rules.get(place).is_some_and(|rule| {
        rule.level_on(today) == RuleLevel::Deny && is_ordinary(rule, policy) && !is_exempt
    })
}

/// Returns true if a file that extends the one at `index` states this key of the rule as well.
pub(crate) fn is_overridden(files: &[PolicyFile], index: usize, id: &str, key: &str) -> bool {
    files.iter().skip(index.saturating_add(1)).any(|file| {
        let rule = find_entry(&file.node, "rules").and_then(|rules| find_entry(rules, id));
        rule.is_some_and(|rule| find_entry(rule, key).is_some())
    })
}

/// Returns true if the rule applies to every change of the class that takes all that is left.
pub(crate) fn is_ordinary(rule: &Rule, policy: &Policy) -> bool {
    let rest = policy.classes.iter().position(|class| class.when.is_empty());
    rule.when.is_none()
        && match (&rule.class_indexes, rest) {
            (None, _) => true,
            (Some(indexes), Some(rest)) => indexes.contains(&rest),
            (Some(_), None) => false,
        }
}

fn asks_teams(rule: &Rule) -> bool {
    rule.require.list_required().iter().any(|predicate| match predicate {
        Predicate::Approvals(asked) => !asked.asked_teams().is_empty(),
        Predicate::Author(asked) => !asked.asked_teams().is_empty(),
        _ => false,
    })
}

/// Returns how many people could approve the change of the author for whom they are most, and how many
/// have to; `None` where anyone with an address could, or where no approval is asked.
fn count_approvers(rule: &Rule, policy: &Policy) -> Option<(u64, u64)> {
    let people = &policy.people;
    let rostered: Option<BTreeSet<&str>> = people.list_roster_humans();
    let (mut approvers, mut authors) = (rostered.clone(), rostered);
    let mut asked = None;
    for predicate in rule.require.list_required() {
        match predicate {
            Predicate::Approvals(approvals) if !approvals.asks_code_owners() => {
                asked = Some(approvals.asked_count());
                if !approvals.asked_teams().is_empty() {
                    approvers = Some(people.list_human_members(approvals.asked_teams()));
                }
            }
            Predicate::Author(author) if !author.asked_teams().is_empty() => {
                authors = Some(people.list_human_members(author.asked_teams()));
            }
            _ => {}
        }
    }
    let (asked, approvers) = (asked?, approvers?);
    if may_be_for_bots(rule, policy) {
        authors = None;
    }
    let beside = |author: &str| approvers.iter().filter(|approver| **approver != author).count();
    let most = match authors {
        Some(authors) => authors.into_iter().map(beside).max().unwrap_or(0),
        None => approvers.len(),
    };
    Some((u64::try_from(most).unwrap_or(u64::MAX), asked))
}

/// Returns true if a rule for some changes tells them by their authors: beside a bot, everyone can approve.
fn may_be_for_bots(rule: &Rule, policy: &Policy) -> bool {
    if is_ordinary(rule, policy) {
        return false;
    }
    let mut asked = Vec::new();
    for condition in rule.when.iter().chain([&rule.require]) {
        condition.add_predicates(&mut asked);
    }
    for index in rule.class_indexes.iter().flatten() {
        if let Some(class) = policy.classes.get(*index) {
            class.when.add_predicates(&mut asked);
        }
    }
    asked
        .iter()
        .any(|predicate| matches!(predicate, Predicate::Author(author) if author.asked_teams().is_empty()))
}

/// Finds a size that only an empty change has.
fn inspect_size(asked: &YamlNode, found: &mut FileFindings) {
    let ignores = find_entry(asked, "ignore").is_some();
    for (key, bound) in list_entries(asked) {
        let Some(most) = find_entry(bound, "at-most") else { continue };
        let is_zero = scalar_text(most).is_some_and(|text| text.parse() == Ok(0_u64));
        if is_zero && (key.text == "commits" || !ignores) {
            let what = format!("at most 0 {} is a change of nothing, so no change is allowed", key.text);
            found.errors.push(YamlFault::new(most.at, what).with_help("allow 1 or more"));
        }
    }
}

/// Finds files of keys that hold none.
fn inspect_keys(key: &YamlKey, policy: &Policy, found: &mut FileFindings) {
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
        found.errors.push(YamlFault::new(key.at, what).with_help("add the keys of the people who sign"));
    }
}

/// Finds fields of which these questions accept no common value.
fn inspect_fields(asked: &[WrittenPredicate<'_>], policy: &Policy, found: &mut FileFindings) {
    let mut accepted: Vec<(&str, BTreeSet<String>)> = Vec::new();
    let fields =
        asked.iter().filter(|(key, _)| key.text == "field").flat_map(|(_, value)| list_entries(value));
    for (name, value) in fields {
        let Some(words) = list_accepted_words(&name.text, value, policy) else { continue };
        let place = accepted.iter().position(|(known, _)| *known == name.text);
        let common: BTreeSet<String> = match place.and_then(|place| accepted.get(place)) {
            Some((_, known)) => known.intersection(&words).cloned().collect(),
            None => words,
        };
        if common.is_empty() {
            let field = shorten_for_message(&name.text);
            let what = format!("no value of `{field}` is all that is asked of it, so no change is allowed");
            let help = "ask for one of several values, as in `{ one-of: [low, medium] }`, or give the rules a `when`";
            found.errors.push(YamlFault::new(value.at, what).with_help(help));
            return;
        }
        match place.and_then(|place| accepted.get_mut(place)) {
            Some((_, known)) => *known = common,
            None => accepted.push((&name.text, common)),
        }
    }
}

/// Returns the words of a field that a question accepts; `None` where they cannot be listed.
pub(crate) fn list_accepted_words(name: &str, value: &YamlNode, policy: &Policy) -> Option<BTreeSet<String>> {
    let field = policy.vocabulary.find_field(name)?;
    let words: Vec<String> = field.allowed_words()?.iter().map(|word| word.to_ascii_lowercase()).collect();
    let YamlValue::Map(bounds) = &value.value else {
        return Some(match list_texts(value).as_slice() {
            [ABSENT] => BTreeSet::from([ABSENT.to_owned()]),
            ["present"] => words.into_iter().collect(),
            listed => listed.iter().map(|word| word.to_ascii_lowercase()).collect(),
        });
    };
    let (mut first, mut last) = (0, words.len());
    for (key, bound) in bounds {
        let word = scalar_text(bound)?.to_ascii_lowercase();
        let place = words.iter().position(|known| *known == word);
        match key.text.as_str() {
            "at-least" => first = place?,
            "at-most" => last = place?.saturating_add(1),
            _ => return None,
        }
    }
    Some(words.get(first..last).unwrap_or_default().iter().cloned().collect())
}
