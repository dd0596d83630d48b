//! What a statement that others may have made says, if it says it as its type asks.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::ledger::audit::export::review_coverage::COVERAGE_PREDICATE_TYPE;
use crate::ledger::audit::export::statement::{
    REASONS_PREDICATE_TYPE, STATEMENT_TYPE, SVR_PREDICATE_TYPE, VSA_PREDICATE_TYPE,
};

/// The type of results before their policies were required.
const EARLIER_SVR_PREDICATE_TYPE: &str = "https://in-toto.io/attestation/svr/v0.1";

/// How many texts of one list are told.
const MAX_TOLD: usize = 20;

/// What a statement says, in the words of its author, which are not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementSummary {
    /// What kind of statement it is.
    pub kind: String,
    /// What it is about, each with its address or name, or a digest.
    pub subjects: Vec<String>,
    /// The digests of what it is about, without their algorithms.
    pub digests: Vec<String>,
    /// What it says, in one line.
    pub says: String,
    /// Who says so, if the type has a place for that.
    pub verifier: Option<String>,
    /// True if it says that its subject did not pass.
    pub is_failure: bool,
}

/// Reads a statement.
///
/// # Errors
///
/// Says what its type asks for and is missing.
pub fn summarise_statement(statement: &Value) -> Result<StatementSummary> {
    let kind = find_text(statement, "/_type").unwrap_or_default();
    if kind != STATEMENT_TYPE {
        bail!("its payload is no statement of in-toto v1: `_type` is `{}`", kind.escape_debug());
    }
    let Some(subjects) = statement.get("subject").and_then(Value::as_array).filter(|list| !list.is_empty())
    else {
        bail!("the statement has no subject");
    };
    let (mut names, mut digests) = (Vec::new(), Vec::new());
    for subject in subjects {
        let found = subject.get("digest").and_then(Value::as_object);
        let texts: Vec<&str> =
            found.into_iter().flat_map(|all| all.values()).filter_map(Value::as_str).collect();
        let Some(first) = texts.first() else { bail!("a subject of the statement has no digest") };
        let name = find_text(subject, "/uri").or_else(|| find_text(subject, "/name")).unwrap_or(first);
        names.push(name.to_owned());
        digests.extend(texts.iter().map(|digest| (*digest).to_owned()));
    }
    let Some(predicate_type) = find_text(statement, "/predicateType") else {
        bail!("the statement has no `predicateType`");
    };
    let predicate = statement.get("predicate").unwrap_or(&Value::Null);
    let mut is_failure = false;
    let (kind, says) = match predicate_type {
        SVR_PREDICATE_TYPE | EARLIER_SVR_PREDICATE_TYPE => {
            require_text(predicate, "/verifier/id", "SVR")?;
            require_text(predicate, "/timeCreated", "SVR")?;
            if predicate_type == SVR_PREDICATE_TYPE && predicate.pointer("/verifier/policies").is_none() {
                bail!("the SVR has no `verifier.policies`");
            }
            ("SVR", format!("verified: {}", list_texts(predicate, "properties", "SVR")?))
        }
        VSA_PREDICATE_TYPE => {
            for place in ["/verifier/id", "/timeVerified", "/resourceUri", "/policy/uri"] {
                require_text(predicate, place, "VSA")?;
            }
            let result = require_text(predicate, "/verificationResult", "VSA")?;
            if !matches!(result, "PASSED" | "FAILED") {
                bail!("the VSA has the result `{}`, which is none", result.escape_debug());
            }
            is_failure = result == "FAILED";
            ("VSA", format!("{result}: {}", list_texts(predicate, "verifiedLevels", "VSA")?))
        }
        COVERAGE_PREDICATE_TYPE => {
            let result = require_text(predicate, "/reviewCoverage/result", "review coverage")?;
            let approvals = predicate.get("approvals").and_then(Value::as_array).map(Vec::len);
            let Some(approvals) = approvals else { bail!("the review coverage has no `approvals`") };
            is_failure = result == "residual";
            ("review coverage", format!("{result}, approvals that name their tree: {approvals}"))
        }
        REASONS_PREDICATE_TYPE => {
            let decision = require_text(predicate, "/reasons/decision", "reasons")?;
            is_failure = decision != "allow";
            ("reasons", format!("decision: {decision}"))
        }
        other => (other, "a type that is not read here".to_owned()),
    };
    Ok(StatementSummary {
        kind: kind.to_owned(),
        subjects: names,
        digests,
        says,
        verifier: find_text(predicate, "/verifier/id").map(str::to_owned),
        is_failure,
    })
}

fn find_text<'a>(value: &'a Value, place: &str) -> Option<&'a str> {
    value.pointer(place)?.as_str()
}

fn require_text<'a>(predicate: &'a Value, place: &str, kind: &str) -> Result<&'a str> {
    let Some(found) = find_text(predicate, place).filter(|text| !text.is_empty()) else {
        bail!("the {kind} has no `{}`", place.trim_start_matches('/').replace('/', "."));
    };
    Ok(found)
}

fn list_texts(predicate: &Value, key: &str, kind: &str) -> Result<String> {
    let Some(list) = predicate.get(key).and_then(Value::as_array) else { bail!("the {kind} has no `{key}`") };
    let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
    if texts.len() != list.len() {
        bail!("`{key}` of the {kind} holds something other than texts");
    }
    let more =
        if texts.len() > MAX_TOLD { format!(", and {} more", texts.len() - MAX_TOLD) } else { String::new() };
    let told: Vec<&str> = texts.into_iter().take(MAX_TOLD).collect();
    Ok(if told.is_empty() { "nothing".to_owned() } else { told.join(", ") + &more })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_statement_says_what_its_type_asks_for_or_is_refused() {
        let summary = json!({
            "_type": STATEMENT_TYPE,
            "subject": [{ "name": "app", "digest": { "sha256": "ab" } }],
            "predicateType": VSA_PREDICATE_TYPE,
            "predicate": {
                "verifier": { "id": "https://example.com/v" }, "timeVerified": "2026-01-01T00:00:00Z",
                "resourceUri": "pkg:x/y", "policy": { "uri": "https://example.com/p" },
                "verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_3"],
            },
        });
        let told = summarise_statement(&summary).unwrap();
        assert_eq!((told.says.as_str(), told.is_failure), ("PASSED: SLSA_BUILD_LEVEL_3", false));
        for (place, value, why) in [
            ("/_type", json!("https://in-toto.io/Statement/v0.1"), "no statement of in-toto v1"),
            ("/subject", json!([]), "no subject"),
            ("/subject/0/digest", json!({}), "no digest"),
            ("/predicateType", json!(7), "no `predicateType`"),
            ("/predicate/verificationResult", json!("GOOD"), "result `GOOD`"),
            ("/predicate/policy", json!({}), "no `policy.uri`"),
            ("/predicate/verifiedLevels", json!("x"), "no `verifiedLevels`"),
            ("/predicate/verifiedLevels", json!([7]), "other than texts"),
        ] {
            let mut broken = summary.clone();
            *broken.pointer_mut(place).unwrap() = value;
            assert!(summarise_statement(&broken).unwrap_err().to_string().contains(why), "{why}");
        }
        let mut failed = summary;
        *failed.pointer_mut("/predicate/verificationResult").unwrap() = json!("FAILED");
        assert!(summarise_statement(&failed).unwrap().is_failure);
    }
}
