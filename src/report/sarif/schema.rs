//! The parts of SARIF 2.1.0 that are written, under the names that the standard gives them.

use serde::Serialize;
use serde_json::Value;

use crate::change::Stage;
use crate::verdict::Decision;

#[derive(Serialize)]
pub(super) struct SarifLog<'r> {
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    pub(super) version: &'static str,
    pub(super) runs: [SarifRun<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifRun<'r> {
    pub(super) tool: SarifTool<'r>,
    pub(super) automation_details: SarifAutomationDetails,
    pub(super) invocations: [SarifInvocation; 1],
    /// Left out where the address of the repository is not known, without which it may not be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) version_control_provenance: Vec<SarifProvenance<'r>>,
    pub(super) results: Vec<SarifResult<'r>>,
    pub(super) properties: SarifRunProperties<'r>,
}

#[derive(Serialize)]
pub(super) struct SarifTool<'r> {
    pub(super) driver: SarifDriver<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifDriver<'r> {
    pub(super) name: &'static str,
    pub(super) semantic_version: &'static str,
    pub(super) rules: Vec<SarifRule<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifRule<'r> {
    pub(super) id: &'r str,
    pub(super) short_description: SarifMessage,
    pub(super) full_description: SarifMessage,
    pub(super) help: SarifMessage,
    pub(super) default_configuration: SarifConfiguration,
    pub(super) properties: SarifRuleProperties<'r>,
}

#[derive(Serialize)]
pub(super) struct SarifConfiguration {
    pub(super) level: &'static str,
}

#[derive(Serialize)]
pub(super) struct SarifRuleProperties<'r> {
    pub(super) tags: Vec<&'r str>,
    pub(super) controls: &'r [String],
}

#[derive(Serialize)]
pub(super) struct SarifMessage {
    pub(super) text: String,
}

#[derive(Serialize)]
pub(super) struct SarifAutomationDetails {
    /// What comes before the last slash is the category; nothing after it, for runs have no names.
    pub(super) id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifInvocation {
    /// Whether a decision was reached on what is known, and not for want of it.
    pub(super) execution_successful: bool,
    pub(super) end_time_utc: String,
    pub(super) tool_execution_notifications: Vec<SarifNotification>,
}

#[derive(Serialize)]
pub(super) struct SarifNotification {
    pub(super) level: &'static str,
    pub(super) message: SarifMessage,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifProvenance<'r> {
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
    pub(super) message: SarifMessage,
    pub(super) locations: [SarifLocation; 1],
    pub(super) partial_fingerprints: SarifFingerprints,
    pub(super) properties: SarifResultProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifLocation {
    pub(super) physical_location: SarifPhysicalLocation,
    pub(super) logical_locations: [SarifLogicalLocation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifPhysicalLocation {
    pub(super) artifact_location: SarifArtifactLocation,
    /// Code scanning wants a line; a finding is about the file as a whole, so it is the first.
    pub(super) region: SarifRegion,
}

#[derive(Serialize)]
pub(super) struct SarifArtifactLocation {
    pub(super) uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifRegion {
    pub(super) start_line: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifLogicalLocation {
    pub(super) name: &'static str,
    pub(super) fully_qualified_name: String,
}

#[derive(Serialize)]
pub(super) struct SarifFingerprints {
    /// The one that code scanning looks at.
    #[serde(rename = "primaryLocationLineHash")]
    pub(super) primary: String,
    #[serde(rename = "changegate/v1")]
    pub(super) own: String,
}

/// The same as in the JSON of the decision, exactly as it was.
#[derive(Serialize)]
pub(super) struct SarifResultProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finding: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missing: Option<Value>,
}

#[derive(Serialize)]
pub(super) struct SarifRunProperties<'r> {
    pub(super) decision: Decision,
    pub(super) stage: Stage,
    pub(super) enforced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<SarifPolicy<'r>>,
}

#[derive(Serialize)]
pub(super) struct SarifPolicy<'r> {
    pub(super) name: &'r str,
    pub(super) digest: String,
    pub(super) source: &'r str,
}
