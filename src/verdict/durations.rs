//! Lengths of time as values of messages.

use jiff::SignedDuration;

use super::message::{Message, MessageValue, messages};
use crate::calendar::TimeLimit;

messages! {
    LIMIT_HOURS = "time.limit-hours": "{count} {count:hour|hours}";
    LIMIT_MINUTES = "time.limit-minutes": "{count} {count:minute|minutes}";
    LIMIT_BUSINESS_DAYS = "time.limit-business-days": "{count} business {count:day|days}";
    HOURS = "time.hours": "{count}h";
    MINUTES = "time.minutes": "{count}m";
    SECONDS = "time.seconds": "{count}s";
    DURATION = "time.duration": "{parts+ }";
}

/// Returns a limit as a message, such as `24 hours`.
pub(crate) fn time_limit_message(limit: TimeLimit) -> Message {
    let (template, count) = match limit {
        TimeLimit::Minutes(minutes) if minutes.is_multiple_of(60) => (&LIMIT_HOURS, minutes / 60),
        TimeLimit::Minutes(minutes) => (&LIMIT_MINUTES, minutes),
        TimeLimit::BusinessDays(days) => (&LIMIT_BUSINESS_DAYS, days),
    };
    template.with("count", u64::from(count))
}

impl From<TimeLimit> for MessageValue {
    fn from(limit: TimeLimit) -> Self {
        time_limit_message(limit).into()
    }
}

/// Returns a duration as a message, such as `2h 30m`. A second that has begun counts as a whole one, so that
/// nothing is late by no time.
pub(crate) fn duration_message(duration: SignedDuration) -> Message {
    let begun = u64::from(duration.subsec_nanos() > 0);
    let seconds = duration.as_secs().unsigned_abs().saturating_add(begun);
    let mut parts = Vec::new();
    for (template, count) in [(&HOURS, seconds / 3600), (&MINUTES, seconds / 60 % 60)] {
        if count > 0 {
            parts.push(template.with("count", count));
        }
    }
    if parts.is_empty() || !seconds.is_multiple_of(60) {
        parts.push(SECONDS.with("count", seconds % 60));
    }
    DURATION.with("parts", parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_by_their_units() {
        for (milliseconds, expected) in [
            (0, "0s"),
            (1, "1s"),
            (60_000, "1m"),
            (3_600_000, "1h"),
            (9_000_000, "2h 30m"),
            (360_001_000, "100h 1s"),
        ] {
            let duration = SignedDuration::from_millis(milliseconds);
            assert_eq!(duration_message(duration).to_plain_text(), expected);
        }
        for (written, expected) in [
            ("60m", "1 hour"),
            ("90m", "90 minutes"),
            ("1m", "1 minute"),
            ("2 days", "48 hours"),
            ("1 business day", "1 business day"),
            ("5 business days", "5 business days"),
        ] {
            let limit = TimeLimit::new(written).unwrap();
            assert_eq!(time_limit_message(limit).to_plain_text(), expected);
        }
    }
}
