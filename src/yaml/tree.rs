//! The tree of a document: values with their places, and the faults that belong to places.

use std::fmt;

/// A place in a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YamlPlace {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// How many characters the value takes on that line; at least 1.
    pub length: usize,
}

impl fmt::Display for YamlPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlNode {
    /// Where the value starts.
    pub at: YamlPlace,
    /// The scalar, list or map.
    pub value: YamlValue,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum YamlValue {
    /// A single value, as text.
    Scalar {
        /// The text, unquoted and unfolded.
        text: String,
        /// True if it was written without quotes.
        is_plain: bool,
    },
    /// A list, in the order written.
    List(Vec<YamlNode>),
    /// A map, in the order written, without duplicate keys.
    Map(Vec<(YamlKey, YamlNode)>),
}

/// A key of a map and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlKey {
    /// Where the key starts.
    pub at: YamlPlace,
    /// The key, unquoted and unfolded.
    pub text: String,
}

/// What is wrong at a place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlFault {
    /// The place that is wrong.
    pub at: YamlPlace,
    /// What is wrong, in lower case and without a full stop.
    pub what: String,
    /// What to do about it, if there is more to say.
    pub help: Option<String>,
    /// What would have been accepted in this place, as far as that can be said.
    pub expected: ExpectedValue,
}

/// What a reader would have accepted. The schema of a policy is made from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExpectedValue {
    /// Something else, which the reader does not describe.
    #[default]
    Unspecified,
    /// A single value of any text.
    Text,
    /// A list of any values.
    List,
    /// A map with any keys.
    Map,
    /// One of these keys.
    Keys(Vec<String>),
    /// This key beside those that are there.
    Key(&'static str),
    /// One of these words.
    Words(Vec<String>),
    /// A whole number within these bounds.
    Number {
        /// The smallest number accepted.
        least: u64,
        /// The largest number accepted.
        most: u64,
    },
    /// `true` or `false`, without quotes.
    Bool,
    /// A calendar day such as 2027-06-30.
    Day,
    /// A question about a change.
    Condition,
    /// A file that the document builds on.
    BaseFile,
    /// A name that another part of the policy defines, or that part itself.
    DefinedName,
}

impl YamlFault {
    /// Returns a fault without help.
    pub fn new(at: YamlPlace, what: impl Into<String>) -> Self {
        YamlFault { at, what: what.into(), help: None, expected: ExpectedValue::Unspecified }
    }

    /// Says what would have been accepted.
    #[must_use]
    pub(crate) fn with_expected(mut self, expected: ExpectedValue) -> Self {
        self.expected = expected;
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// An empty list at no place, for what is left where a node has been taken out.
impl Default for YamlNode {
    fn default() -> Self {
        YamlNode { at: YamlPlace::default(), value: YamlValue::List(Vec::new()) }
    }
}

impl YamlNode {
    /// Returns what the value is, in words for an error message.
    pub(crate) fn describe_kind(&self) -> &'static str {
        match &self.value {
            YamlValue::Scalar { text, is_plain: true } if is_null_word(text) => "nothing",
            YamlValue::Scalar { .. } => "a single value",
            YamlValue::List(_) => "a list",
            YamlValue::Map(_) => "a map",
        }
    }

    /// Returns true if nothing was written here (empty, `~` or `null`, unquoted).
    pub fn is_null(&self) -> bool {
        matches!(&self.value, YamlValue::Scalar { text, is_plain: true } if is_null_word(text))
    }
}

fn is_null_word(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
