//! Every predicate is asked of every fixture.
//!
//! A fixture is a whole change, and none of them is about one predicate only: what an evil merge is
//! to `signed` or `size` is seen here and nowhere else. One snapshot for each predicate holds what
//! it says. The laws about missing facts are asked of the same questions and changes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use changegate::catalogue::StandardCatalogue;
use changegate::change::{Change, FactKind, Missing, NeededFacts};
use changegate::fixture;
use changegate::people::PeopleDirectory;
use changegate::predicates::support::condition::Condition;
use changegate::predicates::{EvaluationContext, PREDICATE_DOCS, PolicyScope};
use changegate::verdict::{Finding, MessageValue, PredicateAnswer, Sentence, SentencePart};
use changegate::vocabulary::FieldVocabulary;
use changegate::yaml::decode::{MapReader, read_entries, read_items, read_text};
use changegate::yaml::{self, YamlFault, YamlKey, YamlNode, YamlPlace, YamlValue};

/// What a change can be made to forget.
const FACTS: [FactKind; 17] = [
    FactKind::Paths,
    FactKind::Lines,
    FactKind::Blobs,
    FactKind::EvilMerges,
    FactKind::Signatures,
    FactKind::Pusher,
    FactKind::Target,
    FactKind::Reviews,
    FactKind::Pull,
    FactKind::Checks,
    FactKind::Comments,
    FactKind::Conversations,
    FactKind::Tickets,
    FactKind::PolicyChange,
    FactKind::EarlierChange,
    FactKind::AddedLines,
    FactKind::Digests,
];

#[test]
fn every_predicate_answers_for_every_fixture_as_it_did() {
    let (vocabulary, people) = policy();
    let changes = changes();
    for (predicate, questions) in questions(&vocabulary, &people) {
        let mut said = String::new();
        for question in questions {
            writeln!(said, "{}", question.describe().to_plain_text()).unwrap();
            for (name, change) in &changes {
                let answer = question.evaluate(&EvaluationContext::new(change, &people, &vocabulary));
                writeln!(said, "  {name:<22} {}", shown(&answer)).unwrap();
            }
            said.push('\n');
        }
        insta::assert_snapshot!(predicate, said);
    }
}

/// A record holds a description and a finding as codes and values, so no value may be English of the program:
/// the words of a value stand in the policy, in the question or in the change.
#[test]
fn no_value_of_a_message_is_english_of_the_program() {
    let (vocabulary, people) = policy();
    let mut known = fs::read_to_string(folder("predicates").join("questions.yml")).unwrap();
    known.push_str(&fs::read_to_string(folder("predicates").join("policy.yml")).unwrap());
    known.push_str(&fs::read_to_string(folder("predicates").join("catalogue.yml")).unwrap());
    for entry in fs::read_dir(folder("fixtures")).unwrap() {
        known.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let known = known.replace("''", "'");
    let changes = changes();
    let mut checked = 0;
    for (predicate, questions) in questions(&vocabulary, &people) {
        for question in questions {
            let mut messages = vec![question.describe()];
            for (_, change) in &changes {
                match question.evaluate(&EvaluationContext::new(change, &people, &vocabulary)) {
                    PredicateAnswer::Fails(findings) => {
                        messages.extend(findings.into_iter().map(|finding| finding.message));
                    }
                    PredicateAnswer::Holds(owed) => {
                        messages.extend(owed.into_iter().flat_map(|owed| [owed.what, owed.evidence]));
                    }
                    PredicateAnswer::Unknown(_) => {}
                }
            }
            for message in messages {
                for (_, value) in message.values() {
                    for words in plain_values(value) {
                        checked += 1;
                        let says_nothing = words.is_empty() || is_number_or_time(&words);
                        let is_known =
                            words.trim_matches(['`', '<', '>']).split('|').all(|word| known.contains(word));
                        assert!(says_nothing || is_known, "{predicate}, {}: `{words}`", message.code());
                    }
                }
            }
        }
    }
    assert!(checked > 100, "{checked}");
}

/// Returns the words in a value that can be printed as they are.
fn plain_values(value: &MessageValue) -> Vec<String> {
    match value {
        MessageValue::Plain(words) => vec![words.clone()],
        MessageValue::List(items) => items.iter().flat_map(plain_values).collect(),
        MessageValue::Nested(message) => {
            message.values().flat_map(|(_, value)| plain_values(value)).collect()
        }
        _ => Vec::new(),
    }
}

/// Returns true for ids, numbers, days and times: `2026-12-31 23:59 UTC`.
fn is_number_or_time(words: &str) -> bool {
    words.trim_end_matches("UTC").bytes().all(|byte| byte.is_ascii_hexdigit() || b"-:. TZ".contains(&byte))
}

#[test]
fn every_predicate_is_asked() {
    let (vocabulary, people) = policy();
    let asked: Vec<String> = questions(&vocabulary, &people).into_iter().map(|(name, _)| name).collect();
    let known: Vec<&str> = PREDICATE_DOCS.iter().map(|doc| doc.name).collect();
    assert_eq!(asked, known);
}

#[test]
fn a_fact_that_goes_missing_leaves_an_answer_as_it_was_or_unknown() {
    for_each_forgotten_fact(|question, before, after, _, what| {
        let unknown = matches!(after, PredicateAnswer::Unknown(_));
        assert!(
            unknown || rank(before) == rank(after),
            "{} {what}: {before:?}, then {after:?}",
            question.describe().to_plain_text()
        );
    });
}

#[test]
fn a_fact_that_a_question_does_not_name_makes_no_difference_to_it() {
    for_each_forgotten_fact(|question, before, after, need, what| {
        let mut needs = NeededFacts::new();
        question.add_needs(&mut needs);
        // Whoever reads paths may read nothing else about them.
        let named = match need {
            FactKind::Blobs => needs.contains(&FactKind::Blobs) || needs.contains(&FactKind::Paths),
            // Who approves, a forge says by reviews.
            FactKind::Reviews => needs.contains(&FactKind::Reviews) || needs.contains(&FactKind::Approvals),
            need => needs.contains(&need),
        };
        assert!(
            named || before == after,
            "{} {what}: {before:?}, then {after:?}",
            question.describe().to_plain_text()
        );
    });
}

/// Calls `check` with the answer before and after, for every question, change and fact, where the
/// fact is missing of the whole change or of one commit.
fn for_each_forgotten_fact(check: impl Fn(&Condition, &PredicateAnswer, &PredicateAnswer, FactKind, &str)) {
    let (vocabulary, people) = policy();
    for (_, questions) in questions(&vocabulary, &people) {
        for question in questions {
            for (name, change) in changes() {
                let before = question.evaluate(&EvaluationContext::new(&change, &people, &vocabulary));
                for need in FACTS {
                    for only in std::iter::once(None).chain((0..change.commits.len()).map(Some)) {
                        let mut poorer = change.clone();
                        forget(&mut poorer, need, only);
                        let after = question.evaluate(&EvaluationContext::new(&poorer, &people, &vocabulary));
                        check(
                            &question,
                            &before,
                            &after,
                            need,
                            &format!("{name} without {need:?} of {only:?}"),
                        );
                    }
                }
            }
        }
    }
}

fn forget(change: &mut Change, need: FactKind, only: Option<usize>) {
    let missing = Missing::Unavailable(need, "it was forgotten".into());
    if let (Ok(pull), None) = (&mut change.pull, only) {
        fixture::forget_pull(pull, need);
    }
    match need {
        FactKind::Pusher => change.pusher = Err(missing),
        FactKind::Target => change.target = Err(missing),
        FactKind::Tickets => change.tickets = Err(missing),
        FactKind::PolicyChange => change.policy_effect = Err(missing),
        FactKind::EarlierChange => change.names_earlier = Err(missing),
        _ => {
            for (index, commit) in change.commits.iter_mut().enumerate() {
                if only.is_none_or(|only| only == index) {
                    fixture::forget_commit_fact(commit, need);
                }
            }
        }
    }
}

fn rank(answer: &PredicateAnswer) -> u8 {
    match answer {
        PredicateAnswer::Fails(_) => 0,
        PredicateAnswer::Unknown(_) => 1,
        PredicateAnswer::Holds(_) => 2,
    }
}

/// Returns an answer in words, one finding to a line.
fn shown(answer: &PredicateAnswer) -> String {
    let more = format!("\n{}", " ".repeat(25));
    match answer {
        PredicateAnswer::Holds(owed) if owed.is_empty() => "holds".into(),
        PredicateAnswer::Holds(owed) => {
            let owed =
                owed.iter().map(|owed| format!("{}, due {}", owed.what.to_plain_text(), owed.due.unwrap()));
            format!("holds, and owes {}", owed.collect::<Vec<_>>().join(&more))
        }
        PredicateAnswer::Fails(findings) => findings.iter().map(finding).collect::<Vec<_>>().join(&more),
        PredicateAnswer::Unknown(missing) => {
            let missing: BTreeSet<String> =
                missing.iter().map(|missing| format!("unknown: {missing}")).collect();
            missing.into_iter().collect::<Vec<_>>().join(&more)
        }
    }
}

fn finding(finding: &Finding) -> String {
    let commit = finding.at.commit.map(|id| format!("{}: ", id.short_hex().get(..2).unwrap_or_default()));
    let place = if finding.at.in_description { "description " } else { "" };
    let line = finding.at.line.map(|line| format!("{place}line {line}: "));
    format!(
        "no: {}{}{}",
        commit.unwrap_or_default(),
        line.unwrap_or_default(),
        plain(&finding.message.sentence())
    )
}

/// Returns a sentence with everything in it escaped that somebody else wrote.
fn plain(line: &Sentence) -> String {
    let part = |part: &SentencePart| match part {
        SentencePart::Say(words) => words.clone(),
        SentencePart::Quote(text) => format!("{text:?}"),
    };
    line.0.iter().map(part).collect()
}

/// Returns each predicate with the questions about it.
fn questions(vocabulary: &FieldVocabulary, people: &PeopleDirectory) -> Vec<(String, Vec<Condition>)> {
    let node = load(&folder("predicates").join("questions.yml"));
    let known = PolicyScope { vocabulary, people, catalogue: &catalogue(people), allows_obligations: true };
    let mut faults = Vec::new();
    let mut questions = Vec::new();
    for (predicate, asked) in read_entries(&node, &mut faults).to_vec() {
        let asked = read_items(&asked, &mut faults).to_vec();
        let read = |parameters: YamlNode| {
            let mut faults = Vec::new();
            let key = YamlKey { at: YamlPlace::default(), text: predicate.text.clone() };
            let question = YamlNode { at: parameters.at, value: YamlValue::Map(vec![(key, parameters)]) };
            let question = Condition::read_condition(&question, &known, &mut faults);
            none(&faults, &predicate.text);
            question.unwrap()
        };
        questions.push((predicate.text.clone(), asked.into_iter().map(read).collect()));
    }
    none(&faults, "questions.yml");
    questions
}

/// Returns the catalogue of standard changes of the policy that questions are asked with.
fn catalogue(people: &PeopleDirectory) -> Arc<StandardCatalogue> {
    let node = load(&folder("predicates").join("catalogue.yml"));
    let mut catalogue = StandardCatalogue::default();
    let mut faults = Vec::new();
    catalogue.read_file(&node, people, &mut faults);
    none(&faults, "catalogue.yml");
    Arc::new(catalogue)
}

fn policy() -> (FieldVocabulary, PeopleDirectory) {
    let node = load(&folder("predicates").join("policy.yml"));
    let mut faults = Vec::new();
    let mut map = MapReader::new(&node, &mut faults).unwrap();
    let mut vocabulary = FieldVocabulary::default();
    vocabulary.read_fields(map.require_key("fields", &mut faults).unwrap(), &mut faults);
    let mut people =
        PeopleDirectory::read_people(map.require_key("people", &mut faults).unwrap(), &mut faults);
    people.read_roster(map.require_key("roster", &mut faults).unwrap(), &mut faults);
    let owners = map.require_key("codeowners", &mut faults).and_then(|node| read_text(node, &mut faults));
    people.set_code_owners("CODEOWNERS", Ok(Some(owners.unwrap().as_bytes())));
    map.refuse_unknown_keys(&mut faults);
    none(&faults, "policy.yml");
    vocabulary.connect_fields(&people);
    (vocabulary, people)
}

/// Returns the fixtures by name, in alphabetical order.
fn changes() -> Vec<(String, Change)> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder("fixtures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let change = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let node = load(&path);
        let mut faults = Vec::new();
        let mut map = MapReader::new(&node, &mut faults).unwrap();
        map.require_key("about", &mut faults).and_then(|node| read_text(node, &mut faults));
        let change =
            map.require_key("change", &mut faults).and_then(|node| fixture::read_change(node, &mut faults));
        map.refuse_unknown_keys(&mut faults);
        none(&faults, &name);
        (name, change.unwrap())
    };
    paths.into_iter().map(change).collect()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn load(path: &Path) -> YamlNode {
    yaml::read_document(&fs::read(path).unwrap())
        .unwrap_or_else(|faults| panic!("{}: {faults:?}", path.display()))
}

fn none(faults: &[YamlFault], of: &str) {
    assert!(faults.is_empty(), "{of}: {faults:?}");
}
