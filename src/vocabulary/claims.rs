//! Reading what a change claims in a field.

use crate::change::Change;
use crate::verdict::{FieldDisagreement, Finding, StatedValue, messages};
use crate::vocabulary::field::{ClaimSource, ConflictResolution, FieldClaim, FieldDefinition, FieldReading};

messages! {
    CONTRADICTION = "field.contradiction": "`{field}` is {value} here and {other} elsewhere in this change";
}

impl FieldDefinition {
    /// Returns every statement of the field, valid or not, in the order of the commits.
    pub(crate) fn find_claims<'change>(&self, change: &'change Change) -> Vec<FieldClaim<'change>> {
        let mut claims = Vec::new();
        for (commit, recorded) in change.commits.iter().enumerate() {
            for trailer in recorded.message.trailers() {
                if self.matches_key(&trailer.key) {
                    claims.push(FieldClaim {
                        value: &trailer.value,
                        key: &trailer.key,
                        source: ClaimSource::Commit(commit),
                        line: trailer.line,
                    });
                }
            }
        }
        if let Ok(pull) = &change.pull {
            for statement in &pull.statements {
                if self.matches_label(&statement.label) {
                    claims.push(FieldClaim {
                        value: &statement.value,
                        key: &statement.label,
                        source: ClaimSource::Description,
                        line: statement.line,
                    });
                }
            }
        }
        claims
    }

    /// Returns what the change says in this field.
    pub(crate) fn read_from_change<'change>(&self, change: &'change Change) -> FieldReading<'change> {
        let claims = self.find_claims(change);
        if claims.is_empty() {
            return FieldReading::Absent;
        }
        let mut levels = Vec::new();
        let mut findings = Vec::new();
        for claim in &claims {
            match self.check_value(claim.value, change, claim.source) {
                Ok(level) => levels.push(level),
                Err(message) => {
                    let finding = claim.locate_finding(Finding::new(message), change);
                    findings.push(finding.with_paste(self.trailer_template()));
                }
            }
        }
        if !findings.is_empty() {
            return FieldReading::Invalid(findings);
        }
        if !self.is_repeatable
            && self.on_conflict == ConflictResolution::Refuse
            && let Some((first, other)) = find_contradiction(&claims, &levels)
        {
            let message = CONTRADICTION
                .with("field", self.name.as_str())
                .with("value", other.value)
                .with("other", first.value);
            return FieldReading::Invalid(vec![other.locate_finding(Finding::new(message), change)]);
        }
        // What is left are claims that agree, or that the policy lets differ; the field says which of them
        // counts.
        let stated = levels.into_iter().flatten();
        let level = match self.on_conflict {
            ConflictResolution::Highest | ConflictResolution::Refuse => stated.max(),
            ConflictResolution::Strictest => stated.min(),
        };
        FieldReading::Stated { claims, level }
    }

    /// Returns where the change states different words, if the policy says which of them counts.
    ///
    /// If the policy refuses disagreement, or a value is no word of the field, each rule that asks about
    /// the field has a finding; and in a field that may be stated several times, different words do not
    /// disagree.
    pub(crate) fn find_disagreement(&self, change: &Change) -> Option<FieldDisagreement> {
        let words = self.allowed_words()?;
        if self.is_repeatable
            || self.on_conflict == ConflictResolution::Refuse
            || self.find_claims(change).len() < 2
        {
            return None;
        }
        let FieldReading::Stated { claims, level: Some(level) } = self.read_from_change(change) else {
            return None;
        };
        let mut levels = Vec::new();
        let mut stated = Vec::new();
        for claim in claims {
            let level = self.check_value(claim.value, change, claim.source).ok()?;
            if !levels.contains(&level) {
                levels.push(level);
                stated.push(StatedValue { value: claim.value.clone(), at: claim.location(change) });
            }
        }
        if stated.len() < 2 {
            return None;
        }
        let counts = words.get(level).cloned().unwrap_or_default();
        Some(FieldDisagreement { field: self.name.clone(), stated, counts })
    }
}

/// Returns the first claim, and the first one that says something else: words are compared by their place
/// in the policy's list, other values as they are written.
fn find_contradiction<'claims, 'change>(
    claims: &'claims [FieldClaim<'change>],
    levels: &[Option<usize>],
) -> Option<(&'claims FieldClaim<'change>, &'claims FieldClaim<'change>)> {
    let first = claims.first()?;
    let first_level = levels.first()?;
    for (claim, level) in claims.iter().zip(levels) {
        let is_different = match (level, first_level) {
            (Some(level), Some(first)) => level != first,
            _ => claim.value != first.value,
        };
        if is_different {
            return Some((first, claim));
        }
    }
    None
}
