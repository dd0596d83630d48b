//! `window`: whether it is a time at which such a change may go in.
//!
//! Only the time at which the change is seen counts. The dates in commits are typed by whoever makes
//! them.

use jiff::Zoned;
use jiff::civil::{Date, Time, Weekday};

use super::{Doc, Known, Reply, Seen};
use crate::calendar::{is_business_day, local, time_of_day, weekday};
use crate::change::{Missing, Need, Needs};
use crate::verdict::{Finding, Line};
use crate::yaml::decode::{Map, day, each, items, one};
use crate::yaml::{Fault, Node, Value, shown};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "window",
    asks: "The change is seen at a time inside the windows, and outside the freezes, that the policy names.",
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
    passes: "
ask: { window: { inside: [{ weekdays: business, from: '08:00', until: '16:59' }], zone: Europe/Berlin } }
change:
  seen-at: 2026-11-20T09:30:00Z
  commits: [{}]
",
    fails: "
ask: { window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }], zone: Europe/Berlin } }
change:
  seen-at: 2026-12-19T23:00:00Z
  commits: [{}]
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    outside: Vec<Period>,
    inside: Vec<Period>,
    zone: Option<String>,
}

/// A time that comes once, or every week.
#[derive(Clone, Debug, PartialEq)]
enum Period {
    Days { from: Date, until: Date },
    Hours { on: Days, from: Time, until: Time },
}

/// The days of a week.
#[derive(Clone, Debug, PartialEq)]
enum Days {
    All,
    Business,
    These(Vec<Weekday>),
}

impl Window {
    pub(super) fn read(node: &Node, _: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let mut map = Map::new(node, faults)?;
        let outside = map.get("outside").map(|node| periods(node, faults)).unwrap_or_default();
        let inside = map.get("inside").map(|node| periods(node, faults)).unwrap_or_default();
        let zone = map.get("zone").and_then(|node| one(node, faults, zone));
        map.finish(faults);
        if before == faults.len() && outside.is_empty() && inside.is_empty() {
            faults.push(Fault::new(node.at, "expected one of inside, outside"));
        }
        (before == faults.len()).then_some(Window { outside, inside, zone })
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.insert(Need::Clock);
    }

    pub(super) fn words(&self) -> String {
        let list = |word: &str, periods: &[Period]| {
            let periods: Vec<_> = periods.iter().map(Period::words).collect();
            (!periods.is_empty()).then(|| format!("{word} {}", periods.join(" or ")))
        };
        let parts = [list("inside", &self.inside), list("outside", &self.outside)];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        format!("it is {} ({})", parts.join(", and "), self.zone())
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let now = local(seen.change.seen_at, self.zone.as_deref())
            .map_err(|why| Missing::Unavailable(Need::Clock, why))?;
        let it_is = || {
            let (date, time) = (now.date(), now.time());
            format!(
                "it is {:?}, {date} {:02}:{:02} ({})",
                date.weekday(),
                time.hour(),
                time.minute(),
                self.zone()
            )
        };
        let mut findings = Vec::new();
        for period in self.outside.iter().filter(|period| period.holds(&now)) {
            findings.push(Finding::new(Line::say(format!("{}, within {}", it_is(), period.words()))));
        }
        if !self.inside.is_empty() && !self.inside.iter().any(|period| period.holds(&now)) {
            let periods: Vec<_> = self.inside.iter().map(Period::words).collect();
            findings.push(Finding::new(Line::say(format!(
                "{}, not within {}",
                it_is(),
                periods.join(" or ")
            ))));
        }
        let later = |finding: Finding| finding.by("whoever pushes, at another time");
        Ok(Reply::from_findings(findings.into_iter().map(later).collect()))
    }

    fn zone(&self) -> &str {
        self.zone.as_deref().unwrap_or("UTC")
    }
}

impl Period {
    fn read(node: &Node, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let mut map = Map::new(node, faults)?;
        let (on, from, until) = (map.get("weekdays"), map.get("from"), map.get("until"));
        let is_time = |node: &Node| matches!(&node.value, Value::Scalar { text, .. } if text.contains(':'));
        let of_hours = on.is_some() || from.or(until).is_some_and(is_time);
        let period = if of_hours {
            let on = on.map_or(Some(Days::All), |node| Days::read(node, faults));
            let mut time = |node: Option<&Node>, otherwise| match node {
                Some(node) => one(node, faults, time_of_day),
                None => Some(otherwise),
            };
            let (from, until) = (time(from, Time::midnight()), time(until, Time::constant(23, 59, 0, 0)));
            on.zip(from.zip(until)).map(|(on, (from, until))| Period::Hours { on, from, until })
        } else {
            let from = map.require("from", faults).and_then(|node| day(node, faults));
            let until = map.require("until", faults).and_then(|node| day(node, faults));
            from.zip(until).map(|(from, until)| Period::Days { from, until })
        };
        if let Some(Period::Days { from, until }) = &period
            && until < from
        {
            faults.push(Fault::new(node.at, "this ends before it begins"));
        }
        map.finish(faults);
        period.filter(|_| before == faults.len())
    }

    fn holds(&self, now: &Zoned) -> bool {
        let today = now.date();
        match self {
            Period::Days { from, until } => *from <= today && today <= *until,
            Period::Hours { on, from, until } => {
                // A minute belongs to a period as a whole.
                let minute = |time: Time| (time.hour(), time.minute());
                let (is_after, is_before) =
                    (minute(*from) <= minute(now.time()), minute(now.time()) <= minute(*until));
                if minute(*from) <= minute(*until) {
                    return on.hold(today) && is_after && is_before;
                }
                let began_yesterday = today.yesterday().is_ok_and(|yesterday| on.hold(yesterday));
                (on.hold(today) && is_after) || (began_yesterday && is_before)
            }
        }
    }

    fn words(&self) -> String {
        match self {
            Period::Days { from, until } => format!("{from} to {until}"),
            Period::Hours { on, from, until } => {
                let on = match on {
                    Days::All => "every day".to_owned(),
                    Days::Business => "on business days".to_owned(),
                    Days::These(days) => {
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

impl Days {
    fn read(node: &Node, faults: &mut Vec<Fault>) -> Option<Self> {
        if matches!(&node.value, Value::Scalar { text, .. } if text == "business") {
            return Some(Days::Business);
        }
        let before = faults.len();
        let days = each(node, faults, weekday);
        (before == faults.len()).then_some(Days::These(days))
    }

    fn hold(&self, day: Date) -> bool {
        match self {
            Days::All => true,
            Days::Business => is_business_day(day),
            Days::These(days) => days.contains(&day.weekday()),
        }
    }
}

fn periods(node: &Node, faults: &mut Vec<Fault>) -> Vec<Period> {
    match &node.value {
        // One period need not stand in a list.
        Value::Map(_) => Period::read(node, faults).into_iter().collect(),
        _ => items(node, faults).iter().filter_map(|item| Period::read(item, faults)).collect(),
    }
}

/// Reads the name of a time zone. Whether there is one of that name is for the machine to say that
/// judges.
fn zone(written: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-+".contains(&byte);
    let usable =
        written.len() <= 64 && written.split('/').all(|part| !part.is_empty() && part.bytes().all(plain));
    if usable {
        Ok(written.to_owned())
    } else {
        Err(format!("expected a time zone such as Europe/Berlin, found `{}`", shown(written)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{example, faults, texts};

    fn says(question: &str, seen_at: &str) -> Vec<String> {
        let change = format!("change: {{ seen-at: '{seen_at}', commits: [{{}}] }}");
        texts(&example(&format!("ask: {{ window: {question} }}\n{change}")))
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
        assert_eq!(texts(&example(&format!("ask: {freeze}\n{change}"))).len(), 1);
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
            assert_eq!(faults(&format!("ask: {{ window: {question} }}")).len(), 1, "{question}");
        }
    }
}
