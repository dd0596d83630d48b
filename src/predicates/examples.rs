//! Runs the examples in the documentation, so that they cannot lie, and answers questions for the
//! tests of predicates.

use super::{Condition, DOCS, Doc, Known, Seen};
use crate::change::Change;
use crate::fixture;
use crate::people::People;
use crate::verdict::{Answer, Line, Part};
use crate::vocabulary::Vocabulary;
use crate::yaml::decode::Map;
use crate::yaml::{self, Fault, Node};

/// Runs both examples of a predicate.
pub(super) fn run(file: &str, doc: &Doc) {
    assert_eq!(doc.name, file.replace('_', "-"), "a predicate is called like its file");
    assert!(doc.asks.ends_with('.') && doc.why.ends_with('.'), "{}: sentences", doc.name);
    assert!(doc.parameters.starts_with("- "), "{}: parameters are list items", doc.name);
    match example(doc.passes) {
        Answer::Holds(_) => {}
        other => panic!("the passing example of `{}` does not pass: {other:?}", doc.name),
    }
    match example(doc.fails) {
        Answer::Fails(findings) => assert!(!findings.is_empty()),
        other => panic!("the failing example of `{}` does not fail: {other:?}", doc.name),
    }
}

/// Answers the question of an example.
pub(super) fn example(text: &str) -> Answer {
    edited(text, |_| {})
}

/// Answers the question of an example after `edit`, which makes of its change what YAML cannot say.
pub(super) fn edited(text: &str, edit: impl Fn(&mut Change)) -> Answer {
    let node = yaml::read(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
    let mut faults = Vec::new();
    let answer = ask(&node, None, &edit, &mut faults);
    assert_eq!(faults, [], "{text}");
    answer.unwrap()
}

/// Answers `question` (with its `fields` and `people`) for commits with these messages.
pub(super) fn answer(question: &str, messages: &[&str]) -> Answer {
    let commits =
        messages.iter().map(|message| format!("- message: {}", serde_json::to_string(message).unwrap()));
    let change = format!("commits:\n{}", commits.collect::<Vec<_>>().join("\n"));
    let question = yaml::read(question.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{question}"));
    let change = yaml::read(change.as_bytes()).unwrap();
    let mut faults = Vec::new();
    let answer = ask(&question, Some(&change), &|_| {}, &mut faults);
    assert_eq!(faults, []);
    answer.unwrap()
}

/// Returns what is wrong, as text; empty if it holds.
pub(super) fn findings(question: &str, messages: &[&str]) -> Vec<String> {
    texts(&answer(question, messages))
}

/// Returns what is wrong in an answer, as text; empty if it holds.
pub(super) fn texts(answer: &Answer) -> Vec<String> {
    match answer {
        Answer::Holds(_) => Vec::new(),
        Answer::Fails(findings) => findings.iter().map(|finding| plain(&finding.what)).collect(),
        Answer::Unknown(missing) => missing.iter().map(|missing| format!("unknown: {missing}")).collect(),
    }
}

/// Returns the faults of a question.
pub(super) fn faults(question: &str) -> Vec<String> {
    let node = yaml::read(question.as_bytes()).unwrap();
    let change = yaml::read(b"commits: [{}]").unwrap();
    let mut faults = Vec::new();
    ask(&node, Some(&change), &|_| {}, &mut faults);
    faults.into_iter().map(|fault| fault.what).collect()
}

fn ask(
    node: &Node,
    change: Option<&Node>,
    edit: &dyn Fn(&mut Change),
    faults: &mut Vec<Fault>,
) -> Option<Answer> {
    let mut map = Map::new(node, faults)?;
    let mut vocabulary = Vocabulary::default();
    if let Some(node) = map.get("fields") {
        vocabulary.read(node, faults);
    }
    let mut people = map.get("people").map(|node| People::read(node, faults)).unwrap_or_default();
    if let Some(node) = map.get("roster") {
        people.read_roster(node, faults);
    }
    let known = Known { vocabulary: &vocabulary, people: &people, may_owe: true };
    let question = map.require("ask", faults).and_then(|node| Condition::read(node, &known, faults));
    let change = match change {
        Some(change) => fixture::read(change, faults),
        None => map.require("change", faults).and_then(|node| fixture::read(node, faults)),
    };
    map.finish(faults);
    let mut change = change?;
    edit(&mut change);
    let question = question?;
    let answer = question.ask(&Seen::new(&change, &people, &vocabulary));
    let bare = question.ask(&Seen::without_reasons(&change, &people, &vocabulary));
    assert!(is_same_but_for_reasons(&answer, &bare), "{answer:?} with reasons, {bare:?} without");
    Some(answer)
}

fn plain(line: &Line) -> String {
    line.0
        .iter()
        .map(|part| match part {
            Part::Say(words) => words.clone(),
            Part::Quote(text) => format!("`{}`", text.to_lossy()),
        })
        .collect()
}

#[test]
fn predicates_are_listed_in_alphabetical_order_and_once() {
    let names: Vec<_> = DOCS.iter().map(|doc| doc.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
}

fn is_same_but_for_reasons(one: &Answer, other: &Answer) -> bool {
    match (one, other) {
        (Answer::Fails(some), Answer::Fails(others)) => some.len() == others.len(),
        _ => one == other,
    }
}
