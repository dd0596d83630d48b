//! The parts of SARIF 2.1.0 that are written, under the names that the standard gives them.

use serde::Serialize;
use serde_json::Value;

use crate::change::Stage;
use crate::report::json::schema::JsonPolicy;
use crate::verdict::Decision;

#[derive(Serialize)]
pub(crate) struct SarifLog<'r> {
    #[serde(rename = "$schema")]
    pub(crate) schema: &'static str,
    pub(crate) version: &'static str,
    pub(crate) runs: [SarifRun<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifRun<'r> {
    pub(crate) tool: SarifTool<'r>,
    pub(crate) automation_details: SarifAutomationDetails,
    pub(crate) invocations: [SarifInvocation; 1],
    /// Left out where the address of the repository is not known, without which it may not be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) version_control_provenance: Vec<SarifProvenance<'r>>,
    pub(crate) results: Vec<SarifResult<'r>>,
    pub(crate) properties: SarifRunProperties<'r>,
}

#[derive(Serialize)]
pub(crate) struct SarifTool<'r> {
    pub(crate) driver: SarifDriver<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifDriver<'r> {
    pub(crate) name: &'static str,
    pub(crate) semantic_version: &'static str,
    pub(crate) rules: Vec<SarifRule<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifRule<'r> {
    pub(crate) id: &'r str,
    pub(crate) short_description: SarifMessage,
    pub(crate) full_description: SarifMessage,
    pub(crate) help: SarifMessage,
    pub(crate) default_configuration: SarifConfiguration,
    pub(crate) properties: SarifRuleProperties<'r>,
}

#[derive(Serialize)]
pub(crate) struct SarifConfiguration {
    pub(crate) level: &'static str,
}

#[derive(Serialize)]
pub(crate) struct SarifRuleProperties<'r> {
    pub(crate) tags: Vec<&'r str>,
    pub(crate) controls: &'r [String],
}

#[derive(Serialize)]
pub(crate) struct SarifMessage {
    pub(crate) text: String,
}

#[derive(Serialize)]
pub(crate) struct SarifAutomationDetails {
    /// What comes before the last slash is the category; nothing after it, for runs have no names.
    pub(crate) id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifInvocation {
    /// True if the decision rests on what is known, and not on a missing fact.
    pub(crate) execution_successful: bool,
    pub(crate) end_time_utc: String,
    pub(crate) tool_execution_notifications: Vec<SarifNotification>,
}

#[derive(Serialize)]
pub(crate) struct SarifNotification {
    pub(crate) level: &'static str,
    pub(crate) message: SarifMessage,
}

#[derive(PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifProvenance<'r> {
    pub(crate) repository_uri: &'r str,
    pub(crate) revision_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) branch: Option<&'r str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifResult<'r> {
    pub(crate) rule_id: &'r str,
    pub(crate) rule_index: usize,
    pub(crate) level: &'static str,
    pub(crate) message: SarifMessage,
    pub(crate) locations: [SarifLocation; 1],
    pub(crate) partial_fingerprints: SarifFingerprints,
    pub(crate) properties: SarifResultProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifLocation {
    pub(crate) physical_location: SarifPhysicalLocation,
    pub(crate) logical_locations: [SarifLogicalLocation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifPhysicalLocation {
    pub(crate) artifact_location: SarifArtifactLocation,
    /// Code scanning wants a line; a finding is about the file as a whole, so it is the first.
    pub(crate) region: SarifRegion,
}

#[derive(Serialize)]
pub(crate) struct SarifArtifactLocation {
    pub(crate) uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifRegion {
    pub(crate) start_line: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SarifLogicalLocation {
    pub(crate) name: &'static str,
    pub(crate) fully_qualified_name: String,
}

#[derive(Serialize)]
pub(crate) struct SarifFingerprints {
    /// The one that code scanning looks at.
    #[serde(rename = "primaryLocationLineHash")]
    pub(crate) primary: String,
    #[serde(rename = "changegate/v1")]
    pub(crate) own: String,
}

/// The finding or the missing fact, exactly as in the JSON of the decision.
#[derive(Serialize)]
pub(crate) struct SarifResultProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finding: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<Value>,
}

#[derive(Serialize)]
pub(crate) struct SarifRunProperties<'r> {
    pub(crate) decision: Decision,
    pub(crate) stage: Stage,
    pub(crate) enforced: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<JsonPolicy<'r>>,
}
