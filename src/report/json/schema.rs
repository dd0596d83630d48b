//! The structs of `changegate/verdict/v1`: every key that a program can rely on, in its order.
//!
//! They mirror the inner values today and are kept apart from them, so that the inner ones can
//! change without breaking anybody's script.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::Serialize;

use crate::change::text::hex;
use crate::change::{Need, Stage, Text};
use crate::verdict::{Decision, Level};

#[derive(Serialize)]
pub(super) struct Document<'r> {
    pub(super) schema: &'static str,
    pub(super) decision: Decision,
    pub(super) stage: Stage,
    pub(super) enforced: bool,
    pub(super) seen_at: String,
    pub(super) policy: Option<Policy<'r>>,
    pub(super) counts: Tally,
    pub(super) groups: Vec<JsonGroup<'r>>,
    pub(super) notes: Vec<Sentence<'r>>,
}

#[derive(Serialize)]
pub(super) struct Policy<'r> {
    pub(super) name: &'r str,
    pub(super) digest: String,
    pub(super) source: &'r str,
}

#[derive(Serialize)]
pub(super) struct Tally {
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
    pub(super) name: Words<'r, Name>,
    #[serde(rename = "update")]
    pub(super) update: Option<JsonUpdate>,
    pub(super) decision: Decision,
    pub(super) refusals: Vec<JsonJudgement<'r>>,
    pub(super) changes: Vec<Change<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonUpdate {
    pub(super) kind: &'static str,
    pub(super) old: Option<String>,
    pub(super) new: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Change<'r> {
    pub(super) decision: Decision,
    pub(super) revision: Option<String>,
    pub(super) commits: usize,
    #[serde(flatten)]
    pub(super) subject: Words<'r, Subject>,
    pub(super) stage: Stage,
    pub(super) enforced: bool,
    pub(super) class: Option<&'r str>,
    pub(super) judgements: Vec<JsonJudgement<'r>>,
    pub(super) disagreements: Vec<JsonDisagreement<'r>>,
    pub(super) traces: Vec<JsonTrace<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonJudgement<'r> {
    pub(super) rule: Rule<'r>,
    pub(super) level: Level,
    pub(super) outcome: &'static str,
    pub(super) denies: bool,
    pub(super) findings: Vec<JsonFinding<'r>>,
    pub(super) obligations: Vec<JsonObligation<'r>>,
    pub(super) missing: Vec<JsonMissing<'r>>,
    pub(super) exemption: Option<Exemption<'r>>,
}

#[derive(Serialize)]
pub(super) struct Rule<'r> {
    pub(super) id: &'r str,
    pub(super) title: &'r str,
    pub(super) controls: &'r [String],
}

#[derive(Serialize)]
pub(super) struct JsonFinding<'r> {
    pub(super) what: Sentence<'r>,
    pub(super) at: Spot<'r>,
    pub(super) who: &'r str,
    pub(super) paste: Option<&'r str>,
}

#[derive(Serialize)]
pub(super) struct Spot<'r> {
    pub(super) commit: Option<String>,
    pub(super) line: Option<usize>,
    pub(super) text: Option<&'static str>,
    #[serde(flatten)]
    pub(super) path: Words<'r, Path>,
}

#[derive(Serialize)]
pub(super) struct JsonDisagreement<'r> {
    pub(super) field: &'r str,
    pub(super) counts: &'r str,
    pub(super) stated: Vec<JsonStated<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonStated<'r> {
    #[serde(flatten)]
    pub(super) value: Words<'r, Value>,
    pub(super) at: Spot<'r>,
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
    pub(super) need: Need,
    pub(super) why: &'static str,
    pub(super) detail: Option<&'r str>,
}

#[derive(Serialize)]
pub(super) struct Exemption<'r> {
    pub(super) reason: &'r str,
    pub(super) approved_by: &'r str,
    pub(super) until: &'r str,
}

#[derive(Serialize)]
pub(super) struct Sentence<'r> {
    pub(super) text: String,
    pub(super) parts: Vec<JsonPart<'r>>,
}

#[derive(Serialize)]
pub(super) struct JsonPart<'r> {
    pub(super) kind: &'static str,
    #[serde(flatten)]
    pub(super) text: Words<'r, InPart>,
}

#[derive(Serialize)]
pub(super) struct JsonTrace<'r> {
    pub(super) rule: &'r str,
    #[serde(flatten)]
    pub(super) question: Question<'r>,
}

#[derive(Serialize)]
pub(super) struct Question<'r> {
    pub(super) question: &'r str,
    pub(super) answer: &'static str,
    pub(super) parts: Vec<Question<'r>>,
}

/// A text under a key of its own and, where it is not UTF-8, its bytes under `<key>_hex` beside it.
pub(super) struct Words<'r, Key> {
    pub(super) text: Option<Cow<'r, str>>,
    pub(super) hex: Option<String>,
    pub(super) key: PhantomData<Key>,
}

pub(super) trait Keys {
    const TEXT: &'static str;
    const HEX: &'static str;
}

macro_rules! keys {
    ($($name:ident $text:literal $hex:literal)*) => {$(
        pub(super) struct $name;
        impl Keys for $name {
            const TEXT: &'static str = $text;
            const HEX: &'static str = $hex;
        }
    )*};
}

keys! {
    Name "name" "name_hex"
    Subject "subject" "subject_hex"
    Path "path" "path_hex"
    Value "value" "value_hex"
    InPart "text" "text_hex"
}

impl<'r, Key> Words<'r, Key> {
    /// Returns words of our own.
    pub(super) fn own(words: &'r str) -> Self {
        Words { text: Some(Cow::Borrowed(words)), hex: None, key: PhantomData }
    }

    /// Returns words of somebody else, or `null` if there are none.
    pub(super) fn new(text: Option<&'r Text>) -> Self {
        let malformed = text.filter(|text| text.as_utf8().is_none());
        Words {
            text: text.map(Text::to_lossy),
            hex: malformed.map(|text| hex(text.as_bytes())),
            key: PhantomData,
        }
    }
}

impl<Key: Keys> Serialize for Words<'_, Key> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(Key::TEXT, &self.text)?;
        if let Some(hex) = &self.hex {
            map.serialize_entry(Key::HEX, hex)?;
        }
        map.end()
    }
}
