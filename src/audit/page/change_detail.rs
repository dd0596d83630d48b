//! Everything that the page shows of one change, as data for its program.

use serde::Serialize;

use crate::audit::change_record::{ChangeJudgement, ChangeRecord};
use crate::audit::exceptions::AuditException;
use crate::audit::page::page_text::{show_name, show_text, show_words};
use crate::audit::page::timeline::{DetailEvent, build_timeline, describe_evidence, describe_seconds};
use crate::audit::table::{TableCell, format_table_time};
use crate::change::Text;
use crate::ledger::record::{
    RecordedApproval, RecordedApprovalDecision, RecordedApprovalSource, RecordedAuthor, RecordedCheck,
    RecordedCheckState, RecordedField, RecordedIdentityKind, RecordedLevel, RecordedOutcomeWord,
    RecordedPlace, RecordedTicketAnswer, RecordedTicketLookup, RecordedTrust,
};
use crate::ledger::state::TrackedObligation;

/// How many entries a list of one change shows.
const MAX_ENTRIES: usize = 100;

/// What the page shows of a change. Lists hold lines of a table, whose headers the program of the page has.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ChangeDetail {
    number: usize,
    /// The change's id in every file of the audit.
    id: String,
    purpose: String,
    judged: String,
    /// The values of the change log: the place of the column, and its value.
    columns: Vec<(usize, String)>,
    timeline: Vec<DetailEvent>,
    rules: Vec<[String; 3]>,
    /// The rules that are about other changes.
    other_rules: Vec<String>,
    fields: Vec<[String; 4]>,
    contributors: Vec<[String; 4]>,
    approvals: Vec<[String; 8]>,
    tickets: Vec<[String; 4]>,
    checks: Vec<[String; 3]>,
    obligations: Vec<[String; 6]>,
    attempts: Vec<[String; 5]>,
    exceptions: Vec<[String; 4]>,
    /// How many entries the lists leave out.
    left_out: usize,
}

/// Returns what the page shows of a change; `row` is its line in the change log, and `exceptions` are about it, each
/// with its number.
pub(super) fn build_detail(
    number: usize,
    change: &ChangeRecord,
    row: &[TableCell],
    exceptions: &[(usize, AuditException)],
) -> ChangeDetail {
    let mut left_out = change.reasons.iter().map(|reasons| reasons.left_out).sum();
    let reasons = || change.reasons.iter();
    let facts = change.facts.as_ref().ok();
    ChangeDetail {
        number,
        id: show_words(&change.change_id()),
        purpose: facts.map(|facts| show_text(&facts.purpose)).unwrap_or_default(),
        judged: describe_judgement(change),
        columns: list_columns(row),
        timeline: build_timeline(change),
        rules: list_rules(change, false),
        other_rules: list_rules(change, true).into_iter().map(|[rule, ..]| rule).collect(),
        fields: collect_lines(reasons().flat_map(|one| &one.fields), describe_field, &mut left_out),
        contributors: collect_lines(
            reasons().flat_map(|one| &one.contributors),
            describe_contributor,
            &mut left_out,
        ),
        approvals: collect_lines(reasons().flat_map(|one| &one.approvals), describe_approval, &mut left_out),
        tickets: collect_lines(reasons().flat_map(|one| &one.tickets), describe_ticket, &mut left_out),
        checks: collect_lines(reasons().flat_map(|one| &one.checks), describe_check, &mut left_out),
        obligations: collect_lines(
            change.obligations.iter(),
            |(id, owed)| describe_obligation(change, id, owed),
            &mut left_out,
        ),
        attempts: collect_lines(
            change.attempts.iter(),
            |attempt| {
                [
                    format_table_time(attempt.at),
                    format!("record {}", attempt.record),
                    attempt.revision.short_hex(),
                    show_words(&attempt.rules.join(", ")),
                    format!("the same {}", attempt.link.describe()),
                ]
            },
            &mut left_out,
        ),
        exceptions: collect_lines(
            exceptions.iter(),
            |(number, one)| {
                let rule = one.rule.as_deref().map(show_words).unwrap_or_default();
                [format!("E-{number:04}"), one.kind.title().to_owned(), rule, show_text(&one.what)]
            },
            &mut left_out,
        ),
        left_out,
    }
}

/// Returns a line for each entry, without those that are there already: commits of one change repeat each other.
fn collect_lines<T, const N: usize>(
    entries: impl Iterator<Item = T>,
    describe: impl Fn(T) -> [String; N],
    left_out: &mut usize,
) -> Vec<[String; N]> {
    let mut lines: Vec<[String; N]> = Vec::new();
    for entry in entries {
        if lines.len() == MAX_ENTRIES {
            *left_out += 1;
            continue;
        }
        let line = describe(entry);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn describe_judgement(change: &ChangeRecord) -> String {
    match &change.judged_by {
        ChangeJudgement::Recorded { record, at, tool, .. } => show_words(&format!(
            "judged at {} by {tool}; record {record} of the ledger holds it",
            format_table_time(*at)
        )),
        ChangeJudgement::Afterwards { policy } => {
            show_words(&format!("judged afterwards, by this audit and {policy}"))
        }
        ChangeJudgement::NotJudged(why) => show_words(&format!("not judged: {why}")),
    }
}

/// Returns the places of the columns that are not empty, and their values.
fn list_columns(row: &[TableCell]) -> Vec<(usize, String)> {
    let mut columns = Vec::new();
    for (place, cell) in row.iter().enumerate() {
        let value = match cell {
            TableCell::Empty => continue,
            TableCell::Text(text) => show_text(text),
            TableCell::Integer(number) => number.to_string(),
            TableCell::Decimal(number) => number.to_string(),
            TableCell::Time(time) => format_table_time(*time),
            TableCell::Flag(true) => "yes".to_owned(),
            TableCell::Flag(false) => "no".to_owned(),
        };
        columns.push((place, value));
    }
    columns
}

/// Returns the rules that are about other changes, or those that are not, each with its outcome and its level.
fn list_rules(change: &ChangeRecord, about_others: bool) -> Vec<[String; 3]> {
    let mut lines: Vec<[String; 3]> = Vec::new();
    for rule in change.reasons.iter().flat_map(|reasons| &reasons.rules) {
        if (rule.outcome == RecordedOutcomeWord::NotApplicable) != about_others {
            continue;
        }
        let outcome = match rule.outcome {
            RecordedOutcomeWord::Pass => "met",
            RecordedOutcomeWord::Fail => "broken",
            RecordedOutcomeWord::Owed => "met, against something owed",
            RecordedOutcomeWord::Undecided => "could not be known",
            RecordedOutcomeWord::Deferred => "left to a later stage",
            RecordedOutcomeWord::Exempted => "broken, and an exemption allows it",
            RecordedOutcomeWord::NotApplicable => "about other changes",
        };
        let level = match rule.level {
            RecordedLevel::Deny => "denies",
            RecordedLevel::Warn => "warns",
        };
        let line = [show_words(&rule.rule), outcome.to_owned(), level.to_owned()];
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn describe_place(place: &RecordedPlace) -> String {
    let line = place.line.map(|line| format!("line {line} of ")).unwrap_or_default();
    match (&place.commit, place.in_description) {
        (_, true) => format!("{line}the description"),
        (Some(commit), false) => format!("{line}commit {}", commit.short_hex()),
        (None, false) => format!("{line}the change"),
    }
}

fn describe_field(field: &RecordedField) -> [String; 4] {
    let accepted = if field.valid { "yes" } else { "no" };
    [show_words(&field.field), show_text(&field.value), accepted.to_owned(), describe_place(&field.at)]
}

fn describe_contributor(author: &RecordedAuthor) -> [String; 4] {
    let kind = match author.kind {
        RecordedIdentityKind::Person => "person",
        RecordedIdentityKind::Bot => "machine",
        RecordedIdentityKind::Unknown => "not known to the policy",
    };
    [
        show_words(&author.role.to_plain_text()),
        show_name(&author.name),
        author.address.as_ref().map(show_name).unwrap_or_default(),
        kind.to_owned(),
    ]
}

/// Returns an approval: who, with which teams, said what, when, of which revision, by which source, for which rules it
/// counted, and for which it did not and why.
fn describe_approval(approval: &RecordedApproval) -> [String; 8] {
    let said = match approval.decision {
        RecordedApprovalDecision::Approved => "approved",
        RecordedApprovalDecision::ChangesRequested => "changes requested",
        RecordedApprovalDecision::Dismissed => "dismissed",
    };
    let source = match approval.source {
        RecordedApprovalSource::Review => "review",
        RecordedApprovalSource::Comment => "comment",
        RecordedApprovalSource::Trailer => "trailer",
        RecordedApprovalSource::Push => "push",
        RecordedApprovalSource::Signature => "signature",
    };
    let trust = match approval.trust {
        RecordedTrust::Claimed => "claimed",
        RecordedTrust::Verified if approval.source == RecordedApprovalSource::Signature => {
            "verified by its signature"
        }
        RecordedTrust::Verified => "verified by the forge",
    };
    let (mut counted, mut not_counted) = (Vec::new(), Vec::new());
    for one in &approval.uses {
        let why = one.why_not.as_ref().map(|why| format!(": {}", why.to_plain_text())).unwrap_or_default();
        match one.counts {
            true => counted.push(match &one.acts_for {
                Some(person) => format!("{} (for {person})", one.rule),
                None => one.rule.clone(),
            }),
            false => not_counted.push(format!("{}{why}", one.rule)),
        }
    }
    [
        approval.by.as_ref().map_or_else(|| "a deleted account".to_owned(), show_name),
        show_words(&approval.teams.join(", ")),
        said.to_owned(),
        approval.given_at.map_or_else(|| "nobody vouches for a time".to_owned(), format_table_time),
        approval.revision.map(|id| id.short_hex()).unwrap_or_default(),
        format!("{source}, {trust}"),
        show_words(&counted.join(", ")),
        show_words(&not_counted.join("; ")),
    ]
}

fn describe_ticket(lookup: &RecordedTicketLookup) -> [String; 4] {
    let (title, state, created) = match &lookup.found {
        RecordedTicketAnswer::Ticket(ticket) => {
            (show_name(&ticket.title), show_name(&ticket.state), format_table_time(ticket.created))
        }
        RecordedTicketAnswer::None => {
            (String::new(), "the system has no such ticket".to_owned(), String::new())
        }
        RecordedTicketAnswer::Unknown(_) => (String::new(), "could not be asked".to_owned(), String::new()),
    };
    [show_name(&lookup.key), title, state, created]
}

fn describe_check(check: &RecordedCheck) -> [String; 3] {
    let state = match &check.state {
        RecordedCheckState::Success => "succeeded".to_owned(),
        RecordedCheckState::Neutral => "neither succeeded nor failed".to_owned(),
        RecordedCheckState::Skipped => "skipped".to_owned(),
        RecordedCheckState::Pending => "not finished".to_owned(),
        RecordedCheckState::Unknown => "not known".to_owned(),
        RecordedCheckState::Failed(word) => format!("failed: {}", show_name(word)),
    };
    [show_name(&check.name), state, check.by.as_ref().map(show_name).unwrap_or_default()]
}

fn describe_obligation(change: &ChangeRecord, id: &str, owed: &TrackedObligation) -> [String; 6] {
    let later = change.closed_later.get(id).map(|at| format!("later, {}", format_table_time(*at)));
    let later = later.unwrap_or_default();
    let (state, closed) = match &owed.closed {
        Some(closed) => {
            let state = match closed.late_by {
                Some(seconds) => format!("met {} late", describe_seconds(seconds)),
                None => "met in time".to_owned(),
            };
            let by = describe_evidence(&closed.by).1;
            (state, show_words(&format!("{}, by {by}", format_table_time(closed.at))))
        }
        None if change.is_overdue(owed) => ("overdue".to_owned(), later),
        None => ("open, in time".to_owned(), later),
    };
    [
        show_words(&owed.what.to_plain_text()),
        show_words(owed.rule.as_str()),
        show_name(&Text::from(owed.owner.describe())),
        owed.due.map_or_else(|| "never".to_owned(), format_table_time),
        state,
        closed,
    ]
}
