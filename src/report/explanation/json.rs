//! An explanation for programs: `changegate/explanation/v1`, as `docs/json.md` promises it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Serializer;

use crate::change::Stage;
use crate::judge::{
    ChangeExplanation, ExplainedExemption, ExplainedQuestion, ExplainedRule, QuestionKind, RuleReach,
    UsedFact, UsedFactSource,
};
use crate::report::explanation::content::ExplanationReport;
use crate::report::json::parts::*;
use crate::report::json::plan::{JsonPlan, build_json_plan};
use crate::report::json::schema::{JsonJudgement, JsonPolicy};
use crate::report::json::visible::VisibleJsonFormatter;
use crate::report::json::{build_json_judgement, build_json_policy};
use crate::verdict::{ClassId, Decision, PredicateAnswer};

/// The name and version of the schema.
const EXPLANATION_SCHEMA: &str = "changegate/explanation/v1";

#[derive(Serialize)]
struct JsonExplanation<'r> {
    schema: &'static str,
    policy: JsonPolicy<'r>,
    stage: Stage,
    enforced: bool,
    seen_at: String,
    changes: Vec<JsonExplainedChange<'r>>,
    left_out: usize,
}

#[derive(Serialize)]
struct JsonExplainedChange<'r> {
    decision: Decision,
    revision: Option<String>,
    #[serde(flatten)]
    subject: JsonText<'r, SubjectKey>,
    class: Option<&'r str>,
    classes: Vec<JsonExplainedClass<'r>>,
    rules: Vec<JsonExplainedRule<'r>>,
    plan: Option<JsonPlan<'r>>,
}

#[derive(Serialize)]
struct JsonExplainedClass<'r> {
    id: &'r str,
    chosen: bool,
    question: Option<JsonExplainedQuestion<'r>>,
}

#[derive(Serialize)]
struct JsonExplainedRule<'r> {
    #[serde(flatten)]
    judgement: JsonJudgement<'r>,
    applies: &'static str,
    because: &'static str,
    classes: Vec<&'r str>,
    when: Option<JsonExplainedQuestion<'r>>,
    require: Option<JsonExplainedQuestion<'r>>,
    exemptions: Vec<JsonExplainedExemption<'r>>,
}

#[derive(Serialize)]
struct JsonExplainedExemption<'r> {
    place: &'r str,
    until: &'r str,
    over: bool,
    question: JsonExplainedQuestion<'r>,
}

#[derive(Serialize)]
struct JsonExplainedQuestion<'r> {
    kind: &'static str,
    predicate: Option<&'static str>,
    question: String,
    answer: &'static str,
    missing: Vec<JsonMissing<'r>>,
    facts: Vec<JsonUsedFact<'r>>,
    parts: Vec<JsonExplainedQuestion<'r>>,
}

#[derive(Serialize)]
struct JsonUsedFact<'r> {
    what: JsonMessage<'r>,
    source: &'static str,
    trust: &'static str,
    at: JsonLocation<'r>,
}

/// Writes the explanation as one JSON document and a line end.
pub(super) fn write_json(report: &ExplanationReport, out: &mut dyn Write) -> io::Result<()> {
    let document = JsonExplanation {
        schema: EXPLANATION_SCHEMA,
        policy: build_json_policy(&report.policy),
        stage: report.stage,
        enforced: report.enforced,
        seen_at: report.seen_at.to_string(),
        changes: report.changes.iter().map(build_json_change).collect(),
        left_out: report.left_out,
    };
    let mut serializer = Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default());
    document.serialize(&mut serializer)?;
    writeln!(out)
}

fn build_json_change(change: &ChangeExplanation) -> JsonExplainedChange<'_> {
    let verdict = &change.verdict;
    let mut classes = Vec::new();
    for class in &change.classes {
        let question = class.question.as_ref().map(build_json_question);
        classes.push(JsonExplainedClass { id: class.id.as_str(), chosen: class.is_chosen, question });
    }
    JsonExplainedChange {
        decision: verdict.decision(),
        revision: verdict.revision.map(format_id),
        subject: JsonText::from_text(Some(&verdict.subject)),
        class: verdict.class.as_ref().map(ClassId::as_str),
        classes,
        rules: change.rules.iter().map(|rule| build_json_rule(rule, verdict.enforced)).collect(),
        plan: verdict.plan.as_deref().map(build_json_plan),
    }
}

fn build_json_rule(rule: &ExplainedRule, enforced: bool) -> JsonExplainedRule<'_> {
    let (applies, because) = match &rule.reach {
        RuleReach::Applies if rule.when.is_some() => ("yes", "when-holds"),
        RuleReach::Applies if rule.classes.is_empty() => ("yes", "all-changes"),
        RuleReach::Applies => ("yes", "class"),
        RuleReach::OtherClass => ("no", "other-class"),
        RuleReach::WhenFails => ("no", "when-fails"),
        RuleReach::Undecided(_) => ("unknown", "missing-facts"),
        RuleReach::Always => ("yes", "gate"),
    };
    JsonExplainedRule {
        judgement: build_json_judgement(&rule.judgement, enforced),
        applies,
        because,
        classes: rule.classes.iter().map(ClassId::as_str).collect(),
        when: rule.when.as_ref().map(build_json_question),
        require: rule.require.as_ref().map(build_json_question),
        exemptions: rule.exemptions.iter().map(build_json_exemption).collect(),
    }
}

fn build_json_exemption(exemption: &ExplainedExemption) -> JsonExplainedExemption<'_> {
    JsonExplainedExemption {
        place: exemption.id.as_str(),
        until: &exemption.until,
        over: exemption.is_over,
        question: build_json_question(&exemption.question),
    }
}

fn build_json_question(question: &ExplainedQuestion) -> JsonExplainedQuestion<'_> {
    let (kind, predicate) = match question.kind {
        QuestionKind::All => ("all", None),
        QuestionKind::Any => ("any", None),
        QuestionKind::Not => ("not", None),
        QuestionKind::Predicate(name) => ("predicate", Some(name)),
    };
    let (answer, missing) = match &question.answer {
        PredicateAnswer::Holds(owed) if owed.is_empty() => ("yes", Vec::new()),
        PredicateAnswer::Holds(_) => ("owed", Vec::new()),
        PredicateAnswer::Fails(_) => ("no", Vec::new()),
        PredicateAnswer::Unknown(missing) => ("unknown", missing.iter().map(build_json_missing).collect()),
    };
    JsonExplainedQuestion {
        kind,
        predicate,
        question: question.question.to_plain_text(),
        answer,
        missing,
        facts: question.facts.iter().map(build_json_fact).collect(),
        parts: question.parts.iter().map(build_json_question).collect(),
    }
}

fn build_json_fact(fact: &UsedFact) -> JsonUsedFact<'_> {
    JsonUsedFact {
        what: build_json_message(&fact.what),
        source: fact.source.source_code(),
        trust: match fact.source {
            UsedFactSource::Assumed => "assumed",
            _ if fact.is_verified => "verified",
            _ => "claimed",
        },
        at: build_json_location(&fact.at),
    }
}
