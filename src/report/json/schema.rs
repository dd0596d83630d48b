//! The structs of `changegate/verdict/v1`: every key that a program can rely on, in its order.
//!
//! They mirror the inner values today and are kept apart from them, so that the inner ones can
//! change without breaking a script.

use std::cell::RefCell;

use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::change::Stage;
use crate::report::json::parts::*;
use crate::report::json::plan::JsonPlan;
use crate::report::json::reasons::JsonReasons;
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
    pub(crate) evaluate: bool,
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
    pub(crate) reasons: Option<JsonReasons<'r>>,
    pub(crate) plan: Option<JsonPlan<'r>>,
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
pub(crate) struct JsonExemption<'r> {
    pub(crate) reason: &'r str,
    pub(crate) approved_by: &'r str,
    pub(crate) until: &'r str,
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
