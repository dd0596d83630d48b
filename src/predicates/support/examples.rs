//! Runs the examples in the documentation as tests, and answers questions for the tests of predicates.

use std::sync::Arc;

use crate::catalogue::StandardCatalogue;
use crate::change::Change;
use crate::fixture;
use crate::people::PeopleDirectory;
use crate::predicates::support::condition::Condition;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::verdict::{PredicateAnswer, Sentence, SentencePart};
use crate::vocabulary::FieldVocabulary;
use crate::yaml::decode::{MapReader, read_text};
use crate::yaml::{self, YamlFault, YamlNode};

/// Runs both examples of a predicate.
pub(crate) fn check_examples(file: &str, doc: &PredicateDoc) {
    assert_eq!(doc.name, file.replace('_', "-"), "a predicate has the name of its file");
    assert!(doc.summary.ends_with('.') && doc.why.ends_with('.'), "{}: sentences", doc.name);
    assert!(doc.parameters.starts_with("- "), "{}: parameters are list items", doc.name);
    match answer_example(doc.passing_example) {
        PredicateAnswer::Holds(_) => {}
        other => panic!("the passing example of `{}` does not pass: {other:?}", doc.name),
    }
    match answer_example(doc.failing_example) {
        PredicateAnswer::Fails(findings) => assert!(!findings.is_empty()),
        other => panic!("the failing example of `{}` does not fail: {other:?}", doc.name),
    }
}

/// Answers the question of an example.
pub(crate) fn answer_example(text: &str) -> PredicateAnswer {
    answer_edited(text, |_| {})
}

/// Answers the question of an example after `edit`, which changes what YAML cannot express.
pub(crate) fn answer_edited(text: &str, edit: impl Fn(&mut Change)) -> PredicateAnswer {
    let node = yaml::read_document(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
    let mut faults = Vec::new();
    let answer = answer_question(&node, None, &edit, &mut faults);
    assert_eq!(faults, [], "{text}");
    answer.unwrap()
}

/// Answers `question` (with its `fields` and `people`) for commits with these messages.
pub(crate) fn answer_for_messages(question: &str, messages: &[&str]) -> PredicateAnswer {
    let commits =
        messages.iter().map(|message| format!("- message: {}", serde_json::to_string(message).unwrap()));
    let change = format!("commits:\n{}", commits.collect::<Vec<_>>().join("\n"));
    let question =
        yaml::read_document(question.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{question}"));
    let change = yaml::read_document(change.as_bytes()).unwrap();
    let mut faults = Vec::new();
    let answer = answer_question(&question, Some(&change), &|_| {}, &mut faults);
    assert_eq!(faults, []);
    answer.unwrap()
}

/// Returns the findings about a change with these messages, as text; empty if the question holds.
pub(crate) fn findings_for_messages(question: &str, messages: &[&str]) -> Vec<String> {
    finding_texts(&answer_for_messages(question, messages))
}

/// Returns the findings of an answer, or what is missing, as text; empty if it holds.
pub(crate) fn finding_texts(answer: &PredicateAnswer) -> Vec<String> {
    match answer {
        PredicateAnswer::Holds(_) => Vec::new(),
        PredicateAnswer::Fails(findings) => {
            findings.iter().map(|finding| plain_text(&finding.message.sentence())).collect()
        }
        PredicateAnswer::Unknown(missing) => {
            missing.iter().map(|missing| format!("unknown: {missing}")).collect()
        }
    }
}

/// Returns the faults of a question that cannot be read, as text.
pub(crate) fn question_faults(question: &str) -> Vec<String> {
    let node = yaml::read_document(question.as_bytes()).unwrap();
    let change = yaml::read_document(b"commits: [{}]").unwrap();
    let mut faults = Vec::new();
    answer_question(&node, Some(&change), &|_| {}, &mut faults);
    faults.into_iter().map(|fault| fault.what).collect()
}

fn answer_question(
    node: &YamlNode,
    change: Option<&YamlNode>,
    edit: &dyn Fn(&mut Change),
    faults: &mut Vec<YamlFault>,
) -> Option<PredicateAnswer> {
    let mut map = MapReader::new(node, faults)?;
    let mut vocabulary = FieldVocabulary::default();
    if let Some(node) = map.find_key("fields") {
        vocabulary.read_fields(node, faults);
    }
    let mut people =
        map.find_key("people").map(|node| PeopleDirectory::read_people(node, faults)).unwrap_or_default();
    if let Some(node) = map.find_key("roster") {
        people.read_roster(node, faults);
    }
    if let Some(text) = map.find_key("codeowners").and_then(|node| read_text(node, faults)) {
        people.set_code_owners("CODEOWNERS", Ok(Some(text.as_bytes())));
    }
    vocabulary.connect_fields(&people);
    let mut catalogue = StandardCatalogue::default();
    if let Some(node) = map.find_key("standard-changes") {
        catalogue.read_entries(node, &people, faults);
    }
    let catalogue = Arc::new(catalogue);
    let scope = PolicyScope {
        vocabulary: &vocabulary,
        people: &people,
        catalogue: &catalogue,
        allows_obligations: true,
    };
    let question =
        map.require_key("ask", faults).and_then(|node| Condition::read_condition(node, &scope, faults));
    let change = match change {
        Some(change) => fixture::read_change(change, faults),
        None => map.require_key("change", faults).and_then(|node| fixture::read_change(node, faults)),
    };
    map.refuse_unknown_keys(faults);
    let mut change = change?;
    edit(&mut change);
    let question = question?;
    let answer = question.evaluate(&EvaluationContext::new(&change, &people, &vocabulary));
    let bare = question.evaluate(&EvaluationContext::without_reasons(&change, &people, &vocabulary));
    assert!(is_same_but_for_reasons(&answer, &bare), "{answer:?} with reasons, {bare:?} without");
    Some(answer)
}

fn plain_text(line: &Sentence) -> String {
    line.0
        .iter()
        .map(|part| match part {
            SentencePart::Say(words) => words.clone(),
            SentencePart::Quote(text) => format!("`{}`", text.to_lossy()),
        })
        .collect()
}

#[test]
fn predicates_are_listed_in_alphabetical_order_and_once() {
    let names: Vec<_> = crate::predicates::PREDICATE_DOCS.iter().map(|doc| doc.name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
}

fn is_same_but_for_reasons(one: &PredicateAnswer, other: &PredicateAnswer) -> bool {
    match (one, other) {
        // Reasons that are alternatives are one finding; without reasons there is nothing to merge.
        (PredicateAnswer::Fails(some), PredicateAnswer::Fails(others)) => some.len() <= others.len(),
        _ => one == other,
    }
}
