//! An explanation for people: the class, then each rule with its tree of questions and the facts below them.
//!
//! The marks stand in a column of their own, as in the traces of `check --explain`.

use std::io::{self, Write};

use crate::judge::{
    ChangeExplanation, ExplainedClass, ExplainedQuestion, ExplainedRule, QuestionKind, RuleReach, UsedFact,
    UsedFactSource,
};
use crate::report::escape;
use crate::report::explanation::content::ExplanationReport;
use crate::report::judgement_rank::JudgementRank;
use crate::report::plan_text::{describe_obstacle, describe_step, join_rule_ids};
use crate::report::ranked_judgements::{describe_change_location, rank_verdict};
use crate::report::style::ReportStyle;
use crate::report::terminal::page::{StyledText, TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::{ClassId, Decision, PredicateAnswer, RuleId, RuleLevel, RuleOutcome, Verdict};

/// How much of the question of another class is told.
const MAX_CLASS_COLUMNS: usize = 120;

/// Writes the explanation for people.
pub(super) fn write_terminal(
    report: &ExplanationReport,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = TerminalPage::new(out, style);
    for change in &report.changes {
        page.request_gap();
        write_header(&mut page, &change.verdict)?;
        write_classes(&mut page, change)?;
        let ranks: Vec<JudgementRank> = rank_verdict(&change.verdict).map(|ranked| ranked.rank).collect();
        // What denies comes first, and what does not apply comes last.
        for part in [RulePart::Denying, RulePart::Other, RulePart::NotApplicable] {
            for rule in &change.rules {
                let place = change.verdict.judgements.iter().position(|one| *one == rule.judgement);
                let rank = place.and_then(|place| ranks.get(place)).copied();
                if RulePart::of_rank(rank) == part {
                    write_rule(&mut page, rule, rank, change)?;
                }
            }
        }
        write_plan(&mut page, change)?;
    }
    page.request_gap();
    if report.left_out > 0 {
        let more = format!("and {} more changes; name fewer to have them explained", report.left_out);
        page.write_paragraph(0, &[plain_text(more)])?;
    }
    let gaps = if report.enforced { "denies" } else { "is checked later" };
    let policy = format!("policy: {}; a missing fact {gaps}", escape::escape_words(&report.policy.source));
    page.write_paragraph(0, &[styled_text(TextStyle::Secondary, policy)])
}

/// The parts in which rules are told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RulePart {
    Denying,
    Other,
    NotApplicable,
}

impl RulePart {
    fn of_rank(rank: Option<JudgementRank>) -> RulePart {
        match rank {
            Some(rank) if rank.is_denying() => RulePart::Denying,
            Some(JudgementRank::NotApplicable) => RulePart::NotApplicable,
            _ => RulePart::Other,
        }
    }
}

fn write_header(page: &mut TerminalPage<'_>, verdict: &Verdict) -> io::Result<()> {
    let style = match verdict.decision() {
        Decision::Deny => TextStyle::Denied,
        Decision::Allow => TextStyle::Allowed,
    };
    let id = verdict.revision.map_or_else(|| "this change".to_owned(), |id| id.short_hex());
    let words = verdict.decision().describe();
    let room = page.remaining_columns(words.len() + id.len() + 4);
    let subject = escape::escape_terminal(verdict.subject.as_bytes(), room);
    page.write_line(
        0,
        &[
            styled_text(style, words),
            plain_text(" "),
            styled_text(TextStyle::CommitId, id),
            plain_text(format!(" \"{subject}\"")),
        ],
    )
}

/// Writes the class, with the classes that were looked at before it.
fn write_classes(page: &mut TerminalPage<'_>, change: &ChangeExplanation) -> io::Result<()> {
    if change.classes.is_empty() {
        return Ok(());
    }
    let what = match &change.verdict.class {
        Some(class) => format!(
            "of the class {}, the first one whose question holds:",
            escape::escape_words(class.as_str())
        ),
        None => "of no certain class:".to_owned(),
    };
    page.write_paragraph(0, &[plain_text(what)])?;
    for class in &change.classes {
        write_class(page, class)?;
    }
    Ok(())
}

fn write_class(page: &mut TerminalPage<'_>, class: &ExplainedClass) -> io::Result<()> {
    let name = styled_text(TextStyle::Name, escape::escape_words(class.id.as_str()));
    match &class.question {
        // What a class asks can be a hundred paths; of those that the change is not of, the beginning is enough.
        Some(question) if !class.is_chosen => {
            let words = question.question.to_plain_text();
            let words = escape::escape_terminal(words.as_bytes(), MAX_CLASS_COLUMNS);
            let (mark, style) = mark_answer(&question.answer);
            let spans = [styled_text(style, mark), plain_text("  "), name, plain_text(format!(": {words}"))];
            page.write_hanging_paragraph(2, 10, &spans)
        }
        Some(question) => write_question(page, 2, 0, question, Some(name)),
        None => {
            let mark = styled_text(TextStyle::Allowed, "yes ");
            page.write_hanging_paragraph(
                2,
                10,
                &[mark, plain_text("  "), name, plain_text(": all other changes")],
            )
        }
    }
}

fn write_rule(
    page: &mut TerminalPage<'_>,
    rule: &ExplainedRule,
    rank: Option<JudgementRank>,
    change: &ChangeExplanation,
) -> io::Result<()> {
    let description = &rule.judgement.rule;
    page.request_gap();
    let mut spans = vec![styled_text(TextStyle::Name, escape::escape_words(description.id.as_str()))];
    if description.has_title() {
        spans.push(plain_text(format!(": {}", escape::escape_words(&description.title))));
    }
    page.write_paragraph(0, &spans)?;
    let outcome = describe_outcome(rule, rank);
    page.write_hanging_paragraph(
        2,
        4,
        &[outcome, plain_text(format!("; {}", describe_reach(rule, change)))],
    )?;
    if let Some(when) = &rule.when {
        page.write_line(2, &[styled_text(TextStyle::Secondary, "applies if")])?;
        write_question(page, 2, 0, when, None)?;
    }
    if rule.judgement.outcome == RuleOutcome::NotApplicable {
        return Ok(());
    }
    if let Some(require) = &rule.require {
        page.write_line(2, &[styled_text(TextStyle::Secondary, "requires")])?;
        write_question(page, 2, 0, require, None)?;
    } else if let RuleOutcome::Fail(findings) = &rule.judgement.outcome {
        for finding in findings {
            let what = escape::escape_sentence(&finding.message.sentence());
            page.write_paragraph(2, &[plain_text(format!("- {what}"))])?;
        }
    }
    for exemption in &rule.exemptions {
        let over = if exemption.is_over { ", which is over" } else { "" };
        let line = format!(
            "exempts ({}, until {}{over})",
            escape::escape_words(exemption.id.as_str()),
            escape::escape_words(&exemption.until)
        );
        page.write_line(2, &[styled_text(TextStyle::Secondary, line)])?;
        write_question(page, 2, 0, &exemption.question, None)?;
    }
    Ok(())
}

fn describe_outcome(rule: &ExplainedRule, rank: Option<JudgementRank>) -> StyledText {
    let (words, style) = match (&rule.judgement.outcome, rank) {
        (RuleOutcome::Pass, _) => ("met", TextStyle::Allowed),
        (RuleOutcome::Fail(_), Some(rank)) if rank.is_denying() => ("not met, and denies", TextStyle::Denied),
        (RuleOutcome::Fail(_), _) => ("not met, and warns only", TextStyle::Warning),
        (RuleOutcome::Owed(_), _) => ("met for now, against what is owed", TextStyle::Warning),
        (RuleOutcome::Undecided(_), Some(rank)) if rank.is_denying() => {
            ("cannot be known, and denies", TextStyle::Denied)
        }
        (RuleOutcome::Undecided(_), _) => ("cannot be known", TextStyle::Warning),
        (RuleOutcome::Deferred(_), _) => ("checked later", TextStyle::Warning),
        (RuleOutcome::Exempted { .. }, _) => ("not met, and exempted", TextStyle::Warning),
        (RuleOutcome::MaybeExempted(possible), _) if possible.is_settled_later() => {
            ("not met, and an exemption may apply, which is checked later", TextStyle::Warning)
        }
        (RuleOutcome::MaybeExempted(_), _) => {
            ("not met, and whether an exemption applies cannot be known", TextStyle::Warning)
        }
        (RuleOutcome::NotApplicable, _) => ("does not apply", TextStyle::Secondary),
    };
    styled_text(style, words)
}

/// Returns why a rule applies, or not, in words that follow its outcome.
fn describe_reach(rule: &ExplainedRule, change: &ChangeExplanation) -> String {
    let names: Vec<&str> = rule.classes.iter().map(ClassId::as_str).collect();
    let names = escape::escape_words(&names.join(", "));
    let class = change.verdict.class.as_ref().map_or("not certain", ClassId::as_str);
    let class = escape::escape_words(class);
    let of_classes = if rule.classes.is_empty() {
        "it is for all classes".to_owned()
    } else {
        format!("it is for {names}")
    };
    let level = if rule.judgement.level == RuleLevel::Warn { " (a warning)" } else { "" };
    match &rule.reach {
        RuleReach::Applies if rule.when.is_some() => format!("{of_classes}, and its condition holds{level}"),
        RuleReach::Applies => format!("{of_classes}{level}"),
        RuleReach::OtherClass => format!("{of_classes}, and the class is {class}"),
        RuleReach::WhenFails => format!("{of_classes}, and its condition does not hold"),
        RuleReach::Undecided(missing) => {
            let facts: Vec<String> = missing.iter().map(ToString::to_string).collect();
            format!("whether it applies cannot be known: {}", escape::escape_words(&facts.join(", ")))
        }
        RuleReach::Always => "the gate asks it of every change".to_owned(),
    }
}

fn mark_answer(answer: &PredicateAnswer) -> (&'static str, TextStyle) {
    match answer {
        PredicateAnswer::Holds(owed) if owed.is_empty() => ("yes ", TextStyle::Allowed),
        PredicateAnswer::Holds(_) => ("owed", TextStyle::Warning),
        PredicateAnswer::Fails(_) => ("no  ", TextStyle::Denied),
        PredicateAnswer::Unknown(_) => ("?   ", TextStyle::Warning),
    }
}

/// Writes a question with its parts below it, and the facts below those.
fn write_question(
    page: &mut TerminalPage<'_>,
    indent: usize,
    depth: usize,
    question: &ExplainedQuestion,
    name: Option<StyledText>,
) -> io::Result<()> {
    let (mark, style) = mark_answer(&question.answer);
    let words = match question.kind {
        QuestionKind::All => "all of these:".to_owned(),
        QuestionKind::Any => "one of these:".to_owned(),
        QuestionKind::Not => "not this:".to_owned(),
        QuestionKind::Predicate(_) => escape::escape_words(&question.question.to_plain_text()),
    };
    let mut spans = vec![styled_text(style, mark), plain_text("  ".repeat(depth + 1))];
    if let Some(name) = name {
        spans.push(name);
        spans.push(plain_text(": "));
    }
    spans.push(plain_text(words));
    // A combination is unknown because a part is; the fact is named once, at that part.
    if let PredicateAnswer::Unknown(missing) = &question.answer
        && question.parts.is_empty()
    {
        for one in missing {
            let words = format!(" ({})", escape::escape_words(&one.to_string()));
            spans.push(styled_text(TextStyle::Secondary, words));
        }
    }
    page.write_hanging_paragraph(indent, indent + 4 + 2 * (depth + 2), &spans)?;
    for fact in &question.facts {
        write_fact(page, indent + 4 + 2 * (depth + 2), fact)?;
    }
    for part in &question.parts {
        write_question(page, indent, depth + 1, part, None)?;
    }
    Ok(())
}

/// Writes a fact with where it came from and who vouches for it.
fn write_fact(page: &mut TerminalPage<'_>, indent: usize, fact: &UsedFact) -> io::Result<()> {
    let trust = if fact.is_verified { "verified" } else { "claimed" };
    let mut origin = match fact.source {
        UsedFactSource::Assumed => "assumed".to_owned(),
        source => format!("{trust}: {}", source.source_code().replace('-', " ")),
    };
    if let Some(place) = describe_change_location(&fact.at, None) {
        origin = format!("{origin}, {}", escape::escape_sentence(&place));
    }
    let what = escape::escape_sentence(&fact.what.sentence());
    let spans = [plain_text(format!("- {what}")), styled_text(TextStyle::Secondary, format!(" [{origin}]"))];
    page.write_hanging_paragraph(indent, indent + 2, &spans)
}

/// Writes the fewest acts that get a denied change allowed, all of them.
fn write_plan(page: &mut TerminalPage<'_>, change: &ChangeExplanation) -> io::Result<()> {
    let Some(plan) = change.verdict.plan.as_deref() else { return Ok(()) };
    page.request_gap();
    if !plan.steps.is_empty() {
        let heading = match plan.is_complete() {
            true => "the fewest acts that get it allowed:",
            false => "the fewest acts for the rules that acts can meet:",
        };
        page.write_paragraph(0, &[plain_text(heading)])?;
    }
    for (index, step) in plan.steps.iter().enumerate() {
        let start = format!("{}. ", index + 1);
        let what = escape::escape_sentence(&describe_step(step));
        let rules = format!(" ({})", escape::escape_words(&join_rule_ids(&step.rules)));
        let spans = [plain_text(format!("{start}{what}")), styled_text(TextStyle::Secondary, rules)];
        page.write_hanging_paragraph(2, 2 + start.len(), &spans)?;
        for act in step.options.iter().flatten() {
            for line in act.paste.iter().flat_map(|paste| paste.lines()) {
                let line = escape::escape_terminal(line.as_bytes(), usize::MAX);
                page.write_line(6, &[styled_text(TextStyle::Paste, line)])?;
            }
        }
    }
    if plan.depends_on_values {
        let note = "with other values that the author may choose, more can be asked";
        page.write_paragraph(2, &[styled_text(TextStyle::Secondary, note)])?;
    }
    for obstacle in &plan.obstacles {
        let rule = styled_text(TextStyle::Name, escape::escape_words(obstacle.rule.as_str()));
        let what = escape::escape_sentence(&describe_obstacle(obstacle));
        page.write_paragraph(0, &[rule, plain_text(format!(": {what}"))])?;
    }
    let is_shown = |rule: &RuleId| change.rules.iter().any(|shown| shown.judgement.rule.id == *rule);
    let (shown, others): (Vec<RuleId>, Vec<RuleId>) = plan.open.iter().cloned().partition(is_shown);
    for (rules, more) in [(shown, "; see what it asks above"), (others, "")] {
        if !rules.is_empty() {
            let rules = escape::escape_words(&join_rule_ids(&rules));
            page.write_paragraph(0, &[plain_text(format!("no act is known for {rules}{more}"))])?;
        }
    }
    Ok(())
}
