//! The end of the Markdown: what is asked later, what else to know, what passed, and why.

use crate::report::escape::markdown::MarkdownInline;
use crate::report::markdown::document::MarkdownReport;
use crate::report::ranked_judgements::{JudgementRank, RuleObjection, describe_disagreement, rank_report};
use crate::report::terminal::page::TerminalPage;
use crate::report::terminal::rule_trace;
use crate::report::{Report, ReportStyle, escape};

/// Writes it.
pub(crate) fn add_closing_sections(document: &mut MarkdownReport, report: &Report, style: &ReportStyle) {
    add_disagreements(document, report);
    add_deferred_rules(document, report);
    if !report.notes.is_empty() {
        document.add_heading(3, "Notes");
        report.notes.iter().for_each(|note| {
            document.add_list_item(
                "-",
                &MarkdownInline::new().with_sentence(&note.sentence()).into_markdown(),
                &[],
            );
        });
    }
    add_passed_rules(document, report);
    add_rule_traces(document, report, style);
}

/// What is stated in two ways, and which of them counts.
fn add_disagreements(document: &mut MarkdownReport, report: &Report) {
    let verdicts = report.groups.iter().flat_map(|group| &group.verdicts);
    let all = verdicts
        .flat_map(|one| one.disagreements.iter().map(|said| describe_disagreement(said, one.revision)));
    let all: Vec<_> = all.collect();
    if !all.is_empty() {
        document.add_heading(3, "Said in two ways");
        all.iter().for_each(|line| {
            document.add_list_item("-", &MarkdownInline::new().with_sentence(line).into_markdown(), &[])
        });
    }
}

/// The rules that a later stage asks, which is not the same as rules that passed.
fn add_deferred_rules(document: &mut MarkdownReport, report: &Report) {
    let mut lines: Vec<String> = Vec::new();
    for told in rank_report(report).filter(|told| told.rank == JudgementRank::Deferred) {
        let mut line = MarkdownInline::new().with_code(&escape::escape_words(&told.judgement.rule.id));
        for (index, point) in told.objections().enumerate() {
            line = line.with_markdown(if index == 0 { ": " } else { "; " });
            line = match point {
                RuleObjection::Missing(missing) => line
                    .with_words(&missing.to_string())
                    .with_markdown(", ")
                    .with_words(&point.describe_remedy()),
                RuleObjection::Finding(finding) => line.with_sentence(&finding.message.sentence()),
            };
        }
        let line = line.into_markdown();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if !lines.is_empty() {
        document.add_heading(3, "Asked later, and not passed yet");
        lines.iter().for_each(|line| document.add_list_item("-", line, &[]));
    }
}

/// The rules that there is nothing to say about, folded away.
fn add_passed_rules(document: &mut MarkdownReport, report: &Report) {
    let of_rank = |rank: JudgementRank| {
        let mut rules: Vec<(&str, &str, usize)> = Vec::new();
        for told in rank_report(report).filter(|told| told.rank == rank) {
            let rule = &told.judgement.rule;
            match rules.iter_mut().find(|(id, _, _)| *id == rule.id) {
                Some((_, _, count)) => *count += 1,
                None => rules.push((&rule.id, &rule.title, 1)),
            }
        }
        rules
    };
    let (kept, others) = (of_rank(JudgementRank::Passed), of_rank(JudgementRank::NotApplicable));
    if kept.is_empty() && others.is_empty() {
        return;
    }
    let rules = if kept.len() == 1 { "rule" } else { "rules" };
    document.open_fold(&format!("{} {rules} passed, {} not applicable", kept.len(), others.len()));
    document.add_table_head(&["Outcome", "Rule", "What it asks", "Changes"]);
    for (rank, rules) in [(JudgementRank::Passed, kept), (JudgementRank::NotApplicable, others)] {
        for (id, title, count) in rules {
            document.add_table_row(&[
                rank.describe().to_owned(),
                MarkdownInline::new_cell().with_code(&escape::escape_words(id)).into_markdown(),
                MarkdownInline::new_cell().with_words(title).into_markdown(),
                count.to_string(),
            ]);
        }
    }
    document.close_fold();
}

/// How rules came to their answers, where somebody asked.
fn add_rule_traces(document: &mut MarkdownReport, report: &Report, style: &ReportStyle) {
    let traces: Vec<_> = report.groups.iter().flat_map(|group| &group.traces).collect();
    if traces.is_empty() {
        return;
    }
    document.open_fold("How rules came to their answers");
    for trace in traces {
        let mut text = Vec::new();
        let style = ReportStyle { colour: false, width: 100, ..style.clone() };
        // Writing to a vector cannot fail.
        let _ = rule_trace::write_rule_trace(&mut TerminalPage::new(&mut text, &style), 0, trace);
        document.add_lines(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect());
    }
    document.close_fold();
}
