//! The report as Markdown: the summary of a job, or a comment on a pull request.
//!
//! Whoever reads this looks at a pull request and has not read the policy. Hence: the verdict in the
//! first line, in words and a sign that does not rest on colour; what was judged and by what; what
//! to do next and who does it; and only then the rules. What passed is folded away. Words go through
//! [`escape::markdown`], so that nothing in them becomes a link, a mention, a picture or markup.

use std::io::{self, Write};

use super::escape::markdown::Inline;
use super::plan::plan;
use super::points::{Rank, Told, of_change, of_ref, told};
use super::{Counts, Group, Of, Report, Style, Update, due, escape, terminal};
use crate::change::Oid;
use crate::verdict::{Decision, Outcome, Verdict};

mod document;
mod end;
mod steps;

use document::Document;

/// Writes the report.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut document = Document::default();
    let mut face = Face { report, style, document: &mut document };
    face.verdict();
    steps::write(face.document, &plan(report), style);
    for group in &report.groups {
        face.group(group);
    }
    face.obligations();
    face.exemptions();
    end::write(face.document, report, style);
    document.write(style.limit, out)
}

struct Face<'report, 'document> {
    report: &'report Report,
    style: &'report Style,
    document: &'document mut Document,
}

impl Face<'_, '_> {
    /// What was decided, about what, by what.
    fn verdict(&mut self) {
        let (sign, word) = sign(self.report.decision);
        self.document.heading(2, &format!("{sign} changegate: {word}"));
        let headline = terminal::headline(self.report, false, &Counts::of(self.report));
        let mut letters = headline.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase()).into_iter();
        let sentence: String = first.chain(letters).collect();
        self.document.paragraph(&Inline::new().words(&sentence).own(".").done());
        let mut about = Inline::new();
        if let Some(policy) = &self.report.policy {
            about = about.own("Policy: ").quote(policy.source.as_bytes()).own(". ");
        }
        let seen = due::instant(self.report.seen_at);
        let gaps = if self.report.enforced { "denies" } else { "is listed, and denies nothing" };
        about = about.own(&format!("Judged at {seen}; what cannot be known {gaps}."));
        self.document.paragraph(&about.done());
    }

    fn group(&mut self, group: &Group) {
        let refusals: Vec<_> = of_ref(group, self.report.enforced).filter(is_told).collect();
        let told: Vec<_> =
            group.verdicts.iter().filter(|verdict| of_change(verdict).any(|told| is_told(&told))).collect();
        if refusals.is_empty() && told.is_empty() {
            return;
        }
        if let Some(heading) = self.heading(group) {
            self.document.heading(3, &heading);
        }
        if !refusals.is_empty() {
            self.rules(&refusals);
        }
        let most = if self.style.verbose { usize::MAX } else { self.style.most };
        // What is denied comes first.
        for decision in [Decision::Deny, Decision::Allow] {
            let of_kind = || told.iter().filter(|verdict| verdict.decision() == decision);
            of_kind().take(most).for_each(|verdict| self.change(verdict));
            let hidden = of_kind().count().saturating_sub(most);
            if 0 < hidden {
                let changes = if hidden == 1 { "change is" } else { "changes are" };
                let what = if decision == Decision::Deny { "denied" } else { "allowed with remarks" };
                self.document.paragraph(&format!("{hidden} more {changes} {what}, and not listed here."));
            }
        }
    }

    fn heading(&self, group: &Group) -> Option<String> {
        let (kind, name, what) = match &group.of {
            Of::Ref { name, update } => match update {
                Update::Create { .. } => ("Ref ", name, ", to be created"),
                Update::Move { .. } => ("Ref ", name, ""),
                Update::Rewrite { .. } => ("Ref ", name, ", history to be rewritten"),
                Update::Delete { .. } => ("Ref ", name, ", to be deleted"),
            },
            Of::Range(name) => ("Range ", name, ""),
            Of::Pull(name) => {
                let text = Inline::new().quote(name.as_bytes()).done();
                let link = self.style.web.as_ref().and_then(|web| web.pull(name));
                let text = link.map_or(text.clone(), |link| format!("[{text}]({link})"));
                return Some(format!("Pull request {text}"));
            }
            Of::Message => return None,
        };
        Some(Inline::new().own(kind).quote(name.as_bytes()).own(what).done())
    }

    fn change(&mut self, verdict: &Verdict) {
        let (sign, word) = sign(verdict.decision());
        let mut heading = Inline::new().own(&format!("{sign} {word} "));
        heading = match verdict.revision {
            Some(id) => heading.own(&commit(id, self.style)),
            None => heading.own("this commit"),
        };
        if let Some(class) = &verdict.class {
            heading = heading.own(" (").words(class).own(")");
        }
        heading = match verdict.subject.as_bytes() {
            [] => heading.own(", without a subject"),
            subject => heading.own(": ").quote(subject),
        };
        self.document.heading(4, &heading.done());
        let mut told: Vec<_> = of_change(verdict).filter(is_told).collect();
        told.sort_by_key(|told| told.rank);
        self.rules(&told);
    }

    /// A table of rules, and under it what speaks against each of them.
    fn rules(&mut self, told: &[Told<'_>]) {
        self.document.table(&["Outcome", "Rule", "What it asks", "Controls"]);
        for told in told {
            let rule = &told.judgement.rule;
            let mut controls = Inline::cell();
            for (index, control) in rule.controls.iter().enumerate() {
                controls = controls.own(if index == 0 { "" } else { ", " }).code(&escape::words(control));
            }
            self.document.row(&[
                outcome(told.rank),
                Inline::cell().code(&escape::words(&rule.id)).done(),
                Inline::cell().words(&rule.title).done(),
                controls.done(),
            ]);
        }
        for told in told.iter().filter(|told| told.rank <= Rank::Warning) {
            let rule = Inline::new().own("**").code(&escape::words(&told.judgement.rule.id)).own("**");
            let points: Vec<_> = told.points().collect();
            if points.is_empty() {
                continue;
            }
            self.document.paragraph(&rule.own(":").done());
            let most = if self.style.verbose { points.len() } else { self.style.most.max(1) };
            for point in points.iter().take(most) {
                let text = Inline::new().sentence(&point.whole(told.revision()));
                self.document.item("-", &text.done(), &[]);
            }
            if most < points.len() {
                self.document.item("-", &format!("and {} more like these", points.len() - most), &[]);
            }
        }
    }

    fn obligations(&mut self) {
        let owed: Vec<_> = told(self.report)
            .filter_map(|told| match &told.judgement.outcome {
                Outcome::Owed(owed) => Some((told, owed)),
                _ => None,
            })
            .flat_map(|(told, owed)| owed.iter().map(move |one| (told, one)))
            .collect();
        if owed.is_empty() {
            return;
        }
        self.document.heading(3, "Owed");
        self.document.table(&["What", "By whom", "When", "Closed by", "Rule", "Change"]);
        for (told, one) in owed {
            self.document.row(&[
                Inline::cell().words(&one.what).done(),
                Inline::cell().words(&one.owner).done(),
                due::words(one.due, self.report.seen_at),
                Inline::cell().code(&escape::words(&one.evidence)).done(),
                Inline::cell().code(&escape::words(&told.judgement.rule.id)).done(),
                told.revision().map(|id| commit(id, self.style)).unwrap_or_default(),
            ]);
        }
    }

    fn exemptions(&mut self) {
        let mut lines: Vec<String> = Vec::new();
        for told in told(self.report) {
            let Outcome::Exempted { reason, approved_by, until, place } = &told.judgement.outcome else {
                continue;
            };
            let line = Inline::new()
                .code(&escape::words(&told.judgement.rule.id))
                .own(": ")
                .words(reason)
                .own("; allowed by ")
                .words(approved_by)
                .own(" until ")
                .words(until)
                .own(", at ")
                .words(place)
                .done();
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        if !lines.is_empty() {
            self.document.heading(3, "Exempted");
            lines.iter().for_each(|line| self.document.item("-", line, &[]));
        }
    }
}

/// Returns true for what stands in the tables; what passed is told at the end, and what is asked
/// later too.
fn is_told(told: &Told<'_>) -> bool {
    told.rank < Rank::Later
}

fn sign(decision: Decision) -> (&'static str, &'static str) {
    match decision {
        Decision::Deny => ("❌", "denied"),
        Decision::Allow => ("✅", "allowed"),
    }
}

fn outcome(rank: Rank) -> String {
    let sign = match rank {
        Rank::Broken => "❌",
        Rank::Unknown | Rank::Open => "❓",
        Rank::Warning => "⚠",
        Rank::Owed | Rank::Later => "⏳",
        Rank::Exempted => "➖",
        Rank::Passed | Rank::NotApplicable => "✅",
    };
    format!("{sign} {}", rank.words())
}

/// Returns a commit, as a link where its address is known.
fn commit(id: Oid, style: &Style) -> String {
    let short = id.short();
    match &style.web {
        Some(web) => format!("[`{short}`]({})", web.commit(id)),
        None => format!("`{short}`"),
    }
}
