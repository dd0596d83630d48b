//! The documentation of predicates: its form, and all of it as one Markdown document.

use std::fmt::Write;

/// The documentation of one predicate.
#[derive(Debug)]
pub struct PredicateDoc {
    /// The name of the predicate in a policy.
    pub name: &'static str,
    /// What the predicate asks, as one sentence.
    pub summary: &'static str,
    /// Why a policy would ask it.
    pub why: &'static str,
    /// The parameters, one Markdown list item each.
    pub parameters: &'static str,
    /// A question and a change for which it holds, in YAML.
    pub passing_example: &'static str,
    /// A question and a change for which it does not hold, in YAML.
    pub failing_example: &'static str,
}

/// The words that combine questions, each with its meaning.
pub const COMBINATORS: [(&str, &str); 3] = [
    ("all", "Every one of these questions holds."),
    ("any", "At least one of these questions holds."),
    ("not", "This question does not hold."),
];

/// Returns the content of `docs/predicates.md`, made from the documentation of each predicate.
pub fn render_reference(docs: &[&PredicateDoc]) -> String {
    let mut text = String::from(REFERENCE_INTRODUCTION);
    // Writing to a `String` cannot fail.
    for doc in docs {
        let _ = writeln!(text, "- [`{0}`](#{0}): {1}", doc.name, doc.summary);
    }
    for doc in docs {
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n{}\n\n{}\n\nThe question holds for this change:\n\n```yaml\n{}\n```\n\nIt does not hold for this one:\n\n```yaml\n{}\n```\n",
            doc.name,
            doc.summary,
            doc.why,
            doc.parameters,
            doc.passing_example.trim(),
            doc.failing_example.trim(),
        );
    }
    text
}

const REFERENCE_INTRODUCTION: &str = "\
# Questions that a policy can ask

<!-- Made from the source by `CHANGEGATE_BLESS=1 cargo test --test generated`. Change it there. -->

A policy asks the same questions in `when`, in `classes`, in `exemptions` and in `require`. A question is a map. If it
has several entries, all of them must hold. Three more words combine questions:

- `all: [questions]`: every one of them holds;
- `any: [questions]`: at least one of them holds;
- `not: question`: it does not hold.

A question has one of three answers: it holds, it does not hold, or the answer is unknown because a fact is missing.
An unknown answer stays unknown under `not`. It makes an `all` unknown unless another part fails, and an `any` unknown
unless another part holds. A missing fact therefore never turns a no into a yes.

In each example, `ask` is the question and `change` is the change that it is asked about. What an example leaves out
does not matter. Every example is run as a test.

";
