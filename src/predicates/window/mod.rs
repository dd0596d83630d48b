//! `window`: whether the change comes at a time at which changes are allowed.
//!
//! Only the time at which the gate sees the change counts. The dates in commits are typed by their
//! authors.

pub(crate) mod periods;

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use crate::calendar::{Holiday, Holidays, to_local_time};
use crate::change::{FactKind, Missing, NeededFacts, Stage};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::map_keys::parse_key;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::window::periods::{TimePeriod, describe_periods, read_periods, weekday_template};
use crate::verdict::{Finding, Fixer, Message, MessageTemplate, messages};
use crate::yaml::decode::MapReader;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

messages! {
    QUESTION = "window.question": "it is {parts+, and } ({zone})";
    QUESTION_INSIDE = "window.question-inside": "inside {periods+ or }";
    QUESTION_OUTSIDE = "window.question-outside": "outside {periods+ or }";
    FROZEN = "window.frozen": "it is {weekday}, {date} {time} ({zone}); no changes are allowed from {period}";
    FROZEN_IN = "window.frozen-in": "it is {weekday}, {date} {time} ({zone}); no changes are allowed in {period}";
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
hours that they repeat count twice. `weekdays: weekend` is Saturday and Sunday, and `weekdays: holidays` the holidays \
of the policy, which are those under `holidays` of `people`, and of the calendars that stand there;
- a period at the end of every quarter is `{ last: 5 business days, of: quarter }`, from the first of these days to the \
last day of the quarter; `first` counts from its beginning, days can be plain `days`, and `of` is `month`, `quarter` or \
`year`.",
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

    /// Returns the days of the periods outside and inside of which it holds; `None` for each that comes again.
    pub(crate) fn list_days(&self) -> [Vec<Option<(Date, Date)>>; 2] {
        [&self.outside_periods, &self.inside_periods]
            .map(|periods| periods.iter().map(TimePeriod::list_days).collect())
    }

    /// Adds the times of the day at which a period begins, or the next minute after one ends.
    pub(crate) fn add_edges(&self, times: &mut BTreeSet<Time>) {
        for period in self.outside_periods.iter().chain(&self.inside_periods) {
            period.add_edges(times);
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
                let template = if period.is_edge() { &FROZEN_IN } else { &FROZEN };
                let message = self.time_message(template, &now).with("period", period.describe_period());
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

/// Returns true if some of these periods come again, and leave no time of any week: with the holidays of the policy, and
/// in a week without any.
pub(crate) fn covers_all_times(periods: &YamlNode, holidays: &Holidays) -> bool {
    let periods = read_periods(Some(periods), &mut Vec::new());
    let mut edges = BTreeSet::from([Time::midnight()]);
    for period in &periods {
        period.add_edges(&mut edges);
    }
    let monday = date(2001, 1, 1);
    let mut days: Vec<Date> = Vec::new();
    let mut every_day = Holidays::default();
    for offset in 0..9 {
        let day = monday.saturating_add(Span::new().days(offset));
        every_day.add_holiday(Holiday::Once(day));
        days.push(day);
    }
    let mut assumed = vec![Holidays::default()];
    if *holidays != Holidays::default() {
        assumed.push(every_day);
    }
    // The first day shows what a period of the day before lasts into.
    days.iter().skip(1).take(7).all(|day| {
        edges.iter().all(|time| {
            let Ok(moment) = day.to_datetime(*time).to_zoned(TimeZone::UTC) else { return false };
            assumed.iter().all(|holidays| {
                periods.iter().any(|period| period.comes_again() && period.contains_time(&moment, holidays))
            })
        })
    })
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
    use super::covers_all_times;
    use crate::calendar::{Holiday, Holidays};
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};
    use crate::yaml::read_document;

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
    fn the_end_of_a_quarter_begins_with_the_first_of_its_last_business_days() {
        // 2026-03-31 is a Tuesday, 2027-12-31 a Friday.
        let freeze = "{ last: 3 business days, of: quarter }";
        for (seen_at, expected) in [
            ("2026-03-26T23:59:59Z", false),
            ("2026-03-27T00:00:00Z", true),
            ("2026-03-28T12:00:00Z", true),
            ("2026-03-31T23:59:59Z", true),
            ("2026-04-01T00:00:00Z", false),
            ("2026-02-27T12:00:00Z", false),
            ("2027-12-28T12:00:00Z", false),
            ("2027-12-29T12:00:00Z", true),
        ] {
            assert_eq!(is_in(freeze, "UTC", seen_at), expected, "{seen_at}");
        }
        assert!(is_in("{ last: 3 days, of: month }", "UTC", "2026-02-26T00:00:00Z"));
        assert!(!is_in("{ last: 3 days, of: month }", "UTC", "2026-02-25T00:00:00Z"));
        assert!(is_in("{ first: 1 business day, of: year }", "UTC", "2027-01-01T00:00:00Z"));
        assert!(!is_in("{ first: 1 business day, of: year }", "UTC", "2027-01-02T00:00:00Z"));
        assert!(is_in("{ first: 1 business day, of: month }", "UTC", "2026-11-02T00:00:00Z"));
        assert!(!is_in("{ first: 1 business day, of: month }", "UTC", "2026-11-03T00:00:00Z"));
    }

    #[test]
    fn weekends_and_holidays_come_again() {
        assert!(is_in("{ weekdays: weekend }", "UTC", "2026-11-21T00:00:00Z"));
        assert!(!is_in("{ weekdays: weekend }", "UTC", "2026-11-20T23:59:59Z"));
        let on_holidays = |seen_at: &str| {
            let ask = "ask: { window: { outside: { weekdays: holidays } } }\npeople: { holidays: ['12-25', 2026-11-19] }";
            finding_texts(&answer_example(&format!("{ask}\nchange: {{ at: '{seen_at}' }}")))
        };
        assert_eq!(
            on_holidays("2026-12-25T10:00:00Z"),
            ["it is Friday, 2026-12-25 10:00 (UTC); no changes are allowed from 00:00 to 23:59 on holidays"]
        );
        assert_eq!(on_holidays("2026-11-19T10:00:00Z").len(), 1);
        assert_eq!(on_holidays("2026-11-20T10:00:00Z"), [""; 0]);
        assert_eq!(
            says("{ outside: { last: 1 business day, of: quarter } }", "2026-12-31T10:00:00Z"),
            [
                "it is Thursday, 2026-12-31 10:00 (UTC); no changes are allowed in the last 1 business day of every quarter"
            ]
        );
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
    fn periods_that_leave_no_time_are_known() {
        let covers = |periods: &str, holidays: &Holidays| {
            covers_all_times(&read_document(periods.as_bytes()).unwrap(), holidays)
        };
        let mut some = Holidays::default();
        some.add_holiday(Holiday::parse_holiday("12-25").unwrap());
        for (periods, without, with) in [
            ("{ from: '00:00', until: '23:59' }", true, true),
            ("[{ weekdays: [Mon, Tue, Wed, Thu, Fri, Sat, Sun] }]", true, true),
            ("[{ weekdays: [Sat, Sun] }, { weekdays: business }]", true, false),
            ("[{ weekdays: weekend }, { weekdays: business }, { weekdays: holidays }]", true, true),
            ("[{ from: '08:00', until: '19:59' }, { from: '20:00', until: '07:59' }]", true, true),
            ("[{ from: '08:00', until: '19:59' }, { from: '20:01', until: '07:59' }]", false, false),
            ("[{ from: '08:00', until: '19:59' }, { from: '20:00', until: '07:58' }]", false, false),
            ("[{ weekdays: [Mon, Tue, Wed, Thu, Fri, Sat] }]", false, false),
            ("[{ from: 2026-01-01, until: 2099-12-31 }]", false, false),
            ("[{ first: 31 days, of: month }]", false, false),
        ] {
            assert_eq!(covers(periods, &Holidays::default()), without, "{periods}");
            assert_eq!(covers(periods, &some), with, "{periods}");
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
            "{ outside: { last: 5 business days } }",
            "{ outside: { last: 5h, of: quarter } }",
            "{ outside: { last: 40 days, of: quarter } }",
            "{ outside: { last: 5 days, of: week } }",
            "{ outside: { first: 1 day, last: 5 days, of: month } }",
            "{ inside: [{ weekdays: [Fri] }], zone: '../etc/passwd' }",
            "{ inside: [{ weekdays: [Fri] }], zone: 'Europe Berlin' }",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ window: {question} }}")).len(), 1, "{question}");
        }
    }
}
