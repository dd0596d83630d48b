//! The documentation of all predicates as one Markdown document, made from what stands beside each.

use std::fmt::Write;

use crate::predicates::PREDICATE_DOCS;

/// Returns `docs/predicates.md`.
pub fn render_reference() -> String {
    let mut text = String::from(REFERENCE_INTRODUCTION);
    // Writing to a `String` cannot fail.
    for doc in PREDICATE_DOCS {
        let _ = writeln!(text, "- [`{0}`](#{0}): {1}", doc.name, doc.summary);
    }
    for doc in PREDICATE_DOCS {
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n{}\n\n{}\n\nIt holds here:\n\n```yaml\n{}\n```\n\nIt does not hold here:\n\n```yaml\n{}\n```\n",
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

The same questions serve everywhere a policy asks something: in `when`, in `classes`, in `exemptions` and in
`require`. A question is a map; of several entries, all are meant. Three more words combine questions:

- `all: [questions]`: every one of them holds;
- `any: [questions]`: at least one of them holds;
- `not: question`: it does not hold.

An answer is one of three: it holds, it does not hold, or it cannot be known, because a fact is missing. What cannot
be known stays so under `not`. It makes an `all` unknown unless another part fails, and an `any` unless another part
holds. So a missing fact never turns a no into a yes.

In the examples, `ask` is the question, and `change` is what it is asked of; what an example leaves out is harmless.
Every example is run as a test.

";
