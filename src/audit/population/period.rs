//! The period that an audit is about.

use jiff::Timestamp;

use crate::calendar::written_time::WrittenTime;

/// A period: its first instant, and the first one after it. Either end may be open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditPeriod {
    /// The first instant that is part of it; `None` for the beginning of the history.
    pub from: Option<Timestamp>,
    /// The first instant that is no longer part of it; `None` for now.
    pub until: Option<Timestamp>,
}

/// Where a day is written, which of its ends is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodEnd {
    /// The beginning of the day.
    First,
    /// The end of the day, which is part of the period.
    Last,
}

impl AuditPeriod {
    /// Returns true if an instant is part of the period.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }

    /// Returns the period in words, in UTC.
    pub fn describe(&self) -> String {
        match (self.from, self.until) {
            (None, None) => "the whole history".to_owned(),
            (Some(from), None) => format!("from {from}"),
            (None, Some(until)) => format!("until {until}"),
            (Some(from), Some(until)) => format!("from {from} until {until}"),
        }
    }
}

/// Reads one end of a period: a day, which is one in UTC, or an instant.
///
/// # Errors
///
/// Says what can be written.
pub fn parse_period_end(written: &str, end: PeriodEnd) -> Result<Timestamp, String> {
    let time = WrittenTime::parse_time(written)?;
    let instant = match end {
        PeriodEnd::First => time.first_instant(),
        PeriodEnd::Last => time.following_instant(),
    };
    instant.ok_or_else(|| format!("`{written}` is too far away"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_part_of_the_period_that_it_ends() {
        let from = parse_period_end("2026-06-01", PeriodEnd::First).unwrap();
        let until = parse_period_end("2026-06-30", PeriodEnd::Last).unwrap();
        let period = AuditPeriod { from: Some(from), until: Some(until) };
        for (at, is_in) in [
            ("2026-05-31T23:59:59Z", false),
            ("2026-06-01T00:00:00Z", true),
            ("2026-06-30T23:59:59Z", true),
            ("2026-07-01T00:00:00Z", false),
        ] {
            assert_eq!(period.contains(at.parse().unwrap()), is_in, "{at}");
        }
        assert_eq!(period.describe(), "from 2026-06-01T00:00:00Z until 2026-07-01T00:00:00Z");
        // What is written is what counts, down to parts of a second.
        let from = parse_period_end("2026-06-01T10:00:00.25Z", PeriodEnd::First).unwrap();
        let period = AuditPeriod { from: Some(from), until: None };
        assert_eq!(period.describe(), "from 2026-06-01T10:00:00.25Z");
        assert!(!period.contains("2026-06-01T10:00:00.2Z".parse().unwrap()));
        for end in [PeriodEnd::First, PeriodEnd::Last] {
            assert!(parse_period_end("yesterday", end).is_err());
            assert!(parse_period_end("2026-06-01T18:00:00", end).is_err());
        }
    }
}
