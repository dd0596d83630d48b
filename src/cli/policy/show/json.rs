//! An effective policy for programs: `changegate/policy-show/v1`, as `docs/json.md` describes it.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::cli::policy::show::content::{
    AppliedChange, ControlRule, ShownControl, ShownPolicy, ShownSection, ShownValue,
};
use crate::cli::policy::show::controls::framework_of;
use crate::policy::origins::WrittenValue;

/// The name and version of the schema.
const POLICY_SHOW_SCHEMA: &str = "changegate/policy-show/v1";

/// Writes the policy as one JSON document and a line end.
pub(super) fn write_json(shown: &ShownPolicy, out: &mut dyn Write) -> io::Result<()> {
    let elsewhere: Vec<Value> =
        shown.elsewhere.iter().map(|(rule, fact)| json!({ "rule": rule, "needs": fact })).collect();
    let document = json!({
        "schema": POLICY_SHOW_SCHEMA,
        "name": shown.name,
        "source": shown.source,
        "digest": format!("sha256:{}", shown.digest),
        "stage": shown.stage,
        "sections": shown.sections.iter().map(build_section).collect::<Vec<_>>(),
        "elsewhere": elsewhere,
        "changes": shown.changes.iter().map(build_change).collect::<Vec<_>>(),
        "left_out": shown.left_out,
        "controls": shown.controls.iter().map(build_control).collect::<Vec<_>>(),
    });
    writeln!(out, "{document:#}")
}

fn build_section(section: &ShownSection) -> Value {
    let mut items = Vec::new();
    for item in &section.items {
        items.push(json!({
            "name": item.name,
            "origin": item.statements.last().map(build_statement),
            "overrides": build_overrides(&item.statements),
            "values": item.values.iter().map(build_value).collect::<Vec<_>>(),
        }));
    }
    json!({ "id": section.id, "items": items })
}

fn build_value(value: &ShownValue) -> Value {
    json!({
        "label": value.label,
        "text": value.text,
        "origin": value.statements.last().map(build_statement),
        "overrides": build_overrides(&value.statements),
    })
}

fn build_overrides(statements: &[WrittenValue]) -> Vec<Value> {
    let earlier = statements.len().saturating_sub(1);
    statements.iter().take(earlier).map(build_statement).collect()
}

fn build_statement(statement: &WrittenValue) -> Value {
    json!({
        "kind": if statement.is_pack { "pack" } else { "file" },
        "file": statement.file,
        "line": statement.line,
        "written": statement.text,
    })
}

fn build_change(change: &AppliedChange) -> Value {
    json!({
        "revision": change.revision,
        "subject": change.subject,
        "class": change.class,
        "because": change.because,
        "sections": change.sections.iter().map(build_section).collect::<Vec<_>>(),
    })
}

fn build_control(control: &ShownControl) -> Value {
    let list_rules = |rules: &[ControlRule]| {
        let mut list = Vec::new();
        for rule in rules {
            list.push(json!({ "id": rule.id, "title": rule.title, "effect": rule.effect }));
        }
        list
    };
    json!({
        "id": control.id,
        "framework": framework_of(&control.id),
        "rules": list_rules(&control.rules),
        "switched_off": list_rules(&control.switched_off),
    })
}
