//! The structs of `changegate/verdict/v1`: every key that a program can rely on, in its order.
//!
//! They mirror the inner values today and are kept apart from them, so that the inner ones can
//! change without breaking anybody's script.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::Serialize;

use crate::change::text::encode_hex;
use crate::change::{FactKind, Stage, Text};
use crate::verdict::{Decision, RuleLevel};

#[derive(Serialize)]
pub(super) struct JsonDocument<'r> {
    pub(super) schema: &'static str,
    pub(super) decision: Decision,
    pub(super) stage: Stage,
    pub(super) enforced: bool,
    pub(super) seen_at: String,
    pub(super) policy: Option<JsonPolicy<'r>>,
    pub(super) counts: JsonCounts,
    pub(super) groups: Vec<JsonGroup<'r>>,
    pub(super) notes: Vec<JsonSentence<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonPolicy<'r> {
    pub(super) name: &'r str,
    pub(super) digest: String,
    pub(super) source: &'r str,
}

#[derive(Serialize)]
pub(super) struct JsonCounts {
    pub(super) changes: usize,
    pub(super) denied_changes: usize,
    pub(super) denied_refs: usize,
    pub(super) owed: usize,
    pub(super) undecided: usize,
    pub(super) warnings: usize,
    pub(super) exempted: usize,
    pub(super) deferred: usize,
}

#[derive(Serialize)]
pub(super) struct JsonGroup<'r> {
    pub(super) kind: &'static str,
    #[serde(flatten)]
    pub(super) name: JsonText<'r, NameKey>,
    #[serde(rename = "update")]
    pub(super) update: Option<JsonRefUpdate>,
    pub(super) decision: Decision,
    pub(super) refusals: Vec<JsonJudgement<'r>>,
    pub(super) changes: Vec<JsonChange<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonRefUpdate {
    pub(super) kind: &'static str,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

#[derive(Serialize)]
pub(super) struct JsonChange<'r> {
    pub(super) decision: Decision,
    pub(super) revision: Option<String>,
    pub(super) commits: usize,
    #[serde(flatten)]
    pub(super) subject: JsonText<'r, SubjectKey>,
    pub(super) stage: Stage,
    pub(super) enforced: bool,
    pub(super) class: Option<&'r str>,
    pub(super) judgements: Vec<JsonJudgement<'r>>,
    pub(super) disagreements: Vec<JsonDisagreement<'r>>,
    pub(super) traces: Vec<JsonRuleTrace<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonJudgement<'r> {
    pub(super) rule: JsonRule<'r>,
    pub(super) level: RuleLevel,
    pub(super) outcome: &'static str,
    pub(super) denies: bool,
    pub(super) findings: Vec<JsonFinding<'r>>,
    pub(super) obligations: Vec<JsonObligation<'r>>,
    pub(super) missing: Vec<JsonMissing<'r>>,
    pub(super) exemption: Option<JsonExemption<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonRule<'r> {
    pub(super) id: &'r str,
    pub(super) title: &'r str,
    pub(super) controls: &'r [String],
}

#[derive(Serialize)]
pub(super) struct JsonFinding<'r> {
    pub(super) what: JsonSentence<'r>,
    pub(super) at: JsonLocation<'r>,
    pub(super) who: &'r str,
    pub(super) paste: Option<&'r str>,
}

#[derive(Serialize)]
pub(super) struct JsonLocation<'r> {
    pub(super) commit: Option<String>,
    pub(super) line: Option<usize>,
    pub(super) text: Option<&'static str>,
    #[serde(flatten)]
    pub(super) path: JsonText<'r, PathKey>,
}

#[derive(Serialize)]
pub(super) struct JsonDisagreement<'r> {
    pub(super) field: &'r str,
    pub(super) counts: &'r str,
    pub(super) stated: Vec<JsonStatedValue<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonStatedValue<'r> {
    #[serde(flatten)]
    pub(super) value: JsonText<'r, ValueKey>,
    pub(super) at: JsonLocation<'r>,
}

#[derive(Serialize)]
pub(super) struct JsonObligation<'r> {
    pub(super) what: &'r str,
    pub(super) owner: &'r str,
    pub(super) due: Option<String>,
    pub(super) evidence: &'r str,
}

#[derive(Serialize)]
pub(super) struct JsonMissing<'r> {
    pub(super) need: FactKind,
    pub(super) why: &'static str,
    pub(super) detail: Option<&'r str>,
}

#[derive(Serialize)]
pub(super) struct JsonExemption<'r> {
    pub(super) reason: &'r str,
    pub(super) approved_by: &'r str,
    pub(super) until: &'r str,
}

#[derive(Serialize)]
pub(super) struct JsonSentence<'r> {
    pub(super) text: String,
    pub(super) parts: Vec<JsonSentencePart<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonSentencePart<'r> {
    pub(super) kind: &'static str,
    #[serde(flatten)]
    pub(super) text: JsonText<'r, PartTextKey>,
}

#[derive(Serialize)]
pub(super) struct JsonRuleTrace<'r> {
    pub(super) rule: &'r str,
    #[serde(flatten)]
    pub(super) question: JsonQuestion<'r>,
}

#[derive(Serialize)]
pub(super) struct JsonQuestion<'r> {
    pub(super) question: &'r str,
    pub(super) answer: &'static str,
    pub(super) parts: Vec<JsonQuestion<'r>>,
}

/// A text under a key of its own and, where it is not UTF-8, its bytes under `<key>_hex` beside it.
pub(super) struct JsonText<'r, Key> {
    pub(super) text: Option<Cow<'r, str>>,
    pub(super) hex: Option<String>,
    pub(super) key: PhantomData<Key>,
}

pub(super) trait JsonTextKeys {
    const TEXT_KEY: &'static str;
    const HEX_KEY: &'static str;
}

macro_rules! keys {
    ($($name:ident $text:literal $hex:literal)*) => {$(
        pub(super) struct $name;
        impl JsonTextKeys for $name {
            const TEXT_KEY: &'static str = $text;
            const HEX_KEY: &'static str = $hex;
        }
    )*};
}

keys! {
    NameKey "name" "name_hex"
    SubjectKey "subject" "subject_hex"
    PathKey "path" "path_hex"
    ValueKey "value" "value_hex"
    PartTextKey "text" "text_hex"
}

impl<'r, Key> JsonText<'r, Key> {
    /// Returns words of our own.
    pub(super) fn from_own_words(words: &'r str) -> Self {
        JsonText { text: Some(Cow::Borrowed(words)), hex: None, key: PhantomData }
    }

    /// Returns words of somebody else, or `null` if there are none.
    pub(super) fn from_text(text: Option<&'r Text>) -> Self {
        let malformed = text.filter(|text| text.as_utf8().is_none());
        JsonText {
            text: text.map(Text::to_lossy),
            hex: malformed.map(|text| encode_hex(text.as_bytes())),
            key: PhantomData,
        }
    }
}

impl<Key: JsonTextKeys> Serialize for JsonText<'_, Key> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(Key::TEXT_KEY, &self.text)?;
        if let Some(hex) = &self.hex {
            map.serialize_entry(Key::HEX_KEY, hex)?;
        }
        map.end()
    }
}
