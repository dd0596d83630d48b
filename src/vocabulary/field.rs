//! A field of the policy, what a change claims in it, and what comes of the claims.

use std::borrow::Cow;
use std::sync::Arc;

use crate::change::description::label_content::is_same_label;
use crate::change::{Change, Missing, Text};
use crate::pattern::ValuePattern;
use crate::people::machine_accounts::MachineAccounts;
use crate::verdict::{ChangeLocation, Finding, MessageValue, messages};
use crate::vocabulary::name_index::NameIndex;
use crate::vocabulary::named_hosts::NamedHosts;

// These messages complete the trailer to add: `Ticket: <like PAY-412>`.
messages! {
    LIKE_EXAMPLE = "field.form-like-example": "<like {example}>";
    OWN_WORDS = "field.form-own-words": "<in your own words>";
    PERSON = "field.form-person": "<name> <address>";
}

/// One field, as the policy defines it.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDefinition {
    /// The name of the field, which is the key of its trailer.
    pub name: String,
    /// Other keys that mean the same field.
    pub aliases: Vec<String>,
    /// Which values the field accepts.
    pub kind: FieldKind,
    /// True if it may be stated several times, each value counting for itself.
    pub is_repeatable: bool,
    /// Which value counts when several disagree.
    pub on_conflict: ConflictResolution,
    /// The accounts of bots that may state it in the description of a pull request, as in
    /// `github:renovate[bot]`.
    pub stated_by_bots: Vec<String>,
    /// What it knows of the other fields and of people; empty until the whole policy is read.
    pub(crate) surroundings: Arc<FieldSurroundings>,
    /// The places of its words.
    pub(crate) levels: NameIndex,
}

/// What each field of a policy has to know to read a value: which labels belong to fields, which accounts are
/// machines, and which hosts the policy names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FieldSurroundings {
    /// The names and aliases of all fields.
    pub(crate) labels: Vec<String>,
    /// The accounts that the policy takes for machines.
    pub(crate) machines: MachineAccounts,
    /// What names hosts that hold tickets.
    pub(crate) hosts: NamedHosts,
}

/// Which values a field accepts.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// One of these words, strictest first; a rationale may follow after `;`.
    OneOf(Vec<String>),
    /// One of these words, lowest first; a rationale may follow after `;`.
    Ordered(Vec<String>),
    /// A value that matches a pattern.
    Matches {
        /// The pattern for the whole value.
        pattern: ValuePattern,
        /// A value that matches, to show.
        example: Option<String>,
    },
    /// Prose of some substance.
    Text {
        /// The least number of letters and digits.
        min_length: u64,
        /// Phrases that do not count as an answer.
        refused_phrases: Vec<String>,
    },
    /// A person, as `Name <address>`.
    Person,
}

/// Which value counts when a field that may be stated once is stated with different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictResolution {
    /// None of them; the disagreement is a finding.
    Refuse,
    /// The value that the policy lists first.
    Strictest,
    /// The value that the policy lists last.
    Highest,
}

/// One statement of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldClaim<'change> {
    /// The value as it was written; of several on one line, each by itself.
    pub value: Cow<'change, Text>,
    /// The key as it was written.
    pub key: &'change str,
    /// The text that contains the statement.
    pub source: ClaimSource,
    /// The line of that message or description, counted from 1.
    pub line: usize,
}

/// The text that contains a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// The message of this commit of the change, counted from 0.
    Commit(usize),
    /// The description of the pull request.
    Description,
}

/// What a change says in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldReading<'change> {
    /// The change does not state the field.
    Absent,
    /// Every statement is valid.
    Stated {
        /// Every statement, in the order of the commits; never empty.
        claims: Vec<FieldClaim<'change>>,
        /// For a field of words, the word that counts, as its place in the policy's list.
        level: Option<usize>,
    },
    /// Some statement is invalid, or they contradict each other, for these reasons.
    Invalid(Vec<Finding>),
    /// The description states it, and it is not known whether those are the words of a template.
    Unknown(Missing),
}

impl FieldClaim<'_> {
    /// Returns where the claim stands.
    pub fn location(&self, change: &Change) -> ChangeLocation {
        let line = Some(self.line);
        match self.source {
            ClaimSource::Commit(index) => {
                let commit = change.commits.get(index).and_then(|commit| commit.id);
                ChangeLocation { commit, line, ..ChangeLocation::default() }
            }
            ClaimSource::Description => {
                ChangeLocation { line, in_description: true, ..ChangeLocation::default() }
            }
        }
    }

    /// Returns `finding` as one about the place of this claim.
    pub(crate) fn locate_finding(&self, mut finding: Finding, change: &Change) -> Finding {
        finding.at = self.location(change);
        finding
    }
}

impl FieldDefinition {
    /// Returns true if and only if `key` means this field, in any case of its letters.
    pub(crate) fn matches_key(&self, key: &str) -> bool {
        self.trailer_keys().any(|known| known.eq_ignore_ascii_case(key))
    }

    /// Returns the name and the aliases.
    pub(crate) fn trailer_keys(&self) -> impl Iterator<Item = &str> + Clone {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// Returns true if and only if `label`, from a description, means this field.
    pub(crate) fn matches_label(&self, label: &str) -> bool {
        self.trailer_keys().any(|key| is_same_label(key, label))
    }

    /// Returns true if `label`, from a description, is spelled like the field but for hyphens and spaces.
    pub(crate) fn resembles_label(&self, label: &str) -> bool {
        let fold = |name: &str| -> String {
            name.chars().filter(|one| one.is_alphanumeric()).map(|one| one.to_ascii_lowercase()).collect()
        };
        let label = fold(label);
        self.trailer_keys().any(|key| fold(key) == label)
    }

    /// Returns the words that the field accepts, if it is a field of words.
    pub(crate) fn allowed_words(&self) -> Option<&[String]> {
        match &self.kind {
            FieldKind::OneOf(words) | FieldKind::Ordered(words) => Some(words),
            _ => None,
        }
    }

    /// Returns true for a field of prose, which takes code, tables and lists for an answer.
    pub(crate) fn is_prose(&self) -> bool {
        matches!(self.kind, FieldKind::Text { .. })
    }

    /// Returns the place of `word` in the field's list.
    pub(crate) fn find_level(&self, word: &str) -> Option<usize> {
        let words = self.allowed_words()?;
        let names = words.iter().enumerate().map(|(place, word)| (word.as_str(), place));
        self.levels.find_place(word, words.len(), names)
    }

    /// Returns the trailer to paste, with what is left to fill in between `<` and `>`.
    pub(crate) fn trailer_template(&self) -> String {
        let value = match &self.kind {
            FieldKind::OneOf(words) | FieldKind::Ordered(words) => format!("<{}>", words.join("|")),
            FieldKind::Matches { pattern, example } => format!("<like {}>", show_example(pattern, example)),
            FieldKind::Text { .. } => OWN_WORDS.text.to_owned(),
            FieldKind::Person => PERSON.text.to_owned(),
        };
        format!("{}: {value}", self.name)
    }

    /// Returns what stands after the key in [`FieldDefinition::trailer_template`], for a message.
    pub(crate) fn value_form(&self) -> MessageValue {
        match &self.kind {
            FieldKind::OneOf(words) | FieldKind::Ordered(words) => format!("<{}>", words.join("|")).into(),
            FieldKind::Matches { pattern, example } => {
                LIKE_EXAMPLE.with("example", show_example(pattern, example)).into()
            }
            FieldKind::Text { .. } => (&OWN_WORDS).into(),
            FieldKind::Person => (&PERSON).into(),
        }
    }
}

/// Returns the example of a form; the pattern if the policy gives none.
fn show_example(pattern: &ValuePattern, example: &Option<String>) -> String {
    match example {
        Some(example) => example.clone(),
        None => pattern.to_string(),
    }
}
