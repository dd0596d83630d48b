//! What has to be done to the message of each commit, collected from the findings of its change.
//!
//! Lines that are there and wrong are replaced or moved, lines that are missing are added: adding a value
//! beside a wrong one would leave the wrong one in place.

use crate::change::{Oid, Stage};
use crate::report::content::Report;
use crate::report::fix_plan::{add_paste_lines, replaces_line};
use crate::report::plan_text::find_told_plan;
use crate::report::ranked_judgements::rank_verdict;
use crate::verdict::{
    ChangeLocation, Finding, LineEdit, PlannedActKind, RuleId, RuleLevel, RuleOutcome, UnblockPlan, Verdict,
};

/// The fixes of one message, or of the description of a pull request.
#[derive(Debug, Default)]
pub(crate) struct MessageFix<'report> {
    /// The commit; `None` for one that is not made yet, and for a pull request.
    pub(crate) commit: Option<Oid>,
    /// The lines to replace, each with what takes its place.
    pub(crate) replacements: Vec<(MessageLine, Vec<&'report str>)>,
    /// The lines to edit in another way.
    pub(crate) edits: Vec<(LineEdit, Vec<usize>)>,
    /// The lines to add.
    pub(crate) additions: Vec<&'report str>,
    /// Lists of lines to add one of.
    pub(crate) choices: Vec<Vec<&'report str>>,
    /// The lines to add that rules ask which only warn.
    pub(crate) optional_additions: Vec<&'report str>,
    /// True if another person has to justify a line before it is added.
    pub(crate) awaits_others: bool,
}

/// A line of a message or of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageLine {
    line: usize,
    in_description: bool,
    /// The commit, where the text around does not name it.
    commit: Option<Oid>,
}

/// One thing to do to a message, and the lines that it takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FixStep<'report> {
    /// What to do, as an order.
    pub(crate) order: String,
    /// Groups of lines to paste; of several groups, one is enough.
    pub(crate) lines: Vec<Vec<&'report str>>,
    /// True if the change is allowed without them.
    pub(crate) is_optional: bool,
}

/// Returns the fixes of a change, one for each message, oldest commit first; none for a change that
/// neither pasting nor editing can fix.
pub(crate) fn list_message_fixes(verdict: &Verdict) -> Vec<MessageFix<'_>> {
    let mut fixes: Vec<MessageFix<'_>> = Vec::new();
    let findings = list_fixable_findings(verdict);
    let planned = find_fewer_approvals(verdict, &findings);
    let mut planned_lines = planned.as_ref().map(|planned| planned.lines.clone()).unwrap_or_default();
    for one in findings {
        let FixableFinding { finding, is_optional, .. } = one;
        let commit = match verdict.stage {
            Stage::PullRequest => None,
            // With a message that is of no commit yet, these are of commits that a merge brings in.
            _ => finding.at.commit.or(verdict.revision),
        };
        let place = fixes.iter().position(|known| known.commit == commit).unwrap_or(fixes.len());
        if place == fixes.len() {
            fixes.push(MessageFix { commit, ..MessageFix::default() });
        }
        let Some(known) = fixes.get_mut(place) else { continue };
        if planned.as_ref().is_some_and(|planned| planned.replaces(one)) {
            known.additions.append(&mut planned_lines);
            known.awaits_others = true;
        } else {
            known.add_finding(finding, is_optional);
        }
    }
    let shapes = &verdict.commit_shapes;
    fixes.sort_by_key(|fix| shapes.iter().position(|shape| Some(shape.id) == fix.commit));
    fixes
}

/// Returns true if a merge that is about to be made brings in commits whose own messages have to be written
/// again, which no message of the merge makes good.
pub(crate) fn has_faulty_side_commits(report: &Report) -> bool {
    let mut verdicts = report.groups.iter().flat_map(|group| &group.verdicts);
    verdicts.any(|verdict| {
        verdict.stage == Stage::CommitMsg
            && (verdict.revision.is_some()
                || list_message_fixes(verdict).iter().any(|fix| fix.commit.is_some()))
    })
}

/// A finding that pasting or editing fixes.
#[derive(Clone, Copy)]
struct FixableFinding<'report> {
    rule: &'report RuleId,
    finding: &'report Finding,
    /// True if its rule only warns.
    is_optional: bool,
}

/// The approvals of a plan, which serve several rules at once, in the place of those that each rule asks for by itself.
struct PlannedApprovals<'report> {
    plan: &'report UnblockPlan,
    lines: Vec<&'report str>,
}

impl PlannedApprovals<'_> {
    /// Returns true if a finding asks for approvals that the plan has: in the same field, by a rule that the plan meets.
    fn replaces(&self, one: FixableFinding<'_>) -> bool {
        let Some(paste) = one.finding.paste.as_deref() else { return false };
        let is_left = self.plan.open.contains(one.rule)
            || self.plan.obstacles.iter().any(|obstacle| obstacle.rule == *one.rule);
        let is_planned =
            |line: &str| self.lines.iter().any(|known| find_line_key(known) == find_line_key(line));
        !one.is_optional
            && !is_left
            && !one.finding.is_for_author()
            && one.finding.paste_alternatives.is_empty()
            && paste.lines().all(is_planned)
    }
}

/// Returns the key of a line that states a field.
fn find_line_key(line: &str) -> &str {
    line.split_once(':').map_or(line, |(key, _)| key)
}

/// Returns the approvals of the plan of a change, where they are fewer than its rules ask for one by one, and the plan leaves
/// no choice between them and something else.
fn find_fewer_approvals<'report>(
    verdict: &'report Verdict,
    findings: &[FixableFinding<'report>],
) -> Option<PlannedApprovals<'report>> {
    let plan = find_told_plan(verdict)?;
    let mut lines: Vec<&str> = Vec::new();
    for step in &plan.steps {
        for act in step.options.iter().flatten().filter(|act| act.kind == PlannedActKind::Approve) {
            if step.options.len() > 1 {
                return None;
            }
            lines.extend(act.paste.as_deref()?.lines());
        }
    }
    let planned = PlannedApprovals { plan, lines };
    let mut asked = Vec::new();
    for one in findings.iter().filter(|one| planned.replaces(**one)) {
        add_paste_lines(&mut asked, one.finding.paste.as_deref());
    }
    (planned.lines.len() < asked.len()).then_some(planned)
}

/// Returns the findings that pasting or editing fixes; those that deny come first, as in the text above.
fn list_fixable_findings(verdict: &Verdict) -> Vec<FixableFinding<'_>> {
    let mut denying = Vec::new();
    let mut others = Vec::new();
    for ranked in rank_verdict(verdict) {
        let RuleOutcome::Fail(_) = &ranked.judgement.outcome else { continue };
        let list = if ranked.rank.is_denying() { &mut denying } else { &mut others };
        for objection in ranked.told_objections() {
            let finding = objection.finding().filter(|one| one.paste.is_some() || one.line_edit.is_some());
            let is_optional = ranked.judgement.level == RuleLevel::Warn;
            let rule = &ranked.judgement.rule.id;
            list.extend(finding.map(|finding| FixableFinding { rule, finding, is_optional }));
        }
    }
    denying.extend(others);
    denying
}

impl<'report> MessageFix<'report> {
    fn add_finding(&mut self, finding: &'report Finding, is_optional: bool) {
        self.awaits_others |= finding.paste.is_some() && !finding.is_for_author();
        if let (Some(edit), Some(line)) = (finding.line_edit, finding.at.line) {
            self.add_line_edit(edit, line);
            return;
        }
        let paste = finding.paste.as_deref();
        if replaces_line(finding)
            && let Some(place) = self.describe_line_place(&finding.at)
        {
            match self.replacements.iter_mut().find(|known| known.0 == place) {
                Some((_, lines)) => add_paste_lines(lines, paste),
                None => {
                    let mut lines = Vec::new();
                    add_paste_lines(&mut lines, paste);
                    self.replacements.push((place, lines));
                }
            }
        } else if finding.paste_alternatives.is_empty() && is_optional {
            add_paste_lines(&mut self.optional_additions, paste);
            self.optional_additions.retain(|line| !self.additions.contains(line));
        } else if finding.paste_alternatives.is_empty() {
            add_paste_lines(&mut self.additions, paste);
        } else {
            let mut choice = Vec::new();
            add_paste_lines(&mut choice, paste);
            for other in &finding.paste_alternatives {
                add_paste_lines(&mut choice, Some(other));
            }
            if !self.choices.contains(&choice) {
                self.choices.push(choice);
            }
        }
    }

    /// Returns true if one of the lines to write states the field with this key.
    pub(crate) fn states_field(&self, key: &str) -> bool {
        let replaced = self.replacements.iter().flat_map(|(_, lines)| lines);
        let mut lines = replaced.chain(&self.additions).chain(self.choices.iter().flatten());
        lines.any(|line| line.split_once(':').is_some_and(|(known, _)| known == key))
    }

    fn add_line_edit(&mut self, edit: LineEdit, line: usize) {
        match self.edits.iter_mut().find(|known| known.0 == edit) {
            Some((_, lines)) if lines.contains(&line) => {}
            Some((_, lines)) => lines.push(line),
            None => self.edits.push((edit, vec![line])),
        }
    }

    fn describe_line_place(&self, at: &ChangeLocation) -> Option<MessageLine> {
        let commit = if self.commit.is_none() { at.commit } else { None };
        Some(MessageLine { line: at.line?, in_description: at.in_description, commit })
    }

    /// Returns what to do to a message that holds the lines to fill in already.
    pub(crate) fn list_prefilled_steps(&self) -> Vec<FixStep<'report>> {
        let mut steps = Vec::new();
        let mut lines = Vec::new();
        for (place, replacing) in &self.replacements {
            if place.own_line().is_some() {
                lines.extend(replacing.iter().copied());
            }
        }
        lines.extend(self.additions.iter().copied());
        if !lines.is_empty() {
            let order = "fill in these lines, which the message holds:".to_owned();
            steps.push(FixStep { order, lines: vec![lines], is_optional: false });
        }
        for step in self.list_steps(Stage::CommitMsg) {
            let is_filled_in = step.lines.len() == 1 && !step.is_optional;
            if !is_filled_in {
                steps.push(step);
            }
        }
        steps
    }

    /// Returns what to do, in an order in which no line moves before it has been spoken of.
    pub(crate) fn list_steps(&self, stage: Stage) -> Vec<FixStep<'report>> {
        let (lines_to_add, end) = match stage {
            Stage::PullRequest => {
                ("lines", "at the end of the pull request's description, or as trailers of its last commit")
            }
            _ => ("trailers", "at the end of the message"),
        };
        let mut steps = Vec::new();
        for (place, lines) in &self.replacements {
            let order = format!("replace {}:", place.describe_line_place());
            steps.push(FixStep { order, lines: vec![lines.clone()], is_optional: false });
        }
        for (edit, lines) in &self.edits {
            let order = describe_line_edit(*edit, lines);
            steps.push(FixStep { order, lines: Vec::new(), is_optional: false });
        }
        if !self.additions.is_empty() {
            let order = format!("add these {lines_to_add} {end}:");
            steps.push(FixStep { order, lines: vec![self.additions.clone()], is_optional: false });
        }
        for choice in &self.choices {
            let order = format!("add one of these {lines_to_add} {end}:");
            let mut lines = Vec::new();
            for line in choice {
                lines.push(vec![*line]);
            }
            steps.push(FixStep { order, lines, is_optional: false });
        }
        if !self.optional_additions.is_empty() {
            let order = format!("add these {lines_to_add} too, or leave them out (their rules only warn):");
            let lines = vec![self.optional_additions.clone()];
            steps.push(FixStep { order, lines, is_optional: true });
        }
        steps
    }
}

impl MessageLine {
    /// Returns the number of the line; `None` if it is not one of the message that is being written.
    pub(crate) fn own_line(self) -> Option<usize> {
        if self.in_description || self.commit.is_some() { None } else { Some(self.line) }
    }

    fn describe_line_place(self) -> String {
        let text = if self.in_description { "description" } else { "message" };
        match self.commit {
            Some(id) if !self.in_description => {
                format!("line {} of the message of {}", self.line, id.short_hex())
            }
            _ => format!("line {} of the {text}", self.line),
        }
    }
}

/// Returns an edit of these lines as an order.
fn describe_line_edit(edit: LineEdit, lines: &[usize]) -> String {
    let numbers: Vec<String> = lines.iter().map(usize::to_string).collect();
    let (noun, them) = if lines.len() == 1 { ("line", "it") } else { ("lines", "them") };
    let named = format!("{noun} {}", join_with_and(&numbers));
    match edit {
        LineEdit::MoveToTrailers => format!("move {named} into the last paragraph"),
        LineEdit::MoveToEnd => format!("move {named} to the end, after a blank line"),
        LineEdit::DeleteOrMoveUp => format!("delete {named}, or move {them} above the blank line"),
        LineEdit::SeparateFromAbove => format!("leave a blank line before {named}"),
        LineEdit::Correct => format!("correct {named}"),
    }
}

/// Returns words as a list: `a, b and c`.
pub(crate) fn join_with_and(words: &[String]) -> String {
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
