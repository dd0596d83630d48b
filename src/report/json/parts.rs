//! The parts that the schema is built of: texts, messages, places.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::change::text::encode_hex;
use crate::change::{FactKind, Missing, Oid, Text};
use crate::verdict::{ChangeLocation, Fixer, Message, MessageValue, Sentence, SentencePart};

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
pub(crate) struct JsonMissing<'r> {
    pub(crate) need: FactKind,
    pub(crate) why: &'static str,
    pub(crate) detail: Option<&'r str>,
}

#[derive(Serialize)]
pub(crate) struct JsonFixer<'r> {
    pub(crate) role: &'static str,
    pub(crate) teams: &'r [String],
    pub(crate) words: String,
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
    ByKey "by" "by_hex"
    KeyKey "key" "key_hex"
    TitleKey "title" "title_hex"
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

pub(crate) fn format_id(id: Oid) -> String {
    id.to_string()
}

pub(crate) fn build_json_message(message: &Message) -> JsonMessage<'_> {
    JsonMessage {
        code: message.code(),
        values: build_json_values(message),
        sentence: build_json_sentence(message.sentence()),
    }
}

pub(crate) fn build_json_values(message: &Message) -> JsonValues<'_> {
    JsonValues(message.values().map(|(name, value)| (name, build_json_value(value))).collect())
}

pub(crate) fn build_json_value(value: &MessageValue) -> JsonValue<'_> {
    match value {
        MessageValue::Plain(words) => JsonValue::Plain(words),
        MessageValue::Number(number) => JsonValue::Number(*number),
        MessageValue::Quoted(text) => JsonValue::Quoted(JsonText::from_text(Some(text))),
        MessageValue::Nested(message) => JsonValue::Nested(Box::new(build_json_message(message))),
        MessageValue::List(items) => JsonValue::List(items.iter().map(build_json_value).collect()),
        MessageValue::Unrecorded(value) => match value.shown() {
            Some(shown) => build_json_value(shown),
            None => JsonValue::Plain(crate::verdict::message::NOT_RECORDED),
        },
    }
}

pub(crate) fn build_json_location(at: &ChangeLocation) -> JsonLocation<'_> {
    let text = if at.in_description { "description" } else { "message" };
    JsonLocation {
        commit: at.commit.map(format_id),
        line: at.line,
        text: at.line.and(Some(text)),
        path: JsonText::from_text(at.path.as_ref()),
    }
}

pub(crate) fn build_json_fixer(fixer: &Fixer) -> JsonFixer<'_> {
    JsonFixer { role: fixer.role_code(), teams: fixer.teams(), words: fixer.to_string() }
}

/// Returns a missing fact in the form of the schema, for formats that hold JSON.
pub(crate) fn serialize_missing(missing: &Missing) -> impl Serialize + '_ {
    build_json_missing(missing)
}

pub(crate) fn build_json_missing(missing: &Missing) -> JsonMissing<'_> {
    let (why, detail) = match missing {
        Missing::NotAtThisStage(_) => ("not-at-this-stage", None),
        Missing::NotConfigured(_) => ("not-configured", None),
        Missing::Unavailable(_, detail) | Missing::TooLarge(_, detail) | Missing::NotGiven(_, detail) => {
            ("unavailable", Some(detail.as_str()))
        }
    };
    JsonMissing { need: missing.fact_kind(), why, detail }
}

pub(crate) fn build_json_sentence(sentence: Sentence) -> JsonSentence {
    let mut text = String::new();
    let mut parts = Vec::new();
    for part in sentence.0 {
        let (kind, words) = match part {
            SentencePart::Say(own) => {
                text.push_str(&own);
                ("say", JsonText::from_owned_words(own))
            }
            SentencePart::Quote(quote) => {
                text.push_str(&format!("`{}`", quote.to_lossy()));
                ("quote", JsonText::from_owned_text(&quote))
            }
        };
        parts.push(JsonSentencePart { kind, text: words });
    }
    JsonSentence { text, parts }
}
