//! The report for people: in a terminal, and in the `remote:` lines of a push.
//!
//! Whoever reads this was refused and wants to get on. Hence: what is denied comes first, each
//! change ends in one block of text to paste, and the last line says what was decided and by which
//! policy. What is allowed takes one line. It does without colour, and without any character
//! outside ASCII of its own.

use std::io::{self, Write};

use crate::change::{Missing, Oid};
use crate::report::ranked_judgements::{RuleObjection, describe_change_location, describe_disagreement};
use crate::report::terminal::page::{StyledText, TerminalPage, TextStyle, plain_text, styled_text};
use crate::report::{
    GroupScope, RefUpdateKind, Report, ReportCounts, ReportGroup, ReportStyle, due_time, escape,
};
use crate::verdict::{
    Decision, FieldDisagreement, Finding, Judgement, Obligation, RuleDescription, RuleLevel, RuleOutcome,
    Verdict,
};

pub(crate) mod page;
pub(crate) mod paste_block;
pub(crate) mod rule_trace;
mod summary;

pub(crate) use crate::report::terminal::page::wrap_text;
pub(crate) use crate::report::terminal::summary::build_headline;

/// Writes the report.
pub(crate) fn write_terminal(report: &Report, style: &ReportStyle, out: &mut dyn Write) -> io::Result<()> {
    if style.quiet && report.decision == Decision::Allow {
        return Ok(());
    }
    let counts = ReportCounts::count_report(report);
    let mut face = TerminalRenderer { report, style, page: TerminalPage::new(out, style) };
    let denied = face.write_denied_changes()?;
    write_omitted_count(&mut face.page, "denied", denied)?;
    let allowed = face.write_remarks()?;
    write_omitted_count(&mut face.page, "allowed with remarks", allowed)?;
    summary::write_summary(&mut face.page, report, style, &counts)
}

struct TerminalRenderer<'report, 'out> {
    report: &'report Report,
    style: &'report ReportStyle,
    page: TerminalPage<'out>,
}

impl TerminalRenderer<'_, '_> {
    /// Writes what is denied, and returns how many denied changes were left out.
    fn write_denied_changes(&mut self) -> io::Result<usize> {
        let (mut shown, mut hidden) = (0, 0);
        for group in &self.report.groups {
            if group.decision(self.report.enforced) == Decision::Allow {
                continue;
            }
            let refused = group.refusals.iter().any(|judgement| judgement.is_denying(self.report.enforced));
            let mut headed = refused;
            if refused {
                self.write_group_heading(group)?;
                self.write_refusals(group)?;
            }
            for (index, verdict) in group.verdicts.iter().enumerate() {
                if verdict.decision() == Decision::Allow {
                    continue;
                }
                if !self.style.verbose && self.style.max_changes <= shown {
                    hidden += 1;
                    continue;
                }
                if !headed {
                    self.write_group_heading(group)?;
                    headed = true;
                }
                self.write_change(group, index, verdict)?;
                shown += 1;
            }
        }
        Ok(hidden)
    }

    /// Writes the changes that are allowed and still have something that people should know, and
    /// returns how many of them were left out.
    fn write_remarks(&mut self) -> io::Result<usize> {
        let (mut shown, mut hidden) = (0, 0);
        for group in &self.report.groups {
            let refused = group.refusals.iter().any(|judgement| judgement.is_denying(self.report.enforced));
            let mut headed = false;
            if !refused && group.refusals.iter().any(|judgement| has_remark(&judgement.outcome)) {
                self.write_group_heading(group)?;
                headed = true;
                self.write_refusals(group)?;
            }
            for (index, verdict) in group.verdicts.iter().enumerate() {
                let explained = group.traces.iter().any(|trace| trace.verdict_index == index);
                let told = self.style.verbose
                    || explained
                    || !verdict.disagreements.is_empty()
                    || verdict.judgements.iter().any(|judgement| has_remark(&judgement.outcome));
                if verdict.decision() == Decision::Deny || !told {
                    continue;
                }
                if !self.style.verbose && !explained && self.style.max_changes <= shown {
                    hidden += 1;
                    continue;
                }
                if !headed {
                    self.write_group_heading(group)?;
                    headed = true;
                }
                self.write_change(group, index, verdict)?;
                shown += 1;
            }
        }
        Ok(hidden)
    }

    fn write_group_heading(&mut self, group: &ReportGroup) -> io::Result<()> {
        let (kind, name, what) = match &group.scope {
            GroupScope::Ref { name, update } => match update {
                RefUpdateKind::Create { .. } => ("ref ", name, ", to be created"),
                RefUpdateKind::Move { .. } => ("ref ", name, ""),
                RefUpdateKind::Rewrite { .. } => ("ref ", name, ", history to be rewritten"),
                RefUpdateKind::Delete { .. } => ("ref ", name, ", to be deleted"),
            },
            GroupScope::Range(name) => ("range ", name, ""),
            GroupScope::PullRequest(name) => ("pull request ", name, ""),
            GroupScope::Message => return Ok(()),
        };
        let name = escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        self.page.request_gap();
        self.page
            .write_paragraph(0, &[plain_text(kind), styled_text(TextStyle::Name, name), plain_text(what)])?;
        self.page.request_gap();
        Ok(())
    }

    fn write_refusals(&mut self, group: &ReportGroup) -> io::Result<()> {
        for judgement in &group.refusals {
            self.write_judgement(2, judgement, self.report.enforced, None)?;
        }
        paste_block::write_fix_commands(&mut self.page, 2, &group.refusals)?;
        self.page.request_gap();
        Ok(())
    }

    fn write_change(&mut self, group: &ReportGroup, index: usize, verdict: &Verdict) -> io::Result<()> {
        let indent = if group.scope == GroupScope::Message { 0 } else { 2 };
        self.page.request_gap();
        self.write_change_header(indent, verdict)?;
        for denying in [true, false] {
            for judgement in &verdict.judgements {
                if judgement.is_denying(verdict.enforced) == denying {
                    self.write_judgement(indent + 2, judgement, verdict.enforced, verdict.revision)?;
                }
            }
        }
        for disagreement in &verdict.disagreements {
            self.write_disagreement(indent + 2, disagreement, verdict.revision)?;
        }
        if self.style.verbose {
            self.write_silent_rules(indent + 2, verdict)?;
        }
        let newest = group.is_amendable && index + 1 == group.verdicts.len();
        paste_block::write_paste_block(&mut self.page, indent + 2, newest, verdict)?;
        for trace in group.traces.iter().filter(|trace| trace.verdict_index == index) {
            rule_trace::write_rule_trace(&mut self.page, indent + 2, trace)?;
        }
        self.page.request_gap();
        Ok(())
    }

    /// One line: what became of it, which commit, of which class, what it calls itself.
    fn write_change_header(&mut self, indent: usize, verdict: &Verdict) -> io::Result<()> {
        let mut spans = vec![match verdict.decision() {
            Decision::Deny => styled_text(TextStyle::Denied, "denied"),
            Decision::Allow => styled_text(TextStyle::Allowed, "allowed"),
        }];
        spans.push(plain_text(" "));
        match &verdict.revision {
            Some(id) => spans.push(styled_text(TextStyle::CommitId, id.short_hex())),
            None => spans.push(plain_text("this commit")),
        }
        if let Some(class) = &verdict.class {
            spans.push(plain_text(format!(" ({})", escape::escape_words(class))));
        }
        spans.push(plain_text(" "));
        let used: usize = spans.iter().map(|span| escape::count_columns(&span.text)).sum();
        let subject = escape::escape_terminal(
            verdict.subject.as_bytes(),
            self.page.remaining_columns(indent + used + 2),
        );
        let subject = if subject.is_empty() { "no subject".into() } else { format!("\"{subject}\"") };
        spans.push(plain_text(subject));
        self.page.write_line(indent, &spans)
    }

    fn write_judgement(
        &mut self,
        indent: usize,
        judgement: &Judgement,
        enforced: bool,
        revision: Option<Oid>,
    ) -> io::Result<()> {
        let denies = judgement.is_denying(enforced);
        let rule = &judgement.rule;
        match &judgement.outcome {
            RuleOutcome::Fail(findings) => {
                self.write_rule_title(indent, judgement, denies)?;
                let most = if self.style.verbose { findings.len() } else { self.style.max_changes.max(1) };
                for finding in findings.iter().take(most) {
                    self.write_finding(indent + 2, finding, revision)?;
                }
                if most < findings.len() {
                    let more = format!("- and {} more like these", findings.len() - most);
                    self.page.write_paragraph(indent + 2, &[plain_text(more)])?;
                }
                Ok(())
            }
            // A later stage will ask: see the end of the report.
            RuleOutcome::Deferred(_) if !denies => Ok(()),
            RuleOutcome::Undecided(missing) | RuleOutcome::Deferred(missing) => {
                self.write_rule_title(indent, judgement, denies)?;
                missing.iter().try_for_each(|one| self.write_missing(indent + 2, one))
            }
            RuleOutcome::Owed(owed) => {
                owed.iter().try_for_each(|one| self.write_obligation(indent, rule, one))
            }
            RuleOutcome::Exempted { reason, approved_by, until, place: _ } => {
                let how = format!(
                    " until {}, by {}: {}",
                    escape::escape_words(until),
                    escape::escape_words(approved_by),
                    escape::escape_words(reason),
                );
                self.page.write_paragraph(
                    indent,
                    &[styled_text(TextStyle::Warning, "exempted "), style_rule_id(rule), plain_text(how)],
                )
            }
            RuleOutcome::Pass | RuleOutcome::NotApplicable => Ok(()),
        }
    }

    fn write_rule_title(&mut self, indent: usize, judgement: &Judgement, denies: bool) -> io::Result<()> {
        let rule = &judgement.rule;
        let mut spans = Vec::new();
        match (denies, judgement.level) {
            (true, _) => {}
            (false, RuleLevel::Warn) => spans.push(styled_text(TextStyle::Warning, "warning ")),
            (false, RuleLevel::Deny) => spans.push(styled_text(TextStyle::Warning, "undecided ")),
        }
        spans.push(style_rule_id(rule));
        spans.push(plain_text(format!(": {}", escape::escape_words(&rule.title))));
        if self.style.verbose && !rule.controls.is_empty() {
            let controls =
                rule.controls.iter().map(|control| escape::escape_words(control)).collect::<Vec<_>>();
            spans.push(styled_text(TextStyle::Secondary, format!(" ({})", controls.join(", "))));
        }
        self.page.write_paragraph(indent, &spans)
    }

    /// Two lines: what is wrong; where it was said, unless the header has said so, and who can mend it.
    fn write_finding(&mut self, indent: usize, finding: &Finding, revision: Option<Oid>) -> io::Result<()> {
        self.page.write_paragraph(
            indent,
            &[plain_text("- "), plain_text(escape::escape_sentence(&finding.message.sentence()))],
        )?;
        let at = describe_change_location(&finding.at, revision);
        let said = at.map_or_else(String::new, |at| format!("{}; ", escape::escape_sentence(&at)));
        let who = format!("{said}for {} to mend", escape::escape_words(&finding.describe_fixers()));
        self.page.write_hanging_paragraph(indent + 2, indent + 2, &[styled_text(TextStyle::Secondary, who)])
    }

    /// What a field is said to be in one place and another, and which of it counts.
    fn write_disagreement(
        &mut self,
        indent: usize,
        one: &FieldDisagreement,
        revision: Option<Oid>,
    ) -> io::Result<()> {
        let what = format!(": {}", escape::escape_sentence(&describe_disagreement(one, revision)));
        self.page
            .write_paragraph(indent, &[styled_text(TextStyle::Warning, "disagreement"), plain_text(what)])
    }

    fn write_missing(&mut self, indent: usize, missing: &Missing) -> io::Result<()> {
        let what = format!("cannot be decided: {}", escape::escape_words(&missing.to_string()));
        self.page.write_paragraph(indent, &[plain_text("- "), plain_text(what)])?;
        let who = RuleObjection::Missing(missing).describe_remedy();
        self.page.write_hanging_paragraph(indent + 2, indent + 2, &[styled_text(TextStyle::Secondary, who)])
    }

    fn write_obligation(
        &mut self,
        indent: usize,
        rule: &RuleDescription,
        owed: &Obligation,
    ) -> io::Result<()> {
        let what = format!(": {}", escape::escape_sentence(&owed.what.sentence()));
        self.page.write_paragraph(
            indent,
            &[styled_text(TextStyle::Warning, "owed "), style_rule_id(rule), plain_text(what)],
        )?;
        let due = format!(
            "{}, by {}; closed by `{}`",
            due_time::describe_due_time(owed.due, self.report.seen_at),
            escape::escape_words(&owed.owner.to_string()),
            escape::escape_words(&owed.evidence.to_plain_text()),
        );
        self.page.write_hanging_paragraph(indent + 2, indent + 2, &[plain_text(due)])
    }

    /// The rules that there is nothing to say about, by their ids.
    fn write_silent_rules(&mut self, indent: usize, verdict: &Verdict) -> io::Result<()> {
        for (title, outcome) in
            [("passed", RuleOutcome::Pass), ("not applicable", RuleOutcome::NotApplicable)]
        {
            let with = |one: &&Judgement| one.outcome == outcome;
            let ids: Vec<_> = verdict
                .judgements
                .iter()
                .filter(with)
                .map(|one| escape::escape_words(&one.rule.id))
                .collect();
            if !ids.is_empty() {
                let line = format!("{title}: {}", ids.join(", "));
                self.page.write_paragraph(indent, &[styled_text(TextStyle::Secondary, line)])?;
            }
        }
        Ok(())
    }
}

/// Says how many changes of a kind were left out, if any were, and how to see them.
fn write_omitted_count(page: &mut TerminalPage<'_>, kind: &str, count: usize) -> io::Result<()> {
    let changes = match count {
        0 => return Ok(()),
        1 => "1 more change".to_owned(),
        _ => format!("{count} more changes"),
    };
    page.request_gap();
    page.write_paragraph(
        0,
        &[plain_text(format!("and {changes} {kind}: `changegate check --verbose` shows all"))],
    )?;
    page.request_gap();
    Ok(())
}

/// Returns true for an outcome that people should know about although it denies nothing.
fn has_remark(outcome: &RuleOutcome) -> bool {
    matches!(
        outcome,
        RuleOutcome::Fail(_)
            | RuleOutcome::Undecided(_)
            | RuleOutcome::Owed(_)
            | RuleOutcome::Exempted { .. }
    )
}

fn style_rule_id(rule: &RuleDescription) -> StyledText {
    styled_text(TextStyle::Name, escape::escape_words(&rule.id))
}
