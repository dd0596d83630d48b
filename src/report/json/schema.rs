//! The structs of `changegate/verdict/v1`: every key that a program can rely on, in its order.
//!
//! They mirror the inner values today and are kept apart from them, so that the inner ones can
//! change without breaking a script.

use std::borrow::Cow;
use std::cell::RefCell;
use std::marker::PhantomData;

use serde::ser::{Error as _, SerializeMap, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::change::text::encode_hex;
use crate::change::{FactKind, Stage, Text};
use crate::report::text_spool::TextSpool;
use crate::verdict::{Decision, RuleLevel};

#[derive(Serialize)]
pub(crate) struct JsonDocument<'r> {
    pub(crate) schema: &'static str,
    pub(crate) decision: Decision,
    pub(crate) stage: Stage,
    pub(crate) enforced: bool,
    pub(crate) seen_at: String,
    pub(crate) policy: Option<JsonPolicy<'r>>,
    pub(crate) counts: JsonCounts,
    pub(crate) groups: Vec<JsonGroup<'r>>,
    pub(crate) notes: Vec<JsonMessage<'r>>,
}

#[derive(Serialize)]
pub(crate) struct JsonPolicy<'r> {
    pub(crate) name: &'r str,
    pub(crate) digest: String,
    pub(crate) source: &'r str,
}

#[derive(Serialize)]
pub(crate) struct JsonCounts {
    pub(crate) changes: usize,
    pub(crate) denied_changes: usize,
    pub(crate) denied_refs: usize,
    pub(crate) owed: usize,
    pub(crate) undecided: usize,
    pub(crate) warnings: usize,
    pub(crate) exempted: usize,
    pub(crate) deferred: usize,
}

#[derive(Serialize)]
pub(crate) struct JsonGroup<'r> {
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    pub(crate) name: JsonText<'r, NameKey>,
    #[serde(rename = "update")]
    pub(crate) update: Option<JsonRefUpdate>,
    pub(crate) decision: Decision,
    pub(crate) refusals: Vec<JsonJudgement<'r>>,
    pub(crate) changes: JsonChanges<'r>,
}

/// The changes of a group: as values, or as JSON that was written when each was judged.
pub(crate) enum JsonChanges<'r> {
    Held(Vec<JsonChange<'r>>),
    Spooled(RefCell<&'r mut TextSpool>),
}

impl Serialize for JsonChanges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let spool = match self {
            JsonChanges::Held(changes) => return changes.serialize(serializer),
            JsonChanges::Spooled(spool) => spool,
        };
        let mut spool = spool.try_borrow_mut().map_err(S::Error::custom)?;
        let mut list = serializer.serialize_seq(Some(spool.len()))?;
        for json in spool.read_texts().map_err(S::Error::custom)? {
            let json = json.map_err(S::Error::custom)?;
            list.serialize_element(&RawValue::from_string(json).map_err(S::Error::custom)?)?;
        }
        list.end()
    }
}

#[derive(Serialize)]
pub(crate) struct JsonRefUpdate {
    pub(crate) kind: &'static str,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct JsonChange<'r> {
    pub(crate) decision: Decision,
    pub(crate) revision: Option<String>,
    pub(crate) commits: usize,
    #[serde(flatten)]
    pub(crate) subject: JsonText<'r, SubjectKey>,
    pub(crate) stage: Stage,
    pub(crate) enforced: bool,
    pub(crate) class: Option<&'r str>,
    pub(crate) judgements: Vec<JsonJudgement<'r>>,
    pub(crate) disagreements: Vec<JsonDisagreement<'r>>,
    pub(crate) traces: Vec<JsonRuleTrace<'r>>,
}

#[derive(Serialize)]
pub(crate) struct JsonJudgement<'r> {
    pub(crate) rule: JsonRule<'r>,
    pub(crate) level: RuleLevel,
    pub(crate) outcome: &'static str,
    pub(crate) denies: bool,
    pub(crate) findings: Vec<JsonFinding<'r>>,
    pub(crate) obligations: Vec<JsonObligation<'r>>,
    pub(crate) missing: Vec<JsonMissing<'r>>,
    pub(crate) exemption: Option<JsonExemption<'r>>,
}

#[derive(Serialize)]
pub(crate) struct JsonRule<'r> {
    pub(crate) id: &'r str,
    pub(crate) title: &'r str,
    pub(crate) controls: &'r [String],
}

#[derive(Serialize)]
pub(crate) struct JsonFinding<'r> {
    pub(crate) code: &'r str,
    pub(crate) values: JsonValues<'r>,
    pub(crate) what: JsonSentence,
    pub(crate) at: JsonLocation<'r>,
    pub(crate) fixers: Vec<JsonFixer<'r>>,
    pub(crate) paste: Option<&'r str>,
}

#[derive(Serialize)]
pub(crate) struct JsonFixer<'r> {
    pub(crate) role: &'static str,
    pub(crate) teams: &'r [String],
    pub(crate) words: String,
}

#[derive(Serialize)]
pub(crate) struct JsonMessage<'r> {
    pub(crate) code: &'r str,
    pub(crate) values: JsonValues<'r>,
    #[serde(flatten)]
    pub(crate) sentence: JsonSentence,
}

/// The values of a message, as one object with their names.
pub(crate) struct JsonValues<'r>(pub(crate) Vec<(&'r str, JsonValue<'r>)>);

/// A value of a message, told apart by its JSON type.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum JsonValue<'r> {
    Plain(&'r str),
    Number(u64),
    Quoted(JsonText<'r, QuoteKey>),
    Nested(Box<JsonMessage<'r>>),
    List(Vec<JsonValue<'r>>),
}

#[derive(Serialize)]
pub(crate) struct JsonLocation<'r> {
    pub(crate) commit: Option<String>,
    pub(crate) line: Option<usize>,
    pub(crate) text: Option<&'static str>,
    #[serde(flatten)]
    pub(crate) path: JsonText<'r, PathKey>,
}

#[derive(Serialize)]
pub(crate) struct JsonDisagreement<'r> {
    pub(crate) field: &'r str,
    pub(crate) counts: &'r str,
    pub(crate) stated: Vec<JsonStatedValue<'r>>,
}

#[derive(Serialize)]
pub(crate) struct JsonStatedValue<'r> {
    #[serde(flatten)]
    pub(crate) value: JsonText<'r, ValueKey>,
    pub(crate) at: JsonLocation<'r>,
}

#[derive(Serialize)]
pub(crate) struct JsonObligation<'r> {
    pub(crate) code: &'r str,
    pub(crate) values: JsonValues<'r>,
    pub(crate) what: JsonSentence,
    pub(crate) owner: JsonFixer<'r>,
    pub(crate) due: Option<String>,
    pub(crate) evidence: JsonMessage<'r>,
}

#[derive(Serialize)]
pub(crate) struct JsonMissing<'r> {
    pub(crate) need: FactKind,
    pub(crate) why: &'static str,
    pub(crate) detail: Option<&'r str>,
}

#[derive(Serialize)]
pub(crate) struct JsonExemption<'r> {
    pub(crate) reason: &'r str,
    pub(crate) approved_by: &'r str,
    pub(crate) until: &'r str,
}

#[derive(Serialize)]
pub(crate) struct JsonSentence {
    pub(crate) text: String,
    pub(crate) parts: Vec<JsonSentencePart>,
}

#[derive(Serialize)]
pub(crate) struct JsonSentencePart {
    pub(crate) kind: &'static str,
    #[serde(flatten)]
    pub(crate) text: JsonText<'static, PartTextKey>,
}

#[derive(Serialize)]
pub(crate) struct JsonRuleTrace<'r> {
    pub(crate) rule: &'r str,
    #[serde(flatten)]
    pub(crate) question: JsonQuestion<'r>,
}

#[derive(Serialize)]
pub(crate) struct JsonQuestion<'r> {
    pub(crate) question: &'r str,
    pub(crate) answer: &'static str,
    pub(crate) parts: Vec<JsonQuestion<'r>>,
}

/// A text under a key of its own and, where it is not UTF-8, its bytes under `<key>_hex` beside it.
pub(crate) struct JsonText<'r, Key> {
    pub(crate) text: Option<Cow<'r, str>>,
    pub(crate) hex: Option<String>,
    pub(crate) key: PhantomData<Key>,
}

pub(crate) trait JsonTextKeys {
    const TEXT_KEY: &'static str;
    const HEX_KEY: &'static str;
}

macro_rules! text_keys {
    ($($name:ident $text:literal $hex:literal)*) => {$(
        pub(crate) struct $name;
        impl JsonTextKeys for $name {
            const TEXT_KEY: &'static str = $text;
            const HEX_KEY: &'static str = $hex;
        }
    )*};
}

text_keys! {
    NameKey "name" "name_hex"
    SubjectKey "subject" "subject_hex"
    PathKey "path" "path_hex"
    ValueKey "value" "value_hex"
    PartTextKey "text" "text_hex"
    QuoteKey "quote" "quote_hex"
}

impl<'r, Key> JsonText<'r, Key> {
    /// Returns words of our own, which are UTF-8.
    pub(crate) fn from_owned_words(words: String) -> Self {
        JsonText { text: Some(Cow::Owned(words)), hex: None, key: PhantomData }
    }

    /// Returns a copy of words of contributors.
    pub(crate) fn from_owned_text(text: &Text) -> Self {
        let lossy = Cow::Owned(text.to_lossy().into_owned());
        JsonText { text: Some(lossy), hex: encode_malformed(text), key: PhantomData }
    }

    /// Returns words of contributors, or `null` if there are none.
    pub(crate) fn from_text(text: Option<&'r Text>) -> Self {
        JsonText { text: text.map(Text::to_lossy), hex: text.and_then(encode_malformed), key: PhantomData }
    }
}

/// Returns the bytes of a text that is not UTF-8, as hexadecimal digits.
fn encode_malformed(text: &Text) -> Option<String> {
    if text.as_utf8().is_some() { None } else { Some(encode_hex(text.as_bytes())) }
}

impl Serialize for JsonValues<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<Key: JsonTextKeys> Serialize for JsonText<'_, Key> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(Key::TEXT_KEY, &self.text)?;
        if let Some(hex) = &self.hex {
            map.serialize_entry(Key::HEX_KEY, hex)?;
        }
        map.end()
    }
}
