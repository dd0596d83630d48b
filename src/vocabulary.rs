//! The fields that a policy knows: what they are called, what may stand in them, and what counts
//! when they are stated more than once.
//!
//! A field is read from commit trailers; each statement is a claim and keeps its place. Keys compare
//! without regard to case, as git's own tools do.

use crate::change::person::is_invisible;
use crate::change::{Change, Person, Text, text};
use crate::pattern::ValuePattern;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::{Map, choice, count, entries, one, texts, truth, unknown};
use crate::yaml::{Fault, Key, Node, shown};

/// The fields of a policy, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    fields: Vec<Field>,
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
    Matches(ValuePattern),
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
    /// Which commit of the change states it.
    pub commit: usize,
    /// On which line of its message.
    pub line: usize,
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
            self.fields.push(field);
        }
    }

    /// Returns the field that is called `name`, or has it as an alias.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.answers_to(name))
    }

    /// Returns the place of the field that `node` names; leaves a fault if there is none.
    pub fn find(&self, node: &Node, written: &str, faults: &mut Vec<Fault>) -> Option<&Field> {
        let found = self.field(written);
        if found.is_none() {
            let key = Key { at: node.at, text: written.to_owned() };
            faults.push(unknown("field", &key, self.names()));
        }
        found
    }

    /// Returns every key that the policy gives a meaning, aliases among them.
    pub fn keys(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().flat_map(Field::keys)
    }

    /// Returns the fields, in the policy's order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns every pattern that values are held against.
    pub fn patterns(&self) -> impl Iterator<Item = &ValuePattern> {
        self.fields.iter().filter_map(|field| match &field.kind {
            Kind::Matches(pattern) => Some(pattern),
            _ => None,
        })
    }

    /// Returns the names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.fields.iter().map(|field| field.name.as_str())
    }
}

impl Field {
    fn read(key: &Key, node: &Node, faults: &mut Vec<Fault>) -> Option<Self> {
        trailer_key(&key.text).map_err(|what| faults.push(Fault::new(key.at, what))).ok()?;
        let mut map = Map::new(node, faults)?;
        let kinds = ["one-of", "ordered", "matches", "text", "person"].map(|kind| (kind, map.get(kind)));
        let given: Vec<_> = kinds.iter().filter_map(|(kind, node)| node.map(|node| (*kind, node))).collect();
        let kind = match given.as_slice() {
            [("one-of", node)] => Kind::OneOf(words(node, faults)),
            [("ordered", node)] => Kind::Ordered(words(node, faults)),
            [("matches", node)] => one(node, faults, ValuePattern::new).map(Kind::Matches)?,
            [("text", node)] => prose(node, faults)?,
            [("person", node)] => match truth(node, faults)? {
                true => Kind::Person,
                false => {
                    faults.push(Fault::new(node.at, "`person` can only be `true`"));
                    return None;
                }
            },
            [] | [_] => {
                faults.push(
                    Fault::new(node.at, format!("it is not said what may stand in `{}`", shown(&key.text)))
                        .help("give one of one-of, ordered, matches, text, person"),
                );
                map.knows(&["aliases", "many", "on-conflict"]);
                map.finish(faults);
                return None;
            }
            [_, (second, node), ..] => {
                faults.push(Fault::new(
                    node.at,
                    format!("`{second}` contradicts what was said before; keep one"),
                ));
                return None;
            }
        };
        let aliases = map.get("aliases").map(|node| {
            let aliases = texts(node, faults);
            for alias in &aliases {
                if let Err(what) = trailer_key(alias) {
                    faults.push(Fault::new(node.at, what));
                }
            }
            aliases.into_iter().map(str::to_owned).collect()
        });
        let many = map.get("many").and_then(|node| truth(node, faults)).unwrap_or(kind == Kind::Person);
        let on_conflict = map.get("on-conflict").and_then(|node| {
            let listed = matches!(kind, Kind::OneOf(_) | Kind::Ordered(_));
            let choices = [
                ("refuse", OnConflict::Refuse),
                ("strictest", OnConflict::Strictest),
                ("highest", OnConflict::Highest),
            ];
            let chosen = choice(node, &choices, faults)?;
            if !listed && chosen != OnConflict::Refuse {
                faults.push(Fault::new(node.at, "only a list of words has a strictest or a highest value"));
            }
            Some(chosen)
        });
        map.finish(faults);
        Some(Field {
            name: key.text.clone(),
            aliases: aliases.unwrap_or_default(),
            kind,
            many,
            on_conflict: on_conflict.unwrap_or(OnConflict::Refuse),
        })
    }

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
            Kind::Matches(pattern) => format!("<like {pattern}>"),
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
                        commit,
                        line: trailer.line,
                    });
                }
            }
        }
        claims
    }

    /// Returns what the change says in this field.
    pub fn reading<'change>(&self, change: &'change Change) -> Reading<'change> {
        let claims = self.claims(change);
        if claims.is_empty() {
            return Reading::Absent;
        }
        let at = |claim: &Claim<'_>, what: Line| {
            let commit = change.commits.get(claim.commit).and_then(|commit| commit.id);
            Finding::new(what).in_commit(commit).on_line(claim.line)
        };
        let mut levels = Vec::new();
        let mut findings = Vec::new();
        for claim in &claims {
            match self.value(claim.value, change, claim.commit) {
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

    /// Returns the place of `word` in the field's list.
    pub fn level_of(&self, word: &str) -> Option<usize> {
        self.words()?.iter().position(|known| known.eq_ignore_ascii_case(word))
    }

    /// Returns which word a value stands for (`None` for a field that is no list of words), or what
    /// is wrong with it.
    fn value(&self, value: &Text, change: &Change, commit: usize) -> Result<Option<usize>, Line> {
        let wrong =
            |reason: &str| Line::say(format!("`{}` is ", self.name)).quote(value).and(format!(", {reason}"));
        if value.as_bytes().iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(wrong("which contains control characters"));
        }
        let Some(written) = value.as_utf8() else { return Err(wrong("which is not UTF-8")) };
        if written.trim().is_empty() {
            return Err(Line::say(format!("`{}` is empty", self.name)));
        }
        match &self.kind {
            Kind::OneOf(words) | Kind::Ordered(words) => {
                let word = written.split(';').next().unwrap_or_default().trim();
                self.level_of(word)
                    .map(Some)
                    .ok_or_else(|| wrong(&format!("which is none of {}", words.join(", "))))
            }
            Kind::Matches(pattern) => match pattern.matches(value.as_bytes()) {
                Some(true) => Ok(None),
                Some(false) => Err(wrong(&format!("which is not of the form {pattern}"))),
                None => Err(wrong("which cannot be compared, because the policy's pattern is too large")),
            },
            Kind::Person => match Person::read(value.as_bytes()) {
                Ok(_) => Ok(None),
                Err(reason) => Err(wrong(&format!("which is not a person: {}", reason.reason()))),
            },
            Kind::Text { min_length, refuse } => {
                let said = substance(written);
                if is_placeholder(written) || refuse.iter().any(|phrase| substance(phrase) == said) {
                    return Err(wrong("which says nothing"));
                }
                let subject = change.commits.get(commit).map(|commit| commit.message.subject());
                if subject.is_some_and(|subject| substance(&subject.to_lossy()) == said) {
                    return Err(wrong("which only repeats the subject"));
                }
                let length = u64::try_from(said.chars().count()).unwrap_or(u64::MAX);
                if length < *min_length {
                    return Err(wrong(&format!(
                        "which is too short: {length} letters and digits, and at least {min_length} are asked for"
                    )));
                }
                Ok(None)
            }
        }
    }
}

/// Returns the letters and digits of `written` in lower case: what is left once punctuation, space
/// and everything invisible is gone.
fn substance(written: &str) -> String {
    written
        .chars()
        .filter(|character| character.is_alphanumeric() && !is_invisible(*character))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Returns true for what people type to get past a question: `TODO`, `n/a`, `<describe>`, `xxx`.
fn is_placeholder(written: &str) -> bool {
    const NOTHING_SAID: [&str; 22] = [
        "",
        "tbd",
        "tba",
        "todo",
        "fixme",
        "na",
        "none",
        "no",
        "yes",
        "same",
        "seeabove",
        "asabove",
        "ditto",
        "nil",
        "null",
        "unknown",
        "notapplicable",
        "placeholder",
        "test",
        "loremipsum",
        "inyourownwords",
        "describe",
    ];
    let said = substance(written);
    let trimmed = text::trim(written.as_bytes());
    let template = trimmed.starts_with(b"<") && trimmed.ends_with(b">");
    let one_character =
        said.chars().next().is_some_and(|first| said.chars().all(|character| character == first));
    template || one_character || NOTHING_SAID.contains(&said.as_str())
}

fn words(node: &Node, faults: &mut Vec<Fault>) -> Vec<String> {
    let words: Vec<String> = texts(node, faults).into_iter().map(str::to_owned).collect();
    for (index, word) in words.iter().enumerate() {
        if word.contains(';') || word.trim() != word {
            faults.push(Fault::new(node.at, format!("`{}` cannot be a word of a field", shown(word))));
        }
        if words.iter().take(index).any(|earlier| earlier.eq_ignore_ascii_case(word)) {
            faults.push(Fault::new(node.at, format!("`{}` is listed twice", shown(word))));
        }
    }
    words
}

fn prose(node: &Node, faults: &mut Vec<Fault>) -> Option<Kind> {
    let mut map = Map::new(node, faults)?;
    let min_length = map.get("min-length").and_then(|node| count(node, 1, 10_000, faults)).unwrap_or(1);
    let refuse = map.get("refuse").map(|node| texts(node, faults)).unwrap_or_default();
    map.finish(faults);
    Some(Kind::Text { min_length, refuse: refuse.into_iter().map(str::to_owned).collect() })
}

fn trailer_key(key: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if key.is_empty() || 64 < key.len() || !key.bytes().all(plain) {
        return Err(format!("`{}` cannot be a trailer's key: only letters, digits and `-`", shown(key)));
    }
    Ok(())
}
