//! "What to do next": the plan as a list to work through.

use crate::change::Stage;
use crate::report::escape;
use crate::report::escape::markdown::MarkdownInline;
use crate::report::fix_plan::{APPROVAL_WARNING, FixPlanStep, FixTask, is_fixed_by_paste, replaces_line};
use crate::report::markdown::document::{ListItemBlock, MarkdownReport, link_commit, link_pull};
use crate::report::ranked_judgements::RuleObjection;
use crate::report::style::ReportStyle;
use crate::verdict::{Fixer, describe_fixers, format_count};

/// The changes that are named for one task; the others are counted.
const MAX_NAMED_CHANGES: usize = 5;

/// Adds the plan, with the place of each problem if they are not given below; nothing where there is nothing to do.
pub(crate) fn add_fix_plan(
    document: &mut MarkdownReport,
    plan: &[FixPlanStep<'_>],
    with_places: bool,
    style: &ReportStyle,
) {
    if plan.is_empty() {
        return;
    }
    document.add_heading(3, "What to do next");
    let mut number = 0;
    for step in plan {
        let most = if style.verbose { usize::MAX } else { style.max_changes.max(1) };
        for task in step.tasks.iter().take(most) {
            number += 1;
            let (text, blocks) = build_task_item(step.fixers, task, with_places, style);
            document.add_list_item(&format!("{number}."), &text, &blocks);
        }
        let more = step.tasks.len().saturating_sub(most) + step.omitted_tasks;
        if more > 0 {
            number += 1;
            let text = name_fixers(step.fixers).with_markdown(&format!(": {more} more of this kind"));
            document.add_list_item(&format!("{number}."), &text.into_markdown(), &[]);
        }
    }
}

/// Says that the plan is not for these denied changes, which the report only counts; nothing if there are
/// none.
pub(crate) fn add_unplanned_count(document: &mut MarkdownReport, changes: usize) {
    if changes > 0 {
        let changes = format_count(changes, "more denied change");
        document
            .add_paragraph(&format!("These are the steps for the first changes; {changes} may need others."));
    }
}

/// Returns one task in a line, and the blocks that belong to it.
///
/// A task of the author that lines fix says where to paste them, and not why: the rules below do.
fn build_task_item(
    fixers: &[Fixer],
    task: &FixTask<'_>,
    with_places: bool,
    style: &ReportStyle,
) -> (String, Vec<ListItemBlock>) {
    let mut text = name_fixers(fixers);
    let mut blocks = Vec::new();
    let mut lines = Vec::new();
    for line in &task.paste_lines {
        lines.push(escape::escape_terminal(line.as_bytes(), usize::MAX));
    }
    let commits = list_task_commits(task, style);
    let is_for_author = fixers == [Fixer::Author] && !task.are_commands;
    // Only the author's own lines are offered at once; an approval has to be given before it is pasted.
    if is_for_author && !lines.is_empty() {
        text = text.with_markdown(&format!(" {} {}{commits}", choose_verb(task), describe_paste_place(task)));
        blocks.push(ListItemBlock::Lines(lines));
        let others = list_problems(task, false, with_places, style);
        if !others.is_empty() {
            blocks.push(ListItemBlock::Paragraph("then fixes:".into()));
            blocks.push(ListItemBlock::Items(others));
        }
        add_hints(&mut blocks, task);
        return (add_rule_ids(text, task).into_markdown(), blocks);
    }
    text = text.with_markdown(if commits.is_empty() { "" } else { "," }).with_markdown(&commits);
    blocks.push(ListItemBlock::Items(list_problems(task, true, with_places, style)));
    add_hints(&mut blocks, task);
    if !lines.is_empty() {
        let how = if fixers == [Fixer::ObligationOwner] {
            "To fix it, push a change that closes them, with these trailers:".to_owned()
        } else if task.are_commands {
            "To fix it, run:".to_owned()
        } else {
            format!("Then the author adds {}; {APPROVAL_WARNING}:", describe_paste_place(task))
        };
        blocks.push(ListItemBlock::Paragraph(how));
        blocks.push(ListItemBlock::Lines(lines));
    }
    (add_rule_ids(text, task).into_markdown(), blocks)
}

/// Adds what is enough, as the unblock plan knows it.
fn add_hints(blocks: &mut Vec<ListItemBlock>, task: &FixTask<'_>) {
    for hint in &task.hints {
        let text = MarkdownInline::new().with_markdown("Enough: ").with_sentence(hint).with_markdown(".");
        blocks.push(ListItemBlock::Paragraph(text.into_markdown()));
    }
}

/// Returns the problems of a task: all of them, or those that no pasted line fixes.
fn list_problems(task: &FixTask<'_>, all: bool, with_places: bool, style: &ReportStyle) -> Vec<String> {
    let mut listed: Vec<&RuleObjection<'_>> = task.objections.iter().collect();
    if !all {
        listed.retain(|objection| !is_fixed_by_paste(objection));
    }
    let most = style.max_changes.max(1);
    let mut items = Vec::new();
    for objection in listed.iter().take(most) {
        let problem = if with_places {
            objection.describe_with_location(task.revisions.first().copied())
        } else {
            objection.describe_problem()
        };
        items.push(MarkdownInline::new().with_sentence(&problem).into_markdown());
    }
    if listed.len() > most {
        items.push(format!("and {} more like these", listed.len() - most));
    }
    items
}

fn name_fixers(fixers: &[Fixer]) -> MarkdownInline {
    let words = describe_fixers(fixers);
    MarkdownInline::new().with_bold(if words.trim().is_empty() { "unknown" } else { &words })
}

fn choose_verb(task: &FixTask<'_>) -> &'static str {
    for objection in &task.objections {
        if objection.finding().is_some_and(replaces_line) {
            return "adds or replaces";
        }
    }
    "adds"
}

/// Returns what to add and where.
fn describe_paste_place(task: &FixTask<'_>) -> &'static str {
    match task.stage {
        Some(Stage::PullRequest) => {
            "these lines at the end of the pull request's description, or as trailers of its last commit"
        }
        _ => "these trailers at the end of the message",
    }
}

/// Returns the changes that a task is about, where there are any to name.
fn list_task_commits(task: &FixTask<'_>, style: &ReportStyle) -> String {
    let mut names = Vec::new();
    let mut total = task.pulls.len();
    if total > 0 {
        names.extend(task.pulls.iter().map(|name| link_pull(name, style)));
    } else if task.stage != Some(Stage::PullRequest) {
        total = task.revisions.len();
        names.extend(task.revisions.iter().take(MAX_NAMED_CHANGES).map(|id| link_commit(*id, style)));
    }
    let more = total - names.len();
    match (names.as_slice(), more) {
        ([], _) => String::new(),
        ([one], 0) => format!(" in {one}"),
        (names, 0) => format!(" in each of {}", names.join(", ")),
        (names, more) => format!(" in each of {} and {more} more", names.join(", ")),
    }
}

/// Adds the rules that ask for a task.
fn add_rule_ids(text: MarkdownInline, task: &FixTask<'_>) -> MarkdownInline {
    let mut text = text.with_markdown(" (");
    for (index, rule) in task.rule_ids.iter().enumerate() {
        text = text
            .with_markdown(if index == 0 { "" } else { ", " })
            .with_code(&escape::escape_words(rule.as_str()));
    }
    text.with_markdown("):")
}
