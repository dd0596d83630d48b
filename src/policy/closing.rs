//! What a change states for an earlier one, and whether that can count.
//!
//! A change that speaks for an earlier one may be of any class, and most classes are asked for nothing that
//! closes an obligation. A wrong value would land without a word then, and the obligation would stay open.

use jiff::tz::TimeZone;

use crate::change::{Change, FOR_CHANGE_TRAILER};
use crate::policy::definition::Policy;
use crate::policy::emergency::EMERGENCY_REASON_FIELD;
use crate::verdict::{Finding, RuleLevel, messages};
use crate::vocabulary::value_check::has_too_few_digits;
use crate::vocabulary::{FieldDefinition, FieldReading};

messages! {
    NAMES_NO_LANDED_CHANGE = "closing.names-no-landed-change":
        "`For-Change` names no change that the branch holds, so this change is asked what every other is; what answers for a change of another branch is pushed to that one";
    NAMES_UNKNOWN_CHANGE = "closing.names-unknown-change":
        "`For-Change` names {reference}, which is unknown on this branch, so this change is asked what every other is; what answers for a change of another branch is pushed to that one";
    RECORDS_UNKNOWN_CHANGE = "closing.records-unknown-change":
        "`For-Change` names {reference}, which is unknown on this branch; write the id of a change that the branch holds (`changegate obligations` lists those that owe something), or push this to the branch that holds that change";
}

/// The line that takes the place of one which names an unknown change.
const KNOWN_CHANGE_LINE: &str = "For-Change: <id of a change that the branch holds>";

impl Policy {
    /// Returns what to say of a denied change that speaks for one which its branch does not hold; `None` for a change
    /// that speaks for none, and if it is not known what the branch holds. `is_record` is true for a change that would be
    /// allowed if its branch held what it names: then only another id helps.
    pub(crate) fn find_unlanded_reference(&self, change: &Change, is_record: bool) -> Option<Finding> {
        let reference = self.vocabulary.find_field(FOR_CHANGE_TRAILER)?;
        let FieldReading::Stated { claims, .. } = reference.read_from_change(change) else { return None };
        let claim = claims.last().filter(|_| change.names_earlier == Ok(false))?;
        let template = if is_record { &RECORDS_UNKNOWN_CHANGE } else { &NAMES_UNKNOWN_CHANGE };
        let finding = Finding::new(template.with("reference", &*claim.value));
        Some(match is_record {
            true => Finding { at: claim.location(change), ..finding.with_paste(KNOWN_CHANGE_LINE) },
            false => finding.in_commit(change.tip().id),
        })
    }

    /// Returns true for a change that names the one it speaks for by too few digits of its id.
    pub(crate) fn has_cut_reference(&self, change: &Change) -> bool {
        let reading =
            self.vocabulary.find_field(FOR_CHANGE_TRAILER).map(|field| field.read_from_change(change));
        matches!(reading, Some(FieldReading::Invalid(reasons)) if reasons.iter().all(has_too_few_digits))
    }

    /// Returns what is wrong with the values by which a change would close what is owed for an earlier one;
    /// nothing for a change that speaks for none, and for a policy without a field of that name.
    pub(crate) fn find_wrong_closing_values(&self, change: &Change) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(reference) = self.vocabulary.find_field(FOR_CHANGE_TRAILER) else { return findings };
        match reference.read_from_change(change) {
            FieldReading::Absent => return findings,
            FieldReading::Invalid(reasons) => findings.extend(reasons),
            FieldReading::Stated { .. } | FieldReading::Unknown(_) => {}
        }
        let day = change.seen_at.to_zoned(TimeZone::UTC).date();
        let mut owed: Vec<&FieldDefinition> = Vec::new();
        for rule in &self.rules {
            if rule.level_on(day) == RuleLevel::Deny {
                rule.require.add_owed_fields(&mut owed);
            }
        }
        // Who answers for a change that came past the gate says why, whatever the class of their own change.
        if self.obligations.regularise.is_some() {
            owed.extend(self.vocabulary.find_field(EMERGENCY_REASON_FIELD).map(|field| &**field));
        }
        for field in owed {
            let FieldReading::Invalid(reasons) = field.read_from_change(change) else { continue };
            for reason in reasons {
                if !findings.contains(&reason) {
                    findings.push(reason);
                }
            }
        }
        findings
    }
}
