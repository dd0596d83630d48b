//! The document against its schema and its description: what is written is what is promised.

use serde_json::Value;

use crate::report::{Report, ReportFormat, ReportStyle, samples, write_report};

const SCHEMA: &str = include_str!("../../../docs/verdict-v1.schema.json");
const DESCRIPTION: &str = include_str!("../../../docs/json.md");

fn written(report: &Report) -> String {
    let mut out = Vec::new();
    write_report(ReportFormat::Json, report, &ReportStyle::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Compares a value with the part of the schema that is about it. A key that the schema does not
/// name is an error here, although programs are to let such keys be.
fn compare(root: &Value, part: &Value, value: &Value, place: &str) -> Result<(), String> {
    if let Some(name) = part["$ref"].as_str() {
        let definition = &root["$defs"][name.rsplit('/').next().unwrap()];
        assert!(definition.is_object(), "{name} is not defined");
        return compare(root, definition, value, place);
    }
    if let Some(choices) = part["oneOf"].as_array() {
        let fits = choices.iter().filter(|choice| compare(root, choice, value, place).is_ok()).count();
        return if fits == 1 { Ok(()) } else { Err(format!("{place}: {fits} choices fit {value}")) };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let wanted = &part["type"];
    let allowed = wanted.is_null()
        || wanted == kind
        || wanted.as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind));
    if !allowed {
        return Err(format!("{place}: {kind} instead of {wanted}"));
    }
    if part.get("const").is_some_and(|fixed| fixed != value) {
        return Err(format!("{place}: {value}"));
    }
    if part["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return Err(format!("{place}: {value} is not among the words"));
    }
    if let (Some(pattern), Some(text)) = (part["pattern"].as_str(), value.as_str())
        && !regex::Regex::new(pattern).unwrap().is_match(text)
    {
        return Err(format!("{place}: `{text}` is not {pattern}"));
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        compare(root, &part["items"], item, &format!("{place}[{index}]"))?;
    }
    if let Some(map) = value.as_object() {
        for key in part["required"].as_array().into_iter().flatten() {
            if !map.contains_key(key.as_str().unwrap()) {
                return Err(format!("{place}: {key} is missing"));
            }
        }
        for (key, value) in map {
            let Some(part) = part["properties"].get(key).or(part.get("additionalProperties")) else {
                return Err(format!("{place}: `{key}` is not in the schema"));
            };
            compare(root, part, value, &format!("{place}.{key}"))?;
        }
    }
    Ok(())
}

#[test]
fn every_document_fits_the_schema() {
    let schema = schema();
    let mut without = samples::denied();
    without.policy = None;
    for report in [
        samples::denied(),
        samples::allowed(),
        samples::owed(),
        samples::deferred(),
        samples::refused_message(),
        samples::undecided(),
        samples::remarked(),
        samples::disagreeing(),
        samples::hostile(),
        samples::explained(),
        without,
    ] {
        let document: Value = serde_json::from_str(&written(&report)).unwrap();
        compare(&schema, &schema, &document, "$").unwrap();
    }
}

/// A verdict on a pull request, with reviews of every kind, tickets and checks.
fn reasoned() -> Report {
    const POLICY: &str = "
changegate: 1
extends: [startup]
tickets: { '*': linear }
people: { roster: people.yml }
rules:
  ticket: { require: { ticket: { field: Ticket, exists: true } } }
  peer-review: { require: { approvals: { commands: ['/approve'] } } }
  checks: { require: { checks: test } }
";
    const ROSTER: &str = "
people:
  ana: { addresses: [ana@example.com], accounts: ['github:ana'] }
  bob: { addresses: [bob@example.com], accounts: ['github:bob#7'] }
";
    const CHANGE: &str = "
stage: pull-request
tickets: { PAY-412: {}, PAY-413: absent }
commits:
  - author: Ana <ana@example.com>
    message: |
      Cache the tenant lookup

      Ticket: PAY-412
      Risk: low
pull:
  title: Cache the tenant lookup
  reviews:
    - { by: 'bob#7' }
    - { by: ana }
    - { by: kim, state: changes-requested }
  checks: [{ name: test }, { name: lint, state: failed }]
";
    let fetch = |name: &str| Ok(Some(if name == "people.yml" { ROSTER } else { POLICY }.as_bytes().to_vec()));
    let policy = crate::policy::load_policy("p.yml", &mut { fetch }).unwrap();
    let node = crate::yaml::read_document(CHANGE.as_bytes()).unwrap();
    let change = crate::fixture::read_change(&node, &mut Vec::new()).unwrap();
    let mut verdict = crate::judge::judge_change(&policy, &change, true);
    verdict.reasons = Some(Box::new(crate::judge::collect_reasons(&[&policy], &change, &verdict)));
    let proved = crate::unblock::plan_unblocking(&[&policy], &change, true);
    verdict.plan = proved.map(|proved| Box::new(proved.plan));
    let mut report = samples::denied();
    report.groups[0].verdicts = vec![verdict];
    report
}

#[test]
fn what_a_verdict_rests_on_fits_the_schema_and_says_who_counted() {
    let schema = schema();
    let document: Value = serde_json::from_str(&written(&reasoned())).unwrap();
    compare(&schema, &schema, &document, "$").unwrap();
    let reasons = &document["groups"][0]["changes"][0]["reasons"];
    let mut told = Vec::new();
    for approval in reasons["approvals"].as_array().unwrap() {
        let used =
            approval["uses"].as_array().unwrap().iter().find(|used| used["rule"] == "peer-review").unwrap();
        told.push(format!(
            "{} {} {} {}",
            approval["by"], approval["trust"], used["counts"], used["why_not"]["code"]
        ));
    }
    assert_eq!(
        told,
        [
            "\"github:bob\" \"verified\" true null",
            "\"github:ana\" \"verified\" false \"approvals.by-contributor\"",
            "\"github:kim\" \"verified\" true null",
        ]
    );
    assert_eq!(reasons["tickets"][0]["ticket"]["key"], "PAY-412");
    assert_eq!(
        (&reasons["checks"][1]["state"], &reasons["checks"][0]["state"]),
        (&"failed".into(), &"success".into())
    );
    assert!(reasons["policies"][0]["roster_digest"].is_string());
    assert_eq!(reasons["missing"], Value::Array(Vec::new()));
    let plan = &document["groups"][0]["changes"][0]["plan"];
    assert_eq!(plan["complete"], true);
    let mut acts = Vec::new();
    for step in plan["steps"].as_array().unwrap() {
        acts.push(step["options"][0]["acts"][0]["kind"].as_str().unwrap());
    }
    assert_eq!(acts, ["state-field", "withdraw-objection", "approve"], "{plan:#}");
}

#[test]
fn every_key_and_word_of_the_schema_is_described() {
    fn names(part: &Value, found: &mut Vec<String>) {
        for (key, value) in part["properties"].as_object().into_iter().flatten() {
            found.push(key.clone());
            found.extend(
                value["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
            );
        }
    }
    let schema = schema();
    let mut found = Vec::new();
    names(&schema, &mut found);
    schema["$defs"].as_object().unwrap().values().for_each(|part| names(part, &mut found));
    for name in found {
        assert!(DESCRIPTION.contains(&format!("`{name}`")), "docs/json.md does not describe `{name}`");
    }
}

#[test]
fn the_schema_comes_first_and_the_bytes_are_the_same_each_time() {
    let text = written(&samples::denied());
    assert!(text.starts_with("{\n  \"schema\": \"changegate/verdict/v1\",\n  \"decision\": \"deny\","));
    assert!(text.ends_with("}\n"));
    assert_eq!(text, written(&samples::denied()));
}

#[test]
fn a_denied_push_as_json() {
    insta::assert_snapshot!("denied", written(&samples::denied()));
}

#[test]
fn a_change_that_contradicts_itself_as_json() {
    insta::assert_snapshot!("disagreeing", written(&samples::disagreeing()));
}

#[test]
fn hostile_words_as_json() {
    insta::assert_snapshot!("hostile", written(&samples::hostile()));
}
