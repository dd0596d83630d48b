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

use changegate::change::{Change, Missing, Need, Needs};
use changegate::fixture;
use changegate::people::People;
use changegate::predicates::{Condition, DOCS, Known, Seen};
use changegate::verdict::{Answer, Finding, Line, Part};
use changegate::vocabulary::Vocabulary;
use changegate::yaml::decode::{Map, entries, items, text};
use changegate::yaml::{self, Fault, Key, Node, Place, Value};

/// What a change can be made to forget.
const FACTS: [Need; 12] = [
    Need::Paths,
    Need::Lines,
    Need::Blobs,
    Need::OwnContent,
    Need::Signatures,
    Need::Pusher,
    Need::Target,
    Need::Reviews,
    Need::Pull,
    Need::Checks,
    Need::Comments,
    Need::Conversations,
];

#[test]
fn every_predicate_answers_for_every_fixture_as_it_did() {
    let (vocabulary, people) = policy();
    let changes = changes();
    for (predicate, questions) in questions(&vocabulary, &people) {
        let mut said = String::new();
        for question in questions {
            writeln!(said, "{}", question.words()).unwrap();
            for (name, change) in &changes {
                let answer = question.ask(&Seen::new(change, &people, &vocabulary));
                writeln!(said, "  {name:<22} {}", shown(&answer)).unwrap();
            }
            said.push('\n');
        }
        insta::assert_snapshot!(predicate, said);
    }
}

#[test]
fn every_predicate_is_asked() {
    let (vocabulary, people) = policy();
    let asked: Vec<String> = questions(&vocabulary, &people).into_iter().map(|(name, _)| name).collect();
    let known: Vec<&str> = DOCS.iter().map(|doc| doc.name).collect();
    assert_eq!(asked, known);
}

#[test]
fn a_fact_that_goes_missing_leaves_an_answer_as_it_was_or_unknown() {
    for_each_forgotten_fact(|question, before, after, _, what| {
        let unknown = matches!(after, Answer::Unknown(_));
        assert!(
            unknown || rank(before) == rank(after),
            "{} {what}: {before:?}, then {after:?}",
            question.words()
        );
    });
}

#[test]
fn a_fact_that_a_question_does_not_name_makes_no_difference_to_it() {
    for_each_forgotten_fact(|question, before, after, need, what| {
        let mut needs = Needs::new();
        question.needs(&mut needs);
        // Whoever reads paths may read nothing else about them.
        let named = match need {
            Need::Blobs => needs.contains(&Need::Blobs) || needs.contains(&Need::Paths),
            // Who approves, a forge says by reviews.
            Need::Reviews => needs.contains(&Need::Reviews) || needs.contains(&Need::Approvals),
            need => needs.contains(&need),
        };
        assert!(named || before == after, "{} {what}: {before:?}, then {after:?}", question.words());
    });
}

/// Calls `check` with the answer before and after, for every question, change and fact, where the
/// fact is missing of the whole change or of one commit.
fn for_each_forgotten_fact(check: impl Fn(&Condition, &Answer, &Answer, Need, &str)) {
    let (vocabulary, people) = policy();
    for (_, questions) in questions(&vocabulary, &people) {
        for question in questions {
            for (name, change) in changes() {
                let before = question.ask(&Seen::new(&change, &people, &vocabulary));
                for need in FACTS {
                    for only in std::iter::once(None).chain((0..change.commits.len()).map(Some)) {
                        let mut poorer = change.clone();
                        forget(&mut poorer, need, only);
                        let after = question.ask(&Seen::new(&poorer, &people, &vocabulary));
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

fn forget(change: &mut Change, need: Need, only: Option<usize>) {
    let missing = Missing::Unavailable(need, "it was forgotten".into());
    if let (Ok(pull), None) = (&mut change.pull, only) {
        fixture::forget_pull(pull, need);
    }
    match need {
        Need::Pusher => change.pusher = Err(missing),
        Need::Target => change.target = Err(missing),
        _ => {
            for (index, commit) in change.commits.iter_mut().enumerate() {
                if only.is_none_or(|only| only == index) {
                    fixture::forget(commit, need);
                }
            }
        }
    }
}

fn rank(answer: &Answer) -> u8 {
    match answer {
        Answer::Fails(_) => 0,
        Answer::Unknown(_) => 1,
        Answer::Holds(_) => 2,
    }
}

/// Returns an answer in words, one finding to a line.
fn shown(answer: &Answer) -> String {
    let more = format!("\n{}", " ".repeat(25));
    match answer {
        Answer::Holds(owed) if owed.is_empty() => "holds".into(),
        Answer::Holds(owed) => {
            let owed = owed.iter().map(|owed| format!("{}, due {}", owed.what, owed.due.unwrap()));
            format!("holds, and owes {}", owed.collect::<Vec<_>>().join(&more))
        }
        Answer::Fails(findings) => findings.iter().map(finding).collect::<Vec<_>>().join(&more),
        Answer::Unknown(missing) => {
            let missing: BTreeSet<String> =
                missing.iter().map(|missing| format!("unknown: {missing}")).collect();
            missing.into_iter().collect::<Vec<_>>().join(&more)
        }
    }
}

fn finding(finding: &Finding) -> String {
    let commit = finding.at.commit.map(|id| format!("{}: ", id.short().get(..2).unwrap_or_default()));
    let place = if finding.at.in_description { "description " } else { "" };
    let line = finding.at.line.map(|line| format!("{place}line {line}: "));
    format!("no: {}{}{}", commit.unwrap_or_default(), line.unwrap_or_default(), plain(&finding.what))
}

/// Returns a sentence with everything in it escaped that somebody else wrote.
fn plain(line: &Line) -> String {
    let part = |part: &Part| match part {
        Part::Say(words) => words.clone(),
        Part::Quote(text) => format!("{text:?}"),
    };
    line.0.iter().map(part).collect()
}

/// Returns each predicate with the questions about it.
fn questions(vocabulary: &Vocabulary, people: &People) -> Vec<(String, Vec<Condition>)> {
    let node = load(&folder("predicates").join("questions.yml"));
    let known = Known { vocabulary, people, may_owe: true };
    let mut faults = Vec::new();
    let mut questions = Vec::new();
    for (predicate, asked) in entries(&node, &mut faults).to_vec() {
        let asked = items(&asked, &mut faults).to_vec();
        let read = |parameters: Node| {
            let mut faults = Vec::new();
            let key = Key { at: Place::default(), text: predicate.text.clone() };
            let question = Node { at: parameters.at, value: Value::Map(vec![(key, parameters)]) };
            let question = Condition::read(&question, &known, &mut faults);
            none(&faults, &predicate.text);
            question.unwrap()
        };
        questions.push((predicate.text.clone(), asked.into_iter().map(read).collect()));
    }
    none(&faults, "questions.yml");
    questions
}

fn policy() -> (Vocabulary, People) {
    let node = load(&folder("predicates").join("policy.yml"));
    let mut faults = Vec::new();
    let mut map = Map::new(&node, &mut faults).unwrap();
    let mut vocabulary = Vocabulary::default();
    vocabulary.read(map.require("fields", &mut faults).unwrap(), &mut faults);
    let mut people = People::read(map.require("people", &mut faults).unwrap(), &mut faults);
    people.read_roster(map.require("roster", &mut faults).unwrap(), &mut faults);
    map.finish(&mut faults);
    none(&faults, "policy.yml");
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
        let mut map = Map::new(&node, &mut faults).unwrap();
        map.require("about", &mut faults).and_then(|node| text(node, &mut faults));
        let change = map.require("change", &mut faults).and_then(|node| fixture::read(node, &mut faults));
        map.finish(&mut faults);
        none(&faults, &name);
        (name, change.unwrap())
    };
    paths.into_iter().map(change).collect()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn load(path: &Path) -> Node {
    yaml::read(&fs::read(path).unwrap()).unwrap_or_else(|faults| panic!("{}: {faults:?}", path.display()))
}

fn none(faults: &[Fault], of: &str) {
    assert!(faults.is_empty(), "{of}: {faults:?}");
}
