//! How a rule came to its answer, as a tree of questions.
//!
//! The marks are words of ASCII, in a column of their own, so that the eye can run down it.

use std::io;

use crate::predicates::support::condition::ConditionTrace;
use crate::report::content::RuleTrace;
use crate::report::escape;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::PredicateAnswer;

/// Writes the tree of one rule's questions.
pub(crate) fn write_rule_trace(
    page: &mut TerminalPage<'_>,
    indent: usize,
    rule_trace: &RuleTrace,
) -> io::Result<()> {
    let rule = styled_text(TextStyle::Name, escape::escape_words(rule_trace.rule_id.as_str()));
    page.request_gap();
    page.write_paragraph(indent, &[plain_text("how "), rule, plain_text(" came to its answer:")])?;
    write_trace_tree(page, indent + 2, 0, &rule_trace.trace)
}

fn write_trace_tree(
    page: &mut TerminalPage<'_>,
    indent: usize,
    depth: usize,
    trace: &ConditionTrace,
) -> io::Result<()> {
    let (mark, style) = match &trace.answer {
        PredicateAnswer::Holds(owed) if owed.is_empty() => ("yes ", TextStyle::Allowed),
        PredicateAnswer::Holds(_) => ("owed", TextStyle::Warning),
        PredicateAnswer::Fails(_) => ("no  ", TextStyle::Denied),
        PredicateAnswer::Unknown(_) => ("?   ", TextStyle::Warning),
    };
    let mut spans = vec![
        styled_text(style, mark),
        plain_text("  ".repeat(depth + 1)),
        plain_text(escape::escape_words(&trace.question)),
    ];
    // A combination is unknown because a part is; the fact is named once, at that part.
    if let PredicateAnswer::Unknown(missing) = &trace.answer
        && trace.parts.is_empty()
    {
        for one in missing {
            spans.push(styled_text(
                TextStyle::Secondary,
                format!(" ({})", escape::escape_words(&one.to_string())),
            ));
        }
    }
    page.write_hanging_paragraph(indent, indent + 4 + 2 * (depth + 2), &spans)?;
    for part in &trace.parts {
        write_trace_tree(page, indent, depth + 1, part)?;
    }
    Ok(())
}
