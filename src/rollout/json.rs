//! The rollout of a policy for programs; `docs/json.md` describes it.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Serializer, Value, json};

use crate::report::VisibleJsonFormatter;
use crate::rollout::policy_status::{PolicyStatus, WarnedRule};
use crate::rollout::policy_use::{UseExample, UseSource, WarnedUse};

/// The document, whose first key is the schema.
#[derive(Serialize)]
struct StatusDocument<'status> {
    schema: &'static str,
    policy: &'status str,
    today: String,
    within: String,
    since: String,
    source: Option<&'static str>,
    changes: Option<u64>,
    evaluated: Option<Value>,
    unreadable: u64,
    rules: Vec<Value>,
    dates: Vec<Value>,
    unused_exemptions: Vec<Value>,
    unused_standard_changes: &'status [String],
}

/// Writes the rollout of a policy as JSON.
///
/// # Errors
///
/// Passes on what the writer says.
pub fn write_status_json(status: &PolicyStatus, out: &mut dyn Write) -> io::Result<()> {
    let inputs = &status.inputs;
    let mut dates = Vec::new();
    for date in &status.dates {
        dates.push(json!({
            "last_day": date.last_day.to_string(),
            "kind": date.subject.code(),
            "id": date.subject.id(),
            "place": date.subject.place(),
            "is_over": date.last_day < inputs.today,
            "ends_soon": date.last_day <= inputs.soon,
        }));
    }
    let mut unused = Vec::new();
    for (rule, place) in &status.unused_exemptions {
        unused.push(json!({ "rule": rule, "place": place }));
    }
    let used = inputs.used.as_ref();
    let document = StatusDocument {
        schema: "changegate/policy-status/v1",
        policy: &status.source,
        today: inputs.today.to_string(),
        within: inputs.soon.to_string(),
        since: inputs.since.to_string(),
        source: used.map(|used| match used.source {
            UseSource::Ledger => "ledger",
            UseSource::History => "history",
        }),
        changes: used.map(|used| used.changes),
        evaluated: used
            .map(|used| json!({ "pushes": used.evaluated.pushes, "would_refuse": used.evaluated.refused })),
        unreadable: used.map_or(0, |used| used.unreadable),
        rules: status.warned.iter().map(build_rule_json).collect(),
        dates,
        unused_exemptions: unused,
        unused_standard_changes: &status.unused_entries,
    };
    document.serialize(&mut Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default()))?;
    writeln!(out)
}

fn build_rule_json(rule: &WarnedRule) -> Value {
    let examples = |used: &WarnedUse| used.examples.iter().map(build_example_json).collect::<Vec<_>>();
    json!({
        "rule": rule.id,
        "since": rule.start.map(|start| format_second(start.since)),
        "until": rule.until.map(|until| until.to_string()),
        "extended": rule.start.map(|start| start.extended),
        "changes": rule.used.as_ref().map(|used| used.changes),
        "would_have_denied": rule.used.as_ref().map(|used| used.broken),
        "not_known": rule.used.as_ref().map(|used| used.open),
        "judged_again": rule.used.as_ref().map(|used| used.judged_again),
        "not_judged_again": rule.used.as_ref().map(|used| used.unjudged),
        "examples": rule.used.as_ref().map(examples).unwrap_or_default(),
    })
}

fn build_example_json(example: &UseExample) -> Value {
    json!({
        "commit": example.revision.map(|id| id.to_string()),
        "subject": example.subject.to_lossy(),
        "at": format_second(example.at),
    })
}

fn format_second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
