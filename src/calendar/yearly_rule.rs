//! Days that are holidays once, or in every year by a rule.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// A holiday of one or more days, once or in every year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YearlyRule {
    /// The first day.
    pub(crate) start: Date,
    /// How many days it takes.
    pub(crate) days: i32,
    /// True if it comes again.
    pub(crate) is_yearly: bool,
    /// On which day of a year it begins.
    pub(crate) day: YearlyDay,
    /// Every how many years.
    pub(crate) interval: i16,
    /// How often it comes; `None` without an end.
    pub(crate) count: Option<u32>,
    /// The last day on which it begins.
    pub(crate) until: Option<Date>,
    /// The days on which it does not begin.
    pub(crate) except: BTreeSet<Date>,
}

/// A day of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum YearlyDay {
    /// The same day of the same month.
    OfMonth { month: i8, day: i8 },
    /// The weekday of a month, counted from its beginning, or from its end if the number is negative.
    Weekday { month: i8, nth: i8, weekday: Weekday },
}

impl YearlyDay {
    /// Returns the day in this year; `None` if the year has none, such as 29 February.
    fn in_year(self, year: i16) -> Option<Date> {
        match self {
            YearlyDay::OfMonth { month, day } => Date::new(year, month, day).ok(),
            YearlyDay::Weekday { month, nth, weekday } => {
                Date::new(year, month, 1).ok()?.nth_weekday_of_month(nth, weekday).ok()
            }
        }
    }
}

impl YearlyRule {
    /// Returns a holiday that comes once.
    pub(crate) fn once(start: Date, days: i32) -> Self {
        YearlyRule {
            start,
            days,
            is_yearly: false,
            day: YearlyDay::OfMonth { month: start.month(), day: start.day() },
            interval: 1,
            count: None,
            until: None,
            except: BTreeSet::new(),
        }
    }

    /// Returns the day or the days that the rule begins with, and that they come again if they do.
    pub(crate) fn show_days(&self) -> String {
        let last = self.start.checked_add((self.days - 1).days()).unwrap_or(self.start);
        let days =
            if last > self.start { format!("{} to {last}", self.start) } else { self.start.to_string() };
        if self.is_yearly { format!("{days} and every year") } else { days }
    }

    /// Returns true if this day is one of the holiday.
    pub(crate) fn contains_day(&self, day: Date) -> bool {
        let Ok(earliest) = day.checked_sub((self.days - 1).days()) else { return false };
        for year in earliest.year()..=day.year() {
            let first = if self.is_yearly { self.day.in_year(year) } else { Some(self.start) };
            if let Some(first) = first
                && first >= earliest
                && first <= day
                && self.begins_on(first)
            {
                return true;
            }
        }
        false
    }

    /// Returns the last day of the holiday when it comes for the last time; `None` if it comes again without an end.
    pub(crate) fn find_last_day(&self) -> Option<Date> {
        let last_start = match (self.is_yearly, self.until, self.count) {
            (false, _, _) => self.start,
            (true, Some(until), _) => until,
            (true, None, Some(count)) => {
                let years = i64::from(count.saturating_sub(1)).checked_mul(i64::from(self.interval))?;
                self.start.checked_add(years.years()).ok()?
            }
            (true, None, None) => return None,
        };
        last_start.checked_add((self.days - 1).days()).ok()
    }

    /// Returns true if the holiday begins on this day, which is the one that its rule gives for the year.
    fn begins_on(&self, first: Date) -> bool {
        if self.except.contains(&first) || first < self.start {
            return false;
        }
        if !self.is_yearly || first == self.start {
            return true;
        }
        let years = first.year() - self.start.year();
        let is_in_step = years % self.interval == 0;
        let is_before_end = self.until.is_none_or(|until| first <= until);
        is_in_step && is_before_end && self.count.is_none_or(|count| self.count_before(first) < count)
    }

    /// Returns how many times the holiday comes before this one.
    fn count_before(&self, first: Date) -> u32 {
        let mut count = 0;
        let mut year = self.start.year();
        while year < first.year() {
            if self.day.in_year(year).is_some_and(|day| day >= self.start) {
                count += 1;
            }
            match year.checked_add(self.interval) {
                Some(next) => year = next,
                None => break,
            }
        }
        count
    }
}
