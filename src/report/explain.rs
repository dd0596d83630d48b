//! How a rule came to its answer, as a tree of questions.
//!
//! The marks are words of ASCII, in a column of their own, so that the eye can run down it.

use std::io;

use super::page::{Look, Page, plain, span};
use super::{RuleTrace, escape};
use crate::predicates::Trace;
use crate::verdict::Answer;

/// Writes the tree of one rule.
pub(super) fn write(page: &mut Page<'_>, indent: usize, of: &RuleTrace) -> io::Result<()> {
    let rule = span(Look::Name, escape::words(&of.rule));
    page.gap();
    page.paragraph(indent, &[plain("how "), rule, plain(" came to its answer:")])?;
    tree(page, indent + 2, 0, &of.trace)
}

fn tree(page: &mut Page<'_>, indent: usize, depth: usize, trace: &Trace) -> io::Result<()> {
    let (mark, look) = match &trace.answer {
        Answer::Holds(owed) if owed.is_empty() => ("yes ", Look::Allowed),
        Answer::Holds(_) => ("owed", Look::Warning),
        Answer::Fails(_) => ("no  ", Look::Denied),
        Answer::Unknown(_) => ("?   ", Look::Warning),
    };
    let mut spans =
        vec![span(look, mark), plain("  ".repeat(depth + 1)), plain(escape::words(&trace.question))];
    if let (Answer::Unknown(missing), true) = (&trace.answer, trace.parts.is_empty()) {
        for one in missing {
            spans.push(span(Look::Faint, format!(" ({})", escape::words(&one.to_string()))));
        }
    }
    page.paragraph_hanging(indent, indent + 4 + 2 * (depth + 2), &spans)?;
    trace.parts.iter().try_for_each(|part| tree(page, indent, depth + 1, part))
}
