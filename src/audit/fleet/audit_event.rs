//! What an audit finds, one thing after the other: the report is made of nothing else.
//!
//! Events are stored in a data set as JSON. A field that changes its meaning, or is taken away, needs a new version of
//! [`EVENT_SHEET`], so that a report is never made of what another version meant.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audit::audit_manifest::AuditedRepository;
use crate::audit::change_record::ChangeRecord;
use crate::audit::completeness::CompletenessCheck;
use crate::audit::exceptions::AuditException;
use crate::audit::inputs::known_inputs::KnownInputs;
use crate::audit::population::population_entry::PopulationEntry;
use crate::audit::population::refused_push::RefusedPush;
use crate::audit::table::{ColumnKind, TableColumn, TableSheet};
use crate::policy::Policy;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;

/// One thing that an audit finds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant, reason = "one event lives at a time, and most of them are borrowed")]
pub enum AuditEvent<'a> {
    /// The audit of a ref begins; true if there is a ledger.
    RefBegun(bool),
    /// A policy, before the first change that it judged.
    Policy(Cow<'a, PolicyOutline>),
    /// An entry of the population.
    Entry(Cow<'a, PopulationEntry>),
    /// A change, after its entry.
    Change(Cow<'a, ChangeRecord>),
    /// An exception that no change has.
    Exception(Cow<'a, AuditException>),
    /// A push or a merge that was refused.
    Refusal(Cow<'a, RefusedPush>),
    /// The audit of a ref has ended.
    RefEnded(Cow<'a, RefClosing>),
    /// A repository could not be audited, or not to its end.
    NotAudited(Cow<'a, UnreadRepository>),
}

/// What is kept of a policy: which controls its rules support.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicyOutline {
    /// The name of the policy.
    pub name: String,
    /// The SHA-256 of everything that it was read from.
    pub digest: String,
    /// Its rules, by their ids.
    pub rules: BTreeMap<String, RuleOutline>,
}

/// What is kept of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RuleOutline {
    /// What the rule requires, as a sentence.
    pub title: String,
    /// The controls that it supports.
    pub controls: Vec<String>,
    /// The field without which the rule asks nothing of a change, as a temporary change states its end in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_after: Option<String>,
}

/// What is known of a ref when its audit has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefClosing {
    /// The repository and the ref, with what they held.
    pub repository: AuditedRepository,
    /// What was compared.
    pub completeness: Vec<CompletenessCheck>,
    /// What cannot be said of this ref.
    pub limits: Vec<String>,
    /// True if a part of its history is missing.
    pub has_holes: bool,
    /// Which lines of the given files its history knows.
    #[serde(default)]
    pub known_inputs: KnownInputs,
}

/// A repository that could not be audited, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UnreadRepository {
    /// Its name, or the line of the list that stands for several.
    pub name: String,
    /// Where it was looked for.
    pub source: String,
    /// Why it could not be audited.
    pub why: String,
}

/// The events of one repository as a table.
pub static EVENT_SHEET: TableSheet = TableSheet {
    name: "events",
    version: 2,
    title: "Events",
    columns: &[
        TableColumn::new("place", "Place", ColumnKind::Integer, "The number of the event, from 1."),
        TableColumn::new("event", "Event", ColumnKind::Text, "The event as JSON."),
    ],
};

impl From<&Policy> for PolicyOutline {
    fn from(policy: &Policy) -> PolicyOutline {
        let mut rules = BTreeMap::new();
        for rule in &policy.rules {
            let description = &rule.description;
            let asked_after = match &rule.require {
                Condition::Predicate(Predicate::Field(asked)) => asked.find_end_field().map(str::to_owned),
                _ => None,
            };
            let outline = RuleOutline {
                title: description.title.clone(),
                controls: description.controls.clone(),
                asked_after,
            };
            rules.insert(description.id.to_string(), outline);
        }
        PolicyOutline { name: policy.name.clone(), digest: policy.digest.clone(), rules }
    }
}
