//! Holidays from an iCalendar file (RFC 5545): events of whole days, once or in every year.
//!
//! What is read is bounded: events without a time, and of the rules those of a year. An event with a time of day is no
//! holiday. What would make a day a holiday, or none, and is not read here, is a fault with its line, so that no
//! day is one by accident.

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};

use crate::calendar::yearly_rule::{YearlyDay, YearlyRule};
use crate::yaml::shorten_for_message;

/// How many events a file may have.
const MAX_EVENTS: usize = 5_000;

/// How many days one event may take.
const MAX_EVENT_DAYS: i32 = 366;

/// How many days may be listed as exceptions, or in addition.
const MAX_LISTED_DAYS: usize = 1_000;

/// What is wrong with a line of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarFault {
    /// The number of the line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// A line with its continuations put together.
struct ContentLine {
    number: usize,
    name: String,
    /// What stands between the name and the value, in capital letters.
    parameters: String,
    value: String,
}

/// What is read of one event.
#[derive(Default)]
struct EventDraft {
    line: usize,
    start: Option<Date>,
    end: Option<Date>,
    days: Option<i32>,
    rule: Option<(usize, String)>,
    except: BTreeSet<Date>,
    more: BTreeSet<Date>,
    /// True if the event has a time of day, or does not take place.
    is_left_out: bool,
}

/// Reads the holidays of a calendar.
///
/// # Errors
///
/// Returns what is wrong, line by line.
pub(super) fn read_calendar(source: &[u8]) -> Result<Vec<YearlyRule>, Vec<CalendarFault>> {
    let mut faults = Vec::new();
    let Ok(text) = std::str::from_utf8(source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source)) else {
        return Err(vec![CalendarFault { line: 1, what: "a calendar is UTF-8".into() }]);
    };
    let mut rules = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut event = EventDraft::default();
    let mut has_calendar = false;
    let mut last_line = 1;
    for line in unfold_lines(text) {
        last_line = line.number;
        match line.name.as_str() {
            "BEGIN" => {
                let name = line.value.trim().to_ascii_uppercase();
                has_calendar |= name == "VCALENDAR" && open.is_empty();
                if name == "VEVENT" {
                    if open.contains(&name) {
                        let what = "an event cannot stand within another one; `END:VEVENT` is missing above";
                        faults.push(CalendarFault { line: line.number, what: what.into() });
                        break;
                    }
                    event = EventDraft { line: line.number, ..EventDraft::default() };
                }
                open.push(name);
            }
            "END" => {
                let name = line.value.trim().to_ascii_uppercase();
                if open.pop().as_deref() != Some(name.as_str()) {
                    let what = format!("`END:{}` ends nothing that is open", shorten_for_message(&name));
                    faults.push(CalendarFault { line: line.number, what });
                    break;
                }
                if name == "VEVENT" {
                    if rules.len() >= MAX_EVENTS {
                        let what = format!("a calendar has at most {MAX_EVENTS} events");
                        faults.push(CalendarFault { line: line.number, what });
                        break;
                    }
                    match std::mem::take(&mut event).into_rules() {
                        Ok(found) => rules.extend(found),
                        Err(fault) => faults.push(fault),
                    }
                }
            }
            // Alarms and the like stand within an event.
            _ if open.last().is_some_and(|name| name == "VEVENT") => {
                if let Err(what) = event.add_line(&line) {
                    // What is wrong with the rest of the event may come from this line.
                    event.is_left_out = true;
                    faults.push(CalendarFault { line: line.number, what });
                }
            }
            _ => {}
        }
    }
    if !has_calendar {
        faults.insert(0, CalendarFault { line: 1, what: "a calendar begins with `BEGIN:VCALENDAR`".into() });
    } else if !open.is_empty() && faults.is_empty() {
        let what = format!("`{}` has no end", shorten_for_message(&open.join("`, `")));
        faults.push(CalendarFault { line: last_line, what });
    }
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

/// Returns the lines of a calendar; one that begins with white space continues the one before it.
fn unfold_lines(text: &str) -> Vec<ContentLine> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), joined.last_mut()) {
            (Some(rest), Some((_, known))) => known.push_str(rest),
            _ => joined.push((index + 1, line.to_owned())),
        }
    }
    joined.into_iter().filter_map(|(number, line)| split_content_line(number, &line)).collect()
}

/// Divides a line into its name, parameters and value; `None` for an empty one.
fn split_content_line(number: usize, line: &str) -> Option<ContentLine> {
    let mut is_quoted = false;
    let colon = line.char_indices().find(|(_, character)| {
        is_quoted ^= *character == '"';
        *character == ':' && !is_quoted
    });
    let (head, value) = match colon {
        Some((at, _)) => (line.get(..at)?, line.get(at + 1..)?),
        None if line.trim().is_empty() => return None,
        None => (line, ""),
    };
    let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
    Some(ContentLine {
        number,
        name: name.trim().to_ascii_uppercase(),
        parameters: parameters.to_ascii_uppercase(),
        value: value.trim().to_owned(),
    })
}

impl EventDraft {
    fn add_line(&mut self, line: &ContentLine) -> Result<(), String> {
        match line.name.as_str() {
            "DTSTART" => match parse_day(&line.value) {
                Some(day) => self.start = Some(day),
                None => self.is_left_out |= is_time(&line.value)?,
            },
            "DTEND" => match parse_day(&line.value) {
                Some(day) => self.end = Some(day),
                None => self.is_left_out |= is_time(&line.value)?,
            },
            "DURATION" => match parse_days(&line.value) {
                Some(days) => self.days = Some(days),
                None if line.value.contains('T') => self.is_left_out = true,
                None => return Err(format!("`{}` is no number of days", shorten_for_message(&line.value))),
            },
            "RRULE" if self.rule.is_some() => return Err("an event has one rule".into()),
            "RRULE" => self.rule = Some((line.number, line.value.to_ascii_uppercase())),
            "EXDATE" => add_days(&line.value, &mut self.except)?,
            "RDATE" if line.parameters.contains("PERIOD") => {
                return Err("periods in `RDATE` are not read here; list days".into());
            }
            "RDATE" => add_days(&line.value, &mut self.more)?,
            "EXRULE" => return Err("`EXRULE` is not read here; list the days in `EXDATE`".into()),
            "RECURRENCE-ID" => {
                return Err(
                    "a change of one day of a series is not read here; use `EXDATE` and an event of its own"
                        .into(),
                );
            }
            "STATUS" => self.is_left_out |= line.value.eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
        Ok(())
    }

    fn into_rules(self) -> Result<Vec<YearlyRule>, CalendarFault> {
        let at = |line: usize, what: String| CalendarFault { line, what };
        if self.is_left_out {
            return Ok(Vec::new());
        }
        let Some(start) = self.start else {
            return Err(at(self.line, "this event has no `DTSTART`".into()));
        };
        let days = match (self.end, self.days) {
            (Some(end), _) => start.until(end).map_or(0, |span| span.get_days()).max(i32::from(end == start)),
            (None, Some(days)) => days,
            (None, None) => 1,
        };
        if !(1..=MAX_EVENT_DAYS).contains(&days) {
            return Err(at(self.line, format!("an event takes 1 to {MAX_EVENT_DAYS} days")));
        }
        let mut rule = YearlyRule::once(start, days);
        rule.except = self.except;
        if let Some((line, written)) = &self.rule {
            read_rule(written, start, &mut rule).map_err(|what| at(*line, what))?;
        }
        let mut rules = vec![rule];
        for day in self.more {
            rules.push(YearlyRule::once(day, days));
        }
        Ok(rules)
    }
}

/// Reads a rule: of every year, by day of the month or by day of the week.
fn read_rule(written: &str, start: Date, rule: &mut YearlyRule) -> Result<(), String> {
    let mut frequency = "";
    let mut month = None;
    let mut day = None;
    let mut weekday = None;
    for part in written.split(';').filter(|part| !part.is_empty()) {
        let unread = || format!("`{}` is not read here", shorten_for_message(part));
        let (key, value) = part.split_once('=').ok_or_else(unread)?;
        let number = || value.parse::<i16>().ok();
        match key {
            "FREQ" => frequency = value,
            "INTERVAL" => {
                rule.interval = number().filter(|years| (1..=100).contains(years)).ok_or_else(unread)?
            }
            "COUNT" => rule.count = Some(value.parse().ok().filter(|count| *count > 0).ok_or_else(unread)?),
            "UNTIL" => {
                let day = value.get(..8).and_then(parse_day);
                rule.until = Some(day.ok_or_else(unread)?);
            }
            "BYMONTH" => {
                month = Some(number().and_then(|month| i8::try_from(month).ok()).ok_or_else(unread)?)
            }
            "BYMONTHDAY" => day = Some(number().and_then(|day| i8::try_from(day).ok()).ok_or_else(unread)?),
            "BYDAY" => weekday = Some(parse_weekday_of_month(value).ok_or_else(unread)?),
            "WKST" => {}
            _ => return Err(unread()),
        }
    }
    if frequency != "YEARLY" {
        return Err("only rules of every year are read here (`FREQ=YEARLY`)".into());
    }
    let month = month.unwrap_or(start.month());
    if !(1..=12).contains(&month) {
        return Err(format!("there is no month {month}"));
    }
    rule.day = match (day, weekday) {
        (Some(_), Some(_)) => return Err("`BYMONTHDAY` together with `BYDAY` is not read here".into()),
        (Some(day), None) if (1..=31).contains(&day) => YearlyDay::OfMonth { month, day },
        (Some(day), None) => return Err(format!("there is no day {day} of a month")),
        (None, Some((nth, weekday))) => YearlyDay::Weekday { month, nth, weekday },
        (None, None) => YearlyDay::OfMonth { month, day: start.day() },
    };
    rule.is_yearly = true;
    Ok(())
}

/// Reads `4TH` or `-1MO`, the fourth Thursday or the last Monday of a month.
fn parse_weekday_of_month(written: &str) -> Option<(i8, Weekday)> {
    let (nth, name) = written.split_at_checked(written.len().checked_sub(2)?)?;
    let weekday = match name {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    };
    let nth: i8 = nth.strip_prefix('+').unwrap_or(nth).parse().ok()?;
    (nth != 0 && (-5..=5).contains(&nth)).then_some((nth, weekday))
}

/// Reads a day such as `20261225`.
fn parse_day(written: &str) -> Option<Date> {
    if written.len() != 8 || !written.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| written.get(range)?.parse::<i16>().ok();
    let (month, day) = (i8::try_from(part(4..6)?).ok()?, i8::try_from(part(6..8)?).ok()?);
    Date::new(part(0..4)?, month, day).ok()
}

/// Returns true for a day with a time, such as `20261225T080000Z`.
fn is_time(written: &str) -> Result<bool, String> {
    let is_time = written.split_once('T').is_some_and(|(day, _)| parse_day(day).is_some());
    if is_time {
        Ok(true)
    } else {
        Err(format!("`{}` is no day such as 20261225", shorten_for_message(written)))
    }
}

/// Reads a number of days or weeks: `P1D`, `P2W`.
fn parse_days(written: &str) -> Option<i32> {
    let rest = written.strip_prefix('+').unwrap_or(written).strip_prefix('P')?;
    if let Some(weeks) = rest.strip_suffix('W') {
        return weeks.parse::<i32>().ok()?.checked_mul(7);
    }
    rest.strip_suffix('D')?.parse().ok()
}

fn add_days(written: &str, days: &mut BTreeSet<Date>) -> Result<(), String> {
    for word in written.split(',') {
        match parse_day(word.trim()) {
            Some(day) => days.insert(day),
            None => return Err(format!("`{}` is no day such as 20261225", shorten_for_message(word))),
        };
    }
    if days.len() > MAX_LISTED_DAYS {
        return Err(format!("at most {MAX_LISTED_DAYS} days are listed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(events: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n{events}END:VCALENDAR\r\n")
    }

    fn event(lines: &str) -> String {
        format!("BEGIN:VEVENT\r\nUID:1\r\n{lines}END:VEVENT\r\n")
    }

    fn has(events: &str, day: &str) -> bool {
        let rules = read_calendar(calendar(events).as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}"));
        let day: Date = day.parse().unwrap();
        rules.iter().any(|rule| rule.contains_day(day))
    }

    fn faults(source: &str) -> Vec<usize> {
        match read_calendar(source.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.into_iter().map(|fault| fault.line).collect(),
        }
    }

    #[test]
    fn an_event_takes_the_days_that_it_says() {
        for (lines, on, off) in [
            (
                "DTSTART;VALUE=DATE:20261224\r\n",
                vec!["2026-12-24"],
                vec!["2026-12-23", "2026-12-25", "2027-12-24"],
            ),
            (
                "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\n",
                vec!["2026-12-24", "2026-12-26"],
                vec!["2026-12-27"],
            ),
            ("DTSTART;VALUE=DATE:20261224\r\nDURATION:P1W\r\n", vec!["2026-12-30"], vec!["2026-12-31"]),
            (
                "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261224\r\n",
                vec!["2026-12-24"],
                vec!["2026-12-25"],
            ),
            (
                "DTSTART;VALUE=DATE:20261224\r\nRDATE;VALUE=DATE:20270101,20270106\r\n",
                vec!["2027-01-06"],
                vec!["2027-01-05"],
            ),
            ("DTSTART:20261224T080000Z\r\nDTEND:20261224T100000Z\r\n", vec![], vec!["2026-12-24"]),
            ("DTSTART;VALUE=DATE:20261224\r\nSTATUS:CANCELLED\r\n", vec![], vec!["2026-12-24"]),
            // A long line is folded, wherever it is.
            (
                "DTSTART;VALUE=DA\r\n TE:2026\r\n 1224\r\nSUMMARY:Christmas: eve\r\n",
                vec!["2026-12-24"],
                vec![],
            ),
        ] {
            for day in on {
                assert!(has(&event(lines), day), "{lines} {day}");
            }
            for day in off {
                assert!(!has(&event(lines), day), "{lines} {day}");
            }
        }
    }

    #[test]
    fn a_rule_is_of_every_year() {
        for (start, rule, on, off) in [
            ("20200101", "FREQ=YEARLY", "2031-01-01", "2019-01-01"),
            ("20200101", "FREQ=YEARLY;INTERVAL=2", "2022-01-01", "2021-01-01"),
            ("20200101", "FREQ=YEARLY;COUNT=3", "2022-01-01", "2023-01-01"),
            ("20200101", "FREQ=YEARLY;UNTIL=20220101T000000Z", "2022-01-01", "2023-01-01"),
            ("20201126", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2026-11-26", "2026-11-19"),
            ("20200525", "FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO", "2026-05-25", "2026-05-18"),
            ("20200704", "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=4", "2026-07-04", "2026-07-05"),
            ("20200229", "FREQ=YEARLY", "2024-02-29", "2023-03-01"),
            ("20200229", "FREQ=YEARLY;COUNT=2", "2024-02-29", "2028-02-29"),
        ] {
            let lines = format!("DTSTART;VALUE=DATE:{start}\r\nRRULE:{rule}\r\n");
            assert!(has(&event(&lines), on), "{rule} {on}");
            assert!(!has(&event(&lines), off), "{rule} {off}");
        }
        let lines = "DTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=YEARLY\r\nEXDATE;VALUE=DATE:20270101\r\n";
        assert!(has(&event(lines), "2026-01-01") && !has(&event(lines), "2027-01-01"));
    }

    #[test]
    fn what_is_not_read_is_told_with_its_line() {
        for (lines, line) in [
            ("DTSTART;VALUE=DATE:20261301\r\n", 6),
            ("DTSTART;VALUE=DATE:tomorrow\r\n", 6),
            ("SUMMARY:x\r\n", 4),
            ("DTSTART;VALUE=DATE:20261224\r\nRRULE:FREQ=MONTHLY\r\n", 7),
            ("DTSTART;VALUE=DATE:20261224\r\nRRULE:FREQ=YEARLY;BYEASTER=0\r\n", 7),
            ("DTSTART;VALUE=DATE:20261224\r\nRRULE:FREQ=YEARLY;BYDAY=MO\r\n", 7),
            ("DTSTART;VALUE=DATE:20261224\r\nRRULE:FREQ=YEARLY;BYMONTH=13\r\n", 7),
            ("DTSTART;VALUE=DATE:20261224\r\nEXRULE:FREQ=YEARLY\r\n", 7),
            ("DTSTART;VALUE=DATE:20261224\r\nRECURRENCE-ID;VALUE=DATE:20261224\r\n", 7),
            ("DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261220\r\n", 4),
            ("DTSTART;VALUE=DATE:20261224\r\nDURATION:P999D\r\n", 4),
        ] {
            assert_eq!(faults(&calendar(&event(lines))), [line], "{lines}");
        }
        assert_eq!(faults("BEGIN:VCARD\r\nEND:VCARD\r\n"), [1]);
        assert_eq!(faults(""), [1]);
        assert_eq!(faults("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"), [2]);
        assert_eq!(faults("BEGIN:VCALENDAR\r\nEND:VEVENT\r\n"), [2]);
        // The days of the outer one would be lost.
        assert_eq!(faults(&calendar(&event(&event("DTSTART;VALUE=DATE:20261224\r\n")))), [6]);
        assert_eq!(faults(&calendar(&event("DTSTART;VALUE=DATE:20261224\r\n"))), [0; 0]);
    }
}
