//! Changes that stand for all others as far as one aspect goes: their branch, pusher, author or time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use serde_json::json;

use crate::calendar::to_local_time;
use crate::change::{Change, Person, PusherIdentity, Text};
use crate::pattern::{NamePattern, RefPattern};
use crate::people::roster_members::account_kind;
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::policy::definition::Policy;
use crate::policy::inspect::samples::known_bots::{PushingBots, is_bot_account, names_pushing_bot};
use crate::policy::inspect::samples::sample_changes::{SAMPLE_WORD, list_sample_branches, read_sample};
use crate::policy::inspect::search::question_numbers::measure_question;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;

/// How many days from today a change may have to wait for; a freeze may last a year.
const MAX_DAYS: i32 = 400;

/// How many times of a day are tried, over all zones. Windows that name more are left undecided.
const MAX_TIMES: usize = 48;

/// How many addresses are made of those of people and of what questions ask for.
const MAX_NAMED_ADDRESSES: usize = 2_000;

/// How long the tags of several patterns are together, which one address has.
const MAX_TAGS_LENGTH: usize = 120;

/// How many patterns of branches each other one is paired with.
const MAX_PAIRED_PATTERNS: usize = 64;

/// How many steps of a search take as long as it takes to make a change for a sample.
pub(crate) const MAKING_COST: usize = 150;

/// How many steps of a search take as long as it takes to make a name out of two.
const NAMING_COST: usize = 40;

/// Returns a change of each branch that the policy is read from; where these are not known, of each that is
/// protected, with those that the questions name; none if there are too many.
pub(crate) fn list_branches(
    policy: &Policy,
    questions: &[&Predicate],
    read_from: &[Text],
    budget: &SearchBudget,
) -> Vec<Change> {
    let known = read_from.iter().filter(|name| policy.protects_ref(name.as_bytes()));
    let mut branches: Vec<String> = known.filter_map(|name| name.as_utf8().map(str::to_owned)).collect();
    if branches.is_empty() {
        let mut patterns: Vec<RefPattern> =
            policy.protected_refs.iter().take(MAX_PAIRED_PATTERNS).cloned().collect();
        for question in questions {
            let Predicate::Branch(asked) = question else { continue };
            let left = MAX_PAIRED_PATTERNS.saturating_sub(patterns.len());
            patterns.extend(asked.asked_branches().iter().take(left).cloned());
        }
        let protected = policy.protected_refs.len();
        let size: usize = questions.iter().map(|question| measure_question(question)).sum();
        let names = size.saturating_mul(2 * patterns.len() + 1).saturating_add(protected);
        // Each is held against the branches that are protected.
        if !budget.spend_steps(names.saturating_mul(NAMING_COST + 4 * protected)) {
            return Vec::new();
        }
        branches = list_sample_branches(&policy.protected_refs);
        for question in questions {
            let Predicate::Branch(asked) = question else { continue };
            branches.extend(list_sample_branches(asked.asked_branches()));
            for (one, other) in
                asked.asked_branches().iter().flat_map(|asked| pair_patterns(&patterns, asked))
            {
                // `release/*` and `*-stable` have names in common that neither shows by itself.
                let name = one.replace('*', &other.replace('*', SAMPLE_WORD));
                branches.push(if name.starts_with("refs/") { name } else { format!("refs/heads/{name}") });
            }
        }
        branches.retain(|name| policy.protects_ref(name.as_bytes()));
    }
    let branches: BTreeSet<String> = branches.into_iter().collect();
    make_samples(&branches, budget, |base, branch| {
        Some(Change { target: Ok(Text::from(branch)), ..base.clone() })
    })
}

/// Makes a change of each of the names from an ordinary one; none if there are too many.
fn make_samples(
    names: &BTreeSet<String>,
    budget: &SearchBudget,
    make: impl Fn(&Change, &str) -> Option<Change>,
) -> Vec<Change> {
    let Some(base) = read_sample(&json!({ "commits": [{}] })) else { return Vec::new() };
    if !budget.spend_steps(names.len().saturating_mul(MAKING_COST)) {
        return Vec::new();
    }
    names.iter().filter(|name| !name.is_empty()).filter_map(|name| make(&base, name)).collect()
}

/// Returns a pattern of branches with each of the others, in both orders.
fn pair_patterns(others: &[RefPattern], asked: &RefPattern) -> Vec<(String, String)> {
    let pair = |other: &RefPattern| {
        let (asked, other) = (asked.to_string(), other.to_string());
        [(asked.clone(), other.clone()), (other, asked)]
    };
    others.iter().flat_map(pair).collect()
}

/// Returns the accounts that push: all that the policy knows, and those that questions name, unless a roster shows
/// that they are of none of its people; none if there are too many. A bot may push what people have made, as one that
/// merges does.
pub(crate) fn list_pushers(
    policy: &Policy,
    questions: &[&Predicate],
    bots: PushingBots,
    budget: &SearchBudget,
) -> Vec<Change> {
    let people = &policy.people;
    let identities = people.list_identities();
    let mut accounts: BTreeSet<String> = identities.keys().map(|identity| (*identity).to_owned()).collect();
    let mut logins: BTreeSet<String> = BTreeSet::new();
    for (identity, person) in &identities {
        logins.extend([bare_login(identity), bare_login(person)]);
    }
    for team in people.team_names() {
        accounts.extend(people.team_members(team).iter().cloned());
    }
    let is_open = !people.has_roster() || people.lacks_accounts();
    for question in questions {
        let Predicate::Pusher(asked) = question else { continue };
        for account in asked.asked_accounts() {
            let name = account.to_string();
            let sample = name.replace('*', SAMPLE_WORD);
            let is_bot = is_bot_account(policy, &sample);
            if bots == PushingBots::Named && is_bot && name.contains('*') {
                continue;
            }
            let is_known = is_open || name.contains('*') || logins.contains(&bare_login(&name));
            if is_known || is_bot {
                accounts.insert(sample);
            }
        }
    }
    accounts.insert(SAMPLE_WORD.to_owned());
    if !questions.is_empty() {
        let is_pusher = |pattern: &&NamePattern| bots == PushingBots::Any || names_pushing_bot(pattern);
        for pattern in people.bot_patterns().iter().filter(is_pusher) {
            accounts.insert(pattern.to_string().replace('*', SAMPLE_WORD));
        }
    }
    make_samples(&accounts, budget, |base, account| {
        let pusher = Ok(PusherIdentity::Account(Text::from(account)));
        Some(Change { pusher, ..base.clone() })
    })
}

/// Keeps the pushers whom a server can know: of accounts of a forge none, and of people only those with an account of
/// the kind of `known`, by which the server knows one of them.
pub(crate) fn keep_server_pushers(policy: &Policy, known: Option<&Text>, changes: &mut Vec<Change>) {
    let one = changes.first().cloned();
    let account = known;
    let known = known.and_then(|account| account.as_utf8()).map(account_kind);
    changes.retain(|change| {
        let Ok(PusherIdentity::Account(account)) = &change.pusher else { return true };
        let Some(kind) = account.as_utf8().map(account_kind) else { return true };
        let is_person = matches!(policy.people.identify_pusher(account), ResolvedIdentity::Human(_));
        match known {
            Some(known) if is_person => kind == known,
            Some(known) if kind == known => true,
            _ => matches!(kind, "" | "@"),
        }
    });
    if let (Some(one), Some(account)) = (one, account) {
        changes.push(Change { pusher: Ok(PusherIdentity::Account(account.clone())), ..one });
    }
}

/// Returns what stands for a person in an account or an address: no forge, number or domain.
fn bare_login(identity: &str) -> String {
    let login = identity.rsplit(':').next().unwrap_or(identity);
    login.split(['#', '@']).next().unwrap_or(login).to_ascii_lowercase()
}

/// Returns a change of each author whom the policy knows, with each address that questions name for them, and of one
/// whom it does not know; bots are left out. None if there are too many.
pub(crate) fn list_authors(policy: &Policy, questions: &[&Predicate], budget: &SearchBudget) -> Vec<Change> {
    let people = &policy.people;
    // What is too much to compare need not be made.
    if !budget.has_steps(measure_bots(people.count_addresses(), people)) {
        return Vec::new();
    }
    let mut addresses: BTreeSet<String> = BTreeSet::new();
    addresses.insert(format!("{SAMPLE_WORD}@{SAMPLE_WORD}.example"));
    addresses.extend(people.list_identities().keys().map(|identity| (*identity).to_owned()));
    for team in people.team_names() {
        for member in people.team_members(team) {
            let inner = member.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
            addresses.insert(inner.unwrap_or(member).to_owned());
        }
    }
    addresses.extend(list_named_addresses(&addresses, questions));
    addresses.retain(|address| address.contains('@'));
    let mut authors = make_samples(&addresses, budget, |base, address| {
        make_authored(base, &format!("{SAMPLE_WORD} <{address}>"))
    });
    if !budget.spend_steps(measure_bots(authors.len(), people)) {
        return Vec::new();
    }
    authors.retain(|change| {
        let identity = people.identify_person(&change.tip().author);
        !matches!(identity, ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot)
    });
    authors
}

/// Returns how long it takes to compare so many addresses with the patterns of bots.
fn measure_bots(addresses: usize, people: &PeopleDirectory) -> usize {
    addresses.saturating_mul(people.bot_patterns().len()).saturating_mul(NAMING_COST / 2)
}

/// Returns the addresses that questions about authors name, and those of `known` people with what the questions ask
/// for between `+` and `@`: mail to `ana+work@example.com` is for `ana@example.com`.
fn list_named_addresses(known: &BTreeSet<String>, questions: &[&Predicate]) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    // What matches several patterns at once has what each of them asks for.
    let mut all_tags = String::new();
    for question in questions {
        let Predicate::Author(asked) = question else { continue };
        for pattern in asked.asked_addresses() {
            let written = pattern.to_string().replace('*', SAMPLE_WORD);
            let local = written.split_once('@').map_or(written.as_str(), |(local, _)| local);
            // A pattern such as `*work*` asks for no `+`, and matches what stands behind one.
            let tag = local.split_once('+').map_or(local, |(_, tag)| tag);
            add_tagged_addresses(known, tag, &mut named);
            if pattern.to_string().contains('*') && all_tags.len() < MAX_TAGS_LENGTH {
                all_tags.push_str(tag);
            }
            named.insert(written);
        }
        named.extend(asked.asked_domains().iter().map(|domain| format!("{SAMPLE_WORD}@{domain}")));
    }
    add_tagged_addresses(known, &all_tags, &mut named);
    named
}

/// Adds the addresses of these people with a tag.
fn add_tagged_addresses(known: &BTreeSet<String>, tag: &str, named: &mut BTreeSet<String>) {
    if tag.is_empty() || named.len() >= MAX_NAMED_ADDRESSES {
        return;
    }
    let with_tag = |address: &String| {
        let (local, domain) = address.split_once('@')?;
        Some(format!("{local}+{tag}@{domain}"))
    };
    named.extend(known.iter().filter_map(with_tag));
}

/// Returns every time at which a window of the questions may open; none if there are too many.
pub(crate) fn list_times(questions: &[&Predicate], today: Date, budget: &SearchBudget) -> Vec<Change> {
    let mut zones: BTreeSet<Option<&str>> = BTreeSet::new();
    let mut times = BTreeSet::from([Time::midnight()]);
    for question in questions {
        let Predicate::Window(window) = question else { continue };
        zones.insert(window.zone_name());
        window.add_edges(&mut times);
    }
    let times_of_day = zones.len().saturating_mul(times.len());
    if times_of_day > MAX_TIMES || !budget.spend_steps(times_of_day * 400 * MAKING_COST) {
        return Vec::new();
    }
    let mut instants: BTreeSet<Timestamp> = BTreeSet::new();
    for zone in zones {
        // A zone that this machine does not know leaves its windows open at any time.
        let zone = to_local_time(Timestamp::UNIX_EPOCH, zone)
            .map_or(TimeZone::UTC, |local| local.time_zone().clone());
        let mut day = today;
        for _ in 0..MAX_DAYS {
            for time in &times {
                if let Ok(local) = zone.to_zoned(DateTime::from_parts(day, *time)) {
                    instants.insert(local.timestamp());
                }
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
    }
    let Some(change) = read_sample(&json!({ "commits": [{}] })) else { return Vec::new() };
    instants.into_iter().map(|seen_at| Change { seen_at, ..change.clone() }).collect()
}

/// Returns changes that bots push and write, one for each pattern under `bots`; none if there are too many.
pub(crate) fn list_bot_changes(policy: &Policy, budget: &SearchBudget) -> Vec<Change> {
    let names: BTreeSet<String> = policy
        .people
        .bot_patterns()
        .iter()
        .map(|pattern| pattern.to_string().replace('*', SAMPLE_WORD))
        .collect();
    make_samples(&names, budget, |base, name| {
        let address = match name.contains('@') {
            true => name.to_owned(),
            false => format!("{name}@{SAMPLE_WORD}.example"),
        };
        let account = name.split('@').next().unwrap_or(name);
        let change = make_authored(base, &format!("{account} <{address}>"))?;
        Some(Change { pusher: Ok(PusherIdentity::Account(Text::from(account))), ..change })
    })
}

/// Returns the change of another author; `None` for one whom no commit can name.
pub(crate) fn make_authored(base: &Change, author: &str) -> Option<Change> {
    let author = Person::parse_person(author.as_bytes()).ok()?;
    let mut change = base.clone();
    let commit = change.commits.last_mut();
    commit.committer = author.clone();
    commit.author = author;
    Some(change)
}
