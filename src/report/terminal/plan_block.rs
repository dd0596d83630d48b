//! The fewest acts that get a change allowed, below what is wrong with it.
//!
//! It stands there only where it says more than the findings: whom to ask, which way is the shortest, how long to
//! wait, or that nothing helps. What the author writes is in the block to paste, and is one line here.

use std::io;

use crate::report::escape;
use crate::report::plan_text::{
    describe_obstacle, describe_step, find_told_plan, is_text_act, join_rule_ids,
};
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::{ObstacleReason, PlanStep, RuleId, Sentence, UnblockPlan, Verdict};

/// Writes the plan of a change, if it says more than the findings.
pub(crate) fn write_plan_block(
    page: &mut TerminalPage<'_>,
    indent: usize,
    verdict: &Verdict,
) -> io::Result<()> {
    let Some(plan) = find_told_plan(verdict) else { return Ok(()) };
    page.request_gap();
    write_steps(page, indent, plan)?;
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
    page.request_gap();
    Ok(())
}

fn write_steps(page: &mut TerminalPage<'_>, indent: usize, plan: &UnblockPlan) -> io::Result<()> {
    let mut items: Vec<(Sentence, Vec<RuleId>)> = Vec::new();
    let (texts, others): (Vec<&PlanStep>, Vec<&PlanStep>) =
        plan.steps.iter().partition(|step| is_of_texts(step));
    if !texts.is_empty() {
        let mut rules: Vec<RuleId> = Vec::new();
        for rule in texts.iter().flat_map(|step| &step.rules) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
        items.push((Sentence::from_words("the author changes the text as shown below"), rules));
    }
    for step in others {
        items.push((describe_step(step), step.rules.clone()));
    }
    if items.is_empty() {
        return Ok(());
    }
    let heading = match plan.is_complete() {
        true => "the fewest acts that get it allowed:",
        false => "the fewest acts for the rules that acts can meet:",
    };
    page.write_paragraph(indent, &[plain_text(heading)])?;
    for (index, (what, rules)) in items.iter().enumerate() {
        let start = format!("{}. ", index + 1);
        let rules = format!(" ({})", escape::escape_words(&join_rule_ids(rules)));
        let spans = [
            plain_text(format!("{start}{}", escape::escape_sentence(what))),
            styled_text(TextStyle::Secondary, rules),
        ];
        page.write_hanging_paragraph(indent + 2, indent + 2 + start.len(), &spans)?;
    }
    if plan.depends_on_values {
        let note = "with other values that the author may choose, more can be asked";
        page.write_paragraph(indent + 2, &[styled_text(TextStyle::Secondary, note)])?;
    }
    Ok(())
}

fn is_of_texts(step: &PlanStep) -> bool {
    matches!(step.options.as_slice(), [option] if option.iter().all(is_text_act))
}
