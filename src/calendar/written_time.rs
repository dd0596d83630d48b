//! Times as people write them for a command: a day, or an instant with its offset.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::yaml::shorten_for_message;

/// A time that a person wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenTime {
    /// A whole day, in UTC.
    Day(Date),
    /// An instant.
    Instant(Timestamp),
}

impl WrittenTime {
    /// Reads `2026-06-30`, or an instant such as `2026-06-30T12:00:00Z`.
    ///
    /// # Errors
    ///
    /// Says what to write. A time of day without an offset is neither: the library would read it as the day.
    pub(crate) fn parse_time(written: &str) -> Result<WrittenTime, String> {
        if let Ok(instant) = written.parse() {
            return Ok(WrittenTime::Instant(instant));
        }
        // The library reads more forms of a day than this one.
        let is_day = written.len() == 10 && written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if is_day && let Ok(day) = written.parse() {
            return Ok(WrittenTime::Day(day));
        }
        let shown = shorten_for_message(written);
        match written.parse::<DateTime>() {
            Ok(local) if written.contains(':') => Err(format!(
                "`{shown}` does not say in which time zone; write {local}Z for UTC, or an offset as in {local}+01:00"
            )),
            _ => Err(format!(
                "`{shown}` is no day such as 2026-06-30, and no instant such as 2026-06-30T12:00:00Z"
            )),
        }
    }

    /// Returns the instant, or the first instant of the day; `None` if it cannot be told as an instant.
    pub(crate) fn first_instant(self) -> Option<Timestamp> {
        match self {
            WrittenTime::Day(day) => Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp()),
            WrittenTime::Instant(instant) => Some(instant),
        }
    }

    /// Returns the instant, or the first instant after the day; `None` if it cannot be told as an instant.
    pub(crate) fn following_instant(self) -> Option<Timestamp> {
        match self {
            WrittenTime::Day(day) => WrittenTime::Day(day.checked_add(1.day()).ok()?).first_instant(),
            WrittenTime::Instant(instant) => Some(instant),
        }
    }

    /// Returns the instant, or the last second of the day; `None` if it cannot be told as an instant.
    pub(crate) fn last_second(self) -> Option<Timestamp> {
        match self {
            WrittenTime::Day(day) => Some(day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok()?.timestamp()),
            WrittenTime::Instant(instant) => Some(instant),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_without_an_offset_is_no_day() {
        for written in [
            "2026-12-04T18:00:00",
            "2026-12-04 18:00",
            "2026-12-04T18:00",
            "2026-12-04T18:00:00[Europe/Berlin]",
        ] {
            let why = WrittenTime::parse_time(written).unwrap_err();
            assert!(why.contains("which time zone; write 2026-12-04T18:00:00Z for UTC"), "{why}");
        }
        for written in
            ["2026-12-04 garbage", "soon", "", "2026-13-04", "20261204", "2026-12-04 18:00 Europe/Berlin"]
        {
            let why = WrittenTime::parse_time(written).unwrap_err();
            assert!(why.contains("is no day such as 2026-06-30"), "{why}");
        }
        let day = WrittenTime::parse_time("2026-12-04").unwrap();
        let told = [day.first_instant(), day.last_second(), day.following_instant()];
        let expected = ["2026-12-04T00:00:00Z", "2026-12-04T23:59:59Z", "2026-12-05T00:00:00Z"];
        assert_eq!(told.map(|at| at.unwrap().to_string()), expected);
        for written in ["2026-12-04T18:00Z", "2026-12-04 19:00:00+01:00"] {
            let instant = WrittenTime::parse_time(written).unwrap();
            assert_eq!(instant.first_instant().unwrap().to_string(), "2026-12-04T18:00:00Z", "{written}");
        }
    }
}
