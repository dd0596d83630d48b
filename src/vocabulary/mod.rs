//! The fields that a policy knows: what they are called, what may stand in them, and what counts
//! when they are stated more than once.
//!
//! A field is read from commit trailers and from the description of a pull request; each statement is
//! a claim and keeps its place. Keys compare without regard to case, as git's own tools do; in a
//! description, where labels are prose, a space stands for a hyphen too.

mod read;
mod value;

use std::sync::Arc;

use crate::change::{Change, Text};
use crate::pattern::ValuePattern;
use crate::verdict::{Disagreement, Finding, Line, Stated};
use crate::yaml::decode::{entries, unknown};
use crate::yaml::{Fault, Key, Node};

/// The fields of a policy, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    fields: Vec<Arc<Field>>,
}

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name, and the key of its trailer.
    pub name: String,
    /// Other keys that mean the same.
    pub aliases: Vec<String>,
    /// What may stand in it.
    pub kind: Kind,
    /// True if it may be stated several times, each value counting for itself.
    pub many: bool,
    /// What counts when several values disagree.
    pub on_conflict: OnConflict,
}

/// What may stand in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
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
        refuse: Vec<String>,
    },
    /// `Name <address>`.
    Person,
}

/// What counts when a field that may be stated once is stated with different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing does; the disagreement is a finding.
    Refuse,
    /// The value that the policy lists first.
    Strictest,
    /// The value that the policy lists last.
    Highest,
}

/// One statement of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim<'change> {
    /// What was stated.
    pub value: &'change Text,
    /// The key as written.
    pub key: &'change str,
    /// Where it is stated.
    pub said: Said,
    /// On which line of that message or description.
    pub line: usize,
}

/// Where something is stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// In the message of this commit of the change, counted from 0.
    Commit(usize),
    /// In the description of the pull request.
    Description,
}

impl Claim<'_> {
    /// Returns `finding` as one about the place of this claim.
    pub fn place(&self, finding: Finding, change: &Change) -> Finding {
        match self.said {
            Said::Commit(index) => {
                let commit = change.commits.get(index).and_then(|commit| commit.id);
                finding.in_commit(commit).on_line(self.line)
            }
            Said::Description => finding.in_description(self.line),
        }
    }
}

/// What a change says in a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading<'change> {
    /// Nothing.
    Absent,
    /// These valid statements; `level` is the word that counts, as its place in the policy's list.
    Stated {
        /// Every statement, in the order of the commits.
        claims: Vec<Claim<'change>>,
        /// For a field of words, which of them counts.
        level: Option<usize>,
    },
    /// Something that does not count, for these reasons.
    Invalid(Vec<Finding>),
}

impl Vocabulary {
    /// Reads the `fields` of a policy and adds them, each replacing a field of the same name.
    pub fn read(&mut self, node: &Node, faults: &mut Vec<Fault>) {
        for (key, node) in entries(node, faults) {
            let Some(field) = Field::read(key, node, faults) else { continue };
            self.fields.retain(|known| !known.name.eq_ignore_ascii_case(&field.name));
            for name in field.keys() {
                if let Some(other) = self.field(name) {
                    faults.push(Fault::new(
                        key.at,
                        format!("`{name}` already belongs to the field `{}`", other.name),
                    ));
                }
            }
            self.fields.push(Arc::new(field));
        }
    }

    /// Returns the field that is called `name`, or has it as an alias.
    pub fn field(&self, name: &str) -> Option<&Arc<Field>> {
        self.fields.iter().find(|field| field.answers_to(name))
    }

    /// Returns the place of the field that `node` names; leaves a fault if there is none.
    pub fn find(&self, node: &Node, written: &str, faults: &mut Vec<Fault>) -> Option<&Arc<Field>> {
        let found = self.field(written);
        if found.is_none() {
            let key = Key { at: node.at, text: written.to_owned() };
            faults.push(unknown("field", &key, self.names()));
        }
        found
    }

    /// Returns every key that the policy gives a meaning, aliases among them.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().flat_map(|field| field.keys())
    }

    /// Returns the fields, in the policy's order.
    pub fn fields(&self) -> &[Arc<Field>] {
        &self.fields
    }

    /// Returns every pattern that values are held against.
    pub fn patterns(&self) -> impl Iterator<Item = &ValuePattern> {
        self.fields.iter().filter_map(|field| match &field.kind {
            Kind::Matches { pattern, .. } => Some(pattern),
            _ => None,
        })
    }

    /// Returns the names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().map(|field| field.name.as_str())
    }
}

impl Field {
    /// Returns true if and only if `key` means this field, in any case of its letters.
    pub fn answers_to(&self, key: &str) -> bool {
        self.keys().any(|known| known.eq_ignore_ascii_case(key))
    }

    /// Returns the name and the aliases.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    /// Returns the words that may stand in the field, if it is a field of words.
    pub fn words(&self) -> Option<&[String]> {
        match &self.kind {
            Kind::OneOf(words) | Kind::Ordered(words) => Some(words),
            _ => None,
        }
    }

    /// Returns the trailer to paste, with what is left to fill in between `<` and `>`.
    pub fn template(&self) -> String {
        let value = match &self.kind {
            Kind::OneOf(words) | Kind::Ordered(words) => format!("<{}>", words.join("|")),
            Kind::Matches { example: Some(example), .. } => format!("<like {example}>"),
            Kind::Matches { pattern, .. } => format!("<like {pattern}>"),
            Kind::Text { .. } => "<in your own words>".into(),
            Kind::Person => "<name> <address>".into(),
        };
        format!("{}: {value}", self.name)
    }

    /// Returns every statement of the field, valid or not, in the order of the commits.
    pub fn claims<'change>(&self, change: &'change Change) -> Vec<Claim<'change>> {
        let mut claims = Vec::new();
        for (commit, recorded) in change.commits.iter().enumerate() {
            for trailer in recorded.message.trailers() {
                if self.answers_to(&trailer.key) {
                    claims.push(Claim {
                        value: &trailer.value,
                        key: &trailer.key,
                        said: Said::Commit(commit),
                        line: trailer.line,
                    });
                }
            }
        }
        let described = change.pull.iter().flat_map(|pull| &pull.statements);
        claims.extend(described.filter(|statement| self.is_labelled(&statement.label)).map(|statement| {
            Claim {
                value: &statement.value,
                key: &statement.label,
                said: Said::Description,
                line: statement.line,
            }
        }));
        claims
    }

    /// Returns true if and only if `label`, from a description, means this field.
    pub fn is_labelled(&self, label: &str) -> bool {
        let letters = |text: &str| {
            let one = |byte: u8| if byte == b' ' { b'-' } else { byte.to_ascii_lowercase() };
            text.bytes().map(one).collect::<Vec<u8>>()
        };
        let label = letters(label);
        self.keys().any(|key| letters(key) == label)
    }

    /// Returns what the change says in this field.
    pub fn reading<'change>(&self, change: &'change Change) -> Reading<'change> {
        let claims = self.claims(change);
        if claims.is_empty() {
            return Reading::Absent;
        }
        let at = |claim: &Claim<'_>, what: Line| claim.place(Finding::new(what), change);
        let mut levels = Vec::new();
        let mut findings = Vec::new();
        for claim in &claims {
            match self.value(claim.value, change, claim.said) {
                Ok(level) => levels.push(level),
                Err(what) => findings.push(at(claim, what).paste(self.template())),
            }
        }
        if !findings.is_empty() {
            return Reading::Invalid(findings);
        }
        let disagreeing = claims.iter().zip(&levels).find(|(claim, level)| match (level, levels.first()) {
            (Some(level), Some(Some(first))) => level != first,
            _ => claims.first().is_some_and(|first| first.value != claim.value),
        });
        if let (Some((claim, _)), false, OnConflict::Refuse) = (disagreeing, self.many, self.on_conflict)
            && let Some(first) = claims.first()
        {
            let what = Line::say(format!("`{}` says ", self.name))
                .quote(claim.value)
                .and(" here and ")
                .quote(first.value)
                .and(" elsewhere in the same change");
            return Reading::Invalid(vec![at(claim, what)]);
        }
        let stated = levels.into_iter().flatten();
        let level = match self.on_conflict {
            OnConflict::Highest => stated.max(),
            OnConflict::Strictest => stated.min(),
            OnConflict::Refuse => stated.max(),
        };
        Reading::Stated { claims, level }
    }

    /// Returns where the change states different words, if the policy says which of them counts.
    ///
    /// Where it says that none does, or one of them is no word of the field, that is a finding of
    /// whichever rule asks; and where the field may be stated several times, it is no disagreement.
    pub fn disagreement(&self, change: &Change) -> Option<Disagreement> {
        let words = self.words().filter(|_| !self.many && self.on_conflict != OnConflict::Refuse)?;
        if self.claims(change).len() < 2 {
            return None;
        }
        let Reading::Stated { claims, level: Some(level) } = self.reading(change) else { return None };
        let mut levels = Vec::new();
        let mut stated = Vec::new();
        for claim in claims {
            let level = self.value(claim.value, change, claim.said).ok()?;
            if !levels.contains(&level) {
                levels.push(level);
                let at = claim.place(Finding::new(Line::default()), change).at;
                stated.push(Stated { value: claim.value.clone(), at });
            }
        }
        (1 < stated.len()).then(|| Disagreement {
            field: self.name.clone(),
            stated,
            counts: words.get(level).cloned().unwrap_or_default(),
        })
    }

    /// Returns the place of `word` in the field's list.
    pub fn level_of(&self, word: &str) -> Option<usize> {
        self.words()?.iter().position(|known| known.eq_ignore_ascii_case(word))
    }
}
