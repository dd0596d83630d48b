//! The end of the Markdown: what is asked later, what else to know, what passed, and why.

use super::document::Document;
use crate::report::escape::markdown::Inline;
use crate::report::page::Page;
use crate::report::points::{Point, Rank, disagreement, told};
use crate::report::{Report, Style, escape, explain};

/// Writes it.
pub(super) fn write(document: &mut Document, report: &Report, style: &Style) {
    disagreements(document, report);
    later(document, report);
    if !report.notes.is_empty() {
        document.heading(3, "Notes");
        report.notes.iter().for_each(|note| {
            document.item("-", &Inline::new().sentence(note).done(), &[]);
        });
    }
    passed(document, report);
    traces(document, report, style);
}

/// What is stated in two ways, and which of them counts.
fn disagreements(document: &mut Document, report: &Report) {
    let verdicts = report.groups.iter().flat_map(|group| &group.verdicts);
    let all = verdicts.flat_map(|one| one.disagreements.iter().map(|said| disagreement(said, one.revision)));
    let all: Vec<_> = all.collect();
    if !all.is_empty() {
        document.heading(3, "Said in two ways");
        all.iter().for_each(|line| document.item("-", &Inline::new().sentence(line).done(), &[]));
    }
}

/// The rules that a later stage asks, which is not the same as rules that passed.
fn later(document: &mut Document, report: &Report) {
    let mut lines: Vec<String> = Vec::new();
    for told in told(report).filter(|told| told.rank == Rank::Later) {
        let mut line = Inline::new().code(&escape::words(&told.judgement.rule.id));
        for (index, point) in told.points().enumerate() {
            line = line.own(if index == 0 { ": " } else { "; " });
            line = match point {
                Point::Gap(missing) => line.words(&missing.to_string()).own(", ").words(&point.remedy()),
                Point::Wrong(finding) => line.sentence(&finding.what),
            };
        }
        let line = line.done();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if !lines.is_empty() {
        document.heading(3, "Asked later, and not passed yet");
        lines.iter().for_each(|line| document.item("-", line, &[]));
    }
}

/// The rules that there is nothing to say about, folded away.
fn passed(document: &mut Document, report: &Report) {
    let of_rank = |rank: Rank| {
        let mut rules: Vec<(&str, &str, usize)> = Vec::new();
        for told in told(report).filter(|told| told.rank == rank) {
            let rule = &told.judgement.rule;
            match rules.iter_mut().find(|(id, _, _)| *id == rule.id) {
                Some((_, _, count)) => *count += 1,
                None => rules.push((&rule.id, &rule.title, 1)),
            }
        }
        rules
    };
    let (kept, others) = (of_rank(Rank::Passed), of_rank(Rank::NotApplicable));
    if kept.is_empty() && others.is_empty() {
        return;
    }
    let rules = if kept.len() == 1 { "rule" } else { "rules" };
    document.open(&format!("{} {rules} passed, {} not applicable", kept.len(), others.len()));
    document.table(&["Outcome", "Rule", "What it asks", "Changes"]);
    for (rank, rules) in [(Rank::Passed, kept), (Rank::NotApplicable, others)] {
        for (id, title, count) in rules {
            document.row(&[
                rank.words().to_owned(),
                Inline::cell().code(&escape::words(id)).done(),
                Inline::cell().words(title).done(),
                count.to_string(),
            ]);
        }
    }
    document.close();
}

/// How rules came to their answers, where somebody asked.
fn traces(document: &mut Document, report: &Report, style: &Style) {
    let traces: Vec<_> = report.groups.iter().flat_map(|group| &group.traces).collect();
    if traces.is_empty() {
        return;
    }
    document.open("How rules came to their answers");
    for trace in traces {
        let mut text = Vec::new();
        let style = Style { colour: false, width: 100, ..style.clone() };
        // Writing to a vector cannot fail.
        let _ = explain::write(&mut Page::new(&mut text, &style), 0, trace);
        document.lines(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect());
    }
    document.close();
}
