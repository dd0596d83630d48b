//! The report as Markdown: the summary of a job, or a comment on a pull request.
//!
//! Whoever reads this looks at a pull request and has not read the policy. Hence: the verdict in the
//! first line, in words and a sign that does not rest on colour; what was judged and by what; what
//! to do next and who does it; and only then the rules. What passed is folded away. Words go through
//! [`escape::markdown`], so that nothing in them becomes a link, a mention, a picture or markup.

use std::io::{self, Write};

use crate::change::Oid;
use crate::report::escape::markdown::MarkdownInline;
use crate::report::fix_plan::build_fix_plan;
use crate::report::ranked_judgements::{
    JudgementRank, RankedJudgement, rank_refusals, rank_report, rank_verdict,
};
use crate::report::{
    GroupScope, RefUpdateKind, Report, ReportCounts, ReportGroup, ReportStyle, due_time, escape, terminal,
};
use crate::verdict::{Decision, RuleOutcome, Verdict};

pub(crate) mod closing_sections;
mod document;
pub(crate) mod next_steps;

use crate::report::markdown::document::MarkdownReport;

/// Writes the report.
pub(crate) fn write_markdown(report: &Report, style: &ReportStyle, out: &mut dyn Write) -> io::Result<()> {
    let mut document = MarkdownReport::default();
    let mut face = MarkdownRenderer { report, style, document: &mut document };
    face.add_verdict();
    next_steps::add_fix_plan(face.document, &build_fix_plan(report), style);
    for group in &report.groups {
        face.add_group(group);
    }
    face.add_obligations();
    face.add_exemptions();
    closing_sections::add_closing_sections(face.document, report, style);
    document.write_within_limit(style.max_markdown_bytes, out)
}

struct MarkdownRenderer<'report, 'document> {
    report: &'report Report,
    style: &'report ReportStyle,
    document: &'document mut MarkdownReport,
}

impl MarkdownRenderer<'_, '_> {
    /// What was decided, about what, by what.
    fn add_verdict(&mut self) {
        let (sign, word) = describe_decision(self.report.decision);
        self.document.add_heading(2, &format!("{sign} changegate: {word}"));
        let headline = terminal::build_headline(self.report, false, &ReportCounts::count_report(self.report));
        let mut letters = headline.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase()).into_iter();
        let sentence: String = first.chain(letters).collect();
        self.document
            .add_paragraph(&MarkdownInline::new().with_words(&sentence).with_markdown(".").into_markdown());
        let mut about = MarkdownInline::new();
        if let Some(policy) = &self.report.policy {
            about = about.with_markdown("Policy: ").with_quote(policy.source.as_bytes()).with_markdown(". ");
        }
        let seen = due_time::format_instant(self.report.seen_at);
        let gaps = if self.report.enforced { "denies" } else { "is listed, and denies nothing" };
        about = about.with_markdown(&format!("Judged at {seen}; what cannot be known {gaps}."));
        self.document.add_paragraph(&about.into_markdown());
    }

    fn add_group(&mut self, group: &ReportGroup) {
        let refusals: Vec<_> = rank_refusals(group, self.report.enforced).filter(is_listed).collect();
        let told: Vec<_> = group
            .verdicts
            .iter()
            .filter(|verdict| rank_verdict(verdict).any(|told| is_listed(&told)))
            .collect();
        if refusals.is_empty() && told.is_empty() {
            return;
        }
        if let Some(heading) = self.build_group_heading(group) {
            self.document.add_heading(3, &heading);
        }
        if !refusals.is_empty() {
            self.add_rules_table(&refusals);
        }
        let most = if self.style.verbose { usize::MAX } else { self.style.max_changes };
        // What is denied comes first.
        for decision in [Decision::Deny, Decision::Allow] {
            let of_kind = || told.iter().filter(|verdict| verdict.decision() == decision);
            of_kind().take(most).for_each(|verdict| self.add_change(verdict));
            let hidden = of_kind().count().saturating_sub(most);
            if 0 < hidden {
                let changes = if hidden == 1 { "change is" } else { "changes are" };
                let what = if decision == Decision::Deny { "denied" } else { "allowed with remarks" };
                self.document.add_paragraph(&format!("{hidden} more {changes} {what}, and not listed here."));
            }
        }
    }

    fn build_group_heading(&self, group: &ReportGroup) -> Option<String> {
        let (kind, name, what) = match &group.scope {
            GroupScope::Ref { name, update } => match update {
                RefUpdateKind::Create { .. } => ("Ref ", name, ", to be created"),
                RefUpdateKind::Move { .. } => ("Ref ", name, ""),
                RefUpdateKind::Rewrite { .. } => ("Ref ", name, ", history to be rewritten"),
                RefUpdateKind::Delete { .. } => ("Ref ", name, ", to be deleted"),
            },
            GroupScope::Range(name) => ("Range ", name, ""),
            GroupScope::PullRequest(name) => {
                let text = MarkdownInline::new().with_quote(name.as_bytes()).into_markdown();
                let link = self.style.repository_url.as_ref().and_then(|web| web.pull_request_url(name));
                let text = link.map_or(text.clone(), |link| format!("[{text}]({link})"));
                return Some(format!("Pull request {text}"));
            }
            GroupScope::Message => return None,
        };
        Some(
            MarkdownInline::new()
                .with_markdown(kind)
                .with_quote(name.as_bytes())
                .with_markdown(what)
                .into_markdown(),
        )
    }

    fn add_change(&mut self, verdict: &Verdict) {
        let (sign, word) = describe_decision(verdict.decision());
        let mut heading = MarkdownInline::new().with_markdown(&format!("{sign} {word} "));
        heading = match verdict.revision {
            Some(id) => heading.with_markdown(&link_commit(id, self.style)),
            None => heading.with_markdown("this commit"),
        };
        if let Some(class) = &verdict.class {
            heading = heading.with_markdown(" (").with_words(class).with_markdown(")");
        }
        heading = match verdict.subject.as_bytes() {
            [] => heading.with_markdown(", without a subject"),
            subject => heading.with_markdown(": ").with_quote(subject),
        };
        self.document.add_heading(4, &heading.into_markdown());
        let mut told: Vec<_> = rank_verdict(verdict).filter(is_listed).collect();
        told.sort_by_key(|told| told.rank);
        self.add_rules_table(&told);
    }

    /// A table of rules, and under it what speaks against each of them.
    fn add_rules_table(&mut self, told: &[RankedJudgement<'_>]) {
        self.document.add_table_head(&["Outcome", "Rule", "What it asks", "Controls"]);
        for told in told {
            let rule = &told.judgement.rule;
            let mut controls = MarkdownInline::new_cell();
            for (index, control) in rule.controls.iter().enumerate() {
                controls = controls
                    .with_markdown(if index == 0 { "" } else { ", " })
                    .with_code(&escape::escape_words(control));
            }
            self.document.add_table_row(&[
                describe_rank(told.rank),
                MarkdownInline::new_cell().with_code(&escape::escape_words(&rule.id)).into_markdown(),
                MarkdownInline::new_cell().with_words(&rule.title).into_markdown(),
                controls.into_markdown(),
            ]);
        }
        for told in told.iter().filter(|told| told.rank <= JudgementRank::Warning) {
            let rule = MarkdownInline::new()
                .with_markdown("**")
                .with_code(&escape::escape_words(&told.judgement.rule.id))
                .with_markdown("**");
            let points: Vec<_> = told.objections().collect();
            if points.is_empty() {
                continue;
            }
            self.document.add_paragraph(&rule.with_markdown(":").into_markdown());
            let most = if self.style.verbose { points.len() } else { self.style.max_changes.max(1) };
            for point in points.iter().take(most) {
                let text = MarkdownInline::new().with_sentence(&point.describe_fully(told.revision()));
                self.document.add_list_item("-", &text.into_markdown(), &[]);
            }
            if most < points.len() {
                self.document.add_list_item(
                    "-",
                    &format!("and {} more like these", points.len() - most),
                    &[],
                );
            }
        }
    }

    fn add_obligations(&mut self) {
        let owed: Vec<_> = rank_report(self.report)
            .filter_map(|told| match &told.judgement.outcome {
                RuleOutcome::Owed(owed) => Some((told, owed)),
                _ => None,
            })
            .flat_map(|(told, owed)| owed.iter().map(move |one| (told, one)))
            .collect();
        if owed.is_empty() {
            return;
        }
        self.document.add_heading(3, "Owed");
        self.document.add_table_head(&["What", "By whom", "When", "Closed by", "Rule", "Change"]);
        for (told, one) in owed {
            self.document.add_table_row(&[
                MarkdownInline::new_cell().with_sentence(&one.what.sentence()).into_markdown(),
                MarkdownInline::new_cell().with_words(&one.owner.to_string()).into_markdown(),
                due_time::describe_due_time(one.due, self.report.seen_at),
                MarkdownInline::new_cell()
                    .with_code(&escape::escape_words(&one.evidence.to_plain_text()))
                    .into_markdown(),
                MarkdownInline::new_cell()
                    .with_code(&escape::escape_words(&told.judgement.rule.id))
                    .into_markdown(),
                told.revision().map(|id| link_commit(id, self.style)).unwrap_or_default(),
            ]);
        }
    }

    fn add_exemptions(&mut self) {
        let mut lines: Vec<String> = Vec::new();
        for told in rank_report(self.report) {
            let RuleOutcome::Exempted { reason, approved_by, until, place } = &told.judgement.outcome else {
                continue;
            };
            let line = MarkdownInline::new()
                .with_code(&escape::escape_words(&told.judgement.rule.id))
                .with_markdown(": ")
                .with_words(reason)
                .with_markdown("; allowed by ")
                .with_words(approved_by)
                .with_markdown(" until ")
                .with_words(until)
                .with_markdown(", at ")
                .with_words(place)
                .into_markdown();
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        if !lines.is_empty() {
            self.document.add_heading(3, "Exempted");
            lines.iter().for_each(|line| self.document.add_list_item("-", line, &[]));
        }
    }
}

/// Returns true for what stands in the tables; what passed is told at the end, and what is asked
/// later too.
fn is_listed(told: &RankedJudgement<'_>) -> bool {
    told.rank < JudgementRank::Deferred
}

fn describe_decision(decision: Decision) -> (&'static str, &'static str) {
    match decision {
        Decision::Deny => ("❌", "denied"),
        Decision::Allow => ("✅", "allowed"),
    }
}

fn describe_rank(rank: JudgementRank) -> String {
    let sign = match rank {
        JudgementRank::Denied => "❌",
        JudgementRank::DeniedUnknown | JudgementRank::Undecided => "❓",
        JudgementRank::Warning => "⚠",
        JudgementRank::Owed | JudgementRank::Deferred => "⏳",
        JudgementRank::Exempted => "➖",
        JudgementRank::Passed | JudgementRank::NotApplicable => "✅",
    };
    format!("{sign} {}", rank.describe())
}

/// Returns a commit, as a link where its address is known.
fn link_commit(id: Oid, style: &ReportStyle) -> String {
    let short = id.short_hex();
    match &style.repository_url {
        Some(web) => format!("[`{short}`]({})", web.commit_url(id)),
        None => format!("`{short}`"),
    }
}
