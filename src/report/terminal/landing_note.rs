//! What a commit on a branch that is not protected says about the day on which it lands.

use std::io;

use crate::report::content::Report;
use crate::report::escape;
use crate::report::ranked_judgements::rank_report;
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
