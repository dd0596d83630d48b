//! What is broken unless an exemption allows it, where a fact is missing to know whether it does.

use std::io::{self, Write};

use crate::report::content::Report;
use crate::report::escape;
use crate::report::ranked_judgements::{JudgementRank, rank_report};
use crate::report::style::ReportStyle;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::RuleOutcome;

/// The lines that are shown; what they say is no denial.
const MAX_OPEN_EXEMPTIONS: usize = 10;

/// Lists what is broken unless an exemption applies, each with the exemption; nothing if there is none.
pub(crate) fn write_open_exemptions(page: &mut TerminalPage<'_>, report: &Report) -> io::Result<()> {
    let lines = list_open_exemptions(report);
    if lines.is_empty() {
        return Ok(());
    }
    let heading = "broken, unless the exemption applies (not known here):";
    page.write_paragraph(0, &[plain_text(heading)])?;
    write_lines(page, &lines)?;
    page.request_gap();
    Ok(())
}

/// Writes to a hook's reader what is broken unless an exemption applies; nothing if there is none.
///
/// # Errors
///
/// Fails if `out` does.
pub(crate) fn write_exemption_note(
    report: &Report,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let lines = list_open_exemptions(report);
    if lines.is_empty() {
        return Ok(());
    }
    let heading = ": broken, unless the exemption applies, which the server knows:";
    let mut page = TerminalPage::new(out, style);
    page.write_paragraph(0, &[styled_text(TextStyle::Warning, "changegate"), plain_text(heading)])?;
    write_lines(&mut page, &lines)
}

fn write_lines(page: &mut TerminalPage<'_>, lines: &[(String, String)]) -> io::Result<()> {
    for (rule_id, problem) in lines.iter().take(MAX_OPEN_EXEMPTIONS) {
        let rule_id = styled_text(TextStyle::Name, rule_id.as_str());
        page.write_paragraph(2, &[plain_text("- "), rule_id, plain_text(format!(": {problem}"))])?;
    }
    if lines.len() > MAX_OPEN_EXEMPTIONS {
        let more = format!("- and {} more like these", lines.len() - MAX_OPEN_EXEMPTIONS);
        page.write_paragraph(2, &[plain_text(more)])?;
    }
    Ok(())
}

/// Returns each rule with what is wrong, once.
fn list_open_exemptions(report: &Report) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for ranked in rank_report(report) {
        // One that no later stage settles stands in its place in the report.
        if ranked.rank != JudgementRank::Deferred {
            continue;
        }
        let RuleOutcome::MaybeExempted(possible) = &ranked.judgement.outcome else { continue };
        for objection in ranked.told_objections() {
            let Some(finding) = objection.finding() else { continue };
            let rule_id = escape::escape_words(ranked.judgement.rule.id.as_str());
            let problem = escape::escape_sentence(&finding.message.sentence());
            let place = escape::escape_words(possible.exemption.as_str());
            let line = (rule_id, format!("{problem} ({place})"));
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}
