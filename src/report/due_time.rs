//! Instants in words: in UTC, and as seen from the moment of the decision.

use jiff::Timestamp;

const SECONDS_PER_MINUTE: i64 = 60;
const SECONDS_PER_HOUR: i64 = 60 * SECONDS_PER_MINUTE;
const SECONDS_PER_DAY: i64 = 24 * SECONDS_PER_HOUR;

/// The seconds up to which hours are counted, and not days: one less than two days.
const MAX_SECONDS_IN_HOURS: i64 = 2 * SECONDS_PER_DAY - 1;

/// Returns a due time in words, as in `due 2026-03-05 02:14 UTC, in 24 h`.
///
/// Rounds down, so that the owner is never promised more time than there is; from two days on it
/// counts days. `None` is a due time beyond all calendars.
pub(crate) fn describe_due_time(due: Option<Timestamp>, seen_at: Timestamp) -> String {
    let Some(due) = due else { return "no due time".into() };
    // A part of a second is late as well: what is overdue is told as late.
    let is_late = due < seen_at;
    let distance = format_duration(due.duration_since(seen_at).as_secs().saturating_abs());
    let relative = if is_late { format!("{distance} late") } else { format!("in {distance}") };
    format!("due {}, {relative}", format_instant(due))
}

/// Returns an instant, as in `2026-03-05 02:14 UTC`; seconds are dropped.
pub(crate) fn format_instant(instant: Timestamp) -> String {
    let whole = instant.to_string();
    // RFC 3339 in UTC starts with a date and a time of fixed width, unless the year is negative.
    let (Some(date), Some(time)) = (whole.get(..10), whole.get(11..16)) else { return whole };
    if whole.starts_with('-') { whole } else { format!("{date} {time} UTC") }
}

/// Returns an amount of time, as in `3 h`, rounded down.
pub(crate) fn format_duration(seconds: i64) -> String {
    match seconds {
        ..SECONDS_PER_MINUTE => "less than a minute".into(),
        SECONDS_PER_MINUTE..SECONDS_PER_HOUR => format!("{} min", seconds / SECONDS_PER_MINUTE),
        SECONDS_PER_HOUR..=MAX_SECONDS_IN_HOURS => format!("{} h", seconds / SECONDS_PER_HOUR),
        _ => format!("{} days", seconds / SECONDS_PER_DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_due_time_is_told_from_the_moment_of_the_decision() {
        let seen_at: Timestamp = "2026-03-04T02:14:30Z".parse().unwrap();
        for (due, expected) in [
            ("2026-03-05T02:14:30Z", "due 2026-03-05 02:14 UTC, in 24 h"),
            ("2026-03-05T02:14:29Z", "due 2026-03-05 02:14 UTC, in 23 h"),
            ("2026-03-11T17:00:00Z", "due 2026-03-11 17:00 UTC, in 7 days"),
            ("2026-03-06T02:14:29Z", "due 2026-03-06 02:14 UTC, in 47 h"),
            ("2026-03-04T02:30:00Z", "due 2026-03-04 02:30 UTC, in 15 min"),
            ("2026-03-04T02:14:30Z", "due 2026-03-04 02:14 UTC, in less than a minute"),
            ("2026-03-04T02:14:29.9Z", "due 2026-03-04 02:14 UTC, less than a minute late"),
            ("2026-03-04T02:14:30.1Z", "due 2026-03-04 02:14 UTC, in less than a minute"),
            ("2026-03-03T23:00:00Z", "due 2026-03-03 23:00 UTC, 3 h late"),
        ] {
            assert_eq!(describe_due_time(Some(due.parse().unwrap()), seen_at), expected);
        }
        assert_eq!(describe_due_time(None, seen_at), "no due time");
        assert!(describe_due_time(Some(Timestamp::MAX), Timestamp::MIN).contains("days"));
        assert!(describe_due_time(Some(Timestamp::MIN), Timestamp::MAX).contains("late"));
    }
}
