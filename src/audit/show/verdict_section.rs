//! The verdict on a change, rule by rule, in words.

use std::collections::BTreeMap;

use crate::audit::change_record::ChangeJudgement;
use crate::audit::change_record::standing::GateResult;
use crate::audit::show::page::{PageLine, PageSection};
use crate::audit::show::shown_change::ShownChange;
use crate::ledger::record::{RecordedLevel, RecordedOutcomeWord, RecordedRuleResult};
use crate::verdict::{Judgement, Message, RuleOutcome, Verdict};

/// Returns the verdict: what judged, what came out, and every rule that applies.
pub(super) fn build_verdict_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("Verdict");
    let judged = match &change.judged_by {
        ChangeJudgement::Recorded { record, at, tool, .. } => PageLine::from_words(format!("by {tool} on "))
            .with_time(*at)
            .with_words(format!(", by its own clock; record {record} of the ledger")),
        ChangeJudgement::Afterwards { policy } => PageLine::from_words(format!(
            "now, afterwards, by {policy}; no record holds a verdict of the time"
        )),
        ChangeJudgement::NotJudged(why) => PageLine::from_words(format!("not judged: {why}")),
    };
    section.add_row("judged", judged);
    let result = PageLine::from_words(describe_result(change.gate_result()));
    let result = if change.is_enforced() {
        result
    } else {
        result.with_words("; NOT ENFORCED, so it let nothing pass")
    };
    section.add_row("result", result);
    for change in &shown.policy_changes {
        section.add_row("policy", PageLine::from_message(change));
    }
    let verdicts = &shown.verdicts;
    let mut not_applicable = 0_usize;
    for reasons in &change.reasons {
        if change.reasons.len() > 1 {
            let revision = reasons.revision.map_or_else(String::new, |id| id.short_hex());
            section.add_row(
                "",
                PageLine::from_words(format!("commit {revision}: ")).with_quote(&reasons.subject),
            );
        }
        let verdict = verdicts.iter().find(|verdict| verdict.revision == reasons.revision);
        let judgements = index_judgements(verdict);
        for rule in &reasons.rules {
            if rule.outcome == RecordedOutcomeWord::NotApplicable {
                not_applicable += 1;
            } else {
                add_rule(&mut section, rule, judgements.get(rule.rule.as_str()).copied());
            }
        }
    }
    // A record of a version that kept no reasons still has its verdicts.
    if change.reasons.is_empty() {
        for judgement in verdicts.iter().flat_map(|verdict| &verdict.judgements) {
            if judgement.outcome == RuleOutcome::NotApplicable {
                not_applicable += 1;
            } else {
                section.add_lines(name_outcome(&judgement.outcome), describe_judgement(judgement));
            }
        }
    }
    if not_applicable > 0 {
        let rules = if not_applicable == 1 { "rule does" } else { "rules do" };
        section.add_row("", PageLine::from_words(format!("{not_applicable} {rules} not apply")));
    }
    section
}

fn index_judgements(verdict: Option<&Verdict>) -> BTreeMap<&str, &Judgement> {
    let judgements = verdict.into_iter().flat_map(|verdict| &verdict.judgements);
    judgements.map(|judgement| (judgement.rule.id.as_str(), judgement)).collect()
}

/// Returns what the gate made of a change, in words.
pub(super) fn describe_result(result: GateResult) -> &'static str {
    match result {
        GateResult::Pass => "every rule that denies was met",
        GateResult::PassOwing => "every rule that denies was met, some against something that is owed",
        GateResult::Waived => "a rule that denies was broken; an exemption of the policy allows that",
        GateResult::Fail => "a rule that denies was broken",
        GateResult::Undecided => "no rule was broken; what some of them ask was not known",
        GateResult::NotEvaluated => "not evaluated",
    }
}

fn add_rule(section: &mut PageSection, rule: &RecordedRuleResult, judgement: Option<&Judgement>) {
    let word = match rule.outcome {
        RecordedOutcomeWord::Pass => "met",
        RecordedOutcomeWord::Fail => "broken",
        RecordedOutcomeWord::Owed => "owed",
        RecordedOutcomeWord::Undecided => "undecided",
        RecordedOutcomeWord::Deferred => "later",
        RecordedOutcomeWord::Exempted => "exempted",
        RecordedOutcomeWord::NotApplicable => "not applicable",
    };
    let mut lines = match judgement {
        Some(judgement) => describe_judgement(judgement),
        None => vec![PageLine::from_words(rule.rule.clone())],
    };
    if rule.level == RecordedLevel::Warn
        && let Some(first) = lines.first_mut()
    {
        *first = std::mem::take(first).with_words(" (warns only)");
    }
    section.add_lines(word, lines);
}

fn name_outcome(outcome: &RuleOutcome) -> &'static str {
    match outcome {
        RuleOutcome::Pass => "met",
        RuleOutcome::Fail(_) => "broken",
        RuleOutcome::Owed(_) => "owed",
        RuleOutcome::Undecided(_) => "undecided",
        RuleOutcome::Deferred(_) => "later",
        RuleOutcome::Exempted { .. } => "exempted",
        RuleOutcome::MaybeExempted(_) => "undecided",
        RuleOutcome::NotApplicable => "not applicable",
    }
}

/// Returns the rule with its title, and what was found.
fn describe_judgement(judgement: &Judgement) -> Vec<PageLine> {
    let rule = &judgement.rule;
    let named = match rule.has_title() {
        true => format!("{}: {}", rule.id.as_str(), rule.title),
        false => rule.id.as_str().to_owned(),
    };
    let mut lines = vec![PageLine::from_words(named)];
    let mut add_message = |message: &Message| lines.push(PageLine::from_message(message));
    match &judgement.outcome {
        RuleOutcome::Fail(findings) => findings.iter().for_each(|finding| add_message(&finding.message)),
        RuleOutcome::Owed(owed) => owed.iter().for_each(|one| add_message(&one.what)),
        RuleOutcome::Exempted { reason, approved_by, until, .. } => {
            lines.push(PageLine::from_words(format!("until {until}, approved by {approved_by}: {reason}")));
        }
        RuleOutcome::MaybeExempted(possible) => {
            possible.findings.iter().for_each(|finding| add_message(&finding.message));
            let id = &possible.exemption;
            lines.push(PageLine::from_words(format!(
                "unless the exemption at {id} applies; a fact was missing"
            )));
        }
        RuleOutcome::Undecided(_) => lines.push(PageLine::from_words("a fact was missing")),
        RuleOutcome::Pass | RuleOutcome::Deferred(_) | RuleOutcome::NotApplicable => {}
    }
    if !rule.controls.is_empty() {
        lines.push(PageLine::from_words(format!("supports {}", rule.controls.join(", "))));
    }
    lines
}
