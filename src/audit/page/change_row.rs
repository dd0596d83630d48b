//! The line of a change in the change log of the page: what it can be found, sorted and filtered by.

use serde_json::{Value, json};

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::field_values::{RISK, TICKET};
use crate::audit::change_record::standing::{ChangeOutcome, GateBypass};
use crate::audit::page::page_text::{show_name, show_words};
use crate::audit::table::format_table_time;
use crate::change::Text;

/// How many people a line names.
const MAX_NAMED: usize = 5;

/// What a line holds, in the order of its values; the program of the page reads them by these names.
pub(super) const ROW_KEYS: [&str; 14] = [
    "number",
    "landed",
    "repository",
    "commit",
    "title",
    "author",
    "approvers",
    "ticket",
    "class",
    "risk",
    "result",
    "state",
    "remarks",
    "exceptions",
];

/// Returns the class of a change as plots and the change log name it.
pub(super) fn name_class(change: &ChangeRecord) -> String {
    let classes = change.list_classes();
    if classes.is_empty() {
        let word = if change.gate_result().is_evaluated() { "no class" } else { "not judged" };
        return word.to_owned();
    }
    show_words(&classes.join("; "))
}

/// Returns the line of the change with this number, which `exceptions` are about.
pub(super) fn build_log_row(number: usize, change: &ChangeRecord, exceptions: usize) -> Value {
    let facts = change.facts.as_ref().ok();
    let approvals = change.list_counting_approvals();
    let named = approvals.iter().filter_map(|approval| approval.by.as_ref()).take(MAX_NAMED);
    let mut approvers = named.map(show_name).collect::<Vec<_>>().join("; ");
    if approvals.len() > MAX_NAMED {
        approvers.push_str("; ...");
    }
    json!([
        number,
        format_table_time(change.landing.at),
        show_words(&change.repository),
        change.id.to_string(),
        facts.map(|facts| show_name(&facts.title)).unwrap_or_default(),
        facts.map(|facts| show_name(&facts.author.name)).unwrap_or_default(),
        approvers,
        change.find_value(TICKET).as_ref().map(show_name).unwrap_or_default(),
        name_class(change),
        change.find_word(RISK).map(|word| show_name(&Text::from(word))).unwrap_or_default(),
        change.name_gate_result(),
        change.state().code(),
        list_remarks(change),
        exceptions,
    ])
}

/// Returns what sets the change apart from others.
fn list_remarks(change: &ChangeRecord) -> String {
    let mut remarks = Vec::new();
    match change.bypass() {
        GateBypass::None | GateBypass::NotKnown => {}
        other => remarks.push(other.code()),
    }
    if change.outcome() != ChangeOutcome::NoneReported {
        remarks.push(change.outcome().code());
    }
    if change.is_emergency() {
        remarks.push("emergency");
    }
    if !change.attempts.is_empty() {
        remarks.push("refused-before");
    }
    remarks.join("; ")
}
