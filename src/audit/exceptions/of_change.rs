//! The exceptions of one change.

use jiff::{SignedDuration, Timestamp};

use crate::audit::change_record::change_acts::describe_act_author;
use crate::audit::change_record::field_values::CHANGE_TYPE;
use crate::audit::change_record::standing::GateBypass;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord, LandingClock};
use crate::audit::exceptions::of_approvals::{describe_unapproved_content, describe_uncompared};
use crate::audit::exceptions::of_people::list_strangers;
use crate::audit::exceptions::{AuditException, ExceptionKind, ExceptionStatus};
use crate::audit::population::step_evidence::StepEvidence;
use crate::audit::table::format_table_time;
use crate::change::{Oid, Text};
use crate::ledger::record::{RecordedApproval, RecordedLevel, RecordedOutcomeWord, RecordedReasons};
use crate::ledger::state::TrackedObligation;

/// How many people a cell names.
const MAX_NAMED: usize = 10;

/// How much the clock of a committer may be ahead of that of the gate.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// Returns the exceptions of a change; `has_ledger` if a ledger was there to tell how it landed.
pub(crate) fn list_change_exceptions(change: &ChangeRecord, has_ledger: bool) -> Vec<AuditException> {
    let mut found = Vec::new();
    add_bypass(change, has_ledger, &mut found);
    add_rules(change, &mut found);
    for (id, owed) in &change.obligations {
        // That an unauthorised change is to be regularised is told above.
        if owed.unauthorised_change.is_none() {
            found.extend(build_obligation_exception(change, id, owed));
        }
    }
    add_approvals(change, &mut found);
    if let Some(what) = describe_unapproved_content(change) {
        found.push(build_exception(change, ExceptionKind::UnapprovedContent, what));
    }
    if let Some(what) = describe_uncompared(change) {
        found.push(build_exception(change, ExceptionKind::Unreadable, what));
    }
    for (kind, what) in list_strangers(change) {
        found.push(build_exception(change, kind, what));
    }
    add_late_ticket(change, &mut found);
    add_future_dates(change, &mut found);
    for reasons in &change.reasons {
        add_contradictions(change, reasons, &mut found);
    }
    found.extend(build_failure_exception(change));
    for (name, ref_name) in &change.lost_files {
        let what =
            format!("the attached file {name} is not in this repository; {} keeps it", ref_name.to_lossy());
        found.push(build_exception(change, ExceptionKind::Unreadable, what));
    }
    if let Some(why) = change.find_unread_part() {
        found.push(build_exception(change, ExceptionKind::Unreadable, why));
    }
    for exception in &mut found {
        // A decision is older than the landing that it allowed.
        exception.detected_at = exception.detected_at.map(|at| at.max(exception.occurred_at));
    }
    found
}

/// Returns the exception of a change that failed, whatever was reported later.
fn build_failure_exception(change: &ChangeRecord) -> Option<AuditException> {
    if change.outcome().is_success() {
        return None;
    }
    let report = change.find_failure_report();
    let step = change.find_failure();
    let incidents = change.list_incident_names();
    let names: Vec<String> = incidents.iter().map(|name| name.to_lossy().into_owned()).collect();
    let mut what = match (step, report) {
        (Some(step), _) if !change.reverted_by.is_empty() => {
            format!("a later change takes it back, or a part of it: {}", step.id)
        }
        (Some(step), _) => format!("a later change says that this one caused it: {}", step.id),
        (None, Some(report)) => format!(
            "reported as {} by {}",
            report.outcome.code(),
            describe_act_author(&report.by.event).to_lossy()
        ),
        (None, None) => "an incident names it as its cause".to_owned(),
    };
    if !names.is_empty() {
        what.push_str(&format!("; it caused {}", names.join(", ")));
    }
    match change.find_repair() {
        Some((_, at)) => what.push_str(&format!("; repaired at {}, as was told", format_table_time(at))),
        None if change.is_reported_to_work() => what.push_str("; a report says that it worked"),
        None => {}
    }
    let mut exception = build_exception(change, ExceptionKind::FailedChange, what);
    exception.detected_at = match (step, report) {
        // The date of a committer is none at which the gate noticed something.
        (Some(step), _) => Some(step.at).filter(|_| step.clock == LandingClock::Gate),
        (None, Some(report)) => Some(report.by.event.observed_at),
        (None, None) => None,
    };
    if let (None, Some(report)) = (step, report) {
        exception.evidence = format!("ledger record {}", report.by.record);
    }
    Some(exception)
}

/// Returns an exception of a change about which nothing more is known.
fn build_exception(change: &ChangeRecord, kind: ExceptionKind, what: impl Into<Text>) -> AuditException {
    let facts = change.facts.as_ref().ok();
    let author = facts.map(|facts| facts.author.name.clone());
    let evidence = match (&change.landing.record, &change.judged_by) {
        (Some(record), _) => format!("ledger record {record}"),
        (None, ChangeJudgement::Recorded { record, .. }) => format!("ledger record {record}"),
        _ => format!("commit {}", change.id),
    };
    let subject = (change.change_id(), facts.map(|facts| facts.title.clone()).unwrap_or_default());
    AuditException {
        actor: change.landing.by.clone().or(author),
        approver: name_approvers(&change.list_counting_approvals()),
        ..AuditException::open_exception(kind, subject, (what, change.landing.at), evidence)
    }
}

/// Returns the exception of a step that closes something and landed, at this time, while nothing was enforced.
pub(crate) fn build_closing_exception(
    (repository, ref_name): (&str, &Text),
    (id, at): (Oid, Timestamp),
    evidence: &StepEvidence,
) -> AuditException {
    let facts = evidence.facts.as_ref().ok();
    let what = "a record that closes something landed in evaluate mode, which blocks nothing; it would have been allowed";
    let title = facts.map_or_else(|| ref_name.clone(), |facts| facts.title.clone());
    AuditException {
        actor: facts.map(|facts| facts.author.name.clone()),
        ..AuditException::open_exception(
            ExceptionKind::NotEnforced,
            (format!("{repository}@{id}"), title),
            (what, at),
            format!("commit {id}"),
        )
    }
}

/// Names in an exception that is about a change who is asked about it, and who approved it.
pub(crate) fn name_people(change: &ChangeRecord, exception: &mut AuditException) {
    let author = change.facts.as_ref().ok().map(|facts| facts.author.name.clone());
    exception.actor = change.landing.by.clone().or(author);
    exception.approver = name_approvers(&change.list_counting_approvals());
}

fn name_approvers(approvals: &[&RecordedApproval]) -> Option<Text> {
    let names: Vec<&[u8]> =
        approvals.iter().filter_map(|one| one.by.as_ref()).take(MAX_NAMED).map(Text::as_bytes).collect();
    if names.is_empty() { None } else { Some(Text::new(names.join(b"; ".as_slice()))) }
}

fn add_bypass(change: &ChangeRecord, has_ledger: bool, found: &mut Vec<AuditException>) {
    let (kind, what) = match change.bypass() {
        GateBypass::Unauthorised | GateBypass::Regularised => {
            let since = change.landing.last_seen_before;
            let since = since.map(|at| format!(" after {}", format_table_time(at))).unwrap_or_default();
            let what = match &change.landing.first_ref {
                Some(name) => format!(
                    "it landed on {} without a decision, and came here with the branch",
                    name.to_lossy()
                ),
                None => format!("it landed without a decision{since}"),
            };
            (ExceptionKind::UnauthorisedChange, what)
        }
        GateBypass::UndecidedPolicy => {
            let what = "the policy that decided it came with a move that nobody has decided";
            (ExceptionKind::UndecidedPolicy, what.to_owned())
        }
        GateBypass::PolicyNotKnown => {
            let what = "whether the policy that decided it came by a decision is not known: the history is cut; fetch it, as \
                        with `git fetch --unshallow`";
            (ExceptionKind::Unreadable, what.to_owned())
        }
        GateBypass::NotEnforced => {
            let what = "it landed in evaluate mode, which blocks nothing; it would have been allowed";
            (ExceptionKind::NotEnforced, what.to_owned())
        }
        GateBypass::DeniedNotEnforced => {
            let what = "the gate denied it, or the push that brought it, and it landed in evaluate mode, which blocks nothing";
            (ExceptionKind::DeniedNotEnforced, what.to_owned())
        }
        GateBypass::NotKnown if has_ledger => {
            (ExceptionKind::UnrecordedChange, "no record tells how it came to the ref".to_owned())
        }
        GateBypass::None | GateBypass::NotKnown | GateBypass::BeforeGate => return,
    };
    let mut exception = build_exception(change, kind, what);
    let owed = change.obligations.iter().find(|(_, owed)| owed.unauthorised_change.is_some());
    if let Some((id, owed)) = owed {
        let later = describe_later_closing(change.closed_later.get(id));
        exception.what = Text::new([exception.what.as_bytes(), later.as_bytes()].concat());
        exception.detected_at = Some(owed.since);
        add_obligation(change, owed, &mut exception);
    }
    if change.bypass() == GateBypass::Regularised && exception.status == ExceptionStatus::Open {
        exception.status = ExceptionStatus::Regularised;
    }
    found.push(exception);
}

/// Returns the words for what was closed after the time of an audit; none for what was not.
pub(crate) fn describe_later_closing(closed: Option<&Timestamp>) -> String {
    let words =
        |at: &Timestamp| format!("; closed at {}, after the time of this report", format_table_time(*at));
    closed.map(words).unwrap_or_default()
}

/// Adds to an exception how something that is owed stands.
fn add_obligation(change: &ChangeRecord, owed: &TrackedObligation, exception: &mut AuditException) {
    exception.due = owed.due;
    match &owed.closed {
        Some(closed) => {
            exception.late_by = closed.late_by.map(|late| i64::try_from(late).unwrap_or(i64::MAX));
            exception.status =
                if closed.late_by.is_some() { ExceptionStatus::Late } else { ExceptionStatus::Regularised };
        }
        None if change.is_overdue(owed) => {
            let due = owed.due.map_or(change.as_of, |due| due);
            exception.late_by = Some(change.as_of.as_second().saturating_sub(due.as_second()));
        }
        None => {}
    }
}

fn add_rules(change: &ChangeRecord, found: &mut Vec<AuditException>) {
    let when = if change.is_recorded() { "by the record of its time" } else { "as judged afterwards" };
    for (outcome, kind, words) in [
        (RecordedOutcomeWord::Fail, ExceptionKind::RuleBroken, "it breaks the rule, "),
        (
            RecordedOutcomeWord::Exempted,
            ExceptionKind::ExemptionUsed,
            "an exemption of the policy allowed it, ",
        ),
    ] {
        for rule in change.list_rules(&[outcome]) {
            let (kind, words) = match kind {
                ExceptionKind::RuleBroken if only_warned(change, rule) => {
                    (ExceptionKind::RuleWarned, "it breaks the rule, which only warned, ")
                }
                kind => (kind, words),
            };
            let mut exception = build_exception(change, kind, format!("{words}{when}"));
            exception.rule = Some(rule.to_owned());
            if kind == ExceptionKind::ExemptionUsed {
                exception.status = ExceptionStatus::Accepted;
            }
            found.push(exception);
        }
    }
}

/// Returns true if a rule that the change breaks denied it by no policy.
fn only_warned(change: &ChangeRecord, rule: &str) -> bool {
    let mut broken = change
        .reasons
        .iter()
        .flat_map(|reasons| &reasons.rules)
        .filter(|one| one.rule == rule && one.outcome == RecordedOutcomeWord::Fail);
    broken.all(|one| one.level == RecordedLevel::Warn)
}

fn build_obligation_exception(
    change: &ChangeRecord,
    id: &str,
    owed: &TrackedObligation,
) -> Option<AuditException> {
    let is_late =
        owed.closed.as_ref().is_some_and(|closed| closed.late_by.is_some()) || change.is_overdue(owed);
    let kind = match (is_late, &owed.closed) {
        (true, _) => ExceptionKind::LateObligation,
        (false, None) => ExceptionKind::OpenObligation,
        (false, Some(_)) => return None,
    };
    let mut what = owed.what.to_plain_text();
    what.push_str(&describe_later_closing(change.closed_later.get(id)));
    let mut exception = build_exception(change, kind, what);
    exception.rule = Some(owed.rule.to_string());
    exception.occurred_at = owed.since;
    exception.detected_at = Some(owed.since);
    exception.evidence = format!("obligation {id}");
    add_obligation(change, owed, &mut exception);
    Some(exception)
}

fn add_approvals(change: &ChangeRecord, found: &mut Vec<AuditException>) {
    for approval in change.list_counting_approvals() {
        let name = approval.by.as_ref().map(|by| by.to_lossy().into_owned()).unwrap_or_default();
        if let Some(at) = approval.given_at
            && change.has_trusted_time()
            && at > change.landing.at
        {
            let what = format!("`{name}` approved it at {}, after it had landed", format_table_time(at));
            found.push(build_exception(change, ExceptionKind::ApprovedAfterLanding, what));
        }
    }
}

/// Adds dates of the last commit that are later than the gate saw it.
fn add_future_dates(change: &ChangeRecord, found: &mut Vec<AuditException>) {
    let Ok(facts) = &change.facts else { return };
    let dates = [("written", Some(facts.authored_at)), ("committed", facts.committed_at)];
    for (word, at) in dates {
        let Some(at) = at.filter(|_| change.has_trusted_time()) else { continue };
        if at.duration_since(change.landing.at) > MAX_CLOCK_SKEW {
            let what = format!(
                "its last commit says that it was {word} at {}, after it had landed; a wrong clock does that",
                format_table_time(at)
            );
            found.push(build_exception(change, ExceptionKind::DoubtfulDate, what));
        }
    }
}

fn add_late_ticket(change: &ChangeRecord, found: &mut Vec<AuditException>) {
    let is_normal = change.find_word(CHANGE_TYPE).is_some_and(|word| word.eq_ignore_ascii_case("normal"));
    let Some((created, _)) = change.find_ticket() else { return };
    if is_normal && change.has_trusted_time() && created > change.landing.at {
        let what = format!("its ticket was made at {}, after it had landed", format_table_time(created));
        found.push(build_exception(change, ExceptionKind::TicketAfterLanding, what));
    }
}

/// Adds the fields of words that a change states in different ways.
fn add_contradictions(change: &ChangeRecord, reasons: &RecordedReasons, found: &mut Vec<AuditException>) {
    let mut known: Vec<(&str, &str)> = Vec::new();
    for field in &reasons.fields {
        let Some(word) = field.word.as_deref() else { continue };
        match known.iter().find(|(name, _)| *name == field.field) {
            None => known.push((&field.field, word)),
            Some((_, first)) if *first != word => {
                let what = format!("`{}` is stated as `{first}` and as `{word}`", field.field);
                let exception = build_exception(change, ExceptionKind::Contradiction, what);
                if !found.contains(&exception) {
                    found.push(exception);
                }
            }
            Some(_) => {}
        }
    }
}
