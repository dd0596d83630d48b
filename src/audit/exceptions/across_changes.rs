//! What only many changes together show: one ticket for a quarter's work, one approver for nearly everything, pairs who
//! approve each other, approvals in quick succession.
//!
//! None of it is against a rule. Each is told with its numbers, the threshold and the explanation that is no reason for
//! concern, so that an auditor asks instead of concluding.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::field_values::TICKET;
use crate::audit::exceptions::change_people::list_authors;
use crate::audit::exceptions::habit_patterns::HabitPatterns;
use crate::audit::exceptions::pattern_scope::PatternScope;
use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::table::format_table_time;
use crate::change::Text;
use crate::ledger::record::RecordedApproval;
use crate::verdict::format_count;

/// How many changes may name one ticket.
const MAX_TICKET_CHANGES: usize = 20;

/// How many days may lie between the changes of one ticket, if it has several.
const MAX_TICKET_DAYS: i64 = 90;

/// How many changes a ticket has to have before its days count.
const MIN_TICKET_CHANGES: usize = 5;

/// How many approvals there have to be before shares of them mean something.
const MIN_APPROVALS: usize = 30;

/// Which share of all approvals one person may give, in percent.
const MAX_APPROVER_PERCENT: usize = 70;

/// How many approvals each of two people has to have given the other.
const MIN_MUTUAL_APPROVALS: usize = 10;

/// Which share of the approvals of one person's changes another may give, if they do so for each other, in percent.
const MAX_MUTUAL_PERCENT: usize = 80;

/// How many approvals make a series, and in how many seconds.
const SERIES_APPROVALS: usize = 5;
const SERIES_SECONDS: i64 = 600;

const SECONDS_PER_DAY: i64 = 86_400;

/// Counts over the changes of an audit, in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct ChangePatterns {
    tickets: BTreeMap<Text, TicketUse>,
    people: BTreeMap<String, Approver>,
    approvals: usize,
    scope: PatternScope,
    habits: HabitPatterns,
}

/// The changes that name one ticket.
#[derive(Debug)]
struct TicketUse {
    changes: usize,
    first: Timestamp,
    last: Timestamp,
    last_change: String,
}

/// A person as approver and as author.
#[derive(Debug, Default)]
struct Approver {
    name: Text,
    /// How many approvals they gave.
    given: usize,
    /// How many approvals their own changes got.
    received: usize,
    /// How many approvals they gave to the changes of each author.
    given_to: BTreeMap<String, usize>,
    /// When they approved, by the forge's clock, and how many lines that was.
    times: Vec<(Timestamp, Option<u64>)>,
}

/// The most approvals that one person gave in quick succession.
struct ApprovalSeries {
    from: Timestamp,
    until: Timestamp,
    count: usize,
    lines: Option<u64>,
}

impl ChangePatterns {
    /// Counts a change.
    pub(crate) fn add_change(&mut self, change: &ChangeRecord) {
        self.habits.add_change(change);
        let at = change.landing.at;
        let id = change.change_id();
        for ticket in list_tickets(change) {
            let known = self.tickets.entry(ticket).or_insert_with(|| TicketUse {
                changes: 0,
                first: at,
                last: at,
                last_change: id.clone(),
            });
            known.changes += 1;
            known.first = known.first.min(at);
            if at >= known.last {
                known.last = at;
                known.last_change.clone_from(&id);
            }
        }
        let authors = list_authors(change);
        let lines = change.facts.as_ref().ok().and_then(|facts| facts.lines);
        // One person counts once for a change, however many of their approvals a forge lists.
        let mut counted = BTreeSet::new();
        for approval in change.list_counting_approvals() {
            let Some(key) = identify_approver(approval) else { continue };
            if !counted.insert(key.clone()) {
                continue;
            }
            self.approvals += 1;
            for author in &authors {
                self.people.entry(author.clone()).or_default().received += 1;
            }
            let approver = self.people.entry(key).or_default();
            approver.given += 1;
            approver.name = approval.by.clone().unwrap_or_default();
            for author in &authors {
                *approver.given_to.entry(author.clone()).or_default() += 1;
            }
            approver.times.extend(approval.given_at.map(|at| (at, lines)));
        }
        self.scope.add_change(change);
    }

    /// Returns what the changes show together.
    pub(crate) fn list_exceptions(&self) -> Vec<AuditException> {
        let mut found = Vec::new();
        for (ticket, use_of) in &self.tickets {
            found.extend(build_ticket_exception(ticket, use_of));
        }
        for person in self.people.values() {
            found.extend(self.build_share_exception(person));
            found.extend(self.build_series_exception(person));
        }
        self.add_pairs(&mut found);
        found.extend(self.habits.list_exceptions());
        found
    }

    fn build_share_exception(&self, person: &Approver) -> Option<AuditException> {
        if self.approvals < MIN_APPROVALS || person.given * 100 <= self.approvals * MAX_APPROVER_PERCENT {
            return None;
        }
        let what = format!(
            "gave {} of {} approvals that counted (asked from more than {MAX_APPROVER_PERCENT} % of {MIN_APPROVALS} \
             or more); a lead of a small team does that without anything being wrong",
            person.given, self.approvals
        );
        self.build_pattern(ExceptionKind::ApproverShare, person.name.clone(), what)
    }

    fn build_series_exception(&self, person: &Approver) -> Option<AuditException> {
        let series = find_longest_series(&person.times)?;
        let seconds = series.until.as_second().saturating_sub(series.from.as_second());
        let lines = series.lines.map(|lines| format!(", of {lines} changed lines")).unwrap_or_default();
        let what = format!(
            "gave {} approvals in {seconds} seconds from {}{lines} (asked from {SERIES_APPROVALS} in {SERIES_SECONDS} \
             seconds); on the day of a release, or after a review of all of them together, that is usual",
            series.count,
            format_table_time(series.from),
        );
        let mut exception = self.build_pattern(ExceptionKind::ApprovalSeries, person.name.clone(), what)?;
        exception.occurred_at = series.from;
        Some(exception)
    }

    fn add_pairs(&self, found: &mut Vec<AuditException>) {
        for (key, one) in &self.people {
            // Each pair is told once.
            let later = (std::ops::Bound::Excluded(key.clone()), std::ops::Bound::Unbounded);
            for (other_key, other) in self.people.range(later) {
                let to_other = one.given_to.get(other_key).copied().unwrap_or_default();
                let to_one = other.given_to.get(key).copied().unwrap_or_default();
                let is_most = |given: usize, received: usize| given * 100 > received * MAX_MUTUAL_PERCENT;
                let is_enough = to_other.min(to_one) >= MIN_MUTUAL_APPROVALS;
                if !is_enough || !is_most(to_other, other.received) || !is_most(to_one, one.received) {
                    continue;
                }
                let names = Text::new([one.name.as_bytes(), other.name.as_bytes()].join(b" and ".as_slice()));
                let what = format!(
                    "approved each other's changes: {to_other} of {} approvals of the one, {to_one} of {} of the \
                     other (asked from more than {MAX_MUTUAL_PERCENT} % of both, {MIN_MUTUAL_APPROVALS} or more); a \
                     team of two has no one else",
                    other.received, one.received
                );
                found.extend(self.build_pattern(ExceptionKind::MutualApproval, names, what));
            }
        }
    }

    /// Returns an exception about people, which no single change shows.
    fn build_pattern(&self, kind: ExceptionKind, subject: Text, what: String) -> Option<AuditException> {
        let evidence = "columns approvers and approved_at of changes";
        self.scope.build_pattern(kind, Some(subject), what, evidence)
    }
}

fn build_ticket_exception(ticket: &Text, use_of: &TicketUse) -> Option<AuditException> {
    let days = use_of.last.as_second().saturating_sub(use_of.first.as_second()) / SECONDS_PER_DAY;
    let is_long = days > MAX_TICKET_DAYS && use_of.changes >= MIN_TICKET_CHANGES;
    if use_of.changes <= MAX_TICKET_CHANGES && !is_long {
        return None;
    }
    let what = format!(
        "{} changes over {} name it (asked from more than {MAX_TICKET_CHANGES}, or {MAX_TICKET_DAYS} days); for an epic \
         with tickets of its own below it, that is usual",
        use_of.changes,
        format_count(usize::try_from(days).unwrap_or(0), "day"),
    );
    let subject = (use_of.last_change.clone(), ticket.clone());
    Some(AuditException::open_exception(
        ExceptionKind::SharedTicket,
        subject,
        (what, use_of.last),
        "column ticket of changes",
    ))
}

/// Returns the tickets that a change names, each once.
fn list_tickets(change: &ChangeRecord) -> BTreeSet<Text> {
    let mut found = BTreeSet::new();
    for statement in change.list_statements(TICKET) {
        found.insert(statement.value.clone());
    }
    found
}

/// Returns the key of the person who approved; `None` if nothing is known of them.
fn identify_approver(approval: &RecordedApproval) -> Option<String> {
    match (&approval.person, &approval.by) {
        (Some(person), _) => Some(person.clone()),
        (None, Some(by)) => Some(by.to_lossy().to_ascii_lowercase()),
        (None, None) => None,
    }
}

fn find_longest_series(times: &[(Timestamp, Option<u64>)]) -> Option<ApprovalSeries> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let mut longest: Option<ApprovalSeries> = None;
    let mut first = 0;
    for (place, (until, _)) in times.iter().enumerate() {
        let is_early = |at: Timestamp| until.as_second().saturating_sub(at.as_second()) > SERIES_SECONDS;
        while times.get(first).is_some_and(|(at, _)| is_early(*at)) {
            first += 1;
        }
        let count = place - first + 1;
        if count < SERIES_APPROVALS || longest.as_ref().is_some_and(|known| known.count >= count) {
            continue;
        }
        let series = times.get(first..=place).unwrap_or_default();
        let lines = series.iter().map(|(_, lines)| *lines).sum();
        let from = series.first().map_or(*until, |(at, _)| *at);
        longest = Some(ApprovalSeries { from, until: *until, count, lines });
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn person(name: &str) -> Approver {
        Approver { name: name.into(), ..Approver::default() }
    }

    #[test]
    fn a_ticket_is_asked_about_only_beyond_the_threshold() {
        let used = |changes, days: i64| {
            let last = at(days * SECONDS_PER_DAY);
            let use_of = TicketUse { changes, first: at(0), last, last_change: "shop@1".into() };
            build_ticket_exception(&"OPS-1".into(), &use_of).map(|one| one.what.to_lossy().into_owned())
        };
        assert_eq!([used(20, 1), used(4, 400), used(5, 90)], [None, None, None]);
        assert!(used(21, 1).unwrap().starts_with("21 changes over 1 day name it"));
        assert!(used(5, 91).is_some());
    }

    #[test]
    fn the_longest_series_is_found_and_slow_approvals_are_none() {
        let slow: Vec<_> = (0..50).map(|number| (at(number * 200), Some(1))).collect();
        assert!(find_longest_series(&slow).is_none());
        let mut times = slow;
        times.extend((0..6).map(|number| (at(100_000 + number * 10), Some(2))));
        let series = find_longest_series(&times).unwrap();
        assert_eq!(
            (series.count, series.from, series.until, series.lines),
            (6, at(100_000), at(100_050), Some(12))
        );
    }

    #[test]
    fn shares_and_pairs_need_numbers_and_accuse_nobody() {
        let scope = PatternScope::of_ref(("shop", &"refs/heads/main".into()), at(0));
        let mut patterns = ChangePatterns { scope, ..ChangePatterns::default() };
        let mut ana = person("ana");
        (ana.given, ana.received) = (25, 12);
        ana.given_to.insert("ben".into(), 12);
        let mut ben = person("ben");
        (ben.given, ben.received) = (10, 14);
        ben.given_to.insert("ana".into(), 10);
        patterns.people.extend([("ana".to_owned(), ana), ("ben".to_owned(), ben)]);
        patterns.approvals = 35;
        let kinds = |patterns: &ChangePatterns| -> Vec<ExceptionKind> {
            patterns.list_exceptions().iter().map(|one| one.kind).collect()
        };
        assert_eq!(kinds(&patterns), [ExceptionKind::ApproverShare, ExceptionKind::MutualApproval]);
        assert!(
            patterns.list_exceptions().iter().all(|one| one.actor.is_none() && one.kind.severity() == "low")
        );
        patterns.approvals = 29;
        patterns.people.get_mut("ben").unwrap().received = 15;
        assert_eq!(kinds(&patterns), []);
    }
}
