//! The report for people: in a terminal, and in the `remote:` lines of a push.
//!
//! Whoever reads this was refused and wants to get on. Hence: what is denied comes first, each
//! change ends in one block of text to paste, and the last line says what was decided and by which
//! policy. What is allowed takes one line. It does without colour, and without any character
//! outside ASCII of its own.

use std::io::{self, Write};

use super::page::{Look, Page, Span, plain, span};
use super::points::{Point, disagreement, place};
use super::{Counts, Group, Of, Report, Style, Update, due, escape, explain};
use crate::change::{Missing, Oid};
use crate::verdict::{
    Decision, Disagreement, Finding, Judgement, Level, Obligation, Outcome, RuleName, Verdict,
};

mod paste;
mod summary;

pub(super) use summary::headline;

/// Writes the report.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if style.quiet && report.decision == Decision::Allow {
        return Ok(());
    }
    let counts = Counts::of(report);
    let mut face = Face { report, style, page: Page::new(out, style) };
    let denied = face.denied()?;
    left_out(&mut face.page, "denied", denied)?;
    let allowed = face.remarks()?;
    left_out(&mut face.page, "allowed with remarks", allowed)?;
    summary::write(&mut face.page, report, style, &counts)
}

struct Face<'report, 'out> {
    report: &'report Report,
    style: &'report Style,
    page: Page<'out>,
}

impl Face<'_, '_> {
    /// Writes what is denied, and returns how many denied changes were left out.
    fn denied(&mut self) -> io::Result<usize> {
        let (mut shown, mut hidden) = (0, 0);
        for group in &self.report.groups {
            if group.decision(self.report.enforced) == Decision::Allow {
                continue;
            }
            let refused = group.refusals.iter().any(|judgement| judgement.denies(self.report.enforced));
            let mut headed = refused;
            if refused {
                self.heading(group)?;
                self.refusals(group)?;
            }
            for (index, verdict) in group.verdicts.iter().enumerate() {
                if verdict.decision() == Decision::Allow {
                    continue;
                }
                if !self.style.verbose && self.style.most <= shown {
                    hidden += 1;
                    continue;
                }
                if !headed {
                    self.heading(group)?;
                    headed = true;
                }
                self.change(group, index, verdict)?;
                shown += 1;
            }
        }
        Ok(hidden)
    }

    /// Writes the changes that are allowed and still have something that people should know, and
    /// returns how many of them were left out.
    fn remarks(&mut self) -> io::Result<usize> {
        let (mut shown, mut hidden) = (0, 0);
        for group in &self.report.groups {
            let refused = group.refusals.iter().any(|judgement| judgement.denies(self.report.enforced));
            let mut headed = false;
            if !refused && group.refusals.iter().any(|judgement| is_remarkable(&judgement.outcome)) {
                self.heading(group)?;
                headed = true;
                self.refusals(group)?;
            }
            for (index, verdict) in group.verdicts.iter().enumerate() {
                let explained = group.traces.iter().any(|trace| trace.verdict == index);
                let told = self.style.verbose
                    || explained
                    || !verdict.disagreements.is_empty()
                    || verdict.judgements.iter().any(|judgement| is_remarkable(&judgement.outcome));
                if verdict.decision() == Decision::Deny || !told {
                    continue;
                }
                if !self.style.verbose && !explained && self.style.most <= shown {
                    hidden += 1;
                    continue;
                }
                if !headed {
                    self.heading(group)?;
                    headed = true;
                }
                self.change(group, index, verdict)?;
                shown += 1;
            }
        }
        Ok(hidden)
    }

    fn heading(&mut self, group: &Group) -> io::Result<()> {
        let (kind, name, what) = match &group.of {
            Of::Ref { name, update } => match update {
                Update::Create { .. } => ("ref ", name, ", to be created"),
                Update::Move { .. } => ("ref ", name, ""),
                Update::Rewrite { .. } => ("ref ", name, ", history to be rewritten"),
                Update::Delete { .. } => ("ref ", name, ", to be deleted"),
            },
            Of::Range(name) => ("range ", name, ""),
            Of::Pull(name) => ("pull request ", name, ""),
            Of::Message => return Ok(()),
        };
        let name = escape::terminal(name.as_bytes(), escape::MOST);
        self.page.gap();
        self.page.paragraph(0, &[plain(kind), span(Look::Name, name), plain(what)])?;
        self.page.gap();
        Ok(())
    }

    fn refusals(&mut self, group: &Group) -> io::Result<()> {
        for judgement in &group.refusals {
            self.judgement(2, judgement, self.report.enforced, None)?;
        }
        paste::commands(&mut self.page, 2, &group.refusals)?;
        self.page.gap();
        Ok(())
    }

    fn change(&mut self, group: &Group, index: usize, verdict: &Verdict) -> io::Result<()> {
        let indent = if group.of == Of::Message { 0 } else { 2 };
        self.page.gap();
        self.header(indent, verdict)?;
        for denying in [true, false] {
            for judgement in &verdict.judgements {
                if judgement.denies(verdict.enforced) == denying {
                    self.judgement(indent + 2, judgement, verdict.enforced, verdict.revision)?;
                }
            }
        }
        for disagreement in &verdict.disagreements {
            self.disagreement(indent + 2, disagreement, verdict.revision)?;
        }
        if self.style.verbose {
            self.others(indent + 2, verdict)?;
        }
        let newest = group.amendable && index + 1 == group.verdicts.len();
        paste::write(&mut self.page, indent + 2, newest, verdict)?;
        for trace in group.traces.iter().filter(|trace| trace.verdict == index) {
            explain::write(&mut self.page, indent + 2, trace)?;
        }
        self.page.gap();
        Ok(())
    }

    /// One line: what became of it, which commit, of which class, what it calls itself.
    fn header(&mut self, indent: usize, verdict: &Verdict) -> io::Result<()> {
        let mut spans = vec![match verdict.decision() {
            Decision::Deny => span(Look::Denied, "denied"),
            Decision::Allow => span(Look::Allowed, "allowed"),
        }];
        spans.push(plain(" "));
        match &verdict.revision {
            Some(id) => spans.push(span(Look::Id, id.short())),
            None => spans.push(plain("this commit")),
        }
        if let Some(class) = &verdict.class {
            spans.push(plain(format!(" ({})", escape::words(class))));
        }
        spans.push(plain(" "));
        let used: usize = spans.iter().map(|span| escape::columns(&span.text)).sum();
        let subject = escape::terminal(verdict.subject.as_bytes(), self.page.room(indent + used + 2));
        let subject = if subject.is_empty() { "no subject".into() } else { format!("\"{subject}\"") };
        spans.push(plain(subject));
        self.page.line(indent, &spans)
    }

    fn judgement(
        &mut self,
        indent: usize,
        judgement: &Judgement,
        enforced: bool,
        revision: Option<Oid>,
    ) -> io::Result<()> {
        let denies = judgement.denies(enforced);
        let rule = &judgement.rule;
        match &judgement.outcome {
            Outcome::Fail(findings) => {
                self.rule(indent, judgement, denies)?;
                let most = if self.style.verbose { findings.len() } else { self.style.most.max(1) };
                for finding in findings.iter().take(most) {
                    self.finding(indent + 2, finding, revision)?;
                }
                if most < findings.len() {
                    let more = format!("- and {} more like these", findings.len() - most);
                    self.page.paragraph(indent + 2, &[plain(more)])?;
                }
                Ok(())
            }
            // A later stage will ask: see the end of the report.
            Outcome::Deferred(_) if !denies => Ok(()),
            Outcome::Undecided(missing) | Outcome::Deferred(missing) => {
                self.rule(indent, judgement, denies)?;
                missing.iter().try_for_each(|one| self.missing(indent + 2, one))
            }
            Outcome::Owed(owed) => owed.iter().try_for_each(|one| self.owed(indent, rule, one)),
            Outcome::Exempted { reason, approved_by, until, place: _ } => {
                let how = format!(
                    " until {}, by {}: {}",
                    escape::words(until),
                    escape::words(approved_by),
                    escape::words(reason),
                );
                self.page.paragraph(indent, &[span(Look::Warning, "exempted "), name(rule), plain(how)])
            }
            Outcome::Pass | Outcome::NotApplicable => Ok(()),
        }
    }

    fn rule(&mut self, indent: usize, judgement: &Judgement, denies: bool) -> io::Result<()> {
        let rule = &judgement.rule;
        let mut spans = Vec::new();
        match (denies, judgement.level) {
            (true, _) => {}
            (false, Level::Warn) => spans.push(span(Look::Warning, "warning ")),
            (false, Level::Deny) => spans.push(span(Look::Warning, "undecided ")),
        }
        spans.push(name(rule));
        spans.push(plain(format!(": {}", escape::words(&rule.title))));
        if self.style.verbose && !rule.controls.is_empty() {
            let controls = rule.controls.iter().map(|control| escape::words(control)).collect::<Vec<_>>();
            spans.push(span(Look::Faint, format!(" ({})", controls.join(", "))));
        }
        self.page.paragraph(indent, &spans)
    }

    /// Two lines: what is wrong; where it was said, unless the header has said so, and who can mend it.
    fn finding(&mut self, indent: usize, finding: &Finding, revision: Option<Oid>) -> io::Result<()> {
        self.page.paragraph(indent, &[plain("- "), plain(escape::sentence(&finding.what))])?;
        let at = place(&finding.at, revision);
        let said = at.map_or_else(String::new, |at| format!("{}; ", escape::sentence(&at)));
        let who = format!("{said}for {} to mend", escape::words(&finding.who));
        self.page.paragraph_hanging(indent + 2, indent + 2, &[span(Look::Faint, who)])
    }

    /// What a field is said to be in one place and another, and which of it counts.
    fn disagreement(&mut self, indent: usize, one: &Disagreement, revision: Option<Oid>) -> io::Result<()> {
        let what = format!(": {}", escape::sentence(&disagreement(one, revision)));
        self.page.paragraph(indent, &[span(Look::Warning, "disagreement"), plain(what)])
    }

    fn missing(&mut self, indent: usize, missing: &Missing) -> io::Result<()> {
        let what = format!("cannot be decided: {}", escape::words(&missing.to_string()));
        self.page.paragraph(indent, &[plain("- "), plain(what)])?;
        let who = Point::Gap(missing).remedy();
        self.page.paragraph_hanging(indent + 2, indent + 2, &[span(Look::Faint, who)])
    }

    fn owed(&mut self, indent: usize, rule: &RuleName, owed: &Obligation) -> io::Result<()> {
        let what = format!(": {}", escape::words(&owed.what));
        self.page.paragraph(indent, &[span(Look::Warning, "owed "), name(rule), plain(what)])?;
        let due = format!(
            "{}, by {}; closed by `{}`",
            due::words(owed.due, self.report.seen_at),
            escape::words(&owed.owner),
            escape::words(&owed.evidence),
        );
        self.page.paragraph_hanging(indent + 2, indent + 2, &[plain(due)])
    }

    /// The rules that there is nothing to say about, by their ids.
    fn others(&mut self, indent: usize, verdict: &Verdict) -> io::Result<()> {
        for (title, outcome) in [("passed", Outcome::Pass), ("not applicable", Outcome::NotApplicable)] {
            let with = |one: &&Judgement| one.outcome == outcome;
            let ids: Vec<_> =
                verdict.judgements.iter().filter(with).map(|one| escape::words(&one.rule.id)).collect();
            if !ids.is_empty() {
                let line = format!("{title}: {}", ids.join(", "));
                self.page.paragraph(indent, &[span(Look::Faint, line)])?;
            }
        }
        Ok(())
    }
}

/// Says how many changes of a kind were left out, if any were, and how to see them.
fn left_out(page: &mut Page<'_>, kind: &str, count: usize) -> io::Result<()> {
    let changes = match count {
        0 => return Ok(()),
        1 => "1 more change".to_owned(),
        _ => format!("{count} more changes"),
    };
    page.gap();
    page.paragraph(0, &[plain(format!("and {changes} {kind}: `changegate check --verbose` shows all"))])?;
    page.gap();
    Ok(())
}

/// Returns true for an outcome that people should know about although it denies nothing.
fn is_remarkable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Fail(_) | Outcome::Undecided(_) | Outcome::Owed(_) | Outcome::Exempted { .. })
}

fn name(rule: &RuleName) -> Span {
    span(Look::Name, escape::words(&rule.id))
}
