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
pub(crate) struct JsonDocument<'r> {
    pub(crate) schema: &'static str,
    pub(crate) decision: Decision,
    pub(crate) stage: Stage,
    pub(crate) enforced: bool,
    pub(crate) seen_at: String,
    pub(crate) policy: Option<JsonPolicy<'r>>,
    pub(crate) counts: JsonCounts,
    pub(crate) groups: Vec<JsonGroup<'r>>,
    pub(crate) notes: Vec<JsonSentence>,
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
    pub(crate) changes: Vec<JsonChange<'r>>,
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
    pub(crate) obligations: Vec<JsonObligation>,
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
    pub(crate) what: JsonSentence,
    pub(crate) at: JsonLocation<'r>,
    pub(crate) who: String,
    pub(crate) paste: Option<&'r str>,
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
pub(crate) struct JsonObligation {
    pub(crate) what: String,
    pub(crate) owner: String,
    pub(crate) due: Option<String>,
    pub(crate) evidence: String,
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

macro_rules! keys {
    ($($name:ident $text:literal $hex:literal)*) => {$(
        pub(crate) struct $name;
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
    pub(crate) fn from_owned_words(words: String) -> Self {
        JsonText { text: Some(Cow::Owned(words)), hex: None, key: PhantomData }
    }

    /// Returns a copy of words of others.
    pub(crate) fn from_owned_text(text: &Text) -> Self {
        let hex = text.as_utf8().is_none().then(|| encode_hex(text.as_bytes()));
        JsonText { text: Some(Cow::Owned(text.to_lossy().into_owned())), hex, key: PhantomData }
    }

    /// Returns words of somebody else, or `null` if there are none.
    pub(crate) fn from_text(text: Option<&'r Text>) -> Self {
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
