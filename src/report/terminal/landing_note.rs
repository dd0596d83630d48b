//! What a commit that is made says about the day on which it lands.

use std::io::{self, Write};

use crate::report::content::Report;
use crate::report::escape;
use crate::report::ranked_judgements::{JudgementRank, rank_report};
use crate::report::style::ReportStyle;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};

/// The objections that are shown; a note is not a report.
const MAX_NOTED_OBJECTIONS: usize = 6;

/// Writes what would deny the commit on a protected branch, in a line each.
pub(crate) fn write_landing_note(page: &mut TerminalPage<'_>, report: &Report) -> io::Result<()> {
    let mut lines = Vec::new();
    for ranked in rank_report(report) {
        if !ranked.rank.is_denying() {
            continue;
        }
        for objection in ranked.told_objections() {
            let rule_id = escape::escape_words(ranked.judgement.rule.id.as_str());
            let problem = escape::escape_sentence(&objection.describe_problem());
            lines.push([styled_text(TextStyle::Name, rule_id), plain_text(format!(": {problem}"))]);
        }
    }
    let heading = ": committed; the change that lands with it will be asked for more:";
    page.write_paragraph(0, &[styled_text(TextStyle::Warning, "changegate"), plain_text(heading)])?;
    for [rule_id, problem] in lines.iter().take(MAX_NOTED_OBJECTIONS) {
        page.write_paragraph(2, &[plain_text("- "), rule_id.clone(), problem.clone()])?;
    }
    if lines.len() > MAX_NOTED_OBJECTIONS {
        let more = format!("- and {} more like these", lines.len() - MAX_NOTED_OBJECTIONS);
        page.write_paragraph(2, &[plain_text(more)])?;
    }
    Ok(())
}

/// Writes which rules are checked later, in one paragraph; nothing if there are none.
///
/// # Errors
///
/// Fails if `out` does.
pub(crate) fn write_deferred_note(
    report: &Report,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut rule_ids = Vec::new();
    for ranked in rank_report(report) {
        if ranked.rank == JudgementRank::Deferred {
            rule_ids.push(escape::escape_words(ranked.judgement.rule.id.as_str()));
        }
    }
    if rule_ids.is_empty() {
        return Ok(());
    }
    let heading = ": committed; checked later, and not passed yet: ";
    let spans = [
        styled_text(TextStyle::Warning, "changegate"),
        plain_text(heading),
        styled_text(TextStyle::Name, rule_ids.join(", ")),
    ];
    TerminalPage::new(out, style).write_paragraph(0, &spans)
}
