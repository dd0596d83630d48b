//! Limits and windows of time, as a policy writes them: `24h`, `5 business days`, `Fri 18:00`.
//!
//! The caller passes the time; nothing here reads a clock. Hours run around the clock. Business days
//! are Monday to Friday without the holidays of the policy, in UTC unless a time zone is named. A limit
//! is inclusive: what happens exactly at it is in time.

pub mod icalendar;
pub(crate) mod written_time;
mod yearly_rule;

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::calendar::icalendar::{CalendarFault, read_calendar};
use crate::calendar::yearly_rule::YearlyRule;
use crate::yaml::{find_nearest_word, shorten_for_message};

/// The longest limit around the clock, ten years, in minutes.
const MAX_MINUTES: u32 = 3660 * 24 * 60;
/// The longest limit in business days: ten years.
const MAX_BUSINESS_DAYS: u32 = 2600;

/// How much time there is for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// This many minutes, around the clock.
    Minutes(u32),
    /// Until the end of the day that many business days later, in UTC.
    BusinessDays(u32),
}

impl TimeLimit {
    /// Reads `90m`, `24h`, `30 days` or `5 business days`.
    ///
    /// # Errors
    ///
    /// Refuses anything else, zero (`0h`), and more than ten years.
    pub fn new(written: &str) -> Result<Self, String> {
        TimeLimit::parse_limit(written).ok_or_else(|| {
            let found = shorten_for_message(written);
            format!("expected a time such as `90m`, `24h`, `30 days` or `5 business days`, found `{found}`")
        })
    }

    fn parse_limit(written: &str) -> Option<Self> {
        let digits = written.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = written.split_at_checked(digits)?;
        let number: u32 = number.parse().ok()?;
        let minutes = match unit.trim_start() {
            "m" | "min" | "minutes" => number,
            "h" | "hours" | "hour" => number.checked_mul(60)?,
            "d" | "days" | "day" => number.checked_mul(24 * 60)?,
            "business days" | "business day" if (1..=MAX_BUSINESS_DAYS).contains(&number) => {
                return Some(TimeLimit::BusinessDays(number));
            }
            _ => return None,
        };
        (1..=MAX_MINUTES).contains(&minutes).then_some(TimeLimit::Minutes(minutes))
    }

    /// Returns the last instant that is still in time, counted from `start`; `holidays` are no business
    /// days.
    ///
    /// `None` if it lies beyond the year 9999.
    pub fn due_after(self, start: Timestamp, holidays: &Holidays) -> Option<Timestamp> {
        match self {
            TimeLimit::Minutes(minutes) => {
                start.checked_add(SignedDuration::from_mins(i64::from(minutes))).ok()
            }
            TimeLimit::BusinessDays(days) => {
                let mut day = start.to_zoned(TimeZone::UTC).date();
                let mut left = days;
                while left > 0 {
                    day = day.checked_add(1.day()).ok()?;
                    if is_business_day(day, holidays) {
                        left -= 1;
                    }
                }
                day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok().map(|end| end.timestamp())
            }
        }
    }
}

/// The days that are no business days, beside Saturdays and Sundays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays {
    days: BTreeSet<Date>,
    /// Months and days that are holidays in every year.
    yearly: BTreeSet<(i8, i8)>,
    /// The holidays of calendars.
    rules: Vec<YearlyRule>,
}

/// One holiday, as a policy writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holiday {
    Once(Date),
    EveryYear { month: i8, day: i8 },
}

impl Holiday {
    /// Reads `2026-12-25`, or `12-25` for that day of every year.
    ///
    /// # Errors
    ///
    /// Refuses everything else, and days that do not exist.
    pub(crate) fn parse_holiday(written: &str) -> Result<Self, String> {
        let is_plain_form = written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let holiday = match (written.len(), is_plain_form) {
            (10, true) => written.parse().ok().map(Holiday::Once),
            // A leap year, so that 02-29 is a day.
            (5, true) => format!("2024-{written}")
                .parse()
                .ok()
                .map(|date: Date| Holiday::EveryYear { month: date.month(), day: date.day() }),
            _ => None,
        };
        holiday.ok_or_else(|| {
            let found = shorten_for_message(written);
            format!("expected a day such as 2026-12-25, or 12-25 for every year, found `{found}`")
        })
    }
}

/// What a policy lists under `holidays`: a day, or the path of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HolidayEntry {
    Day(Holiday),
    Calendar(String),
}

impl HolidayEntry {
    /// Reads a day, or a path that ends in `.ics`.
    ///
    /// # Errors
    ///
    /// Refuses everything else, and days that do not exist.
    pub(crate) fn parse_entry(written: &str) -> Result<Self, String> {
        match written.ends_with(".ics") {
            true => Ok(HolidayEntry::Calendar(written.to_owned())),
            false => Holiday::parse_holiday(written).map(HolidayEntry::Day),
        }
    }
}

impl Holidays {
    /// Adds a holiday.
    pub(crate) fn add_holiday(&mut self, holiday: Holiday) {
        match holiday {
            Holiday::Once(day) => self.days.insert(day),
            Holiday::EveryYear { month, day } => self.yearly.insert((month, day)),
        };
    }

    /// Adds the holidays of `other`.
    pub(crate) fn add_all(&mut self, other: Holidays) {
        self.days.extend(other.days);
        self.yearly.extend(other.yearly);
        self.rules.extend(other.rules);
    }

    /// Adds the holidays of a calendar.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the calendar, line by line.
    pub fn read_calendar(&mut self, source: &[u8]) -> Result<(), Vec<CalendarFault>> {
        self.rules.extend(read_calendar(source)?);
        Ok(())
    }

    /// Returns true if this day is a holiday.
    pub fn contains_day(&self, day: Date) -> bool {
        self.days.contains(&day)
            || self.yearly.contains(&(day.month(), day.day()))
            || self.rules.iter().any(|rule| rule.contains_day(day))
    }

    /// Returns the holidays in their order, those of every year first.
    pub(crate) fn list_holidays(&self) -> Vec<Holiday> {
        let yearly = self.yearly.iter().map(|(month, day)| Holiday::EveryYear { month: *month, day: *day });
        yearly.chain(self.days.iter().copied().map(Holiday::Once)).collect()
    }

    /// Returns the days of calendars, as people read them: what comes again by its first day.
    pub(crate) fn list_calendar_days(&self) -> BTreeSet<String> {
        self.rules.iter().map(YearlyRule::show_days).collect()
    }

    /// Returns the last day that is a holiday by its date, or by a rule that ends; `None` if there is no such day. What
    /// comes again without an end does not count, and days of calendars only where nothing of theirs does.
    pub(crate) fn find_last_dated_day(&self) -> Option<Date> {
        let mut last = self.days.last().copied();
        if self.rules.iter().all(|rule| rule.find_last_day().is_some()) {
            last = last.max(self.rules.iter().filter_map(YearlyRule::find_last_day).max());
        }
        last
    }

    /// Returns the number of days that are holidays in every year.
    pub(crate) fn count_yearly(&self) -> usize {
        self.yearly.len()
    }
}

/// Returns true from Monday to Friday, except on holidays.
pub(crate) fn is_business_day(day: Date, holidays: &Holidays) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !holidays.contains_day(day)
}

/// Returns the weekday called `Mon` to `Sun`.
///
/// # Errors
///
/// Refuses every other word.
pub(crate) fn parse_weekday(written: &str) -> Result<Weekday, String> {
    Ok(match written {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        other => {
            return Err(format!(
                "expected Mon, Tue, Wed, Thu, Fri, Sat or Sun, found `{}`",
                shorten_for_message(other)
            ));
        }
    })
}

/// Returns the time of day written as `18:00`.
///
/// # Errors
///
/// Refuses everything else; the day ends at `23:59`.
pub(crate) fn parse_time_of_day(written: &str) -> Result<Time, String> {
    if let Some((hour, minute)) = written.split_once(':')
        && hour.len() == 2
        && minute.len() == 2
        && let (Ok(hour), Ok(minute)) = (hour.parse(), minute.parse())
        && let Ok(time) = Time::new(hour, minute, 0, 0)
    {
        return Ok(time);
    }
    Err(format!("expected a time of day such as 18:00, found `{}`", shorten_for_message(written)))
}

/// Returns `instant` on the clocks of `zone` (an IANA name; UTC if there is none).
///
/// # Errors
///
/// Says so if this machine does not know the time zone.
pub(crate) fn to_local_time(instant: Timestamp, zone: Option<&str>) -> Result<Zoned, String> {
    match zone {
        None | Some("UTC") => Ok(instant.to_zoned(TimeZone::UTC)),
        Some(name) => match TimeZone::get(name) {
            Ok(zone) => Ok(instant.to_zoned(zone)),
            Err(_) => {
                Err(format!("this machine does not know the time zone `{}`", shorten_for_message(name)))
            }
        },
    }
}

/// Returns the time zone of this machine whose name is nearest to `name`, if one is near enough.
pub(crate) fn find_similar_zone(name: &str) -> Option<String> {
    let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.as_str().to_owned()).collect();
    find_nearest_word(name, known.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(within: &str, start: &str) -> String {
        due_with(within, start, &[])
    }

    fn due_with(within: &str, start: &str, holidays: &[&str]) -> String {
        let mut days = Holidays::default();
        for holiday in holidays {
            days.add_holiday(Holiday::parse_holiday(holiday).unwrap());
        }
        TimeLimit::new(within).unwrap().due_after(start.parse().unwrap(), &days).unwrap().to_string()
    }

    #[test]
    fn hours_run_around_the_clock() {
        assert_eq!(due("24h", "2026-03-01T10:00:00Z"), "2026-03-02T10:00:00Z");
        // The clocks go forward in between; 24 hours are 24 hours.
        assert_eq!(due("24h", "2026-03-28T23:30:00+01:00"), "2026-03-29T22:30:00Z");
        assert_eq!(due("30 days", "2026-01-31T00:00:00Z"), "2026-03-02T00:00:00Z");
    }

    #[test]
    fn business_days_leave_the_weekend_out() {
        // 2026-11-20 is a Friday.
        assert_eq!(due("1 business day", "2026-11-20T23:00:00Z"), "2026-11-23T23:59:59Z");
        assert_eq!(due("5 business days", "2026-11-20T09:00:00Z"), "2026-11-27T23:59:59Z");
        assert_eq!(due("2 business days", "2026-11-21T09:00:00Z"), "2026-11-24T23:59:59Z");
    }

    #[test]
    fn business_days_leave_holidays_out() {
        // 2026-12-24 is a Thursday.
        let start = "2026-12-24T09:00:00Z";
        assert_eq!(due_with("2 business days", start, &["12-25"]), "2026-12-29T23:59:59Z");
        let both = ["12-25", "2026-12-28", "2027-12-29"];
        assert_eq!(due_with("2 business days", start, &both), "2026-12-30T23:59:59Z");
        assert_eq!(due_with("2 days", start, &both), "2026-12-26T09:00:00Z");
        for odd in ["25-12", "12-32", "2026-02-29", "1-1", "Christmas", "2026-12-25T00:00", ""] {
            assert!(Holiday::parse_holiday(odd).is_err(), "{odd}");
        }
        assert!(Holiday::parse_holiday("02-29").is_ok());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for written in
            ["", "h", "0h", "24", "24 parsecs", "-1h", "1.5h", "99999999999h", "4000 days", "4294967295h"]
        {
            assert!(TimeLimit::new(written).is_err(), "{written}");
        }
        assert!(parse_time_of_day("24:00").is_err());
        assert!(parse_time_of_day("8:00").is_err());
        assert!(parse_weekday("Friday").is_err());
    }
}
