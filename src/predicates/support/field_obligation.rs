//! A field that is missing, and one that may still be missing and is owed until a deadline.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::calendar::TimeLimit;
use crate::calendar::written_time::WrittenTime;
use crate::change::Fact;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::misplaced_trailer::{MisplacedTrailer, find_misplaced_trailer};
use crate::predicates::support::near_key::{find_near_key, find_near_label};
use crate::predicates::support::unread_statement::find_unread_statement;
use crate::verdict::{Finding, Fixer, LineEdit, Message, MessageValue, Obligation, messages};
use crate::vocabulary::{FieldDefinition, FieldReading};
use crate::yaml::decode::{parse_one, read_text};
use crate::yaml::{YamlFault, YamlNode};

messages! {
    WITHIN = "obligation.within": "within {limit}";
    UNTIL_FIELD = "obligation.until-field": "by the time that the change states in `{field}`";
    MISSING = "field.missing": "`{field}` is missing";
    OTHER_KEY = "field.other-key": "`{field}` is missing; {written} is another key, and does not count";
    OTHER_LABEL = "field.other-label": "`{field}` is missing; {written} on line {line} of the description is another name, and does not count";
    NONE_STATED = "field.none-stated": "{fields/or} is missing; one is enough";
    OWED_WITHIN = "obligation.field-within": "`{field}` within {limit}";
    TRAILER = "obligation.trailer": "{trailer}: {form}";
    NOT_A_TIME = "field.not-a-time": "`{field}` is {value}, which is neither a day such as 2026-12-31 nor a time in RFC 3339";
    TIME_PASSED = "field.time-passed": "`{field}` is {value}, which has passed";
    OWED_UNTIL = "obligation.field-until": "`{field}` until {time}";
}

/// What may be missing when a change lands, and until when, in words.
#[derive(Clone, Debug)]
pub(crate) struct DeferredField<'policy> {
    /// The field that is to be stated.
    pub(crate) field: &'policy FieldDefinition,
    /// The deadline, as in `within 24 hours`.
    pub(crate) deadline: Message,
    /// True if only a person who did not contribute to the change can state it.
    pub(crate) by_others: bool,
}

/// Until when a field may be missing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldDeadline {
    Within(TimeLimit),
    /// Until the day or time that the change states in this field.
    Until(Arc<FieldDefinition>),
}

impl FieldDeadline {
    /// Returns the name of the field in which the change itself states the end.
    pub(crate) fn end_field(&self) -> Option<&str> {
        match self {
            FieldDeadline::Within(_) => None,
            FieldDeadline::Until(field) => Some(&field.name),
        }
    }

    /// Returns true for an end that the change itself states: until then, nothing that it states can be about
    /// that end.
    pub(crate) fn is_stated_end(&self) -> bool {
        matches!(self, FieldDeadline::Until(_))
    }

    pub(crate) fn describe_deadline(&self) -> Message {
        match self {
            FieldDeadline::Within(limit) => WITHIN.with("limit", *limit),
            FieldDeadline::Until(field) => UNTIL_FIELD.with("field", field.name.as_str()),
        }
    }

    /// Returns the deadline of what may be stated within a limit.
    pub(crate) fn describe_limit(limit: TimeLimit) -> Message {
        WITHIN.with("limit", limit)
    }

    /// Returns the obligation to state `field`, if the change owes it, or what is wrong.
    ///
    /// # Errors
    ///
    /// Fails if it is not known what the change states as the deadline.
    pub(crate) fn compute_obligation(
        &self,
        field: &FieldDefinition,
        context: &EvaluationContext<'_>,
    ) -> Fact<Result<Option<Obligation>, Vec<Finding>>> {
        let until = match self {
            FieldDeadline::Within(limit) => return Ok(Ok(Some(limit_obligation(field, *limit, context)))),
            FieldDeadline::Until(until) => until,
        };
        let claims = match until.read_from_change(context.change) {
            FieldReading::Absent => return Ok(Ok(None)),
            FieldReading::Invalid(reasons) => return Ok(Err(reasons)),
            FieldReading::Unknown(missing) => return Err(missing),
            FieldReading::Stated { claims, .. } => claims,
        };
        let mut first = Timestamp::MAX;
        for claim in claims {
            let template = match parse_end_instant(&claim.value.to_lossy()) {
                // Of several ends the first one counts, so that stating a later one gains nothing.
                Some(due) if due >= context.change.seen_at => {
                    first = first.min(due);
                    continue;
                }
                Some(_) => &TIME_PASSED,
                None => &NOT_A_TIME,
            };
            let message = template.with("field", until.name.as_str()).with("value", &*claim.value);
            let next_year = context.change.seen_at.to_zoned(TimeZone::UTC).year().saturating_add(1);
            let paste = format!("{}: <like {next_year}-01-01>", until.name);
            let finding = Finding::new(message).with_paste(paste);
            return Ok(Err(vec![claim.locate_finding(finding, context.change)]));
        }
        let time = first.strftime("%F %R UTC").to_string();
        let what = OWED_UNTIL.with("field", field.name.as_str()).with("time", time);
        Ok(Ok(Some(field_obligation(field, what, Some(first)))))
    }
}

/// Reads for how long something may be missing; leaves a fault where nothing may be owed.
pub(crate) fn read_time_limit(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<TimeLimit> {
    check_obligation_allowed(node, scope, faults);
    parse_one(node, faults, TimeLimit::new)
}

/// Leaves a fault at `node` where nothing may be owed.
pub(crate) fn check_obligation_allowed(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) {
    if !scope.allows_obligations {
        let what = "obligations are allowed only in `require`, and not under `not`";
        faults.push(YamlFault::new(node.at, what));
    }
}

/// Returns the finding that a field is not stated, with the text to paste.
pub(crate) fn missing_field_finding(
    field: &FieldDefinition,
    paste: String,
    context: &EvaluationContext<'_>,
) -> Finding {
    let tip = context.change.tip().id;
    let finding = Finding::new(MISSING.with("field", field.name.as_str())).in_commit(tip);
    match find_misplaced_trailer(field, context) {
        // What is in the wrong place is moved, and not written again.
        Some(MisplacedTrailer { commit, line, edit: LineEdit::Correct }) => Finding {
            is_follow_up: true,
            ..finding.in_commit(commit).on_message_line(line).with_paste(paste)
        },
        Some(MisplacedTrailer { commit, line, edit }) => {
            let finding = finding.in_commit(commit).on_message_line(line).with_line_edit(edit);
            Finding { is_follow_up: true, ..finding }
        }
        None => match find_unread_statement(field, paste.clone(), context) {
            Some(unread) => unread,
            None => match find_near_key(field, context) {
                Some(near) => {
                    let message = OTHER_KEY.with("field", field.name.as_str());
                    let finding = Finding::new(message.with("written", near.written));
                    finding.in_commit(near.commit).on_message_line(near.line).with_paste(paste)
                }
                None => match find_near_label(field, context) {
                    Some((written, line)) => {
                        let message = OTHER_LABEL.with("field", field.name.as_str()).with("line", line);
                        Finding::new(message.with("written", written)).in_commit(tip).with_paste(paste)
                    }
                    None => finding.with_paste(paste),
                },
            },
        },
    }
}

/// Returns what each alternative lacks as one finding, if each of them lacks a field and nothing else; or
/// the findings as they are.
pub(crate) fn merge_missing_fields(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut fields = Vec::new();
    let mut pastes = Vec::new();
    for finding in &findings {
        let field = finding.message.values().find(|(name, _)| *name == "field");
        match (&finding.paste, field) {
            (Some(paste), Some((_, MessageValue::Plain(field))))
                if finding.message.code() == MISSING.code && !finding.is_follow_up =>
            {
                fields.push(format!("`{field}`"));
                pastes.push(paste.clone());
            }
            _ => return findings,
        }
    }
    if pastes.len() < 2 || findings.is_empty() {
        return findings;
    }
    let first = findings.swap_remove(0);
    let message = NONE_STATED.with("fields", fields);
    let paste_alternatives = pastes.split_off(1);
    vec![Finding { message, paste_alternatives, ..first }]
}

/// Returns the obligation to state a field in time, counted from when the change is seen.
pub(crate) fn limit_obligation(
    field: &FieldDefinition,
    limit: TimeLimit,
    context: &EvaluationContext<'_>,
) -> Obligation {
    let what = OWED_WITHIN.with("field", field.name.as_str()).with("limit", limit);
    field_obligation(field, what, limit.due_after(context.change.seen_at, context.people.holidays()))
}

/// Returns the author's obligation to state a field until `due`.
pub(crate) fn field_obligation(field: &FieldDefinition, what: Message, due: Option<Timestamp>) -> Obligation {
    Obligation {
        what,
        owner: Fixer::Author,
        due,
        evidence: TRAILER.with("trailer", field.name.as_str()).with("form", field.value_form()),
        field: Some(field.name.clone()),
        by_others: false,
    }
}

/// Returns the last instant of a day in UTC, or an instant as it is written.
fn parse_end_instant(written: &str) -> Option<Timestamp> {
    WrittenTime::parse_time(written).ok()?.last_second()
}

/// Reads the field whose time is the deadline; leaves a fault where nothing may be owed.
pub(crate) fn read_until_field(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<FieldDeadline> {
    check_obligation_allowed(node, scope, faults);
    let name = read_text(node, faults)?;
    let field = scope.vocabulary.resolve_field(node, name, faults)?;
    Some(FieldDeadline::Until(field.clone()))
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::answer_edited;
    use crate::verdict::PredicateAnswer;

    #[test]
    fn a_time_that_has_passed_is_replaced_by_one_to_come() {
        let text = "
ask: { field: { Review: { until: Temporary-Until } } }
fields: { Review: { text: { min-length: 1 } }, Temporary-Until: { text: { min-length: 1 } } }
change:
  at: 2026-03-04T02:14:00Z
  commits:
    - message: |
        Open the port

        Temporary-Until: 2026-01-31
";
        let PredicateAnswer::Fails(findings) = answer_edited(text, |_| {}) else { panic!("it holds") };
        assert_eq!(findings[0].paste.as_deref(), Some("Temporary-Until: <like 2027-01-01>"));
        assert_eq!(findings[0].at.line, Some(3));
    }
}
