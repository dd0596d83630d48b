//! The parts of SARIF 2.1.0 that are written, under the names that the standard gives them.

use serde::Serialize;
use serde_json::Value;

use crate::change::Stage;
use crate::verdict::Decision;

#[derive(Serialize)]
pub(super) struct Log<'r> {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) version: &'static str,
    pub(super) runs: [Run<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<'r> {
    pub(super) tool: Tool<'r>,
    pub(super) automation_details: Automation,
    pub(super) invocations: [Invocation; 1],
    /// Left out where the address of the repository is not known, without which it may not be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) version_control_provenance: Vec<Provenance<'r>>,
    pub(super) results: Vec<SarifResult<'r>>,
    pub(super) properties: RunProperties<'r>,
}

#[derive(Serialize)]
pub(super) struct Tool<'r> {
    pub(super) driver: Driver<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Driver<'r> {
    pub(super) name: &'static str,
    pub(super) semantic_version: &'static str,
    pub(super) rules: Vec<Rule<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'r> {
    pub(super) id: &'r str,
    pub(super) short_description: Message,
    pub(super) full_description: Message,
    pub(super) help: Message,
    pub(super) default_configuration: Configuration,
    pub(super) properties: Tags<'r>,
}

#[derive(Serialize)]
pub(super) struct Configuration {
    pub(super) level: &'static str,
}

#[derive(Serialize)]
pub(super) struct Tags<'r> {
    pub(super) tags: Vec<&'r str>,
    pub(super) controls: &'r [String],
}

#[derive(Serialize)]
pub(super) struct Message {
    pub(super) text: String,
}

#[derive(Serialize)]
pub(super) struct Automation {
    /// What comes before the last slash is the category; nothing after it, for runs have no names.
    pub(super) id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    /// Whether a decision was reached on what is known, and not for want of it.
    pub(super) execution_successful: bool,
    pub(super) end_time_utc: String,
    pub(super) tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
pub(super) struct Notification {
    pub(super) level: &'static str,
    pub(super) message: Message,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provenance<'r> {
    pub(super) repository_uri: &'r str,
    pub(super) revision_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<&'r str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult<'r> {
    pub(super) rule_id: &'r str,
    pub(super) rule_index: usize,
    pub(super) level: &'static str,
    pub(super) message: Message,
    pub(super) locations: [Location; 1],
    pub(super) partial_fingerprints: Fingerprints,
    pub(super) properties: ResultProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub(super) physical_location: Physical,
    pub(super) logical_locations: [Logical; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Physical {
    pub(super) artifact_location: Artifact,
    /// Code scanning wants a line; a finding is about the file as a whole, so it is the first.
    pub(super) region: Region,
}

#[derive(Serialize)]
pub(super) struct Artifact {
    pub(super) uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logical {
    pub(super) name: &'static str,
    pub(super) fully_qualified_name: String,
}

#[derive(Serialize)]
pub(super) struct Fingerprints {
    /// The one that code scanning looks at.
    #[serde(rename = "primaryLocationLineHash")]
    pub(super) primary: String,
    #[serde(rename = "changegate/v1")]
    pub(super) own: String,
}

/// The same as in the JSON of the decision, exactly as it was.
#[derive(Serialize)]
pub(super) struct ResultProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finding: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<Value>,
}

#[derive(Serialize)]
pub(super) struct RunProperties<'r> {
    pub(super) decision: Decision,
    pub(super) stage: Stage,
    pub(super) enforced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<Policy<'r>>,
}

#[derive(Serialize)]
pub(super) struct Policy<'r> {
    pub(super) name: &'r str,
    pub(super) digest: String,
    pub(super) source: &'r str,
}
