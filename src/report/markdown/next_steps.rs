//! "What to do next": the plan, as a list that one can work through.

use crate::change::Stage;
use crate::report::escape::markdown::MarkdownInline;
use crate::report::fix_plan::{DEFAULT_FIXER, FixPlanStep, FixTask, is_fixed_by_paste};
use crate::report::markdown::document::{ListItemBlock, MarkdownReport};
use crate::report::markdown::link_commit;
use crate::report::{ReportStyle, escape};

/// How many changes are named for one task; the others are counted.
const MAX_NAMED_CHANGES: usize = 5;

/// Writes the plan; nothing where there is nothing to do.
pub(crate) fn add_fix_plan(document: &mut MarkdownReport, plan: &[FixPlanStep<'_>], style: &ReportStyle) {
    if plan.is_empty() {
        return;
    }
    document.add_heading(3, "What to do next");
    let mut number = 0;
    for step in plan {
        let most = if style.verbose { usize::MAX } else { style.max_changes.max(1) };
        for task in step.tasks.iter().take(most) {
            number += 1;
            let (text, blocks) = build_task_item(&step.fixer, task, style);
            document.add_list_item(&format!("{number}."), &text, &blocks);
        }
        let more = step.tasks.len().saturating_sub(most) + step.omitted_tasks;
        if 0 < more {
            number += 1;
            let text = MarkdownInline::new()
                .with_bold(name_fixer(&step.fixer))
                .with_markdown(&format!(": {more} more of this kind"));
            document.add_list_item(&format!("{number}."), &text.into_markdown(), &[]);
        }
    }
}

/// Returns one task in a line, and what belongs to it.
fn build_task_item(who: &str, task: &FixTask<'_>, style: &ReportStyle) -> (String, Vec<ListItemBlock>) {
    let mut text = MarkdownInline::new().with_bold(name_fixer(who));
    let mut blocks = Vec::new();
    let lines =
        task.paste_lines.iter().map(|line| escape::escape_terminal(line.as_bytes(), usize::MAX)).collect();
    let told = |task: &FixTask<'_>, all: bool| {
        let of_task = task.objections.iter().filter(|point| all || !is_fixed_by_paste(point));
        let mut items: Vec<_> = of_task
            .clone()
            .take(style.max_changes.max(1))
            .map(|one| MarkdownInline::new().with_sentence(&one.describe_problem()).into_markdown())
            .collect();
        let more = of_task.count() - items.len();
        if 0 < more {
            items.push(format!("and {more} more like these"));
        }
        items
    };
    let is_author = who == DEFAULT_FIXER && !task.are_commands;
    if is_author && !task.paste_lines.is_empty() {
        // Whoever can paste something need not read why: the rules below say it.
        text = text
            .with_markdown(&format!(" sets these {}", describe_trailer_place(task)))
            .with_markdown(&list_task_commits(task, style));
        blocks.push(ListItemBlock::Lines(lines));
        let others = told(task, false);
        if !others.is_empty() {
            blocks.push(ListItemBlock::Paragraph("and mends:".into()));
            blocks.push(ListItemBlock::Items(others));
        }
        return (add_rule_ids(text, task).into_markdown(), blocks);
    }
    let of = list_task_commits(task, style);
    text = text.with_markdown(if of.is_empty() { "" } else { "," }).with_markdown(&of);
    blocks.push(ListItemBlock::Items(told(task, true)));
    if !task.paste_lines.is_empty() {
        let how = if task.are_commands {
            "To mend it, run:".to_owned()
        } else {
            // The block must not read as an invitation to write down what nobody gave.
            format!("When that is given, and not before, the author sets {}:", describe_trailer_place(task))
        };
        blocks.push(ListItemBlock::Paragraph(how));
        blocks.push(ListItemBlock::Lines(lines));
    }
    (add_rule_ids(text, task).into_markdown(), blocks)
}

fn name_fixer(who: &str) -> &str {
    if who.trim().is_empty() { "somebody" } else { who }
}

/// Returns where lines are set.
fn describe_trailer_place(task: &FixTask<'_>) -> &'static str {
    match task.stage {
        Some(Stage::PullRequest) => {
            "at the end of the pull request's description, or among the trailers of its last commit"
        }
        _ => "among the trailers at the end of the message",
    }
}

/// Returns of which changes, where there are any to name.
fn list_task_commits(task: &FixTask<'_>, style: &ReportStyle) -> String {
    let names: Vec<_> =
        task.revisions.iter().take(MAX_NAMED_CHANGES).map(|id| link_commit(*id, style)).collect();
    let more = task.revisions.len() - names.len();
    match (names.as_slice(), more) {
        ([], _) => String::new(),
        _ if task.stage == Some(Stage::PullRequest) => String::new(),
        ([one], 0) => format!(" in {one}"),
        (names, 0) => format!(" in each of {}", names.join(", ")),
        (names, more) => format!(" in each of {} and {more} more", names.join(", ")),
    }
}

/// Adds which rules ask for it.
fn add_rule_ids(text: MarkdownInline, task: &FixTask<'_>) -> MarkdownInline {
    let mut text = text.with_markdown(" (");
    for (index, rule) in task.rule_ids.iter().enumerate() {
        text = text.with_markdown(if index == 0 { "" } else { ", " }).with_code(&escape::escape_words(rule));
    }
    text.with_markdown("):")
}
