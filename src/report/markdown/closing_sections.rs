//! The end of the Markdown: what is checked later, what else to know, what passed, and why.

use crate::report::content::Report;
use crate::report::escape;
use crate::report::escape::markdown::MarkdownInline;
use crate::report::markdown::document::MarkdownReport;
use crate::report::ranked_judgements::{JudgementRank, describe_disagreement, rank_report};
use crate::report::style::ReportStyle;
use crate::report::terminal::page::TerminalPage;
use crate::report::terminal::rule_trace;
use crate::verdict::{RuleDescription, Sentence, format_count};

/// The columns of a trace; a browser scrolls sideways.
const TRACE_COLUMNS: usize = 100;

/// A rule, and the number of changes for which it had one outcome.
struct RuleTally<'report> {
    id: &'report str,
    title: &'report str,
    changes: usize,
}

/// Adds all closing sections that have something to say.
pub(crate) fn add_closing_sections(document: &mut MarkdownReport, report: &Report, style: &ReportStyle) {
    let mut contradictions = Vec::new();
    for verdict in report.groups.iter().flat_map(|group| &group.verdicts) {
        for one in &verdict.disagreements {
            contradictions.push(describe_disagreement(one, verdict.revision));
        }
    }
    let left_out: usize = report.groups.iter().map(|group| group.left_out.contradictory).sum();
    if left_out > 0 {
        contradictions
            .push(Sentence::from_words(format!("and in {}", format_count(left_out, "more change"))));
    }
    add_sentences(document, "Contradictions", contradictions);
    add_deferred_rules(document, report);
    let mut notes = Vec::new();
    for note in &report.notes {
        notes.push(note.sentence());
    }
    add_sentences(document, "Notes", notes);
    add_passed_rules(document, report);
    add_rule_traces(document, report, style);
}

/// Adds a list of sentences under a heading, if there are any.
fn add_sentences(document: &mut MarkdownReport, heading: &str, sentences: Vec<Sentence>) {
    let mut lines = Vec::new();
    for sentence in sentences {
        lines.push(MarkdownInline::new().with_sentence(&sentence).into_markdown());
    }
    add_list(document, heading, &lines);
}

fn add_list(document: &mut MarkdownReport, heading: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    document.add_heading(3, heading);
    for line in lines {
        document.add_list_item("-", line, &[]);
    }
}

/// Adds the rules that a later stage checks, which is not the same as rules that passed.
fn add_deferred_rules(document: &mut MarkdownReport, report: &Report) {
    let mut lines: Vec<String> = Vec::new();
    for ranked in rank_report(report) {
        if ranked.rank != JudgementRank::Deferred {
            continue;
        }
        let line = MarkdownInline::new()
            .with_code(&escape::escape_words(ranked.judgement.rule.id.as_str()))
            .with_markdown(": ")
            .with_words(&ranked.describe_awaited_facts().join("; "))
            .into_markdown();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    add_list(document, "Checked later (not passed yet)", &lines);
}

/// Adds the rules that there is nothing to say about, folded away.
fn add_passed_rules(document: &mut MarkdownReport, report: &Report) {
    let passed = tally_rules(report, JudgementRank::Passed);
    let others = tally_rules(report, JudgementRank::NotApplicable);
    if passed.is_empty() && others.is_empty() {
        return;
    }
    let rules = if passed.len() == 1 { "rule" } else { "rules" };
    document.open_fold(&format!("{} {rules} passed, {} not applicable", passed.len(), others.len()));
    document.add_table_head(&["Outcome", "Rule", "What it asks", "Changes"]);
    for (rank, rules) in [(JudgementRank::Passed, passed), (JudgementRank::NotApplicable, others)] {
        for RuleTally { id, title, changes } in rules {
            document.add_table_row(&[
                rank.describe().to_owned(),
                MarkdownInline::new_cell().with_code(&escape::escape_words(id)).into_markdown(),
                MarkdownInline::new_cell().with_words(title).into_markdown(),
                changes.to_string(),
            ]);
        }
    }
    document.close_fold();
}

/// Returns the rules that have judgements of this rank, each once.
fn tally_rules<'report>(report: &'report Report, rank: JudgementRank) -> Vec<RuleTally<'report>> {
    let mut rules: Vec<RuleTally<'_>> = Vec::new();
    let mut add_changes = |rule: &'report RuleDescription, changes| match rules
        .iter_mut()
        .find(|known| rule.id.as_str() == known.id)
    {
        Some(known) => known.changes += changes,
        None => rules.push(RuleTally { id: rule.id.as_str(), title: &rule.title, changes }),
    };
    for ranked in rank_report(report) {
        if ranked.rank == rank {
            add_changes(&ranked.judgement.rule, 1);
        }
    }
    for left_out in report.groups.iter().flat_map(|group| &group.left_out.rules) {
        if left_out.rank == rank {
            add_changes(&left_out.rule, left_out.changes);
        }
    }
    rules
}

/// Adds how rules came to their answers, where that was asked for.
fn add_rule_traces(document: &mut MarkdownReport, report: &Report, style: &ReportStyle) {
    let traces: Vec<_> = report.groups.iter().flat_map(|group| &group.traces).collect();
    if traces.is_empty() {
        return;
    }
    document.open_fold("How rules came to their answers");
    for trace in traces {
        let mut text = Vec::new();
        let style = ReportStyle { colour: false, width: TRACE_COLUMNS, ..style.clone() };
        // Writing to a vector cannot fail.
        let _ = rule_trace::write_rule_trace(&mut TerminalPage::new(&mut text, &style), 0, trace);
        document.add_lines(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect());
    }
    document.close_fold();
}
