//! The fewest acts that get a change allowed, below what is wrong with it.
//!
//! It stands there only where it says more than the findings: whom to ask, which way is the shortest, how long to
//! wait, or that nothing helps. What the author writes is in the block to paste, and is one line here.

use std::io;

use crate::report::content::ReportGroup;
use crate::report::escape;
use crate::report::plan_text::{describe_obstacle, describe_step, find_told_plan, join_rule_ids};
use crate::report::style::ReportStyle;
use crate::report::terminal::message_fix::MessageFix;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::report::terminal::paste_block::list_shown_fixes;
use crate::verdict::{
    ObstacleReason, PlanStep, PlannedAct, PlannedActKind, RuleId, Sentence, UnblockPlan, Verdict,
};

/// Writes the plan of a change, if it says more than the findings.
pub(crate) fn write_plan_block(
    page: &mut TerminalPage<'_>,
    indent: usize,
    (group, verdict): (&ReportGroup, &Verdict),
    style: &ReportStyle,
) -> io::Result<()> {
    let Some(plan) = find_told_plan(verdict) else { return Ok(()) };
    page.request_gap();
    write_steps(page, indent, plan, &list_shown_fixes(group, verdict, style))?;
    for obstacle in &plan.obstacles {
        if !matches!(obstacle.reason, ObstacleReason::Missing(_)) {
            let what = describe_obstacle(obstacle);
            let rule = styled_text(TextStyle::Name, escape::escape_words(obstacle.rule.as_str()));
            page.write_paragraph(
                indent,
                &[rule, plain_text(format!(": {}", escape::escape_sentence(&what)))],
            )?;
        }
    }
    // What is wrong there, the findings above say.
    if !plan.open.is_empty() && !plan.steps.is_empty() {
        let rules = escape::escape_words(&join_rule_ids(&plan.open));
        page.write_paragraph(indent, &[plain_text(format!("no act is known for {rules}"))])?;
    }
    page.request_gap();
    Ok(())
}

fn write_steps(
    page: &mut TerminalPage<'_>,
    indent: usize,
    plan: &UnblockPlan,
    shown: &[MessageFix<'_>],
) -> io::Result<()> {
    let mut items: Vec<(Sentence, Vec<RuleId>, Vec<String>)> = Vec::new();
    let (texts, others): (Vec<&PlanStep>, Vec<&PlanStep>) =
        plan.steps.iter().partition(|step| is_shown_below(step, shown));
    if !texts.is_empty() {
        let mut rules: Vec<RuleId> = Vec::new();
        for rule in texts.iter().flat_map(|step| &step.rules) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        items.push((Sentence::from_words("the author changes the text as shown below"), rules, Vec::new()));
    }
    for step in others {
        items.push((describe_step(step), step.rules.clone(), list_field_lines(step, shown)));
    }
    if items.is_empty() {
        return Ok(());
    }
    let heading = match plan.is_complete() {
        true => "the fewest acts that get it allowed:",
        false => "the fewest acts for the rules that acts can meet:",
    };
    page.write_paragraph(indent, &[plain_text(heading)])?;
    for (index, (what, rules, lines)) in items.iter().enumerate() {
        let start = format!("{}. ", index + 1);
        let rules = format!(" ({})", escape::escape_words(&join_rule_ids(rules)));
        let spans = [
            plain_text(format!("{start}{}", escape::escape_sentence(what))),
            styled_text(TextStyle::Secondary, rules),
        ];
        page.write_hanging_paragraph(indent + 2, indent + 2 + start.len(), &spans)?;
        for line in lines {
            let line = escape::escape_terminal(line.as_bytes(), usize::MAX);
            page.write_line(indent + 6, &[styled_text(TextStyle::Paste, line)])?;
        }
    }
    if plan.depends_on_values {
        let note = "with other values that the author may choose, more can be asked";
        page.write_paragraph(indent + 2, &[styled_text(TextStyle::Secondary, note)])?;
    }
    Ok(())
}

/// Returns the lines by which the author states fields in a step, where the block below does not show them. Those of others
/// are theirs to add.
fn list_field_lines(step: &PlanStep, shown: &[MessageFix<'_>]) -> Vec<String> {
    let mut lines = Vec::new();
    for act in step.options.iter().flatten().filter(|act| act.kind == PlannedActKind::StateField) {
        for line in act.paste.iter().flat_map(|paste| paste.lines()) {
            let key = line.split_once(':').map_or(line, |(key, _)| key);
            if !shown.iter().any(|fix| fix.states_field(key)) {
                lines.push(line.to_owned());
            }
        }
    }
    lines
}

/// Returns true if the block below the plan shows what to write for a step.
fn is_shown_below(step: &PlanStep, shown: &[MessageFix<'_>]) -> bool {
    let is_shown = |act: &PlannedAct| match act.kind {
        PlannedActKind::StateField => act
            .paste
            .as_deref()
            .and_then(|line| line.split_once(':'))
            .is_some_and(|(key, _)| shown.iter().any(|fix| fix.states_field(key))),
        PlannedActKind::CorrectMessage => shown.iter().any(|fix| !fix.edits.is_empty()),
        _ => false,
    };
    matches!(step.options.as_slice(), [option] if option.iter().all(is_shown))
}
