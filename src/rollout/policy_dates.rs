//! The days on which something of a policy ends.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::gate::LoadedPolicy;
use crate::verdict::RuleLevel;

/// How many years before and after today are searched for the day on which a key stops counting.
const SEARCHED_YEARS: i16 = 10;

/// What ends on a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DateSubject {
    /// The rule only warns until then.
    Warning {
        /// The id of the rule.
        rule: String,
    },
    /// The exemption holds until then.
    Exemption {
        /// The id of the rule that it exempts from.
        rule: String,
        /// Where it stands, as the file and the line.
        place: String,
    },
    /// The standard change counts until then.
    StandardChange {
        /// The id of the entry.
        id: String,
    },
    /// The policy is due for a review by then.
    Review,
    /// The key makes signatures good until then.
    Key {
        /// Where it stands, as the file and the line.
        place: String,
        /// The addresses that it stands for, in one line.
        addresses: String,
    },
    /// The last holiday that is listed by its date.
    Holidays,
}

/// A day on which something of a policy ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyDate {
    /// The last day on which it holds, in UTC.
    pub last_day: Date,
    /// What ends.
    pub subject: DateSubject,
}

impl DateSubject {
    /// Returns the word of a document for programs.
    pub fn code(&self) -> &'static str {
        match self {
            DateSubject::Warning { .. } => "warning",
            DateSubject::Exemption { .. } => "exemption",
            DateSubject::StandardChange { .. } => "standard-change",
            DateSubject::Review => "review",
            DateSubject::Key { .. } => "key",
            DateSubject::Holidays => "holidays",
        }
    }

    /// Returns the id of the rule or of the standard change; `None` if it is about neither.
    pub fn id(&self) -> Option<&str> {
        match self {
            DateSubject::Warning { rule } | DateSubject::Exemption { rule, .. } => Some(rule),
            DateSubject::StandardChange { id } => Some(id),
            DateSubject::Review | DateSubject::Key { .. } | DateSubject::Holidays => None,
        }
    }

    /// Returns where it stands in the files of the policy, if that is known.
    pub fn place(&self) -> Option<&str> {
        match self {
            DateSubject::Exemption { place, .. } | DateSubject::Key { place, .. } => Some(place),
            _ => None,
        }
    }
}

/// Returns the days on which something of a policy ends, the earliest first.
///
/// A day of a rule, an exemption or an entry is the last on which it holds. A key is searched for ten years around
/// `now`.
pub fn list_policy_dates(loaded: &LoadedPolicy, now: Timestamp) -> Vec<PolicyDate> {
    let policy = &loaded.policy;
    let mut dates = Vec::new();
    let mut add = |last_day, subject| dates.push(PolicyDate { last_day, subject });
    for rule in policy.rules.iter().filter(|rule| rule.level == RuleLevel::Warn) {
        if let Some(until) = rule.warn_until {
            add(until, DateSubject::Warning { rule: rule.description.id.to_string() });
        }
    }
    for exemption in &policy.exemptions {
        if let Some(rule) = policy.rules.get(exemption.rule_index) {
            let (rule, place) = (rule.description.id.to_string(), exemption.id.to_string());
            add(exemption.until, DateSubject::Exemption { rule, place });
        }
    }
    for (id, entry) in policy.standard_changes.list_entries() {
        add(entry.review_by, DateSubject::StandardChange { id: id.to_owned() });
    }
    if let Some(day) = policy.review_by {
        add(day, DateSubject::Review);
    }
    if let Some(day) = policy.people.holidays().find_last_dated_day() {
        add(day, DateSubject::Holidays);
    }
    for (place, addresses, last_day) in list_ending_keys(loaded, now) {
        add(last_day, DateSubject::Key { place, addresses });
    }
    dates.sort();
    dates
}

/// Returns the keys that stop counting within the searched years, with the last day on which each counts all day.
fn list_ending_keys(loaded: &LoadedPolicy, now: Timestamp) -> Vec<(String, String, Date)> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let years = i64::from(SEARCHED_YEARS).years();
    let (Ok(first), Ok(last)) = (today.checked_sub(years), today.checked_add(years)) else {
        return Vec::new();
    };
    let find_state = |day: Date| {
        let end = day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).map(|end| end.timestamp());
        end.map(|end| loaded.list_signing_keys(end)).unwrap_or_default()
    };
    let (at_first, at_last) = (find_state(first), find_state(last));
    let mut ending = Vec::new();
    for (index, (key, later)) in at_first.iter().zip(&at_last).enumerate() {
        if key.obstacle.is_some() || later.obstacle.is_none() {
            continue;
        }
        let (mut good, mut bad) = (first, last);
        loop {
            let days = bad.duration_since(good).as_hours() / 24;
            let Ok(middle) = good.checked_add((days / 2).days()) else { break };
            if days < 2 {
                break;
            }
            match find_state(middle).get(index).is_some_and(|key| key.obstacle.is_none()) {
                true => good = middle,
                false => bad = middle,
            }
        }
        let addresses: Vec<String> =
            key.addresses.iter().map(|address| address.to_lossy().into_owned()).collect();
        ending.push((key.place.clone(), addresses.join(", "), good));
    }
    ending
}
