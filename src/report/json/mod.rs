//! The report for programs: `changegate/verdict/v1`, as `docs/json.md` promises it.
//!
//! Within `v1` a key may be added, and none is renamed, removed or given another meaning. The
//! structs of `schema` are that promise; this file fills them in.

use std::cell::RefCell;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::ser::Serializer;

use crate::predicates::support::condition::ConditionTrace;
use crate::report::content::{GroupScope, PolicyDescription, RefUpdateKind, Report, ReportGroup};
use crate::report::json::plan::build_json_plan;
use crate::report::json::reasons::build_json_reasons;
use crate::report::json::visible::VisibleJsonFormatter;
use crate::report::ranked_judgements::ReportCounts;
use crate::report::text_spool::{SpoolStorage, TextSpool};
use crate::verdict::{
    ClassId, FieldDisagreement, Finding, Judgement, Obligation, PossibleExemption, PredicateAnswer, RuleId,
    RuleOutcome, StatedValue, Verdict,
};

pub(crate) mod parts;
pub(crate) mod plan;
pub(crate) mod reasons;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
pub(crate) mod visible;

pub(crate) use crate::report::json::parts::serialize_missing;
use crate::report::json::parts::*;
use crate::report::json::schema::*;

/// The name and version of the schema.
const VERDICT_SCHEMA: &str = "changegate/verdict/v1";

/// What stands before each line of a change in a document: its objects and arrays are indented.
const CHANGE_INDENT: &str = "        ";

/// The changes of a range, each in the form of the schema.
#[derive(Debug)]
pub(crate) struct JsonChangeSpool(TextSpool);

impl JsonChangeSpool {
    pub(crate) fn new(storage: Box<dyn SpoolStorage>) -> JsonChangeSpool {
        JsonChangeSpool(TextSpool::new(storage))
    }

    /// Adds the next change.
    pub(crate) fn add_change(
        &mut self,
        verdict: &Verdict,
        traces: &[(RuleId, ConditionTrace)],
    ) -> io::Result<()> {
        let traces = traces.iter().map(|(rule, trace)| build_json_trace(rule, trace)).collect();
        let mut json = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut json, VisibleJsonFormatter::default());
        build_json_change(verdict, traces).serialize(&mut serializer)?;
        let json = String::from_utf8(json).map_err(io::Error::other)?;
        // Within a string, a line end is an escape.
        self.0.push_text(&json.replace('\n', &format!("\n{CHANGE_INDENT}")))
    }

    /// Writes a report of one group, whose changes these are.
    pub(crate) fn write_report(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        write_json(report, Some(&mut self.0), out)
    }
}

/// Writes the report as one JSON document and a line end; the changes of its only group are those of the
/// spool, if there is one.
pub(crate) fn write_json(
    report: &Report,
    spool: Option<&mut TextSpool>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default());
    build_json_document(report, spool).serialize(&mut serializer)?;
    writeln!(out)
}

fn build_json_document<'r>(report: &'r Report, mut spool: Option<&'r mut TextSpool>) -> JsonDocument<'r> {
    let counts = ReportCounts::count_report(report);
    let mut groups = Vec::new();
    for group in &report.groups {
        groups.push(build_json_group(group, report.enforced, spool.take()));
    }
    JsonDocument {
        schema: VERDICT_SCHEMA,
        decision: report.decision,
        stage: report.stage,
        enforced: report.enforced,
        seen_at: report.seen_at.to_string(),
        policy: report.policy.as_ref().map(build_json_policy),
        counts: JsonCounts {
            changes: counts.changes,
            denied_changes: counts.denied_changes,
            denied_refs: counts.refused_refs,
            owed: counts.owed_obligations,
            undecided: counts.undecided_rules,
            warnings: counts.warnings,
            exempted: counts.used_exemptions,
            deferred: counts.deferred_rules,
        },
        groups,
        notes: report.notes.iter().map(build_json_message).collect(),
        evaluate: report.is_evaluation,
    }
}

/// Returns the policy in the form of the schema, for formats that hold JSON.
pub(crate) fn build_json_policy(policy: &PolicyDescription) -> JsonPolicy<'_> {
    let digest = format!("sha256:{}", policy.digest);
    JsonPolicy { name: &policy.name, digest, source: &policy.source }
}

fn build_json_group<'r>(
    group: &'r ReportGroup,
    enforced: bool,
    spool: Option<&'r mut TextSpool>,
) -> JsonGroup<'r> {
    let changes = match spool {
        Some(spool) => JsonChanges::Spooled(RefCell::new(spool)),
        None => JsonChanges::Held(build_json_changes(group)),
    };
    let (kind, update) = match &group.scope {
        GroupScope::Ref { update, .. } => ("ref", Some(build_json_update(*update))),
        GroupScope::Range(_) => ("range", None),
        GroupScope::PullRequest(_) => ("pull", None),
        GroupScope::Message => ("message", None),
    };
    JsonGroup {
        kind,
        name: JsonText::from_text(group.scope.name()),
        update,
        decision: group.decision(enforced),
        refusals: build_json_judgements(&group.refusals, enforced),
        changes,
    }
}

fn build_json_update(update: RefUpdateKind) -> JsonRefUpdate {
    let (kind, old, new) = match update {
        RefUpdateKind::Create { new } => ("create", None, Some(new)),
        RefUpdateKind::Move { old, new } => ("move", Some(old), Some(new)),
        RefUpdateKind::Rewrite { old, new } => ("rewrite", Some(old), Some(new)),
        RefUpdateKind::Delete { old } => ("delete", Some(old), None),
    };
    JsonRefUpdate { kind, old: old.map(format_id), new: new.map(format_id) }
}

fn build_json_changes(group: &ReportGroup) -> Vec<JsonChange<'_>> {
    let mut changes = Vec::new();
    for (index, verdict) in group.verdicts.iter().enumerate() {
        let of_change = group.traces.iter().filter(|trace| trace.verdict_index == index);
        let traces = of_change.map(|trace| build_json_trace(&trace.rule_id, &trace.trace)).collect();
        changes.push(build_json_change(verdict, traces));
    }
    changes
}

fn build_json_trace<'r>(rule: &'r RuleId, trace: &'r ConditionTrace) -> JsonRuleTrace<'r> {
    JsonRuleTrace { rule: rule.as_str(), question: build_json_question(trace) }
}

fn build_json_change<'r>(verdict: &'r Verdict, traces: Vec<JsonRuleTrace<'r>>) -> JsonChange<'r> {
    JsonChange {
        decision: verdict.decision(),
        revision: verdict.revision.map(format_id),
        commits: verdict.commits,
        subject: JsonText::from_text(Some(&verdict.subject)),
        stage: verdict.stage,
        enforced: verdict.enforced,
        class: verdict.class.as_ref().map(ClassId::as_str),
        judgements: build_json_judgements(&verdict.judgements, verdict.enforced),
        disagreements: verdict.disagreements.iter().map(build_json_disagreement).collect(),
        traces,
        reasons: verdict.reasons.as_deref().map(build_json_reasons),
        plan: verdict.plan.as_deref().map(build_json_plan),
    }
}

fn build_json_judgements(judgements: &[Judgement], enforced: bool) -> Vec<JsonJudgement<'_>> {
    judgements.iter().map(|judgement| build_json_judgement(judgement, enforced)).collect()
}

/// Returns a judgement in the form of the schema.
pub(crate) fn build_json_judgement(judgement: &Judgement, enforced: bool) -> JsonJudgement<'_> {
    let mut json = JsonJudgement {
        rule: JsonRule {
            id: judgement.rule.id.as_str(),
            title: &judgement.rule.title,
            controls: &judgement.rule.controls,
        },
        level: judgement.level,
        outcome: "",
        denies: judgement.is_denying(enforced),
        findings: Vec::new(),
        obligations: Vec::new(),
        missing: Vec::new(),
        exemption: None,
    };
    // Each outcome fills in its own list and leaves the others empty: no list can belong to another
    // outcome. One that hangs on an exemption fills in what is wrong and what is missing.
    json.outcome = match &judgement.outcome {
        RuleOutcome::Pass => "pass",
        RuleOutcome::Fail(findings) => {
            json.findings = findings.iter().map(build_json_finding).collect();
            "fail"
        }
        RuleOutcome::Owed(owed) => {
            json.obligations = owed.iter().map(build_json_obligation).collect();
            "owed"
        }
        RuleOutcome::Undecided(gaps) => {
            json.missing = gaps.iter().map(build_json_missing).collect();
            "undecided"
        }
        RuleOutcome::Deferred(gaps) => {
            json.missing = gaps.iter().map(build_json_missing).collect();
            "deferred"
        }
        RuleOutcome::MaybeExempted(possible) => {
            let PossibleExemption { findings, missing, reason, approved_by, until, exemption: _ } =
                &**possible;
            json.findings = findings.iter().map(build_json_finding).collect();
            json.missing = missing.iter().map(build_json_missing).collect();
            json.exemption = Some(JsonExemption { reason, approved_by, until });
            if possible.is_settled_later() { "deferred" } else { "undecided" }
        }
        RuleOutcome::Exempted { reason, approved_by, until, exemption: _ } => {
            json.exemption = Some(JsonExemption { reason, approved_by, until });
            "exempted"
        }
        RuleOutcome::NotApplicable => "not-applicable",
    };
    json
}

/// Returns a finding in the form of the schema, for formats that hold JSON.
pub(crate) fn serialize_finding(finding: &Finding) -> impl Serialize + '_ {
    build_json_finding(finding)
}

fn build_json_finding(finding: &Finding) -> JsonFinding<'_> {
    JsonFinding {
        code: finding.message.code(),
        values: build_json_values(&finding.message),
        what: build_json_sentence(finding.message.sentence()),
        at: build_json_location(&finding.at),
        fixers: finding.fixers.iter().map(build_json_fixer).collect(),
        paste: finding.paste.as_deref(),
    }
}

fn build_json_disagreement(disagreement: &FieldDisagreement) -> JsonDisagreement<'_> {
    JsonDisagreement {
        field: &disagreement.field,
        counts: &disagreement.counts,
        stated: disagreement.stated.iter().map(build_json_stated).collect(),
    }
}

fn build_json_stated(stated: &StatedValue) -> JsonStatedValue<'_> {
    JsonStatedValue { value: JsonText::from_text(Some(&stated.value)), at: build_json_location(&stated.at) }
}

fn build_json_obligation(owed: &Obligation) -> JsonObligation<'_> {
    JsonObligation {
        code: owed.what.code(),
        values: build_json_values(&owed.what),
        what: build_json_sentence(owed.what.sentence()),
        owner: build_json_fixer(&owed.owner),
        due: owed.due.as_ref().map(Timestamp::to_string),
        evidence: build_json_message(&owed.evidence),
    }
}

fn build_json_question(trace: &ConditionTrace) -> JsonQuestion<'_> {
    let answer = match &trace.answer {
        PredicateAnswer::Holds(owed) if owed.is_empty() => "yes",
        PredicateAnswer::Holds(_) => "owed",
        PredicateAnswer::Fails(_) => "no",
        PredicateAnswer::Unknown(_) => "unknown",
    };
    JsonQuestion {
        question: &trace.question,
        answer,
        parts: trace.parts.iter().map(build_json_question).collect(),
    }
}
