//! A draft of a roster, from the people that a history names.
//!
//! The history is a claim: a draft is where a roster starts, and a person checks it. `.mailmap` joins the
//! addresses of one person, and so does a name that two addresses have had, which is marked. Bots are listed
//! apart, since a roster is of people, and so are addresses that several people have used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::change::person::{canonical_address, comparable_name};
use crate::change::{Commit, Person, Text};
use crate::cli::policy::mailmap::Mailmap;
use crate::people::contributors::CO_AUTHOR_TRAILERS;
use crate::people::{PeopleDirectory, ResolvedIdentity, is_forge_committer};

/// The end of the addresses that GitHub gives to accounts.
const GITHUB_ADDRESS_END: &str = "@users.noreply.github.com";

/// How many people and bots a draft holds.
const MAX_DRAFTED_PEOPLE: usize = 2000;

/// How many people who have not been seen for long are named.
const MAX_LEFT_PEOPLE: usize = 50;

/// How long before the newest commit a person was seen last who is taken to have left, in seconds.
const LEFT_AFTER_SECONDS: i64 = 366 * 24 * 60 * 60;

/// The local parts of addresses that belong to machines.
const MACHINE_LOCAL_PARTS: [&str; 16] = [
    "automation",
    "bot",
    "build",
    "buildbot",
    "cd",
    "ci",
    "cicd",
    "deploy",
    "deployer",
    "gitlab",
    "jenkins",
    "no-reply",
    "noreply",
    "release-bot",
    "robot",
    "root",
];
/// How many names of one address are kept.
const MAX_NAMES_OF_ADDRESS: usize = 20;

/// How many letters of a name a draft holds, and of a key made of it.
const MAX_NAME_CHARACTERS: usize = 100;

/// How many bytes an address of a draft has at most; no mail goes to a longer one.
const MAX_ADDRESS_BYTES: usize = 254;

/// The people of a history, by their canonical address.
#[derive(Clone, Debug, Default)]
pub(super) struct RosterDraft {
    mailmap: Mailmap,
    people: BTreeMap<String, DraftedPerson>,
    bots: BTreeSet<String>,
    /// When the newest commit was made, in seconds.
    newest: i64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct DraftedPerson {
    /// The newest name.
    name: Text,
    /// Every name that the addresses have had, as it is compared, with how it was written last.
    names: BTreeMap<String, Text>,
    addresses: BTreeSet<String>,
    /// When the newest commit that names them was made, in seconds.
    last_seen: i64,
    /// True if an equal name has joined addresses that `.mailmap` does not.
    is_joined_by_name: bool,
}

impl RosterDraft {
    /// Starts a draft without people.
    pub(super) fn new(mailmap: Mailmap) -> Self {
        RosterDraft { mailmap, ..RosterDraft::default() }
    }

    /// Adds the people whom a commit names; `known` tells who of them is a bot.
    pub(super) fn add_commit(&mut self, commit: &Commit, known: &PeopleDirectory) {
        let at = commit.committed_at;
        self.newest = self.newest.max(at);
        self.add_person(&commit.author, at, known);
        if !is_forge_committer(&commit.committer) {
            self.add_person(&commit.committer, at, known);
        }
        for trailer in commit.message.trailers() {
            if CO_AUTHOR_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key))
                && let Ok(person) = Person::parse_person(trailer.value.as_bytes())
            {
                self.add_person(&person, at, known);
            }
        }
    }

    fn add_person(&mut self, person: &Person, at: i64, known: &PeopleDirectory) {
        let Some(address) = canonical_address(person.email.as_bytes()) else { return };
        if address.len() > MAX_ADDRESS_BYTES {
            return;
        }
        if self.people.len().saturating_add(self.bots.len()) >= MAX_DRAFTED_PEOPLE {
            return;
        }
        let is_known_bot =
            matches!(known.identify_person(person), ResolvedIdentity::ClaimedBot | ResolvedIdentity::Bot);
        if is_known_bot || is_machine_address(&address) {
            self.bots.insert(written_address(&address));
            return;
        }
        let proper = self.mailmap.find_proper_person(person);
        let key = canonical_address(proper.email.as_bytes()).unwrap_or_else(|| address.clone());
        let drafted = self.people.entry(key.clone()).or_default();
        // Commits come newest first, and the newest name is the one to show.
        if drafted.name.as_bytes().is_empty() {
            drafted.name = proper.name.clone();
        }
        let comparable = comparable_name(&proper.name);
        if !comparable.is_empty() && drafted.names.len() < MAX_NAMES_OF_ADDRESS {
            drafted.names.entry(comparable).or_insert(proper.name);
        }
        drafted.last_seen = drafted.last_seen.max(at);
        drafted.addresses.extend([written_address(&key), written_address(&address)]);
    }

    /// Returns the keys of the people whose address several others have used: those with names of which two or
    /// more belong to further addresses.
    fn find_shared_addresses(&self) -> BTreeSet<&str> {
        let mut users: BTreeMap<&str, usize> = BTreeMap::new();
        for person in self.people.values() {
            for name in person.names.keys() {
                *users.entry(name).or_default() += 1;
            }
        }
        let is_shared = |person: &DraftedPerson| {
            let is_known = |name: &&String| users.get(name.as_str()).is_some_and(|count| *count > 1);
            person.names.keys().filter(is_known).count() > 1
        };
        let mut shared = BTreeSet::new();
        for (key, person) in &self.people {
            // Names that go together everywhere are two spellings of one.
            let has_company = || {
                self.people.iter().any(|(other, one)| {
                    other != key
                        && one.names.keys().filter(|name| person.names.contains_key(*name)).count() > 1
                })
            };
            if is_shared(person) && !has_company() {
                shared.insert(key.as_str());
            }
        }
        shared
    }

    /// Returns the people, those joined who have had one name.
    fn join_by_name(&self) -> Vec<DraftedPerson> {
        let shared = self.find_shared_addresses();
        let mut joined: Vec<DraftedPerson> = Vec::new();
        for (key, person) in &self.people {
            if shared.contains(key.as_str()) {
                continue;
            }
            let is_same =
                |known: &DraftedPerson| known.names.keys().any(|name| person.names.contains_key(name));
            let Some(first) = joined.iter().position(is_same) else {
                joined.push(person.clone());
                continue;
            };
            // The names of one address can join what was apart before.
            let mut others = Vec::new();
            let mut index = 0;
            joined.retain(|known| {
                let goes = index > first && is_same(known);
                index += 1;
                if goes {
                    others.push(known.clone());
                }
                !goes
            });
            others.push(person.clone());
            if let Some(known) = joined.get_mut(first) {
                for other in others {
                    known.addresses.extend(other.addresses);
                    known.names.extend(other.names);
                    known.last_seen = known.last_seen.max(other.last_seen);
                    known.is_joined_by_name = true;
                }
            }
        }
        // An address that several people share is left to the first of them: a roster has it once.
        let mut taken = BTreeSet::new();
        for person in &mut joined {
            person.addresses.retain(|address| taken.insert(address.clone()));
        }
        joined.retain(|person| !person.addresses.is_empty());
        joined
    }

    /// Returns the people of the last year of the history, and those who have not been seen since.
    fn split_by_age(&self) -> (Vec<DraftedPerson>, Vec<DraftedPerson>) {
        let since = self.newest.saturating_sub(LEFT_AFTER_SECONDS);
        self.join_by_name().into_iter().partition(|person| person.last_seen >= since)
    }

    /// Returns the number of people of the last year, bots apart.
    pub(super) fn count_people(&self) -> usize {
        self.split_by_age().0.len()
    }

    /// Returns the addresses of the bots, as a policy lists them.
    pub(super) fn list_bots(&self) -> impl Iterator<Item = &str> {
        self.bots.iter().map(String::as_str)
    }

    /// Returns the draft as the YAML of a roster.
    pub(super) fn render_roster(&self) -> String {
        let mut text = String::from(
            "\
# yaml-language-server: $schema=people.schema.json
# Who is who: the people of this repository, with every address and account of each. This draft comes
# from the names and addresses in the history, which anyone can type, and from .mailmap. Check it:
#
#   - Is each entry one person, and are all addresses theirs?
#   - Who has left? Who is missing, such as reviewers who have not committed yet?
#   - `accounts` are those of the server that people push to, and `github:NAME` for GitHub. Without them,
#     a server that knows who pushes refuses all pushes: it cannot tell whose account it is.
people:
",
        );
        let mut used = BTreeSet::new();
        let (people, left) = self.split_by_age();
        for person in people {
            let key = unique_key(&person, &mut used);
            // Other readers of YAML take such a word for a value.
            let quote = if RESERVED_WORDS.contains(&key.as_str()) { "'" } else { "" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {quote}{key}{quote}:");
            if person.is_joined_by_name {
                text.push_str("    # joined because the names are equal: is this one person?\n");
            }
            let name = plain_name(&person.name);
            let mut other_names: Vec<String> = person.names.values().map(plain_name).collect();
            other_names.retain(|other| !other.is_empty() && *other != name);
            if !other_names.is_empty() {
                let _ = writeln!(text, "    # also named {}: is this one person?", other_names.join("; "));
            }
            if !name.is_empty() {
                let _ = writeln!(text, "    name: '{name}'");
            }
            let addresses: Vec<String> = person.addresses.iter().map(|one| quote_text(one)).collect();
            let _ = writeln!(text, "    addresses: [{}]", addresses.join(", "));
            let accounts: Vec<String> =
                person.addresses.iter().filter_map(|one| github_account(one)).collect();
            if !accounts.is_empty() {
                let _ = writeln!(text, "    accounts: [{}]", accounts.join(", "));
            } else {
                text.push_str("    # accounts: [the name by which they push]\n");
            }
        }
        if !left.is_empty() {
            text.push_str("\n# Not seen in the last year of the history, and so not in the roster:\n");
            for person in left.iter().take(MAX_LEFT_PEOPLE) {
                let address = person.addresses.first().map_or("", String::as_str);
                let _ = writeln!(text, "#   {} <{}>", plain_name(&person.name), plain_address(address));
            }
            if left.len() > MAX_LEFT_PEOPLE {
                let _ = writeln!(text, "#   and {} more", left.len() - MAX_LEFT_PEOPLE);
            }
        }
        let shared = self.find_shared_addresses();
        if !shared.is_empty() {
            text.push_str(
                "\n# Addresses that several people have used. They count as nobody's until one person has them:\n",
            );
            for key in shared {
                let names = self.people.get(key).into_iter().flat_map(|person| person.names.values());
                let names: Vec<String> = names.map(plain_name).collect();
                let _ = writeln!(text, "#   {}: {}", written_address(key), names.join("; "));
            }
        }
        if !self.bots.is_empty() {
            text.push_str("\n# Bots, which never approve and stand in no roster (`bots` in the policy):\n");
            for bot in &self.bots {
                let _ = writeln!(text, "#   {}", plain_address(bot));
            }
        }
        text
    }
}

/// The plain words of YAML that are no texts to every reader.
const RESERVED_WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Returns a key for a person that no other has: their name in small letters, or else their address.
fn unique_key(person: &DraftedPerson, used: &mut BTreeSet<String>) -> String {
    let address = person.addresses.first().map_or("person", String::as_str);
    let local = address.split('@').next().unwrap_or(address);
    let mut key = to_key(&person.name.to_lossy());
    if key.is_empty() {
        key = to_key(local);
    }
    if key.is_empty() {
        key = "person".into();
    }
    let base = key.clone();
    let mut number = 1_u32;
    while !used.insert(key.clone()) {
        number = number.saturating_add(1);
        key = format!("{base}-{number}");
    }
    key
}

/// Returns the letters and digits of a name, in small letters, with `-` between words. It starts with a
/// letter, so that YAML reads it as a text.
fn to_key(name: &str) -> String {
    let mut key = String::new();
    for part in name.split(|character: char| !character.is_ascii_alphanumeric()) {
        if part.is_empty() {
            continue;
        }
        if !key.is_empty() {
            key.push('-');
        }
        key.push_str(&part.to_ascii_lowercase());
    }
    let key = key.trim_start_matches(|character: char| !character.is_ascii_lowercase());
    // It is all ASCII.
    key.get(..key.len().min(MAX_NAME_CHARACTERS)).unwrap_or(key).trim_end_matches('-').to_owned()
}

/// Returns the part of a name that can stand between single quotes on one line.
fn plain_name(name: &Text) -> String {
    let is_plain =
        |character: &char| character.is_alphanumeric() || matches!(character, ' ' | '.' | '-' | ',');
    let plain: String = name.to_lossy().chars().filter(is_plain).take(MAX_NAME_CHARACTERS).collect();
    plain.trim().to_owned()
}

/// Returns an address without characters that would end a comment or could not be seen.
fn plain_address(address: &str) -> String {
    address.chars().filter(char::is_ascii_graphic).collect()
}

/// Returns true for a canonical address that belongs to a machine by its name.
fn is_machine_address(address: &str) -> bool {
    let Some((local, _)) = address.split_once('@') else { return false };
    MACHINE_LOCAL_PARTS.contains(&local)
        || ["svc-", "service-", "srv-"].iter().any(|prefix| local.starts_with(prefix))
}

/// Returns a text between single quotes, as YAML has it.
pub(super) fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns an address as a roster has it; that of an account on GitHub is compared as the account.
fn written_address(canonical: &str) -> String {
    match canonical.strip_prefix("github:") {
        Some(login) => format!("{login}{GITHUB_ADDRESS_END}"),
        None => canonical.to_owned(),
    }
}

/// Returns the account, quoted, that an address of GitHub belongs to.
fn github_account(address: &str) -> Option<String> {
    let login = address.strip_suffix(GITHUB_ADDRESS_END)?;
    let is_login =
        !login.is_empty() && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_login.then(|| format!("'github:{login}'"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::load_from_pack;
    use crate::yaml::read_document;

    fn draft(mailmap: &str, people: &[&str]) -> (RosterDraft, PeopleDirectory) {
        let known = load_from_pack("core").unwrap().policy.people;
        let mut draft = RosterDraft::new(Mailmap::parse_mailmap(mailmap.as_bytes()));
        for person in people {
            draft.add_person(&Person::parse_person(person.as_bytes()).unwrap(), 0, &known);
        }
        (draft, known)
    }

    fn read_back(draft: &RosterDraft) -> PeopleDirectory {
        let text = draft.render_roster();
        let mut faults = Vec::new();
        let mut people = PeopleDirectory::default();
        people.read_roster(&read_document(text.as_bytes()).unwrap(), &mut faults);
        assert_eq!(faults, [], "{text}");
        people
    }

    #[test]
    fn a_key_that_is_no_text_to_other_readers_is_quoted() {
        let people = ["Null <n@example.com>", "Yes <y@example.com>", "Ana <ana@example.com>"];
        let (draft, _) = draft("", &people);
        let text = draft.render_roster();
        assert!(text.contains("\n  'null':\n") && text.contains("\n  'yes':\n"), "{text}");
        assert!(text.contains("\n  ana:\n"), "{text}");
        read_back(&draft);
    }

    #[test]
    fn a_mailmap_joins_the_addresses_of_one_person() {
        let mailmap = "# people\nAna Ruiz <ana@example.com> <ana@home.example>\n\
                       <ana@example.com> A <shared@example.com>\nBen Ito <ben@example.com>\nnothing\n";
        let (draft, _) = draft(
            mailmap,
            &[
                "ana <ANA@home.example>",
                "A <shared@example.com>",
                "B <shared@example.com>",
                "benny <ben@example.com>",
                "Ana Ruiz <7+ana-r@users.noreply.github.com>",
                "Copilot <198982749+Copilot@users.noreply.github.com>",
                "Claude <noreply@anthropic.com>",
            ],
        );
        assert_eq!(draft.count_people(), 2);
        let text = draft.render_roster();
        assert!(text.contains("name: 'Ben Ito'") && text.contains("# joined because"), "{text}");
        assert!(text.contains("#   noreply@anthropic.com"), "{text}");
        let people = read_back(&draft);
        let key = |address: &str| people.identify_person(&Person { name: "x".into(), email: address.into() });
        assert_eq!(key("ana@home.example"), key("ana@example.com"));
        assert_eq!(key("ana@home.example"), people.identify_account(&"github:ana-r".into()));
        assert_ne!(key("ben@example.com"), key("ana@example.com"));
    }

    #[test]
    fn whoever_has_not_been_seen_for_a_year_and_machines_are_no_people_of_the_roster() {
        let known = load_from_pack("core").unwrap().policy.people;
        let year = LEFT_AFTER_SECONDS;
        let mut draft = RosterDraft { newest: 3 * year, ..RosterDraft::default() };
        for (person, at) in [
            ("Ana Ruiz <ana@example.com>", 3 * year),
            ("Ana Ruiz <ana@old.example>", year),
            ("Ben Ito <ben@example.com>", 2 * year),
            ("Kim Lee <kim@example.com>", 2 * year - 1),
            ("Build <jenkins@example.com>", 3 * year),
            ("Deploy <svc-deploy@example.com>", 3 * year),
            ("Robert Root <robert.root@example.com>", 3 * year),
        ] {
            draft.add_person(&Person::parse_person(person.as_bytes()).unwrap(), at, &known);
        }
        assert_eq!(draft.count_people(), 3);
        assert_eq!(draft.list_bots().collect::<Vec<_>>(), ["jenkins@example.com", "svc-deploy@example.com"]);
        let text = draft.render_roster();
        assert!(
            text.contains("\n# Not seen in the last year")
                && text.contains("\n#   Kim Lee <kim@example.com>\n")
        );
        assert!(text.contains("['ana@example.com', 'ana@old.example']"), "{text}");
        read_back(&draft);
    }

    #[test]
    fn a_name_that_two_addresses_have_had_joins_them() {
        let people = [
            "aruiz <ana@example.com>",
            "Ben Ito <ben@example.com>",
            "Ana Ruiz <ana@home.example>",
            "Ana Ruiz <ana@example.com>",
        ];
        let (draft, _) = draft("", &people);
        assert_eq!(draft.count_people(), 2);
        let text = draft.render_roster();
        assert!(text.contains("# also named Ana Ruiz: is this one person?"), "{text}");
        let people = read_back(&draft);
        let key = |address: &str| people.identify_person(&Person { name: "x".into(), email: address.into() });
        assert_eq!(key("ana@home.example"), key("ana@example.com"));
        assert_ne!(key("ana@example.com"), key("ben@example.com"));
    }

    #[test]
    fn an_address_that_several_people_have_used_is_nobodys() {
        let people = [
            "Ana <shared@example.com>",
            "Ben <shared@example.com>",
            "Ana <ana@example.com>",
            "Ben <ben@example.com>",
            // These may be one person or two, and it is said.
            "Cyd <desk@example.com>",
            "Dan <desk@example.com>",
        ];
        let (draft, _) = draft("", &people);
        assert_eq!(draft.count_people(), 3);
        let text = draft.render_roster();
        assert!(text.contains("#   shared@example.com: Ana; Ben\n"), "{text}");
        assert!(text.contains("# also named Dan: is this one person?"), "{text}");
        let people = read_back(&draft);
        let key = |address: &str| people.identify_person(&Person { name: "x".into(), email: address.into() });
        assert_eq!(key("shared@example.com"), ResolvedIdentity::Unknown);
        assert_ne!(key("ana@example.com"), key("ben@example.com"));
    }

    #[test]
    fn a_name_without_end_makes_a_roster_that_can_be_read() {
        let long = format!("{} <long@example.com>", "n".repeat(5000));
        let other = format!("{}x <other@example.com>", "n".repeat(5000));
        let (draft, _) = draft("", &[&long, &other]);
        assert_eq!(draft.count_people(), 2);
        read_back(&draft);
    }

    proptest! {
        #[test]
        fn whatever_a_history_says_the_draft_is_a_roster(names in prop::collection::vec(("\\PC{0,12}", "[a-z'+.#: -]{1,8}"), 1..8)) {
            let known = PeopleDirectory::default();
            let mut draft = RosterDraft::new(Mailmap::default());
            for (name, local) in &names {
                let email = format!("{local}@example.com");
                draft.add_person(&Person { name: name.as_str().into(), email: email.as_str().into() }, 0, &known);
            }
            if draft.count_people() > 0 {
                read_back(&draft);
            }
        }
    }
}
