//! The report for programs: `changegate/verdict/v1`, as `docs/json.md` promises it.
//!
//! Within `v1` a key may be added, and none is renamed, removed or given another meaning. The
//! structs of `schema` are that promise; this file fills them in.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Serializer;

use crate::change::Missing;
use crate::predicates::ConditionTrace;
use crate::report::json::visible::VisibleJsonFormatter;
use crate::report::{GroupScope, RefUpdateKind, Report, ReportCounts, ReportGroup, RuleTrace};
use crate::verdict::{
    self, FieldDisagreement, Finding, Judgement, Obligation, PredicateAnswer, RuleOutcome, Sentence,
    SentencePart, StatedValue, Verdict,
};

mod schema;
#[cfg(test)]
mod tests;
pub(crate) mod visible;

use crate::report::json::schema::*;

/// The name of the schema.
const VERDICT_SCHEMA: &str = "changegate/verdict/v1";

/// Writes the report as one JSON document and a line end.
pub(crate) fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default());
    build_json_document(report).serialize(&mut serializer)?;
    writeln!(out)
}

fn build_json_document(report: &Report) -> JsonDocument<'_> {
    let counts = ReportCounts::count_report(report);
    JsonDocument {
        schema: VERDICT_SCHEMA,
        decision: report.decision,
        stage: report.stage,
        enforced: report.enforced,
        seen_at: report.seen_at.to_string(),
        policy: report.policy.as_ref().map(|policy| JsonPolicy {
            name: &policy.name,
            digest: format!("sha256:{}", policy.digest),
            source: &policy.source,
        }),
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
        groups: report.groups.iter().map(|one| build_json_group(one, report.enforced)).collect(),
        notes: report.notes.iter().map(|note| build_json_sentence(note.sentence())).collect(),
    }
}

fn build_json_group(group: &ReportGroup, enforced: bool) -> JsonGroup<'_> {
    let (kind, name) = match &group.scope {
        GroupScope::Ref { name, .. } => ("ref", Some(name)),
        GroupScope::Range(name) => ("range", Some(name)),
        GroupScope::PullRequest(name) => ("pull", Some(name)),
        GroupScope::Message => ("message", None),
    };
    let update = match &group.scope {
        GroupScope::Ref { update, .. } => Some(match update {
            RefUpdateKind::Create { new } => {
                JsonRefUpdate { kind: "create", old: None, new: Some(new.to_string()) }
            }
            RefUpdateKind::Move { old, new } => {
                JsonRefUpdate { kind: "move", old: Some(old.to_string()), new: Some(new.to_string()) }
            }
            RefUpdateKind::Rewrite { old, new } => {
                JsonRefUpdate { kind: "rewrite", old: Some(old.to_string()), new: Some(new.to_string()) }
            }
            RefUpdateKind::Delete { old } => {
                JsonRefUpdate { kind: "delete", old: Some(old.to_string()), new: None }
            }
        }),
        GroupScope::Range(_) | GroupScope::PullRequest(_) | GroupScope::Message => None,
    };
    JsonGroup {
        kind,
        name: JsonText::from_text(name),
        update,
        decision: group.decision(enforced),
        refusals: group.refusals.iter().map(|one| build_json_judgement(one, enforced)).collect(),
        changes: group
            .verdicts
            .iter()
            .enumerate()
            .map(|(at, one)| build_json_change(group, at, one))
            .collect(),
    }
}

fn build_json_change<'r>(group: &'r ReportGroup, index: usize, verdict: &'r Verdict) -> JsonChange<'r> {
    let traces = group.traces.iter().filter(|trace| trace.verdict_index == index);
    JsonChange {
        decision: verdict.decision(),
        revision: verdict.revision.map(|id| id.to_string()),
        commits: verdict.commits,
        subject: JsonText::from_text(Some(&verdict.subject)),
        stage: verdict.stage,
        enforced: verdict.enforced,
        class: verdict.class.as_deref(),
        judgements: verdict
            .judgements
            .iter()
            .map(|one| build_json_judgement(one, verdict.enforced))
            .collect(),
        disagreements: verdict.disagreements.iter().map(build_json_disagreement).collect(),
        traces: traces
            .map(|RuleTrace { rule_id: rule, trace, .. }| JsonRuleTrace {
                rule,
                question: build_json_question(trace),
            })
            .collect(),
    }
}

fn build_json_judgement(judgement: &Judgement, enforced: bool) -> JsonJudgement<'_> {
    let mut json = JsonJudgement {
        rule: JsonRule {
            id: &judgement.rule.id,
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
        RuleOutcome::Exempted { reason, approved_by, until, place: _ } => {
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
        what: build_json_sentence(finding.message.sentence()),
        at: build_json_location(&finding.at),
        who: finding.describe_fixers(),
        paste: finding.paste.as_deref(),
    }
}

fn build_json_location(at: &verdict::ChangeLocation) -> JsonLocation<'_> {
    JsonLocation {
        commit: at.commit.map(|id| id.to_string()),
        line: at.line,
        text: at.line.map(|_| if at.in_description { "description" } else { "message" }),
        path: JsonText::from_text(at.path.as_ref()),
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

fn build_json_obligation(owed: &Obligation) -> JsonObligation {
    JsonObligation {
        what: owed.what.to_plain_text(),
        owner: owed.owner.to_string(),
        due: owed.due.map(|due| due.to_string()),
        evidence: owed.evidence.to_plain_text(),
    }
}

/// Returns a gap in the form of the schema, for formats that hold JSON.
pub(crate) fn serialize_missing(missing: &Missing) -> impl Serialize + '_ {
    build_json_missing(missing)
}

fn build_json_missing(missing: &Missing) -> JsonMissing<'_> {
    let (why, detail) = match missing {
        Missing::NotAtThisStage(_) => ("not-at-this-stage", None),
        Missing::NotConfigured(_) => ("not-configured", None),
        Missing::Unavailable(_, detail) => ("unavailable", Some(detail.as_str())),
    };
    JsonMissing { need: missing.fact_kind(), why, detail }
}

fn build_json_sentence(sentence: Sentence) -> JsonSentence {
    let mut text = String::new();
    let mut parts = Vec::new();
    for part in sentence.0 {
        let (kind, words) = match part {
            SentencePart::Say(own) => {
                text.push_str(&own);
                ("say", JsonText::from_owned_words(own))
            }
            SentencePart::Quote(quote) => {
                text.push_str(&format!("`{}`", quote.to_lossy()));
                ("quote", JsonText::from_owned_text(&quote))
            }
        };
        parts.push(JsonSentencePart { kind, text: words });
    }
    JsonSentence { text, parts }
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
