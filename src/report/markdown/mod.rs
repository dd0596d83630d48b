//! The report as Markdown: the summary of a job, or a comment on a pull request.
//!
//! A person who reads this looks at a pull request and has not read the policy. Hence: the verdict in
//! the first line, in words and a sign that does not rest on colour; what was judged and by what; what
//! to do next and who does it; and only then the rules. What passed is folded away. Words go through
//! [`escape::markdown`], so that nothing in them becomes a link, a mention, a picture or markup.

use std::io::{self, Write};

use crate::report::check_title::{WAITING_HEADLINE, find_waiting_title};
use crate::report::content::{GroupScope, Report, ReportGroup};
use crate::report::escape::markdown::MarkdownInline;
use crate::report::fix_plan::{build_fix_plan, is_fixed_by_paste, tells_all_pulls, tells_everything};
use crate::report::ranked_judgements::{
    JudgementRank, RankedJudgement, ReportCounts, rank_refusals, rank_report, rank_verdict,
};
use crate::report::style::ReportStyle;
use crate::report::{due_time, escape, terminal};
use crate::verdict::{Decision, Obligation, RuleOutcome, Verdict, format_count};

pub(crate) mod closing_sections;
mod document;
pub(crate) mod next_steps;

use crate::report::markdown::document::{MarkdownReport, link_commit, link_pull};

/// How many controls of a rule are shown, unless all are wanted: a rule can support some in each framework.
const MAX_SHOWN_CONTROLS: usize = 3;

/// Writes the report as Markdown.
pub(crate) fn write_markdown(report: &Report, style: &ReportStyle, out: &mut dyn Write) -> io::Result<()> {
    let mut document = MarkdownReport::default();
    let is_told_by_plan = tells_everything(report, style.max_changes);
    let is_of_pulls = tells_all_pulls(report, style.max_changes);
    let is_waiting = find_waiting_title(report, style).is_some();
    let mut renderer =
        MarkdownRenderer { report, style, is_told_by_plan, is_of_pulls, is_waiting, document: &mut document };
    renderer.add_verdict();
    next_steps::add_fix_plan(renderer.document, &build_fix_plan(report), is_told_by_plan, style);
    let unplanned: usize = report.groups.iter().map(|group| group.left_out.denied).sum();
    next_steps::add_unplanned_count(renderer.document, unplanned);
    for group in &report.groups {
        renderer.add_group(group);
    }
    renderer.add_obligations();
    renderer.add_exemptions();
    closing_sections::add_closing_sections(renderer.document, report, style);
    document.write_within_limit(style.max_markdown_bytes, out)
}

struct MarkdownRenderer<'report, 'document> {
    report: &'report Report,
    style: &'report ReportStyle,
    /// True if the plan names all that denies, with its place, so that it is not said again.
    is_told_by_plan: bool,
    /// True if the plan names all that denies, with the pull requests that have it, and without its place in each.
    is_of_pulls: bool,
    /// True if only others have to act, and the reader's medium says so.
    is_waiting: bool,
    document: &'document mut MarkdownReport,
}

impl MarkdownRenderer<'_, '_> {
    /// Adds the decision, what it is about and the policy.
    fn add_verdict(&mut self) {
        let decision = self.report.decision;
        let mut headline =
            terminal::build_headline(self.report, false, &ReportCounts::count_report(self.report));
        let mut heading = format!("{} changegate: {}", sign_decision(decision), decision.describe());
        if self.is_waiting {
            heading = "⏳ changegate: waiting".to_owned();
            headline = WAITING_HEADLINE.to_owned();
        }
        if let Some(line) = self.report.describe_evaluation() {
            heading = format!("⚠️ changegate: would have been {}", decision.describe());
            self.document.add_heading(2, &heading);
            self.document.add_paragraph(&format!("**{line}**"));
        } else {
            self.document.add_heading(2, &heading);
        }
        let mut letters = headline.chars();
        let first = letters.next().unwrap_or_default().to_ascii_uppercase();
        let sentence = format!("{first}{}", letters.as_str());
        let sentence = MarkdownInline::new().with_words(&sentence).with_markdown(".");
        self.document.add_paragraph(&sentence.into_markdown());
        let mut about = MarkdownInline::new();
        if let Some(policy) = &self.report.policy {
            about = about.with_markdown("Policy: ").with_quote(policy.source.as_bytes()).with_markdown(". ");
        }
        let seen = due_time::format_instant(self.report.seen_at);
        let gaps = if self.report.enforced { "denies" } else { "is listed and does not deny" };
        about = about.with_markdown(&format!("Judged at {seen}; a missing fact {gaps}."));
        self.document.add_paragraph(&about.into_markdown());
    }

    fn add_group(&mut self, group: &ReportGroup) {
        let refusals = select_listed(rank_refusals(group, self.report.enforced));
        let has_listed = |verdict: &&Verdict| rank_verdict(verdict).any(|ranked| ranked.rank.is_listed());
        let verdicts: Vec<&Verdict> = group.verdicts.iter().filter(has_listed).collect();
        if refusals.is_empty() && verdicts.is_empty() {
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
        for (decision, words, left_out) in [
            (Decision::Deny, "denied", group.left_out.denied),
            (Decision::Allow, "allowed with remarks", group.left_out.listed),
        ] {
            let mut count: usize = 0;
            for verdict in &verdicts {
                if verdict.decision() == decision {
                    count += 1;
                    if count <= most {
                        self.add_change(verdict);
                    }
                }
            }
            let hidden = count.saturating_sub(most) + left_out;
            if hidden > 0 {
                let changes = if hidden == 1 { "change is" } else { "changes are" };
                self.document
                    .add_paragraph(&format!("{hidden} more {changes} {words}, and not listed here."));
            }
        }
    }

    fn build_group_heading(&self, group: &ReportGroup) -> Option<String> {
        let name = group.scope.name()?;
        let mut text = MarkdownInline::new().with_quote(name.as_bytes()).into_markdown();
        let kind = match &group.scope {
            GroupScope::PullRequest(name) => {
                text = link_pull(name, self.style);
                "Pull request"
            }
            GroupScope::Range(_) => "Range",
            GroupScope::Ref { .. } | GroupScope::Message => "Ref",
        };
        Some(format!("{kind} {text}{}", group.scope.describe_update()))
    }

    fn add_change(&mut self, verdict: &Verdict) {
        let decision = verdict.decision();
        let words = if decision == Decision::Deny && self.is_waiting {
            "⏳ waiting ".to_owned()
        } else {
            format!("{} {} ", sign_decision(decision), decision.describe())
        };
        let mut heading = MarkdownInline::new().with_markdown(&words);
        heading = match verdict.revision {
            Some(id) => heading.with_markdown(&link_commit(id, self.style)),
            None => heading.with_markdown("this commit"),
        };
        if let Some(class) = &verdict.class {
            heading = heading.with_markdown(" (").with_words(class.as_str()).with_markdown(")");
        }
        heading = match verdict.subject.as_bytes() {
            [] => heading.with_markdown(", without a subject"),
            subject => heading.with_markdown(": ").with_quote(subject),
        };
        self.document.add_heading(4, &heading.into_markdown());
        let mut listed = select_listed(rank_verdict(verdict));
        listed.sort_by_key(|ranked| ranked.rank);
        self.add_rules_table(&listed);
    }

    /// Adds a table of rules, and under it what speaks against each of them.
    fn add_rules_table(&mut self, judgements: &[RankedJudgement<'_>]) {
        self.document.add_table_head(&["Outcome", "Rule", "What it asks", "Controls"]);
        for ranked in judgements {
            let rule = &ranked.judgement.rule;
            let shown = if self.style.verbose { usize::MAX } else { MAX_SHOWN_CONTROLS };
            let mut controls = MarkdownInline::new_cell();
            for (index, control) in rule.controls.iter().take(shown).enumerate() {
                controls = controls
                    .with_markdown(if index == 0 { "" } else { ", " })
                    .with_code(&escape::escape_words(control));
            }
            let left = rule.controls.len().saturating_sub(shown);
            if left > 0 {
                controls = controls.with_words(&format!(" and {left} more"));
            }
            self.document.add_table_row(&[
                if ranked.rank == JudgementRank::Denied && self.is_waiting {
                    "⏳ waiting".to_owned()
                } else {
                    describe_rank(ranked.rank)
                },
                build_code_cell(rule.id.as_str()),
                MarkdownInline::new_cell().with_words(&rule.title).into_markdown(),
                controls.into_markdown(),
            ]);
        }
        for ranked in judgements {
            if ranked.rank <= JudgementRank::Warning {
                self.add_objections(ranked);
            }
        }
    }

    /// Adds what speaks against a rule, each point with its place; for what the plan does not have,
    /// once who can fix those of a group.
    fn add_objections(&mut self, ranked: &RankedJudgement<'_>) {
        let mut groups = ranked.objection_groups();
        if (self.is_told_by_plan || self.is_of_pulls) && ranked.rank.is_denying() {
            for group in &mut groups {
                // The plan shows what to paste without the reason, and what several have without the place.
                group.objections.retain(|objection| {
                    let has_place =
                        objection.describe_with_location(ranked.revision()) != objection.describe_problem();
                    is_fixed_by_paste(objection) || (self.is_of_pulls && has_place)
                });
            }
        }
        let count: usize = groups.iter().map(|group| group.objections.len()).sum();
        if count == 0 {
            return;
        }
        let rule = MarkdownInline::new()
            .with_markdown("**")
            .with_code(&escape::escape_words(ranked.judgement.rule.id.as_str()))
            .with_markdown("**:");
        self.document.add_paragraph(&rule.into_markdown());
        let most = if self.style.verbose { usize::MAX } else { self.style.max_changes.max(1) };
        let mut room = most;
        for group in groups {
            let shown = group.objections.len().min(room);
            room -= shown;
            for (index, objection) in group.objections.iter().take(shown).enumerate() {
                let mut text =
                    MarkdownInline::new().with_sentence(&objection.describe_with_location(ranked.revision()));
                // The plan says who fixes what denies.
                if index + 1 == shown && ranked.rank != JudgementRank::Denied {
                    text = text.with_markdown("; ").with_words(&group.remedy);
                }
                self.document.add_list_item("-", &text.into_markdown(), &[]);
            }
        }
        if count > most {
            self.document.add_list_item("-", &format!("and {} more like these", count - most), &[]);
        }
    }

    fn add_obligations(&mut self) {
        // What does not land owes nothing.
        if self.report.decision == Decision::Deny {
            return;
        }
        let mut is_first = true;
        for ranked in rank_report(self.report) {
            let RuleOutcome::Owed(owed) = &ranked.judgement.outcome else { continue };
            for obligation in owed {
                if is_first {
                    self.document.add_heading(3, "Owed");
                    let columns = ["What", "Owner", "When", "Closed by", "Rule", "Change"];
                    self.document.add_table_head(&columns);
                    is_first = false;
                }
                self.add_obligation(&ranked, obligation);
            }
        }
        let mut left_out = 0;
        for rule in self.report.groups.iter().flat_map(|group| &group.left_out.rules) {
            left_out += if rule.rank == JudgementRank::Owed { rule.points } else { 0 };
        }
        if left_out > 0 {
            let obligations = format_count(left_out, "more obligation");
            self.document.add_paragraph(&format!("And {obligations}, not listed here."));
        }
    }

    fn add_obligation(&mut self, ranked: &RankedJudgement<'_>, obligation: &Obligation) {
        let commit = match ranked.revision() {
            Some(id) => link_commit(id, self.style),
            None => String::new(),
        };
        self.document.add_table_row(&[
            MarkdownInline::new_cell().with_sentence(&obligation.what.sentence()).into_markdown(),
            MarkdownInline::new_cell().with_words(&obligation.owner.to_string()).into_markdown(),
            due_time::describe_due_time(obligation.due, self.report.seen_at),
            build_code_cell(&obligation.evidence.to_plain_text()),
            build_code_cell(ranked.judgement.rule.id.as_str()),
            commit,
        ]);
    }

    fn add_exemptions(&mut self) {
        let mut lines: Vec<String> = Vec::new();
        for ranked in rank_report(self.report) {
            let RuleOutcome::Exempted { reason, approved_by, until, exemption } = &ranked.judgement.outcome
            else {
                continue;
            };
            let line = MarkdownInline::new()
                .with_code(&escape::escape_words(ranked.judgement.rule.id.as_str()))
                .with_markdown(": ")
                .with_words(reason)
                .with_markdown("; approved by ")
                .with_words(approved_by)
                .with_markdown(" until ")
                .with_words(until)
                .with_markdown(", at ")
                .with_words(exemption.as_str())
                .into_markdown();
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        if !lines.is_empty() {
            self.document.add_heading(3, "Exempted");
            for line in &lines {
                self.document.add_list_item("-", line, &[]);
            }
        }
    }
}

/// Returns the judgements that stand in the tables; the others are listed at the end.
fn select_listed<'report>(
    judgements: impl Iterator<Item = RankedJudgement<'report>>,
) -> Vec<RankedJudgement<'report>> {
    judgements.filter(|ranked| ranked.rank.is_listed()).collect()
}

/// Returns a cell of a table with code in it.
fn build_code_cell(words: &str) -> String {
    MarkdownInline::new_cell().with_code(&escape::escape_words(words)).into_markdown()
}

fn sign_decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Deny => "❌",
        Decision::Allow => "✅",
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
