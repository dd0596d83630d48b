//! "What to do next": the plan, as a list that one can work through.

use super::commit;
use super::document::{Block, Document};
use crate::change::Stage;
use crate::report::escape::markdown::Inline;
use crate::report::plan::{AUTHOR, Step, Task, is_pasted};
use crate::report::{Style, escape};

/// How many changes are named for one task; the others are counted.
const MOST: usize = 5;

/// Writes the plan; nothing where there is nothing to do.
pub(super) fn write(document: &mut Document, plan: &[Step<'_>], style: &Style) {
    if plan.is_empty() {
        return;
    }
    document.heading(3, "What to do next");
    let mut number = 0;
    for step in plan {
        let most = if style.verbose { usize::MAX } else { style.most.max(1) };
        for task in step.tasks.iter().take(most) {
            number += 1;
            let (text, blocks) = item(step.who, task, style);
            document.item(&format!("{number}."), &text, &blocks);
        }
        let more = step.tasks.len().saturating_sub(most) + step.more;
        if 0 < more {
            number += 1;
            let text = Inline::new().bold(named(step.who)).own(&format!(": {more} more of this kind"));
            document.item(&format!("{number}."), &text.done(), &[]);
        }
    }
}

/// Returns one task in a line, and what belongs to it.
fn item(who: &str, task: &Task<'_>, style: &Style) -> (String, Vec<Block>) {
    let mut text = Inline::new().bold(named(who));
    let mut blocks = Vec::new();
    let lines = task.lines.iter().map(|line| escape::terminal(line.as_bytes(), usize::MAX)).collect();
    let told = |task: &Task<'_>, all: bool| {
        let of_task = task.points.iter().filter(|point| all || !is_pasted(point));
        let mut items: Vec<_> = of_task
            .clone()
            .take(style.most.max(1))
            .map(|one| Inline::new().sentence(&one.what()).done())
            .collect();
        let more = of_task.count() - items.len();
        if 0 < more {
            items.push(format!("and {more} more like these"));
        }
        items
    };
    let is_author = who == AUTHOR && !task.commands;
    if is_author && !task.lines.is_empty() {
        // Whoever can paste something need not read why: the rules below say it.
        text = text.own(&format!(" sets these {}", place(task))).own(&of(task, style));
        blocks.push(Block::Lines(lines));
        let others = told(task, false);
        if !others.is_empty() {
            blocks.push(Block::Paragraph("and mends:".into()));
            blocks.push(Block::Items(others));
        }
        return (rules(text, task).done(), blocks);
    }
    let of = of(task, style);
    text = text.own(if of.is_empty() { "" } else { "," }).own(&of);
    blocks.push(Block::Items(told(task, true)));
    if !task.lines.is_empty() {
        let how = if task.commands {
            "To mend it, run:".to_owned()
        } else {
            // The block must not read as an invitation to write down what nobody gave.
            format!("When that is given, and not before, the author sets {}:", place(task))
        };
        blocks.push(Block::Paragraph(how));
        blocks.push(Block::Lines(lines));
    }
    (rules(text, task).done(), blocks)
}

fn named(who: &str) -> &str {
    if who.trim().is_empty() { "somebody" } else { who }
}

/// Returns where lines are set.
fn place(task: &Task<'_>) -> &'static str {
    match task.stage {
        Some(Stage::PullRequest) => {
            "at the end of the pull request's description, or among the trailers of its last commit"
        }
        _ => "among the trailers at the end of the message",
    }
}

/// Returns of which changes, where there are any to name.
fn of(task: &Task<'_>, style: &Style) -> String {
    let names: Vec<_> = task.revisions.iter().take(MOST).map(|id| commit(*id, style)).collect();
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
fn rules(text: Inline, task: &Task<'_>) -> Inline {
    let mut text = text.own(" (");
    for (index, rule) in task.rules.iter().enumerate() {
        text = text.own(if index == 0 { "" } else { ", " }).code(&escape::words(rule));
    }
    text.own("):")
}
