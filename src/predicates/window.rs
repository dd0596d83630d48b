//! `window`: whether the change comes at a time at which changes are allowed.
//!
//! Only the time at which the gate sees the change counts. The dates in commits are typed by their
//! authors.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use jiff::{Span, Zoned};

use crate::calendar::{Holidays, is_business_day, parse_time_of_day, parse_weekday, to_local_time};
use crate::change::{FactKind, Missing, NeededFacts, Stage};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::map_keys::parse_key;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::verdict::{Finding, Fixer, Message, MessageTemplate, messages};
use crate::yaml::decode::{MapReader, parse_each, parse_one, read_day, read_items};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

messages! {
    QUESTION = "window.question": "it is {parts+, and } ({zone})";
    QUESTION_INSIDE = "window.question-inside": "inside {periods+ or }";
    QUESTION_OUTSIDE = "window.question-outside": "outside {periods+ or }";
    PERIOD_OF_DATES = "window.period-of-dates": "{from} to {until}";
    PERIOD_OF_HOURS = "window.period-of-hours": "{from} to {until} {days}";
    EVERY_DAY = "window.every-day": "every day";
    ON_BUSINESS_DAYS = "window.on-business-days": "on business days";
    ON_DAYS = "window.on-days": "on {days}";
    MONDAY = "window.monday": "Monday";
    TUESDAY = "window.tuesday": "Tuesday";
    WEDNESDAY = "window.wednesday": "Wednesday";
    THURSDAY = "window.thursday": "Thursday";
    FRIDAY = "window.friday": "Friday";
    SATURDAY = "window.saturday": "Saturday";
    SUNDAY = "window.sunday": "Sunday";
    FROZEN = "window.frozen": "it is {weekday}, {date} {time} ({zone}); no changes are allowed from {period}";
    CLOSED = "window.closed": "it is {weekday}, {date} {time} ({zone}); changes are allowed only from {periods/or}";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "window",
    summary: "The change is seen at a time inside the windows, and outside the freezes, that the policy names.",
    why: "Before a holiday no one is there to back a change out. The clock of the machine that judges counts, never a \
          date in a commit. If that machine does not know the time zone, the answer is unknown.",
    parameters: "\
- `outside: [periods]`: the time is in none of these;
- `inside: [periods]`: the time is in at least one of these;
- `zone: NAME`: the time zone, as in `Europe/Berlin`; UTC if left out;
- a period of days is `{ from: 2026-12-20, until: 2027-01-03 }`; both days belong to it, from their first moment to \
their last;
- a period of hours is `{ weekdays: [Fri], from: '15:00', until: '23:59' }`, with `weekdays: business` for Monday \
to Friday without the holidays of the policy; the defaults are every day, `00:00` and `23:59`. Both minutes belong to it, the last one to its end. \
If `until` is before `from`, the period ends on the next day. Hours that the clocks skip are in no period, and \
hours that they repeat count twice.",
    passing_example: "
ask: { window: { inside: [{ weekdays: business, from: '08:00', until: '16:59' }], zone: Europe/Berlin } }
change:
  at: 2026-11-20T09:30:00Z
  commits: [{}]
",
    failing_example: "
ask: { window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }], zone: Europe/Berlin } }
change:
  at: 2026-12-19T23:00:00Z
  commits: [{}]
",
};

/// The parameters of `window`.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowPredicate {
    outside_periods: Vec<TimePeriod>,
    inside_periods: Vec<TimePeriod>,
    zone_name: Option<String>,
}

/// A time that comes once, or every week.
#[derive(Clone, Debug, PartialEq)]
enum TimePeriod {
    Dates { from: Date, until: Date },
    Hours { days: WindowDays, from: Time, until: Time },
}

/// The days of the week on which a period starts.
#[derive(Clone, Debug, PartialEq)]
enum WindowDays {
    All,
    Business,
    Listed(Vec<Weekday>),
}

impl WindowPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let window = WindowPredicate {
            outside_periods: read_periods(map.find_key("outside"), faults),
            inside_periods: read_periods(map.find_key("inside"), faults),
            zone_name: parse_key(&mut map, "zone", faults, parse_zone),
        };
        map.refuse_unknown_keys(faults);
        if before == faults.len() && window.outside_periods.is_empty() && window.inside_periods.is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of inside, outside"));
        }
        (before == faults.len()).then_some(window)
    }

    /// Returns the time zone whose clocks count; `None` for UTC.
    pub(crate) fn zone_name(&self) -> Option<&str> {
        self.zone_name.as_deref()
    }

    /// Returns the days of the periods outside and inside of which it holds; `None` for each that comes every week.
    pub(crate) fn list_days(&self) -> [Vec<Option<(Date, Date)>>; 2] {
        let days = |period: &TimePeriod| match period {
            TimePeriod::Dates { from, until } => Some((*from, *until)),
            TimePeriod::Hours { .. } => None,
        };
        [&self.outside_periods, &self.inside_periods].map(|periods| periods.iter().map(days).collect())
    }

    /// Adds the times of the day at which a period begins, or the next minute after one ends.
    pub(crate) fn add_edges(&self, times: &mut BTreeSet<Time>) {
        for period in self.outside_periods.iter().chain(&self.inside_periods) {
            if let TimePeriod::Hours { from, until, .. } = period {
                times.insert(*from);
                times.insert(until.wrapping_add(Span::new().minutes(1)));
            }
        }
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Clock);
    }

    pub(crate) fn describe(&self) -> Message {
        let mut parts = Vec::new();
        for (template, periods) in
            [(&QUESTION_INSIDE, &self.inside_periods), (&QUESTION_OUTSIDE, &self.outside_periods)]
        {
            if !periods.is_empty() {
                parts.push(template.with("periods", describe_periods(periods)));
            }
        }
        QUESTION.with("parts", parts).with("zone", self.zone_or_utc())
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        if context.change.stage == Stage::CommitMsg {
            // A commit that is made during a freeze may be pushed after it.
            return Err(Missing::NotAtThisStage(FactKind::Clock));
        }
        let now = match to_local_time(context.change.seen_at, self.zone_name.as_deref()) {
            Ok(now) => now,
            Err(why) => return Err(Missing::Unavailable(FactKind::Clock, why)),
        };
        let holidays = context.people.holidays();
        let mut findings = Vec::new();
        for period in &self.outside_periods {
            if period.contains_time(&now, holidays) {
                let message = self.time_message(&FROZEN, &now).with("period", period.describe_period());
                findings.push(Finding::new(message).fixed_by(Fixer::Pusher));
            }
        }
        let is_inside = self.inside_periods.iter().any(|period| period.contains_time(&now, holidays));
        if !self.inside_periods.is_empty() && !is_inside {
            let periods = describe_periods(&self.inside_periods);
            let message = self.time_message(&CLOSED, &now).with("periods", periods);
            findings.push(Finding::new(message).fixed_by(Fixer::Pusher));
        }
        Ok(PredicateOutcome::from_findings(findings))
    }

    /// Returns the message with what time it is.
    fn time_message(&self, template: &'static MessageTemplate, now: &Zoned) -> Message {
        let time = now.time();
        template
            .with("weekday", weekday_template(now.weekday()))
            .with("date", now.date().to_string())
            .with("time", format!("{:02}:{:02}", time.hour(), time.minute()))
            .with("zone", self.zone_or_utc())
    }

    fn zone_or_utc(&self) -> &str {
        self.zone_name.as_deref().unwrap_or("UTC")
    }
}

impl TimePeriod {
    fn read_period(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
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

    fn contains_time(&self, now: &Zoned, holidays: &Holidays) -> bool {
        let today = now.date();
        match self {
            TimePeriod::Dates { from, until } => today >= *from && today <= *until,
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
    fn describe_period(&self) -> Message {
        match self {
            TimePeriod::Dates { from, until } => {
                PERIOD_OF_DATES.with("from", from.to_string()).with("until", until.to_string())
            }
            TimePeriod::Hours { days, from, until } => {
                let days = match days {
                    WindowDays::All => Message::from(&EVERY_DAY),
                    WindowDays::Business => Message::from(&ON_BUSINESS_DAYS),
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
}

impl WindowDays {
    fn read_days(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        if matches!(&node.value, YamlValue::Scalar { text, .. } if text == "business") {
            return Some(WindowDays::Business);
        }
        let before = faults.len();
        let days = parse_each(node, faults, parse_weekday);
        (before == faults.len()).then_some(WindowDays::Listed(days))
    }

    fn contains_day(&self, day: Date, holidays: &Holidays) -> bool {
        match self {
            WindowDays::All => true,
            WindowDays::Business => is_business_day(day, holidays),
            WindowDays::Listed(days) => days.contains(&day.weekday()),
        }
    }
}

/// Returns the minute of a time, which belongs to a period as a whole.
fn whole_minute(time: Time) -> (i8, i8) {
    (time.hour(), time.minute())
}

fn weekday_template(day: Weekday) -> &'static MessageTemplate {
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

fn describe_periods(periods: &[TimePeriod]) -> Vec<Message> {
    periods.iter().map(TimePeriod::describe_period).collect()
}

fn read_periods(node: Option<&YamlNode>, faults: &mut Vec<YamlFault>) -> Vec<TimePeriod> {
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

/// Reads the name of a time zone. Whether it exists is known only to the machine that judges.
fn parse_zone(written: &str) -> Result<String, String> {
    if written.len() <= 64 && written.split('/').all(is_zone_part) {
        Ok(written.to_owned())
    } else {
        Err(format!("expected a time zone such as Europe/Berlin, found `{}`", shorten_for_message(written)))
    }
}

fn is_zone_part(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    fn says(question: &str, seen_at: &str) -> Vec<String> {
        let change = format!("change: {{ at: '{seen_at}', commits: [{{}}] }}");
        finding_texts(&answer_example(&format!("ask: {{ window: {question} }}\n{change}")))
    }

    /// Returns whether an instant is in a period, asked both ways.
    fn is_in(period: &str, zone: &str, seen_at: &str) -> bool {
        let inside = says(&format!("{{ inside: [{period}], zone: {zone} }}"), seen_at).is_empty();
        let outside = says(&format!("{{ outside: {period}, zone: {zone} }}"), seen_at).is_empty();
        assert_ne!(inside, outside);
        inside
    }

    #[test]
    fn both_days_belong_to_a_period_on_the_clocks_of_its_zone() {
        let freeze = "{ from: 2026-12-20, until: 2027-01-03 }";
        for (seen_at, expected) in [
            ("2026-12-19T22:59:59Z", false),
            ("2026-12-19T23:00:00Z", true),
            ("2027-01-03T22:59:59.999Z", true),
            ("2027-01-03T23:00:00Z", false),
        ] {
            assert_eq!(is_in(freeze, "Europe/Berlin", seen_at), expected, "{seen_at}");
        }
        assert!(!is_in(freeze, "UTC", "2026-12-19T23:00:00Z"));
    }

    #[test]
    fn both_minutes_belong_to_a_period_of_hours() {
        // 2026-11-20 is a Friday.
        let friday = "{ weekdays: [Fri], from: '15:00', until: '17:59' }";
        for (seen_at, expected) in [
            ("2026-11-20T14:59:59.999Z", false),
            ("2026-11-20T15:00:00Z", true),
            ("2026-11-20T17:59:59.999Z", true),
            ("2026-11-20T18:00:00Z", false),
            ("2026-11-19T16:00:00Z", false),
        ] {
            assert_eq!(is_in(friday, "UTC", seen_at), expected, "{seen_at}");
        }
        assert!(is_in("{ weekdays: [Fri] }", "UTC", "2026-11-20T23:59:59.999Z"));
        assert!(!is_in("{ weekdays: [Fri] }", "UTC", "2026-11-21T00:00:00Z"));
    }

    #[test]
    fn a_period_may_last_into_the_next_day() {
        let night = "{ weekdays: [Fri], from: '22:00', until: '05:59' }";
        for (seen_at, expected) in [
            ("2026-11-20T05:00:00Z", false),
            ("2026-11-20T21:59:59Z", false),
            ("2026-11-20T22:00:00Z", true),
            ("2026-11-21T05:59:59Z", true),
            ("2026-11-21T06:00:00Z", false),
            ("2026-11-21T22:00:00Z", false),
        ] {
            assert_eq!(is_in(night, "UTC", seen_at), expected, "{seen_at}");
        }
    }

    #[test]
    fn business_days_are_those_of_the_zone() {
        let hours = "{ weekdays: business }";
        assert!(is_in(hours, "UTC", "2026-11-20T23:30:00Z"));
        assert!(!is_in(hours, "Europe/Berlin", "2026-11-20T23:30:00Z"));
        assert!(is_in(hours, "Europe/Berlin", "2026-11-22T23:00:00Z"));
    }

    #[test]
    fn hours_are_those_of_the_clock_when_it_is_put_forward_and_back() {
        // Berlin skips 02:00 to 03:00 on 2026-03-29 and repeats it on 2026-10-25.
        let night = "{ from: '02:00', until: '02:59' }";
        for (seen_at, expected) in [
            ("2026-03-29T00:59:59Z", false),
            ("2026-03-29T01:00:00Z", false),
            ("2026-10-24T23:59:59Z", false),
            ("2026-10-25T00:00:00Z", true),
            ("2026-10-25T01:59:59Z", true),
            ("2026-10-25T02:00:00Z", false),
        ] {
            assert_eq!(is_in(night, "Europe/Berlin", seen_at), expected, "{seen_at}");
        }
    }

    #[test]
    fn a_finding_tells_the_time_and_the_period() {
        assert_eq!(
            says(
                "{ outside: [{ weekdays: [Fri], from: '15:00' }], zone: Europe/Berlin }",
                "2026-11-20T14:00:00Z"
            ),
            [
                "it is Friday, 2026-11-20 15:00 (Europe/Berlin); no changes are allowed from 15:00 to 23:59 on Friday"
            ]
        );
    }

    #[test]
    fn a_zone_that_this_machine_does_not_know_leaves_it_open() {
        for ask in ["outside", "inside"] {
            let found = says(
                &format!("{{ {ask}: [{{ weekdays: [Fri] }}], zone: Mars/Olympus_Mons }}"),
                "2026-11-20T14:00:00Z",
            );
            assert_eq!(
                found,
                [
                    "unknown: the time in the time zone of the policy could not be read: this machine does not know the time zone `Mars/Olympus_Mons`"
                ]
            );
        }
    }

    #[test]
    fn what_a_commit_says_about_time_does_not_matter() {
        let freeze = "{ window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }] } }";
        let change = "change: { at: 2026-12-25T00:00:00Z, commits: [{ message: 'Date: 2026-11-01' }] }";
        assert_eq!(finding_texts(&answer_example(&format!("ask: {freeze}\n{change}"))).len(), 1);
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for question in [
            "{}",
            "{ zone: UTC }",
            "{ outside: [] }",
            "{ outside: [{ from: 2026-12-20 }] }",
            "{ outside: [{ from: 2027-01-03, until: 2026-12-20 }] }",
            "{ outside: [{ from: '15:00', until: 2026-12-20 }] }",
            "{ outside: [{ weekdays: [Friday] }] }",
            "{ outside: [{ weekdays: [Fri], from: '24:00' }] }",
            "{ inside: [{ weekdays: [Fri] }], zone: '../etc/passwd' }",
            "{ inside: [{ weekdays: [Fri] }], zone: 'Europe Berlin' }",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ window: {question} }}")).len(), 1, "{question}");
        }
    }
}
