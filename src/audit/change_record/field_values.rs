//! The statements of a change by what they are about, whatever a policy calls its fields.

use crate::audit::change_record::ChangeRecord;
use crate::change::Text;
use crate::ledger::record::RecordedField;

/// The names that policies give to a field, the usual one first.
pub(crate) type FieldNames = &'static [&'static str];

pub(crate) const TICKET: FieldNames = &["Ticket", "Emergency-Ticket", "Issue", "Change-Request"];
pub(crate) const CHANGE_TYPE: FieldNames = &["Change-Type", "Type-of-Change"];
pub(crate) const RISK: FieldNames = &["Risk", "Risk-Level"];
pub(crate) const SECURITY_IMPACT: FieldNames = &["Security-Impact"];
pub(crate) const BACK_OUT_PLAN: FieldNames = &["Back-out-Plan", "Rollback-Plan", "Fallback"];
pub(crate) const TEST_PLAN: FieldNames = &["Test-Plan"];
pub(crate) const STANDARD_CHANGE: FieldNames = &["Standard-Change"];
pub(crate) const INCIDENT: FieldNames = &["Incident", "CVE"];
pub(crate) const PURPOSE: FieldNames = &["Purpose", "Isms-Purpose", "Emergency-Reason"];
pub(crate) const BUSINESS_DRIVER: FieldNames = &["Business-Driver", "Reason"];
pub(crate) const REQUESTER: FieldNames = &["Requested-by", "Requester"];
pub(crate) const AFFECTED_ASSETS: FieldNames = &["Affects", "Affected-Assets", "Asset"];
pub(crate) const IMPACT: FieldNames = &["Impact"];
pub(crate) const DEPENDENCIES: FieldNames = &["Depends-On", "Dependencies"];
pub(crate) const TEST_ENVIRONMENT: FieldNames = &["Test-Environment"];
pub(crate) const TEST_EVIDENCE: FieldNames = &["Test-Evidence", "Eval-Evidence"];
pub(crate) const AUTHORISED_BY: FieldNames = &["Authorized-by", "Authorised-by", "Isms-Authority"];
pub(crate) const RETROSPECTIVE_REVIEW: FieldNames = &["Retrospective-Review"];
pub(crate) const POST_IMPLEMENTATION_REVIEW: FieldNames = &["Post-Implementation-Review"];
pub(crate) const EMERGENCY_TICKET: FieldNames = &["Emergency-Ticket"];
pub(crate) const CAUSED_BY: FieldNames = &["Caused-by"];
pub(crate) const VERIFIED_BY: FieldNames = &["Verified-by", "Verification"];

impl ChangeRecord {
    /// Returns the valid statements of the first of these fields that the change states.
    pub(crate) fn list_statements(&self, names: FieldNames) -> Vec<&RecordedField> {
        for name in names {
            let mut found: Vec<&RecordedField> = Vec::new();
            for field in self.reasons.iter().flat_map(|reasons| &reasons.fields) {
                let is_known = || found.iter().any(|known| known.value == field.value);
                if field.field.eq_ignore_ascii_case(name) && field.valid && !is_known() {
                    found.push(field);
                }
            }
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// Returns what the change states in the first of these fields, its values separated by `; `.
    pub(crate) fn find_value(&self, names: FieldNames) -> Option<Text> {
        let stated = self.list_statements(names);
        if stated.is_empty() {
            let facts = self.facts.as_ref().ok()?;
            return names.iter().find_map(|name| facts.trailers.get(*name)).cloned();
        }
        let values: Vec<&[u8]> = stated.iter().map(|field| field.value.as_bytes()).collect();
        Some(Text::new(values.join(b"; ".as_slice())))
    }

    /// Returns the word that the change states in the first of these fields, as the policy spells it; of different words,
    /// the one that counts.
    pub(crate) fn find_word(&self, names: FieldNames) -> Option<String> {
        let stated = self.list_statements(names);
        let last = stated.last()?;
        if let Some(word) = self.counting_words.get(&last.field) {
            return Some(word.clone());
        }
        Some(last.word.clone().unwrap_or_else(|| last.value.to_lossy().into_owned()))
    }
}
