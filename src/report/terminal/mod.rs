//! The report for people: in a terminal, and in the `remote:` lines of a push.
//!
//! A person who reads this was refused and wants to get on. Hence: what is denied comes first, each
//! objection says what is wrong and where, those with the same fixer say once who that is, each change
//! ends in one block of text to paste, and the last line says what was decided and by which policy.
//! What is allowed takes one line. It does without colour, and without any character outside ASCII of
//! its own.

use std::io::{self, Write};

use crate::change::Oid;
use crate::report::check_title::find_waiting_title;
use crate::report::content::{GroupScope, Report, ReportGroup};
use crate::report::plan_text::tells_remedy;
use crate::report::ranked_judgements::{
    JudgementRank, ObjectionGroup, RankedJudgement, ReportCounts, RuleObjection, describe_disagreement,
    rank_refusals, rank_verdict,
};
use crate::report::style::{DeniedMessage, ReportStyle};
use crate::report::terminal::page::{StyledText, TerminalPage, TextStyle, plain_text, styled_text};
use crate::report::{due_time, escape};
use crate::verdict::{Decision, FieldDisagreement, Obligation, RuleDescription, RuleOutcome, Verdict};

mod exemption_note;
mod landing_note;
mod message_fix;
pub(crate) mod page;
pub(crate) mod paste_block;
mod plan_block;
mod prefilled_message;
mod rewording;
pub(crate) mod rule_trace;
mod summary;

pub(crate) use crate::report::terminal::exemption_note::write_exemption_note;
pub(crate) use crate::report::terminal::landing_note::write_deferred_note;
pub(crate) use crate::report::terminal::message_fix::has_faulty_side_commits;
pub(crate) use crate::report::terminal::prefilled_message::prefill_message;
pub(crate) use crate::report::terminal::rewording::list_reworded_commits;
pub(crate) use crate::report::terminal::summary::build_headline;

/// Writes the report for people.
pub(crate) fn write_terminal(report: &Report, style: &ReportStyle, out: &mut dyn Write) -> io::Result<()> {
    if style.quiet && report.decision == Decision::Allow {
        return Ok(());
    }
    if style.denied_message == DeniedMessage::JudgedLater && report.decision == Decision::Deny {
        return landing_note::write_landing_note(&mut TerminalPage::new(out, style), report);
    }
    let counts = ReportCounts::count_report(report);
    let mut renderer = TerminalRenderer { report, style, page: TerminalPage::new(out, style) };
    if let Some(line) = report.describe_evaluation() {
        renderer.page.write_paragraph(0, &[styled_text(TextStyle::Warning, line)])?;
        renderer.page.request_gap();
    }
    for (decision, kind) in [(Decision::Deny, "denied"), (Decision::Allow, "allowed with remarks")] {
        let omitted = renderer.write_groups(decision)?;
        let kind = if style.verbose { decision.describe() } else { kind };
        write_omitted_count(&mut renderer.page, kind, omitted, style)?;
    }
    summary::write_summary(&mut renderer.page, report, style, &counts)
}

struct TerminalRenderer<'report, 'out> {
    report: &'report Report,
    style: &'report ReportStyle,
    page: TerminalPage<'out>,
}

impl TerminalRenderer<'_, '_> {
    /// Writes what is denied, or what is allowed and has remarks, and returns the number of changes
    /// that were left out.
    fn write_groups(&mut self, decision: Decision) -> io::Result<usize> {
        let mut shown = 0;
        let mut omitted = 0;
        for group in &self.report.groups {
            omitted += self.count_left_out(group, decision);
            let mut has_heading = false;
            let mut written = Vec::new();
            if self.has_refusals_to_show(group, decision) {
                self.write_group_heading(group)?;
                self.write_refusals(group)?;
                has_heading = true;
            }
            for (index, verdict) in group.verdicts.iter().enumerate() {
                let is_explained = group.traces.iter().any(|trace| trace.verdict_index == index);
                if verdict.decision() != decision || !(is_explained || self.is_worth_showing(verdict)) {
                    continue;
                }
                if shown >= self.style.max_changes && !self.style.verbose && !is_explained {
                    omitted += 1;
                    continue;
                }
                if !has_heading {
                    self.write_group_heading(group)?;
                    has_heading = true;
                }
                self.write_change(group, index, verdict)?;
                written.push(index);
                shown += 1;
            }
            if has_shared_block(group, decision) {
                paste_block::write_paste_block(&mut self.page, 2, group, &written, self.style)?;
            }
        }
        Ok(omitted)
    }

    /// Returns how many changes the report itself leaves out of those that are denied, or have remarks.
    fn count_left_out(&self, group: &ReportGroup, decision: Decision) -> usize {
        match decision {
            Decision::Deny => group.left_out.denied,
            Decision::Allow if self.style.verbose => {
                group.omitted_passes + group.left_out.changes - group.left_out.denied
            }
            // What does not land owes nothing.
            Decision::Allow if self.report.decision == Decision::Deny => group.left_out.remarked,
            Decision::Allow => group.left_out.remarked + group.left_out.owing,
        }
    }

    /// Returns true if the judgements about the ref of a group belong to what is denied, or to the
    /// remarks.
    fn has_refusals_to_show(&self, group: &ReportGroup, decision: Decision) -> bool {
        let is_refused = group.is_ref_refused(self.report.enforced);
        match decision {
            Decision::Deny => is_refused,
            Decision::Allow => {
                !is_refused && rank_refusals(group, self.report.enforced).any(|one| one.rank.is_listed())
            }
        }
    }

    fn is_worth_showing(&self, verdict: &Verdict) -> bool {
        self.style.verbose
            || !verdict.disagreements.is_empty()
            || rank_verdict(verdict).any(|ranked| self.is_worth_telling(&ranked))
    }

    /// Returns true for a judgement that is listed, unless it is that a change owes what it would owe if it
    /// landed.
    fn is_worth_telling(&self, ranked: &RankedJudgement<'_>) -> bool {
        let is_moot = ranked.rank == JudgementRank::Owed && self.report.decision == Decision::Deny;
        ranked.rank.is_listed() && !is_moot
    }

    fn write_group_heading(&mut self, group: &ReportGroup) -> io::Result<()> {
        let Some(name) = group.scope.name() else { return Ok(()) };
        let name = escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        let heading = [
            plain_text(format!("{} ", group.scope.describe_kind())),
            styled_text(TextStyle::Name, name),
            plain_text(group.scope.describe_update()),
        ];
        self.page.request_gap();
        self.page.write_paragraph(0, &heading)?;
        self.page.request_gap();
        Ok(())
    }

    fn write_refusals(&mut self, group: &ReportGroup) -> io::Result<()> {
        for ranked in rank_refusals(group, self.report.enforced) {
            self.write_judgement(2, &ranked)?;
        }
        paste_block::write_fix_commands(&mut self.page, 2, &group.refusals)?;
        self.page.request_gap();
        Ok(())
    }

    fn write_change(&mut self, group: &ReportGroup, index: usize, verdict: &Verdict) -> io::Result<()> {
        let indent = if group.scope == GroupScope::Message { 0 } else { 2 };
        self.page.request_gap();
        self.write_change_header(indent, verdict)?;
        // What denies comes first.
        for is_denying in [true, false] {
            for ranked in rank_verdict(verdict) {
                if ranked.rank.is_denying() == is_denying {
                    self.write_judgement(indent + 2, &ranked)?;
                }
            }
        }
        for disagreement in &verdict.disagreements {
            self.write_disagreement(indent + 2, disagreement, verdict.revision)?;
        }
        if self.style.verbose {
            self.write_silent_rules(indent + 2, verdict)?;
        }
        if verdict.decision() == Decision::Deny {
            plan_block::write_plan_block(&mut self.page, indent + 2, (group, verdict), self.style)?;
        }
        if !has_shared_block(group, verdict.decision())
            && verdict.decision() >= group.decision(verdict.enforced)
        {
            paste_block::write_paste_block(&mut self.page, indent + 2, group, &[index], self.style)?;
        }
        for trace in &group.traces {
            if trace.verdict_index == index {
                rule_trace::write_rule_trace(&mut self.page, indent + 2, trace)?;
            }
        }
        self.page.request_gap();
        Ok(())
    }

    /// Writes one line: the decision, the commit, its class, its subject.
    fn write_change_header(&mut self, indent: usize, verdict: &Verdict) -> io::Result<()> {
        let is_only_warned = self.style.denied_message == DeniedMessage::Committed;
        let mut spans = vec![match verdict.decision() {
            Decision::Deny if find_waiting_title(self.report, self.style).is_some() => {
                styled_text(TextStyle::Warning, "waiting")
            }
            Decision::Deny if is_only_warned => styled_text(TextStyle::Warning, "would be denied:"),
            Decision::Deny => styled_text(TextStyle::Denied, "denied"),
            Decision::Allow => styled_text(TextStyle::Allowed, "allowed"),
        }];
        spans.push(plain_text(" "));
        match &verdict.revision {
            Some(id) => spans.push(styled_text(TextStyle::CommitId, id.short_hex())),
            None => spans.push(plain_text("this commit")),
        }
        if let Some(class) = &verdict.class {
            spans.push(plain_text(format!(" ({})", escape::escape_words(class.as_str()))));
        }
        spans.push(plain_text(" "));
        let used: usize = spans.iter().map(|span| escape::count_columns(&span.text)).sum();
        let room = self.page.remaining_columns(indent + used + 2);
        let subject = escape::escape_terminal(verdict.subject.as_bytes(), room);
        let subject = if subject.is_empty() { "no subject".into() } else { format!("\"{subject}\"") };
        spans.push(plain_text(subject));
        self.page.write_line(indent, &spans)
    }

    fn write_judgement(&mut self, indent: usize, ranked: &RankedJudgement<'_>) -> io::Result<()> {
        let rule = &ranked.judgement.rule;
        match &ranked.judgement.outcome {
            // What does not land owes nothing.
            RuleOutcome::Owed(_) if self.report.decision == Decision::Deny => Ok(()),
            RuleOutcome::Fail(_) if ranked.told_objections().is_empty() => Ok(()),
            RuleOutcome::Owed(owed) => {
                for obligation in owed {
                    self.write_obligation(indent, rule, obligation)?;
                }
                Ok(())
            }
            RuleOutcome::Exempted { reason, approved_by, until, exemption: _ } => {
                let terms = format!(
                    " until {}, by {}: {}",
                    escape::escape_words(until),
                    escape::escape_words(approved_by),
                    escape::escape_words(reason),
                );
                let exempted = styled_text(TextStyle::Warning, "exempted ");
                self.page.write_paragraph(indent, &[exempted, style_rule_id(rule), plain_text(terms)])
            }
            // What a later stage checks is listed at the end of the report.
            _ if !ranked.rank.is_listed() => Ok(()),
            _ => {
                self.write_rule_title(indent, ranked)?;
                self.write_objections(indent + 2, ranked)
            }
        }
    }

    fn write_rule_title(&mut self, indent: usize, ranked: &RankedJudgement<'_>) -> io::Result<()> {
        let rule = &ranked.judgement.rule;
        let mut spans = Vec::new();
        if !ranked.rank.is_denying() {
            spans.push(styled_text(TextStyle::Warning, format!("{} ", ranked.rank.describe())));
        }
        spans.push(style_rule_id(rule));
        // A rule without a title of its own has its id for one.
        if rule.has_title() {
            spans.push(plain_text(format!(": {}", escape::escape_words(&rule.title))));
        }
        if self.style.verbose && !rule.controls.is_empty() {
            let controls = escape::escape_words(&rule.controls.join(", "));
            spans.push(styled_text(TextStyle::Secondary, format!(" ({controls})")));
        }
        self.page.write_paragraph(indent, &spans)
    }

    /// Writes what speaks against a rule, each point with its place, and once who can fix those of a
    /// group.
    fn write_objections(&mut self, indent: usize, ranked: &RankedJudgement<'_>) -> io::Result<()> {
        let most = if self.style.verbose { usize::MAX } else { self.style.max_changes.max(1) };
        let mut written = 0;
        for group in ranked.objection_groups() {
            for objection in &group.objections {
                written += 1;
                if written <= most {
                    let what = escape::escape_sentence(&objection.describe_with_location(ranked.revision()));
                    self.page.write_paragraph(indent, &[plain_text(format!("- {what}"))])?;
                } else if written == most + 1 {
                    let more = format!("- and {} more like these", ranked.told_objections().len() - most);
                    self.page.write_paragraph(indent, &[plain_text(more)])?;
                }
            }
            let is_group_shown = written - group.objections.len() < most;
            if is_group_shown && !is_remedy_in_block(ranked, &group) {
                let remedy = styled_text(TextStyle::Secondary, escape::escape_words(&group.remedy));
                self.page.write_hanging_paragraph(indent + 2, indent + 7, &[remedy])?;
            }
        }
        Ok(())
    }

    /// Writes the values that a field is given in different places, and the one that counts.
    fn write_disagreement(
        &mut self,
        indent: usize,
        one: &FieldDisagreement,
        revision: Option<Oid>,
    ) -> io::Result<()> {
        let what = format!(": {}", escape::escape_sentence(&describe_disagreement(one, revision)));
        let spans = [styled_text(TextStyle::Warning, "contradiction"), plain_text(what)];
        self.page.write_paragraph(indent, &spans)
    }

    fn write_obligation(
        &mut self,
        indent: usize,
        rule: &RuleDescription,
        owed: &Obligation,
    ) -> io::Result<()> {
        let what = plain_text(format!(": {}", escape::escape_sentence(&owed.what.sentence())));
        let spans = [styled_text(TextStyle::Warning, "owed "), style_rule_id(rule), what];
        self.page.write_paragraph(indent, &spans)?;
        let terms = format!(
            "{}; owner: {}; closed by `{}`",
            due_time::describe_due_time(owed.due, self.report.seen_at),
            escape::escape_words(&owed.owner.to_string()),
            escape::escape_words(&owed.evidence.to_plain_text()),
        );
        self.page.write_hanging_paragraph(indent + 2, indent + 2, &[plain_text(terms)])
    }

    /// Writes the ids of the rules that there is nothing to say about.
    fn write_silent_rules(&mut self, indent: usize, verdict: &Verdict) -> io::Result<()> {
        for rank in [JudgementRank::Passed, JudgementRank::NotApplicable] {
            let mut ids = Vec::new();
            for ranked in rank_verdict(verdict) {
                if ranked.rank == rank {
                    ids.push(escape::escape_words(ranked.judgement.rule.id.as_str()));
                }
            }
            if !ids.is_empty() {
                let line = format!("{}: {}", rank.describe(), ids.join(", "));
                self.page.write_paragraph(indent, &[styled_text(TextStyle::Secondary, line)])?;
            }
        }
        Ok(())
    }
}

/// Returns true if several changes of a group are fixed together, since the first command that rewords one
/// of them changes the ids of the others.
///
/// Where the group is denied, what is allowed in it is not worth a command of its own.
fn has_shared_block(group: &ReportGroup, decision: Decision) -> bool {
    let of_decision = |verdict: &&Verdict| verdict.decision() == decision;
    let fixable = |verdict: &&Verdict| !message_fix::list_message_fixes(verdict).is_empty();
    group.verdicts.iter().filter(of_decision).filter(fixable).nth(1).is_some()
}

/// Returns true if the block to paste, or the plan, says who fixes every objection of a group.
fn is_remedy_in_block(ranked: &RankedJudgement<'_>, group: &ObjectionGroup<'_>) -> bool {
    group.objections.iter().all(|objection| match objection {
        RuleObjection::Finding(finding) => {
            paste_block::is_fixer_in_block(ranked, finding) || tells_remedy(ranked, &finding.fixers)
        }
        RuleObjection::Missing(_) | RuleObjection::OpenExemption(..) => false,
    })
}

/// Says how many changes of a kind were left out, if any were, and how to see them.
fn write_omitted_count(
    page: &mut TerminalPage<'_>,
    kind: &str,
    count: usize,
    style: &ReportStyle,
) -> io::Result<()> {
    let changes = match count {
        0 => return Ok(()),
        1 => "1 more change".to_owned(),
        _ => format!("{count} more changes"),
    };
    page.request_gap();
    let line = match style.verbose {
        false => format!("and {changes} {kind}: `changegate check --verbose` shows more"),
        true => format!("and {changes} {kind}: `changegate check --format json` lists all"),
    };
    page.write_paragraph(0, &[plain_text(line)])?;
    page.request_gap();
    Ok(())
}

fn style_rule_id(rule: &RuleDescription) -> StyledText {
    styled_text(TextStyle::Name, escape::escape_words(rule.id.as_str()))
}
