//! The first tests of a policy: those of its pack, with people of the roster in the place of made-up ones.
//!
//! What does not hold under the policy as it was drafted is left out, such as a test of three reviewers where the roster
//! has two people. So the tests pass from the first day, and say what the policy does.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::cli::policy::init::owner_rule::OWNER_RULE;
use crate::people::PeopleDirectory;
use crate::policy::Policy;
use crate::policy::packs::PolicyPack;
use crate::policy_tests::{PolicyTestSuite, read_suite, run_suite};
use crate::yaml::{YamlFault, read_document};

/// The people in the tests of packs.
const MADE_UP_PEOPLE: [(&str, &str); 4] = [
    ("Ana Ruiz", "ana@example.com"),
    ("Ben Ito", "ben@example.com"),
    ("Kim Lee", "kim@example.com"),
    ("Dana Fox", "dana@example.com"),
];

/// The line of the tests of packs that says who pushes.
const PUSHER_LINE: &str = "  pusher: ana\n";

/// How a test begins.
const TEST_START: &str = "  - ";

/// A person of the roster, as tests write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SuitePerson {
    /// The key of their entry in the roster.
    pub(super) key: String,
    /// The name.
    pub(super) name: String,
    /// An address of the roster.
    pub(super) address: String,
}

/// A path that has owners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnedSample {
    /// The path.
    pub(super) path: String,
    /// The keys, in the roster, of its owners.
    pub(super) keys: BTreeSet<String>,
}

/// A drafted suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SuiteDraft {
    /// The suite as YAML.
    pub(super) text: String,
    /// How many tests are left out, since they do not hold.
    pub(super) left_out: usize,
}

/// A part of a suite: a test with the comments above it.
struct TestChunk {
    first_line: usize,
    text: String,
}

/// Returns the tests of `pack` that hold under `policy`, with these people, and a test of the rule for owners with this path.
/// `None` if no test holds.
pub(super) fn draft_suite(
    pack: &PolicyPack,
    policy: &Policy,
    people: &[SuitePerson],
    owned: Option<&OwnedSample>,
) -> Option<SuiteDraft> {
    let mut source = pack.copy_tests().replace(PUSHER_LINE, "");
    // All at once: a made-up person may be called like a real one.
    for (index, (name, address)) in MADE_UP_PEOPLE.iter().enumerate() {
        source = source.replace(&format!("{name} <{address}>"), &format!("\u{1}{index}\u{1}"));
    }
    for (index, (name, address)) in MADE_UP_PEOPLE.iter().enumerate() {
        let person = match people.get(index) {
            Some(person) => format!("{} <{}>", person.name, person.address),
            None => format!("{name} <{address}>"),
        };
        source = source.replace(&format!("\u{1}{index}\u{1}"), &person);
    }
    let (_, rest) = source.split_once("\nchange:\n")?;
    let (change, tests) = rest.split_once("\ntests:\n")?;
    let header = format!(
        "\
# Tests of the policy beside this file: changes, and what it is to say about them.
#
#   changegate policy test              runs them
#   changegate policy test --coverage   lists what they do not reach
#
# They are those of the pack {}, as far as they hold here. `change` is what every change is unless its test says
# otherwise; `fields` are the trailers of its message, and a field without a value is left out. `denied-by` names
# all rules that deny. Add the changes that you remember: the last outage, the last change that went wrong.
change:
{change}
tests:
",
        pack.name
    );
    let mut chunks = split_tests(tests);
    let owner_test = owned.and_then(|owned| render_owner_test(owned, people));
    chunks.extend(owner_test.map(|text| TestChunk { first_line: 0, text }));
    let all = chunks.len();
    // What is left out moves the lines of the others.
    while !chunks.is_empty() {
        let text = join_tests(&header, &mut chunks);
        let failing = match read_text_suite(&text, policy) {
            Ok(suite) => list_failing_lines(&suite, policy),
            Err(faults) => faults.iter().map(|fault| fault.at.line).collect(),
        };
        if failing.is_empty() {
            return Some(SuiteDraft { text, left_out: all - chunks.len() });
        }
        let before = chunks.len();
        remove_failing(&mut chunks, &failing);
        // A fault above the tests is in all of them.
        if chunks.len() == before {
            return None;
        }
    }
    None
}

fn read_text_suite(text: &str, policy: &Policy) -> Result<PolicyTestSuite, Vec<YamlFault>> {
    let mut faults = Vec::new();
    match read_suite(&read_document(text.as_bytes())?, policy, &mut faults) {
        Some(suite) if faults.is_empty() => Ok(suite),
        _ => Err(faults),
    }
}

fn list_failing_lines(suite: &PolicyTestSuite, policy: &Policy) -> Vec<usize> {
    let failing = run_suite(suite, policy).into_iter().filter(|result| !result.misses.is_empty());
    failing.map(|result| result.at.line).collect()
}

/// Splits the tests, each with the comments above it.
fn split_tests(tests: &str) -> Vec<TestChunk> {
    let mut chunks: Vec<TestChunk> = Vec::new();
    let mut comments = String::new();
    for line in tests.lines() {
        if line.starts_with(TEST_START) {
            chunks.push(TestChunk { first_line: 0, text: format!("{comments}{line}\n") });
            comments.clear();
        } else if line.starts_with("  #") {
            comments = format!("{comments}{line}\n");
        } else if !line.trim().is_empty()
            && let Some(chunk) = chunks.last_mut()
        {
            chunk.text.push_str(line);
            chunk.text.push('\n');
        }
    }
    chunks
}

/// Returns the suite, and sets the line on which each test begins.
fn join_tests(header: &str, chunks: &mut [TestChunk]) -> String {
    let mut text = header.to_owned();
    for (index, chunk) in chunks.iter_mut().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        chunk.first_line = text.lines().count() + 1;
        text.push_str(&chunk.text);
    }
    text
}

/// Removes the tests in which these lines are.
fn remove_failing(chunks: &mut Vec<TestChunk>, lines: &[usize]) {
    chunks.retain(|chunk| {
        let end = chunk.first_line + chunk.text.lines().count();
        !lines.iter().any(|line| (chunk.first_line..end).contains(line))
    });
}

/// Returns a test of the rule for owners; `None` if the roster has too few people to write and to approve such a change.
fn render_owner_test(owned: &OwnedSample, people: &[SuitePerson]) -> Option<String> {
    let is_owner = |person: &&SuitePerson| owned.keys.contains(&person.key);
    let owner = people.iter().find(is_owner)?;
    let author = people.iter().find(|person| *person != owner)?;
    let stranger = people.iter().find(|person| !is_owner(person) && *person != author);
    let mut text = format!(
        "  - name: {OWNER_RULE} asks the owners of a path
    change: {{ paths: [{}], author: {} }}
    cases:
      - name: and takes the approval of one
        change: {{ fields: {{ Reviewed-by: {} }} }}
        expect: {{ rules: {{ {OWNER_RULE}: pass }} }}
      - name: and takes no change without
        change: {{ fields: {{ Reviewed-by: }} }}
        expect: {{ rules: {{ {OWNER_RULE}: fail }} }}
",
        quote_path(&owned.path),
        author.show_person(),
        owner.show_person()
    );
    if let Some(stranger) = stranger {
        let _ = write!(
            text,
            "      - name: and takes no approval of others
        change: {{ fields: {{ Reviewed-by: {} }} }}
        expect: {{ rules: {{ {OWNER_RULE}: fail }} }}
",
            stranger.show_person()
        );
    }
    Some(text)
}

impl SuitePerson {
    fn show_person(&self) -> String {
        format!("{} <{}>", self.name, self.address)
    }
}

fn quote_path(path: &str) -> String {
    format!("'{}'", path.replace('\'', "''"))
}

/// Returns the people of a roster, each with an address that can stand in a test.
pub(super) fn list_suite_people(people: &PeopleDirectory) -> Vec<SuitePerson> {
    let mut listed: Vec<SuitePerson> = Vec::new();
    for (identity, key) in people.list_identities() {
        let address = match identity.strip_prefix("github:") {
            Some(login) => format!("{login}@users.noreply.github.com"),
            None => identity.to_owned(),
        };
        if is_plain_address(&address) && listed.iter().all(|known| known.key != key) {
            let name = key.split('-').map(capitalise_word).collect::<Vec<_>>().join(" ");
            listed.push(SuitePerson { key: key.to_owned(), name, address });
        }
    }
    listed
}

fn capitalise_word(word: &str) -> String {
    match word.split_at_checked(1) {
        Some((first, rest)) => format!("{}{rest}", first.to_ascii_uppercase()),
        None => String::new(),
    }
}

/// Returns true for an address that can stand anywhere in YAML without quotes.
pub(super) fn is_plain_address(address: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-[]".contains(&byte);
    address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && local.bytes().all(is_plain) && domain.bytes().all(is_plain)
    })
}
