//! The fields that a policy knows: what they are called, what may stand in them, and what counts
//! when they are stated more than once.
//!
//! A field is read from commit trailers and from the description of a pull request; each statement is
//! a claim and keeps its place. Keys compare without regard to case, as git's own tools do; in a
//! description, where labels are prose, a space stands for a hyphen too.

pub(crate) mod definition;
pub(crate) mod value_check;

use std::sync::Arc;

use crate::change::{Change, Text};
use crate::pattern::ValuePattern;
use crate::verdict::{FieldDisagreement, Finding, Sentence, StatedValue};
use crate::yaml::decode::{read_entries, unknown_word_fault};
use crate::yaml::{YamlFault, YamlKey, YamlNode};

/// The fields of a policy, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldVocabulary {
    fields: Vec<Arc<FieldDefinition>>,
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDefinition {
    /// Its name, and the key of its trailer.
    pub name: String,
    /// Other keys that mean the same.
    pub aliases: Vec<String>,
    /// What may stand in it.
    pub kind: FieldKind,
    /// True if it may be stated several times, each value counting for itself.
    pub is_repeatable: bool,
    /// What counts when several values disagree.
    pub on_conflict: ConflictResolution,
}

/// What may stand in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// One of these words, strictest first; a rationale may follow after `;`.
    OneOf(Vec<String>),
    /// One of these words, lowest first; a rationale may follow after `;`.
    Ordered(Vec<String>),
    /// A value of this form.
    Matches {
        /// The form.
        pattern: ValuePattern,
        /// A value of that form, to show.
        example: Option<String>,
    },
    /// Prose of some substance.
    Text {
        /// How many letters and digits it has at least.
        min_length: u64,
        /// Phrases that do not count as an answer.
        refused_phrases: Vec<String>,
    },
    /// `Name <address>`.
    Person,
}

/// What counts when a field that may be stated once is stated with different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictResolution {
    /// Nothing does; the disagreement is a finding.
    Refuse,
    /// The value that the policy lists first.
    Strictest,
    /// The value that the policy lists last.
    Highest,
}

/// One statement of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FieldClaim<'change> {
    /// What was stated.
    pub value: &'change Text,
    /// The key as written.
    pub key: &'change str,
    /// Where it is stated.
    pub source: ClaimSource,
    /// On which line of that message or description.
    pub line: usize,
}

/// Where something is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// In the message of this commit of the change, counted from 0.
    Commit(usize),
    /// In the description of the pull request.
    Description,
}

impl FieldClaim<'_> {
    /// Returns `finding` as one about the place of this claim.
    pub fn locate_finding(&self, finding: Finding, change: &Change) -> Finding {
        match self.source {
            ClaimSource::Commit(index) => {
                let commit = change.commits.get(index).and_then(|commit| commit.id);
                finding.in_commit(commit).on_message_line(self.line)
            }
            ClaimSource::Description => finding.on_description_line(self.line),
        }
    }
}

/// What a change says in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldReading<'change> {
    /// Nothing.
    Absent,
    /// These valid statements; `level` is the word that counts, as its place in the policy's list.
    Stated {
        /// Every statement, in the order of the commits.
        claims: Vec<FieldClaim<'change>>,
        /// For a field of words, which of them counts.
        level: Option<usize>,
    },
    /// Something that does not count, for these reasons.
    Invalid(Vec<Finding>),
}

impl FieldVocabulary {
    /// Reads the `fields` of a policy and adds them, each replacing a field of the same name.
    pub fn read_fields(&mut self, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        for (key, node) in read_entries(node, faults) {
            let Some(field) = FieldDefinition::read_definition(key, node, faults) else { continue };
            self.fields.retain(|known| !known.name.eq_ignore_ascii_case(&field.name));
            for name in field.trailer_keys() {
                if let Some(other) = self.find_field(name) {
                    faults.push(YamlFault::new(
                        key.at,
                        format!("`{name}` already belongs to the field `{}`", other.name),
                    ));
                }
            }
            self.fields.push(Arc::new(field));
        }
    }

    /// Returns the field that is called `name`, or has it as an alias.
    pub fn find_field(&self, name: &str) -> Option<&Arc<FieldDefinition>> {
        self.fields.iter().find(|field| field.matches_key(name))
    }

    /// Returns the place of the field that `node` names; leaves a fault if there is none.
    pub fn resolve_field(
        &self,
        node: &YamlNode,
        written: &str,
        faults: &mut Vec<YamlFault>,
    ) -> Option<&Arc<FieldDefinition>> {
        let found = self.find_field(written);
        if found.is_none() {
            let key = YamlKey { at: node.at, text: written.to_owned() };
            faults.push(unknown_word_fault("field", &key, self.field_names()));
        }
        found
    }

    /// Returns every key that the policy gives a meaning, aliases among them.
    pub fn trailer_keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().flat_map(|field| field.trailer_keys())
    }

    /// Returns the fields, in the policy's order.
    pub fn fields(&self) -> &[Arc<FieldDefinition>] {
        &self.fields
    }

    /// Returns every pattern that values are held against.
    pub fn value_patterns(&self) -> impl Iterator<Item = &ValuePattern> {
        self.fields.iter().filter_map(|field| match &field.kind {
            FieldKind::Matches { pattern, .. } => Some(pattern),
            _ => None,
        })
    }

    /// Returns the names of the fields.
    pub fn field_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().map(|field| field.name.as_str())
    }
}

impl FieldDefinition {
    /// Returns true if and only if `key` means this field, in any case of its letters.
    pub fn matches_key(&self, key: &str) -> bool {
        self.trailer_keys().any(|known| known.eq_ignore_ascii_case(key))
    }

    /// Returns the name and the aliases.
    pub fn trailer_keys(&self) -> impl Iterator<Item = &str> + Clone {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// Returns the words that may stand in the field, if it is a field of words.
    pub fn allowed_words(&self) -> Option<&[String]> {
        match &self.kind {
            FieldKind::OneOf(words) | FieldKind::Ordered(words) => Some(words),
            _ => None,
        }
    }

    /// Returns the trailer to paste, with what is left to fill in between `<` and `>`.
    pub fn trailer_template(&self) -> String {
        let value = match &self.kind {
            FieldKind::OneOf(words) | FieldKind::Ordered(words) => format!("<{}>", words.join("|")),
            FieldKind::Matches { example: Some(example), .. } => format!("<like {example}>"),
            FieldKind::Matches { pattern, .. } => format!("<like {pattern}>"),
            FieldKind::Text { .. } => "<in your own words>".into(),
            FieldKind::Person => "<name> <address>".into(),
        };
        format!("{}: {value}", self.name)
    }

    /// Returns every statement of the field, valid or not, in the order of the commits.
    pub fn find_claims<'change>(&self, change: &'change Change) -> Vec<FieldClaim<'change>> {
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
        let described = change.pull.iter().flat_map(|pull| &pull.statements);
        claims.extend(described.filter(|statement| self.matches_label(&statement.label)).map(|statement| {
            FieldClaim {
                value: &statement.value,
                key: &statement.label,
                source: ClaimSource::Description,
                line: statement.line,
            }
        }));
        claims
    }

    /// Returns true if and only if `label`, from a description, means this field.
    pub fn matches_label(&self, label: &str) -> bool {
        let letters = |text: &str| {
            let one = |byte: u8| if byte == b' ' { b'-' } else { byte.to_ascii_lowercase() };
            text.bytes().map(one).collect::<Vec<u8>>()
        };
        let label = letters(label);
        self.trailer_keys().any(|key| letters(key) == label)
    }

    /// Returns what the change says in this field.
    pub fn read_from_change<'change>(&self, change: &'change Change) -> FieldReading<'change> {
        let claims = self.find_claims(change);
        if claims.is_empty() {
            return FieldReading::Absent;
        }
        let at = |claim: &FieldClaim<'_>, what: Sentence| claim.locate_finding(Finding::new(what), change);
        let mut levels = Vec::new();
        let mut findings = Vec::new();
        for claim in &claims {
            match self.check_value(claim.value, change, claim.source) {
                Ok(level) => levels.push(level),
                Err(what) => findings.push(at(claim, what).with_paste(self.trailer_template())),
            }
        }
        if !findings.is_empty() {
            return FieldReading::Invalid(findings);
        }
        let disagreeing = claims.iter().zip(&levels).find(|(claim, level)| match (level, levels.first()) {
            (Some(level), Some(Some(first))) => level != first,
            _ => claims.first().is_some_and(|first| first.value != claim.value),
        });
        if let (Some((claim, _)), false, ConflictResolution::Refuse) =
            (disagreeing, self.is_repeatable, self.on_conflict)
            && let Some(first) = claims.first()
        {
            let what = Sentence::from_words(format!("`{}` says ", self.name))
                .with_quote(claim.value)
                .with_words(" here and ")
                .with_quote(first.value)
                .with_words(" elsewhere in the same change");
            return FieldReading::Invalid(vec![at(claim, what)]);
        }
        let stated = levels.into_iter().flatten();
        let level = match self.on_conflict {
            ConflictResolution::Highest => stated.max(),
            ConflictResolution::Strictest => stated.min(),
            ConflictResolution::Refuse => stated.max(),
        };
        FieldReading::Stated { claims, level }
    }

    /// Returns where the change states different words, if the policy says which of them counts.
    ///
    /// Where it says that none does, or one of them is no word of the field, that is a finding of
    /// whichever rule asks; and where the field may be stated several times, it is no disagreement.
    pub fn find_disagreement(&self, change: &Change) -> Option<FieldDisagreement> {
        let words = self
            .allowed_words()
            .filter(|_| !self.is_repeatable && self.on_conflict != ConflictResolution::Refuse)?;
        if self.find_claims(change).len() < 2 {
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
                let at = claim.locate_finding(Finding::new(Sentence::default()), change).at;
                stated.push(StatedValue { value: claim.value.clone(), at });
            }
        }
        (1 < stated.len()).then(|| FieldDisagreement {
            field: self.name.clone(),
            stated,
            counts: words.get(level).cloned().unwrap_or_default(),
        })
    }

    /// Returns the place of `word` in the field's list.
    pub fn find_level(&self, word: &str) -> Option<usize> {
        self.allowed_words()?.iter().position(|known| known.eq_ignore_ascii_case(word))
    }
}
