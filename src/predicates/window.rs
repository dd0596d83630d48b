//! `window`: whether it is a time at which such a change may go in.
//!
//! Only the time at which the change is seen counts. The dates in commits are typed by whoever makes
//! them.

use jiff::Zoned;
use jiff::civil::{Date, Time, Weekday};

use crate::calendar::{is_business_day, parse_time_of_day, parse_weekday, to_local_time};
use crate::change::{FactKind, Missing, NeededFacts};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::{MapReader, parse_each, parse_one, read_day, read_items};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "window",
    summary: "The change is seen at a time inside the windows, and outside the freezes, that the policy names.",
    why: "Before a holiday nobody is there to back a change out. What counts is the clock of whoever judges, never \
          a date in a commit. If that machine does not know the time zone, nobody can tell.",
    parameters: "\
- `outside: [periods]`: it is in none of these;
- `inside: [periods]`: it is in at least one of these;
- `zone: NAME`: whose clocks are meant, as in `Europe/Berlin`; UTC unless said otherwise;
- a period of days is `{ from: 2026-12-20, until: 2027-01-03 }`; both days belong to it, from their first moment to \
their last;
- a period of hours is `{ weekdays: [Fri], from: '15:00', until: '23:59' }`, with `weekdays: business` for Monday \
to Friday; what is left out is every day, `00:00` and `23:59`. Both minutes belong to it, the last one to its end. \
If `until` is before `from`, the period ends on the day after. Hours that the clocks skip are in no period, and \
those that they repeat count twice.",
    passing_example: "
ask: { window: { inside: [{ weekdays: business, from: '08:00', until: '16:59' }], zone: Europe/Berlin } }
change:
  seen-at: 2026-11-20T09:30:00Z
  commits: [{}]
",
    failing_example: "
ask: { window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }], zone: Europe/Berlin } }
change:
  seen-at: 2026-12-19T23:00:00Z
  commits: [{}]
",
};

/// The question.
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

/// The days of a week.
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
        let outside = map.find_key("outside").map(|node| read_periods(node, faults)).unwrap_or_default();
        let inside = map.find_key("inside").map(|node| read_periods(node, faults)).unwrap_or_default();
        let zone = map.find_key("zone").and_then(|node| parse_one(node, faults, parse_zone));
        map.refuse_unknown_keys(faults);
        if before == faults.len() && outside.is_empty() && inside.is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of inside, outside"));
        }
        (before == faults.len()).then_some(WindowPredicate {
            outside_periods: outside,
            inside_periods: inside,
            zone_name: zone,
        })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Clock);
    }

    pub(crate) fn describe(&self) -> String {
        let list = |word: &str, periods: &[TimePeriod]| {
            let periods: Vec<_> = periods.iter().map(TimePeriod::describe_period).collect();
            (!periods.is_empty()).then(|| format!("{word} {}", periods.join(" or ")))
        };
        let parts = [list("inside", &self.inside_periods), list("outside", &self.outside_periods)];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        format!("it is {} ({})", parts.join(", and "), self.zone_or_utc())
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let now = to_local_time(seen.change.seen_at, self.zone_name.as_deref())
            .map_err(|why| Missing::Unavailable(FactKind::Clock, why))?;
        let it_is = || {
            let (date, time) = (now.date(), now.time());
            format!(
                "it is {:?}, {date} {:02}:{:02} ({})",
                date.weekday(),
                time.hour(),
                time.minute(),
                self.zone_or_utc()
            )
        };
        let mut findings = Vec::new();
        for period in self.outside_periods.iter().filter(|period| period.contains_time(&now)) {
            findings.push(Finding::new(Sentence::from_words(format!(
                "{}, within {}",
                it_is(),
                period.describe_period()
            ))));
        }
        if !self.inside_periods.is_empty()
            && !self.inside_periods.iter().any(|period| period.contains_time(&now))
        {
            let periods: Vec<_> = self.inside_periods.iter().map(TimePeriod::describe_period).collect();
            findings.push(Finding::new(Sentence::from_words(format!(
                "{}, not within {}",
                it_is(),
                periods.join(" or ")
            ))));
        }
        let later = |finding: Finding| finding.fixed_by("whoever pushes, at another time");
        Ok(PredicateOutcome::from_findings(findings.into_iter().map(later).collect()))
    }

    fn zone_or_utc(&self) -> &str {
        self.zone_name.as_deref().unwrap_or("UTC")
    }
}

impl TimePeriod {
    fn read_period(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let (on, from, until) = (map.find_key("weekdays"), map.find_key("from"), map.find_key("until"));
        let is_time =
            |node: &YamlNode| matches!(&node.value, YamlValue::Scalar { text, .. } if text.contains(':'));
        let of_hours = on.is_some() || from.or(until).is_some_and(is_time);
        let period = if of_hours {
            let on = on.map_or(Some(WindowDays::All), |node| WindowDays::read_days(node, faults));
            let mut time = |node: Option<&YamlNode>, otherwise| match node {
                Some(node) => parse_one(node, faults, parse_time_of_day),
                None => Some(otherwise),
            };
            let (from, until) = (time(from, Time::midnight()), time(until, Time::constant(23, 59, 0, 0)));
            on.zip(from.zip(until)).map(|(on, (from, until))| TimePeriod::Hours { days: on, from, until })
        } else {
            let from = map.require_key("from", faults).and_then(|node| read_day(node, faults));
            let until = map.require_key("until", faults).and_then(|node| read_day(node, faults));
            from.zip(until).map(|(from, until)| TimePeriod::Dates { from, until })
        };
        if let Some(TimePeriod::Dates { from, until }) = &period
            && until < from
        {
            faults.push(YamlFault::new(node.at, "this ends before it begins"));
        }
        map.refuse_unknown_keys(faults);
        period.filter(|_| before == faults.len())
    }

    fn contains_time(&self, now: &Zoned) -> bool {
        let today = now.date();
        match self {
            TimePeriod::Dates { from, until } => *from <= today && today <= *until,
            TimePeriod::Hours { days: on, from, until } => {
                // A minute belongs to a period as a whole.
                let minute = |time: Time| (time.hour(), time.minute());
                let (is_after, is_before) =
                    (minute(*from) <= minute(now.time()), minute(now.time()) <= minute(*until));
                if minute(*from) <= minute(*until) {
                    return on.contains_day(today) && is_after && is_before;
                }
                let began_yesterday = today.yesterday().is_ok_and(|yesterday| on.contains_day(yesterday));
                (on.contains_day(today) && is_after) || (began_yesterday && is_before)
            }
        }
    }

    fn describe_period(&self) -> String {
        match self {
            TimePeriod::Dates { from, until } => format!("{from} to {until}"),
            TimePeriod::Hours { days: on, from, until } => {
                let on = match on {
                    WindowDays::All => "every day".to_owned(),
                    WindowDays::Business => "on business days".to_owned(),
                    WindowDays::Listed(days) => {
                        let days: Vec<_> = days.iter().map(|day| format!("{day:?}")).collect();
                        format!("on {}", days.join(", "))
                    }
                };
                let (from, until) = (from.strftime("%H:%M"), until.strftime("%H:%M"));
                format!("{from} to {until} {on}")
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

    fn contains_day(&self, day: Date) -> bool {
        match self {
            WindowDays::All => true,
            WindowDays::Business => is_business_day(day),
            WindowDays::Listed(days) => days.contains(&day.weekday()),
        }
    }
}

fn read_periods(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Vec<TimePeriod> {
    match &node.value {
        // One period need not stand in a list.
        YamlValue::Map(_) => TimePeriod::read_period(node, faults).into_iter().collect(),
        _ => {
            read_items(node, faults).iter().filter_map(|item| TimePeriod::read_period(item, faults)).collect()
        }
    }
}

/// Reads the name of a time zone. Whether there is one of that name is for the machine to say that
/// judges.
fn parse_zone(written: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+".contains(&byte);
    let usable =
        written.len() <= 64 && written.split('/').all(|part| !part.is_empty() && part.bytes().all(plain));
    if usable {
        Ok(written.to_owned())
    } else {
        Err(format!("expected a time zone such as Europe/Berlin, found `{}`", shorten_for_message(written)))
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::examples::{answer_example, finding_texts, question_faults};

    fn says(question: &str, seen_at: &str) -> Vec<String> {
        let change = format!("change: {{ seen-at: '{seen_at}', commits: [{{}}] }}");
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
            ["it is Friday, 2026-11-20 15:00 (Europe/Berlin), within 15:00 to 23:59 on Friday"]
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
                    "unknown: what time it is there could not be read: this machine does not know the time zone `Mars/Olympus_Mons`"
                ]
            );
        }
    }

    #[test]
    fn what_a_commit_says_about_time_does_not_matter() {
        let freeze = "{ window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }] } }";
        let change = "change: { seen-at: 2026-12-25T00:00:00Z, commits: [{ message: 'Date: 2026-11-01' }] }";
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
