//! Reading what a change claims in a field.

use std::borrow::Cow;

use crate::change::description::label_content::is_same_label;
use crate::change::description::{DescriptionStatement, NestedLabel};
use crate::change::placeholder::is_unfilled;
use crate::change::{Change, PullRequest, Text};
use crate::verdict::{FieldDisagreement, Finding, StatedValue, messages};
use crate::vocabulary::field::{
    ClaimSource, ConflictResolution, FieldClaim, FieldDefinition, FieldKind, FieldReading,
};

messages! {
    CONTRADICTION = "field.contradiction": "`{field}` is {value} here and {other} elsewhere in this change";
}

/// How many values of one line count by themselves.
const MAX_VALUES_OF_LINE: usize = 100;

impl FieldDefinition {
    /// Returns every statement of the field, valid or not, in the order of the commits.
    pub(crate) fn find_claims<'change>(&self, change: &'change Change) -> Vec<FieldClaim<'change>> {
        let mut claims = Vec::new();
        for (commit, recorded) in change.commits.iter().enumerate() {
            for trailer in recorded.message.trailers() {
                if self.matches_key(&trailer.key) {
                    let source = ClaimSource::Commit(commit);
                    let value = Cow::Borrowed(&trailer.value);
                    self.add_claims(value, &trailer.key, source, trailer.line, &mut claims);
                }
            }
        }
        if let Ok(pull) = &change.pull
            && self.may_be_stated_by(pull)
        {
            for statement in &pull.statements {
                if self.matches_label(&statement.label)
                    && statement.scope.includes_field(self.is_prose())
                    && let Some(value) = self.find_own_value(statement)
                {
                    self.add_claims(
                        value,
                        &statement.label,
                        ClaimSource::Description,
                        statement.line,
                        &mut claims,
                    );
                }
            }
        }
        claims
    }

    /// Adds what a line states: several claims, if the field may be stated several times and all that
    /// stands there are values of its form.
    fn add_claims<'change>(
        &self,
        value: Cow<'change, Text>,
        key: &'change str,
        source: ClaimSource,
        line: usize,
        claims: &mut Vec<FieldClaim<'change>>,
    ) {
        for value in self.split_values(value) {
            claims.push(FieldClaim { value, key, source, line });
        }
    }

    /// Returns what a statement of a description says in this field: without what stands at the label of
    /// another field. `None` if nothing else stands there.
    pub(crate) fn find_own_value<'change>(
        &self,
        statement: &'change DescriptionStatement,
    ) -> Option<Cow<'change, Text>> {
        let mut own = String::new();
        let mut from = 0;
        let written = statement.value.to_lossy();
        for other in self.find_other_fields(statement) {
            if other.end <= from {
                continue;
            }
            add_kept_part(&mut own, written.get(from..other.start).unwrap_or_default());
            from = other.end;
        }
        if from == 0 {
            return Some(Cow::Borrowed(&statement.value));
        }
        add_kept_part(&mut own, written.get(from..).unwrap_or_default());
        (!is_unfilled(&own)).then(|| Cow::Owned(Text::from(own)))
    }

    /// Returns the parts of a statement that stand at the label of another field.
    pub(crate) fn find_other_fields<'change>(
        &self,
        statement: &'change DescriptionStatement,
    ) -> Vec<&'change NestedLabel> {
        let mut found = Vec::new();
        for nested in &statement.nested {
            let is_field = self.surroundings.labels.iter().any(|known| is_same_label(known, &nested.label));
            if is_field && !self.matches_label(&nested.label) {
                found.push(nested);
            }
        }
        found
    }

    /// Returns the values on one line; the line as it is, unless each part of it is a value. What follows a value after a
    /// colon is an explanation, as it is for a word.
    fn split_values<'change>(&self, value: Cow<'change, Text>) -> Vec<Cow<'change, Text>> {
        let whole = vec![value.clone()];
        let FieldKind::Matches { pattern, .. } = &self.kind else { return whole };
        let is_separator = |one: char| matches!(one, ',' | ';' | '&') || one.is_ascii_whitespace();
        let Some(written) = value.as_utf8() else { return whole };
        if let Some((explained, _)) = written.split_once(": ")
            && pattern.matches_value(value.as_bytes()) == Some(false)
            && pattern.matches_value(explained.as_bytes()) == Some(true)
        {
            return vec![Cow::Owned(Text::from(explained))];
        }
        if !self.is_repeatable
            || !written.contains(is_separator)
            || pattern.matches_value(value.as_bytes()) != Some(false)
        {
            return whole;
        }
        let mut values = Vec::new();
        for part in written.split(is_separator) {
            if part.is_empty() || part.eq_ignore_ascii_case("and") {
                continue;
            }
            if values.len() == MAX_VALUES_OF_LINE || pattern.matches_value(part.as_bytes()) != Some(true) {
                return whole;
            }
            values.push(Cow::Owned(Text::from(part)));
        }
        if values.is_empty() { whole } else { values }
    }

    /// Returns true if the description of a pull request may state the field: that of a person, or of a
    /// bot that the field names. An account is a bot if the forge or the policy calls it one. Nothing is known of an account that was deleted.
    pub(crate) fn may_be_stated_by(&self, pull: &PullRequest) -> bool {
        let Some(opener) = &pull.opener else { return false };
        let id = opener.id.to_lossy();
        !self.surroundings.machines.includes_account(opener)
            || self.stated_by_bots.iter().any(|bot| bot.eq_ignore_ascii_case(&id))
    }

    /// Returns what the change says in this field.
    pub(crate) fn read_from_change<'change>(&self, change: &'change Change) -> FieldReading<'change> {
        let claims = self.find_claims(change);
        if claims.is_empty() {
            return FieldReading::Absent;
        }
        if let Ok(pull) = &change.pull
            && let Err(missing) = &pull.templates
            && claims.iter().any(|claim| claim.source == ClaimSource::Description)
        {
            return FieldReading::Unknown(missing.clone());
        }
        let mut levels = Vec::new();
        let mut findings = Vec::new();
        for claim in &claims {
            match self.check_value(&claim.value, change, claim.source) {
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
                .with("value", &*other.value)
                .with("other", &*first.value);
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
            let level = self.check_value(&claim.value, change, claim.source).ok()?;
            if !levels.contains(&level) {
                levels.push(level);
                stated.push(StatedValue {
                    value: claim.value.clone().into_owned(),
                    at: claim.location(change),
                });
            }
        }
        if stated.len() < 2 {
            return None;
        }
        let counts = words.get(level).cloned().unwrap_or_default();
        Some(FieldDisagreement { field: self.name.clone(), stated, counts })
    }
}

/// Adds what is left of a value, without the marks that joined it to what was taken out.
fn add_kept_part(own: &mut String, part: &str) {
    let part = part.trim_matches(|one: char| one == ';' || one.is_whitespace());
    if !part.is_empty() {
        if !own.is_empty() {
            own.push(' ');
        }
        own.push_str(part);
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
