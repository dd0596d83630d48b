//! The exceptions that no change of the population has: times without a gate, sessions, and what cannot be read.

use jiff::{SignedDuration, Timestamp};

use crate::audit::exceptions::of_change::describe_later_closing;
use crate::audit::exceptions::of_people::ABSENCE;
use crate::audit::exceptions::{AuditException, ExceptionKind, ExceptionStatus};
use crate::audit::fleet::audit_event::UnreadRepository;
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::population_entry::{EntryKind, PopulationEntry};
use crate::audit::population::unjudged_spans::UnjudgedSpan;
use crate::audit::table::format_table_time;
use crate::change::{Oid, Text};
use crate::ledger::audit::ledger_history::{LedgerHistory, RefRefusal};
use crate::ledger::audit::protection_times::UnprotectedTime;
use crate::ledger::audit::session_history::SessionHistory;
use crate::ledger::state::TrackedObligation;

/// How long nothing may show that the gate stood before that is an exception. A ledger that is reconciled every day
/// never has such a gap.
pub(crate) const MAX_SILENCE: SignedDuration = SignedDuration::from_hours(48);

/// How many records that cannot be read are told one by one.
const MAX_NAMED_RECORDS: usize = 1_000;

/// A time in which nothing shows that the gate stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SilentTime {
    /// When the ref was last seen as the ledger says.
    pub(crate) from: Timestamp,
    /// When it was seen again; `None` if not since.
    pub(crate) until: Option<Timestamp>,
}

/// Returns the silent times that touch the period, oldest first; `now` ends the last one.
pub(crate) fn list_silent_times(
    history: &LedgerHistory,
    period: &AuditPeriod,
    now: Timestamp,
) -> Vec<SilentTime> {
    let mut found = Vec::new();
    let end = period.until.map_or(now, |until| until.min(now));
    let mut sights = history.sights.iter().copied();
    let Some(mut last) = sights.next() else { return found };
    for sight in sights.map(Some).chain([None]) {
        let until = sight.unwrap_or(end);
        let is_in = period.from.is_none_or(|from| until > from) && last < end;
        if is_in && until.duration_since(last) > MAX_SILENCE {
            found.push(SilentTime { from: last, until: sight });
        }
        last = sight.unwrap_or(last);
    }
    found
}

/// Returns the silent times as entries of a population.
pub(crate) fn build_gap_entries(
    (repository, ref_name): (&str, &Text),
    silent: &[SilentTime],
) -> Vec<PopulationEntry> {
    let mut entries = Vec::new();
    for one in silent {
        entries.push(PopulationEntry {
            kind: EntryKind::Gap,
            id: format!("{repository}/gap/{}", format_table_time(one.from)),
            repository: repository.to_owned(),
            ref_name: ref_name.clone(),
            commit: None,
            at: one.from,
            what: Text::from(describe_silence(one)),
            related_changes: Vec::new(),
            unauthorised_move: None,
            is_move_in_time: None,
        });
    }
    entries
}

/// Returns the times of the period in which the ref was not protected as entries of a population.
pub(crate) fn build_unprotected_entries(
    (repository, ref_name): (&str, &Text),
    history: &LedgerHistory,
    period: &AuditPeriod,
) -> Vec<PopulationEntry> {
    let mut entries = Vec::new();
    for time in list_unprotected_times(history, period) {
        entries.push(PopulationEntry {
            kind: EntryKind::Gap,
            id: format!("{repository}/not-protected/{}", format_table_time(time.from)),
            repository: repository.to_owned(),
            ref_name: ref_name.clone(),
            commit: None,
            at: time.from,
            what: Text::from(describe_unprotected_time(&time)),
            related_changes: Vec::new(),
            unauthorised_move: None,
            is_move_in_time: None,
        });
    }
    entries
}

fn list_unprotected_times(history: &LedgerHistory, period: &AuditPeriod) -> Vec<UnprotectedTime> {
    let is_in = |time: &&UnprotectedTime| {
        let begins_before = period.until.is_none_or(|until| time.from < until);
        begins_before && period.from.is_none_or(|from| time.until.is_none_or(|until| until > from))
    };
    history.unprotected_times.iter().filter(is_in).copied().collect()
}

fn describe_unprotected_time(time: &UnprotectedTime) -> String {
    match time.until {
        Some(until) => {
            format!(
                "the policy did not protect the ref until {}: nothing was judged",
                format_table_time(until)
            )
        }
        None => "the policy has not protected the ref since: nothing is judged".to_owned(),
    }
}

fn describe_silence(one: &SilentTime) -> String {
    match one.until {
        Some(until) => format!("nothing shows that the gate stood until {}", format_table_time(until)),
        None => "nothing shows that the gate stood since".to_owned(),
    }
}

/// Returns the exception of a move that did not add to the history of the ref; `owed` is that it has to be regularised,
/// as of `now`.
pub(crate) fn build_move_exception(
    entry: &PopulationEntry,
    owed: Option<&TrackedObligation>,
    now: Timestamp,
) -> AuditException {
    let subject = (entry.id.clone(), entry.ref_name.clone());
    let happened = (entry.what.clone(), entry.at);
    let mut exception =
        AuditException::open_exception(ExceptionKind::RefMoved, subject, happened, "the ledger");
    let Some(owed) = owed else { return exception };
    exception.due = owed.due;
    match &owed.closed {
        Some(closed) => {
            exception.late_by = closed.late_by.map(|late| i64::try_from(late).unwrap_or(i64::MAX));
            let is_late = closed.late_by.is_some();
            exception.status = if is_late { ExceptionStatus::Late } else { ExceptionStatus::Regularised };
        }
        None => {
            let overdue = owed.due.filter(|due| *due < now);
            exception.late_by = overdue.map(|due| now.as_second().saturating_sub(due.as_second()));
        }
    }
    exception
}

/// Returns the exception of a repository that could not be audited; `now` is the time of the audit.
pub(crate) fn build_unread_exception(unread: &UnreadRepository, now: Timestamp) -> AuditException {
    let subject = (unread.name.clone(), Text::from(unread.source.as_str()));
    let what = format!("the repository could not be audited: {}", unread.why);
    AuditException::open_exception(
        ExceptionKind::Unreadable,
        subject,
        (what, now),
        "the list of repositories",
    )
}

/// Returns an exception for each refusal of the ledger whose reasons cannot be read.
pub(crate) fn build_denial_exceptions(
    (repository, ref_name): (&str, &Text),
    history: &LedgerHistory,
    unread: &[(Oid, String)],
) -> Vec<AuditException> {
    let mut found = Vec::new();
    for (holder, why) in unread {
        let Some(refusal) = history.refusals.iter().find(|one| one.holder == *holder) else { continue };
        let subject = (format!("{repository}/record/{}", refusal.record), ref_name.clone());
        let what = format!("what record {} refused cannot be read: {why}", refusal.record);
        found.push(AuditException::open_exception(
            ExceptionKind::Unreadable,
            subject,
            (what, refusal.observed_at),
            format!("ledger record {}", refusal.record),
        ));
    }
    found
}

/// Returns the exception of somebody who had left when what they pushed or made was refused; `is_listed` if the roster of
/// the time lists them with the days on which they were there.
pub(crate) fn build_leaver_exception(
    (repository, ref_name): (&str, &Text),
    refusal: &RefRefusal,
    (kind, name, role): (ExceptionKind, &Text, &str),
    is_listed: bool,
) -> AuditException {
    let name = name.to_lossy();
    let what = if is_listed {
        format!(
            "refused: by the roster of the time `{name}` was not there, {ABSENCE}, {role} of what was pushed"
        )
    } else {
        format!(
            "refused: the roster of the time does not know `{name}`, whom an earlier one lists, {role} of what was pushed"
        )
    };
    let mut exception = AuditException::open_exception(
        kind,
        (format!("{repository}/record/{}", refusal.record), ref_name.clone()),
        (what, refusal.observed_at),
        format!("ledger record {}", refusal.record),
    );
    exception.detected_at = Some(refusal.observed_at);
    exception
}

/// Returns the exception of a step that belongs to the period by its place although its time says otherwise.
pub(crate) fn build_misdated_exception(
    (repository, ref_name): (&str, &Text),
    id: Oid,
    at: Timestamp,
) -> AuditException {
    let what = format!(
        "its time, {}, is outside the period; by its place in the history, between the steps of the period, it belongs \
         to it",
        format_table_time(at)
    );
    let subject = (format!("{repository}@{id}"), ref_name.clone());
    AuditException::open_exception(ExceptionKind::MisdatedStep, subject, (what, at), format!("commit {id}"))
}

/// Returns the exception of a step whose time is in the period, and which belongs to another by its place.
pub(crate) fn build_left_out_exception(
    (repository, ref_name): (&str, &Text),
    id: Oid,
    at: Timestamp,
) -> AuditException {
    let what = format!(
        "its time, {}, is in the period; by its place in the history it belongs to another one, so it is not among the \
         changes of this report",
        format_table_time(at)
    );
    let subject = (format!("{repository}@{id}"), ref_name.clone());
    AuditException::open_exception(ExceptionKind::MisdatedStep, subject, (what, at), format!("commit {id}"))
}

/// Returns the exception of changes in a row that nothing judged.
pub(crate) fn build_unjudged_exception(ref_name: &Text, span: &UnjudgedSpan) -> AuditException {
    let (subject_id, occurred_at) = span.find_beginning();
    AuditException::open_exception(
        ExceptionKind::NotJudged,
        (subject_id, ref_name.clone()),
        (span.describe(), occurred_at),
        "columns gate_result and gate_version of changes",
    )
}

/// Returns the exceptions that a ledger shows beside those of changes.
pub(crate) fn list_ledger_exceptions(
    (repository, ref_name): (&str, &Text),
    history: &LedgerHistory,
    period: &AuditPeriod,
    now: Timestamp,
) -> Vec<AuditException> {
    let build = |kind, at, what: String, evidence: String| {
        let subject = (repository.to_owned(), ref_name.clone());
        AuditException::open_exception(kind, subject, (what, at), evidence)
    };
    let mut found = Vec::new();
    for one in list_silent_times(history, period, now) {
        let mut exception =
            build(ExceptionKind::GateGap, one.from, describe_silence(&one), "the ledger".to_owned());
        exception.detected_at = one.until;
        found.push(exception);
    }
    for time in list_unprotected_times(history, period) {
        let what = describe_unprotected_time(&time);
        let mut exception = build(ExceptionKind::GateGap, time.from, what, "the ledger".to_owned());
        exception.detected_at = time.until;
        found.push(exception);
    }
    for at in history.times_without_hook.iter().filter(|at| period.contains(**at)) {
        let what = "a heartbeat found no hook that judges pushes".to_owned();
        found.push(build(ExceptionKind::GateGap, *at, what, "the ledger".to_owned()));
    }
    for session in &history.sessions {
        found.extend(build_session_exception((repository, session), period, now, &build));
    }
    let (at, verify) = (history.began_at.unwrap_or(now), "changegate ledger verify");
    if let Some(why) = &history.cut {
        let what = format!("the ledger does not go back to its first record: {why}");
        found.push(build(ExceptionKind::BrokenLedger, at, what, verify.to_owned()));
    }
    for one in history.chain_breaks.iter().take(MAX_NAMED_RECORDS) {
        let place = one.holder.map(|holder| format!(" at commit {holder}")).unwrap_or_default();
        let what = format!("the ledger is not the one that was written: it is broken{place}: {}", one.why);
        found.push(build(ExceptionKind::BrokenLedger, at, what, verify.to_owned()));
    }
    for record in history.unreadable_records.iter().take(MAX_NAMED_RECORDS) {
        let what =
            format!("the record in commit {} of the ledger cannot be read: {}", record.holder, record.why);
        found.push(build(ExceptionKind::Unreadable, at, what, verify.to_owned()));
    }
    let more = history.unreadable_records.len().saturating_sub(MAX_NAMED_RECORDS);
    if more > 0 {
        let what = format!("{more} further records of the ledger cannot be read");
        found.push(build(ExceptionKind::Unreadable, at, what, verify.to_owned()));
    }
    found
}

/// Returns the exception of a session that is open, or was closed late; every other session of the period is told as
/// accepted.
fn build_session_exception(
    (repository, session): (&str, &SessionHistory),
    period: &AuditPeriod,
    now: Timestamp,
    build: &dyn Fn(ExceptionKind, Timestamp, String, String) -> AuditException,
) -> Option<AuditException> {
    let (first, last) = (session.openings.first()?, session.openings.last()?);
    // A session of an earlier period is told as long as it is open.
    let is_over = |from| session.closure.as_ref().is_some_and(|closed| closed.closed_at < from);
    let is_carried = period.from.is_some_and(|from| first.opened_at < from);
    let is_later = period.until.is_some_and(|until| first.opened_at >= until);
    if is_later || (is_carried && period.from.is_some_and(is_over)) {
        return None;
    }
    let incident = first.incident.to_lossy();
    // What was closed after the time of the report was open then.
    let (closure, later) = match &session.closure {
        Some(closed) if closed.closed_at > now => (None, Some(&closed.closed_at)),
        other => (other.as_ref(), None),
    };
    let mut what = match closure {
        Some(closed) => format!("opened for {incident}, closed at {}", format_table_time(closed.closed_at)),
        None => format!("opened for {incident}, not closed{}", describe_later_closing(later)),
    };
    if is_carried {
        what.push_str(&format!("; carried over, opened at {}", format_table_time(first.opened_at)));
    }
    let evidence = format!("break-glass session {}", first.session);
    let mut exception = build(ExceptionKind::BreakGlassSession, first.opened_at, what, evidence);
    exception.actor = Some(first.by.account.clone());
    exception.due = Some(last.until);
    exception.subject_id = format!("{repository}/session/{}", first.session);
    exception.subject = first.incident.clone();
    match closure {
        Some(closed) => {
            exception.late_by = closed.late_by.map(|late| i64::try_from(late).unwrap_or(i64::MAX));
            exception.status = match closed.late_by {
                Some(_) => ExceptionStatus::Late,
                None => ExceptionStatus::Accepted,
            };
        }
        None if last.until < now => {
            exception.late_by = Some(now.as_second().saturating_sub(last.until.as_second()));
        }
        None => {}
    }
    Some(exception)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::record::{SessionActor, SessionOpening};

    #[test]
    fn a_session_that_is_open_past_its_time_counts_as_overdue() {
        let at = |written: &str| -> Timestamp { written.parse().unwrap() };
        let until = at("2026-06-01T04:00:00Z");
        let opening = SessionOpening {
            session: "s-1".to_owned(),
            request_id: "r".to_owned(),
            by: SessionActor { account: "kim".into(), decision: None, person: None },
            incident: "INC-1".into(),
            reason: "the queue is stuck".into(),
            opened_at: at("2026-06-01T00:00:00Z"),
            until,
        };
        let session = SessionHistory { openings: vec![opening], closure: None };
        let history = LedgerHistory { sessions: vec![session], ..LedgerHistory::default() };
        let ref_name = Text::from("refs/heads/main");
        let count_overdue = |now: &str| {
            let scope = ("shop", &ref_name);
            let found = list_ledger_exceptions(scope, &history, &AuditPeriod::default(), at(now));
            found.iter().filter(|one| one.is_overdue_session()).count()
        };
        assert_eq!(count_overdue("2026-06-01T03:00:00Z"), 0);
        assert_eq!(count_overdue("2026-06-01T05:00:00Z"), 1);
    }

    #[test]
    fn silence_is_told_with_both_of_its_ends() {
        let at = |written: &str| -> Timestamp { written.parse().unwrap() };
        let history = LedgerHistory {
            sights: vec![at("2026-06-01T00:00:00Z"), at("2026-06-02T00:00:00Z"), at("2026-06-06T00:00:00Z")],
            ..LedgerHistory::default()
        };
        let period = AuditPeriod::default();
        let silent = list_silent_times(&history, &period, at("2026-06-07T00:00:00Z"));
        assert_eq!(
            silent,
            [SilentTime { from: at("2026-06-02T00:00:00Z"), until: Some(at("2026-06-06T00:00:00Z")) }]
        );
        let silent = list_silent_times(&history, &period, at("2026-06-20T00:00:00Z"));
        assert_eq!(silent.len(), 2);
        assert_eq!(silent.last().unwrap().until, None);
        let later = AuditPeriod { from: Some(at("2026-06-06T00:00:00Z")), until: None };
        assert_eq!(list_silent_times(&history, &later, at("2026-06-07T00:00:00Z")), []);
    }
}
