//! The report for programs: `changegate/verdict/v1`, as `docs/json.md` promises it.
//!
//! Within `v1` a key may be added, and none is renamed, removed or given another meaning. The
//! structs of `schema` are that promise; this file fills them in.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Serializer;

use super::visible::Visible;
use super::{Counts, Group, Of, Report, RuleTrace, Update};
use crate::change::Missing;
use crate::predicates::Trace;
use crate::verdict::{
    self, Answer, Disagreement, Finding, Judgement, Line, Obligation, Outcome, Part, Stated, Verdict,
};

mod schema;
#[cfg(test)]
mod tests;

use schema::*;

/// The name of the schema.
const SCHEMA: &str = "changegate/verdict/v1";

/// Writes the report as one JSON document and a line end.
pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Visible::default());
    document(report).serialize(&mut serializer)?;
    writeln!(out)
}

fn document(report: &Report) -> Document<'_> {
    let counts = Counts::of(report);
    Document {
        schema: SCHEMA,
        decision: report.decision,
        stage: report.stage,
        enforced: report.enforced,
        seen_at: report.seen_at.to_string(),
        policy: report.policy.as_ref().map(|policy| Policy {
            name: &policy.name,
            digest: format!("sha256:{}", policy.digest),
            source: &policy.source,
        }),
        counts: Tally {
            changes: counts.changes,
            denied_changes: counts.denied,
            denied_refs: counts.refused_refs,
            owed: counts.owed,
            undecided: counts.undecided,
            warnings: counts.warnings,
            exempted: counts.exempted,
            deferred: counts.deferred,
        },
        groups: report.groups.iter().map(|one| group(one, report.enforced)).collect(),
        notes: report.notes.iter().map(sentence).collect(),
    }
}

fn group(group: &Group, enforced: bool) -> JsonGroup<'_> {
    let (kind, name) = match &group.of {
        Of::Ref { name, .. } => ("ref", Some(name)),
        Of::Range(name) => ("range", Some(name)),
        Of::Pull(name) => ("pull", Some(name)),
        Of::Message => ("message", None),
    };
    let update = match &group.of {
        Of::Ref { update, .. } => Some(match update {
            Update::Create { new } => JsonUpdate { kind: "create", old: None, new: Some(new.to_string()) },
            Update::Move { old, new } => {
                JsonUpdate { kind: "move", old: Some(old.to_string()), new: Some(new.to_string()) }
            }
            Update::Rewrite { old, new } => {
                JsonUpdate { kind: "rewrite", old: Some(old.to_string()), new: Some(new.to_string()) }
            }
            Update::Delete { old } => JsonUpdate { kind: "delete", old: Some(old.to_string()), new: None },
        }),
        Of::Range(_) | Of::Pull(_) | Of::Message => None,
    };
    JsonGroup {
        kind,
        name: Words::new(name),
        update,
        decision: group.decision(enforced),
        refusals: group.refusals.iter().map(|one| judgement(one, enforced)).collect(),
        changes: group.verdicts.iter().enumerate().map(|(at, one)| change(group, at, one)).collect(),
    }
}

fn change<'r>(group: &'r Group, index: usize, verdict: &'r Verdict) -> Change<'r> {
    let traces = group.traces.iter().filter(|trace| trace.verdict == index);
    Change {
        decision: verdict.decision(),
        revision: verdict.revision.map(|id| id.to_string()),
        commits: verdict.commits,
        subject: Words::new(Some(&verdict.subject)),
        stage: verdict.stage,
        enforced: verdict.enforced,
        class: verdict.class.as_deref(),
        judgements: verdict.judgements.iter().map(|one| judgement(one, verdict.enforced)).collect(),
        disagreements: verdict.disagreements.iter().map(disagreement).collect(),
        traces: traces
            .map(|RuleTrace { rule, trace, .. }| JsonTrace { rule, question: question(trace) })
            .collect(),
    }
}

fn judgement(judgement: &Judgement, enforced: bool) -> JsonJudgement<'_> {
    let mut json = JsonJudgement {
        rule: Rule {
            id: &judgement.rule.id,
            title: &judgement.rule.title,
            controls: &judgement.rule.controls,
        },
        level: judgement.level,
        outcome: "",
        denies: judgement.denies(enforced),
        findings: Vec::new(),
        obligations: Vec::new(),
        missing: Vec::new(),
        exemption: None,
    };
    json.outcome = match &judgement.outcome {
        Outcome::Pass => "pass",
        Outcome::Fail(findings) => {
            json.findings = findings.iter().map(json_finding).collect();
            "fail"
        }
        Outcome::Owed(owed) => {
            json.obligations = owed.iter().map(obligation).collect();
            "owed"
        }
        Outcome::Undecided(gaps) => {
            json.missing = gaps.iter().map(json_missing).collect();
            "undecided"
        }
        Outcome::Deferred(gaps) => {
            json.missing = gaps.iter().map(json_missing).collect();
            "deferred"
        }
        Outcome::Exempted { reason, approved_by, until, place: _ } => {
            json.exemption = Some(Exemption { reason, approved_by, until });
            "exempted"
        }
        Outcome::NotApplicable => "not-applicable",
    };
    json
}

/// Returns a finding in the form of the schema, for formats that hold JSON.
pub(super) fn finding(finding: &Finding) -> impl Serialize + '_ {
    json_finding(finding)
}

fn json_finding(finding: &Finding) -> JsonFinding<'_> {
    JsonFinding {
        what: sentence(&finding.what),
        at: spot(&finding.at),
        who: &finding.who,
        paste: finding.paste.as_deref(),
    }
}

fn spot(at: &verdict::Spot) -> Spot<'_> {
    Spot {
        commit: at.commit.map(|id| id.to_string()),
        line: at.line,
        text: at.line.map(|_| if at.in_description { "description" } else { "message" }),
        path: Words::new(at.path.as_ref()),
    }
}

fn disagreement(disagreement: &Disagreement) -> JsonDisagreement<'_> {
    JsonDisagreement {
        field: &disagreement.field,
        counts: &disagreement.counts,
        stated: disagreement.stated.iter().map(stated).collect(),
    }
}

fn stated(stated: &Stated) -> JsonStated<'_> {
    JsonStated { value: Words::new(Some(&stated.value)), at: spot(&stated.at) }
}

fn obligation(owed: &Obligation) -> JsonObligation<'_> {
    JsonObligation {
        what: &owed.what,
        owner: &owed.owner,
        due: owed.due.map(|due| due.to_string()),
        evidence: &owed.evidence,
    }
}

/// Returns a gap in the form of the schema, for formats that hold JSON.
pub(super) fn missing(missing: &Missing) -> impl Serialize + '_ {
    json_missing(missing)
}

fn json_missing(missing: &Missing) -> JsonMissing<'_> {
    let (why, detail) = match missing {
        Missing::NotAtThisStage(_) => ("not-at-this-stage", None),
        Missing::NotConfigured(_) => ("not-configured", None),
        Missing::Unavailable(_, detail) => ("unavailable", Some(detail.as_str())),
    };
    JsonMissing { need: missing.need(), why, detail }
}

fn sentence(line: &Line) -> Sentence<'_> {
    let mut text = String::new();
    let mut parts = Vec::new();
    for part in &line.0 {
        let (kind, words) = match part {
            Part::Say(own) => {
                text.push_str(own);
                ("say", Words::own(own))
            }
            Part::Quote(quote) => {
                text.push_str(&format!("`{}`", quote.to_lossy()));
                ("quote", Words::new(Some(quote)))
            }
        };
        parts.push(JsonPart { kind, text: words });
    }
    Sentence { text, parts }
}

fn question(trace: &Trace) -> Question<'_> {
    let answer = match &trace.answer {
        Answer::Holds(owed) if owed.is_empty() => "yes",
        Answer::Holds(_) => "owed",
        Answer::Fails(_) => "no",
        Answer::Unknown(_) => "unknown",
    };
    Question { question: &trace.question, answer, parts: trace.parts.iter().map(question).collect() }
}
