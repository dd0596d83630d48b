//! The periods of a window: days, hours of the week, and the edges of months, quarters and years.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::{Span, Zoned};

use crate::calendar::{Holidays, TimeLimit, is_business_day, parse_time_of_day, parse_weekday};
use crate::verdict::{Message, MessageTemplate, messages};
use crate::yaml::decode::{MapReader, parse_each, parse_one, read_choice, read_day, read_items};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

messages! {
    PERIOD_OF_DATES = "window.period-of-dates": "{from} to {until}";
    PERIOD_OF_HOURS = "window.period-of-hours": "{from} to {until} {days}";
    PERIOD_AT_END = "window.period-at-end": "the last {days} of every {part}";
    PERIOD_AT_BEGINNING = "window.period-at-beginning": "the first {days} of every {part}";
    DAYS = "window.days": "{count} {count:day|days}";
    BUSINESS_DAYS = "window.business-days": "{count} business {count:day|days}";
    MONTH = "window.month": "month";
    QUARTER = "window.quarter": "quarter";
    YEAR = "window.year": "year";
    EVERY_DAY = "window.every-day": "every day";
    ON_BUSINESS_DAYS = "window.on-business-days": "on business days";
    ON_WEEKENDS = "window.on-weekends": "on weekends";
    ON_HOLIDAYS = "window.on-holidays": "on holidays";
    ON_DAYS = "window.on-days": "on {days}";
    MONDAY = "window.monday": "Monday";
    TUESDAY = "window.tuesday": "Tuesday";
    WEDNESDAY = "window.wednesday": "Wednesday";
    THURSDAY = "window.thursday": "Thursday";
    FRIDAY = "window.friday": "Friday";
    SATURDAY = "window.saturday": "Saturday";
    SUNDAY = "window.sunday": "Sunday";
}

/// A time that comes once, every week, or in every month, quarter or year.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TimePeriod {
    Dates { from: Date, until: Date },
    Hours { days: WindowDays, from: Time, until: Time },
    Edge(CalendarEdge),
}

/// The days of the week on which a period starts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum WindowDays {
    All,
    Business,
    Weekend,
    Holidays,
    Listed(Vec<Weekday>),
}

/// The first or the last days of every month, quarter or year.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CalendarEdge {
    count: u8,
    /// True if only business days are counted.
    is_business: bool,
    is_last: bool,
    part: CalendarPart,
}

/// A part of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CalendarPart {
    Month,
    Quarter,
    Year,
}

const PART_WORDS: [(&str, CalendarPart); 3] =
    [("month", CalendarPart::Month), ("quarter", CalendarPart::Quarter), ("year", CalendarPart::Year)];

/// How many days can be counted at an edge.
const MAX_EDGE_DAYS: u8 = 31;

impl TimePeriod {
    pub(super) fn read_period(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let edges = [("last", true), ("first", false)].map(|(key, is_last)| (map.find_key(key), is_last));
        let of = map.find_key("of");
        let part = of.and_then(|node| read_choice(node, &PART_WORDS, faults));
        if let Some((counted, is_last)) = edges.into_iter().find_map(|(node, is_last)| Some((node?, is_last)))
        {
            if of.is_none() {
                let what = "`of` is missing here; add `of: month`, `of: quarter` or `of: year`";
                faults.push(YamlFault::new(node.at, what));
            }
            let counted = parse_one(counted, faults, parse_counted_days);
            if edges.iter().all(|(node, _)| node.is_some()) {
                faults.push(YamlFault::new(node.at, "a period has either `first` or `last`"));
            }
            map.refuse_unknown_keys(faults);
            let (count, is_business) = counted?;
            let edge = CalendarEdge { count, is_business, is_last, part: part? };
            return (before == faults.len()).then_some(TimePeriod::Edge(edge));
        }
        if let Some(of) = of {
            faults.push(YamlFault::new(of.at, "`of` stands beside `first` or `last`"));
        }
        let weekdays = map.find_key("weekdays");
        let from = map.find_key("from");
        let until = map.find_key("until");
        let is_hours = weekdays.is_some() || from.or(until).is_some_and(looks_like_time);
        let period = if is_hours {
            TimePeriod::read_hours(weekdays, from, until, faults)
        } else {
            TimePeriod::read_dates(&mut map, faults)
        };
        if let Some(TimePeriod::Dates { from, until }) = &period
            && from > until
        {
            faults.push(YamlFault::new(node.at, "this period ends before it begins"));
        }
        map.refuse_unknown_keys(faults);
        if before == faults.len() { period } else { None }
    }

    fn read_hours(
        weekdays: Option<&YamlNode>,
        from: Option<&YamlNode>,
        until: Option<&YamlNode>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let days = match weekdays {
            Some(node) => WindowDays::read_days(node, faults),
            None => Some(WindowDays::All),
        };
        let from = read_time_or(from, Time::midnight(), faults);
        let until = read_time_or(until, Time::constant(23, 59, 0, 0), faults);
        Some(TimePeriod::Hours { days: days?, from: from?, until: until? })
    }

    fn read_dates(map: &mut MapReader<'_>, faults: &mut Vec<YamlFault>) -> Option<Self> {
        let from = map.require_key("from", faults).and_then(|node| read_day(node, faults));
        let until = map.require_key("until", faults).and_then(|node| read_day(node, faults));
        Some(TimePeriod::Dates { from: from?, until: until? })
    }

    pub(super) fn contains_time(&self, now: &Zoned, holidays: &Holidays) -> bool {
        let today = now.date();
        match self {
            TimePeriod::Dates { from, until } => today >= *from && today <= *until,
            TimePeriod::Edge(edge) => edge.contains_day(today, holidays),
            TimePeriod::Hours { days, from, until } => {
                let is_after = whole_minute(now.time()) >= whole_minute(*from);
                let is_before = whole_minute(now.time()) <= whole_minute(*until);
                if whole_minute(*from) <= whole_minute(*until) {
                    return days.contains_day(today, holidays) && is_after && is_before;
                }
                let began_yesterday =
                    today.yesterday().is_ok_and(|yesterday| days.contains_day(yesterday, holidays));
                (days.contains_day(today, holidays) && is_after) || (began_yesterday && is_before)
            }
        }
    }

    /// Describes the period in words that follow `from` or `inside`.
    pub(super) fn describe_period(&self) -> Message {
        match self {
            TimePeriod::Dates { from, until } => {
                PERIOD_OF_DATES.with("from", from.to_string()).with("until", until.to_string())
            }
            TimePeriod::Edge(edge) => edge.describe_edge(),
            TimePeriod::Hours { days, from, until } => {
                let days = match days {
                    WindowDays::All => Message::from(&EVERY_DAY),
                    WindowDays::Business => Message::from(&ON_BUSINESS_DAYS),
                    WindowDays::Weekend => Message::from(&ON_WEEKENDS),
                    WindowDays::Holidays => Message::from(&ON_HOLIDAYS),
                    WindowDays::Listed(days) => {
                        let days: Vec<_> = days.iter().map(|day| weekday_template(*day)).collect();
                        ON_DAYS.with("days", days)
                    }
                };
                PERIOD_OF_HOURS
                    .with("from", from.strftime("%H:%M").to_string())
                    .with("until", until.strftime("%H:%M").to_string())
                    .with("days", days)
            }
        }
    }

    /// Returns true for a period of every week.
    pub(super) fn comes_again(&self) -> bool {
        matches!(self, TimePeriod::Hours { .. })
    }

    /// Returns true for the edge of a month, a quarter or a year.
    pub(super) fn is_edge(&self) -> bool {
        matches!(self, TimePeriod::Edge(_))
    }

    /// Returns the days of a period that comes once.
    pub(super) fn list_days(&self) -> Option<(Date, Date)> {
        match self {
            TimePeriod::Dates { from, until } => Some((*from, *until)),
            TimePeriod::Hours { .. } | TimePeriod::Edge(_) => None,
        }
    }

    /// Adds the times of the day at which the period begins, or the next minute after it ends.
    pub(super) fn add_edges(&self, times: &mut BTreeSet<Time>) {
        if let TimePeriod::Hours { from, until, .. } = self {
            times.insert(*from);
            times.insert(until.wrapping_add(Span::new().minutes(1)));
        }
    }
}

impl CalendarEdge {
    /// Returns true for a day from the first of the counted days to the end of the part, or from its beginning to the
    /// last of the counted days.
    fn contains_day(&self, day: Date, holidays: &Holidays) -> bool {
        let (first, last) = self.part.find_ends(day);
        let mut edge = if self.is_last { last } else { first };
        let mut left = self.count;
        // There are no more days in a year than this.
        for _ in 0..366 {
            if !self.is_business || is_business_day(edge, holidays) {
                left = left.saturating_sub(1);
            }
            if left == 0 {
                break;
            }
            let next = if self.is_last { edge.yesterday() } else { edge.tomorrow() };
            match next {
                Ok(next) if next >= first && next <= last => edge = next,
                _ => break,
            }
        }
        if self.is_last { day >= edge } else { day <= edge }
    }

    fn describe_edge(&self) -> Message {
        let template = if self.is_last { &PERIOD_AT_END } else { &PERIOD_AT_BEGINNING };
        let days = if self.is_business { &BUSINESS_DAYS } else { &DAYS };
        let part = match self.part {
            CalendarPart::Month => &MONTH,
            CalendarPart::Quarter => &QUARTER,
            CalendarPart::Year => &YEAR,
        };
        let days = days.with("count", u64::from(self.count));
        template.with("days", days).with("part", part)
    }
}

impl CalendarPart {
    /// Returns the first and the last day of the part of the year that a day is in.
    fn find_ends(self, day: Date) -> (Date, Date) {
        let (first, last) = match self {
            CalendarPart::Month => (day.month(), day.month()),
            CalendarPart::Quarter => {
                let first = (day.month() - 1) / 3 * 3 + 1;
                (first, first + 2)
            }
            CalendarPart::Year => (1, 12),
        };
        let begins = Date::new(day.year(), first, 1).unwrap_or(day);
        let ends = Date::new(day.year(), last, 1).map_or(day, Date::last_of_month);
        (begins, ends)
    }
}

impl WindowDays {
    fn read_days(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        if let YamlValue::Scalar { text, .. } = &node.value {
            match text.as_str() {
                "business" => return Some(WindowDays::Business),
                "weekend" => return Some(WindowDays::Weekend),
                "holidays" => return Some(WindowDays::Holidays),
                _ => {}
            }
        }
        let before = faults.len();
        let days = parse_each(node, faults, parse_weekday);
        (before == faults.len()).then_some(WindowDays::Listed(days))
    }

    fn contains_day(&self, day: Date, holidays: &Holidays) -> bool {
        match self {
            WindowDays::All => true,
            WindowDays::Business => is_business_day(day, holidays),
            WindowDays::Weekend => matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday),
            WindowDays::Holidays => holidays.contains_day(day),
            WindowDays::Listed(days) => days.contains(&day.weekday()),
        }
    }
}

/// Reads `5 business days` or `3 days`.
fn parse_counted_days(written: &str) -> Result<(u8, bool), String> {
    let refuse = || {
        let found = shorten_for_message(written);
        format!("expected 1 to {MAX_EDGE_DAYS} days such as `5 business days` or `3 days`, found `{found}`")
    };
    let (days, is_business) = match TimeLimit::new(written) {
        Ok(TimeLimit::BusinessDays(days)) => (days, true),
        Ok(TimeLimit::Minutes(minutes)) if written.contains('d') && minutes.is_multiple_of(24 * 60) => {
            (minutes / (24 * 60), false)
        }
        _ => return Err(refuse()),
    };
    match u8::try_from(days) {
        Ok(days) if days <= MAX_EDGE_DAYS => Ok((days, is_business)),
        _ => Err(refuse()),
    }
}

/// Returns the minute of a time, which belongs to a period as a whole.
fn whole_minute(time: Time) -> (i8, i8) {
    (time.hour(), time.minute())
}

pub(super) fn weekday_template(day: Weekday) -> &'static MessageTemplate {
    match day {
        Weekday::Monday => &MONDAY,
        Weekday::Tuesday => &TUESDAY,
        Weekday::Wednesday => &WEDNESDAY,
        Weekday::Thursday => &THURSDAY,
        Weekday::Friday => &FRIDAY,
        Weekday::Saturday => &SATURDAY,
        Weekday::Sunday => &SUNDAY,
    }
}

pub(super) fn describe_periods(periods: &[TimePeriod]) -> Vec<Message> {
    periods.iter().map(TimePeriod::describe_period).collect()
}

pub(super) fn read_periods(node: Option<&YamlNode>, faults: &mut Vec<YamlFault>) -> Vec<TimePeriod> {
    let mut periods = Vec::new();
    match node {
        // A single period need not stand in a list.
        Some(node) if matches!(node.value, YamlValue::Map(_)) => {
            periods.extend(TimePeriod::read_period(node, faults));
        }
        Some(node) => {
            for item in read_items(node, faults) {
                periods.extend(TimePeriod::read_period(item, faults));
            }
        }
        None => {}
    }
    periods
}

fn looks_like_time(node: &YamlNode) -> bool {
    matches!(&node.value, YamlValue::Scalar { text, .. } if text.contains(':') || find_meant_time(text).is_some())
}

/// Returns the time of day that `18.00`, `18h00`, `1800`, `8` or `6pm` stands for.
fn find_meant_time(written: &str) -> Option<String> {
    let folded = written.trim().to_ascii_lowercase();
    let (clock, afternoon) = match (folded.strip_suffix("am"), folded.strip_suffix("pm")) {
        (Some(clock), _) => (clock.trim_end(), Some(false)),
        (_, Some(clock)) => (clock.trim_end(), Some(true)),
        _ => (folded.as_str(), None),
    };
    let (hour, minute) = match clock.split_once([':', '.', 'h']) {
        Some((hour, "")) => (hour, "00"),
        Some(parts) => parts,
        None if clock.len() == 4 => clock.split_at_checked(2)?,
        None => (clock, "00"),
    };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=2).contains(&hour.len()) || minute.len() != 2 || !is_number(hour) || !is_number(minute) {
        return None;
    }
    let hour: i8 = match (hour.parse().ok()?, afternoon) {
        (12, Some(false)) => 0,
        (hour @ 1..=11, Some(true)) => hour + 12,
        (hour, _) => hour,
    };
    let time = Time::new(hour, minute.parse().ok()?, 0, 0).ok()?;
    Some(time.strftime("%H:%M").to_string())
}

fn read_time_or(node: Option<&YamlNode>, default: Time, faults: &mut Vec<YamlFault>) -> Option<Time> {
    match node {
        Some(node) => {
            let before = faults.len();
            let time = parse_one(node, faults, parse_time_of_day);
            if let YamlValue::Scalar { text, .. } = &node.value
                && let Some(meant) = find_meant_time(text)
            {
                for fault in faults.iter_mut().skip(before) {
                    fault.help = Some(format!("write `'{meant}'`"));
                }
            }
            time
        }
        None => Some(default),
    }
}
